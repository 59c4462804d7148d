"""Journeys, policies and scenarios, loaded from files and validated before simulation."""

import re
from collections.abc import Iterable, Mapping
from typing import Any, Self

from cjsim.scenario.journey import JourneySpec
from cjsim.scenario.policy import PolicySpec
from cjsim.scenario.spec import ScenarioSpec
from cjsim.validate.document_checks import journey_faults, policy_faults, scenario_faults
from cjsim.yaml.paths import Fault

_FIRST_KEY = re.compile(r"[.\[]")


class Journey(JourneySpec):
    """A model of customer behavior: stages, events, waiting times and effects.

    `cjsim explain journey` describes every field.
    """

    def faults(self) -> Iterable[Fault]:
        """Yield errors that involve several parts of the journey but not the policy."""
        return journey_faults(self)


class Policy(PolicySpec):
    """The actions of the firm. A policy can use only what a firm can observe, never traits or personas.

    `cjsim explain policy` describes every field.
    """

    def faults(self) -> Iterable[Fault]:
        """Yield errors that involve several parts of the policy but not the journey."""
        return policy_faults(self)


class Scenario(ScenarioSpec):
    """A journey under a policy, with a population and a horizon.

    `cjsim explain scenario` describes every field.
    """

    journey: Journey
    policy: Policy

    def with_values(self, values: Mapping[str, Any], *, location: str = "with_values") -> Self:
        """Return a copy with some values changed. With existing customers, changes to the policy take effect on day 0.

        Parameters
        ----------
        values : mapping
            New values by key path.
        location : str
            Origin of the values in error messages.

        Returns
        -------
        Self
            A new, validated record.

        Raises
        ------
        InputError
            If a path does not exist, or the new record is invalid.
        """
        if self.existing is not None and self.existing.policy is None and isinstance(values, Mapping):
            changed = {_FIRST_KEY.split(str(path))[0].strip() for path in values}
            if "policy" in changed and "existing" not in changed:
                values = {**values, "existing.policy": self.policy.to_dict()}
        return super().with_values(values, location=location)

    def faults(self) -> Iterable[Fault]:
        """Yield errors that involve the journey, the policy and the population together."""
        return scenario_faults(self)

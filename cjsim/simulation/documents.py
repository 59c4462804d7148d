"""Journeys, policies and scenarios, loaded from files and validated before simulation."""

from collections.abc import Iterable

from cjsim.scenario.journey import JourneySpec
from cjsim.scenario.policy import PolicySpec
from cjsim.scenario.spec import ScenarioSpec
from cjsim.validate.document_checks import journey_faults, policy_faults, scenario_faults
from cjsim.yaml.paths import Fault


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

    def faults(self) -> Iterable[Fault]:
        """Yield errors that involve the journey, the policy and the population together."""
        return scenario_faults(self)

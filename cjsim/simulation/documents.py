"""Journeys, policies and scenarios as users load them: read from files, and checked as a whole before anything is simulated."""

from collections.abc import Iterable

from cjsim.scenario.journey import JourneySpec
from cjsim.scenario.policy import PolicySpec
from cjsim.scenario.spec import ScenarioSpec
from cjsim.validate.document_checks import journey_faults, policy_faults, scenario_faults
from cjsim.yaml.paths import Fault


class Journey(JourneySpec):
    """How customers behave: what can happen to them where, when, and what it does.

    See docs/model.md for the meaning of every field.
    """

    def faults(self) -> Iterable[Fault]:
        """Yield what is wrong across the parts of the journey, whatever the policy."""
        return journey_faults(self)


class Policy(PolicySpec):
    """What the firm does. It sees what a firm can see, never a trait or a persona."""

    def faults(self) -> Iterable[Fault]:
        """Yield what is wrong across the parts of the policy, whatever the journey."""
        return policy_faults(self)


class Scenario(ScenarioSpec):
    """A journey under a policy, with a population and a horizon."""

    journey: Journey
    policy: Policy

    def faults(self) -> Iterable[Fault]:
        """Yield what is wrong across journey, policy and population."""
        return scenario_faults(self)

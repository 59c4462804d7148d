"""`RehearsedScenarios`: the scenarios of a rehearsal, and what is measured in them."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from cjsim.rehearsal.mixed_policy import mixed_scenario
from cjsim.rehearsal.scenario_outcomes import TestedOutcomes
from cjsim.simulation.documents import Scenario
from cjsim.simulation.run import Run
from cjsim.simulation.simulate import simulate

OutcomesByName = Mapping[str, Mapping[tuple[str, float], TestedOutcomes]]  # by alternative; then by metric and days


@dataclass(frozen=True)
class RehearsedScenarios:
    """A baseline and its alternatives.

    Attributes
    ----------
    base : Scenario
        The baseline.
    alternatives : Mapping of str to Scenario
        Alternatives by name.
    metrics : sequence of str
        Names of metrics.
    days : sequence of float
        Numbers of days during which outcomes are counted; inf: until the horizon.
    since_day : int or None
        Day on which customers who were under the baseline switch, counted from the start; None: the alternative applies from entry.
    """

    base: Scenario
    alternatives: Mapping[str, Scenario]
    metrics: Sequence[str]
    days: Sequence[float]
    since_day: int | None = None

    @property
    def longest_days(self) -> float:
        """Largest finite number of days; 0 if there is none."""
        return max((window for window in self.days if window < math.inf), default=0.0)

    def switched(self) -> dict[str, Scenario]:
        """Return the scenarios in which all customers are under an alternative, from entry or starting on the day of the switch.

        Returns
        -------
        dict of str to Scenario

        Raises
        ------
        InputError
            If customers switch, and the two policies cannot be combined.
        """
        if self.since_day is None:
            return dict(self.alternatives)
        return {name: mixed_scenario(self.base, one, share=1.0, since_day=self.since_day) for name, one in self.alternatives.items()}


def simulate_until(scenario: Scenario, day: float, *, seed: int | None = None) -> Run:
    """Simulate a scenario until a day, or until its horizon if that is earlier.

    Parameters
    ----------
    scenario : Scenario
        The scenario.
    day : float
        Days since the start; inf: until the horizon.
    seed : int, optional
        Overrides the seed of the scenario.

    Returns
    -------
    Run
    """
    shortened = scenario if day >= scenario.horizon else scenario.with_values({"horizon": f"{day:.12g}d"})
    return simulate(shortened, seed=seed, replications=1)

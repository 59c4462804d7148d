"""Outcomes of customers who share nothing, each simulated under both policies (mode 'reuse')."""

import math
from collections.abc import Mapping, Sequence

import numpy as np

from cjsim.errors import InputError, format_error
from cjsim.progress import Progress
from cjsim.rehearsal.mixed_policy import mixed_scenario
from cjsim.rehearsal.potential_outcomes import PotentialOutcomes
from cjsim.rehearsal.scenario_outcomes import TestedOutcomes, outcomes_of_runs, terms_since, with_trigger
from cjsim.simulation.documents import Scenario
from cjsim.simulation.run import Run
from cjsim.simulation.simulate import simulate

OutcomesByName = Mapping[str, Mapping[tuple[str, float], TestedOutcomes]]


def outcomes_from_entry(
    base: Scenario,
    alternatives: Mapping[str, Scenario],
    *,
    metrics: Sequence[str],
    days: Sequence[float],
    trigger: str | None,
    progress: Progress,
) -> OutcomesByName:
    """Return the outcomes of tests in which the alternative applies from entry, and outcomes are counted from entry.

    Parameters
    ----------
    base : Scenario
        The baseline.
    alternatives : Mapping of str to Scenario
        Alternatives by name.
    metrics : sequence of str
        Names of metrics.
    days : sequence of float
        Days of follow-up after entry; inf: until the horizon.
    trigger : str, optional
        Event at whose first occurrence customers enroll.
    progress : Progress
        Receives progress updates, counted in simulations.

    Returns
    -------
    Mapping of str to Mapping of tuple to TestedOutcomes
        By alternative; then by metric and days.

    Raises
    ------
    InputError
        If customers would be followed beyond the horizon, the populations differ, or the trigger differs between the policies.
    """
    found: dict[str, dict[tuple[str, float], TestedOutcomes]] = {name: {} for name in alternatives}
    longest = max((window for window in days if window < math.inf), default=0.0)
    _require_follow_up_within_horizon(base, longest)
    if trigger is not None:
        base, alternatives = with_trigger(base, trigger), {name: with_trigger(one, trigger) for name, one in alternatives.items()}
    for window in days:
        limit = None if window == math.inf else window
        baseline = simulate(base, follow_up_days=limit)
        _require_follow_up_within_horizon(base, longest, run=baseline)
        progress.advance(1)
        for name, scenario in alternatives.items():
            run = simulate(scenario, follow_up_days=limit)
            progress.advance(1)
            for metric in metrics:
                outcomes = outcomes_of_runs(baseline, run, metric, trigger=trigger, latest_entry=base.horizon - longest)
                found[name][metric, window] = TestedOutcomes.of_independent_customers(outcomes)
    return found


def outcomes_from_day(
    base: Scenario, alternatives: Mapping[str, Scenario], *, metrics: Sequence[str], days: Sequence[float], day: int, progress: Progress
) -> OutcomesByName:
    """Return the outcomes of tests in which customers who were simulated under the baseline switch to the alternative on a day.

    Parameters
    ----------
    base : Scenario
        The baseline.
    alternatives : Mapping of str to Scenario
        Alternatives by name.
    metrics : sequence of str
        Names of metrics.
    days : sequence of float
        Numbers of days after the switch during which outcomes are counted; inf: until the horizon.
    day : int
        Day of the switch, counted from the start.
    progress : Progress
        Receives progress updates, counted in simulations.

    Returns
    -------
    Mapping of str to Mapping of tuple to TestedOutcomes
        By alternative; then by metric and days. The outcomes before the switch are the covariates.

    Raises
    ------
    InputError
        If the two policies cannot be combined.
    """
    found: dict[str, dict[tuple[str, float], TestedOutcomes]] = {name: {} for name in alternatives}
    switched = {name: mixed_scenario(base, one, share=1.0, since_day=day) for name, one in alternatives.items()}
    before = simulate_until(base, day)
    for window in days:
        baseline = simulate_until(base, day + window)
        progress.advance(1)
        for name, scenario in switched.items():
            run = simulate_until(scenario, day + window)
            progress.advance(1)
            for metric in metrics:
                terms, pre_period = terms_since(before, baseline, metric)
                other, _ = terms_since(before, run, metric)
                covariate = pre_period if np.ptp(pre_period) > 0 else None
                found[name][metric, window] = TestedOutcomes.of_independent_customers(PotentialOutcomes(terms, other, covariate))
    return found


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
    return simulate(shortened, seed=seed)


def _require_follow_up_within_horizon(scenario: Scenario, days: float, *, run: Run | None = None) -> None:
    """Raise if an initial customer enters too late to be observed for the given number of days."""
    if run is None:
        latest = 0.0 if scenario.entry.file else scenario.entry.over
    else:
        entered = run.outcomes.customers["entered"][: run.registry.n_initial]
        latest = float(entered.max(initial=0.0, where=run.entered[: run.registry.n_initial]))
    if latest + days > scenario.horizon:
        if latest:
            must = f"must be above 0 and end within the horizon, {scenario.horizon:g} days, for customers who enter until day {latest:g}"
        else:
            must = f"must be above 0 and at most the horizon, {scenario.horizon:g} days"
        longest = f"{max(scenario.horizon - latest, 0):g}"
        raise InputError(format_error("days", must, f"{days:g}", f"Use at most {longest}, or a longer horizon."))

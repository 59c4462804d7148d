"""Outcomes of customers who share nothing, each simulated under both policies (mode 'reuse'), counted from entry or from a date."""

import math

import numpy as np

from cjsim.errors import InputError, format_error
from cjsim.progress import Progress
from cjsim.rehearsal.potential_outcomes import PotentialOutcomes
from cjsim.rehearsal.rehearsed_scenarios import OutcomesByName, RehearsedScenarios, simulate_until
from cjsim.rehearsal.scenario_outcomes import TestedOutcomes, outcomes_of_runs, terms_since
from cjsim.simulation.documents import Scenario
from cjsim.simulation.run import Run
from cjsim.simulation.simulate import simulate


def outcomes_from_entry(tested: RehearsedScenarios, *, progress: Progress, leaves_out_late: bool = False) -> OutcomesByName:
    """Return the outcomes of tests in which the alternative applies from entry, and outcomes are counted from entry.

    Parameters
    ----------
    tested : RehearsedScenarios
        Scenarios, metrics and days of follow-up after entry. Arrivals who enter too late for the largest number of days are left out.
    progress : Progress
        Receives progress updates, counted in simulations.
    leaves_out_late : bool
        Whether to leave out initial customers who enter too late, instead of raising an error.

    Returns
    -------
    Mapping of str to Mapping of tuple to TestedOutcomes

    Raises
    ------
    InputError
        If initial customers enter too late, or the populations differ.
    """
    found: dict[str, dict[tuple[str, float], TestedOutcomes]] = {name: {} for name in tested.alternatives}
    base, longest = tested.base, tested.longest_days
    if not leaves_out_late:
        _require_follow_up_within_horizon(base, longest)
    for window in tested.days:
        limit = None if window == math.inf else window
        baseline = simulate(base, follow_up_days=limit, replications=1)
        if not leaves_out_late:
            _require_follow_up_within_horizon(base, longest, run=baseline)
        progress.advance(1)
        for name, scenario in tested.alternatives.items():
            run = simulate(scenario, follow_up_days=limit, replications=1)
            progress.advance(1)
            for metric in tested.metrics:
                outcomes = outcomes_of_runs(baseline, run, metric, latest_entry=base.horizon - longest)
                found[name][metric, window] = TestedOutcomes.of_independent_customers(outcomes)
    return found


def outcomes_from_day(tested: RehearsedScenarios, day: int, *, progress: Progress) -> OutcomesByName:
    """Return the outcomes of tests in which customers who were simulated under the baseline switch to the alternative on a day.

    Parameters
    ----------
    tested : RehearsedScenarios
        Scenarios, metrics and numbers of days after the switch.
    day : int
        Day of the switch, counted from the start.
    progress : Progress
        Receives progress updates, counted in simulations.

    Returns
    -------
    Mapping of str to Mapping of tuple to TestedOutcomes
        The outcomes before the switch are the covariates.

    Raises
    ------
    InputError
        If the two policies cannot be combined.
    """
    found: dict[str, dict[tuple[str, float], TestedOutcomes]] = {name: {} for name in tested.alternatives}
    switched = tested.switched()
    before = simulate_until(tested.base, day)
    for window in tested.days:
        baseline = simulate_until(tested.base, day + window)
        progress.advance(1)
        for name, scenario in switched.items():
            run = simulate_until(scenario, day + window)
            progress.advance(1)
            for metric in tested.metrics:
                terms, pre_period = terms_since(before, baseline, metric)
                other, _ = terms_since(before, run, metric)
                outcomes = PotentialOutcomes(terms, other, pre_period if np.ptp(pre_period) > 0 else None)
                found[name][metric, window] = TestedOutcomes.of_independent_customers(outcomes)
    return found


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

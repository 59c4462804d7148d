"""Outcomes of tests with a trigger: customers enroll at the first occurrence of an event, and outcomes are counted from there.

Under each policy, each customer is simulated twice, up to the trigger and up to a given number of days after it. The first result is
subtracted from the second, so nothing before the trigger counts.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import NamedTuple

import numpy as np

from cjsim.errors import InputError, format_error, unknown_name_parts
from cjsim.frame import Array
from cjsim.progress import Progress
from cjsim.rehearsal.paired_outcomes import outcomes_from_day, outcomes_from_entry
from cjsim.rehearsal.potential_outcomes import PotentialOutcomes
from cjsim.rehearsal.rehearsed_scenarios import OutcomesByName, RehearsedScenarios, simulate_until
from cjsim.rehearsal.scenario_outcomes import TestedOutcomes, TriggeredEnrollment, metric_terms, require_same_entries, terms_since
from cjsim.simulation.documents import Scenario
from cjsim.simulation.run import Run
from cjsim.simulation.simulate import simulate

_MOMENT = "rehearsal_trigger"
_MAX_OCCURRENCES = 1000  # limit of `nth` in a moment


class _Triggers(NamedTuple):
    """When customers reach the trigger, and who enrolls."""

    days: Array  # (n_customers,): days since the start; nan if never
    is_tested: Array  # (n_customers,) bool: could enroll
    is_enrolled: Array  # (n_customers,) bool; only customers who entered
    opens_on: int  # first day on which customers can enroll, since the start

    @property
    def shares(self) -> TriggeredEnrollment:
        """Shares of the customers who could enroll."""
        reached = ~np.isnan(self.days[self.is_tested])
        return TriggeredEnrollment(float(reached.mean()), float((reached & ~self.is_enrolled[self.is_tested]).mean()))

    def until(self, window: float) -> Array:
        """Return the day on which each customer's simulation ends: `window` days after the trigger, or at entry for those not enrolled."""
        return np.where(self.is_enrolled, self.days + window, 0.0)


def outcomes_from_trigger(tested: RehearsedScenarios, trigger: str, *, progress: Progress) -> OutcomesByName:
    """Return the outcomes of tests in which customers enroll at a trigger.

    A customer enrolls at the first occurrence of the event after entry or, if customers switch to the alternative, on or after the day of
    the switch; in that case, only customers who entered before that day enroll. Customers who reach the trigger too late to be observed for
    the largest number of days do not enroll.

    Parameters
    ----------
    tested : RehearsedScenarios
        Scenarios, metrics and numbers of days after the trigger.
    trigger : str
        Name of an event.
    progress : Progress
        Receives progress updates, counted in simulations; see `count_of_simulations`.

    Returns
    -------
    Mapping of str to Mapping of tuple to TestedOutcomes
        The outcomes before the trigger are the covariates.

    Raises
    ------
    InputError
        If there is no such event, nobody enrolls, a customer reaches the trigger at different times under the two policies, or outcomes
        differ before the trigger or among customers who never reach it.
    """
    marked, switched = _with_occurrences(tested, trigger), tested.switched()
    full = simulate(marked.base, replications=1)
    progress.advance(1)
    triggers = _find_triggers(full, tested)
    until_trigger = np.where(np.isnan(triggers.days), tested.base.horizon, triggers.days)
    before = simulate(tested.base, until_days=until_trigger)
    progress.advance(1)
    found: dict[str, dict[tuple[str, float], TestedOutcomes]] = {}
    for name, scenario in marked.switched().items():
        run = simulate(scenario, replications=1)
        _require_same_trigger(full, run, triggers, trigger, tested.since_day)
        _require_some_enrolled(triggers, trigger, tested.longest_days)
        _require_equal_before(before, simulate(switched[name], until_days=until_trigger), triggers, trigger, tested.metrics)
        progress.advance(2)
        found[name] = {(metric, math.inf): _tested(before, full, run, metric, triggers) for metric in tested.metrics}
    windows = [window for window in tested.days if window < math.inf]
    for window in windows:
        baseline = simulate(tested.base, until_days=triggers.until(window))
        progress.advance(1)
        for name, scenario in switched.items():
            run = simulate(scenario, until_days=triggers.until(window))
            progress.advance(1)
            found[name] |= {(metric, window): _tested(before, baseline, run, metric, triggers) for metric in tested.metrics}
    return _with_everyone(found, replace(tested, days=windows), progress)


def count_of_simulations(tested: RehearsedScenarios) -> int:
    """Return the number of simulations of `outcomes_from_trigger` that are reported as progress.

    Parameters
    ----------
    tested : RehearsedScenarios
        Scenarios and numbers of days, including inf.

    Returns
    -------
    int
    """
    return 2 * len(tested.days) * (1 + len(tested.alternatives))


def _with_occurrences(tested: RehearsedScenarios, event: str) -> RehearsedScenarios:
    """Return scenarios that record the first occurrences of an event, including the first one on or after the day of the switch."""
    if event not in tested.base.journey.events:
        raise InputError(format_error("trigger", *unknown_name_parts(event, tested.base.journey.events, "event")))
    if not tested.base.journey.events[event].observed:
        must = "must be an event that the firm observes"
        raise InputError(format_error("trigger", must, f"'{event}', which is hidden", "Choose an observed event."))
    count = 1 if tested.since_day is None else 1 + _most_occurrences_before(tested.base, event, tested.since_day)
    alternatives = {name: _recording(one, event, count) for name, one in tested.alternatives.items()}
    return replace(tested, base=_recording(tested.base, event, count), alternatives=alternatives)


def _most_occurrences_before(base: Scenario, event: str, day: int) -> int:
    """Return the largest number of occurrences that a customer has before a day."""
    count = 10
    while (most := _most_occurrences(simulate_until(_recording(base, event, count), day))) == count:
        count *= 10
    return most


def _recording(scenario: Scenario, event: str, count: int) -> Scenario:
    """Return a scenario whose moments include the first `count` occurrences of an event."""
    if count > _MAX_OCCURRENCES:
        must = f"must occur fewer than {_MAX_OCCURRENCES:,} times before the date of the switch"
        raise InputError(format_error("trigger", must, f"'{event}', which occurs more often", "Choose another event or an earlier date."))
    moments = {f"{_MOMENT}_{nth}": {"event": event, "nth": nth} for nth in range(1, count + 1)}
    return scenario.with_values({"journey.moments": scenario.journey.to_dict().get("moments", {}) | moments})


def _occurrences(run: Run) -> Array:
    """Return when each customer has the event; float64, shape (n_customers, n_recorded), days since the start; nan if it does not occur."""
    return np.asarray(run.outcomes.moments[:, [name.startswith(f"{_MOMENT}_") for name in run.codebook.moments]])


def _most_occurrences(run: Run) -> int:
    return int((~np.isnan(_occurrences(run))).sum(axis=1).max(initial=0))


def _trigger_days(run: Run, since_day: int | None) -> Array:
    """Return when each customer first has the event on or after a day; float64, shape (n_customers,), nan if never."""
    days = _occurrences(run)
    first = np.min(days, axis=1, initial=math.inf, where=days >= (0 if since_day is None else since_day))
    return np.where(np.isinf(first), math.nan, first)


def _find_triggers(full: Run, tested: RehearsedScenarios) -> _Triggers:
    """Find the triggers in a run until the horizon."""
    days = _trigger_days(full, tested.since_day)
    is_tested = full.entered if tested.since_day is None else full.outcomes.customers["entered"] < tested.since_day
    is_enrolled = is_tested & (days + tested.longest_days <= full.provenance.horizon)
    return _Triggers(days, is_tested, is_enrolled, tested.since_day or 0)


def _require_same_trigger(base: Run, other: Run, triggers: _Triggers, trigger: str, since_day: int | None) -> None:
    """Raise if a customer reaches the trigger at different times under the two policies."""
    require_same_entries(base, other)
    days, others = triggers.days[triggers.is_tested], _trigger_days(other, since_day)[triggers.is_tested]
    if (share := float(np.mean(~((days == others) | (np.isnan(days) & np.isnan(others)))))) > 0:
        must = "must be reached at the same time under both policies"
        got = f"{100 * share:.2f} % of customers for whom it differs"
        raise InputError(format_error(f"trigger '{trigger}'", must, got, "Choose an event before the policies differ."))


def _require_some_enrolled(triggers: _Triggers, trigger: str, days: float) -> None:
    """Raise if fewer than two customers enroll."""
    if triggers.is_enrolled.sum() < 2:
        must = f"must be reached by some customers at least {days:g} days before the horizon"
        got = f"{100 * triggers.shares.reached:.2f} % of customers who reach it, none of them early enough"
        raise InputError(format_error(f"trigger '{trigger}'", must, got, "Choose another event, fewer days or a longer horizon."))


def _require_equal_before(base: Run, other: Run, triggers: _Triggers, trigger: str, metrics: Sequence[str]) -> None:
    """Raise if outcomes differ before the trigger, or among customers who never reach it."""
    for metric in metrics:
        terms, others = (metric_terms(run, metric, triggers.is_tested) for run in (base, other))
        differs = (terms.numerator != others.numerator) | (terms.denominator != others.denominator)
        if (share := float(differs.mean())) > 0:
            must = f"must be reached before the policies affect '{metric}', by every customer whom they affect"
            got = f"{100 * share:.2f} % of customers whom they affect before the trigger or without it"
            raise InputError(format_error(f"trigger '{trigger}'", must, got, "Choose an earlier event, or omit the trigger."))


def _tested(before: Run, base: Run, alternative: Run, metric: str, triggers: _Triggers) -> TestedOutcomes:
    """Return the outcomes between the trigger and the ends of two runs, for the customers who enroll."""
    is_chosen = triggers.is_enrolled[before.entered]
    (terms, pre_period), (others, _) = (terms_since(before, run, metric) for run in (base, alternative))
    covariate, days = pre_period[is_chosen], triggers.days[triggers.is_enrolled] - triggers.opens_on
    known = covariate if np.ptp(covariate) > 0 else None
    outcomes = PotentialOutcomes(terms.subset(is_chosen), others.subset(is_chosen), known, enrollment_days=days)
    return TestedOutcomes.of_independent_customers(outcomes, triggers.shares)


def _with_everyone(
    found: Mapping[str, dict[tuple[str, float], TestedOutcomes]], tested: RehearsedScenarios, progress: Progress
) -> OutcomesByName:
    """Add the outcomes of the same tests without the trigger, in which all customers enroll at entry or on the day of the switch."""
    if tested.since_day is None:
        everyone = outcomes_from_entry(tested, progress=progress, leaves_out_late=True)
    else:
        everyone = outcomes_from_day(tested, tested.since_day, progress=progress)
    for name, by_key in everyone.items():
        for key, outcomes in by_key.items():
            enrollment = found[name][key].enrollment
            assert enrollment is not None
            found[name][key] = found[name][key]._replace(enrollment=enrollment._replace(everyone=outcomes.populations))
    return found

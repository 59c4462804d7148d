"""Outcomes of the customers of simulated scenarios, from which tests are drawn, and what customers share."""

import math
from typing import NamedTuple

import numpy as np

from cjsim.compiler.compile_scenario import compile_scenario
from cjsim.errors import InputError, format_error, unknown_name_parts
from cjsim.frame import Array
from cjsim.kernels.codes import EffectCode
from cjsim.metrics.catalog import find_metric_definition
from cjsim.metrics.paired_differences import PairedDifference
from cjsim.metrics.ratios import RatioTerms
from cjsim.rehearsal.customer_resampling import ArmPopulations
from cjsim.rehearsal.potential_outcomes import PotentialOutcomes
from cjsim.simulation.documents import Scenario
from cjsim.simulation.run import Run

TRIGGER_MOMENT = "rehearsal_trigger"
_STATES = ("satisfaction", "pressure", "churn", "repeat_purchase_rate")  # states of a customer on the last day, not counts over a period


class Interference(NamedTuple):
    """How far a test with mixed assignment misses the true effect, because customers in different arms share something.

    Attributes
    ----------
    bias : float
        Mean difference between arms in mixed assignment, minus the true effect, in the unit of the metric.
    low, high : float
        Ends of the 95 % t interval of the bias over replications.
    runs : int
        Number of replications.
    """

    bias: float
    low: float
    high: float
    runs: int


class TestedOutcomes(NamedTuple):
    """The outcomes from which tests of one alternative are drawn, for one metric and number of days.

    Attributes
    ----------
    populations : ArmPopulations
        Units of each arm; with a trigger, only those who reached it.
    truth : PairedDifference
        The metric under both policies and the true effect: all customers under one policy minus all under the other.
    trigger_share : float
        Share of enrolled customers who reach the trigger.
    interference : Interference or None
        Bias of mixed assignment; None if customers share nothing.
    """

    populations: ArmPopulations
    truth: PairedDifference
    trigger_share: float = 1.0
    interference: Interference | None = None

    @classmethod
    def of_independent_customers(cls, outcomes: PotentialOutcomes) -> "TestedOutcomes":
        """Create the outcomes of customers whose outcomes under both policies are known."""
        return cls(ArmPopulations.from_outcomes(outcomes.triggered_only()), outcomes.truth, outcomes.trigger_share)


def shared_resources(scenario: Scenario) -> list[str]:
    """Return what customers share, through which those in one arm of a test affect those in the other.

    Parameters
    ----------
    scenario : Scenario
        The scenario.

    Returns
    -------
    list of str
        A subset of 'desks', 'send budgets' and 'referrals'; empty if the outcomes of a customer do not depend on the policy of others.
    """
    effects = compile_scenario(scenario.checked()).world.effects["op"]
    reasons = {
        "desks": bool(scenario.journey.desks),
        "send budgets": bool(scenario.policy.guardrails.budgets),
        "referrals": bool((effects == EffectCode.REFER).any()),
    }
    return [reason for reason, is_present in reasons.items() if is_present]


def with_trigger(scenario: Scenario, event: str) -> Scenario:
    """Return a scenario that records when each customer first has an event.

    Parameters
    ----------
    scenario : Scenario
        The scenario.
    event : str
        Name of the event.

    Returns
    -------
    Scenario

    Raises
    ------
    InputError
        If there is no such event.
    """
    if event not in scenario.journey.events:
        raise InputError(format_error("trigger", *unknown_name_parts(event, scenario.journey.events, "event")))
    moments = scenario.journey.to_dict().get("moments", {})
    return scenario.with_values({"journey.moments": {**moments, TRIGGER_MOMENT: event}})


def outcomes_of_runs(
    base: Run, alternative: Run, metric: str, *, trigger: str | None = None, latest_entry: float = math.inf
) -> PotentialOutcomes:
    """Return the outcomes of the same customers in two runs.

    Parameters
    ----------
    base, alternative : Run
        Runs with the same customers.
    metric : str
        Name of a metric: a mean per customer or a ratio.
    trigger : str, optional
        Name of the event that triggers the enrollment, for error messages. The scenarios are those of `with_trigger`.
    latest_entry : float
        Customers who enter after this time, in days since the start, are left out.

    Returns
    -------
    PotentialOutcomes
        Outcomes of the customers who entered.

    Raises
    ------
    InputError
        If the runs have different customers, the metric does not exist or is a total, or a customer reaches the trigger at different times
        under the two policies.
    """
    if not np.array_equal(base.keys, alternative.keys) or not np.array_equal(base.entered, alternative.entered):
        raise InputError(format_error("rehearsal", "must have the same customers under both policies", "others", "Use equal settings."))
    enrolled = base.entered & (base.outcomes.customers["entered"] <= latest_entry)
    triggered = None if trigger is None else _triggered(base, alternative, trigger, enrolled)
    return PotentialOutcomes(metric_terms(base, metric, enrolled), metric_terms(alternative, metric, enrolled), triggered=triggered)


def metric_terms(run: Run, metric: str, chosen: Array) -> RatioTerms:
    """Return the terms of a metric for some customers, with allocated costs included in the numerators.

    Parameters
    ----------
    run : Run
        The run.
    metric : str
        Name of the metric.
    chosen : ndarray of bool or int64
        Mask or rows of the customers.

    Returns
    -------
    RatioTerms

    Raises
    ------
    InputError
        If the metric does not exist, is a total, or has allocated costs in its denominator.
    """
    terms = find_metric_definition(run, metric).terms(run)
    if terms.is_total or terms.denominator_cost_weight:
        got = "a total" if terms.is_total else "a metric with allocated costs"
        remedy = "Choose a mean per customer, such as 'clv'."
        raise InputError(format_error("metric", "must be a mean or a ratio over the customers of a test", f"'{metric}', {got}", remedy))
    return RatioTerms(terms.numerator_with_cost[chosen], terms.denominator[chosen])


def terms_since(before: Run, run: Run, metric: str) -> tuple[RatioTerms, Array]:
    """Return the terms of a metric from one day to another, for customers who entered before the first day.

    Counts and sums of money are subtracted; states, such as satisfaction, are taken on the last day.

    Parameters
    ----------
    before : Run
        Run until the first day.
    run : Run
        Run with the same customers until the last day.
    metric : str
        Name of the metric.

    Returns
    -------
    terms : RatioTerms
        One row per customer of `before` who entered, in its order. A mean per customer has the denominator 1.
    pre_period : ndarray of float64, shape (n_customers,)
        Numerators until the first day.
    """
    enrolled = np.flatnonzero(before.entered)
    order = np.argsort(run.keys)
    rows = order[np.searchsorted(run.keys, before.keys[enrolled], sorter=order)]
    first, last = metric_terms(before, metric, enrolled), metric_terms(run, metric, rows)
    pre_period = np.asarray(first.numerator, np.float64)
    if metric in _STATES:
        return last, pre_period
    numerator = last.numerator.astype(np.float64) - pre_period
    if (last.denominator == 1).all():
        return RatioTerms(numerator, last.denominator), pre_period
    return RatioTerms(numerator, last.denominator.astype(np.float64) - first.denominator), pre_period


def _triggered(base: Run, alternative: Run, trigger: str, enrolled: Array) -> Array:
    """Return whether each enrolled customer reached the trigger; bool, shape (n_enrolled,)."""
    column = base.codebook.moments.index(TRIGGER_MOMENT)
    times = [run.outcomes.moments[enrolled, column] for run in (base, alternative)]
    differs = ~((times[0] == times[1]) | (np.isnan(times[0]) & np.isnan(times[1])))
    if differs.any():
        must = "must be reached at the same time under both policies"
        got = f"{100 * float(differs.mean()):.2f} % of customers for whom it differs"
        raise InputError(format_error(f"trigger '{trigger}'", must, got, "Choose an event before the policies differ."))
    return np.asarray(~np.isnan(times[0]))

"""Outcomes of the customers of simulated scenarios, from which tests are drawn, and what customers share."""

import math
from typing import NamedTuple

import numpy as np

from cjsim.compiler.compile_scenario import compile_scenario
from cjsim.engine.sync_points import brings_friends, uses_budgets, uses_desks
from cjsim.errors import InputError, format_error
from cjsim.frame import Array
from cjsim.metrics.catalog import find_metric_definition
from cjsim.metrics.paired_differences import PairedDifference
from cjsim.metrics.ratios import RatioTerms
from cjsim.rehearsal.customer_resampling import ArmPopulations
from cjsim.rehearsal.effect_estimates import EffectDeviations, jackknife_deviations
from cjsim.rehearsal.potential_outcomes import PotentialOutcomes
from cjsim.simulation.documents import Scenario
from cjsim.simulation.run import Run

_STATES = ("satisfaction", "pressure", "churn", "repeat_purchase_rate")  # states of a customer on the last day, not counts over a period


class Interference(NamedTuple):
    """Bias of a test with mixed assignment, which arises because customers in different arms share something.

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


class TriggeredEnrollment(NamedTuple):
    """Who enrolls in a test with a trigger.

    Attributes
    ----------
    reached : float
        Share of customers who reach the trigger.
    late : float
        Share of customers who reach it too late to be observed for the largest number of days. They do not enroll.
    everyone : ArmPopulations or None
        Units of each arm of the same test without the trigger, in which all customers enroll; None until the horizon.
    """

    reached: float
    late: float
    everyone: ArmPopulations | None = None


class TestedOutcomes(NamedTuple):
    """The outcomes from which tests of one alternative are drawn, for one metric and number of days.

    Attributes
    ----------
    populations : ArmPopulations
        Units of each arm: the customers who enroll.
    truth : PairedDifference
        The metric under both policies and the true effect on those who enroll: all under one policy minus all under the other.
    enrollment : TriggeredEnrollment or None
        Who enrolls; None without a trigger.
    interference : Interference or None
        Bias of mixed assignment; None if customers share nothing.
    replicates : EffectDeviations or None
        Deviations of the effects between replications of mixed assignment; None if customers share nothing.
    """

    populations: ArmPopulations
    truth: PairedDifference
    enrollment: TriggeredEnrollment | None = None
    interference: Interference | None = None
    replicates: EffectDeviations | None = None

    @property
    def deviations(self) -> EffectDeviations:
        """Deviations that show how the effects would vary with other simulated customers."""
        return self.replicates or jackknife_deviations(self.populations)

    @classmethod
    def of_independent_customers(cls, outcomes: PotentialOutcomes, enrollment: TriggeredEnrollment | None = None) -> "TestedOutcomes":
        """Create the outcomes of customers whose outcomes under both policies are known."""
        return cls(ArmPopulations.from_outcomes(outcomes), outcomes.truth, enrollment)


def shared_resources(scenario: Scenario) -> list[str]:
    """Return the resources through which customers in one arm of a test affect customers in the other.

    Parameters
    ----------
    scenario : Scenario
        The scenario.

    Returns
    -------
    list of str
        A subset of 'desks', 'send budgets' and 'referrals'; empty if the outcomes of a customer do not depend on the policy of others.
        Resources that are declared but not used, such as a desk without requests or a referral with `joins: 0`, are not included.
    """
    plan = compile_scenario(scenario.checked())
    reasons = {
        "desks": uses_desks(plan.world) or any(desk.wages for desk in plan.desks),
        "send budgets": uses_budgets(plan.world),
        "referrals": brings_friends(plan.world),
    }
    return [reason for reason, is_present in reasons.items() if is_present]


def outcomes_of_runs(base: Run, alternative: Run, metric: str, *, latest_entry: float = math.inf) -> PotentialOutcomes:
    """Return the outcomes of the same customers in two runs.

    Parameters
    ----------
    base, alternative : Run
        Runs with the same customers.
    metric : str
        Name of a metric: a mean per customer or a ratio.
    latest_entry : float
        Customers who enter after this time, in days since the start, are left out.

    Returns
    -------
    PotentialOutcomes
        Outcomes of the customers who entered, who enroll at entry.

    Raises
    ------
    InputError
        If the runs have different customers, or the metric does not exist or is a total.
    """
    require_same_entries(base, alternative)
    enrolled = base.entered & (base.outcomes.customers["entered"] <= latest_entry)
    terms, others = (metric_terms(run, metric, enrolled) for run in (base, alternative))
    return PotentialOutcomes(terms, others, enrollment_days=base.outcomes.customers["entered"][enrolled])


def require_same_entries(base: Run, alternative: Run) -> None:
    """Raise if different customers enter in two runs.

    Parameters
    ----------
    base, alternative : Run
        The runs.

    Raises
    ------
    InputError
        If the customers or their entries differ.
    """
    if not np.array_equal(base.keys, alternative.keys) or not np.array_equal(base.entered, alternative.entered):
        raise InputError(format_error("rehearsal", "must have the same customers under both policies", "others", "Use equal settings."))


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

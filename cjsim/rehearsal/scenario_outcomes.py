"""Potential outcomes of simulated customers, for tests in which the alternative applies from entry.

Each customer is simulated under both policies. This shows what a mixed test would show only if customers share nothing: no desks, no
budgets of sends, and no referrals. Otherwise, customers in one arm affect those in the other.
"""

from collections.abc import Callable

import numpy as np

from cjsim.compiler.compile_scenario import compile_scenario
from cjsim.errors import InputError, format_error, unknown_name_parts
from cjsim.frame import Array
from cjsim.kernels.codes import EffectCode
from cjsim.metrics.catalog import find_metric_definition
from cjsim.metrics.ratios import RatioTerms
from cjsim.rehearsal.potential_outcomes import PotentialOutcomes
from cjsim.simulation.documents import Scenario
from cjsim.simulation.run import Run
from cjsim.simulation.simulate import simulate

FollowUp = Callable[[Scenario, float], Run]


def simulate_follow_up(scenario: Scenario, days: float) -> Run:
    """Simulate customers for a number of days after their entry.

    Parameters
    ----------
    scenario : Scenario
        The scenario. It must let all customers enter at the start, or `days` must be its horizon.
    days : float
        Days for which each customer is observed, at most the horizon.

    Returns
    -------
    Run

    Raises
    ------
    InputError
        If the days are out of range, or customers enter at different times and the days are not the horizon.
    """
    if days == scenario.horizon:
        return simulate(scenario)
    if not 0 < days <= scenario.horizon:
        must = f"must be above 0 and at most the horizon, {scenario.horizon:g} days"
        raise InputError(format_error("days", must, f"{days:g}", "Use fewer days, or a longer horizon."))
    if scenario.entry.over or scenario.entry.file:
        must = "must be the horizon if customers enter at different times"
        raise InputError(format_error("days", must, f"{days:g}", f"Use {scenario.horizon:g}, or let all customers enter on day 0."))
    return simulate(scenario.with_values({"horizon": f"{days}d"}))


def require_independent_customers(scenario: Scenario) -> None:
    """Raise if customers of a scenario share resources, so that the outcomes of one depend on the policy of others.

    Parameters
    ----------
    scenario : Scenario
        The scenario.

    Raises
    ------
    InputError
        If customers share desks or budgets, can refer others, or arrive through paid acquisition.
    """
    effects = compile_scenario(scenario.checked()).world.effects["op"]
    reasons = {
        "desks": bool(scenario.journey.desks),
        "budgets of sends": bool(scenario.policy.guardrails.budgets),
        "referrals": bool((effects == EffectCode.REFER).any()),
        "acquisition channels": bool(scenario.journey.acquisition),
    }
    if shared := [reason for reason, is_present in reasons.items() if is_present]:
        must = "must have customers who share nothing, because each is simulated under both policies (mode 'reuse')"
        remedy = "Customers in one arm of a test would affect those in the other. Remove what they share."
        raise InputError(format_error(f"scenario '{scenario.name}'", must, " and ".join(shared), remedy))


def outcomes_of_runs(base: Run, alternative: Run, metric: str, *, trigger: str | None = None) -> PotentialOutcomes:
    """Return the outcomes of the same customers in two runs.

    Parameters
    ----------
    base, alternative : Run
        Runs with the same customers.
    metric : str
        Name of a metric: a mean per customer or a ratio.
    trigger : str, optional
        Name of a moment of the journey. Only customers who reach it are analyzed.

    Returns
    -------
    PotentialOutcomes
        Only of customers who entered.

    Raises
    ------
    InputError
        If the runs have different customers, the metric or the moment does not exist, the metric is a total, or customers reach the moment
        under one of the policies only.
    """
    if not np.array_equal(base.keys, alternative.keys) or not np.array_equal(base.entered, alternative.entered):
        raise InputError(format_error("rehearsal", "must have the same customers under both policies", "others", "Use equal settings."))
    entered = base.entered
    triggered = None if trigger is None else _reached(base, alternative, trigger)[entered]
    return PotentialOutcomes(_terms_of(base, metric, entered), _terms_of(alternative, metric, entered), triggered=triggered)


def _terms_of(run: Run, metric: str, entered: Array) -> RatioTerms:
    """Return the terms of the customers who entered, with allocated costs as part of the numerators."""
    terms = find_metric_definition(run, metric).terms(run)
    if terms.denominator_cost_weight:
        return terms  # refused, because costs in a denominator do not belong to customers
    return RatioTerms(terms.numerator_with_cost[entered], terms.denominator[entered], is_total=terms.is_total)


def _reached(base: Run, alternative: Run, trigger: str) -> Array:
    """Return whether each customer reached a moment; bool, shape (n_customers,)."""
    moments = base.codebook.moments
    if trigger not in moments:
        raise InputError(format_error("trigger", *unknown_name_parts(trigger, moments, "moment")))
    times = [run.outcomes.moments[:, run.codebook.moments.index(trigger)] for run in (base, alternative)]
    differs = ~((times[0] == times[1]) | (np.isnan(times[0]) & np.isnan(times[1])))
    if differs.any():
        must = "must be reached at the same time under both policies"
        got = f"{float(differs[base.entered].mean()):.2%} of customers for whom it differs"
        raise InputError(format_error(f"trigger '{trigger}'", must, got, "Choose an event before the policies differ."))
    return np.asarray(~np.isnan(times[0]))

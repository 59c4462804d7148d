"""`rehearse`: run an A/B test thousands of times on simulated customers, and report how each design of the test behaves."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType

from cjsim.errors import InputError, format_error
from cjsim.metrics.catalog import find_metric_definition
from cjsim.metrics.paired_differences import PairedDifference
from cjsim.rehearsal.customer_resampling import ArmPopulations
from cjsim.rehearsal.design_choice import smallest_adequate_design
from cjsim.rehearsal.effect_estimates import outcome_deviations
from cjsim.rehearsal.multiple_metrics import rehearse_metrics
from cjsim.rehearsal.operating_characteristics import DesignReport, rehearse_design
from cjsim.rehearsal.potential_outcomes import PotentialOutcomes
from cjsim.rehearsal.profit_maximizing_size import ProfitModel, SizedTest
from cjsim.rehearsal.rehearsal_result import AlternativeReport, GuardrailDesign, Rehearsal
from cjsim.rehearsal.rehearsal_settings import RehearsalSettings, Rollout
from cjsim.rehearsal.scenario_outcomes import FollowUp, outcomes_of_runs, require_independent_customers, simulate_follow_up
from cjsim.simulation.comparison import require_same_customers
from cjsim.simulation.documents import Scenario

MONEY_UNIT = "money"


def rehearse(
    base: Scenario,
    alternatives: Mapping[str, Scenario],
    *,
    metric: str,
    sizes: Sequence[int],
    days: Sequence[float],
    share: float = 0.5,
    settings: RehearsalSettings | None = None,
    follow_up: FollowUp = simulate_follow_up,
) -> Rehearsal:
    """Rehearse tests of alternatives against a baseline.

    All customers of the baseline are simulated under each policy. A rehearsal draws `size` of them, gives each one policy from entry on,
    and analyzes their outcomes `days` after entry. Decisions are judged by the effect over the horizon of the scenarios.

    Parameters
    ----------
    base : Scenario
        The baseline.
    alternatives : Mapping of str to Scenario
        Alternatives by name, with the same customers, start and horizon.
    metric : str
        Name of a metric: a mean per customer such as 'clv', or a ratio such as 'open_rate'.
    sizes : sequence of int
        Numbers of customers in both arms together.
    days : sequence of float
        Numbers of days for which each customer is observed.
    share : float
        Share of customers under the alternative, in (0, 1).
    settings : RehearsalSettings, optional
        Number of rehearsals, seed, analyses, target power, rollout and guardrails. By default, a rollout concerns as many customers as the
        baseline has, and a unit of the metric is worth 1 if it is money.
    follow_up : callable
        Simulates a scenario for a number of days after each customer's entry, and returns a `Run`.

    Returns
    -------
    Rehearsal

    Raises
    ------
    InputError
        If customers share resources, the scenarios have different customers, the metric does not exist or is a total, an argument is out of
        range, or a scenario cannot be simulated.

    Examples
    --------
    >>> from cjsim.simulation.documents import Scenario
    >>> def shop(wait):
    ...     order = {"in": ["active"], "wait": {"exponential": wait}, "effects": [{"purchase": {"value": 10}}]}
    ...     journey = {"name": "shop", "starts_in": "active", "stages": {"active": {}}, "events": {"order": order}}
    ...     settings = {"start": "2026-01-05", "horizon": "30d", "customers": 2000}
    ...     return Scenario.from_dict({"name": "shop", "journey": journey, "policy": {"name": "none"}, **settings})
    >>> found = rehearse(shop("10d"), {"sooner": shop("8d")}, metric="revenue", sizes=[100, 400], days=[30])
    >>> found.alternatives["sooner"].recommended.size
    400
    """
    settings = settings or RehearsalSettings()
    for name, values in (("sizes", sizes), ("days", days), ("alternatives", alternatives)):
        if not values:
            raise InputError(format_error(name, "must have at least one value", "none", "Give one or several."))
    require_same_customers({base.name: base, **_other_scenarios(base, alternatives)})
    for scenario in (base, *alternatives.values()):
        require_independent_customers(scenario)
    outcomes: dict[str, dict[tuple[str, float], PotentialOutcomes]] = {name: {} for name in alternatives}
    metrics, unit = dict.fromkeys([metric, *(rail.metric for rail in settings.guardrails)]), ""
    for window in dict.fromkeys([*days, base.horizon]):
        baseline = follow_up(base, window)
        unit = find_metric_definition(baseline, metric).unit
        for name, scenario in alternatives.items():
            run = follow_up(scenario, window)
            found = {(one, window): outcomes_of_runs(baseline, run, one, trigger=settings.trigger) for one in metrics}
            outcomes[name].update(found)
    if settings.rollout is None:
        settings = replace(settings, rollout=Rollout(base.customers, 1.0 if unit == MONEY_UNIT else math.nan))
    reports = {}
    for name, found in outcomes.items():
        truth = found[metric, base.horizon].truth
        reports[name] = rehearse_outcomes(
            lambda *key, found=found: found[key], metric, sizes=sizes, days=days, share=share, settings=settings, truth=truth
        )
    return Rehearsal(base.name, metric, unit, MappingProxyType(reports))


def rehearse_outcomes(
    outcomes_at: Callable[[str, float], PotentialOutcomes],
    metric: str,
    *,
    sizes: Sequence[int],
    days: Sequence[float],
    share: float = 0.5,
    settings: RehearsalSettings | None = None,
    truth: PairedDifference | None = None,
) -> AlternativeReport:
    """Rehearse tests on potential outcomes, and choose among them.

    Parameters
    ----------
    outcomes_at : callable
        Returns the `PotentialOutcomes` of a metric a number of days after entry, given the name of the metric and the days.
    metric : str
        Name of the metric.
    sizes : sequence of int
        Numbers of customers in both arms together.
    days : sequence of float
        Numbers of days for which each customer is observed.
    share : float
        Share of customers under ALTERNATIVE, in (0, 1).
    settings : RehearsalSettings, optional
        Number of rehearsals, seed, analyses, target power, rollout and guardrails.
    truth : PairedDifference, optional
        Effect in the long run, by which decisions are judged. By default, the effect after the most days.

    Returns
    -------
    AlternativeReport

    Raises
    ------
    InputError
        If an argument is out of range, or an analysis needs a covariate and there is none.
    """
    settings = settings or RehearsalSettings()
    truth = truth or outcomes_at(metric, max(days)).truth
    designs: list[DesignReport] = []
    guardrails: list[GuardrailDesign] = []
    for window in days:
        outcomes = outcomes_at(metric, window)
        populations = ArmPopulations.from_outcomes(outcomes.triggered_only())
        for size in sizes:
            designs += rehearse_design(
                populations,
                size=size,
                share=share,
                settings=settings,
                days=window,
                trigger_share=outcomes.trigger_share,
                long_run_effect=truth.effect,
            )
            if settings.guardrails:
                guarded = {
                    rail: ArmPopulations.from_outcomes(outcomes_at(rail.metric, window).triggered_only()) for rail in settings.guardrails
                }
                size_analyzed = round(size * outcomes.trigger_share)
                report = rehearse_metrics(
                    {metric: populations}, size=size_analyzed, guardrails=guarded, correction="none", share=share, settings=settings
                )
                guardrails.append(GuardrailDesign(size, window, report))
    chosen = smallest_adequate_design(designs, power=settings.target_power)
    longest = ArmPopulations.from_outcomes(outcomes_at(metric, max(days)))
    profitable = _most_profitable(longest, truth.effect, share, settings)
    return AlternativeReport(truth, tuple(designs), chosen, profitable, tuple(guardrails))


def _most_profitable(populations: ArmPopulations, effect: float, share: float, settings: RehearsalSettings) -> SizedTest | None:
    """Return the size that maximizes profit at a share, or None if the value of the metric or the spread of effects is unknown."""
    rollout = settings.rollout or Rollout()
    effect_sd = abs(effect) if rollout.effect_sd is None else rollout.effect_sd
    deviations = outcome_deviations(populations)
    if not (rollout.value_per_unit > 0 and effect_sd > 0 and min(deviations) > 0 and rollout.customers >= 4):
        return None
    base_sd, alternative_sd = (rollout.value_per_unit * deviation for deviation in deviations)
    return ProfitModel(rollout.customers, base_sd, alternative_sd, rollout.value_per_unit * effect_sd).best_size(share)


def _other_scenarios(base: Scenario, alternatives: Mapping[str, Scenario]) -> Mapping[str, Scenario]:
    """Return the alternatives, or raise if one has the name of the baseline."""
    if base.name in alternatives:
        must = "must have names that differ from that of the baseline"
        raise InputError(format_error("alternatives", must, f"'{base.name}'", "Use another name."))
    return alternatives

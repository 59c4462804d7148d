"""`rehearse`: run an A/B test thousands of times on simulated customers, and report how each design of the test behaves."""

import math
from collections.abc import Sequence
from types import MappingProxyType

from cjsim.argument_types import checked_arguments
from cjsim.compiler.compile_scenario import compile_scenario
from cjsim.metrics.catalog import all_metric_definitions, find_metric_definition
from cjsim.progress import NoProgress, Progress, progress_task
from cjsim.rehearsal.design_checks import (
    DEFAULT_SHARE,
    require_defined,
    require_enough_enrolled,
    require_known_guardrails,
    require_no_trigger,
    require_possible_designs,
    require_possible_ramp,
    start_day,
)
from cjsim.rehearsal.design_grid import DesignGrid
from cjsim.rehearsal.mixed_outcomes import mixed_outcomes
from cjsim.rehearsal.paired_outcomes import outcomes_from_day, outcomes_from_entry
from cjsim.rehearsal.rehearsal_settings import RehearsalSettings
from cjsim.rehearsal.rehearsed_scenarios import OutcomesByName, RehearsedScenarios
from cjsim.rehearsal.results.rehearsal_result import Rehearsal
from cjsim.rehearsal.scenario_outcomes import shared_resources
from cjsim.rehearsal.triggered_outcomes import count_of_simulations, outcomes_from_trigger
from cjsim.simulation.documents import Scenario
from cjsim.simulation.scenario_sources import ScenarioSource, ScenarioSources, as_scenario, named_scenarios


@checked_arguments
def rehearse(
    base: ScenarioSource,
    alternatives: ScenarioSources,
    *,
    metric: str,
    sizes: Sequence[int],
    days: Sequence[float],
    share: float = DEFAULT_SHARE,
    settings: RehearsalSettings | None = None,
    progress: Progress | None = None,
) -> Rehearsal:
    """Rehearse tests of alternatives against a baseline.

    A rehearsal draws `size` customers, assigns one policy to each of them from entry or from a given date, and analyzes their outcomes in
    the `days` after that. With a trigger, customers enroll at an event, and outcomes are counted from there. Decisions are judged by the
    effect until the horizon.

    Mode 'reuse': customers share nothing, so each is simulated under both policies, and tests resample these pairs. Mode 'joint': customers
    share desks or send budgets, or refer friends, so mixed assignment is simulated, and its bias against the true effect is reported. The
    mode follows from the scenarios.

    Parameters
    ----------
    base : Scenario, str or path
        The baseline, the path of its file, or its name in the library.
    alternatives : Mapping, sequence, Scenario, str or path
        Alternatives with the same customers, start and horizon: one, several, or a mapping of names to them.
    metric : str
        Name of a metric: a mean per customer such as 'clv', or a ratio such as 'open_rate'.
    sizes : sequence of int
        Numbers of customers who enroll in both arms together, at most the number of simulated customers who can enroll. Repeated sizes and
        days count once.
    days : sequence of float
        Numbers of days over which outcomes are counted: after the trigger, after entry, or after the date on which customers switch. In
        mode 'joint' without a date, they are counted from the start of the scenario, and customers who enter later are observed for less
        time.
    share : float
        Share of customers under the alternative, in (0, 1). With a ramp, the settings give it for each phase.
    settings : RehearsalSettings, optional
        Number of rehearsals, seed, analyses, target power, rollout, guardrails, trigger, start date and ramp. By default, a rollout affects
        as many customers as the baseline has (with a trigger, the share of them who reach it), a unit of the metric is worth 1 if it is
        money, and lower is better for costs and opt-outs.
    progress : Progress, optional
        Receives progress updates, such as ProgressBar(), counted in simulations.

    Returns
    -------
    Rehearsal

    Raises
    ------
    InputError
        If the scenarios have different customers or cannot be combined in a mixed test, the metric does not exist or is a total, a metric
        is undefined after the days of a test or until the horizon, a customer reaches the trigger at different times under the two
        policies, the test cannot have a ramp, an argument is out of range, or a scenario cannot be simulated.

    Examples
    --------
    >>> from cjsim import Scenario
    >>> def shop(wait):
    ...     order = {"in": ["active"], "wait": {"exponential": wait}, "effects": [{"purchase": {"value": 10}}]}
    ...     journey = {"name": "shop", "starts_in": "active", "stages": {"active": {}}, "events": {"order": order}}
    ...     settings = {"start": "2026-01-05", "horizon": "30d", "customers": 2000}
    ...     return Scenario.from_dict({"name": "shop", "journey": journey, "policy": {"name": "none"}, **settings})
    >>> found = rehearse(shop("10d"), {"sooner": shop("8d")}, metric="revenue", sizes=[100, 400], days=[30])
    >>> found.alternatives["sooner"].recommended.size
    400
    """
    settings, progress = settings or RehearsalSettings(), progress or NoProgress()
    base, alternatives = as_scenario(base, argument="base"), named_scenarios(alternatives, argument="alternatives")
    require_possible_designs(base, alternatives, sizes=sizes, days=days, share=share)
    plan = compile_scenario(base.checked())
    unit = find_metric_definition(plan, metric).unit
    require_known_guardrails(settings.guardrails, all_metric_definitions(plan.codebook))
    since_day = None if settings.starts_on is None else start_day(base, settings.starts_on, max(days))
    shared = list(dict.fromkeys(reason for one in (base, *alternatives.values()) for reason in shared_resources(one)))
    require_possible_ramp(settings, share, shared)
    metrics = tuple(dict.fromkeys([metric, *(rail.metric for rail in settings.guardrails)]))
    tested = RehearsedScenarios(base, alternatives, metrics, (*dict.fromkeys(days), math.inf), since_day)
    outcomes = _simulate_outcomes(tested, share, settings, shared, progress)
    tested_until_horizon, customers = next(iter(outcomes.values()))[metric, math.inf], float(base.customers)
    if settings.trigger is not None and tested_until_horizon.enrollment is not None:
        require_enough_enrolled(sizes, tested_until_horizon.populations.base.shape[1], settings.trigger)
        customers *= tested_until_horizon.enrollment.reached
    settings = settings.with_rollout(customers=customers, metric=metric, unit=unit)
    grid = DesignGrid(metric, tuple(dict.fromkeys(sizes)), tuple(dict.fromkeys(days)), share, settings)
    for name, found in outcomes.items():
        for (tested_metric, window), one in found.items():
            require_defined(tested_metric, name, window, one.truth.effect, is_guardrail=tested_metric != metric)
    return Rehearsal(
        base=base.name,
        metric=metric,
        unit=unit,
        alternatives=MappingProxyType({name: grid.rehearse(found) for name, found in outcomes.items()}),
        mode="joint" if shared else "reuse",
        shared=tuple(shared),
        trigger=settings.trigger,
        starts_on=settings.starts_on,
        customers=base.customers,
        seed=base.seed,
        replications=settings.replications if shared else 0,
        target_power=settings.target_power,
        latest_entry=_latest_entry(base, days) if not shared and since_day is None else math.inf,
        currency=base.currency,
    )


def _latest_entry(base: Scenario, days: Sequence[float]) -> float:
    """Return the day after which arrivals enter too late to be observed for the largest number of days; inf without arrivals."""
    return base.horizon - max(days) if base.policy.acquisition or base.journey.acquisition else math.inf


def _simulate_outcomes(
    tested: RehearsedScenarios, share: float, settings: RehearsalSettings, shared: Sequence[str], progress: Progress
) -> OutcomesByName:
    """Simulate the outcomes from which tests are drawn."""
    if shared:
        require_no_trigger(settings, shared, (tested.base, *tested.alternatives.values()))
    runs = len(tested.days) * (1 + len(tested.alternatives))
    if shared:
        n_others = len(tested.alternatives)
        runs = settings.replications * (len(tested.days) * (1 + 2 * n_others) - n_others)
    elif settings.trigger is not None:
        runs = count_of_simulations(tested)
    with progress_task(progress, runs, f"simulations of {tested.base.name}"):
        if shared:
            return mixed_outcomes(tested, share=share, replications=settings.replications, progress=progress)
        if settings.trigger is not None:
            return outcomes_from_trigger(tested, settings.trigger, progress=progress)
        if tested.since_day is None:
            return outcomes_from_entry(tested, progress=progress)
        return outcomes_from_day(tested, tested.since_day, progress=progress)

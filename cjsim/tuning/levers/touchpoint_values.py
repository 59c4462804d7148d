"""`touchpoint_values`: the contribution of each flow, broadcast and channel, measured by switching it off for the same customers.

The value of a touchpoint is the metric with it minus the metric without it, everything else being equal. Touchpoints can substitute for or
reinforce one another, so their values need not add up to the value of the policy.
"""

import time
from collections.abc import Sequence

from cjsim.argument_types import checked_arguments
from cjsim.errors import InputError, format_error
from cjsim.metrics.multiple_testing import holm, p_value
from cjsim.metrics.paired_differences import PairedDifference
from cjsim.metrics.run_notes import firm_notes
from cjsim.progress import NoProgress, Progress, progress_task
from cjsim.simulation.scenario_sources import ScenarioSource, as_scenario
from cjsim.simulation.switching.switch_off import Touchpoint, list_touchpoints, switch_off
from cjsim.tuning.levers.paired_runner import PairedRunner, VariantEffect
from cjsim.tuning.levers.touchpoint_ranking import TouchpointRanking, TouchpointValue

RANKED_KINDS = ("flow", "broadcast", "channel")


@checked_arguments
def touchpoint_values(
    scenario: ScenarioSource,
    *,
    metric: str = "clv",
    customers: int | None = None,
    seed: int | None = None,
    only: Sequence[str] = RANKED_KINDS,
    threads: int | None = None,
    progress: Progress | None = None,
) -> TouchpointRanking:
    """Rank the flows, broadcasts and channels of a policy by what each contributes: on versus off, for the same customers.

    Parameters
    ----------
    scenario : Scenario, str or path
        Scenario whose policy sends messages, the path of its file, or its name in the library.
    metric : str
        Name of the metric to rank by. Cost and profit are reported alongside it.
    customers, seed : int, optional
        Override the settings of the scenario.
    only : sequence of str
        Kinds of touchpoints, such as 'flow', or touchpoints, such as 'flow cart'.
    threads : int, optional
        Number of threads; all cores by default.
    progress : Progress, optional
        Receives progress updates, such as ProgressBar(), counted in touchpoints.

    Returns
    -------
    TouchpointRanking

    Raises
    ------
    InputError
        If the policy sends no messages, the metric is unknown or undefined, or a touchpoint does not exist.

    Examples
    --------
    >>> from cjsim import Scenario
    >>> tiny = {
    ...     "name": "tiny", "start": "2026-01-05", "horizon": "28d", "customers": 50,
    ...     "journey": {
    ...         "name": "j", "starts_in": "here", "stages": {"here": {}}, "channels": {"mail": {"cost": 0.1}},
    ...         "messages": {"news": {"channel": "mail", "open_rate": 0.5}},
    ...     },
    ...     "policy": {"name": "p", "broadcasts": {"weekly": {"schedule": {"weekdays": ["monday"], "at": "10:00"}, "send": "news"}}},
    ... }
    >>> weekly = touchpoint_values(Scenario.from_dict(tiny), seed=1, only=["broadcast"]).touchpoints[0]
    >>> weekly.name, round(float(weekly.profit.effect), 6), weekly.loses_money
    ('weekly', -20.0, True)
    """
    started, progress, scenario = time.perf_counter(), progress or NoProgress(), as_scenario(scenario)
    touchpoints = list_touchpoints(scenario, only=only)
    if not touchpoints:
        remedy = "Choose among 'flow', 'broadcast' and 'channel'."
        raise InputError(format_error("only", "must leave at least one touchpoint", "none", remedy))
    runner = PairedRunner(scenario, metric, customers=customers, seed=seed, threads=threads, progress=progress)
    measured: list[tuple[Touchpoint, VariantEffect]] = []
    with progress_task(progress, len(touchpoints), f"touchpoints of {scenario.name}"):
        for touchpoint in touchpoints:
            measured.append((touchpoint, runner.effect_of(switch_off(scenario, touchpoint))))
            progress.advance(1)
    p_values = [p_value(effect.metric_effect) for _, effect in measured]
    values = [
        TouchpointValue(
            touchpoint.kind,
            touchpoint.name,
            _reversed(effect.metric_effect),
            _reversed(effect.cost_effect),
            _reversed(effect.profit_effect),
            has_unreliable_interval=effect.has_unreliable_interval,
            p_value=p,
            is_significant_after_holm=holds,
        )
        for (touchpoint, effect), p, holds in zip(measured, p_values, holm(p_values), strict=True)
    ]
    base = runner.baseline_run.provenance
    return TouchpointRanking(
        scenario=scenario.name,
        metric=metric,
        unit=runner.definition.unit,
        better=runner.definition.better,
        baseline=runner.baseline_value,
        customers=base.customers,
        seed=base.seed,
        has_shared_resources=scenario.has_shared_resources,
        touchpoints=tuple(sorted(values, key=lambda one: one.rank_key(runner.definition.better))),
        seconds=time.perf_counter() - started,
        currency=scenario.currency,
        notes=tuple(firm_notes(runner.baseline_run)),
    )


def _reversed(effect: PairedDifference) -> PairedDifference:
    """Return the effect of switching a touchpoint on, given the effect of switching it off."""
    return PairedDifference(effect.value, effect.baseline, 0.0 - effect.effect, 0.0 - effect.high, 0.0 - effect.low, effect.variance_ratio)

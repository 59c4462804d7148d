"""`cliffs`: what each move between stages contributes to a metric, measured by blocking it for the same customers.

The contribution of a move is the metric with it minus the metric without it. Customers whose move is blocked stay where they are. The other
effects of the event happen, but the event does not happen again in this stage. A cliff is a move at which much is lost.
"""

import time
from collections.abc import Iterator
from types import MappingProxyType

import numpy as np

from cjsim.argument_types import checked_arguments
from cjsim.errors import InputError, format_error
from cjsim.metrics.confidence_intervals import wilson_interval
from cjsim.metrics.multiple_testing import holm, p_value
from cjsim.metrics.run_notes import firm_notes
from cjsim.progress import NoProgress, Progress, progress_task
from cjsim.simulation.documents import Scenario
from cjsim.simulation.run import Run
from cjsim.simulation.sampled.customer_sample import simulate_sample
from cjsim.simulation.scenario_sources import ScenarioSource, as_scenario
from cjsim.simulation.segments.customer_groups import PERSONA, customer_groups
from cjsim.simulation.segments.policy_differences import policy_differences
from cjsim.tuning.cliffs.cliff_data import PersonaValue, Share, TransitionValue
from cjsim.tuning.cliffs.cliff_ranking import CliffRanking
from cjsim.tuning.levers.paired_runner import PairedRunner, VariantEffect
from cjsim.validate.transitions import Transition, list_transitions

_SAMPLE_SIZE = 1000  # customers; moves that none of them makes are not measured


@checked_arguments
def cliffs(
    scenario: ScenarioSource,
    *,
    metric: str = "clv",
    customers: int | None = None,
    seed: int | None = None,
    threads: int | None = None,
    progress: Progress | None = None,
) -> CliffRanking:
    """Rank the moves between stages by what each contributes to a metric, the largest loss first.

    Each move is blocked in turn, for the same customers with the same random numbers. Customers then stay in their stage instead of making
    the move; other effects of the event still happen, but the event does not happen again in that stage. Moves that nobody makes in a
    sample of 1,000 customers are not measured.

    Parameters
    ----------
    scenario : Scenario, str or path
        The scenario, the path of its file, or its name in the library.
    metric : str
        Name of the metric.
    customers, seed : int, optional
        Override the settings of the scenario.
    threads : int, optional
        Number of threads; all cores by default.
    progress : Progress, optional
        Receives progress updates, such as ProgressBar(), counted in moves.

    Returns
    -------
    CliffRanking

    Raises
    ------
    InputError
        If no customer moves between stages, or the metric is unknown or undefined.

    Examples
    --------
    >>> from cjsim import Scenario
    >>> tiny = {
    ...     "name": "tiny", "start": "2026-01-05", "horizon": "28d", "customers": 50,
    ...     "journey": {
    ...         "name": "j", "starts_in": "here", "stages": {"here": {}, "gone": {}},
    ...         "events": {
    ...             "buys": {"in": ["here"], "wait": {"fixed": "10d"}, "effects": [{"purchase": {"value": 10}}]},
    ...             "leaves": {"in": ["here"], "wait": {"fixed": "15d"}, "effects": [{"go": "gone"}]},
    ...         },
    ...     },
    ...     "policy": {"name": "p"},
    ... }
    >>> [cliff] = cliffs(Scenario.from_dict(tiny), metric="revenue").transitions
    >>> str(cliff.transition), float(cliff.metric_value.effect), cliff.share.value
    ('here -> gone', -10.0, 1.0)
    """
    started, progress, scenario = time.perf_counter(), progress or NoProgress(), as_scenario(scenario)
    made = _moves_made(scenario)
    if not made:
        got, remedy = f"none of {_SAMPLE_SIZE:,} customers who moves", "Check the effects `go` of the journey, or lengthen the horizon."
        raise InputError(format_error("scenario", "must have customers who move between stages", got, remedy))
    runner = PairedRunner(scenario, metric, customers=customers, seed=seed, threads=threads, progress=progress)
    found: list[tuple[Transition, VariantEffect, Share | None, dict[str, PersonaValue]]] = []
    failed: dict[str, str] = {}
    with progress_task(progress, len(made), f"moves between stages of {scenario.name}"):
        for transition in made:
            try:
                run = runner.simulate(block(scenario, transition))
            except InputError as error:  # such as an event without a wait, which repeats because only this move would end it
                failed[str(transition)] = error.errors[0]
            else:
                personas = dict(_persona_values(runner.baseline_run, run, metric))
                share = None if scenario.has_shared_resources else _share_of_movers(runner.baseline_run, run)
                found.append((transition, runner.effect_of_run(run), share, personas))
            progress.advance(1)
    p_values = [p_value(effect.metric_effect) for _, effect, _, _ in found]
    values = [
        TransitionValue(
            transition,
            scenario.journey.stages[transition.target].retained,
            effect.metric_effect.reversed(),
            share,
            personas,
            has_unreliable_interval=effect.has_unreliable_interval,
            p_value=p,
            is_significant_after_holm=holds,
        )
        for (transition, effect, share, personas), p, holds in zip(found, p_values, holm(p_values), strict=True)
    ]
    base, definition = runner.baseline_run.provenance, runner.definition
    return CliffRanking(
        scenario=scenario.name,
        metric=metric,
        unit=definition.unit,
        better=definition.better,
        baseline=runner.baseline_value,
        customers=base.customers,
        seed=base.seed,
        has_shared_resources=scenario.has_shared_resources,
        transitions=tuple(sorted(values, key=lambda one: one.rank_key(definition.better))),
        failed=MappingProxyType(failed),
        seconds=time.perf_counter() - started,
        currency=scenario.currency,
        notes=tuple(firm_notes(runner.baseline_run)),
    )


def block(scenario: Scenario, transition: Transition) -> Scenario:
    """Return a scenario in which customers cannot make a move. Everything else stays the same, random numbers included.

    Parameters
    ----------
    scenario : Scenario
        The scenario.
    transition : Transition
        The move.
    """
    blocked = scenario.journey.stages[transition.origin].blocked
    return scenario.with_values({f"journey.stages.{transition.origin}.blocked": [*blocked, transition.target]})


def _moves_made(scenario: Scenario) -> list[Transition]:
    """Return the moves that make a difference to a sample of the customers."""
    sample = simulate_sample(scenario, _SAMPLE_SIZE)
    base, made = sample.to_bytes(), []
    for transition in list_transitions(scenario.journey):
        try:
            is_made = simulate_sample(block(scenario, transition), _SAMPLE_SIZE).to_bytes() != base
        except InputError:
            is_made = True
        if is_made:
            made.append(transition)
    return made


def _share_of_movers(baseline: Run, blocked: Run) -> Share:
    """Return the share of the customers who make the move: those whose time in some stage changes if it is blocked."""
    registry = baseline.registry
    n = min(registry.n_fixed + registry.n_arrived, len(baseline), len(blocked))  # referred customers may differ
    moved = np.any(baseline.outcomes.dwell[:n] != blocked.outcomes.dwell[:n], axis=1)
    share = float(moved.mean())
    return Share(share, *wilson_interval(share, n, share * (1 - share) / n), n)


def _persona_values(baseline: Run, blocked: Run, metric: str) -> Iterator[tuple[str, PersonaValue]]:
    """Yield each persona with what the move contributes to the metric of its customers, if there are several personas."""
    if len(baseline.codebook.personas) < 2:
        return
    groups, others = (customer_groups(run, run.profiles(), PERSONA) for run in (baseline, blocked))
    for name, members in groups.items():
        if members.any() and others[name].any():
            pair = members, others[name]
            [found] = policy_differences(baseline, blocked, members=[pair], metrics=[metric]).values()
            yield name, PersonaValue(found.difference.reversed(), int(np.count_nonzero(members & baseline.entered)))

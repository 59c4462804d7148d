"""`levers`: measure the effect of every lever move of a scenario, and rank the moves.

Each move is paired with the baseline on the same customers. The 95 % intervals are pointwise. Among many moves, some intervals exclude 0 by
chance; `is_significant_after_holm` adjusts for this.
"""

import json
import math
import time
from collections.abc import Mapping, Sequence
from hashlib import sha256
from types import MappingProxyType

from cjsim.argument_types import checked_arguments
from cjsim.errors import InputError, did_you_mean, format_error, short_repr
from cjsim.metrics.multiple_testing import holm, p_value
from cjsim.metrics.run_notes import firm_notes
from cjsim.progress import NoProgress, Progress, progress_task
from cjsim.simulation.documents import Scenario
from cjsim.simulation.scenario_sources import ScenarioSource, ScenarioSources, as_scenario, named_scenarios, require_same_customers
from cjsim.simulation.summary_tables import has_new_customers
from cjsim.tuning.levers.moves import Move, list_moves
from cjsim.tuning.levers.paired_runner import PairedRunner, VariantEffect
from cjsim.tuning.levers.ranking import LeverRanking
from cjsim.tuning.levers.ranking_data import LeverEffect
from cjsim.validate.warnings.free_value_lint import notes_on_sizes

_Request = tuple[Move, Scenario | None]  # a move, and its scenario if that is a separate document


@checked_arguments
def levers(
    scenario: ScenarioSource,
    *,
    metric: str,
    customers: int | None = None,
    seed: int | None = None,
    only: Sequence[str] = ("policy",),
    also: ScenarioSources = (),
    threads: int | None = None,
    progress: Progress | None = None,
) -> LeverRanking:
    """Rank the levers of a scenario by moving each one step up and down, one at a time, on the same customers.

    Parameters
    ----------
    scenario : Scenario, str or path
        Baseline scenario, the path of its file, or its name in the library.
    metric : str
        Name of the metric, such as 'clv'.
    customers, seed : int, optional
        Override the settings of the scenario.
    only : sequence of str
        Paths of levers, or prefixes of paths. `("policy", "journey")` includes the levers of the journey.
    also : Mapping, sequence, Scenario, str or path
        Other scenarios with the same customers: one, several, or a mapping of names to them. Each counts as one move.
    threads : int, optional
        Number of threads; all cores by default.
    progress : Progress, optional
        Receives progress updates, such as ProgressBar(), counted in moves.

    Returns
    -------
    LeverRanking

    Raises
    ------
    InputError
        If the metric is unknown or undefined for the baseline, a path in `only` matches no lever, another scenario has different
        customers or days, or a number is out of range.

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
    >>> ranking = levers(Scenario.from_dict(tiny), metric="contacts", seed=1)
    >>> [(lever.move.title, lever.move.after, float(lever.metric_effect.effect)) for lever in ranking.levers[:2]]
    [('broadcast weekly', 'off', -4.0), ('weekly: weeks between sends', 2, -2.0)]
    """
    started = time.perf_counter()
    progress = progress or NoProgress()
    scenario = as_scenario(scenario)
    requests = _requested_moves(scenario, only, named_scenarios(also, argument="also"), customers)
    runner = PairedRunner(scenario, metric, customers=customers, seed=seed, threads=threads, progress=progress)
    measured, refused = _measure(runner, scenario, requests, progress)
    base = runner.baseline_run.provenance
    return LeverRanking(
        scenario=scenario.name,
        metric=metric,
        unit=runner.definition.unit,
        title=runner.definition.title,
        has_selected_denominator=runner.definition.has_selected_denominator,
        better=runner.definition.better,
        has_new_customers=has_new_customers(runner.baseline_run),
        baseline=runner.baseline_value,
        customers=base.customers,
        seed=base.seed,
        has_shared_resources=scenario.has_shared_resources,
        levers=_rank_effects(measured),
        refusal_reasons=MappingProxyType(refused),
        digest=_request_digest(base.digests["scenario"], metric, base.customers, base.seed, requests),
        seconds=time.perf_counter() - started,
        currency=scenario.currency,
        assumptions=notes_on_sizes((move.path for move, _effect in measured), scenario.to_dict()["journey"]),
        notes=tuple(firm_notes(runner.baseline_run)),
    )


def _measure(
    runner: PairedRunner, scenario: Scenario, requests: Sequence[_Request], progress: Progress
) -> tuple[list[tuple[Move, VariantEffect]], dict[str, str]]:
    """Measure the effect of each move. Also return the reasons for skipped moves, by path and value."""
    measured: list[tuple[Move, VariantEffect]] = []
    refused: dict[str, str] = {}
    with progress_task(progress, len(requests), f"levers of {scenario.name}"):
        for move, other in requests:
            try:
                measured.append((move, runner.effect_of(other or scenario.with_values(move.values))))
            except InputError as error:
                refused[f"{move.path}: {move.after}"] = str(error)
            progress.advance(1)
    return measured, refused


def _requested_moves(scenario: Scenario, only: Sequence[str], also: Mapping[str, Scenario], customers: int | None) -> list[_Request]:
    """List the moves to measure: other scenarios first, then levers in the order of the file."""
    if also:
        require_same_customers({scenario.name: scenario} | dict(also), customers=customers)
    moves = list_moves(scenario, journey=any(_is_at_or_below(prefix, "journey") for prefix in only))
    for prefix in only:
        if prefix not in ("policy", "journey") and not any(_is_at_or_below(move.path, prefix) for move in moves):
            paths = [move.path for move in moves]
            remedy = did_you_mean(prefix, paths) or "Use the start of a path, such as policy.flows."
            raise InputError(format_error("only", "must be the path of a lever, or the start of one", short_repr(prefix), remedy))
    chosen: list[_Request] = [(move, None) for move in moves if any(_is_at_or_below(move.path, prefix) for prefix in only)]
    others = [(Move(name, name, "scenario", scenario.name, name, {}), other) for name, other in also.items()]
    if not chosen and not others:
        remedy = "Include 'journey' in `only`, or give a scenario in `also`."
        raise InputError(format_error("levers", "must have at least one lever", "none", remedy))
    return [*others, *chosen]


def _is_at_or_below(path: str, prefix: str) -> bool:
    """Return whether a path equals a prefix or is below it."""
    return path == prefix or path.startswith((f"{prefix}.", f"{prefix}["))


def _rank_effects(measured: Sequence[tuple[Move, VariantEffect]]) -> tuple[LeverEffect, ...]:
    """Sort effects by size, largest first. Undefined effects come next, and moves that change no customer come last."""
    p_values = [p_value(effect.metric_effect) for _, effect in measured]
    levers = [
        LeverEffect(move, *effect, p, is_significant)
        for (move, effect), p, is_significant in zip(measured, p_values, holm(p_values), strict=True)
    ]

    def order(lever: LeverEffect) -> tuple[bool, bool, float]:
        size = abs(lever.metric_effect.effect)
        return not lever.changes_any_customer, math.isnan(size), -size

    return tuple(sorted(levers, key=order))


def _request_digest(scenario: str, metric: str, customers: int, seed: int, requests: Sequence[_Request]) -> str:
    """Return a digest of the request."""
    moves = [[move.path, dict(move.values), None if other is None else other.digest()] for move, other in requests]
    return sha256(json.dumps([scenario, metric, customers, seed, moves], default=str).encode()).hexdigest()

"""Sobol indices of ranked levers, over the range between their steps.

Levers vary independently and uniformly between their steps: durations on a log scale, integers and switches with equal probabilities. All
points are simulated on the same customers, which makes the metric a function of the levers alone. The intervals reflect the sampling of
points, not of customers.
"""

import json
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from hashlib import sha256
from typing import Any, NamedTuple, TypeVar

import numpy as np

from cjsim.errors import InputError, format_error
from cjsim.progress import Progress, progress_task
from cjsim.scenario.fields import parse_duration, parse_hour
from cjsim.scenario.search_space import Free, Space
from cjsim.scenario.traversal import NEVER_CONDITION
from cjsim.simulation.documents import Scenario
from cjsim.tuning.levers.moves import ALWAYS_CONDITION, Move, model_value_at
from cjsim.tuning.levers.paired_runner import PairedRunner
from cjsim.tuning.levers.ranking_data import RankingData
from cjsim.tuning.levers.sobol_indices import FloatArray, LeverIndices, SobolIndices, estimate_indices, evaluate_saltelli_points
from cjsim.yaml.tree import to_tree

MAX_SOBOL_LEVERS = 6  # default number of levers
_MIN_POINTS = 16
_SPANNABLE_KINDS = ("duration", "hour", "whole", "share", "number", "switch", "rank", "onoff")
_PARSERS: Mapping[str, Callable[[Any], float]] = {"duration": parse_duration, "hour": parse_hour}
_Ranking = TypeVar("_Ranking", bound=RankingData)


def add_sobol_indices(
    ranking: _Ranking,
    scenario: Scenario,
    *,
    points: int = 64,
    max_levers: int | None = MAX_SOBOL_LEVERS,
    threads: int | None = None,
    progress: Progress | None = None,
) -> _Ranking:
    """Add Sobol indices of the ranked levers to a ranking.

    Parameters
    ----------
    ranking : LeverRanking
        The ranking. It determines the metric, the customers and the seed.
    scenario : Scenario
        Scenario of the ranking.
    points : int
        Number of points, a power of 2 and at least 16; fewer give meaningless intervals. Up to `points` * (levers + 2) simulations are
        run.
    max_levers : int, optional
        Maximum number of levers; the largest significant ones are used. None selects all levers that change any customer. Removed
        steps, shares that sum to 1, and other scenarios are excluded, because they have no range.
    threads : int, optional
        Number of threads; all cores by default.
    progress : Progress, optional
        Receives progress updates, counted in points.

    Returns
    -------
    LeverRanking
        Copy of the ranking with `sobol_indices`.

    Raises
    ------
    InputError
        If no lever qualifies, `points` is invalid, or a combination of moves makes the scenario invalid.
    """
    if points < _MIN_POINTS or points & (points - 1):
        raise InputError(format_error("points", f"must be a power of 2, at least {_MIN_POINTS}", f"{points}", "Use 64, for example."))
    spans = _lever_spans(ranking, scenario, max_levers)
    if not spans:
        got, remedy = "none", "Simulate more customers, or select levers with `only`."
        raise InputError(format_error("points", "must have significant levers with a range of values", got, remedy))
    space = Space.from_settings({span.path: span.free for span in spans}, {})
    explicit = Scenario.from_tree(to_tree(scenario, "levers"))  # in long form, every path can be set separately
    runner = PairedRunner(explicit, ranking.metric, customers=ranking.customers, seed=ranking.seed, threads=threads, progress=progress)
    known: dict[str, float] = {}

    def metric_at(unit: FloatArray) -> float:
        """Return the metric at a point of the unit cube. Points with equal values are simulated once."""
        values = space.values(space.at(unit.tolist()))
        key = json.dumps(values, sort_keys=True)
        if key not in known:
            known[key] = runner.metric_of(explicit.with_values(values, location="points"))
        runner.progress.advance(1)
        return known[key]

    with progress_task(runner.progress, points * (len(spans) + 2), f"Sobol indices of {ranking.scenario}"):
        table = evaluate_saltelli_points(metric_at, len(spans), points, seed=ranking.seed)
    digest = sha256(f"{ranking.digest}:sobol:{points}:{max_levers}".encode()).hexdigest()
    deviation = float(np.concatenate([table[0], table[1]]).std())
    indices = SobolIndices(points, len(known), deviation, _sorted_indices(spans, table, ranking.seed))
    return replace(ranking, sobol_indices=indices, digest=digest)


class _LeverSpan(NamedTuple):
    """Range of a lever between its steps. `path` is the path of the value to set."""

    lever: str
    title: str
    path: str
    free: Free
    ends: tuple[Any, Any]


def _sorted_indices(spans: Sequence[_LeverSpan], table: FloatArray, seed: int) -> tuple[LeverIndices, ...]:
    """Return the indices of each lever, largest total index first."""
    indices = [
        LeverIndices(span.lever, span.title, *span.ends, first_order, total_order)
        for span, first_order, total_order in zip(spans, *estimate_indices(table, seed=seed), strict=True)
    ]
    return tuple(sorted(indices, key=lambda index: -index.total_order.value))


def _lever_spans(ranking: RankingData, scenario: Scenario, max_levers: int | None) -> list[_LeverSpan]:
    """Return the range of each selected lever, from its lowest to its highest step."""
    by_path: dict[str, list[Move]] = {}
    for lever in ranking.levers:
        move = lever.move
        is_selected = lever.changes_any_customer if max_levers is None else lever.is_significant_after_holm
        if is_selected and move.kind in _SPANNABLE_KINDS and not move.path.endswith(".share") and len(by_path) < (max_levers or math.inf):
            by_path.setdefault(move.path, [])
    for lever in ranking.levers:
        if lever.move.path in by_path:
            by_path[lever.move.path].append(lever.move)
    return [_make_span(path, moves, scenario) for path, moves in by_path.items()]


def _make_span(path: str, moves: Sequence[Move], scenario: Scenario) -> _LeverSpan:
    first = moves[0]
    values = [first.before, *(move.after for move in moves)]
    if first.kind == "onoff":
        on_condition = model_value_at(scenario, (*path.split("."), "if")) or ALWAYS_CONDITION
        return _LeverSpan(path, first.title, f"{path}.if", Free(choices=(on_condition, NEVER_CONDITION)), ("on", "off"))
    if first.kind in ("switch", "rank"):
        return _LeverSpan(path, first.title, path, Free(choices=tuple(values)), (first.before, first.after))
    parse = _PARSERS.get(first.kind, float)
    low, high = min(values, key=parse), max(values, key=parse)
    return _LeverSpan(path, first.title, path, Free(low=low, high=high, log=first.kind == "duration"), (low, high))

"""The verb `levers`: which change moves a metric most.

Lives here: every move paired with the baseline on the same customers, which effects hold when all are asked at once, the result. Does
not live here: which moves there are (moves.py), Sobol indices (sobol.py), the figure (tornado.py).

Intervals are those of one effect alone (95 %). Of many, some exclude 0 by chance: `holds` says which are still clear of 0 when all moves
are asked at once (many.py).
"""

import csv
import json
import math
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, NamedTuple

from cjsim.errors import InputError, did_you_mean, format_error, short_repr
from cjsim.manifest import Manifest
from cjsim.metrics.paired_differences import PairedDifference
from cjsim.simulation.comparison import require_same_customers
from cjsim.simulation.documents import Scenario
from cjsim.simulation.run import to_json_value
from cjsim.tuning.levers.moves import Move, list_moves
from cjsim.tuning.levers.multiple_testing import holm, p_value
from cjsim.tuning.levers.paired_runner import PairedRunner, VariantEffect
from cjsim.tuning.levers.ranking_table import ranking_table

if TYPE_CHECKING:
    from cjsim.progress import Progress
    from cjsim.tuning.levers.sobol import SobolIndices

LEVER_COLUMNS = (
    "path",
    "title",
    "from",
    "to",
    "effect",
    "low",
    "high",
    "p",
    "holds",
    "rough",
    "cost",
    "cost_low",
    "cost_high",
    "effect_per_cost",
    "touches",
)


class LeverEffect(NamedTuple):
    """One lever moved one way, and what came of it.

    Attributes
    ----------
    move : Move
        What was set otherwise.
    metric_effect : PairedDifference
        Of the metric, paired with the baseline.
    cost_effect : PairedDifference
        Of the metric `cost`, money per customer.
    p_value : float
        Two-sided, of no effect, alone; 1 where no customer differs.
    is_significant_after_holm : bool
        Whether the effect is clear of 0 when all moves are asked at once.
    has_unreliable_interval : bool
        Whether so few customers make up the effect that its interval holds the truth less often than it says.
    changes_any_customer : bool
        Whether anything at all is different for any customer.
    """

    move: Move
    metric_effect: PairedDifference
    cost_effect: PairedDifference
    p_value: float
    is_significant_after_holm: bool
    has_unreliable_interval: bool
    changes_any_customer: bool

    @property
    def effect_per_cost(self) -> float:
        """Effect per unit of money that the move costs more (below 0: saves); nan where the cost may be the same."""
        return self.metric_effect.effect / self.cost_effect.effect if self.cost_effect.is_significant else math.nan

    def to_json(self) -> dict[str, Any]:
        """Plain values; null where undefined."""
        values = dict(zip(LEVER_COLUMNS, self._values(), strict=True))
        return {name: to_json_value(value) for name, value in values.items()} | {"set": dict(self.move.values)}

    def _values(self) -> tuple[Any, ...]:
        move, found, cost = self.move, self.metric_effect, self.cost_effect
        changed = (move.path, move.title, move.before, move.after)
        effects = (
            found.effect,
            found.low,
            found.high,
            self.p_value,
            self.is_significant_after_holm,
            self.has_unreliable_interval,
            cost.effect,
            cost.low,
            cost.high,
            self.effect_per_cost,
        )
        return (*changed, *effects, self.changes_any_customer)


@dataclass(frozen=True)
class LeverRanking:
    """All moves of a scenario's levers by the size of their effect on a metric.

    Attributes
    ----------
    scenario, metric : str
        Names.
    unit, title : str
        Of the metric.
    has_selected_denominator : bool
        Whether it is a ratio among those whom a policy may have brought there.
    baseline : float
        The metric as the scenario is.
    customers, seed : int
        As run: customers at first.
    has_shared_resources : bool
        Whether customers have something in common (desks, budgets), which intervals do not count.
    levers : tuple of LeverEffect
        Largest effect first; then those that are undefined; then those that touch nobody.
    refusal_reasons : Mapping of str to str
        Why moves were left out, by path and value.
    digest : str
        Of all that was asked.
    seconds : float
        Wall time.
    sobol_indices : SobolIndices, optional
        Indices of some of them (`with_sobol`).
    """

    scenario: str
    metric: str
    unit: str
    title: str
    has_selected_denominator: bool
    baseline: float
    customers: int
    seed: int
    has_shared_resources: bool
    levers: tuple[LeverEffect, ...]
    refusal_reasons: Mapping[str, str]
    digest: str
    seconds: float
    sobol_indices: "SobolIndices | None" = None

    def __str__(self) -> str:
        return self.summary()

    def __len__(self) -> int:
        return len(self.levers)

    def summary(self, *, full: bool = False) -> str:
        """The levers as a table in text, and those that give most for their money.

        Parameters
        ----------
        full : bool
            All of them, also those whose effect is not clear.
        """
        return ranking_table(self, full=full)

    def by_effect_per_cost(self) -> list[LeverEffect]:
        """Levers that hold and cost or save money, by the size of the effect per unit of it; none, where the metric is the cost."""
        if self.metric == "cost":
            return []
        told = [lever for lever in self.levers if lever.is_significant_after_holm and not math.isnan(lever.effect_per_cost)]
        return sorted(told, key=lambda lever: -abs(lever.effect_per_cost))

    def to_json(self) -> dict[str, Any]:
        """Plain values for JSON; null where undefined."""
        further = {} if self.sobol_indices is None else {"sobol": self.sobol_indices.to_json()}
        return further | {
            "scenario": self.scenario,
            "metric": self.metric,
            "unit": self.unit,
            "baseline": to_json_value(self.baseline),
            "customers": self.customers,
            "seed": self.seed,
            "levers": [lever.to_json() for lever in self.levers],
            "refused": dict(self.refusal_reasons),
        }

    def save(self, folder: str | Path) -> Path:
        """Write `levers.csv`, `levers.json`, `tornado.png`, `sobol.csv` if there are indices, and, last, `manifest.json`.

        Parameters
        ----------
        folder : str or Path
            Made if it is not there.

        Raises
        ------
        InputError
            If the folder cannot be written.
        """
        from cjsim.tuning.levers.tornado import tornado_figure

        to = Path(folder)
        try:
            to.mkdir(parents=True, exist_ok=True)
            with (to / "levers.csv").open("w", newline="", encoding="utf-8") as file:
                writer = csv.writer(file)
                writer.writerow(LEVER_COLUMNS)
                writer.writerows([lever.to_json()[name] for name in LEVER_COLUMNS] for lever in self.levers)
            (to / "levers.json").write_text(json.dumps(self.to_json(), indent=1, allow_nan=False) + "\n", encoding="utf-8")
            if self.sobol_indices is not None:
                self.sobol_indices.write_csv(to / "sobol.csv")
            tornado_figure(self, to / "tornado.png")
            self._manifest().write(to)
        except OSError as error:
            message = format_error(str(to), "must be a folder that can be written", error.strerror or str(error), "Name another folder.")
            raise InputError(message) from error
        return to

    def _manifest(self) -> Manifest:
        first = self.levers[0]
        return Manifest(
            kind="levers",
            name=self.scenario,
            hypothesis=f"Which lever moves {self.metric} most?",
            scenario=self.scenario,
            metric=self.metric,
            verdict="",
            effect=to_json_value(first.metric_effect.effect),
            low=to_json_value(first.metric_effect.low),
            high=to_json_value(first.metric_effect.high),
            unit=self.unit,
            customers=self.customers,
            seed=self.seed,
            digest=self.digest,
            seconds=self.seconds,
            details={
                "first": first.move.title,
                "from": first.move.before,
                "to": first.move.after,
                "holds": first.is_significant_after_holm,
            },
        )


def levers(
    scenario: Scenario,
    *,
    metric: str,
    customers: int | None = None,
    seed: int | None = None,
    only: Sequence[str] = ("policy",),
    also: Mapping[str, Scenario] | None = None,
    threads: int | None = None,
    progress: "Progress | None" = None,
) -> LeverRanking:
    """Move every lever of a scenario a sensible step either way, one at a time, on the same customers.

    Parameters
    ----------
    scenario : Scenario
        The baseline.
    metric : str
        What is to be moved, such as 'clv'.
    customers, seed : int, optional
        Instead of the scenario's.
    only : sequence of str
        Levers at these paths and below: `("policy", "journey")` for those of the journey too.
    also : Mapping of str to Scenario, optional
        Other scenarios of the same customers, by name: each counts as one lever moved.
    threads : int, optional
        All cores if not given.
    progress : Progress, optional
        Is told how far the work is, in moves.

    Returns
    -------
    LeverRanking

    Raises
    ------
    InputError
        If the metric does not exist or is undefined on the baseline, no lever is at a path of `only`, another scenario has other
        customers or days, or a number is out of range.

    Examples
    --------
    >>> from cjsim.simulation.documents import Scenario
    >>> tiny = {
    ...     "name": "tiny", "start": "2026-01-05", "horizon": "28d", "customers": 50,
    ...     "journey": {
    ...         "name": "j", "starts_in": "here", "stages": {"here": {}}, "channels": {"mail": {"cost": 0.1}},
    ...         "messages": {"news": {"channel": "mail", "open_rate": 0.5}},
    ...     },
    ...     "policy": {"name": "p", "broadcasts": {"weekly": {"schedule": {"weekdays": ["monday"], "at": "10:00"}, "send": "news"}}},
    ... }
    >>> found = levers(Scenario.from_dict(tiny), metric="contacts", seed=1)
    >>> [(lever.move.title, lever.move.after, float(lever.found.effect)) for lever in found.levers[:2]]
    [('broadcast weekly', 'off', -4.0), ('weekly: weeks between', 2, -2.0)]
    """
    started = time.perf_counter()
    tried = _requested_moves(scenario, only, also or {}, customers)
    bench = PairedRunner(scenario, metric, customers=customers, seed=seed, threads=threads, progress=progress)
    told = bench.progress
    told.start(len(tried), f"levers of {scenario.name}")
    found: list[tuple[Move, VariantEffect]] = []
    refused: dict[str, str] = {}
    try:
        for move, other in tried:
            try:
                found.append((move, bench.effect_of(other or scenario.with_values(move.values))))
            except InputError as error:
                refused[f"{move.path}: {move.after}"] = str(error)
            told.advance(1)
    finally:
        told.finish()
    base = bench.baseline_run.provenance
    return LeverRanking(
        scenario=scenario.name,
        metric=metric,
        unit=bench.definition.unit,
        title=bench.definition.title,
        has_selected_denominator=bench.definition.has_selected_denominator,
        baseline=bench.baseline_value,
        customers=base.customers,
        seed=base.seed,
        has_shared_resources=scenario.has_shared_resources,
        levers=_rank_effects(found),
        refusal_reasons=MappingProxyType(refused),
        digest=_request_digest(base.digests["scenario"], metric, base.customers, base.seed, [(move, other) for move, other in tried]),
        seconds=time.perf_counter() - started,
    )


def _requested_moves(
    scenario: Scenario, only: Sequence[str], also: Mapping[str, Scenario], customers: int | None
) -> list[tuple[Move, Scenario | None]]:
    """Every move that is asked for, and the scenario that it leads to where that is another one."""
    if not isinstance(scenario, Scenario):
        raise InputError(format_error("scenario", "must be a Scenario", type(scenario).__name__, "Load one with Scenario.load(FILE)."))
    if also:
        require_same_customers({scenario.name: scenario} | dict(also), customers=customers)
    moves = list_moves(scenario, journey=any(_is_at_or_below(prefix, "journey") for prefix in only))
    for prefix in only:
        if prefix not in ("policy", "journey") and not any(_is_at_or_below(move.path, prefix) for move in moves):
            paths = [move.path for move in moves]
            remedy = did_you_mean(prefix, paths) or "Name the beginning of a path such as policy.flows."
            raise InputError(format_error("--only", "must be the path of a lever, or of what it belongs to", short_repr(prefix), remedy))
    chosen: list[tuple[Move, Scenario | None]] = [
        (move, None) for move in moves if any(_is_at_or_below(move.path, prefix) for prefix in only)
    ]
    others = [(Move(name, name, "scenario", scenario.name, name, {}), other) for name, other in also.items()]
    if not chosen and not others:
        raise InputError(format_error("levers", "must have a lever to move", "none", "Ask for those of the journey too, or for --also."))
    return [*others, *chosen]


def _is_at_or_below(path: str, prefix: str) -> bool:
    """Whether a path is one, or leads to something below it."""
    return path == prefix or path.startswith((f"{prefix}.", f"{prefix}["))


def _rank_effects(measured: Sequence[tuple[Move, VariantEffect]]) -> tuple[LeverEffect, ...]:
    """Levers by the size of their effect; undefined ones after them, those that touch nobody last."""
    ps = [p_value(outcome.metric_effect) for _, outcome in measured]
    rows = [
        LeverEffect(
            move, outcome.metric_effect, outcome.cost_effect, p, holds, outcome.has_unreliable_interval, outcome.changes_any_customer
        )
        for (move, outcome), p, holds in zip(measured, ps, holm(ps), strict=True)
    ]

    def order(lever: LeverEffect) -> tuple[bool, bool, float]:
        size = abs(lever.metric_effect.effect)
        return not lever.changes_any_customer, math.isnan(size), -size

    return tuple(sorted(rows, key=order))


def _request_digest(scenario: str, metric: str, customers: int, seed: int, requested: Sequence[tuple[Move, Scenario | None]]) -> str:
    """A hash of all that was asked."""
    moves = [[move.path, dict(move.values), None if other is None else other.digest()] for move, other in requested]
    return sha256(json.dumps([scenario, metric, customers, seed, moves], default=str).encode()).hexdigest()

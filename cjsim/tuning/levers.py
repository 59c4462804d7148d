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

from cjsim.engine.result import jsonable
from cjsim.errors import InputError, complaint, did_you_mean, shown
from cjsim.manifest import Manifest
from cjsim.metrics.compare import require_same_customers
from cjsim.metrics.estimate import Effect
from cjsim.model.scenario import Scenario
from cjsim.tuning.bench import Bench, Outcome
from cjsim.tuning.lever_tables import levers_table
from cjsim.tuning.many import holm, p_value
from cjsim.tuning.moves import Move, moves_of

if TYPE_CHECKING:
    from cjsim.engine.run import Progress
    from cjsim.tuning.sobol import Sobol

COLUMNS = (
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


class Lever(NamedTuple):
    """One lever moved one way, and what came of it.

    Attributes
    ----------
    move : Move
        What was set otherwise.
    found : Effect
        Of the metric, paired with the baseline.
    cost : Effect
        Of the metric `cost`, money per customer.
    p : float
        Two-sided, of no effect, alone; 1 where no customer differs.
    holds : bool
        Whether the effect is clear of 0 when all moves are asked at once.
    rough : bool
        Whether so few customers make up the effect that its interval holds the truth less often than it says.
    touches : bool
        Whether anything at all is different for any customer.
    """

    move: Move
    found: Effect
    cost: Effect
    p: float
    holds: bool
    rough: bool
    touches: bool

    @property
    def per_cost(self) -> float:
        """Effect per unit of money that the move costs more (below 0: saves); nan where the cost may be the same."""
        return self.found.effect / self.cost.effect if self.cost.is_clear else math.nan

    def to_json(self) -> dict[str, Any]:
        """Plain values; null where undefined."""
        values = dict(zip(COLUMNS, self._values(), strict=True))
        return {name: jsonable(value) for name, value in values.items()} | {"set": dict(self.move.values)}

    def _values(self) -> tuple[Any, ...]:
        move, found, cost = self.move, self.found, self.cost
        changed = (move.path, move.title, move.before, move.after)
        effects = (found.effect, found.low, found.high, self.p, self.holds, self.rough, cost.effect, cost.low, cost.high, self.per_cost)
        return (*changed, *effects, self.touches)


@dataclass(frozen=True)
class Levers:
    """All moves of a scenario's levers by the size of their effect on a metric.

    Attributes
    ----------
    scenario, metric : str
        Names.
    unit, title : str
        Of the metric.
    selected : bool
        Whether it is a ratio among those whom a policy may have brought there.
    baseline : float
        The metric as the scenario is.
    customers, seed : int
        As run: customers at first.
    shares : bool
        Whether customers have something in common (desks, budgets), which intervals do not count.
    levers : tuple of Lever
        Largest effect first; then those that are undefined; then those that touch nobody.
    refused : Mapping of str to str
        Why moves were left out, by path and value.
    digest : str
        Of all that was asked.
    seconds : float
        Wall time.
    sobol : Sobol, optional
        Indices of some of them (`with_sobol`).
    """

    scenario: str
    metric: str
    unit: str
    title: str
    selected: bool
    baseline: float
    customers: int
    seed: int
    shares: bool
    levers: tuple[Lever, ...]
    refused: Mapping[str, str]
    digest: str
    seconds: float
    sobol: "Sobol | None" = None

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
        return levers_table(self, full=full)

    def by_cost(self) -> list[Lever]:
        """Levers that hold and cost or save money, by the size of the effect per unit of it; none, where the metric is the cost."""
        if self.metric == "cost":
            return []
        told = [lever for lever in self.levers if lever.holds and not math.isnan(lever.per_cost)]
        return sorted(told, key=lambda lever: -abs(lever.per_cost))

    def to_json(self) -> dict[str, Any]:
        """Plain values for JSON; null where undefined."""
        further = {} if self.sobol is None else {"sobol": self.sobol.to_json()}
        return further | {
            "scenario": self.scenario,
            "metric": self.metric,
            "unit": self.unit,
            "baseline": jsonable(self.baseline),
            "customers": self.customers,
            "seed": self.seed,
            "levers": [lever.to_json() for lever in self.levers],
            "refused": dict(self.refused),
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
        from cjsim.tuning.tornado import tornado_figure

        to = Path(folder)
        try:
            to.mkdir(parents=True, exist_ok=True)
            with (to / "levers.csv").open("w", newline="", encoding="utf-8") as file:
                writer = csv.writer(file)
                writer.writerow(COLUMNS)
                writer.writerows([lever.to_json()[name] for name in COLUMNS] for lever in self.levers)
            (to / "levers.json").write_text(json.dumps(self.to_json(), indent=1, allow_nan=False) + "\n", encoding="utf-8")
            if self.sobol is not None:
                self.sobol.write(to / "sobol.csv")
            tornado_figure(self, to / "tornado.png")
            self._manifest().write(to)
        except OSError as error:
            message = complaint(str(to), "must be a folder that can be written", error.strerror or str(error), "Name another folder.")
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
            effect=jsonable(first.found.effect),
            low=jsonable(first.found.low),
            high=jsonable(first.found.high),
            unit=self.unit,
            customers=self.customers,
            seed=self.seed,
            digest=self.digest,
            seconds=self.seconds,
            details={"first": first.move.title, "from": first.move.before, "to": first.move.after, "holds": first.holds},
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
) -> Levers:
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
    Levers

    Raises
    ------
    InputError
        If the metric does not exist or is undefined on the baseline, no lever is at a path of `only`, another scenario has other
        customers or days, or a number is out of range.

    Examples
    --------
    >>> from cjsim.model.scenario import Scenario
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
    tried = _tried(scenario, only, also or {}, customers)
    bench = Bench(scenario, metric, customers=customers, seed=seed, threads=threads, progress=progress)
    told = bench.told
    told.start(len(tried), f"levers of {scenario.name}")
    found: list[tuple[Move, Outcome]] = []
    refused: dict[str, str] = {}
    try:
        for move, other in tried:
            try:
                found.append((move, bench.outcome(other or scenario.with_values(move.values))))
            except InputError as error:
                refused[f"{move.path}: {move.after}"] = str(error)
            told.advance(1)
    finally:
        told.finish()
    base = bench.base.provenance
    return Levers(
        scenario=scenario.name,
        metric=metric,
        unit=bench.definition.unit,
        title=bench.definition.title,
        selected=bench.definition.selected,
        baseline=bench.value,
        customers=base.customers,
        seed=base.seed,
        shares=scenario.shares,
        levers=_ranked(found),
        refused=MappingProxyType(refused),
        digest=_digest(base.digests["scenario"], metric, base.customers, base.seed, [(move, other) for move, other in tried]),
        seconds=time.perf_counter() - started,
    )


def _tried(
    scenario: Scenario, only: Sequence[str], also: Mapping[str, Scenario], customers: int | None
) -> list[tuple[Move, Scenario | None]]:
    """Every move that is asked for, and the scenario that it leads to where that is another one."""
    if not isinstance(scenario, Scenario):
        raise InputError(complaint("scenario", "must be a Scenario", type(scenario).__name__, "Load one with Scenario.load(FILE)."))
    if also:
        require_same_customers({scenario.name: scenario} | dict(also), customers=customers)
    moves = moves_of(scenario, journey=any(_is_under(prefix, "journey") for prefix in only))
    for prefix in only:
        if prefix not in ("policy", "journey") and not any(_is_under(move.path, prefix) for move in moves):
            paths = [move.path for move in moves]
            remedy = did_you_mean(prefix, paths) or "Name the beginning of a path such as policy.flows."
            raise InputError(complaint("--only", "must be the path of a lever, or of what it belongs to", shown(prefix), remedy))
    chosen: list[tuple[Move, Scenario | None]] = [(move, None) for move in moves if any(_is_under(move.path, prefix) for prefix in only)]
    others = [(Move(name, name, "scenario", scenario.name, name, {}), other) for name, other in also.items()]
    if not chosen and not others:
        raise InputError(complaint("levers", "must have a lever to move", "none", "Ask for those of the journey too, or for --also."))
    return [*others, *chosen]


def _is_under(path: str, prefix: str) -> bool:
    """Whether a path is one, or leads to something below it."""
    return path == prefix or path.startswith((f"{prefix}.", f"{prefix}["))


def _ranked(found: Sequence[tuple[Move, Outcome]]) -> tuple[Lever, ...]:
    """Levers by the size of their effect; undefined ones after them, those that touch nobody last."""
    ps = [p_value(outcome.found) for _, outcome in found]
    rows = [
        Lever(move, outcome.found, outcome.cost, p, holds, outcome.rough, outcome.touches)
        for (move, outcome), p, holds in zip(found, ps, holm(ps), strict=True)
    ]

    def order(lever: Lever) -> tuple[bool, bool, float]:
        size = abs(lever.found.effect)
        return not lever.touches, math.isnan(size), -size

    return tuple(sorted(rows, key=order))


def _digest(scenario: str, metric: str, customers: int, seed: int, tried: Sequence[tuple[Move, Scenario | None]]) -> str:
    """A hash of all that was asked."""
    moves = [[move.path, dict(move.values), None if other is None else other.digest()] for move, other in tried]
    return sha256(json.dumps([scenario, metric, customers, seed, moves], default=str).encode()).hexdigest()

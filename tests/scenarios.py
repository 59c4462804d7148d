"""How a test lets a scenario live without a file, and what it then looks at.

Lives here: lives, the constructs that a plan and its log show, and, as a script, digests of what becomes of scenarios (read as JSON
from standard input), for tests that need another process. Does not live here: random scenarios (random_scenarios.py).
"""

import hashlib
import json
import sys
from collections.abc import Iterable
from enum import IntEnum
from typing import Any, NamedTuple
from unittest import mock

import numpy as np
from dice import Data

from cjsim.engine import run
from cjsim.engine.census import Census
from cjsim.engine.frames import Outcomes
from cjsim.model.codes import TOUCHES, Effect, Kind, Op, Step, Touch, Trigger, Wait
from cjsim.model.plan import Plan
from cjsim.model.scenario import Scenario
from cjsim.model.state import ROW
from cjsim.model.tables import compile_world
from cjsim.model.world import Records


class Row(NamedTuple):
    """A row of the log, by names in place of codes."""

    customer: int
    time: float
    value: float
    event: str
    stage: str
    channel: str
    message: str
    source: str


class Lived(NamedTuple):
    """What became of the customers of a scenario."""

    plan: Plan
    rows: Records  # ROW, customer by customer
    outcomes: Outcomes
    census: Census

    def content(self) -> bytes:
        """Every byte of the log, of the outcomes, and of who came later."""
        came = (self.census.keys, self.census.by, self.census.parents)
        return b"".join(array.tobytes() for array in (self.rows, *self.outcomes, *came))

    def told(self) -> list[Row]:
        """The log by names in place of codes, for scenarios whose codes differ."""
        book = self.plan.codebook
        names = {"event": book.events, "stage": book.stages, "channel": book.channels, "message": book.messages, "source": book.sources}
        columns = [self.rows[field].tolist() for field in ("customer", "time", "value")]
        columns += [[labels[code] if code >= 0 else "" for code in self.rows[field].tolist()] for field, labels in names.items()]
        return [Row(*row) for row in zip(*columns, strict=True)]


class Keeper:
    """Stands in for the log's writer, and keeps its rows."""

    def __init__(self) -> None:
        self.rows: list[Records] = [np.zeros(0, ROW)]

    def __call__(self, *_: object) -> "Keeper":
        return self

    def __enter__(self) -> "Keeper":
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def write(self, rows: Records) -> None:
        """Keep some."""
        self.rows.append(rows)


def live(scenario: Scenario, engine: Any = "compiled", *, customers: int | None = None, seed: int | None = None) -> Lived:
    """Let the customers of a scenario live, and those who come later."""
    keeper = Keeper()
    with mock.patch.object(run, "LogWriter", keeper):
        made = run.simulate(scenario, engine=engine, customers=customers, seed=seed, threads=1, log="kept")
    rows = np.concatenate(keeper.rows)
    assert len(rows) == made.provenance.events == made.outcomes.customers["events"].sum()
    return Lived(compile_world(scenario), rows, made.outcomes, made.census)


def told(world: Scenario, customers: int = 1) -> list[Row]:
    """The log of a few customers."""
    return live(world, customers=customers).told()


def difference(one: Lived, other: Lived) -> str:
    """The first thing in which two results differ, in words; empty if they are equal to the byte."""
    if one.content() == other.content():
        return ""
    for left, right in zip(one.told(), other.told(), strict=False):
        if left != right:
            return f"log: {left} != {right}"
    if len(one.rows) != len(other.rows):
        return f"log: {len(one.rows)} rows != {len(other.rows)}"
    if one.census.keys.tobytes() != other.census.keys.tobytes():
        return f"keys: {one.census.keys} != {other.census.keys}"
    for name, left, right in zip(Outcomes._fields, one.outcomes, other.outcomes, strict=True):
        for customer, (a, b) in enumerate(zip(left, right, strict=True)):
            if a.tobytes() != b.tobytes():
                return f"{name} of customer {customer}: {a} != {b}"
    return "who referred whom, or padding of log rows"


def digests(made: Iterable[Data], engine: str) -> list[str]:
    """A digest of what becomes of each scenario on an engine."""
    return [hashlib.sha256(live(Scenario.from_dict(data), engine).content()).hexdigest() for data in made]


def constructs(lived: Lived) -> set[str]:
    """The constructs that a plan holds (effects, steps, triggers, channels, waits, words of conditions) and that a log shows (touches)."""
    world = lived.plan.world
    waits = [*world.events["wait"]["kind"], *world.channels["open_delay"]["kind"], *world.effects["value"]["kind"]]
    waits += [*world.desks["service"]["kind"], *world.desks["patience"]["kind"]]
    found: list[tuple[type[IntEnum], Iterable[int]]] = [
        (Effect, [op for op in world.effects["op"] if op != Effect.END]),
        (Step, world.steps["op"] if len(world.actors) else ()),
        (Trigger, world.actors["trigger"]),
        (Kind, world.channels["kind"]),
        (Wait, waits),
        (Op, world.codes["op"]),
        (Touch, [code for code in np.unique(lived.rows["event"]) if code < TOUCHES]),
    ]
    return {f"{kind.__name__}.{kind(int(code)).name}" for kind, codes in found for code in codes}


# END stands where there is nothing. The two words of a mood drift: conditions of a journey may not name them, a policy cannot see them.
EVERY_CONSTRUCT = {f"{kind.__name__}.{member.name}" for kind in (Effect, Step, Trigger, Kind, Wait, Op, Touch) for member in kind} - {
    "Effect.END",
    "Op.SATISFACTION",
    "Op.PRESSURE",
}


if __name__ == "__main__":
    sys.stdout.write(json.dumps(digests(json.load(sys.stdin), sys.argv[1])))

"""Simulation of a scenario with its log in memory, and the constructs that a plan and its log contain.

As a script, it reads scenarios as JSON from standard input and writes their outcome digests, for tests that need another process.
"""

import hashlib
import json
import sys
from collections.abc import Iterable, Sequence
from enum import IntEnum
from typing import Any, NamedTuple
from unittest import mock

import numpy as np
from chooser import ScenarioData

from cjsim.compiler.compile_scenario import compile_scenario
from cjsim.compiler.plan import Plan
from cjsim.engine.outcomes import Outcomes
from cjsim.engine.population_registry import PopulationRegistry
from cjsim.kernels.codes import (
    N_TOUCH_CODES,
    ChannelKind,
    ConditionOp,
    DistributionCode,
    EffectCode,
    RestartFlag,
    SpeedRuleCode,
    StepCode,
    TouchCode,
    TriggerCode,
)
from cjsim.kernels.state import LOG_ROW
from cjsim.kernels.world import Array
from cjsim.simulation import seeded_run
from cjsim.simulation import simulate as simulate_module
from cjsim.simulation.documents import Scenario


class LogRow(NamedTuple):
    """A row of the log, by names in place of codes."""

    customer: int
    time: float
    value: float
    event: str
    stage: str
    channel: str
    message: str
    source: str


class InMemoryResult(NamedTuple):
    """Log rows, outcomes and population of a simulated scenario."""

    plan: Plan
    rows: Array  # LOG_ROW, customer by customer
    outcomes: Outcomes
    registry: PopulationRegistry

    def to_bytes(self) -> bytes:
        """All bytes of the log, the outcomes and the population."""
        population = (self.registry.keys, self.registry.channels, self.registry.parents)
        return b"".join(array.tobytes() for array in (self.rows, *self.outcomes, *population))

    def log_rows(self) -> list[LogRow]:
        """The log with names in place of codes, to compare scenarios whose codes differ."""
        book = self.plan.codebook
        names = {"event": book.events, "stage": book.stages, "channel": book.channels, "message": book.messages, "source": book.sources}
        columns = [self.rows[field].tolist() for field in ("customer", "time", "value")]
        columns += [[labels[code] if code >= 0 else "" for code in self.rows[field].tolist()] for field, labels in names.items()]
        return [LogRow(*row) for row in zip(*columns, strict=True)]


class InMemoryLogWriter:
    """Replaces the log writer, and keeps the rows in memory."""

    def __init__(self) -> None:
        self.rows: list[Array] = [np.zeros(0, LOG_ROW)]

    def __call__(self, *_: object) -> "InMemoryLogWriter":
        return self

    def __enter__(self) -> "InMemoryLogWriter":
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def write(self, rows: Array) -> None:
        """Keep rows."""
        self.rows.append(rows)


def simulate_in_memory(
    scenario: Scenario,
    engine: Any = "compiled",
    *,
    customers: int | None = None,
    seed: int | None = None,
    processes: Sequence[Any] = (),
    follow_up_days: float | None = None,
    until_days: Array | None = None,
) -> InMemoryResult:
    """Simulate a single run of a scenario with its log in memory."""
    writer = InMemoryLogWriter()
    with mock.patch.object(seeded_run, "LogWriter", writer):
        options: dict[str, Any] = {"customers": customers, "seed": seed, "threads": 1, "processes": processes, "replications": 1}
        options |= {"follow_up_days": follow_up_days, "until_days": until_days}
        result = simulate_module.simulate(scenario, engine=engine, log="kept", **options)
    rows = np.concatenate(writer.rows)
    assert len(rows) == result.provenance.events == result.outcomes.customers["events"].sum()
    return InMemoryResult(compile_scenario(scenario), rows, result.outcomes, result.registry)


def log_rows(world: Scenario, customers: int = 1) -> list[LogRow]:
    """The log of a few customers."""
    return simulate_in_memory(world, customers=customers).log_rows()


def first_difference(one: InMemoryResult, other: InMemoryResult) -> str:
    """Describe the first difference of two results; empty if they are equal to the byte."""
    if one.to_bytes() == other.to_bytes():
        return ""
    for left, right in zip(one.log_rows(), other.log_rows(), strict=False):
        if left != right:
            return f"log: {left} != {right}"
    if len(one.rows) != len(other.rows):
        return f"log: {len(one.rows)} rows != {len(other.rows)}"
    if one.registry.keys.tobytes() != other.registry.keys.tobytes():
        return f"keys: {one.registry.keys} != {other.registry.keys}"
    for name, left, right in zip(Outcomes._fields, one.outcomes, other.outcomes, strict=True):
        for customer, (a, b) in enumerate(zip(left, right, strict=True)):
            if a.tobytes() != b.tobytes():
                return f"{name} of customer {customer}: {a} != {b}"
    return "who referred whom, or padding of log rows"


def outcome_digests(scenarios: Iterable[ScenarioData], engine: str) -> list[str]:
    """Digests of the results of scenarios on an engine."""
    return [hashlib.sha256(simulate_in_memory(Scenario.from_dict(data), engine).to_bytes()).hexdigest() for data in scenarios]


def constructs_used(result: InMemoryResult) -> set[str]:
    """Constructs of a plan (effects, steps, triggers, channels, waits, restarts, condition operators) and of its log (touches)."""
    world = result.plan.world
    waits = [*world.events["wait"]["kind"], *world.channels["open_delay"]["kind"], *world.effects["value"]["kind"]]
    waits += [*world.desks["service"]["kind"], *world.desks["patience"]["kind"]]
    found: list[tuple[type[IntEnum], Iterable[int]]] = [
        (SpeedRuleCode, world.speed_rules["kind"]),
        (EffectCode, [op for op in world.effects["op"] if op != EffectCode.END]),
        (StepCode, world.steps["op"] if len(world.actors) else ()),
        (TriggerCode, world.actors["trigger"]),
        (ChannelKind, world.channels["kind"]),
        (DistributionCode, waits),
        (ConditionOp, world.codes["op"]),
        (RestartFlag, [flag for flag in RestartFlag if np.any(world.events["restart"] & flag.value)]),
        (TouchCode, [code for code in np.unique(result.rows["event"]) if code < N_TOUCH_CODES]),
    ]
    return {f"{kind.__name__}.{kind(int(code)).name}" for kind, codes in found for code in codes}


# END marks the absence of an effect. Satisfaction and pressure decay, so journey conditions must not use them, and policies cannot.
ALL_CONSTRUCTS = {
    f"{kind.__name__}.{member.name}"
    for kind in (SpeedRuleCode, EffectCode, StepCode, TriggerCode, ChannelKind, DistributionCode, ConditionOp, RestartFlag, TouchCode)
    for member in kind
} - {
    "EffectCode.END",
    "ConditionOp.SATISFACTION",
    "ConditionOp.PRESSURE",
}


if __name__ == "__main__":
    sys.stdout.write(json.dumps(outcome_digests(json.load(sys.stdin), sys.argv[1])))

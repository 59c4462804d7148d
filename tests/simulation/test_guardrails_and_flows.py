"""Guardrails and flows on the smallest scenarios that show each rule. Exact."""

import itertools
from collections import Counter
from typing import Any

import numpy as np
import pytest
from chooser import ScenarioData
from guardrail_oracle import SEND_OUTCOMES, SimulatedTraffic
from in_memory_simulation import LogRow

from cjsim.simulation.documents import Scenario


def rows_of_small_scenario(policy: ScenarioData, **changed: Any) -> list[list[LogRow]]:
    """Rows of 20 customers who enter at day 0, knock every three hours, and receive the policy's sends on two channels."""
    journey = {
        "name": "small",
        "starts_in": "in",
        "stages": {"in": {}},
        "events": {"knock": {"in": ["in"], "wait": {"exponential": "3h"}}},
        "channels": {"mail": {}, "text": {}},
        "messages": {"letter": {"channel": "mail", "open_rate": 0.01}, "note": {"channel": "text", "open_rate": 0.01}},
    }
    made: ScenarioData = {"name": "small", "start": "2026-01-05", "horizon": "20d", "customers": 20, "journey": journey, "policy": policy}
    return [rows for _, rows in SimulatedTraffic(Scenario.from_dict(made | changed)).rows_by_customer()]


def test_flow_has_one_run_at_a_time() -> None:
    flow = {"on": {"event": "knock"}, "steps": [{"wait": "12h"}, {"send": "letter"}, {"wait": "6h"}]}
    runs = 0
    for rows in rows_of_small_scenario({"name": "p", "flows": {"slow": flow}}):
        found = [row for row in rows if row.source == "slow" and row.event in ("flow_started", "delivered")]
        assert [row.event for row in found] == (["flow_started", "delivered"] * len(found))[: len(found)]
        starts, sends = found[0::2], found[1::2]
        assert [send.time for send in sends] == [start.time + 0.5 for start in starts[: len(sends)]]
        assert all(start.time > send.time + 0.25 for send, start in zip(sends, starts[1:], strict=False))
        runs += len(starts)
    assert runs > 300


def test_restarted_flow_drops_the_sends_of_its_exited_run() -> None:
    flow = {"on": {"event": "knock"}, "exit_on": ["knock"], "steps": [{"wait": "3h"}, {"send": "letter"}]}
    exits = 0
    for rows in rows_of_small_scenario({"name": "p", "flows": {"shy": flow}}):
        knocks = [row.time for row in rows if row.event == "knock"]
        sends = [row.time for row in rows if row.event == "delivered"]
        # A knock ends the run and starts another at the same time: a letter follows each knock without another knock within 3 hours.
        quiet = [time for time, following in zip(knocks, [*knocks[1:], np.inf], strict=True) if following > time + 3 / 24]
        assert sends == [time + 3 / 24 for time in quiet if time + 3 / 24 < 20]
        exits += sum(row.event == "flow_exited" for row in rows)
    assert exits > 300


def test_suppressed_send_does_not_end_the_flow() -> None:
    flow = {"on": {"stage": "in"}, "steps": [{"send": "letter"}, {"send": "letter"}, {"wait": "1d"}, {"send": "note"}]}
    for rows in rows_of_small_scenario({"name": "p", "flows": {"f": flow}, "guardrails": {"gaps": [{"at_least": "1h"}]}}):
        found = [(row.time, row.event, row.message) for row in rows if row.event in SEND_OUTCOMES]
        assert found == [(0.0, "delivered", "letter"), (0.0, "suppressed_gap", "letter"), (1.0, "delivered", "note")]


PRIORITIES = list(itertools.islice(itertools.product((0, 2, -1), repeat=4), 0, 81, 5))


@pytest.mark.parametrize("priorities", PRIORITIES)
def test_higher_priority_sends_first_at_equal_times(priorities: tuple[int, ...]) -> None:
    # Two flows that start at entry and two broadcasts at the same time; at one contact per day, the others are refused in order.
    flows = [{"on": {"stage": "in"}, "steps": [{"send": "letter"}], "priority": priority} for priority in priorities[:2]]
    casts = [{"schedule": {"dates": ["2026-01-05"], "at": "00:00"}, "send": "letter", "priority": priority} for priority in priorities[2:]]
    policy = {
        "name": "p",
        "broadcasts": {f"cast_{number}": cast for number, cast in enumerate(casts)},
        "flows": {f"flow_{number}": flow for number, flow in enumerate(flows)},
        "guardrails": {"caps": [{"at_most": 1, "per": "1d"}]},
    }
    names = ("flow_0", "flow_1", "cast_0", "cast_1")
    order = [name for _, name in sorted(zip(priorities, names, strict=True), key=lambda pair: -pair[0])]
    for rows in rows_of_small_scenario(policy, horizon="1d"):
        found = [(row.source, row.event) for row in rows if row.event in SEND_OUTCOMES]
        assert found == [(order[0], "delivered"), *((name, "suppressed_cap") for name in order[1:])]


def test_conditions_are_checked_again_when_quiet_hours_end() -> None:
    flows = {
        name: {"on": {"stage": "in"}, "priority": priority, "steps": [{"send": "letter"}]}
        for name, priority in (("first", 1), ("second", 0))
    }
    rules = {"quiet_hours": [{"from": "22:00", "to": "07:30"}], "gaps": [{"at_least": "1h"}]}
    for rows in rows_of_small_scenario({"name": "p", "flows": flows, "guardrails": rules}):
        found = [(row.time, row.source, row.event) for row in rows if row.event in SEND_OUTCOMES]
        assert found == [
            (0.0, "first", "deferred"),
            (0.0, "second", "deferred"),
            (7.5 / 24, "first", "delivered"),
            (7.5 / 24, "second", "suppressed_gap"),
        ]


def test_sends_at_the_edges_of_quiet_hours() -> None:
    # Quiet hours include their start and exclude their end on every day, regardless of rounding.
    every_day = ["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"]
    casts = {name: {"schedule": {"weekdays": every_day, "at": at}, "send": "letter"} for name, at in (("begin", "21:10"), ("end", "08:20"))}
    rules = {"quiet_hours": [{"from": "21:10", "to": "08:20"}]}
    for rows in rows_of_small_scenario({"name": "p", "broadcasts": casts, "guardrails": rules}, horizon="300d", customers=1):
        found = Counter((row.source, row.event) for row in rows if row.event in SEND_OUTCOMES)
        assert found == {("begin", "deferred"): 300, ("begin", "delivered"): 299, ("end", "delivered"): 300}

"""Condition terms about offers, opens, requests and referrals, against an oracle that reads the log. Exact."""

import numpy as np
import pytest
from in_memory_simulation import InMemoryResult, simulate_in_memory
from small_scenarios import small_scenario

from cjsim.kernels.rng import uniforms
from cjsim.simulation.documents import Scenario

EVERY_DAY = ["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"]
VALID, CUSTOMERS, DAYS = 4.0, 25, 30
TERMS = {
    "holds": "has_offer(tenth)",
    "saved": "redeemed(tenth) >= 2",
    "silent": "unopened >= 3",
    "deaf": "unopened(mail) >= 2",
    "asker": "asks(help) >= 2",
    "apart": "held_out",
    "friend": "referrals >= 1",
}
LogTuple = tuple[int, float, float, str, str, str, str, str]


def relationship_scenario() -> Scenario:
    """Flows without steps that start daily at noon if their condition holds."""
    events = {
        "buy": {"effects": [{"purchase": {"value": 10}}]},
        "gift": {"effects": [{"offer": "tenth"}]},
        "worry": {"effects": [{"ask": "help"}]},
        "tell": {"effects": [{"refer": {"joins": 0.02}}]},
    }
    waits = {"buy": "2d", "gift": "6d", "worry": "5d", "tell": "4d"}
    daily = {"weekdays": EVERY_DAY, "at": "12:00"}
    return small_scenario(
        journey={
            "events": {name: {"in": ["here"], "wait": {"exponential": waits[name]}, **event} for name, event in events.items()},
            "channels": {"mail": {"open_delay": {"exponential": "1d"}}, "text": {"open_delay": {"exponential": "1d"}}},
            "messages": {"letter": {"channel": "mail", "open_rate": 0.3}, "line": {"channel": "text", "open_rate": 0.3}},
            "offers": {"tenth": {"discount": 0.1, "valid": f"{VALID:g}d", "uses": 2}},
            "desks": {"help": {"service": {"exponential": "2h"}}},
            "interests": {"tea": 1, "tools": 2},
        },
        policy={
            "flows": {name: {"on": {"schedule": daily}, "if": word, "steps": [{"tag": "seen"}]} for name, word in TERMS.items()},
            "broadcasts": {
                "mails": {"schedule": {"weekdays": ["monday", "thursday"], "at": "08:00"}, "send": "letter"},
                "texts": {"schedule": {"weekdays": ["tuesday", "friday"], "at": "08:00"}, "send": "line"},
            },
            "guardrails": {"holdout": 0.3},
            "desks": {"help": {"agents": 3}},
        },
        horizon=f"{DAYS}d",
    )


@pytest.fixture(scope="module")
def relationship_result() -> InMemoryResult:
    return simulate_in_memory(relationship_scenario(), customers=CUSTOMERS)


def holds_offer(rows: list[LogTuple], now: float) -> bool:
    """Whether an offer was granted within its validity period and has not been used up since."""
    given = max((row[1] for row in rows if row[3] == "offered"), default=-np.inf)
    return now - given < VALID and sum(row[3] == "redeemed" and row[1] >= given for row in rows) < 2


def unopened_deliveries(rows: list[LogTuple], channels: tuple[str, ...]) -> int:
    """Deliveries since the last open."""
    count = 0
    for row in rows:
        if row[5] in channels:
            count = 0 if row[3] == "opened" else count + (row[3] == "delivered")
    return count


def expected_value(name: str, rows: list[LogTuple], now: float, *, held_out: bool) -> bool:
    """Whether a condition holds, computed from the log rows before now."""
    events = [row[3] for row in rows]
    if name == "holds":
        return holds_offer(rows, now)
    if name in ("silent", "deaf"):
        return unopened_deliveries(rows, ("mail", "text")) >= 3 if name == "silent" else unopened_deliveries(rows, ("mail",)) >= 2
    if name == "apart":
        return held_out
    event, least = {"saved": ("redeemed", 2), "asker": ("asked", 2), "friend": ("referral", 1)}[name]
    return events.count(event) >= least


@pytest.mark.parametrize("name", TERMS)
def test_condition_terms_match_the_log(relationship_result: InMemoryResult, name: str) -> None:
    held_out = uniforms(relationship_scenario().seed, np.arange(CUSTOMERS, dtype=np.uint64), "policy:holdout") < 0.3
    rows = relationship_result.log_rows()
    days = [0, 0]
    for customer in range(CUSTOMERS):
        mine = [row for row in rows if row[0] == customer]
        begun = {row[1] for row in mine if row[3] == "flow_started" and row[7] == name}
        for day in range(DAYS):
            now = day + 0.5
            wanted = expected_value(name, [row for row in mine if row[1] < now], now, held_out=bool(held_out[customer]))
            assert (now in begun) == wanted
            days[wanted] += 1
    assert min(days) > 20


def test_interest_condition_matches_the_customers_interest() -> None:
    when = {"when": "interest == tea"}
    world = relationship_scenario().to_dict()
    world["journey"]["events"]["worry"] |= when
    result = simulate_in_memory(Scenario.from_dict(world), customers=CUSTOMERS)
    askers = {row[0] for row in result.log_rows() if row[3] == "worry" and row[0] < CUSTOMERS}
    for_tea = set(np.flatnonzero(result.outcomes.customers["interest"][:CUSTOMERS] == 0).tolist())
    assert askers <= for_tea
    assert len(askers) > 4
    assert len(for_tea) < CUSTOMERS

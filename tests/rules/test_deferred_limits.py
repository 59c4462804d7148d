"""Gaps, caps and budgets that make sends wait: until when, in which order, and for how long at most."""

import re
from typing import Any

import pytest
from rule_worlds import EVERY_DAY, customer_row, event_after, rows_of, send_at
from small_scenarios import small_scenario

from cjsim.errors import InputError
from cjsim.reporting.walk import walk
from cjsim.simulation.documents import Scenario

TWO_CHANNELS = {
    "channels": {"mail": {}, "text": {}},
    "messages": {
        "hello": {"channel": "mail", "open_rate": 0.01},
        "ping": {"channel": "text", "open_rate": 0.01},
        "receipt": {"channel": "mail", "open_rate": 0.01, "transactional": True},
    },
}
QUEUE = {"caps": [{"at_most": 1, "per": "1d", "then": "defer"}]}


def sends(
    policy: dict[str, Any], guardrails: dict[str, Any], journey: dict[str, Any] = TWO_CHANNELS, **settings: Any
) -> list[tuple[float, str, str]]:
    """Time (hours), source and outcome of each send."""
    rows = rows_of(journey, {**policy, "guardrails": guardrails}, **settings)
    chosen = ("delivered", "deferred", "flow_exited")
    return [(round(row.time * 24, 9), row.source, row.event) for row in rows if row.event in chosen or row.event.startswith("suppressed")]


def flow(*steps: dict[str, Any], **terms: Any) -> dict[str, Any]:
    return {"on": {"stage": "here"}, "steps": [*steps], **terms}


def test_a_send_beyond_a_cap_waits_until_the_oldest_contact_leaves_the_window() -> None:
    casts = send_at("2026-01-05 10:00", "2026-01-05 16:00", "2026-01-05 18:00")
    rules = {"caps": [{"at_most": 2, "per": "1d", "then": "defer"}]}
    assert sends({"broadcasts": casts}, rules) == [
        (10, "cast_0", "delivered"),
        (16, "cast_1", "delivered"),
        (18, "cast_2", "deferred"),
        (34, "cast_2", "delivered"),
    ]


def test_a_send_within_a_gap_waits_until_it_ends() -> None:
    casts = send_at("2026-01-05 10:00", "2026-01-05 10:45")
    rules = {"gaps": [{"at_least": "2h", "then": "defer"}]}
    assert sends({"broadcasts": casts}, rules)[1:] == [(10.75, "cast_1", "deferred"), (12, "cast_1", "delivered")]


def test_a_send_beyond_a_budget_waits_for_the_next_period() -> None:
    rules = {"budgets": [{"at_most": 2, "per": "36h", "then": "defer"}]}
    found = sends({"flows": {"f": flow({"send": "hello"})}}, rules, customers=5)
    assert sorted(found) == [
        *[(0, "f", "deferred")] * 3,
        *[(0, "f", "delivered")] * 2,
        (36, "f", "deferred"),
        *[(36, "f", "delivered")] * 2,
        (72, "f", "delivered"),
    ]


def test_a_flow_waits_with_its_send() -> None:
    steps = ({"send": "hello"}, {"send": "hello"}, {"wait": "2h"}, {"send": "ping"})
    rules = {"caps": [{"at_most": 1, "per": "1d", "then": "defer", "channels": ["mail"]}]}
    assert sends({"flows": {"f": flow(*steps)}}, rules) == [
        (0, "f", "delivered"),
        (0, "f", "deferred"),
        (24, "f", "delivered"),
        (26, "f", "delivered"),
    ]


def test_waiting_sends_go_out_by_priority() -> None:
    flows = {"low": flow({"wait": "1h"}, {"send": "hello"}), "high": flow({"wait": "2h"}, {"send": "hello"}, priority=5)}
    found = sends({"flows": {"first": flow({"send": "hello"}), **flows}}, QUEUE)
    assert [(at, source) for at, source, event in found if event == "delivered"] == [(0, "first"), (24, "high"), (48, "low")]


def test_the_exit_of_a_flow_drops_its_waiting_send() -> None:
    journey = {**TWO_CHANNELS, "events": {"buy": event_after("5h", when="count(buy) < 1")}}
    flows = {"f": flow({"send": "hello"}, {"send": "hello"}, exit_on=["buy"])}
    assert sends({"flows": flows}, QUEUE, journey) == [(0, "f", "delivered"), (0, "f", "deferred"), (5, "f", "flow_exited")]


def test_all_rules_check_a_waiting_send_again() -> None:
    casts = send_at("2026-01-05 10:00", "2026-01-05 12:00")
    rules = {"gaps": [{"at_least": "12h", "then": "defer"}], "quiet_hours": [{"from": "21:00", "to": "08:00"}]}
    assert sends({"broadcasts": casts}, rules)[1:] == [
        (12, "cast_1", "deferred"),
        (22, "cast_1", "deferred"),
        (32, "cast_1", "delivered"),
    ]


def test_of_two_caps_the_one_that_refuses_takes_precedence() -> None:
    casts = send_at("2026-01-05 10:00", "2026-01-05 12:00")
    rules = {"caps": [{"at_most": 1, "per": "4h", "then": "defer"}, {"at_most": 1, "per": "3h"}]}
    assert sends({"broadcasts": casts}, rules)[1:] == [(12, "cast_1", "suppressed_cap")]


def test_two_caps_defer_a_send_once_to_the_later_end() -> None:
    casts = send_at("2026-01-05 10:00", "2026-01-05 12:00")
    rules = {"caps": [{"at_most": 1, "per": per, "then": "defer"} for per in ("4h", "6h")]}
    assert sends({"broadcasts": casts}, rules)[1:] == [(12, "cast_1", "deferred"), (16, "cast_1", "delivered")]


@pytest.mark.parametrize(("longest", "outcome"), [("22h", "deferred"), ("21h 59min", "suppressed_cap")])
def test_a_send_that_would_wait_for_too_long_is_refused_at_once(longest: str, outcome: str) -> None:
    casts = send_at("2026-01-05 10:00", "2026-01-05 12:00")
    rules = {"caps": [{**QUEUE["caps"][0], "drop_after": longest}]}
    assert sends({"broadcasts": casts}, rules)[1] == (12, "cast_1", outcome)


def test_the_longest_wait_counts_from_the_first_try() -> None:
    # Deferred to 08:00 by quiet hours; the cap would add two hours, which makes 11 in all.
    casts = {
        "news": {"schedule": {"dates": ["2026-01-06"], "at": "07:00"}, "send": "ping"},
        "late": {"schedule": {"dates": ["2026-01-05"], "at": "23:00"}, "send": "hello"},
    }
    quiet = {"quiet_hours": [{"from": "21:00", "to": "08:00", "channels": ["mail"]}]}
    for longest, outcome in (("11h", "deferred"), ("10h", "suppressed_gap")):
        rules = {**quiet, "gaps": [{"at_least": "3h", "then": "defer", "drop_after": longest}]}
        found = [(at, event) for at, source, event in sends({"broadcasts": casts}, rules) if source == "late"]
        assert found[:2] == [(23, "deferred"), (32, outcome)]


@pytest.mark.parametrize("rule", ["gaps", "caps", "budgets"])
def test_a_placed_message_is_refused_at_a_visit(rule: str) -> None:
    journey = {
        "events": {"visit": event_after("1h", when="count(visit) < 2")},
        "channels": {"app": {"kind": "pull", "visits": ["visit"]}},
        "messages": {"tip": {"channel": "app", "open_rate": 0.01}},
    }
    limit = {"gaps": {"at_least": "2h"}, "caps": {"at_most": 1, "per": "2h"}, "budgets": {"at_most": 1, "per": "1d"}}[rule]
    flows = {"f": flow({"send": "tip"}, {"wait": "90min"}, {"send": "tip"})}
    found = sends({"flows": flows}, {rule: [{**limit, "then": "defer"}]}, journey)
    assert found == [(1, "f", "delivered"), (2, "f", f"suppressed_{rule[:-1]}")]


def test_a_broadcast_that_waits_past_its_next_dates_is_sent_once() -> None:
    casts = {"daily": {"schedule": {"weekdays": EVERY_DAY, "at": "10:00"}, "send": "hello"}}
    rules = {"caps": [{"at_most": 1, "per": "60h", "then": "defer"}]}
    assert sends({"broadcasts": casts}, rules, horizon="5d") == [
        (10, "daily", "delivered"),
        (34, "daily", "deferred"),
        (70, "daily", "delivered"),
        (82, "daily", "deferred"),
    ]


def test_a_transactional_message_neither_waits_nor_uses_up_the_cap() -> None:
    casts = {**send_at("2026-01-05 10:00"), "r": {"schedule": {"weekdays": EVERY_DAY, "at": "11:00"}, "send": "receipt"}}
    casts["later"] = {"schedule": {"dates": ["2026-01-06"], "at": "10:00"}, "send": "hello"}
    assert [event for _, _, event in sends({"broadcasts": casts}, QUEUE, horizon="2d")] == ["delivered"] * 4


def test_a_deferral_is_no_collision() -> None:
    casts = send_at("2026-01-05 10:00", "2026-01-05 12:00")
    assert customer_row(TWO_CHANNELS, {"broadcasts": casts, "guardrails": QUEUE})["collisions"] == 0


def test_the_diary_says_why_and_until_when_a_send_waits() -> None:
    casts = send_at("2026-01-05 10:00", "2026-01-05 12:00")
    scenario = small_scenario(journey=TWO_CHANNELS, policy={"broadcasts": casts, "guardrails": QUEUE}, horizon="3d")
    text = str(walk(scenario, customer=0))
    assert re.search(r"Mail 'hello' is deferred until 10:00: 1 contact in 1 day, and the cap is 1", text)


ERRORS = [
    ({"caps": [{"at_most": 2, "per": "1d", "drop_after": "1d"}]}, r"caps\[0\]: must have 'drop_after' only together with 'then: defer'"),
    ({"caps": [{"at_most": 0, "per": "1d", "then": "defer"}]}, r"caps\[0\]: must have 'at_most' above 0 together with 'then: defer'"),
    ({"budgets": [{"at_most": 0, "per": "1d", "then": "defer"}]}, r"budgets\[0\]: must have 'at_most' above 0"),
    ({"gaps": [{"at_least": "1d", "then": "wait"}]}, r"gaps\[0\].then: must be 'refuse' or 'defer', got 'wait'"),
]


@pytest.mark.parametrize(("guardrails", "message"), ERRORS)
def test_limits_that_contradict_themselves_are_rejected(guardrails: dict[str, Any], message: str) -> None:
    valid = small_scenario(journey=TWO_CHANNELS).to_dict()
    with pytest.raises(InputError, match=message):
        Scenario.from_dict({**valid, "policy": {"name": "p", "guardrails": guardrails}})

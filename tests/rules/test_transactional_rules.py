"""Transactional messages: which guardrails apply to them, and which count them."""

from typing import Any

import pytest
from rule_worlds import EVERY_DAY, customer_row, event_after, rows_of, send_at

MAIL = {
    "channels": {"mail": {}, "text": {}},
    "messages": {
        "news": {"channel": "mail", "open_rate": 0.5},
        "receipt": {"channel": "mail", "open_rate": 0.5, "transactional": True},
    },
}
MONDAY_NOON = "2026-01-05 12:00"
RECEIPT = {"broadcasts": send_at(MONDAY_NOON, message="receipt")}


def outcomes(message: str, guardrails: dict[str, Any], journey: dict[str, Any] = MAIL, **settings: Any) -> list[str]:
    """What became of one send on Monday at noon, after news on Monday at 11:00."""
    casts = {"before": {"schedule": {"dates": ["2026-01-05"], "at": "11:00"}, "send": "news"}, **send_at(MONDAY_NOON, message=message)}
    rows = rows_of(journey, {"broadcasts": casts, "guardrails": guardrails}, horizon="2d", **settings)
    return [row.event for row in rows if row.source == "cast_0" and row.event.startswith(("delivered", "deferred", "suppressed"))]


EXEMPTIONS = {
    "holdout": {"holdout": 1.0},
    "exit": {"exit": "day > 0"},
    "blackout": {"blackouts": [{"dates": ["2026-01-05"], "then": "refuse"}]},
    "deferring blackout": {"blackouts": [{"dates": ["2026-01-05"]}]},
    "quiet hours": {"quiet_hours": [{"from": "11:30", "to": "13:00"}]},
    "gap": {"gaps": [{"at_least": "2h"}]},
    "cap": {"caps": [{"at_most": 1, "per": "1d"}]},
    "budget": {"budgets": [{"at_most": 0, "per": "1d"}]},
}


@pytest.mark.parametrize("rule", EXEMPTIONS)
def test_a_rule_for_marketing_stops_news_but_not_a_receipt(rule: str) -> None:
    assert outcomes("news", EXEMPTIONS[rule])[:1] != ["delivered"]
    assert outcomes("receipt", EXEMPTIONS[rule]) == ["delivered"]


def test_a_customer_who_opted_out_still_gets_receipts() -> None:
    journey = {**MAIL, "events": {"leave": event_after("1h", {"opt_out": "mail"}, when="count(leave) < 1")}}
    assert outcomes("news", {}, journey) == ["suppressed_consent"]
    assert outcomes("receipt", {}, journey) == ["delivered"]


def test_consent_that_covers_all_messages_stops_receipts_too() -> None:
    journey = {**MAIL, "channels": {"mail": {"consent": 0.0, "consent_covers": "all"}, "text": {}}}
    assert outcomes("receipt", {}, journey) == ["suppressed_consent"]


def test_the_holdout_of_a_broadcast_keeps_its_own_transactional_message() -> None:
    policy = {"broadcasts": send_at(MONDAY_NOON, message="receipt", holdout=1.0)}
    assert [row.event for row in rows_of(MAIL, policy, horizon="1d") if row.source] == ["suppressed_holdout"]


def news_after_receipt(guardrails: dict[str, Any]) -> list[str]:
    casts = {
        "receipt": {"schedule": {"dates": ["2026-01-05"], "at": "11:00"}, "send": "receipt"},
        **send_at(MONDAY_NOON, message="news"),
    }
    rows = rows_of(MAIL, {"broadcasts": casts, "guardrails": guardrails}, horizon="1d")
    return [row.event for row in rows if row.source == "cast_0" and row.event != "opened"]


@pytest.mark.parametrize("rule", ["gap", "cap"])
def test_a_receipt_does_not_count_against_a_rule(rule: str) -> None:
    assert news_after_receipt(EXEMPTIONS[rule]) == ["delivered"]


def test_a_receipt_does_not_draw_on_a_budget() -> None:
    assert news_after_receipt({"budgets": [{"at_most": 1, "per": "1d"}]}) == ["delivered"]


def test_a_refusal_after_a_receipt_of_another_broadcast_is_no_collision() -> None:
    # News of the same broadcast on Monday and Tuesday; in between, a receipt of another one.
    daily = {"schedule": {"weekdays": EVERY_DAY, "at": "10:00"}, "send": "news"}
    policy = {"broadcasts": {"daily": daily, **RECEIPT["broadcasts"]}, "guardrails": {"caps": [{"at_most": 1, "per": "2d"}]}}
    assert customer_row(MAIL, policy, horizon="2d")["collisions"] == 0


def test_a_receipt_counts_as_a_contact_in_conditions() -> None:
    flow = {
        "on": {"date": "2026-01-05", "at": "13:00"},
        "if": "contacts == 1 and days_since_contact(mail) < '2h'",
        "steps": [{"send": "news"}],
    }
    rows = rows_of(MAIL, {**RECEIPT, "flows": {"f": flow}}, horizon="1d")
    assert [row.message for row in rows if row.event == "delivered"] == ["receipt", "news"]


def test_the_receipt_after_two_newsletters_is_delivered_under_a_cap_of_two() -> None:
    # The published failure: a receipt must not be suppressed by a cap on marketing.
    events = {"buy": {"in": ["here"], "wait": {"fixed": "58h"}, "when": "count(buy) < 1"}}
    policy = {
        "broadcasts": {"n": {"schedule": {"weekdays": ["monday", "tuesday", "wednesday"], "at": "09:00"}, "send": "news"}},
        "flows": {"r": {"on": {"event": "buy"}, "priority": 99, "steps": [{"send": "receipt"}]}},
        "guardrails": {"caps": [{"at_most": 2, "per": "7d", "channels": ["mail"]}]},
    }
    rows = rows_of({**MAIL, "events": events}, policy, horizon="6d")
    sends = [(row.time * 24, row.message, row.event) for row in rows if row.event.startswith(("delivered", "suppressed"))]
    assert sends == [
        (9, "news", "delivered"),
        (33, "news", "delivered"),
        (57, "news", "suppressed_cap"),
        (58, "receipt", "delivered"),
    ]

"""Blackouts: dates on which nothing is sent, and what becomes of the sends."""

from typing import Any

import pytest
from rule_worlds import EVERY_DAY, event_after, rows_of, send_at, times
from small_scenarios import small_scenario

from cjsim.reporting.walk import walk

TWO_CHANNELS = {
    "channels": {"mail": {}, "text": {}},
    "messages": {"hello": {"channel": "mail", "open_rate": 0.01}, "ping": {"channel": "text", "open_rate": 0.01}},
}
WEDNESDAY = {"dates": ["2026-01-07"]}  # day 2
DECISIONS = ("delivered", "deferred", "suppressed_consent", "suppressed_holdout", "suppressed_exit", "suppressed_blackout", "flow_exited")


def daily(at: str, message: str = "hello") -> dict[str, Any]:
    return {"schedule": {"weekdays": EVERY_DAY, "at": at}, "send": message}


def decisions(
    policy: dict[str, Any], *blackouts: dict[str, Any], journey: dict[str, Any] = TWO_CHANNELS, rules: Any = None, **settings: Any
) -> list[tuple[float, str]]:
    """Time and outcome of each send under these blackouts."""
    guardrails = {"blackouts": list(blackouts), **(rules or {})}
    return [(row.time, row.event) for row in rows_of(journey, {**policy, "guardrails": guardrails}, **settings) if row.event in DECISIONS]


def decisions_at(*moments: str, under: list[dict[str, Any]], **settings: Any) -> list[tuple[float, str]]:
    """Time and outcome of broadcasts at these moments."""
    return decisions({"broadcasts": send_at(*moments)}, *under, **settings)


def test_a_send_on_a_blackout_date_waits_for_midnight() -> None:
    assert decisions_at("2026-01-07 12:00", under=[WEDNESDAY]) == [(2.5, "deferred"), (3.0, "delivered")]


@pytest.mark.parametrize(
    ("moment", "is_inside"),
    [("2026-01-06 23:59", False), ("2026-01-07 00:00", True), ("2026-01-07 23:59", True), ("2026-01-08 00:00", False)],
)
@pytest.mark.parametrize(("then", "inside"), [("defer", ["deferred", "delivered"]), ("refuse", ["suppressed_blackout"])])
def test_a_blackout_lasts_from_midnight_to_before_midnight(moment: str, is_inside: bool, then: str, inside: list[str]) -> None:
    found = decisions_at(moment, under=[{**WEDNESDAY, "then": then}])
    assert [event for _, event in found] == (inside if is_inside else ["delivered"])


def send_a_rounding_error_before_tuesday() -> dict[str, Any]:
    """Ten waits of 2.4 h end just before the first midnight, because 10 * 0.1 is not 1 in floating point."""
    return {"flows": {"f": {"on": {"stage": "here"}, "steps": [{"wait": "144min"}] * 10 + [{"send": "hello"}]}}}


@pytest.mark.parametrize(("then", "outcome"), [("defer", "deferred"), ("refuse", "suppressed_blackout")])
def test_a_blackout_starts_at_a_midnight_that_is_reached_with_a_rounding_error(then: str, outcome: str) -> None:
    [(time, event), *_] = decisions(send_a_rounding_error_before_tuesday(), {"dates": ["2026-01-06"], "then": then})
    assert (time < 1.0, event) == (True, outcome)


@pytest.mark.parametrize("then", ["defer", "refuse"])
def test_a_blackout_ends_at_a_midnight_that_is_reached_with_a_rounding_error(then: str) -> None:
    [(time, event)] = decisions(send_a_rounding_error_before_tuesday(), {"dates": ["2026-01-05"], "then": then})
    assert (time < 1.0, event) == (True, "delivered")


@pytest.mark.parametrize(
    ("reason", "journey", "rules"),
    [
        ("suppressed_consent", {"channels": {"mail": {"consent": 0.0}, "text": {}}}, {}),
        ("suppressed_holdout", {}, {"holdout": 1.0}),
        ("suppressed_exit", {}, {"exit": "contacts >= 0"}),
    ],
)
def test_a_blackout_is_asked_after_consent_holdout_and_exit(reason: str, journey: dict[str, Any], rules: dict[str, Any]) -> None:
    blackout = {**WEDNESDAY, "then": "refuse"}
    assert decisions_at("2026-01-07 12:00", under=[blackout], journey={**TWO_CHANNELS, **journey}, rules=rules) == [(2.5, reason)]


def test_a_blackout_that_refuses_ends_the_send() -> None:
    assert decisions_at("2026-01-07 12:00", under=[{**WEDNESDAY, "then": "refuse"}]) == [(2.5, "suppressed_blackout")]


def test_a_blackout_from_one_date_to_another_includes_both() -> None:
    days = {"from": "2026-01-06", "to": "2026-01-08", "then": "refuse"}
    found = decisions({"broadcasts": {"noon": daily("12:00")}}, days, horizon="5d")
    assert [event for _, event in found] == ["delivered", *["suppressed_blackout"] * 3, "delivered"]


def test_a_date_without_a_year_is_meant_in_each_year() -> None:
    moments = ("2026-01-07 12:00", "2027-01-07 12:00", "2027-01-08 12:00")
    found = decisions_at(*moments, under=[{"dates": ["01-07"], "then": "refuse"}], horizon="400d")
    assert [event for _, event in found] == ["suppressed_blackout", "suppressed_blackout", "delivered"]


def test_a_yearly_blackout_goes_on_past_the_end_of_the_year() -> None:
    assert decisions_at("2026-01-05 12:00", under=[{"from": "12-30", "to": "01-06"}]) == [(0.5, "deferred"), (2.0, "delivered")]


def test_the_29th_of_february_is_meant_in_leap_years_only() -> None:
    moments = ("2027-02-28 12:00", "2027-03-01 12:00", "2028-02-29 12:00")
    found = decisions_at(*moments, under=[{"dates": ["02-29"], "then": "refuse"}], horizon="800d")
    assert [event for _, event in found] == ["delivered", "delivered", "suppressed_blackout"]


def test_a_blackout_holds_only_on_its_channels() -> None:
    assert decisions_at("2026-01-07 12:00", under=[{**WEDNESDAY, "channels": ["text"]}]) == [(2.5, "delivered")]


FOLLOWING = {"from": "2026-01-08", "to": "2026-01-09"}  # days 3 and 4
OVERLAPPING = {"from": "2026-01-07", "to": "2026-01-09"}


@pytest.mark.parametrize("blackouts", [[WEDNESDAY, FOLLOWING], [FOLLOWING, WEDNESDAY], [WEDNESDAY, OVERLAPPING], [OVERLAPPING, WEDNESDAY]])
def test_blackouts_that_overlap_or_follow_on_defer_once(blackouts: list[dict[str, Any]]) -> None:
    assert decisions_at("2026-01-07 12:00", under=blackouts) == [(2.5, "deferred"), (5.0, "delivered")]


def test_a_blackout_of_another_channel_does_not_prolong_a_deferral() -> None:
    found = decisions_at("2026-01-07 12:00", under=[WEDNESDAY, {**FOLLOWING, "channels": ["text"]}])
    assert found == [(2.5, "deferred"), (3.0, "delivered")]


def test_a_send_deferred_to_midnight_waits_for_quiet_hours_as_well() -> None:
    found = decisions_at("2026-01-07 12:00", under=[WEDNESDAY], rules={"quiet_hours": [{"from": "22:00", "to": "07:30"}]})
    assert found == [(2.5, "deferred"), (3.0, "deferred"), (3 + 7.5 / 24, "delivered")]


def test_a_blackout_is_asked_before_quiet_hours() -> None:
    rules = {"quiet_hours": [{"from": "22:00", "to": "07:30"}]}
    assert decisions_at("2026-01-07 23:00", under=[WEDNESDAY], rules=rules)[:2] == [(2 + 23 / 24, "deferred"), (3.0, "deferred")]


def test_a_send_deferred_into_a_blackout_that_refuses_is_refused() -> None:
    found = decisions_at("2026-01-07 12:00", under=[WEDNESDAY, {**FOLLOWING, "then": "refuse"}])
    assert found == [(2.5, "deferred"), (3.0, "suppressed_blackout")]


def test_where_one_blackout_defers_and_another_refuses_the_send_is_refused() -> None:
    assert decisions_at("2026-01-07 12:00", under=[OVERLAPPING, {**WEDNESDAY, "then": "refuse"}]) == [(2.5, "suppressed_blackout")]


def test_consent_that_ends_in_a_blackout_refuses_the_deferred_send() -> None:
    journey = {**TWO_CHANNELS, "events": {"leave": event_after("62h", {"opt_out": "mail"})}}
    assert decisions_at("2026-01-07 12:00", under=[WEDNESDAY], journey=journey)[1] == (3.0, "suppressed_consent")


def test_a_send_that_waits_beyond_the_horizon_is_never_made() -> None:
    assert decisions_at("2026-01-07 12:00", under=[{"from": "2026-01-07", "to": "2026-03-01"}]) == [(2.5, "deferred")]


def test_a_broadcast_that_waits_over_its_next_dates_is_sent_once() -> None:
    found = decisions({"broadcasts": {"noon": daily("12:00")}}, {"from": "2026-01-06", "to": "2026-01-08"}, horizon="6d")
    assert found == [(0.5, "delivered"), (1.5, "deferred"), (4.0, "delivered"), (4.5, "delivered"), (5.5, "delivered")]


def test_a_broadcast_whose_date_is_the_end_of_its_blackout_is_sent_once() -> None:
    found = decisions({"broadcasts": {"midnight": daily("00:00")}}, WEDNESDAY, horizon="5d")
    assert found == [(0.0, "delivered"), (1.0, "delivered"), (2.0, "deferred"), (3.0, "delivered"), (4.0, "delivered")]


def test_a_deferred_flow_goes_on_with_its_next_step() -> None:
    flow = {"on": {"stage": "here"}, "steps": [{"wait": "60h"}, {"send": "hello"}, {"wait": "1d"}, {"send": "ping"}]}
    assert decisions({"flows": {"f": flow}}, WEDNESDAY) == [(2.5, "deferred"), (3.0, "delivered"), (4.0, "delivered")]


def test_an_exit_event_ends_a_flow_that_waits_for_a_blackout_to_end() -> None:
    flow = {"on": {"stage": "here"}, "exit_on": ["leave"], "steps": [{"wait": "60h"}, {"send": "hello"}]}
    journey = {**TWO_CHANNELS, "events": {"leave": event_after("62h")}}
    assert [event for _, event in decisions({"flows": {"f": flow}}, WEDNESDAY, journey=journey)][:2] == ["deferred", "flow_exited"]


def pull_journey(visit: str) -> dict[str, Any]:
    return {
        "channels": {"app": {"kind": "pull", "visits": ["visit"], "lifetime": "20d"}},
        "messages": {"hint": {"channel": "app", "open_rate": 0.01}},
        "events": {"visit": {"in": "anywhere", "wait": {"fixed": visit}}},
    }


HINT = {"flows": {"f": {"on": {"stage": "here"}, "steps": [{"send": "hint"}]}}}


@pytest.mark.parametrize("then", ["defer", "refuse"])
def test_a_placed_message_is_refused_at_a_visit_in_a_blackout(then: str) -> None:
    found = decisions(HINT, {**WEDNESDAY, "then": then}, journey=pull_journey("60h"))
    assert found == [(2.5, "suppressed_blackout")]


def test_a_message_placed_in_a_blackout_is_shown_at_a_visit_after_it() -> None:
    assert decisions(HINT, {"dates": ["2026-01-05"]}, journey=pull_journey("60h")) == [(2.5, "delivered")]


CALLS = {
    "channels": {"phone": {"kind": "human", "desk": "calls"}},
    "desks": {"calls": {"service": {"fixed": "8h"}, "patience": "endless"}},
    "messages": {"talk": {"channel": "phone", "open_rate": 0.01}},
}


def call_after(wait: str) -> dict[str, Any]:
    steps = [{"wait": wait}, {"send": "talk"}]
    return {"flows": {"f": {"on": {"stage": "here"}, "steps": steps}}, "desks": {"calls": {"agents": 1}}}


def test_a_call_asked_for_before_a_blackout_is_made_in_it() -> None:
    assert decisions(call_after("44h"), WEDNESDAY, journey=CALLS) == [(52 / 24, "delivered")]


def test_a_call_due_in_a_blackout_is_asked_for_after_it() -> None:
    assert decisions(call_after("60h"), WEDNESDAY, journey=CALLS) == [(2.5, "deferred"), (3 + 8 / 24, "delivered")]


def test_a_deferred_send_draws_on_the_budget_of_the_day_on_which_it_is_made() -> None:
    rules = {"budgets": [{"at_most": 1, "per": "1d"}]}
    policy = {"broadcasts": {"b": daily("12:00")}, "guardrails": {"blackouts": [WEDNESDAY], **rules}}
    rows = rows_of(TWO_CHANNELS, policy, horizon="4d")
    assert times(rows, "suppressed_budget") == [3.5]


def test_a_diary_names_the_blackout_and_its_end() -> None:
    policy = {"broadcasts": send_at("2026-01-07 12:00"), "guardrails": {"blackouts": [OVERLAPPING]}}
    lines = walk(small_scenario(journey=TWO_CHANNELS, policy=policy), customer=0).lines
    assert [(line.text, line.why) for line in lines if line.event == "deferred"] == [
        ("Mail 'hello' is deferred until 2026-01-10 00:00", "blackout; broadcast cast_0")
    ]


def test_a_diary_names_the_blackout_that_refuses() -> None:
    policy = {"broadcasts": send_at("2026-01-07 12:00"), "guardrails": {"blackouts": [{**WEDNESDAY, "then": "refuse"}]}}
    lines = walk(small_scenario(journey=TWO_CHANNELS, policy=policy), customer=0).lines
    assert [line.why for line in lines if line.event == "suppressed_blackout"] == ["blackout; broadcast cast_0"]

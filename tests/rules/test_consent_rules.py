"""Consent: how it ends, and how an opt-in gives it again."""

from typing import Any

from rule_worlds import EVERY_DAY, customer_row, event_after, rows_of, times
from small_scenarios import small_scenario

from cjsim.reporting.walk import walk
from cjsim.simulation.simulate import simulate

MAIL_AND_TEXT = {
    "channels": {"mail": {}, "text": {}},
    "messages": {"hello": {"channel": "mail", "open_rate": 0.5}, "ping": {"channel": "text", "open_rate": 0.5}},
}
NEWS = {"news": {"schedule": {"weekdays": ["monday", "wednesday", "friday"], "at": "10:00"}, "send": "hello"}}


def once(name: str, days: str, *effects: dict[str, Any]) -> dict[str, Any]:
    """An event that happens once, so many days after entry."""
    return {name: event_after(days, *effects, when=f"count({name}) < 1")}


def opt_out_and_in(**channels: Any) -> dict[str, Any]:
    """Mail is opted out of at day 2 and opted in to at day 5."""
    events = {**once("leave", "2d", {"opt_out": "mail"}), **once("rejoin", "5d", {"opt_in": "mail"})}
    return {**MAIL_AND_TEXT, "channels": {**MAIL_AND_TEXT["channels"], **channels}, "events": events}


def consents(journey: dict[str, Any], **settings: Any) -> list[tuple[float, str, str]]:
    """Time, event and channel of each end and beginning of consent."""
    rows = rows_of(journey, **settings)
    return [(row.time, row.event, row.channel) for row in rows if row.event in ("opted_out", "opted_in")]


def test_contacts_resume_after_an_opt_in() -> None:
    rows = rows_of(opt_out_and_in(), {"broadcasts": NEWS}, horizon="10d")
    sends = [(row.time, row.event) for row in rows if row.source == "news" and row.event != "opened"]
    hour = 10 / 24
    assert sends == [
        (0 + hour, "delivered"),
        (2 + hour, "suppressed_consent"),
        (4 + hour, "suppressed_consent"),
        (7 + hour, "delivered"),
        (9 + hour, "delivered"),
    ]


def test_an_opt_in_is_logged_on_its_channel() -> None:
    assert consents(opt_out_and_in(), horizon="10d") == [(2.0, "opted_out", "mail"), (5.0, "opted_in", "mail")]


def test_an_opt_in_of_a_customer_who_consents_is_not_logged() -> None:
    assert consents({**MAIL_AND_TEXT, "events": once("rejoin", "5d", {"opt_in": "mail"})}) == []


def test_an_opt_in_leaves_other_channels_as_they_are() -> None:
    journey = {**MAIL_AND_TEXT, "events": once("e", "1d", {"opt_out": "all"}, {"opt_in": "text"})}
    assert consents(journey) == [(1.0, "opted_out", "mail"), (1.0, "opted_out", "text"), (1.0, "opted_in", "text")]


def test_an_opt_in_to_all_gives_consent_where_there_is_none() -> None:
    journey = {**MAIL_AND_TEXT, "events": once("e", "1d", {"opt_out": "text"}, {"opt_in": "all"})}
    assert consents(journey) == [(1.0, "opted_out", "text"), (1.0, "opted_in", "text")]


def test_a_customer_without_consent_at_entry_can_opt_in() -> None:
    journey = {**MAIL_AND_TEXT, "channels": {"mail": {"consent": 0.0}, "text": {}}, "events": once("rejoin", "5d", {"opt_in": "mail"})}
    rows = rows_of(journey, {"broadcasts": NEWS}, horizon="10d")
    assert [row.event for row in rows if row.source == "news"][:4] == ["suppressed_consent"] * 3 + ["delivered"]


def test_an_opt_in_leaves_the_opt_out_counted() -> None:
    assert customer_row(opt_out_and_in(), horizon="10d")["opt_outs"] == 1


def test_opt_ins_are_a_metric() -> None:
    run = simulate(small_scenario(journey=opt_out_and_in(), horizon="10d"), customers=3)
    assert run.to_pandas().loc["opt_ins", "value"] == 1.0


def test_a_clock_that_asks_for_consent_runs_again_after_an_opt_in() -> None:
    # Two days before the opt-out, the third from day 5 on. Nothing counts `rejoin`, so that only the consent has changed.
    rejoin = {"in": "anywhere", "wait": {"fixed": "5d"}, "effects": [{"opt_in": "mail"}]}
    buy = {"in": "anywhere", "wait": {"fixed": "3d"}, "when": "consent(mail)"}
    journey = {**MAIL_AND_TEXT, "events": {**once("leave", "2d", {"opt_out": "mail"}), "rejoin": rejoin, "buy": buy}}
    assert times(rows_of(journey, horizon="8d"), "buy") == [6.0]


def test_a_clock_that_asks_for_no_consent_stops_itself_by_an_opt_in() -> None:
    journey = {**MAIL_AND_TEXT, "events": once("leave", "2d", {"opt_out": "mail"})}
    journey["events"]["regret"] = {"in": "anywhere", "wait": {"fixed": "0s"}, "when": "not consent(mail)", "effects": [{"opt_in": "mail"}]}
    assert consents(journey) == [(2.0, "opted_out", "mail"), (2.0, "opted_in", "mail")]


def test_a_placed_message_is_shown_at_a_visit_after_an_opt_in() -> None:
    journey = opt_out_and_in(mail={"kind": "pull", "visits": ["visit"], "lifetime": "9d"})
    journey["events"] |= once("visit", "6d")
    flow = {"on": {"stage": "here"}, "steps": [{"wait": "3d"}, {"send": "hello"}]}
    assert times(rows_of(journey, {"flows": {"f": flow}}, horizon="10d"), "delivered") == [6.0]


def test_a_deferred_send_finds_the_consent_given_meanwhile() -> None:
    journey = {**MAIL_AND_TEXT, "events": once("leave", "23h", {"opt_out": "mail"}) | once("rejoin", "26h", {"opt_in": "mail"})}
    policy = {
        "broadcasts": {"late": {"schedule": {"weekdays": EVERY_DAY, "at": "22:00"}, "send": "hello"}},
        "guardrails": {"quiet_hours": [{"from": "21:00", "to": "08:00"}]},
    }
    assert times(rows_of(journey, policy, horizon="2d"), "delivered") == [1 + 8 / 24]


def test_a_call_reaches_a_customer_who_opted_in_while_it_waited() -> None:
    events = once("leave", "25h", {"opt_out": "phone"}) | once("rejoin", "26h", {"opt_in": "phone"})
    journey = {
        "channels": {"phone": {"kind": "human", "desk": "calls"}},
        "desks": {"calls": {"service": {"fixed": "4h"}, "patience": "endless"}},
        "messages": {"talk": {"channel": "phone", "open_rate": 0.5}},
        "events": events,
    }
    policy = {"flows": {"f": {"on": {"stage": "here"}, "steps": [{"wait": "1d"}, {"send": "talk"}]}}, "desks": {"calls": {"agents": 1}}}
    assert times(rows_of(journey, policy, horizon="3d"), "delivered") == [28 / 24]


def test_a_diary_tells_of_an_opt_in() -> None:
    diary = walk(small_scenario(journey=opt_out_and_in(), horizon="10d"), customer=0)
    assert [line.text for line in diary.lines if line.event == "opted_in"] == ["Opts in to mail"]

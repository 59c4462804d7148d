"""Opens and clicks by machines: the firm's log, counts and conditions see them; the customer, and the journey, do not."""

from typing import Any

import pytest
from rule_worlds import ALWAYS, NEVER, customer_row, event_after, rows_of, send_at, times
from small_scenarios import small_scenario

from cjsim.reporting.walk import walk
from cjsim.simulation.simulate import simulate

NOON = {"broadcasts": send_at("2026-01-05 12:00")}
EFFECTS = {
    "opened": [{"satisfy": 0.5}, {"tag": "reader"}, {"score": {"heat": 1}}, {"fire": "nod"}],
    "clicked": [{"tag": "clicker"}, {"fire": "nod"}],
}


def mail(affinity: float, *, message: dict[str, Any] | None = None, **channel: Any) -> dict[str, Any]:
    """A journey in which customers always or never open, with an hour to the open and another to the click."""
    delays = {"open_delay": {"fixed": "1h"}, "click_delay": {"fixed": "1h"}, "machine_open_delay": {"fixed": "10min"}}
    return {
        "personas": {"customer": {"share": 1, "affinity": {"mail": affinity}}},
        "channels": {"mail": {**delays, **channel}},
        "messages": {"hello": {"channel": "mail", "open_rate": 0.5, "click_rate": 1 - 1e-12, **(message or {})}},
        "scores": {"heat": {}},
        "events": {"nod": event_after(None), "buy": event_after("10d")},
    }


def touches(journey: dict[str, Any], policy: dict[str, Any] = NOON) -> list[tuple[float, str]]:
    """Time in minutes after noon, and event, of each touch."""
    rows = rows_of(journey, policy, horizon="2d")
    return [(round((row.time - 0.5) * 1440, 6), row.event) for row in rows if row.event in ("delivered", "opened", "clicked")]


def test_a_mail_client_opens_a_message_that_the_customer_does_not() -> None:
    assert touches(mail(NEVER, machine_opens=1)) == [(0, "delivered"), (10, "opened")]


def test_the_log_has_one_open_the_first() -> None:
    assert touches(mail(ALWAYS, machine_opens=1)) == [(0, "delivered"), (10, "opened"), (120, "clicked")]
    late = mail(ALWAYS, machine_opens=1, machine_open_delay={"fixed": "2h"})
    assert touches(late) == [(0, "delivered"), (60, "opened"), (120, "clicked")]


def test_a_mail_server_opens_and_clicks_at_delivery() -> None:
    expected = [(0, "delivered"), (0, "opened"), (0, "clicked")]
    assert touches(mail(NEVER, bot_clicks=1)) == expected
    assert touches(mail(ALWAYS, bot_clicks=1)) == expected
    assert touches(mail(ALWAYS, bot_clicks=1, machine_opens=1)) == expected


def test_without_machines_the_log_shows_the_customer() -> None:
    assert touches(mail(ALWAYS)) == [(0, "delivered"), (60, "opened"), (120, "clicked")]


@pytest.mark.parametrize("machine", [{"machine_opens": 1}, {"bot_clicks": 1}])
def test_a_machine_does_not_affect_the_customer(machine: dict[str, Any]) -> None:
    message = {"effects": EFFECTS, "lift": {"opened": {"buy": 5.0}, "clicked": {"buy": 5.0}}}
    journey = mail(NEVER, message=message, **machine)
    rows = rows_of(journey, NOON, horizon="12d")
    assert times(rows, "nod") == []
    assert times(rows, "buy") == [10.0]
    row = customer_row(journey, NOON, horizon="2d")
    assert (row["satisfaction"], row["opens"]) == (0.5, 1)


@pytest.mark.parametrize("machine", [{}, {"machine_opens": 1}, {"bot_clicks": 1}])
def test_a_customer_whom_the_log_does_not_show_responds_as_ever(machine: dict[str, Any]) -> None:
    message = {"effects": EFFECTS, "lift": {"opened": {"buy": 5.0}, "clicked": {"buy": 5.0}}}
    plain, measured = (rows_of(mail(ALWAYS, message=message, **more), NOON, horizon="12d") for more in ({}, machine))
    assert times(measured, "nod") == times(plain, "nod") == pytest.approx([0.5 + 1 / 24, 0.5 + 2 / 24])
    assert times(measured, "buy") == times(plain, "buy")


@pytest.mark.parametrize("machine", [{"machine_opens": 1}, {"bot_clicks": 1}])
@pytest.mark.parametrize("effect", [{"tag": "reader"}, {"score": {"heat": 1}}])
def test_a_tag_or_score_in_a_choose_is_the_customers(effect: dict[str, Any], machine: dict[str, Any]) -> None:
    flow = {"on": {"date": "2026-01-06", "at": "12:30"}, "if": "tagged(reader) or score(heat) == 1", "steps": [{"tag": "done"}]}
    for affinity, starts in ((NEVER, 0), (ALWAYS, 1)):
        effects = {"opened": [{"choose": [{"weight": 1, "effects": [effect]}]}, {"satisfy": 0.1}]}
        journey = mail(affinity, message={"effects": effects}, **machine)
        journey["events"]["mark"] = event_after(None, {"tag": "reader"})
        assert len(times(rows_of(journey, {**NOON, "flows": {"f": flow}}, horizon="2d"), "flow_started")) == starts


def test_a_tag_after_a_choose_is_the_machines() -> None:
    choose = {"choose": [{"weight": 1, "effects": [{"choose": [{"weight": 1, "effects": [{"satisfy": 0.1}]}]}]}]}
    journey = mail(ALWAYS, message={"effects": {"opened": [choose, {"score": {"heat": 1}}, choose]}}, machine_opens=1)
    flow = {"on": {"date": "2026-01-06", "at": "12:30"}, "if": "score(heat) == 1", "steps": [{"tag": "done"}]}
    assert len(times(rows_of(journey, {**NOON, "flows": {"f": flow}}, horizon="2d"), "flow_started")) == 1


CONDITIONS = ["opens == 1", "opens(mail) == 1", "opened(hello) == 1", "unopened == 0", "tagged(reader)", "score(heat) == 1"]


@pytest.mark.parametrize("condition", CONDITIONS)
def test_a_policy_sees_what_a_machine_did(condition: str) -> None:
    journey = mail(NEVER, message={"effects": EFFECTS}, machine_opens=1)
    flow = {"on": {"date": "2026-01-05", "at": "12:30"}, "if": condition, "steps": [{"tag": "done"}]}
    assert len(times(rows_of(journey, {**NOON, "flows": {"f": flow}}, horizon="1d"), "flow_started")) == 1


def test_a_policy_sees_the_click_of_a_machine() -> None:
    journey = mail(NEVER, message={"effects": EFFECTS}, bot_clicks=1)
    condition = "clicks == 1 and clicks(mail) == 1 and clicked(hello) == 1 and tagged(clicker)"
    flow = {"on": {"date": "2026-01-05", "at": "12:30"}, "if": condition, "steps": [{"tag": "done"}]}
    assert len(times(rows_of(journey, {**NOON, "flows": {"f": flow}}, horizon="1d"), "flow_started")) == 1


@pytest.mark.parametrize("name", ["opens", "opens(mail)", "opened(hello)", "clicks", "clicks(mail)", "clicked(hello)"])
def test_a_journey_reads_the_customers_own_responses(name: str) -> None:
    for affinity, expected in ((NEVER, []), (ALWAYS, [1.0])):
        journey = mail(affinity, bot_clicks=1)
        journey["events"] = {"act": event_after("1d", when=f"{name} == 1 and count(act) < 1"), "nod": event_after(None)}
        found = times(rows_of(journey, NOON, horizon="4d"), "act")
        assert [time > 1 for time in found] == [True] * len(expected)


@pytest.mark.parametrize("name", ["unopened", "unopened(mail)"])
def test_a_journey_reads_the_messages_that_the_customer_did_not_open(name: str) -> None:
    for affinity, expected in ((NEVER, 1), (ALWAYS, 0)):
        journey = mail(affinity, bot_clicks=1)
        journey["events"] = {"act": event_after("1d", when=f"{name} == 1 and count(act) < 1"), "nod": event_after(None)}
        assert len(times(rows_of(journey, NOON, horizon="4d"), "act")) == expected


def test_machine_opens_end_a_spell_of_unopened_messages() -> None:
    flow = {"on": {"unopened": 1}, "steps": [{"tag": "done"}]}
    casts = send_at("2026-01-05 12:00", "2026-01-06 12:00")
    for machine, starts in (({}, 1), ({"machine_opens": 1}, 0)):
        rows = rows_of(mail(NEVER, **machine), {"broadcasts": casts, "flows": {"f": flow}}, horizon="3d")
        assert len(times(rows, "flow_started")) == starts


def test_machine_opens_reset_an_inactivity_timer() -> None:
    flow = {"on": {"inactivity": "1d"}, "steps": [{"tag": "done"}]}
    rows = rows_of(mail(NEVER, machine_opens=1), {**NOON, "flows": {"f": flow}}, horizon="2d")
    assert times(rows, "flow_started") == [pytest.approx(1.5 + 10 / 1440)]


def test_nothing_opens_a_message_in_the_spam_folder() -> None:
    journey = mail(ALWAYS, message={"open_rate": 1e-13}, machine_opens=1, bot_clicks=1, spam_rate=1 - 1e-12)
    assert touches(journey) == [(0, "delivered")]


def test_only_the_diary_of_the_truth_tells_machines_from_customers() -> None:
    scenario = small_scenario(journey=mail(NEVER, machine_opens=1), policy=NOON, horizon="2d")
    firm, truth = (str(walk(scenario, customer=0, truth=truth)) for truth in (False, True))
    assert "Opens 'hello'" in firm
    assert "machine" not in firm
    assert "A machine opens 'hello'" in truth


def test_true_and_measured_rates_stand_side_by_side() -> None:
    scenario = small_scenario(journey=mail(NEVER, machine_opens=0.5), policy=NOON, horizon="2d")
    metrics = simulate(scenario, customers=40, threads=1).metrics
    assert metrics["true_open_rate"].value == 0
    assert 0.2 < metrics["open_rate"].value < 0.8  # binomial(40, 1/2) is outside less than once in 10,000 seeds
    assert metrics["measured_open_rate[mail]"].value == metrics["open_rate"].value

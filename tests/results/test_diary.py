"""Diaries agree with the log and the outcomes of a run, give reasons, and show nothing latent in the firm's view."""

import json
import math
import re
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from conftest import ROOT
from shared_firms import desk_firm
from small_scenarios import small_scenario
from typer.testing import CliRunner

from cjsim.cli import app
from cjsim.engine import generations
from cjsim.errors import InputError
from cjsim.reporting.diary import Diary
from cjsim.reporting.event_text import format_short_duration
from cjsim.reporting.walk import walk
from cjsim.simulation.documents import Scenario
from cjsim.simulation.simulate import simulate

SHOP = Scenario.load(ROOT / "configs" / "scenarios" / "shop.yaml")


def small_diary_scenario(*, policy: dict[str, Any] | None = None, horizon: str = "30d", **journey: Any) -> Scenario:
    """Orders every week, a hidden grudge on day 10, an unobserved departure on day 25, and one email at entry."""
    return Scenario.from_dict(
        {
            "name": "small",
            "start": "2026-01-05",
            "horizon": horizon,
            "customers": 3,
            "journey": {
                "name": "j",
                "starts_in": "active",
                "personas": {"regular": {"share": 1, "satisfaction": 0.5}},
                "stages": {"active": {}, "gone": {"observed": False}},
                "events": {
                    "order": {"title": "Orders", "in": ["active"], "wait": {"fixed": "7d"}, "effects": [{"purchase": {"value": 10}}]},
                    "grudge": {"in": ["active"], "wait": {"fixed": "10d"}, "observed": False, "effects": [{"satisfy": -0.5}]},
                    "leave": {"in": ["active"], "wait": {"fixed": "25d"}, "observed": False, "effects": [{"go": "gone"}]},
                },
                "channels": {"mail": {"title": "Letter", "cost": 0.5}, "text": {"consent": 0.0}},
                "messages": {
                    "hello": {"channel": "mail", "title": "Hello", "open_rate": 0.999, "lift": {"opened": {"order": 1}}},
                    "ping": {"channel": "text", "open_rate": 0.5},
                },
                **journey,
            },
            "policy": {"name": "p", "flows": {"greet": {"on": {"stage": "active"}, "steps": [{"send": "hello"}]}}, **(policy or {})},
        }
    )


def diary_texts(diary: Diary) -> list[str]:
    return [f"{line.text}: {line.why}" if line.why else line.text for line in diary.lines]


def greeting_policy(*steps: dict[str, Any], **guardrails: Any) -> dict[str, Any]:
    return {"flows": {"greet": {"on": {"stage": "active"}, "steps": list(steps)}}, "guardrails": guardrails}


@pytest.mark.parametrize("truth", [False, True])
def test_diary_lists_exactly_the_logged_events(truth: bool, tmp_path: Path) -> None:
    run = simulate(SHOP, customers=4, seed=5, log=tmp_path / "log.parquet")
    assert run.log is not None
    log = run.log.to_pandas()
    for number in range(4):
        diary = walk(SHOP, customer=number, seed=5, truth=truth)
        lines = [line for line in diary.lines if line.is_seen]
        rows = log[log["customer"] == number]
        assert [line.event for line in lines] == rows["event"].tolist()
        apart = [abs(diary.date(line.time) - time) for line, time in zip(lines, rows["time"], strict=True)]
        assert max(apart) <= timedelta(microseconds=1)


def test_diary_end_matches_the_outcomes() -> None:
    run = simulate(SHOP, customers=4, seed=5)
    for number in range(4):
        end, of = walk(SHOP, customer=number, seed=5).end, run.outcomes.customers[number]
        assert {name: end[name] for name in ("clv", "contacts", "purchases")} == {
            name: of[name] for name in ("clv", "contacts", "purchases")
        }


def test_diary_without_truth_shows_nothing_latent() -> None:
    diary = walk(small_diary_scenario(), customer=0)
    assert diary_texts(diary)[:3] == ["Enters the simulation", "Flow 'greet' starts: enters active", "Letter 'Hello' arrives: flow greet"]
    assert {line.event for line in diary.lines} == {"entered", "flow_started", "delivered", "opened", "order"}
    assert all(math.isnan(line.satisfaction) and line.stage == "active" for line in diary.lines)
    assert diary.who == {}
    assert (diary.end["stage"], "satisfaction" in diary.end) == ("active", False)


def test_truth_shows_unobserved_events_and_satisfaction() -> None:
    diary = walk(small_diary_scenario(), customer=0, truth=True)
    unseen = [(line.time, line.event, line.stage, line.satisfaction) for line in diary.lines if not line.is_seen]
    assert unseen == [(10.0, "grudge", "active", 0.25), (20.0, "grudge", "active", 0.125), (25.0, "leave", "gone", 0.125)]
    assert diary.who == {"persona": "regular"}
    assert "Final stage: gone. Satisfaction: furious (0.12)." in diary.summary()


def test_fired_hidden_events_follow_their_cause() -> None:
    events = {"a": {"in": ["active"], "wait": {"fixed": "20d"}, "effects": [{"fire": "b"}]}, "b": {"observed": False}}
    diary = walk(small_diary_scenario(events=events, messages={}, policy={"flows": {}}), customer=0, truth=True)
    assert diary_texts(diary) == ["Enters the simulation", "a", "b: triggered by 'a'"]


def test_truth_names_the_message_that_raised_a_rate() -> None:
    diary = walk(small_diary_scenario(), customer=0, truth=True)
    orders = [line.why for line in diary.lines if line.event == "order"]
    assert orders[0].startswith("sped up by opening 'Hello' ")
    assert orders[-1] == ""
    assert next(line.why for line in walk(small_diary_scenario(), customer=0).lines if line.event == "order") == ""


def test_without_truth_no_message_is_named_as_the_reason_of_an_event() -> None:
    soon = {"visit": {"in": ["active"], "wait": {"fixed": "1d"}}}
    lines = walk(small_diary_scenario(events=soon, messages={"hello": {"channel": "mail", "open_rate": 0.999}}), customer=0).lines
    assert {line.why for line in lines if line.event == "visit"} == {""}


@pytest.mark.parametrize(
    ("policy", "text"),
    [
        (greeting_policy({"send": "ping"}), "Text 'ping' is not sent: no consent for text; flow greet"),
        (
            greeting_policy({"send": "hello"}, exit="purchases == 0"),
            "Letter 'Hello' is not sent: the exit condition holds (purchases == 0); flow greet",
        ),
        (
            greeting_policy({"send": "hello"}, {"wait": "2d"}, {"send": "hello"}, gaps=[{"at_least": "3d"}]),
            "Letter 'Hello' is not sent: the last contact was 2 days ago, but the minimum gap is 3 days; flow greet",
        ),
        (
            greeting_policy({"send": "hello"}, {"wait": "2d"}, {"send": "hello"}, caps=[{"at_most": 1, "per": "3d", "channels": ["mail"]}]),
            "Letter 'Hello' is not sent: 1 contact in 3 days, and the cap is 1; flow greet",
        ),
        (
            greeting_policy({"send": "hello"}, quiet_hours=[{"from": "22:00", "to": "07:30"}]),
            "Letter 'Hello' is deferred until 07:30: quiet hours; flow greet",
        ),
        (greeting_policy({"send": "hello"}, holdout=1.0), "Letter 'Hello' is not sent: in the holdout; flow greet"),
    ],
)
def test_suppressed_send_names_the_guardrail(policy: dict[str, Any], text: str) -> None:
    assert text in diary_texts(walk(small_diary_scenario(policy=policy), customer=1))


@pytest.mark.parametrize(
    ("on", "why"),
    [
        ({"event": "order"}, "triggered by 'Orders'"),
        ({"inactivity": "5d"}, "5 d without activity"),
        ({"inactivity": "5d", "of": ["order"]}, "5 d without the event 'Orders'"),
        ({"date": "2026-01-20", "at": "10:00"}, "on its date"),
        ({"score": "heat", "above": 1}, "score heat above 1"),
    ],
)
def test_flow_starts_show_their_reason(on: dict[str, Any], why: str) -> None:
    events = {
        "order": {
            "title": "Orders",
            "in": ["active"],
            "wait": {"fixed": "7d"},
            "effects": [{"purchase": {"value": 10}}, {"score": {"heat": 2}}],
        }
    }
    policy = {"flows": {"f": {"on": on, "steps": [{"tag": "seen"}]}}}
    diary = walk(small_diary_scenario(events=events, messages={}, scores={"heat": {}}, policy=policy), customer=0)
    assert f"Flow 'f' starts: {why}" in diary_texts(diary)


def test_repeated_suppression_is_abbreviated() -> None:
    policy = greeting_policy(
        {"send": "ping"}, {"wait": "1d"}, {"send": "ping"}, {"wait": "1d"}, {"send": "hello"}, exit="days_since_entry > 1.5"
    )
    assert diary_texts(walk(small_diary_scenario(policy=policy), customer=1))[2:5] == [
        "Text 'ping' is not sent: no consent for text; flow greet",
        "Text 'ping' is not sent: same reason as before",
        "Letter 'Hello' is not sent: the exit condition holds (days_since_entry > 1.5); flow greet",
    ]


def test_offers_are_shown_when_given_and_used() -> None:
    policy = greeting_policy({"offer": "tenth"})
    diary = walk(small_diary_scenario(offers={"tenth": {"discount": 0.1, "valid": "10d"}}, policy=policy), customer=0)
    assert {"Receives offer 'tenth': 10 % off, valid 10 d", "Redeems offer 'tenth': 1.00 off", "Orders for 9.00"} <= set(diary_texts(diary))


def call_scenario(patience: str) -> Scenario:
    """All three customers call on day 1. One agent talks to each for an hour, and the SLA is 90 minutes."""
    return small_diary_scenario(
        events={"call": {"title": "Calls", "in": ["active"], "wait": {"fixed": "1d"}, "effects": [{"ask": "help"}]}, "calms_down": {}},
        messages={},
        desks={"help": {"service": {"fixed": "1h"}, "patience": {"fixed": patience}, "effects": {"in_time": [{"fire": "calms_down"}]}}},
        policy={"flows": {}, "desks": {"help": {"agents": 1, "sla": "90min", "cost_per_minute": 2.0}}},
        horizon="36h",
    )


def test_desk_conversations_show_their_waits() -> None:
    for number, text in enumerate(
        ["Gets an answer from help: after 0 s", "Gets an answer from help: after 1 h", "Gets an answer from help, late: after 2 h"]
    ):
        diary = walk(call_scenario("9h"), customer=number)
        assert diary_texts(diary)[1:4] == ["Calls", "Contacts help: triggered by 'Calls'", text]
        assert (diary.end["cost"], diary.end["asks"]) == (120.0, 1)
    assert diary_texts(walk(call_scenario("30min"), customer=1))[-1] == "Gives up on help: after 30 min without an answer"


def test_costs_are_shown_at_their_event() -> None:
    answered = walk(call_scenario("9h"), customer=0)
    assert [(line.event, line.cost) for line in answered.lines][-2:] == [("answered_in_time", 120.0), ("calms_down", 0.0)]
    greeted = walk(small_diary_scenario(), customer=0)
    assert [(line.event, line.cost) for line in greeted.lines][:3] == [("entered", 0.0), ("flow_started", 0.0), ("delivered", 0.5)]


def test_exhausted_budget_is_shown() -> None:
    policy = greeting_policy({"send": "hello"}, budgets=[{"at_most": 1, "per": "30d"}])
    assert "Letter 'Hello' arrives: flow greet" in diary_texts(walk(small_diary_scenario(policy=policy), customer=0))
    assert "Letter 'Hello' is not sent: the budget for all customers is exhausted; flow greet" in diary_texts(
        walk(small_diary_scenario(policy=policy), customer=1)
    )


def test_experiment_arm_is_shown() -> None:
    split = {"split": {"a": {"share": 0.0}, "b": {"share": 1.0}}, "experiment": "colour"}
    assert "Is assigned to arm 'b' of experiment colour: flow greet" in diary_texts(
        walk(small_diary_scenario(policy=greeting_policy(split)), customer=0)
    )


def test_text_fits_its_width_and_prints_each_day_once() -> None:
    diary = walk(SHOP, customer=17, seed=1, truth=True)
    for width in (80, 140):
        assert max(len(line) for line in diary.summary(width=width).splitlines()) <= width
    days = re.findall(r"^\w{3} \d\d \w{3} ", diary.summary(full=True), re.MULTILINE)
    assert len(days) == len({diary.date(line.time).date() for line in diary.lines})


def growing_diary_scenario() -> Scenario:
    """A customer arrives through search every other day. Each invites one friend per day, who may or may not join."""
    events = {"tells": {"in": ["active"], "wait": {"fixed": "1d"}, "effects": [{"refer": {"joins": 0.5, "delay": {"fixed": "12h"}}}]}}
    return small_diary_scenario(
        events=events, messages={"hello": {"channel": "mail", "open_rate": 0.5}}, acquisition={"search": {"baseline": 0.5}}, horizon="10d"
    ).with_values({"customers": 1})


def test_diaries_of_arrivals_and_referred_customers_match_the_log(tmp_path: Path) -> None:
    run = simulate(growing_diary_scenario(), log=tmp_path / "log.parquet")
    assert run.log is not None
    log = run.log.to_pandas()
    assert run.registry.n_arrived > 1
    assert len(run) > run.registry.n_initial + run.registry.n_arrived + 3
    for number in (1, run.registry.n_initial + run.registry.n_arrived, len(run) - 1):
        diary = walk(growing_diary_scenario(), customer=number)
        rows = log[log["customer"] == number]
        assert [line.event for line in diary.lines] == rows["event"].tolist()
        assert abs(diary.date(diary.lines[0].time) - rows["time"].iloc[0]) <= timedelta(microseconds=1)
        assert diary.lines[0].why == ("acquired via search" if number == 1 else "referred by a friend")
    with pytest.raises(InputError, match=f"must be from 0 to {len(run) - 1}, got {len(run)}"):
        walk(growing_diary_scenario(), customer=len(run))


def test_routine_events_are_summarized_unless_all_are_requested() -> None:
    daily = {"schedule": {"weekdays": ["monday", "tuesday", "wednesday", "thursday", "friday"], "at": "10:00"}, "send": "ping"}
    policy = {"flows": {}, "broadcasts": {"daily": daily}}
    journey: dict[str, Any] = {"channels": {"text": {"title": "Text"}}, "messages": {"ping": {"channel": "text", "open_rate": 1e-9}}}
    diary = walk(small_diary_scenario(policy=policy, horizon="9d", events={}, **journey), customer=0)
    assert "Through Tue 13 Jan: text 'ping' delivered 7 times" in diary.summary()
    assert diary.summary().count("'ping'") == 1
    assert diary.summary(full=True).count("Text 'ping' arrives: broadcast daily") == len(diary.lines) - 1 == 7


def test_customer_entering_after_the_horizon_is_reported() -> None:
    late = small_diary_scenario().with_values({"entry.over": "3000d"})
    never = next(number for number in range(3) if not walk(late, customer=number).lines)
    assert walk(late, customer=never).summary().endswith("The customer did not enter before the horizon.")


@pytest.mark.parametrize("number", [3, -1])
def test_unknown_customer_is_rejected(number: int) -> None:
    with pytest.raises(
        InputError, match=rf"customer: must be from 0 to 2, got {number}\. Choose an initial, acquired or referred customer"
    ):
        walk(small_diary_scenario(), customer=number)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"customer": "2"}, "customer: must be a whole number, got '2'"),
        ({"customer": 1.5}, "customer: must be a whole number, got 1.5"),
        ({"customer": 0, "seed": -1}, "seed: must be at least 0, got -1"),
    ],
)
def test_invalid_walk_arguments_are_rejected(wrong: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        walk(small_diary_scenario(), **wrong)


def test_command_prints_a_diary_or_one_json_object(tmp_path: Path) -> None:
    file = tmp_path / "small.yaml"
    small_diary_scenario().save(file)
    shown = CliRunner().invoke(app, ["walk", str(file), "--customer", "2", "--truth"], env={"COLUMNS": "90"})
    assert (shown.exit_code, shown.stdout.splitlines()[0]) == (0, "Customer 2 of scenario small, seed 1 (ground truth)")
    one = json.loads(CliRunner().invoke(app, ["walk", str(file), "--customer", "2", "--json"]).stdout)
    assert (one["customer"], one["view"], one["lines"][0]["event"], one["lines"][0]["satisfaction"]) == (2, "firm", "entered", None)
    assert one["lines"][0]["date"] == "2026-01-05 00:00"


def test_command_rejects_a_non_numeric_customer() -> None:
    result = CliRunner().invoke(app, ["walk", str(ROOT / "tests" / "worlds" / "tiny.yaml"), "--customer", "x"])
    assert (result.exit_code, result.stderr) == (2, "--customer: must be a whole number, got 'x'. Use a number such as 7.\n")


@pytest.mark.parametrize(("days", "text"), [(0.0, "0 s"), (59 / 60 / 1440, "59 s"), (1.0, "1 d"), (9.96, "10 d"), (200.4, "200 d")])
def test_time_spans_are_abbreviated(days: float, text: str) -> None:
    assert format_short_duration(days) == text


def test_the_population_limit_of_a_diary_counts_existing_customers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(generations, "MIN_POPULATION_LIMIT", 1)  # so that the limit is 20 times the number of customers
    firm = desk_firm(customers=1, horizon="2d").with_values({"existing": {"customers": 30, "years": 0.01}})
    assert walk(firm, customer=0).lines


def test_the_population_limit_of_a_diary_can_be_raised() -> None:
    crowded = small_scenario(journey={"acquisition": {"ads": {"baseline": 40_000}}}, horizon="30d", customers=2)
    with pytest.raises(InputError, match="raise the limit with `max_customers`"):
        walk(crowded, customer=5)
    assert walk(crowded, customer=5, max_customers=2_000_000).lines

"""`responses`: incremental effects and last touch per 1,000 deliveries, against closed forms and logs made by hand."""

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from conftest import ROOT
from small_scenarios import small_scenario
from typer.testing import CliRunner

from cjsim.attribution.response_cards.card_data import Response, ResponseCard
from cjsim.attribution.response_cards.measurement import responses
from cjsim.attribution.response_cards.touch_log import PURCHASES, ResponseLog
from cjsim.cli import app
from cjsim.errors import InputError
from cjsim.eventlog.event_table import EventLog
from cjsim.simulation.documents import Scenario

RATE, LIFT, HALF_LIFE, OPENED, DAYS, WINDOW = 0.2, 3.0, 4.0, 0.5, 40.0, 6.0  # looks per day, lift of an open, days, share, days, days
TINY = str(ROOT / "tests" / "worlds" / "tiny.yaml")


def world(**settings: Any) -> Scenario:
    """Each customer gets one message after a day; those who open it look around more often for a while. Nobody buys."""
    journey = {
        "events": {
            "look": {"in": ["here"], "wait": {"exponential": f"{1 / RATE}d"}, "half_life": f"{HALF_LIFE}d"},
            "rest": {"in": ["here"], "wait": {"exponential": "9d"}},
        },
        "channels": {"mail": {}},
        "messages": {
            "hint": {"channel": "mail", "open_rate": OPENED, "lift": {"opened": {"look": LIFT}}},
            "spare": {"channel": "mail", "open_rate": OPENED},
        },
    }
    policy = {"flows": {"greet": {"on": {"stage": "here"}, "again_after": "never", "steps": [{"wait": "1d"}, {"send": "hint"}]}}}
    return small_scenario(journey=journey, policy=policy, horizon=f"{DAYS:.0f}d", customers=4000, **settings)


def looks_caused(days: float) -> float:
    """Expected additional looks in the days after an open: the integral of the decaying lift times the rate."""
    return RATE * LIFT * HALF_LIFE / math.log(2) * (1 - 2 ** (-days / HALF_LIFE))


@pytest.fixture(scope="module")
def card() -> ResponseCard:
    [card] = responses(world(), window_days=WINDOW, threads=1).cards
    return card


def only(card: ResponseCard) -> Response:
    [response] = card.responses
    return response


def test_incremental_effect_is_the_integral_of_the_lift(card: ResponseCard) -> None:
    """Within 4 standard errors, which another seed exceeds once in 16,000 runs."""
    found = only(card).incremental
    assert only(card).outcome == "look"
    assert abs(found.value - 1000 * OPENED * looks_caused(DAYS - 1)) < 2 * (found.high - found.low) / 1.96
    assert only(card).holds and only(card).p_value < 1e-9


def test_last_touch_counts_everything_in_the_window(card: ResponseCard) -> None:
    """Within 4 standard errors: what would have happened anyway, and the additional looks of the window."""
    found = only(card).last_touch
    assert abs(found.value - 1000 * OPENED * (RATE * WINDOW + looks_caused(WINDOW))) < 2 * (found.high - found.low) / 1.96


def test_card_counts_deliveries_and_rates(card: ResponseCard) -> None:
    assert (card.deliveries, card.click_rate.value) == (4000, 0)
    assert card.open_rate.low < OPENED < card.open_rate.high
    assert card.lift_sources == {"unstated": 1}


@pytest.mark.slow
def test_intervals_cover_the_closed_forms() -> None:
    """400 runs of 300 customers: the share covered is within 3 standard errors (3.3 points) of 95 %, but for 1 test in 370."""
    runs = [responses(world(seed=seed), customers=300, window_days=WINDOW, threads=1).cards[0].responses[0] for seed in range(1, 401)]
    caused, credited = 1000 * OPENED * looks_caused(DAYS - 1), 1000 * OPENED * (RATE * WINDOW + looks_caused(WINDOW))
    for covered in (
        [one.incremental.low < caused < one.incremental.high for one in runs],
        [one.last_touch.low < credited < one.last_touch.high for one in runs],
    ):
        assert abs(np.mean(covered) - 0.95) < 3 * math.sqrt(0.95 * 0.05 / 400)


def test_a_message_without_effect_causes_nothing_but_is_credited() -> None:
    one = world().with_values({"journey.messages.hint.lift": {"opened": {"look": 0}}})
    [card] = responses(one, window_days=WINDOW, threads=1).cards
    assert only(card).incremental == (0, 0, 0)
    assert not only(card).holds
    assert only(card).last_touch.low > 0


def test_effects_that_fire_events_and_hidden_events() -> None:
    data = world().to_dict()
    data["journey"]["events"] |= {
        "nod": {"effects": [{"purchase": {"value": 3}}]},
        "doubt": {"in": ["here"], "wait": {"exponential": "9d"}, "observed": False},
    }
    data["journey"]["messages"]["hint"] |= {"effects": {"opened": [{"fire": "nod"}]}, "lift": {"opened": {"doubt": 2}}}
    [card] = responses(Scenario.from_dict(data), threads=1).cards
    assert [one.outcome for one in card.responses] == [PURCHASES]  # `nod` is the only event with a purchase
    opened = 1000 * card.open_rate.value
    assert float(card.responses[0].incremental.value) == pytest.approx(opened)
    assert float(card.responses[0].last_touch.value) == pytest.approx(opened)


def test_lost_customers_count_against_a_message() -> None:
    """Everyone who opens leaves: the looks of the remaining days are lost, within 4 standard errors."""
    values = {
        "journey.stages": {"here": {}, "gone": {}},
        "journey.messages.hint.lift": {"opened": {"look": 0}},
        "journey.messages.hint.effects": {"opened": [{"go": "gone"}]},
    }
    found = only(responses(world().with_values(values), threads=1).cards[0]).incremental
    assert abs(found.value + 1000 * OPENED * RATE * (DAYS - 1)) < 2 * (found.high - found.low) / 1.96


def hand_made(rows: list[tuple[int, str, str, str, float]]) -> ResponseLog:
    """The log of rows (customer, day, event, message, value)."""
    frame = pd.DataFrame(rows, columns=["customer", "time", "event", "message", "value"])
    frame["message"] = frame["message"].where(frame["message"] != "", None)
    return ResponseLog.read(EventLog.from_pandas(frame), messages=["a", "b"], outcomes=["look"], purchases=["order"])


LOG = [
    (0, "2026-01-01", "opened", "a", 0.0),
    (0, "2026-01-02", "opened", "b", 0.0),
    (0, "2026-01-03", "look", "", 0.0),
    (1, "2026-01-01", "opened", "a", 0.0),
    (1, "2026-01-02", "clicked", "a", 0.0),
    (1, "2026-01-04", "order", "", 9.0),
    (1, "2026-01-08", "order", "", 9.0),
    (1, "2026-01-09", "order", "", 0.0),
    (2, "2026-01-01", "look", "", 0.0),
    (2, "2026-01-02", "opened", "b", 0.0),
]


@pytest.mark.parametrize("order", [LOG, LOG[::-1]])
def test_the_last_touch_before_an_outcome_is_credited(order: list[tuple[int, str, str, str, float]]) -> None:
    log = hand_made(order)
    looks, orders, clicks = (
        {name: log.credited_counts(name, outcome, log.last_touches(touch=touch, window_days=days), 3) for name in ("a", "b")}
        for outcome, touch, days in (("look", "opened", 5), (PURCHASES, "opened", 5), (PURCHASES, "clicked", 6))
    )
    assert {name: counts.tolist() for name, counts in looks.items()} == {"a": [0, 0, 0], "b": [1, 0, 0]}
    assert {name: counts.tolist() for name, counts in orders.items()} == {"a": [0, 1, 0], "b": [0, 0, 0]}
    assert {name: counts.tolist() for name, counts in clicks.items()} == {"a": [0, 2, 0], "b": [0, 0, 0]}
    assert log.outcome_counts(PURCHASES, 3).tolist() == [0, 2, 0]
    assert log.touch_counts("a", 3, touch="clicked").tolist() == [0, 1, 0]


def test_table_answers_and_names_messages_that_nobody_received() -> None:
    data = world().to_dict()
    data["journey"]["events"]["look"]["effects"] = [{"purchase": {"value": 1}}]
    data["policy"]["flows"]["late"] = {"on": {"event": "rest"}, "if": "day > 1000", "steps": [{"send": "spare"}]}
    found = responses(Scenario.from_dict(data), threads=1)
    first, *_ = str(found).split("\n\n")
    assert " ".join(first.split()) == "In small, 1 of 1 messages clearly causes purchases."
    assert "Nobody received: spare." in str(found)
    assert found.undelivered == ("spare",)


def test_table_says_if_last_touch_credits_too_much() -> None:
    data = world().to_dict()
    data["journey"]["events"]["look"] |= {"effects": [{"purchase": {"value": 1}}], "half_life": "4h"}
    first, *_ = str(responses(Scenario.from_dict(data), threads=1)).split("\n\n")
    assert " ".join(first.split()).endswith("purchases. Last touch credits 1 of the 1 with clearly more purchases than it causes.")


def test_files_and_json_hold_the_same_numbers(tmp_path: Path) -> None:
    found = responses(world(), customers=200, threads=1)
    found.save(tmp_path / "cards")
    assert {file.name for file in (tmp_path / "cards").iterdir()} == {"responses.csv", "responses.json", "responses.png"}
    saved, [row] = json.loads((tmp_path / "cards" / "responses.json").read_text("utf-8")), found.to_pandas().to_dict("records")
    [message] = saved["messages"]
    [response] = message["responses"]
    assert (row["message"], row["outcome"], row["source"]) == ("hint", "look", "unstated")
    assert [row["incremental"], row["incremental_low"], row["incremental_high"]] == list(response["incremental"].values())
    assert (saved["window_days"], saved["touch"], saved["per"]) == (5, "opened", 1000)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"only": ["hnt"]}, "Did you mean 'hint'"),
        ({"only": ["spare"]}, "only: must be"),
        ({"touch": "seen"}, "touch: must be one of"),
        ({"window_days": 0}, "window_days: must be above 0"),
        ({"window_days": math.nan}, "window_days: must be above 0"),
    ],
)
def test_invalid_arguments(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        responses(world(), **arguments)


def test_command_prints_the_table_and_json() -> None:
    invoke = CliRunner().invoke
    printed = invoke(app, ["responses", TINY, "--customers", "50", "--window", "2d"])
    assert printed.exit_code == 0
    assert "within 2 days after the message was opened" in " ".join(printed.stdout.split())
    data = json.loads(invoke(app, ["responses", TINY, "--customers", "50", "--json"]).stdout)
    assert [one["message"] for one in data["messages"]] == ["hello"]


def test_command_reports_a_wrong_window() -> None:
    printed = CliRunner().invoke(app, ["responses", TINY, "--window", "soon"])
    assert (printed.exit_code, "--window: must be a duration above 0" in printed.stderr) == (2, True)


def test_a_message_of_existing_customers_does_not_stop_their_flows() -> None:
    """Only the first message is left out: the second one of the same flow is still delivered, so the first causes nothing."""
    data = world(existing={"customers": 400, "years": 0.2}).to_dict()
    data["journey"]["messages"]["spare"]["effects"] = {"delivered": [{"fire": "bought"}]}
    data["journey"]["events"]["bought"] = {"effects": [{"purchase": {"value": 1}}]}
    data["journey"]["messages"]["hint"]["lift"] = {}
    data["policy"]["flows"]["greet"]["steps"] = [{"wait": "20d"}, {"send": "hint"}, {"wait": "20d"}, {"send": "spare"}]
    [card] = responses(Scenario.from_dict(data), only=["hint"], customers=100, threads=1).cards
    assert card.deliveries > 200
    assert [one.incremental for one in card.responses] == [(0, 0, 0)]


def test_arrivals_and_referred_customers_count() -> None:
    """A share of the customers arrives or is referred; each open still fires one event."""
    data = world().to_dict()
    data["journey"]["acquisition"] = {"web": {"baseline": 5}}
    data["journey"]["events"] |= {
        "nod": {"effects": [{"score": {"nods": 1}}]},
        "tell": {"in": ["here"], "wait": {"exponential": "20d"}, "effects": [{"refer": {"invites": 1, "joins": 0.5, "by": "web"}}]},
    }
    data["journey"]["scores"] = {"nods": {}}
    data["journey"]["messages"]["hint"] |= {"lift": {}, "effects": {"opened": [{"choose": [{"weight": 1, "effects": [{"fire": "nod"}]}]}]}}
    [card] = responses(Scenario.from_dict(data), customers=200, threads=1).cards
    assert card.deliveries > 300
    assert float(only(card).incremental.value) == pytest.approx(1000 * card.open_rate.value)


def test_few_recipients_have_no_interval() -> None:
    [card] = responses(world(), customers=20, threads=1).cards
    assert math.isnan(only(card).incremental.low) and not only(card).holds and only(card).p_value == 1


def test_sources_of_the_scenario_are_shown() -> None:
    one = world(sources={"journey.messages.hint.lift": {"experiment": "a trial"}})
    assert responses(one, customers=50, threads=1).cards[0].source_text == "experiment"


def test_an_event_with_the_name_of_an_outcome_is_counted_on_its_own() -> None:
    data = world().to_dict()
    data["journey"]["events"] |= {"purchases": {"effects": [{"satisfy": 0.1}]}, "buy": {"effects": [{"purchase": {"value": 1}}]}}
    data["journey"]["messages"]["hint"] |= {"lift": {}, "effects": {"opened": [{"fire": "purchases"}, {"fire": "buy"}, {"fire": "buy"}]}}
    [card] = responses(Scenario.from_dict(data), threads=1).cards
    opened = 1000 * card.open_rate.value
    assert {one.outcome: float(one.incremental.value) for one in card.responses} == pytest.approx(
        {PURCHASES: 2 * opened, "purchases": opened}
    )


def test_nobody_receives_a_message() -> None:
    found = responses(world().with_values({"policy.flows.greet.if": "day > 1000"}), customers=50, threads=1)
    assert str(found).startswith("In small, nobody receives a message.")
    assert found.to_pandas().empty
    assert "incremental_low" in found.to_pandas().columns

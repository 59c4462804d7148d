"""Money, dwell, retention and moments of one customer, counted by hand."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from in_memory_simulation import log_rows
from rule_worlds import ALWAYS, customer_row, event_after, rows_of, send_at, times
from small_scenarios import small_scenario

from cjsim.simulation.simulate import simulate

RATE = 0.21
PURCHASE = {"purchase": {"value": 100}}


def entering_at(day: float, folder: Path, journey: dict[str, Any], **settings: Any) -> Any:
    """The row of a customer who enters on a day."""
    (folder / "entries.csv").write_text(f"entered\n{day}\n", encoding="utf-8")
    return customer_row(journey, entry={"file": str(folder / "entries.csv")}, **settings)


def test_a_purchase_at_entry_is_worth_its_full_value_whenever_the_customer_enters(tmp_path: Path) -> None:
    journey = {"events": {"buy": event_after("0s", PURCHASE, when="purchases == 0")}}
    assert entering_at(200.25, tmp_path, journey, horizon="300d", discount_rate=RATE)["clv"] == 100.0


@pytest.mark.parametrize(("wait", "days"), [("365d", 365.0), ("1d", 1.0), ("36h", 1.5), ("23h", 23 / 24), ("100d6h", 100.25)])
def test_a_purchase_is_discounted_by_the_days_since_entry(wait: str, days: float, tmp_path: Path) -> None:
    journey = {"events": {"buy": event_after(wait, PURCHASE, when="purchases == 0")}}
    row = entering_at(50.5, tmp_path, journey, horizon="500d", discount_rate=RATE)
    assert row["clv"] == pytest.approx(100 * (1 + RATE) ** (-days / 365), rel=1e-12)
    assert row["revenue"] == 100.0


def test_a_cost_is_discounted_as_a_purchase_is(tmp_path: Path) -> None:
    (tmp_path / "entries.csv").write_text("entered\n10\n", encoding="utf-8")
    journey = {"channels": {"mail": {"cost": 4.0}}, "messages": {"hello": {"channel": "mail", "open_rate": 0.5}}}
    policy = {"broadcasts": send_at("2026-01-25 18:00")}
    row = customer_row(journey, policy, entry={"file": str(tmp_path / "entries.csv")}, discount_rate=RATE)
    assert row["cost"] == 4.0
    assert row["clv"] == pytest.approx(-4 * (1 + RATE) ** (-10.75 / 365), rel=1e-12)


def test_a_cost_of_one_counts_as_any_other() -> None:
    journey = {"channels": {"mail": {"cost": 1.0}}, "messages": {"hello": {"channel": "mail", "open_rate": 0.5}}}
    assert customer_row(journey, {"broadcasts": send_at("2026-01-05 12:00")})["cost"] == 1.0


def test_without_a_discount_rate_value_adds_up() -> None:
    journey = {"events": {"buy": event_after("10d", PURCHASE)}}
    assert customer_row(journey, discount_rate=0.0, horizon="35d")["clv"] == 300.0


def test_a_margin_is_what_is_left_of_the_value() -> None:
    row = customer_row(
        {"events": {"buy": event_after("10d", {"purchase": {"value": 50, "margin": 0.4}})}}, discount_rate=0.0, horizon="25d"
    )
    assert (row["purchases"], row["revenue"], row["margin"], row["clv"]) == (2, 100.0, 40.0, 40.0)


def test_traits_multiply_the_value_of_a_purchase() -> None:
    journey = {
        "traits": {"a": {"fixed": 2.0}, "b": {"fixed": 1.5}},
        "events": {"buy": event_after("10d", {"purchase": {"value": 50, "times": ["a", "b"]}})},
    }
    assert customer_row(journey, horizon="15d")["revenue"] == 150.0


def test_a_purchase_logs_its_value_with_its_event() -> None:
    rows = rows_of({"events": {"buy": event_after("10d", PURCHASE, PURCHASE)}}, horizon="25d")
    assert [(row.time, row.value) for row in rows if row.event == "buy"] == [(10.0, 200.0), (20.0, 200.0)]


def test_a_purchase_of_one_logs_its_value_too() -> None:
    rows = rows_of({"events": {"buy": event_after("10d", {"purchase": {"value": 1}})}}, horizon="25d")
    assert [row.value for row in rows if row.event == "buy"] == [1.0, 1.0]


def test_events_without_a_purchase_log_no_value() -> None:
    rows = rows_of({"events": {"buy": event_after("10d", PURCHASE), "look": event_after("11d")}}, horizon="25d")
    assert {row.value for row in rows if row.event != "buy"} == {0.0}


def test_values_are_drawn_anew_for_each_purchase() -> None:
    rows = rows_of({"events": {"buy": event_after("1d", {"purchase": {"value": {"exponential": {"mean": 10}}}})}})
    assert len({row.value for row in rows if row.event == "buy"}) == 29


def test_a_uniform_value_lies_between_its_ends() -> None:
    rows = rows_of({"events": {"buy": event_after("1h", {"purchase": {"value": {"uniform": {"low": 3, "high": 5}}}})}})
    values = [row.value for row in rows if row.event == "buy"]
    assert 3.0 <= min(values) < 3.1 < 4.9 < max(values) <= 5.0
    assert np.mean(values) == pytest.approx(4, abs=0.15)


def test_first_and_last_purchase_are_days_since_the_start(tmp_path: Path) -> None:
    row = entering_at(5.0, tmp_path, {"events": {"buy": event_after("10d", PURCHASE)}})
    assert (row["first_purchase"], row["last_purchase"], row["conversion"]) == (15.0, 25.0, 15.0)


def test_without_a_purchase_there_is_no_first_or_last_one() -> None:
    row = customer_row({})
    assert np.isnan(row["first_purchase"])
    assert np.isnan(row["last_purchase"])
    assert (row["purchases"], row["revenue"], row["margin"], row["cost"], row["clv"]) == (0, 0.0, 0.0, 0.0, 0.0)


def messages_of(**channel: Any) -> dict[str, Any]:
    return {
        "personas": {"customer": {"share": 1, "affinity": {"mail": ALWAYS}}},
        "channels": {"mail": {"open_delay": {"fixed": "1d"}, "click_delay": {"fixed": "1d"}, **channel}},
        "messages": {"hello": {"channel": "mail", "open_rate": 0.5, "click_rate": 0.999999999}},
    }


@pytest.mark.parametrize(("horizon", "cost"), [("1d", 2.0), ("2d", 2.0), ("3d", 7.0)])
def test_a_push_message_costs_at_delivery_and_its_click_at_the_click(horizon: str, cost: float) -> None:
    policy = {"broadcasts": send_at("2026-01-05 12:00")}
    assert customer_row(messages_of(cost=2.0, click_cost=5.0), policy, horizon=horizon)["cost"] == cost


@pytest.mark.parametrize(("horizon", "cost"), [("1d", 0.0), ("2d", 2.0), ("3d", 7.0)])
def test_a_paid_message_costs_when_it_is_seen(horizon: str, cost: float) -> None:
    policy = {"broadcasts": send_at("2026-01-05 12:00")}
    assert customer_row(messages_of(kind="paid", cost=2.0, click_cost=5.0), policy, horizon=horizon)["cost"] == cost


CONTRACT = {
    "stages": {"new": {}, "on": {"retained": True}, "out": {}},
    "starts_in": "new",
    "events": {
        "sign": {"in": ["new"], "wait": {"fixed": "5d"}, "effects": [{"go": "on"}]},
        "end": {"in": ["on"], "wait": {"fixed": "90d"}, "effects": [{"go": "out"}]},
    },
    "moments": {"conversion": "sign"},
}


def test_retention_marks_count_from_the_conversion() -> None:
    # Converted at 5, out at 95 = 5 + 90: on day 90 itself the stage after counts.
    row = customer_row(CONTRACT, horizon="200d")
    assert [row[f"retained_{days}d"] for days in (30, 90, 180)] == [True, False, False]
    assert str(row["retained_365d"]) == "<NA>"


def test_a_mark_at_the_horizon_is_observed() -> None:
    assert customer_row(CONTRACT, horizon="35d")["retained_30d"] == True  # noqa: E712, a numpy bool or NA
    assert str(customer_row(CONTRACT, horizon="34d")["retained_30d"]) == "<NA>"


def test_a_customer_who_comes_back_is_retained_at_the_next_mark() -> None:
    journey = {**CONTRACT, "events": {**CONTRACT["events"], "back": {"in": ["out"], "wait": {"fixed": "60d"}, "effects": [{"go": "on"}]}}}  # type: ignore[dict-item]
    row = customer_row(journey, horizon="200d")
    assert [row[f"retained_{days}d"] for days in (30, 90, 180)] == [True, False, True]


def test_without_a_conversion_no_mark_is_observed() -> None:
    row = customer_row({**CONTRACT, "moments": {"conversion": "end"}}, horizon="90d")
    assert str(row["retained_30d"]) == "<NA>"


def test_dwell_adds_up_to_the_days_since_entry(tmp_path: Path) -> None:
    (tmp_path / "entries.csv").write_text("entered\n10\n", encoding="utf-8")
    scenario = small_scenario(journey=CONTRACT, horizon="120d", entry={"file": str(tmp_path / "entries.csv")})
    assert simulate(scenario, customers=1, threads=1).outcomes.dwell.tolist() == [[5.0, 90.0, 15.0]]


def test_dwell_of_two_visits_adds_up() -> None:
    journey = {
        "stages": {"here": {}, "there": {}},
        "events": {
            "away": event_after("4d", {"go": "there"}, **{"in": ["here"]}),
            "back": event_after("3d", {"go": "here"}, **{"in": ["there"]}),
        },
    }
    assert simulate(small_scenario(journey=journey), customers=1, threads=1).outcomes.dwell.tolist() == [[18.0, 12.0]]


def test_a_moment_is_the_nth_of_its_event() -> None:
    journey = {"events": {"look": event_after("4d"), "buy": event_after("7d", PURCHASE)}}
    moments = {"third": {"event": "look", "nth": 3}, "second": {"event": "buy", "nth": 2}}
    run = simulate(small_scenario(journey={**journey, "moments": moments}), customers=1, threads=1)
    found = dict(zip(run.codebook.moments, run.outcomes.moments[0].tolist(), strict=True))
    assert found == {"conversion": 7.0, "third": 12.0, "second": 14.0}


def test_the_last_satisfaction_and_pressure_are_those_at_the_horizon() -> None:
    journey = {
        "satisfaction": {"half_life": "10d"},
        "pressure": {"half_life": "5d"},
        "channels": {"mail": {"pressure": 3.0}},
        "messages": {"hello": {"channel": "mail", "open_rate": 0.01}},
        "events": {"please": event_after("10d", {"satisfy": 1.0}, when="count(please) == 0")},
    }
    row = customer_row(journey, {"broadcasts": send_at("2026-01-15 00:00")}, horizon="20d")
    assert row["satisfaction"] == pytest.approx(0.75, rel=1e-6)
    assert row["pressure"] == pytest.approx(0.75, rel=1e-6)


def test_nothing_happens_at_the_horizon_or_after() -> None:
    rows = rows_of({"events": {"buy": event_after("10d")}}, horizon="20d")
    assert times(rows, "buy") == [10.0]


def test_who_enters_at_the_horizon_leaves_no_trace(tmp_path: Path) -> None:
    (tmp_path / "entries.csv").write_text("entered\n0\n30\n", encoding="utf-8")
    scenario = small_scenario(
        journey={"events": {"buy": event_after("0s", PURCHASE, when="purchases == 0")}}, entry={"file": str(tmp_path / "entries.csv")}
    )
    assert [row.customer for row in log_rows(scenario, 2)] == [0, 0]


def test_who_enters_at_the_horizon_has_nothing_in_the_customer_table(tmp_path: Path) -> None:
    row = entering_at(30.0, tmp_path, {"events": {"buy": event_after("0s", PURCHASE, when="purchases == 0")}})
    empty = row.drop(["customer", "entered", "stage", "held_out", "referred_by", "first_purchase", "last_purchase", "conversion"])
    assert {name: value for name, value in empty.items() if not name.startswith("retained") and value != 0} == {}


def test_a_hidden_event_has_no_log_row_but_its_effects() -> None:
    journey = {"events": {"pass_by": event_after("10d", {"tag": "came"}, observed=False), "buy": event_after("1d", when="tagged(came)")}}
    rows = rows_of(journey, horizon="13d")
    assert [(row.event, row.time) for row in rows] == [("entered", 0.0), ("buy", 11.0), ("buy", 12.0)]


def test_acquisition_costs_are_booked_at_entry() -> None:
    journey = {"acquisition": {"search": {"hill": {"at_most": 2, "half": 10}}}}
    scenario = small_scenario(journey=journey, policy={"acquisition": {"search": 10}}, customers=0, discount_rate=RATE)
    table = simulate(scenario, threads=1).customers
    assert len(table) > 10
    assert table["cost"].to_numpy() == pytest.approx(300 / len(table))
    assert table["clv"].to_numpy() == pytest.approx(-300 / len(table), rel=1e-12)

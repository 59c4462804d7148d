"""Times are rounded float64 days: times that are equal for a user count as equal."""

from datetime import date, timedelta
from typing import Any

import pytest
from chooser import ScenarioData
from in_memory_simulation import simulate_in_memory

from cjsim.simulation.documents import Scenario

EVERY_DAY = ["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"]
START, DAYS = date(2026, 1, 7), 200


def small_log_rows(
    policy: ScenarioData, *, events: ScenarioData | None = None, message: ScenarioData | None = None, customers: int = 1
) -> list[tuple[Any, ...]]:
    """The log of customers with one stage, one channel and one message."""
    journey = {
        "name": "j",
        "starts_in": "here",
        "stages": {"here": {}},
        "events": events or {},
        "channels": {"mail": {}},
        "messages": {"letter": {"channel": "mail", "open_rate": 0.01} | (message or {})},
    }
    made: ScenarioData = {
        "name": "w",
        "start": f"{START}",
        "horizon": f"{DAYS}d",
        "customers": customers,
        "journey": journey,
        "policy": policy,
    }
    return simulate_in_memory(Scenario.from_dict(made | ({"entry": {"over": "3d"}} if customers > 1 else {}))).log_rows()


def broadcast_days(condition: str, at: str) -> list[int]:
    """Days on which a daily broadcast with a condition goes out."""
    cast = {"schedule": {"weekdays": EVERY_DAY, "at": at}, "if": condition, "send": "letter"}
    return [int(row[1] + 1e-6) for row in small_log_rows({"name": "p", "broadcasts": {"daily": cast}}) if row[3] == "delivered"]


@pytest.mark.parametrize("at", ["00:00", "08:00", "10:00", "13:20", "23:00"])
def test_hour_is_exact_on_every_day(at: str) -> None:
    hour = int(at[:2]) + int(at[3:]) / 60
    whole = f"{int(at[:2])} + {int(at[3:])} / 60"
    assert broadcast_days(f"hour == {whole}", at) == list(range(DAYS))
    assert broadcast_days(f"hour >= {whole} and hour <= {whole}", at) == list(range(DAYS))
    assert broadcast_days(f"hour < {whole} or hour > {whole}", at) == []
    assert broadcast_days(f"hour < {hour + 0.01}", at) == list(range(DAYS))


@pytest.mark.parametrize("at", ["00:00", "07:00", "23:59"])
@pytest.mark.parametrize("weekday", range(7))
def test_weekday_is_exact_at_all_hours(weekday: int, at: str) -> None:
    wanted = [day for day in range(DAYS) if (START + timedelta(days=day)).weekday() == weekday]
    assert broadcast_days(f"weekday == {weekday}", at) == wanted


RENEW = {"renew": {"in": ["here"], "wait": {"fixed": "7d"}}}


def test_again_after_tolerates_rounding() -> None:
    flow = {"on": {"event": "renew"}, "again_after": "7d", "steps": [{"send": "letter"}]}
    log = small_log_rows({"name": "p", "flows": {"f": flow}}, events=RENEW, customers=50)
    renewals = [row[:2] for row in log if row[3] == "renew"]
    assert len(renewals) > 1000
    assert [row[:2] for row in log if row[3] == "flow_started"] == renewals


@pytest.mark.parametrize(("condition", "share"), [(">= 2", 1), ("> 2", 0), ("== '2d'", 1), ("< '48h'", 0), ("!= 2", 0)])
def test_days_since_an_event_equal_the_waited_days(condition: str, share: int) -> None:
    steps = [{"wait": "2d"}, {"branch": {"if": f"days_since(renew) {condition}", "then": [{"send": "letter"}]}}]
    log = small_log_rows({"name": "p", "flows": {"f": {"on": {"event": "renew"}, "steps": steps}}}, events=RENEW, customers=50)
    waited = sum(row[3] == "flow_started" and row[1] < DAYS - 2 for row in log)
    assert waited > 1000
    assert sum(row[3] == "delivered" for row in log) == share * waited


def test_inactivity_counts_from_events_caused_by_the_flow() -> None:
    # The letter triggers `ping` at the same time as the flow starts: two days later, customers are inactive again.
    flow = {"on": {"inactivity": "2d", "of": ["ping", "renew"]}, "steps": [{"send": "letter"}]}
    log = small_log_rows(
        {"name": "p", "flows": {"f": flow}}, events={"ping": {}} | RENEW, message={"effects": {"delivered": [{"fire": "ping"}]}}
    )
    assert [row[1] for row in log if row[3] == "flow_started" and row[1] < 21] == [9, 11, 13, 16, 18, 20]


def test_difference_of_infinite_times_satisfies_no_comparison() -> None:
    # inf - inf is nan: every comparison with it is false, except !=.
    assert broadcast_days("days_since_purchase - days_since_purchase == 0", "10:00") == []
    assert broadcast_days("days_since_purchase == days_since_purchase", "10:00") == list(range(DAYS))
    assert broadcast_days("days_since_purchase > 1000", "10:00") == list(range(DAYS))

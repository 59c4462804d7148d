"""Calendar waits: events on weekdays and days of the month, at a time of day."""

from calendar import monthrange
from collections.abc import Iterable
from datetime import date, timedelta
from typing import Any

import pytest
from rule_worlds import SURE_MAIL, event_after, rows_of, send_at, times

START = date(2026, 1, 5)  # a Monday


def happening(times_of_calendar: dict[str, Any], **event: Any) -> dict[str, Any]:
    return {"events": {"bill": {"in": "anywhere", "wait": {"calendar": times_of_calendar}, **event}}}


def bills(times_of_calendar: dict[str, Any], **settings: Any) -> list[float]:
    return times(rows_of(happening(times_of_calendar), **settings), "bill")


def days_of(dates: Iterable[date]) -> list[int]:
    return [(day - START).days for day in dates]


def test_a_weekly_cut_off_falls_on_its_weekday_at_its_time() -> None:
    assert bills({"weekdays": ["thursday"], "at": "23:59"}) == pytest.approx([3 + 7 * n + 1439 / 1440 for n in range(4)], abs=1e-12)


def test_every_second_week_counts_blocks_of_seven_days_from_the_start() -> None:
    assert bills({"weekdays": ["monday", "sunday"], "every_weeks": 2, "at": "12:00"}) == [0.5, 6.5, 14.5, 20.5, 28.5]


def test_a_day_beyond_the_end_of_a_month_is_its_last_day() -> None:
    months = [date(2026 + n // 12, n % 12 + 1, monthrange(2026 + n // 12, n % 12 + 1)[1]) for n in range(36)]
    assert bills({"days_of_month": [31]}, horizon="3y") == days_of(day for day in months if (day - START).days < 1095)


def test_bills_fall_on_the_declared_day_for_every_customer_over_years_with_leap_days() -> None:
    journey = happening({"days_of_month": [1, 29], "at": "06:00"})
    rows = rows_of(journey, customers=30, horizon="9y", entry={"over": "3mo"}, start="2027-06-15")
    start = date(2027, 6, 15)
    days = [start + timedelta(days=n) for n in range(9 * 365)]
    due = [(day - start).days + 0.25 for day in days if day.day in (1, 29) or (day.month == 2 and day.day == monthrange(day.year, 2)[1])]
    assert date(2028, 2, 29) in days
    for customer in range(30):
        own = [row for row in rows if row.customer == customer]
        assert times(own, "bill") == [day for day in due if day > own[0].time]


def test_every_third_month_counts_from_the_month_of_the_start() -> None:
    quarters = [date(2026, 4, 1), date(2026, 7, 1), date(2026, 10, 1)]
    assert bills({"days_of_month": [1], "every_months": 3}, horizon="360d") == days_of(quarters)


def test_a_time_of_24_00_is_the_end_of_its_day() -> None:
    assert bills({"days_of_month": [15], "at": "24:00"}) == days_of([date(2026, 1, 16)])


def test_an_occurrence_at_the_start_of_the_clock_does_not_count() -> None:
    assert bills({"weekdays": ["monday"]}) == [7.0, 14.0, 21.0, 28.0]


def test_an_event_that_starts_its_own_stage_again_happens_at_the_next_occurrence() -> None:
    journey = {"events": {"bill": {"in": ["here"], "wait": {"calendar": {"weekdays": ["friday"]}}, "effects": [{"go": "here"}]}}}
    assert times(rows_of(journey), "bill") == [4.0, 11.0, 18.0, 25.0]


def test_an_occurrence_passes_while_the_condition_does_not_hold() -> None:
    journey = happening({"weekdays": ["friday"]}, when="not tagged(paused)")
    journey["events"] |= {"pause": event_after("10d", {"tag": "paused"}, when="count(pause) == 0")}
    journey["events"] |= {"resume": event_after("20d", {"untag": "paused"}, when="count(resume) == 0")}
    assert times(rows_of(journey), "bill") == [4.0, 25.0]


def test_a_customer_who_enters_a_stage_waits_for_the_next_occurrence() -> None:
    journey = {
        "stages": {"here": {}, "there": {}},
        "events": {
            "join": {"in": ["here"], "wait": {"fixed": "4d 12h"}, "effects": [{"go": "there"}]},
            "bill": {"in": ["there"], "wait": {"calendar": {"weekdays": ["friday"]}}},
        },
    }
    assert times(rows_of(journey), "bill") == [11.0, 18.0, 25.0]


@pytest.mark.parametrize(("speed", "expected"), [(0, []), (0.5, [4.0, 11.0]), (3, [4.0, 11.0])])
def test_a_speed_of_zero_stops_the_clock_and_others_have_no_effect(speed: float, expected: list[float]) -> None:
    journey = happening({"weekdays": ["friday"]}) | {"personas": {"one": {"share": 1, "speed": {"bill": speed}}}}
    assert times(rows_of(journey, horizon="14d"), "bill") == expected


@pytest.mark.parametrize("lift", [-1, 50])
def test_a_lift_has_no_effect(lift: float) -> None:
    message = {"hello": {"channel": "mail", "open_rate": 0.5, "lift": {"delivered": {"bill": lift}}}}
    journey = SURE_MAIL | happening({"weekdays": ["friday"]}) | {"messages": message}
    assert times(rows_of(journey, {"broadcasts": send_at("2026-01-06 12:00")}, horizon="14d"), "bill") == [4.0, 11.0]


def test_a_change_of_the_condition_at_an_occurrence_lets_the_event_happen_then() -> None:
    journey = happening({"weekdays": ["friday"]}, when="tagged(ready)")
    journey["events"] |= {"get_ready": event_after("11d", {"tag": "ready"}, when="count(get_ready) == 0")}
    assert times(rows_of(journey), "bill") == [11.0, 18.0, 25.0]

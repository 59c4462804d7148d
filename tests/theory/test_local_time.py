"""Time zones: what happens at a local time happens at the right moment, in all zones and on both sides of daylight saving.

The expected moments come from zoneinfo. All tests are exact.
"""

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from rule_worlds import EVERY_DAY, SURE_MAIL, event_after, rows_of, times
from small_scenarios import small_scenario

from cjsim.errors import InputError
from cjsim.scenario.policy import Shift
from cjsim.scenario.rosters import crews_of, roster_of
from cjsim.scenario.time_zones import zone_table

START = date(2026, 1, 5)
FIRM = "Europe/Berlin"
ZONES = (
    FIRM,
    "UTC",
    "America/New_York",
    "Asia/Kolkata",  # 5 h 30 min
    "Asia/Kathmandu",  # 5 h 45 min
    "America/St_Johns",  # -3 h 30 min, with daylight saving
    "Australia/Sydney",  # daylight saving in the southern summer
    "Australia/Lord_Howe",  # daylight saving of 30 minutes
    "Pacific/Kiritimati",  # 14 h
)
NEAR = 1e-9  # days


def living_in(zone: str, **journey: Any) -> dict[str, Any]:
    """A journey whose customers live in a zone."""
    return {**SURE_MAIL, "attributes": {"home": {"there": 1}}, "time_zones": {"attribute": "home", "zones": {"there": zone}}, **journey}


def rows_in(zone: str, policy: dict[str, Any] | None = None, *, horizon: str = "400d", **journey: Any) -> Any:
    return rows_of(living_in(zone, **journey), policy, horizon=horizon, time_zone=FIRM)


def every_day_at(at: str, **more: Any) -> dict[str, Any]:
    return {"broadcasts": {"daily": {"schedule": {"weekdays": EVERY_DAY, "at": at, **more}, "send": "hello"}}}


def moment_of(time: float) -> datetime:
    """The moment of a simulation time."""
    return datetime.combine(START, datetime.min.time(), tzinfo=ZoneInfo(FIRM)).astimezone(UTC) + timedelta(days=time)


def time_of(moment: datetime) -> float:
    return (moment - moment_of(0.0)) / timedelta(days=1)


def time_in(zone: str, year: int, month: int, day: int, hour: int, minute: int = 0, *, fold: int = 0) -> float:
    """The simulation time of a local time."""
    return time_of(datetime(year, month, day, hour, minute, tzinfo=ZoneInfo(zone), fold=fold).astimezone(UTC))


def daily_times(zone: str, hour: int, horizon: int = 400) -> list[float]:
    """All simulation times at which a zone's clock shows a whole hour."""
    days = [START + timedelta(days=n) for n in range(-2, horizon + 3)]
    return [time for day in days if 0 <= (time := time_in(zone, day.year, day.month, day.day, hour)) < horizon]


@pytest.mark.parametrize("zone", ZONES)
def test_a_broadcast_at_nine_in_the_customers_time_arrives_at_nine_all_year(zone: str) -> None:
    sent = times(rows_in(zone, every_day_at("09:00", time_zone="customer")), "delivered")
    assert sent == pytest.approx(daily_times(zone, 9), abs=NEAR)
    assert {moment_of(time + NEAR).astimezone(ZoneInfo(zone)).hour for time in sent} == {9}


def test_a_broadcast_is_in_the_firms_time_by_default() -> None:
    sent = times(rows_in("Asia/Kathmandu", every_day_at("09:00")), "delivered")
    assert sent == pytest.approx(daily_times(FIRM, 9), abs=NEAR)


@pytest.mark.parametrize("zone", ZONES)
def test_a_wait_until_a_time_ends_at_that_local_time(zone: str) -> None:
    steps = [{"wait_until": {"at": "18:00"}}, {"send": "hello"}]
    flow = {"on": {"event": "knock"}, "steps": steps}
    rows = rows_in(zone, {"flows": {"evening": flow}}, events={"knock": {"in": "anywhere", "wait": {"fixed": "1d"}}})
    starts = times(rows, "flow_started")
    expected = [next(time for time in daily_times(zone, 18, 402) if time >= start - NEAR) for start in starts]
    assert times(rows, "delivered") == pytest.approx([time for time in expected if time < 400], abs=NEAR)


@pytest.mark.parametrize("zone", ZONES)
def test_quiet_hours_end_at_the_customers_local_time(zone: str) -> None:
    quiet = {"guardrails": {"quiet_hours": [{"from": "21:00", "to": "08:00"}]}}
    hourly = {"knock": {"in": "anywhere", "wait": {"fixed": "5h"}}}
    flow = {"on": {"event": "knock"}, "steps": [{"send": "hello"}]}
    rows = rows_in(zone, {"flows": {"reply": flow}, **quiet}, events=hourly, horizon="130d")
    local = [moment_of(time + NEAR).astimezone(ZoneInfo(zone)) for time in times(rows, "delivered")]
    assert all(8 <= moment.hour < 21 for moment in local)
    assert sum(moment.hour == 8 and moment.minute == 0 for moment in local) > 90


def test_quiet_hours_can_be_in_the_firms_time() -> None:
    quiet = {"guardrails": {"quiet_hours": [{"from": "21:00", "to": "08:00", "time_zone": "firm"}]}}
    policy = every_day_at("06:00") | quiet
    assert times(rows_in("America/New_York", policy), "delivered") == pytest.approx(daily_times(FIRM, 8), abs=NEAR)


@pytest.mark.parametrize(("rule", "first"), [({}, (2026, 7, 4, 0)), ({"time_zone": "firm"}, None)])
def test_a_blackout_covers_the_customers_day_unless_it_is_the_firms(rule: dict[str, str], first: tuple[int, ...] | None) -> None:
    zone = "America/New_York" if first else FIRM
    blackout = {"guardrails": {"blackouts": [{"dates": ["2026-07-04"], "then": "refuse", **rule}]}}
    knocks = {"knock": {"in": "anywhere", "wait": {"fixed": "1h"}}}
    rows = rows_in(
        "America/New_York",
        {"flows": {"reply": {"on": {"event": "knock"}, "steps": [{"send": "hello"}]}}, **blackout},
        events=knocks,
        horizon="200d",
    )
    begin, end = time_in(zone, 2026, 7, 4, 0), time_in(zone, 2026, 7, 5, 0)
    refused = times(rows, "suppressed_blackout")
    assert refused == [time for time in times(rows, "knock") if begin - NEAR <= time < end - NEAR]
    assert len(refused) == 24


def by_broadcast(at: str) -> dict[str, Any]:
    return every_day_at(at, time_zone="customer")


def by_wait(at: str) -> dict[str, Any]:
    return {"flows": {"night": {"on": {"event": "noon"}, "steps": [{"wait_until": {"at": at}}, {"send": "hello"}]}}}


def hours_after_midnight(zone: str, day: tuple[int, int, int], policy: dict[str, Any]) -> list[float]:
    """Deliveries on a day, in hours that have elapsed since local midnight."""
    noon = {"noon": {"in": "anywhere", "wait": {"calendar": {"weekdays": EVERY_DAY, "at": "12:00"}}}}
    midnight = time_in(zone, *day, 0)
    sent = times(rows_in(zone, policy, events=noon), "delivered")
    return [round((time - midnight) * 24, 6) for time in sent if midnight <= time < midnight + 22 / 24]


@pytest.mark.parametrize("make", [by_broadcast, by_wait])
@pytest.mark.parametrize(("zone", "day"), [(FIRM, (2026, 3, 29)), ("America/New_York", (2026, 3, 8))])
def test_a_time_that_daylight_saving_skips_is_reached_at_the_switch(
    zone: str, day: tuple[int, int, int], make: Callable[[str], dict[str, Any]]
) -> None:
    assert hours_after_midnight(zone, day, make("02:30")) == [2.0]  # clocks go from 02:00 to 03:00


@pytest.mark.parametrize("make", [by_broadcast, by_wait])
@pytest.mark.parametrize(
    ("zone", "day", "at", "first"), [(FIRM, (2026, 10, 25), "02:30", 2.5), ("America/New_York", (2026, 11, 1), "01:30", 1.5)]
)
def test_a_time_that_occurs_twice_counts_once_at_its_first_occurrence(
    zone: str, day: tuple[int, int, int], at: str, first: float, make: Callable[[str], dict[str, Any]]
) -> None:
    assert hours_after_midnight(zone, day, make(at)) == [first]


def test_quiet_hours_apply_to_both_occurrences_of_an_hour() -> None:
    # Clocks go from 03:00 back to 02:00, so 02:00 to 02:30 comes again 3 hours after midnight.
    policy = {
        "flows": {"reply": {"on": {"event": "knock"}, "steps": [{"send": "hello"}]}},
        "guardrails": {"quiet_hours": [{"from": "21:00", "to": "02:30"}]},
    }
    knocks = {"knock": {"in": "anywhere", "wait": {"fixed": "6min"}}}
    rows = rows_of(living_in(FIRM, events=knocks), policy, time_zone=FIRM, start="2026-10-25", horizon="5h")
    hours = {round(time * 24, 6) for time in times(rows, "delivered")}
    assert sorted(hours)[:11] == [2.5, 2.6, 2.7, 2.8, 2.9, 3.5, 3.6, 3.7, 3.8, 3.9, 4.0]


def ends_of_waits(begins: list[float], count: int) -> list[float]:
    """Times of events with a wait of 1 d 1 min if activity has weight 24 in the hours from `begins`: a day of activity in each."""
    waits = [number * (1 + 1 / 1440) for number in range(1, count + 1)]
    return [begins[int(wait)] + wait % 1 / 24 for wait in waits if int(wait) < len(begins)]


NIGHTLY: dict[str, Any] = {
    "activity": {"nightly": {"hours": [0, 0, 1, *[0] * 21]}},
    "events": {"stir": {"in": "anywhere", "wait": {"fixed": "1d 1min"}, "activity": "nightly"}},
}


def test_an_activity_hour_that_is_skipped_is_missing_and_one_that_occurs_twice_counts_twice() -> None:
    skipped, again = time_in(FIRM, 2026, 3, 29, 3), time_in(FIRM, 2026, 10, 25, 2, fold=1)
    begins = sorted([*(time for time in daily_times(FIRM, 2) if abs(time - skipped) > NEAR), again])
    assert len(begins) == 400
    assert times(rows_in(FIRM, **NIGHTLY), "stir") == pytest.approx(ends_of_waits(begins, 400), abs=1e-6)


def test_a_clock_shift_adds_to_the_time_zone() -> None:
    late = {"traits": {"late": {"fixed": 3}}, "clock_shift": "late"}
    happened = times(rows_in("Asia/Kathmandu", horizon="30d", **NIGHTLY, **late), "stir")
    assert happened == pytest.approx(ends_of_waits(daily_times("Asia/Kathmandu", 5, 30), 30), abs=1e-6)


@pytest.mark.parametrize("zone", ZONES)
def test_all_activity_is_in_the_customers_hours(zone: str) -> None:
    activity = {"office": {"hours": [0] * 9 + [1] * 8 + [0] * 7}}
    events = {"work": {"in": "anywhere", "wait": {"exponential": "4h"}, "activity": "office"}}
    happened = times(rows_in(zone, events=events, activity=activity, horizon="130d"), "work")
    local = [moment_of(time).astimezone(ZoneInfo(zone)) for time in happened]
    assert len(local) > 500
    assert all(9 <= moment.hour + moment.minute / 60 + moment.second / 3600 <= 17.001 for moment in local)
    assert {moment.hour for moment in local} >= set(range(9, 17))


def test_conditions_read_the_customers_hour_and_weekday() -> None:
    policy = every_day_at("20:00")
    policy["broadcasts"]["daily"]["if"] = "hour == 0.75 and weekday == 1"  # 20:00 in Berlin is 00:45 in Kathmandu, on the next day
    sent = times(rows_in("Asia/Kathmandu", policy, horizon="21d"), "delivered")
    assert sent == pytest.approx([20 / 24, 7 + 20 / 24, 14 + 20 / 24], abs=NEAR)


@pytest.mark.parametrize("zone", ZONES)
def test_a_calendar_wait_is_in_the_customers_time_or_in_the_firms(zone: str) -> None:
    events = {
        "own": {"in": "anywhere", "wait": {"calendar": {"weekdays": EVERY_DAY, "at": "09:00"}}},
        "firms": {"in": "anywhere", "wait": {"calendar": {"weekdays": EVERY_DAY, "at": "09:00", "time_zone": "firm"}}},
    }
    rows = rows_in(zone, events=events)
    assert times(rows, "own") == pytest.approx([time for time in daily_times(zone, 9) if time > NEAR], abs=NEAR)
    assert times(rows, "firms") == pytest.approx(daily_times(FIRM, 9), abs=NEAR)


def test_a_flow_on_a_date_can_start_in_the_customers_time() -> None:
    flow = {"on": {"date": "2026-07-01", "at": "09:00", "time_zone": "customer"}, "steps": [{"send": "hello"}]}
    sent = times(rows_in("America/New_York", {"flows": {"july": flow}}), "delivered")
    assert sent == pytest.approx([time_in("America/New_York", 2026, 7, 1, 9)], abs=NEAR)


def test_shifts_follow_the_firms_clock() -> None:
    shift = Shift.model_validate({"agents": 1, "from": "09:00", "to": "17:00"})
    zone = zone_table(small_scenario(time_zone=FIRM, horizon="200d")).zones[0]
    roster = roster_of(crews_of([shift], start=START, horizon_days=200.0, zone=zone), horizon_days=200.0)
    assert roster.times[::2] == pytest.approx(daily_times(FIRM, 9, 200), abs=NEAR)
    assert roster.times[1::2] == pytest.approx(daily_times(FIRM, 17, 200), abs=NEAR)


def test_a_night_shift_is_an_hour_shorter_when_daylight_saving_begins() -> None:
    shift = Shift.model_validate({"agents": 1, "from": "22:00", "to": "06:00"})
    zone = zone_table(small_scenario(time_zone=FIRM, horizon="400d")).zones[0]
    roster = roster_of(crews_of([shift], start=START, horizon_days=400.0, zone=zone), horizon_days=400.0)
    hours = np.round(np.diff(roster.times)[np.array(roster.staff[:-1]) == 1] * 24, 6)
    assert sorted(set(hours.tolist())) == [6.0, 7.0, 8.0, 9.0]  # 6: the night before day 0
    assert [np.count_nonzero(hours == length) for length in (7.0, 9.0)] == [1, 1]


def test_customers_in_the_firms_zone_behave_as_without_time_zones() -> None:
    journey = {"events": {"knock": {"in": "anywhere", "wait": {"exponential": "1d"}}}}
    policy = every_day_at("09:00", time_zone="customer") | {"guardrails": {"quiet_hours": [{"from": "08:00", "to": "10:00"}]}}
    plain = rows_of({**SURE_MAIL, "attributes": {"home": {"there": 1}}, **journey}, policy, customers=3)
    zoned = rows_of(living_in(FIRM, **journey), policy, customers=3, time_zone=FIRM)
    assert zoned == plain


def test_each_customer_has_the_zone_of_the_own_level() -> None:
    zones = {"attribute": "home", "zones": {"east": "Asia/Kathmandu", "west": "America/New_York"}}
    journey = {**SURE_MAIL, "attributes": {"home": {"east": 0.4, "west": 0.4, "here": 0.2}}, "time_zones": zones}
    rows = rows_of(journey, every_day_at("09:00", time_zone="customer"), customers=40, time_zone=FIRM, horizon="5d")
    hours = {round(time % 1 * 24, 6) for time in times(rows, "delivered")}
    assert hours == {9.0, 4.25, 15.0}


def test_a_zone_with_odd_offsets_is_an_error() -> None:
    scenario = small_scenario(journey=living_in("Africa/Monrovia"), time_zone="UTC", start="1960-01-01")
    with pytest.raises(InputError, match="must differ from the firm's time zone by whole quarter hours, got 'Africa/Monrovia' and 'UTC'"):
        zone_table(scenario)


def test_an_event_due_in_the_past_of_the_local_calendar_starts_nothing() -> None:
    rows = rows_in("America/New_York", every_day_at("00:00", time_zone="customer"), events={"rest": event_after("1d")}, horizon="2d")
    assert times(rows, "delivered") == pytest.approx([0.25, 1.25], abs=NEAR)

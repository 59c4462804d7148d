"""Activity tables are the integral of the declared weights, and the kernels convert both ways exactly."""

from datetime import date, datetime, timedelta
from typing import Any

import numpy as np
import pytest
from small_scenarios import START, small_scenario

from cjsim.compiler.activity_profiles import MARGIN_DAYS, Profile, profile_table
from cjsim.compiler.compile_scenario import compile_scenario
from cjsim.errors import InputError
from cjsim.kernels.clocks import from_activity, to_activity
from cjsim.scenario.journey import Activity

HOURS = [0.0] * 8 + [1.0, 2.0, 3.0, 0.5] + [1.0] * 10 + [0.0] * 2
WEEKDAYS = [1.0, 1.0, 1.2, 1.0, 2.0, 0.3, 0.0]


def activity_table(horizon: float = 30.0, start: date = date(2026, 1, 5), **fields: Any) -> Profile:
    return profile_table(Activity.model_validate(fields), start=start, horizon_days=horizon, where="activity.a")


def activity_at(profile: Profile, day: float) -> float:
    return float(np.interp(day, profile.begin + np.arange(len(profile.activity)) / 24, profile.activity))


def test_activity_time_without_weights_equals_clock_time() -> None:
    profile = activity_table()
    assert np.array_equal(profile.activity, np.arange(-48, 24 * 32 + 1) / 24)


def test_activity_time_is_zero_at_the_start() -> None:
    assert activity_table(hours=HOURS, weekdays=WEEKDAYS).activity[24 * MARGIN_DAYS] == 0.0


def test_one_week_has_seven_days_of_activity_time() -> None:
    profile = activity_table(hours=HOURS, weekdays=WEEKDAYS)
    assert activity_at(profile, 7) == pytest.approx(7, abs=1e-12)
    assert activity_at(profile, 28) - activity_at(profile, 21) == pytest.approx(7, abs=1e-12)


def test_yearly_mean_with_seasons_is_one() -> None:
    profile = activity_table(
        1100,
        date(2026, 7, 1),
        seasons={"sale": {"from": "11-20", "to": "12-24", "times": 3}, "leap": {"from": "02-29", "to": "02-29", "times": 9}},
    )
    for year in (2027, 2028):
        first, last = ((date(y, 1, 1) - date(2026, 7, 1)).days for y in (year, year + 1))
        assert activity_at(profile, last) - activity_at(profile, first) == pytest.approx(last - first, abs=1e-9)


def test_activity_table_is_the_integral_of_the_weights() -> None:
    seasons = {"sale": {"from": "01-20", "to": "02-02", "times": 3}, "new_year": {"from": "12-30", "to": "01-01", "times": 0.5}}
    start, n_days = date(2026, 12, 20), 50

    def season(day: date) -> float:
        factor = 3.0 if date(day.year, 1, 20) <= day <= date(day.year, 2, 2) else 1.0
        return factor * (0.5 if (day.month, day.day) in {(12, 30), (12, 31), (1, 1)} else 1.0)

    def weight(moment: datetime) -> float:
        days = [date(moment.year, 1, 1) + timedelta(days=n) for n in range(365)]
        mean = sum(map(season, days)) / 365
        return HOURS[moment.hour] / (sum(HOURS) / 24) * WEEKDAYS[moment.weekday()] / (sum(WEEKDAYS) / 7) * season(moment.date()) / mean

    profile = activity_table(n_days, start, hours=HOURS, weekdays=WEEKDAYS, seasons=seasons)
    moments = [datetime(2026, 12, 20) + timedelta(hours=n) for n in range(24 * n_days)]
    want = np.concatenate([[0], np.cumsum([weight(moment) / 24 for moment in moments])])
    np.testing.assert_allclose(profile.activity[48 : 48 + len(want)], want, atol=1e-10)


def test_overlapping_seasons_multiply() -> None:
    once = activity_table(seasons={"a": {"from": "01-06", "to": "01-06", "times": 2}, "b": {"from": "01-06", "to": "01-07", "times": 3}})
    sixth, seventh, eighth = (activity_at(once, day + 1) - activity_at(once, day) for day in (1, 2, 3))
    assert sixth / eighth == pytest.approx(6, rel=1e-12)
    assert seventh / eighth == pytest.approx(3, rel=1e-12)


def test_table_reaches_two_days_beyond_both_ends() -> None:
    profile = activity_table(10.5)
    assert (profile.begin, len(profile.activity)) == (-2.0, 24 * (11 + 4) + 1)


def test_guide_index_points_to_the_last_knot_before_each_hour() -> None:
    profile = activity_table(hours=HOURS, weekdays=WEEKDAYS)
    hours = profile.activity[0] + np.arange(len(profile.guide)) / 24
    assert np.all(profile.activity[profile.guide] <= hours)
    assert np.all(profile.activity[np.minimum(profile.guide + 1, len(profile.activity) - 1)] >= hours - 1e-8)
    assert hours[-1] <= profile.activity[-1] < hours[-1] + 1 / 24


@pytest.fixture(scope="module")
def world() -> Any:
    profiles = {
        "first": {},
        "second": {"hours": HOURS, "weekdays": WEEKDAYS, "seasons": {"off": {"from": "01-10", "to": "01-19", "times": 0}}},
    }
    return compile_scenario(small_scenario(journey={"activity": profiles})).world


def test_activity_time_conversion_round_trips(world: Any) -> None:
    for time in np.random.default_rng(1).uniform(-1.9, 31.9, 300):
        activity_time = to_activity(world, 1, time)
        back = from_activity(world, 1, activity_time)
        assert to_activity(world, 1, back) == pytest.approx(activity_time, abs=1e-10)
        assert back >= time - 1e-9
    assert from_activity(world, 0, 12.3) == pytest.approx(12.3, abs=1e-12)


def test_events_due_in_inactive_hours_occur_when_activity_resumes(world: Any) -> None:
    eighth_day = to_activity(world, 1, 8.0)  # 13 January; the season ends with the 19th, and the hours begin at 8
    assert from_activity(world, 1, eighth_day) == pytest.approx((date(2026, 1, 20) - date.fromisoformat(START)).days + 8 / 24, abs=1e-9)


def test_times_beyond_the_table_are_infinite(world: Any) -> None:
    assert from_activity(world, 1, 1e4) == np.inf


@pytest.mark.parametrize("text", ["02-30", "04-31"])
def test_season_on_a_nonexistent_date_is_rejected(text: str) -> None:
    with pytest.raises(InputError, match=rf"activity\.a\.seasons\.s\.to: must be an existing month and day, got '{text}'\. Write"):
        activity_table(seasons={"s": {"from": "01-01", "to": text, "times": 2}})


def test_year_without_activity_is_rejected() -> None:
    with pytest.raises(
        InputError, match=r"activity\.a\.seasons: must leave at least one day of each year with activity, got none in 20\d\d"
    ):
        activity_table(seasons={"s": {"from": "01-01", "to": "12-31", "times": 0}})

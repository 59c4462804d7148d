"""Flow steps against simple oracles: local times, the best hour, splits and experiments.

Exact, except for the shares of an experiment (statistical_checks.py states the error rate).
"""

from collections import defaultdict
from datetime import datetime, timedelta
from typing import Any, NamedTuple

import numpy as np
import pytest
from in_memory_simulation import LogRow, log_rows
from small_scenarios import START, small_scenario
from statistical_checks import assert_plausible, share_p_value

from cjsim.kernels.policy.flow_steps import best_hour
from cjsim.kernels.rng import uniforms
from cjsim.simulation.documents import Scenario

MAIL = {"channels": {"mail": {}}, "messages": {"hello": {"channel": "mail", "open_rate": 0.5}}}
DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")


def next_time(now: float, hour: float, weekdays: tuple[str, ...]) -> float:
    """The first time from now at that hour on one of the weekdays, by the calendar of datetime."""
    begin = datetime.fromisoformat(START)
    midnight = (begin + timedelta(days=now)).replace(hour=0, minute=0, second=0, microsecond=0)
    for ahead in range(-1, 9):
        day = midnight + timedelta(days=ahead)
        at = (day + timedelta(hours=hour) - begin) / timedelta(days=1)
        if DAYS[day.weekday()] in (weekdays or DAYS) and at >= now - 1e-9:
            return at
    raise AssertionError


@pytest.mark.parametrize(
    ("at", "hour", "weekdays"),
    [
        ("09:00", 9.0, ()),
        ("17:45", 17.75, ("tuesday",)),
        ("00:00", 0.0, ("saturday", "monday")),
        ("24:00", 24.0, ("sunday", "wednesday")),
        ("06:20", 6 + 1 / 3, ("friday", "thursday", "sunday")),
    ],
)
def test_wait_until_resumes_at_the_next_matching_time(at: str, hour: float, weekdays: tuple[str, ...]) -> None:
    world = small_scenario(
        journey={**MAIL, "events": {"look": {"in": ["here"], "wait": {"exponential": "2d"}}}},
        policy={"flows": {"f": {"on": {"event": "look"}, "steps": [{"wait_until": {"at": at, "weekdays": weekdays}}, {"send": "hello"}]}}},
        horizon="90d",
        start="2026-01-05",
    )
    rows = log_rows(world, 8)
    begun = [next_time(row.time, hour, weekdays) for row in rows if row.event == "flow_started"]
    sent = [row.time for row in rows if row.event == "delivered"]
    assert sent == pytest.approx([time for time in begun if time < 90], abs=1e-9)
    assert len(sent) > 50


@pytest.mark.parametrize("start", ["2026-01-05", "2026-01-08", "2026-01-11"])
def test_weekday_follows_the_calendar_for_any_start_date(start: str) -> None:
    steps = [
        {"label": "again", "wait_until": {"at": "10:00", "weekdays": ["wednesday"]}},
        {"send": "hello"},
        {"wait": "1d"},
        {"jump": "again"},
    ]
    world = small_scenario(journey=MAIL, policy={"flows": {"f": {"on": {"stage": "here"}, "steps": steps}}}).with_values({"start": start})
    begin = datetime.fromisoformat(start)
    sent = [begin + timedelta(days=row.time) for row in log_rows(world) if row.event == "delivered"]
    wanted = [begin + timedelta(days=day, hours=10) for day in range(30) if (begin + timedelta(days=day)).weekday() == 2]
    assert [abs(one - other) < timedelta(seconds=1) for one, other in zip(sent, wanted, strict=True)] == [True] * len(wanted)


def test_wait_until_resumes_immediately_at_a_matching_time() -> None:
    # 10:20 as day 3 + 31/72 differs in the last bits from 10:20 as the sum of waits.
    steps = [{"wait": "8h"}, {"wait": "2h"}, {"wait": "20min"}, {"wait_until": {"at": "10:20"}}, {"send": "hello"}]
    world = small_scenario(journey=MAIL, policy={"flows": {"f": {"on": {"date": "2026-01-08"}, "steps": steps}}})
    assert [row.time for row in log_rows(world) if row.event == "delivered"] == pytest.approx([3 + 31 / 72], abs=1e-9)


def test_24_00_is_the_end_of_the_day() -> None:
    # Day 1 is a Tuesday: its first instant is 24:00 of Monday.
    steps = [{"wait_until": {"at": "24:00", "weekdays": ["monday"]}}, {"send": "hello"}]
    world = small_scenario(journey=MAIL, policy={"flows": {"f": {"on": {"date": "2026-01-06"}, "steps": steps}}})
    assert [row.time for row in log_rows(world) if row.event == "delivered"] == [1.0]


def expected_hour(counts: list[int], at: float, typical: float, learn_from: int) -> float:
    """`at`, shifted by how much later than `typical` the counts are, with `learn_from` additional counts at `typical`."""
    seen = np.repeat(np.arange(24) + 0.5, counts).tolist() + [typical] * learn_from

    def nearness(later: int) -> float:
        """Similarity of all observed hours to `typical`, shifted by `later` hours."""
        apart = np.abs((np.array(seen) - typical - later + 12) % 24 - 12) / 12
        return round(float(np.sum(1 - 6 * apart**2 + 4 * apart**3)), 9)

    hour = at + max(range(24), key=nearness)
    return hour if hour <= 24 else hour - 24


class HourCounts(NamedTuple):
    """The part of the state that the rule reads."""

    active_hours: Any


def best_hour_rule(counts: list[int], at: float, typical: float, learn_from: int) -> float:
    """The result of the rule, run as plain Python without frames."""
    rule = getattr(best_hour, "py_func", best_hour)
    return float(rule(HourCounts(np.array(counts, np.int32)), at, typical, learn_from))


def test_best_hour_shifts_with_the_customers_hours() -> None:
    rng = np.random.default_rng(5)
    made = [
        (rng.poisson(rate, 24).tolist(), *rng.uniform(0, 24, 2).tolist(), int(rng.integers(1, 9)))
        for rate in (0.1, 3.0)
        for _ in range(150)
    ]
    made += [([0] * 24, 7.5, 9.0, 5), ([1] * 24, 24.0, 9.0, 5), ([3] + [0] * 21 + [2, 3], 12.0, 1.0, 2), ([0] * 23 + [1], 0.0, 23.5, 1)]
    found = [best_hour_rule(*given) for given in made]
    assert found == [expected_hour(*given) for given in made]
    assert len({round(hour - at) for hour, (_, at, *_) in zip(found, made, strict=True)}) > 20


@pytest.mark.parametrize(("hour", "at", "wanted"), [(12, 8.0, 8.0), (15, 8.0, 11.0), (22, 20.0, 6.0), (3, 2.0, 17.0)])
def test_late_customers_are_contacted_correspondingly_later(hour: int, at: float, wanted: float) -> None:
    counts = [0] * 24
    counts[hour] = 40
    assert best_hour_rule(counts, at, 12.5, 1) == wanted


def test_few_observations_move_the_best_hour_little() -> None:
    few, many = ([seen if hour == 16 else 0 for hour in range(24)] for seen in (1, 20))
    assert best_hour_rule(few, 12.0, 12.0, 10) - 12.0 < best_hour_rule(many, 12.0, 12.0, 10) - 12.0 <= 5.0


AWAKE = {
    "evening": {"hours": [0] * 19 + [1, 2, 1] + [0, 0]},
    "morning": {"hours": [0] * 6 + [1, 3, 1] + [0] * 15},
}


def best_hour_scenario(**events: dict[str, Any]) -> Scenario:
    """A weekly email at the best hour, learned from opens and events."""
    return small_scenario(
        journey={
            "activity": AWAKE,
            "traits": {"late": {"uniform": {"low": -20, "high": 20}}},
            "clock_shift": "late",
            "channels": {"mail": {"open_delay": {"exponential": "5h"}, "click_delay": {"exponential": "30min"}, "activity": "evening"}},
            "messages": {"hello": {"channel": "mail", "open_rate": 0.5, "click_rate": 0.5}},
            "events": events,
        },
        policy={
            "flows": {
                "f": {
                    "on": {"schedule": {"weekdays": ["monday"], "at": "03:00"}},
                    "steps": [
                        {"wait_until": {"at": "12:00", "best_hour": True, "typical": "14:30", "learn_from": 4}},
                        {"send": "hello"},
                    ],
                }
            }
        },
        horizon="180d",
    )


LOOK = {"in": ["here"], "wait": {"exponential": "9d"}, "activity": "morning"}


def expected_send_times(rows: list[LogRow], learned_from: set[str]) -> list[float]:
    """Send times of the emails, computed from the log rows before each."""
    wanted = []
    for begun in [row.time for row in rows if row.event == "flow_started"]:
        seen = [row.time for row in rows if row.event in learned_from and row.time < begun]
        counts = [0] * 24
        for time in seen:
            counts[int((time - int(time)) * 24)] += 1
        wanted.append(next_time(begun, expected_hour(counts, 12.0, 14.5, 4) if len(seen) >= 4 else 12.0, ()))
    return [time for time in wanted if time < 180]


@pytest.mark.parametrize(
    ("events", "learned_from"),
    [
        ({}, {"opened", "clicked"}),
        ({"look": LOOK}, {"opened", "clicked", "look"}),
        ({"look": {**LOOK, "activity": None}}, {"opened", "clicked"}),
        ({"look": {**LOOK, "observed": False}}, {"opened", "clicked"}),
    ],
)
def test_best_hour_sends_follow_the_logged_history(events: dict[str, Any], learned_from: set[str]) -> None:
    rows, hours = log_rows(best_hour_scenario(**events), 12), set()
    for customer in range(12):
        mine = [row for row in rows if row.customer == customer]
        sent = [row.time for row in mine if row.event == "delivered"]
        assert sent == pytest.approx(expected_send_times(mine, learned_from), abs=1e-9)
        hours |= {round(time % 1 * 24, 3) for time in sent}
    assert len(hours) > 4


def test_best_hour_ignores_unobserved_events() -> None:
    # Different hidden events and the same observed ones: the same sends to the same customers.
    plain, hidden = (
        log_rows(best_hour_scenario(look={**LOOK, "observed": False, "wait": {"exponential": wait}}), 10) for wait in ("900d", "1d")
    )
    assert plain == hidden


def test_customers_who_respond_late_are_contacted_late() -> None:
    """Customers who read from 19:00 to 22:00 are about 6 hours later than 14:30; a few emails do not establish the full shift."""
    world = best_hour_scenario().with_values({"journey.traits.late": {"fixed": 0}})
    late = [row.time % 1 * 24 for row in log_rows(world, 20) if row.event == "delivered" and row.time > 120]
    assert {round(hour, 3) for hour in late} <= {15.0, 16.0, 17.0, 18.0}
    assert len(late) > 100


def arms(share: float, *steps: dict[str, Any]) -> dict[str, Any]:
    """Two arms; the first sets a tag."""
    return {"first": {"share": share, "steps": [*steps]}, "second": {"share": 1 - share}}


def experiment_scenario(share: float = 0.3) -> Scenario:
    """Two flows that share an experiment, which one of them reaches many times, and a flow with a plain split."""
    again = [{"label": "again", "wait": "2d"}, {"split": arms(share, {"send": "hello"}), "experiment": "tone"}, {"jump": "again"}]
    return small_scenario(
        journey=MAIL,
        policy={
            "flows": {
                "often": {"on": {"stage": "here"}, "steps": again},
                "late": {"on": {"date": "2026-01-20"}, "steps": [{"split": arms(share), "experiment": "tone"}]},
                "alone": {
                    "on": {"stage": "here"},
                    "steps": [{"label": "on", "wait": "1d"}, {"split": arms(share, {"send": "hello"})}, {"jump": "on"}],
                },
            }
        },
    )


def exposures(rows: list[LogRow]) -> dict[int, list[tuple[str, float]]]:
    """By customer: the flows with exposures to the experiment, and the arms."""
    found: dict[int, list[tuple[str, float]]] = defaultdict(list)
    for row in rows:
        if row.event == "exposed":
            found[row.customer].append((row.source, row.value))
    return found


def test_experiment_assigns_one_arm_per_customer_and_logs_each_exposure() -> None:
    found = exposures(log_rows(experiment_scenario(), 60))
    assert len(found) == 60
    for passed in found.values():
        assert [source for source, _ in passed] == ["often"] * 7 + ["late"] + ["often"] * 7
        assert len({arm for _, arm in passed}) == 1


def test_arm_is_drawn_from_the_stream_of_the_experiment() -> None:
    world = experiment_scenario()
    drawn = uniforms(world.seed, np.arange(200, dtype=np.uint64), "experiment:tone") >= 0.3
    assert [passed[0][1] for _, passed in sorted(exposures(log_rows(world, 200)).items())] == drawn.tolist()


def test_experiment_arm_shares_are_as_declared() -> None:
    found = exposures(log_rows(experiment_scenario(), 3000))
    assert_plausible(share_p_value(np.array([passed[0][1] == 0.0 for passed in found.values()]), 0.3))


def test_experiment_arm_determines_the_steps() -> None:
    rows = log_rows(experiment_scenario(), 60)
    sent = dict.fromkeys(range(60), 0)
    for row in rows:
        sent[row.customer] += row.event == "delivered" and row.source == "often"
    assert sent == {customer: 14 * (passed[0][1] == 0.0) for customer, passed in exposures(rows).items()}


def test_plain_split_is_redrawn_each_time_and_not_logged() -> None:
    rows = log_rows(experiment_scenario(), 400)
    sent = np.bincount([row.customer for row in rows if row.event == "delivered" and row.source == "alone"], minlength=400)
    assert {row.source for row in rows if row.event == "exposed"} == {"often", "late"}
    # If it were drawn once per customer, all would have 0 or 29.
    assert np.mean((sent > 0) & (sent < 29)) > 0.9
    assert_plausible(share_p_value(np.arange(400 * 29) < sent.sum(), 0.3))


def test_arms_of_two_experiments_are_independent() -> None:
    world = experiment_scenario(0.5).with_values({"policy.flows.late.steps[0].experiment": "time"})
    found = exposures(log_rows(world, 2000))
    both = np.array([[dict(passed)["often"], dict(passed)["late"]] for passed in found.values()])
    assert_plausible(share_p_value(both[:, 0] == both[:, 1], 0.5))

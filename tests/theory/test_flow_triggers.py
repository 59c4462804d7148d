"""Triggers of flows against simple oracles that read the log: dates, scores, unopened messages.

Exact: no test can fail by chance.
"""

import math
from collections import defaultdict
from datetime import date, timedelta
from typing import Any

import pytest
from in_memory_simulation import LogRow, log_rows
from small_scenarios import START, small_scenario

from cjsim.simulation.documents import Scenario

MAIL = {"channels": {"mail": {}, "text": {}}, "messages": {"hello": {"channel": "mail", "open_rate": 0.5}}}
NOON = 0.5
TAU = 3.0 / math.log(2.0)  # of the score `heat`


def flow_start_times(world: Scenario, customers: int = 1) -> list[float]:
    return [row.time for row in log_rows(world, customers) if row.event == "flow_started"]


def one_flow_scenario(on: dict[str, Any], *steps: dict[str, Any], journey: dict[str, Any] | None = None, **flow: Any) -> Scenario:
    """One flow, for 30 days from a Monday."""
    return small_scenario(
        journey={**MAIL, **(journey or {})}, policy={"flows": {"f": {"on": on, "steps": [*steps] or [{"send": "hello"}], **flow}}}
    )


def noons(*weekdays: int) -> list[float]:
    """Noon on these weekdays in the 30 days."""
    first = date.fromisoformat(START)
    return [day + NOON for day in range(30) if (first + timedelta(days=day)).weekday() in weekdays]


def test_flow_starts_at_each_date_of_its_schedule() -> None:
    assert flow_start_times(one_flow_scenario({"schedule": {"weekdays": ["tuesday", "friday"], "at": "12:00"}})) == noons(1, 4)


def test_date_equals_a_schedule_with_one_date() -> None:
    assert flow_start_times(one_flow_scenario({"date": "2026-01-09", "at": "12:00"})) == [4.5]
    assert flow_start_times(one_flow_scenario({"date": "2026-01-09"})) == [4.0]


def test_dates_before_entry_are_ignored() -> None:
    world = one_flow_scenario({"schedule": {"weekdays": ["monday"], "at": "12:00"}}).with_values({"entry.over": "25d"})
    entered = {row.customer: row.time for row in log_rows(world, 20) if row.event == "entered"}
    begun = [(row.customer, row.time) for row in log_rows(world, 20) if row.event == "flow_started"]
    assert begun == [(customer, noon) for customer, at in sorted(entered.items()) for noon in noons(0) if noon >= at]


def test_running_flow_skips_a_date() -> None:
    daily = {"schedule": {"weekdays": ["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"], "at": "12:00"}}
    assert flow_start_times(one_flow_scenario(daily, {"wait": "54h"})) == [NOON + 3 * n for n in range(10)]


def test_flow_that_ends_at_a_date_starts_again() -> None:
    assert flow_start_times(one_flow_scenario({"schedule": {"weekdays": ["monday"], "at": "10:20"}}, {"wait": "7d"})) == pytest.approx(
        [7 * n + 31 / 72 for n in range(5)], abs=1e-12
    )


def test_date_with_a_false_condition_is_skipped() -> None:
    world = one_flow_scenario({"schedule": {"weekdays": ["monday", "friday"], "at": "12:00"}}, **{"if": "weekday == 4 or day > 20"})
    assert flow_start_times(world) == [4.5, 11.5, 18.5, 21.5, 25.5, 28.5]


def test_one_time_flow_starts_at_the_first_date() -> None:
    assert flow_start_times(one_flow_scenario({"schedule": {"weekdays": ["monday"], "at": "12:00"}}, again_after="never")) == [NOON]


def test_exited_flow_starts_at_the_next_date() -> None:
    journey = {"events": {"buy": {"in": ["here"], "wait": {"fixed": "2d"}}}}
    world = one_flow_scenario(
        {"schedule": {"weekdays": ["monday", "friday"], "at": "12:00"}}, {"wait": "20d"}, journey=journey, exit_on=["buy"]
    )
    assert flow_start_times(world) == noons(0, 4)


def score_scenario(**on: Any) -> Scenario:
    """Two events that raise and lower a score; the flow runs for a day."""
    events = {
        "warm": {"in": ["here"], "wait": {"exponential": "2d"}, "effects": [{"score": {"heat": 1.5}}]},
        "cool": {"in": ["here"], "wait": {"exponential": "5d"}, "effects": [{"score": {"heat": -1.0}}]},
    }
    journey = {"scores": {"heat": {"half_life": "3d"}, "sum": {}}, "events": events}
    return one_flow_scenario({"score": "heat", **on}, {"wait": "1d"}, journey=journey, again_after="2d").with_values({"horizon": "120d"})


class ScoreOracle:
    """One customer's score, computed from the log, and the times at which it crosses a value."""

    def __init__(self, rows: list[LogRow]) -> None:
        points = {"warm": 1.5, "cool": -1.0}
        self.changes = [(row.time, points[row.event]) for row in rows if row.event in points]

    def crossings(self, threshold: float, *, upward: bool) -> list[float]:
        """Times at which the score crosses a value."""
        found, value, at = [], 0.0, 0.0
        for time, points in [*self.changes, (120.0, 0.0)]:
            faded = value * math.exp((at - time) / TAU)
            if not upward and value > threshold >= faded:
                found.append(at + TAU * math.log(value / threshold))
            after = faded + points
            if (faded <= threshold < after) if upward else (after <= threshold < faded):
                found.append(time)
            value, at = after, time
        return found


def allowed_starts(crossings: list[float]) -> list[float]:
    """Starts of a flow that runs for a day and starts at most every two days."""
    taken: list[float] = []
    for time in crossings:
        if time < 120.0 and (not taken or time - taken[-1] >= 2.0):
            taken.append(time)
    return taken


@pytest.mark.parametrize(
    ("on", "threshold"), [({"above": 3.0}, 3.0), ({"above": -0.5}, -0.5), ({"below": 1.0}, 1.0), ({"below": 2.5}, 2.5)]
)
def test_flow_starts_when_the_score_crosses_its_threshold(on: dict[str, float], threshold: float) -> None:
    rows = log_rows(score_scenario(**on), 40)
    total = 0
    for customer in range(40):
        mine = [row for row in rows if row.customer == customer]
        wanted = allowed_starts(ScoreOracle(mine).crossings(threshold, upward="above" in on))
        assert [row.time for row in mine if row.event == "flow_started"] == pytest.approx(wanted, rel=1e-12)
        total += len(wanted)
    assert total > 50


def decaying_score_scenario(threshold: float, at_day_3: float = 0.0) -> Scenario:
    """Eight points on day 2, some on day 3."""
    events = {
        "warm": {"in": ["here"], "wait": {"fixed": "2d"}, "effects": [{"score": {"heat": 8.0}}], "when": "count(warm) == 0"},
        "more": {"in": ["here"], "wait": {"fixed": "3d"}, "effects": [{"score": {"heat": at_day_3}}], "when": "count(more) == 0"},
    }
    return one_flow_scenario(
        {"score": "heat", "below": threshold}, {"tag": "cold"}, journey={"scores": {"heat": {"half_life": "3d"}}, "events": events}
    )


def test_decaying_score_starts_the_flow_at_the_computed_time() -> None:
    assert flow_start_times(decaying_score_scenario(1.0)) == pytest.approx([2 + 3 * 3], rel=1e-14)
    assert flow_start_times(decaying_score_scenario(4.0)) == pytest.approx([2 + 3], rel=1e-14)


def test_added_points_delay_the_crossing_of_a_decaying_score() -> None:
    left = 8 * 2 ** (-1 / 3) + 5
    assert flow_start_times(decaying_score_scenario(1.0, at_day_3=5)) == pytest.approx([3 + 3 * math.log2(left)], rel=1e-14)


def test_points_added_at_the_crossing_start_the_flow_once() -> None:
    # The score has decayed to 4 on day 5 when the event happens; clocks are handled before flows.
    world = decaying_score_scenario(4.0, at_day_3=-1.0).with_values({"journey.events.more.wait.fixed": "5d"})
    assert flow_start_times(world) == [5.0]


def test_large_decaying_score_starts_each_flow_once() -> None:
    # At the crossing, rounding leaves some scores above the threshold by far more than 1e-9.
    data = decaying_score_scenario(1.0).with_values({"journey.events.warm.effects[0].score.heat": 1e10}).to_dict()
    flow = data["policy"]["flows"].pop("f")
    values = {f"f{n}": 7e8 * n for n in range(1, 13)}
    data["policy"]["flows"] = {name: {**flow, "on": {"score": "heat", "below": value}} for name, value in values.items()}
    begun = {row.source: row.time for row in log_rows(Scenario.from_dict(data)) if row.event == "flow_started"}
    assert begun == pytest.approx({name: 2 + 3 * math.log2(1e10 / value) for name, value in values.items()}, rel=1e-14)
    assert len(flow_start_times(Scenario.from_dict(data))) == len(values)


def test_crossing_during_a_run_does_not_restart_the_flow() -> None:
    world = score_scenario(above=3.0).with_values({"policy.flows.f.steps[0].wait": "200d"})
    rows = log_rows(world, 10)
    assert [len([row for row in rows if row.customer == customer and row.event == "flow_started"]) for customer in range(10)] == [1] * 10


def test_score_is_monitored_again_after_a_run() -> None:
    # The score is above the threshold throughout: the end of the run sets the timer from its value then.
    world = decaying_score_scenario(1.0)
    journey = {"scores": {"heat": {"half_life": "3d"}}, "events": world.to_dict()["journey"]["events"]}
    journey["events"]["more"] = {"in": ["here"], "wait": {"fixed": "12d"}, "effects": [{"score": {"heat": 7.0}}]}
    longer = one_flow_scenario({"score": "heat", "below": 1.0}, {"wait": "2d"}, journey=journey)
    at_12 = 7 + 8 * 2 ** (-10 / 3)
    at_24 = 7 + at_12 * 2 ** (-12 / 3)
    assert flow_start_times(longer) == pytest.approx([11.0, 12 + 3 * math.log2(at_12)], rel=1e-14)
    assert 24 + 3 * math.log2(at_24) > 30


def test_score_raised_by_a_flow_starts_another_flow() -> None:
    world = small_scenario(
        journey={**MAIL, "scores": {"sum": {}}},
        policy={
            "flows": {
                "gives": {"on": {"date": "2026-01-08"}, "steps": [{"score": {"sum": 1.0}}, {"wait": "1d"}, {"score": {"sum": 1.0}}]},
                "takes": {"on": {"score": "sum", "above": 1.0}, "steps": [{"send": "hello"}]},
            }
        },
    )
    assert [(row.time, row.source) for row in log_rows(world) if row.event == "flow_started"] == [(3.0, "gives"), (4.0, "takes")]


def test_exit_event_does_not_end_the_flow_it_starts() -> None:
    # As for stage entry: first the exits of the event itself, then the flows started by its effects.
    journey = {
        "scores": {"sum": {}},
        "events": {"buy": {"in": ["here"], "wait": {"fixed": "4d"}, "effects": [{"score": {"sum": 1.0}}, {"tag": "late"}]}},
    }
    world = one_flow_scenario(
        {"score": "sum", "above": 0.5}, {"wait": "3d"}, {"send": "hello"}, journey=journey, exit_on=["buy"], **{"if": "tagged(late)"}
    )
    rows = [(row.time, row.event) for row in log_rows(world) if row.time <= 7]
    assert rows[:4] == [(0, "entered"), (4, "buy"), (4, "flow_started"), (7, "delivered")]


def unopened_scenario(*, n: int, channels: list[str]) -> Scenario:
    """A daily email and a daily text message; half of them are opened some hours later."""
    schedule = {"weekdays": ["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"]}
    slow = {"open_delay": {"exponential": "30h"}}
    return small_scenario(
        journey={
            "channels": {"mail": slow, "text": slow},
            "messages": {
                "letter": {"channel": "mail", "open_rate": 0.4},
                "line": {"channel": "text", "open_rate": 0.4},
            },
        },
        policy={
            "broadcasts": {
                "mails": {"schedule": {**schedule, "at": "08:00"}, "send": "letter"},
                "texts": {"schedule": {**schedule, "at": "17:00"}, "send": "line"},
            },
            "flows": {"win": {"on": {"unopened": n, "channels": channels}, "steps": [{"tag": "lost"}]}},
        },
    )


@pytest.mark.parametrize(("n", "channels"), [(1, []), (3, ["mail"]), (4, ["mail", "text"]), (2, ["text"])])
def test_unopened_trigger_fires_once_per_spell(n: int, channels: list[str]) -> None:
    rows = log_rows(unopened_scenario(n=n, channels=channels), 30)
    missed: dict[int, int] = defaultdict(int)
    wanted = []
    for row in rows:
        if row.channel in (channels or ["mail", "text"]):
            if row.event == "delivered":
                wanted += [(row.customer, row.time)] if missed[row.customer] == n else []
                missed[row.customer] += 1
            elif row.event == "opened":
                missed[row.customer] = 0
    assert [(row.customer, row.time) for row in rows if row.event == "flow_started"] == wanted
    assert len(wanted) > 40


def test_unopened_trigger_fires_after_the_delivery_effects() -> None:
    world = unopened_scenario(n=1, channels=["mail"]).with_values(
        {
            "journey.messages.letter.open_rate": 0.001,
            "journey.messages.letter.effects": {"delivered": [{"tag": "sent"}]},
            "policy.flows.win.if": "tagged(sent) and sent(letter) == 2",
        }
    )
    rows = [row for row in log_rows(world) if row.time == 1 + 8 / 24]
    assert [row.event for row in rows] == ["delivered", "flow_started"]

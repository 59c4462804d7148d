"""Desk queues against a simple oracle: order, shifts, patience, service levels, escalation."""

from datetime import date
from typing import Any, NamedTuple

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from random_scenarios import DETERMINISTIC_SETTINGS
from small_scenarios import START, small_scenario

from cjsim.compiler.compile_scenario import compile_scenario
from cjsim.compiler.desk_plans import DeskPlan, desk_plans
from cjsim.engine.calendar import EventCalendar, EventPriority
from cjsim.engine.desk_queues import NO_REPLY, DeskQueues, DeskReply, DeskRequest, simulate_queue
from cjsim.kernels.codes import ReplyCode
from cjsim.scenario.policy import Shift
from cjsim.scenario.rosters import Roster, roster_of

MONDAY = date.fromisoformat(START)
INF = float("inf")


class Case(NamedTuple):
    """Requests in whole days, so that many are simultaneous."""

    roster: Roster
    arrivals: list[int]
    service: list[int]
    patience: list[float]
    priority: list[int]


@st.composite
def cases(draw: st.DrawFn) -> Case:
    n = draw(st.integers(1, 12))
    times = sorted(draw(st.sets(st.integers(0, 25), min_size=1, max_size=5)))
    staff = [draw(st.integers(0, 3)) for _ in times]
    return Case(
        Roster(tuple(map(float, times)), tuple(staff)),
        sorted(draw(st.lists(st.integers(0, 20), min_size=n, max_size=n))),
        draw(st.lists(st.integers(1, 6), min_size=n, max_size=n)),
        draw(st.lists(st.sampled_from([0, 1, 3, 7, INF]), min_size=n, max_size=n)),
        draw(st.lists(st.integers(0, 2), min_size=n, max_size=n)),
    )


def queue_oracle(case: Case) -> dict[int, tuple[float, bool]]:
    """Waiting time and answer of each request, computed day by day in the order of simultaneous events in docs/model.md."""
    became: dict[int, tuple[float, bool]] = {}
    waiting: list[int] = []
    ends: list[int] = []

    def let_in(day: int, most: int) -> None:
        while waiting and len(ends) < most:
            first = min(waiting, key=lambda n: (-case.priority[n], case.arrivals[n], n))
            waiting.remove(first)
            ends.append(day + case.service[first])
            became[first] = float(day - case.arrivals[first]), True

    def lose_patience(day: int) -> None:
        for n in [n for n in waiting if day - case.arrivals[n] >= case.patience[n]]:
            waiting.remove(n)
            became[n] = case.patience[n], False

    for day in range(200):
        people = [0, *(count for time, count in zip(*case.roster, strict=True) if time <= day)][-1]
        ends[:] = [end for end in ends if end != day]
        let_in(day, people)
        lose_patience(day)
        waiting += [n for n, arrival in enumerate(case.arrivals) if arrival == day]
        let_in(day, people)
        lose_patience(day)
    return became


@DETERMINISTIC_SETTINGS
@given(cases())
def test_queue_agrees_with_the_oracle(case: Case) -> None:
    arrays = [np.array(of, np.float64) for of in (case.arrivals, case.service, case.patience, case.priority)]
    outcome = simulate_queue(case.roster, *arrays[:3], priority=arrays[3])
    became = queue_oracle(case)
    for n, (waited, reply) in enumerate(zip(outcome.waited, outcome.reply, strict=True)):
        if n not in became:
            assert reply == NO_REPLY
        else:
            assert (waited, reply != ReplyCode.UNANSWERED) == became[n]


def test_service_starts_within_shifts_and_no_request_is_rejected() -> None:
    rng = np.random.default_rng(3)
    shifts = [Shift.model_validate({"agents": 2, "from": "09:00", "to": "17:00", "weekdays": ["monday", "tuesday", "friday"]})]
    roster = roster_of(shifts, start=MONDAY, horizon_days=70)
    arrivals = np.sort(rng.uniform(0, 60, 400))
    service = rng.exponential(0.05, 400)
    outcome = simulate_queue(roster, arrivals, service)
    begun = arrivals + outcome.waited
    begun, ended = begun[outcome.reply >= 0], outcome.ended[outcome.reply >= 0]
    assert len(begun) > 350
    assert np.all((begun % 1 >= 9 / 24 - 1e-9) & (begun % 1 < 17 / 24)) and set(np.floor(begun).astype(int) % 7) == {0, 1, 4}
    assert np.any(ended % 1 > 17 / 24)  # conversations open at the end of a shift are finished
    np.testing.assert_allclose(ended - begun, service[outcome.reply >= 0], atol=1e-12)


@pytest.mark.parametrize(
    ("shifts", "horizon", "expected"),
    [
        ([{"agents": 3}], 10, Roster((0.0,), (3,))),
        ([{"agents": 1, "from": "22:00", "to": "06:00"}], 1, Roster((0.0, 0.25, 22 / 24), (1, 0, 1))),
        ([{"agents": 1, "to": "12:00"}, {"agents": 2, "from": "12:00", "to": "18:00"}], 1, Roster((0.0, 0.5, 0.75), (1, 2, 0))),
        (
            [{"agents": 1, "from": "06:00", "to": "12:00"}, {"agents": 1, "from": "09:00", "to": "12:00"}],
            1,
            Roster((0.25, 0.375, 0.5), (1, 2, 0)),
        ),
        ([{"agents": 1, "weekdays": ["tuesday"]}, {"agents": 4, "dates": ["2026-01-07"]}], 4, Roster((1.0, 2.0, 3.0), (1, 4, 0))),
        ([{"agents": 5, "dates": ["2027-01-01"]}], 30, Roster((), ())),
    ],
)
def test_roster_sums_overlapping_shifts(shifts: list[dict[str, Any]], horizon: float, expected: Roster) -> None:
    assert roster_of([Shift.model_validate(shift) for shift in shifts], start=MONDAY, horizon_days=horizon) == expected


def test_policy_staffing_becomes_numeric_posts() -> None:
    desks = {name: {"service": {"fixed": "1h"}} for name in ("first", "second", "third")}
    staffed = {"second": {"agents": 2, "sla": "1h", "escalate": {"after": "2h", "to": "first"}}, "first": {"agents": 1}}
    plan = compile_scenario(small_scenario(journey={"desks": desks}, policy={"desks": staffed}))
    assert plan.desks == desk_plans(small_scenario(journey={"desks": desks}, policy={"desks": staffed}))
    assert plan.desks == (DeskPlan(Roster((0.0,), (1,))), DeskPlan(Roster((0.0,), (2,)), 1 / 24, 2 / 24, 0), DeskPlan(Roster((), ())))


def replies_of_desks(plans: list[DeskPlan], requests: list[DeskRequest], service: float = 1.0) -> dict[int, DeskReply]:
    """Replies by key, with equal service times."""
    replies: dict[int, DeskReply] = {}
    calendar = EventCalendar(1000.0)
    desks = DeskQueues(calendar, plans, service_of=lambda *_: service, on_reply=lambda request, reply: replies.update({request.key: reply}))
    for one in requests:
        calendar.call_at(one.asked, EventPriority.CUSTOMER, lambda _, one=one: desks.ask(one))  # type: ignore[misc]
    calendar.run()
    return replies


def request(key: int, asked: float, *, desk: int = 0, patience: float = INF, priority: float = 0.0) -> DeskRequest:
    return DeskRequest(None, key, desk, asked=asked, priority=priority, patience=patience)


def test_escalated_request_keeps_its_deadline_and_patience() -> None:
    plans = [DeskPlan(Roster((0.0,), (1,)), 4.0, 2.0, 1), DeskPlan(Roster((3.5,), (1,)), 0.1)]
    replies = replies_of_desks(plans, [request(1, 0.0), request(2, 0.5), request(3, 0.6, patience=3.2)], service=10.0)
    assert replies[1] == DeskReply(10.0, 0.0, 10.0, ReplyCode.IN_TIME, 0)
    assert replies[2] == DeskReply(13.5, 3.0, 10.0, ReplyCode.IN_TIME, 1)  # within the service level of 4 days of the first desk
    assert replies[3].reply == ReplyCode.UNANSWERED and replies[3].desk == 1 and replies[3].waited == pytest.approx(3.2)


def test_escalated_request_is_queued_by_its_original_time() -> None:
    plans = [DeskPlan(Roster((), ()), INF, 2.0, 1), DeskPlan(Roster((5.0,), (1,)))]
    replies = replies_of_desks(plans, [request(1, 0.5, desk=1), request(2, 0.0), request(3, 1.0, desk=1)])
    assert [key for key, _ in sorted(replies.items(), key=lambda item: item[1].time)] == [2, 1, 3]


@pytest.mark.parametrize(("sla", "reply"), [(0.5, ReplyCode.LATE), (1.0, ReplyCode.IN_TIME), (1.1, ReplyCode.IN_TIME)])
def test_answer_is_in_time_if_service_starts_within_the_sla(sla: float, reply: ReplyCode) -> None:
    outcome = simulate_queue(Roster((0.0,), (1,)), np.zeros(2), np.ones(2), sla=sla)
    assert outcome.waited.tolist() == [0.0, 1.0] and outcome.reply.tolist() == [ReplyCode.IN_TIME, reply]


def test_simultaneous_requests_are_served_by_priority_then_key() -> None:
    replies = replies_of_desks(
        [DeskPlan(Roster((0.0,), (1,)))], [request(7, 1.0), request(3, 1.0), request(9, 1.0, priority=1.0), request(5, 1.0)]
    )
    assert sorted(replies, key=lambda key: replies[key].time) == [9, 3, 5, 7]


def test_long_queue_is_served_in_order_and_quickly() -> None:
    n = 20_000
    outcome = simulate_queue(Roster((0.0,), (1,)), np.zeros(n), np.ones(n))
    assert np.array_equal(outcome.waited, np.arange(n))

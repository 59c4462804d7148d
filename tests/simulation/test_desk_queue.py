"""Desk queues against a simple oracle: order, shifts, patience, service levels, escalation."""

from datetime import date
from typing import Any, NamedTuple

import numpy as np
import pytest
from agent_oracle import Call, simulate_agents
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from random_scenarios import DETERMINISTIC_SETTINGS
from small_scenarios import START, small_scenario

from cjsim.compiler.compile_scenario import compile_scenario
from cjsim.compiler.desk_plans import DeskPlan, desk_plans
from cjsim.engine.calendar import EventCalendar, EventPriority
from cjsim.engine.desk_queues import NO_REPLY, DeskQueues, DeskReply, DeskRequest, simulate_queue
from cjsim.kernels.codes import ReplyCode
from cjsim.scenario.policy import Shift
from cjsim.scenario.rosters import Crew, Roster, crews_of, roster_of
from cjsim.scenario.time_zones import NO_OFFSET

MONDAY = date.fromisoformat(START)
INF = float("inf")


class Case(NamedTuple):
    """Shifts and requests in whole days, so that many events are simultaneous."""

    crews: list[Crew]
    calls: list[Call]


@st.composite
def cases(draw: st.DrawFn) -> Case:
    begins = sorted(draw(st.lists(st.integers(0, 20), min_size=1, max_size=5)))
    crews = [Crew(float(begin), float(begin + draw(st.integers(1, 8))), draw(st.integers(1, 3))) for begin in begins]
    asked = sorted(draw(st.lists(st.integers(0, 20), min_size=1, max_size=12)))
    lengths, limits = st.integers(1, 6), st.sampled_from([0.0, 1.0, 3.0, 7.0, INF])
    return Case(crews, [Call(float(at), float(draw(lengths)), draw(limits), float(draw(st.integers(0, 2)))) for at in asked])


def arrays_of(calls: list[Call]) -> list[NDArray[np.float64]]:
    """Times of request, service times, patience and priorities."""
    return [np.array([getattr(call, name) for call in calls]) for name in ("asked", "service", "patience", "priority")]


@DETERMINISTIC_SETTINGS
@given(cases())
def test_queue_agrees_with_agents_as_objects(case: Case) -> None:
    asked, service, patience, priority = arrays_of(case.calls)
    outcome = simulate_queue(case.crews, asked, service, patience, priority=priority)
    simulate_agents(case.crews, case.calls)
    assert outcome.waited.tobytes() == np.array([call.waited for call in case.calls]).tobytes()
    answered = [code not in (ReplyCode.UNANSWERED, NO_REPLY) for code in outcome.reply]
    assert answered == [call.answered for call in case.calls]


MINUTE = 1 / 1440


def hour(text: str) -> float:
    """Days since midnight."""
    return int(text[:2]) / 24 + int(text[3:]) * MINUTE


def crew(begins: str, ends: str, agents: int = 1) -> Crew:
    return Crew(hour(begins), hour(ends), agents)


def waits(crews: list[Crew], *asked: str, minutes: float = 10) -> list[float]:
    """Minutes that callers wait for a conversation of `minutes`."""
    outcome = simulate_queue(crews, np.array([hour(at) for at in asked]), np.full(len(asked), minutes * MINUTE))
    return [round(wait / MINUTE, 6) for wait in outcome.waited]


def test_relief_answers_while_the_agent_before_finishes() -> None:
    assert waits([crew("09:00", "17:00"), crew("17:00", "20:00")], "16:55", "16:55", "16:55") == [0, 5, 15]


def test_agent_who_has_finished_after_the_shift_answers_no_more() -> None:
    assert np.isnan(waits([crew("09:00", "17:00")], "16:55", "16:55")[1])


def test_both_shifts_answer_while_they_overlap() -> None:
    assert waits([crew("09:00", "17:00"), crew("16:50", "20:00")], "16:55", "16:55", "16:55") == [0, 0, 10]


def test_agent_who_has_been_free_the_longest_answers() -> None:
    early, late = crew("09:00", "17:00"), crew("16:00", "20:00")
    assert waits([early, late], "16:58", "16:59") == [0, 0]  # the early agent takes the first call and the late one the second
    assert waits([early, late], "16:58", "17:00", "17:01") == [0, 0, 9]  # the early agent has left at 17:01, busy until 17:08
    assert waits([early, late], "16:30", "16:58", "17:00") == [0, 0, 8]  # the late agent has been free longer at 16:58


def test_crew_declared_first_answers_among_agents_who_are_free_since_the_same_time() -> None:
    assert waits([crew("09:00", "17:00"), crew("09:00", "20:00")], "16:58", "17:00") == [0, 0]
    assert waits([crew("09:00", "20:00"), crew("09:00", "17:00")], "16:58", "17:00") == [0, 8]


def test_load_counts_agents_who_finish_after_their_shift_as_busy_but_not_on_duty() -> None:
    calendar, loads = EventCalendar(1.0), {}
    plan = DeskPlan((crew("09:00", "17:00"), crew("17:00", "20:00")))
    desks = DeskQueues(calendar, [plan], service_of=lambda *_: 10 * MINUTE, on_reply=lambda *_: None)
    for key in range(3):
        calendar.call_at(hour("16:55"), EventPriority.CUSTOMER, lambda _, key=key: desks.ask(request(key, hour("16:55"))))  # type: ignore[misc]
    for at in ("16:59", "17:01", "17:06", "17:30", "21:00"):
        calendar.call_at(hour(at), EventPriority.USER_PROCESS, lambda _, at=at: loads.update({at: tuple(desks.load(0))}))  # type: ignore[misc]
    calendar.run()
    assert loads == {"16:59": (2, 1, 1), "17:01": (1, 2, 1), "17:06": (1, 1, 1), "17:30": (0, 0, 1), "21:00": (0, 0, 0)}


def test_service_starts_within_shifts_and_no_request_is_rejected() -> None:
    rng = np.random.default_rng(3)
    shifts = [Shift.model_validate({"agents": 2, "from": "09:00", "to": "17:00", "weekdays": ["monday", "tuesday", "friday"]})]
    crews = crews_of(shifts, start=MONDAY, horizon_days=70)
    arrivals = np.sort(rng.uniform(0, 60, 400))
    service = rng.exponential(0.05, 400)
    outcome = simulate_queue(crews, arrivals, service)
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
    crews = crews_of([Shift.model_validate(shift) for shift in shifts], start=MONDAY, horizon_days=horizon)
    assert roster_of(crews, horizon_days=horizon) == expected


@pytest.mark.parametrize(
    ("shift", "expected"),
    [
        ({}, [(0, 3)]),  # around the clock: nobody hands over at midnight
        ({"to": "12:00"}, [(0, 0.5), (1, 1.5), (2, 2.5)]),
        ({"from": "18:00", "to": "06:00"}, [(0, 0.25), (0.75, 1.25), (1.75, 2.25), (2.75, 3.25)]),
        ({"weekdays": ["monday", "tuesday"]}, [(0, 2)]),
        ({"weekdays": ["monday", "wednesday"]}, [(0, 1), (2, 3)]),
    ],
)
def test_each_shift_has_one_crew_a_day_except_around_the_clock(shift: dict[str, Any], expected: list[tuple[float, float]]) -> None:
    crews = crews_of([Shift.model_validate({"agents": 2, **shift})], start=MONDAY, horizon_days=3)
    assert crews == tuple(Crew(begins, ends, 2) for begins, ends in expected)


def test_adjacent_shifts_are_two_crews() -> None:
    shifts = [Shift.model_validate({"agents": 1, "from": "12:00"}), Shift.model_validate({"agents": 1, "to": "12:00"})]
    assert crews_of(shifts, start=MONDAY, horizon_days=1) == (Crew(0.0, 0.5, 1), Crew(0.5, 1.0, 1))


def test_policy_staffing_becomes_numeric_posts() -> None:
    desks = {name: {"service": {"fixed": "1h"}} for name in ("first", "second", "third")}
    staffed = {"second": {"agents": 2, "sla": "1h", "escalate": {"after": "2h", "to": "first"}}, "first": {"agents": 1}}
    scenario = small_scenario(journey={"desks": desks}, policy={"desks": staffed}, horizon="10d")
    plan, days = compile_scenario(scenario), 10.0
    assert plan.desks == desk_plans(scenario, NO_OFFSET)
    assert plan.desks == (DeskPlan((Crew(0.0, days, 1),)), DeskPlan((Crew(0.0, days, 2),), 1 / 24, 2 / 24, 0), DeskPlan(()))


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
    plans = [DeskPlan((Crew(0.0, INF, 1),), 4.0, 2.0, 1), DeskPlan((Crew(3.5, INF, 1),), 0.1)]
    replies = replies_of_desks(plans, [request(1, 0.0), request(2, 0.5), request(3, 0.6, patience=3.2)], service=10.0)
    assert replies[1] == DeskReply(10.0, 0.0, 10.0, ReplyCode.IN_TIME, 0)
    assert replies[2] == DeskReply(13.5, 3.0, 10.0, ReplyCode.IN_TIME, 1)  # within the service level of 4 days of the first desk
    assert replies[3].reply == ReplyCode.UNANSWERED and replies[3].desk == 1 and replies[3].waited == pytest.approx(3.2)


def test_escalated_request_is_queued_by_its_original_time() -> None:
    plans = [DeskPlan((), INF, 2.0, 1), DeskPlan((Crew(5.0, INF, 1),))]
    replies = replies_of_desks(plans, [request(1, 0.5, desk=1), request(2, 0.0), request(3, 1.0, desk=1)])
    assert [key for key, _ in sorted(replies.items(), key=lambda item: item[1].time)] == [2, 1, 3]


@pytest.mark.parametrize(("sla", "reply"), [(0.5, ReplyCode.LATE), (1.0, ReplyCode.IN_TIME), (1.1, ReplyCode.IN_TIME)])
def test_answer_is_in_time_if_service_starts_within_the_sla(sla: float, reply: ReplyCode) -> None:
    outcome = simulate_queue([Crew(0.0, INF, 1)], np.zeros(2), np.ones(2), sla=sla)
    assert outcome.waited.tolist() == [0.0, 1.0] and outcome.reply.tolist() == [ReplyCode.IN_TIME, reply]


def test_simultaneous_requests_are_served_by_priority_then_key() -> None:
    replies = replies_of_desks(
        [DeskPlan((Crew(0.0, INF, 1),))], [request(7, 1.0), request(3, 1.0), request(9, 1.0, priority=1.0), request(5, 1.0)]
    )
    assert sorted(replies, key=lambda key: replies[key].time) == [9, 3, 5, 7]


def test_long_queue_is_served_in_order_and_quickly() -> None:
    n = 20_000
    outcome = simulate_queue([Crew(0.0, INF, 1)], np.zeros(n), np.ones(n))
    assert np.array_equal(outcome.waited, np.arange(n))

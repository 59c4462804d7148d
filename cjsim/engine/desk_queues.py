"""Desks in SimPy: who waits for whom, for how long, and how it ends. Both engines send their customers to these same desks.

Lives here: queues, staff, patience, escalation, and a door for experiments that bring their own requests. Does not live here: what is drawn
for a customer (model/asking.py), what an answer does to it (model/replying.py).

A desk is a `simpy.PriorityResource` with room for its largest staff. Who is off duty holds places in it like a customer, asks for them
before all customers, and so gets each when a conversation ends: nobody is sent away in the middle of one.
"""

import math
from bisect import bisect_left, insort
from collections.abc import Callable, Sequence
from operator import attrgetter, itemgetter
from typing import Any, NamedTuple

import numpy as np
import simpy
from numpy.typing import NDArray
from simpy.resources.resource import PriorityRequest, PriorityResource, SortedQueue
from simpy.resources.resource import Request as SimpyRequest

from cjsim.compiler.desk_plans import DeskPlan
from cjsim.compiler.plan import FloatArray
from cjsim.engine.calendar import EventCalendar, EventPriority
from cjsim.kernels.codes import ReplyCode
from cjsim.kernels.conditions import TOLERANCE
from cjsim.scenario.rosters import Roster

_QueueKey = tuple[float, float, int]
_OFF_DUTY_KEY: _QueueKey = (-math.inf, 0.0, 0)  # before all customers
_BY_KEY = attrgetter("key")
NO_REPLY = -1  # in `Served.reply`


class DeskReply(NamedTuple):
    """How a request ended: the fields of an `ANSWER` record."""

    time: float  # days: when the conversation, or patience, ended
    waited: float  # days
    service: float  # days
    reply: ReplyCode
    desk: int  # where


class DeskRequest:
    """Someone who asks a desk."""

    __slots__ = ("asked", "desk", "key", "ordinal", "owner", "patience", "queue_rank", "slot")

    def __init__(self, owner: Any, key: int, desk: int, *, asked: float, priority: float, patience: float, ordinal: int = 0) -> None:
        self.owner = owner  # for whoever is told of the answer
        self.key = key
        self.desk = desk  # that was asked
        self.asked = asked  # days
        self.queue_rank = -priority
        self.patience = patience  # days
        self.ordinal = ordinal
        self.slot: _QueueSlot | None = None  # where it waits or is answered


ServiceTime = Callable[[DeskRequest, int], float]  # days that a request takes at a desk
ReplyCallback = Callable[[DeskRequest, DeskReply], None]


class _KeyedQueue(SortedQueue):
    """A queue in the order of keys: SimPy's own sorts all anew for each who comes."""

    def append(self, item: Any) -> None:
        insort(self, item, key=_BY_KEY)

    def remove(self, item: Any) -> None:
        at = bisect_left(self, item.key, key=_BY_KEY)
        while self[at] is not item:
            at += 1
        del self[at]


class _DeskStaff(PriorityResource):
    """The people of one desk."""

    PutQueue = _KeyedQueue


class _QueueSlot(PriorityRequest):
    """A place in the queue of a desk, and then with one of its people."""

    key: Any

    def __init__(self, staff: _DeskStaff, desk: "_DeskQueue", key: _QueueKey) -> None:
        self.key = key
        self.desk = desk
        SimpyRequest.__init__(self, staff)


class _DeskQueue:
    """One desk: its people, and who of them is off duty."""

    def __init__(self, desks: "DeskQueues", code: int, post: DeskPlan) -> None:
        self.code = code
        self.plan = post
        self._desks = desks
        self._capacity = max(post.roster.staff, default=0) or 1  # SimPy wants somebody
        self._staff = _DeskStaff(desks.calendar, self._capacity)
        self._off_duty = [_QueueSlot(self._staff, self, _OFF_DUTY_KEY) for _ in range(self._capacity)]
        self._next_shift = 0
        self._schedule_next_shift()

    def _schedule_next_shift(self) -> None:
        if self._next_shift < len(self.plan.roster.times):
            self._desks.calendar.call_at(self.plan.roster.times[self._next_shift], EventPriority.SHIFT, self._change_shift)

    def _change_shift(self, _: simpy.Event) -> None:
        """People come, or go when their conversation is over."""
        away = self._capacity - self.plan.roster.staff[self._next_shift]
        while len(self._off_duty) < away:
            self._off_duty.append(_QueueSlot(self._staff, self, _OFF_DUTY_KEY))
        while len(self._off_duty) > away:
            self.release(self._off_duty.pop())
        self._next_shift += 1
        self._schedule_next_shift()

    def release(self, place: _QueueSlot) -> None:
        """A conversation is over, or whoever waited waits no more."""
        if place.triggered:
            self._staff.release(place)
        else:
            place.cancel()

    def enter(self, request: DeskRequest) -> None:
        """Someone comes: is answered at once, or waits."""
        is_new = request.slot is None
        place = request.slot = _QueueSlot(self._staff, self, (request.queue_rank, request.asked, request.key))
        if place.triggered:
            self._begin_service(request, place)
            return
        desks, calendar = self._desks, self._desks.calendar
        place.callbacks.append(lambda _: self._begin_service(request, place))
        if is_new and request.patience < math.inf:
            calendar.call_at(request.asked + request.patience, EventPriority.PATIENCE, lambda _: desks.give_up(request))
        if self.plan.escalate_to >= 0:
            calendar.call_at(calendar.now + self.plan.escalate_after, EventPriority.ESCALATION, lambda _: self._escalate(request, place))

    def _begin_service(self, request: DeskRequest, place: _QueueSlot) -> None:
        """A conversation begins; it is known when it will end."""
        desks, now = self._desks, self._desks.calendar.now
        service, waited = desks.service_of(request, self.code), now - request.asked
        in_time = waited <= desks.plans[request.desk].sla + TOLERANCE
        desks.calendar.call_at(now + service, EventPriority.SERVICE_END, lambda _: self.release(place))
        desks.on_reply(request, DeskReply(now + service, waited, service, ReplyCode.IN_TIME if in_time else ReplyCode.LATE, self.code))

    def _escalate(self, request: DeskRequest, place: _QueueSlot) -> None:
        """Who has waited long enough goes to another desk."""
        if request.slot is place and not place.triggered:
            self.release(place)
            self._desks.enter(request, self.plan.escalate_to)


class DeskQueues:
    """All desks of a firm."""

    def __init__(self, calendar: EventCalendar, plans: Sequence[DeskPlan], *, service_of: ServiceTime, on_reply: ReplyCallback) -> None:
        self.calendar = calendar
        self.plans = plans
        self.service_of = service_of
        self.on_reply = on_reply
        self._desks = [_DeskQueue(self, code, post) for code, post in enumerate(plans)]
        self._entering: list[tuple[_QueueKey, int, DeskRequest]] = []

    def ask(self, request: DeskRequest) -> None:
        """Someone asks now; `tell` is called when it is known how that ends.

        Parameters
        ----------
        request : DeskRequest
            Of this instant.
        """
        self.enter(request, request.desk)

    def enter(self, request: DeskRequest, desk: int) -> None:
        """Someone comes to a desk: with all others of this instant, in the order in which they would wait.

        Parameters
        ----------
        request : DeskRequest
            Who.
        desk : int
            Where to.
        """
        if not self._entering:
            self.calendar.call_at(self.calendar.now, EventPriority.ARRIVAL, self._admit_waiting)
        self._entering.append(((request.queue_rank, request.asked, request.key), desk, request))

    def give_up(self, request: DeskRequest) -> None:
        """Patience has ended: who still waits is gone.

        Parameters
        ----------
        request : DeskRequest
            Whose.
        """
        place = request.slot
        if place is not None and not place.triggered:
            place.cancel()
            request.slot = None
            now = self.calendar.now
            self.on_reply(request, DeskReply(now, now - request.asked, 0.0, ReplyCode.UNANSWERED, place.desk.code))

    def _admit_waiting(self, _: simpy.Event) -> None:
        coming, self._entering = self._entering, []
        coming.sort(key=itemgetter(0))
        for _key, desk, request in coming:
            self._desks[desk].enter(request)


class QueueOutcome(NamedTuple):
    """What became of requests to one desk, in their order."""

    waited: FloatArray  # days until an answer began, or patience ended; nan: still waiting
    ended: FloatArray  # days: when the conversation, or patience, ended
    reply: NDArray[np.int8]  # `Reply`; NEVER_ANSWERED: still waiting when everybody had gone


def simulate_queue(
    rota: Roster,
    arrivals: FloatArray,
    service: FloatArray,
    patience: FloatArray | None = None,
    *,
    priority: FloatArray | None = None,
    sla: float = math.inf,
) -> QueueOutcome:
    """Let one desk serve requests that are given with their times.

    Parameters
    ----------
    rota : Roster
        Its people.
    arrivals : ndarray of float64, shape (n,), days
        When each asks, ascending.
    service : ndarray of float64, shape (n,), days
        How long each conversation is.
    patience : ndarray of float64, shape (n,), days, optional
        How long each would wait; without end if not given.
    priority : ndarray of float64, shape (n,), optional
        Higher goes first; all the same if not given.
    sla : float, days
        An answer that begins later is late.

    Returns
    -------
    QueueOutcome

    Examples
    --------
    >>> import numpy as np
    >>> simulate_queue(Roster((0.0,), (1,)), np.array([0.0, 0.5]), np.array([2.0, 1.0])).waited
    array([0. , 1.5])
    """
    count = len(arrivals)
    served = QueueOutcome(np.full(count, np.nan), np.full(count, np.nan), np.full(count, NO_REPLY, np.int8))

    def tell(request: DeskRequest, answer: DeskReply) -> None:
        """Note an answer."""
        served.waited[request.key], served.ended[request.key], served.reply[request.key] = answer.waited, answer.time, answer.reply

    calendar = EventCalendar(math.inf)
    desks = DeskQueues(calendar, [DeskPlan(rota, sla)], service_of=lambda request, _: float(service[request.key]), on_reply=tell)

    def arrive(n: int) -> None:
        """Let one ask, and the next be waited for."""
        patient = math.inf if patience is None else float(patience[n])
        rank = 0.0 if priority is None else float(priority[n])
        desks.ask(DeskRequest(None, n, 0, asked=calendar.now, priority=rank, patience=patient))
        if n + 1 < count:
            calendar.call_at(float(arrivals[n + 1]), EventPriority.CUSTOMER, lambda _: arrive(n + 1))

    if count:
        calendar.call_at(float(arrivals[0]), EventPriority.CUSTOMER, lambda _: arrive(0))
    calendar.run()
    return served

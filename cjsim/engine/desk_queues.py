"""Queues of service desks in SimPy: priorities, staff, patience, escalation. Both engines use them.

A desk is a `simpy.PriorityResource` with the capacity of its largest staff. Agents who are off duty hold slots of it as customers do. They
request a slot with priority over all customers, and so get one when a conversation ends: no conversation is cut off.
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
NO_REPLY = -1  # in `QueueOutcome.reply`


class DeskReply(NamedTuple):
    """How a request ends: the fields of a `DESK_REPLY` record."""

    time: float  # days: when the conversation, or patience, ends
    waited: float  # days
    service: float  # days
    reply: ReplyCode
    desk: int  # the desk that replied


class DeskRequest:
    """A request of a customer to a desk.

    Parameters
    ----------
    owner : object
        Passed through to the reply callback, as part of the request.
    key : int
        Customer key; orders simultaneous requests of equal priority.
    desk : int
        Index of the requested desk.
    asked : float
        Days: time of the request.
    priority : float
        Higher priorities are served first.
    patience : float
        Days that the customer waits; inf without limit.
    ordinal : int
        Number of the customer's earlier requests to the desk.
    """

    __slots__ = ("asked", "desk", "key", "ordinal", "owner", "patience", "queue_rank", "slot")

    def __init__(self, owner: Any, key: int, desk: int, *, asked: float, priority: float, patience: float, ordinal: int = 0) -> None:
        self.owner = owner
        self.key = key
        self.desk = desk
        self.asked = asked
        self.queue_rank = -priority
        self.patience = patience
        self.ordinal = ordinal
        self.slot: _QueueSlot | None = None  # the slot in which it waits or is served


ServiceTime = Callable[[DeskRequest, int], float]  # days that a request takes at a desk
ReplyCallback = Callable[[DeskRequest, DeskReply], None]


class _KeyedQueue(SortedQueue):
    """A queue in the order of keys, with insertion by bisection: SimPy's own queue sorts itself again for each new item."""

    def append(self, item: Any) -> None:
        """Insert an item behind items of equal key."""
        insort(self, item, key=_BY_KEY)

    def remove(self, item: Any) -> None:
        """Remove an item of the queue."""
        index = bisect_left(self, item.key, key=_BY_KEY)
        while self[index] is not item:
            index += 1
        del self[index]


class _DeskStaff(PriorityResource):
    """The agents of one desk."""

    PutQueue = _KeyedQueue


class _QueueSlot(PriorityRequest):
    """A position in the queue of a desk, and afterwards one of its agents."""

    key: Any

    def __init__(self, staff: _DeskStaff, desk: "_DeskQueue", key: _QueueKey) -> None:
        self.key = key
        self.desk = desk
        SimpyRequest.__init__(self, staff)


class _DeskQueue:
    """One desk: its agents on and off duty, and its queue."""

    def __init__(self, desks: "DeskQueues", code: int, plan: DeskPlan) -> None:
        self.code = code
        self.plan = plan
        self._desks = desks
        self._capacity = max(plan.roster.staff, default=0) or 1  # SimPy requires a positive capacity
        self._staff = _DeskStaff(desks.calendar, self._capacity)
        self._off_duty = [_QueueSlot(self._staff, self, _OFF_DUTY_KEY) for _ in range(self._capacity)]
        self._next_shift = 0
        self._schedule_next_shift()

    def _schedule_next_shift(self) -> None:
        if self._next_shift < len(self.plan.roster.times):
            self._desks.calendar.call_at(self.plan.roster.times[self._next_shift], EventPriority.SHIFT, self._change_shift)

    def _change_shift(self, _: simpy.Event) -> None:
        """Agents come on duty, or go off duty when their conversations have ended."""
        n_off_duty = self._capacity - self.plan.roster.staff[self._next_shift]
        while len(self._off_duty) < n_off_duty:
            self._off_duty.append(_QueueSlot(self._staff, self, _OFF_DUTY_KEY))
        while len(self._off_duty) > n_off_duty:
            self.release(self._off_duty.pop())
        self._next_shift += 1
        self._schedule_next_shift()

    @property
    def load(self) -> "DeskLoad":
        """The queue, the busy agents and the staff now."""
        n_off_duty = sum(slot.triggered for slot in self._off_duty)
        waiting_to_leave = len(self._off_duty) - n_off_duty  # agents who finish a conversation after their shift
        return DeskLoad(len(self._staff.queue) - waiting_to_leave, self._staff.count - n_off_duty, self._capacity - len(self._off_duty))

    def release(self, slot: _QueueSlot) -> None:
        """End a conversation, or leave the queue.

        Parameters
        ----------
        slot : _QueueSlot
            A slot of this desk.
        """
        if slot.triggered:
            self._staff.release(slot)
        else:
            slot.cancel()

    def enter(self, request: DeskRequest) -> None:
        """Serve a request at once if an agent is free, else queue it.

        Parameters
        ----------
        request : DeskRequest
            A new or an escalated request.
        """
        is_new = request.slot is None
        slot = request.slot = _QueueSlot(self._staff, self, (request.queue_rank, request.asked, request.key))
        if slot.triggered:
            self._begin_service(request, slot)
            return
        desks, calendar = self._desks, self._desks.calendar
        slot.callbacks.append(lambda _: self._begin_service(request, slot))
        if is_new and request.patience < math.inf:
            calendar.call_at(request.asked + request.patience, EventPriority.PATIENCE, lambda _: desks.give_up(request))
        if self.plan.escalate_to >= 0:
            calendar.call_at(calendar.now + self.plan.escalate_after, EventPriority.ESCALATION, lambda _: self._escalate(request, slot))

    def _begin_service(self, request: DeskRequest, slot: _QueueSlot) -> None:
        """Begin a conversation, and report when it will end."""
        desks, now = self._desks, self._desks.calendar.now
        service, waited = desks.service_of(request, self.code), now - request.asked
        in_time = waited <= desks.plans[request.desk].sla + TOLERANCE
        desks.calendar.call_at(now + service, EventPriority.SERVICE_END, lambda _: self.release(slot))
        desks.on_reply(request, DeskReply(now + service, waited, service, ReplyCode.IN_TIME if in_time else ReplyCode.LATE, self.code))

    def _escalate(self, request: DeskRequest, slot: _QueueSlot) -> None:
        """Move a request that still waits to another desk."""
        if request.slot is slot and not slot.triggered:
            self.release(slot)
            self._desks.enter(request, self.plan.escalate_to)


class DeskLoad(NamedTuple):
    """How busy a desk is: customers who wait, agents in a conversation, agents on duty."""

    queue_length: int
    busy: int
    staff: int


class DeskQueues:
    """The queues of all desks of a firm.

    Parameters
    ----------
    calendar : EventCalendar
        Schedules shifts, ends of conversations, patience and escalations.
    plans : Sequence of DeskPlan
        Desks, by code.
    service_of : callable
        Returns the service time, in days, of a request at a desk.
    on_reply : callable
        Called with a request and its `DeskReply` as soon as its end is determined: when a conversation begins, or patience ends.
    """

    def __init__(self, calendar: EventCalendar, plans: Sequence[DeskPlan], *, service_of: ServiceTime, on_reply: ReplyCallback) -> None:
        self.calendar = calendar
        self.plans = plans
        self.service_of = service_of
        self.on_reply = on_reply
        self._desks = [_DeskQueue(self, code, plan) for code, plan in enumerate(plans)]
        self._entering: list[tuple[_QueueKey, int, DeskRequest]] = []

    def ask(self, request: DeskRequest) -> None:
        """Make a request now.

        Parameters
        ----------
        request : DeskRequest
            A request whose `asked` is the current time.
        """
        self.enter(request, request.desk)

    def enter(self, request: DeskRequest, desk: int) -> None:
        """Send a request to a desk, after all other events of this time; simultaneous requests enter in the order of the queue.

        Parameters
        ----------
        request : DeskRequest
            A new or an escalated request.
        desk : int
            Index of the desk.
        """
        if not self._entering:
            self.calendar.call_at(self.calendar.now, EventPriority.ARRIVAL, self._admit_entering)
        self._entering.append(((request.queue_rank, request.asked, request.key), desk, request))

    def load(self, desk: int) -> DeskLoad:
        """Return how busy a desk is now.

        Parameters
        ----------
        desk : int
            Index of the desk.

        Returns
        -------
        DeskLoad
        """
        return self._desks[desk].load

    def give_up(self, request: DeskRequest) -> None:
        """End the customer's patience: a request that still waits leaves the queue.

        Parameters
        ----------
        request : DeskRequest
            The request.
        """
        slot = request.slot
        if slot is not None and not slot.triggered:
            slot.cancel()
            request.slot = None
            now = self.calendar.now
            self.on_reply(request, DeskReply(now, now - request.asked, 0.0, ReplyCode.UNANSWERED, slot.desk.code))

    def _admit_entering(self, _: simpy.Event) -> None:
        """Admit the requests of this time to their desks."""
        entering, self._entering = self._entering, []
        entering.sort(key=itemgetter(0))
        for _key, desk, request in entering:
            self._desks[desk].enter(request)


class QueueOutcome(NamedTuple):
    """Outcomes of requests to one desk, in their order; arrays of shape (n_requests,).

    Attributes
    ----------
    waited : ndarray of float64, days
        Time until the conversation began, or patience ended; nan if the request waits for ever.
    ended : ndarray of float64, days
        When the conversation, or patience, ended.
    reply : ndarray of int8
        `ReplyCode`; NO_REPLY if the request waits for ever.
    """

    waited: FloatArray
    ended: FloatArray
    reply: NDArray[np.int8]


def simulate_queue(
    roster: Roster,
    arrivals: FloatArray,
    service: FloatArray,
    patience: FloatArray | None = None,
    *,
    priority: FloatArray | None = None,
    sla: float = math.inf,
) -> QueueOutcome:
    """Simulate one desk with given requests.

    Parameters
    ----------
    roster : Roster
        Staff of the desk over time.
    arrivals : ndarray of float64, shape (n_requests,), days
        Times of the requests, ascending.
    service : ndarray of float64, shape (n_requests,), days
        Service times.
    patience : ndarray of float64, shape (n_requests,), days, optional
        How long each customer waits; without limit if not given.
    priority : ndarray of float64, shape (n_requests,), optional
        Higher priorities are served first; all equal if not given.
    sla : float, days
        A conversation that begins after a longer wait is late.

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
    outcome = QueueOutcome(np.full(count, np.nan), np.full(count, np.nan), np.full(count, NO_REPLY, np.int8))

    def record_reply(request: DeskRequest, reply: DeskReply) -> None:
        """Write a reply into the outcome."""
        outcome.waited[request.key], outcome.ended[request.key], outcome.reply[request.key] = reply.waited, reply.time, reply.reply

    calendar = EventCalendar(math.inf)
    desks = DeskQueues(calendar, [DeskPlan(roster, sla)], service_of=lambda request, _: float(service[request.key]), on_reply=record_reply)

    def arrive(n: int) -> None:
        """Make request n, and schedule the next one."""
        own_patience = math.inf if patience is None else float(patience[n])
        own_priority = 0.0 if priority is None else float(priority[n])
        desks.ask(DeskRequest(None, n, 0, asked=calendar.now, priority=own_priority, patience=own_patience))
        if n + 1 < count:
            calendar.call_at(float(arrivals[n + 1]), EventPriority.CUSTOMER, lambda _: arrive(n + 1))

    if count:
        calendar.call_at(float(arrivals[0]), EventPriority.CUSTOMER, lambda _: arrive(0))
    calendar.run()
    return outcome

"""Service desk queues in SimPy, with priorities, shifts, patience and escalation. Both engines use them.

A desk is a `simpy.PriorityResource` whose capacity is its maximum staff. An agent who is off duty occupies a slot, as a customer in service
does. An agent going off duty requests a slot with priority over all customers and gets it when a conversation ends, so no conversation is
interrupted.
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
    """The outcome of a request: the fields of a `DESK_REPLY` record."""

    time: float  # days; end of the conversation, or of the customer's patience
    waited: float  # days
    service: float  # days
    reply: ReplyCode
    desk: int  # the desk that replied


class DeskRequest:
    """A customer's request to a desk.

    Parameters
    ----------
    owner : object
        Any object that the reply callback needs; it is available as `request.owner`.
    key : int
        Customer key; breaks ties between simultaneous requests of equal priority.
    desk : int
        Index of the requested desk.
    asked : float
        Time of the request, in days.
    priority : float
        Requests with higher priority are served first.
    patience : float
        Maximum wait, in days; inf for no limit.
    ordinal : int
        Number of the customer's previous requests to the desk.
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
        self.slot: _QueueSlot | None = None  # the slot in which the request waits or is served


ServiceTime = Callable[[DeskRequest, int], float]  # service time of a request at a desk, in days
ReplyCallback = Callable[[DeskRequest, DeskReply], None]


class _KeyedQueue(SortedQueue):
    """A queue sorted by key, with insertion by bisection. SimPy's own queue is sorted again after each insertion."""

    def append(self, item: Any) -> None:
        """Insert an item after items with an equal key."""
        insort(self, item, key=_BY_KEY)

    def remove(self, item: Any) -> None:
        """Remove an item from the queue."""
        index = bisect_left(self, item.key, key=_BY_KEY)
        while self[index] is not item:
            index += 1
        del self[index]


class _DeskStaff(PriorityResource):
    """The agents of one desk."""

    PutQueue = _KeyedQueue


class _QueueSlot(PriorityRequest):
    """A customer's place in a desk's queue. Once the request is granted, it occupies one of the desk's agents."""

    key: Any

    def __init__(self, staff: _DeskStaff, desk: "_DeskQueue", key: _QueueKey) -> None:
        self.key = key
        self.desk = desk
        SimpyRequest.__init__(self, staff)


class _DeskQueue:
    """One desk: its queue, and its agents on and off duty."""

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
        """Bring agents on duty, or send them off duty as soon as their conversations end."""
        n_off_duty = self._capacity - self.plan.roster.staff[self._next_shift]
        while len(self._off_duty) < n_off_duty:
            self._off_duty.append(_QueueSlot(self._staff, self, _OFF_DUTY_KEY))
        while len(self._off_duty) > n_off_duty:
            self.release(self._off_duty.pop())
        self._next_shift += 1
        self._schedule_next_shift()

    @property
    def load(self) -> "DeskLoad":
        """Current queue length, busy agents and agents on duty."""
        n_off_duty = sum(slot.triggered for slot in self._off_duty)
        waiting_to_leave = len(self._off_duty) - n_off_duty  # agents who are still in a conversation after the end of their shift
        return DeskLoad(len(self._staff.queue) - waiting_to_leave, self._staff.count - n_off_duty, self._capacity - len(self._off_duty))

    def release(self, slot: _QueueSlot) -> None:
        """End the conversation in a slot, or remove the slot from the queue.

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
        """Serve a request immediately if an agent is free, otherwise queue it.

        Parameters
        ----------
        request : DeskRequest
            A new or escalated request.
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
        """Start a conversation and report when it will end."""
        desks, now = self._desks, self._desks.calendar.now
        service, waited = desks.service_of(request, self.code), now - request.asked
        in_time = waited <= desks.plans[request.desk].sla + TOLERANCE
        desks.calendar.call_at(now + service, EventPriority.SERVICE_END, lambda _: self.release(slot))
        desks.on_reply(request, DeskReply(now + service, waited, service, ReplyCode.IN_TIME if in_time else ReplyCode.LATE, self.code))

    def _escalate(self, request: DeskRequest, slot: _QueueSlot) -> None:
        """Move a request that is still waiting to another desk."""
        if request.slot is slot and not slot.triggered:
            self.release(slot)
            self._desks.enter(request, self.plan.escalate_to)


class DeskLoad(NamedTuple):
    """Load of a desk: number of waiting customers, agents in a conversation, and agents on duty."""

    queue_length: int
    busy: int
    staff: int


class DeskQueues:
    """The queues of all desks in a firm.

    Parameters
    ----------
    calendar : EventCalendar
        Schedules shifts, ends of conversations, ends of patience and escalations.
    plans : Sequence of DeskPlan
        Desks, indexed by code.
    service_of : callable
        Returns the service time of a request at a desk, in days.
    on_reply : callable
        Called with a request and its `DeskReply` once the outcome is determined: when a conversation starts, or when patience ends.
    """

    def __init__(self, calendar: EventCalendar, plans: Sequence[DeskPlan], *, service_of: ServiceTime, on_reply: ReplyCallback) -> None:
        self.calendar = calendar
        self.plans = plans
        self.service_of = service_of
        self.on_reply = on_reply
        self._desks = [_DeskQueue(self, code, plan) for code, plan in enumerate(plans)]
        self._entering: list[tuple[_QueueKey, int, DeskRequest]] = []

    def ask(self, request: DeskRequest) -> None:
        """Submit a request at the current time.

        Parameters
        ----------
        request : DeskRequest
            A request whose `asked` equals the current time.
        """
        self.enter(request, request.desk)

    def enter(self, request: DeskRequest, desk: int) -> None:
        """Send a request to a desk after all other events at the current time. Simultaneous requests enter in queue order.

        Parameters
        ----------
        request : DeskRequest
            A new or escalated request.
        desk : int
            Index of the desk.
        """
        if not self._entering:
            self.calendar.call_at(self.calendar.now, EventPriority.ARRIVAL, self._admit_entering)
        self._entering.append(((request.queue_rank, request.asked, request.key), desk, request))

    def load(self, desk: int) -> DeskLoad:
        """Return the current load of a desk.

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
        """End the customer's patience: remove the request from the queue if it is still waiting.

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
        """Pass all requests made at the current time to their desks."""
        entering, self._entering = self._entering, []
        entering.sort(key=itemgetter(0))
        for _key, desk, request in entering:
            self._desks[desk].enter(request)


class QueueOutcome(NamedTuple):
    """Outcomes of requests to one desk, in the order of the requests.

    Attributes
    ----------
    waited : ndarray of float64, shape (n_requests,), days
        Time until the conversation started or patience ended; nan if the request was never answered.
    ended : ndarray of float64, shape (n_requests,), days
        Time at which the conversation or patience ended; nan if the request was never answered.
    reply : ndarray of int8, shape (n_requests,)
        `ReplyCode`; NO_REPLY if the request was never answered.
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
    """Simulate the queue of one desk for given requests.

    Parameters
    ----------
    roster : Roster
        Number of agents over time.
    arrivals : ndarray of float64, shape (n_requests,), days
        Request times in ascending order.
    service : ndarray of float64, shape (n_requests,), days
        Service times.
    patience : ndarray of float64, shape (n_requests,), days, optional
        Maximum wait of each customer. Defaults to no limit.
    priority : ndarray of float64, shape (n_requests,), optional
        Requests with higher priority are served first. Defaults to equal priorities.
    sla : float, days
        Service level agreement: a longer wait counts as late.

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
        """Write a reply to the outcome arrays."""
        outcome.waited[request.key], outcome.ended[request.key], outcome.reply[request.key] = reply.waited, reply.time, reply.reply

    calendar = EventCalendar(math.inf)
    desks = DeskQueues(calendar, [DeskPlan(roster, sla)], service_of=lambda request, _: float(service[request.key]), on_reply=record_reply)

    def arrive(n: int) -> None:
        """Submit request n and schedule the next one."""
        own_patience = math.inf if patience is None else float(patience[n])
        own_priority = 0.0 if priority is None else float(priority[n])
        desks.ask(DeskRequest(None, n, 0, asked=calendar.now, priority=own_priority, patience=own_patience))
        if n + 1 < count:
            calendar.call_at(float(arrivals[n + 1]), EventPriority.CUSTOMER, lambda _: arrive(n + 1))

    if count:
        calendar.call_at(float(arrivals[0]), EventPriority.CUSTOMER, lambda _: arrive(0))
    calendar.run()
    return outcome

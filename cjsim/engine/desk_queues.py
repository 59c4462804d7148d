"""Service desk queues on SimPy's calendar, with priorities, shifts, patience and escalation. Both engines use them.

The agents of a shift are a crew. When a shift ends, its idle agents leave, and the others leave after their conversation. A free agent
takes the first request in the queue, so no agent of a desk is free while a request waits.
"""

import math
from bisect import bisect_left, insort
from collections.abc import Callable, Sequence
from heapq import heapify, heappop, heappush
from operator import itemgetter
from typing import Any, NamedTuple

import numpy as np
import simpy
from numpy.typing import NDArray

from cjsim.compiler.desk_plans import DeskPlan
from cjsim.compiler.plan import FloatArray
from cjsim.engine.calendar import EventCalendar, EventPriority
from cjsim.kernels.codes import ReplyCode
from cjsim.kernels.conditions import TOLERANCE
from cjsim.scenario.rosters import Crew

_QueueKey = tuple[float, float, int]
_BY_KEY = itemgetter(0)
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

    __slots__ = ("asked", "desk", "key", "ordinal", "owner", "patience", "queue_rank", "waits_at")

    def __init__(self, owner: Any, key: int, desk: int, *, asked: float, priority: float, patience: float, ordinal: int = 0) -> None:
        self.owner = owner
        self.key = key
        self.desk = desk
        self.asked = asked
        self.queue_rank = -priority
        self.patience = patience
        self.ordinal = ordinal
        self.waits_at: _DeskQueue | None = None  # the desk in whose queue the request waits

    @property
    def queue_key(self) -> _QueueKey:
        """Place in a queue: by priority, then by time of the request, then by customer key."""
        return self.queue_rank, self.asked, self.key


ServiceTime = Callable[[DeskRequest, int], float]  # service time of a request at a desk, in days
ReplyCallback = Callable[[DeskRequest, DeskReply], None]


class _DeskQueue:
    """One desk: its queue and its agents.

    Agents of a crew are interchangeable. The agent who has been free the longest answers. Ties go to the crew that is first in the plan.
    """

    def __init__(self, desks: "DeskQueues", code: int, plan: DeskPlan) -> None:
        self.code = code
        self.plan = plan
        self._desks = desks
        self._waiting: list[tuple[_QueueKey, DeskRequest]] = []  # in ascending order
        self._free: list[tuple[float, int]] = []  # a heap: for each free agent, the time since which the agent is free, and the crew
        self._on_duty: set[int] = set()  # crews
        self._n_busy = 0
        begins = [(crew.begins, True, code) for code, crew in enumerate(plan.crews)]
        ends = [(crew.ends, False, code) for code, crew in enumerate(plan.crews)]
        self._shift_changes = sorted(begins + ends, reverse=True)  # the next one is last
        self._schedule_shift_change()

    def _schedule_shift_change(self) -> None:
        if self._shift_changes:
            self._desks.calendar.call_at(self._shift_changes[-1][0], EventPriority.SHIFT, self._change_shifts)

    def _change_shifts(self, _: simpy.Event) -> None:
        """Release idle agents whose shift ends, then let the agents whose shift begins take requests."""
        now = self._desks.calendar.now
        while self._shift_changes and self._shift_changes[-1][0] == now:
            _time, begins, crew = self._shift_changes.pop()
            if begins:
                self._on_duty.add(crew)
                for _agent in range(self.plan.crews[crew].agents):
                    self._become_free(crew)
            else:
                self._on_duty.remove(crew)
                self._free = [agent for agent in self._free if agent[1] != crew]
                heapify(self._free)
        self._schedule_shift_change()

    @property
    def load(self) -> "DeskLoad":
        """Current queue length, busy agents and agents on duty."""
        return DeskLoad(len(self._waiting), self._n_busy, sum(self.plan.crews[crew].agents for crew in self._on_duty))

    def enter(self, request: DeskRequest) -> None:
        """Serve a request immediately if an agent is free, otherwise queue it.

        Parameters
        ----------
        request : DeskRequest
            A new or escalated request.
        """
        if self._free:
            self._begin_service(request, heappop(self._free)[1])
            return
        desks, calendar = self._desks, self._desks.calendar
        is_new = request.waits_at is None
        request.waits_at = self
        desks.has_queued = True
        insort(self._waiting, (request.queue_key, request), key=_BY_KEY)
        if is_new and request.patience < math.inf:
            calendar.call_at(request.asked + request.patience, EventPriority.PATIENCE, lambda _: desks.give_up(request))
        terms = self.plan.at(calendar.now)
        if terms.escalate_to >= 0:
            calendar.call_at(
                calendar.now + terms.escalate_after, EventPriority.ESCALATION, lambda _: self._escalate(request, terms.escalate_to)
            )

    def remove(self, request: DeskRequest) -> None:
        """Remove a waiting request from the queue.

        Parameters
        ----------
        request : DeskRequest
            A request that waits at this desk.
        """
        del self._waiting[bisect_left(self._waiting, request.queue_key, key=_BY_KEY)]

    def _become_free(self, crew: int) -> None:
        """Let an agent on duty take the first request in the queue, or wait for one."""
        if self._waiting:
            self._begin_service(self._waiting.pop(0)[1], crew)
        else:
            heappush(self._free, (self._desks.calendar.now, crew))

    def _begin_service(self, request: DeskRequest, crew: int) -> None:
        """Start a conversation and report when it will end."""
        desks, now = self._desks, self._desks.calendar.now
        request.waits_at = None
        self._n_busy += 1
        service, waited = desks.service_of(request, self.code), now - request.asked
        in_time = waited <= desks.plans[request.desk].at(request.asked).sla + TOLERANCE
        desks.calendar.call_at(now + service, EventPriority.SERVICE_END, lambda _: self._end_service(crew))
        desks.on_reply(request, DeskReply(now + service, waited, service, ReplyCode.IN_TIME if in_time else ReplyCode.LATE, self.code))

    def _end_service(self, crew: int) -> None:
        """End a conversation; the agent leaves if the shift has ended."""
        self._n_busy -= 1
        if crew in self._on_duty:
            self._become_free(crew)

    def _escalate(self, request: DeskRequest, desk: int) -> None:
        """Move a request that is still waiting to another desk."""
        if request.waits_at is self:
            self.remove(request)
            self._desks.enter(request, desk)


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

    Attributes
    ----------
    has_queued : bool
        Whether any request has had to wait so far.
    """

    def __init__(self, calendar: EventCalendar, plans: Sequence[DeskPlan], *, service_of: ServiceTime, on_reply: ReplyCallback) -> None:
        self.calendar = calendar
        self.plans = plans
        self.service_of = service_of
        self.on_reply = on_reply
        self.has_queued = False
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
        self._entering.append((request.queue_key, desk, request))

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
        desk = request.waits_at
        if desk is not None:
            desk.remove(request)
            request.waits_at = None
            now = self.calendar.now
            self.on_reply(request, DeskReply(now, now - request.asked, 0.0, ReplyCode.UNANSWERED, desk.code))

    def _admit_entering(self, _: simpy.Event) -> None:
        """Pass all requests made at the current time to their desks."""
        entering, self._entering = self._entering, []
        entering.sort(key=_BY_KEY)
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
    crews: Sequence[Crew],
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
    crews : sequence of Crew
        The agents of each shift.
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
    >>> import math
    >>> import numpy as np
    >>> simulate_queue([Crew(0.0, math.inf, 1)], np.array([0.0, 0.5]), np.array([2.0, 1.0])).waited
    array([0. , 1.5])
    """
    count = len(arrivals)
    outcome = QueueOutcome(np.full(count, np.nan), np.full(count, np.nan), np.full(count, NO_REPLY, np.int8))

    def record_reply(request: DeskRequest, reply: DeskReply) -> None:
        """Write a reply to the outcome arrays."""
        outcome.waited[request.key], outcome.ended[request.key], outcome.reply[request.key] = reply.waited, reply.time, reply.reply

    def service_of(request: DeskRequest, _desk: int) -> float:
        """Return the given service time of a request."""
        return float(service[request.key])

    calendar = EventCalendar(math.inf)
    desks = DeskQueues(calendar, [DeskPlan(tuple(crews), sla)], service_of=service_of, on_reply=record_reply)

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

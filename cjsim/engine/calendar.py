"""A SimPy environment with exact event times, a fixed order of simultaneous events, and turns by customer key.

SimPy adds delays to the current time and thereby rounds, so that equal times of the model would no longer be equal. Here events are
scheduled at the time of the model. Simultaneous events are ordered by `EventPriority`, never by insertion.
"""

from collections.abc import Callable
from enum import IntEnum
from heapq import heappop, heappush
from typing import Any, cast

import simpy


class EventPriority(IntEnum):
    """Order of simultaneous events: lower values come first."""

    URGENT = 0  # used by SimPy for processes that start or are interrupted
    CUSTOMER = 1  # events of one customer; SimPy's normal priority, also used for granted resource requests
    SHIFT = 2  # before SERVICE_END: agents who go off duty take no waiting request
    SERVICE_END = 3
    PATIENCE = 4
    ESCALATION = 5
    TURN = 6  # actions that draw on a budget, by customer key: after all events that can add another one at this time
    ARRIVAL = 7
    USER_PROCESS = 8  # a user's first process; the second has the next higher value, and so on


class EventCalendar(simpy.Environment):
    """A SimPy environment with events at exact times; callbacks at the horizon or later are dropped.

    Parameters
    ----------
    horizon : float
        Days.
    """

    def __init__(self, horizon: float) -> None:
        super().__init__(0.0)
        self.horizon = horizon

    def call_at(self, time: float, priority: int, callback: Callable[[simpy.Event], None]) -> None:
        """Schedule a callback, unless the time is at or after the horizon.

        Parameters
        ----------
        time : float
            Days; not before now.
        priority : int
            Order among simultaneous events, as an `EventPriority`.
        callback : callable
            Called with the event.
        """
        if time < self.horizon:
            self._push_event(time, priority).callbacks.append(callback)

    def event_at(self, time: float, priority: int = EventPriority.CUSTOMER) -> simpy.Event:
        """Schedule an event for a process to wait for; it may be at the horizon.

        Parameters
        ----------
        time : float
            Days; not before now.
        priority : int
            Order among simultaneous events, as an `EventPriority`.

        Returns
        -------
        simpy.Event
        """
        return self._push_event(time, priority)

    def _push_event(self, time: float, priority: int) -> simpy.Event:
        event, queue = simpy.Event(self), cast("list[Any]", self._queue)
        event._ok = True
        event._value = None
        heappush(queue, (time, priority, next(self._eid), event))
        return event


class BudgetTurns:
    """Runs simultaneous actions that draw on a budget in the order of customer keys, each with all its consequences.

    Parameters
    ----------
    calendar : EventCalendar
        Schedules the turns.
    """

    def __init__(self, calendar: EventCalendar) -> None:
        self._calendar = calendar
        self._waiting: list[tuple[float, int, int, Callable[[], object]]] = []
        self._count = 0

    def wait(self, time: float, key: int, act: Callable[[], object]) -> None:
        """Request a turn.

        Parameters
        ----------
        time : float
            Days: when the action is due.
        key : int
            Customer key.
        act : callable
            Called at the turn, without arguments.
        """
        is_first = not self._waiting or time < self._waiting[0][0]
        self._count += 1
        heappush(self._waiting, (time, key, self._count, act))
        if is_first:
            self._calendar.call_at(time, EventPriority.TURN, self._run_next)

    def _run_next(self, _: simpy.Event) -> None:
        """Run the first action; the next turn comes after all its consequences."""
        if not self._waiting or self._waiting[0][0] != self._calendar.now:
            return
        act = heappop(self._waiting)[-1]
        if self._waiting:
            self._calendar.call_at(self._waiting[0][0], EventPriority.TURN, self._run_next)
        act()

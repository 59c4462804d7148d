"""SimPy's environment with what both engines need of it: exact times, an order of what falls together, turns by key.

Lives here: the calendar of what customers share. Does not live here: what is shared (desks.py), lives (readable.py, meeting.py).

SimPy adds delays to the time that it is, and so rounds; equal times of the model would no longer be equal. Here events stand at the
time of the model, and what falls on one instant is served by `Level`, never by the order in which it was put there.
"""

from collections.abc import Callable
from enum import IntEnum
from heapq import heappop, heappush
from typing import Any, cast

import simpy


class EventPriority(IntEnum):
    """What falls on one instant, in the order in which it is served."""

    URGENT = 0  # SimPy's own: processes that begin or are interrupted
    CUSTOMER = 1  # private life; also what SimPy itself lets happen, such as the grant of a resource
    SHIFT = 2  # before END: who is off duty takes nobody who waits
    SERVICE_END = 3  # conversations end
    PATIENCE = 4
    ESCALATION = 5
    TURN = 6  # acts that draw on a budget, by key: after all that could bring another of this instant
    ARRIVAL = 7


class EventCalendar(simpy.Environment):
    """A SimPy environment whose events stand at exact times; what would be at the horizon or later is left out."""

    def __init__(self, horizon: float) -> None:
        super().__init__(0.0)
        self.horizon = horizon

    def call_at(self, time: float, level: EventPriority, callback: Callable[[simpy.Event], None]) -> None:
        """Have something called at a time.

        Parameters
        ----------
        time : float
            Days; not before now.
        level : EventPriority
            Its place among what falls on that instant.
        callback : callable
            Called with the event.
        """
        if time < self.horizon:
            self._push_event(time, level).callbacks.append(callback)

    def event_at(self, time: float) -> simpy.Event:
        """An event at a time, for a process to wait for; at the horizon, too.

        Parameters
        ----------
        time : float
            Days; not before now.
        """
        return self._push_event(time, EventPriority.CUSTOMER)

    def _push_event(self, time: float, level: EventPriority) -> simpy.Event:
        event, queue = simpy.Event(self), cast("list[Any]", self._queue)
        event._ok = True
        event._value = None
        heappush(queue, (time, level, next(self._eid), event))
        return event


class BudgetTurns:
    """Whoever wants to act at an instant does so in the order of customer keys, one after another with all that follows."""

    def __init__(self, calendar: EventCalendar) -> None:
        self._calendar = calendar
        self._waiting: list[tuple[float, int, int, Callable[[], object]]] = []
        self._count = 0

    def wait(self, time: float, key: int, act: Callable[[], object]) -> None:
        """Ask for a turn.

        Parameters
        ----------
        time : float
            Days.
        key : int
            Of the customer.
        act : callable
            What it does in its turn.
        """
        is_first = not self._waiting or time < self._waiting[0][0]
        self._count += 1
        heappush(self._waiting, (time, key, self._count, act))
        if is_first:
            self._calendar.call_at(time, EventPriority.TURN, self._serve)

    def _serve(self, _: simpy.Event) -> None:
        """Let the first act; the next one's turn comes after all that follows from it."""
        if not self._waiting or self._waiting[0][0] != self._calendar.now:
            return
        act = heappop(self._waiting)[-1]
        if self._waiting:
            self._calendar.call_at(self._waiting[0][0], EventPriority.TURN, self._serve)
        act()

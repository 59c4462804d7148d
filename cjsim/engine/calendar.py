"""A SimPy environment with exact event times, a fixed order of simultaneous events, and budget turns in customer key order.

SimPy schedules events by delay. Adding a delay to the current time involves rounding, so two times that are equal in the model could
differ. Events are therefore scheduled at absolute model times. Simultaneous events are ordered by `EventPriority`, never by insertion.
"""

import math
from collections.abc import Callable
from enum import IntEnum
from heapq import heappop, heappush
from typing import Any, cast

import simpy

from cjsim.progress import Progress


class EventPriority(IntEnum):
    """Order of simultaneous events; lower values come first."""

    URGENT = 0  # used by SimPy when processes start or are interrupted
    CUSTOMER = 1  # events of one customer; SimPy's normal priority, also used for granted resource requests
    SHIFT = 2  # before SERVICE_END, so that agents who go off duty do not take another request
    SERVICE_END = 3
    PATIENCE = 4
    ESCALATION = 5
    TURN = 6  # actions that draw on a budget, in customer key order; after all events that can add such an action at the same time
    ARRIVAL = 7
    USER_PROCESS = 8  # the first user process; the second has the next higher value, and so on


class EventCalendar(simpy.Environment):
    """A SimPy environment with exact event times, which drops callbacks at or after the horizon.

    Parameters
    ----------
    horizon : float
        End of the simulation, in days.
    begins : float
        Beginning of the simulation, in days; 0 or negative.
    """

    def __init__(self, horizon: float, *, begins: float = 0.0) -> None:
        super().__init__(begins)
        self.begins = begins
        self.horizon = horizon

    def call_at(self, time: float, priority: int, callback: Callable[[simpy.Event], None]) -> None:
        """Schedule a callback unless its time is at or after the horizon.

        Parameters
        ----------
        time : float
            Time of the callback, in days; must not be in the past.
        priority : int
            `EventPriority`, which orders simultaneous events.
        callback : callable
            Called with the event.
        """
        if time < self.horizon:
            self._push_event(time, priority).callbacks.append(callback)

    def run_by_day(self, progress: Progress) -> None:
        """Run until no event is left.

        Parameters
        ----------
        progress : Progress
            Receives the number of days that have passed. They add up to the days from the beginning of the simulation to the horizon, each
            rounded away from day 0.
        """
        queue, days = cast("list[Any]", self._queue), math.floor(self.begins)
        while queue:
            if queue[0][0] >= days + 1:
                passed = math.floor(min(queue[0][0], self.horizon)) - days
                progress.advance(passed)
                days += passed
            self.step()
        progress.advance(math.ceil(self.horizon) - days)

    def event_at(self, time: float, priority: int = EventPriority.CUSTOMER) -> simpy.Event:
        """Schedule an event that a process can wait for, possibly at the horizon.

        Parameters
        ----------
        time : float
            Time of the event, in days; must not be in the past.
        priority : int
            `EventPriority`, which orders simultaneous events.

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
    """Runs simultaneous budget actions in customer key order; each action completes, with all its consequences, before the next starts.

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
            Time at which the action is due, in days.
        key : int
            Customer key.
        act : callable
            Called without arguments when the turn comes.
        """
        is_first = not self._waiting or time < self._waiting[0][0]
        self._count += 1
        heappush(self._waiting, (time, key, self._count, act))
        if is_first:
            self._calendar.call_at(time, EventPriority.TURN, self._run_next)

    def _run_next(self, _: simpy.Event) -> None:
        """Run the first action, and schedule the next turn after all its consequences."""
        if not self._waiting or self._waiting[0][0] != self._calendar.now:
            return
        act = heappop(self._waiting)[-1]
        if self._waiting:
            self._calendar.call_at(self._waiting[0][0], EventPriority.TURN, self._run_next)
        act()

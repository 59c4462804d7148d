"""Rosters: the number of agents at a desk over time, computed from its shifts."""

import math
from collections import defaultdict
from collections.abc import Sequence
from datetime import date, timedelta
from itertools import accumulate
from typing import NamedTuple

from cjsim.scenario.fields import WEEKDAYS
from cjsim.scenario.policy import Shift

HOURS_PER_DAY = 24.0


class Roster(NamedTuple):
    """Agents at a desk: `staff[i]` from `times[i]` to `times[i + 1]`, and none before `times[0]`."""

    times: tuple[float, ...]  # days since the start, ascending
    staff: tuple[int, ...]


def roster_of(shifts: Sequence[Shift], *, start: date, horizon_days: float) -> Roster:
    """Compute the roster of a desk. Overlapping shifts add up. A shift that ends at or before its start ends on the next day.

    Parameters
    ----------
    shifts : sequence of Shift
        The shifts, in local time.
    start : date
        Day 0.
    horizon_days : float
        Simulated days.

    Returns
    -------
    Roster

    Examples
    --------
    >>> from cjsim.scenario.policy import Shift
    >>> roster_of([Shift(**{"agents": 2, "from": "09:00", "to": "12:00"})], start=date(2026, 1, 5), horizon_days=1)
    Roster(times=(0.375, 0.5), staff=(2, 0))
    """
    changes: defaultdict[float, int] = defaultdict(int)
    for day in range(-1, math.ceil(horizon_days)):
        for shift in shifts:
            if _works_on(shift, start + timedelta(days=day)):
                changes[max(day + shift.start / HOURS_PER_DAY, 0.0)] += shift.agents
                overnight = shift.end <= shift.start
                changes[max((day + 1 if overnight else day) + shift.end / HOURS_PER_DAY, 0.0)] -= shift.agents
    times = [time for time in sorted(changes) if changes[time] != 0 and time < horizon_days]
    return Roster(tuple(times), tuple(accumulate(changes[time] for time in times)))


def opening_times(roster: Roster) -> tuple[float, ...]:
    """Return the times at which a desk opens and closes in turn, starting with the first opening, in days. It is open while it has agents.

    Examples
    --------
    >>> opening_times(Roster((0.375, 0.5, 0.75), (2, 1, 0)))
    (0.375, 0.75)
    """
    before = (0, *roster.staff)
    return tuple(time for time, staff, earlier in zip(roster.times, roster.staff, before, strict=False) if bool(staff) != bool(earlier))


def agent_days(roster: Roster, horizon_days: float) -> float:
    """Return the time that all agents together are at work, in days.

    Parameters
    ----------
    roster : Roster
        The agents over time.
    horizon_days : float
        Simulated days.

    Returns
    -------
    float

    Examples
    --------
    >>> agent_days(Roster((0.375, 0.5), (2, 0)), 1.0)
    0.25
    """
    if not roster.times:
        return 0.0
    ends = (*roster.times[1:], horizon_days)
    return math.fsum((end - begin) * staff for begin, end, staff in zip(roster.times, ends, roster.staff, strict=True))


def _works_on(shift: Shift, day: date) -> bool:
    if not shift.weekdays and not shift.dates:
        return True
    return WEEKDAYS[day.weekday()] in shift.weekdays or day in shift.dates

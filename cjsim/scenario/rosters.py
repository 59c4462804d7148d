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


def _works_on(shift: Shift, day: date) -> bool:
    if not shift.weekdays and not shift.dates:
        return True
    return WEEKDAYS[day.weekday()] in shift.weekdays or day in shift.dates

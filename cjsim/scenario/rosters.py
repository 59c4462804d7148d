"""Crews and rosters: who works at a desk and when, computed from its shifts."""

import math
from collections import defaultdict
from collections.abc import Sequence
from datetime import date, timedelta
from itertools import accumulate
from typing import NamedTuple

from cjsim.scenario.fields import WEEKDAYS
from cjsim.scenario.policy import Shift
from cjsim.scenario.time_zones import NO_OFFSET, LocalTime

HOURS_PER_DAY = 24.0


class Crew(NamedTuple):
    """The agents of one shift on one day: `agents` people on duty from `begins` until `ends`, in days since the start."""

    begins: float
    ends: float
    agents: int


class Roster(NamedTuple):
    """Agents at a desk: `staff[i]` from `times[i]` to `times[i + 1]`, and none before `times[0]`."""

    times: tuple[float, ...]  # days since the start, ascending
    staff: tuple[int, ...]


def crews_of(
    shifts: Sequence[Shift], *, start: date, horizon_days: float, zone: LocalTime = NO_OFFSET, begin_days: float = 0.0
) -> tuple[Crew, ...]:
    """Compute the crews of a desk, ordered by start time and then by the order of the shifts.

    Each shift has its own crew on each day. The crew of a shift from 00:00 to 24:00 stays as long as the shift lasts without a gap. A
    shift that ends at or before its start ends on the next day.

    Parameters
    ----------
    shifts : sequence of Shift
        The shifts, in the firm's local time.
    start : date
        Day 0.
    horizon_days : float
        Simulated days.
    zone : LocalTime
        The firm's local time. A shift during which daylight saving begins or ends is an hour shorter or longer.
    begin_days : float
        Days from day 0 to the beginning of the simulation, 0 or negative.

    Returns
    -------
    tuple of Crew

    Examples
    --------
    >>> from cjsim.scenario.policy import Shift
    >>> crews_of([Shift(**{"agents": 2, "from": "09:00", "to": "12:00"})], start=date(2026, 1, 5), horizon_days=1)
    (Crew(begins=0.375, ends=0.5, agents=2),)
    """
    crews: list[tuple[float, int, Crew]] = []
    for order, shift in enumerate(shift for shift in shifts if shift.agents):
        overnight = shift.end <= shift.start
        own: list[Crew] = []
        for day in range(math.floor(begin_days) - 1, math.ceil(horizon_days) + 1):
            begins = max(zone.instant(day + shift.start / HOURS_PER_DAY), begin_days)
            ends = zone.instant((day + 1 if overnight else day) + shift.end / HOURS_PER_DAY)
            if begins < min(ends, horizon_days) and _works_on(shift, start + timedelta(days=day)):
                if own and own[-1].ends == begins:
                    begins = own.pop().begins
                own.append(Crew(begins, ends, shift.agents))
        crews += ((crew.begins, order, crew) for crew in own)
    return tuple(crew for _begins, _order, crew in sorted(crews))


def roster_of(crews: Sequence[Crew], *, horizon_days: float) -> Roster:
    """Add up the agents of crews that are on duty at the same time.

    Parameters
    ----------
    crews : sequence of Crew
        The crews of a desk.
    horizon_days : float
        Simulated days.

    Returns
    -------
    Roster

    Examples
    --------
    >>> roster_of([Crew(0.375, 0.5, 2)], horizon_days=1)
    Roster(times=(0.375, 0.5), staff=(2, 0))
    """
    changes: defaultdict[float, int] = defaultdict(int)
    for crew in crews:
        changes[crew.begins] += crew.agents
        changes[crew.ends] -= crew.agents
    times = [time for time in sorted(changes) if changes[time] != 0 and time < horizon_days]
    return Roster(tuple(times), tuple(accumulate(changes[time] for time in times)))


def opening_times(roster: Roster) -> tuple[float, ...]:
    """Return the times in days at which a desk alternately opens and closes, from the first opening. It is open while it has agents.

    Examples
    --------
    >>> opening_times(Roster((0.375, 0.5, 0.75), (2, 1, 0)))
    (0.375, 0.75)
    """
    before = (0, *roster.staff)
    return tuple(time for time, staff, earlier in zip(roster.times, roster.staff, before, strict=False) if bool(staff) != bool(earlier))


def crew_days(crews: Sequence[Crew], horizon_days: float) -> float:
    """Return the time that all agents together are on duty from day 0 to the horizon, in days.

    Parameters
    ----------
    crews : sequence of Crew
        The crews of a desk.
    horizon_days : float
        Simulated days.

    Examples
    --------
    >>> crew_days([Crew(0.375, 0.5, 2), Crew(0.75, 1.5, 1)], 1.0)
    0.5
    """
    return math.fsum(max(min(crew.ends, horizon_days) - max(crew.begins, 0.0), 0.0) * crew.agents for crew in crews)


def _works_on(shift: Shift, day: date) -> bool:
    if not shift.weekdays and not shift.dates:
        return True
    return WEEKDAYS[day.weekday()] in shift.weekdays or day in shift.dates

"""Shifts of a desk -> how many people are there when, and which of them are paid what.

Lives here: the staff of a desk as a step function of time. Does not live here: who is served by them (engine/desks.py), what their wages
add up to (wages.py).
"""

import math
from collections import defaultdict
from collections.abc import Sequence
from datetime import date, timedelta
from typing import TYPE_CHECKING, NamedTuple

from cjsim.model.vocabulary import WEEKDAYS

if TYPE_CHECKING:
    from cjsim.model.policy import Shift, Staffing
    from cjsim.model.scenario import Scenario

_HOURS = 24.0


class Rota(NamedTuple):
    """People at a desk: `staff[i]` from `times[i]` on, until the next; none before the first."""

    times: tuple[float, ...]  # days since the start, ascending
    staff: tuple[int, ...]


class Post(NamedTuple):
    """How a desk is run, as numbers."""

    rota: Rota
    sla: float = math.inf  # days from the request to an answer that is in time
    after: float = math.inf  # days after which who waits goes to another desk
    to: int = -1  # that desk
    paid: tuple[tuple[float, Rota], ...] = ()  # wages: money a day of each, and the staff who earn it; a shift each


def posts_of(scenario: "Scenario") -> tuple[Post, ...]:
    """How each desk of a scenario is run, in the order of their codes.

    Parameters
    ----------
    scenario : Scenario
        As declared; a desk that the policy does not staff has nobody.

    Returns
    -------
    tuple of Post
    """
    codes = {name: code for code, name in enumerate(scenario.journey.desks)}
    return tuple(_post(scenario.policy.desks.get(name), codes, scenario) for name in codes)


def _post(staffing: "Staffing | None", codes: dict[str, int], scenario: "Scenario") -> Post:
    if staffing is None:
        return Post(Rota((), ()))
    start, horizon = scenario.start, scenario.horizon
    rota = rota_of(staffing.shifts, start=start, horizon_days=horizon)
    paid = tuple(
        (shift.wage_per_hour * _HOURS, rota_of([shift], start=start, horizon_days=horizon))
        for shift in staffing.shifts
        if shift.wage_per_hour and shift.agents
    )
    sla = math.inf if staffing.sla is None else staffing.sla
    post = Post(rota, sla, paid=paid)
    if staffing.escalate is None:
        return post
    return post._replace(after=staffing.escalate.after, to=codes[staffing.escalate.to])


def rota_of(shifts: "Sequence[Shift]", *, start: date, horizon_days: float) -> Rota:
    """The staff of a desk over time; shifts add up, and one that ends at or before its beginning ends on the next day.

    Parameters
    ----------
    shifts : sequence of Shift
        As declared, in local time.
    start : date
        Day 0.
    horizon_days : float
        Days.

    Returns
    -------
    Rota

    Examples
    --------
    >>> from cjsim.model.policy import Shift
    >>> rota_of([Shift(**{"agents": 2, "from": "09:00", "to": "12:00"})], start=date(2026, 1, 5), horizon_days=1)
    Rota(times=(0.375, 0.5), staff=(2, 0))
    """
    changes: defaultdict[float, int] = defaultdict(int)
    for day in range(-1, math.ceil(horizon_days)):
        for shift in shifts:
            if _works_on(shift, start + timedelta(days=day)):
                changes[max(day + shift.start / _HOURS, 0.0)] += shift.agents
                overnight = shift.end <= shift.start
                changes[max((day + 1 if overnight else day) + shift.end / _HOURS, 0.0)] -= shift.agents
    times, staff, here = [], [], 0
    for time in sorted(changes):
        if changes[time] != 0 and time < horizon_days:
            here += changes[time]
            times.append(time)
            staff.append(here)
    return Rota(tuple(times), tuple(staff))


def _works_on(shift: "Shift", day: date) -> bool:
    if not shift.weekdays and not shift.dates:
        return True
    return WEEKDAYS[day.weekday()] in shift.weekdays or day in shift.dates

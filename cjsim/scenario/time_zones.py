"""Local time: how local clocks differ from the simulation's time, by time zone, with daylight saving.

The simulation's time is the time elapsed since midnight of day 0 in the firm's time zone. Local time adds an offset that changes at the
switches between standard time and daylight saving time.
"""

import math
from bisect import bisect_right
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from typing import NamedTuple
from zoneinfo import ZoneInfo

from cjsim.errors import InputError, format_error
from cjsim.scenario.spec import ScenarioSpec
from cjsim.scenario.zone_names import zone_of_name

MARGIN_DAYS = 3  # local calendars and clock shifts extend past either end of the simulation by less than this
QUARTERS_PER_HOUR = 4
_QUARTER = timedelta(minutes=15)
_DAY = timedelta(days=1)
_TOLERANCE = 1e-9  # days, as in kernels
_LOOK_BACK_DAYS = 2.0  # local time is never this far ahead of the simulation's time


class LocalTime(NamedTuple):
    """Local time as a step function: time + `offsets[i]` from `begins[i]` to `begins[i + 1]`."""

    begins: tuple[float, ...] = (-math.inf,)  # days since the start, ascending; the first is -inf
    offsets: tuple[float, ...] = (0.0,)  # days

    def at(self, time: float) -> float:
        """Return the local time, in days since midnight of day 0 on the local calendar.

        Parameters
        ----------
        time : float
            Days since the start.
        """
        return time + self.offsets[bisect_right(self.begins, time + _TOLERANCE) - 1]

    def instant(self, local: float) -> float:
        """Return the first time at which the local time reaches a value.

        A local time that daylight saving skips is reached at the clock change. One that occurs twice is reached at its first occurrence.

        Parameters
        ----------
        local : float
            Local time in days.

        Returns
        -------
        float
            Days since the start.
        """
        index = bisect_right(self.begins, local - _LOOK_BACK_DAYS) - 1
        while True:
            time = max(local - self.offsets[index], self.begins[index])
            if index + 1 == len(self.begins) or time < self.begins[index + 1] - _TOLERANCE:
                return time
            index += 1


NO_OFFSET = LocalTime()


class ZoneTable(NamedTuple):
    """The time zones of a scenario: the firm's, then its customers'."""

    zones: tuple[LocalTime, ...] = (NO_OFFSET,)
    attribute: str | None = None  # attribute that states where a customer is
    by_level: tuple[int, ...] = ()  # index in `zones`, by level of the attribute

    @property
    def has_offsets(self) -> bool:
        """Whether any local time differs from the simulation's time."""
        return any(any(zone.offsets) for zone in self.zones)

    @property
    def knots_per_hour(self) -> int:
        """The smallest number of equal parts of an hour into which all whole local hours fall: 1, 2 or 4."""
        quarters = {round(offset * 24 * QUARTERS_PER_HOUR) for zone in self.zones for offset in zone.offsets}
        return next(n for n in (1, 2, QUARTERS_PER_HOUR) if all(count * n % QUARTERS_PER_HOUR == 0 for count in quarters))


def zone_table(scenario: ScenarioSpec) -> ZoneTable:
    """Compute the local times of a scenario.

    Parameters
    ----------
    scenario : ScenarioSpec
        A valid scenario.

    Returns
    -------
    ZoneTable

    Raises
    ------
    InputError
        If a time zone differs from the firm's by other than whole quarter hours, as some did before 1972.
    """
    if scenario.time_zone is None:
        return ZoneTable()
    declared = scenario.journey.time_zones
    names = [scenario.time_zone]
    by_level: list[int] = []
    if declared is not None:
        for level in scenario.journey.attributes[declared.attribute]:
            name = declared.zones.get(level) or declared.default or scenario.time_zone
            names += [] if name in names else [name]
            by_level.append(names.index(name))
    span = (math.floor(scenario.begins), math.ceil(scenario.simulated_days))
    zones = tuple(_local_time(name, scenario.time_zone, scenario.start, span) for name in names)
    return ZoneTable(zones, None if declared is None else declared.attribute, tuple(by_level))


@lru_cache(maxsize=256)
def _local_time(name: str, firm: str, start: date, span: tuple[int, int]) -> LocalTime:
    """Return the local time of a zone over a span of days. Offsets are relative to the firm's offset on day 0."""
    midnight = datetime.combine(start, time(), tzinfo=zone_of_name(firm)).astimezone(UTC)
    to_utc = midnight.replace(tzinfo=None) - datetime.combine(start, time())
    first, last = span
    begin = midnight + (first - MARGIN_DAYS) * _DAY
    switches = [(begin, _utc_offset(zone_of_name(name), begin)), *_switches(zone_of_name(name), begin, last - first + 2 * MARGIN_DAYS)]
    offsets = [offset + to_utc for _, offset in switches]
    if any(offset % _QUARTER for offset in offsets):
        must = "must differ from the firm's time zone by whole quarter hours"
        remedy = f"Start the simulation later (some zones used other times before 1972), or use a zone other than '{name}'."
        raise InputError(format_error("journey.time_zones" if name != firm else "time_zone", must, f"'{name}' and '{firm}'", remedy))
    begins = (-math.inf, *((moment - midnight) / _DAY for moment, _ in switches[1:]))
    return LocalTime(begins, tuple(offset / _DAY for offset in offsets))


def _utc_offset(zone: ZoneInfo, moment: datetime) -> timedelta:
    return moment.astimezone(zone).utcoffset() or timedelta()


def _switches(zone: ZoneInfo, begin: datetime, count: int) -> list[tuple[datetime, timedelta]]:
    """Return the moments at which the UTC offset of a zone changes in `count` days, to the second, each with the new offset."""
    found = []
    before = _utc_offset(zone, begin)
    for number in range(1, count + 1):
        day = begin + number * _DAY
        after = _utc_offset(zone, day)
        if after != before:
            found.append((_switch(zone, day - _DAY, day), after))
            before = after
    return found


def _switch(zone: ZoneInfo, low: datetime, high: datetime) -> datetime:
    """Return the first whole second in (low, high] at which the offset differs from that at `low`."""
    old = _utc_offset(zone, low)
    while (high - low) > timedelta(seconds=1):
        middle = low + timedelta(seconds=int((high - low).total_seconds()) // 2)
        low, high = (middle, high) if _utc_offset(zone, middle) == old else (low, middle)
    return high

"""Local time: the simulation's time plus the offset of a time zone, which changes when daylight saving time begins or ends."""

import math

from cjsim.kernel import inlined, rule
from cjsim.kernels.state import CustomerState
from cjsim.kernels.world import World

FIRM = 0  # code of the firm's time zone
_TOLERANCE = 1e-9  # days: a time that rounding puts just before a clock change counts as the time of the change
_LOOK_BACK_DAYS = 2.0  # local time is never this far ahead of the simulation's time


@inlined
def zone_of(state: CustomerState, by_customer: int) -> int:
    """The time zone to use: the customer's (1) or the firm's (0)."""
    zone: int = state.customer[0].zone if by_customer == 1 else FIRM
    return zone


@rule
def offset_index(world: World, zone: int, time: float) -> int:
    """The index in `world.offsets` of a zone's offset at a time (days)."""
    low: int = world.zones[zone].first
    high = low + world.zones[zone].count
    while high - low > 1:
        middle = (low + high) // 2
        if world.offsets[middle].begin <= time:
            low = middle
        else:
            high = middle
    return low


@inlined
def local_time(world: World, zone: int, time: float) -> float:
    """The local time (days since midnight of day 0 on the local calendar) at a time (days)."""
    if world.offsets.shape[0] == 1:
        return time
    local: float = time + world.offsets[offset_index(world, zone, time + _TOLERANCE)].days
    return local


@rule
def search_instant(world: World, zone: int, local: float, earliest: float) -> float:
    """`next_instant` in a scenario with several offsets."""
    i = offset_index(world, zone, max(earliest, local - _LOOK_BACK_DAYS))
    last = world.zones[zone].first + world.zones[zone].count - 1
    time: float = max(local - world.offsets[i].days, earliest)
    while i < last and time >= world.offsets[i + 1].begin - _TOLERANCE:
        i += 1
        time = max(local - world.offsets[i].days, world.offsets[i].begin, earliest)
    return time


@inlined
def next_instant(world: World, zone: int, local: float, earliest: float) -> float:
    """The first time (days), at or after `earliest`, at which the local time is at least `local` (days).

    A local time that daylight saving time skips is reached at the clock change. If `earliest` is -inf, a local time that occurs twice is
    reached at its first occurrence.
    """
    if world.offsets.shape[0] == 1:
        return local
    return search_instant(world, zone, local, earliest)


@inlined
def first_instant(world: World, zone: int, local: float) -> float:
    """The first time (days) at which the local time is at least `local` (days)."""
    return next_instant(world, zone, local, -math.inf)

"""Quiet hours: local times of day at which a channel does not send."""

import math

from cjsim.kernel import inlined
from cjsim.kernels.channel_sets import includes_channel
from cjsim.kernels.conditions import TOLERANCE
from cjsim.kernels.local_time import local_time, next_instant, zone_of
from cjsim.kernels.state import CustomerState
from cjsim.kernels.world import World


@inlined
def end_of_quiet_hours(world: World, state: CustomerState, channel: int, now: float) -> float:
    """When the quiet hours in force end (days); `now` if none are in force."""
    for i in range(world.quiet_hours.shape[0]):
        quiet = world.quiet_hours[i]
        if includes_channel(quiet.channels, channel):
            zone = zone_of(state, quiet.by_customer)
            local = local_time(world, zone, now)
            day = math.floor(local + TOLERANCE)
            hour = (local - day) * 24.0
            end: float = quiet.end
            has_begun = hour >= quiet.start - 24.0 * TOLERANCE
            is_before_end = hour < end - 24.0 * TOLERANCE
            if quiet.start < end:
                if has_begun and is_before_end:
                    return next_instant(world, zone, day + end / 24.0, now)
            elif is_before_end:
                return next_instant(world, zone, day + end / 24.0, now)
            elif has_begun:
                return next_instant(world, zone, day + 1.0 + end / 24.0, now)
    return now

"""Quiet hours: local times of day at which a channel does not send."""

import math

from cjsim.kernel import inlined
from cjsim.kernels.channel_sets import includes_channel
from cjsim.kernels.conditions import TOLERANCE
from cjsim.kernels.world import World


@inlined
def end_of_quiet_hours(world: World, channel: int, now: float) -> float:
    """When the quiet hours in force end (days); `now` if none are."""
    day = math.floor(now + TOLERANCE)
    hour = (now - day) * 24.0
    for i in range(world.quiet_hours.shape[0]):
        quiet = world.quiet_hours[i]
        if includes_channel(quiet.channels, channel):
            end: float = quiet.end
            has_begun = hour >= quiet.start - 24.0 * TOLERANCE
            is_before_end = hour < end - 24.0 * TOLERANCE
            if quiet.start < end:
                if has_begun and is_before_end:
                    return day + end / 24.0
            elif is_before_end:
                return day + end / 24.0
            elif has_begun:
                return day + 1.0 + end / 24.0
    return now

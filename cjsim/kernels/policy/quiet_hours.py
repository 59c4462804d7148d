"""Guardrails: whether a send may go out now. (part)."""

import math

from cjsim.kernel import inlined
from cjsim.kernels.channel_sets import includes_channel
from cjsim.kernels.conditions import TOLERANCE


@inlined
def end_of_quiet_hours(world, channel, now):  # type: ignore[no-untyped-def]
    """When the quiet hours that hold now end.

    Parameters
    ----------
    world : World
        Read: quiet.
    channel : int
        Code of the channel.
    now : float64
        Days.

    Returns
    -------
    float64
        Days; `now` if no quiet hours hold.
    """
    day = math.floor(now + TOLERANCE)
    hour = (now - day) * 24.0
    for i in range(world.quiet.shape[0]):
        quiet = world.quiet[i]
        if includes_channel(quiet.channels, channel):
            begun = hour >= quiet.start - 24.0 * TOLERANCE
            running = hour < quiet.end - 24.0 * TOLERANCE
            if quiet.start < quiet.end:
                if begun and running:
                    return day + quiet.end / 24.0
            elif running:
                return day + quiet.end / 24.0
            elif begun:
                return day + 1.0 + quiet.end / 24.0
    return now

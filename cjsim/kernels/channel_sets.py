"""Guardrails: whether a send may go out now. (part)."""

import numpy as np

from cjsim.kernel import inlined

NO_CHANNELS = np.uint64(0)


@inlined
def includes_channel(channels, channel):  # type: ignore[no-untyped-def]
    """Whether a set of channels holds a channel.

    Parameters
    ----------
    channels : uint64
        A bit a channel.
    channel : int
        Code of the channel.

    Returns
    -------
    bool
        Whether its bit is set.
    """
    return (channels >> np.uint64(channel)) & np.uint64(1) == np.uint64(1)

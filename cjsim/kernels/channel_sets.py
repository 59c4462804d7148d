"""Sets of channels as 64-bit masks: bit c is channel c."""

import numpy as np

from cjsim.kernel import inlined

NO_CHANNELS = np.uint64(0)


@inlined
def includes_channel(channels: np.uint64, channel: int) -> bool:
    """Whether a set of channels includes a channel."""
    is_included: bool = (channels >> np.uint64(channel)) & np.uint64(1) == np.uint64(1)
    return is_included

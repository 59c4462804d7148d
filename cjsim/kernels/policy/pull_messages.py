"""Messages of pull channels: placed by a send, shown at a visit."""

import math

import numpy as np

from cjsim.kernel import inlined, rule
from cjsim.kernels.channel_sets import includes_channel
from cjsim.kernels.codes import SendDecision, TouchCode
from cjsim.kernels.conditions import TOLERANCE
from cjsim.kernels.customer.responses import deliver
from cjsim.kernels.log_rows import log_touch
from cjsim.kernels.policy.guardrails import decide_send, record_refusal
from cjsim.kernels.state import CustomerState, Output
from cjsim.kernels.world import World


@inlined
def place_message(world: World, state: CustomerState, out: Output, site: int, index: int) -> None:
    """Place a message for the next visit. It replaces an older message of the same site.

    Writes: placed, touch_counts, outcome.events, the log.
    """
    channel = world.channels[world.messages[world.sites[site].message].channel]
    placed = state.placed[site]
    placed.expires = state.customer[0].now + channel.lifetime
    placed.index = index
    log_touch(world, state, out, TouchCode.PLACED.value, site)


@rule
def deliver_placed(world: World, state: CustomerState, out: Output, channels: np.uint64) -> None:
    """At a visit that shows `channels`, try to deliver each placed message once, in site order.

    Writes: placed, and the state that deliveries and refusals change.
    """
    now = state.customer[0].now
    for i in range(world.pull_sites.shape[0]):
        site = world.pull_sites[i]
        placed = state.placed[site]
        if placed.expires > -math.inf and includes_channel(channels, world.messages[world.sites[site].message].channel):
            is_fresh = now <= placed.expires + TOLERANCE
            placed.expires = -math.inf
            if is_fresh:
                decision = decide_send(world, state, site)
                if decision == SendDecision.DELIVER:
                    deliver(world, state, out, site, placed.index)
                else:
                    record_refusal(world, state, out, site, decision)

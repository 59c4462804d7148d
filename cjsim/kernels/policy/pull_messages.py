"""Messages of pull channels: placed by a send, seen at a visit.

Lives here: placing and showing. Does not live here: the send (sending.py), what the customer makes of it (answer.py).
"""

import math

from cjsim.kernel import inlined, rule
from cjsim.kernels.channel_sets import includes_channel
from cjsim.kernels.codes import SendDecision, TouchCode
from cjsim.kernels.conditions import TOLERANCE
from cjsim.kernels.customer.responses import deliver
from cjsim.kernels.log_rows import log_touch
from cjsim.kernels.policy.guardrails import decide_send, record_refusal


@inlined
def place_message(world, life, sink, site, index):  # type: ignore[no-untyped-def]
    """Let a message wait for a visit; an older one of the same flow and message gives way.

    Parameters
    ----------
    world : World
        Read: sites, messages, channels, actors.
    life : Life
        Written: placed.
    sink : Sink
        Written: outcome, reach, log.
    site, index : int
        Which message of whom; the ordinal of the send.
    """
    channel = world.channels[world.messages[world.sites[site].message].channel]
    placed = life.placed[site]
    placed.until = life.customer[0].now + channel.lifetime
    placed.index = index
    log_touch(world, life, sink, TouchCode.PLACED, site)


@rule
def deliver_placed(world, life, sink, channels):  # type: ignore[no-untyped-def]
    """A visit: messages that wait for it go through the guardrails and are delivered, in the order of their sites; each is tried once.

    Parameters
    ----------
    world : World
        Read.
    life : Life
        Written.
    sink : Sink
        Written.
    channels : uint64
        A bit for each channel that is seen at this visit.
    """
    now = life.customer[0].now
    for i in range(world.pull_sites.shape[0]):
        site = world.pull_sites[i]
        placed = life.placed[site]
        if placed.until > -math.inf and includes_channel(channels, world.messages[world.sites[site].message].channel):
            is_fresh = now <= placed.until + TOLERANCE
            placed.until = -math.inf
            if is_fresh:
                verdict = decide_send(world, life, site)
                if verdict == SendDecision.DELIVER:
                    deliver(world, life, sink, site, placed.index)
                else:
                    record_refusal(world, life, sink, site, verdict)

"""Messages of pull channels: placed by a send, seen at a visit.

Lives here: placing and showing. Does not live here: the send (sending.py), what the customer makes of it (answer.py).
"""

import math

from cjsim.kernel import inlined, rule
from cjsim.model.answer import deliver
from cjsim.model.codes import Touch, Verdict
from cjsim.model.guardrails import covers, judge, refuse
from cjsim.model.ledger import write_touch
from cjsim.model.programs import SLACK


@inlined
def place(world, life, sink, site, index):  # type: ignore[no-untyped-def]
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
    write_touch(world, life, sink, Touch.PLACED, site)


@rule
def show_placed(world, life, sink, channels):  # type: ignore[no-untyped-def]
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
        if placed.until > -math.inf and covers(channels, world.messages[world.sites[site].message].channel):
            is_fresh = now <= placed.until + SLACK
            placed.until = -math.inf
            if is_fresh:
                verdict = judge(world, life, site)
                if verdict == Verdict.DELIVER:
                    deliver(world, life, sink, site, placed.index)
                else:
                    refuse(world, life, sink, site, verdict)

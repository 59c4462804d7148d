"""What is written down of a life: log rows, money, touches, moments, retention. (part)."""

import numpy as np

from cjsim.kernel import inlined
from cjsim.kernels.codes import MAX_COUNT, N_TOUCH_CODES


@inlined
def write_log_row(life, sink, code, channel, message, source, value):  # type: ignore[no-untyped-def]
    """Write one log row, or only count it where there is no log or no room.

    Parameters
    ----------
    life : Life
        Read: customer.
    sink : Sink
        Written: outcome, log, written.
    code : int
        Touch, or TOUCHES + event.
    channel, message, source : int
        Codes, -1 for none.
    value : float64
        Money of a purchase, else 0.
    """
    customer = life.customer[0]
    sink.outcome[customer.row].events += 1
    at = sink.written[0]
    sink.written[0] = at + 1
    if at < sink.log.shape[0]:
        row = sink.log[at]
        row.customer = customer.index
        row.time = customer.now
        row.value = value
        row.event = code
        row.stage = customer.shown
        row.channel = channel
        row.message = message
        row.source = source


@inlined
def log_touch(world, life, sink, touch, site):  # type: ignore[no-untyped-def]
    """Write and count what happened at a touchpoint.

    Parameters
    ----------
    world : World
        Read: sites, messages, actors.
    life : Life
        Read: customer.
    sink : Sink
        Written: outcome, reach, log, written.
    touch : int
        DELIVERED ... PLACED of `Touch`.
    site : int
        Code of the site: whose message.
    """
    message = world.sites[site].message
    channel = world.messages[message].channel
    row = life.customer[0].row
    if sink.reach[row, channel, touch] < MAX_COUNT:
        sink.reach[row, channel, touch] += np.uint16(1)
    write_log_row(life, sink, touch, channel, message, world.actors[world.sites[site].actor].source, 0.0)


@inlined
def log_event_code(event):  # type: ignore[no-untyped-def]
    """Log code of a journey event.

    Parameters
    ----------
    event : int
        Code of the event.

    Returns
    -------
    int
        TOUCHES + event.
    """
    return N_TOUCH_CODES + event

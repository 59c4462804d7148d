"""Requests to desks: how a customer asks, and what service and patience are drawn for it.

Lives here: the request, its draws. Does not live here: how a conversation ends for the customer (replying.py), who waits for whom
(engine/desks.py).
"""

import math

import numpy as np

from cjsim.kernel import kernel, rule
from cjsim.kernels.codes import MAX_COUNT, ChangeFlag, TouchCode
from cjsim.kernels.log_rows import write_log_row
from cjsim.kernels.quantiles import quantile
from cjsim.kernels.rng import uniform

_SECOND = 1.0 / 86400.0  # days: nobody is served faster, nor hangs up sooner, so that no answer falls on the instant of its request


@rule
def log_request(world, life, sink, touch, desk, site):  # type: ignore[no-untyped-def]
    """Write the log row of something between a customer and a desk.

    Parameters
    ----------
    world : World
        Read: desks, sites, messages.
    life : Life
        Read: customer.
    sink : Sink
        Written: outcome, log, written.
    touch : int
        ASKED or ASKED_AGAIN.
    desk, site : int
        Which desk; the message that a human channel brings, -1 if the customer asks.
    """
    message = -1 if site < 0 else world.sites[site].message
    channel = -1 if site < 0 else world.messages[world.sites[site].message].channel
    write_log_row(life, sink, touch, channel, message, world.desks[desk].source, 0.0)


@rule
def make_request(world, life, sink, desk, priority, site, index):  # type: ignore[no-untyped-def]
    """Ask a desk, or join the conversation that is open already.

    Parameters
    ----------
    world : World
        Read: desks, sites, messages.
    life : Life
        Read: answers. Written: customer, asks.
    sink : Sink
        Written: outcome, desks, log, written.
    desk : int
        Which.
    priority : float64
        Higher goes first.
    site, index : int
        The message that a human channel brings, and the ordinal of its send; -1 if the customer asks.
    """
    customer = life.customer[0]
    served = sink.desks[customer.row, desk]
    if customer.desk >= 0:
        if served.joined < MAX_COUNT:
            served.joined += np.uint16(1)
        log_request(world, life, sink, TouchCode.ASKED_AGAIN, desk, site)
        return
    if served.asks < MAX_COUNT:
        served.asks += np.uint16(1)
    log_request(world, life, sink, TouchCode.ASKED, desk, site)
    customer.desk = desk
    customer.asked = customer.now
    customer.ask_site = site
    customer.ask_index = index
    customer.ask_ordinal = life.asks[desk]
    customer.ask_priority = priority
    customer.dirty |= ChangeFlag.DESK
    life.asks[desk] += 1
    if customer.answer_at < customer.answer_end:
        customer.answer_due = life.answers[customer.answer_at].time
    else:
        customer.unanswered = 1


@kernel
def service_days(world, seed, key, asked, desk, ordinal):  # type: ignore[no-untyped-def]
    """How long a desk will talk with a customer.

    The uniform is that of the desk that was asked, the law that of the one that answers: a hard case is hard wherever it goes.

    Parameters
    ----------
    world : World
        Read: desks, knots.
    seed, key : uint64
        Of the run; of the customer.
    asked, desk : int
        Which desk was asked; which one answers.
    ordinal : int
        Of the request, among the customer's to the desk that was asked.

    Returns
    -------
    float64
        Days; at least a second.
    """
    u = uniform(seed, key, world.desks[asked].stream_service, np.uint64(ordinal))
    return max(quantile(world, world.desks[desk].service, u), _SECOND)


@kernel
def patience_days(world, seed, key, desk, ordinal, site):  # type: ignore[no-untyped-def]
    """How long a customer will wait for a desk to answer.

    Parameters
    ----------
    world : World
        Read: desks, knots.
    seed, key : uint64
        Of the run; of the customer.
    desk : int
        Which desk was asked.
    ordinal : int
        Of the request, among the customer's to this desk.
    site : int
        The message that a human channel brings: the firm waits without end; -1 if the customer asks.

    Returns
    -------
    float64
        Days, at least a second; inf: without end.
    """
    if site >= 0:
        return math.inf
    u = uniform(seed, key, world.desks[desk].stream_patience, np.uint64(ordinal))
    return max(quantile(world, world.desks[desk].patience, u), _SECOND)

"""The end of a conversation with a desk: what an answer, or none, does to the customer.

Lives here: the answer. Does not live here: the request (asking.py), when it is answered (engine/desks.py), effects (behavior.py).
"""

import math

import numpy as np

from cjsim.kernel import rule
from cjsim.kernels.accounting import book_cost
from cjsim.kernels.codes import MAX_COUNT, MINUTES_PER_DAY, ReplyCode, TouchCode
from cjsim.kernels.customer.responses import deliver
from cjsim.kernels.log_rows import write_log_row
from cjsim.kernels.queue import EFFECT_LIST, enqueue

_REPLY_TO_TOUCH = int(TouchCode.ANSWERED_IN_TIME) - int(ReplyCode.IN_TIME)  # reply + this = log code


@rule
def record_reply(world, life, sink, given):  # type: ignore[no-untyped-def]
    """Write down how a request ended, at the desk where it did, and book what the answer cost.

    Parameters
    ----------
    world : World
        Read: desks, sites, messages, setting.
    life : Life
        Read: customer.
    sink : Sink
        Written: outcome, desks, log, written.
    given : record of ANSWER
        How it ended.
    """
    customer = life.customer[0]
    desk = world.desks[given.desk]
    served = sink.desks[customer.row, given.desk]
    if served.replies[given.reply] < MAX_COUNT:
        served.replies[given.reply] += np.uint16(1)
    if given.reply != ReplyCode.UNANSWERED:
        served.waited += np.float32(given.waited)
        served.service += np.float32(given.service)
        book_cost(world, life, sink, given.service * desk.cost)
    site = customer.ask_site
    message = -1 if site < 0 else world.sites[site].message
    channel = -1 if site < 0 else world.messages[world.sites[site].message].channel
    write_log_row(life, sink, _REPLY_TO_TOUCH + given.reply, channel, message, desk.source, given.waited * MINUTES_PER_DAY)


@rule
def handle_reply(world, life, sink):  # type: ignore[no-untyped-def]
    """The open conversation ends: its effects, or the message that the firm brought.

    Parameters
    ----------
    world : World
        Read.
    life : Life
        Read: answers. Written.
    sink : Sink
        Written.
    """
    customer = life.customer[0]
    given = life.answers[customer.answer_at]
    desk = world.desks[given.desk]
    customer.desk = -1
    customer.answer_at += 1
    customer.answer_due = math.inf
    record_reply(world, life, sink, given)
    site = customer.ask_site
    if site >= 0:
        channel = world.messages[world.sites[site].message].channel
        # Who has opted out while the firm waited for its turn is not spoken to.
        if life.reach[channel].consent == 1:
            deliver(world, life, sink, site, customer.ask_index)
        return
    effects = desk.on_unanswered
    if given.reply == ReplyCode.IN_TIME:
        effects = desk.on_in_time
    elif given.reply == ReplyCode.LATE:
        effects = desk.on_late
    if effects >= 0:
        enqueue(life, EFFECT_LIST + effects)

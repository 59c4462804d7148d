"""The end of a conversation with a desk: how a reply, or the lack of one, affects the customer."""

import math

import numpy as np

from cjsim.kernel import rule
from cjsim.kernels.accounting import book_cost
from cjsim.kernels.codes import MAX_COUNT, MINUTES_PER_DAY, ReplyCode, TouchCode
from cjsim.kernels.customer.responses import deliver
from cjsim.kernels.desks.requests import log_conversation
from cjsim.kernels.desks.waiting import feel_wait, is_beyond_expectation
from cjsim.kernels.queue import EFFECT_LIST, enqueue
from cjsim.kernels.state import CustomerState, Output
from cjsim.kernels.world import World

_REPLY_TO_TOUCH = int(TouchCode.ANSWERED_IN_TIME) - int(ReplyCode.IN_TIME)  # reply + this = log code


@rule
def record_reply(world: World, state: CustomerState, out: Output, reply: np.record) -> None:
    """Record, for the replying desk, the DESK_REPLY that ended a request, and book the service cost.

    Writes: desks, outcome, the log.
    """
    customer = state.customer[0]
    desk = world.desks[reply.desk]
    desk_outcome = out.desks[customer.row, reply.desk]
    if desk_outcome.replies[reply.reply] < MAX_COUNT:
        desk_outcome.replies[reply.reply] += np.uint16(1)
    if customer.request_out_of_hours == 1 and desk_outcome.outside_closed < MAX_COUNT:
        desk_outcome.outside_closed += np.uint16(1)
        if reply.reply == ReplyCode.UNANSWERED:
            desk_outcome.outside_abandoned += np.uint16(1)
    if reply.reply != ReplyCode.UNANSWERED:
        desk_outcome.waited += np.float32(reply.waited)
        desk_outcome.service += np.float32(reply.service)
        book_cost(world, state, out, reply.service * desk.cost)
    waited = reply.waited * MINUTES_PER_DAY
    log_conversation(world, state, out, _REPLY_TO_TOUCH + reply.reply, reply.desk, customer.request_site, waited)


@rule
def handle_reply(world: World, state: CustomerState, out: Output) -> None:
    """End the open conversation: apply the wait and queue the effects, or deliver the message for which the request was made.

    Writes: customer, queue, desks, outcome, the log, and what a delivery changes.
    """
    customer = state.customer[0]
    reply = state.replies[customer.next_reply]
    desk = world.desks[reply.desk]
    asked = customer.desk
    customer.desk = -1
    customer.next_reply += 1
    customer.reply_due = math.inf
    record_reply(world, state, out, reply)
    site = customer.request_site
    if site >= 0:
        message = world.messages[world.sites[site].message]
        # A customer who opted out while the firm waited is not contacted.
        if state.channels[message.channel].consent == 1 or message.ignores_consent == 1:
            deliver(world, state, out, site, customer.request_index)
        return
    feel_wait(world, state, asked, reply.waited)
    effects = desk.on_unanswered
    if reply.reply == ReplyCode.IN_TIME and not is_beyond_expectation(world, asked, reply.waited):
        effects = desk.on_in_time
    elif reply.reply != ReplyCode.UNANSWERED:
        effects = desk.on_late
    if effects >= 0:
        enqueue(state, EFFECT_LIST + effects)

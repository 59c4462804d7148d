"""Requests to desks: how a customer makes a request, and how its service time and patience are drawn."""

import math

import numpy as np

from cjsim.kernel import kernel, rule
from cjsim.kernels.codes import MAX_COUNT, ChangeFlag, TouchCode
from cjsim.kernels.desks.waiting import hear_promise
from cjsim.kernels.log_rows import write_log_row
from cjsim.kernels.quantiles import quantile
from cjsim.kernels.rng import uniform
from cjsim.kernels.state import CustomerState, Output
from cjsim.kernels.world import World

_SECOND = 1.0 / 86400.0  # days: minimum service time and patience, so that a reply never coincides with its request


@rule
def log_conversation(world: World, state: CustomerState, out: Output, touch: int, desk: int, site: int, waited: float) -> None:
    """Write the log row of a request or a reply.

    `site` is the site of the message that a human channel delivers (-1: none). `waited` is in minutes, 0 for a request.

    Writes: outcome.events, n_rows, log.
    """
    message = -1 if site < 0 else world.sites[site].message
    channel = -1 if site < 0 else world.messages[world.sites[site].message].channel
    write_log_row(state, out, touch, channel, message, world.desks[desk].source, waited)


@rule
def is_open(world: World, desk: int, time: float) -> bool:
    """Whether an agent of a desk is on duty at a time (days): the number of openings and closings up to then is odd."""
    first: int = world.desks[desk].opening_first
    low, high = first, first + world.desks[desk].opening_count
    while low < high:
        middle = (low + high) // 2
        if world.opening_times[middle] <= time:
            low = middle + 1
        else:
            high = middle
    return (low - first) % 2 == 1


@rule
def make_request(world: World, state: CustomerState, out: Output, desk: int, priority: float, site: int, index: int) -> None:
    """Make a request to a desk, or join the open conversation. Requests with higher priority are served first.

    `site` and `index` are the site and ordinal of the message that a human channel delivers.
    Without a message, `site` is -1 and `index` is ignored.
    Writes: customer, requests, desks, clocks, clock_due, the log.
    """
    customer = state.customer[0]
    desk_outcome = out.desks[customer.row, desk]
    if customer.desk >= 0:
        if desk_outcome.joined < MAX_COUNT:
            desk_outcome.joined += np.uint16(1)
        log_conversation(world, state, out, TouchCode.ASKED_AGAIN.value, desk, site, 0.0)
        return
    if desk_outcome.asks < MAX_COUNT:
        desk_outcome.asks += np.uint16(1)
    log_conversation(world, state, out, TouchCode.ASKED.value, desk, site, 0.0)
    customer.desk = desk
    customer.requested_at = customer.now
    customer.request_site = site
    customer.request_index = index
    customer.request_ordinal = state.requests[desk]
    customer.request_priority = priority
    customer.request_promise = world.desks[desk].promise
    customer.request_out_of_hours = 0
    if not is_open(world, desk, customer.now):
        customer.request_out_of_hours = 1
        if desk_outcome.out_of_hours < MAX_COUNT:
            desk_outcome.out_of_hours += np.uint16(1)
    customer.changes |= ChangeFlag.DESK.value
    state.requests[desk] += 1
    if site < 0:
        hear_promise(world, state, desk)
    if customer.next_reply < customer.replies_end:
        customer.reply_due = state.replies[customer.next_reply].time
    else:
        customer.awaits_reply = 1


@kernel
def service_days(world: World, seed: np.uint64, key: np.uint64, asked: int, desk: int, ordinal: int) -> float:
    """The service time of a request, in days; at least one second.

    The uniform belongs to the desk `asked`, the distribution to the replying `desk`, so a difficult case stays difficult after escalation.
    `ordinal` is the ordinal of the customer's request at the desk `asked`.
    """
    u = uniform(seed, key, world.desks[asked].stream_service, np.uint64(ordinal))
    return max(quantile(world, world.desks[desk].service, u), _SECOND)


@kernel
def patience_days(world: World, seed: np.uint64, key: np.uint64, desk: int, ordinal: int, site: int) -> float:
    """The patience of a customer who waits for a desk, in days; at least one second.

    `ordinal` is the ordinal of the customer's request at this desk. inf if the request was made to deliver a message (`site` is not -1).
    """
    if site >= 0:
        return math.inf
    u = uniform(seed, key, world.desks[desk].stream_patience, np.uint64(ordinal))
    return max(quantile(world, world.desks[desk].patience, u), _SECOND)

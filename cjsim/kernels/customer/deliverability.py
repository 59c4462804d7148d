"""Deliverability: whether a message reaches the inbox, bounces, or lands in the spam folder."""

import numpy as np

from cjsim.kernel import rule
from cjsim.kernels.accounting import book_message_cost
from cjsim.kernels.codes import HiddenTouch, TouchCode
from cjsim.kernels.customer.responses import deliver, register_delivery
from cjsim.kernels.log_rows import count_hidden_touch, log_touch
from cjsim.kernels.policy.unopened_triggers import handle_delivery
from cjsim.kernels.rng import uniform
from cjsim.kernels.state import CustomerState, Output
from cjsim.kernels.world import World


@rule
def transmit(world: World, state: CustomerState, out: Output, site: int, index: int) -> None:
    """Transmit a message that passed the guardrails: to the inbox, to the spam folder, or back as a bounce.

    A bounce costs money but is not a contact. After a hard bounce, the firm sends nothing more to the address. In the spam folder, the
    message counts as a contact for the firm, but the customer never sees it. Writes: channels, outcome, touch_counts, the log, and what a
    delivery changes.
    """
    customer = state.customer[0]
    message = world.messages[world.sites[site].message]
    if message.arrives == 1:
        deliver(world, state, out, site, index)
        return
    u = uniform(customer.seed, customer.key, world.sites[site].stream_transit, np.uint64(index))
    if u < message.bounce:
        is_hard = u < message.hard_bounce
        if is_hard:
            state.channels[message.channel].bounced = 1
        book_message_cost(world, state, out, message.cost)
        log_touch(world, state, out, TouchCode.BOUNCED_HARD.value if is_hard else TouchCode.BOUNCED_SOFT.value, site)
    elif u < message.unseen:
        register_delivery(world, state, out, site)
        count_hidden_touch(state, out, HiddenTouch.SPAM_FOLDER.value, message.channel)
        handle_delivery(world, state, message.channel)
    else:
        deliver(world, state, out, site, index)

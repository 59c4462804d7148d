"""The queue of what remains to be handled at the current time: fired events, entered stages, flows to start, effects.

An item is one integer: an event, STAGE_ENTRY + stage, FLOW_START + flow, or EFFECT_LIST + effect. In place of EFFECT_LIST, FIRM_RECORDS
applies only the effects of an open or click by a machine, and CUSTOMER_EFFECTS only those of the customer's own that the log omits.
"""

from cjsim.kernel import inlined
from cjsim.kernels.state import CustomerState

STAGE_ENTRY = 1 << 20  # items below are events; items from here on are entered stages
FLOW_START = 3 << 19  # from here on: flows to start
EFFECT_LIST = 1 << 21  # from here on: lists of effects
FIRM_RECORDS = 1 << 22  # from here on: the tags and scores in such a list
CUSTOMER_EFFECTS = 3 << 21  # from here on: everything else in such a list


@inlined
def enqueue(state: CustomerState, item: int) -> None:
    """Queue an item to be handled at the current time.

    Writes: queue, customer.n_queued, or customer.needs_larger_buffers if the queue is full.
    """
    customer = state.customer[0]
    if customer.n_queued >= state.queue.shape[0]:
        customer.needs_larger_buffers = 1
        return
    state.queue[customer.n_queued] = item
    customer.n_queued += 1

"""The queue of what remains to be handled at the current time: fired events, entered stages, flows to start, effects.

An item is one integer: an event, STAGE_ENTRY + stage, FLOW_START + flow, or EFFECT_LIST + effect. FIRM_RECORDS and CUSTOMER_EFFECTS,
in place of EFFECT_LIST, apply only what a machine, or a customer whom the firm does not see, causes.
"""

from cjsim.kernel import inlined
from cjsim.kernels.state import CustomerState

STAGE_ENTRY = 1 << 20  # below, an event; from here on, a stage entered;
FLOW_START = 3 << 19  # from here on, a flow to start;
EFFECT_LIST = 1 << 21  # from here on, a list of effects;
FIRM_RECORDS = 1 << 22  # from here on, the tags and scores of such a list;
CUSTOMER_EFFECTS = 3 << 21  # from here on, everything else in such a list


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

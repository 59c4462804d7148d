"""The queue of what is to be settled at this same time: events that were fired, stages entered, flows to start, effects.

Lives here: what an item of the queue means, and how it gets there. Does not live here: settling (course.py).
"""

from cjsim.kernel import inlined

STAGE_ENTRY = 1 << 20  # below, an event; from here on, a stage entered;
FLOW_START = 3 << 19  # from here on, a flow to start;
EFFECT_LIST = 1 << 21  # from here on, a list of effects


@inlined
def enqueue(life, item):  # type: ignore[no-untyped-def]
    """Queue something to be settled at this same time.

    Parameters
    ----------
    life : Life
        Written: fired, customer.
    item : int
        An event, STAGE_ENTRY + stage, FLOW + flow, or EFFECTS + effect.
    """
    customer = life.customer[0]
    if customer.fired >= life.fired.shape[0]:
        customer.full = 1
        return
    life.fired[customer.fired] = item
    customer.fired += 1

"""The loop of the compiled engine: customers one after another, each from entry to horizon, without the interpreter.

Lives here: what comes due first, and the loop over time and customers. Does not live here: rules (model/), room and chunks (compiled.py).
"""

from cjsim.kernel import kernel
from cjsim.kernels.dispatch import dispatch, finish_customer, start_customer
from cjsim.kernels.event_order import next_due


@kernel
def simulate_customers(world, life, sink, people, first):  # type: ignore[no-untyped-def]
    """Let customers of a chunk live, until all have or scratch space runs out.

    A customer whose life did not fit (pending reads, queue, log, births) leaves nothing: the caller makes room and calls again from it.
    One for whom time does not pass is left `stuck`.

    Parameters
    ----------
    world : World
        Read.
    life : Life
        Scratch.
    sink : Sink
        Written.
    people : Population
        Read.
    first : int
        Index of the first customer to live.

    Returns
    -------
    int
        Index after the last customer whose life is complete.
    """
    customer = life.customer[0]
    horizon = world.setting[0].horizon
    for i in range(first, people.key.shape[0]):
        before = sink.written[0]
        unborn = sink.born[0]
        customer.full = 0
        start_customer(world, life, sink, people, i, i)
        while True:
            kind, which, time = next_due(life)
            if not time < horizon:
                break
            dispatch(world, life, sink, kind, which, time)
            if customer.full + customer.stuck > 0:
                sink.written[0] = before
                sink.born[0] = unborn
                return i
        finish_customer(world, life, sink)
        if (sink.log.shape[0] > 0 and sink.written[0] > sink.log.shape[0]) or sink.born[0] > sink.births.shape[0]:
            sink.written[0] = before
            sink.born[0] = unborn
            return i
    return people.key.shape[0]

"""The event loop of the compiled engine, which simulates one customer after another, each from entry to the end."""

from cjsim.kernel import kernel
from cjsim.kernels.dispatch import dispatch, finish_customer, start_customer
from cjsim.kernels.event_order import next_due
from cjsim.kernels.observation_window import pass_window_limit
from cjsim.kernels.state import CustomerState, Output, Population
from cjsim.kernels.world import World


@kernel
def simulate_customers(past: World, world: World, state: CustomerState, out: Output, population: Population, first: int) -> int:
    """Simulate customers from index `first` onward and return the index after the last complete one.

    `past` is the world of the policy before day 0, which is `world` itself unless the two policies differ.

    If a buffer is too small for a customer (pending responses, queue, log rows or referrals), the loop stops before that customer and
    leaves none of that customer's log rows and referrals in `out`. The caller enlarges the buffers and calls again. A customer in a
    zero-time loop is flagged as `stuck`.
    """
    customer = state.customer[0]
    end: int = population.key.shape[0]
    for index in range(first, end):
        rows_before = out.n_rows[0]
        referrals_before = out.n_referrals[0]
        customer.needs_larger_buffers = 0
        current = past if population.entered[index] < 0.0 else world
        start_customer(current, state, out, population, index, index)
        while True:
            kind, which, time = next_due(state)
            if not time < customer.pauses_at:
                if not customer.pauses_at < customer.ends:
                    break
                pass_window_limit(world, state, out)
                current = world
                continue
            dispatch(current, state, out, kind, which, time)
            if customer.needs_larger_buffers + customer.stuck > 0:
                out.n_rows[0] = rows_before
                out.n_referrals[0] = referrals_before
                return index
        finish_customer(world, state, out)
        if (out.log.shape[0] > 0 and out.n_rows[0] > out.log.shape[0]) or out.n_referrals[0] > out.referrals.shape[0]:
            out.n_rows[0] = rows_before
            out.n_referrals[0] = referrals_before
            return index
    return end

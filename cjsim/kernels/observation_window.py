"""The observation window: the time in which a customer's outcome and log rows count.

Everything before the end of the simulation happens under the same rules. Outside the window, bookings go to the scratch row of `Output`,
the log gets no rows, and only CLV is carried over.
"""

import numpy as np

from cjsim.kernel import kernel, rule
from cjsim.kernels.accounting import account_for_stage
from cjsim.kernels.conditions import TOLERANCE
from cjsim.kernels.customer.decay import pressure_now, satisfaction_now
from cjsim.kernels.state import CustomerState, Output
from cjsim.kernels.world import World


@rule
def complete_outcome(world: World, state: CustomerState, out: Output) -> None:
    """Complete the outcome of a customer's window, which ends now.

    Writes: outcome, dwell, outcome.retained.
    """
    customer = state.customer[0]
    account_for_stage(world, state, out, customer.now + TOLERANCE)
    outcome = out.outcome[customer.row]
    outcome.stage = customer.stage
    outcome.satisfaction = np.float32(satisfaction_now(world, state))
    outcome.pressure = np.float32(pressure_now(world, state))


@rule
def leave_own_row(state: CustomerState, out: Output) -> None:
    """Book in the scratch row from now on, which takes over the customer's CLV.

    Writes: customer.row, outcome.clv and outcome.clv_365d of the scratch row.
    """
    customer = state.customer[0]
    own = out.outcome[customer.own_row]
    customer.row = out.outcome.shape[0] - 1
    scratch = out.outcome[customer.row]
    scratch.clv = own.clv
    scratch.clv_365d = own.clv_365d


@kernel
def pass_window_limit(world: World, state: CustomerState, out: Output) -> None:
    """Close the customer's observation window at the horizon, before anything that is due then.

    Writes: customer.now, customer.pauses_at, customer.row, outcome, dwell, outcome.retained.
    """
    customer = state.customer[0]
    customer.now = customer.pauses_at
    customer.pauses_at = customer.ends
    complete_outcome(world, state, out)
    leave_own_row(state, out)


@rule
def finish_window(world: World, state: CustomerState, out: Output) -> None:
    """Complete the outcome at the end of the customer's simulation. After the horizon, only CLV remains to be carried over.

    Writes: outcome, dwell, outcome.retained.
    """
    customer = state.customer[0]
    if customer.row == customer.own_row:
        complete_outcome(world, state, out)
        return
    own = out.outcome[customer.own_row]
    scratch = out.outcome[customer.row]
    own.clv = scratch.clv
    own.clv_365d = scratch.clv_365d

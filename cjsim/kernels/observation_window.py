"""The observation window: the period in which a customer's outcome and log rows count, and the switch of policies at its beginning.

Everything from entry to the end of the simulation happens under the same rules. Outside the window, outcomes go to the scratch row of
`Output`, and no log rows are written. The window of a customer who exists before day 0 opens on day 0, when the present policy replaces the
past one. It closes at the horizon; from then on, only CLV is carried over.
"""

import math

import numpy as np

from cjsim.kernel import kernel, rule
from cjsim.kernels.accounting import account_for_stage, initialize_outcome
from cjsim.kernels.codes import BaseFlag, FlowMode, TouchCode
from cjsim.kernels.conditions import TOLERANCE
from cjsim.kernels.customer.decay import pressure_now, satisfaction_now
from cjsim.kernels.customer.initial_state import draw_holdout
from cjsim.kernels.log_rows import write_log_row
from cjsim.kernels.policy.triggers import admit_actor
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
    """Use the scratch row from now on, starting from the customer's CLV so far.

    Writes: customer.row, the scratch row.
    """
    customer = state.customer[0]
    own = out.outcome[customer.own_row]
    customer.row = out.outcome.shape[0] - 1
    initialize_outcome(state, out)
    scratch = out.outcome[customer.row]
    scratch.clv = own.clv
    scratch.clv_365d = own.clv_365d


@rule
def open_window(world: World, state: CustomerState, out: Output) -> None:
    """Switch to the own row of a customer who exists before day 0, and record the customer's status at this time in `base_flags`.

    Writes: customer, outcome.
    """
    customer = state.customer[0]
    scratch = out.outcome[customer.row]
    has_converted = out.moments[customer.row, 0] <= customer.now
    account_for_stage(world, state, out, customer.now - TOLERANCE)
    customer.row = customer.own_row
    customer.valued_from = customer.now
    customer.stage_since = customer.now
    customer.next_retention_day = 0
    customer.held_out = draw_holdout(world, state)
    own = out.outcome[customer.own_row]
    own.held_out = customer.held_out
    own.first_purchase = scratch.first_purchase
    own.last_purchase = scratch.last_purchase
    own.base_flags = BaseFlag.EXISTING.value
    if has_converted:
        own.base_flags |= BaseFlag.CONVERTED.value
    if world.stages[customer.stage].retained == 1:
        own.base_flags |= BaseFlag.RETAINED.value


@rule
def switch_policy(world: World, state: CustomerState, out: Output) -> None:
    """Replace the past policy with the present one: flows and broadcasts that are not part of it end, and new ones are activated.

    Writes: runs, actor_due, the log.
    """
    for actor in range(world.actors.shape[0]):
        record = world.actors[actor]
        run = state.runs[actor]
        if record.absent == 1:
            if run.mode > FlowMode.WATCHING and run.mode < FlowMode.ABSENT and record.is_flow == 1:
                write_log_row(state, out, TouchCode.FLOW_EXITED.value, -1, -1, record.source, 0.0)
            run.mode = FlowMode.ABSENT.value
            state.actor_due[actor] = math.inf
        elif run.mode == FlowMode.ABSENT:
            admit_actor(world, state, actor)


@kernel
def pass_window_limit(world: World, state: CustomerState, out: Output) -> None:
    """Open the customer's observation window on day 0, or close it at the horizon, before anything due at that time is handled.

    `world` is the world of the present policy. Writes: customer, outcome, dwell, runs, actor_due, the log.
    """
    customer = state.customer[0]
    customer.now = customer.pauses_at
    if customer.pauses_at == 0.0 and customer.entered < 0.0:
        customer.pauses_at = min(world.setting[0].horizon, customer.ends)
        open_window(world, state, out)
        switch_policy(world, state, out)
    else:
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

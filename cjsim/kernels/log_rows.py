"""Log rows: one for each journey event and each touch."""

import numpy as np

from cjsim.kernel import inlined
from cjsim.kernels.codes import MAX_COUNT, N_TOUCH_CODES
from cjsim.kernels.state import CustomerState, Output
from cjsim.kernels.world import World


@inlined
def write_log_row(state: CustomerState, out: Output, code: int, channel: int, message: int, source: int, value: float) -> None:
    """Write one log row, or only count it if there is no log or no space left. Outside the observation window, do nothing.

    `code` is a `TouchCode`, or N_TOUCH_CODES + event. `channel`, `message` and `source` are -1 for none. `value` is the waiting time
    for a reply (minutes), the discount from an offer (money), the number of an arm, or 0. `finish_event` adds the amount of a purchase.
    Writes: outcome.events, n_rows, log.
    """
    customer = state.customer[0]
    if customer.row != customer.own_row:
        return
    out.outcome[customer.row].events += 1
    index = out.n_rows[0]
    out.n_rows[0] = index + 1
    if index < out.log.shape[0]:
        row = out.log[index]
        row.customer = customer.number
        row.time = customer.now
        row.value = value
        row.event = code
        row.stage = customer.observed_stage
        row.channel = channel
        row.message = message
        row.source = source
        row.by_machine = 0


@inlined
def log_channel_touch(state: CustomerState, out: Output, touch: int, channel: int, message: int, source: int) -> None:
    """Write the log row of a touch up to LAST_CHANNEL_TOUCH, and count it by channel; `message` and `source` are -1 for none.

    Writes: touch_counts, outcome.events, n_rows, log.
    """
    row = state.customer[0].row
    if out.touch_counts[row, channel, touch] < MAX_COUNT:
        out.touch_counts[row, channel, touch] += np.uint16(1)
    write_log_row(state, out, touch, channel, message, source, 0.0)


@inlined
def log_touch(world: World, state: CustomerState, out: Output, touch: int, site: int) -> None:
    """Write the log row of a touch of a site's message, and count it by channel.

    Writes: touch_counts, outcome.events, n_rows, log.
    """
    message = world.sites[site].message
    log_channel_touch(state, out, touch, world.messages[message].channel, message, world.actors[world.sites[site].actor].source)


@inlined
def mark_as_machine(state: CustomerState, out: Output) -> None:
    """Mark the log row of the latest touch as caused by a machine, which only the simulator knows. Outside the window, do nothing.

    Writes: log.
    """
    index = out.n_rows[0] - 1
    if state.customer[0].row == state.customer[0].own_row and index < out.log.shape[0]:
        out.log[index].by_machine = 1


@inlined
def count_hidden_touch(state: CustomerState, out: Output, touch: int, channel: int) -> None:
    """Count a `HiddenTouch` by channel.

    Writes: touch_counts.
    """
    row = state.customer[0].row
    if out.touch_counts[row, channel, touch] < MAX_COUNT:
        out.touch_counts[row, channel, touch] += np.uint16(1)


@inlined
def log_event_code(event: int) -> int:
    """Log code of a journey event: N_TOUCH_CODES + event."""
    return N_TOUCH_CODES + event

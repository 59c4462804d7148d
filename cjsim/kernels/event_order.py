"""The order of events: which pending response, clock, actor or desk reply is due next.

Equal times are ordered by the model: responses before clocks before actors before desk replies, and by code within each kind.
"""

import math

import numpy as np

from cjsim.kernel import inlined
from cjsim.kernels.codes import DueKind
from cjsim.kernels.state import CustomerState
from cjsim.kernels.world import Array


@inlined
def earliest_response(state: CustomerState) -> int:
    """Index of the pending response that is due first, -1 if none is pending."""
    best = -1
    for i in range(state.customer[0].n_responses):
        if best < 0 or response_precedes(state.responses[i], state.responses[best]):
            best = i
    return best


@inlined
def response_precedes(one: np.record, other: np.record) -> bool:
    """Whether one pending response comes before another: by due time, then site, ordinal, actions."""
    precedes: bool
    if one.due != other.due:
        precedes = one.due < other.due
    elif one.site != other.site:
        precedes = one.site < other.site
    elif one.index != other.index:
        precedes = one.index < other.index
    else:
        precedes = one.actions < other.actions
    return precedes


@inlined
def minimum(values: Array) -> float:
    """The smallest element of a float64 array without nan; inf if the array is empty.

    Keeps four running minima: with one, each comparison would have to wait for the previous one.
    """
    a = b = c = d = math.inf
    n = values.shape[0]
    for i in range(0, n - 3, 4):
        a = values[i] if values[i] < a else a
        b = values[i + 1] if values[i + 1] < b else b
        c = values[i + 2] if values[i + 2] < c else c
        d = values[i + 3] if values[i + 3] < d else d
    for i in range(n - n % 4, n):
        a = values[i] if values[i] < a else a
    a = b if b < a else a
    c = d if d < c else c
    return c if c < a else a


@inlined
def index_of(values: Array, value: float) -> int:
    """Index of the first element equal to `value`, which the array must contain."""
    index = 0
    while values[index] != value:
        index += 1
    return index


@inlined
def next_due(state: CustomerState) -> tuple[int, int, float]:
    """What is due first: its `DueKind`, its index (-1: nothing is due) and its time in days (inf: nothing is due)."""
    clock_due = minimum(state.clock_due)
    actor_due = minimum(state.actor_due)
    time = clock_due if clock_due <= actor_due else actor_due
    reply_due = state.customer[0].reply_due
    response = earliest_response(state)
    if response >= 0 and state.responses[response].due <= time and state.responses[response].due <= reply_due:
        return DueKind.RESPONSE.value, response, state.responses[response].due
    if reply_due < time:
        return DueKind.DESK_REPLY.value, 0, reply_due
    if time == math.inf:
        return DueKind.CLOCK.value, -1, time
    if clock_due <= actor_due:
        return DueKind.CLOCK.value, index_of(state.clock_due, time), time
    return DueKind.ACTOR.value, index_of(state.actor_due, time), time

"""Pending events of a customer, as tuples that sort in the order of handling."""

from typing import NamedTuple

from cjsim.kernels.codes import DueKind
from cjsim.kernels.state import CustomerState


class DueEvent(NamedTuple):
    """A pending event. Events sort in the order in which the engines handle them."""

    time: float  # days
    kind: DueKind
    order: tuple[int, ...]  # order among simultaneous events of one kind
    which: int  # index of the response, event or actor
    is_fired: bool = False  # fired by a user process rather than by the customer's own clock


def pending_events(state: CustomerState) -> list[DueEvent]:
    """Return all pending events of a customer.

    Parameters
    ----------
    state : CustomerState
        State of the customer.

    Returns
    -------
    list of DueEvent
        In no particular order; events that are not scheduled have the time inf.
    """
    responses = [
        DueEvent(float(read.due), DueKind.RESPONSE, (int(read.site), int(read.index), int(read.actions)), i)
        for i, read in enumerate(state.responses[: state.customer[0].n_responses])
    ]
    clocks = [DueEvent(float(due), DueKind.CLOCK, (event,), event) for event, due in enumerate(state.clock_due)]
    actions = [DueEvent(float(due), DueKind.ACTOR, (actor,), actor) for actor, due in enumerate(state.actor_due)]
    reply = DueEvent(float(state.customer[0].reply_due), DueKind.DESK_REPLY, (), 0)
    return [*responses, *clocks, *actions, reply]

"""The pending events of a customer, as tuples in the order in which they are handled."""

from typing import NamedTuple

from cjsim.kernels.codes import DueKind
from cjsim.kernels.state import CustomerState


class DueEvent(NamedTuple):
    """A pending event; tuples compare in the order in which events are handled."""

    time: float  # days
    kind: DueKind
    order: tuple[int, ...]  # order among simultaneous events of one kind
    which: int  # index of the response, event or actor
    is_fired: bool = False  # from outside, rather than by the customer's own clock


def pending_events(state: CustomerState) -> list[DueEvent]:
    """Return all pending events of a customer.

    Parameters
    ----------
    state : CustomerState
        State of the customer.

    Returns
    -------
    list of DueEvent
        Unordered; events that are not due have the time inf.
    """
    responses = [
        DueEvent(float(read.due), DueKind.RESPONSE, (int(read.site), int(read.index), int(read.actions)), i)
        for i, read in enumerate(state.responses[: state.customer[0].n_responses])
    ]
    clocks = [DueEvent(float(due), DueKind.CLOCK, (event,), event) for event, due in enumerate(state.clock_due)]
    actions = [DueEvent(float(due), DueKind.ACTOR, (actor,), actor) for actor, due in enumerate(state.actor_due)]
    reply = DueEvent(float(state.customer[0].reply_due), DueKind.DESK_REPLY, (), 0)
    return [*responses, *clocks, *actions, reply]


def fired_event(time: float, event: int) -> DueEvent:
    """Return a journey event that is fired from outside: it happens as if the customer's own clock had rung.

    Parameters
    ----------
    time : float
        Days.
    event : int
        Index of the event.

    Returns
    -------
    DueEvent
    """
    return DueEvent(time, DueKind.CLOCK, (event,), event, is_fired=True)

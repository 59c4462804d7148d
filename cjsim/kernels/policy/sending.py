"""Sends: one message to one customer now, and broadcasts on their dates."""

from cjsim.kernel import inlined, rule
from cjsim.kernels.codes import ChannelKind, FlowMode, SendDecision, TouchCode
from cjsim.kernels.conditions import TOLERANCE, condition_holds
from cjsim.kernels.customer.deliverability import transmit
from cjsim.kernels.desks.requests import make_request
from cjsim.kernels.log_rows import log_touch
from cjsim.kernels.policy.guardrails import decide_send, record_refusal
from cjsim.kernels.policy.pull_messages import place_message
from cjsim.kernels.policy.triggers import schedule_next_date, scheduled_time
from cjsim.kernels.state import CustomerState, Output
from cjsim.kernels.world import World

SENT, DEFERRED = 0, 1  # outcomes of a send
PAST_ORDINAL = 1 << 30  # ordinal of a broadcast's first date before day 0; those from day 0 on begin at 0


@rule
def send_message(world: World, state: CustomerState, out: Output, actor: int, site: int, index: int) -> int:
    """Try a send: place, deliver or refuse the message, make a request to its desk, or defer it until the guardrail that defers it ends.

    Returns SENT (placed, delivered, requested or refused) or DEFERRED. Writes: runs and actor_due if deferred.
    """
    channel = world.messages[world.sites[site].message].channel
    if world.channels[channel].kind == ChannelKind.PULL:
        place_message(world, state, out, site, index)
        return SENT
    decision = decide_send(world, state, site)
    if decision == SendDecision.DEFER:
        run = state.runs[actor]
        if run.mode != FlowMode.DEFERRED:
            run.tried = state.customer[0].now
        run.mode = FlowMode.DEFERRED.value
        state.actor_due[actor] = state.customer[0].deferred_until
        log_touch(world, state, out, TouchCode.DEFERRED.value, site)
        return DEFERRED
    if decision != SendDecision.DELIVER:
        record_refusal(world, state, out, site, decision)
    elif world.channels[channel].kind == ChannelKind.HUMAN:
        make_request(world, state, out, world.channels[channel].desk, 0.0, site, index)
    else:
        transmit(world, state, out, site, index)
    return SENT


@inlined
def run_broadcast(world: World, state: CustomerState, out: Output, actor: int) -> None:
    """Run a broadcast whose date has come or whose deferral has ended. Dates that have passed in the meantime are skipped.

    Writes: runs, actor_due, and the state that the send changes.
    """
    record = world.actors[actor]
    run = state.runs[actor]
    if condition_holds(world, state, record.program):
        ordinal = run.next_date - record.dates_before if run.next_date >= record.dates_before else PAST_ORDINAL + run.next_date
        if send_message(world, state, out, actor, world.steps[record.first_step].target, ordinal) == DEFERRED:
            return
    run.next_date += 1
    while run.next_date < record.schedule_count and scheduled_time(world, state, actor) <= state.customer[0].now + TOLERANCE:
        run.next_date += 1
    schedule_next_date(world, state, actor)

"""Sends: one message to one customer now, and broadcasts on their dates.

Lives here: a send, the dates of a broadcast. Does not live here: flows (decision.py), whether a message may go out
(guardrails.py), what waits for a visit (placing.py), what the customer makes of it (answer.py).
"""

from cjsim.kernel import inlined, rule
from cjsim.kernels.codes import ChannelKind, FlowMode, SendDecision, TouchCode
from cjsim.kernels.conditions import condition_holds
from cjsim.kernels.customer.responses import deliver
from cjsim.kernels.desks.requests import make_request
from cjsim.kernels.log_rows import log_touch
from cjsim.kernels.policy.guardrails import decide_send, record_refusal
from cjsim.kernels.policy.pull_messages import place_message
from cjsim.kernels.policy.quiet_hours import end_of_quiet_hours
from cjsim.kernels.policy.triggers import schedule_next_date

SENT, DEFERRED = 0, 1  # what came of a send


@rule
def send_message(world, life, sink, actor, site, index):  # type: ignore[no-untyped-def]
    """Try a send: place it for a visit, deliver it, ask its desk, refuse it, or put it off to the end of quiet hours.

    Parameters
    ----------
    world : World
        Read.
    life : Life
        Written.
    sink : Sink
        Written.
    actor : int
        Who sends.
    site, index : int
        Which message; the ordinal of this send.

    Returns
    -------
    int
        SENT (placed, delivered, asked or refused) or WAITS.
    """
    channel = world.messages[world.sites[site].message].channel
    if world.channels[channel].kind == ChannelKind.PULL:
        place_message(world, life, sink, site, index)
        return SENT
    verdict = decide_send(world, life, site)
    if verdict == SendDecision.DEFER:
        life.runs[actor].mode = FlowMode.DEFERRED
        life.act_due[actor] = end_of_quiet_hours(world, channel, life.customer[0].now)
        log_touch(world, life, sink, TouchCode.DEFERRED, site)
        return DEFERRED
    if verdict != SendDecision.DELIVER:
        record_refusal(world, life, sink, site, verdict)
    elif world.channels[channel].kind == ChannelKind.HUMAN:
        make_request(world, life, sink, world.channels[channel].desk, 0.0, site, index)
    else:
        deliver(world, life, sink, site, index)
    return SENT


@inlined
def run_broadcast(world, life, sink, actor):  # type: ignore[no-untyped-def]
    """A broadcast's date has come, or the quiet hours that put it off have ended.

    Parameters
    ----------
    world : World
        Read.
    life : Life
        Written.
    sink : Sink
        Written.
    actor : int
        Code of the broadcast.
    """
    record = world.actors[actor]
    run = life.runs[actor]
    if condition_holds(world, life, record.program):
        if send_message(world, life, sink, actor, world.steps[record.first_step].target, run.date) == DEFERRED:
            return
    run.date += 1
    schedule_next_date(world, life, actor)

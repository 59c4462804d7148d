"""Sends: one message to one customer now, and broadcasts on their dates.

Lives here: a send, the dates of a broadcast. Does not live here: flows (decision.py), whether a message may go out
(guardrails.py), what waits for a visit (placing.py), what the customer makes of it (answer.py).
"""

from cjsim.kernel import inlined, rule
from cjsim.model.answer import deliver
from cjsim.model.asking import ask
from cjsim.model.codes import Kind, Mode, Touch, Verdict
from cjsim.model.guardrails import end_of_quiet, judge, refuse
from cjsim.model.ledger import write_touch
from cjsim.model.placing import place
from cjsim.model.programs import holds
from cjsim.model.triggers import schedule_next

SENT, WAITS = 0, 1  # what came of a send


@rule
def send(world, life, sink, actor, site, index):  # type: ignore[no-untyped-def]
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
    if world.channels[channel].kind == Kind.PULL:
        place(world, life, sink, site, index)
        return SENT
    verdict = judge(world, life, site)
    if verdict == Verdict.DEFER:
        life.runs[actor].mode = Mode.DEFERRED
        life.act_due[actor] = end_of_quiet(world, channel, life.customer[0].now)
        write_touch(world, life, sink, Touch.DEFERRED, site)
        return WAITS
    if verdict != Verdict.DELIVER:
        refuse(world, life, sink, site, verdict)
    elif world.channels[channel].kind == Kind.HUMAN:
        ask(world, life, sink, world.channels[channel].desk, 0.0, site, index)
    else:
        deliver(world, life, sink, site, index)
    return SENT


@inlined
def broadcast(world, life, sink, actor):  # type: ignore[no-untyped-def]
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
    if holds(world, life, record.program):
        if send(world, life, sink, actor, world.steps[record.first_step].target, run.date) == WAITS:
            return
    run.date += 1
    schedule_next(world, life, actor)

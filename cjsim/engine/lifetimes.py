"""The loop of the compiled engine: customers one after another, each from entry to horizon, without the interpreter.

Lives here: what comes due first, and the loop over time and customers. Does not live here: rules (model/), room and chunks (compiled.py).
"""

import math

from cjsim.kernel import inlined, kernel
from cjsim.model.codes import Happening
from cjsim.model.course import begin_life, end_life, take


@inlined
def earliest_read(life):  # type: ignore[no-untyped-def]
    """The pending read that comes first; equal times by site, ordinal, kind.

    Parameters
    ----------
    life : Life
        Read: customer, reads.

    Returns
    -------
    int
        Its index, -1 if none is pending.
    """
    best = -1
    for i in range(life.customer[0].reads):
        if best < 0 or precedes(life.reads[i], life.reads[best]):
            best = i
    return best


@inlined
def precedes(one, other):  # type: ignore[no-untyped-def]
    """Whether one pending read comes before another.

    Parameters
    ----------
    one, other : record of READ
        Two different pending reads.

    Returns
    -------
    bool
        By due time, then site, ordinal, kind.
    """
    if one.due != other.due:
        return one.due < other.due
    if one.site != other.site:
        return one.site < other.site
    if one.index != other.index:
        return one.index < other.index
    return one.what < other.what


@inlined
def next_happening(life):  # type: ignore[no-untyped-def]
    """What comes due first: reads before clocks before actors at equal times, and in the order of their codes.

    Parameters
    ----------
    life : Life
        Read.

    Returns
    -------
    tuple of (int, int, float64)
        A `Happening`, which one, and when (days; inf: nothing).
    """
    kind = Happening.CLOCK
    which = -1
    time = math.inf
    for event in range(life.due.shape[0]):
        if life.due[event] < time:
            time = life.due[event]
            which = event
    for actor in range(life.act_due.shape[0]):
        if life.act_due[actor] < time:
            time = life.act_due[actor]
            which = actor
            kind = Happening.ACT
    read = earliest_read(life)
    if read >= 0 and life.reads[read].due <= time:
        return Happening.READ, read, life.reads[read].due
    return kind, which, time


@kernel
def live_through(world, life, sink, people, first):  # type: ignore[no-untyped-def]
    """Let customers of a chunk live, until all have or scratch space runs out.

    A customer whose life did not fit (pending reads, queue, log) leaves no row: the caller makes room and calls again from it.

    Parameters
    ----------
    world : World
        Read.
    life : Life
        Scratch.
    sink : Sink
        Written.
    people : Population
        Read.
    first : int
        Index of the first customer to live.

    Returns
    -------
    int
        Index after the last customer whose life is complete.
    """
    customer = life.customer[0]
    horizon = world.setting[0].horizon
    for i in range(first, people.key.shape[0]):
        before = sink.written[0]
        customer.full = 0
        begin_life(world, life, sink, people, i, i)
        while True:
            kind, which, time = next_happening(life)
            if not time < horizon:
                break
            customer.now = time
            take(world, life, sink, kind, which)
        end_life(world, life, sink)
        if customer.full == 1 or (sink.log.shape[0] > 0 and sink.written[0] > sink.log.shape[0]):
            sink.written[0] = before
            return i
    return people.key.shape[0]

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
def smallest(values):  # type: ignore[no-untyped-def]
    """The smallest value of an array, by four minima at a time: one alone would wait for itself at every element.

    Parameters
    ----------
    values : ndarray of float64, shape (n,)
        Not nan.

    Returns
    -------
    float64
        inf if the array is empty.
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
def first_at(values, value):  # type: ignore[no-untyped-def]
    """Index of the first element that equals a value which is there.

    Parameters
    ----------
    values : ndarray of float64, shape (n,)
        Searched.
    value : float64
        One of them.

    Returns
    -------
    int
        Its index.
    """
    i = 0
    while values[i] != value:
        i += 1
    return i


@inlined
def next_happening(life):  # type: ignore[no-untyped-def]
    """What comes due first: reads before clocks before actors before answers at equal times, and in the order of their codes.

    Parameters
    ----------
    life : Life
        Read.

    Returns
    -------
    tuple of (int, int, float64)
        A `Happening`, which one (-1: nothing), and when (days; inf: nothing).
    """
    clock_due = smallest(life.due)
    act_due = smallest(life.act_due)
    time = clock_due if clock_due <= act_due else act_due
    answer_due = life.customer[0].answer_due
    read = earliest_read(life)
    if read >= 0 and life.reads[read].due <= time and life.reads[read].due <= answer_due:
        return Happening.READ, read, life.reads[read].due
    if answer_due < time:
        return Happening.ANSWER, 0, answer_due
    if time == math.inf:
        return Happening.CLOCK, -1, time
    if clock_due <= act_due:
        return Happening.CLOCK, first_at(life.due, time), time
    return Happening.ACT, first_at(life.act_due, time), time


@kernel
def live_through(world, life, sink, people, first):  # type: ignore[no-untyped-def]
    """Let customers of a chunk live, until all have or scratch space runs out.

    A customer whose life did not fit (pending reads, queue, log, births) leaves nothing: the caller makes room and calls again from it.
    One for whom time does not pass is left `stuck`.

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
        unborn = sink.born[0]
        customer.full = 0
        begin_life(world, life, sink, people, i, i)
        while True:
            kind, which, time = next_happening(life)
            if not time < horizon:
                break
            take(world, life, sink, kind, which, time)
            if customer.full + customer.stuck > 0:
                sink.written[0] = before
                sink.born[0] = unborn
                return i
        end_life(world, life, sink)
        if (sink.log.shape[0] > 0 and sink.written[0] > sink.log.shape[0]) or sink.born[0] > sink.births.shape[0]:
            sink.written[0] = before
            sink.born[0] = unborn
            return i
    return people.key.shape[0]

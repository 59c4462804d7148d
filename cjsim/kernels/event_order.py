"""The loop of the compiled engine: customers one after another, each from entry to horizon, without the interpreter. (part)."""

import math

from cjsim.kernel import inlined
from cjsim.kernels.codes import DueKind


@inlined
def earliest_response(life):  # type: ignore[no-untyped-def]
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
        if best < 0 or response_precedes(life.reads[i], life.reads[best]):
            best = i
    return best


@inlined
def response_precedes(one, other):  # type: ignore[no-untyped-def]
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
def minimum(values):  # type: ignore[no-untyped-def]
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
def index_of(values, value):  # type: ignore[no-untyped-def]
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
def next_due(life):  # type: ignore[no-untyped-def]
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
    clock_due = minimum(life.due)
    act_due = minimum(life.act_due)
    time = clock_due if clock_due <= act_due else act_due
    answer_due = life.customer[0].answer_due
    read = earliest_response(life)
    if read >= 0 and life.reads[read].due <= time and life.reads[read].due <= answer_due:
        return DueKind.RESPONSE, read, life.reads[read].due
    if answer_due < time:
        return DueKind.DESK_REPLY, 0, answer_due
    if time == math.inf:
        return DueKind.CLOCK, -1, time
    if clock_due <= act_due:
        return DueKind.CLOCK, index_of(life.due, time), time
    return DueKind.ACTOR, index_of(life.act_due, time), time

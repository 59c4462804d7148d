"""Arrivals: how many customers come by each acquisition channel, from what is spent on it, and when.

Lives here: spend by day, carry-over, saturation, the arrivals that follow. Does not live here: who arrives (population.py), what
happens to them (the rules).

Arrivals of a channel are a Poisson process whose rate is constant within a day: the n-th comes when the integral of the rate
reaches the n-th sum of unit exponentials, which depend on the channel's name and the seed alone. So whatever is spent, the n-th is
the same person, and more spend brings it earlier (time change of a Poisson process: Cinlar 1975, Introduction to Stochastic Processes,
section 4.7).

References
----------
Jin, Wang, Sun, Chan, Koehler (2017), Bayesian methods for media mix modeling with carryover and shape effects: adstock (section 2.1) and
Hill's curve (section 2.2).
"""

import math
from datetime import date, timedelta

import numpy as np
from numpy.typing import NDArray

from cjsim.compiler.cohorts import ARRIVED, ORDINAL_BITS, Cohort
from cjsim.compiler.plan import ArrivalPlan, FloatArray, Plan
from cjsim.kernels.rng import add_exponentials, stream_id
from cjsim.scenario.policy import Spend
from cjsim.scenario.touchpoints import Acquisition, Hill

_BLOCK_SIZE = 4096  # sums drawn at a time


def spend_by_day(spend: Spend, *, start: date, horizon_days: float) -> FloatArray:
    """Money a day on a channel; in the periods, the last that holds a day counts.

    Parameters
    ----------
    spend : Spend
        As declared.
    start : date
        Day 0.
    horizon_days : float
        Days, above 0.

    Returns
    -------
    ndarray of float64, shape (n_days,), money a day
        Also of a last day that the horizon cuts.

    Examples
    --------
    >>> later = {"per_day": 9, "from": "2026-01-02", "to": "2026-01-02"}
    >>> spend_by_day(Spend.model_validate({"per_day": 5, "periods": [later]}), start=date(2026, 1, 1), horizon_days=2.5)
    array([5., 9., 5.])
    """
    money = np.full(math.ceil(horizon_days), spend.per_day)
    for period in spend.periods:
        first, after = (period.first - start).days, (period.last + timedelta(days=1) - start).days
        money[max(first, 0) : max(after, 0)] = period.per_day
    return money


def adstock(money: FloatArray, carried: float) -> FloatArray:
    """What spend does on each day, that of earlier days included: s(d) = money(d) + carried s(d - 1); nothing before day 0.

    Parameters
    ----------
    money : ndarray of float64, shape (n_days,), money a day
        Spend.
    carried : float
        In [0, 1).

    Returns
    -------
    ndarray of float64, shape (n_days,), money a day

    Examples
    --------
    >>> adstock(np.array([8.0, 0.0, 4.0]), 0.5)
    array([8., 4., 6.])
    """
    stock, effect = 0.0, np.empty(len(money))
    for day, spent in enumerate(money):
        stock = effect[day] = spent + carried * stock
    return effect


def saturation(effect: FloatArray, hill: Hill) -> FloatArray:
    """Arrivals a day that spend brings: at_most s^slope / (half^slope + s^slope).

    Parameters
    ----------
    effect : ndarray of float64, shape (n_days,), money a day
        s, not below 0.
    hill : Hill
        The curve.

    Returns
    -------
    ndarray of float64, shape (n_days,), arrivals a day

    Examples
    --------
    >>> saturation(np.array([0.0, 50.0, 150.0]), Hill(at_most=8.0, half=50.0))
    array([0., 4., 6.])
    """
    with np.errstate(divide="ignore", over="ignore"):
        return np.asarray(hill.at_most / (1.0 + (hill.half / effect) ** hill.slope))


def compile_arrivals(
    name: str, channel: Acquisition, spend: Spend, *, persona_upto: FloatArray, start: date, horizon_days: float
) -> ArrivalPlan:
    """What comes by a channel.

    Parameters
    ----------
    name : str
        Of the channel.
    channel : Acquisition
        As the journey has it.
    spend : Spend
        As the policy has it.
    persona_upto : ndarray of float64, shape (n_personas - 1,)
        Cumulative shares of the personas that it brings, but for the last.
    start : date
        Day 0.
    horizon_days : float
        Days.
    """
    money = spend_by_day(spend, start=start, horizon_days=horizon_days)
    rate = np.full(len(money), channel.baseline)
    if channel.hill is not None:
        rate += saturation(adstock(money, channel.adstock), channel.hill)
    days = np.minimum(np.arange(len(money) + 1.0), horizon_days)
    expected = np.concatenate([[0.0], np.cumsum(rate * np.diff(days))])
    return ArrivalPlan(name, persona_upto, float(np.sum(money * np.diff(days))), days, expected)


def draw_arrivals(plan: Plan, seed: int, *, first: int, at_most: int) -> Cohort:
    """All arrivals before the horizon, by time, then by channel.

    Parameters
    ----------
    plan : Plan
        A compiled scenario.
    seed : int
        In [0, 2**63).
    first : int
        Number of the first.
    at_most : int
        How many are wanted: of no channel are many more drawn, so that who asks can refuse them.

    Returns
    -------
    Cohort
        Each bears the spend of its channel over the horizon, divided by the channel's arrivals.
    """
    times = [_arrival_times(channel, seed, at_most) for channel in plan.population.acquisition]
    if not times:
        return Cohort(np.zeros(0, np.uint64), np.zeros(0), np.zeros(0, np.int32), np.zeros(0), first)
    counts = [len(of) for of in times]
    entered, by = np.concatenate(times), np.repeat(np.arange(len(times), dtype=np.int32), counts)
    cost = np.repeat([channel.spend / max(count, 1) for channel, count in zip(plan.population.acquisition, counts, strict=True)], counts)
    key = np.concatenate([_arrival_keys(channel.name, count) for channel, count in zip(plan.population.acquisition, counts, strict=True)])
    order = np.lexsort((by, entered))
    return Cohort(key[order], entered[order], by[order], cost[order], first)


def _arrival_keys(name: str, count: int) -> NDArray[np.uint64]:
    """Keys of the first arrivals of a channel."""
    base = ARRIVED | int(stream_id(arrival_stream(name))) << ORDINAL_BITS
    return np.uint64(base) + np.arange(count, dtype=np.uint64)


def arrival_stream(name: str) -> str:
    """Name of the stream of a channel's arrivals.

    Parameters
    ----------
    name : str
        Of the channel.
    """
    return f"acquisition:{name}"


def _arrival_times(channel: ArrivalPlan, seed: int, at_most: int) -> FloatArray:
    """When the arrivals of a channel come: those before the horizon, or somewhat more than `at_most` of them."""
    stream, blocks, drawn, total = stream_id(arrival_stream(channel.name)), [np.zeros(0)], 0, 0.0
    while total < channel.expected[-1] and drawn <= at_most:
        block = np.empty(_BLOCK_SIZE)
        add_exponentials(np.uint64(seed), stream, np.uint64(drawn), total, block)
        blocks.append(block)
        drawn, total = drawn + _BLOCK_SIZE, float(block[-1])
    sums = np.concatenate(blocks)
    sums = sums[sums < channel.expected[-1]]
    # The day in which the sum is reached: the last at whose beginning it is not passed, so that days without arrivals are stepped over.
    day = np.searchsorted(channel.expected, sums, side="right") - 1
    begin, end = channel.expected[day], channel.expected[day + 1]
    times = channel.days[day] + (channel.days[day + 1] - channel.days[day]) * ((sums - begin) / (end - begin))
    return np.asarray(times[times < channel.days[-1]])

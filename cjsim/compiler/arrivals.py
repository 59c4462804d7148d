"""Arrivals by acquisition channel: daily spend, carry-over (adstock), saturation, and arrival times.

Arrivals through a channel form a Poisson process whose rate is constant within each day. The n-th arrival occurs when the integral of the
rate reaches the n-th partial sum of unit exponentials. These depend only on the name of the channel and the seed, so the n-th arrival is
the same customer at any spend; higher spend makes that customer arrive earlier (time change of a Poisson process: Cinlar 1975,
Introduction to Stochastic Processes, section 4.7).

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

_BLOCK_SIZE = 4096  # number of exponentials drawn at a time


def spend_by_day(spend: Spend, *, start: date, horizon_days: float) -> FloatArray:
    """Compute the daily spend on a channel. If periods overlap, the last one counts.

    Parameters
    ----------
    spend : Spend
        The spend, as declared.
    start : date
        Day 0.
    horizon_days : float
        Simulated days, above 0.

    Returns
    -------
    ndarray of float64, shape (n_days,), money per day
        The last day counts in full even if the horizon ends within it.

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
    """Compute spend with carry-over from earlier days: s(d) = money(d) + carried s(d - 1), with s = 0 before day 0.

    Parameters
    ----------
    money : ndarray of float64, shape (n_days,), money per day
        Daily spend.
    carried : float
        Share carried over to the next day, in [0, 1).

    Returns
    -------
    ndarray of float64, shape (n_days,), money per day

    Examples
    --------
    >>> adstock(np.array([8.0, 0.0, 4.0]), 0.5)
    array([8., 4., 6.])
    """
    stock, stocks = 0.0, np.empty(len(money))
    for day, spent in enumerate(money):
        stock = stocks[day] = spent + carried * stock
    return stocks


def saturation(spend: FloatArray, hill: Hill) -> FloatArray:
    """Compute arrivals per day from adstocked spend s: at_most s^slope / (half^slope + s^slope).

    Parameters
    ----------
    spend : ndarray of float64, shape (n_days,), money per day
        Adstocked spend, at least 0.
    hill : Hill
        The curve.

    Returns
    -------
    ndarray of float64, shape (n_days,), arrivals per day

    Examples
    --------
    >>> saturation(np.array([0.0, 50.0, 150.0]), Hill(at_most=8.0, half=50.0))
    array([0., 4., 6.])
    """
    with np.errstate(divide="ignore", over="ignore"):
        return np.asarray(hill.at_most / (1.0 + (hill.half / spend) ** hill.slope))


def compile_arrivals(
    name: str, channel: Acquisition, spend: Spend, *, cumulative_personas: FloatArray, start: date, horizon_days: float
) -> ArrivalPlan:
    """Compile the arrivals of one channel.

    Parameters
    ----------
    name : str
        The name of the channel.
    channel : Acquisition
        The channel, as declared in the journey.
    spend : Spend
        The spend, as declared in the policy.
    cumulative_personas : ndarray of float64, shape (n_personas - 1,)
        Cumulative shares of the channel's personas, without the last.
    start : date
        Day 0.
    horizon_days : float
        Simulated days.

    Returns
    -------
    ArrivalPlan
    """
    money = spend_by_day(spend, start=start, horizon_days=horizon_days)
    rate = np.full(len(money), channel.baseline)
    if channel.hill is not None:
        rate += saturation(adstock(money, channel.adstock), channel.hill)
    days = np.minimum(np.arange(len(money) + 1.0), horizon_days)
    expected = np.concatenate([[0.0], np.cumsum(rate * np.diff(days))])
    return ArrivalPlan(name, cumulative_personas, float(np.sum(money * np.diff(days))), days, expected)


def draw_arrivals(plan: Plan, seed: int, *, first: int, at_most: int) -> Cohort:
    """Draw all arrivals before the horizon, ordered by time and then by channel.

    Parameters
    ----------
    plan : Plan
        A compiled scenario.
    seed : int
        In [0, 2**63).
    first : int
        Number of the first customer.
    at_most : int
        Maximum number of arrivals that the caller accepts. Each channel stops drawing soon after it exceeds this limit, so the caller
        can detect the excess.

    Returns
    -------
    Cohort
        The cost of each customer is the channel's spend over the horizon divided by its number of arrivals.
    """
    times = [_arrival_times(channel, seed, at_most) for channel in plan.population.acquisition]
    if not times:
        return Cohort(np.zeros(0, np.uint64), np.zeros(0), np.zeros(0, np.int32), np.zeros(0), first)
    counts = [len(channel_times) for channel_times in times]
    entered, channel_codes = np.concatenate(times), np.repeat(np.arange(len(times), dtype=np.int32), counts)
    cost = np.repeat([channel.spend / max(count, 1) for channel, count in zip(plan.population.acquisition, counts, strict=True)], counts)
    key = np.concatenate([_arrival_keys(channel.name, count) for channel, count in zip(plan.population.acquisition, counts, strict=True)])
    order = np.lexsort((channel_codes, entered))
    return Cohort(key[order], entered[order], channel_codes[order], cost[order], first)


def draw_late_arrivals(plan: Plan, seed: int, arrivals: Cohort, *, at_most: int) -> Cohort:
    """Draw the arrivals from the horizon to the end of the simulation. They share desks and budgets with the customers who count.

    Parameters
    ----------
    plan : Plan
        A compiled scenario.
    seed : int
        In [0, 2**63).
    arrivals : Cohort
        All arrivals before the horizon, from `draw_arrivals`.
    at_most : int
        As for `draw_arrivals`, including the arrivals before the horizon.

    Returns
    -------
    Cohort
        Without acquisition cost, because no metric counts them. Their numbers follow those of `arrivals`.
    """
    horizon = float(plan.world.setting[0].horizon)
    times, keys, codes = [np.zeros(0)], [np.zeros(0, np.uint64)], [np.zeros(0, np.int32)]
    for code, channel in enumerate(plan.population.late_acquisition):
        n_before = int(np.count_nonzero(arrivals.channel == code))
        late = np.maximum(_arrival_times(channel, seed, at_most)[n_before:], horizon)
        times.append(late)
        keys.append(_arrival_keys(channel.name, n_before + len(late))[n_before:])
        codes.append(np.full(len(late), code, np.int32))
    entered = np.concatenate(times)
    order = np.lexsort((np.concatenate(codes), entered))
    first = arrivals.first + len(arrivals)
    return Cohort(np.concatenate(keys)[order], entered[order], np.concatenate(codes)[order], np.zeros(len(entered)), first)


def _arrival_keys(name: str, count: int) -> NDArray[np.uint64]:
    """Keys of the first `count` arrivals of a channel."""
    base = ARRIVED | int(stream_id(arrival_stream(name))) << ORDINAL_BITS
    return np.uint64(base) + np.arange(count, dtype=np.uint64)


def arrival_stream(name: str) -> str:
    """Return the name of the random stream of a channel's arrivals.

    Parameters
    ----------
    name : str
        The name of the channel.

    Returns
    -------
    str
    """
    return f"acquisition:{name}"


def _arrival_times(channel: ArrivalPlan, seed: int, at_most: int) -> FloatArray:
    """Arrival times of a channel in days, until the horizon or until there are more than `at_most` arrivals."""
    stream, blocks, drawn, total = stream_id(arrival_stream(channel.name)), [np.zeros(0)], 0, 0.0
    while total < channel.expected[-1] and drawn <= at_most:
        block = np.empty(_BLOCK_SIZE)
        add_exponentials(np.uint64(seed), stream, np.uint64(drawn), total, block)
        blocks.append(block)
        drawn, total = drawn + _BLOCK_SIZE, float(block[-1])
    sums = np.concatenate(blocks)
    sums = sums[sums < channel.expected[-1]]
    # The last day at whose start the expected arrivals do not exceed the sum. This skips days with a rate of 0.
    day = np.searchsorted(channel.expected, sums, side="right") - 1
    begin, end = channel.expected[day], channel.expected[day + 1]
    times = channel.days[day] + (channel.days[day + 1] - channel.days[day]) * ((sums - begin) / (end - begin))
    return np.asarray(times[times < channel.days[-1]])

"""Wages of agents at desks: the amount paid over the horizon, and the amount that counts in CLV.

Agents are paid for their shifts, regardless of demand. All customers who enter share the wages equally. Each customer's share of every
hour's wages is discounted to the customer's entry, like all other money in CLV. Wages paid before the entry are not discounted.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from cjsim.compiler.elementary_functions import exp, expm1
from cjsim.scenario.rosters import Roster

FloatArray = NDArray[np.float64]


class Wages(NamedTuple):
    """Wages of a desk over the horizon: the amount paid, and its mean over customers, discounted to their entries."""

    paid: float  # money
    worth: float  # money


def desk_wages(paid: Sequence[tuple[float, Roster]], *, horizon_days: float, entered: FloatArray, force: float) -> Wages:
    """Compute the wages of a desk.

    Parameters
    ----------
    paid : sequence of (float, Roster)
        For each paid shift: money per day and agent, and the roster of the agents.
    horizon_days : float
        Simulated days.
    entered : ndarray of float64, shape (n_customers,), days
        Entry times of customers. Entries at or after the horizon are ignored.
    force : float
        Force of interest per day: log(1 + r) / 365 for a yearly discount rate r >= 0.

    Returns
    -------
    Wages

    Examples
    --------
    >>> two = Roster(times=(0.5,), staff=(2,))
    >>> desk_wages([(240.0, two)], horizon_days=1.0, entered=np.zeros(3), force=0.0)
    Wages(paid=240.0, worth=240.0)
    """
    total = worth = 0.0
    entries = entered[entered < horizon_days]
    for per_day, roster in (item for item in paid if item[1].times):
        begins = np.array(roster.times)
        ends = np.append(begins[1:], horizon_days)[: len(begins)]
        staff = np.array(roster.staff, np.float64)
        total += per_day * float(staff @ (ends - begins))
        worth += per_day * float(_discounted_days(begins, ends, staff, entries, force).mean()) if len(entries) else 0.0
    return Wages(total, worth)


def _discounted_days(begins: FloatArray, ends: FloatArray, staff: FloatArray, entered: FloatArray, force: float) -> FloatArray:
    """Agent days, discounted to each entry; shape (n_customers,).

    Days before the entry count in full. Later days are multiplied by exp(-force (t - entry)).
    """
    worked = np.concatenate([[0.0], np.cumsum(staff * (ends - begins))])  # agent days up to the end of each interval
    # Agent days in and after each interval, discounted to day 0.
    ahead = np.concatenate([np.cumsum((staff * _discount_integral(begins, ends, force))[::-1])[::-1], [0.0]])
    found = np.searchsorted(begins, entered, side="right") - 1  # interval of each entry; -1 before the first interval
    is_started, interval = found >= 0, np.maximum(found, 0)
    begin, agents = begins[interval], np.where(is_started, staff[interval], 0.0)
    before = np.where(is_started, worked[interval] + agents * (entered - begin), 0.0)
    after = np.where(is_started, ahead[interval] - agents * _discount_integral(begin, np.maximum(entered, begin), force), ahead[0])
    return np.asarray(before + exp(force * entered) * after)


def _discount_integral(begins: FloatArray, ends: FloatArray, force: float) -> FloatArray:
    """Integrate exp(-force t) over time intervals."""
    if force == 0:
        return ends - begins
    return np.asarray(exp(-force * begins) * -expm1(-force * (ends - begins)) / force)

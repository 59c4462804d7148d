"""Wages: what the staff of a desk is paid by its shifts, whoever asks, and what of it counts in CLV.

Lives here: their sum over the horizon. Does not live here: who is there when (rotas.py), what a minute of conversation costs (ledger.py).

Wages are decided before anyone comes. All customers who enter bear them alike: so each bears a share of what is paid at every hour, and
discounts it to its own entry, as all else in its CLV; what was paid before, it bears at its entry, undiscounted.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from cjsim.scenario.rosters import Roster

FloatArray = NDArray[np.float64]


class Wages(NamedTuple):
    """What the staff of a desk was paid over the horizon, and what of it counts in CLV: discounted to each entry, their mean."""

    paid: float  # money
    worth: float  # money


def desk_wages(paid: Sequence[tuple[float, Roster]], *, horizon_days: float, entered: FloatArray, force: float) -> Wages:
    """The wages of a desk.

    Parameters
    ----------
    paid : sequence of (float, Roster)
        Money a day of each, and the staff who earn it.
    horizon_days : float
        Days.
    entered : ndarray of float64, shape (n_customers,), days
        When customers entered; at the horizon or later counts nowhere.
    force : float
        log(1 + r) / 365, of a yearly discount rate r >= 0.

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
    moments = entered[entered < horizon_days]
    for per_day, rota in (earned for earned in paid if earned[1].times):
        begins = np.array(rota.times)
        ends = np.append(begins[1:], horizon_days)[: len(begins)]
        staff = np.array(rota.staff, np.float64)
        total += per_day * float(staff @ (ends - begins))
        worth += per_day * float(_discounted_days(begins, ends, staff, moments, force).mean()) if len(moments) else 0.0
    return Wages(total, worth)


def _discounted_days(begins: FloatArray, ends: FloatArray, staff: FloatArray, entered: FloatArray, force: float) -> FloatArray:
    """Days worked, seen from each entry: those before it in full, later ones times exp(-force (t - entry)); shape (n_customers,)."""
    known = np.concatenate([[0.0], np.cumsum(staff * (ends - begins))])  # days worked until the end of each stretch
    ahead = np.concatenate(
        [np.cumsum((staff * _discount_integral(begins, ends, force))[::-1])[::-1], [0.0]]
    )  # in and after each, seen from day 0
    at = np.searchsorted(begins, entered, side="right") - 1  # the stretch into which an entry falls; -1 before the first
    within = np.maximum(at, 0)
    begun, on = begins[within], np.where(at >= 0, staff[within], 0.0)
    before = np.where(at >= 0, known[within] + on * (entered - begun), 0.0)
    after = np.where(at >= 0, ahead[within] - on * _discount_integral(begun, np.maximum(entered, begun), force), ahead[0])
    return np.asarray(before + np.exp(force * entered) * after)


def _discount_integral(begins: FloatArray, ends: FloatArray, force: float) -> FloatArray:
    """The integral of exp(-force t) over stretches of time."""
    if force == 0:
        return ends - begins
    return np.asarray(np.exp(-force * begins) * -np.expm1(-force * (ends - begins)) / force)

"""Wages of agents at desks: the amount paid over the horizon, and the amounts that count in CLV.

Agents are paid for their shifts, regardless of demand. All customers who enter before the horizon share the wages up to it equally. If
CLV counts beyond the horizon, each customer bears 1 / N(t) of the later wages, where N(t) is the number of customers who have entered by
then, including those who enter after the horizon and count in no metric. Each customer's share of every hour's wages is discounted to the
customer's entry, like all other money in CLV. Wages paid before the entry are not discounted.
"""

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from cjsim.compiler.tables.elementary_functions import exp, expm1
from cjsim.kernels.codes import VALUE_YEAR
from cjsim.scenario.rosters import Roster

FloatArray = NDArray[np.float64]
_NO_ENTRIES: FloatArray = np.zeros(0)


class Wages(NamedTuple):
    """Wages of a desk: the amount paid over the horizon, the customers' mean shares in CLV times their number, and the time worked."""

    paid: float  # money
    worth: float  # money: discounted to entries, until the end of the simulation
    agent_days: float = math.nan  # the firm's share of the time that all agents together are at work until the horizon, in days
    worth_365d: float = 0.0  # money: discounted to entries, in the 365 days after entry, among customers who are simulated for that long


class WageTerms(NamedTuple):
    """What wages in CLV depend on, apart from the shifts."""

    horizon: float  # days
    ends: float  # days: end of the simulation, at least the horizon
    force: float  # force of interest per day: log(1 + r) / 365 for a yearly discount rate r >= 0
    late_entries: FloatArray = _NO_ENTRIES  # days, ascending: entries from the horizon on


def desk_wages(paid: Sequence[tuple[float, Roster]], terms: WageTerms, *, entered: FloatArray) -> Wages:
    """Compute the wages of a desk.

    Parameters
    ----------
    paid : sequence of (float, Roster)
        For each paid shift: money per day and agent, and the roster of the agents until the end of the simulation.
    terms : WageTerms
        Horizon, end, discounting and late entries.
    entered : ndarray of float64, shape (n_customers,), days
        Entry times of customers. Entries at or after the horizon are ignored.

    Returns
    -------
    Wages

    Examples
    --------
    >>> two = Roster(times=(0.5,), staff=(2,))
    >>> desk_wages([(240.0, two)], WageTerms(1.0, 1.0, 0.0), entered=np.zeros(3))
    Wages(paid=240.0, worth=240.0, agent_days=nan, worth_365d=0.0)
    """
    total = worth = worth_365d = 0.0
    entries = entered[entered < terms.horizon]
    observed = entries[entries + VALUE_YEAR <= terms.ends]
    for per_day, roster in (item for item in paid if item[1].times):
        times, agents = np.array(roster.times), np.array(roster.staff, np.float64)
        begins, staff = times[times < terms.horizon], agents[times < terms.horizon]
        total += per_day * float(staff @ (np.append(begins[1:], terms.horizon)[: len(begins)] - begins))
        if not len(entries):
            continue
        begins, staff = _charged_staff(times, agents, terms, len(entries))
        agent_days = _AgentDays.of(begins, np.append(begins[1:], terms.ends)[: len(begins)], staff, terms.force)
        worth += per_day * float((agent_days.before(entries) + agent_days.after(entries)).mean())
        if len(observed):
            later = math.exp(-terms.force * VALUE_YEAR) * agent_days.after(observed + VALUE_YEAR)
            worth_365d += per_day * float((agent_days.after(observed) - later).mean())
    return Wages(total, worth, worth_365d=worth_365d)


def _charged_staff(times: FloatArray, staff: FloatArray, terms: WageTerms, n_customers: int) -> tuple[FloatArray, FloatArray]:
    """Return the agents over time whose wages are borne by the customers who count: after the horizon, a share n / N(t) of the staff."""
    if not len(terms.late_entries):
        return times, staff
    merged = np.unique(np.concatenate([times, terms.late_entries[terms.late_entries >= times[0]]]))
    agents = staff[np.searchsorted(times, merged, side="right") - 1]
    return merged, agents * n_customers / (n_customers + np.searchsorted(terms.late_entries, merged, side="right"))


class _AgentDays(NamedTuple):
    """The agents over time, as cumulative sums."""

    begins: FloatArray
    staff: FloatArray
    worked: FloatArray  # agent days up to each begin, and up to the end
    ahead: FloatArray  # agent days from each begin on, discounted to day 0, and 0
    force: float

    @classmethod
    def of(cls, begins: FloatArray, ends: FloatArray, staff: FloatArray, force: float) -> "_AgentDays":
        """Sum the agents of consecutive time intervals."""
        worked = np.concatenate([[0.0], np.cumsum(staff * (ends - begins))])
        ahead = np.concatenate([np.cumsum((staff * _discount_integral(begins, ends, force))[::-1])[::-1], [0.0]])
        return cls(begins, staff, worked, ahead, force)

    def before(self, entered: FloatArray) -> FloatArray:
        """Agent days before each entry; shape (n_customers,)."""
        is_started, interval, agents = self._interval_of(entered)
        return np.where(is_started, self.worked[interval] + agents * (entered - self.begins[interval]), 0.0)

    def after(self, entered: FloatArray) -> FloatArray:
        """Agent days after each entry, each multiplied by exp(-force (t - entry)); shape (n_customers,)."""
        is_started, interval, agents = self._interval_of(entered)
        begin = self.begins[interval]
        passed = agents * _discount_integral(begin, np.maximum(entered, begin), self.force)
        return np.asarray(exp(self.force * entered) * np.where(is_started, self.ahead[interval] - passed, self.ahead[0]))

    def _interval_of(self, entered: FloatArray) -> tuple[NDArray[np.bool_], NDArray[np.intp], FloatArray]:
        """Whether staff has started before each entry, the interval of the entry (0 if not), and its agents (0 if not)."""
        found = np.searchsorted(self.begins, entered, side="right") - 1
        is_started, interval = found >= 0, np.maximum(found, 0)
        return is_started, interval, np.where(is_started, self.staff[interval], 0.0)


def _discount_integral(begins: FloatArray, ends: FloatArray, force: float) -> FloatArray:
    """Integrate exp(-force t) over time intervals."""
    if force == 0:
        return ends - begins
    return np.asarray(exp(-force * begins) * -expm1(-force * (ends - begins)) / force)

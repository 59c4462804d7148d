"""Warnings about desks that are closed when customers ask, and about desks with too few or too many agents."""

import math
from bisect import bisect_right
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from cjsim.kernels.codes import HOURS_PER_DAY, TouchCode
from cjsim.scenario.phrases import format_percent
from cjsim.scenario.rosters import Roster
from cjsim.scenario.spec import ScenarioSpec
from cjsim.simulation.sampled.customer_sample import SampledRun

MIN_REQUESTS = 20  # fewer show little about a desk
MAX_CLOSED_SHARE = 0.20  # of customers' requests, while no agent works
MIN_UTILIZATION, MAX_UTILIZATION = 0.20, 0.95
_MAX_HOURS = 3  # hours named in a warning


def desk_warnings(scenario: ScenarioSpec, sample: SampledRun) -> Iterator[str]:
    """Yield warnings about the shifts of desks: closed when customers ask, mostly idle, or overloaded.

    Parameters
    ----------
    scenario : ScenarioSpec
        The scenario.
    sample : SampledRun
        The result of a sample of its customers.

    Yields
    ------
    str
    """
    sources, rows = sample.plan.codebook.sources, sample.rows
    escalations = {staffing.escalate.to for staffing in scenario.policy.desks.values() if staffing.escalate is not None}
    where = f"in a simulation of {sample.n_sampled} customers"
    for code, name in enumerate(scenario.journey.desks):
        roster = sample.plan.desks[code].roster
        asked = rows[(rows["event"] == TouchCode.ASKED) & (rows["source"] == sources.index(name))]
        if len(asked) < MIN_REQUESTS or not any(roster.staff):
            continue
        is_closed = np.array([agents_at(roster, time) == 0 for time in asked["time"].tolist()])
        is_call = asked["channel"] >= 0  # the firm calls, as soon as an agent is free
        own = ~is_call
        if own.any() and (share := float(is_closed[own].mean())) > MAX_CLOSED_SHARE:
            hours = _hours_text(asked["time"][own & is_closed], int(own.sum()))
            yield (
                f"policy.desks.{name}.shifts: {format_percent(round(share, 2))} of the requests {where} come when no agent works "
                f"(most at {hours}). Move or extend the shifts, or make 'patience' longer."
            )
        waits = scenario.journey.desks[name].patience == "endless"
        served = int(np.count_nonzero(is_call | ~is_closed | waits))
        load = served * sample.weight * scenario.journey.desks[name].service.mean() / agent_days(roster, scenario.horizon)
        if load < MIN_UTILIZATION and name not in escalations:
            yield (
                f"policy.desks.{name}.shifts: the agents are busy {_rounded_percent(load)} of their time (from the requests {where}), "
                "so they are mostly idle. Use fewer agents or shorter shifts."
            )
        elif load > MAX_UTILIZATION:
            yield (
                f"policy.desks.{name}.shifts: requests need {_rounded_percent(load)} of the agents' time (from the requests {where}), so "
                "queues grow. Add agents or shifts."
            )


def agents_at(roster: Roster, time: float) -> int:
    """Return the number of agents at work.

    Parameters
    ----------
    roster : Roster
        The agents over time.
    time : float
        Days since the start.

    Returns
    -------
    int

    Examples
    --------
    >>> agents_at(Roster((0.375, 0.5), (2, 0)), 0.4)
    2
    """
    index = bisect_right(roster.times, time) - 1
    return roster.staff[index] if index >= 0 else 0


def agent_days(roster: Roster, horizon_days: float) -> float:
    """Return the time that all agents together are at work, in days.

    Parameters
    ----------
    roster : Roster
        The agents over time.
    horizon_days : float
        Simulated days.

    Returns
    -------
    float

    Examples
    --------
    >>> agent_days(Roster((0.375, 0.5), (2, 0)), 1.0)
    0.25
    """
    ends = (*roster.times[1:], horizon_days)
    return math.fsum((end - begin) * staff for begin, end, staff in zip(roster.times, ends, roster.staff, strict=True))


def _hours_text(times: NDArray[np.float64], n_requests: int) -> str:
    """The hours of the day with the most requests, each with its share of all requests."""
    hours = np.floor((times % 1.0) * HOURS_PER_DAY).astype(np.int64)
    counts = np.bincount(hours, minlength=HOURS_PER_DAY)
    chosen = sorted(np.argsort(-counts, kind="stable")[:_MAX_HOURS].tolist())
    return ", ".join(f"{hour:02d}:00 {_rounded_percent(counts[hour] / n_requests)}" for hour in chosen if counts[hour])


def _rounded_percent(share: float) -> str:
    return f"{100 * share:.0f} %" if share >= 0.005 else "less than 1 %"

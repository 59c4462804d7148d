"""Warnings about desks that are closed when customers ask, and about desks with too few or too many agents."""

from bisect import bisect_right
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from cjsim.kernels.codes import HOURS_PER_DAY, TouchCode
from cjsim.scenario.phrases import format_percent
from cjsim.scenario.rosters import Roster, crew_days, roster_of
from cjsim.scenario.spec import ScenarioSpec
from cjsim.scenario.time_zones import zone_table
from cjsim.simulation.sampled.customer_sample import SampledRun

MIN_REQUESTS = 20  # fewer show little about a desk
MAX_CLOSED_SHARE = 0.20  # share of customers' requests that arrive while no agent works
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
    firm = zone_table(scenario).zones[0]
    where = f"in a simulation of {sample.n_sampled} customers"
    for code, name in enumerate(scenario.journey.desks):
        crews = [crew._replace(begins=max(crew.begins, 0.0)) for crew in sample.plan.desks[code].crews if crew.ends > 0]
        roster = roster_of(crews, horizon_days=scenario.horizon)
        asked = rows[(rows["event"] == TouchCode.ASKED) & (rows["source"] == sources.index(name))]
        if len(asked) < MIN_REQUESTS or not any(roster.staff):
            continue
        is_closed = np.array([agents_at(roster, time) == 0 for time in asked["time"].tolist()])
        is_call = asked["channel"] >= 0  # the firm calls, as soon as an agent is free
        own = ~is_call
        if own.any() and (share := float(is_closed[own].mean())) > MAX_CLOSED_SHARE:
            local = np.array([firm.at(time) for time in asked["time"][own & is_closed].tolist()])
            hours = _hours_text(local, int(own.sum()))
            yield (
                f"policy.desks.{name}.shifts: {format_percent(round(share, 2))} of the requests {where} arrive when no agent is on duty "
                f"(most at {hours}). Move or extend the shifts, or make 'patience' longer."
            )
        waits = scenario.journey.desks[name].patience == "endless"
        served = int(np.count_nonzero(is_call | ~is_closed | waits))
        staffed_days = sample.plan.desks[code].shared * crew_days(sample.plan.desks[code].crews, scenario.horizon)
        load = served * sample.weight * scenario.journey.desks[name].service.mean() / staffed_days
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


def _hours_text(times: NDArray[np.float64], n_requests: int) -> str:
    """Return the hours of the day with the most requests, each with its share of all requests."""
    hours = np.floor((times % 1.0) * HOURS_PER_DAY).astype(np.int64)
    counts = np.bincount(hours, minlength=HOURS_PER_DAY)
    chosen = sorted(np.argsort(-counts, kind="stable")[:_MAX_HOURS].tolist())
    return ", ".join(f"{hour:02d}:00 {_rounded_percent(counts[hour] / n_requests)}" for hour in chosen if counts[hour])


def _rounded_percent(share: float) -> str:
    return f"{100 * share:.0f} %" if share >= 0.005 else "less than 1 %"

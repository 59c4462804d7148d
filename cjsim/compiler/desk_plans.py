"""Compiles the staffing of desks: rosters, promised times, escalation and wages."""

import math
from typing import NamedTuple

from cjsim.scenario.policy import Staffing
from cjsim.scenario.rosters import HOURS_PER_DAY, Roster, roster_of
from cjsim.scenario.spec import ScenarioSpec


class DeskPlan(NamedTuple):
    """Compiled staffing of a desk."""

    roster: Roster
    sla: float = math.inf  # promised response time in days from the request
    escalate_after: float = math.inf  # waiting time in days after which a customer moves to another desk
    escalate_to: int = -1  # code of that desk, or -1
    wages: tuple[tuple[float, Roster], ...] = ()  # for each paid shift: money per day and agent, and the agents at work


def desk_plans(scenario: ScenarioSpec) -> tuple[DeskPlan, ...]:
    """Compile the staffing of all desks of a scenario, in the order of their codes.

    Parameters
    ----------
    scenario : ScenarioSpec
        A valid scenario. Desks that the policy does not staff have no agents.

    Returns
    -------
    tuple of DeskPlan
    """
    codes = {name: code for code, name in enumerate(scenario.journey.desks)}
    return tuple(_desk_plan(scenario.policy.desks.get(name), codes, scenario) for name in codes)


def _desk_plan(staffing: Staffing | None, codes: dict[str, int], scenario: ScenarioSpec) -> DeskPlan:
    if staffing is None:
        return DeskPlan(Roster((), ()))
    start, horizon = scenario.start, scenario.horizon
    roster = roster_of(staffing.shifts, start=start, horizon_days=horizon)
    wages = tuple(
        (shift.wage_per_hour * HOURS_PER_DAY, roster_of([shift], start=start, horizon_days=horizon))
        for shift in staffing.shifts
        if shift.wage_per_hour and shift.agents
    )
    sla = math.inf if staffing.sla is None else staffing.sla
    plan = DeskPlan(roster, sla, wages=wages)
    if staffing.escalate is None:
        return plan
    return plan._replace(escalate_after=staffing.escalate.after, escalate_to=codes[staffing.escalate.to])

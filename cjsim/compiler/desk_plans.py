"""Compiles the staffing of desks: crews, promised times, escalation and wages."""

import math
from typing import NamedTuple

from cjsim.scenario.policy import Staffing
from cjsim.scenario.rosters import HOURS_PER_DAY, Crew, Roster, crews_of, roster_of
from cjsim.scenario.spec import ScenarioSpec
from cjsim.scenario.time_zones import LocalTime


class DeskPlan(NamedTuple):
    """Compiled staffing of a desk."""

    crews: tuple[Crew, ...]
    sla: float = math.inf  # promised response time in days from the request
    escalate_after: float = math.inf  # waiting time in days after which a customer moves to another desk
    escalate_to: int = -1  # code of that desk, or -1
    wages: tuple[tuple[float, Roster], ...] = ()  # for each paid shift: money per day and agent, and the agents at work from day 0 on
    shared: float = 1.0  # share of the agents' time that the firm pays for
    before: "DeskPlan | None" = None  # how the desk is run before day 0, if differently

    def at(self, time: float) -> "DeskPlan":
        """Return the terms in force at a time (days)."""
        return self.before if self.before is not None and time < 0 else self


def joint_desk_plans(past: tuple[DeskPlan, ...], present: tuple[DeskPlan, ...]) -> tuple[DeskPlan, ...]:
    """Return the plans of desks that are run differently before day 0 and from day 0 on.

    Parameters
    ----------
    past, present : tuple of DeskPlan
        The plans under both policies, each for the whole simulation.

    Returns
    -------
    tuple of DeskPlan
        If the staff of a desk differs, its past shifts end on day 0, and their agents finish their conversations.
    """
    return tuple(_joint_desk_plan(one, other) for one, other in zip(past, present, strict=True))


def _joint_desk_plan(past: DeskPlan, present: DeskPlan) -> DeskPlan:
    if past.crews == present.crews:
        return present if past._replace(wages=present.wages, shared=present.shared) == present else present._replace(before=past)
    ended = (crew._replace(ends=min(crew.ends, 0.0)) for crew in past.crews if crew.begins < 0)
    begun = (crew._replace(begins=max(crew.begins, 0.0)) for crew in present.crews if crew.ends > 0)
    return present._replace(crews=(*ended, *begun), before=past)


def desk_plans(scenario: ScenarioSpec, firm: LocalTime) -> tuple[DeskPlan, ...]:
    """Compile the staffing of all desks of a scenario, in the order of their codes.

    Parameters
    ----------
    scenario : ScenarioSpec
        A valid scenario. Desks that the policy does not staff have no agents.
    firm : LocalTime
        Local time of the firm, in which shifts are declared.

    Returns
    -------
    tuple of DeskPlan
    """
    codes = {name: code for code, name in enumerate(scenario.journey.desks)}
    return tuple(_desk_plan(scenario.policy.desks.get(name), codes, scenario, firm) for name in codes)


def _desk_plan(staffing: Staffing | None, codes: dict[str, int], scenario: ScenarioSpec, firm: LocalTime) -> DeskPlan:
    if staffing is None:
        return DeskPlan(())
    start, begins, horizon = scenario.start, scenario.begins, scenario.simulated_days
    crews = crews_of(staffing.shifts, start=start, horizon_days=horizon, zone=firm, begin_days=begins)
    wages = tuple(
        (
            staffing.shared * shift.wage_per_hour * HOURS_PER_DAY,
            roster_of(crews_of([shift], start=start, horizon_days=horizon, zone=firm), horizon_days=horizon),
        )
        for shift in staffing.shifts
        if shift.wage_per_hour and shift.agents
    )
    sla = math.inf if staffing.sla is None else staffing.sla
    plan = DeskPlan(crews, sla, wages=wages, shared=staffing.shared)
    if staffing.escalate is None:
        return plan
    return plan._replace(escalate_after=staffing.escalate.after, escalate_to=codes[staffing.escalate.to])

"""A share of a firm: a sample of its customers, with fixed costs, staff and budgets in proportion.

Samples are nested: a customer in a smaller sample is also in every larger one, with the same random numbers as in the whole firm.

- Of N initial customers, floor(share N + u) are in the sample, where u is a uniform random number. Without an entry file, they are the
  first customers. With one, whose rows may be sorted, they are those with the smallest values of the random stream `population:sample`.
- An arrival is in the sample if its value of that stream is below the share. This thins the Poisson process of arrivals.
- Existing customers are chosen in the same way as initial customers without an entry file.
- Referred customers are in the sample if their referrer is.
- Wages, acquisition spend and fixed costs are multiplied by the share. So are the agents of each shift and the budgets, which are then
  rounded and at least 1.
"""

import math
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cjsim.compiler.cohorts import EXISTING, Cohort
from cjsim.compiler.plan import Plan
from cjsim.kernels.rng import uniforms
from cjsim.kernels.world import Array
from cjsim.scenario.policy import PolicySpec, Shift, Staffing
from cjsim.scenario.rosters import Roster, crews_of, roster_of
from cjsim.scenario.spec import ScenarioSpec

SAMPLE_STREAM = "population:sample"
_CLEAR_CHANGE = 1.05  # of a mean wait, as a ratio; smaller changes are called equal
_MAX_NOTED_PARTS = 6


@dataclass(frozen=True, eq=False)
class FirmShare:
    """The customers of a sample, and the scenario with staff and budgets in proportion.

    Attributes
    ----------
    whole : ScenarioSpec
        The scenario of the whole firm.
    scenario : ScenarioSpec
        The scenario of the sample; `whole` if all customers are simulated.
    share : float or None
        Share of the firm, above 0 and below 1; None for the whole firm.
    seed : int
        Seed of the run.
    n_initial : int
        Number of initial customers in the sample.
    keys : ndarray of uint64, shape (n_initial,), or None
        Keys of the initial customers; None if they are 0, 1, ...
    """

    whole: ScenarioSpec
    scenario: ScenarioSpec
    share: float | None
    seed: int
    n_initial: int
    keys: NDArray[np.uint64] | None = None

    @classmethod
    def of(cls, scenario: ScenarioSpec, n_initial: int, share: float | None, seed: int) -> "FirmShare":
        """Choose the initial customers of a sample, and scale staff and budgets.

        Parameters
        ----------
        scenario : ScenarioSpec
            A valid scenario.
        n_initial : int
            Number of initial customers of the whole firm.
        share : float or None
            Share of the firm, above 0 and at most 1; None for the whole firm.
        seed : int
            Seed of the run.
        """
        if share is None or share == 1:
            return cls(scenario, scenario, None, seed, n_initial)
        chosen = math.floor(share * n_initial + float(uniforms(seed, np.zeros(1, np.uint64), SAMPLE_STREAM)[0]))
        existing = scenario.existing
        if not scenario.journey.acquisition and existing is None:
            chosen = max(chosen, 1)
        keys = None
        if scenario.entry.file is not None:
            draws = uniforms(seed, np.arange(n_initial, dtype=np.uint64), SAMPLE_STREAM)
            keys = np.sort(np.argsort(draws, kind="stable")[:chosen]).astype(np.uint64)
        update: dict[str, Any] = {"policy": _scaled_policy(scenario.policy, share)}
        if existing is not None:
            draw = float(uniforms(seed, np.full(1, EXISTING, np.uint64), SAMPLE_STREAM)[0])
            count = max(math.floor(share * existing.customers + draw), 1)
            past = None if existing.policy is None else _scaled_policy(existing.policy, share)
            update["existing"] = existing.model_copy(update={"customers": count, "policy": past})
        return cls(scenario, scenario.model_copy(update=update), share, seed, chosen, keys)

    def scaled(self, plan: Plan) -> Plan:
        """Return the plan of `scenario` with spend and fixed costs in proportion. Its arrivals are still those of the whole firm.

        Parameters
        ----------
        plan : Plan
            The compiled `scenario`.
        """
        if self.share is None:
            return plan
        channels = tuple(channel._replace(spend=channel.spend * self.share) for channel in plan.population.acquisition)
        # Late arrivals cost nothing, so their channels need no change.
        payments = {
            kind: tuple(payment._replace(amount=payment.amount * self.share, later=payment.later * self.share) for payment in listed)
            for kind, listed in plan.payments.items()
        }
        return replace(plan, population=replace(plan.population, acquisition=channels), payments=payments)

    def chosen(self, arrivals: Cohort, plan: Plan) -> Cohort:
        """Return the arrivals in the sample. Each is charged an equal share of the channel's scaled spend.

        Parameters
        ----------
        arrivals : Cohort
            All arrivals of the firm.
        plan : Plan
            The plan with the scaled spend.
        """
        if self.share is None:
            return arrivals
        is_chosen = uniforms(self.seed, arrivals.key, SAMPLE_STREAM) < self.share
        channel = arrivals.channel[is_chosen]
        counts = np.maximum(np.bincount(channel, minlength=len(plan.population.acquisition)), 1)
        spend = np.array([one.spend for one in plan.population.acquisition])
        cost = (spend / counts)[channel] if len(spend) else arrivals.cost[is_chosen]
        return Cohort(arrivals.key[is_chosen], arrivals.entered[is_chosen], channel, cost, arrivals.first)

    def notes(self, plan: Plan, desk_outcomes: Array) -> tuple[str, ...]:
        """Describe how staff and budgets were rounded, and in which direction a sample changes waits.

        Parameters
        ----------
        plan : Plan
            The plan of the sample.
        desk_outcomes : ndarray of DESK_OUTCOME, shape (n_customers, n_desks)
            Requests to desks in the sample.
        """
        if self.share is None:
            return ()
        notes = []
        for code, name in enumerate(plan.codebook.desks):
            staffing = self.whole.policy.desks.get(name)
            if staffing is not None and desk_outcomes["asks"][:, code].any():
                busy_days = float(desk_outcomes["service"][:, code].sum(dtype=np.float64))
                notes.append(self._desk_note(name, staffing, self.scenario.policy.desks[name], busy_days))
        pairs = zip(self.whole.policy.guardrails.budgets, self.scenario.policy.guardrails.budgets, strict=True)
        for whole, part in pairs:
            if part.at_most != whole.at_most * self.share:
                notes.append(f"A budget of {whole.at_most:,} contacts is {part.at_most:,} here, not exactly in proportion.")
        return tuple(notes[:_MAX_NOTED_PARTS])

    def _desk_note(self, name: str, whole: Staffing, part: Staffing, busy_days: float) -> str:
        """Compare the mean wait at a desk with that in the whole firm, given the requests in this run."""
        assert self.share is not None
        agents, agents_here = (self._mean_agents(staffing) for staffing in (whole, part))
        staffed_days = self._staffed_days(whole)
        load_here = busy_days / staffed_days if staffed_days else 0.0
        load = load_here / self.share
        wait, wait_here = erlang_wait(load, agents), erlang_wait(load_here, agents_here)
        exact = agents * self.share
        rounded = "" if math.isclose(agents_here, exact) else f" (rounded from {exact:.3g})"
        start = f"{name}: {agents_here:.3g} agent{'s' * (agents_here != 1)} here{rounded}, {agents:.3g} in the whole firm"
        if math.isinf(wait) or math.isinf(wait_here):
            per_agent, per_agent_here = load / agents, load_here / agents_here
            is_longer, is_equal = per_agent_here > per_agent, math.isclose(per_agent_here, per_agent, rel_tol=1e-3)
        else:
            is_longer, is_equal = wait_here > wait, wait_here < _CLEAR_CHANGE * wait and wait < _CLEAR_CHANGE * wait_here
        if is_equal:
            return f"{start}. Waits are about as long as in the whole firm."
        if is_longer:
            return f"{start}. Waits are longer than in the whole firm, because a smaller team absorbs bursts of requests less well."
        return f"{start}. Waits are shorter than in the whole firm, because rounding leaves more agents per customer."

    def _mean_agents(self, staffing: Staffing) -> float:
        """Mean number of agents while the desk is staffed."""
        days = self._staffed_days(staffing)
        return _integral(self._roster(staffing), self.whole.horizon, is_count=False) / days if days else 0.0

    def _staffed_days(self, staffing: Staffing) -> float:
        return _integral(self._roster(staffing), self.whole.horizon, is_count=True)

    def _roster(self, staffing: Staffing) -> Roster:
        crews = crews_of(staffing.shifts, start=self.whole.start, horizon_days=self.whole.horizon)
        return roster_of(crews, horizon_days=self.whole.horizon)


def erlang_wait(load: float, agents: float) -> float:
    """Return the mean wait in an M/M/c queue in units of the mean service time (Erlang's C formula); inf if the load is too high.

    Parameters
    ----------
    load : float
        Offered load: arrivals per mean service time.
    agents : float
        Number of agents; between whole numbers, the wait is interpolated on a logarithmic scale.

    Examples
    --------
    >>> round(erlang_wait(0.5, 1), 3), round(erlang_wait(5.0, 10), 4), erlang_wait(2.0, 1)
    (1.0, 0.0072, inf)
    """
    if agents <= load or agents <= 0:
        return math.inf
    lower = math.floor(agents)
    if lower != agents:
        low, high = (_erlang_wait(load, count) for count in (lower, lower + 1))
        if not 0 < low < math.inf or high <= 0:
            return high
        return math.exp(math.log(low) + (agents - lower) * (math.log(high) - math.log(low)))
    return _erlang_wait(load, lower)


def _erlang_wait(load: float, agents: int) -> float:
    if agents <= load:
        return math.inf
    blocked = 1.0  # Erlang's B formula
    for count in range(1, agents + 1):
        blocked = load * blocked / (count + load * blocked)
    delayed = blocked / (1 - load / agents * (1 - blocked))
    return delayed / (agents - load)


def _integral(roster: Roster, horizon: float, *, is_count: bool) -> float:
    """Return agent days, or the days with at least one agent (`is_count`)."""
    begins = np.array(roster.times)
    staff = np.array(roster.staff, np.float64)
    ends = np.append(begins[1:], horizon)[: len(begins)]
    return float(((staff > 0) if is_count else staff) @ (ends - begins)) if len(begins) else 0.0


def _scaled_policy(policy: PolicySpec, share: float) -> PolicySpec:
    """Return the policy with agents and budgets in proportion, and with the total wages in exact proportion."""
    desks = {name: _scaled_staffing(staffing, share) for name, staffing in policy.desks.items()}
    budgets = tuple(one.model_copy(update={"at_most": _scaled_count(one.at_most, share)}) for one in policy.guardrails.budgets)
    return policy.model_copy(update={"desks": desks, "guardrails": policy.guardrails.model_copy(update={"budgets": budgets})})


def _scaled_staffing(staffing: Staffing, share: float) -> Staffing:
    return staffing.model_copy(update={"shifts": tuple(_scaled_shift(one, share) for one in staffing.shifts)})


def _scaled_shift(shift: Shift, share: float) -> Shift:
    agents = _scaled_count(shift.agents, share)
    wage = shift.wage_per_hour * shift.agents * share / agents if agents else shift.wage_per_hour
    return shift.model_copy(update={"agents": agents, "wage_per_hour": wage})


def _scaled_count(count: int, share: float) -> int:
    """Return a share of a count, rounded; at least 1 unless the count is 0."""
    return min(count, max(1, round(count * share)))

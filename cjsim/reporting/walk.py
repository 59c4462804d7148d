"""`walk`: trace one customer through a scenario, and return the diary."""

import math
from collections.abc import Iterator
from datetime import datetime, time
from typing import Any

import numpy as np

from cjsim.argument_types import checked_arguments
from cjsim.compiler.cohorts import ARRIVED, EXISTING, Cohort
from cjsim.compiler.compile_scenario import compile_scenario
from cjsim.compiler.firm_share import FirmShare
from cjsim.compiler.plan import Plan
from cjsim.compiler.population import existing_cohort, initial_cohort
from cjsim.engine.generations import default_population_limit
from cjsim.engine.population_limit import draw_limited_arrivals
from cjsim.engine.shared_resources import SharedResourcePass, SharedResults
from cjsim.engine.sync_points import shares_resources
from cjsim.engine.trace import CustomerTrace, TraceStep, trace_customer
from cjsim.errors import InputError, format_error, short_repr
from cjsim.kernels.codes import N_TOUCH_CODES, DueKind, EffectCode, SendDecision, TouchCode
from cjsim.kernels.customer.referrals import REFERRED
from cjsim.progress import NoProgress, Progress, progress_task
from cjsim.reporting.diary import Diary, DiaryLine
from cjsim.reporting.event_text import EventDescriber, EventText
from cjsim.scenario.spec import MAX_CUSTOMERS
from cjsim.scenario.time_zones import zone_table
from cjsim.simulation.argument_checks import checked_integer
from cjsim.simulation.documents import Scenario
from cjsim.simulation.kernel_compilation import compile_kernels, kernels_of_runs
from cjsim.simulation.scenario_sources import ScenarioSource, as_scenario
from cjsim.simulation.simulate import simulate

_REFUSAL_TOUCHES = [TouchCode[f"SUPPRESSED_{decision.name}"] for decision in SendDecision if decision >= SendDecision.CONSENT]
_EVENTS_WITH_COST = ("entered", "delivered", "opened", "clicked", "answered_in_time", "answered_late")
_TOTALED_OUTCOMES = ("purchases", "revenue", "discounts", "margin", "cost", "clv", "contacts", "opens", "clicks", "opt_outs", "referrals")


@checked_arguments
def walk(
    scenario: ScenarioSource,
    *,
    customer: int,
    seed: int | None = None,
    truth: bool = False,
    max_customers: int | None = None,
    progress: Progress | None = None,
) -> Diary:
    """Simulate one customer and return the diary.

    Parameters
    ----------
    scenario : Scenario, str or path
        A scenario, the path of its file, or the name of one in the library, such as 'shop'.
    customer : int
        Number of the customer, counting from 0. Initial customers come first, then arrivals, then referred customers.
    seed : int, optional
        Random seed in [0, 2**63). Overrides the scenario.
    truth : bool
        Whether to include what only the simulator knows: persona, traits, satisfaction, hidden events and stages.
    max_customers : int, optional
        As in `simulate`. It matters only if other customers must be simulated, too.
    progress : Progress, optional
        Receives messages about slow steps.

    Returns
    -------
    Diary

    Raises
    ------
    InputError
        If the customer does not exist, the population exceeds `max_customers`, or a value is out of range.

    Examples
    --------
    >>> from cjsim import Scenario
    >>> tiny = {
    ...     "name": "tiny", "start": "2026-01-05", "horizon": "20d", "customers": 3, "policy": {"name": "none"},
    ...     "journey": {
    ...         "name": "weekly", "starts_in": "active", "stages": {"active": {}},
    ...         "events": {"order": {"in": ["active"], "wait": {"fixed": "7d"}, "effects": [{"purchase": {"value": 10}}]}},
    ...     },
    ... }
    >>> [line.text for line in walk(Scenario.from_dict(tiny), customer=2).lines]
    ['Enters the simulation', 'order for 10.00', 'order for 10.00']
    """
    scenario = as_scenario(scenario)
    used_seed = scenario.seed if seed is None else scenario.with_values({"seed": seed}).seed
    plan = compile_scenario(scenario.checked())
    is_shared = shares_resources(plan)
    by_default = default_population_limit(scenario.customers + plan.population.n_existing)
    limit = by_default if max_customers is None else checked_integer("max_customers", max_customers, 1, MAX_CUSTOMERS)
    cohort = _find_customer(scenario, plan, used_seed, customer, limit, progress)
    kernels = [*kernels_of_runs(is_shared=False, engine="readable"), *(kernels_of_runs(is_shared=True) if is_shared else [])]
    compile_kernels(kernels, progress or NoProgress())
    shared_results = _simulate_shared_results(scenario, plan, used_seed, limit, progress or NoProgress()) if is_shared else None
    trajectory = trace_customer(plan, used_seed, cohort, shared_results)
    builder = _DiaryBuilder(scenario, plan, trajectory, is_truth=truth)
    return Diary(
        scenario=scenario.name,
        start=datetime.combine(scenario.start, time()),
        customer=customer,
        seed=used_seed,
        is_truth=truth,
        who=builder.customer_attributes(),
        lines=tuple(builder.diary_lines()),
        end=builder.final_outcomes(),
        currency=scenario.currency,
    )


def _find_customer(scenario: Scenario, plan: Plan, seed: int, customer: int, limit: int, progress: Progress | None) -> Cohort:
    """Return a cohort with only this customer. Referred customers are known only after all customers have been simulated."""
    initial = scenario.customers
    if not isinstance(customer, int | np.integer):
        raise InputError(format_error("customer", "must be a whole number", short_repr(customer), "Use a number such as 7."))
    if 0 <= customer < initial:
        return initial_cohort(plan, seed, customer, 1)
    n_existing = plan.population.n_existing
    if 0 <= customer - initial < n_existing:
        return existing_cohort(plan, seed, initial, int(customer) - initial, 1)
    (arrivals, _), n_fixed = _draw_scenario_arrivals(scenario, plan, seed, limit), initial + n_existing
    if 0 <= customer - n_fixed < len(arrivals):
        return arrivals.subset(customer - n_fixed, 1)
    count = n_fixed + len(arrivals)
    if customer >= count and any(effect["op"] == EffectCode.REFER for effect in plan.world.effects):
        run = simulate(scenario, seed=seed, replications=1, max_customers=limit, progress=progress)
        count = len(run)
        if customer < count:
            row, entered = slice(customer, customer + 1), run.outcomes.customers["entered"]
            return Cohort(run.keys[row], entered[row].copy(), run.acquisition_channels[row], np.zeros(1), customer)
    must = f"must be from 0 to {count - 1:,}"
    raise InputError(format_error("customer", must, short_repr(customer), "Choose an initial, acquired or referred customer."))


def _simulate_shared_results(scenario: Scenario, plan: Plan, seed: int, limit: int, progress: Progress) -> SharedResults:
    """Simulate desk replies and budget spending, which depend on all customers."""
    progress.note(f"cjsim: customers in {scenario.name} share desks or budgets, so all of them are simulated ...")
    arrivals, late = _draw_scenario_arrivals(scenario, plan, seed, limit)
    existing = existing_cohort(plan, seed, scenario.customers, 0, plan.population.n_existing)
    cohorts = (initial_cohort(plan, seed, 0, scenario.customers), existing, arrivals, late)
    with progress_task(
        progress, math.ceil(scenario.simulated_days) - math.floor(scenario.begins), f"{scenario.name}: days, all customers together"
    ):
        return SharedResourcePass(plan, seed, max_customers=limit).run(cohorts, progress)


def _draw_scenario_arrivals(scenario: Scenario, plan: Plan, seed: int, limit: int) -> tuple[Cohort, Cohort]:
    """Draw the arrivals before and after the horizon, as a run of the whole scenario does."""
    firm, has_late = FirmShare.of(scenario, scenario.customers, None, seed), shares_resources(plan)
    n_fixed = scenario.customers + plan.population.n_existing
    return draw_limited_arrivals(plan, seed, firm, with_late=has_late, n_fixed=n_fixed, max_customers=limit)


class _DiaryBuilder:
    """Builds a diary from a trajectory, with or without what only the simulator knows."""

    def __init__(self, scenario: Scenario, plan: Plan, trajectory: CustomerTrace, *, is_truth: bool) -> None:
        self.plan, self.trajectory, self.is_truth = plan, trajectory, is_truth
        self.codebook = plan.codebook
        persona = self.codebook.personas[int(trajectory.population.persona[0])]
        zone, origin = self._time_zone(scenario), self._acquisition_text()
        self.describer = EventDescriber(scenario, self.codebook, persona=persona, origin=origin, zone=zone, is_truth=is_truth)
        self.horizon = scenario.horizon
        self._last_seen_stage = ""

    def _time_zone(self, scenario: Scenario) -> int:
        """Return the time zone of the customer."""
        zones = zone_table(scenario)
        if zones.attribute is None:
            return 0
        column = list(self.codebook.attributes).index(zones.attribute)
        return zones.by_level[int(self.trajectory.population.attributes[0, column])]

    def _acquisition_text(self) -> str:
        """Return how the customer was acquired, in words; '' for an initial customer."""
        population = self.trajectory.population
        key = population.key[0]
        if key >= REFERRED:
            return "referred by a friend"
        if key < np.uint64(ARRIVED):
            return "" if key < np.uint64(EXISTING) else "customer since before day 0"
        attributes = self.codebook.attributes
        channel = attributes["acquired_by"][int(population.attributes[0, list(attributes).index("acquired_by")])]
        return f"acquired via {channel}" if channel else ""

    def customer_attributes(self) -> dict[str, Any]:
        """Return the attributes of the customer and, in the truth view, the persona, the interest and the traits."""
        population, names = self.trajectory.population, self.codebook
        values: dict[str, Any] = {
            name: levels[int(population.attributes[0, i])] for i, (name, levels) in enumerate(names.attributes.items())
        }
        if self.is_truth:
            values["persona"] = names.personas[int(population.persona[0])]
            if int(population.interest[0]) >= 0:
                values["interest"] = names.interests[int(population.interest[0])]
            values |= {name: float(population.traits[0, i]) for i, name in enumerate(names.traits)}
        return values

    def diary_lines(self) -> Iterator[DiaryLine]:
        """Yield the lines of the diary in chronological order."""
        previous_time = None
        for step in self.trajectory.steps:
            self.describer.begin_step(step)
            occurrences = list(self._occurrences_in_step(step))
            if not occurrences:
                continue
            with_cost = next((i for i, (event, *_) in enumerate(occurrences) if event in _EVENTS_WITH_COST), len(occurrences) - 1)
            for i, (event, described, row, is_seen) in enumerate(occurrences):
                stage = self.codebook.stages[step.stage] if self.is_truth else self._stage_known_to_firm(row)
                yield DiaryLine(
                    time=step.time,
                    since=0.0 if previous_time is None else step.time - previous_time,
                    stage=stage,
                    event=event,
                    message=self._decode_name(row, "message", self.codebook.messages),
                    source=self._decode_name(row, "source", self.codebook.sources),
                    revenue=float(row["value"]) if row is not None and int(row["event"]) >= N_TOUCH_CODES else 0.0,
                    cost=step.cost if i == with_cost else 0.0,
                    satisfaction=step.satisfaction if self.is_truth else math.nan,
                    is_seen=is_seen,
                    **described._asdict(),
                )
                previous_time = step.time

    def _occurrences_in_step(self, step: TraceStep) -> Iterator[tuple[str, EventText, Any, bool]]:
        """Yield the events of a step: name, description, log row (None for a hidden event), and whether the firm can observe it."""
        unseen = [self.codebook.events[N_TOUCH_CODES + event] for event in step.hidden_events] if self.is_truth else []
        begins_unseen = step.kind is DueKind.CLOCK and step.which in step.hidden_events
        for event in unseen[:1] if begins_unseen else ():
            yield event, self.describer.describe_event(event, step), None, False
        for row in step.rows:
            yield self.codebook.events[int(row["event"])], self.describer.describe_row(row, step), row, True
        for event in unseen[1:] if begins_unseen else unseen:
            yield event, self.describer.describe_event(event, step), None, False

    def _stage_known_to_firm(self, row: Any) -> str:
        """Return the last stage that the firm observed."""
        if row is not None and int(row["stage"]) >= 0:
            self._last_seen_stage = self.codebook.stages[int(row["stage"])]
        return self._last_seen_stage

    def _decode_name(self, row: Any, field: str, names: tuple[str, ...]) -> str:
        return names[int(row[field])] if row is not None and int(row[field]) >= 0 else ""

    def final_outcomes(self) -> dict[str, Any]:
        """Return the outcomes of the customer at the horizon."""
        outcomes = self.trajectory.outcomes
        row = outcomes.customers[0]
        stage = self.codebook.stages[int(row["stage"])] if self.is_truth else self._last_seen_stage
        values: dict[str, Any] = {"days": max(self.horizon - float(row["entered"]), 0.0), "stage": stage}
        values |= {name: row[name].item() for name in _TOTALED_OUTCOMES}
        values["refused"] = int(outcomes.touch_counts[0, :, _REFUSAL_TOUCHES].sum())
        values["asks"] = int(outcomes.desks["asks"].sum())
        if self.is_truth:
            values |= {"satisfaction": float(row["satisfaction"]), "pressure": float(row["pressure"])}
        return values

"""The verb `walk`: a scenario and the number of a customer in, its diary out.

Lives here: finding the customer, and putting its life together with the words. Does not live here: the words (words.py), the layout
(diary.py), stepping through a life (engine/diary.py).
"""

import math
from collections.abc import Iterator
from datetime import datetime, time
from typing import Any

import numpy as np

from cjsim.compiler.arrivals import draw_arrivals
from cjsim.compiler.cohorts import ARRIVED, Cohort
from cjsim.compiler.compile_scenario import compile_scenario
from cjsim.compiler.plan import Plan
from cjsim.compiler.population import initial_cohort
from cjsim.engine.shared_resources import SharedResourcePass, SharedResults
from cjsim.engine.sync_points import has_shared_resources
from cjsim.engine.trace import CustomerTrace, TraceStep, trace_customer
from cjsim.errors import InputError, format_error, short_repr
from cjsim.kernel import is_compiled_before
from cjsim.kernels.codes import N_TOUCH_CODES, DueKind, EffectCode, SendDecision, TouchCode
from cjsim.kernels.customer.referrals import REFERRED
from cjsim.progress import Progress
from cjsim.reporting.diary import Diary, DiaryLine
from cjsim.reporting.event_text import EventDescriber, EventText
from cjsim.simulation.documents import Scenario
from cjsim.simulation.simulate import MAX_GROWTH_FACTOR, MIN_POPULATION_LIMIT, simulate

_REFUSAL_TOUCHES = [TouchCode[f"SUPPRESSED_{verdict.name}"] for verdict in SendDecision if verdict >= SendDecision.CONSENT]
_EVENTS_WITH_COST = ("entered", "delivered", "opened", "clicked", "answered_in_time", "answered_late")  # what may cost the firm money
_TOTALED_OUTCOMES = ("purchases", "revenue", "discounts", "margin", "cost", "clv", "contacts", "opens", "clicks", "opt_outs", "referrals")


def walk(scenario: Scenario, *, customer: int, seed: int | None = None, truth: bool = False, progress: Progress | None = None) -> Diary:
    """One customer's diary.

    Parameters
    ----------
    scenario : Scenario
        A journey under a policy.
    customer : int
        Its number, from 0: the initial customers, then arrivals, then those who were referred.
    seed : int, optional
        In [0, 2**63), instead of the scenario's.
    truth : bool
        Tell what only the simulator knows: persona, traits, feelings, hidden events and stages.
    progress : Progress, optional
        Is told of what takes long.

    Returns
    -------
    Diary

    Raises
    ------
    InputError
        If there is no such customer, or a value is out of its range.

    Examples
    --------
    >>> from cjsim.simulation.documents import Scenario
    >>> tiny = {
    ...     "name": "tiny", "start": "2026-01-05", "horizon": "20d", "customers": 3, "policy": {"name": "none"},
    ...     "journey": {
    ...         "name": "weekly", "starts_in": "active", "stages": {"active": {}},
    ...         "events": {"order": {"in": ["active"], "wait": {"fixed": "7d"}, "effects": [{"purchase": {"value": 10}}]}},
    ...     },
    ... }
    >>> [line.text for line in walk(Scenario.from_dict(tiny), customer=2).lines]
    ['Enters', 'order for 10.00', 'order for 10.00']
    """
    of_seed = scenario.seed if seed is None else scenario.with_values({"seed": seed}).seed
    plan = compile_scenario(scenario.checked())
    needed = ("take", "live_to_pause") if has_shared_resources(plan.world) else ("take",)
    if progress is not None and not all(map(is_compiled_before, needed)):
        progress.note("cjsim: compiling the rules for this machine, once (about a minute) ...")
    cohort = _find_customer(scenario, plan, of_seed, customer, progress)
    told = trace_customer(
        plan, of_seed, cohort, _simulate_shared_results(scenario, plan, of_seed, progress) if has_shared_resources(plan.world) else None
    )
    writer = _DiaryBuilder(scenario, plan, told, is_truth=truth)
    return Diary(
        scenario=scenario.name,
        start=datetime.combine(scenario.start, time()),
        customer=customer,
        seed=of_seed,
        is_truth=truth,
        who=writer.customer_attributes(),
        lines=tuple(writer.diary_lines()),
        end=writer.final_outcomes(),
    )


def _find_customer(scenario: Scenario, plan: Plan, seed: int, customer: int, progress: Progress | None) -> Cohort:
    """The customer of a number, on its own; of those who were referred, all who came before must live to know it."""
    initial = scenario.customers
    if not isinstance(customer, int | np.integer):
        raise InputError(format_error("--customer", "must be a whole number", short_repr(customer), "Give a number such as 7."))
    if 0 <= customer < initial:
        return initial_cohort(plan, seed, customer, 1)
    arrivals = _draw_scenario_arrivals(scenario, plan, seed)
    if 0 <= customer - initial < len(arrivals):
        return arrivals.subset(customer - initial, 1)
    count = initial + len(arrivals)
    if customer >= count and any(effect["op"] == EffectCode.REFER for effect in plan.world.effects):
        run = simulate(scenario, seed=seed, progress=progress)
        count = len(run)
        if customer < count:
            place, entered = slice(customer, customer + 1), run.outcomes.customers["entered"]
            return Cohort(run.keys[place], entered[place].copy(), run.acquisition_channels[place], np.zeros(1), customer)
    must = f"must be from 0 to {count - 1:,}"
    raise InputError(
        format_error("--customer", must, short_repr(customer), "Name one of the customers: initial ones, arrivals, then referred ones.")
    )


def _simulate_shared_results(scenario: Scenario, plan: Plan, seed: int, progress: Progress | None) -> SharedResults:
    """What desks answer and budgets allow, which depends on all customers."""
    if progress is not None:
        progress.note(f"cjsim: all customers of {scenario.name} share desks or budgets with this one, and live as well ...")
    everybody = (initial_cohort(plan, seed, 0, scenario.customers), _draw_scenario_arrivals(scenario, plan, seed))
    return SharedResourcePass(plan, seed, max_customers=_max_population(scenario)).run(everybody)


def _draw_scenario_arrivals(scenario: Scenario, plan: Plan, seed: int) -> Cohort:
    return draw_arrivals(plan, seed, first=scenario.customers, at_most=_max_population(scenario))


def _max_population(scenario: Scenario) -> int:
    """As many customers as a run of the scenario may grow to."""
    return max(MAX_GROWTH_FACTOR * scenario.customers, MIN_POPULATION_LIMIT)


class _DiaryBuilder:
    """Writes one life down, as the firm could know it or as it is."""

    def __init__(self, scenario: Scenario, plan: Plan, trajectory: CustomerTrace, *, is_truth: bool) -> None:
        self.plan, self.trajectory, self.is_truth = plan, trajectory, is_truth
        self.codebook = plan.codebook
        persona = self.codebook.personas[int(trajectory.population.persona[0])]
        self.describer = EventDescriber(scenario, self.codebook, persona=persona, origin=self._acquisition_text(), is_truth=is_truth)
        self.horizon = scenario.horizon
        self._last_seen_stage = ""

    def _acquisition_text(self) -> str:
        """How the customer came."""
        key = self.trajectory.population.key[0]
        if key >= REFERRED:
            return "a friend referred it"
        by = self.codebook.attributes["acquired_by"][int(self.trajectory.population.attributes[0, -1])] if key >= np.uint64(ARRIVED) else ""
        return f"by {by}" if by else ""

    def customer_attributes(self) -> dict[str, Any]:
        """What the customer is: attributes, and in truth persona, interest and traits."""
        people, names = self.trajectory.population, self.codebook
        found: dict[str, Any] = {name: levels[int(people.attributes[0, i])] for i, (name, levels) in enumerate(names.attributes.items())}
        if self.is_truth:
            found["persona"] = names.personas[int(people.persona[0])]
            if int(people.interest[0]) >= 0:
                found["interest"] = names.interests[int(people.interest[0])]
            found |= {name: float(people.traits[0, i]) for i, name in enumerate(names.traits)}
        return found

    def diary_lines(self) -> Iterator[DiaryLine]:
        """All that happened."""
        before = None
        for step in self.trajectory.steps:
            self.describer.begin_step(step)
            told = list(self._occurrences_in_step(step))
            if not told:
                continue
            costs = next((i for i, thing in enumerate(told) if thing[0] in _EVENTS_WITH_COST), len(told) - 1)
            for i, (event, words, row, is_seen) in enumerate(told):
                stage = self.codebook.stages[step.stage] if self.is_truth else self._stage_known_to_firm(row)
                yield DiaryLine(
                    time=step.time,
                    since=0.0 if before is None else step.time - before,
                    stage=stage,
                    event=event,
                    text=words.text,
                    why=words.why,
                    message=self._decode_name(row, "message", self.codebook.messages),
                    source=self._decode_name(row, "source", self.codebook.sources),
                    revenue=float(row["value"]) if row is not None and int(row["event"]) >= N_TOUCH_CODES else 0.0,
                    cost=step.cost if i == costs else 0.0,
                    satisfaction=step.satisfaction if self.is_truth else math.nan,
                    is_seen=is_seen,
                    is_routine=words.is_routine,
                )
                before = step.time

    def _occurrences_in_step(self, step: TraceStep) -> Iterator[tuple[str, EventText, Any, bool]]:
        """What happened at one time: its name, words, log row if there is one, and whether the firm saw it."""
        unseen = [self.codebook.events[N_TOUCH_CODES + event] for event in step.hidden_events] if self.is_truth else []
        rings_unseen = step.kind is DueKind.CLOCK and step.which in step.hidden_events
        for event in unseen[:1] if rings_unseen else ():
            yield event, self.describer.describe_event(event, step), None, False
        for row in step.rows:
            yield self.codebook.events[int(row["event"])], self.describer.describe_row(row, step), row, True
        for event in unseen[1:] if rings_unseen else unseen:
            yield event, self.describer.describe_event(event, step), None, False

    def _stage_known_to_firm(self, row: Any) -> str:
        """The stage that the firm last saw."""
        if row is not None and int(row["stage"]) >= 0:
            self._last_seen_stage = self.codebook.stages[int(row["stage"])]
        return self._last_seen_stage

    def _decode_name(self, row: Any, field: str, names: tuple[str, ...]) -> str:
        return names[int(row[field])] if row is not None and int(row[field]) >= 0 else ""

    def final_outcomes(self) -> dict[str, Any]:
        """What became of the customer."""
        outcomes = self.trajectory.outcomes
        of = outcomes.customers[0]
        stage = self.codebook.stages[int(of["stage"])] if self.is_truth else self._last_seen_stage
        found: dict[str, Any] = {"days": max(self.horizon - float(of["entered"]), 0.0), "stage": stage}
        found |= {name: of[name].item() for name in _TOTALED_OUTCOMES}
        found["refused"] = int(outcomes.touch_counts[0, :, _REFUSAL_TOUCHES].sum())
        found["asks"] = int(outcomes.desks["asks"].sum())
        if self.is_truth:
            found |= {"satisfaction": float(of["satisfaction"]), "pressure": float(of["pressure"])}
        return found

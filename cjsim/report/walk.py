"""The verb `walk`: a scenario and the number of a customer in, its diary out.

Lives here: finding the customer, and putting its life together with the words. Does not live here: the words (words.py), the layout
(diary.py), stepping through a life (engine/diary.py).
"""

import math
from collections.abc import Iterator
from datetime import datetime, time
from typing import Any

import numpy as np

from cjsim.engine.diary import Step, Told, live_told
from cjsim.engine.meeting import Meeting, Meetings
from cjsim.engine.pauses import is_shared
from cjsim.engine.run import MOST_AT_LEAST, MOST_GROWTH, Progress, simulate
from cjsim.errors import InputError, complaint, shown
from cjsim.kernel import is_compiled_before
from cjsim.model.arrivals import draw_arrivals
from cjsim.model.codes import TOUCHES, Effect, Happening, Touch, Verdict
from cjsim.model.cohort import ARRIVED, Cohort
from cjsim.model.plan import Plan
from cjsim.model.population import initial_cohort
from cjsim.model.referrals import REFERRED
from cjsim.model.scenario import Scenario
from cjsim.model.tables import compile_world
from cjsim.report.diary import Diary, Line
from cjsim.report.words import Teller, Words

_REFUSALS = [Touch[f"SUPPRESSED_{verdict.name}"] for verdict in Verdict if verdict >= Verdict.CONSENT]
_COSTLY = ("entered", "delivered", "opened", "clicked", "answered_in_time", "answered_late")  # what may cost the firm money
_TALLIED = ("purchases", "revenue", "discounts", "margin", "cost", "clv", "contacts", "opens", "clicks", "opt_outs", "referrals")


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
    >>> from cjsim.model.scenario import Scenario
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
    plan = compile_world(scenario.checked())
    needed = ("take", "live_to_pause") if is_shared(plan.world) else ("take",)
    if progress is not None and not all(map(is_compiled_before, needed)):
        progress.note("cjsim: compiling the rules for this machine, once (about a minute) ...")
    cohort = _found(scenario, plan, of_seed, customer, progress)
    told = live_told(plan, of_seed, cohort, _met(scenario, plan, of_seed, progress) if is_shared(plan.world) else None)
    writer = _Writer(scenario, plan, told, is_truth=truth)
    return Diary(
        scenario=scenario.name,
        start=datetime.combine(scenario.start, time()),
        customer=customer,
        seed=of_seed,
        is_truth=truth,
        who=writer.who(),
        lines=tuple(writer.lines()),
        end=writer.end(),
    )


def _found(scenario: Scenario, plan: Plan, seed: int, number: int, progress: Progress | None) -> Cohort:
    """The customer of a number, on its own; of those who were referred, all who came before must live to know it."""
    initial = scenario.customers
    if not isinstance(number, int | np.integer):
        raise InputError(complaint("--customer", "must be a whole number", shown(number), "Give a number such as 7."))
    if 0 <= number < initial:
        return initial_cohort(plan, seed, number, 1)
    arrivals = _arrivals(scenario, plan, seed)
    if 0 <= number - initial < len(arrivals):
        return arrivals.stretch(number - initial, 1)
    count = initial + len(arrivals)
    if number >= count and any(effect["op"] == Effect.REFER for effect in plan.world.effects):
        run = simulate(scenario, seed=seed, progress=progress)
        count = len(run)
        if number < count:
            place, entered = slice(number, number + 1), run.outcomes.customers["entered"]
            return Cohort(run.keys[place], entered[place].copy(), run.by[place], np.zeros(1), number)
    must = f"must be from 0 to {count - 1:,}"
    raise InputError(complaint("--customer", must, shown(number), "Name one of the customers: initial ones, arrivals, then referred ones."))


def _met(scenario: Scenario, plan: Plan, seed: int, progress: Progress | None) -> Meetings:
    """What desks answer and budgets allow, which depends on all customers."""
    if progress is not None:
        progress.note(f"cjsim: all customers of {scenario.name} share desks or budgets with this one, and live as well ...")
    everybody = (initial_cohort(plan, seed, 0, scenario.customers), _arrivals(scenario, plan, seed))
    return Meeting(plan, seed, at_most=_most(scenario)).hold(everybody)


def _arrivals(scenario: Scenario, plan: Plan, seed: int) -> Cohort:
    return draw_arrivals(plan, seed, first=scenario.customers, at_most=_most(scenario))


def _most(scenario: Scenario) -> int:
    """As many customers as a run of the scenario may grow to."""
    return max(MOST_GROWTH * scenario.customers, MOST_AT_LEAST)


class _Writer:
    """Writes one life down, as the firm could know it or as it is."""

    def __init__(self, scenario: Scenario, plan: Plan, told: Told, *, is_truth: bool) -> None:
        self.plan, self.told, self.is_truth = plan, told, is_truth
        self.names = plan.codebook
        persona = self.names.personas[int(told.people.persona[0])]
        self.teller = Teller(scenario, self.names, persona=persona, origin=self._origin(), is_truth=is_truth)
        self.horizon = scenario.horizon
        self.shown = ""

    def _origin(self) -> str:
        """How the customer came."""
        key = self.told.people.key[0]
        if key >= REFERRED:
            return "a friend referred it"
        by = self.names.attributes["acquired_by"][int(self.told.people.attributes[0, -1])] if key >= np.uint64(ARRIVED) else ""
        return f"by {by}" if by else ""

    def who(self) -> dict[str, Any]:
        """What the customer is: attributes, and in truth persona, interest and traits."""
        people, names = self.told.people, self.names
        found: dict[str, Any] = {name: levels[int(people.attributes[0, i])] for i, (name, levels) in enumerate(names.attributes.items())}
        if self.is_truth:
            found["persona"] = names.personas[int(people.persona[0])]
            if int(people.interest[0]) >= 0:
                found["interest"] = names.interests[int(people.interest[0])]
            found |= {name: float(people.traits[0, i]) for i, name in enumerate(names.traits)}
        return found

    def lines(self) -> Iterator[Line]:
        """All that happened."""
        before = None
        for step in self.told.steps:
            self.teller.begin(step)
            told = list(self._things(step))
            if not told:
                continue
            costs = next((i for i, thing in enumerate(told) if thing[0] in _COSTLY), len(told) - 1)
            for i, (event, words, row, is_seen) in enumerate(told):
                stage = self.names.stages[step.stage] if self.is_truth else self._stage(row)
                yield Line(
                    time=step.time,
                    since=0.0 if before is None else step.time - before,
                    stage=stage,
                    event=event,
                    text=words.text,
                    why=words.why,
                    message=self._name(row, "message", self.names.messages),
                    source=self._name(row, "source", self.names.sources),
                    revenue=float(row["value"]) if row is not None and int(row["event"]) >= TOUCHES else 0.0,
                    cost=step.cost if i == costs else 0.0,
                    satisfaction=step.satisfaction if self.is_truth else math.nan,
                    is_seen=is_seen,
                    is_routine=words.is_routine,
                )
                before = step.time

    def _things(self, step: Step) -> Iterator[tuple[str, Words, Any, bool]]:
        """What happened at one time: its name, words, log row if there is one, and whether the firm saw it."""
        unseen = [self.names.events[TOUCHES + event] for event in step.unseen] if self.is_truth else []
        rings_unseen = step.kind is Happening.CLOCK and step.which in step.unseen
        for event in unseen[:1] if rings_unseen else ():
            yield event, self.teller.event(event, step), None, False
        for row in step.rows:
            yield self.names.events[int(row["event"])], self.teller.row(row, step), row, True
        for event in unseen[1:] if rings_unseen else unseen:
            yield event, self.teller.event(event, step), None, False

    def _stage(self, row: Any) -> str:
        """The stage that the firm last saw."""
        if row is not None and int(row["stage"]) >= 0:
            self.shown = self.names.stages[int(row["stage"])]
        return self.shown

    def _name(self, row: Any, field: str, names: tuple[str, ...]) -> str:
        return names[int(row[field])] if row is not None and int(row[field]) >= 0 else ""

    def end(self) -> dict[str, Any]:
        """What became of the customer."""
        outcomes = self.told.outcomes
        of = outcomes.customers[0]
        stage = self.names.stages[int(of["stage"])] if self.is_truth else self.shown
        found: dict[str, Any] = {"days": max(self.horizon - float(of["entered"]), 0.0), "stage": stage}
        found |= {name: of[name].item() for name in _TALLIED}
        found["refused"] = int(outcomes.reach[0, :, _REFUSALS].sum())
        found["asks"] = int(outcomes.desks["asks"].sum())
        if self.is_truth:
            found |= {"satisfaction": float(of["satisfaction"]), "pressure": float(of["pressure"])}
        return found

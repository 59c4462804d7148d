"""One life, happening by happening, with what it changed: what a diary is written from.

Lives here: stepping through the life of one customer, found by its number. Does not live here: any rule (model/), the words of a diary
(report/diary.py).
"""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from cjsim.engine.frames import Outcomes
from cjsim.engine.meeting import Meetings
from cjsim.engine.readable import ROWS, agenda
from cjsim.engine.room import Room, make_life, make_outcomes, make_sink, refuse_stuck
from cjsim.model.codes import Happening
from cjsim.model.cohort import Cohort
from cjsim.model.course import begin_life, end_life, take
from cjsim.model.mood import satisfaction_now
from cjsim.model.plan import Plan
from cjsim.model.population import draw_population
from cjsim.model.state import Life, Population, Sink
from cjsim.model.world import Records, World


class Step(NamedTuple):
    """What happened at one time, and how the customer is after it."""

    time: float  # days since the start
    kind: Happening | None  # None: the entry
    which: int  # the event, actor or desk; READ: the site of the message
    rows: Records  # ROW: what the log says of it
    unseen: tuple[int, ...]  # hidden events that happened
    stage: int
    satisfaction: float
    cost: float  # money that it cost the firm
    resumes: float  # days: when the actor goes on; inf: it does not wait


class Told(NamedTuple):
    """A whole life: who, what happened, what came of it."""

    people: Population  # of one
    steps: list[Step]
    outcomes: Outcomes  # of one


def live_told(plan: Plan, seed: int, cohort: Cohort, meetings: Meetings | None = None) -> Told:
    """The life of one customer, step by step.

    Parameters
    ----------
    plan : Plan
        A compiled scenario.
    seed : int
        In [0, 2**63).
    cohort : Cohort
        Of one.
    meetings : Meetings, optional
        What all customers owe each other, where they meet.

    Returns
    -------
    Told

    Raises
    ------
    InputError
        If time does not pass for the customer.
    """
    people, outcomes, room = draw_population(plan, seed, cohort), make_outcomes(plan, 1), Room(rows=ROWS)
    if meetings is not None:
        meetings.give(people)
    while True:
        life, sink = make_life(plan, seed, room, None if meetings is None else meetings.shared), make_sink(outcomes, room)
        steps = list(_steps(plan, life, sink, people))
        if life.customer[0].full:
            room = room.wider()
        elif sink.written[0] > room.rows or sink.born[0] > room.births:
            room = room.longer()
        else:
            return Told(people, steps, outcomes)


def _steps(plan: Plan, life: Life, sink: Sink, people: Population) -> Iterator[Step]:
    """From entry to horizon."""
    world, horizon = plan.world, float(plan.world.setting[0].horizon)
    seen = _Before(life, sink)
    begin_life(world, life, sink, people, 0, 0)
    if float(people.entered[0]) < horizon:
        yield seen.step(world, None, -1)
    while (due := min(agenda(life))).time < horizon and not life.customer[0].full:
        which = int(life.reads[due.which].site) if due.kind is Happening.READ else due.which
        seen = _Before(life, sink)
        take(world, life, sink, int(due.kind), due.which, due.time)
        refuse_stuck(plan, life)
        yield seen.step(world, due.kind, which)
    end_life(world, life, sink)


class _Before:
    """How things stood before something happened."""

    def __init__(self, life: Life, sink: Sink) -> None:
        self.life, self.sink = life, sink
        self.counts = life.clocks["count"].copy()
        self.written = int(sink.written[0])
        self.cost = float(sink.outcome[0].cost)

    def step(self, world: World, kind: Happening | None, which: int) -> Step:
        """What has happened since."""
        customer = self.life.customer[0]
        counts = self.life.clocks["count"]
        began = kind is None
        happened = np.flatnonzero((counts > (0 if began else self.counts)) & (world.events["hidden"] == 1))
        # The event whose clock rang comes first, then those that it set off.
        unseen = sorted((int(event) for event in happened), key=lambda event: (not (kind is Happening.CLOCK and event == which), event))
        resumes = float(self.life.act_due[which]) if kind is Happening.ACT else np.inf
        return Step(
            time=float(customer.now),
            kind=kind,
            which=which,
            rows=np.array(self.sink.log[0 if began else self.written : int(self.sink.written[0])]),
            unseen=tuple(unseen),
            stage=int(customer.stage),
            satisfaction=float(getattr(satisfaction_now, "py_func", satisfaction_now)(world, self.life)),
            cost=float(self.sink.outcome[0].cost) - (0.0 if began else self.cost),
            resumes=resumes,
        )

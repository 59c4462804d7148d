"""Room for lives: the arrays that a customer's state and log take, made for a plan and made larger when they run out.

Lives here: allocation. Does not live here: what is written into it (model/), who asks for it (the engines).
"""

from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np

from cjsim.engine.frames import REACHES, Outcomes
from cjsim.errors import InputError, complaint
from cjsim.model.codes import HOURS, STACK, TOUCHES, Happening
from cjsim.model.course import MOST_AT_ONCE, MOST_HAPPENINGS
from cjsim.model.plan import Plan
from cjsim.model.state import (
    ANSWER,
    BIRTH,
    CLOCK,
    CUSTOMER,
    CUTOFF,
    HELD,
    MARK,
    MESSAGES,
    OUTCOME,
    PLACED,
    REACH,
    READ,
    ROW,
    RUN,
    SERVED,
    TURN,
    Life,
    Sink,
)
from cjsim.model.world import Records


class Chunk(NamedTuple):
    """What a stretch of customers left."""

    events: int  # log rows
    rows: list[Records]  # ROW; none if they are not kept
    births: list[Records]  # BIRTH, in the order of parents, then of invitations; `parent` is the number of who invited


class Shared(NamedTuple):
    """What lives have in common with others: what desks answered, and with which contacts budgets were spent."""

    answers: Records  # ANSWER
    cutoffs: Records  # CUTOFF, by budget and period

    @classmethod
    def none_yet(cls, plan: Plan) -> "Shared":
        """Nothing has been answered, nothing spent."""
        cutoffs = np.zeros(plan.sizes.cutoffs, CUTOFF)
        cutoffs["time"] = -np.inf
        return cls(np.zeros(0, ANSWER), cutoffs)


@dataclass(frozen=True)
class Room:
    """How much a life may hold: messages to be read, things to be settled at one time, log rows (0: none are kept)."""

    reads: int = 32
    queue: int = 32
    rows: int = 0
    births: int = 64

    def wider(self) -> "Room":
        """Twice the room for a state."""
        return replace(self, reads=2 * self.reads, queue=2 * self.queue)

    def longer(self) -> "Room":
        """Twice the room for a log and for births."""
        return replace(self, rows=2 * self.rows, births=2 * self.births)


def make_life(plan: Plan, seed: int, room: Room, shared: Shared | None = None) -> Life:
    """Scratch for one customer at a time.

    Parameters
    ----------
    plan : Plan
        Gives the sizes.
    seed : int
        In [0, 2**63).
    room : Room
        Capacities.
    shared : Shared, optional
        Read through, and budgets written, by all lives; nothing if not given.
    """
    world, sizes = plan.world, plan.sizes
    of_all = shared or Shared.none_yet(plan)
    life = Life(
        customer=np.zeros(1, CUSTOMER),
        clocks=np.zeros(len(world.events), CLOCK),
        due=np.zeros(len(world.events)),
        runs=np.zeros(len(world.actors), RUN),
        act_due=np.zeros(len(world.actors)),
        reads=np.zeros(room.reads, READ),
        reach=np.zeros(len(world.channels), REACH),
        messages=np.zeros(len(world.messages), MESSAGES),
        tags=np.zeros(max(sizes.tags, 1), np.int32),
        scores=np.zeros(len(world.scores), MARK),
        rings=np.zeros(max(sizes.rings, 1)),
        ring_at=np.zeros(len(world.caps), np.int32),
        counts=np.zeros(max(sizes.counts, 1), np.int32),
        fired=np.zeros(room.queue, np.int32),
        stack=np.zeros(STACK),
        traits=np.zeros(sizes.columns),
        attributes=np.zeros(sizes.attributes),
        visits=np.zeros(len(world.stages), np.int32),
        offers=np.zeros(len(world.offers), HELD),
        placed=np.zeros(len(world.sites), PLACED),
        hours=np.zeros(HOURS, np.int32),
        asks=np.zeros(len(world.desks), np.int32),
        turns=np.zeros(len(world.budgets), TURN),
        answers=of_all.answers,
        cutoffs=of_all.cutoffs,
    )
    life.customer[0].seed = np.uint64(seed)
    return life


def make_outcomes(plan: Plan, customers: int) -> Outcomes:
    """Arrays for what becomes of the customers.

    Parameters
    ----------
    plan : Plan
        Gives the sizes.
    customers : int
        How many.
    """
    world = plan.world
    return Outcomes(
        customers=np.zeros(customers, OUTCOME),
        moments=np.zeros((customers, len(world.moments))),
        dwell=np.zeros((customers, len(world.stages)), np.float32),
        reach=np.zeros((customers, len(world.channels), len(REACHES)), np.uint16),
        desks=np.zeros((customers, len(world.desks)), SERVED),
    )


def make_sink(outcomes: Outcomes, room: Room) -> Sink:
    """The place where a stretch of customers writes.

    Parameters
    ----------
    outcomes : Outcomes
        Of these customers; written through.
    room : Room
        Log rows and births.
    """
    return Sink(
        outcome=outcomes.customers,
        moments=outcomes.moments,
        dwell=outcomes.dwell,
        reach=outcomes.reach,
        desks=outcomes.desks,
        births=np.zeros(room.births, BIRTH),
        born=np.zeros(1, np.int64),
        log=np.zeros(room.rows, ROW),
        written=np.zeros(1, np.int64),
    )


def take_births(sink: Sink, first: int) -> Records:
    """The births that a sink holds, copied, with the numbers of those who invited.

    Parameters
    ----------
    sink : Sink
        Read: births, born.
    first : int
        Number of the customer of the sink's first row.

    Returns
    -------
    ndarray of BIRTH, shape (born,)
    """
    births = np.array(sink.births[: int(sink.born[0])])
    births["parent"] += first
    return births


def refuse_stuck(plan: Plan, life: Life) -> None:
    """Say so if time does not pass for a customer.

    Parameters
    ----------
    plan : Plan
        Names what happens.
    life : Life
        The customer's state.

    Raises
    ------
    InputError
        If more happened than a life can hold, or without end at one time.
    """
    customer = life.customer[0]
    if customer.stuck == 0:
        return
    names = plan.codebook
    kind, which = Happening(int(customer.last_kind)), int(customer.last_which)
    what = "a message's answer"
    if kind == Happening.CLOCK:
        what = f"event '{names.events[TOUCHES + which]}'"
    elif kind == Happening.ACT:
        what = f"'{names.sources[which]}'"
    elif kind == Happening.ANSWER:
        what = "a desk's answer"
    got = f"{int(customer.takes):,} happenings for customer {int(customer.index)} by day {float(customer.now):g}, the last: {what}"
    must = f"must let time pass: at most {MOST_AT_ONCE:,} happenings at one time and {MOST_HAPPENINGS:,} in a customer's life"
    raise InputError(complaint("scenario", must, got, "Give it a wait, or a condition that ends it."))

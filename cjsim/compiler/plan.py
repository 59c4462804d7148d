"""`Plan`, a compiled scenario, and its parts."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from cjsim.compiler.desk_plans import DeskPlan
from cjsim.compiler.entry_file import Entries
from cjsim.compiler.fixed_costs import Payment
from cjsim.compiler.symbols import DerivedTrait
from cjsim.kernels.world import Array, World
from cjsim.scenario.kinds.trait_laws import TraitTransform

FloatArray = NDArray[np.float64]


class TraitPlan(NamedTuple):
    """How one trait is drawn."""

    name: str
    form: TraitTransform
    draw: Array  # one DISTRIBUTION record
    first: float = 0.0  # NORMAL: mean; BETA: alpha
    second: float = 0.0  # NORMAL: standard deviation; BETA: beta


class ArrivalPlan(NamedTuple):
    """How many customers arrive through an acquisition channel, and their personas."""

    name: str
    cumulative_personas: FloatArray  # cumulative shares without the last
    spend: float  # money over the horizon
    days: FloatArray  # (n_days + 1,): 0, 1, ..., the horizon
    expected: FloatArray  # (n_days + 1,): expected cumulative arrivals


@dataclass(frozen=True)
class PopulationPlan:
    """Everything needed to draw the population."""

    cumulative_personas: FloatArray  # cumulative shares without the last
    traits: tuple[TraitPlan, ...]
    derived: tuple[DerivedTrait, ...]
    attributes: tuple[tuple[str, FloatArray], ...]  # name, cumulative shares of its levels without the last
    over_days: float  # length of the entry period; 0 if all enter on day 0
    entries: Entries | None
    shift_column: int  # trait column of `clock_shift`, or -1
    cumulative_interests: FloatArray  # (n_personas, n_interests - 1): cumulative shares of interests; no rows without interests
    acquisition: tuple[ArrivalPlan, ...]
    late_acquisition: tuple[ArrivalPlan, ...]  # the same channels until the end of the simulation; empty if that is the horizon
    follow_up_days: float = math.inf  # maximum days from entry to the end of a customer's simulation
    n_existing: int = 0  # customers who entered before day 0
    begins: float = 0.0  # days: when the first of them may have entered
    until_days: FloatArray | None = None  # (n_customers,): day by which each customer's simulation ends

    @property
    def is_cut(self) -> bool:
        """Whether the simulations of customers end at individual times. Fixed costs, which cover all days, are then left out."""
        return self.follow_up_days < math.inf or self.until_days is not None


def exposure_moment(experiment: str) -> str:
    """Return the name of the moment at which a customer is first exposed to an experiment."""
    return f"exposed:{experiment}"


@dataclass(frozen=True)
class Codebook:
    """Names by code: the meaning of codes in logs, outcomes and populations."""

    events: tuple[str, ...]  # events in the log: touches in lower case, then journey events
    stages: tuple[str, ...]
    channels: tuple[str, ...]
    messages: tuple[str, ...]
    sources: tuple[str, ...]  # flows and broadcasts, then desks, then offers
    scores: tuple[str, ...]
    tags: tuple[str, ...]
    personas: tuple[str, ...]
    traits: tuple[str, ...]
    attributes: dict[str, tuple[str, ...]]  # levels by attribute
    moments: tuple[str, ...]  # the conversion is first; the first exposures to experiments are last
    interests: tuple[str, ...]
    offers: tuple[str, ...]
    desks: tuple[str, ...]
    acquisition: tuple[str, ...]  # acquisition channels
    experiments: dict[str, dict[str, float]] = field(default_factory=dict)  # cumulative shares of customers by experiment and arm
    idle_arms: dict[str, tuple[str, ...]] = field(default_factory=dict)  # arms that do nothing to a customer, by experiment
    has_existing: bool = False  # whether customers exist before day 0
    value_days: float | None = None  # day on which CLV stops counting, if that is after the horizon
    bouncing: tuple[str, ...] = ()  # channels on which messages may bounce
    mismeasured: tuple[str, ...] = ()  # channels on which machines open or click, or messages land in the spam folder


@dataclass(frozen=True)
class StateSizes:
    """Sizes of arrays in `CustomerState` that do not follow from the arrays in `World`."""

    tags: int
    columns: int  # trait columns
    attributes: int
    counts: int  # slots of `decision_counts`
    rings: int  # slots of all caps
    cutoffs: int  # periods of all budgets


@dataclass(frozen=True)
class Plan:
    """A compiled scenario."""

    world: World
    codebook: Codebook
    sizes: StateSizes
    population: PopulationPlan
    streams: tuple[str, ...]  # names of all random streams
    desks: tuple[DeskPlan, ...] = ()  # how each desk is run
    payments: Mapping[str, tuple[Payment, ...]] = field(default_factory=dict)  # by kind of fixed cost
    world_before: World | None = None  # the world of the policy before day 0, if that differs

    @property
    def past_world(self) -> World:
        """The world of the policy before day 0."""
        return self.world if self.world_before is None else self.world_before

    def world_at(self, time: float) -> World:
        """Return the world of the policy in force at a time (days)."""
        return self.past_world if time < 0 else self.world

    @property
    def has_unobserved_time(self) -> bool:
        """Whether customers are simulated outside the observation window. If so, outputs need a scratch row."""
        setting = self.world.setting[0]
        return bool(setting.ends > setting.horizon or setting.begins < 0)

    @property
    def pays_after_horizon(self) -> bool:
        """Whether wages or fixed costs after the horizon count in CLV. If so, CLV depends on how many customers enter after it."""
        if self.population.is_cut:
            return False
        pays = any(desk.wages for desk in self.desks) or any(payment.later for listed in self.payments.values() for payment in listed)
        return bool(pays and self.world.setting[0].ends > self.world.setting[0].horizon)

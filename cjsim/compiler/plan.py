"""`Plan`, a compiled scenario, and its parts."""

import math
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from cjsim.compiler.desk_plans import DeskPlan
from cjsim.compiler.entry_file import Entries
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
    """How many customers an acquisition channel brings, and their personas."""

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
    follow_up_days: float = math.inf  # days from entry to the end of a customer's simulation; inf: until the horizon
    until_days: FloatArray | None = None  # (n_customers,): day on which each customer's simulation ends at the latest


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

"""`Plan`, a compiled scenario with its names, and its parts."""

from dataclasses import dataclass
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
    draw: Array  # DRAW, 1
    first: float = 0.0  # NORMAL: mean; BETA: alpha
    second: float = 0.0  # NORMAL: standard deviation; BETA: beta


class ArrivalPlan(NamedTuple):
    """How many customers one acquisition channel brings, and of which personas."""

    name: str
    cumulative_personas: FloatArray  # cumulative shares without the last
    spend: float  # money over the horizon
    days: FloatArray  # (n_days + 1,): 0, 1, ..., the horizon
    expected: FloatArray  # (n_days + 1,): expected arrivals until then


@dataclass(frozen=True)
class PopulationPlan:
    """What a population is drawn from."""

    cumulative_personas: FloatArray  # cumulative shares without the last
    traits: tuple[TraitPlan, ...]
    derived: tuple[DerivedTrait, ...]
    attributes: tuple[tuple[str, FloatArray], ...]  # name, cumulative shares of its levels without the last
    over_days: float
    entries: Entries | None
    shift_column: int  # -1 none
    cumulative_interests: FloatArray  # (n_personas, n_interests - 1): cumulative shares of topics; no rows without interests
    acquisition: tuple[ArrivalPlan, ...]


@dataclass(frozen=True)
class Codebook:
    """Names by code: the meaning of the columns of logs, outcomes and populations."""

    events: tuple[str, ...]  # of the log: touches in lower case, then journey events
    stages: tuple[str, ...]
    channels: tuple[str, ...]
    messages: tuple[str, ...]
    sources: tuple[str, ...]  # flows and broadcasts, then desks, then offers
    scores: tuple[str, ...]
    tags: tuple[str, ...]
    personas: tuple[str, ...]
    traits: tuple[str, ...]
    attributes: dict[str, tuple[str, ...]]  # with their levels
    moments: tuple[str, ...]  # the conversion first
    interests: tuple[str, ...]
    offers: tuple[str, ...]
    desks: tuple[str, ...]
    acquisition: tuple[str, ...]  # channels


@dataclass(frozen=True)
class StateSizes:
    """Sizes of a `CustomerState` that do not follow from the lengths of the world's arrays."""

    tags: int
    columns: int  # of traits
    attributes: int
    counts: int
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

"""The record of a run: everything that metrics are computed from."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from cjsim.compiler.plan import Codebook
from cjsim.compiler.wages import Wages
from cjsim.engine.outcomes import Outcomes
from cjsim.engine.population_registry import PopulationRegistry
from cjsim.engine.provenance import Provenance
from cjsim.kernels.world import Array


@dataclass(frozen=True, eq=False)
class RunRecord:
    """Outcomes of every customer of a run, with the names and totals needed to interpret them.

    Attributes
    ----------
    provenance : Provenance
        What was run, with which version, when and on what.
    codebook : Codebook
        Names by code.
    retained : tuple of str
        Stages marked `retained`.
    hidden : tuple of str
        Stages that the firm does not observe.
    outcomes : Outcomes
        Arrays by customer.
    registry : PopulationRegistry
        Keys, acquisition channels and referrers by customer.
    wages : Mapping of str to Wages
        Wages of each desk's staff.
    """

    provenance: Provenance
    codebook: Codebook
    retained: tuple[str, ...]
    hidden: tuple[str, ...]
    outcomes: Outcomes
    registry: PopulationRegistry
    wages: Mapping[str, Wages]

    def __len__(self) -> int:
        return len(self.outcomes.customers)

    @property
    def entered(self) -> Array:
        """bool, shape (n_customers,): whether each customer entered before the horizon. The others are left out of all metrics."""
        return np.asarray(self.outcomes.customers["entered"] < self.provenance.horizon)

    @property
    def keys(self) -> Array:
        """uint64, shape (n_customers,): the same customer has the same key in every run with the same seed."""
        return self.registry.keys

    @property
    def acquisition_channels(self) -> Array:
        """int32, shape (n_customers,): acquisition channel of each customer; -1 none."""
        return self.registry.channels

    @property
    def roots(self) -> Array:
        """int64, shape (n_customers,): number of the initial customer or arrival that each customer descends from, or is."""
        return self.registry.roots

    @property
    def spend(self) -> Array:
        """float64, shape (n_acquisition_channels,): money spent over the horizon, whether customers came or not."""
        return np.array([self.provenance.spend[name] for name in self.codebook.acquisition])

    @property
    def desk_rates(self) -> Array:
        """float64, shape (n_desks,): money per minute of service."""
        return np.array([self.provenance.desk_rates[name] for name in self.codebook.desks], np.float64)

"""The record of a run, from which all metrics are computed."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from cjsim.compiler.fixed_costs import FixedCost
from cjsim.compiler.plan import Codebook
from cjsim.compiler.wages import Wages
from cjsim.engine.outcomes import Outcomes
from cjsim.engine.population_registry import PopulationRegistry
from cjsim.engine.provenance import Provenance
from cjsim.kernels.world import Array


@dataclass(frozen=True, eq=False, repr=False)
class RunRecord:
    """Outcomes of all customers in a run, with the names and totals needed to interpret them.

    Attributes
    ----------
    provenance : Provenance
        Scenario, seed, software versions, machine and time of the run.
    codebook : Codebook
        Names that correspond to codes.
    retained : tuple of str
        Stages marked `retained`.
    hidden : tuple of str
        Stages that the firm does not observe.
    outcomes : Outcomes
        Outcome arrays, one row per customer.
    registry : PopulationRegistry
        Keys, acquisition channels and referrers of all customers.
    wages : Mapping of str to Wages
        Wages and working time of each desk's staff.
    fixed_costs : Mapping of str to FixedCost
        Costs of the platform, creative work and setup, if any.
    """

    provenance: Provenance
    codebook: Codebook
    retained: tuple[str, ...]
    hidden: tuple[str, ...]
    outcomes: Outcomes
    registry: PopulationRegistry
    wages: Mapping[str, Wages]
    fixed_costs: Mapping[str, FixedCost] = field(default_factory=dict, kw_only=True)

    def __len__(self) -> int:
        return len(self.outcomes.customers)

    @property
    def entered(self) -> Array:
        """Whether each customer entered before the horizon; bool, shape (n_customers,). Metrics ignore all other customers."""
        return np.asarray(self.outcomes.customers["entered"] < self.provenance.horizon)

    @property
    def entered_since_start(self) -> Array:
        """Whether each customer entered on or after day 0 and before the horizon; bool, shape (n_customers,)."""
        return np.asarray(self.entered & (self.outcomes.customers["entered"] >= 0.0))

    @property
    def weight(self) -> float:
        """Number of customers of the firm per simulated customer: 1 unless the run is a sample."""
        return 1.0 if self.provenance.sample is None else 1.0 / self.provenance.sample

    @property
    def keys(self) -> Array:
        """Customer keys; uint64, shape (n_customers,). A customer has the same key in every run with the same seed."""
        return self.registry.keys

    @property
    def acquisition_channels(self) -> Array:
        """Acquisition channel of each customer, or -1 for none; int32, shape (n_customers,)."""
        return self.registry.channels

    @property
    def roots(self) -> Array:
        """Customer number of each customer's root (see `PopulationRegistry.roots`); int64, shape (n_customers,)."""
        return self.registry.roots

    @property
    def spend(self) -> Array:
        """Spend on each acquisition channel over the horizon, in currency units; float64, shape (n_acquisition_channels,)."""
        return np.array([self.provenance.spend[name] for name in self.codebook.acquisition])

    @property
    def desk_rates(self) -> Array:
        """Cost of each desk, in currency units per minute of service; float64, shape (n_desks,)."""
        return np.array([self.provenance.desk_rates[name] for name in self.codebook.desks], np.float64)

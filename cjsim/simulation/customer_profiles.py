"""Customer profiles of a run: attributes and traits. They are redrawn from the seed instead of being kept in memory."""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from cjsim.compiler.cohorts import Cohort
from cjsim.compiler.plan import Plan
from cjsim.compiler.population import draw_population
from cjsim.engine.population_registry import PopulationRegistry
from cjsim.kernels.world import Array


class CustomerProfiles(NamedTuple):
    """Attributes (visible to the firm) and traits (hidden) of every customer, by name."""

    attributes: Mapping[str, Array]  # str, (n_customers,)
    traits: Mapping[str, Array]  # float64, (n_customers,)


def draw_profiles(plan: Plan, seed: int, registry: PopulationRegistry) -> CustomerProfiles:
    """Redraw the attributes and traits of the customers of a run.

    Parameters
    ----------
    plan : Plan
        The compiled scenario.
    seed : int
        Seed of the run, in [0, 2**63).
    registry : PopulationRegistry
        Customers of the run.

    Returns
    -------
    CustomerProfiles
        Profiles in the order of the registry.
    """
    unused = np.zeros(len(registry))  # entry time and acquisition cost do not affect profiles
    population = draw_population(plan, seed, Cohort(registry.keys, unused, registry.channels, unused, 0))
    levels = plan.codebook.attributes
    return CustomerProfiles(
        attributes={
            name: np.asarray(labels, str)[population.attributes[:, i].astype(np.intp)] for i, (name, labels) in enumerate(levels.items())
        },
        traits={name: population.traits[:, i] for i, name in enumerate(plan.codebook.traits)},
    )

"""Simulation of a sample of a scenario's customers, for checks."""

from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np

from cjsim.compiler.arrivals import draw_arrivals
from cjsim.compiler.cohorts import Cohort
from cjsim.compiler.compile_scenario import compile_scenario
from cjsim.compiler.plan import Plan
from cjsim.compiler.population import existing_cohort, initial_cohort
from cjsim.engine.compiled import CompiledEngine
from cjsim.engine.generations import Generations
from cjsim.engine.outcomes import Outcomes
from cjsim.engine.worker_pool import CustomerBatch, WorkerPool
from cjsim.errors import InputError, format_error
from cjsim.kernels.state import LOG_ROW
from cjsim.kernels.world import Array
from cjsim.progress import NoProgress
from cjsim.simulation.documents import Scenario

MAX_ARRIVALS = 1_000_000
_MAX_GROWTH = 20  # customers including referred ones, per customer of the sample
_INITIAL_LOG_ROWS = 20_000


class Population(NamedTuple):
    """The customers of a scenario who enter without a referral."""

    n_initial: int
    n_existing: int
    arrivals: Cohort

    def __len__(self) -> int:
        return self.n_initial + self.n_existing + len(self.arrivals)


@dataclass(frozen=True, eq=False)
class SampledRun:
    """The result of a sample of customers, including those whom they refer.

    Attributes
    ----------
    plan : Plan
        The compiled scenario.
    rows : ndarray of LOG_ROW
        Log rows, customer by customer.
    outcomes : Outcomes
        Outcomes of each customer.
    n_sampled : int
        Number of customers in the sample, without those whom they refer.
    weight : float
        Customers of the scenario per customer of the sample.
    """

    plan: Plan
    rows: Array
    outcomes: Outcomes
    n_sampled: int
    weight: float

    def to_bytes(self) -> bytes:
        """Return all bytes of the log and the outcomes."""
        return b"".join(array.tobytes() for array in (self.rows, *self.outcomes))


class _KeptRows:
    """Keeps log rows in memory."""

    def __init__(self) -> None:
        self.rows: list[Array] = [np.zeros(0, LOG_ROW)]

    def write(self, rows: Array) -> None:
        self.rows.append(rows)


def simulate_sample(scenario: Scenario, size: int) -> SampledRun:
    """Simulate a sample of the customers of a scenario: initial and existing customers and arrivals in proportion to their numbers.

    Desks and budgets are those of the scenario, so they are less busy than with all customers.

    Parameters
    ----------
    scenario : Scenario
        A valid scenario.
    size : int
        Number of customers. If the scenario has fewer, all are simulated.

    Returns
    -------
    SampledRun

    Raises
    ------
    InputError
        If the population exceeds its limit, or a customer is stuck in a zero-time loop.
    """
    plan, seed = compile_scenario(scenario.checked()), scenario.seed
    population = _population(plan, scenario)
    n_sampled = min(size, len(population))
    n_initial = round(n_sampled * population.n_initial / max(len(population), 1))
    n_existing = round(n_sampled * population.n_existing / max(len(population), 1))
    n_arrivals = min(max(n_sampled - n_initial - n_existing, 0), len(population.arrivals))
    arrivals = _evenly_chosen(population.arrivals, n_arrivals).with_first_number(n_initial + n_existing)
    engine, kept = CompiledEngine(plan, seed, rows=_INITIAL_LOG_ROWS), _KeptRows()
    engine.prepare()
    generations = Generations(plan, WorkerPool([engine]), writer=kept, progress=NoProgress(), max_customers=_MAX_GROWTH * max(size, 1))
    initial, existing = initial_cohort(plan, seed, 0, n_initial), existing_cohort(plan, seed, n_initial, 0, n_existing)
    cohorts = initial, existing, arrivals
    generations.simulate([CustomerBatch(len(cohort), cohort.subset) for cohort in cohorts])
    outcomes = Outcomes.concatenate(generations.outcomes)
    return SampledRun(plan, np.concatenate(kept.rows), outcomes, n_sampled, len(population) / max(n_sampled, 1))


def _population(plan: Plan, scenario: Scenario) -> Population:
    """Draw the arrivals of a scenario."""
    expected = sum(float(channel.expected[-1]) for channel in plan.population.acquisition)
    if expected > MAX_ARRIVALS:
        must = f"must bring at most {MAX_ARRIVALS:,} customers for checks by simulation"
        raise InputError(
            format_error(
                "journey.acquisition", must, f"about {expected:,.0f}", "Shorten the horizon, or check without a simulation (`static`)."
            )
        )
    n_existing = plan.population.n_existing
    return Population(scenario.customers, n_existing, draw_arrivals(plan, scenario.seed, first=0, at_most=2 * MAX_ARRIVALS))


def _evenly_chosen(cohort: Cohort, count: int) -> Cohort:
    """Return `count` customers of a cohort, evenly spaced in the order of entry."""
    chosen = np.linspace(0, len(cohort) - 1, count).round().astype(np.int64) if count else np.zeros(0, np.int64)
    return replace(cohort, key=cohort.key[chosen], entered=cohort.entered[chosen], channel=cohort.channel[chosen], cost=cohort.cost[chosen])

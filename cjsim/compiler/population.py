"""Draws the personas, traits, attributes, interests and entry times of customers."""

from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from cjsim.compiler.arrivals import arrival_stream, compile_arrivals
from cjsim.compiler.cohorts import EXISTING, Cohort, are_initial
from cjsim.compiler.entry_file import read_entries
from cjsim.compiler.firm_share import SAMPLE_STREAM
from cjsim.compiler.plan import ArrivalPlan, FloatArray, Plan, PopulationPlan, TraitPlan
from cjsim.compiler.symbols import Symbols, record_array
from cjsim.compiler.tables.quantile_tables import QuantileTables
from cjsim.kernels.quantiles import fill_quantiles
from cjsim.kernels.rng import uniforms
from cjsim.kernels.state import Population
from cjsim.kernels.world import DISTRIBUTION, World
from cjsim.scenario.journey import JourneySpec
from cjsim.scenario.kinds.trait_laws import TraitLaw, TraitTransform
from cjsim.scenario.policy import Spend
from cjsim.scenario.spec import ScenarioSpec

MAX_CLOCK_SHIFT_DAYS = 2.0  # larger clock shifts are clipped to the range of the activity tables
_NEAR_ZERO = 1e-12  # in 1/trait, values closer to 0 are replaced by this value


def compile_population(scenario: ScenarioSpec, symbols: Symbols) -> PopulationPlan:
    """Compile the population of a scenario. Call it after all trait columns are registered.

    Parameters
    ----------
    scenario : ScenarioSpec
        A valid scenario.
    symbols : Symbols
        Receives the tables of traits and the names of random streams.

    Returns
    -------
    PopulationPlan

    Raises
    ------
    InputError
        If the entry file is invalid.
    """
    journey, trait_columns = scenario.journey, symbols.trait_columns
    streams = ["population:persona", "population:entry", "population:interest", SAMPLE_STREAM]
    streams += [f"trait:{name}" for name in journey.traits] + [f"attribute:{name}" for name in journey.attributes]
    streams += [arrival_stream(name) for name in journey.acquisition]
    for name in streams:
        symbols.stream(name)
    entries = None
    if scenario.entry.file is not None:
        levels = {name: codes for name, codes in symbols.names.levels.items() if name in journey.attributes}
        entries = read_entries(Path(scenario.entry.file), start=scenario.start, traits=symbols.names.traits, levels=levels)
    return PopulationPlan(
        cumulative_personas=_cumulative_shares([persona.share for persona in journey.personas.values()]),
        traits=tuple(_trait_plan(name, law, symbols.tables) for name, law in journey.traits.items()),
        derived=tuple(trait_columns.derived),
        attributes=tuple((name, _cumulative_shares(list(levels.values()))) for name, levels in journey.attributes.items()),
        over_days=scenario.entry.over,
        entries=entries,
        shift_column=-1 if journey.clock_shift is None else trait_columns.index_of(journey.clock_shift),
        cumulative_interests=_interest_shares(journey),
        acquisition=_arrival_plans(scenario, scenario.horizon),
        n_existing=0 if scenario.existing is None else scenario.existing.customers,
        begins=scenario.begins,
        late_acquisition=_arrival_plans(scenario, scenario.simulated_days) if scenario.simulated_days > scenario.horizon else (),
    )


def initial_cohort(plan: Plan, seed: int, first: int, count: int, *, keys: NDArray[np.uint64] | None = None) -> Cohort:
    """Build the cohort of initial customers `first` to `first + count - 1`. The key of customer n is n, unless `keys` are given.

    Parameters
    ----------
    plan : Plan
        A compiled scenario.
    seed : int
        In [0, 2**63).
    first, count : int
        Number of the first customer and number of customers, at least 0.
    keys : ndarray of uint64, optional
        Keys of all initial customers, if they are a sample.

    Returns
    -------
    Cohort
    """
    key = np.arange(first, first + count, dtype=np.uint64) if keys is None else keys[first : first + count]
    return Cohort(key, _draw_entry(plan.population, seed, key), np.full(count, -1, np.int32), np.zeros(count), first)


def existing_cohort(plan: Plan, seed: int, first_number: int, first: int, count: int) -> Cohort:
    """Build the cohort of existing customers `first` to `first + count - 1`, who entered at a constant rate before day 0.

    Parameters
    ----------
    plan : Plan
        A compiled scenario.
    seed : int
        In [0, 2**63).
    first_number : int
        Number of the first existing customer.
    first, count : int
        Position of the first customer among the existing ones, and number of customers.

    Returns
    -------
    Cohort
        Their acquisition cost, which was paid before day 0, is 0.
    """
    key = np.uint64(EXISTING) + np.arange(first, first + count, dtype=np.uint64)
    entered = plan.population.begins * uniforms(seed, key, "population:entry")
    return Cohort(key, entered, np.full(count, -1, np.int32), np.zeros(count), first_number + first)


def draw_population(plan: Plan, seed: int, cohort: Cohort) -> Population:
    """Draw the customers in a cohort. The result for a customer does not depend on the rest of the cohort.

    Parameters
    ----------
    plan : Plan
        A compiled scenario.
    seed : int
        In [0, 2**63).
    cohort : Cohort
        The customers to draw.

    Returns
    -------
    Population
        The spans of desk replies are empty.
    """
    population, key, count = plan.population, cohort.key, len(cohort)
    traits = _draw_traits(population, plan.world, seed, key)
    shift = np.zeros(count)
    if population.shift_column >= 0:
        shift = np.clip(traits[:, population.shift_column] / 24.0, -MAX_CLOCK_SHIFT_DAYS, MAX_CLOCK_SHIFT_DAYS)
    persona = _draw_persona(population, seed, cohort)
    return Population(
        key=key,
        persona=persona,
        entered=cohort.entered,
        ends=_ends(plan, cohort),
        shift=shift,
        traits=traits,
        attributes=_draw_attributes(population, seed, cohort),
        number=np.arange(cohort.first, cohort.first + count),
        interest=_draw_interest(population, seed, key, persona),
        cost=cohort.cost,
        replies=np.zeros((count, 2), np.int64),
    )


def _ends(plan: Plan, cohort: Cohort) -> FloatArray:
    """Return the day on which the simulation of each customer ends: at the end of the simulation, unless the plan limits it."""
    population = plan.population
    ends: FloatArray = np.minimum(plan.world.setting[0].ends, cohort.entered + population.follow_up_days)
    if population.until_days is None:
        return ends
    return np.asarray(np.minimum(ends, np.maximum(cohort.entered, population.until_days[cohort.first : cohort.first + len(cohort)])))


def _draw_entry(population: PopulationPlan, seed: int, key: NDArray[np.uint64]) -> FloatArray:
    if population.entries is not None:
        return _entry_row(population.entries.entered, key)
    if population.over_days > 0:
        return population.over_days * uniforms(seed, key, "population:entry")
    return np.zeros(len(key))


def _draw_interest(population: PopulationPlan, seed: int, key: NDArray[np.uint64], persona: NDArray[np.int32]) -> NDArray[np.int32]:
    """Interest code of each customer; -1 if the journey has no interests."""
    if not len(population.cumulative_interests):
        return np.full(len(key), -1, np.int32)
    cumulative = population.cumulative_interests[persona]
    return np.asarray((cumulative <= uniforms(seed, key, "population:interest")[:, None]).sum(axis=1), np.int32)


def _draw_persona(population: PopulationPlan, seed: int, cohort: Cohort) -> NDArray[np.int32]:
    """Persona code of each customer, drawn from the persona mix of the acquisition channel."""
    u = uniforms(seed, cohort.key, "population:persona")
    persona = np.searchsorted(population.cumulative_personas, u, side="right").astype(np.int32)
    for code, channel in enumerate(population.acquisition):
        from_channel = cohort.channel == code
        persona[from_channel] = np.searchsorted(channel.cumulative_personas, u[from_channel], side="right")
    return persona


def _draw_attributes(population: PopulationPlan, seed: int, cohort: Cohort) -> FloatArray:
    key = cohort.key
    known = population.entries.attributes if population.entries is not None else {}
    attributes = np.empty((len(key), len(population.attributes) + bool(population.acquisition)))
    attributes[:, len(population.attributes) :] = np.where(cohort.channel < 0, len(population.acquisition), cohort.channel)[:, None]
    for column, (name, cumulative) in enumerate(population.attributes):
        attributes[:, column] = _known_or_drawn(known.get(name), key, partial(_draw_levels, cumulative, seed, name))
    return attributes


def _draw_traits(population: PopulationPlan, world: World, seed: int, key: NDArray[np.uint64]) -> FloatArray:
    known = population.entries.traits if population.entries is not None else {}
    n_traits = len(population.traits)
    traits = np.empty((len(key), n_traits + len(population.derived)))
    for column, trait in enumerate(population.traits):
        traits[:, column] = _known_or_drawn(known.get(trait.name), key, partial(_draw_trait, trait, world, seed))
    for column, (source, inverse) in enumerate(population.derived, start=n_traits):
        x = traits[:, source]
        traits[:, column] = 1.0 / np.where(np.abs(x) < _NEAR_ZERO, np.copysign(_NEAR_ZERO, x), x) if inverse else 1.0 - x
    return traits


def _draw_levels(cumulative: FloatArray, seed: int, name: str, key: NDArray[np.uint64]) -> FloatArray:
    return np.searchsorted(cumulative, uniforms(seed, key, f"attribute:{name}"), side="right").astype(np.float64)


def _draw_trait(trait: TraitPlan, world: World, seed: int, key: NDArray[np.uint64]) -> FloatArray:
    return trait_values(trait, world, uniforms(seed, key, f"trait:{trait.name}"))


def trait_values(trait: TraitPlan, world: World, u: FloatArray) -> FloatArray:
    """Transform uniform random numbers into values of a trait.

    Parameters
    ----------
    trait : TraitPlan
        How to draw the trait.
    world : World
        Provides `knots`; nothing else is read.
    u : ndarray of float64, shape (n_customers,)
        Uniform random numbers in (0, 1).

    Returns
    -------
    ndarray of float64, shape (n_customers,)
        Values of the trait, increasing in `u`.
    """
    from scipy import special

    if trait.form is TraitTransform.NORMAL:
        return np.asarray(trait.first + trait.second * special.ndtri(u))
    if trait.form is TraitTransform.BETA:
        return np.asarray(special.betaincinv(trait.first, trait.second, u))
    values = np.empty(len(u))
    fill_quantiles(world, trait.draw, u, values)
    return 1.0 / (1.0 + 1.0 / values) if trait.form is TraitTransform.ODDS else values


def _trait_plan(name: str, law: TraitLaw, tables: QuantileTables) -> TraitPlan:
    draw = law.draw(tables)
    return TraitPlan(name, draw.form, record_array(DISTRIBUTION, [draw.record._asdict()]), draw.first, draw.second)


def _interest_shares(journey: JourneySpec) -> FloatArray:
    """Cumulative shares of interests by persona. No rows if the journey has no interests."""
    if not journey.interests:
        return np.zeros((0, 0))
    mixes = [persona.interests or journey.interests for persona in journey.personas.values()]
    return np.array([_cumulative_shares([mix.get(topic, 0.0) for topic in journey.interests]) for mix in mixes])


def _channel_persona_shares(journey: JourneySpec, personas: dict[str, float]) -> FloatArray:
    """Cumulative shares of an acquisition channel's personas; the journey's shares by default."""
    shares = {name: persona.share for name, persona in journey.personas.items()}
    return _cumulative_shares([(personas or shares).get(name, 0.0) for name in shares])


def _cumulative_shares(weights: list[float]) -> FloatArray:
    cumulative = np.cumsum(weights)
    return np.asarray(cumulative[:-1] / cumulative[-1])


def _arrival_plans(scenario: ScenarioSpec, horizon_days: float) -> tuple[ArrivalPlan, ...]:
    journey, spend = scenario.journey, scenario.policy.acquisition
    compile_channel = partial(compile_arrivals, start=scenario.start, horizon_days=horizon_days)
    return tuple(
        compile_channel(name, channel, spend.get(name, Spend()), cumulative_personas=_channel_persona_shares(journey, channel.personas))
        for name, channel in journey.acquisition.items()
    )


def _known_or_drawn(known: FloatArray | None, key: NDArray[np.uint64], draw: Callable[[NDArray[np.uint64]], FloatArray]) -> FloatArray:
    """Values from the entry file for initial customers, random draws for all others."""
    if known is None:
        return draw(key)
    initial = are_initial(key)
    values = _entry_row(known, key)
    values[~initial] = draw(key[~initial])
    return values


def _entry_row(values: FloatArray, key: NDArray[np.uint64]) -> FloatArray:
    return np.asarray(values[key % np.uint64(len(values))])

"""Who the customers are: persona, traits, attributes, and when they enter.

Lives here: how the recipe of a population is made, and drawing any stretch of it. Does not live here: the recipe (plan.py), reading
an entry file (entries.py), what customers do (behavior.py).
"""

from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from cjsim.model.arrivals import arrival_stream, inflow
from cjsim.model.codes import Wait
from cjsim.model.cohort import Cohort, are_initial
from cjsim.model.draws import Draw, Knots, gamma_draw, uniform_draw
from cjsim.model.entries import read_entries
from cjsim.model.journey import Journey
from cjsim.model.plan import Floats, Form, Inflow, Plan, Recipe, Trait
from cjsim.model.policy import Spend
from cjsim.model.quantiles import fill_quantiles
from cjsim.model.random import uniforms
from cjsim.model.registers import Registers, record_array
from cjsim.model.scenario import Scenario
from cjsim.model.state import Population
from cjsim.model.vocabulary import TraitLaw
from cjsim.model.world import DRAW, Records, World

SHIFT_AT_MOST_DAYS = 2.0  # a clock_shift beyond it is cut there: activity tables reach no further
_NEAR_ZERO = 1e-12  # a trait nearer to 0 counts as this in 1/trait


def population_recipe(scenario: Scenario, registers: Registers) -> Recipe:
    """What a scenario's population is drawn from; call it when all trait columns are known.

    Parameters
    ----------
    scenario : Scenario
        As declared.
    registers : Registers
        Takes the tables of traits and the names of streams.

    Returns
    -------
    Recipe

    Raises
    ------
    InputError
        If the entry file is wrong.
    """
    journey, columns = scenario.journey, registers.columns
    streams = ["population:persona", "population:entry", "population:interest"]
    streams += [f"trait:{name}" for name in journey.traits] + [f"attribute:{name}" for name in journey.attributes]
    streams += [arrival_stream(name) for name in journey.acquisition]
    for name in streams:
        registers.streams.of(name)
    entries = None
    if scenario.entry.file is not None:
        levels = {name: codes for name, codes in registers.names.levels.items() if name in journey.attributes}
        entries = read_entries(Path(scenario.entry.file), start=scenario.start, traits=registers.names.traits, levels=levels)
    return Recipe(
        persona_upto=_cumulative([persona.share for persona in journey.personas.values()]),
        traits=tuple(_trait(name, law, registers.knots) for name, law in journey.traits.items()),
        derived=tuple(columns.derived),
        attributes=tuple((name, _cumulative(list(levels.values()))) for name, levels in journey.attributes.items()),
        over_days=scenario.entry.over,
        entries=entries,
        shift_column=-1 if journey.clock_shift is None else columns.of(journey.clock_shift),
        interest_upto=_interests(journey),
        acquisition=_inflows(scenario),
    )


def initial_cohort(plan: Plan, seed: int, first: int, count: int) -> Cohort:
    """Initial customers `first` to `first + count - 1`, with key n for customer n.

    Parameters
    ----------
    plan : Plan
        A compiled scenario.
    seed : int
        In [0, 2**63).
    first, count : int
        The stretch; at least 0.
    """
    key = np.arange(first, first + count, dtype=np.uint64)
    return Cohort(key, _draw_entry(plan.recipe, seed, key), np.full(count, -1, np.int32), np.zeros(count), first)


def draw_population(plan: Plan, seed: int, cohort: Cohort) -> Population:
    """Who these customers are, the same however they are cut into stretches.

    Parameters
    ----------
    plan : Plan
        A compiled scenario.
    seed : int
        In [0, 2**63).
    cohort : Cohort
        Whom to draw.

    Returns
    -------
    Population
        Without answers.
    """
    recipe, key, count = plan.recipe, cohort.key, len(cohort)
    traits = _draw_traits(recipe, plan.world, seed, key)
    shift = np.zeros(count)
    if recipe.shift_column >= 0:
        shift = np.clip(traits[:, recipe.shift_column] / 24.0, -SHIFT_AT_MOST_DAYS, SHIFT_AT_MOST_DAYS)
    persona = _draw_persona(recipe, seed, cohort)
    return Population(
        key=key,
        persona=persona,
        entered=cohort.entered,
        shift=shift,
        traits=traits,
        attributes=_draw_attributes(recipe, seed, cohort),
        number=np.arange(cohort.first, cohort.first + count),
        interest=_draw_interest(recipe, seed, key, persona),
        cost=cohort.cost,
        answers=np.zeros((count, 2), np.int64),
    )


def _draw_entry(recipe: Recipe, seed: int, key: NDArray[np.uint64]) -> Floats:
    if recipe.entries is not None:
        return _of_row(recipe.entries.entered, key)
    if recipe.over_days > 0:
        return recipe.over_days * uniforms(seed, key, "population:entry")
    return np.zeros(len(key))


def _draw_interest(recipe: Recipe, seed: int, key: NDArray[np.uint64], persona: NDArray[np.int32]) -> NDArray[np.int32]:
    """The topic of each customer, -1 where the journey has none."""
    if not len(recipe.interest_upto):
        return np.full(len(key), -1, np.int32)
    upto = recipe.interest_upto[persona]
    return np.asarray((upto <= uniforms(seed, key, "population:interest")[:, None]).sum(axis=1), np.int32)


def _draw_persona(recipe: Recipe, seed: int, cohort: Cohort) -> NDArray[np.int32]:
    """The persona of each customer, from the mix of the channel that it came by."""
    u = uniforms(seed, cohort.key, "population:persona")
    persona = np.searchsorted(recipe.persona_upto, u, side="right").astype(np.int32)
    for code, channel in enumerate(recipe.acquisition):
        here = cohort.by == code
        persona[here] = np.searchsorted(channel.persona_upto, u[here], side="right")
    return persona


def _draw_attributes(recipe: Recipe, seed: int, cohort: Cohort) -> Floats:
    key = cohort.key
    known = recipe.entries.attributes if recipe.entries is not None else {}
    attributes = np.empty((len(key), len(recipe.attributes) + bool(recipe.acquisition)))
    attributes[:, len(recipe.attributes) :] = np.where(cohort.by < 0, len(recipe.acquisition), cohort.by)[:, None]
    for column, (name, upto) in enumerate(recipe.attributes):
        attributes[:, column] = _known_or_drawn(known.get(name), key, partial(_draw_levels, upto, seed, name))
    return attributes


def _draw_traits(recipe: Recipe, world: World, seed: int, key: NDArray[np.uint64]) -> Floats:
    known = recipe.entries.traits if recipe.entries is not None else {}
    n_traits = len(recipe.traits)
    traits = np.empty((len(key), n_traits + len(recipe.derived)))
    for column, trait in enumerate(recipe.traits):
        traits[:, column] = _known_or_drawn(known.get(trait.name), key, partial(_draw_trait, trait, world, seed))
    for column, (source, inverse) in enumerate(recipe.derived, start=n_traits):
        x = traits[:, source]
        traits[:, column] = 1.0 / np.where(np.abs(x) < _NEAR_ZERO, np.copysign(_NEAR_ZERO, x), x) if inverse else 1.0 - x
    return traits


def _draw_levels(upto: Floats, seed: int, name: str, key: NDArray[np.uint64]) -> Floats:
    return np.searchsorted(upto, uniforms(seed, key, f"attribute:{name}"), side="right").astype(np.float64)


def _draw_trait(trait: Trait, world: World, seed: int, key: NDArray[np.uint64]) -> Floats:
    return trait_values(trait, world, uniforms(seed, key, f"trait:{trait.name}"))


def trait_values(trait: Trait, world: World, u: Floats) -> Floats:
    """The values of a trait at uniforms.

    Parameters
    ----------
    trait : Trait
        How it is drawn.
    world : World
        Read: knots.
    u : ndarray of float64, shape (n_customers,)
        In (0, 1).

    Returns
    -------
    ndarray of float64, shape (n_customers,)
        Increasing in u.
    """
    from scipy import special

    if trait.form is Form.NORMAL:
        return np.asarray(trait.first + trait.second * special.ndtri(u))
    if trait.form is Form.BETA:
        return np.asarray(special.betaincinv(trait.first, trait.second, u))
    values = np.empty(len(u))
    fill_quantiles(world, trait.draw, u, values)
    return 1.0 / (1.0 + 1.0 / values) if trait.form is Form.ODDS else values


def _trait(name: str, law: TraitLaw, knots: Knots) -> Trait:
    if law.normal is not None:
        return Trait(name, Form.NORMAL, _draw_array(Draw()), law.normal.mean, law.normal.sd)
    if law.beta is not None:
        span = knots.beta(law.beta.alpha, law.beta.beta)
        if span is None:
            return Trait(name, Form.BETA, _draw_array(Draw()), law.beta.alpha, law.beta.beta)
        return Trait(name, Form.ODDS, _draw_array(Draw(Wait.TABLE, table=span[0], length=span[1], scale=1.0)))
    return Trait(name, Form.DRAW, _draw_array(_plain_draw(law, knots)))


def _plain_draw(law: TraitLaw, knots: Knots) -> Draw:
    if law.gamma is not None:
        return gamma_draw(law.gamma.mean, law.gamma.shape, knots)
    if law.lognormal is not None:
        return Draw(Wait.LOGNORMAL, scale=law.lognormal.median, a=law.lognormal.sigma)
    if law.uniform is not None:
        return uniform_draw(law.uniform.low, law.uniform.high)
    assert law.fixed is not None
    return Draw(Wait.FIXED, scale=law.fixed)


def _draw_array(draw: Draw) -> Records:
    return record_array(DRAW, [draw._asdict()])


def _interests(journey: Journey) -> Floats:
    """Cumulative shares of topics by persona; no rows without interests."""
    if not journey.interests:
        return np.zeros((0, 0))
    mixes = [persona.interests or journey.interests for persona in journey.personas.values()]
    return np.array([_cumulative([mix.get(topic, 0.0) for topic in journey.interests]) for mix in mixes])


def _mix(journey: Journey, personas: dict[str, float]) -> Floats:
    """Cumulative shares of the personas that a channel brings; those of the journey where it names none."""
    shares = {name: persona.share for name, persona in journey.personas.items()}
    return _cumulative([(personas or shares).get(name, 0.0) for name in shares])


def _cumulative(weights: list[float]) -> Floats:
    upto = np.cumsum(weights)
    return np.asarray(upto[:-1] / upto[-1])


def _inflows(scenario: Scenario) -> tuple[Inflow, ...]:
    journey, spend = scenario.journey, scenario.policy.acquisition
    come = partial(inflow, start=scenario.start, horizon_days=scenario.horizon)
    return tuple(
        come(name, channel, spend.get(name, Spend()), persona_upto=_mix(journey, channel.personas))
        for name, channel in journey.acquisition.items()
    )


def _known_or_drawn(known: Floats | None, key: NDArray[np.uint64], draw: Callable[[NDArray[np.uint64]], Floats]) -> Floats:
    """What the entry file says of initial customers; what is drawn of all others, whom it does not know."""
    if known is None:
        return draw(key)
    initial = are_initial(key)
    values = _of_row(known, key)
    values[~initial] = draw(key[~initial])
    return values


def _of_row(values: Floats, key: NDArray[np.uint64]) -> Floats:
    return np.asarray(values[key % np.uint64(len(values))])

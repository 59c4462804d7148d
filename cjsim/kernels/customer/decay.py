"""Quantities of a customer that decay exponentially: satisfaction, contact pressure, scores."""

import math

from cjsim.kernel import inlined, rule
from cjsim.kernels.codes import ChangeFlag
from cjsim.kernels.state import CustomerState
from cjsim.kernels.world import World


@inlined
def satisfaction_now(world: World, state: CustomerState) -> float:
    """Satisfaction in [0, 1], which returns to the resting level: rest + (s1 - rest) exp(-(now - t1)/tau)."""
    customer = state.customer[0]
    elapsed = customer.now - customer.satisfaction_at
    satisfaction: float = customer.satisfaction
    rest: float = customer.resting_satisfaction
    if elapsed <= 0.0 or satisfaction == rest:
        return satisfaction
    return rest + (satisfaction - rest) * math.exp(-elapsed / world.setting[0].satisfaction_tau)


@inlined
def change_satisfaction(world: World, state: CustomerState, gain: float) -> None:
    """Change satisfaction s by gain (1 - s) if gain > 0, else by gain s; `gain` is in [-1, 1].

    Writes: customer.satisfaction, customer.satisfaction_at.
    """
    customer = state.customer[0]
    s = satisfaction_now(world, state)
    customer.satisfaction = s + gain * (1.0 - s) if gain > 0.0 else s + gain * s
    customer.satisfaction_at = customer.now


@inlined
def pressure_now(world: World, state: CustomerState) -> float:
    """Contact pressure P exp(-(now - t1)/tau): the decayed sum of the weights of past deliveries."""
    customer = state.customer[0]
    pressure: float = customer.pressure
    if pressure == 0.0:
        return 0.0
    return pressure * math.exp((customer.pressure_at - customer.now) / world.setting[0].pressure_tau)


@rule
def score_now(world: World, state: CustomerState, score: int) -> float:
    """A named score, decayed: value exp(-(now - t1)/tau)."""
    record = state.scores[score]
    value: float = record.value
    if value == 0.0:
        return 0.0
    return value * math.exp((record.at - state.customer[0].now) / world.scores[score].tau)


@rule
def add_score(world: World, state: CustomerState, score: int, points: float) -> None:
    """Add points, which may be negative, to a score.

    Writes: scores, customer.changes.
    """
    value = score_now(world, state, score) + points
    state.scores[score].value = value
    state.scores[score].at = state.customer[0].now
    state.customer[0].changes |= ChangeFlag.SCORE.value

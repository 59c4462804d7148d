"""What fades in a customer: satisfaction, contact pressure, scores.

Lives here: their values now, and how they are moved. Does not live here: what moves them (behavior.py).
"""

import math

from cjsim.kernel import inlined, rule
from cjsim.kernels.codes import ChangeFlag


@inlined
def satisfaction_now(world, life):  # type: ignore[no-untyped-def]
    """Satisfaction, in [0, 1], on its way back to the persona's resting level.

    Parameters
    ----------
    world : World
        Read: setting.
    life : Life
        Read: customer.

    Returns
    -------
    float64
        rest + (s1 - rest) exp(-(now - t1)/tau).
    """
    customer = life.customer[0]
    gone = customer.now - customer.satisfaction_at
    if gone <= 0.0 or customer.satisfaction == customer.rest:
        return customer.satisfaction
    return customer.rest + (customer.satisfaction - customer.rest) * math.exp(-gone / world.setting[0].satisfaction_tau)


@inlined
def change_satisfaction(world, life, gain):  # type: ignore[no-untyped-def]
    """Move satisfaction s by gain (1 - s) if gain > 0, by gain s if gain < 0.

    Parameters
    ----------
    world : World
        Read: setting.
    life : Life
        Written: customer.
    gain : float64
        In [-1, 1].
    """
    customer = life.customer[0]
    s = satisfaction_now(world, life)
    customer.satisfaction = s + gain * (1.0 - s) if gain > 0.0 else s + gain * s
    customer.satisfaction_at = customer.now


@inlined
def pressure_now(world, life):  # type: ignore[no-untyped-def]
    """Contact pressure: the sum of the weights of past deliveries, decayed.

    Parameters
    ----------
    world : World
        Read: setting.
    life : Life
        Read: customer.

    Returns
    -------
    float64
        P exp(-(now - t1)/tau).
    """
    customer = life.customer[0]
    if customer.pressure == 0.0:
        return 0.0
    return customer.pressure * math.exp((customer.pressure_at - customer.now) / world.setting[0].pressure_tau)


@rule
def score_now(world, life, score):  # type: ignore[no-untyped-def]
    """A named score, decayed.

    Parameters
    ----------
    world : World
        Read: scores.
    life : Life
        Read: customer, scores.
    score : int
        Code of the score.

    Returns
    -------
    float64
        value exp(-(now - t1)/tau).
    """
    mark = life.scores[score]
    if mark.value == 0.0:
        return 0.0
    return mark.value * math.exp((mark.at - life.customer[0].now) / world.scores[score].tau)


@rule
def add_score(world, life, score, points):  # type: ignore[no-untyped-def]
    """Add points to a score.

    Parameters
    ----------
    world : World
        Read: scores.
    life : Life
        Written: scores, customer.
    score : int
        Code of the score.
    points : float64
        May be negative.
    """
    value = score_now(world, life, score) + points
    life.scores[score].value = value
    life.scores[score].at = life.customer[0].now
    life.customer[0].dirty |= ChangeFlag.SCORE

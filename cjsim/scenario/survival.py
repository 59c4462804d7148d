"""The share of a message's readers who read it within its lifetime.

It needs neither numba nor scipy, so that checks can use it without their import time.
"""

import math
from collections.abc import Callable
from functools import lru_cache

from cjsim.scenario.distributions import WaitLaw
from cjsim.scenario.touchpoints import Channel

_POINTS = 10_000
_MAX_LOG_LOSS = 50.0  # exp(-exp(50)) is 0
_LOG_ROOT_TWO_PI = 0.5 * math.log(2.0 * math.pi)


def channel_survival(channel: Channel) -> float:
    """The share of readings that happen within the lifetime of a channel's messages.

    In a pull channel the lifetime starts when the message is placed. A message that is shown is shown in time, so nothing is lost later.

    Parameters
    ----------
    channel : Channel
        As declared.

    Returns
    -------
    float
        In [0, 1].

    Examples
    --------
    >>> channel_survival(Channel(open_delay={"exponential": "1d"}, lifetime="1d"))
    0.5
    """
    loses_nothing = channel.lifetime is None or channel.kind == "pull"
    return 1.0 if loses_nothing else survival_share(channel.open_delay, channel.lifetime or 0.0)


@lru_cache(maxsize=4096)  # an integral takes milliseconds, and a what-if changes few channels
def survival_share(law: WaitLaw, lifetime_days: float) -> float:
    """E[exp(-D / lifetime)] of a delay D: the share of readings within a message's lifetime.

    Closed form for fixed, exponential, gamma and empirical delays; for Weibull and lognormal ones the trapezoidal rule
    over the logarithm, whose error falls exponentially with the number of points (below 1e-12 for all allowed shapes).

    Parameters
    ----------
    law : WaitLaw
        The delay, in days.
    lifetime_days : float
        Days, above 0. With inf nothing is lost.

    Returns
    -------
    float
        In [0, 1].

    References
    ----------
    Trefethen, Weideman (2014), SIAM Review 56(3), section 5: the trapezoidal rule on the real line.

    Examples
    --------
    >>> survival_share(WaitLaw(exponential={"mean": "2d"}), 2.0)
    0.5
    """
    rate = 1.0 / lifetime_days
    if rate == 0.0:
        return 1.0
    if law.exponential is not None:
        return 1.0 / (1.0 + rate * law.exponential.mean)
    if law.gamma is not None:
        return math.exp(-law.gamma.shape * math.log1p(rate * law.gamma.mean / law.gamma.shape))
    if law.empirical is not None:
        weights = law.empirical.weights or (1.0,) * len(law.empirical.values)
        terms = [w * math.exp(-rate * v) for w, v in zip(weights, law.empirical.values, strict=True)]
        return math.fsum(terms) / math.fsum(weights)
    if law.weibull is not None:
        start, shape = math.log(rate * law.weibull.scale), law.weibull.shape
        return _mean_survival(lambda y: y - math.exp(y), lambda y: start + y / shape, -45.0, 5.0)
    if law.lognormal is not None:
        start, sigma = math.log(rate * law.lognormal.median), law.lognormal.sigma
        return _mean_survival(lambda z: -0.5 * z * z - _LOG_ROOT_TWO_PI, lambda z: start + sigma * z, -9.0, 9.0)
    assert law.fixed is not None
    return math.exp(-rate * law.fixed)


def _mean_survival(log_density: Callable[[float], float], log_loss: Callable[[float], float], low: float, high: float) -> float:
    """Trapezoidal sum of exp(log_density - exp(log_loss)). Both ends of the range are negligible."""
    step = (high - low) / _POINTS
    points = (low + index * step for index in range(_POINTS + 1))
    return step * math.fsum(math.exp(log_density(x) - math.exp(min(log_loss(x), _MAX_LOG_LOSS))) for x in points)

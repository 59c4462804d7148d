"""The family of wait laws: distributions of waiting times, in days."""

from functools import lru_cache
from typing import Annotated, Any

from pydantic import BeforeValidator, Field

from cjsim.scenario.fields import Duration, PositiveDuration
from cjsim.scenario.kinds.distributions import DistributionKind, Empirical, Exponential, Gamma, Lognormal, WaitDistribution, Weibull
from cjsim.scenario.phrases import delay_phrase, duration_phrase
from cjsim.yaml.keyed_union import KeyedUnion


class WaitKind(DistributionKind):
    """A distribution of waiting times, in days, at speed 1."""

    def median(self) -> float:
        """The median, in days."""
        return self._wait_distribution.median_value()

    def survival(self, rate: float) -> float:
        """E[exp(-rate D)] of the wait D: the share that is over before an exponential lifetime with this rate (1/day) ends."""
        return self._wait_distribution.survival(rate)

    @property
    def _wait_distribution(self) -> WaitDistribution:
        distribution = self.distribution
        assert isinstance(distribution, WaitDistribution)
        return distribution

    @property
    def can_be_zero(self) -> bool:
        """Whether a wait of 0 is one of the values; never so for a continuous distribution."""
        return False

    @property
    def is_always_zero(self) -> bool:
        """Whether the wait is 0 for certain."""
        return self.support() == (0, 0)

    def phrase(self) -> str:
        """When something happens after this wait, in words."""
        return f"after {duration_phrase(self.mean())} on average ({self.key})"


class ExponentialTime(Exponential):
    """Exponential (memoryless) by its mean."""

    mean: PositiveDuration


class GammaTime(Gamma):
    """Gamma by its mean and shape."""

    mean: PositiveDuration


class WeibullTime(Weibull):
    """Weibull: P(X > x) = exp(-(x/scale)^shape)."""

    scale: PositiveDuration


class LognormalTime(Lognormal):
    """Lognormal by its median and the standard deviation of its logarithm."""

    median: PositiveDuration


class EmpiricalTime(Empirical):
    """One of the given waits, by weight (equal weights if none are given)."""

    values: Annotated[tuple[Duration, ...], Field(min_length=1)]


def _expand_mean(value: Any) -> Any:
    return {"mean": value} if isinstance(value, (str, float)) else value


class ExponentialWait(WaitKind, key="exponential"):
    """An exponential wait; the mean alone is short for it."""

    exponential: Annotated[ExponentialTime, BeforeValidator(_expand_mean, json_schema_input_type=PositiveDuration | ExponentialTime)]


class GammaWait(WaitKind, key="gamma"):
    """A gamma wait."""

    gamma: GammaTime


class WeibullWait(WaitKind, key="weibull"):
    """A Weibull wait."""

    weibull: WeibullTime


class LognormalWait(WaitKind, key="lognormal"):
    """A lognormal wait."""

    lognormal: LognormalTime


class FixedWait(WaitKind, key="fixed"):
    """Always the same wait."""

    fixed: Duration

    @property
    def can_be_zero(self) -> bool:
        return self.fixed == 0

    def phrase(self) -> str:
        return delay_phrase(self.fixed)


class EmpiricalWait(WaitKind, key="empirical"):
    """One of the given waits."""

    empirical: EmpiricalTime

    @property
    def can_be_zero(self) -> bool:
        return 0 in self.empirical.values


WaitLaw = Annotated[ExponentialWait | GammaWait | WeibullWait | LognormalWait | FixedWait | EmpiricalWait, KeyedUnion()]


@lru_cache(maxsize=4096)  # an integral takes milliseconds, and a what-if changes few channels
def survival_share(law: WaitKind, lifetime_days: float) -> float:
    """E[exp(-D / lifetime)] of a delay D: the share of messages that are read within their lifetime.

    Closed form for fixed, exponential, gamma and empirical delays; for Weibull and lognormal ones the trapezoidal rule
    over the logarithm, whose error falls exponentially with the number of points (below 1e-12 for all allowed shapes).

    Parameters
    ----------
    law : WaitKind
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
    >>> survival_share(ExponentialWait(exponential="2d"), 2.0)
    0.5
    """
    rate = 1.0 / lifetime_days
    return 1.0 if rate == 0.0 else law.survival(rate)

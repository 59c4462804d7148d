"""The family of wait laws: distributions of waiting times, each with its schema, moments, phrase and record."""

import math
from abc import abstractmethod
from collections.abc import Callable
from functools import lru_cache
from itertools import accumulate
from typing import Annotated, Any

from pydantic import BeforeValidator, Field, model_validator

from cjsim.kernels.codes import DistributionCode
from cjsim.scenario.fields import Duration, NonNegative, PositiveDuration, RealNumber, check_weights, weighted_mean
from cjsim.scenario.kinds.distribution_records import constant_record, empirical_record, exponential_record, gamma_record, lognormal_record
from cjsim.scenario.kinds.registers import DistributionRecord, QuantileRegister
from cjsim.scenario.phrases import delay_phrase, duration_phrase
from cjsim.yaml.keyed_union import KeyedUnion, Kind
from cjsim.yaml.strict_model import StrictModel

_POINTS = 10_000  # of the trapezoidal rule
_MAX_LOG_LOSS = 50.0  # exp(-exp(50)) is 0
_LOG_ROOT_TWO_PI = 0.5 * math.log(2.0 * math.pi)


class WaitKind(Kind):
    """A distribution of waiting times, in days, at speed 1."""

    @abstractmethod
    def mean(self) -> float:
        """Mean, in days; infinite where it exceeds the range of floating point."""

    @abstractmethod
    def median(self) -> float:
        """Median, in days."""

    @abstractmethod
    def survival(self, rate: float) -> float:
        """E[exp(-rate D)] of the wait D: the share that is over before an exponential lifetime with this rate (1/day) ends."""

    @abstractmethod
    def record(self, tables: QuantileRegister) -> DistributionRecord:
        """The record of the distribution; a table that it needs is added to `tables`."""

    @property
    def can_be_zero(self) -> bool:
        """Whether a wait of 0 has a probability above 0."""
        return False

    @property
    def is_always_zero(self) -> bool:
        """Whether the wait is 0 for certain."""
        return False

    def phrase(self) -> str:
        """When something happens after this wait, in words."""
        return f"after {duration_phrase(self.mean())} on average ({self.key})"


class ExponentialTerms(StrictModel):
    """Memoryless, by its mean."""

    mean: PositiveDuration


def _expand_mean(value: Any) -> Any:
    return {"mean": value} if isinstance(value, (str, float)) else value


class ExponentialWait(WaitKind, key="exponential"):
    """An exponential wait; the mean alone is short for it."""

    exponential: Annotated[ExponentialTerms, BeforeValidator(_expand_mean, json_schema_input_type=PositiveDuration | ExponentialTerms)]

    def mean(self) -> float:
        return self.exponential.mean

    def median(self) -> float:
        return self.exponential.mean * math.log(2)

    def survival(self, rate: float) -> float:
        """1 / (1 + rate * mean)."""
        return 1.0 / (1.0 + rate * self.exponential.mean)

    def record(self, tables: QuantileRegister) -> DistributionRecord:
        return exponential_record(self.exponential.mean)


class GammaTerms(StrictModel):
    """Gamma by mean and shape."""

    mean: PositiveDuration
    shape: Annotated[RealNumber, Field(ge=0.01, le=1000)]


class GammaWait(WaitKind, key="gamma"):
    """A gamma wait."""

    gamma: GammaTerms

    def mean(self) -> float:
        return self.gamma.mean

    def median(self) -> float:
        from scipy.special import gammaincinv

        return float(self.gamma.mean / self.gamma.shape * gammaincinv(self.gamma.shape, 0.5))

    def survival(self, rate: float) -> float:
        """(1 + rate * mean / shape)^-shape."""
        return math.exp(-self.gamma.shape * math.log1p(rate * self.gamma.mean / self.gamma.shape))

    def record(self, tables: QuantileRegister) -> DistributionRecord:
        return gamma_record(self.gamma.mean, self.gamma.shape, tables)


class WeibullTerms(StrictModel):
    """Weibull: survival exp(-(t/scale)^shape)."""

    scale: PositiveDuration
    shape: Annotated[RealNumber, Field(ge=0.05, le=100)]


class WeibullWait(WaitKind, key="weibull"):
    """A Weibull wait."""

    weibull: WeibullTerms

    def mean(self) -> float:
        """Scale * Gamma(1 + 1/shape), in days; infinite where it exceeds the range of floating point."""
        try:
            return self.weibull.scale * math.gamma(1 + 1 / self.weibull.shape)
        except OverflowError:
            return math.inf

    def median(self) -> float:
        return float(self.weibull.scale * math.log(2) ** (1 / self.weibull.shape))

    def survival(self, rate: float) -> float:
        start, shape = math.log(rate * self.weibull.scale), self.weibull.shape
        return _mean_survival(lambda y: y - math.exp(y), lambda y: start + y / shape, -45.0, 5.0)

    def record(self, tables: QuantileRegister) -> DistributionRecord:
        return DistributionRecord(DistributionCode.WEIBULL, scale=self.weibull.scale, a=1.0 / self.weibull.shape)


class LognormalTerms(StrictModel):
    """Lognormal by its median and the standard deviation of its logarithm."""

    median: PositiveDuration
    sigma: Annotated[RealNumber, Field(ge=0, le=10)]


class LognormalWait(WaitKind, key="lognormal"):
    """A lognormal wait."""

    lognormal: LognormalTerms

    def mean(self) -> float:
        """Median * exp(sigma^2 / 2), in days."""
        return self.lognormal.median * math.exp(self.lognormal.sigma**2 / 2)

    def median(self) -> float:
        return self.lognormal.median

    def survival(self, rate: float) -> float:
        start, sigma = math.log(rate * self.lognormal.median), self.lognormal.sigma
        return _mean_survival(lambda z: -0.5 * z * z - _LOG_ROOT_TWO_PI, lambda z: start + sigma * z, -9.0, 9.0)

    def record(self, tables: QuantileRegister) -> DistributionRecord:
        return lognormal_record(self.lognormal.median, self.lognormal.sigma)


class FixedWait(WaitKind, key="fixed"):
    """Always the same wait."""

    fixed: Duration

    def mean(self) -> float:
        return self.fixed

    def median(self) -> float:
        return self.fixed

    def survival(self, rate: float) -> float:
        """exp(-rate * wait)."""
        return math.exp(-rate * self.fixed)

    def record(self, tables: QuantileRegister) -> DistributionRecord:
        return constant_record(self.fixed)

    @property
    def can_be_zero(self) -> bool:
        return self.fixed == 0

    @property
    def is_always_zero(self) -> bool:
        return self.fixed == 0

    def phrase(self) -> str:
        return delay_phrase(self.fixed)


class EmpiricalTerms(StrictModel):
    """One of the values, by weight (equal weights if none are given)."""

    values: Annotated[tuple[Duration, ...], Field(min_length=1)]
    weights: tuple[NonNegative, ...] | None = None

    @model_validator(mode="after")
    def _weights_fit(self) -> "EmpiricalTerms":
        check_weights(self.weights, len(self.values))
        return self


class EmpiricalWait(WaitKind, key="empirical"):
    """One of the given waits."""

    empirical: EmpiricalTerms

    def _weighted_values(self) -> list[tuple[float, float]]:
        values = self.empirical.values
        return sorted(zip(values, self.empirical.weights or (1.0,) * len(values), strict=True))

    def mean(self) -> float:
        return weighted_mean(self.empirical.values, self.empirical.weights)

    def median(self) -> float:
        """The smallest value at which the cumulative weight reaches one half, in days."""
        pairs = self._weighted_values()
        cumulative = accumulate(weight for _, weight in pairs)
        half = math.fsum(weight for _, weight in pairs) / 2
        return next((value for (value, _), reached in zip(pairs, cumulative, strict=True) if reached >= half), pairs[-1][0])

    def survival(self, rate: float) -> float:
        return weighted_mean(tuple(math.exp(-rate * value) for value in self.empirical.values), self.empirical.weights)

    def record(self, tables: QuantileRegister) -> DistributionRecord:
        return empirical_record(self.empirical.values, self.empirical.weights, tables)

    @property
    def can_be_zero(self) -> bool:
        return 0 in self.empirical.values

    @property
    def is_always_zero(self) -> bool:
        return not any(self.empirical.values)


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


def _mean_survival(log_density: Callable[[float], float], log_loss: Callable[[float], float], low: float, high: float) -> float:
    """Trapezoidal sum of exp(log_density - exp(log_loss)). Both ends of the range are negligible."""
    step = (high - low) / _POINTS
    points = (low + index * step for index in range(_POINTS + 1))
    return step * math.fsum(math.exp(log_density(x) - math.exp(min(log_loss(x), _MAX_LOG_LOSS))) for x in points)

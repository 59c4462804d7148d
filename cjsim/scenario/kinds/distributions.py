"""Distributions shared by waits, amounts and traits: parameters, moments, support and compiled record.

Fields whose unit depends on the family (days, money) are plain numbers here. The families redeclare them with their units.
"""

import math
from abc import abstractmethod
from collections.abc import Callable
from itertools import accumulate
from typing import Annotated, ClassVar, Self

from pydantic import Field, model_validator

from cjsim.kernels.codes import DistributionCode
from cjsim.scenario.fields import NonNegative, Number, RealNumber
from cjsim.scenario.kinds.registers import DistributionRecord, QuantileRegister
from cjsim.yaml.keyed_union import Kind
from cjsim.yaml.strict_model import FieldError, StrictModel

_POINTS = 10_000  # intervals of the trapezoidal rule
_MAX_LOG_LOSS = 50.0  # exp(-exp(50)) is 0
_LOG_ROOT_TWO_PI = 0.5 * math.log(2.0 * math.pi)


class Distribution(StrictModel):
    """Parameters of a distribution."""

    is_discrete: ClassVar[bool] = False

    @abstractmethod
    def expected_value(self) -> float:
        """Return the mean, or infinity if it exceeds the range of floating point."""

    @abstractmethod
    def record(self, tables: QuantileRegister) -> DistributionRecord:
        """Return the compiled record of the distribution. Adds a table to `tables` if the distribution needs one."""

    def support(self) -> tuple[float, float]:
        """Return the smallest and the largest possible value."""
        return 0.0, math.inf


class WaitDistribution(Distribution):
    """Parameters of a distribution of non-negative numbers."""

    @abstractmethod
    def median_value(self) -> float:
        """Return the median."""

    @abstractmethod
    def survival(self, rate: float) -> float:
        """Return E[exp(-rate X)], the share of waits that end before an exponential lifetime with this rate."""


class Constant(WaitDistribution):
    """A constant."""

    is_discrete = True
    value: float

    def expected_value(self) -> float:
        """The value."""
        return self.value

    def median_value(self) -> float:
        """The value."""
        return self.value

    def survival(self, rate: float) -> float:
        """exp(-rate * value)."""
        return math.exp(-rate * self.value)

    def record(self, tables: QuantileRegister) -> DistributionRecord:
        """A FIXED record."""
        return DistributionRecord(DistributionCode.FIXED, scale=self.value)

    def support(self) -> tuple[float, float]:
        """Return the value as both bounds."""
        return self.value, self.value


class Exponential(WaitDistribution):
    """Exponential distribution (memoryless), given by its mean."""

    mean: float

    def expected_value(self) -> float:
        """The mean."""
        return self.mean

    def median_value(self) -> float:
        """Return mean * ln 2."""
        return self.mean * math.log(2)

    def survival(self, rate: float) -> float:
        """1 / (1 + rate * mean)."""
        return 1.0 / (1.0 + rate * self.mean)

    def record(self, tables: QuantileRegister) -> DistributionRecord:
        """An EXPONENTIAL record."""
        return DistributionRecord(DistributionCode.EXPONENTIAL, scale=self.mean)


class Gamma(WaitDistribution):
    """Gamma distribution, given by its mean and shape."""

    mean: float
    shape: Annotated[RealNumber, Field(ge=0.01, le=1000)] = Field(examples=[2])
    """Shape; the coefficient of variation is 1 / sqrt(shape), so 1 gives an exponential distribution."""

    def expected_value(self) -> float:
        """The mean."""
        return self.mean

    def median_value(self) -> float:
        """Return mean / shape times the median of a gamma distribution with this shape and scale 1."""
        from scipy.special import gammaincinv

        return float(self.mean / self.shape * gammaincinv(self.shape, 0.5))

    def survival(self, rate: float) -> float:
        """(1 + rate * mean / shape)^-shape."""
        return math.exp(-self.shape * math.log1p(rate * self.mean / self.shape))

    def record(self, tables: QuantileRegister) -> DistributionRecord:
        """A TABLE record, because the quantile has no closed form."""
        first, length = tables.gamma(self.shape)
        return DistributionRecord(DistributionCode.TABLE, table=first, length=length, scale=self.mean / self.shape)


class Weibull(WaitDistribution):
    """Weibull distribution with P(X > x) = exp(-(x/scale)^shape)."""

    scale: float
    shape: Annotated[RealNumber, Field(ge=0.05, le=100)] = Field(examples=[1.5])
    """Shape; above 1, the event becomes more likely over time, and below 1, less likely."""

    def expected_value(self) -> float:
        """Return scale * Gamma(1 + 1/shape); infinite where it exceeds the range of floating point."""
        try:
            return self.scale * math.gamma(1 + 1 / self.shape)
        except OverflowError:
            return math.inf

    def median_value(self) -> float:
        """Return scale * (ln 2)^(1/shape)."""
        return float(self.scale * math.log(2) ** (1 / self.shape))

    def survival(self, rate: float) -> float:
        """E[exp(-rate X)], by quadrature over log X."""
        start = math.log(rate * self.scale)
        return _mean_survival(lambda y: y - math.exp(y), lambda y: start + y / self.shape, -45.0, 5.0)

    def record(self, tables: QuantileRegister) -> DistributionRecord:
        """A WEIBULL record."""
        return DistributionRecord(DistributionCode.WEIBULL, scale=self.scale, a=1.0 / self.shape)


class Lognormal(WaitDistribution):
    """Lognormal distribution, given by its median and the standard deviation of its logarithm."""

    median: float
    sigma: Annotated[RealNumber, Field(ge=0, le=10)] = Field(examples=[0.6])
    """Standard deviation of the logarithm."""

    def expected_value(self) -> float:
        """Return median * exp(sigma^2 / 2)."""
        return self.median * math.exp(self.sigma**2 / 2)

    def median_value(self) -> float:
        """The median."""
        return self.median

    def survival(self, rate: float) -> float:
        """E[exp(-rate X)], by quadrature over log X."""
        start = math.log(rate * self.median)
        return _mean_survival(lambda z: -0.5 * z * z - _LOG_ROOT_TWO_PI, lambda z: start + self.sigma * z, -9.0, 9.0)

    def record(self, tables: QuantileRegister) -> DistributionRecord:
        """A LOGNORMAL record."""
        return DistributionRecord(DistributionCode.LOGNORMAL, scale=self.median, a=self.sigma)


class Uniform(Distribution):
    """Uniform distribution between `low` and `high`."""

    low: Number = Field(examples=[10])
    """Smallest possible value; it must be below `high`."""
    high: Number = Field(examples=[50])
    """Largest possible value; it must be above `low`."""

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if not self.low < self.high:
            raise FieldError("must have 'low' below 'high'", "Lower 'low', or raise 'high'.")
        return self

    def expected_value(self) -> float:
        """(low + high) / 2."""
        return (self.low + self.high) / 2

    def record(self, tables: QuantileRegister) -> DistributionRecord:
        """A UNIFORM record."""
        return DistributionRecord(DistributionCode.UNIFORM, scale=self.low, a=self.high - self.low)

    def support(self) -> tuple[float, float]:
        """Return low and high."""
        return self.low, self.high


class Empirical(WaitDistribution):
    """Empirical distribution over the given values, with weights (default: equal weights)."""

    is_discrete = True
    values: tuple[float, ...]
    weights: tuple[NonNegative, ...] | None = Field(None, examples=[[2, 1]])
    """Weights of the values, one for each; equal by default."""

    @model_validator(mode="after")
    def _weights_fit(self) -> Self:
        if self.weights is not None and len(self.weights) != len(self.values):
            must = f"must have one weight per value ({len(self.values)} values, {len(self.weights)} weights)"
            raise FieldError(must, "Give as many 'weights' as 'values', or remove 'weights' for equal ones.")
        if self.weights is not None and not sum(self.weights) > 0:
            raise FieldError("must have at least one weight above 0", "Raise a weight, or remove 'weights' for equal ones.")
        return self

    def expected_value(self) -> float:
        """The weighted mean of the values."""
        return self._mean_of(self.values)

    def median_value(self) -> float:
        """Return the smallest value at which the cumulative weight reaches one half."""
        pairs = sorted(zip(self.values, self._all_weights(), strict=True))
        half = math.fsum(weight for _, weight in pairs) / 2
        cumulative = accumulate(weight for _, weight in pairs)
        return next((value for (value, _), reached in zip(pairs, cumulative, strict=True) if reached >= half), pairs[-1][0])

    def survival(self, rate: float) -> float:
        """The weighted mean of exp(-rate * value)."""
        return self._mean_of(tuple(math.exp(-rate * value) for value in self.values))

    def record(self, tables: QuantileRegister) -> DistributionRecord:
        """A STEPS record, with the cumulative weights."""
        first, length = tables.steps(self.values, self.weights)
        return DistributionRecord(DistributionCode.STEPS, table=first, length=length)

    def support(self) -> tuple[float, float]:
        """The smallest and the largest value."""
        return min(self.values), max(self.values)

    def _all_weights(self) -> tuple[float, ...]:
        return self.weights or (1.0,) * len(self.values)

    def _mean_of(self, values: tuple[float, ...]) -> float:
        weights = self._all_weights()
        return math.fsum(value * weight for value, weight in zip(values, weights, strict=True)) / math.fsum(weights)


class DistributionKind(Kind):
    """A kind in a family of distributions. Its body is a `Distribution`, or a number for a constant."""

    @property
    def distribution(self) -> Distribution:
        """The distribution of the body."""
        return self.body if isinstance(self.body, Distribution) else Constant(value=self.body)

    def mean(self) -> float:
        """Return the mean in the unit of the family, or infinity if it exceeds the range of floating point."""
        return self.distribution.expected_value()

    def family_phrase(self) -> str:
        """Return the name of the distribution and, besides its mean, its shape or sigma: "gamma, shape 2"."""
        spread = (f", {name} {getattr(self.distribution, name):g}" for name in ("shape", "sigma") if hasattr(self.distribution, name))
        return f"{self.key}{''.join(spread)}"

    def record(self, tables: QuantileRegister) -> DistributionRecord:
        """Return the compiled record of the distribution. Adds a table to `tables` if the distribution needs one."""
        return self.distribution.record(tables)

    def support(self) -> tuple[float, float]:
        """Return the smallest and the largest possible value."""
        return self.distribution.support()


def _mean_survival(log_density: Callable[[float], float], log_loss: Callable[[float], float], low: float, high: float) -> float:
    """Integrate exp(log_density - exp(log_loss)) by the trapezoidal rule. The integrand is negligible at both ends of the range."""
    step = (high - low) / _POINTS
    points = (low + index * step for index in range(_POINTS + 1))
    return step * math.fsum(math.exp(log_density(x) - math.exp(min(log_loss(x), _MAX_LOG_LOSS))) for x in points)

"""The family of amount laws: distributions of money, each with its schema, mean and record."""

import math
from abc import abstractmethod
from typing import Annotated, Any

from pydantic import Field, model_validator

from cjsim.scenario.fields import NonNegative, Number, Positive, RealNumber, check_weights, weighted_mean
from cjsim.scenario.kinds.distribution_records import (
    constant_record,
    empirical_record,
    exponential_record,
    gamma_record,
    lognormal_record,
    uniform_record,
)
from cjsim.scenario.kinds.registers import DistributionRecord, QuantileRegister
from cjsim.yaml.keyed_union import KeyedUnion, Kind
from cjsim.yaml.strict_model import StrictModel


class AmountKind(Kind):
    """A distribution of amounts of money."""

    @abstractmethod
    def mean(self) -> float:
        """Mean, money."""

    @abstractmethod
    def record(self, tables: QuantileRegister) -> DistributionRecord:
        """The record of the distribution; a table that it needs is added to `tables`."""


class FixedAmount(AmountKind, key="fixed"):
    """Always the same amount; a number alone is short for it."""

    fixed: NonNegative

    def mean(self) -> float:
        return self.fixed

    def record(self, tables: QuantileRegister) -> DistributionRecord:
        return constant_record(self.fixed)


class ExponentialAmountTerms(StrictModel):
    """Exponential by its mean."""

    mean: Positive


class ExponentialAmount(AmountKind, key="exponential"):
    """An exponential amount."""

    exponential: ExponentialAmountTerms

    def mean(self) -> float:
        return self.exponential.mean

    def record(self, tables: QuantileRegister) -> DistributionRecord:
        return exponential_record(self.exponential.mean)


class GammaAmountTerms(StrictModel):
    """Gamma by mean and shape."""

    mean: Positive
    shape: Annotated[RealNumber, Field(ge=0.01, le=1000)]


class GammaAmount(AmountKind, key="gamma"):
    """A gamma amount."""

    gamma: GammaAmountTerms

    def mean(self) -> float:
        return self.gamma.mean

    def record(self, tables: QuantileRegister) -> DistributionRecord:
        return gamma_record(self.gamma.mean, self.gamma.shape, tables)


class LognormalAmountTerms(StrictModel):
    """Lognormal by its median and the standard deviation of its logarithm."""

    median: Positive
    sigma: Annotated[RealNumber, Field(ge=0, le=10)]


class LognormalAmount(AmountKind, key="lognormal"):
    """A lognormal amount."""

    lognormal: LognormalAmountTerms

    def mean(self) -> float:
        """Median * exp(sigma^2 / 2), money."""
        return self.lognormal.median * math.exp(self.lognormal.sigma**2 / 2)

    def record(self, tables: QuantileRegister) -> DistributionRecord:
        return lognormal_record(self.lognormal.median, self.lognormal.sigma)


class UniformAmountTerms(StrictModel):
    """Uniform between low and high."""

    low: Number
    high: Number

    @model_validator(mode="after")
    def _ordered(self) -> "UniformAmountTerms":
        if not self.low < self.high:
            raise ValueError("must have low below high")
        return self


class UniformAmount(AmountKind, key="uniform"):
    """A uniform amount."""

    uniform: UniformAmountTerms

    def mean(self) -> float:
        return (self.uniform.low + self.uniform.high) / 2

    def record(self, tables: QuantileRegister) -> DistributionRecord:
        return uniform_record(self.uniform.low, self.uniform.high)


class EmpiricalAmountTerms(StrictModel):
    """One of the values, by weight (equal weights if none are given)."""

    values: Annotated[tuple[Number, ...], Field(min_length=1)]
    weights: tuple[NonNegative, ...] | None = None

    @model_validator(mode="after")
    def _weights_fit(self) -> "EmpiricalAmountTerms":
        check_weights(self.weights, len(self.values))
        return self


class EmpiricalAmount(AmountKind, key="empirical"):
    """One of the given amounts."""

    empirical: EmpiricalAmountTerms

    def mean(self) -> float:
        return weighted_mean(self.empirical.values, self.empirical.weights)

    def record(self, tables: QuantileRegister) -> DistributionRecord:
        return empirical_record(self.empirical.values, self.empirical.weights, tables)


def _expand_number(value: Any) -> Any:
    return {"fixed": value} if isinstance(value, (int, float)) and not isinstance(value, bool) else value


_NUMBER_SCHEMA = {"type": "number", "minimum": 0, "description": "Always this much."}
AmountLaw = Annotated[
    FixedAmount | ExponentialAmount | GammaAmount | LognormalAmount | UniformAmount | EmpiricalAmount,
    KeyedUnion(_expand_number, _NUMBER_SCHEMA),
]

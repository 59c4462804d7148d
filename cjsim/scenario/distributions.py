"""Distributions that a user declares: waiting times, amounts of money, and traits."""

from typing import Annotated, Any

from pydantic import Field, model_validator

from cjsim.scenario.fields import Duration, NonNegative, Number, Positive, PositiveDuration, RealNumber
from cjsim.yaml.strict_model import OneOf, StrictModel


class ExponentialWait(StrictModel):
    """Memoryless, by its mean."""

    mean: PositiveDuration


class GammaWait(StrictModel):
    """Gamma by mean and shape."""

    mean: PositiveDuration
    shape: Annotated[RealNumber, Field(ge=0.01, le=1000)]


class WeibullWait(StrictModel):
    """Weibull: survival exp(-(t/scale)^shape)."""

    scale: PositiveDuration
    shape: Annotated[RealNumber, Field(ge=0.05, le=100)]


class LognormalWait(StrictModel):
    """Lognormal by median and the sigma of its logarithm."""

    median: PositiveDuration
    sigma: Annotated[RealNumber, Field(ge=0, le=10)]


class EmpiricalWait(StrictModel):
    """One of the values, by weight (equal if none are given)."""

    values: Annotated[tuple[Duration, ...], Field(min_length=1)]
    weights: tuple[NonNegative, ...] | None = None

    @model_validator(mode="after")
    def _weights_fit(self) -> "EmpiricalWait":
        _check_weights(self.weights, len(self.values))
        return self


class WaitLaw(OneOf):
    """How long a clock waits, at speed 1."""

    exponential: ExponentialWait | None = None
    gamma: GammaWait | None = None
    weibull: WeibullWait | None = None
    lognormal: LognormalWait | None = None
    fixed: Duration | None = None
    empirical: EmpiricalWait | None = None

    @model_validator(mode="before")
    @classmethod
    def _short_exponential(cls, value: Any) -> Any:
        if isinstance(value, dict) and isinstance(value.get("exponential"), (str, float)):
            return {**value, "exponential": {"mean": value["exponential"]}}
        return value


class GammaAmount(StrictModel):
    """Gamma by mean and shape."""

    mean: Positive
    shape: Annotated[RealNumber, Field(ge=0.01, le=1000)]


class LognormalAmount(StrictModel):
    """Lognormal by median and the sigma of its logarithm."""

    median: Positive
    sigma: Annotated[RealNumber, Field(ge=0, le=10)]


class UniformAmount(StrictModel):
    """Uniform between low and high."""

    low: Number
    high: Number

    @model_validator(mode="after")
    def _ordered(self) -> "UniformAmount":
        if not self.low < self.high:
            raise ValueError("must have low below high")
        return self


class ExponentialAmount(StrictModel):
    """Exponential by its mean."""

    mean: Positive


class EmpiricalAmount(StrictModel):
    """One of the values, by weight (equal if none are given)."""

    values: Annotated[tuple[Number, ...], Field(min_length=1)]
    weights: tuple[NonNegative, ...] | None = None

    @model_validator(mode="after")
    def _weights_fit(self) -> "EmpiricalAmount":
        _check_weights(self.weights, len(self.values))
        return self


class AmountLaw(OneOf):
    """A distribution of money."""

    fixed: NonNegative | None = None
    exponential: ExponentialAmount | None = None
    gamma: GammaAmount | None = None
    lognormal: LognormalAmount | None = None
    uniform: UniformAmount | None = None
    empirical: EmpiricalAmount | None = None

    @model_validator(mode="before")
    @classmethod
    def _short_fixed(cls, value: Any) -> Any:
        return {"fixed": value} if isinstance(value, (int, float)) and not isinstance(value, bool) else value


class BetaTrait(StrictModel):
    """Beta by its two parameters."""

    alpha: Annotated[RealNumber, Field(gt=0, le=1e6)]
    beta: Annotated[RealNumber, Field(gt=0, le=1e6)]


class NormalTrait(StrictModel):
    """Normal by mean and standard deviation."""

    mean: Number
    sd: Annotated[RealNumber, Field(ge=0, le=1e6)]


class TraitLaw(OneOf):
    """A distribution of a latent constant of the customer."""

    gamma: GammaAmount | None = None
    lognormal: LognormalAmount | None = None
    beta: BetaTrait | None = None
    normal: NormalTrait | None = None
    uniform: UniformAmount | None = None
    fixed: Number | None = None


def _check_weights(weights: tuple[float, ...] | None, count: int) -> None:
    if weights is not None and len(weights) != count:
        raise ValueError(f"must have one weight a value ({count}), got {len(weights)}")
    if weights is not None and not sum(weights) > 0:
        raise ValueError("must have a weight above 0")

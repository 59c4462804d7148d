"""The family of trait laws: distributions of latent customer traits."""

import math
from enum import Enum
from typing import Annotated, NamedTuple

from pydantic import Field

from cjsim.kernels.codes import DistributionCode
from cjsim.scenario.fields import Number, RealNumber
from cjsim.scenario.kinds.amount_laws import GammaMoney, LognormalMoney
from cjsim.scenario.kinds.distributions import DistributionKind, Uniform
from cjsim.scenario.kinds.registers import DistributionRecord, QuantileRegister
from cjsim.scenario.phrases import join_names
from cjsim.yaml.keyed_union import KeyedUnion
from cjsim.yaml.strict_model import StrictModel


class TraitTransform(Enum):
    """How a trait is computed from a uniform random number."""

    DRAW = "the drawn value"
    ODDS = "x from the drawn odds x/(1-x)"
    NORMAL = "mean + sd z"
    BETA = "inverse CDF from scipy, if no table is accurate enough"


class TraitDraw(NamedTuple):
    """A transform, the distribution to draw from, and two parameters. NORMAL: mean and standard deviation. BETA: alpha and beta."""

    form: TraitTransform
    record: DistributionRecord
    first: float = 0.0
    second: float = 0.0


class TraitKind(DistributionKind):
    """Distribution of a trait, a latent constant of the customer."""

    def draw(self, tables: QuantileRegister) -> TraitDraw:
        """Return how to draw the trait. Adds a table to `tables` if the distribution needs one."""
        return TraitDraw(TraitTransform.DRAW, self.record(tables))

    def phrase(self) -> str:
        """Describe the distribution."""
        return f"{self.key} ({join_names(f'{name} {value:g}' for name, value in self.body)})"


class GammaTrait(TraitKind, key="gamma"):
    """A gamma-distributed trait."""

    gamma: GammaMoney = Field(examples=[{"mean": 1, "shape": 2}])
    """Mean and shape of the trait, which is positive."""


class LognormalTrait(TraitKind, key="lognormal"):
    """A lognormally distributed trait."""

    lognormal: LognormalMoney = Field(examples=[{"median": 1, "sigma": 0.4}])
    """Median and sigma of the trait, which is positive."""


class BetaTerms(StrictModel):
    """Beta distribution, given by its two shape parameters."""

    alpha: Annotated[RealNumber, Field(gt=0, le=1e6)] = Field(examples=[2])
    """First shape parameter; the mean is alpha / (alpha + beta)."""
    beta: Annotated[RealNumber, Field(gt=0, le=1e6)] = Field(examples=[5])
    """Second shape parameter; the mean is alpha / (alpha + beta)."""


class BetaTrait(TraitKind, key="beta"):
    """A beta-distributed trait."""

    beta: BetaTerms
    """Shape parameters of the trait, which lies between 0 and 1."""

    def support(self) -> tuple[float, float]:
        return 0.0, 1.0

    def draw(self, tables: QuantileRegister) -> TraitDraw:
        """Return a draw of the odds from a table, or scipy's inverse CDF if no table is accurate enough."""
        span = tables.beta(self.beta.alpha, self.beta.beta)
        if span is None:
            return TraitDraw(TraitTransform.BETA, DistributionRecord(), self.beta.alpha, self.beta.beta)
        return TraitDraw(TraitTransform.ODDS, DistributionRecord(DistributionCode.TABLE, table=span[0], length=span[1], scale=1.0))


class NormalTerms(StrictModel):
    """Normal distribution, given by its mean and standard deviation."""

    mean: Number = Field(examples=[0])
    """Mean of the distribution."""
    sd: Annotated[RealNumber, Field(ge=0, le=1e6)] = Field(examples=[0.8])
    """Standard deviation of the distribution."""


class NormalTrait(TraitKind, key="normal"):
    """A normally distributed trait."""

    normal: NormalTerms
    """Mean and standard deviation of the trait."""

    def support(self) -> tuple[float, float]:
        return (-math.inf, math.inf) if self.normal.sd > 0 else (self.normal.mean, self.normal.mean)

    def draw(self, tables: QuantileRegister) -> TraitDraw:
        return TraitDraw(TraitTransform.NORMAL, DistributionRecord(), self.normal.mean, self.normal.sd)


class UniformTrait(TraitKind, key="uniform"):
    """A uniformly distributed trait."""

    uniform: Uniform = Field(examples=[{"low": 0, "high": 1}])
    """Smallest and largest value of the trait."""


class FixedTrait(TraitKind, key="fixed"):
    """The same value for all customers."""

    fixed: Number = Field(examples=[1])
    """Value of the trait."""

    def phrase(self) -> str:
        return f"always {self.fixed:g}"


TraitLaw = Annotated[
    GammaTrait | LognormalTrait | BetaTrait | NormalTrait | UniformTrait | FixedTrait, KeyedUnion("distribution of a trait")
]

"""The family of amount laws: distributions of money amounts."""

from typing import Annotated

from pydantic import Field

from cjsim.scenario.fields import NonNegative, Number, Positive
from cjsim.scenario.kinds.distributions import DistributionKind, Empirical, Exponential, Gamma, Lognormal, Uniform
from cjsim.yaml.keyed_union import KeyedUnion
from cjsim.yaml.strict_model import short_form


class ExponentialMoney(Exponential):
    """Exponential distribution, given by its mean."""

    mean: Positive
    """Mean of the distribution, in the unit of the quantity."""


class GammaMoney(Gamma):
    """Gamma distribution, given by its mean and shape."""

    mean: Positive
    """Mean of the distribution, in the unit of the quantity."""


class LognormalMoney(Lognormal):
    """Lognormal distribution, given by its median and the standard deviation of its logarithm."""

    median: Positive
    """Median of the distribution, in the unit of the quantity."""


class EmpiricalMoney(Empirical):
    """Empirical distribution over the given amounts, with weights (default: equal weights)."""

    values: Annotated[tuple[Number, ...], Field(min_length=1)] = Field(examples=[[19, 49]])
    """Possible amounts, in money."""


class FixedAmount(DistributionKind, key="fixed"):
    """A fixed amount. A plain number is a short form."""

    fixed: NonNegative = Field(examples=[25])
    """Amount in money, the same for all purchases."""


class ExponentialAmount(DistributionKind, key="exponential"):
    """An exponentially distributed amount."""

    exponential: ExponentialMoney
    """Mean of the amount, in money."""


class GammaAmount(DistributionKind, key="gamma"):
    """A gamma-distributed amount."""

    gamma: GammaMoney
    """Mean (in money) and shape of the amount."""


class LognormalAmount(DistributionKind, key="lognormal"):
    """A lognormally distributed amount."""

    lognormal: LognormalMoney
    """Median (in money) and sigma of the amount."""


class UniformAmount(DistributionKind, key="uniform"):
    """A uniformly distributed amount."""

    uniform: Uniform
    """Smallest and largest amount, in money."""


class EmpiricalAmount(DistributionKind, key="empirical"):
    """An amount drawn from the given values."""

    empirical: EmpiricalMoney
    """Possible amounts and their weights."""


_NUMBER_SCHEMA = {"type": "number", "minimum": 0, "title": "amount", "description": "A fixed amount.", "examples": [25]}
AmountLaw = Annotated[
    FixedAmount | ExponentialAmount | GammaAmount | LognormalAmount | UniformAmount | EmpiricalAmount,
    KeyedUnion("distribution of an amount", expand=short_form("fixed", int, float), short_schema=_NUMBER_SCHEMA),
]

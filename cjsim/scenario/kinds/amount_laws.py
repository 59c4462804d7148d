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


class GammaMoney(Gamma):
    """Gamma distribution, given by its mean and shape."""

    mean: Positive


class LognormalMoney(Lognormal):
    """Lognormal distribution, given by its median and the standard deviation of its logarithm."""

    median: Positive


class EmpiricalMoney(Empirical):
    """Empirical distribution over the given amounts, with weights (default: equal weights)."""

    values: Annotated[tuple[Number, ...], Field(min_length=1)]


class FixedAmount(DistributionKind, key="fixed"):
    """A fixed amount. A plain number is a short form."""

    fixed: NonNegative


class ExponentialAmount(DistributionKind, key="exponential"):
    """An exponentially distributed amount."""

    exponential: ExponentialMoney


class GammaAmount(DistributionKind, key="gamma"):
    """A gamma-distributed amount."""

    gamma: GammaMoney


class LognormalAmount(DistributionKind, key="lognormal"):
    """A lognormally distributed amount."""

    lognormal: LognormalMoney


class UniformAmount(DistributionKind, key="uniform"):
    """A uniformly distributed amount."""

    uniform: Uniform


class EmpiricalAmount(DistributionKind, key="empirical"):
    """An amount drawn from the given values."""

    empirical: EmpiricalMoney


_NUMBER_SCHEMA = {"type": "number", "minimum": 0, "description": "A fixed amount."}
AmountLaw = Annotated[
    FixedAmount | ExponentialAmount | GammaAmount | LognormalAmount | UniformAmount | EmpiricalAmount,
    KeyedUnion(short_form("fixed", int, float), _NUMBER_SCHEMA),
]

"""The family of amount laws: distributions of money."""

from typing import Annotated, Any

from pydantic import Field

from cjsim.scenario.fields import NonNegative, Number, Positive
from cjsim.scenario.kinds.distributions import DistributionKind, Empirical, Exponential, Gamma, Lognormal, Uniform
from cjsim.yaml.keyed_union import KeyedUnion


class ExponentialMoney(Exponential):
    """Exponential by its mean."""

    mean: Positive


class GammaMoney(Gamma):
    """Gamma by its mean and shape."""

    mean: Positive


class LognormalMoney(Lognormal):
    """Lognormal by its median and the standard deviation of its logarithm."""

    median: Positive


class EmpiricalMoney(Empirical):
    """One of the given amounts, by weight (equal weights if none are given)."""

    values: Annotated[tuple[Number, ...], Field(min_length=1)]


class FixedAmount(DistributionKind, key="fixed"):
    """Always the same amount; a number alone is short for it."""

    fixed: NonNegative


class ExponentialAmount(DistributionKind, key="exponential"):
    """An exponential amount."""

    exponential: ExponentialMoney


class GammaAmount(DistributionKind, key="gamma"):
    """A gamma amount."""

    gamma: GammaMoney


class LognormalAmount(DistributionKind, key="lognormal"):
    """A lognormal amount."""

    lognormal: LognormalMoney


class UniformAmount(DistributionKind, key="uniform"):
    """A uniform amount."""

    uniform: Uniform


class EmpiricalAmount(DistributionKind, key="empirical"):
    """One of the given amounts."""

    empirical: EmpiricalMoney


def _expand_number(value: Any) -> Any:
    return {"fixed": value} if isinstance(value, (int, float)) and not isinstance(value, bool) else value


_NUMBER_SCHEMA = {"type": "number", "minimum": 0, "description": "Always this much."}
AmountLaw = Annotated[
    FixedAmount | ExponentialAmount | GammaAmount | LognormalAmount | UniformAmount | EmpiricalAmount,
    KeyedUnion(_expand_number, _NUMBER_SCHEMA),
]

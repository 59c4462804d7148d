"""The family of wait laws: distributions of waiting times, in days, and waits for the calendar."""

from functools import lru_cache
from typing import Annotated, cast

from pydantic import BeforeValidator, Field

from cjsim.scenario.fields import Duration, PositiveDuration
from cjsim.scenario.kinds.calendar_waits import CalendarWait
from cjsim.scenario.kinds.distributions import DistributionKind, Empirical, Exponential, Gamma, Lognormal, WaitDistribution, Weibull
from cjsim.scenario.kinds.registers import DistributionRecord, Registers
from cjsim.scenario.phrases import delay_phrase, duration_phrase
from cjsim.yaml.keyed_union import KeyedUnion
from cjsim.yaml.strict_model import short_form


class WaitKind(DistributionKind):
    """Distribution of waiting times in days, at speed 1."""

    def median(self) -> float:
        """Return the median in days."""
        return cast(WaitDistribution, self.distribution).median_value()

    def survival(self, rate: float) -> float:
        """Return E[exp(-rate D)] for the wait D, the share of waits that end before an exponential lifetime with this rate (per day)."""
        return cast(WaitDistribution, self.distribution).survival(rate)

    @property
    def can_be_zero(self) -> bool:
        """Whether the wait can be 0. Always false for continuous distributions."""
        return self.distribution.is_discrete and self.support()[0] == 0

    @property
    def is_always_zero(self) -> bool:
        """Whether the wait is always 0."""
        return self.support() == (0, 0)

    def event_record(self, registers: Registers) -> DistributionRecord:
        """Return the compiled record of the wait of an event."""
        return self.record(registers.tables)

    def phrase(self) -> str:
        """Describe the wait, starting with "after"."""
        return f"after {duration_phrase(self.mean())} on average ({self.family_phrase()})"


class ExponentialTime(Exponential):
    """Exponential distribution (memoryless), given by its mean."""

    mean: PositiveDuration = Field(examples=["14d"])
    """Mean waiting time."""


class GammaTime(Gamma):
    """Gamma distribution, given by its mean and shape."""

    mean: PositiveDuration = Field(examples=["14d"])
    """Mean waiting time."""


class WeibullTime(Weibull):
    """Weibull distribution with P(X > x) = exp(-(x/scale)^shape)."""

    scale: PositiveDuration = Field(examples=["30d"])
    """Waiting time that 63 % of the waits do not exceed."""


class LognormalTime(Lognormal):
    """Lognormal distribution, given by its median and the standard deviation of its logarithm."""

    median: PositiveDuration = Field(examples=["8min"])
    """Median waiting time."""


class EmpiricalTime(Empirical):
    """Empirical distribution over the given waits, with weights (default: equal weights)."""

    values: Annotated[tuple[Duration, ...], Field(min_length=1)] = Field(examples=[["1d", "7d"]])
    """Possible waiting times."""


class ExponentialWait(WaitKind, key="exponential"):
    """An exponentially distributed wait. As a short form, give only the mean."""

    exponential: Annotated[
        ExponentialTime, BeforeValidator(short_form("mean", str, float, int), json_schema_input_type=PositiveDuration | ExponentialTime)
    ] = Field(examples=["14d"])
    """Mean waiting time; many waits are short and a few are long."""


class GammaWait(WaitKind, key="gamma"):
    """A gamma-distributed wait."""

    gamma: GammaTime
    """Mean and shape of the waiting time."""


class WeibullWait(WaitKind, key="weibull"):
    """A Weibull-distributed wait."""

    weibull: WeibullTime
    """Scale and shape of the waiting time."""


class LognormalWait(WaitKind, key="lognormal"):
    """A lognormally distributed wait."""

    lognormal: LognormalTime
    """Median and sigma of the waiting time."""


class FixedWait(WaitKind, key="fixed"):
    """A fixed wait."""

    fixed: Duration = Field(examples=["7d"])
    """Waiting time, the same for all customers."""

    def phrase(self) -> str:
        return delay_phrase(self.fixed)


class EmpiricalWait(WaitKind, key="empirical"):
    """A wait drawn from the given values."""

    empirical: EmpiricalTime
    """Possible waiting times and their weights."""


WaitLaw = Annotated[
    ExponentialWait | GammaWait | WeibullWait | LognormalWait | FixedWait | EmpiricalWait, KeyedUnion("distribution of a waiting time")
]
EventWait = Annotated[
    ExponentialWait | GammaWait | WeibullWait | LognormalWait | FixedWait | EmpiricalWait | CalendarWait,
    KeyedUnion("wait of an event"),
]


@lru_cache(maxsize=4096)  # integration takes milliseconds, and variants of a scenario change few channels
def survival_share(law: WaitKind, lifetime_days: float) -> float:
    """Return E[exp(-D / lifetime)] for a delay D, the share of messages that are read within their lifetime.

    Fixed, exponential, gamma and empirical delays have a closed form. For Weibull and lognormal delays, the trapezoidal rule is applied
    to the logarithm of the delay. Its error decreases exponentially with the number of points (below 1e-12 for all allowed shapes).

    Parameters
    ----------
    law : WaitKind
        Distribution of the delay, in days.
    lifetime_days : float
        Mean lifetime in days, above 0. An infinite lifetime gives 1.

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

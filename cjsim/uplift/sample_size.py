"""Required sample size of a planned test, for an effect that is specified in advance.

Post hoc power, for the effect observed in a trial, is deliberately absent: it is a function of the p-value and adds nothing (Hoenig and
Heisey 2001).
"""

import math
from dataclasses import dataclass
from typing import NamedTuple

from scipy import stats

from cjsim.errors import InputError, format_error, short_repr


class SampleSize(NamedTuple):
    """Rows that a test needs in each of two arms."""

    control: int
    treated: int


@dataclass(frozen=True, kw_only=True)
class PlannedTest:
    r"""A planned two-sided test of the difference between two arms.

    With n rows in total, the squared standard error of the difference is

    .. math:: \frac{v}{n} \left(\frac{\sigma_0^2}{s_0} + \frac{\sigma_1^2}{s_1}\right)

    where s are the shares of the arms and v is the variance factor. For a binary outcome, :math:`\sigma_a^2 = p_a (1 - p_a)`.

    Attributes
    ----------
    mean : float
        Mean outcome of the control arm; its share of successes if the outcome is binary.
    standard_deviation : float, optional
        Standard deviation of the outcome within each arm; None for a binary outcome.
    shares : tuple of float
        Shares of the control and of the treated arm. Only their ratio matters.
    alpha : float
        Error rate of the two-sided test, in (0, 1). Divide it by the number of comparisons if there are several.
    variance_factor : float
        Factor that multiplies the variance: 1 - R² with CUPED or regression adjustment, and the design effect with clusters.

    Raises
    ------
    InputError
        If a value is outside its range.

    References
    ----------
    Chow, S.-C., Shao, J., Wang, H., Lokhnygina, Y. (2017). Sample size calculations in clinical research, 3rd edition, sections 3.2, 4.2.
    Hoenig, J. M., Heisey, D. M. (2001). The abuse of power. The American Statistician 55, 19-24.

    Examples
    --------
    >>> PlannedTest(mean=0.10).sample_size(0.02)
    SampleSize(control=3839, treated=3839)
    >>> PlannedTest(mean=30, standard_deviation=80, shares=(0.2, 0.8)).sample_size(5)
    SampleSize(control=2512, treated=10047)
    """

    mean: float
    standard_deviation: float | None = None
    shares: tuple[float, float] = (0.5, 0.5)
    alpha: float = 0.05
    variance_factor: float = 1.0

    def __post_init__(self) -> None:
        _require(0 < self.alpha < 1, "alpha", "must be in (0, 1)", self.alpha)
        _require(self.variance_factor > 0, "variance_factor", "must be positive", self.variance_factor)
        _require(min(self.shares) > 0, "shares", "must be positive", self.shares)
        if self.standard_deviation is None:
            _require(0 < self.mean < 1, "mean", "must be in (0, 1) for a binary outcome", self.mean)
        else:
            _require(self.standard_deviation > 0, "standard_deviation", "must be positive", self.standard_deviation)

    def sample_size(self, effect: float, *, power: float = 0.8) -> SampleSize:
        """Return the rows needed to detect an effect.

        Parameters
        ----------
        effect : float
            Difference between the means to detect, in the unit of the outcome. Must not be 0.
        power : float
            Probability that the test is significant if the effect is real, in (alpha, 1).

        Returns
        -------
        SampleSize
            Rounded up.

        Raises
        ------
        InputError
            If the effect or the power is outside its range.
        """
        _require(effect != 0, "effect", "must not be 0", effect, "Name the smallest effect that would change the decision.")
        _require(self.alpha < power < 1, "power", f"must be in ({self.alpha}, 1)", power)
        total = self._unit_variance(effect) * (float(stats.norm.isf(self.alpha / 2) + stats.norm.ppf(power)) / effect) ** 2
        control, treated = self._relative_shares
        return SampleSize(math.ceil(total * control - 1e-9), math.ceil(total * treated - 1e-9))

    @property
    def _relative_shares(self) -> tuple[float, float]:
        return self.shares[0] / sum(self.shares), self.shares[1] / sum(self.shares)

    def _unit_variance(self, effect: float) -> float:
        """Return the squared standard error of the difference, times the number of rows."""
        if self.standard_deviation is None:
            treated = self.mean + effect
            _require(0 <= treated <= 1, "effect", "must keep the share of successes in [0, 1]", effect)
            variances = (self.mean * (1 - self.mean), treated * (1 - treated))
        else:
            variances = (self.standard_deviation**2,) * 2
        return self.variance_factor * sum(variance / share for variance, share in zip(variances, self._relative_shares, strict=True))


def _require(holds: bool, where: str, must: str, got: object, remedy: str = "") -> None:
    if not holds:
        raise InputError(format_error(where, must, short_repr(got), remedy))

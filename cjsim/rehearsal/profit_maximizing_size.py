"""The size of a test that maximizes profit over a finite population of customers (test and roll, Feit and Berman 2019).

Customers in the test receive BASE or ALTERNATIVE at random. All other customers then receive the policy with the larger posterior mean,
whether or not the difference is significant. A small test picks the wrong policy more often, and a large test leaves fewer customers to
benefit.

References
----------
Feit, E. M., & Berman, R. (2019). Test & Roll: profit-maximizing A/B tests. Marketing Science, 38(6), 1038-1058.
"""

import math
from dataclasses import dataclass
from typing import NamedTuple

from cjsim.errors import InputError, format_error


class SizedTest(NamedTuple):
    """A test and its expected gain.

    Attributes
    ----------
    base, alternative : float
        Numbers of customers per arm.
    gain : float
        Expected profit over all customers, minus the expected profit of giving BASE to everybody, in money.
    """

    base: float
    alternative: float
    gain: float

    @property
    def total(self) -> float:
        """Number of customers in both arms together."""
        return self.base + self.alternative


@dataclass(frozen=True)
class ProfitModel:
    """Beliefs before a test. The effect is normal, and so is its estimate.

    Attributes
    ----------
    customers : float
        Number of customers in the test and after it.
    base_sd, alternative_sd : float
        Standard deviation of a customer's profit under each policy, in money.
    effect_sd : float
        Standard deviation of the prior distribution of the effect, in money per customer, above 0.
    effect_mean : float
        Mean of this prior distribution.

    Raises
    ------
    InputError
        If a standard deviation is not above 0, or there are fewer than 4 customers.
    """

    customers: float
    base_sd: float
    alternative_sd: float
    effect_sd: float
    effect_mean: float = 0.0

    def __post_init__(self) -> None:
        for name in ("base_sd", "alternative_sd", "effect_sd"):
            if not getattr(self, name) > 0:
                raise InputError(format_error(name, "must be above 0", f"{getattr(self, name):g}", "Give a standard deviation in money."))
        if not self.customers >= 4:
            raise InputError(format_error("customers", "must be at least 4", f"{self.customers:g}", "Count the customers of the rollout."))

    def expected_gain(self, base: float, alternative: float) -> float:
        """Return the expected gain of a test over giving BASE to everybody.

        With effect ~ N(m, v^2) and the estimate's variance e^2 = base_sd^2 / base + alternative_sd^2 / alternative, the posterior mean of
        the effect is N(m, t^2) with t = v^2 / sqrt(v^2 + e^2). The gain is alternative m + (customers - base - alternative) E max(0,
        posterior mean), where the expectation is m Phi(m / t) + t phi(m / t).

        Parameters
        ----------
        base, alternative : float
            Numbers of customers per arm, above 0.

        Returns
        -------
        float
            In money.
        """
        from scipy.special import ndtr

        error_variance = self.base_sd**2 / base + self.alternative_sd**2 / alternative
        spread = self.effect_sd**2 / math.sqrt(self.effect_sd**2 + error_variance)
        ratio = self.effect_mean / spread
        chosen = self.effect_mean * float(ndtr(ratio)) + spread * math.exp(-0.5 * ratio * ratio) / math.sqrt(2 * math.pi)
        return alternative * self.effect_mean + (self.customers - base - alternative) * chosen

    def best_size(self, share: float | None = None) -> SizedTest:
        """Return the test with the largest expected gain, found numerically.

        Parameters
        ----------
        share : float, optional
            Share of the test's customers under ALTERNATIVE, in (0, 1). By default, the best share.

        Returns
        -------
        SizedTest

        Examples
        --------
        Two versions of a website on which 68 % of visitors convert; 2,284 customers per arm (Feit and Berman 2019):

        >>> model = ProfitModel(100_000, base_sd=0.4665, alternative_sd=0.4665, effect_sd=0.03 * 2**0.5)
        >>> round(model.best_size(share=0.5).base)
        2284
        """
        from scipy.optimize import minimize_scalar

        if share is None:
            found = minimize_scalar(lambda part: -self.best_size(float(part)).gain, bounds=(0.01, 0.99), method="bounded")
            return self.best_size(float(found.x))

        def _loss(log_size: float) -> float:
            size = math.exp(log_size)
            return -self.expected_gain(size * (1 - share), size * share)

        found = minimize_scalar(_loss, bounds=(math.log(2.0), math.log(self.customers)), method="bounded", options={"xatol": 1e-6})
        size = math.exp(float(found.x))
        return SizedTest(size * (1 - share), size * share, -float(found.fun))

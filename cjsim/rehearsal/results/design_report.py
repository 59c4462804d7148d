"""`DesignReport`: what is measured over the rehearsals of one design of a test."""

import math
from dataclasses import dataclass
from typing import Any, NamedTuple

from cjsim.frame import Array
from cjsim.json_records import ComparableRecord


class Rate(NamedTuple):
    """A quantity measured over rehearsals.

    Attributes
    ----------
    value : float
        A share of rehearsals or a mean over them; nan if undefined.
    error : float
        Standard error due to the number of rehearsals and, if the effects have deviations, to the sampling error of these effects among the
        simulated customers. The sampling error of the variances of outcomes is not included. For a share, the first part is computed from
        (count + 1) / (runs + 2), which keeps it above 0 for a share of 0 or 1.
    runs : int
        Number of rehearsals on which the value is measured.
    """

    value: float
    error: float
    runs: int


@dataclass(frozen=True)
class DesignReport(ComparableRecord):
    """Behavior of one design.

    Attributes
    ----------
    size : int
        Number of customers enrolled in both arms together.
    days : float
        Days for which each customer is observed; nan if the outcomes do not refer to a number of days.
    analysis : str
        Name of the analysis.
    share : float
        Share of customers under ALTERNATIVE.
    alpha : float
        Nominal two-sided type I error of the analysis.
    effect : float
        True effect after these days, in the unit of the metric.
    power : Rate
        Share of significant tests, in either direction.
    power_closed_form : float
        The same for normal outcomes with known variances.
    mde : float
        Smallest effect that a test detects with the target power, from the closed form, in the unit of the metric.
    false_positive : Rate
        Share of significant tests if there is no effect.
    coverage : Rate
        Share of tests whose interval contains the true effect.
    exaggeration : Rate
        Mean absolute significant estimate divided by the absolute true effect (type M error).
    sign_error : Rate
        Share of significant estimates with the wrong sign (type S error).
    wrong_decision : Rate
        Share of tests that lead to the worse policy in the long run. 0 if the policies are equal.
    expected_loss : Rate
        Mean amount of money lost through wrong decisions, over all tests.
    enrolled_share : Rate
        Share of the customers who have enrolled when the test stops.
    enrollment_days : float
        Days until all customers have enrolled; nan if the number of customers per day is unknown.
    needed_size : float
        Number of customers in both arms together with which the test would have the target power, from the closed form; nan without an
        effect, or if interference reverses it.
    """

    size: int
    days: float
    analysis: str
    share: float
    alpha: float
    effect: float
    power: Rate
    power_closed_form: float
    mde: float
    false_positive: Rate
    coverage: Rate
    exaggeration: Rate
    sign_error: Rate
    wrong_decision: Rate
    expected_loss: Rate
    enrolled_share: Rate
    enrollment_days: float = math.nan
    needed_size: float = math.nan

    @property
    def rates(self) -> dict[str, Rate]:
        """The measured quantities by name."""
        return {name: value for name in self.__dataclass_fields__ if isinstance(value := getattr(self, name), Rate)}

    def to_json(self) -> dict[str, Any]:
        """Return plain values. Each rate is its value; `errors` and `runs` give its Monte Carlo error and number of rehearsals."""
        values = {name: getattr(self, name) for name in self.__dataclass_fields__}
        rates = self.rates
        plain = {name: rates[name].value if name in rates else value for name, value in values.items()}
        return {
            **plain,
            "errors": {name: rate.error for name, rate in rates.items()},
            "runs": {name: rate.runs for name, rate in rates.items()},
        }


def share_rate(flags: Array) -> Rate:
    """Return the share of true values as a rate; `flags` is an ndarray of bool, shape (n_rehearsals,)."""
    count, n = int(flags.sum()), len(flags)
    smoothed = (count + 1) / (n + 2)
    return Rate(count / n if n else math.nan, math.sqrt(smoothed * (1 - smoothed) / n) if n else math.nan, n)


def mean_rate(values: Array) -> Rate:
    """Return the mean of values as a rate; `values` is an ndarray of float64, shape (n_rehearsals,)."""
    n = len(values)
    error = float(values.std(ddof=1)) / math.sqrt(n) if n > 1 else math.nan
    return Rate(float(values.mean()) if n else math.nan, error, n)

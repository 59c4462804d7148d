"""95 % forecast intervals of totals over the customers of a log.

A total is uncertain because the parameters are estimated, and because customers behave at random. For up to 100,000 customers, the ends of
the interval are quantiles of Monte Carlo draws, each with its own parameters. Totals of more customers are nearly normal. Their variance is
the variance of the expected total (delta method) plus that of the customers' random behavior, estimated from two draws per customer. If a
few customers may dominate a total, the ends are quantiles of at least 200 draws here, too.
"""

from typing import NamedTuple, Protocol

import numpy as np

from cjsim.calibration.bgnbd import BgNbd
from cjsim.calibration.distinct_histories import distinct_rows
from cjsim.calibration.gamma_gamma import SpendModel
from cjsim.calibration.maximum_likelihood import FloatArray
from cjsim.calibration.model_selection import FittedSpend, FittedTiming, draw_models
from cjsim.calibration.nbd import Nbd
from cjsim.metrics.confidence_intervals import NORMAL_QUANTILE_95, is_too_skewed
from cjsim.purchase_logs.purchase_log import PurchaseHistories

_MAX_CUSTOMERS_FOR_QUANTILES = 100_000
_MIN_DRAWS, _MAX_DRAWS = 200, 1000
_MAX_CELLS = 20_000_000  # customers times draws


class IntervalEnds(NamedTuple):
    """Ends of a 95 % forecast interval."""

    low: float
    high: float

    def contains(self, value: float) -> bool:
        """Return whether a value lies within the interval."""
        return self.low <= value <= self.high


class CustomerTotals(Protocol):
    """Totals over customers, such as their purchases and their spend."""

    @property
    def customers(self) -> int:
        """Number of customers."""
        ...

    def expected(self, timing: BgNbd | Nbd, spend: SpendModel) -> FloatArray:
        """Return the expected totals, float64 of shape (n_totals,)."""
        ...

    def draw(self, rng: np.random.Generator, timing: BgNbd | Nbd, spend: SpendModel) -> tuple[FloatArray, ...]:
        """Draw each customer's part of each total: n_totals arrays of shape (n,)."""
        ...


class HistoryForecast:
    """Purchases of the customers of a log within a time after their histories.

    Parameters
    ----------
    histories : PurchaseHistories
        Histories of the customers.
    length : float
        Length of the forecast, in units of time of the histories; at least 0.
    """

    def __init__(self, histories: PurchaseHistories, length: float) -> None:
        self.histories, self.length = histories, length
        self._pairs = distinct_rows(histories.x, histories.T)

    @property
    def customers(self) -> int:
        """Number of customers."""
        return len(self.histories.x)

    def expected_purchases(self, timing: BgNbd | Nbd) -> FloatArray:
        """Return each customer's expected purchases given the history, float64 of shape (n,)."""
        x, t_x, T = self.histories.x, self.histories.t_x, self.histories.T
        if_alive = timing.expected_purchases_if_alive(self.length, *self._pairs.columns)
        return timing.p_alive(x, t_x, T) * if_alive[self._pairs.row_index]

    def expected_money(self, timing: BgNbd | Nbd, spend: SpendModel) -> float:
        """Return the expected total spend of all customers."""
        means = spend.conditional_mean(self.histories.x, self.histories.mean_spend)
        return float(np.sum(self.expected_purchases(timing) * means))


def total_intervals(totals: CustomerTotals, timing: FittedTiming, spend: FittedSpend, *, seed: int) -> list[IntervalEnds]:
    """Return the 95 % forecast interval of each total.

    Parameters
    ----------
    totals : CustomerTotals
        The totals, each at least 0.
    timing, spend : FittedTiming, FittedSpend
        Models of purchase times and of spend per purchase, with the uncertainty of their parameters.
    seed : int
        Seed of the Monte Carlo draws.

    Returns
    -------
    list of IntervalEnds
    """
    rng = np.random.default_rng(seed)
    if totals.customers > _MAX_CUSTOMERS_FOR_QUANTILES:
        pair = [totals.draw(rng, timing.model, spend.model) for _ in range(2)]
        if not any(map(is_too_skewed, pair[0])):
            return _normal_intervals(totals, timing, spend, pair)
    models = draw_models(timing, spend, int(np.clip(_MAX_CELLS // totals.customers, _MIN_DRAWS, _MAX_DRAWS)), rng)
    draws = np.array([[part.sum() for part in totals.draw(rng, *drawn)] for drawn in models])
    return [IntervalEnds(*(float(end) for end in np.quantile(column, [0.025, 0.975]))) for column in draws.T]


def _normal_intervals(
    totals: CustomerTotals, timing: FittedTiming, spend: FittedSpend, pair: list[tuple[FloatArray, ...]]
) -> list[IntervalEnds]:
    """Return normal intervals, given two draws of each customer's part of each total."""
    expected = totals.expected(timing.model, spend.model)
    of_timing = timing.fit.slopes_of(lambda values: totals.expected(type(timing.model)(*values), spend.model))
    of_spend = spend.fit.slopes_of(lambda values: totals.expected(timing.model, type(spend.model)(*values)))
    own = [np.sum((one - other) ** 2) / 2 for one, other in zip(*pair, strict=True)]
    half = NORMAL_QUANTILE_95 * np.sqrt(timing.fit.variance_of(of_timing) + spend.fit.variance_of(of_spend) + own)
    return [IntervalEnds(max(0.0, float(total - part)), float(total + part)) for total, part in zip(expected, half, strict=True)]

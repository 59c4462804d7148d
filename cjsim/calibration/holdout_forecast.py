"""Holdout forecasts from fitted models, compared with actual purchases: totals with 95 % forecast intervals, and errors per customer.

A total has two intervals:

- `new_customers` (JSON key `afresh`): the same number of new customers with the same entry dates. This is the interval that a simulation of
  the calibrated scenario gives. It applies to the holdout of another sample of customers.
- `given_history`: the customers in the log, each drawn from the posterior given their history. This interval is narrower and contains the
  prediction. It does not cover effects that the model omits.

Actual purchases and actual spend are both judged against `given_history` (JSON key `judged_by`). In JSON, `low` and `high` are the ends of
`afresh` for purchases, because simulations are compared with that interval. For spend, they are the ends of `given_history`, because the
prediction may lie outside `afresh`: total spend depends on a few big spenders whom the histories identify.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from cjsim.calibration.bgnbd import BgNbd
from cjsim.calibration.gamma_gamma import SpendModel
from cjsim.calibration.maximum_likelihood import FloatArray
from cjsim.calibration.model_selection import FittedSpend, FittedTiming
from cjsim.calibration.nbd import Nbd
from cjsim.calibration.total_intervals import HistoryForecast, IntervalEnds, total_intervals
from cjsim.purchase_logs.purchase_log import PurchaseHistories

NEW_CUSTOMERS_LABEL, GIVEN_HISTORY_LABEL = "new customers", "given history"
_JUDGED_BY = "given_history"
_MISLEADING_ERROR = 0.05  # assumed
_MULTIPLE = 5  # a forecast beyond this multiple of the actual number is stated as a multiple


@dataclass(frozen=True)
class HoldoutTotal:
    """A total over customers: actual value, forecast, and the two 95 % forecast intervals described in the module docstring."""

    actual: float
    predicted: float
    new_customers: IntervalEnds
    given_history: IntervalEnds

    def is_misleading(self) -> bool:
        """Whether the prediction is wrong by 5 % or more. In large logs, intervals are narrow, and smaller errors lie outside them too."""
        return abs(self.predicted - self.actual) >= _MISLEADING_ERROR * self.actual

    def error_text(self) -> str:
        """Return the error of the prediction, such as '12 % too low'."""
        if self.actual <= 0:
            return "too high"
        if self.predicted > _MULTIPLE * self.actual:
            return f"{self.predicted / self.actual:,.0f} times the actual value"
        return f"{100 * abs(self.predicted / self.actual - 1):.0f} % too {'low' if self.predicted < self.actual else 'high'}"


@dataclass(frozen=True)
class HoldoutForecast:
    """Holdout forecast: totals over customers and errors per customer.

    Attributes
    ----------
    purchases, money : HoldoutTotal
        Totals in the holdout.
    expected_purchases : ndarray of float64, shape (n,)
        Expected purchases of each customer given their history.
    mae, rmse : float
        Mean absolute error and root mean squared error over customers, in purchases.
    correlation : float or None
        Correlation between forecast and actual purchases across customers; None if either does not vary.
    """

    purchases: HoldoutTotal
    money: HoldoutTotal
    expected_purchases: FloatArray
    mae: float
    rmse: float
    correlation: float | None

    def to_json(self) -> dict[str, Any]:
        """Return the forecast as JSON-compatible values.

        Returns
        -------
        dict
            For purchases: `actual`, `predicted`, `low`, `high`, `judged_by`, `given_history` {low, high}, `afresh` {low, high}, `mae`,
            `rmse` and `correlation`. `money` has the same keys up to `afresh`.
        """
        return {
            **_total_json(self.purchases, self.purchases.new_customers),
            "mae": self.mae,
            "rmse": self.rmse,
            "correlation": self.correlation,
            "money": _total_json(self.money, self.money.given_history),
        }

    def verdict(self) -> str:
        """Return a sentence on whether the actual numbers lie within the forecast intervals and, if not, how wrong the forecast was."""
        outside = [
            f"{total.error_text()} for {name}"
            for name, total in (("purchases", self.purchases), ("spend", self.money))
            if not total.given_history.contains(total.actual)
        ]
        if outside:
            return f"On the holdout, the forecast was {' and '.join(outside)}."
        return "On the holdout, actual purchases and spend lie within the forecast intervals."

    def warnings(self, tested: Sequence[str] = ()) -> tuple[str, ...]:
        """Return the reasons not to rely on the forecast, one sentence each.

        Parameters
        ----------
        tested : sequence of str
            Assumptions of the models that were tested, with the results. They are added if an actual number lies outside its interval.
        """
        warnings = [
            f"actual holdout {name} ({total.actual:,.0f}) {lies} outside the 95 % forecast interval '{GIVEN_HISTORY_LABEL}' "
            f"({total.given_history.low:,.0f} to {total.given_history.high:,.0f}): the forecast is {total.error_text()}; "
            f"{'do not rely on it' if total.is_misleading() else 'the interval is too narrow'}"
            for name, lies, total in (("purchases", "lie", self.purchases), ("spend", "lies", self.money))
            if not total.given_history.contains(total.actual)
        ]
        if warnings and tested:
            warnings.append(f"possible causes of the wrong forecast that were tested on the calibration period: {'; '.join(tested)}")
        if not self.purchases.new_customers.contains(self.purchases.predicted):
            low, high = self.purchases.new_customers
            warnings.append(
                f"predicted holdout purchases ({self.purchases.predicted:,.0f}) lie outside the 95 % forecast interval "
                f"'{NEW_CUSTOMERS_LABEL}' ({low:,.0f} to {high:,.0f}): these customers differ from typical customers of the fitted model; "
                "do not rely on simulations of the calibrated scenario"
            )
        return tuple(warnings)


def forecast_holdout(timing: FittedTiming, spend: FittedSpend, histories: PurchaseHistories, *, seed: int = 1) -> HoldoutForecast:
    """Forecast purchases and money in the holdout from the fitted models.

    Parameters
    ----------
    timing, spend : FittedTiming, FittedSpend
        Models of purchase times and of spend per purchase, with the uncertainty of their parameters.
    histories : PurchaseHistories
        Histories with a holdout.
    seed : int
        Seed of the Monte Carlo draws for the intervals.

    Returns
    -------
    HoldoutForecast
    """
    totals = _HoldoutTotals(histories, histories.holdout_length)
    expected = totals.expected_purchases(timing.model)
    _, predicted, _, money = totals.expected(timing.model, spend.model).tolist()
    new_purchases, given_purchases, new_money, given_money = total_intervals(totals, timing, spend, seed=seed)
    error = expected - histories.holdout_purchases
    both_vary = expected.std() > 0 and histories.holdout_purchases.std() > 0
    return HoldoutForecast(
        purchases=HoldoutTotal(float(histories.holdout_purchases.sum()), predicted, new_purchases, given_purchases),
        money=HoldoutTotal(float(histories.holdout_money.sum()), money, new_money, given_money),
        expected_purchases=expected,
        mae=float(np.abs(error).mean()),
        rmse=float(np.sqrt((error**2).mean())),
        correlation=float(np.corrcoef(expected, histories.holdout_purchases)[0, 1]) if both_vary else None,
    )


class _HoldoutTotals(HistoryForecast):
    """Purchases of new customers and of the customers in the log, then the same for money."""

    def expected(self, timing: BgNbd | Nbd, spend: SpendModel) -> FloatArray:
        """Return the expected totals."""
        ends, counts = np.unique(self.histories.T, return_counts=True)
        new = float(np.sum(counts * (timing.expected_purchases(ends + self.length) - timing.expected_purchases(ends))))
        given = self.expected_purchases(timing)
        return np.array([new, given.sum(), new * spend.mean_spend(), self.expected_money(timing, spend)])

    def draw(self, rng: np.random.Generator, timing: BgNbd | Nbd, spend: SpendModel) -> tuple[FloatArray, ...]:
        """Draw each customer's part of each total."""
        x, t_x, T, length = self.histories.x, self.histories.t_x, self.histories.T, self.length
        zeros = np.zeros_like(x)
        new = timing.draw_new_customers(rng, T, length)[1].astype(np.float64)
        given = timing.draw_future_purchases(rng, length, x, t_x, T).astype(np.float64)
        new_money = spend.draw_total_spend(rng, new, zeros, zeros)
        return new, given, new_money, spend.draw_total_spend(rng, given, x, self.histories.mean_spend)


def _total_json(total: HoldoutTotal, band: IntervalEnds) -> dict[str, Any]:
    return {
        "actual": total.actual,
        "predicted": total.predicted,
        **band._asdict(),
        "judged_by": _JUDGED_BY,
        "given_history": total.given_history._asdict(),
        "afresh": total.new_customers._asdict(),
    }

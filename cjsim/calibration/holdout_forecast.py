"""Holdout forecasts from fitted models, compared with actual purchases: totals with 95 % forecast intervals, and errors per customer.

A total has two intervals, both Monte Carlo estimates. Each draw takes new parameters from the asymptotic normal distribution of their
logarithms.

- `new_customers` (JSON key `afresh`): the same number of new customers with the same entry dates. This is the interval that a simulation of
  the calibrated scenario gives. It applies to the holdout of another sample of customers.
- `given_history`: the customers in the log, each drawn from the posterior given their history. This interval is narrower and contains the
  prediction. It does not cover effects that the model omits, such as seasonality.

For purchases, `low` and `high` are the ends of `new_customers`, because they are compared with simulations. For spend, they are the ends of
`given_history`: total spend depends on a few big spenders whom the histories identify, so the prediction may lie outside
the other interval.
"""

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from cjsim.calibration.maximum_likelihood import FloatArray
from cjsim.calibration.model_selection import FittedSpend, FittedTiming
from cjsim.purchase_logs.purchase_log import PurchaseHistories

NEW_CUSTOMERS_LABEL, GIVEN_HISTORY_LABEL = "new customers", "given history"
_MAX_DRAWS = 1000
_MAX_CELLS = 20_000_000  # customers times draws; larger logs get fewer draws, but at least 200


class IntervalEnds(NamedTuple):
    """Ends of a 95 % forecast interval."""

    low: float
    high: float

    def contains(self, value: float) -> bool:
        """Return whether a value lies within the interval."""
        return self.low <= value <= self.high


@dataclass(frozen=True)
class ForecastTotal:
    """A total over customers: actual value, forecast, and the two 95 % forecast intervals described in the module docstring."""

    actual: float
    predicted: float
    new_customers: IntervalEnds
    given_history: IntervalEnds


@dataclass(frozen=True)
class HoldoutForecast:
    """Holdout forecast: totals over customers and errors per customer.

    Attributes
    ----------
    purchases, money : ForecastTotal
        Totals in the holdout.
    expected_purchases : ndarray of float64, shape (n,)
        Expected purchases of each customer given their history.
    mae, rmse : float
        Mean absolute error and root mean squared error over customers, in purchases.
    correlation : float or None
        Correlation between forecast and actual purchases across customers; None if either does not vary.
    """

    purchases: ForecastTotal
    money: ForecastTotal
    expected_purchases: FloatArray
    mae: float
    rmse: float
    correlation: float | None

    def to_json(self) -> dict[str, Any]:
        """Return the forecast as JSON-compatible values.

        Returns
        -------
        dict
            For purchases: `actual`, `predicted`, `low`, `high`, `given_history` {low, high}, `mae`, `rmse` and `correlation`. For money:
            `money` {actual, predicted, low, high, afresh {low, high}}.
        """
        purchases, money = self.purchases, self.money
        return {
            "actual": purchases.actual,
            "predicted": purchases.predicted,
            **purchases.new_customers._asdict(),
            "given_history": purchases.given_history._asdict(),
            "mae": self.mae,
            "rmse": self.rmse,
            "correlation": self.correlation,
            "money": {
                "actual": money.actual,
                "predicted": money.predicted,
                **money.given_history._asdict(),
                "afresh": money.new_customers._asdict(),
            },
        }

    def warnings(self) -> tuple[str, ...]:
        """Return the reasons not to rely on the forecast, one sentence each."""
        checks = (
            ("purchases", "lie", self.purchases, self.purchases.new_customers, NEW_CUSTOMERS_LABEL),
            ("spend", "lies", self.money, self.money.given_history, GIVEN_HISTORY_LABEL),
        )
        warnings = [
            f"actual holdout {name} ({total.actual:,.0f}) {lies} outside the 95 % forecast interval '{label}' "
            f"({band.low:,.0f} to {band.high:,.0f}): the model omits an effect, such as seasonality; do not rely on the forecast"
            for name, lies, total, band, label in checks
            if not band.contains(total.actual)
        ]
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
    x, t_x, T = histories.x, histories.t_x, histories.T
    expected = timing.model.conditional_expected_purchases(histories.holdout_length, x, t_x, T)
    means = spend.model.conditional_mean(x, histories.mean_spend)
    totals = _draw_totals(timing, spend, histories, seed)
    error = expected - histories.holdout_purchases
    both_vary = expected.std() > 0 and histories.holdout_purchases.std() > 0
    return HoldoutForecast(
        purchases=_forecast_total(histories.holdout_purchases, expected, totals[:, 0], totals[:, 1]),
        money=_forecast_total(histories.holdout_money, expected * means, totals[:, 2], totals[:, 3]),
        expected_purchases=expected,
        mae=float(np.abs(error).mean()),
        rmse=float(np.sqrt((error**2).mean())),
        correlation=float(np.corrcoef(expected, histories.holdout_purchases)[0, 1]) if both_vary else None,
    )


def _forecast_total(
    actual: FloatArray, expected: FloatArray, new_customer_totals: FloatArray, given_history_totals: FloatArray
) -> ForecastTotal:
    new_customers, given_history = (
        IntervalEnds(*(float(end) for end in np.quantile(totals, [0.025, 0.975]))) for totals in (new_customer_totals, given_history_totals)
    )
    return ForecastTotal(float(actual.sum()), float(expected.sum()), new_customers, given_history)


def _draw_totals(timing: FittedTiming, spend: FittedSpend, histories: PurchaseHistories, seed: int) -> FloatArray:
    """Draw totals, shape (n_draws, 4): purchases of new customers and given histories, then money of new customers and given histories."""
    rng = np.random.default_rng(seed)
    x, t_x, T, length = histories.x, histories.t_x, histories.T, histories.holdout_length
    zeros = np.zeros_like(x)
    draws = int(np.clip(_MAX_CELLS // len(x), 200, _MAX_DRAWS))
    totals = np.empty((draws, 4))
    parameters = zip(timing.fit.draw_parameters(draws, rng).tolist(), spend.fit.draw_parameters(draws, rng).tolist(), strict=True)
    for row, (timing_parameters, spend_parameters) in enumerate(parameters):
        timing_draw, spend_draw = type(timing.model)(*timing_parameters), type(spend.model)(*spend_parameters)
        new = timing_draw.draw_new_customers(rng, T, length)[1].astype(np.float64)
        given = timing_draw.draw_future_purchases(rng, length, x, t_x, T).astype(np.float64)
        new_money = spend_draw.draw_total_spend(rng, new, zeros, zeros)
        given_money = spend_draw.draw_total_spend(rng, given, x, histories.mean_spend)
        totals[row] = new.sum(), given.sum(), new_money.sum(), given_money.sum()
    return totals

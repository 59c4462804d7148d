"""Holdout forecasts from fitted models, compared with actual purchases: totals with 95 % forecast intervals, and errors per customer.

A total has two intervals, both Monte Carlo estimates. Each draw takes new parameters from the asymptotic normal distribution of their
logarithms.

- `new_customers` (JSON key `afresh`): the same number of new customers with the same entry dates. This is the interval that a simulation of
  the calibrated scenario gives. It applies to the holdout of another sample of customers.
- `given_history`: the customers in the log, each drawn from the posterior given their history. This interval is narrower and contains the
  prediction. It does not cover effects that the model omits.

The actual purchases and the actual spend are both judged by `given_history` (JSON key `judged_by`). In JSON, `low` and `high` are the ends
of `afresh` for purchases, because simulations are compared with them, and of `given_history` for spend, because the prediction may lie
outside the other interval: total spend depends on a few big spenders whom the histories identify.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from cjsim.calibration.maximum_likelihood import FloatArray
from cjsim.calibration.model_selection import FittedSpend, FittedTiming, draw_models
from cjsim.purchase_logs.purchase_log import PurchaseHistories

NEW_CUSTOMERS_LABEL, GIVEN_HISTORY_LABEL = "new customers", "given history"
_JUDGED_BY = "given_history"
_N_DRAWS = 1000
_MAX_CELLS = 20_000_000  # customers times draws; larger logs get fewer draws
_N_DRAWS_LARGE_LOG = 40  # at least; totals over so many customers are nearly normal, so that draws give only their standard deviation
_MIN_DRAWS_FOR_QUANTILES = 200  # with fewer, the ends of a normal interval are more precise
_MISLEADING_ERROR = 0.05  # assumed
_MULTIPLE = 5  # a forecast beyond this multiple of the actual number is stated as a multiple


class IntervalEnds(NamedTuple):
    """Ends of a 95 % forecast interval."""

    low: float
    high: float

    def contains(self, value: float) -> bool:
        """Return whether a value lies within the interval."""
        return self.low <= value <= self.high


@dataclass(frozen=True)
class HoldoutTotal:
    """A total over customers: actual value, forecast, and the two 95 % forecast intervals described in the module docstring."""

    actual: float
    predicted: float
    new_customers: IntervalEnds
    given_history: IntervalEnds

    def is_misleading(self) -> bool:
        """Whether the prediction is wrong by 5 % or more. Smaller errors leave the intervals of large logs, which are narrower."""
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
        """Say in a sentence whether the actual numbers lie within the forecast intervals and, if not, how wrong the forecast was."""
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
            Assumptions of the models that were tested, with the results. They follow if an actual number lies outside its interval.
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
    x, t_x, T = histories.x, histories.t_x, histories.T
    expected = timing.model.conditional_expected_purchases(histories.holdout_length, x, t_x, T)
    means = spend.model.conditional_mean(x, histories.mean_spend)
    new_customers = timing.model.expected_purchases(T + histories.holdout_length) - timing.model.expected_purchases(T)
    new_purchases = float(new_customers.sum())
    totals = _draw_totals(timing, spend, histories, seed)
    purchase_bands = interval_of_draws(totals[:, 0], new_purchases), interval_of_draws(totals[:, 1], float(expected.sum()))
    money = float(np.sum(expected * means))
    money_bands = interval_of_draws(totals[:, 2], new_purchases * spend.model.mean_spend()), interval_of_draws(totals[:, 3], money)
    error = expected - histories.holdout_purchases
    both_vary = expected.std() > 0 and histories.holdout_purchases.std() > 0
    return HoldoutForecast(
        purchases=HoldoutTotal(float(histories.holdout_purchases.sum()), float(expected.sum()), *purchase_bands),
        money=HoldoutTotal(float(histories.holdout_money.sum()), money, *money_bands),
        expected_purchases=expected,
        mae=float(np.abs(error).mean()),
        rmse=float(np.sqrt((error**2).mean())),
        correlation=float(np.corrcoef(expected, histories.holdout_purchases)[0, 1]) if both_vary else None,
    )


def _total_json(total: HoldoutTotal, band: IntervalEnds) -> dict[str, Any]:
    return {
        "actual": total.actual,
        "predicted": total.predicted,
        **band._asdict(),
        "judged_by": _JUDGED_BY,
        "given_history": total.given_history._asdict(),
        "afresh": total.new_customers._asdict(),
    }


def number_of_draws(customers: int) -> int:
    """Return the number of Monte Carlo draws of the totals of a log: 1,000, and fewer for large logs."""
    return int(np.clip(_MAX_CELLS // customers, _N_DRAWS_LARGE_LOG, _N_DRAWS))


def interval_of_draws(totals: FloatArray, expected: float) -> IntervalEnds:
    """Return the 95 % interval: quantiles of the draws or, with few draws for a large log, a normal one around the expected total.

    The quantile of Student's t allows for the error of a standard deviation from few draws.

    Parameters
    ----------
    totals : ndarray of float64, shape (n_draws,)
        Draws of a total that is at least 0.
    expected : float
        Expected total.

    Returns
    -------
    IntervalEnds
    """
    if len(totals) >= _MIN_DRAWS_FOR_QUANTILES:
        return IntervalEnds(*(float(end) for end in np.quantile(totals, [0.025, 0.975])))
    from scipy.special import stdtrit

    half = float(stdtrit(len(totals) - 1, 0.975) * totals.std(ddof=1))
    return IntervalEnds(max(0.0, expected - half), expected + half)


def _draw_totals(timing: FittedTiming, spend: FittedSpend, histories: PurchaseHistories, seed: int) -> FloatArray:
    """Draw totals, shape (n_draws, 4): purchases of new customers and given histories, then money of new customers and given histories."""
    rng = np.random.default_rng(seed)
    x, t_x, T, length = histories.x, histories.t_x, histories.T, histories.holdout_length
    zeros = np.zeros_like(x)
    draws = number_of_draws(len(x))
    totals = np.empty((draws, 4))
    for row, (timing_draw, spend_draw) in enumerate(draw_models(timing, spend, draws, rng)):
        new = timing_draw.draw_new_customers(rng, T, length)[1].astype(np.float64)
        given = timing_draw.draw_future_purchases(rng, length, x, t_x, T).astype(np.float64)
        new_money = spend_draw.draw_total_spend(rng, new, zeros, zeros)
        given_money = spend_draw.draw_total_spend(rng, given, x, histories.mean_spend)
        totals[row] = new.sum(), given.sum(), new_money.sum(), given_money.sum()
    return totals

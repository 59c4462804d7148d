"""The forecast of the holdout from fitted models, beside the actual purchases: per customer, in total with 95 % bands, and its errors.

Both bands of a total are Monte Carlo estimates. Each draw uses new parameters from the asymptotic normal distribution of their logarithms:

- `new_customers` (JSON key `afresh`): as many new customers with the same entry dates. A simulation of the calibrated scenario gives this
  band, and so would the holdout of another sample of customers.
- `given_history`: the customers of the log, each from the posterior given its history. This band is narrower and contains the prediction.
  It does not account for anything that the model omits, such as seasons.

`low` and `high` of purchases are those of `new_customers`, because simulations are compared with them. `low` and `high` of money are those
of `given_history`: money depends on a few customers who spend most and whom the histories identify, so that the prediction may lie
outside the other band.
"""

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from cjsim.calibration.bgnbd import BgNbd
from cjsim.calibration.gamma_gamma import GammaGamma, LognormalSpend, SpendModel
from cjsim.calibration.maximum_likelihood import FloatArray, LikelihoodFit
from cjsim.calibration.nbd import Nbd
from cjsim.calibration.purchase_log import PurchaseHistories

TimingModel = BgNbd | Nbd
NEW_CUSTOMERS_LABEL, GIVEN_HISTORY_LABEL = "lived afresh", "given each history"
_MAX_DRAWS = 1000
_MAX_CELLS = 20_000_000  # customers times draws; larger logs get fewer draws, at least 200


class IntervalEnds(NamedTuple):
    """The ends of a 95 % band."""

    low: float
    high: float

    def contains(self, value: float) -> bool:
        """Whether a value lies in the band."""
        return self.low <= value <= self.high


@dataclass(frozen=True)
class ForecastTotal:
    """A total over customers: the actual value, the forecast, and the two 95 % bands of the module's docstring."""

    actual: float
    predicted: float
    new_customers: IntervalEnds
    given_history: IntervalEnds


@dataclass(frozen=True)
class HoldoutForecast:
    """The forecast of the holdout: totals over customers, and errors per customer.

    Attributes
    ----------
    purchases, money : ForecastTotal
        Totals of the holdout.
    expected_purchases : ndarray of float64, shape (n,)
        Expected purchases of each customer given its history.
    mae, rmse : float
        Mean absolute and root mean squared error per customer, in purchases.
    correlation : float or None
        Correlation of forecast and actual purchases over customers; None if either does not vary.
    """

    purchases: ForecastTotal
    money: ForecastTotal
    expected_purchases: FloatArray
    mae: float
    rmse: float
    correlation: float | None

    def to_json(self) -> dict[str, Any]:
        """The forecast as plain data.

        Returns
        -------
        dict
            `actual`, `predicted`, `low`, `high`, `given_history` {low, high}, `mae`, `rmse`, `correlation`, all of purchases, and
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
        """Reasons not to rely on the forecast, one sentence each."""
        checks = (
            ("purchases", "lie", self.purchases, self.purchases.new_customers, NEW_CUSTOMERS_LABEL),
            ("money", "lies", self.money, self.money.given_history, GIVEN_HISTORY_LABEL),
        )
        warnings = [
            f"{name} of the holdout ({total.actual:,.0f}) {lies} outside the 95 % band {label} ({band.low:,.0f} to {band.high:,.0f}): "
            "the model misses something, such as seasons; do not rely on the forecast"
            for name, lies, total, band, label in checks
            if not band.contains(total.actual)
        ]
        if not self.purchases.new_customers.contains(self.purchases.predicted):
            low, high = self.purchases.new_customers
            warnings.append(
                f"purchases predicted given the histories ({self.purchases.predicted:,.0f}) lie outside the 95 % band "
                f"{NEW_CUSTOMERS_LABEL} ({low:,.0f} to {high:,.0f}): these customers are unlike those whom the fitted model brings forth"
            )
        return tuple(warnings)


def forecast_holdout(
    timing: TimingModel,
    timing_fit: LikelihoodFit,
    spend: SpendModel,
    spend_fit: LikelihoodFit,
    histories: PurchaseHistories,
    *,
    seed: int = 1,
) -> HoldoutForecast:
    """Forecast the purchases and money of the holdout from the fitted models.

    Parameters
    ----------
    timing : BgNbd or Nbd
        Model of purchase times.
    timing_fit : LikelihoodFit
        Uncertainty of its parameters.
    spend : GammaGamma or LognormalSpend
        Model of spend.
    spend_fit : LikelihoodFit
        Uncertainty of its parameters.
    histories : PurchaseHistories
        Histories with a holdout.
    seed : int
        Seed of the Monte Carlo draws of the bands.

    Returns
    -------
    HoldoutForecast
    """
    x, t_x, T = histories.x, histories.t_x, histories.T
    expected = timing.conditional_expected_purchases(histories.holdout_length, x, t_x, T)
    means = spend.conditional_mean(x, histories.mean_spend)
    totals = _draw_totals(timing, timing_fit, spend, spend_fit, histories, seed)
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


def _draw_totals(
    timing: TimingModel, timing_fit: LikelihoodFit, spend: SpendModel, spend_fit: LikelihoodFit, histories: PurchaseHistories, seed: int
) -> FloatArray:
    """Drawn totals, shape (n_draws, 4): purchases of new customers and given histories, then money of each."""
    rng = np.random.default_rng(seed)
    x, t_x, T, length = histories.x, histories.t_x, histories.T, histories.holdout_length
    zeros = np.zeros_like(x)
    draws = int(np.clip(_MAX_CELLS // len(x), 200, _MAX_DRAWS))
    totals = np.empty((draws, 4))
    parameters = zip(timing_fit.draw_parameters(draws, rng), spend_fit.draw_parameters(draws, rng), strict=True)
    for row, (timing_parameters, spend_parameters) in enumerate(parameters):
        timing_draw = timing_model_with(timing, timing_parameters)
        spend_draw = spend_model_with(spend, spend_parameters)
        new = timing_draw.draw_new_customers(rng, T, length)[1].astype(np.float64)
        given = timing_draw.draw_future_purchases(rng, length, x, t_x, T).astype(np.float64)
        new_money = spend_draw.draw_total_spend(rng, new, zeros, zeros)
        given_money = spend_draw.draw_total_spend(rng, given, x, histories.mean_spend)
        totals[row] = new.sum(), given.sum(), new_money.sum(), given_money.sum()
    return totals


def timing_model_with(timing: TimingModel, parameters: FloatArray) -> TimingModel:
    """A model of the same kind with other parameters.

    Parameters
    ----------
    timing : BgNbd or Nbd
        A model of the kind.
    parameters : ndarray of float64, shape (n_parameters,)
        r, alpha; for BG/NBD also a, b.

    Returns
    -------
    BgNbd or Nbd
    """
    return type(timing)(*(float(value) for value in parameters))


def spend_model_with(spend: SpendModel, parameters: FloatArray) -> SpendModel:
    """A model of the same kind with other parameters.

    Parameters
    ----------
    spend : GammaGamma or LognormalSpend
        A model of the kind.
    parameters : ndarray of float64, shape (n_parameters,)
        p, q, v; or median, sigma.

    Returns
    -------
    GammaGamma or LognormalSpend
    """
    kind: type[GammaGamma] | type[LognormalSpend] = type(spend)
    return kind(*(float(value) for value in parameters))

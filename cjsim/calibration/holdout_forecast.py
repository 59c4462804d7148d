"""What a fitted model says of the holdout, beside what customers did.

Lives here: the forecast of each customer given its history, the bands of the total, the errors. Does not live here: the
models (bgnbd.py, nbd.py, gammagamma.py).

Two bands of the total, both 95 %, by Monte Carlo, both with parameters drawn anew for each draw from the asymptotic normal
distribution of their logarithms:

- `afresh`: the journey lived afresh by as many customers with the same entry dates. It is what a simulation of the
  calibrated scenario shows, and the one that a holdout of another sample of customers would fall into.
- `given`: these very customers, each from its posterior given its history. Narrower; it does not know of anything that the
  model leaves out, such as seasons. The prediction lies inside.

`low` and `high` of purchases are `afresh`, as the simulation is judged by them. Those of money are `given`: money hangs on the
few who spend most, whom the histories name, so that the prediction may lie outside the other.
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
_MAX_CELLS = 20_000_000  # customers times draws; a larger log gets fewer draws, at least 200


class IntervalEnds(NamedTuple):
    """The ends of a 95 % band."""

    low: float
    high: float

    def contains(self, value: float) -> bool:
        """Whether a value lies inside."""
        return self.low <= value <= self.high


@dataclass(frozen=True)
class ForecastTotal:
    """A total that was forecast: what it was, the forecast, and the two 95 % bands of the module's docstring."""

    actual: float
    predicted: float
    new_customers: IntervalEnds
    given_history: IntervalEnds


@dataclass(frozen=True)
class HoldoutForecast:
    """The holdout: totals over customers, and errors by customer.

    Attributes
    ----------
    purchases, money : ForecastTotal
        Totals of the holdout.
    expected_purchases : ndarray of float64, shape (n,)
        Purchases of each customer given its history.
    mae, rmse : float
        Mean absolute and root mean squared error by customer, purchases.
    correlation : float or None
        Of forecast and actual purchases over customers; None where either does not vary.
    """

    purchases: ForecastTotal
    money: ForecastTotal
    expected_purchases: FloatArray
    mae: float
    rmse: float
    correlation: float | None

    def to_json(self) -> dict[str, Any]:
        """The holdout as plain data.

        Returns
        -------
        dict
            `actual`, `predicted`, `low`, `high`, `given_history` {low, high}, `mae`, `rmse`, `correlation`, all of purchases, and
            `money` {actual, predicted, low, high, afresh {low, high}}.
        """
        bought, money = self.purchases, self.money
        return {
            "actual": bought.actual,
            "predicted": bought.predicted,
            **bought.new_customers._asdict(),
            "given_history": bought.given_history._asdict(),
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
        """Where the forecast is not to be relied on, a sentence each."""
        judged = (
            ("purchases", "lie", self.purchases, self.purchases.new_customers, NEW_CUSTOMERS_LABEL),
            ("money", "lies", self.money, self.money.given_history, GIVEN_HISTORY_LABEL),
        )
        found = [
            f"{name} of the holdout ({band.actual:,.0f}) {lies} outside the 95 % band {which} ({ends.low:,.0f} to {ends.high:,.0f}): "
            "the model misses something, such as seasons; do not rely on the forecast"
            for name, lies, band, ends, which in judged
            if not ends.contains(band.actual)
        ]
        if not self.purchases.new_customers.contains(self.purchases.predicted):
            low, high = self.purchases.new_customers
            found.append(
                f"purchases predicted given the histories ({self.purchases.predicted:,.0f}) lie outside the 95 % band {NEW_CUSTOMERS_LABEL} "
                f"({low:,.0f} to {high:,.0f}): these customers are unlike those whom the fitted model brings forth"
            )
        return tuple(found)


def forecast_holdout(
    timing: TimingModel,
    timing_fit: LikelihoodFit,
    spend: SpendModel,
    spend_fit: LikelihoodFit,
    histories: PurchaseHistories,
    *,
    seed: int = 1,
) -> HoldoutForecast:
    """Purchases and money of the holdout, forecast from the calibration.

    Parameters
    ----------
    timing : BgNbd or Nbd
        When customers buy.
    timing_fit : LikelihoodFit
        The uncertainty of its parameters.
    spend : GammaGamma or LognormalSpend
        What they spend.
    spend_fit : LikelihoodFit
        The uncertainty of its parameters.
    histories : PurchaseHistories
        With a holdout.
    seed : int
        Of the Monte Carlo draws of the bands.

    Returns
    -------
    HoldoutForecast
    """
    x, t_x, T, ahead = histories.x, histories.t_x, histories.T, histories.holdout_length
    expected = timing.conditional_expected_purchases(ahead, x, t_x, T)
    means = spend.conditional_mean(x, histories.mean_spend)
    totals = _draw_totals(timing, timing_fit, spend, spend_fit, histories, seed)
    error = expected - histories.holdout_purchases
    varies = expected.std() > 0 and histories.holdout_purchases.std() > 0
    return HoldoutForecast(
        purchases=_forecast_total(histories.holdout_purchases, expected, totals[:, 0], totals[:, 1]),
        money=_forecast_total(histories.holdout_money, expected * means, totals[:, 2], totals[:, 3]),
        expected_purchases=expected,
        mae=float(np.abs(error).mean()),
        rmse=float(np.sqrt((error**2).mean())),
        correlation=float(np.corrcoef(expected, histories.holdout_purchases)[0, 1]) if varies else None,
    )


def _forecast_total(actual: FloatArray, expected: FloatArray, fresh: FloatArray, given: FloatArray) -> ForecastTotal:
    afresh, known = (IntervalEnds(*(float(end) for end in np.quantile(totals, [0.025, 0.975]))) for totals in (fresh, given))
    return ForecastTotal(float(actual.sum()), float(expected.sum()), afresh, known)


def _draw_totals(
    timing: TimingModel, timing_fit: LikelihoodFit, spend: SpendModel, spend_fit: LikelihoodFit, histories: PurchaseHistories, seed: int
) -> FloatArray:
    """Totals drawn, shape (draws, 4): purchases lived afresh and given histories, then money of each."""
    rng = np.random.default_rng(seed)
    x, t_x, T, ahead = histories.x, histories.t_x, histories.T, histories.holdout_length
    nothing = np.zeros_like(x)
    draws = int(np.clip(_MAX_CELLS // len(x), 200, _MAX_DRAWS))
    totals = np.empty((draws, 4))
    for row, (when, what) in enumerate(zip(timing_fit.draw_parameters(draws, rng), spend_fit.draw_parameters(draws, rng), strict=True)):
        lived = timing_model_with(timing, when)
        spent = spend_model_with(spend, what)
        fresh = lived.draw_new_customers(rng, T, ahead)[1].astype(np.float64)
        given = lived.draw_future_purchases(rng, ahead, x, t_x, T).astype(np.float64)
        fresh_money = spent.draw_total_spend(rng, fresh, nothing, nothing)
        given_money = spent.draw_total_spend(rng, given, x, histories.mean_spend)
        totals[row] = fresh.sum(), given.sum(), fresh_money.sum(), given_money.sum()
    return totals


def timing_model_with(timing: TimingModel, parameters: FloatArray) -> TimingModel:
    """The same kind of model with other parameters.

    Parameters
    ----------
    timing : BgNbd or Nbd
        The kind.
    parameters : ndarray of float64, shape (n_parameters,)
        r, alpha, and for BG/NBD a, b.

    Returns
    -------
    BgNbd or Nbd
    """
    return type(timing)(*(float(value) for value in parameters))


def spend_model_with(spend: SpendModel, parameters: FloatArray) -> SpendModel:
    """The same kind of model with other parameters.

    Parameters
    ----------
    spend : GammaGamma or LognormalSpend
        The kind.
    parameters : ndarray of float64, shape (n_parameters,)
        p, q, v; or median, sigma.

    Returns
    -------
    GammaGamma or LognormalSpend
    """
    kind: type[GammaGamma] | type[LognormalSpend] = type(spend)
    return kind(*(float(value) for value in parameters))

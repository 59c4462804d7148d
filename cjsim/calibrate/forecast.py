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

from cjsim.calibrate.bgnbd import BgNbd
from cjsim.calibrate.gammagamma import GammaGamma, LognormalSpend, Spend
from cjsim.calibrate.likelihood import Fit, Floats
from cjsim.calibrate.nbd import Nbd
from cjsim.calibrate.purchase_log import Histories

Timing = BgNbd | Nbd
AFRESH, GIVEN = "lived afresh", "given each history"
_DRAWS = 1000
_MOST_CELLS = 20_000_000  # customers times draws; a larger log gets fewer draws, at least 200


class Ends(NamedTuple):
    """The ends of a 95 % band."""

    low: float
    high: float

    def hold(self, value: float) -> bool:
        """Whether a value lies inside."""
        return self.low <= value <= self.high


@dataclass(frozen=True)
class Band:
    """A total that was forecast: what it was, the forecast, and the two 95 % bands of the module's docstring."""

    actual: float
    predicted: float
    afresh: Ends
    given: Ends


@dataclass(frozen=True)
class Forecast:
    """The holdout: totals over customers, and errors by customer.

    Attributes
    ----------
    purchases, money : Band
        Totals of the holdout.
    expected : ndarray of float64, shape (n,)
        Purchases of each customer given its history.
    mae, rmse : float
        Mean absolute and root mean squared error by customer, purchases.
    correlation : float or None
        Of forecast and actual purchases over customers; None where either does not vary.
    """

    purchases: Band
    money: Band
    expected: Floats
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
            **bought.afresh._asdict(),
            "given_history": bought.given._asdict(),
            "mae": self.mae,
            "rmse": self.rmse,
            "correlation": self.correlation,
            "money": {"actual": money.actual, "predicted": money.predicted, **money.given._asdict(), "afresh": money.afresh._asdict()},
        }

    def warnings(self) -> tuple[str, ...]:
        """Where the forecast is not to be relied on, a sentence each."""
        judged = (
            ("purchases", "lie", self.purchases, self.purchases.afresh, AFRESH),
            ("money", "lies", self.money, self.money.given, GIVEN),
        )
        found = [
            f"{name} of the holdout ({band.actual:,.0f}) {lies} outside the 95 % band {which} ({ends.low:,.0f} to {ends.high:,.0f}): "
            "the model misses something, such as seasons; do not rely on the forecast"
            for name, lies, band, ends, which in judged
            if not ends.hold(band.actual)
        ]
        if not self.purchases.afresh.hold(self.purchases.predicted):
            low, high = self.purchases.afresh
            found.append(
                f"purchases predicted given the histories ({self.purchases.predicted:,.0f}) lie outside the 95 % band {AFRESH} "
                f"({low:,.0f} to {high:,.0f}): these customers are unlike those whom the fitted model brings forth"
            )
        return tuple(found)


def forecast(timing: Timing, timing_fit: Fit, spend: Spend, spend_fit: Fit, histories: Histories, *, seed: int = 1) -> Forecast:
    """Purchases and money of the holdout, forecast from the calibration.

    Parameters
    ----------
    timing : BgNbd or Nbd
        When customers buy.
    timing_fit : Fit
        The uncertainty of its parameters.
    spend : GammaGamma or LognormalSpend
        What they spend.
    spend_fit : Fit
        The uncertainty of its parameters.
    histories : Histories
        With a holdout.
    seed : int
        Of the Monte Carlo draws of the bands.

    Returns
    -------
    Forecast
    """
    x, t_x, T, ahead = histories.x, histories.t_x, histories.T, histories.ahead
    expected = timing.conditional_purchases(ahead, x, t_x, T)
    means = spend.conditional_mean(x, histories.spend)
    totals = _draw_totals(timing, timing_fit, spend, spend_fit, histories, seed)
    error = expected - histories.x_holdout
    varies = expected.std() > 0 and histories.x_holdout.std() > 0
    return Forecast(
        purchases=_band(histories.x_holdout, expected, totals[:, 0], totals[:, 1]),
        money=_band(histories.money_holdout, expected * means, totals[:, 2], totals[:, 3]),
        expected=expected,
        mae=float(np.abs(error).mean()),
        rmse=float(np.sqrt((error**2).mean())),
        correlation=float(np.corrcoef(expected, histories.x_holdout)[0, 1]) if varies else None,
    )


def _band(actual: Floats, expected: Floats, fresh: Floats, given: Floats) -> Band:
    afresh, known = (Ends(*(float(end) for end in np.quantile(totals, [0.025, 0.975]))) for totals in (fresh, given))
    return Band(float(actual.sum()), float(expected.sum()), afresh, known)


def _draw_totals(timing: Timing, timing_fit: Fit, spend: Spend, spend_fit: Fit, histories: Histories, seed: int) -> Floats:
    """Totals drawn, shape (draws, 4): purchases lived afresh and given histories, then money of each."""
    rng = np.random.default_rng(seed)
    x, t_x, T, ahead = histories.x, histories.t_x, histories.T, histories.ahead
    nothing = np.zeros_like(x)
    draws = int(np.clip(_MOST_CELLS // len(x), 200, _DRAWS))
    totals = np.empty((draws, 4))
    for row, (when, what) in enumerate(zip(timing_fit.draw(draws, rng), spend_fit.draw(draws, rng), strict=True)):
        lived = timing_with(timing, when)
        spent = spend_with(spend, what)
        fresh = lived.draw_lives(rng, T, ahead)[1].astype(np.float64)
        given = lived.draw_purchases(rng, ahead, x, t_x, T).astype(np.float64)
        fresh_money = spent.draw_totals(rng, fresh, nothing, nothing)
        given_money = spent.draw_totals(rng, given, x, histories.spend)
        totals[row] = fresh.sum(), given.sum(), fresh_money.sum(), given_money.sum()
    return totals


def timing_with(timing: Timing, theta: Floats) -> Timing:
    """The same kind of model with other parameters.

    Parameters
    ----------
    timing : BgNbd or Nbd
        The kind.
    theta : ndarray of float64, shape (n_parameters,)
        r, alpha, and for BG/NBD a, b.

    Returns
    -------
    BgNbd or Nbd
    """
    return type(timing)(*(float(value) for value in theta))


def spend_with(spend: Spend, theta: Floats) -> Spend:
    """The same kind of model with other parameters.

    Parameters
    ----------
    spend : GammaGamma or LognormalSpend
        The kind.
    theta : ndarray of float64, shape (n_parameters,)
        p, q, v; or median, sigma.

    Returns
    -------
    GammaGamma or LognormalSpend
    """
    kind: type[GammaGamma] | type[LognormalSpend] = type(spend)
    return kind(*(float(value) for value in theta))

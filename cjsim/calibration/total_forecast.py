"""Forecast of the customers of a log together: how many are active, and how much they will buy and spend, with 95 % forecast intervals.

The intervals are those for what these customers will do given their histories. They are Monte Carlo estimates: each draw takes new
parameters from the uncertainty of their estimates, then draws every customer.
"""

from dataclasses import dataclass
from datetime import date
from typing import Any, NamedTuple

import numpy as np

from cjsim.calibration.bgnbd import BgNbd
from cjsim.calibration.holdout_forecast import IntervalEnds, interval_of_draws, number_of_draws
from cjsim.calibration.maximum_likelihood import FloatArray
from cjsim.calibration.model_selection import FittedSpend, FittedTiming, draw_models
from cjsim.purchase_logs.purchase_log import PurchaseHistories


class TotalEstimate(NamedTuple):
    """An expected total with its 95 % forecast interval."""

    value: float
    interval: IntervalEnds

    def to_json(self, customers: int, unit: str) -> dict[str, Any]:
        """Return the estimate with the number of customers and its unit."""
        return {"value": self.value, **self.interval._asdict(), "n": customers, "unit": unit}

    def __str__(self) -> str:
        return f"{self.value:,.0f} [{self.interval.low:,.0f} to {self.interval.high:,.0f}]"


@dataclass(frozen=True)
class TotalForecast:
    """Forecast of all customers of a log together.

    Attributes
    ----------
    first_day, last_day : date
        First and last day of the forecast.
    customers : int
        Number of customers.
    active : TotalEstimate or None
        Customers who still buy at the start of the forecast; None if the model has no dropout.
    purchases, spend : TotalEstimate
        Purchases, and money spent, from `first_day` to `last_day`.
    """

    first_day: date
    last_day: date
    customers: int
    active: TotalEstimate | None
    purchases: TotalEstimate
    spend: TotalEstimate

    def sentences(self) -> list[str]:
        """Return the forecast in words."""
        are = "this customer is" if self.customers == 1 else f"these {self.customers:,} customers are"
        forecast = (
            f"From {self.first_day} to {self.last_day}, {are} expected to make {self.purchases} purchases and to spend {self.spend} "
            "(in brackets: 95 % forecast intervals)."
        )
        if self.active is None:
            return [forecast, "The fitted model has no dropout: every customer stays active."]
        repeat = "customers without a repeat purchase count as active"
        return [forecast, f"About {self.active} of them are still active on {self.first_day}; {repeat}."]

    def to_json(self) -> dict[str, Any]:
        """Return the forecast as JSON-compatible values.

        Returns
        -------
        dict
            `from`, `to`, and `active` (None without dropout), `purchases` and `spend`, each with `value`, `low`, `high`, `n` and `unit`.
        """
        return {
            "from": str(self.first_day),
            "to": str(self.last_day),
            "active": None if self.active is None else self.active.to_json(self.customers, "customers"),
            "purchases": self.purchases.to_json(self.customers, "purchases"),
            "spend": self.spend.to_json(self.customers, "money"),
        }


def forecast_totals(
    timing: FittedTiming, spend: FittedSpend, histories: PurchaseHistories, *, length: float, first_day: date, last_day: date, seed: int = 1
) -> TotalForecast:
    """Forecast the totals of all customers, given their histories.

    Parameters
    ----------
    timing, spend : FittedTiming, FittedSpend
        Models of purchase times and of spend per purchase, with the uncertainty of their parameters.
    histories : PurchaseHistories
        Histories of the customers.
    length : float
        Length of the forecast, in units of time of the histories; above 0.
    first_day, last_day : date
        First and last day of the forecast.
    seed : int
        Seed of the Monte Carlo draws.

    Returns
    -------
    TotalForecast
    """
    x, t_x, T = histories.x, histories.t_x, histories.T
    expected = timing.model.conditional_expected_purchases(length, x, t_x, T)
    money = float(np.sum(expected * spend.model.conditional_mean(x, histories.mean_spend)))
    draws = _draw_totals(timing, spend, histories, length, seed)
    totals = (float(timing.model.p_alive(x, t_x, T).sum()), float(expected.sum()), money)
    active, purchases, spent = (
        TotalEstimate(total, interval_of_draws(column, total)) for total, column in zip(totals, draws.T, strict=True)
    )
    has_dropout = isinstance(timing.model, BgNbd)
    return TotalForecast(first_day, last_day, len(x), active if has_dropout else None, purchases, spent)


def _draw_totals(timing: FittedTiming, spend: FittedSpend, histories: PurchaseHistories, length: float, seed: int) -> FloatArray:
    """Draw the numbers of active customers, of purchases and the money spent: shape (n_draws, 3)."""
    rng = np.random.default_rng(seed)
    x, t_x, T = histories.x, histories.t_x, histories.T
    totals = np.empty((number_of_draws(len(x)), 3))
    for row, (timing_draw, spend_draw) in enumerate(draw_models(timing, spend, len(totals), rng)):
        bought = timing_draw.draw_future_purchases(rng, length, x, t_x, T).astype(np.float64)
        active = rng.random(len(x)) < timing_draw.p_alive(x, t_x, T)
        totals[row] = active.sum(), bought.sum(), spend_draw.draw_total_spend(rng, bought, x, histories.mean_spend).sum()
    return totals

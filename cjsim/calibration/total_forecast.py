"""Forecast of all customers of a log together: how many are active, and how much they will buy and spend, with 95 % forecast intervals.

The intervals describe what these customers will do, given their histories.
"""

from dataclasses import dataclass
from datetime import date
from typing import Any, NamedTuple

import numpy as np

from cjsim.calibration.bgnbd import BgNbd
from cjsim.calibration.gamma_gamma import SpendModel
from cjsim.calibration.maximum_likelihood import FloatArray
from cjsim.calibration.model_selection import FittedSpend, FittedTiming
from cjsim.calibration.nbd import Nbd
from cjsim.calibration.total_intervals import HistoryForecast, IntervalEnds, total_intervals
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
    totals = _FutureTotals(histories, length)
    estimates = [
        TotalEstimate(float(total), interval)
        for total, interval in zip(
            totals.expected(timing.model, spend.model), total_intervals(totals, timing, spend, seed=seed), strict=True
        )
    ]
    active, purchases, spent = estimates
    has_dropout = isinstance(timing.model, BgNbd)
    return TotalForecast(first_day, last_day, totals.customers, active if has_dropout else None, purchases, spent)


class _FutureTotals(HistoryForecast):
    """The numbers of active customers and of purchases, and the money spent."""

    def expected(self, timing: BgNbd | Nbd, spend: SpendModel) -> FloatArray:
        """Return the expected totals."""
        alive = timing.p_alive(self.histories.x, self.histories.t_x, self.histories.T)
        return np.array([alive.sum(), self.expected_purchases(timing).sum(), self.expected_money(timing, spend)])

    def draw(self, rng: np.random.Generator, timing: BgNbd | Nbd, spend: SpendModel) -> tuple[FloatArray, ...]:
        """Draw each customer's part of each total."""
        x, t_x, T = self.histories.x, self.histories.t_x, self.histories.T
        purchases = timing.draw_future_purchases(rng, self.length, x, t_x, T).astype(np.float64)
        active = (rng.random(len(x)) < timing.p_alive(x, t_x, T)).astype(np.float64)
        return active, purchases, spend.draw_total_spend(rng, purchases, x, self.histories.mean_spend)

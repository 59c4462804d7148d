"""Forecast of each customer after the calibration period: probability of being alive, purchases, spend and CLV, each with an interval.

The interval of an expected value measures the uncertainty of the estimate. It is computed by the delta method on a logarithmic scale
(log-odds for the probability of being alive), from the covariance of the estimated parameters. The predictive interval (`purchases_low` to
`purchases_high` and so on) describes what the customer will do: if the model holds, it contains the customer's actual number with a
probability of at least 95 %.

CLV here is residual: the discounted revenue of the forecast period, without earlier purchases and before costs.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from cjsim.calibration.bgnbd import BgNbd
from cjsim.calibration.distinct_histories import DistinctRows, distinct_rows
from cjsim.calibration.maximum_likelihood import FloatArray
from cjsim.calibration.model_selection import FittedSpend, FittedTiming
from cjsim.calibration.nbd import Nbd
from cjsim.calibration.predictive_intervals import PredictiveIntervals, predictive_intervals
from cjsim.metrics.confidence_intervals import NORMAL_QUANTILE_95
from cjsim.purchase_logs.purchase_log import DAYS_PER_UNIT, PurchaseHistories
from cjsim.table_files import without_formula
from cjsim.tabular_result import TabularResult

if TYPE_CHECKING:
    import pandas as pd

_DAYS_PER_YEAR = 365.0
_NODES, _NODE_WEIGHTS = (part / 2 for part in np.polynomial.legendre.leggauss(16))  # on -1/2 to 1/2


class Expectation(NamedTuple):
    """Expected values of all customers with the 95 % intervals of the expectation, each float64 of shape (n,)."""

    value: FloatArray
    low: FloatArray
    high: FloatArray


@dataclass(frozen=True, repr=False)
class CustomerForecast(TabularResult):
    """Forecast of each customer, in the order of `histories`.

    Attributes
    ----------
    histories : PurchaseHistories
        Histories of the customers.
    unit : str
        Unit of `t_x` and `T`, 'week' or 'day'.
    horizon_days : float
        Length of the forecast, from the day after the calibration period.
    discount_rate : float
        Annual discount rate of the CLV.
    p_alive : Expectation
        Probability of being alive at the end of the calibration period.
    expected_purchases, expected_spend, expected_clv : Expectation
        Expected purchases, spend (money) and discounted spend (money) within the horizon.
    predictive : PredictiveIntervals
        The 95 % predictive intervals of the customer's own purchases, spend and discounted spend.
    """

    histories: PurchaseHistories
    unit: str
    horizon_days: float
    discount_rate: float
    p_alive: Expectation
    expected_purchases: Expectation
    expected_spend: Expectation
    expected_clv: Expectation
    predictive: PredictiveIntervals

    def __len__(self) -> int:
        """Return the number of customers."""
        return len(self.histories.x)

    def _facts(self) -> str:
        return f"{len(self):,} customers, {self.horizon_days:g} days ahead, discount rate {100 * self.discount_rate:g} % per year"

    def to_pandas(self) -> "pd.DataFrame":
        """Return a DataFrame with one row per customer, indexed by `customer`.

        Returns
        -------
        pandas.DataFrame
            `x`, `t_x`, `T`, `mean_spend`; `p_alive`, `expected_purchases`, `expected_spend` and `expected_clv`, each with `_low` and
            `_high` for the interval of the expectation; `purchases_low` and `purchases_high`, and the same for `spend` and `clv`: the
            predictive interval; `horizon_days` and `time_unit`.
        """
        import pandas as pd

        histories = self.histories
        columns = {"x": histories.x.astype(np.int64), "t_x": histories.t_x, "T": histories.T, "mean_spend": histories.mean_spend}
        for name in ("p_alive", "expected_purchases", "expected_spend", "expected_clv"):
            value, low, high = getattr(self, name)
            columns |= {name: value, f"{name}_low": low, f"{name}_high": high}
        for name, (low, high) in self.predictive._asdict().items():
            columns |= {f"{name}_low": low, f"{name}_high": high}
        columns |= {f"purchases_{end}": columns[f"purchases_{end}"].astype(np.int64) for end in ("low", "high")}
        frame = pd.DataFrame(columns, index=pd.Index(histories.customer_ids, name="customer"))
        return frame.assign(horizon_days=self.horizon_days, time_unit=self.unit)

    def write_csv(self, file: Path) -> None:
        """Write the forecast to a CSV file. Numbers have six significant digits, and no text can act as a spreadsheet formula.

        Parameters
        ----------
        file : Path
            File to write.
        """
        import pyarrow as pa
        from pyarrow import csv

        frame = self.to_pandas()
        columns = {name: _rounded(frame[name].to_numpy()) if frame[name].dtype == np.float64 else frame[name] for name in frame.columns}
        identifiers = pa.array([without_formula(customer) for customer in frame.index], type=pa.string())
        with file.open("wb") as stream:  # Arrow itself opens only files whose path is Unicode text
            csv.write_csv(pa.table({"customer": identifiers} | columns), stream)


def forecast_customers(
    timing: FittedTiming,
    spend: FittedSpend,
    histories: PurchaseHistories,
    *,
    unit: str = "week",
    horizon_days: float = 365.0,
    discount_rate: float = 0.1,
    seed: int = 1,
) -> CustomerForecast:
    """Forecast each customer from the end of the calibration period.

    Parameters
    ----------
    timing, spend : FittedTiming, FittedSpend
        Models of purchase times and of spend per purchase, with the uncertainty of their parameters.
    histories : PurchaseHistories
        Histories of the customers.
    unit : {"week", "day"}
        Unit of time of the histories.
    horizon_days : float
        Length of the forecast, above 0.
    discount_rate : float
        Annual discount rate of the CLV, at least 0. Money is discounted continuously, as in a simulation.
    seed : int
        Seed of the Monte Carlo draws for the predictive intervals.

    Returns
    -------
    CustomerForecast

    References
    ----------
    Fader, Hardie, Lee (2005), Marketing Science 24(2), equations 9 and 10; Fader, Hardie (2013), brucehardie.com/notes/025, equation 5.
    """
    days = DAYS_PER_UNIT[unit]
    length, discount = horizon_days / days, float(np.log1p(discount_rate)) * days / _DAYS_PER_YEAR
    alive, alive_slopes = _log_odds_alive(timing, histories)
    p_alive = _expit(alive)
    pairs = distinct_rows(histories.x, histories.T)
    (purchases, discounted), slopes = _purchases_if_alive(timing, pairs, length, discount)
    means, mean_slopes = _mean_spend(spend, histories)
    mean_variance = spend.fit.variance_of(mean_slopes)
    log_alive_slopes = (1 - p_alive)[:, None] * alive_slopes
    purchase_variance, discounted_variance = (timing.fit.variance_of(log_alive_slopes + slope[pairs.row_index]) for slope in slopes)
    expected, expected_discounted = p_alive * purchases[pairs.row_index], p_alive * discounted[pairs.row_index]
    half = NORMAL_QUANTILE_95 * np.sqrt(timing.fit.variance_of(alive_slopes))
    return CustomerForecast(
        histories=histories,
        unit=unit,
        horizon_days=horizon_days,
        discount_rate=discount_rate,
        p_alive=Expectation(p_alive, _expit(alive - half), _expit(alive + half)),
        expected_purchases=_log_interval(expected, purchase_variance),
        expected_spend=_log_interval(expected * means, purchase_variance + mean_variance),
        expected_clv=_log_interval(expected_discounted * means, discounted_variance + mean_variance),
        predictive=predictive_intervals(timing, spend, histories, length, discount, seed=seed),
    )


def _rounded(values: FloatArray) -> FloatArray:
    """Return numbers rounded to six significant digits."""
    size = np.abs(values)
    scale = 10.0 ** (5 - np.floor(np.log10(np.where((size > 1e-300) & (size < 1e300), size, 1.0))))
    return np.round(values * scale) / scale


def _expit(log_odds: FloatArray) -> FloatArray:
    from scipy.special import expit

    return np.asarray(expit(log_odds), dtype=np.float64)


def _log_interval(value: FloatArray, variance: FloatArray) -> Expectation:
    factor = np.exp(np.minimum(NORMAL_QUANTILE_95 * np.sqrt(variance), 300.0))  # finite, even if the parameters are not identified
    return Expectation(value, value / factor, value * factor)


def _log_odds_alive(timing: FittedTiming, histories: PurchaseHistories) -> tuple[FloatArray, FloatArray]:
    """Return each customer's log-odds of being alive, infinite if that is certain, and their slopes, shape (n, n_parameters)."""
    values = timing.fit.values
    if not isinstance(timing.model, BgNbd):
        return np.full(len(histories.x), np.inf), np.zeros((len(histories.x), len(values)))
    rows = distinct_rows(histories.x, histories.t_x, histories.T)
    slopes = np.zeros((len(rows.weight), len(values)))
    repeat = rows.columns[0] > 0
    history = tuple(column[repeat] for column in rows.columns)
    slopes[repeat] = -timing.fit.slopes_of(lambda values: BgNbd(*values).dropout_log_odds(*history))
    return -timing.model.dropout_log_odds(*rows.columns)[rows.row_index], slopes[rows.row_index]


def _purchases_if_alive(timing: FittedTiming, pairs: DistinctRows, length: float, discount: float) -> tuple[FloatArray, FloatArray]:
    """Return expected and discounted purchases of live customers by pair of x and T, and the slopes of their logarithms."""
    model = timing.model
    found = _discounted_purchases(model, pairs, length, discount)
    slopes = timing.fit.slopes_of(lambda values: _discounted_purchases(type(model)(*values), pairs, length, discount))
    return found, slopes / found[..., None]


def _discounted_purchases(model: BgNbd | Nbd, pairs: DistinctRows, length: float, discount: float) -> FloatArray:
    """Return G(t), the expected purchases within `length` of a live customer, and the integral of exp(-discount s) dG(s) up to t.

    The shape is (2, number of pairs).

    Integration by parts gives exp(-discount t) G(t) + discount times the integral of exp(-discount s) G(s). With s = t u^3, nodes are dense
    near 0, where this function is steep if the horizon is long or the discount is high. The relative error is below 1e-4, unless the
    discount factor at the horizon is below exp(-150).
    """
    x, T = pairs.columns
    purchases = model.expected_purchases_if_alive(length, x, T)
    discounted = np.exp(-discount * length) * purchases
    if discount > 0:
        u = _NODES + 0.5
        for time, weight in zip(length * u**3, length * 3 * u**2 * _NODE_WEIGHTS, strict=True):
            discounted += discount * weight * np.exp(-discount * time) * model.expected_purchases_if_alive(time, x, T)
    return np.stack([purchases, discounted])


def _mean_spend(spend: FittedSpend, histories: PurchaseHistories) -> tuple[FloatArray, FloatArray]:
    """Return each customer's expected spend per purchase, and the slopes of its logarithm, shape (n, n_parameters)."""
    kind, x, spends = type(spend.model), histories.x, histories.mean_spend
    means = spend.model.conditional_mean(x, spends)
    slopes = spend.fit.slopes_of(lambda values: kind(*values).conditional_mean(x, spends))
    return means, slopes / np.where(means > 0, means, 1.0)[:, None]

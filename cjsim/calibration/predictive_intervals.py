"""Intervals for what each customer will do: the 95 % predictive intervals of a customer's own purchases, spend and discounted spend.

They are Monte Carlo quantiles. Each draw takes new parameters from the distribution of their estimates. Customers who are alive share
their draws: the predictive distribution of their purchases depends on `x` and `T` alone, and that of their spend also on a factor that is
known for each customer. For a customer who is alive with probability p, the quantile at level u is the quantile of those draws at level
1 - (1 - u) / p, or 0 if that level is negative.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from cjsim.calibration.distinct_histories import distinct_rows
from cjsim.calibration.maximum_likelihood import FloatArray
from cjsim.calibration.model_selection import FittedSpend, FittedTiming, draw_models
from cjsim.purchase_logs.purchase_log import PurchaseHistories

_N_DRAWS = 1000
_MAX_CELLS = 2000  # pairs of x and T with separate draws; if there are more pairs, similar ones share draws
_LOW, _HIGH = 0.025, 0.975


class Interval(NamedTuple):
    """Ends of the intervals of all customers, each float64 of shape (n,)."""

    low: FloatArray
    high: FloatArray


class PredictiveIntervals(NamedTuple):
    """The 95 % predictive intervals of the customers' own purchases, spend (money) and discounted spend (money)."""

    purchases: Interval
    spend: Interval
    clv: Interval


def predictive_intervals(
    timing: FittedTiming, spend: FittedSpend, histories: PurchaseHistories, length: float, discount: float, *, seed: int
) -> PredictiveIntervals:
    """Return the 95 % predictive intervals of each customer within time `length` after the calibration period.

    Parameters
    ----------
    timing, spend : FittedTiming, FittedSpend
        Models of purchase times and of spend per purchase, with the uncertainty of their parameters.
    histories : PurchaseHistories
        Histories of the customers.
    length : float, units of time
        Length of the forecast, above 0.
    discount : float, 1 / unit of time
        Continuous discount rate, at least 0.
    seed : int
        Seed of the Monte Carlo draws.

    Returns
    -------
    PredictiveIntervals
    """
    x, T, cell = _shared_cells(timing, histories.x, histories.T)
    draws = _sorted_draws(timing, spend, (x, T), length, discount, seed)
    alive = timing.model.p_alive(histories.x, histories.t_x, histories.T)
    scale = spend.model.spend_scale(histories.x, histories.mean_spend)
    low, high = (np.maximum(0.0, 1 - (1 - level) / np.maximum(alive, 1e-9)) for level in (_LOW, _HIGH))
    # The k-th of n sorted draws has a mean level of k / (n + 1).
    low_rank = np.floor(low * (_N_DRAWS + 1)).astype(np.int64) - 1
    high_rank = np.minimum(np.ceil(high * (_N_DRAWS + 1)).astype(np.int64), _N_DRAWS) - 1
    intervals = []
    for drawn, factor in zip(draws, (1.0, scale, scale), strict=True):
        ends = (np.where(rank < 0, 0.0, factor * drawn[np.maximum(rank, 0), cell]) for rank in (low_rank, high_rank))
        intervals.append(Interval(*ends))
    return PredictiveIntervals(*intervals)


def _shared_cells(timing: FittedTiming, x: FloatArray, T: FloatArray) -> tuple[FloatArray, FloatArray, NDArray[np.int64]]:
    """Return the x and T of at most 2000 cells, and the cell of each customer.

    A customer's purchase rate is gamma(r + x, alpha + T). Pairs share a cell if both of these parameters are close on a logarithmic scale.
    """
    pairs = distinct_rows(x, T)
    if len(pairs.weight) <= _MAX_CELLS:
        return pairs.columns[0], pairs.columns[1], pairs.row_index
    shape, rate = np.log(timing.model.r + pairs.columns[0]), np.log(timing.model.alpha + pairs.columns[1])
    width = 0.01
    while len((cells := distinct_rows(np.floor(shape / width), np.floor(rate / width))).weight) > _MAX_CELLS:
        width *= 1.25
    weight = np.bincount(cells.row_index, weights=pairs.weight)
    means = (np.bincount(cells.row_index, weights=pairs.weight * column) / weight for column in pairs.columns)
    return next(means), next(means), cells.row_index[pairs.row_index]


def _sorted_draws(
    timing: FittedTiming, spend: FittedSpend, cells: tuple[FloatArray, FloatArray], length: float, discount: float, seed: int
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Draw purchases, spend and discounted spend of live customers, each of shape (n_draws, n_cells) and sorted by draw.

    Spend is divided by the customer's `spend_scale`. Purchase times have their own random number generator, so the discount rate does not
    change the draws of purchases and spend.
    """
    rng = np.random.default_rng(seed)
    (time_rng,) = rng.spawn(1)
    x, T = cells
    typical = np.full_like(x, spend.model.mean_spend())
    scale = spend.model.spend_scale(x, typical)
    purchases, money, discounted = (np.empty((_N_DRAWS, len(x))) for _ in range(3))
    for row, (timing_draw, spend_draw) in enumerate(draw_models(timing, spend, _N_DRAWS, rng)):
        bought, without_dropout = timing_draw.draw_purchases_if_alive(rng, length, x, T)
        purchases[row] = bought
        money[row] = spend_draw.draw_total_spend(rng, purchases[row], x, typical) / scale
        discounted[row] = money[row] * _draw_mean_discount_factors(time_rng, bought, without_dropout, discount * length)
    for drawn in (purchases, money, discounted):
        drawn.sort(axis=0)
    return purchases, money, discounted


def _draw_mean_discount_factors(
    rng: np.random.Generator, purchases: NDArray[np.int64], without_dropout: NDArray[np.int64], force: float
) -> FloatArray:
    """Draw the mean of exp(-force t) over the first `purchases` of `without_dropout` times t, which are uniform on 0 to 1.

    Given the last of these times, the earlier ones are uniform below it. The mean of their factors is approximated by a draw with the same
    mean and variance, which is exact for one or two purchases.
    """
    if force == 0:
        return np.ones(len(purchases))
    count = np.maximum(purchases, 1)
    last = np.maximum(force * rng.beta(count, without_dropout - purchases + 1), 1e-12)
    expected = -np.expm1(-last) / last
    earlier = expected + (np.exp(-last * rng.random(len(count))) - expected) / np.sqrt(np.maximum(count - 1, 1))
    return np.asarray((np.exp(-last) + (count - 1) * earlier) / count, dtype=np.float64)

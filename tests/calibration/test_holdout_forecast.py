"""Intervals of holdout totals against closed forms, from few and from many draws."""

import numpy as np
import pytest
from scipy.stats import nbinom
from scipy.stats import t as student

from cjsim.calibration.gamma_gamma import LognormalSpend
from cjsim.calibration.holdout_forecast import IntervalEnds, forecast_holdout, interval_of_draws
from cjsim.calibration.maximum_likelihood import LikelihoodFit, ParameterEstimate
from cjsim.calibration.model_selection import FittedSpend, FittedTiming
from cjsim.calibration.nbd import Nbd
from cjsim.purchase_logs.purchase_log import PurchaseHistories

NBD, WEEKS, HOLDOUT = Nbd(r=0.8, alpha=8.0), 40.0, 26.0


def known_fit(model: Nbd | LognormalSpend) -> LikelihoodFit:
    size = len(vars(model))
    return LikelihoodFit(
        0.0, {name: ParameterEstimate(value, None, None) for name, value in vars(model).items()}, np.zeros((size, size)), ()
    )


def bands(customers: int, seed: int) -> tuple[IntervalEnds, IntervalEnds]:
    """Intervals of total purchases of new customers and given the histories, where each customer has made 4 purchases."""
    ones, spend = np.ones(customers), LognormalSpend(median=10.0, sigma=0.0)
    names, days = np.full(customers, "c", dtype=object), np.full(customers, np.datetime64("2024-01-01"))
    histories = PurchaseHistories(names, days, 4 * ones, 30 * ones, WEEKS * ones, 10 * ones, 10 * ones, HOLDOUT, ones, ones)
    purchases = forecast_holdout(
        FittedTiming(NBD, known_fit(NBD), 0.0, ()), FittedSpend(spend, known_fit(spend), 0.0, ()), histories, seed=seed
    ).purchases
    return purchases.new_customers, purchases.given_history


def known_bands(customers: int) -> np.ndarray:
    """A sum of customers with equal T is negative binomial, with the sum of their shapes."""
    new = nbinom.ppf([0.025, 0.975], customers * 0.8, 8.0 / (8.0 + HOLDOUT))
    return np.array([new, nbinom.ppf([0.025, 0.975], customers * 4.8, (8.0 + WEEKS) / (8.0 + WEEKS + HOLDOUT))])


@pytest.mark.parametrize("customers", [10, 300])
def test_intervals_of_nbd_totals_are_those_of_the_negative_binomial(customers: int) -> None:
    """The ends of 1000 draws are within 4 standard errors, 0.08 standard deviations each."""
    known = known_bands(customers)
    assert np.abs(np.array(bands(customers, 1)) - known).max() <= 0.34 * np.diff(known).max() / 3.92 + 1


def test_interval_from_few_draws_allows_for_the_error_of_their_standard_deviation() -> None:
    totals = np.random.default_rng(2).normal(1000.0, 10.0, 40)
    assert interval_of_draws(totals, 1000.0) == pytest.approx(student.interval(0.95, 39, loc=1000.0, scale=totals.std(ddof=1)))


def test_interval_of_skewed_totals_is_that_of_their_quantiles() -> None:
    """From 200 draws, as for 100,000 customers; the spend of a few customers may make up much of a total."""
    totals = np.random.default_rng(2).pareto(1.5, 200)
    assert interval_of_draws(totals, 2.0) == pytest.approx(np.quantile(totals, [0.025, 0.975]))

"""Intervals of holdout totals: closed forms, and agreement of the intervals for small and for large logs."""

import numpy as np
import pytest
from scipy.stats import nbinom
from simulated_purchase_logs import UNTIL, PurchasingWorld, simulate_purchase_log

from cjsim.calibration import total_intervals
from cjsim.calibration.gamma_gamma import GammaGamma, LognormalSpend
from cjsim.calibration.holdout_forecast import _HoldoutTotals, forecast_holdout
from cjsim.calibration.maximum_likelihood import LikelihoodFit, ParameterEstimate
from cjsim.calibration.model_selection import FittedSpend, FittedTiming, fit_spend, fit_timing
from cjsim.calibration.nbd import Nbd
from cjsim.calibration.total_intervals import IntervalEnds
from cjsim.purchase_logs.purchase_log import PurchaseHistories

NBD, WEEKS, HOLDOUT = Nbd(r=0.8, alpha=8.0), 40.0, 26.0


def fit_of(model: Nbd | GammaGamma | LognormalSpend, covariance: np.ndarray | None = None) -> LikelihoodFit:
    size = len(vars(model))
    estimates = {name: ParameterEstimate(value, None, None) for name, value in vars(model).items()}
    return LikelihoodFit(0.0, estimates, np.zeros((size, size)) if covariance is None else covariance, ())


def bands(customers: int, seed: int, covariance: np.ndarray | None = None) -> tuple[IntervalEnds, IntervalEnds]:
    """Intervals of total purchases of new customers and given the histories, where each customer has made 4 purchases."""
    ones, spend = np.ones(customers), LognormalSpend(median=10.0, sigma=0.0)
    names, days = np.full(customers, "c", dtype=object), np.full(customers, np.datetime64("2024-01-01"))
    histories = PurchaseHistories(names, days, 4 * ones, 30 * ones, WEEKS * ones, 10 * ones, 10 * ones, HOLDOUT, ones, ones)
    purchases = forecast_holdout(
        FittedTiming(NBD, fit_of(NBD, covariance), 0.0, ()), FittedSpend(spend, fit_of(spend), 0.0, ()), histories, seed=seed
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


def test_intervals_of_a_large_log_add_the_uncertainty_of_the_parameters() -> None:
    """Given its parameters, a total is negative binomial. The standard deviation of 4,000 known draws has an error of 1.1 %."""
    customers = 120_000
    covariance = np.array([[4e-6, 1e-6], [1e-6, 3e-6]])
    rng = np.random.default_rng(1)
    r, alpha = np.array([0.8, 8.0])[:, None] * np.exp(rng.multivariate_normal(np.zeros(2), covariance, 4000).T)
    new = nbinom.rvs(customers * r, alpha / (alpha + HOLDOUT), random_state=rng)
    given = nbinom.rvs(customers * (r + 4), (alpha + WEEKS) / (alpha + WEEKS + HOLDOUT), random_state=rng)
    for band, total in zip(bands(customers, 1, covariance), (new, given), strict=True):
        assert np.diff(band)[0] == pytest.approx(2 * 1.96 * total.std(), rel=0.045)
        assert np.mean(band) == pytest.approx(total.mean(), abs=4 * total.std() / np.sqrt(4000))


def test_both_kinds_of_intervals_agree(monkeypatch: pytest.MonkeyPatch) -> None:
    """BG/NBD and gamma-gamma, 4,000 customers. The ends of 1,000 draws are within 4 standard errors, 0.08 standard deviations each."""
    histories = simulate_purchase_log(PurchasingWorld(30.0), 4000, 1.0, 3).histories_until(UNTIL)
    timing, spend = fit_timing(histories), fit_spend(histories)
    drawn = forecast_holdout(timing, spend, histories)
    monkeypatch.setattr(total_intervals, "_MAX_CUSTOMERS_FOR_QUANTILES", 1000)
    normal = forecast_holdout(timing, spend, histories)
    for one, other in ((drawn.purchases, normal.purchases), (drawn.money, normal.money)):
        for kind in ("new_customers", "given_history"):
            ends, others = np.array(getattr(one, kind)), np.array(getattr(other, kind))
            assert np.abs(ends - others).max() <= 0.34 * np.diff(ends)[0] / 3.92


def test_intervals_of_heavy_tailed_totals_cover_them(monkeypatch: pytest.MonkeyPatch) -> None:
    """With q = 1.3, the variance of spend is infinite. Of 400 known totals, 91.7 to 98.3 % lie in a 95 % interval (3 standard errors)."""
    customers = 2000
    monkeypatch.setattr(total_intervals, "_MAX_CUSTOMERS_FOR_QUANTILES", 1000)
    ones, spend = np.ones(customers), GammaGamma(p=4.0, q=1.3, v=5.0)
    names, days = np.full(customers, "c", dtype=object), np.full(customers, np.datetime64("2024-01-01"))
    histories = PurchaseHistories(names, days, 0 * ones, 0 * ones, WEEKS * ones, 0 * ones, 10 * ones, HOLDOUT, ones, ones)
    fitted = FittedTiming(NBD, fit_of(NBD), 0.0, ()), FittedSpend(spend, fit_of(spend), 0.0, ())
    band = forecast_holdout(*fitted, histories).money.new_customers
    rng = np.random.default_rng(5)
    known = np.array([_HoldoutTotals(histories, HOLDOUT).draw(rng, NBD, spend)[2].sum() for _ in range(400)])
    assert 0.917 <= np.mean((known >= band.low) & (known <= band.high)) <= 0.983

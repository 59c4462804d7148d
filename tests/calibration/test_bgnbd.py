"""BG/NBD and NBD against slow oracles: integrals over customers, customers simulated one by one, and published estimates."""

from collections.abc import Callable
from datetime import date
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.stats import beta, gamma

from cjsim.calibration import bgnbd, nbd
from cjsim.calibration.bgnbd import BgNbd, fit_bgnbd
from cjsim.calibration.maximum_likelihood import FloatArray, LikelihoodFit, ParameterEstimate
from cjsim.calibration.nbd import Nbd, fit_nbd
from cjsim.purchase_logs.purchase_log import PurchaseHistories, read_purchases

CDNOW = BgNbd(r=0.243, alpha=4.414, a=0.793, b=2.426)
MODELS = (CDNOW, BgNbd(r=2.0, alpha=9.0, a=1.0, b=3.0), BgNbd(r=0.6, alpha=3.0, a=0.3, b=0.7), BgNbd(r=1.5, alpha=7.0, a=4.0, b=0.5))


def mean_over_dropout(model: BgNbd, value: Callable[[float], float]) -> float:
    """E[value(p)] over p ~ beta(a, b), by adaptive quadrature over the probability."""
    return float(quad(lambda share: value(float(beta.ppf(share, model.a, model.b))), 0.0, 1.0, limit=400, epsabs=1e-12)[0])


def mean_over_rate(shape: float, rate: float, value: Callable[[float], float]) -> float:
    """E[value(lambda)] over lambda ~ gamma(shape, rate), by adaptive quadrature over the probability."""
    return float(quad(lambda share: value(float(gamma.ppf(share, shape)) / rate), 0.0, 1.0, limit=400, epsabs=1e-12)[0])


def simulate_histories(model: BgNbd, T: float, count: int, rng: np.random.Generator) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return x, t_x and alive at T of customers who are simulated purchase by purchase."""
    rows = []
    for rate, dropout in zip(rng.gamma(model.r, 1 / model.alpha, count), rng.beta(model.a, model.b, count), strict=True):
        now, bought, last, alive = 0.0, 0, 0.0, True
        while alive and (now := now + rng.exponential(1 / rate)) <= T:
            bought, last, alive = bought + 1, now, rng.random() >= dropout
        rows.append((bought, last, alive))
    x, t_x, living = np.array(rows, dtype=np.float64).T
    return x, t_x, living


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("t", [1.0, 39.0, 400.0])
def test_expected_purchases_are_the_integral_over_customers(model: BgNbd, t: float) -> None:
    known = mean_over_dropout(model, lambda p: (1 - (model.alpha / (model.alpha + p * t)) ** model.r) / p if p > 0 else 0.0)
    assert model.expected_purchases(np.array([t]))[0] == pytest.approx(known, rel=1e-6)


def test_expected_purchases_are_exact_at_removable_singularities() -> None:
    near = [BgNbd(2.0, 9.0, a, 3.0).expected_purchases(np.array([50.0]))[0] for a in (0.999, 0.9999999, 1.0, 1.0000001, 1.001)]
    assert all(left >= right for left, right in pairwise(near))
    assert near[0] == pytest.approx(near[-1], rel=0.01)
    assert near[0] > near[2] > near[-1]
    assert np.isfinite(BgNbd(2.0, 9.0, 0.4, 0.6).expected_purchases(np.array([50.0]))[0])  # a + b = 1


def test_expected_purchases_do_not_overflow_for_frequent_buyers() -> None:
    heavy = CDNOW.conditional_expected_purchases(39.0, np.array([3000.0]), np.array([38.5]), np.array([38.6]))[0]
    assert 0 < heavy < 3000 * 39 / 38
    everyone_alike = BgNbd(r=5.0, alpha=9.0, a=300.0, b=700.0)
    p = 0.3
    homogeneous = (1 - (9 / (9 + p * 40)) ** 5.0) / p
    assert everyone_alike.expected_purchases(np.array([40.0]))[0] == pytest.approx(homogeneous, rel=0.01)


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize(("x", "t_x", "T"), [(0.0, 0.0, 20.0), (1.0, 3.0, 20.0), (6.0, 19.0, 20.0)])
def test_likelihood_is_the_integral_over_customers(model: BgNbd, x: float, t_x: float, T: float) -> None:
    stays = quad(lambda share: (1 - beta.ppf(share, model.a, model.b)) ** x, 0, 1, limit=400)[0]
    leaves = quad(lambda share: (p := beta.ppf(share, model.a, model.b)) * (1 - p) ** (x - 1), 0, 1, limit=400)[0] if x > 0 else 0.0
    alive = mean_over_rate(model.r, model.alpha, lambda rate: rate**x * np.exp(-rate * T))
    gone = mean_over_rate(model.r, model.alpha, lambda rate: rate**x * np.exp(-rate * t_x))
    known = np.log(stays * alive + leaves * gone)
    theta = np.array([model.r, model.alpha, model.a, model.b])
    found = bgnbd.bgnbd_log_likelihood(theta, *(np.array([value]) for value in (x, t_x, T, 1.0)))[0]
    assert found == pytest.approx(known, rel=1e-5)


def test_gradients_match_finite_differences() -> None:
    rng = np.random.default_rng(5)
    x, t_x, _ = simulate_histories(CDNOW, 30.0, 200, rng)
    T, weight = np.full(200, 30.0), rng.uniform(1, 3, 200)
    theta = np.array([0.4, 5.0, 1.2, 2.0])
    for function, size in (
        (lambda at: bgnbd.bgnbd_log_likelihood(at, x, t_x, T, weight), 4),
        (lambda at: nbd.nbd_log_likelihood(at, x, T, weight), 2),
    ):
        at = theta[:size]
        slopes = [(function(at + step)[0] - function(at - step)[0]) / 2e-5 for step in np.eye(size) * 1e-5]
        assert function(at)[1] == pytest.approx(slopes, rel=1e-5)


def test_likelihood_does_not_overflow_or_underflow() -> None:
    rows = np.array([0.0, 1.0, 5000.0]), np.array([0.0, 1e-6, 999.0]), np.array([1e-6, 1000.0, 1000.0]), np.ones(3)
    for theta in ([0.01, 1e-3, 1e-3, 1e-3], [1000.0, 1e5, 1e3, 1e3]):
        height, slope = bgnbd.bgnbd_log_likelihood(np.array(theta), *rows)
        assert np.isfinite(height)
        assert np.isfinite(slope).all()


def test_posterior_agrees_with_simulated_customers() -> None:
    """z-tests of 2 means at 5 standard errors: fails by chance for fewer than 1 in 800,000 seeds; the seed is fixed."""
    rng = np.random.default_rng(12)
    count, T, ahead = 40_000, 20.0, 15.0
    x, t_x, alive = simulate_histories(CDNOW, T, count, rng)
    p_alive = CDNOW.p_alive(x, t_x, np.full(count, T))
    error = p_alive - alive
    assert abs(error.mean()) < 5 * error.std() / np.sqrt(count)
    drawn = CDNOW.draw_future_purchases(rng, ahead, x, t_x, np.full(count, T)) - CDNOW.conditional_expected_purchases(
        ahead, x, t_x, np.full(count, T)
    )
    assert abs(drawn.mean()) < 5 * drawn.std() / np.sqrt(count)


@pytest.mark.parametrize("model", [CDNOW, Nbd(r=0.8, alpha=8.0)])
def test_simulated_histories_have_the_expected_purchases(model: BgNbd | Nbd) -> None:
    """z-tests of 2 means per model at 5 standard errors: fails by chance for fewer than 1 in 400,000 seeds; the seed is fixed."""
    count, T, ahead = 200_000, np.full(200_000, 39.0), 39.0
    early, late = model.draw_new_customers(np.random.default_rng(3), T, ahead)
    for drawn, end in ((early, 39.0), (early + late, 78.0)):
        gap = drawn.mean() - model.expected_purchases(np.array([end]))[0]
        assert abs(gap) < 5 * drawn.std() / np.sqrt(count)


@pytest.fixture(scope="module")
def cdnow(data_dir: Path) -> PurchaseHistories:
    log = read_purchases(data_dir / "cdnow_sample_2357.csv.gz", customer="id", time="date", value="amount")
    return log.histories_until(date(1997, 9, 30))


@pytest.fixture(scope="module")
def fit(cdnow: PurchaseHistories) -> LikelihoodFit:
    rows, weight = np.unique(np.column_stack([cdnow.x, cdnow.t_x, cdnow.T]), axis=0, return_counts=True)
    return fit_bgnbd(*rows.T, weight.astype(np.float64))


def test_cdnow_gives_the_published_estimates(fit: LikelihoodFit) -> None:
    assert fit.log_likelihood == pytest.approx(-9582.429, abs=1e-3)
    assert fit.values == pytest.approx([0.243, 4.414, 0.793, 2.426], rel=0.01)  # Fader, Hardie, Lee 2005, table 2
    assert fit.values == pytest.approx([0.24259, 4.41360, 0.79292, 2.42591], rel=1e-4)


def test_profile_interval_ends_at_the_likelihood_cutoff(fit: LikelihoodFit, cdnow: PurchaseHistories) -> None:
    """The oracle maximizes over the other parameters with another method (Nelder-Mead)."""
    from scipy.optimize import minimize

    high = fit.estimates["a"].high
    assert high is not None

    def fall(rest: FloatArray) -> float:
        r, alpha, b = np.exp(rest)
        theta = np.array([r, alpha, high, b])
        return 2 * (fit.log_likelihood - bgnbd.bgnbd_log_likelihood(theta, cdnow.x, cdnow.t_x, cdnow.T, np.ones_like(cdnow.x))[0])

    best = minimize(fall, np.log([0.24, 4.4, 4.0]), method="Nelder-Mead", options={"xatol": 1e-6, "fatol": 1e-6, "maxiter": 2000})
    assert best.fun == pytest.approx(3.8415, abs=1e-3)


def test_weights_count_repeated_customers() -> None:
    theta, rows = np.array([0.3, 4.0, 0.8, 2.0]), (np.array([0.0, 2.0]), np.array([0.0, 5.0]), np.array([9.0, 9.0]))
    twice = bgnbd.bgnbd_log_likelihood(theta, *(np.repeat(row, [1, 2]) for row in rows), np.ones(3))
    weighted = bgnbd.bgnbd_log_likelihood(theta, *rows, np.array([1.0, 2.0]))
    assert weighted[0] == pytest.approx(twice[0])
    assert weighted[1] == pytest.approx(twice[1])


def test_intervals_cover_the_true_parameters() -> None:
    """25 samples, 4 intervals of 95 % each: 95 of 100 are expected to cover.

    Fewer than 76 occur by chance for at most 1 in 5,800 seeds, even if the 4 intervals of a sample always fail together; the
    seed is fixed. Intervals of half the width would cover 67.
    """
    rng = np.random.default_rng(2)
    truth = BgNbd(r=0.8, alpha=4.0, a=1.0, b=2.5)
    inside = 0
    for _ in range(25):
        x, t_x, _alive = simulate_histories(truth, 40.0, 250, rng)
        found = fit_bgnbd(x, t_x, np.full(250, 40.0))
        for value, (_, low, high) in zip((0.8, 4.0, 1.0, 2.5), found.estimates.values(), strict=True):
            inside += (low is None or low < value) and (high is None or value < high)
    assert inside >= 76


def test_nbd_is_bgnbd_without_dropout() -> None:
    rng = np.random.default_rng(7)
    x, T = rng.poisson(rng.gamma(0.8, 1 / 8.0, 500) * 30.0).astype(float), np.full(500, 30.0)
    t_x = np.where(x > 0, 29.0, 0.0)
    without = nbd.nbd_log_likelihood(np.array([0.8, 8.0]), x, T, np.ones(500))[0]
    hardly = bgnbd.bgnbd_log_likelihood(np.array([0.8, 8.0, 1e-9, 1.0]), x, t_x, T, np.ones(500))[0]
    assert hardly == pytest.approx(without, abs=1e-3)


def test_nbd_fit_finds_the_mean_rate() -> None:
    rng = np.random.default_rng(8)
    T = rng.uniform(10, 30, 3000)
    x = rng.poisson(rng.gamma(0.8, 1 / 8.0, 3000) * T).astype(float)
    estimates = fit_nbd(x, T).estimates
    for name, truth in (("r", 0.8), ("alpha", 8.0)):
        value, low, high = estimates[name]
        assert low is not None
        assert high is not None
        assert low < value < high
        assert 0.8 * truth < value < 1.2 * truth


def test_unidentified_interval_end_is_none() -> None:
    x = np.array([2.0, 2.0, 2.0, 1.0, 3.0, 2.0] * 5)
    T = np.full(30, 10.0)
    estimates = fit_nbd(x, T).estimates  # counts vary less than Poisson counts, so the rates look identical
    assert estimates["r"].high is None
    assert estimates["r"] == ParameterEstimate(1000.0, estimates["r"].low, None)

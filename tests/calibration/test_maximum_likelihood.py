"""Ends of profile-likelihood intervals: roots of Venzon and Moolgavkar's equations, and the slow search along the profile as the oracle."""

import numpy as np
import pytest
from test_calibration_cost import distinct_histories

from cjsim.calibration import maximum_likelihood
from cjsim.calibration.bgnbd import BgNbd, BgNbdLikelihood, fit_bgnbd
from cjsim.calibration.maximum_likelihood import FloatArray, LikelihoodFit, SearchRange, maximize_likelihood

CUSTOMERS = (BgNbd(0.24, 4.4, 0.8, 2.4), BgNbd(2.0, 20.0, 0.05, 1.0), BgNbd(0.5, 5.0, 0.2, 0.9), BgNbd(1.5, 8.0, 1.2, 6.0))


def histories_of(model: BgNbd, count: int) -> tuple[FloatArray, FloatArray, FloatArray]:
    rng = np.random.default_rng(2)
    T = rng.uniform(28.0, 78.0, count)
    without_dropout = rng.poisson(rng.gamma(model.r, 1 / model.alpha, count) * T)
    x = np.minimum(without_dropout, rng.geometric(rng.beta(model.a, model.b, count))).astype(np.float64)
    return x, np.where(x > 0, T * rng.beta(np.maximum(x, 1), without_dropout - x + 1), 0.0), T


def ends_of_intervals(fit: LikelihoodFit) -> FloatArray:
    """Lower and upper ends of all parameters; NaN where the data determine none."""
    return np.array([estimate[1:] for estimate in fit.estimates.values()], dtype=np.float64)


@pytest.mark.parametrize("model", CUSTOMERS, ids=str)
def test_interval_ends_equal_those_of_a_search_along_the_profile(model: BgNbd, monkeypatch: pytest.MonkeyPatch) -> None:
    fast = ends_of_intervals(fit_bgnbd(*histories_of(model, 300)))
    monkeypatch.setattr(maximum_likelihood, "_interval_end_by_newton", lambda *_: None)
    assert fast == pytest.approx(ends_of_intervals(fit_bgnbd(*histories_of(model, 300))), rel=1e-5, nan_ok=True)


def test_a_fit_with_its_intervals_takes_fewer_than_300_evaluations(monkeypatch: pytest.MonkeyPatch) -> None:
    evaluations = []

    def count(likelihood: BgNbdLikelihood, theta: FloatArray) -> tuple[float, FloatArray]:
        evaluations.append(theta)
        return evaluate(likelihood, theta)

    evaluate = BgNbdLikelihood.__call__
    monkeypatch.setattr(BgNbdLikelihood, "__call__", count)
    fit_bgnbd(*distinct_histories(1000))
    assert len(evaluations) < 300  # searches along the profiles alone take more than 1,000


def test_an_end_beyond_a_bend_of_the_likelihood_is_found() -> None:
    """With a logarithm u, the log-likelihood is -u^2/2 up to u = 1, then falls by .1 per unit, so that Newton's first step is too short."""

    def bent(values: FloatArray) -> tuple[float, FloatArray]:
        u = float(np.log(values[0]))
        value, slope = (-u * u / 2, -u) if u < 1 else (-0.5 - 0.1 * (u - 1), -0.1)
        return value, np.array([slope]) / values

    estimate = maximize_likelihood(bent, {"u": SearchRange(1e-9, 1e9)}, [(1.3,)]).estimates["u"]
    assert np.log([estimate.low, estimate.high]) == pytest.approx([-1.959964, 1 + (1.920729 - 0.5) / 0.1], rel=1e-4)

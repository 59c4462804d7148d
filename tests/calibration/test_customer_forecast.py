"""Forecasts of customers: published examples, oracles, and the coverage of their intervals on simulated logs."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy.integrate import quad
from scipy.stats import nbinom
from simulated_purchase_logs import UNTIL, PurchasingWorld, simulate_purchase_log

from cjsim.calibration.bgnbd import BgNbd
from cjsim.calibration.customer_forecast import CustomerForecast, forecast_customers
from cjsim.calibration.gamma_gamma import GammaGamma, LognormalSpend
from cjsim.calibration.maximum_likelihood import FloatArray, LikelihoodFit, ParameterEstimate
from cjsim.calibration.model_selection import FittedSpend, FittedTiming, fit_spend, fit_timing
from cjsim.calibration.nbd import Nbd
from cjsim.purchase_logs.purchase_log import PurchaseHistories

CDNOW, CDNOW_SPEND = BgNbd(r=0.243, alpha=4.414, a=0.793, b=2.426), GammaGamma(p=6.25, q=3.74, v=15.44)
CUSTOMER = (2.0, 30.43, 38.86, 22.35)  # x, t_x, T and mean spend of the first customer of the CDNOW sample


def known_fit(values: dict[str, float], variance: float) -> LikelihoodFit:
    estimates = {name: ParameterEstimate(value, None, None) for name, value in values.items()}
    return LikelihoodFit(0.0, estimates, np.eye(len(values)) * variance, ())


def fitted(timing: BgNbd | Nbd, variance: float = 0.0) -> FittedTiming:
    return FittedTiming(timing, known_fit(vars(timing), variance), 10.0, ())


def fitted_spend(spend: GammaGamma | LognormalSpend, variance: float = 0.0) -> FittedSpend:
    return FittedSpend(spend, known_fit(vars(spend), variance), 0.0, ())


def histories_of(*customers: tuple[float, float, float, float]) -> PurchaseHistories:
    x, t_x, T, spend = np.array(customers).T
    names, days, zeros = np.arange(len(x)).astype(str).astype(object), np.full(len(x), np.datetime64("2024-01-01")), np.zeros(len(x))
    return PurchaseHistories(names, days, x, t_x, T, spend, spend, 0.0, zeros, zeros)


def forecast(
    timing: BgNbd | Nbd, *customers: tuple[float, float, float, float], weeks: float = 39.0, rate: float = 0.0
) -> CustomerForecast:
    histories = histories_of(*customers)
    return forecast_customers(fitted(timing), fitted_spend(CDNOW_SPEND), histories, horizon_days=7 * weeks, discount_rate=rate)


def test_cdnow_customer_has_the_published_expectation() -> None:
    """Fader, Hardie, Lee (2005): E[Y(39) | x = 2, t_x = 30.43, T = 38.86] = 1.226; also the reference value of `lifetimes`."""
    assert forecast(CDNOW, CUSTOMER).expected_purchases.value[0] == pytest.approx(1.226, abs=5e-4)


def test_cdnow_customer_has_the_probability_of_the_published_formula() -> None:
    """Fader, Hardie, Lee (2008), brucehardie.com/notes/021: 1 / (1 + a / (b + x - 1) ((alpha + T) / (alpha + t_x))^(r + x))."""
    known = 1 / (1 + 0.793 / 3.426 * ((4.414 + 38.86) / (4.414 + 30.43)) ** 2.243)
    assert known == pytest.approx(0.7266, abs=5e-4)
    assert forecast(CDNOW, CUSTOMER).p_alive.value[0] == pytest.approx(known, rel=1e-12)


def test_customer_without_a_repeat_purchase_is_alive() -> None:
    assert [end[0] for end in forecast(CDNOW, (0.0, 0.0, 38.86, 0.0)).p_alive] == [1.0, 1.0, 1.0]


def test_expected_purchases_agree_with_the_reference_values_of_lifetimes() -> None:
    """`lifetimes`, tests/test_utils.py: purchases in 30 days; its parameters are rounded to two digits there, hence 5 %."""
    model = BgNbd(r=0.16, alpha=1.86, a=1.85, b=3.18)
    customers = [(0, 0, 298, 0), (0, 0, 224, 0), (6, 142, 292, 1), (0, 0, 147, 0), (2, 9, 183, 1)]
    found = forecast_customers(
        fitted(model), fitted_spend(CDNOW_SPEND), histories_of(*customers), unit="day", horizon_days=30.0, discount_rate=0.0
    )
    assert found.expected_purchases.value == pytest.approx([0.016053, 0.021171, 0.030461, 0.031686, 0.001607], rel=0.05)


def test_expected_spend_is_purchases_times_the_published_spend_per_purchase() -> None:
    """Fader, Hardie (2013): customers with z = 22.35, 11.77 and 73.74 are expected to spend 24.65, 18.91 and 71.46 per purchase."""
    customers = [(2.0, 30.43, 38.86, 22.35), (1.0, 1.71, 38.86, 11.77), (7.0, 29.43, 38.86, 73.74)]
    found = forecast(CDNOW, *customers)
    assert found.expected_spend.value / found.expected_purchases.value == pytest.approx([24.65, 18.91, 71.46], abs=0.02)


@pytest.mark.parametrize("model", [CDNOW, Nbd(r=0.8, alpha=8.0)])
@pytest.mark.parametrize("weeks", [4.0, 52.0, 520.0])
def test_clv_is_the_discounted_integral_of_purchases(model: BgNbd | Nbd, weeks: float) -> None:
    history = tuple(np.array([value]) for value in CUSTOMER[:3])
    force = np.log(1.15) * 7 / 365

    def discounted_rate(week: float) -> float:
        step = 1e-4
        ends = (model.conditional_expected_purchases(week + side, *history)[0] for side in (step, -step))
        return float(np.exp(-force * week) * (next(ends) - next(ends)) / (2 * step))

    known = quad(discounted_rate, 1e-3, weeks, limit=200)[0]
    found = forecast(model, CUSTOMER, weeks=weeks, rate=0.15)
    assert found.expected_clv.value[0] / CDNOW_SPEND.conditional_mean(*(np.array([one]) for one in (2.0, 22.35)))[0] == pytest.approx(
        known, rel=2e-3
    )


@pytest.mark.parametrize("years", [1.0, 30.0, 100.0])
@pytest.mark.parametrize("rate", [0.1, 1.0])
def test_clv_without_dropout_is_that_of_an_annuity(years: float, rate: float) -> None:
    """Expected purchases come at a constant rate m, so their discounted number is m (1 - exp(-d t)) / d with the force of interest d."""
    found, force = forecast(Nbd(r=0.8, alpha=8.0), CUSTOMER, weeks=years * 365 / 7, rate=rate), np.log1p(rate)
    assert found.expected_clv.value / found.expected_spend.value == pytest.approx(-np.expm1(-force * years) / (force * years), rel=1e-4)


def test_clv_is_discounted_correctly_over_any_horizon() -> None:
    """Beyond 30 years at 100 %, later purchases are worth nothing, so the CLV no longer changes."""
    short, long = (forecast(CDNOW, CUSTOMER, weeks=years * 365 / 7, rate=1.0).expected_clv.value[0] for years in (30.0, 100.0))
    assert long == pytest.approx(short, rel=1e-4)


def test_predictive_interval_of_clv_has_random_times_of_purchase() -> None:
    """A customer who buys once, at a rate of 1 per week: ends are 10 exp(-d t) at the quantiles of an exponential time t, in weeks."""
    timing, spend = fitted(BgNbd(r=1e6, alpha=1e6, a=1000.0, b=1e-3)), fitted_spend(LognormalSpend(median=10.0, sigma=0.0))
    found = forecast_customers(timing, spend, histories_of((0.0, 0.0, 0.0, 0.0)), horizon_days=364.0, discount_rate=10.0).predictive.clv
    known = 10 * np.exp(np.log(11) * 7 / 365 * np.log([0.025, 0.975]))
    assert [found.low[0], found.high[0]] == pytest.approx(known, rel=0.02)


def test_expectation_interval_is_that_of_parameter_draws() -> None:
    """Quantiles of 4000 draws against the delta method, with standard deviations of 5 % of each parameter."""
    timing, spend, history = fitted(CDNOW, 0.0025), fitted_spend(CDNOW_SPEND, 0.0025), tuple(np.array([one]) for one in CUSTOMER)
    found = forecast_customers(timing, spend, histories_of(CUSTOMER), horizon_days=273.0, discount_rate=0.0)
    rng = np.random.default_rng(5)
    models = [BgNbd(*row) for row in timing.fit.draw_parameters(4000, rng).tolist()]
    alive = np.array([model.p_alive(*history[:3])[0] for model in models])
    purchases = np.array([model.conditional_expected_purchases(39.0, *history[:3])[0] for model in models])
    means = [GammaGamma(*row).conditional_mean(history[0], history[3])[0] for row in spend.fit.draw_parameters(4000, rng).tolist()]
    for one, drawn in ((found.p_alive, alive), (found.expected_purchases, purchases), (found.expected_spend, purchases * means)):
        width = one.high[0] - one.low[0]
        assert [one.low[0], one.high[0]] == pytest.approx(np.quantile(drawn, [0.025, 0.975]), abs=0.07 * width)


def test_predictive_interval_of_nbd_is_that_of_the_negative_binomial() -> None:
    """Given x and T, purchases within t are negative binomial with r + x and (alpha + T) / (alpha + T + t)."""
    model, cases = Nbd(r=0.8, alpha=8.0), [(float(x), 20.0, 38.86, 20.0) for x in (0, 3, 9, 40)]
    found = forecast(model, *cases).predictive.purchases
    known = [nbinom.ppf([0.025, 0.975], 0.8 + case[0], 46.86 / 85.86) for case in cases]
    assert np.abs(np.column_stack(found) - known).max() <= 2  # of up to 50 purchases, from 1000 draws


def test_customer_who_has_certainly_dropped_out_has_an_empty_interval() -> None:
    found = forecast(CDNOW, (25.0, 10.0, 38.86, 20.0))
    assert found.p_alive.value[0] < 1e-6
    assert [end[0] for end in (*found.predictive.purchases, *found.predictive.clv)] == [0.0, 0.0, 0.0, 0.0]


def test_clv_without_a_discount_is_spend() -> None:
    found = forecast(CDNOW, CUSTOMER)
    assert found.expected_clv.value == pytest.approx(found.expected_spend.value)
    assert found.predictive.clv.high == pytest.approx(found.predictive.spend.high)


def test_discount_lowers_the_predictive_interval_of_clv() -> None:
    found = forecast(CDNOW, CUSTOMER, weeks=52.0, rate=0.2)
    assert found.predictive.spend.high[0] / 1.2 < found.predictive.clv.high[0] < 0.97 * found.predictive.spend.high[0]


def test_shared_draws_change_intervals_by_little() -> None:
    """With over 2000 pairs of x and T, near pairs share draws. Here, that lowers the number of distinct intervals only."""
    rng = np.random.default_rng(2)
    x, T = rng.poisson(4.0, 6000).astype(float), rng.uniform(20.0, 90.0, 6000)
    shared = forecast(Nbd(r=2.0, alpha=20.0), *zip(x, T * 0.9, T, x * 0 + 20, strict=True)).predictive.purchases
    known = nbinom.ppf([[0.025], [0.975]], 2.0 + x, (20.0 + T) / (59.0 + T))
    assert np.abs(np.array(shared) - known).max() <= 3
    assert np.abs(np.mean(np.array(shared) - known, axis=1)).max() < 0.2


def coverage(log_seed: int, *, customers: int, world: PurchasingWorld) -> FloatArray:
    """Return the shares of customers below and above their predictive intervals: of purchases, then of spend."""
    histories = simulate_purchase_log(world, customers, 1.0, log_seed).histories_until(UNTIL)
    found = forecast_customers(fit_timing(histories), fit_spend(histories), histories, horizon_days=7 * histories.holdout_length)
    ends = ((histories.holdout_purchases, found.predictive.purchases), (histories.holdout_money, found.predictive.spend))
    return np.array([np.mean(side) for actual, (low, high) in ends for side in (actual < low, actual > high)])


@pytest.mark.parametrize("dropout", [0.0, 1 / 6])
def test_own_numbers_lie_within_predictive_intervals(dropout: float) -> None:
    """At most 2.5 % of customers are beyond either end; 4 standard errors of 2000 customers allow 1.4 % more."""
    missed = coverage(1, customers=2000, world=PurchasingWorld(30.0, mean_dropout=dropout))
    assert (missed < 0.039).all()
    assert missed[3] > 0.01  # the interval of spend, which is continuous, is not much wider than necessary


@pytest.mark.slow
@pytest.mark.parametrize("customers", [150, 1000])
@pytest.mark.parametrize("dropout", [0.0, 1 / 6])
def test_predictive_intervals_cover_95_percent_over_many_logs(customers: int, dropout: float) -> None:
    """Over 40 logs, with the parameters estimated anew from each."""
    missed = np.mean([coverage(seed, customers=customers, world=PurchasingWorld(30.0, mean_dropout=dropout)) for seed in range(40)], axis=0)
    assert missed[:2].sum() < 0.05
    assert missed[2:].sum() < 0.05


@pytest.mark.slow
def test_expectation_intervals_cover_the_true_expectation() -> None:
    """Over 40 logs of 1000 customers, 95 % intervals cover the expectation of the true model for about 95 % of customers."""
    true, covered = BgNbd(r=1.0, alpha=30.0, a=5 / 6, b=25 / 6), []
    for seed in range(40):
        histories = simulate_purchase_log(PurchasingWorld(30.0), 1000, 1.0, seed).histories_until(UNTIL, unit="day")
        found = forecast_customers(fit_timing(histories), fit_spend(histories), histories, unit="day", horizon_days=182.0)
        repeat = histories.x > 0
        history = histories.x[repeat], histories.t_x[repeat], histories.T[repeat]
        for one, known in (
            (found.p_alive, true.p_alive(*history)),
            (found.expected_purchases, true.conditional_expected_purchases(182.0, *history)),
        ):
            covered.append(np.mean((one.low[repeat] <= known) & (known <= one.high[repeat])))
    assert 0.90 < np.mean(covered) < 0.99


def test_frame_has_one_row_per_customer_in_the_order_of_the_histories() -> None:
    found = forecast(CDNOW, CUSTOMER, (0.0, 0.0, 38.86, 0.0))
    frame = found.to_pandas()
    assert frame.index.tolist() == ["0", "1"]
    assert frame["expected_clv_high"].tolist() == found.expected_clv.high.tolist()
    assert frame.loc["0", "time_unit"] == "week"


def test_csv_has_six_digits_and_no_formulas(tmp_path: Path) -> None:
    found = forecast(CDNOW, CUSTOMER)
    named = replace(found, histories=replace(found.histories, customer_ids=np.array(["=1+1"], dtype=object)))
    named.write_csv(tmp_path / "customers.csv")
    table = pd.read_csv(tmp_path / "customers.csv")
    assert table["customer"].tolist() == ["'=1+1"]
    assert table["p_alive"].tolist() == [round(found.p_alive.value[0], 6)]

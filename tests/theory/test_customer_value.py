"""Customer value: discounted streams, costs, retention, moments, entry, and the intervals of metrics.

Error rates: see statistical_checks.py; the test of interval coverage states its own.
"""

from typing import Any

import numpy as np
import pytest
from scipy import integrate, special, stats
from small_scenarios import small_scenario
from statistical_checks import assert_plausible, mean_p_value, moment_times, share_p_value, simulate_small, time_p_value

from cjsim.kernels.codes import RETENTION_DAYS, UNOBSERVED
from cjsim.simulation.simulate import simulate

CUSTOMERS = 40_000
YEARLY = 0.25
DISCOUNT_RATE_PER_DAY = np.log1p(YEARLY) / 365.0  # of interest, per day


def order_journey(purchase: dict[str, Any], *, rate: float = 0.1, **event: Any) -> dict[str, Any]:
    """A journey of purchases at a daily rate."""
    return {"events": {"order": {"in": "anywhere", "wait": {"exponential": f"{1 / rate}d"}, "effects": [{"purchase": purchase}], **event}}}


def test_clv_of_a_poisson_stream_is_its_discounted_value() -> None:
    # Campbell: a stream at rate mu of money V discounted at force d over H days has mean mu E[V] (1 - e^(-dH)) / d, variance
    # mu E[V^2] (1 - e^(-2dH)) / (2d).
    mu, days, share = 0.1, 500.0, 0.4
    spend = {"value": {"gamma": {"mean": 30, "shape": 2}}, "margin": share}
    of = simulate_small(order_journey(spend, rate=mu), customers=CUSTOMERS, horizon="500d", discount_rate=YEARLY).outcomes.customers
    mean = mu * share * 30 * -np.expm1(-DISCOUNT_RATE_PER_DAY * days) / DISCOUNT_RATE_PER_DAY
    variance = mu * share**2 * (30**2 + 30**2 / 2) * -np.expm1(-2 * DISCOUNT_RATE_PER_DAY * days) / (2 * DISCOUNT_RATE_PER_DAY)
    np.testing.assert_allclose(of["margin"], share * of["revenue"], rtol=1e-12)
    assert_plausible(
        mean_p_value(of["clv"], mean), mean_p_value((of["clv"] - mean) ** 2, variance), mean_p_value(of["revenue"], mu * 30 * days)
    )


def test_clv_until_the_value_horizon_is_the_discounted_value_of_the_whole_stream() -> None:
    # The same stream, counted over H = 100 days in revenue and over V = 600 days in CLV, and over 365 days after entry in CLV_365d. What
    # comes after the horizon, CLV minus CLV of a run that ends there, has mean mu E[V] (e^(-dH) - e^(-dV)) / d.
    mu, share = 0.1, 0.4
    journey = order_journey({"value": {"gamma": {"mean": 30, "shape": 2}}, "margin": share}, rate=mu)
    settings = {"customers": CUSTOMERS, "horizon": "100d", "discount_rate": YEARLY}
    of = simulate_small(journey, value_horizon="600d", **settings).outcomes.customers
    until_horizon = simulate_small(journey, **settings).outcomes.customers["clv"]

    def worth(first: float, last: float) -> float:
        force = DISCOUNT_RATE_PER_DAY
        return mu * share * 30 * (np.exp(-force * first) - np.exp(-force * last)) / force

    assert_plausible(
        mean_p_value(of["revenue"], mu * 30 * 100),
        mean_p_value(of["clv"], worth(0, 600)),
        mean_p_value(of["clv_365d"], worth(0, 365)),
        mean_p_value(of["clv"] - until_horizon, worth(100, 600)),
    )


def test_delivery_costs_are_discounted() -> None:
    journey = {
        "channels": {"mail": {"cost": 0.02}},
        "messages": {"dear": {"channel": "mail", "open_rate": 0.5, "cost": 3.0}, "cheap": {"channel": "mail", "open_rate": 0.5}},
    }
    week = {"weekdays": ["monday"], "at": "09:00"}
    day = {"dates": ["2026-03-01"], "at": "18:00"}
    policy = {"broadcasts": {"news": {"schedule": week, "send": "cheap"}, "book": {"schedule": day, "send": "dear"}}}
    run = simulate_small(journey, policy=policy, customers=10, horizon="100d", discount_rate=YEARLY)
    mondays, once = 0.375 + 7.0 * np.arange(15), 55.75
    value = 0.02 * np.exp(-DISCOUNT_RATE_PER_DAY * mondays).sum() + 3.0 * np.exp(-DISCOUNT_RATE_PER_DAY * once)
    np.testing.assert_allclose(run.outcomes.customers["cost"], 15 * 0.02 + 3.0, rtol=1e-12)
    np.testing.assert_allclose(run.outcomes.customers["clv"], -value, rtol=1e-12)


def test_retention_under_exponential_churn_is_the_survival_function() -> None:
    mean = 120.0
    journey = {
        "starts_in": "new",
        "stages": {"new": {}, "active": {"retained": True}, "gone": {}},
        "events": {
            "convert": {"in": ["new"], "wait": {"exponential": "40d"}, "effects": [{"go": "active"}, {"purchase": {"value": 1}}]},
            "leave": {"in": ["active"], "wait": {"exponential": f"{mean:g}d"}, "effects": [{"go": "gone"}]},
        },
    }
    run = simulate_small(journey, customers=CUSTOMERS, horizon="400d")
    converted = moment_times(run, "conversion")
    found = []
    for i, days in enumerate(RETENTION_DAYS):
        retained = run.outcomes.customers["retained"][:, i]
        observed = retained != UNOBSERVED
        np.testing.assert_array_equal(observed, converted + days <= 400.0)
        metric = run.metrics[f"retention_{days:.0f}d"]
        assert (metric.value, metric.n) == (np.mean(retained[observed]), observed.sum())
        found.append(share_p_value(retained[observed], np.exp(-days / mean)))
    # Converted customers outside of retained stages at the horizon: the time of conversion gives their age at the horizon.
    gone = integrate.quad(lambda t: stats.expon(scale=40).pdf(t) * -np.expm1(-(400 - t) / mean), 0, 400)[0] / stats.expon(scale=40).cdf(400)
    left = run.outcomes.customers["stage"][~np.isnan(converted)] == 2
    assert run.metrics["churn"].value == np.mean(left)
    assert_plausible(*found, share_p_value(left, gone), time_p_value(converted, stats.expon(scale=40).cdf, 400.0))


@pytest.mark.parametrize("nth", [1, 2, 5])
def test_moment_of_the_nth_event_follows_the_sum_of_waits(nth: int) -> None:
    moments = {"moments": {"first_value": {"event": "order", "nth": nth}}}
    run = simulate_small({**order_journey({"value": 1}), **moments}, customers=CUSTOMERS, horizon="60d")
    reached = moment_times(run, "first_value")
    law = stats.gamma(nth, scale=10)
    assert run.metrics["activation"].value == np.mean(~np.isnan(reached))
    assert run.metrics["time_to_first_value"].value == pytest.approx(np.nanmean(reached), rel=1e-12)
    assert_plausible(time_p_value(reached, law.cdf, 60.0))


def test_metrics_count_from_each_customers_entry() -> None:
    moments = {"moments": {"first": "order", "second": {"event": "order", "nth": 2}}}
    journey = {**order_journey({"value": 100}, wait={"fixed": "30d"}), **moments}
    run = simulate_small(journey, customers=CUSTOMERS, horizon="100d", entry={"over": "80d"}, discount_rate=YEARLY)
    of, entered = run.outcomes.customers, run.outcomes.customers["entered"]
    bought = np.floor((100 - entered) / 30)
    np.testing.assert_allclose(moment_times(run, "first"), np.where(bought > 0, entered + 30, np.nan), rtol=1e-12)
    np.testing.assert_allclose(moment_times(run, "second"), np.where(bought > 1, entered + 60, np.nan), rtol=1e-12)
    value = np.array([100 * np.exp(-DISCOUNT_RATE_PER_DAY * 30 * np.arange(1, n + 1)).sum() for n in range(4)])
    np.testing.assert_allclose(of["clv"], value[bought.astype(int)], rtol=1e-12)
    np.testing.assert_allclose(run.outcomes.dwell[:, 0], 100 - entered, rtol=1e-6)
    assert_plausible(time_p_value(entered, stats.uniform(0, 80).cdf))


# Orders at rate 0.06 g per day, g gamma with mean 1 and shape 2; each triggers a message that costs 2 and is opened
# with logit(0.2) + g: the trials of a customer are correlated with each other and with their number.
BUYER_JOURNEY = {
    "traits": {"g": {"gamma": {"mean": 1.0, "shape": 2.0}}},
    "channels": {"mail": {"affinity": "g", "cost": 2.0}},
    "messages": {"m": {"channel": "mail", "open_rate": 0.2}},
    **order_journey({"value": {"lognormal": {"median": 20, "sigma": 0.5}}, "margin": 0.5}, rate=0.06, speed=["g"]),
}
THANK_YOU_POLICY = {"flows": {"thanks": {"on": {"event": "order"}, "steps": [{"send": "m"}]}}}


def known_metrics(days: float) -> dict[str, float]:
    """Conversion, CLV and open rate of KEEN under THANKS."""
    law = stats.gamma(2, scale=0.5)
    opens = integrate.quad(lambda g: g * special.expit(special.logit(0.2) + g) * law.pdf(g), 0, np.inf)[0]
    force = np.log1p(0.1) / 365
    worth = 0.06 * (20 * np.exp(0.125) * 0.5 - 2.0) * -np.expm1(-force * days) / force
    return {"conversion": 1 - (1 + 0.06 * days / 2) ** -2, "clv": worth, "open_rate": opens}


def test_metric_intervals_have_nominal_coverage() -> None:
    # If intervals cover with probability 95 %, the coverage of 1,000 is below 91 % or above 98 % with probability 3.4e-7 (binomial), for
    # any of the three metrics at most 1.0e-6. With 200 intervals it would be 1.5e-2 each.
    runs, days = 1000, 30.0
    small = small_scenario(journey=BUYER_JOURNEY, policy=THANK_YOU_POLICY, horizon="30d")
    known = known_metrics(days)
    covered = dict.fromkeys(known, 0)
    for seed in range(runs):
        metrics = simulate(small, customers=400, seed=seed, threads=1).metrics
        for name, truth in known.items():
            covered[name] += metrics[name].low <= truth <= metrics[name].high
    assert {name: count for name, count in covered.items() if not 0.91 * runs <= count <= 0.98 * runs} == {}

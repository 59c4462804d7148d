"""Existing customers on day 0 are as theory has it: residual times, counts, contact pressure and survival after a warm-up.

Error rates: see statistical_checks.py. The closed forms hold for customers who entered evenly over D days, so no warm-up is too short.
"""

from typing import Any

import numpy as np
from scipy import stats
from statistical_checks import assert_plausible, mean_p_value, moment_times, share_p_value, simulate_small, time_p_value

CUSTOMERS = 20_000
YEARS = 0.5
DAYS = 365 * YEARS
BASE: dict[str, Any] = {"customers": CUSTOMERS, "years": YEARS}


def test_residual_times_and_counts_of_a_renewal_process() -> None:
    # Erlang-2 waits with mean m are a two-phase chain at rate r = 2 / m. At age a, the first phase has probability (1 + e^(-2ra)) / 2, and
    # the mean count in (a, a + t] is t / m + (e^(-2r(a + t)) - e^(-2ra)) / 4. Both are averaged over a uniform on (0, D).
    mean = 12.0
    rate = 2 / mean
    order = {"in": "anywhere", "wait": {"gamma": {"mean": f"{mean:g}d", "shape": 2}}, "effects": [{"purchase": {"value": 1}}]}
    decay = -np.expm1(-2 * rate * DAYS) / (2 * rate * DAYS)  # mean of e^(-2ra)
    first_phase = (1 + decay) / 2
    found = []
    for days in (4.0, 10.0, 30.0):
        run = simulate_small({"events": {"order": order}}, customers=0, existing=BASE, horizon=f"{days:g}d")
        purchases = run.outcomes.customers["purchases"]
        residual_after = first_phase * stats.gamma(2, scale=1 / rate).sf(days) + (1 - first_phase) * np.exp(-rate * days)
        expected = days / mean + np.expm1(-2 * rate * days) * decay / 4
        found += [share_p_value(purchases > 0, 1 - residual_after), mean_p_value(purchases, expected)]
    assert_plausible(*found)


def test_contact_pressure_on_day_0_is_a_stationary_shot_noise() -> None:
    # Deliveries at rate 1 / m, each adding 1: the mean at age a is tau / m (1 - e^(-a / tau)).
    mean, half_life = 3.0, 7.0
    tau = half_life / np.log(2)
    journey = {
        "channels": {"mail": {}},
        "messages": {"hello": {"channel": "mail", "open_rate": 0.5}},
        "events": {"visit": {"in": "anywhere", "wait": {"exponential": f"{mean:g}d"}}},
    }
    policy = {"flows": {"greet": {"on": {"event": "visit"}, "steps": [{"send": "hello"}]}}}
    run = simulate_small(journey, policy=policy, customers=0, existing=BASE, horizon="1s")
    expected = tau / mean * (1 + np.expm1(-DAYS / tau) * tau / DAYS)
    assert_plausible(mean_p_value(run.outcomes.customers["pressure"], expected))


def test_survival_after_day_0_is_that_of_the_exponential_law() -> None:
    mean = 100.0
    journey = {
        "starts_in": "active",
        "stages": {"active": {"retained": True}, "gone": {}},
        "events": {"leave": {"in": ["active"], "wait": {"exponential": f"{mean:g}d"}, "effects": [{"go": "gone"}]}},
        "moments": {"left": "leave"},
    }
    run = simulate_small(journey, customers=0, existing=BASE, horizon="90d")
    retained = run.outcomes.customers["base_retained"][:, 0]
    known = retained != 2
    alive = mean / DAYS * -np.expm1(-DAYS / mean)
    left = moment_times(run, "left")[known]
    assert_plausible(
        share_p_value(known, alive),
        share_p_value(retained[known], np.exp(-30 / mean)),
        time_p_value(left, stats.expon(scale=mean).cdf, 90.0),
    )

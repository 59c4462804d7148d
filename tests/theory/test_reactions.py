"""Reactions to prices, offers and deadlines that end, sways, and waits against closed forms.

Error rates: see statistical_checks.py.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from scipy import stats
from statistical_checks import (
    assert_plausible,
    cumulative_integral,
    mean_p_value,
    moment_times,
    share_p_value,
    simulate_small,
    time_p_value,
)

CUSTOMERS = 20_000
DAYS = 20.0
Floats = np.ndarray[Any, np.dtype[np.float64]]


def buying(wait: dict[str, Any], *, give: dict[str, Any] | None = None, **event: Any) -> dict[str, Any]:
    """A journey whose customers get the offer `deal` on day 3 and buy; the first purchase is the moment `conversion`."""
    buy = {"in": "anywhere", "wait": wait, "effects": [{"purchase": {"value": {"gamma": {"mean": 40, "shape": 2}}}}], **event}
    gift = {"in": "anywhere", "wait": {"fixed": "3d"}, "when": "count(gift) < 1", "effects": [{"offer": "deal"}]}
    events = {"buy": buy} | ({"gift": gift} if give else {})
    return {"events": events, "offers": {"deal": {"uses": 1000, **give}} if give else {}}


def first_purchases(journey: dict[str, Any], **settings: Any) -> Floats:
    run = simulate_small(journey, customers=CUSTOMERS, horizon=f"{DAYS:g}d", **settings)
    return moment_times(run, "conversion")


def survival_from(speed: Callable[[Floats], Floats], law: Any) -> Callable[[Floats], Floats]:
    """The distribution of the time at which the integral of a speed reaches a target drawn from a law."""
    progress = cumulative_integral(speed, DAYS)
    return lambda t: np.asarray(law.cdf(progress(t)), np.float64)


@pytest.mark.parametrize(("price", "elasticity"), [(32, 1.0), (50, 2.62), (40, 3.0)])
def test_rate_is_the_relative_price_to_the_power_of_minus_the_elasticity(price: float, elasticity: float) -> None:
    journey = buying({"exponential": "10d"}, demand={"elasticity": elasticity, "reference_price": price})
    run = simulate_small(journey, customers=CUSTOMERS, horizon=f"{DAYS:g}d")
    rate = (40 / price) ** -elasticity / 10
    assert_plausible(
        mean_p_value(run.outcomes.customers["purchases"], rate * DAYS),
        time_p_value(moment_times(run, "conversion"), stats.expon(scale=1 / rate).cdf, DAYS),
    )


@pytest.mark.parametrize("discount", [0.05, 0.1, 0.2])
def test_buyers_rise_with_the_discount_in_the_stated_proportion(discount: float) -> None:
    # The offer is valid from day 3 to day 11: 8 days at the rate (1 - discount)^(-elasticity), and 12 at rate 1.
    journey = buying({"exponential": "10d"}, give={"discount": discount, "valid": "8d"}, demand={"elasticity": 2.0})
    run = simulate_small(journey, customers=CUSTOMERS, horizon=f"{DAYS:g}d")
    factor = (1 - discount) ** -2.0

    def speed(t: Floats) -> Floats:
        return np.where((t > 3) & (t < 11), factor, 1.0)

    assert_plausible(
        mean_p_value(run.outcomes.customers["purchases"], (12 + 8 * factor) / 10),
        mean_p_value(run.outcomes.customers["redemptions"], 8 * factor / 10),
        time_p_value(moment_times(run, "conversion"), survival_from(speed, stats.expon(scale=10)), DAYS),
    )


@pytest.mark.parametrize(
    ("wait", "law"),
    [
        ({"exponential": "10d"}, stats.expon(scale=10)),
        ({"weibull": {"scale": "12d", "shape": 1.6}}, stats.weibull_min(1.6, scale=12)),
        ({"weibull": {"scale": "9d", "shape": 0.7}}, stats.weibull_min(0.7, scale=9)),
    ],
)
def test_first_passage_with_price_and_urgency(wait: dict[str, Any], law: Any) -> None:
    # An amount of 10 off a mean of 40 from day 3 to day 11; twice as fast in the last 2 days of it; thrice before a deadline on day 16.
    journey = buying(
        wait,
        give={"amount": 10, "valid": "8d"},
        demand={"elasticity": 1.5},
        urgency=[{"offer": "deal", "last": "2d", "times": 2}, {"event": "ends", "last": "4d", "times": 3}],
    )
    journey["events"]["ends"] = {"in": "anywhere", "wait": {"fixed": "16d"}, "when": "count(ends) < 1"}
    price = 0.75**-1.5

    def speed(t: Floats) -> Floats:
        return np.select([(t > 3) & (t < 9), (t >= 9) & (t < 11), (t > 12) & (t < 16)], [price, 2 * price, 3.0], 1.0)

    assert_plausible(time_p_value(first_purchases(journey), survival_from(speed, law), DAYS))


@pytest.mark.parametrize("lag", [0.5, 2.0, 7.0])
def test_sway_gives_the_softmax_of_decayed_log_odds(lag: float) -> None:
    # Weights 1, 2, 1.5; satisfaction 0.7 with a bend of 3 on the second; sways of -1.2 and 0.8, doubled by the persona, half-life 3 days.
    branches = [
        {"name": "skip", "weight": 1, "effects": [{"fire": "skip"}]},
        {"name": "take", "weight": 2, "bend": 3, "effects": [{"fire": "take"}]},
        {"weight": 1.5},
    ]
    events = {
        "pick": {"in": "anywhere", "wait": {"fixed": f"{24 + 24 * lag:g}h"}, "half_life": "3d", "effects": [{"choose": branches}]},
        "touch": {
            "in": "anywhere",
            "wait": {"fixed": "1d"},
            "when": "count(touch) < 1",
            "effects": [{"sway": {"pick": {"skip": -1.2, "take": 0.8}}}],
        },
        "skip": {},
        "take": {},
    }
    journey = {
        "events": events,
        "personas": {"customer": {"share": 1, "satisfaction": 0.7, "responds": {"pick": 2}}},
        "moments": {"skip": "skip", "take": "take"},
    }
    run = simulate_small(journey, customers=CUSTOMERS, horizon=f"{1.5 + lag:g}d")
    left = 2 * 0.5 ** (lag / 3)
    odds = np.array([np.exp(-1.2 * left), 2 * np.exp(3 * 0.2 + 0.8 * left), 1.5])
    chances = odds / odds.sum()
    assert_plausible(*(share_p_value(~np.isnan(moment_times(run, name)), p) for name, p in zip(("skip", "take"), chances, strict=False)))


RATE, SERVICE_RATE = 42.0, 60.0  # requests and answers per day, for one agent
MINUTES = 1440.0


def mean_satisfaction(waiting: dict[str, Any], seed: int, **staff: Any) -> float:
    """Mean satisfaction, relative to that at entry, of customers who have asked once while an M/M/1 desk was in its steady state."""
    journey = {
        "stages": {"new": {}, "done": {}},
        "starts_in": "new",
        "acquisition": {"word": {"baseline": RATE}},
        "desks": {"help": {"service": {"exponential": f"{MINUTES / SERVICE_RATE:g}min"}, "waiting": waiting}},
        "events": {"call": {"in": ["new"], "wait": {"fixed": "0s"}, "effects": [{"ask": "help"}, {"go": "done"}]}},
    }
    run = simulate_small(journey, customers=0, policy={"desks": {"help": {"agents": 1, **staff}}}, horizon="90d", seed=seed)
    customers = run.outcomes.customers
    steady = (customers["entered"] > 5) & (customers["entered"] < 85)
    return float(np.mean(customers["satisfaction"][steady]) / 0.5)


def expected_factor(limit: float, loss_per_minute: float) -> float:
    """E[exp(-loss (W - limit)+)] for the wait of M/M/1 in minutes: 0 with probability 1 - rho, else exponential."""
    rho, theta = RATE / SERVICE_RATE, (SERVICE_RATE - RATE) / MINUTES
    beyond = rho * np.exp(-theta * limit)
    return float(1 - beyond + beyond * theta / (theta + loss_per_minute))


@pytest.mark.parametrize(
    ("staff", "expected"),
    [
        ({}, expected_factor(30, 0.2 / 30)),
        ({"sla": "30min"}, expected_factor(30, 2 * 0.2 / 30)),
        ({"sla": "90min"}, np.exp(-0.2 * 60 / 30) * expected_factor(90, 2 * 0.2 / 30)),
        ({"sla": "10min"}, expected_factor(10, 2 * 0.2 / 30)),
    ],
)
def test_disappointment_at_a_busy_desk_follows_the_wait_of_mm1(staff: dict[str, Any], expected: float) -> None:
    found = [mean_satisfaction({"expected": "30min", "loss": 0.2}, seed, **staff) for seed in range(12)]
    assert_plausible(float(stats.ttest_1samp(found, expected).pvalue))

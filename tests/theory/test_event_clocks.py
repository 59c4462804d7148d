"""First-passage times of one clock, with and without lifts, profiles, conditions and speeds, against integrals of its speed.

Error rates: see statistical_checks.py. An event whose clock has speed v happens at t if the integral of v up to t is
its target. So these integrals are independent draws of the wait distribution F0, and times follow F0(integral of v).
"""

from decimal import Decimal, localcontext
from typing import Any

import numpy as np
import pytest
from scipy import special, stats
from statistical_checks import (
    Floats,
    assert_plausible,
    broadcasts_with_lift,
    counts_p_value,
    cumulative_integral,
    decaying_lift,
    moment_times,
    simulate_small,
    time_p_value,
)

from cjsim.kernels.clocks import fill_times_to_target

CUSTOMERS = 100_000
DAYS = 60.0
FIRST = {"moments": {"first": "e"}, "stages": {"here": {}, "gone": {}}}
ONCE = {"in": ["here"], "effects": [{"go": "gone"}]}
WAITS: dict[str, tuple[dict[str, Any], Any]] = {
    "exponential": ({"exponential": "4d"}, stats.expon(scale=4)),
    "rising": ({"weibull": {"scale": "5d", "shape": 1.8}}, stats.weibull_min(1.8, scale=5)),
    "falling": ({"weibull": {"scale": "2d", "shape": 0.6}}, stats.weibull_min(0.6, scale=2)),
    "gamma": ({"gamma": {"mean": "5d", "shape": 2.5}}, stats.gamma(2.5, scale=2)),
    "peaked": ({"gamma": {"mean": "3d", "shape": 0.3}}, stats.gamma(0.3, scale=10)),
    "lognormal": ({"lognormal": {"median": "3d", "sigma": 0.8}}, stats.lognorm(0.8, scale=3)),
}


def first_times(event: dict[str, Any], *, policy: dict[str, Any] | None = None, **parts: Any) -> Floats:
    """Time of each customer's first event `e` within DAYS; `parts` are parts of the journey."""
    events = {"e": {**ONCE, **event}, **parts.pop("events", {})}
    run = simulate_small({**FIRST, **parts, "events": events}, customers=CUSTOMERS, policy=policy, horizon=f"{DAYS:g}d")
    return moment_times(run, "first")


def exact_time(target: float, lift: float, tau: float) -> Decimal:
    """The root of x + A tau (1 - exp(-x/tau)) = target by Newton's iteration with 60 digits."""
    with localcontext() as context:
        context.prec = 60
        goal, a = Decimal(target) / Decimal(tau), Decimal(lift)
        y = max(goal / (1 + a), goal - a) if a > 0 else goal - a
        for _ in range(400):
            left = a * (-y).exp()
            step = (y + a - left - goal) / (1 + left)
            y -= step
            if abs(step) <= abs(y) * Decimal("1e-45"):
                break
        return y * Decimal(tau)


TAUS = (0.01, 4.3, 1000.0)
LIFTS = (-1.0, -0.9999, -0.5, -1e-3, 1e-3, 0.5, 30.0, 1000.0, 1e6)


@pytest.mark.parametrize("tau", TAUS)
@pytest.mark.parametrize("lift", LIFTS)
def test_time_to_target_matches_high_precision_solution(lift: float, tau: float) -> None:
    # The relative error is at most 1e-12 from 1e-3 tau (1 + |A|) on. Below, the terms of the formula cancel: there, the clock at the
    # computed time misses its target by at most the rounding of the terms, a few 1e-16 tau (1 + |A|).
    scale = tau * (1 + abs(lift))
    targets = np.concatenate([scale * np.geomspace(1e-15, 1e3, 73), [1e-12, 1e6]])
    found = np.empty_like(targets)
    fill_times_to_target(targets, lift, tau, found)
    for target, x in zip(targets.tolist(), found.tolist(), strict=True):
        if target >= 1e-3 * scale:
            assert abs(Decimal(x) / exact_time(target, lift, tau) - 1) <= Decimal("1e-12")
        with localcontext() as context:
            context.prec = 60
            reached = Decimal(x) + Decimal(lift) * Decimal(tau) * (1 - (-Decimal(x) / Decimal(tau)).exp())
        assert abs(float(reached - Decimal(target))) <= 1e-15 * (scale + target)


@pytest.mark.parametrize("tau", TAUS)
@pytest.mark.parametrize("lift", [lift for lift in LIFTS if lift <= 30])
def test_time_to_target_matches_the_lambert_w_formula(lift: float, tau: float) -> None:
    targets = tau * (1 + abs(lift)) * np.geomspace(1e-2, 1e3, 61)
    found = np.empty_like(targets)
    fill_times_to_target(targets, lift, tau, found)
    q = targets / tau - lift
    np.testing.assert_allclose(found, tau * (q + special.lambertw(lift * np.exp(-q)).real), rtol=1e-12)


@pytest.mark.parametrize("lift", LIFTS)
def test_time_to_a_zero_target_is_zero(lift: float) -> None:
    # At A = -1 the initial speed of the clock is 0: x is about sqrt(2 target tau), so rounding alone gives 1e-8 of tau.
    found = np.empty(1)
    fill_times_to_target(np.zeros(1), lift, 1.0, found)
    assert 0.0 <= found[0] <= (2e-8 if lift == -1.0 else 1e-12)


@pytest.mark.parametrize("law", WAITS)
def test_first_passage_without_lift_follows_the_wait_distribution(law: str) -> None:
    wait, known = WAITS[law]
    assert_plausible(time_p_value(first_times({"wait": wait}), known.cdf, DAYS))


def test_first_passage_of_an_empirical_wait_follows_its_weights() -> None:
    wait = {"empirical": {"values": ["1d", "36h", "7d"], "weights": [5, 1, 4]}}
    values, seen = np.unique(first_times({"wait": wait}), return_counts=True)
    assert list(values) == [1.0, 1.5, 7.0]
    assert_plausible(counts_p_value(seen, np.array([0.5, 0.1, 0.4])))


def test_first_passage_of_a_fixed_wait_is_its_value() -> None:
    assert set(first_times({"wait": {"fixed": "36h"}})) == {1.5}


# Delivered at day 3.5 and at day 5.25 of a scenario that starts on 2026-01-05.
TOUCHES = {
    "one": [("2026-01-08", "12:00", 4.0)],
    "short and strong": [("2026-01-08", "12:00", 30.0)],
    "slower": [("2026-01-08", "12:00", -0.7)],
    "faster twice": [("2026-01-08", "12:00", 1.5), ("2026-01-10", "06:00", 2.0)],
    "slower, held at -1": [("2026-01-08", "12:00", -0.8), ("2026-01-10", "06:00", -0.8)],
    "slower, then faster": [("2026-01-08", "12:00", -1.0), ("2026-01-10", "06:00", 3.0)],
}
AT = (3.5, 5.25)
HALF_LIVES = {"short and strong": 0.1}


def lift_history(touches: list[tuple[str, str, float]]) -> list[tuple[float, float]]:
    return [(at, gain) for at, (_, _, gain) in zip(AT, touches, strict=False)]


@pytest.mark.parametrize("law", ["exponential", "rising", "lognormal"])
@pytest.mark.parametrize("touches", TOUCHES)
def test_first_passage_follows_the_integral_of_a_decaying_lift(touches: str, law: str) -> None:
    wait, known = WAITS[law]
    half_life = HALF_LIVES.get(touches, 2.0)
    journey, policy = broadcasts_with_lift("e", TOUCHES[touches])
    found = first_times({"wait": wait, "half_life": f"{half_life * 24:g}h"}, policy=policy, **journey)
    lift = decaying_lift(lift_history(TOUCHES[touches]), half_life)
    run = cumulative_integral(lambda t: 1.0 + lift(t), DAYS)
    assert_plausible(time_p_value(found, lambda t: known.cdf(run(t)), DAYS))


def test_lift_decays_while_its_event_is_disabled() -> None:
    # Disabled on days 5, 11, 17, ...; then the clock restarts, which an exponential wait does not show.
    journey, policy = broadcasts_with_lift("e", TOUCHES["one"])
    away = {"in": ["here"], "wait": {"fixed": "5d"}, "effects": [{"go": "there"}]}
    back = {"in": ["there"], "wait": {"fixed": "1d"}, "effects": [{"go": "here"}]}
    found = first_times(
        {"wait": {"exponential": "9d"}, "half_life": "2d"},
        policy=policy,
        events={"away": away, "back": back},
        **journey,
        stages={"here": {}, "there": {}, "gone": {}},
    )
    lift = decaying_lift([(3.5, 4.0)], 2.0)
    run = cumulative_integral(lambda t: (t % 6.0 < 5.0) * (1.0 + lift(t)), DAYS, steps=480_000)
    assert_plausible(time_p_value(found, lambda t: stats.expon(scale=9).cdf(run(t)), DAYS))


def test_message_lift_is_response_times_gain_plus_contact_lift() -> None:
    journey, policy = broadcasts_with_lift("e", TOUCHES["one"])
    personas = {
        "deaf": {"share": 0.3, "responds": {"e": 0.0}},
        "keen": {"share": 0.3, "responds": {"e": 2.5}},
        "dog": {"share": 0.4, "responds": {"e": 0.5}, "contact_lift": {"e": 6.0}},
    }
    events = {"e": {**ONCE, "wait": {"exponential": "4d"}, "half_life": "2d"}}
    run = simulate_small({**FIRST, **journey, "personas": personas, "events": events}, policy=policy, customers=CUSTOMERS, horizon="60d")
    persona, first = run.outcomes.customers["persona"], moment_times(run, "first")
    lifts = [decaying_lift([(3.5, gain)], 2.0) for gain in (0.0, 2.5 * 4.0, 0.5 * 4.0 + 6.0)]
    reached = [cumulative_integral(lambda t, lift=lift: 1.0 + lift(t), DAYS) for lift in lifts]
    laws = [lambda t, run=run: stats.expon(scale=4).cdf(run(t)) for run in reached]
    assert_plausible(*(time_p_value(first[persona == i], law, DAYS) for i, law in enumerate(laws)))


HOURS = [0.0] * 8 + [1.0] * 10 + [2.0] * 6
WEEKDAYS = [1.0, 1.0, 1.0, 1.0, 2.0, 0.5, 0.0]
PROFILE = {"p": {"hours": HOURS, "weekdays": WEEKDAYS, "seasons": {"sale": {"from": "01-10", "to": "01-20", "times": 3.0}}}}


def weight(t: Floats) -> Floats:
    """The profile's weight at times from Monday 2026-01-05: hours, weekdays and season, each divided by its mean."""
    day = np.floor(t).astype(int)
    hour = np.floor((t - day) * 24).astype(int)
    season = np.where((day >= 5) & (day <= 15), 3.0, 1.0) / ((365 - 11 + 11 * 3.0) / 365)
    return np.array(HOURS)[hour] / np.mean(HOURS) * np.array(WEEKDAYS)[day % 7] / np.mean(WEEKDAYS) * season


ACTIVITY = cumulative_integral(weight, DAYS + 2, since=-2.0, steps=62 * 24 * 60)


def test_first_passage_follows_activity_time() -> None:
    found = first_times({"wait": WAITS["rising"][0], "activity": "p"}, activity=PROFILE)
    assert_plausible(time_p_value(found, lambda t: WAITS["rising"][1].cdf(ACTIVITY(t) - ACTIVITY(0.0)), DAYS))


def test_clock_shift_shifts_the_activity_profile() -> None:
    traits = {"late": {"normal": {"mean": 3.0, "sd": 6.0}}}
    event = {**ONCE, "wait": {"exponential": "2d"}, "activity": "p"}
    journey = {**FIRST, "activity": PROFILE, "traits": traits, "clock_shift": "late", "events": {"e": event}}
    run = simulate_small(journey, customers=CUSTOMERS, horizon="60d")
    shift = run.profiles().traits["late"] / 24.0
    gone = ACTIVITY(moment_times(run, "first") - shift) - ACTIVITY(-shift)
    assert_plausible(time_p_value(gone, stats.expon(scale=2).cdf))


def test_lift_decays_in_activity_time() -> None:
    journey, policy = broadcasts_with_lift("e", TOUCHES["one"])
    found = first_times({"wait": {"exponential": "4d"}, "half_life": "1d", "activity": "p"}, policy=policy, activity=PROFILE, **journey)
    begin, touch = ACTIVITY(0.0), ACTIVITY(3.5)
    lift = decaying_lift([(touch - begin, 4.0)], 1.0)
    run = cumulative_integral(lambda a: 1.0 + lift(a), 2 * DAYS)
    assert_plausible(time_p_value(found, lambda t: stats.expon(scale=4).cdf(run(ACTIVITY(t) - begin)), DAYS))


# Tagged at 4, 8, 12, ... days and untagged at 6, 12, 18, ...: at 12 and 24 both, in the order declared.
SWITCHES = {
    "on": {"in": "anywhere", "wait": {"fixed": "4d"}, "effects": [{"tag": "open"}]},
    "off": {"in": "anywhere", "wait": {"fixed": "6d"}, "effects": [{"untag": "open"}]},
}


def is_open(t: Floats) -> Floats:
    return (t >= 4.0) & (4.0 * np.floor(t / 4.0) > 6.0 * np.floor(t / 6.0))


@pytest.mark.parametrize("touches", [None, "one"])
def test_clock_runs_only_while_its_condition_holds(touches: str | None) -> None:
    journey, policy = broadcasts_with_lift("e", TOUCHES[touches] if touches else [])
    event = {"wait": WAITS["rising"][0], "half_life": "2d", "when": "tagged(open)"}
    found = first_times(event, policy=policy, events=SWITCHES, **journey)
    lift = decaying_lift([(3.5, 4.0)] if touches else [], 2.0)
    run = cumulative_integral(lambda t: is_open(t) * (1.0 + lift(t)), DAYS, steps=480_000)
    assert_plausible(time_p_value(found, lambda t: WAITS["rising"][1].cdf(run(t)), DAYS))


def test_speed_is_the_product_of_persona_traits_and_satisfaction() -> None:
    personas = {
        "calm": {"share": 0.4, "speed": {"e": 0.5}, "satisfaction": 0.9},
        "quick": {"share": 0.4, "speed": {"e": 3.0}, "satisfaction": 0.2},
        "never": {"share": 0.2, "speed": {"e": 0.0}},
    }
    traits = {"rate": {"gamma": {"mean": 2.0, "shape": 4.0}}, "slow": {"lognormal": {"median": 1.5, "sigma": 0.3}}}
    traits["share"] = {"beta": {"alpha": 2.0, "beta": 5.0}}
    event = {**ONCE, "wait": {"exponential": "1d"}, "speed": ["rate", "1/slow", "1-share"], "satisfaction": 1.5}
    run = simulate_small({**FIRST, "personas": personas, "traits": traits, "events": {"e": event}}, customers=CUSTOMERS, horizon="30000d")
    persona, of = run.outcomes.customers["persona"], run.profiles().traits
    factor = np.array([0.5, 3.0, 0.0])[persona] * of["rate"] / of["slow"] * (1 - of["share"])
    satisfaction_effect = np.exp(1.5 * (np.array([0.9, 0.2, 0.5])[persona] - 0.5))
    first = moment_times(run, "first")
    assert np.isnan(first[persona == 2]).all()
    assert_plausible(time_p_value((first * factor * satisfaction_effect)[persona != 2], stats.expon.cdf))


def test_speed_is_updated_only_when_satisfaction_changes() -> None:
    # Baseline 0.3; at day 2 up by half of the distance to 1; decay with half-life 3 days; at day 5 down by 40 %.
    rest, up, down = 0.3, 0.3 + 0.5 * 0.7, (0.3 + 0.35 * 0.5) * 0.6
    stages = {"a": {}, "b": {}, "c": {}}
    cheer = {"in": ["a"], "wait": {"fixed": "2d"}, "effects": [{"satisfy": 0.5}, {"go": "b"}]}
    jeer = {"in": ["b"], "wait": {"fixed": "3d"}, "effects": [{"satisfy": -0.4}, {"go": "c"}]}
    found = first_times(
        {"in": "anywhere", "effects": [], "wait": {"exponential": "4d"}, "satisfaction": 3.0},
        events={"cheer": cheer, "jeer": jeer},
        stages=stages,
        starts_in="a",
        personas={"one": {"share": 1.0, "satisfaction": rest}},
        satisfaction={"half_life": "3d"},
    )
    run = cumulative_integral(lambda t: np.exp(3.0 * (np.select([t < 2, t < 5], [rest, up], down) - 0.5)), DAYS)
    assert_plausible(time_p_value(found, lambda t: stats.expon(scale=4).cdf(run(t)), DAYS))

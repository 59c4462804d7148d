"""Responses to messages: rates of a neutral customer and their shifts, delays, consent and holdouts.

Error rates: see statistical_checks.py. All messages are sent at known times to all customers, so that pressure and
satisfaction at each send are known.
"""

from pathlib import Path
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
    probabilities_p_value,
    share_p_value,
    simulate_small,
    time_p_value,
)

from cjsim.kernels.codes import TouchCode
from cjsim.simulation.run import Run

CUSTOMERS = 40_000
ON_DAY_2 = {"broadcasts": {"b": {"schedule": {"dates": ["2026-01-07"], "at": "12:00"}, "send": "m"}}}
SENT = 2.5
RATES = {"open_rate": 0.3, "click_rate": 0.2, "unsubscribe_rate": 0.02, "complaint_rate": 0.01}
# Each open fires `seen` and each click `used`; their moments give the times.
NOTED = {
    "events": {"seen": {}, "used": {}},
    "moments": {"seen": "seen", "used": "used"},
    "effects": {"opened": [{"fire": "seen"}], "clicked": [{"fire": "used"}]},
}
DELAYS: dict[str, tuple[dict[str, Any], Any]] = {
    "lognormal": ({"lognormal": {"median": "8h", "sigma": 1.5}}, stats.lognorm(1.5, scale=1 / 3)),
    "gamma": ({"gamma": {"mean": "1d", "shape": 1.4}}, stats.gamma(1.4, scale=1 / 1.4)),
    "weibull": ({"weibull": {"scale": "12h", "shape": 0.9}}, stats.weibull_min(0.9, scale=0.5)),
}


def one_message_journey(channel: dict[str, Any], message: dict[str, Any] | None = None, **parts: Any) -> dict[str, Any]:
    """A journey with one message whose open and click are moments."""
    declared = {"channel": "mail", "effects": NOTED["effects"], **RATES, **(message or {})}
    return {"channels": {"mail": channel}, "messages": {"m": declared}, "events": NOTED["events"], "moments": NOTED["moments"], **parts}


def responses_by_broadcast(run: Run, touch: str) -> Floats:
    """bool, shape (n_customers, n_sources): whether the customer has such a touch, by broadcast."""
    assert run.log is not None
    rows = run.log.query(f"select distinct customer, source from log where event = '{touch}'")
    shown = np.zeros((len(run), len(run.codebook.sources)), bool)
    shown[rows["customer"], [run.codebook.sources.index(name) for name in rows["source"]]] = True
    return shown


def touches_per_channel(run: Run, touch: TouchCode) -> Floats:
    """int, shape (n_customers, n_channels)."""
    return np.asarray(run.outcomes.touch_counts[:, :, touch].astype(int))


@pytest.mark.parametrize("law", DELAYS)
def test_neutral_customer_responds_at_the_declared_rates(law: str) -> None:
    wait, known = DELAYS[law]
    run = simulate_small(
        one_message_journey({"open_delay": wait, "lifetime": "1d"}), policy=ON_DAY_2, customers=4 * CUSTOMERS, horizon="200d"
    )
    of = run.outcomes.customers
    opened, clicked = of["opens"] > 0, of["clicks"] > 0
    shares = [share_p_value(opened, 0.3), share_p_value(of["unsubscribes"], 0.02), share_p_value(of["complaints"], 0.01)]
    survival = cumulative_integral(lambda d: known.pdf(d) * np.exp(-d), 200.0, steps=2_000_000)(200.0)
    both = share_p_value(opened & (of["unsubscribes"] > 0), 0.3 * 0.02 / survival)
    assert_plausible(*shares, both, share_p_value(clicked[opened], 0.2))


@pytest.mark.parametrize("law", DELAYS)
def test_open_delays_are_truncated_by_the_lifetime(law: str) -> None:
    wait, known = DELAYS[law]
    journey = one_message_journey({"open_delay": wait, "lifetime": "1d"}, {"open_rate": 0.4})
    run = simulate_small(journey, policy=ON_DAY_2, customers=4 * CUSTOMERS, horizon="60d")
    reached = cumulative_integral(lambda d: known.pdf(d) * np.exp(-d), 60.0, steps=2_000_000)
    delays = moment_times(run, "seen") - SENT
    assert_plausible(time_p_value(delays[~np.isnan(delays)], lambda d: reached(d) / reached(60.0)))


def test_click_delays_follow_their_distribution() -> None:
    channel = {"open_delay": DELAYS["gamma"][0], "click_delay": DELAYS["weibull"][0]}
    journey = one_message_journey(channel, {"open_rate": 0.9, "click_rate": 0.9})
    run = simulate_small(journey, policy=ON_DAY_2, customers=4 * CUSTOMERS, horizon="200d")
    delays = moment_times(run, "used") - moment_times(run, "seen")
    assert_plausible(time_p_value(delays[~np.isnan(delays)], DELAYS["weibull"][1].cdf))


HOURS = [0.0] * 7 + [1.0] * 10 + [3.0] * 5 + [0.0] * 2
SHIFT = 5.0 / 24.0


def weight(t: Floats) -> Floats:
    """The weight of HOURS, divided by its mean, for a customer whose clock is 5 hours late."""
    return np.array(HOURS)[np.floor((t - SHIFT) * 24).astype(int) % 24] / np.mean(HOURS)


@pytest.mark.parametrize(("at", "sent"), [("12:00", 2.5), ("04:00", 2 + 4 / 24)])
def test_open_delay_uses_activity_time_and_lifetime_uses_clock_time(at: str, sent: float) -> None:
    # Compared with a flat profile, 1.03 times as many open if sent at noon and 0.66 times if sent at 04:00: the send hour matters.
    wait, known = DELAYS["lognormal"]
    parts = {"activity": {"p": {"hours": HOURS}}, "traits": {"late": {"fixed": 5.0}}, "clock_shift": "late"}
    journey = one_message_journey({"open_delay": wait, "lifetime": "18h", "activity": "p"}, **parts)
    policy = {"broadcasts": {"b": {"schedule": {"dates": ["2026-01-07"], "at": at}, "send": "m"}}}
    run = simulate_small(journey, policy=policy, customers=2 * CUSTOMERS, horizon="30d")
    flat = cumulative_integral(lambda d: known.pdf(d) * np.exp(-d / 0.75), 60.0, steps=2_000_000)(60.0)
    active = cumulative_integral(weight, 30.0, steps=720_000)
    speed = cumulative_integral(lambda t: known.pdf(active(t) - active(sent)) * weight(t) * np.exp(-(t - sent) / 0.75), 30.0, since=sent)
    assert_plausible(time_p_value(moment_times(run, "seen"), lambda t: 0.3 / flat * speed(t), 30.0))


# Five sends on two channels, with their weights; the scenario starts on 2026-01-05.
SENDS = [("mail", 0.5), ("text", 1.25), ("mail", 1.5), ("mail", 4.0), ("text", 4.5)]
WEIGHTS = {"mail": 1.0, "text": 2.5}


def scheduled_sends(channels: dict[str, dict[str, Any]], **parts: Any) -> tuple[dict[str, Any], dict[str, Any]]:
    """A journey and a policy with SENDS, each in a separate broadcast."""
    messages = {f"m_{name}": {"channel": name, "open_rate": 0.4, "unsubscribe_rate": 0.04, "complaint_rate": 0.01} for name in channels}
    broadcasts = {}
    for i, (name, day) in enumerate(SENDS):
        at = f"{int(day % 1 * 24):02d}:00"
        broadcasts[f"s{i}"] = {"schedule": {"dates": [f"2026-01-{5 + int(day):02d}"], "at": at}, "send": f"m_{name}"}
    return {"channels": channels, "messages": messages, **parts}, {"broadcasts": broadcasts}


def pressures(half_life: float) -> Floats:
    """Contact pressure before each of the sends, and at day 10."""
    ends = [*(day for _, day in SENDS), 10.0]
    past = [[WEIGHTS[name] * 2 ** (-(end - day) / half_life) for name, day in SENDS if day < end] for end in ends]
    return np.array([sum(weights) for weights in past])


def test_fatigue_and_annoyance_shift_logits_by_the_prior_pressure(tmp_path: Path) -> None:
    channels = {name: {"pressure": weight, "fatigue": 0.3, "annoyance": 0.25} for name, weight in WEIGHTS.items()}
    journey, policy = scheduled_sends(channels, pressure={"half_life": "2d"})
    run = simulate_small(journey, policy=policy, customers=2 * CUSTOMERS, horizon="10d", log=tmp_path / "log.parquet")
    # Only customers who received all sends so far: customers who opted out of a channel have less pressure.
    delivered = np.logical_and.accumulate(responses_by_broadcast(run, "delivered"), axis=1)
    before = pressures(2.0)[:-1]
    found = []
    for touch, logit in (
        ("opened", special.logit(0.4) - 0.3 * before),
        ("unsubscribed", special.logit(0.04) + 0.25 * before),
        ("complained", special.logit(0.01) + 0.25 * before),
    ):
        shown = responses_by_broadcast(run, touch)
        found += [share_p_value(shown[delivered[:, i], i], special.expit(logit[i])) for i in range(len(SENDS))]
    assert_plausible(*found)


def test_satisfaction_shifts_logits_and_deliveries_shift_satisfaction(tmp_path: Path) -> None:
    channels = {name: {"satisfaction": 2.0, "delivery_gain": gain} for name, gain in (("mail", -0.3), ("text", 0.2))}
    personas = {name: {"share": 0.5, "satisfaction": rest} for name, rest in (("glad", 0.9), ("sad", 0.2))}
    journey, policy = scheduled_sends(channels, personas=personas, satisfaction={"half_life": "2d"})
    run = simulate_small(journey, policy=policy, customers=2 * CUSTOMERS, horizon="10d", log=tmp_path / "log.parquet")
    delivered = np.logical_and.accumulate(responses_by_broadcast(run, "delivered"), axis=1)
    opened, unsubscribed = responses_by_broadcast(run, "opened"), responses_by_broadcast(run, "unsubscribed")
    found = []
    for persona, rest in enumerate((0.9, 0.2)):
        satisfaction, at = rest, 0.0
        here = run.outcomes.customers["persona"] == persona
        for i, (name, day) in enumerate(SENDS):
            satisfaction = rest + (satisfaction - rest) * 2 ** (-(day - at) / 2.0)
            got, shift = here & delivered[:, i], 2.0 * (satisfaction - 0.5)
            found.append(share_p_value(opened[got, i], special.expit(special.logit(0.4) + shift)))
            found.append(share_p_value(unsubscribed[got, i], special.expit(special.logit(0.04) - shift)))
            satisfaction, at = satisfaction * 0.7 if name == "mail" else satisfaction + 0.2 * (1 - satisfaction), day
        left = here & delivered[:, -1] & ~unsubscribed.any(axis=1)
        np.testing.assert_allclose(run.outcomes.customers["satisfaction"][left], rest + (satisfaction - rest) * 2 ** (-5.5 / 2), rtol=1e-6)
    assert_plausible(*found)


def test_pressure_is_the_decayed_sum_of_weights() -> None:
    channels = {name: {"pressure": weight} for name, weight in WEIGHTS.items()}
    journey, policy = scheduled_sends(channels, pressure={"half_life": "36h"})
    run = simulate_small(journey, policy=policy, customers=200, horizon="10d")
    stayed = run.outcomes.customers["contacts"] == len(SENDS)
    assert stayed.sum() > 100
    np.testing.assert_allclose(run.outcomes.customers["pressure"][stayed], pressures(1.5)[-1], rtol=1e-6)


def test_satisfaction_returns_to_its_baseline_with_its_half_life() -> None:
    events = {
        "praise": {"in": ["a"], "wait": {"fixed": "1d"}, "effects": [{"satisfy": 0.5}, {"go": "b"}]},
        "blame": {"in": ["b"], "wait": {"fixed": "2d"}, "effects": [{"satisfy": -0.9}, {"satisfy": 0.1}, {"go": "c"}]},
    }
    parts = {"starts_in": "a", "stages": {"a": {}, "b": {}, "c": {}}, "events": events, "satisfaction": {"half_life": "4d"}}
    found = [
        simulate_small(
            {**parts, "personas": {"one": {"share": 1, "satisfaction": 0.6}}}, customers=1, horizon=f"{days}d"
        ).outcomes.customers
        for days in (2, 3, 7, 400)
    ]
    blamed = (0.6 + 0.2 * 2**-0.5) * 0.1
    moved = blamed + 0.1 * (1 - blamed)
    wanted = [0.6 + 0.2 * 2**-0.25, 0.6 + 0.2 * 2**-0.5, 0.6 + (moved - 0.6) * 0.5, 0.6]
    np.testing.assert_allclose([row["satisfaction"][0] for row in found], wanted, rtol=1e-6)


def test_persona_and_trait_affinities_add_to_the_open_logit() -> None:
    personas = {"reader": {"share": 0.5, "affinity": {"mail": 1.2}}, "skipper": {"share": 0.5, "affinity": {"mail": -0.8}}}
    journey = one_message_journey({"affinity": "taste"}, personas=personas, traits={"taste": {"normal": {"mean": 0.3, "sd": 1.5}}})
    run = simulate_small(journey, policy=ON_DAY_2, customers=CUSTOMERS, horizon="10d")
    taste, persona = run.profiles().traits["taste"], run.outcomes.customers["persona"]
    chances = special.expit(special.logit(0.3) + taste + np.where(persona == 0, 1.2, -0.8))
    opened = run.outcomes.customers["opens"]
    bins = np.digitize(taste, [-2.0, -1.0, 0.0, 1.0, 2.0]) + 10 * persona
    assert_plausible(*(probabilities_p_value(opened[bins == i], chances[bins == i]) for i in np.unique(bins)))


def test_open_and_click_lifts_apply_to_customers_who_open_and_click() -> None:
    message = {"open_rate": 0.5, "click_rate": 0.5, "lift": {"opened": {"e": 3.0}, "clicked": {"e": 5.0}}}
    journey = one_message_journey({"click_delay": {"fixed": "6h"}}, message)
    journey["events"] = {**NOTED["events"], "e": {"in": "anywhere", "wait": {"exponential": "8d"}, "half_life": "2d"}}
    journey["moments"] = {**NOTED["moments"], "first": "e"}
    run = simulate_small(journey, policy=ON_DAY_2, customers=CUSTOMERS, horizon="30d")
    of, found = run.outcomes.customers, []
    who = {(0, 0): [], (1, 0): [(SENT, 3.0)], (1, 1): [(SENT, 3.0), (SENT + 0.25, 5.0)]}
    for (opens, clicks), touches in who.items():
        lift = decaying_lift(touches, 2.0)
        reached = cumulative_integral(lambda t, lift=lift: 1.0 + lift(t), 30.0)
        law = stats.expon(scale=8)
        first = moment_times(run, "first")[(of["opens"] == opens) & (of["clicks"] == clicks)]
        found.append(time_p_value(first, lambda t, reached=reached, law=law: law.cdf(reached(t)), 30.0))
    assert_plausible(*found)


def test_consent_shares_follow_channel_and_persona() -> None:
    personas = {"open": {"share": 0.6}, "shy": {"share": 0.4, "consent": {"mail": 0.1, "text": 1.0}}}
    journey, policy = scheduled_sends({"mail": {"consent": 0.7}, "text": {"consent": 0.25}}, personas=personas)
    journey["messages"] = {name: {"channel": name[2:], "open_rate": 0.4} for name in journey["messages"]}
    run = simulate_small(journey, policy=policy, customers=CUSTOMERS, horizon="10d")
    delivered, refused = touches_per_channel(run, TouchCode.DELIVERED), touches_per_channel(run, TouchCode.SUPPRESSED_CONSENT)
    assert set(delivered[:, 0]) == {0, 3}
    assert set(delivered[:, 1]) == {0, 2}
    assert np.all(delivered + refused == [3, 2])
    shy = run.outcomes.customers["persona"] == 1
    assert delivered[shy, 1].all()
    mail, text = delivered[:, 0] > 0, delivered[:, 1] > 0
    # Consents are independent, and so is the share with both.
    both = share_p_value(mail[~shy] & text[~shy], 0.7 * 0.25)
    assert_plausible(share_p_value(mail[~shy], 0.7), share_p_value(text[~shy], 0.25), both, share_p_value(mail[shy], 0.1))


def test_holdouts_have_their_shares_and_are_stable() -> None:
    broadcast = {"schedule": {"weekdays": ["monday"], "at": "09:00"}, "send": "m", "holdout": 0.1}
    flow = {"on": {"event": "e"}, "holdout": 0.35, "steps": [{"send": "n"}]}
    journey = {
        "channels": {"mail": {}, "text": {}},
        "messages": {"m": {"channel": "mail", "open_rate": 0.5}, "n": {"channel": "text", "open_rate": 0.5}},
        "events": {"e": {"in": "anywhere", "wait": {"fixed": "6d"}}},
    }
    run = simulate_small(journey, policy={"broadcasts": {"b": broadcast}, "flows": {"f": flow}}, customers=CUSTOMERS, horizon="20d")
    delivered, held = touches_per_channel(run, TouchCode.DELIVERED), touches_per_channel(run, TouchCode.SUPPRESSED_HOLDOUT)
    assert set(map(tuple, delivered)) == {(0, 0), (0, 3), (3, 0), (3, 3)}
    assert np.all(delivered + held == 3)
    out = held > 0
    assert_plausible(share_p_value(out[:, 0], 0.1), share_p_value(out[:, 1], 0.35), share_p_value(out.all(axis=1), 0.1 * 0.35))


def test_split_is_redrawn_with_its_shares_each_time() -> None:
    channels = {name: {} for name in ("x", "y", "z")}
    arms = {name: {"share": share, "steps": [{"send": f"m_{name}"}]} for name, share in (("x", 0.2), ("y", 0.3), ("z", 0.5))}
    journey = {
        "channels": channels,
        "messages": {f"m_{name}": {"channel": name, "open_rate": 0.5} for name in channels},
        "events": {"e": {"in": "anywhere", "wait": {"fixed": "6d"}}},
    }
    run = simulate_small(
        journey, policy={"flows": {"f": {"on": {"event": "e"}, "steps": [{"split": arms}]}}}, customers=CUSTOMERS, horizon="15d"
    )
    delivered = touches_per_channel(run, TouchCode.DELIVERED)
    # Two independent runs of the flow: multinomial.
    law = stats.multinomial(2, [0.2, 0.3, 0.5])
    ways = [(i, j, 2 - i - j) for i in range(3) for j in range(3 - i)]
    assert_plausible(counts_p_value(np.array([np.all(delivered == way, axis=1).sum() for way in ways]), law.pmf(ways)))


def test_choice_odds_depend_on_satisfaction() -> None:
    branches = [(1.0, 0.0), (2.0, 3.0), (0.5, -2.0)]
    choose = [{"weight": w, "bend": bend, "effects": [{"go": f"s{i}"}]} for i, (w, bend) in enumerate(branches)]
    rests = (0.0, 0.35, 0.5, 1.0)
    journey = {
        "starts_in": "here",
        "stages": {"s0": {}, "s1": {}, "s2": {}, "here": {}},
        "personas": {f"p{i}": {"share": 0.25, "satisfaction": rest} for i, rest in enumerate(rests)},
        "events": {"e": {"in": ["here"], "wait": {"fixed": "1d"}, "effects": [{"choose": choose}]}},
    }
    of = simulate_small(journey, customers=CUSTOMERS, horizon="2d").outcomes.customers
    found = []
    for i, rest in enumerate(rests):
        odds = np.array([w * np.exp(bend * (rest - 0.5)) for w, bend in branches])
        found.append(counts_p_value(np.bincount(of["stage"][of["persona"] == i], minlength=3), odds / odds.sum()))
    assert_plausible(*found)


def test_message_without_lift_does_not_change_event_times() -> None:
    # The same clock with and without a message that has no lift: the same times, to the bit.
    journey, policy = broadcasts_with_lift("e", [("2026-01-08", "12:00", 0.0)])
    journey |= {"events": {"e": {"in": "anywhere", "wait": {"exponential": "4d"}}}, "moments": {"first": "e"}}
    with_message, without = (simulate_small(journey, policy=of, customers=1000, horizon="30d") for of in (policy, None))
    assert with_message.outcomes.customers["contacts"].sum() == 1000
    np.testing.assert_array_equal(moment_times(with_message, "first"), moment_times(without, "first"))

"""Whole journeys against closed forms: Markov chains, competing risks, renewals, contracts, purchase models, Hawkes processes.

Error rates: see statistical_checks.py.
"""

from typing import Any

import numpy as np
import pytest
from scipy import linalg, special, stats
from statistical_checks import (
    Floats,
    assert_plausible,
    broadcasts_with_lift,
    counts_p_value,
    cumulative_integral,
    customers_per_stage,
    decaying_lift,
    mean_p_value,
    moment_times,
    share_p_value,
    simulate_small,
    time_p_value,
)

CUSTOMERS = 40_000
PURCHASE = {"purchase": {"value": 1}}

RATES = {("a", "b"): 0.3, ("a", "c"): 0.1, ("b", "a"): 0.2, ("b", "c"): 0.15, ("c", "a"): 0.05, ("c", "gone"): 0.04}
STAGES = ("a", "b", "c", "gone")


def rate_matrix() -> Floats:
    """The generator Q of the chain with these rates."""
    q = np.zeros((4, 4))
    for (here, there), rate in RATES.items():
        q[STAGES.index(here), STAGES.index(there)] = rate
    return q - np.diag(q.sum(axis=1))


def markov_journey() -> dict[str, Any]:
    moves = {
        f"{here}_{there}": {"in": [here], "wait": {"exponential": f"{1 / rate}d"}, "effects": [{"go": there}]}
        for (here, there), rate in RATES.items()
    }
    return {"starts_in": "a", "stages": {name: {} for name in STAGES}, "events": moves}


@pytest.mark.parametrize("days", [1, 6, 40])
def test_stage_occupancy_follows_a_markov_chain(days: int) -> None:
    run = simulate_small(markov_journey(), customers=CUSTOMERS, horizon=f"{days}d")
    assert_plausible(counts_p_value(customers_per_stage(run), linalg.expm(rate_matrix() * days)[0]))


def test_consent_under_opt_out_and_opt_in_clocks_follows_a_two_state_markov_chain() -> None:
    # p(t) = q + (p(0) - q) exp(-(a + b) t) with q = b / (a + b): Ross (2014), Introduction to Probability Models, example 6.11.
    a, b, at_entry = 1 / 10, 1 / 4, 0.7
    journey = {
        "channels": {"mail": {"consent": at_entry}},
        "messages": {"hello": {"channel": "mail", "open_rate": 0.01}},
        "events": {
            "leave": {"in": "anywhere", "wait": {"exponential": "10d"}, "when": "consent(mail)", "effects": [{"opt_out": "mail"}]},
            "rejoin": {"in": "anywhere", "wait": {"exponential": "4d"}, "when": "not consent(mail)", "effects": [{"opt_in": "mail"}]},
        },
    }
    p_values = []
    for day in (1, 5, 25):
        ask = {"schedule": {"dates": [f"2026-01-{5 + day:02d}"], "at": "12:00"}, "send": "hello"}
        run = simulate_small(journey, policy={"broadcasts": {"ask": ask}}, customers=CUSTOMERS, horizon="26d")
        steady = b / (a + b)
        share = steady + (at_entry - steady) * np.exp(-(a + b) * (day + 0.5))
        p_values.append(share_p_value(run.outcomes.customers["contacts"] == 1, share))
    assert_plausible(*p_values)


def test_days_in_each_stage_are_the_integral_of_the_occupancy() -> None:
    run = simulate_small(markov_journey(), customers=CUSTOMERS, horizon="40d")
    both = np.block([[rate_matrix(), np.eye(4)], [np.zeros((4, 8))]])  # exp has the integral of exp(Qt) in its corner (Van Loan 1978)
    days = linalg.expm(both * 40.0)[0, 4:]
    dwell = run.outcomes.dwell.astype(float)
    np.testing.assert_allclose(dwell.sum(axis=1), 40.0, rtol=1e-6)
    assert_plausible(*(mean_p_value(dwell[:, i], days[i]) for i in range(4)))


RISKS: dict[str, tuple[dict[str, Any], Any]] = {
    "buys": ({"weibull": {"scale": "9d", "shape": 1.6}}, stats.weibull_min(1.6, scale=9)),
    "leaves": ({"lognormal": {"median": "8d", "sigma": 0.9}}, stats.lognorm(0.9, scale=8)),
    "dies": ({"exponential": "20d"}, stats.expon(scale=20)),
}


def cumulative_incidences(reached: dict[str, Any], edges: Floats) -> Floats:
    """P(cause k happens first, within each interval) in row k, by the midpoint rule: density of cause k times survival of all others."""
    fine = np.linspace(edges[0], edges[-1], 400_001)
    middle = (fine[1:] + fine[:-1]) / 2
    rows = []
    for cause, (_, law) in RISKS.items():
        others = np.prod([RISKS[other][1].sf(reached[other](middle)) for other in RISKS if other != cause], axis=0)
        upto = np.concatenate([[0.0], np.cumsum(others * np.diff(law.cdf(reached[cause](fine))))])
        rows.append(np.diff(np.interp(edges, fine, upto)))
    return np.array(rows)


@pytest.mark.parametrize("gain", [0.0, 5.0])
def test_competing_risks_follow_cause_specific_incidence(gain: float) -> None:
    # A message at day 3.5 raises the rate of one cause, so the incidences of the others fall.
    journey, policy = broadcasts_with_lift("dies", [("2026-01-08", "12:00", gain)])
    events = {name: {"in": ["here"], "wait": wait, "half_life": "2d", "effects": [{"go": "out"}]} for name, (wait, _) in RISKS.items()}
    parts = {"stages": {"here": {}, "out": {}}, "events": events, "moments": {name: name for name in RISKS}}
    run = simulate_small({**journey, **parts}, policy=policy, customers=CUSTOMERS, horizon="30d")
    edges = np.array([0.0, 1.0, 2.0, 3.5, 4.0, 6.0, 9.0, 14.0, 30.0])
    lift = decaying_lift([(3.5, gain)], 2.0)
    reached: dict[str, Any] = dict.fromkeys(RISKS, lambda t: t) | {"dies": cumulative_integral(lambda t: 1.0 + lift(t), 30.0)}
    wanted = cumulative_incidences(reached, edges).ravel()
    seen = np.concatenate([np.histogram(moment_times(run, name), edges)[0] for name in RISKS])
    assert_plausible(counts_p_value(np.append(seen, CUSTOMERS - seen.sum()), np.append(wanted, 1 - wanted.sum())))


def purchase_counts(run: Any) -> Floats:
    return np.asarray(run.outcomes.customers["purchases"])


def test_fixed_waits_give_deterministic_renewal_counts() -> None:
    run = simulate_small(
        {"events": {"e": {"in": "anywhere", "wait": {"fixed": "3d"}, "effects": [PURCHASE]}}}, customers=100, horizon="10d"
    )
    assert set(purchase_counts(run)) == {3}


@pytest.mark.parametrize("shape", [0.4, 1.0, 3.0])
def test_gamma_waits_give_gamma_renewal_counts(shape: float) -> None:
    event = {"in": "anywhere", "wait": {"gamma": {"mean": "4d", "shape": shape}}, "effects": [PURCHASE]}
    counts = purchase_counts(simulate_small({"events": {"e": event}}, customers=CUSTOMERS, horizon="30d"))
    n = np.arange(1, counts.max() + 2)
    at_least = np.concatenate([[1.0], special.gammainc(n * shape, 30.0 * shape / 4.0), [0.0]])
    assert_plausible(counts_p_value(np.bincount(counts, minlength=len(n) + 1), -np.diff(at_least)))


def contract(renews: Any, leaves: Any, traits: dict[str, Any]) -> dict[str, Any]:
    branches = [{"weight": renews}, {"weight": leaves, "effects": [{"go": "gone"}]}]
    renewal = {"in": ["active"], "wait": {"fixed": "30d"}, "effects": [{"choose": branches}]}
    return {"starts_in": "active", "stages": {"active": {}, "gone": {}}, "events": {"renewal": renewal}, "traits": traits}


def leavers_per_month(journey: dict[str, Any]) -> Floats:
    """Number of customers who leave at the end of month 1, 2, ..., 12, and later."""
    run = simulate_small(journey, customers=CUSTOMERS, horizon="370d")
    months = np.where(run.outcomes.customers["stage"] == 1, np.rint(run.outcomes.dwell[:, 0] / 30), 13).astype(int)
    return np.bincount(months, minlength=14)[1:]


def test_constant_renewal_probability_gives_geometric_lifetimes() -> None:
    stays = 0.8 ** np.arange(13)
    assert_plausible(counts_p_value(leavers_per_month(contract(4.0, 1.0, {})), np.append(-np.diff(stays), stays[-1])))


def test_beta_renewal_probabilities_give_shifted_beta_geometric_lifetimes() -> None:
    # Fader, Hardie (2007), Journal of Interactive Marketing 21(1), equation 6: S(t) = B(a, b + t) / B(a, b).
    a, b = 0.668, 3.806
    journey = contract("1-churn", "churn", {"churn": {"beta": {"alpha": a, "beta": b}}})
    stays = np.exp(special.betaln(a, b + np.arange(13)) - special.betaln(a, b))
    assert_plausible(counts_p_value(leavers_per_month(journey), np.append(-np.diff(stays), stays[-1])))


R, ALPHA, A, B = 0.243, 4.414, 0.793, 2.426  # CDNOW, weeks: Fader, Hardie, Lee (2005)


def repeat_purchases(weeks: int, *, leaves: bool) -> Floats:
    """X(t) of 500,000 customers with gamma purchase rates who drop out after a purchase with beta probabilities."""
    choose = {"choose": [{"weight": "dropout", "effects": [{"go": "gone"}]}, {"weight": "1-dropout"}]}
    effects = [PURCHASE, choose] if leaves else [PURCHASE]
    journey = {
        "starts_in": "active",
        "stages": {"active": {}, "gone": {}},
        "traits": {"rate": {"gamma": {"mean": R / ALPHA, "shape": R}}, "dropout": {"beta": {"alpha": A, "beta": B}}},
        "events": {"order": {"in": ["active"], "wait": {"exponential": "1w"}, "speed": ["rate"], "effects": effects}},
    }
    return purchase_counts(simulate_small(journey, customers=500_000, horizon=f"{weeks}w"))


def expected_purchases(t: float) -> float:
    """E[X(t)], equation 9 of Fader, Hardie, Lee (2005)."""
    series = special.hyp2f1(R, B, A + B - 1, t / (ALPHA + t))
    return float((A + B - 1) / (A - 1) * (1 - (ALPHA / (ALPHA + t)) ** R * series))


def count_probabilities(t: float, most: int) -> Floats:
    """P(X(t) = x) for x = 0, ..., most - 1, and the remainder: equation 8 of the same paper."""
    x = np.arange(most)
    ends = t / (ALPHA + t)
    still = np.exp(special.gammaln(R + x) - special.gammaln(R) - special.gammaln(x + 1.0)) * (1 - ends) ** R * ends**x
    alive = np.exp(special.betaln(A, B + x) - special.betaln(A, B)) * still
    left = np.exp(special.betaln(A + 1, B + x[1:] - 1) - special.betaln(A, B)) * (1 - np.cumsum(still)[:-1])
    chances = alive + np.concatenate([[0.0], left])
    return np.append(chances, 1 - chances.sum())


@pytest.mark.parametrize("weeks", [5, 39, 78])
def test_bgnbd_purchase_counts_match_the_closed_form(weeks: int) -> None:
    # The mean, the share without a purchase (also in closed form), and the whole distribution, which also gives the variance.
    counts = repeat_purchases(weeks, leaves=True)
    chances = count_probabilities(weeks, 4000)
    mean = expected_purchases(weeks)
    variance = float(chances[:-1] @ (np.arange(4000) - mean) ** 2)
    none = share_p_value(counts == 0, (ALPHA / (ALPHA + weeks)) ** R)
    whole = counts_p_value(np.bincount(np.minimum(counts, 40), minlength=41), np.append(chances[:40], chances[40:].sum()))
    assert_plausible(mean_p_value(counts, mean), mean_p_value((counts - mean) ** 2, variance), none, whole)


def test_purchases_without_dropout_are_negative_binomial() -> None:
    counts = repeat_purchases(39, leaves=False)
    law = stats.nbinom(R, ALPHA / (ALPHA + 39))
    most = counts.max() + 1
    assert_plausible(counts_p_value(np.bincount(counts, minlength=most + 1), np.append(law.pmf(np.arange(most)), law.sf(most - 1))))


def test_spend_is_gamma_gamma() -> None:
    # Fader, Hardie, Lee (2005), "RFM and CLV": a purchase is gamma(p, nu), nu gamma(q, v): beta prime with mean p v / (q - 1).
    p, q, v = 6.25, 3.74, 15.44
    spend = {"purchase": {"value": {"gamma": {"mean": p, "shape": p}}, "times": ["1/nu"]}}
    events = {"order": {"in": "anywhere", "wait": {"fixed": "4d"}, "effects": [spend]}}
    run = simulate_small({"traits": {"nu": {"gamma": {"mean": q / v, "shape": q}}}, "events": events}, customers=CUSTOMERS, horizon="10d")
    revenue = run.outcomes.customers["revenue"]
    once = simulate_small({"traits": {"nu": {"gamma": {"mean": q / v, "shape": q}}}, "events": events}, customers=CUSTOMERS, horizon="5d")
    first = once.outcomes.customers["revenue"]
    # Two purchases of one customer are gamma(2 p, nu).
    laws = [stats.betaprime(p, q, scale=v), stats.betaprime(2 * p, q, scale=v)]
    assert_plausible(mean_p_value(revenue / 2, p * v / (q - 1)), time_p_value(first, laws[0].cdf), time_p_value(revenue, laws[1].cdf))


def test_one_message_triggers_the_expected_number_of_events() -> None:
    # Events at rate mu (1 + A): a gain at day 3.5 adds mu gain tau (1 - exp(-t/tau)) in the t days after it, and the counts stay Poisson.
    mu, gain, tau, after = 0.8, 2.5, 2.0 / np.log(2.0), 6.5
    journey, policy = broadcasts_with_lift("e", [("2026-01-08", "12:00", gain)])
    event = {"in": "anywhere", "wait": {"exponential": f"{1 / mu}d"}, "half_life": "2d", "effects": [PURCHASE]}
    with_message, without = (
        purchase_counts(simulate_small({**journey, "events": {"e": event}}, policy=of, customers=CUSTOMERS, horizon="10d"))
        for of in (policy, None)
    )
    extra = mu * gain * tau * (1 - np.exp(-after / tau))
    most = with_message.max() + 1
    law = stats.poisson(mu * 10 + extra)
    chances = np.append(law.pmf(np.arange(most)), law.sf(most - 1))
    assert np.all(with_message >= without)
    assert_plausible(mean_p_value(with_message - without, extra), counts_p_value(np.bincount(with_message, minlength=most + 1), chances))


def test_self_exciting_events_follow_a_hawkes_process() -> None:
    # Each event triggers a message that lifts it: intensity mu (1 + sum of gain exp(-age/tau)), branching ratio n = mu gain tau,
    # so the mean intensity is mu / (1 - n) (1 - n exp(-(1 - n) t / tau)): Hawkes (1971), Biometrika 58(1).
    mu, gain, tau, t = 0.25, 0.7, 2.0 / np.log(2.0), 20.0
    n = mu * gain * tau
    journey, _ = broadcasts_with_lift("e", [("", "", gain)])
    event = {"in": "anywhere", "wait": {"exponential": f"{1 / mu}d"}, "half_life": "2d", "effects": [PURCHASE]}
    policy = {"flows": {"echo": {"on": {"event": "e"}, "steps": [{"send": "m0"}]}}}
    counts = purchase_counts(simulate_small({**journey, "events": {"e": event}}, policy=policy, customers=CUSTOMERS, horizon="20d"))
    wanted = mu / (1 - n) * (t - n * tau / (1 - n) * (1 - np.exp(-(1 - n) * t / tau)))
    assert_plausible(mean_p_value(counts, wanted))

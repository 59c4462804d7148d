"""Invitations: which friends join, when, and under which key. Generations are tested in test_branching_process.py.

Error rates: see statistical_checks.py; exact tests say so.
"""

from pathlib import Path
from typing import Any

import numpy as np
from scipy import stats
from statistical_checks import assert_plausible, counts_p_value, share_p_value, simulate_small, time_p_value

from cjsim.kernels.customer.referrals import REFERRED
from cjsim.simulation.run import Run

CUSTOMERS = 20_000
ASKED = 5.0


def referral_journey(*refers: dict[str, Any], **parts: Any) -> dict[str, Any]:
    """A journey in which each customer invites friends five days after entry; the friends' own invitations fall after the horizon."""
    effects = [{"refer": refer} for refer in refers]
    return {"events": {"praise": {"in": "anywhere", "wait": {"fixed": "5d"}, "effects": effects}}, **parts}


def is_referred(run: Run) -> np.ndarray[Any, Any]:
    """Whether each customer has been referred."""
    return np.asarray(run.keys >= REFERRED)


def test_joining_friends_are_binomial_and_follow_the_delay_distribution() -> None:
    refer = {"invites": 3, "joins": 0.2, "delay": {"exponential": "2d"}}
    run = simulate_small(referral_journey(refer), customers=CUSTOMERS, horizon="9d")
    joined = is_referred(run)
    assert not joined[:CUSTOMERS].any()
    assert joined[CUSTOMERS:].all()
    of = run.outcomes.customers
    # Within 4 days of the invitation: friends who join after the horizon are not customers.
    within = stats.expon(scale=2).cdf(4.0)
    law = stats.binom(3, 0.2 * within)
    delays = of["entered"][joined] - ASKED
    assert of["referrals"].sum() == joined.sum()
    assert_plausible(
        counts_p_value(np.bincount(of["referrals"][~joined], minlength=4), law.pmf(np.arange(4))),
        time_p_value(delays, lambda t: stats.expon(scale=2).cdf(t) / within),
    )


def test_log_contains_referrals_that_join_after_the_horizon(tmp_path: Path) -> None:
    # Events before the horizon do not depend on it.
    journey = referral_journey({"joins": 0.5, "delay": {"exponential": "4d"}})
    runs = [simulate_small(journey, customers=500, horizon=f"{days}d", log=tmp_path / f"{days}.parquet") for days in (6, 9)]
    rows = [run.log.query("select customer, time from log where event = 'referral'") for run in runs if run.log is not None]
    np.testing.assert_array_equal(rows[0]["customer"], rows[1]["customer"])
    np.testing.assert_array_equal(rows[0]["time"], rows[1]["time"])
    assert is_referred(runs[0]).sum() < is_referred(runs[1]).sum() < len(rows[0]["customer"])


def test_referrals_in_conditions_count_friends_who_will_join() -> None:
    channel = {"channels": {"mail": {}}, "messages": {"thanks": {"channel": "mail", "open_rate": 0.5}}}
    journey = referral_journey({"invites": 2, "joins": 0.5, "delay": {"fixed": "30d"}}, **channel)
    thank = {"schedule": {"dates": ["2026-01-11"], "at": "12:00"}, "send": "thanks", "if": "referrals == 2"}
    run = simulate_small(journey, policy={"broadcasts": {"b": thank}}, customers=CUSTOMERS, horizon="9d")
    assert len(run) == CUSTOMERS
    assert run.outcomes.customers["referrals"].sum() == 0
    assert_plausible(share_p_value(run.outcomes.customers["contacts"], 0.25))


def test_referred_customer_keys_are_stable_and_unique() -> None:
    # Neither another `refer` before it nor another seed changes a key; the friends who join do depend on the seed.
    one = {"invites": 3, "joins": 0.3, "delay": {"fixed": "1d"}}
    alone = simulate_small(referral_journey(one), customers=3000, horizon="8d", seed=5)
    both = simulate_small(referral_journey(one, {"joins": 1, "delay": {"fixed": "2d"}}), customers=3000, horizon="8d", seed=5)
    other = simulate_small(referral_journey({**one, "joins": 1}), customers=3000, horizon="8d", seed=6)
    found = [set(run.keys[is_referred(run)].tolist()) for run in (alone, both, other)]
    assert found[0] < found[1]
    assert found[0] < found[2]
    assert [len(keys) for keys in found] == [is_referred(run).sum() for run in (alone, both, other)]
    assert len(found[1]) == len(found[0]) + 3000
    assert len(found[2]) == 9000
    personas = [dict(zip(run.keys.tolist(), run.outcomes.customers["entered"], strict=True)) for run in (alone, both)]
    assert all(personas[1][key] == entered for key, entered in personas[0].items())

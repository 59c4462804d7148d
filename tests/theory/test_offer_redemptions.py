"""Offers: which one is redeemed, how often, and its effect on revenue and margin.

Error rates: see statistical_checks.py; exact tests say so.
"""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy import stats
from statistical_checks import assert_plausible, counts_p_value, mean_p_value, simulate_small

from cjsim.kernels.rng import uniforms
from cjsim.simulation.run import Run

CUSTOMERS = 40_000
RATE = 0.4  # purchases per day
MARGIN = 0.35


def shop(value: Any, offers: dict[str, Any], **parts: Any) -> dict[str, Any]:
    """A journey of purchases at RATE, with offers."""
    effects = [{"purchase": {"value": value, "margin": MARGIN}}]
    return {"events": {"order": {"in": "anywhere", "wait": {"exponential": f"{1 / RATE}d"}, "effects": effects}}, "offers": offers, **parts}


def offer_policy(*steps: Any) -> dict[str, Any]:
    """A policy whose flow runs these steps for every customer, starting at entry."""
    return {"flows": {"give": {"on": {"stage": "here"}, "again_after": "never", "steps": list(steps)}}}


@pytest.mark.parametrize(("uses", "redeems"), [(1, 1.0), (3, 0.6), (50, 0.25)])
def test_redemptions_are_thinned_purchases_within_validity_and_uses(uses: int, redeems: float) -> None:
    # Purchases of 8 days, each redeemed with probability q: Poisson(8 RATE q), stopped at `uses`.
    journey = shop(20, {"tenth": {"discount": 0.1, "valid": "8d", "uses": uses, "redeems": redeems}})
    of = simulate_small(
        journey, policy=offer_policy({"wait": "3d"}, {"offer": "tenth"}), customers=CUSTOMERS, horizon="20d"
    ).outcomes.customers
    law = stats.poisson(8 * RATE * redeems)
    most = min(uses, 40)
    chances = np.append(law.pmf(np.arange(most)), law.sf(most - 1))
    np.testing.assert_allclose(of["discounts"], 2.0 * of["redemptions"], rtol=1e-12)
    assert_plausible(counts_p_value(np.bincount(of["redemptions"], minlength=most + 1), chances))


def test_discount_is_a_share_or_an_amount_up_to_the_value() -> None:
    spend = {"exponential": {"mean": 30}}
    found = []
    for offer, mean in (({"discount": 0.25}, 0.25 * 30), ({"amount": 12}, 30 * -np.expm1(-12 / 30)), ({"discount": 1}, 30)):
        journey = shop(spend, {"deal": {**offer, "valid": "5d", "uses": 1000}})
        of = simulate_small(journey, policy=offer_policy({"offer": "deal"}), customers=CUSTOMERS, horizon="5d").outcomes.customers
        np.testing.assert_array_equal(of["redemptions"], of["purchases"])
        # Values are independent of their number: discounts minus `mean` per redemption have mean 0.
        found += [mean_p_value(of["discounts"] - mean * of["redemptions"], 0.0), mean_p_value(of["redemptions"], 5 * RATE)]
        assert np.all(of["revenue"] >= 0)
    assert_plausible(*found)


def test_offer_without_lift_changes_revenue_only_by_discounts(tmp_path: Path) -> None:
    # Cannibalization, exact: the same purchases at the same times with the same seed; revenue and margin fall by the discounts.
    journey = shop({"gamma": {"mean": 30, "shape": 2}}, {"fifth": {"discount": 0.2, "valid": "10d", "uses": 2, "redeems": 0.7}})
    runs = {
        name: simulate_small(journey, policy=policy, customers=2000, horizon="30d", log=tmp_path / f"{name}.parquet", discount_rate=0.0)
        for name, policy in (("with", offer_policy({"wait": "5d"}, {"offer": "fifth"})), ("without", offer_policy({"wait": "5d"})))
    }
    given, plain = (runs[name].outcomes.customers for name in ("with", "without"))
    assert given["redemptions"].sum() > 1000
    np.testing.assert_array_equal(given["purchases"], plain["purchases"])
    np.testing.assert_allclose(given["revenue"], plain["revenue"] - given["discounts"], rtol=1e-12, atol=1e-9)
    np.testing.assert_allclose(given["margin"], plain["margin"] - given["discounts"], rtol=1e-12, atol=1e-9)
    np.testing.assert_allclose(given["clv"], plain["clv"] - given["discounts"], rtol=1e-12, atol=1e-9)
    orders = [rows_of(runs[name], "order") for name in ("with", "without")]
    np.testing.assert_array_equal(orders[0]["time"], orders[1]["time"])
    off = rows_of(runs["with"], "redeemed")
    np.testing.assert_allclose(np.bincount(off["customer"], off["value"], minlength=2000), given["discounts"], rtol=1e-12)
    assert set(off["source"]) == set(rows_of(runs["with"], "offered")["source"]) == {"fifth"}


def rows_of(run: Run, event: str) -> dict[str, np.ndarray[Any, Any]]:
    """Columns of the log's rows of one event."""
    assert run.log is not None
    return run.log.query(f"select customer, time, value, source from log where event = '{event}'")


def days(rows: dict[str, np.ndarray[Any, Any]]) -> np.ndarray[Any, Any]:
    """Times of the rows, in days since the start."""
    return (rows["time"] - np.datetime64("2026-01-05", "ns")) / np.timedelta64(1, "D")


THREE = {
    "share": {"discount": 0.3, "valid": "6d", "uses": 2, "redeems": 0.8},
    "money": {"amount": 9, "valid": "12d", "uses": 3, "at_least": 20},
    "small": {"discount": 0.05, "valid": "20d", "uses": 1000, "redeems": 0.5},
}
VALID = {"share": 6.0, "money": 12.0, "small": 20.0}


def discount_of(name: str, value: float) -> float:
    """The discount of one of THREE."""
    if name == "money":
        return min(9.0, value) if value >= 20 else 0.0
    return value * THREE[name]["discount"]


class WalletOracle:
    """An oracle of one customer's offers: validity, uses, and the draws by name."""

    def __init__(self, customer: int, seed: int) -> None:
        self.customer, self.seed = np.array([customer], np.uint64), seed
        self.held: dict[str, tuple[float, int]] = {}
        self.decided = dict.fromkeys(THREE, 0)

    def give(self, name: str, time: float) -> None:
        self.held[name] = (time + VALID[name], THREE[name]["uses"])

    def buy(self, time: float, value: float) -> tuple[str, float]:
        """The redeemed offer and the discount; empty and 0 without one."""
        valid = [name for name, (until, left) in self.held.items() if time <= until and left > 0]
        name = max(valid, key=lambda name: discount_of(name, value), default="")
        if not name or discount_of(name, value) == 0.0:
            return "", 0.0
        u = uniforms(self.seed, self.customer, f"offer:{name}:redeem", self.decided[name])[0]
        self.decided[name] += 1
        if u >= THREE[name].get("redeems", 1.0):
            return "", 0.0
        until, left = self.held[name]
        self.held[name] = (until, left - 1)
        return name, discount_of(name, value)


def test_the_offer_that_saves_most_is_redeemed(tmp_path: Path) -> None:
    journey = shop({"uniform": {"low": 1, "high": 60}}, THREE)
    steps = [{"offer": "small"}, {"wait": "1d"}, {"offer": "share"}, {"wait": "2d"}, {"offer": "money"}, {"wait": "4d"}, {"offer": "share"}]
    run = simulate_small(journey, policy=offer_policy(*steps), customers=300, horizon="30d", log=tmp_path / "log.parquet", seed=11)
    plain = simulate_small(
        shop({"uniform": {"low": 1, "high": 60}}, THREE), customers=300, horizon="30d", log=tmp_path / "plain.parquet", seed=11
    )
    orders, offered, redeemed = rows_of(plain, "order"), rows_of(run, "offered"), rows_of(run, "redeemed")
    happened = [(c, t, 0, name, 0.0) for c, t, name in zip(offered["customer"], days(offered), offered["source"], strict=True)]
    happened += [(c, t, 1, "", v) for c, t, v in zip(orders["customer"], days(orders), orders["value"], strict=True)]
    wallets = [WalletOracle(customer, 11) for customer in range(300)]
    expected = []
    for customer, time, what, name, value in sorted(happened):
        if what == 0:
            wallets[customer].give(name, time)
        elif (taken := wallets[customer].buy(time, value))[0]:
            expected.append((customer, *taken))
    assert list(zip(redeemed["customer"], redeemed["source"], strict=True)) == [row[:2] for row in expected]
    np.testing.assert_allclose(redeemed["value"], [row[2] for row in expected], rtol=1e-12)
    assert {name for _, name, _ in expected} == set(THREE)


def test_reissued_offer_restarts_and_is_valid_until_its_last_instant() -> None:
    # Orders on days 2, 4, 6, ...; granted on day 1 for 3 days: day 4 is its last instant; granted again on day 4, it is valid until day 7.
    every = {"events": {"order": {"in": "anywhere", "wait": {"fixed": "2d"}, "effects": [{"purchase": {"value": 10}}]}}}
    journey = {**every, "offers": {"half": {"discount": 0.5, "valid": "3d", "uses": 5}}}
    found = []
    for steps in ([{"wait": "1d"}, {"offer": "half"}], [{"wait": "1d"}, {"offer": "half"}, {"wait": "3d"}, {"offer": "half"}]):
        found.append(
            int(simulate_small(journey, policy=offer_policy(*steps), customers=1, horizon="20d").outcomes.customers["redemptions"][0])
        )
    assert found == [2, 3]


def test_offer_effect_applies_only_to_later_purchases() -> None:
    offers = {"free": {"discount": 1, "valid": "1h"}}
    spend, give = {"purchase": {"value": 10}}, {"offer": "free"}
    found = []
    for effects in ([give, spend], [spend, give], [give, spend, spend]):
        journey = {"events": {"order": {"in": "anywhere", "wait": {"fixed": "20d"}, "effects": effects}}, "offers": offers}
        of = simulate_small(journey, customers=1, horizon="30d").outcomes.customers
        found.append((float(of["revenue"][0]), float(of["discounts"][0]), int(of["purchases"][0])))
    assert found == [(0.0, 10.0, 1), (10.0, 0.0, 1), (10.0, 10.0, 2)]

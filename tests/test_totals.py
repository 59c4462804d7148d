"""Customers who bring each other, arrivals, desks: by hand, and intervals against their own law where draws are not one a customer."""

import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from made import CODEBOOK, empty_outcomes, made_run, some_outcomes

from cjsim.engine.census import Census
from cjsim.engine.result import Run
from cjsim.metrics.catalog import measure
from cjsim.metrics.compare import Comparison
from cjsim.metrics.estimate import Terms, estimate, paired
from cjsim.metrics.sample import Pairing, Sample
from cjsim.model.cohort import ARRIVED
from cjsim.model.referrals import REFERRED
from cjsim.model.state import SERVED
from cjsim.model.world import Records

# A test that compares a count of 2,000 draws with its binomial law fails by chance once in a million: 5 standard deviations. Ten do.
DRAWS, SIGMAS = 2000, 5.0
SOLD = replace(CODEBOOK, acquisition=("search", "social", "idle"), desks=("support", "sales"))


def six_customers() -> Run:
    """Two initial ones, two who came by search, one by social, and one whom the third brought, for search; idle ads brought nobody."""
    made = empty_outcomes(6)
    of = made.customers
    of["margin"], of["cost"] = [10, 20, 30, 0, 40, 50], [1, 1, 16, 15, 13, 2]  # 15, 15 and 12 of it are acquisition
    of["clv"] = of["margin"] - of["cost"]
    served = np.zeros((6, 2), SERVED)
    served["asks"][:, 0], served["asks"][:, 1] = [2, 1, 0, 0, 0, 1], [0, 0, 0, 1, 0, 0]
    served["joined"][:, 0] = [0, 0, 0, 0, 0, 3]
    served["replies"][:, 0] = [[1, 1, 0], [0, 0, 1], [0, 0, 0], [0, 0, 0], [0, 0, 0], [1, 0, 0]]
    served["replies"][3, 1] = [0, 1, 0]
    served["waited"][:, 0], served["service"][:, 0] = np.array([6, 0, 0, 0, 0, 3]) / 1440, np.array([10, 0, 0, 0, 0, 2]) / 1440
    served["waited"][3, 1], served["service"][3, 1] = 9 / 1440, 30 / 1440
    keys = np.array([ARRIVED + 1, ARRIVED + 2, ARRIVED + 3, REFERRED + 5], np.uint64)
    census = Census(2, keys, np.array([0, 0, 1, 0], np.int32), np.array([-1, -1, -1, 2]))
    spend = {"search": 30.0, "social": 12.0, "idle": 6.0}
    return made_run(
        made._replace(desks=served),
        codebook=SOLD,
        census=census,
        customers=2,
        spend=spend,
        desk_rates={"support": 0.5, "sales": 2.0},
    )


COUNTED = {
    "customers": (6, 6),
    "referred": (1 / 6, 6),
    "cac": (48 / 4, 4),
    "acquired[search]": (3, 6),
    "acquired[social]": (1, 6),
    "acquired[idle]": (0, 6),
    "acquired_share[search]": (1 / 2, 6),
    "cac[search]": (10, 3),
    "cac[social]": (12, 1),
    "cac[idle]": (None, 0),
    "cost": (54 / 6, 6),
    "clv": (96 / 6, 6),
    "profit": (150 - 54, 6),
    "total_clv": (150 - 54, 6),
    "total_margin": (150, 6),
    "roi": (96 / 54, 6),
    "tickets": (5 / 6, 6),
    "tickets[support]": (4 / 6, 6),
    "tickets[sales]": (1 / 6, 6),
    "asked_again": (3 / 6, 6),
    "sla_kept": (2 / 5, 4),
    "sla_kept[support]": (2 / 4, 3),
    "sla_kept[sales]": (0, 1),
    "abandonment": (1 / 5, 4),
    "abandonment[sales]": (0, 1),
    "wait": (18 / 4, 3),
    "wait[support]": (9 / 3, 2),
    "service": (42 / 6, 6),
    "desk_cost": ((12 * 0.5 + 30 * 2) / 6, 6),
    "desk_cost[support]": (1, 6),
}


@pytest.mark.parametrize("name", COUNTED)
def test_metric_is_what_counting_by_hand_gives(name: str) -> None:
    value, n = COUNTED[name]
    found = measure(six_customers())[name]
    assert found.n == n
    assert math.isnan(found.value) if value is None else found.value == pytest.approx(value)


def test_a_given_number_of_customers_is_known_exactly_and_arrivals_are_poisson() -> None:
    closed = measure(made_run(some_outcomes(40)))["customers"]
    assert (closed.low, closed.high) == (40, 40)
    found = measure(six_customers())["customers"]  # roots that count once, twice (with the friend), once
    assert (found.high - found.value) / 1.959964 == pytest.approx(math.sqrt(1 + 4 + 1))


def test_short_table_has_totals_only_where_the_number_of_customers_is_not_given() -> None:
    closed, grown = made_run(some_outcomes(40)).summary(), six_customers().summary()
    assert "profit" not in closed
    assert {"profit", "customers", "cac", "sla_kept"} <= {line.split()[0] for line in grown.splitlines() if line}


def families(rng: np.random.Generator, roots: int, given: int) -> tuple[Records, Sample]:
    """What each customer is worth, where friends are like who brought them; 1 on average, and 3 friends."""
    friends = rng.poisson(3, roots)
    root = np.concatenate([np.arange(roots), np.repeat(np.arange(roots), friends)])
    taste = rng.gamma(1, 1, roots)
    worth = taste[root] + rng.normal(0, 0.5, len(root))
    return worth, Sample(roots, given, root, None)


def terms_of(worth: Records, law: str) -> tuple[Terms, float]:
    """Terms and their true ratio, with 200 roots on average and 300 spent on them."""
    ones = np.ones(len(worth), bool)
    if law == "total":
        return Terms(worth, ones, summed=True), 800.0
    if law == "mean":
        return Terms(worth, ones), 1.0
    if law == "gain":
        return Terms(worth, ones, np.full(len(worth), 300 / len(worth)), above=-1.0), 1 - 300 / 800
    return Terms(worth, np.abs(worth) * 0 + 1.0, np.full(len(worth), 300 / len(worth)), above=-1.0, below=1.0), (800 - 300) / (800 + 300)


@pytest.mark.parametrize("arrivals", [False, True])
@pytest.mark.parametrize("law", ["total", "mean", "gain", "return"])
def test_intervals_cover_the_truth_95_times_in_100_where_customers_bring_each_other(law: str, arrivals: bool) -> None:
    assert abs(coverage(law, arrivals=arrivals) - 0.95 * DRAWS) < SIGMAS * math.sqrt(DRAWS * 0.95 * 0.05)


def test_intervals_that_took_friends_for_strangers_would_not_cover() -> None:
    assert coverage("mean", arrivals=False, strangers=True) < 0.8 * DRAWS


def coverage(law: str, *, arrivals: bool, strangers: bool = False) -> int:
    rng = np.random.default_rng(29)
    covered = 0
    for _ in range(DRAWS):
        roots = int(rng.poisson(200)) if arrivals else 200
        worth, sample = families(rng, roots, 0 if arrivals else roots)
        terms, truth = terms_of(worth, law)
        found = estimate(terms, "money", None if strangers else sample)
        covered += found.low <= truth <= found.high
    return covered


@pytest.mark.parametrize("law", ["total", "mean"])
def test_paired_intervals_cover_where_more_customers_come(law: str) -> None:
    # The first of the alternative's arrivals are those of the baseline; 200 instead of 150 come, and each is worth 1.3 instead of 1.
    rng, covered = np.random.default_rng(31), 0
    for _ in range(DRAWS):
        first = int(rng.poisson(150))
        count = first + int(rng.poisson(50))
        taste, keys = rng.gamma(2, 0.5, count), np.arange(count, dtype=np.uint64)
        worth = (taste[:first] + rng.normal(0, 0.3, first), 1.3 * taste + rng.normal(0, 0.3, count))
        samples = [Sample(n, 0, None, keys[:n]) for n in (first, count)]
        terms = [Terms(y, np.ones(len(y), bool), summed=law == "total") for y in worth]
        found = paired(*terms, Pairing.of(*samples))
        covered += found.low <= (200 * 1.3 - 150 if law == "total" else 0.3) <= found.high
    assert abs(covered - 0.95 * DRAWS) < SIGMAS * math.sqrt(DRAWS * 0.95 * 0.05)


def grown(values: list[float], keys: list[int], parents: list[int] | None = None, **changed: Any) -> Run:
    """One initial customer and those of these keys, with what each is worth."""
    made = empty_outcomes(len(values))
    made.customers["margin"] = made.customers["clv"] = values
    later = np.array(keys, np.uint64)
    census = Census(1, later, np.zeros(len(keys), np.int32), np.array(parents or [-1] * len(keys), np.int64))
    sold, spend = replace(SOLD, desks=()), dict.fromkeys(SOLD.acquisition, 0.0)
    return made_run(made, codebook=sold, census=census, customers=1, spend=spend, **changed)


def test_customers_are_paired_by_key_and_who_did_not_come_adds_nothing() -> None:
    base = grown([5, 1, 2, 4], [ARRIVED + 1, ARRIVED + 2, REFERRED + 1], [-1, -1, 1])
    more = grown([5, 1, 7, 2, 4, 3], [ARRIVED + 1, ARRIVED + 9, ARRIVED + 2, REFERRED + 1, REFERRED + 8], [-1, -1, -1, 1, 2])
    pair = Comparison.of({"today": replace(base, codebook=CODEBOOK), "more": replace(more, codebook=CODEBOOK)})
    assert pair.effects("more", "profit").tolist() == [0, 0, 0, 0, 7, 3]
    found = pair.alternatives["more"]["profit"]
    assert (found.baseline, found.value, found.effect) == (12, 22, 10)
    assert (found.high - found.effect) / 1.959964 == pytest.approx(10)  # one arrival, with its friend, makes all the difference
    assert pair.effects("more", "clv").mean() == pytest.approx(pair.alternatives["more"]["clv"].effect)
    assert "4 who entered under today, 6 otherwise" in pair.summary()
    assert "4 customers (1 at first, 2 acquired, 1 referred), 365 days" in base.summary()


def test_friends_whom_one_policy_alone_brings_are_told_of_beside_customers_who_are_all_initial() -> None:
    friends = Census(4, np.array([REFERRED + 5], np.uint64), np.array([-1], np.int32), np.array([2]))
    base, more = made_run(some_outcomes(4), customers=4), made_run(some_outcomes(5), customers=4, census=friends)
    for pair in (Comparison.of({"a": base, "b": more}), Comparison.of({"a": more, "b": base})):
        found = pair.effects("b", "revenue")
        assert len(found) == 5 and found.mean() == pytest.approx(pair.alternatives["b"]["revenue"].effect)


def test_a_customers_own_profit_bears_what_was_spent_on_it() -> None:
    dearer = replace(six_customers().provenance, spend={"search": 60.0, "social": 12.0, "idle": 6.0})
    base, more = six_customers(), replace(six_customers(), provenance=dearer)
    more.outcomes.customers["cost"][2:4] += 15
    pair = Comparison.of({"a": base, "b": more})
    assert pair.effects("b", "profit").tolist() == pytest.approx([0, 0, -15, -15, 0, 0])
    assert pair.alternatives["b"]["profit"].effect == pytest.approx(-30)
    assert pair.effects("b", "cost").mean() == pytest.approx(pair.alternatives["b"]["cost"].effect) == pytest.approx(5)


def test_the_same_arrivals_differ_by_exactly_nothing() -> None:
    run = six_customers()
    found = Comparison.of({"a": run, "b": run}).alternatives["b"]
    defined = [effect for effect in found.values() if not math.isnan(effect.effect)]
    assert len(defined) > 30
    assert all((effect.effect, effect.low, effect.high) == (0, 0, 0) for effect in defined)

"""Metrics of populations with arrivals, referrals and desks: manual values, and coverage of intervals with dependent customers."""

import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from synthetic_runs import CODEBOOK, empty_outcomes, random_outcomes, run_from_outcomes

from cjsim.compiler.cohorts import ARRIVED
from cjsim.compiler.wages import Wages
from cjsim.engine.population_registry import PopulationRegistry
from cjsim.kernels.customer.referrals import REFERRED
from cjsim.kernels.state import DESK_OUTCOME
from cjsim.kernels.world import Array
from cjsim.metrics.catalog import estimate_all_metrics
from cjsim.metrics.cluster_sample import ClusterSample
from cjsim.metrics.confidence_intervals import estimate_metric
from cjsim.metrics.customer_pairing import CustomerPairing
from cjsim.metrics.paired_differences import paired_difference
from cjsim.metrics.ratios import RatioTerms
from cjsim.simulation.comparison import Comparison
from cjsim.simulation.run import Run

# A test that compares a count of 2,000 draws with its binomial law fails by chance once in a million (5 standard deviations).
DRAWS, SIGMAS = 2000, 5.0
ACQUISITION_CODEBOOK = replace(CODEBOOK, acquisition=("search", "social", "idle"), desks=("support", "sales"))


def six_customers() -> Run:
    """Two initial customers, two arrivals through search, one through social, and one referred by the third; idle ads had no arrivals."""
    made = empty_outcomes(6)
    of = made.customers
    of["margin"], of["cost"] = [10, 20, 30, 0, 40, 50], [1, 1, 16, 15, 13, 2]  # 15, 15 and 12 of it are acquisition
    of["clv"] = of["margin"] - of["cost"]
    served = np.zeros((6, 2), DESK_OUTCOME)
    served["asks"][:, 0], served["asks"][:, 1] = [2, 1, 0, 0, 0, 1], [0, 0, 0, 1, 0, 0]
    served["joined"][:, 0] = [0, 0, 0, 0, 0, 3]
    served["replies"][:, 0] = [[1, 1, 0], [0, 0, 1], [0, 0, 0], [0, 0, 0], [0, 0, 0], [1, 0, 0]]
    served["replies"][3, 1] = [0, 1, 0]
    served["out_of_hours"][0, 0] = served["outside_closed"][0, 0] = 1
    served["waited"][:, 0], served["service"][:, 0] = np.array([6, 0, 0, 0, 0, 3]) / 1440, np.array([10, 0, 0, 0, 0, 2]) / 1440
    served["waited"][3, 1], served["service"][3, 1] = 9 / 1440, 30 / 1440
    keys = np.array([ARRIVED + 1, ARRIVED + 2, ARRIVED + 3, REFERRED + 5], np.uint64)
    registry = PopulationRegistry(2, keys, np.array([0, 0, 1, 0], np.int32), np.array([-1, -1, -1, 2]))
    spend = {"search": 30.0, "social": 12.0, "idle": 6.0}
    return run_from_outcomes(
        made._replace(desks=served),
        codebook=ACQUISITION_CODEBOOK,
        registry=registry,
        customers=2,
        spend=spend,
        wages={"support": Wages(0.0, 0.0, 0.5), "sales": Wages(0.0, 0.0, 0.25)},
        desk_rates={"support": 0.5, "sales": 2.0},
    )


MANUAL_TOTALS = {
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
    "tickets": (5 / 6, 6),
    "tickets[support]": (4 / 6, 6),
    "tickets[sales]": (1 / 6, 6),
    "asked_again": (3 / 6, 6),
    "sla_kept": (2 / 5, 4),
    "sla_kept[support]": (2 / 4, 3),
    "sla_kept[sales]": (0, 1),
    "out_of_hours": (1 / 5, 4),
    "out_of_hours[support]": (1 / 4, 3),
    "abandonment": (1 / 4, 4),
    "utilisation": (42 / 1440 / 0.75, 6),
    "utilisation[support]": (12 / 1440 / 0.5, 6),
    "abandonment[sales]": (0, 1),
    "wait": (18 / 4, 3),
    "wait[support]": (9 / 3, 2),
    "service": (42 / 6, 6),
    "desk_cost": ((12 * 0.5 + 30 * 2) / 6, 6),
    "desk_cost[support]": (1, 6),
}


@pytest.mark.parametrize("name", MANUAL_TOTALS)
def test_population_metric_matches_a_manual_count(name: str) -> None:
    value, n = MANUAL_TOTALS[name]
    found = estimate_all_metrics(six_customers())[name]
    assert found.n == n
    assert math.isnan(found.value) if value is None else found.value == pytest.approx(value)


def customers_with_a_base() -> Run:
    """An existing customer, a friend who joined them before day 0, an arrival, and a friend who joined after; all through search."""
    made = empty_outcomes(4)
    made.customers["entered"] = [-90, -30, 10, 20]
    made.moments[:, 1] = [5, 6, 14, 22]
    keys = np.array([ARRIVED + 1, REFERRED + 1, REFERRED + 2], np.uint64)
    registry = PopulationRegistry(0, keys, np.array([0, 0, 0], np.int32), np.array([-1, 0, 1]), n_existing=1)
    changes: dict[str, Any] = {"registry": registry, "customers": 0, "existing": 1, "spend": {"search": 30.0}}
    order = [0, 2, 1, 3]  # arrivals are numbered before referred customers
    made = made._replace(customers=made.customers[order], moments=made.moments[order])
    return run_from_outcomes(made, codebook=replace(CODEBOOK, acquisition=("search",), has_existing=True), **changes)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("cac", 30 / 2),
        ("cac[search]", 30 / 2),
        ("acquired[search]", 2),
        ("acquired_share[search]", 2 / 4),
        ("referred", 1 / 4),
        ("time_to_first_value", (4 + 2) / 2),
    ],
)
def test_friends_who_joined_before_day_0_are_not_new_customers(name: str, value: float) -> None:
    assert estimate_all_metrics(customers_with_a_base())[name].value == pytest.approx(value)


def test_fixed_customer_count_is_exact_and_arrivals_are_poisson() -> None:
    closed = estimate_all_metrics(run_from_outcomes(random_outcomes(40)))["customers"]
    assert (closed.low, closed.high) == (40, 40)
    found = estimate_all_metrics(six_customers())["customers"]  # roots with 1, 2 (including the friend) and 1 customers
    assert (found.high - found.value) / 1.959964 == pytest.approx(math.sqrt(1 + 4 + 1))


def test_short_table_shows_totals_only_for_open_populations() -> None:
    closed, grown = run_from_outcomes(random_outcomes(40)).summary(), six_customers().summary()
    assert "profit" not in closed
    assert {"profit", "customers", "cac", "sla_kept"} <= {line.split()[0] for line in grown.splitlines() if line}


def clustered_worth(rng: np.random.Generator, roots: int, given: int) -> tuple[Array, ClusterSample]:
    """Values of customers, correlated between referrers and friends; the mean is 1, and the mean number of friends is 3."""
    friends = rng.poisson(3, roots)
    root = np.concatenate([np.arange(roots), np.repeat(np.arange(roots), friends)])
    taste = rng.gamma(1, 1, roots)
    worth = taste[root] + rng.normal(0, 0.5, len(root))
    return worth, ClusterSample(roots, given, root, None)


def terms_of(worth: Array, law: str) -> tuple[RatioTerms, float]:
    """Terms and their true ratio, with 200 roots on average and a spend of 300 on them."""
    ones = np.ones(len(worth), bool)
    if law == "total":
        return RatioTerms(worth, ones, is_total=True), 800.0
    if law == "mean":
        return RatioTerms(worth, ones), 1.0
    if law == "gain":
        return RatioTerms(worth, ones, np.full(len(worth), 300 / len(worth)), numerator_cost_weight=-1.0), 1 - 300 / 800
    return RatioTerms(
        worth, np.abs(worth) * 0 + 1.0, np.full(len(worth), 300 / len(worth)), numerator_cost_weight=-1.0, denominator_cost_weight=1.0
    ), (800 - 300) / (800 + 300)


@pytest.mark.parametrize("arrivals", [False, True])
@pytest.mark.parametrize("law", ["total", "mean", "gain", "return"])
def test_intervals_have_95_percent_coverage_with_referrals(law: str, arrivals: bool) -> None:
    assert abs(interval_coverage(law, arrivals=arrivals) - 0.95 * DRAWS) < SIGMAS * math.sqrt(DRAWS * 0.95 * 0.05)


def test_intervals_that_ignore_referral_clusters_undercover() -> None:
    assert interval_coverage("mean", arrivals=False, ignores_clusters=True) < 0.8 * DRAWS


def interval_coverage(law: str, *, arrivals: bool, ignores_clusters: bool = False) -> int:
    rng = np.random.default_rng(29)
    covered = 0
    for _ in range(DRAWS):
        roots = int(rng.poisson(200)) if arrivals else 200
        worth, sample = clustered_worth(rng, roots, 0 if arrivals else roots)
        terms, truth = terms_of(worth, law)
        found = estimate_metric(terms, "money", None if ignores_clusters else sample)
        covered += found.low <= truth <= found.high
    return covered


@pytest.mark.parametrize("law", ["total", "mean"])
def test_paired_intervals_cover_if_more_customers_arrive(law: str) -> None:
    # The first arrivals of the alternative are those of the baseline. There are 200 instead of 150, each with a value of 1.3 instead of 1.
    rng, covered = np.random.default_rng(31), 0
    for _ in range(DRAWS):
        first = int(rng.poisson(150))
        count = first + int(rng.poisson(50))
        taste, keys = rng.gamma(2, 0.5, count), np.arange(count, dtype=np.uint64)
        worth = (taste[:first] + rng.normal(0, 0.3, first), 1.3 * taste + rng.normal(0, 0.3, count))
        samples = [ClusterSample(n, 0, None, keys[:n]) for n in (first, count)]
        terms = [RatioTerms(y, np.ones(len(y), bool), is_total=law == "total") for y in worth]
        found = paired_difference(*terms, CustomerPairing.match_by_key(*samples))
        covered += found.low <= (200 * 1.3 - 150 if law == "total" else 0.3) <= found.high
    assert abs(covered - 0.95 * DRAWS) < SIGMAS * math.sqrt(DRAWS * 0.95 * 0.05)


def run_with_keys(values: list[float], keys: list[int], parents: list[int] | None = None, **changed: Any) -> Run:
    """One initial customer and the customers with these keys, with their values."""
    made = empty_outcomes(len(values))
    made.customers["margin"] = made.customers["clv"] = values
    later = np.array(keys, np.uint64)
    registry = PopulationRegistry(1, later, np.zeros(len(keys), np.int32), np.array(parents or [-1] * len(keys), np.int64))
    sold, spend = replace(ACQUISITION_CODEBOOK, desks=()), dict.fromkeys(ACQUISITION_CODEBOOK.acquisition, 0.0)
    return run_from_outcomes(made, codebook=sold, registry=registry, customers=1, spend=spend, **changed)


def test_customers_are_paired_by_key_and_missing_ones_count_as_zero() -> None:
    base = run_with_keys([5, 1, 2, 4], [ARRIVED + 1, ARRIVED + 2, REFERRED + 1], [-1, -1, 1])
    more = run_with_keys([5, 1, 7, 2, 4, 3], [ARRIVED + 1, ARRIVED + 9, ARRIVED + 2, REFERRED + 1, REFERRED + 8], [-1, -1, -1, 1, 2])
    pair = Comparison.of({"today": replace(base, codebook=CODEBOOK), "more": replace(more, codebook=CODEBOOK)})
    assert pair.effects("more", "profit")["effect"].tolist() == [0, 0, 0, 0, 7, 3]
    found = pair.alternatives["more"]["profit"]
    assert (found.baseline, found.value, found.effect) == (12, 22, 10)
    assert (found.high - found.effect) / 1.959964 == pytest.approx(10)  # the whole difference is one arrival and a referred friend
    assert pair.effects("more", "clv")["effect"].mean() == pytest.approx(pair.alternatives["more"]["clv"].effect)
    assert "4 customers who entered under today, 6 under the alternative" in pair.summary()
    assert "4 customers (1 initial, 2 acquired, 1 referred), 365 days" in base.summary()


def test_caption_counts_the_customers_of_alternatives_in_their_order() -> None:
    runs = {str(n): run_with_keys([1.0] * (n + 1), list(range(ARRIVED + 1, ARRIVED + 1 + n))) for n in (2, 5, 3)}
    runs |= {"again": runs["5"]}
    pair = Comparison.of({name: replace(run, codebook=CODEBOOK) for name, run in runs.items()})
    assert "3 customers who entered under 2, 6 and 4 and 6 under the alternatives" in pair.summary()


def test_referrals_under_only_one_policy_are_reported() -> None:
    friends = PopulationRegistry(4, np.array([REFERRED + 5], np.uint64), np.array([-1], np.int32), np.array([2]))
    base, more = run_from_outcomes(random_outcomes(4), customers=4), run_from_outcomes(random_outcomes(5), customers=4, registry=friends)
    for pair in (Comparison.of({"a": base, "b": more}), Comparison.of({"a": more, "b": base})):
        found = pair.effects("b", "revenue")["effect"]
        assert len(found) == 5 and found.mean() == pytest.approx(pair.alternatives["b"]["revenue"].effect)


def test_customer_profit_includes_its_acquisition_cost() -> None:
    dearer = replace(six_customers().provenance, spend={"search": 60.0, "social": 12.0, "idle": 6.0})
    base, more = six_customers(), replace(six_customers(), provenance=dearer)
    more.outcomes.customers["cost"][2:4] += 15
    pair = Comparison.of({"a": base, "b": more})
    assert pair.effects("b", "profit")["effect"].tolist() == pytest.approx([0, 0, -15, -15, 0, 0])
    assert pair.alternatives["b"]["profit"].effect == pytest.approx(-30)
    assert pair.effects("b", "cost")["effect"].mean() == pytest.approx(pair.alternatives["b"]["cost"].effect) == pytest.approx(5)


def test_identical_arrivals_have_zero_effects() -> None:
    run = six_customers()
    found = Comparison.of({"a": run, "b": run}).alternatives["b"]
    defined = [effect for effect in found.values() if not math.isnan(effect.effect)]
    assert len(defined) > 30
    assert all((effect.effect, effect.low, effect.high) == (0, 0, 0) for effect in defined)

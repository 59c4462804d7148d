"""Metric values against manual counts; intervals against their coverage, the bootstrap and Wilson's formula."""

import math
import re

import numpy as np
import pytest
from synthetic_runs import CODEBOOK, empty_outcomes, random_outcomes, run_from_outcomes

from cjsim.errors import InputError
from cjsim.kernels.codes import UNOBSERVED, TouchCode
from cjsim.metrics.catalog import all_metric_definitions, estimate_all_metrics, find_metric_definition
from cjsim.metrics.confidence_intervals import estimate_metric
from cjsim.metrics.number_format import decimal_places, estimate_decimals, format_interval, format_value
from cjsim.metrics.ratios import SHARE_UNIT, RatioTerms, influence, ratio
from cjsim.simulation.run import Run

# A test that compares a count of 2,000 draws with its binomial law fails by chance once in 100,000 (4.42 standard deviations).
DRAWS, SIGMAS = 2000, 4.42


def four_customers() -> Run:
    """Two buyers, one customer who only reads, and one who never entered and must not count in any metric."""
    made = empty_outcomes(4)
    of, email, sms = made.customers, 0, 1
    of["entered"] = [0, 10, 0, 400]
    of["purchases"], of["revenue"] = [3, 1, 0, 9], [60, 20, 0, 900]
    of["margin"], of["cost"], of["clv"] = [30, 10, 0, 450], [2, 1, 1, 50], [28, 9, -1, 400]
    of["satisfaction"], of["pressure"] = [1, 0.5, 0.75, 0], [2, 0, 1, 9]
    of["contacts"], of["opens"], of["opt_outs"] = [4, 2, 2, 9], [2, 1, 0, 9], [1, 0, 1, 9]
    of["message_cost"] = [1, 2, 0, 9]
    of["stage"] = [2, 2, 0, 1]
    of["redemptions"], of["discounts"], of["referrals"], of["collisions"] = [2, 0, 0, 9], [6, 0, 0, 90], [1, 0, 2, 9], [0, 1, 0, 9]
    made.moments[:, 0] = [5, 20, np.nan, 1]
    made.moments[:, 1] = [7, 30, np.nan, 1]
    of["retained"] = [[1, 1, 0, UNOBSERVED], [1, 0, 0, UNOBSERVED], [UNOBSERVED] * 4, [1] * 4]
    made.dwell[:] = [[5, 360, 0], [100, 200, 0], [365, 0, 0], [0, 100, 0]]
    made.touch_counts[:, email, TouchCode.DELIVERED], made.touch_counts[:, sms, TouchCode.DELIVERED] = [3, 2, 1, 9], [1, 0, 1, 0]
    made.touch_counts[:, email, TouchCode.OPENED], made.touch_counts[:, sms, TouchCode.OPENED] = [1, 1, 0, 9], [1, 0, 0, 0]
    made.touch_counts[:, email, TouchCode.CLICKED] = [1, 0, 0, 9]
    made.touch_counts[:, email, TouchCode.UNSUBSCRIBED] = [1, 0, 0, 9]
    made.touch_counts[:, sms, TouchCode.COMPLAINED] = [0, 0, 1, 9]
    made.touch_counts[:, email, TouchCode.DEFERRED] = [2, 1, 0, 9]
    made.touch_counts[:, email, TouchCode.SUPPRESSED_CAP], made.touch_counts[:, sms, TouchCode.SUPPRESSED_CAP] = [4, 0, 0, 9], [0, 2, 0, 0]
    made.touch_counts[:, sms, TouchCode.SUPPRESSED_CONSENT] = [0, 0, 3, 9]
    made.touch_counts[:, sms, TouchCode.PLACED] = [0, 6, 0, 9]
    made.touch_counts[:, email, TouchCode.OPTED_IN], made.touch_counts[:, sms, TouchCode.OPTED_IN] = [1, 0, 0, 9], [0, 0, 1, 9]
    return run_from_outcomes(made)


MANUAL_COUNTS = {
    "conversion": (2 / 3, 3),
    "retention_30d": (1, 2),
    "retention_90d": (1 / 2, 2),
    "retention_180d": (0, 2),
    "retention_365d": (None, 0),
    "churn": (1, 2),
    "purchases": (4 / 3, 3),
    "repeat_purchase_rate": (1 / 2, 2),
    "revenue": (80 / 3, 3),
    "margin": (40 / 3, 3),
    "cost": (4 / 3, 3),
    "clv": (12, 3),
    "message_cost": (1, 3),
    "platform_cost": (0, 3),
    "creative_cost": (0, 3),
    "setup_cost": (0, 3),
    "customers": (3, 3),
    "total_revenue": (80, 3),
    "total_margin": (40, 3),
    "profit": (36, 3),
    "total_clv": (36, 3),
    "redemptions": (2 / 3, 3),
    "discounts": (2, 3),
    "offer_share": (2 / 4, 2),
    "referrals": (1, 3),
    "referred": (0, 3),
    "entered": (3 / 4, 4),
    "satisfaction": (0.75, 3),
    "activation": (2 / 3, 3),
    "time_to_first_value": ((7 + 20) / 2, 2),
    "reached[first_value]": (2 / 3, 3),
    "stage_reached[prospect]": (1, 3),
    "stage_reached[active]": (2 / 3, 3),
    "stage_reached[lapsed]": (2 / 3, 3),
    "stage_days[prospect]": (470 / 3, 3),
    "stage_days[active]": (560 / 3, 3),
    "stage_days[lapsed]": (0, 3),
    "contacts": (8 / 3, 3),
    "contacts[email]": (2, 3),
    "contacts[sms]": (2 / 3, 3),
    "pressure": (1, 3),
    "open_rate": (3 / 8, 3),
    "open_rate[email]": (2 / 6, 3),
    "open_rate[sms]": (1 / 2, 2),
    "click_rate": (1 / 3, 2),
    "click_rate[email]": (1 / 2, 2),
    "click_rate[sms]": (0, 1),
    "unsubscribe_rate": (1 / 8, 3),
    "unsubscribe_rate[email]": (1 / 6, 3),
    "unsubscribe_rate[sms]": (0, 2),
    "complaint_rate": (1 / 8, 3),
    "complaint_rate[email]": (0, 3),
    "complaint_rate[sms]": (1 / 2, 2),
    "opt_outs": (2 / 3, 3),
    "opt_ins": (2 / 3, 3),
    "deferred": (1, 3),
    "placed": (2, 3),
    "collisions": (1 / 3, 3),
    "suppressed[blackout]": (0, 3),
    "suppressed[blackout, email]": (0, 3),
    "suppressed[blackout, sms]": (0, 3),
    "suppressed[consent]": (1, 3),
    "suppressed[consent, email]": (0, 3),
    "suppressed[consent, sms]": (1, 3),
    "suppressed[cap]": (2, 3),
    "suppressed[cap, email]": (4 / 3, 3),
    "suppressed[cap, sms]": (2 / 3, 3),
} | {f"suppressed[{reason}{where}]": (0, 3) for reason in ("holdout", "exit", "gap", "budget") for where in ("", ", email", ", sms")}


def test_every_metric_has_a_manual_value() -> None:
    assert set(all_metric_definitions(CODEBOOK)) == set(MANUAL_COUNTS)


@pytest.mark.parametrize("name", MANUAL_COUNTS)
def test_metric_matches_a_manual_count(name: str) -> None:
    value, n = MANUAL_COUNTS[name]
    found = estimate_all_metrics(four_customers())[name]
    assert found.n == n
    assert math.isnan(found.value) if value is None else found.value == pytest.approx(value)
    assert math.isnan(found.low) if value is None else found.low <= found.value <= found.high


def test_without_a_retained_stage_retention_and_churn_are_undefined() -> None:
    found = estimate_all_metrics(run_from_outcomes(random_outcomes(50), retained=()))
    assert [math.isnan(found[name].value) for name in ("retention_30d", "churn", "conversion")] == [True, True, False]


def test_shares_stay_in_the_unit_interval() -> None:
    found = estimate_all_metrics(run_from_outcomes(random_outcomes(40)))
    shares = [metric for metric in found.values() if metric.unit == SHARE_UNIT and metric.n]
    assert len(shares) > 15
    assert all(0 <= metric.low <= metric.value <= metric.high <= 1 for metric in shares)


def test_share_of_single_trials_has_a_wilson_interval() -> None:
    # 10 of 40: Wilson (1927) by hand, with z = 1.96.
    found = estimate_metric(RatioTerms(np.repeat([1.0, 0.0], [10, 30]), np.ones(40, bool)), SHARE_UNIT)
    assert (found.low, found.high) == pytest.approx((0.14187, 0.40194), abs=1e-4)


def test_zero_share_has_a_positive_width_interval() -> None:
    found = estimate_metric(RatioTerms(np.zeros(100), np.ones(100, bool)), SHARE_UNIT)
    assert (found.value, found.low) == (0, 0)
    assert found.high == pytest.approx(0.0370, abs=1e-4)


def test_correlated_trials_widen_the_interval_of_a_share() -> None:
    rng = np.random.default_rng(3)
    chances = rng.beta(0.5, 0.5, 500)
    together = RatioTerms(10.0 * (rng.random(500) < chances), np.full(500, 10.0))
    alone = RatioTerms(rng.binomial(10, 0.5, 500).astype(float), np.full(500, 10.0))
    width = [metric.high - metric.low for metric in (estimate_metric(together, SHARE_UNIT), estimate_metric(alone, SHARE_UNIT))]
    assert width[0] == pytest.approx(width[1] * math.sqrt(10), rel=0.15)


def test_one_customer_gives_a_value_and_no_interval() -> None:
    found = estimate_metric(RatioTerms(np.array([3.0]), np.array([True])), "money")
    assert found.value == 3
    assert math.isnan(found.low)


def test_influence_values_sum_to_zero() -> None:
    rng = np.random.default_rng(1)
    terms = RatioTerms(rng.gamma(2, 1, 1000), rng.poisson(3, 1000))
    assert influence(terms).sum() == pytest.approx(0, abs=1e-12)


def test_delta_method_agrees_with_the_bootstrap() -> None:
    # 2,000 resamples estimate a standard error to within 1.6 %. A tolerance of 8 % is 5 standard deviations and fails once in a million.
    rng = np.random.default_rng(5)
    delivered = rng.poisson(6, 1500)
    opened = rng.binomial(delivered, rng.beta(1, 3, 1500)).astype(float)
    half = (estimate_metric(RatioTerms(opened, delivered), "ratio").high - ratio(RatioTerms(opened, delivered))) / 1.96
    picks = rng.integers(0, 1500, (2000, 1500))
    resampled = opened[picks].sum(axis=1) / delivered[picks].sum(axis=1)
    assert half == pytest.approx(resampled.std(), rel=0.08)


@pytest.mark.parametrize("law", ["share", "mean", "ratio", "rate"])
def test_intervals_cover_the_truth_95_times_in_100(law: str) -> None:
    rng = np.random.default_rng(11)
    covered = 0
    for _ in range(DRAWS):
        terms, truth, unit = drawn(rng, law)
        found = estimate_metric(terms, unit)
        covered += found.low <= truth <= found.high
    assert abs(covered - 0.95 * DRAWS) < SIGMAS * math.sqrt(DRAWS * 0.95 * 0.05)


def drawn(rng: np.random.Generator, law: str, n: int = 600) -> tuple[RatioTerms, float, str]:
    """Terms of customers drawn from a distribution, the true ratio, and its unit."""
    ones, delivered = np.ones(n, bool), rng.poisson(4, n)
    if law == "share":
        return RatioTerms((rng.random(n) < 0.05).astype(float), ones), 0.05, SHARE_UNIT
    if law == "mean":
        return RatioTerms(rng.gamma(2, 10, n), ones), 20.0, "money"
    if law == "ratio":
        return RatioTerms(delivered * rng.gamma(2, 1, n), delivered), 2.0, "ratio"
    return RatioTerms(rng.binomial(delivered, rng.beta(2, 6, n)).astype(float), delivered), 0.25, SHARE_UNIT


def test_an_unknown_metric_is_rejected() -> None:
    with pytest.raises(InputError, match=r"metric: must be one of .*got 'retention90'\. Did you mean 'retention_90d'\?"):
        find_metric_definition(run_from_outcomes(random_outcomes(10)), "retention90")


def test_measurement_uses_little_memory_per_customer() -> None:
    import tracemalloc

    n = 200_000
    run = run_from_outcomes(random_outcomes(n))
    tracemalloc.start()
    estimate_all_metrics(run)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak / n < 45


@pytest.mark.parametrize(
    ("value", "unit", "sign", "text"),
    [
        (0.12345, "share", False, "12.35 %"),
        (0.00012, "share", False, "0.012 %"),
        (0.0, "share", True, "0.00 pp"),
        (-0.01, "share", True, "-1.00 pp"),
        (1234.5, "money", False, "1,234.50"),
        (0.04567, "money", True, "+0.046"),
        (0.0, "money", True, "0.00"),
        (12.34, "days", False, "12.3"),
        (0.5, "0 to 1", False, "0.500"),
        (math.nan, "money", False, "-"),
    ],
)
def test_numbers_are_rounded_by_unit(value: float, unit: str, sign: bool, text: str) -> None:
    assert format_value(value, unit, decimal_places(unit, [value]), is_difference=sign) == text


@pytest.mark.parametrize(
    ("unit", "estimate", "text"),
    [
        ("share", (0.42, 0.3661, 0.4768), "42.0 % [36.6, 47.7]"),  # two digits of the half-width, which is 5.5 points
        ("share", (0.5, 0.09, 0.91), "50 % [9, 91]"),
        ("share", (0.00016, 0.00006, 0.00042), "0.016 % [0.006, 0.042]"),  # two digits of the largest number
        ("money", (71.6, 47.77, 95.44), "72 [48, 95]"),
        ("money", (24.123, 24.0, 24.246), "24.12 [24.00, 24.25]"),  # no more than cents
        ("money", (21481.4, 14330.9, 28631.9), "21,481 [14,331, 28,632]"),  # totals without cents
        ("EUR", (21481.4, 21480.9, 21481.9), "21,481 [21,481, 21,482]"),
        ("days", (117.1, 100.1, 134.0), "117 [100, 134]"),
        ("minutes", (3.214, 3.111, 3.317), "3.21 [3.11, 3.32]"),
        ("ratio", (1845.03, 1212.15, 2477.9), "1,845 [1,212, 2,478]"),
        ("0 to 1", (0.52, 0.513, 0.527), "0.520 [0.513, 0.527]"),
        ("sends", (1.0, 0.02, 1.98), "1.00 [0.02, 1.98]"),  # an end does not round to 0
        ("money", (24.1, 24.1, 24.1), "24.10 [24.10, 24.10]"),  # no interval
        ("money", (24.1, math.nan, math.nan), "24.10"),
        ("customers", (300.0, 300.0, 300.0), "300 [300, 300]"),
    ],
)
def test_numbers_have_the_digits_that_their_interval_supports(unit: str, estimate: tuple[float, float, float], text: str) -> None:
    value, low, high = estimate
    decimals = estimate_decimals(unit, estimate)
    shown = f"{format_value(value, unit, decimals)} {format_interval(low, high, unit, decimals, is_beside_value=True)}"
    assert shown.rstrip() == text


def test_zero_after_rounding_has_no_sign() -> None:
    assert (format_value(-0.001, "money", 2, is_difference=True), format_value(0.001, "money", 2, is_difference=True)) == ("0.00", "0.00")


def rows_of(table: str) -> dict[str, str]:
    return {line.split()[0]: line for line in table.splitlines() if line.strip()}


def test_table_omits_constant_metrics_with_a_note() -> None:
    made = random_outcomes(300)
    made.customers["satisfaction"] = 0.7
    run = run_from_outcomes(made)
    rows = rows_of(run.summary())
    assert not {"satisfaction", "pressure", "opt_outs", "suppressed[gap]", "profit", "customers"} & set(rows)
    assert {"suppressed[cap]", "clv", "contacts", "click_rate"} <= set(rows)
    assert not {"unsubscribe_rate", "referred"} & set(rows)
    shown = [name for name in run.metrics if name in rows]
    assert f"{len(run.metrics) - len(shown)} metrics are hidden" in run.summary()
    assert set(run.metrics) <= set(re.findall(r"^([a-z_0-9]+(?:\[[^]]*\])?)", run.summary(full=True), re.MULTILINE))
    assert "not shown" not in run.summary(full=True)


def test_level_that_varies_is_shown() -> None:
    assert "satisfaction" in rows_of(run_from_outcomes(random_outcomes(300)).summary())


def test_ratios_over_selected_customers_are_marked() -> None:
    text = run_from_outcomes(random_outcomes(300)).summary()
    marked = {line.split()[0] for line in text.splitlines() if line.split()[1:2] == ["^"]}
    assert {"retention_30d", "churn", "repeat_purchase_rate", "click_rate", "time_to_first_value"} <= marked
    assert not {"conversion", "clv", "contacts", "activation"} & marked
    assert "^ computed only over converters, buyers, recipients or openers; which customers these are can differ between policies." in text

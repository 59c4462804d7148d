"""A comparison begins with its answer: which policy is better, by how much, and what that costs elsewhere."""

import math
from dataclasses import replace

import pytest

from cjsim.metrics.paired_differences import PairedDifference
from cjsim.metrics.ratios import MetricDefinition
from cjsim.metrics.replicated_estimates import student_quantile
from cjsim.metrics.text_table import align_columns, wrap_lines
from cjsim.simulation.comparison_answer import ComparedMetrics, answer_text
from cjsim.simulation.detectable_change import DetectableChange, NeededCustomers

DEFINITIONS = {
    name: MetricDefinition(name, unit, title, terms=lambda run: run, better=better, has_selected_denominator=selected)  # type: ignore[arg-type, return-value]
    for name, unit, title, better, selected in (
        ("clv", "money", "value per customer", "higher", False),
        ("revenue", "money", "revenue per customer", "higher", False),
        ("opt_outs", "opt-outs", "opt-outs per customer", "lower", False),
        ("satisfaction", "0 to 1", "satisfaction at the horizon", "higher", False),
        ("contacts", "contacts", "contacts per customer", "neither", False),
        ("open_rate", "share", "opens per delivered message", "higher", True),
        ("profit", "money", "profit of all customers", "higher", False),
        ("customers", "customers", "customers who entered", "higher", False),
    )
}


def difference(baseline: float, effect: float, half: float) -> PairedDifference:
    return PairedDifference(baseline, baseline + effect, effect, effect - half, effect + half, 10.0)


def answer(
    *, has_new_customers: bool = False, detection: DetectableChange | None = None, **alternatives: dict[str, PairedDifference]
) -> str:
    compared = ComparedMetrics("today", alternatives, DEFINITIONS, 365.0, 1000, has_new_customers)
    return answer_text(compared, detection=detection)


BETTER = {"clv": difference(20, 1.0, 0.2), "opt_outs": difference(0.2, 0.05, 0.01), "satisfaction": difference(0.5, -0.005, 0.001)}


def test_a_gain_is_named_with_its_interval_and_its_largest_price() -> None:
    assert answer(better=BETTER) == (
        "better raises CLV by 1.00 [0.80, 1.20] per customer (+5.0 %) in 365 days, but opt-outs rise by 0.050 [0.040, 0.060] per customer "
        "(+25 %)."
    )


def test_a_loss_is_named_with_what_it_brings() -> None:
    effects = {"clv": difference(20, -1.0, 0.2), "opt_outs": difference(0.2, -0.05, 0.01)}
    assert answer(worse=effects) == (
        "worse lowers CLV by 1.00 [0.80, 1.20] per customer (-5.0 %) in 365 days, while opt-outs fall by 0.050 [0.040, 0.060] per customer "
        "(-25 %)."
    )


@pytest.mark.parametrize(
    ("metric", "effect"),
    [
        ("revenue", difference(50, -5, 1)),  # a part of CLV
        ("contacts", difference(10, 5, 1)),  # neither better nor worse
        ("open_rate", difference(0.4, -0.2, 0.01)),  # other customers are in the denominator
        ("satisfaction", difference(0.5, -0.1, 0.2)),  # not clear
        ("satisfaction", difference(0.5, 0.1, 0.02)),  # good as well
    ],
)
def test_no_price_is_named_where_there_is_none(metric: str, effect: PairedDifference) -> None:
    assert answer(better={"clv": difference(20, 1.0, 0.2), metric: effect}) == (
        "better raises CLV by 1.00 [0.80, 1.20] per customer (+5.0 %) in 365 days."
    )


def test_of_several_alternatives_the_best_is_named() -> None:
    found = answer(worse={"clv": difference(20, -1, 0.2)}, better=BETTER, good={"clv": difference(20, 0.5, 0.2)})
    assert found.startswith("Of 3 alternatives, better does best: it raises CLV by 1.00 ")


def test_an_undecided_comparison_states_what_more_customers_would_show() -> None:
    assert answer(better={"clv": difference(20, 0.1, 0.4)}) == (
        "There is no clear difference in CLV from today: +0.10 [-0.30, +0.50] per customer (+0.50 %) in 365 days. With more customers the "
        "interval would be narrower (2,000 customers: \N{PLUS-MINUS SIGN}0.28; 4,000 customers: \N{PLUS-MINUS SIGN}0.20; 10,000 customers: "
        "\N{PLUS-MINUS SIGN}0.13)."
    )


def test_an_undecided_comparison_with_replications_states_what_more_of_them_would_show() -> None:
    alternatives = {"better": {"clv": difference(20, 0.1, 2.365)}}  # s / sqrt(8) is 1
    found = answer_text(ComparedMetrics("today", alternatives, DEFINITIONS, 365.0, 1000, False, replications=8))
    widths = [student_quantile(8 * times) / math.sqrt(times) for times in (2, 4, 10)]
    assert found.endswith(
        "With more replications the interval would be narrower "
        f"(16 replications: \N{PLUS-MINUS SIGN}{widths[0]:.2f}; 32 replications: \N{PLUS-MINUS SIGN}{widths[1]:.2f};"
        f" 80 replications: \N{PLUS-MINUS SIGN}{widths[2]:.2f})."
    )


def test_clv_of_the_first_year_counts_for_a_year_from_entry() -> None:
    definition = {"clv_365d": MetricDefinition("clv_365d", "money", "per customer", terms=lambda run: run, better="higher")}
    compared = ComparedMetrics(
        "today", {"better": {"clv_365d": difference(20, 1.0, 0.2)}}, definition, 730.0, 1000, False, value_days=1095.0
    )
    found = answer_text(compared, objective="clv_365d")
    assert found == "better raises CLV of the first year by 1.00 [0.80, 1.20] per customer (+5.0 %) in the 365 days after entry."


def test_equal_policies_are_called_equal() -> None:
    assert answer(same={"clv": difference(20, 0, 0)}).startswith("same has the same CLV as today for every customer.")


def test_an_undefined_objective_is_no_answer() -> None:
    assert answer(other={"clv": difference(20, math.nan, 1)}) == "CLV is undefined here, so no policy can be called better."


def test_where_customers_can_be_acquired_total_profit_is_shown_with_the_mean() -> None:
    effects = {"clv": difference(20, -1, 0.2), "customers": difference(1000, 100, 10), "profit": difference(20000, 900, 200)}
    assert "With 100 more customers, total profit rises by 900 [700, 1,100] (+4.5 %)." in answer(has_new_customers=True, more=effects)


def test_one_more_customer_is_in_the_singular() -> None:
    effects = {"clv": difference(20, -1, 0.2), "customers": difference(1000, 1, 0.5), "profit": difference(20000, 900, 200)}
    assert "; 1 more customer joins." in answer(has_new_customers=True, more=effects)


@pytest.mark.parametrize("clv", [1.0, -1.0])  # a rise, and a fall of 5 % that 0.2 % more customers cannot account for
def test_profit_is_not_attributed_to_growth_that_cannot_account_for_the_mean(clv: float) -> None:
    effects = {"clv": difference(20, clv, 0.2), "customers": difference(1000, 2, 0.5), "profit": difference(20000, 900, 200)}
    found = answer(has_new_customers=True, more=effects)
    assert found.endswith("Total profit rises by 900 [700, 1,100] (+4.5 %); 2 more customers join.")


def test_answer_says_if_a_difference_in_profit_is_not_clear() -> None:
    effects = {"clv": difference(20, 1, 0.2), "customers": difference(1000, -2, 0.5), "profit": difference(20000, 90, 200)}
    found = answer(has_new_customers=True, more=effects)
    assert found.endswith("There is no clear difference in total profit: +90 [-110, +290] (+0.45 %); 2 fewer customers join.")


def test_both_numbers_of_customers_are_stated() -> None:
    detection = DetectableChange("clv", 0.01, 0.42, NeededCustomers(1850, 1500, 2210), NeededCustomers(60100, 52000, 71000), 1000)
    assert answer(better={"clv": difference(42, 1.0, 0.4)}, detection=detection).endswith(
        "To detect a change in CLV of 1 % (0.42): about 1,900 (1,500 to 2,300) simulated customers, paired as here, or about 61,000 (52,000"
        " to 71,000) customers per group of a real A/B test (80 % power, 5 % two-sided; the closed form that rehearse uses)."
    )


def test_a_number_that_is_not_known_is_not_stated() -> None:
    unknown = NeededCustomers(math.nan, math.nan, math.nan)
    detection = DetectableChange("clv", 0.01, 0.42, unknown, unknown, 200)
    found = answer(better={"clv": difference(42, 1.0, 0.4)}, detection=detection)
    assert found.endswith("(0.42) cannot be estimated: too few of the 200 simulated customers differ.")


def test_metrics_that_are_better_when_lower_are_judged_so() -> None:
    lower = {**DEFINITIONS, "clv": replace(DEFINITIONS["clv"], better="lower")}
    alternatives = {"a": {"clv": difference(20, 1, 0.2)}, "b": {"clv": difference(20, -1, 0.2)}}
    compared = ComparedMetrics("today", alternatives, lower, 365.0, 1000, False)
    assert answer_text(compared).startswith("Of 2 alternatives, b does best: it lowers CLV by 1.00 ")


HEADER = ("metric", "a policy with a long name", "effect", "pairing", "")
ROWS = [("clv", "20.00", "+1.00", "x10.0", "discounted margin minus all costs per customer, from entry to the horizon")] * 2


@pytest.mark.parametrize("width", [60, 80, 100, 120, 160])
def test_tables_fit_the_width(width: int) -> None:
    assert max(map(len, align_columns(HEADER, ROWS, width=width, optional=["pairing"]).splitlines())) <= width


def test_a_wide_table_breaks_no_words() -> None:
    assert align_columns(HEADER, ROWS, width=200).splitlines()[2].split() == " ".join(ROWS[0]).split()


def test_a_narrow_table_leaves_out_the_optional_column() -> None:
    assert "x10.0" not in align_columns(HEADER, ROWS, width=30, optional=["pairing"])


def test_lines_are_wrapped_at_words() -> None:
    assert wrap_lines("one two three\n  four five six", width=10) == "one two\n  three\n  four\n    five\n    six"


def test_a_change_of_a_share_to_detect_is_in_percentage_points() -> None:
    shares = {"clv": replace(DEFINITIONS["clv"], unit="share")}
    compared = ComparedMetrics("today", {"better": {"clv": difference(0.64, 0.1, 0.02)}}, shares, 365.0, 1000, False)
    detection = DetectableChange("clv", 0.005, 0.0032, NeededCustomers(50, 40, 60), NeededCustomers(500, 400, 600), 1000)
    assert "To detect a change in CLV of 0.5 % (0.32 pp): " in answer_text(compared, detection=detection)


def test_a_path_that_is_wider_than_its_column_is_broken_at_its_keys() -> None:
    table = align_columns(["metric", "policy.guardrails.caps[0].at_most=1", ""], [["clv", "20.9", "money"]], width=40)
    assert [line.split() for line in table.splitlines()[:2]] == [["metric", "policy.guardrails."], ["caps[0].at_most=1"]]


def test_a_table_without_rows_has_its_named_columns() -> None:
    assert align_columns(["metric", "effect", ""], [], width=40).splitlines()[0] == "metric  effect"

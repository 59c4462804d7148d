"""Comparisons are paired on the same customers, exactly 0 if nothing differs, and rejected if the customers differ."""

import json
import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import ROOT
from synthetic_runs import CODEBOOK, random_outcomes, run_from_outcomes

from cjsim.errors import InputError
from cjsim.kernels.world import Array
from cjsim.metrics.paired_differences import paired_difference
from cjsim.metrics.ratios import RatioTerms, ratio
from cjsim.simulation.compare_scenarios import compare
from cjsim.simulation.comparison import Comparison
from cjsim.simulation.comparison_figure import PairedRuns, comparison_figure_data
from cjsim.simulation.comparison_summary import compared_metrics
from cjsim.simulation.documents import Scenario

DRAWS, SIGMAS = 2000, 4.42  # fails by chance once in 100,000


def shifted_comparison(n: int = 500, shift: float = 1.0, **changed: Any) -> Comparison:
    return Comparison.of(
        {"today": run_from_outcomes(random_outcomes(n)), "less mail": run_from_outcomes(random_outcomes(n, shift=shift), **changed)}
    )


def test_equal_runs_have_zero_effects() -> None:
    found = shifted_comparison(shift=0.0).alternatives["less mail"]
    defined = [effect for effect in found.values() if not math.isnan(effect.effect)]
    assert len(defined) > 30
    assert all((effect.effect, effect.low, effect.high) == (0, 0, 0) for effect in defined)
    assert all(math.isnan(effect.variance_ratio) for effect in found.values())


def test_equal_runs_have_zero_effects_for_every_customer() -> None:
    same = shifted_comparison(shift=0.0)
    assert not any(same.effects("less mail", metric)["effect"].any() for metric in ("clv", "click_rate", "open_rate", "retention_30d"))


def test_effect_of_a_mean_is_the_mean_customer_difference() -> None:
    pair = shifted_comparison()
    own = pair.effects("less mail", "revenue")["effect"]
    assert np.array_equal(own, pair.runs["less mail"].outcomes.customers["revenue"] - pair.runs["today"].outcomes.customers["revenue"])
    found = pair.alternatives["less mail"]["revenue"]
    assert found.effect == pytest.approx(own.mean())
    half = 1.959964 * own.std(ddof=1) / math.sqrt(len(own))
    assert (found.low, found.high) == pytest.approx((own.mean() - half, own.mean() + half))


def test_contributions_to_a_ratio_average_to_its_effect() -> None:
    pair = shifted_comparison()
    assert pair.effects("less mail", "open_rate")["effect"].mean() == pytest.approx(pair.alternatives["less mail"]["open_rate"].effect)


def test_variance_ratio_measures_the_gain_from_pairing() -> None:
    rng = np.random.default_rng(2)
    common, ones = rng.normal(0, 3, 100_000), np.ones(100_000, bool)
    found = paired_difference(RatioTerms(common + rng.normal(0, 1, 100_000), ones), RatioTerms(common + rng.normal(0.5, 1, 100_000), ones))
    # The variance of each run is 10, that of the difference 2. 100,000 customers estimate the ratio to 0.6 %, so 5 % fails once in 10**14.
    assert found.variance_ratio == pytest.approx(10, rel=0.05)
    assert found.is_significant


def test_constant_difference_has_a_zero_width_interval() -> None:
    y, ones = np.array([1.0, 2.0, 3.0]), np.ones(3, bool)
    found = paired_difference(RatioTerms(y, ones), RatioTerms(y + 0.5, ones))
    assert (found.effect, found.low, found.high) == (0.5, 0.5, 0.5)
    assert math.isnan(found.variance_ratio)


def test_effect_is_undefined_if_one_metric_is_undefined() -> None:
    none, everyone = np.zeros(3, bool), np.ones(3, bool)
    found = paired_difference(RatioTerms(np.zeros(3), none), RatioTerms(np.ones(3), everyone))
    assert math.isnan(found.baseline)
    assert found.value == 1
    assert math.isnan(found.effect)
    assert not found.is_significant


@pytest.mark.parametrize("law", ["mean", "ratio"])
def test_paired_intervals_cover_the_truth_95_times_in_100(law: str) -> None:
    rng = np.random.default_rng(23)
    covered = 0
    for _ in range(DRAWS):
        before, after, truth = drawn_pair(rng, law)
        found = paired_difference(before, after)
        covered += found.low <= truth <= found.high
    assert abs(covered - 0.95 * DRAWS) < SIGMAS * math.sqrt(DRAWS * 0.95 * 0.05)


def drawn_pair(rng: np.random.Generator, law: str, n: int = 600) -> tuple[RatioTerms, RatioTerms, float]:
    """Terms before and after with a shared customer effect, and the true difference between their ratios."""
    taste: Array = rng.gamma(4, 0.25, n)
    if law == "mean":
        ones = np.ones(n, bool)
        return RatioTerms(taste + rng.normal(0, 1, n), ones), RatioTerms(1.2 * taste + rng.normal(0, 1, n), ones), 0.2
    first, second = rng.poisson(5, n), rng.poisson(3, n)
    return RatioTerms(first * taste, first), RatioTerms(second * taste * 1.1, second), 0.1


def test_ratio_intervals_agree_with_the_bootstrap() -> None:
    # 2,000 resamples estimate a standard error to within 1.6 %. A tolerance of 8 % is 5 standard deviations and fails once in a million.
    rng = np.random.default_rng(6)
    before, after, _ = drawn_pair(rng, "ratio", 1500)
    found = paired_difference(before, after)
    differences = []
    for _ in range(2000):
        pick = rng.integers(0, 1500, 1500)
        differences.append(ratio(terms_at(after, pick)) - ratio(terms_at(before, pick)))
    assert (found.high - found.effect) / 1.96 == pytest.approx(np.std(differences), rel=0.08)


def terms_at(terms: RatioTerms, rows: Array) -> RatioTerms:
    return RatioTerms(terms.numerator[rows], terms.denominator[rows])


def test_json_has_the_declared_shape() -> None:
    content = json.loads(json.dumps(shifted_comparison().to_json(), allow_nan=False))
    assert set(content) == {"baseline", "answer", "alternatives"}
    assert content["baseline"] == "today"
    assert set(content["alternatives"]) == {"less mail"}
    metrics = content["alternatives"]["less mail"]["metrics"]
    assert all(set(found) == {"baseline", "value", "effect", "low", "high", "variance_ratio", "relative"} for found in metrics.values())
    assert metrics["revenue"]["effect"] == pytest.approx(metrics["revenue"]["value"] - metrics["revenue"]["baseline"])
    assert metrics["revenue"]["relative"] == pytest.approx(metrics["revenue"]["effect"] / metrics["revenue"]["baseline"])
    assert metrics["purchases"]["variance_ratio"] is None


def test_table_names_both_runs_and_marks_clear_effects() -> None:
    lines = str(shifted_comparison()).splitlines()
    header = next(i for i, line in enumerate(lines) if line.startswith("metric"))
    assert lines[header].split()[:3] == ["metric", "today", "less"]
    rows = {line.split()[0]: line for line in lines[header + 2 :] if line.strip()}
    assert " * " in rows["revenue"]
    assert "identical" in rows["contacts"]
    assert "365 days, 500 customers, seed 7, n = 500 customers who entered; 95 % intervals, paired on the same customers." in str(
        shifted_comparison()
    )
    assert rows["revenue"].endswith("revenue per customer")
    assert "suppressed[cap, email]" not in str(shifted_comparison())
    assert "suppressed[cap, email]" in shifted_comparison().summary(full=True)


def test_table_omits_constant_metrics_with_a_note() -> None:
    pair = shifted_comparison()
    rows = {line.split()[0]: line for line in str(pair).splitlines() if line.strip()}
    assert not {"pressure", "deferred", "opt_outs", "suppressed[gap]", "profit", "customers"} & set(rows)
    assert {"clv", "contacts", "satisfaction", "break_even_cost"} <= set(rows)
    assert rows["retention_90d"].split()[1] == "^"
    shown = sum(name in rows for name in pair.alternatives["less mail"])
    assert f"{len(pair.alternatives['less mail']) - shown} metrics are hidden" in str(pair)
    assert "not shown" not in pair.summary(full=True)


def test_constant_metric_changed_by_a_policy_is_shown() -> None:
    fixed = [random_outcomes(50), random_outcomes(50)]
    for made, value in zip(fixed, (1, 0), strict=True):
        made.customers["opt_outs"] = value
    rows = {
        line.split()[0]: line
        for line in str(Comparison.of(dict(zip("ab", map(run_from_outcomes, fixed), strict=True)))).splitlines()
        if line
    }
    assert rows["opt_outs"].split()[1:4] == ["1.00", "0.00", "-1.00"]


def test_only_equal_values_are_marked_identical() -> None:
    dearer = random_outcomes(50)
    dearer.customers["cost"] += 0.125
    table = str(Comparison.of({"a": run_from_outcomes(random_outcomes(50)), "b": run_from_outcomes(dearer)}))
    rows = {line.split()[0]: line for line in table.splitlines() if line.strip()}
    assert "identical" not in rows["cost"]
    assert "[+0.12, +0.12]" in rows["cost"]


def test_frame_has_a_row_for_each_alternative_and_metric() -> None:
    base = run_from_outcomes(random_outcomes(50))
    frame = Comparison.of({"a": base, "b": base, "c": base}).to_pandas()
    assert frame.loc[("c", "clv"), "effect"] == 0
    assert list(frame.index.get_level_values("alternative").unique()) == ["b", "c"]


def test_metrics_of_a_channel_missing_in_one_run_are_omitted() -> None:
    made = random_outcomes(50)
    base = run_from_outcomes(made._replace(touch_counts=made.touch_counts[:, :1]), codebook=replace(CODEBOOK, channels=("email",)))
    found = Comparison.of({"a": base, "b": run_from_outcomes(made)}).alternatives["b"]
    assert "contacts[email]" in found
    assert "contacts[sms]" not in found


def test_figure_tells_better_from_worse() -> None:
    pair = shifted_comparison()
    compared = compared_metrics(pair.runs["today"], "today", pair.alternatives)
    data = comparison_figure_data(PairedRuns(pair.runs["today"], compared)).set_index("metric")
    assert (data.loc["revenue", "verdict"], data.loc["contacts", "verdict"]) == ("better", "no clear difference")
    effect = pair.alternatives["less mail"]["revenue"]
    assert data.loc["revenue", "low"] == pytest.approx(100 * effect.low / effect.baseline)


def test_figure_leaves_out_counts_that_more_than_double() -> None:
    before, after = random_outcomes(200), random_outcomes(200)
    after.customers["purchases"] = 3 * before.customers["purchases"]
    after.customers["contacts"] = 3 * before.customers["contacts"]
    pair = Comparison.of({"today": run_from_outcomes(before), "more": run_from_outcomes(after)})
    compared = compared_metrics(pair.runs["today"], "today", pair.alternatives)
    drawn = comparison_figure_data(PairedRuns(pair.runs["today"], compared))["metric"].tolist()
    assert pair.alternatives["more"]["contacts"].relative == pair.alternatives["more"]["purchases"].relative == pytest.approx(2)
    assert "contacts" not in drawn
    assert "purchases" in drawn


def test_saving_draws_the_figure(tmp_path: Path) -> None:
    assert (shifted_comparison(n=50).save(tmp_path) / "comparison.png").stat().st_size > 10_000


def test_save_then_load_gives_the_same_comparison(tmp_path: Path) -> None:
    pair = shifted_comparison()
    again = Comparison.load(pair.save(tmp_path / "pair"))
    assert again.to_json() == pair.to_json()
    assert list(again.runs) == ["today", "less mail"]


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"seed": 8}, r"'less mail': must have the same seed as 'today' \(7\), got 8\."),
        ({"horizon": 90.0}, r"'less mail': must have the same horizon as 'today' \(365\.0\), got 90\.0\."),
        ({"start": "2027-01-01"}, r"'less mail': must have the same start as 'today' \(2026-01-15\), got '2027-01-01'\."),
    ],
)
def test_runs_with_different_customers_or_horizons_are_rejected(changed: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        shifted_comparison(**changed)


def test_single_run_is_rejected() -> None:
    with pytest.raises(InputError, match="must have a baseline and at least one alternative, got 1"):
        Comparison.of({"today": run_from_outcomes(random_outcomes(5))})


TINY = Scenario.load(ROOT / "tests" / "worlds" / "tiny.yaml")


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (
            [TINY, TINY],
            r"compare: must be different scenarios, each with its own name, got 'tiny' twice\. Pass a mapping of names to scenarios",
        ),
        ({"a": TINY, "b": 7}, r"'b': must be a Scenario, the path of its file or a name in the library, got int\."),
        (TINY, "must have a baseline and at least one alternative, got 1"),
        ({"a": TINY}, "must have a baseline and at least one alternative, got 1"),
        (
            {"a": TINY, "b": TINY.with_values({"entry.over": "5d"})},
            r"'b': must have the same entry as 'a' \(0 days\), got '5 days'\. Use the same entry for both",
        ),
    ],
)
def test_incomparable_scenarios_are_rejected_before_simulation(given: Any, message: str) -> None:
    with pytest.raises(InputError, match=message):
        compare(given)


def test_runs_in_a_list_are_rejected() -> None:
    run = run_from_outcomes(random_outcomes(5))
    with pytest.raises(InputError, match="must be given a mapping of names to Runs, got list"):
        Comparison.of([run, run])  # type: ignore[arg-type]


def test_an_unknown_alternative_is_rejected() -> None:
    with pytest.raises(InputError, match=r"alternative: must be one of 'less mail', got 'lessmail'\. Did you mean 'less mail'\?"):
        shifted_comparison(n=20).effects("lessmail", "clv")


def test_a_folder_without_a_comparison_is_rejected(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="must be the folder of a saved comparison"):
        Comparison.load(tmp_path)

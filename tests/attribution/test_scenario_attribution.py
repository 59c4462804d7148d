"""Credit beside the truth, on worlds whose truth is known."""

import json
import math
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from output_files import unnamed_files
from scipy import stats
from typer.testing import CliRunner

import cjsim as cj
from cjsim.attribution.attribution_figure import ATTRIBUTION_FIGURE, attribution_figure_data
from cjsim.attribution.claims import jackknife_ratio, trial_claim
from cjsim.attribution.credit_rules import LastTouch, Linear
from cjsim.cli import app
from cjsim.errors import InputError
from cjsim.simulation.documents import Scenario


def world(**settings: Any) -> dict[str, Any]:
    """Two broadcasts: 'useful' makes customers order sooner, 'useless' does nothing."""
    schedule = {"weekdays": ["monday", "thursday"], "at": "10:00"}
    journey = {
        "name": "j",
        "starts_in": "here",
        "stages": {"here": {}},
        "channels": {"mail": {"cost": 0.1}, "text": {"cost": 0.2}},
        "events": {
            "order": {"in": ["here"], "wait": {"exponential": "20d"}, "half_life": "1d", "effects": [{"purchase": {"value": 10}}]},
        },
        "messages": {
            "useful": {"channel": "mail", "open_rate": 0.5, "lift": {"opened": {"order": 4.0}}},
            "useless": {"channel": "text", "open_rate": 0.5},
        },
    }
    broadcasts = {name: {"schedule": schedule, "send": name} for name in ("useful", "useless")}
    policy = {"name": "p", "broadcasts": broadcasts}
    return {"name": "w", "start": "2026-01-05", "horizon": "56d", "customers": 1500, "journey": journey, "policy": policy, **settings}


# Customers differ in size, so without pairing the intervals of ratios would be far too wide.
DIFFERENT_SIZES: dict[str, Any] = {
    "journey.traits": {"size": {"lognormal": {"median": 1, "sigma": 0.7}}},
    "journey.events.order.effects[0].purchase.times": ["size"],
}


@pytest.fixture(scope="module")
def found() -> cj.Attribution:
    return cj.attribution(Scenario.from_dict(world()), seed=1)


def of(found: cj.Attribution, name: str) -> Any:
    return next(one for one in found.touchpoints if str(one.touchpoint) == name)


def test_touchpoint_without_effect_has_credit_but_no_incremental_effect(found: cj.Attribution) -> None:
    useless = of(found, "message useless")
    assert useless.incremental["purchases"] == (0.0, 0.0, 0.0)
    assert useless.credits["last"]["purchases"] > 500


def test_cost_of_a_touchpoint_is_its_deliveries_times_their_cost(found: cj.Attribution) -> None:
    assert of(found, "message useless").incremental["cost"].value == pytest.approx(1500 * 16 * 0.2)


def test_incremental_effect_is_that_of_compare(found: cj.Attribution) -> None:
    scenario = Scenario.from_dict(world())
    without = scenario.with_values({"policy": {**world()["policy"], "broadcasts": {"useless": world()["policy"]["broadcasts"]["useless"]}}})
    effect = cj.compare({"without": without, "with": scenario}, seed=1).alternatives["with"]["total_revenue"]
    assert of(found, "broadcast useful").incremental["revenue"] == pytest.approx((effect.effect, effect.low, effect.high))


def test_channel_flow_and_message_with_the_same_sends_agree(found: cj.Attribution) -> None:
    results = [of(found, name) for name in ("channel mail", "broadcast useful", "message useful")]
    assert results[0].incremental == results[1].incremental == results[2].incremental
    assert results[0].credits == results[1].credits == results[2].credits


@pytest.mark.parametrize("rule", ["first", "last", "linear", "time_decay", "markov", "shapley", "shapley_rate"])
def test_credits_of_messages_sum_to_the_touched_revenue(found: cj.Attribution, rule: str) -> None:
    credited = sum(one.credits[rule]["revenue"] for one in found.touchpoints if one.touchpoint.kind == "message")
    assert credited == pytest.approx(found.touched["revenue"])
    assert found.touched["revenue"] < found.totals["revenue"]


def test_ratio_is_credit_over_incremental_effect(found: cj.Attribution) -> None:
    useful = of(found, "message useful")
    ratio = useful.ratios["last"]["revenue"]
    assert ratio.value == pytest.approx(useful.credits["last"]["revenue"] / useful.incremental["revenue"].value)
    assert ratio.low < ratio.value < ratio.high


def test_ratio_to_no_effect_is_undefined(found: cj.Attribution) -> None:
    assert math.isnan(of(found, "message useless").ratios["last"]["revenue"].value)


def test_longer_window_credits_more_purchases() -> None:
    scenario, rules = Scenario.from_dict(world(customers=300)), (LastTouch(), Linear())
    totals = [
        cj.attribution(
            scenario, only=["channel mail"], before_after=False, settings=cj.CreditSettings(window_days=days, rules=rules)
        ).touched["purchases"]
        for days in (1.0, 30.0)
    ]
    assert totals[0] < totals[1]


def test_before_after_of_a_useless_touchpoint_claims_a_trend() -> None:
    # Customers enter over four weeks, so the second half has more revenue than the first, with or without the touchpoint.
    found = cj.attribution(Scenario.from_dict(world(customers=400, entry={"over": "28d"})), only=["message useless"])
    change = found.touchpoints[0].before_after["revenue"]
    assert change.effect == (0.0, 0.0, 0.0)
    assert change.claim > 1000


def test_before_after_counts_equal_windows_around_the_day(found: cj.Attribution) -> None:
    assert {one.before_after["purchases"].day for one in found.touchpoints} == {28}


def test_claims_of_an_ab_test_agree_with_simulated_tests() -> None:
    # 200,000 tests: standard errors are 0.001 (power), 0.004 (exaggeration), 0.0004 (sign error); the bounds are 4 of them.
    rng = np.random.default_rng(1)
    without = rng.exponential(10, 5000)
    claim = trial_claim(without + 0.4, without, size=1000)
    error = math.sqrt(2 * without.var() / 500)
    estimates = rng.normal(0.4, error, 200_000)
    significant = np.abs(estimates) > 1.959964 * error
    assert claim.power == pytest.approx(significant.mean(), abs=0.004)
    assert claim.exaggeration == pytest.approx(np.abs(estimates[significant]).mean() / 0.4, abs=0.03)
    assert claim.sign_error == pytest.approx((estimates[significant] < 0).mean(), abs=0.008)
    assert np.mean((5000 * estimates > claim.low) & (5000 * estimates < claim.high)) == pytest.approx(0.95, abs=0.002)


def delete_one_replicates(parts: np.ndarray) -> np.ndarray:
    """The total, then the total without each part, scaled up to all parts."""
    n = len(parts)
    return np.array([parts.sum(), *(np.delete(parts, i).sum() * n / (n - 1) for i in range(n))])


def p_value_of_ratio(ratio: float, numerators: np.ndarray, denominators: np.ndarray) -> float:
    """Test of the hypothesis that the ratio of the means is this one, by Student's t-test."""
    return float(stats.ttest_1samp(numerators - ratio * denominators, 0.0).pvalue)


def test_ends_of_a_jackknife_interval_have_a_p_value_of_5_percent() -> None:
    # Fieller's interval of a ratio of totals contains the ratios that Student's t-test of `numerator - ratio * denominator` keeps.
    rng = np.random.default_rng(2)
    denominators = rng.normal(1.0, 1.0, 20)
    numerators = 2 * denominators + rng.normal(1.0, 1.0, 20)
    interval = jackknife_ratio(delete_one_replicates(numerators), delete_one_replicates(denominators))
    found = [p_value_of_ratio(end, numerators, denominators) for end in (interval.low, interval.high)]
    assert found == pytest.approx([0.05, 0.05], rel=1e-9)


def test_jackknife_ratio_covers_the_true_ratio() -> None:
    # The tests are exact for normal parts: 95 % of 4,000 intervals, with an error of 0.34 %. Beyond 3 errors: 1 of 370 seeds.
    rng = np.random.default_rng(2)
    denominators = rng.normal(1.0, 1.0, (4000, 20))
    numerators = 2 * denominators + rng.normal(1.0, 1.0, (4000, 20))
    intervals = [jackknife_ratio(*map(delete_one_replicates, parts)) for parts in zip(numerators, denominators, strict=True)]
    assert np.mean([one.low <= 3.0 <= one.high for one in intervals]) == pytest.approx(0.95, abs=0.0103)


def sums_by_group(run: cj.Run, values: np.ndarray) -> np.ndarray:
    """Sums over the 20 groups of customers of the jackknife."""
    groups = run.keys % np.uint64(20)
    return np.array([values[groups == group].sum() for group in range(20)])


@pytest.mark.parametrize("measure", ["purchases", "revenue"])
def test_ends_of_ratio_intervals_have_a_p_value_of_5_percent(measure: str, tmp_path: Path) -> None:
    # Last-touch credit and incremental effect of each group of customers, from the log and the runs, without the attribution package.
    scenario = Scenario.from_dict(world(customers=300)).with_values(DIFFERENT_SIZES)
    ratio = of(cj.attribution(scenario, seed=3, only=["message useful"], before_after=False), "message useful").ratios["last"][measure]
    run = cj.simulate(scenario, seed=3, log=tmp_path / "log.parquet")
    without = cj.simulate(scenario.with_values({"journey.messages.useful.lift": {}}), seed=3)
    assert run.log is not None
    credit = np.zeros(300)
    for customer, rows in run.log.to_pandas().sort_values("time", kind="stable").groupby("customer"):
        opens = rows[rows["event"] == "opened"]
        for order in rows[(rows["event"] == "order") & (rows["value"] > 0)].itertuples():
            window = opens[(opens["time"] <= order.time) & (opens["time"] >= order.time - np.timedelta64(7, "D"))]
            if len(window) and window["message"].iloc[-1] == "useful":
                credit[customer] += order.value if measure == "revenue" else 1
    effect = run.outcomes.customers[measure].astype(float) - without.outcomes.customers[measure]
    parts = sums_by_group(run, credit), sums_by_group(run, effect)
    assert [p_value_of_ratio(end, *parts) for end in (ratio.low, ratio.high)] == pytest.approx([0.05, 0.05], rel=1e-6)


def test_intervals_of_ratios_cover_the_ratio_of_many_customers() -> None:
    # With 95 % coverage, 32 or fewer of 40 have a probability of 0.0003. The widths are tested above.
    scenario = Scenario.from_dict(world(customers=300)).with_values(DIFFERENT_SIZES)
    settings = cj.CreditSettings(rules=(LastTouch(),))
    found = [
        cj.attribution(scenario, seed=seed, only=["message useful"], settings=settings, before_after=False).touchpoints[0]
        for seed in range(1, 41)
    ]
    credit = sum(one.credits["last"]["revenue"] for one in found)
    truth = credit / sum(one.incremental["revenue"].value for one in found)
    ratios = [one.ratios["last"]["revenue"] for one in found]
    assert sum(one.low <= truth <= one.high for one in ratios) > 32


def test_ratio_has_no_bounds_if_the_denominator_may_be_zero() -> None:
    replicates = np.linspace(-1, 1, 20)
    interval = jackknife_ratio(np.concatenate([[5.0], 5 + replicates]), np.concatenate([[0.1], 0.1 + replicates]))
    assert interval == (50.0, -math.inf, math.inf)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"customers": 39}, "customers: must be at least 40, got 39"),
        ({"test_size": 3}, "test_size: must be at least 4, got 3"),
        ({"only": ["flow x"]}, "only: must be one of"),
    ],
)
def test_invalid_argument_is_an_error(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        cj.attribution(Scenario.from_dict(world()), **arguments)


def test_journey_without_purchases_is_refused() -> None:
    scenario = Scenario.from_dict(world()).with_values({"journey.events.order.effects": []})
    with pytest.raises(InputError, match=r"journey\.events: must have an event with the effect 'purchase', got none"):
        cj.attribution(scenario)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"window_days": 0}, "window_days: must be above 0, got 0"),
        ({"rules": (LastTouch(), LastTouch())}, "rules: must be one or more rules with different names"),
    ],
)
def test_invalid_setting_is_an_error(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        cj.CreditSettings(**arguments)


def test_unknown_touch_is_an_error() -> None:
    with pytest.raises(InputError, match="touch: must be one of 'delivered', 'opened', 'clicked', got 'seen'"):
        cj.attribution(Scenario.from_dict(world(customers=50)), settings=cj.CreditSettings(touch="seen"))  # type: ignore[arg-type]


def test_saved_files(found: cj.Attribution, tmp_path: Path) -> None:
    found.save(tmp_path)
    assert {file.name for file in tmp_path.iterdir()} == {"attribution.csv", "attribution.json", "attribution.png"}
    assert json.loads((tmp_path / "attribution.json").read_text()) == found.to_json()


def test_frame_has_a_row_per_touchpoint_rule_and_measure(found: cj.Attribution) -> None:
    assert len(found.to_pandas()) == len(found) * 7 * 2


def test_figure_shows_the_touchpoints_with_the_largest_credit(found: cj.Attribution) -> None:
    bars = attribution_figure_data(found, max_rows=3)
    assert len(bars) == 3
    assert {bar.touchpoint for bar in bars} <= {"channel mail", "broadcast useful", "message useful"}


def test_figure_draws_one_row_per_touchpoint(found: cj.Attribution) -> None:
    axes = ATTRIBUTION_FIGURE.figure(found).axes[0]
    assert [label.get_text() for label in axes.get_yticklabels()] == [str(one.touchpoint) for one in found.touchpoints]


def test_summary_says_when_there_is_no_effect(found: cj.Attribution, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "160")  # narrower tables break the text of the last column
    line = next(line for line in found.summary().splitlines() if line.startswith("message useless"))
    assert "identical" in line
    assert line.endswith("no effect")


def test_summary_hides_the_ab_test_of_an_effect_whose_interval_contains_0(found: cj.Attribution) -> None:
    table = found.summary().split("\n\n")[2]
    cells = {name: re.split(r"  +", line) for line in table.splitlines() for name in ("useful", "useless") if f"message {name} " in line}
    assert cells["useless"][1:5] == ["-"] * 4
    assert "-" not in cells["useful"][1:5]


def test_summary_says_that_shared_resources_are_ignored(found: cj.Attribution) -> None:
    assert "Customers share desks" not in found.summary()
    assert "Customers share desks or budgets" in replace(found, has_shared_resources=True).summary()


def test_summary_omits_before_and_after_if_not_simulated(found: cj.Attribution) -> None:
    assert "before/after" in found.summary()
    without = replace(found, touchpoints=tuple(one._replace(before_after={}) for one in found.touchpoints))
    assert "before/after" not in without.summary()


def run_command(*arguments: str) -> Any:
    return CliRunner().invoke(app, ["attribution", *arguments])


@pytest.fixture
def scenario_file(tmp_path: Path) -> str:
    Scenario.from_dict(world()).save(tmp_path / "w.yaml")
    return str(tmp_path / "w.yaml")


def test_command_gives_the_result_of_the_function(scenario_file: str, tmp_path: Path) -> None:
    options = ("--customers", "60", "--seed", "5", "--only", "channel", "--touch", "delivered", "--window", "36h", "--test-size", "500")
    printed = run_command(scenario_file, *options, "--no-before-after", "--json", "--out", str(tmp_path / "out"))
    settings = cj.CreditSettings(touch="delivered", window_days=1.5)
    scenario = Scenario.from_dict(world(customers=60, seed=5))
    expected = cj.attribution(scenario, only=["channel"], settings=settings, test_size=500, before_after=False)
    assert json.loads(printed.stdout) == expected.to_json()
    assert (tmp_path / "out" / "attribution.json").exists()
    assert unnamed_files(tmp_path / "out", "attribution") == []


def test_command_reads_paths(tmp_path: Path) -> None:
    (tmp_path / "paths.csv").write_text("path,total_conversions\na > b,3\n")
    printed = run_command(str(tmp_path / "paths.csv"), "--json", "--out", str(tmp_path / "out"))
    last = {one["touchpoint"]: one["credits"]["last"]["conversions"] for one in json.loads(printed.stdout)["touchpoints"]}
    assert last == {"a": 0.0, "b": 3.0}
    assert (tmp_path / "out" / "credits.json").exists()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--window", "7"), "--window: must be a duration above 0, got '7'. Use a value such as 7d.\n"),
        (("--touch", "seen"), "--touch: must be one of 'delivered', 'opened', 'clicked', got 'seen'. Choose one of these.\n"),
        (("--customers", "10"), "--customers: must be at least 40, got 10. Simulate more customers.\n"),
    ],
)
def test_command_exits_with_2_on_a_wrong_option(scenario_file: str, options: tuple[str, ...], message: str) -> None:
    result = run_command(scenario_file, *options)
    assert (result.exit_code, result.stderr) == (2, message)


def test_command_refuses_simulation_options_for_paths(tmp_path: Path) -> None:
    (tmp_path / "paths.csv").write_text("path,total_conversions\na,3\n")
    result = run_command(str(tmp_path / "paths.csv"), "--customers", "100")
    assert (result.exit_code, result.stderr) == (
        2,
        "--customers: must be omitted for a file with paths, got 100. Pass a scenario instead.\n",
    )


def test_public_function_is_not_hidden_by_the_folder_of_the_same_name() -> None:
    import cjsim.attribution.touch_paths  # noqa: F401

    assert callable(cj.attribution)

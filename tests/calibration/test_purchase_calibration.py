"""A journey from a purchase log: printed and written results, and warnings about uninformative logs."""

import csv
import json
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from cjsim.calibration.holdout_forecast import HoldoutForecast, HoldoutTotal, IntervalEnds
from cjsim.calibration.purchase_model import PurchaseCalibration, calibrate_purchases
from cjsim.compiler.entry_file import read_entries
from cjsim.errors import InputError
from cjsim.purchase_logs.purchase_log import read_purchases
from cjsim.simulation.documents import Scenario
from cjsim.tuning.evaluator import Evaluator
from cjsim.tuning.parameter_draws import read_parameter_draws
from cjsim.tuning.study import Study


def calibrate(file: Path, until: str = "2024-03-01", **options: object) -> PurchaseCalibration:
    return calibrate_purchases(file, customer="who", time="day", value="paid", until=until, **options)  # type: ignore[arg-type]


def write_purchase_log(folder: Path, purchases: list[tuple[str, int, float]]) -> Path:
    """A log of (customer, day since 2024-01-01, money)."""
    rows = [f"{who},{date(2024, 1, 1) + timedelta(days=day)},{paid}" for who, day, paid in purchases]
    file = folder / "log.csv"
    file.write_text("\n".join(["who,day,paid", *rows]) + "\n")
    return file


def write_gamma_shoppers(folder: Path, count: int = 300, *, spend_spread: float = 0.3, follows_frequency: float = 0.0) -> Path:
    """Customers who buy for 120 days at gamma-distributed rates and never leave."""
    rng = np.random.default_rng(1)
    purchases = []
    for number, rate in enumerate(rng.gamma(1.0, 1 / 20.0, count)):
        days = np.unique(np.concatenate([[0], np.cumsum(rng.exponential(1 / rate, 200)).astype(int)]) + number % 20)
        level = np.exp(spend_spread * rng.standard_normal()) * (1 + follows_frequency * rate)
        purchases += [(f"c{number:04d}", int(day), round(20 * level * rng.gamma(5.0) / 5, 2)) for day in days if day <= 120]
    return write_purchase_log(folder, purchases)


@pytest.fixture(scope="module")
def cdnow(data_dir: Path) -> PurchaseCalibration:
    file = data_dir / "cdnow_sample_2357.csv.gz"
    return calibrate_purchases(file, customer="id", time="date", value="amount", until="1997-09-30")


def test_cdnow_gives_the_published_parameters(cdnow: PurchaseCalibration) -> None:
    report = cdnow.to_json()
    published = {"r": 0.243, "alpha": 4.414, "a": 0.793, "b": 2.426, "p": 6.25, "q": 3.74, "v": 15.44}
    assert {name: estimate["value"] for name, estimate in report["parameters"].items()} == pytest.approx(published, rel=0.01)
    assert all(estimate["low"] < estimate["value"] < estimate["high"] for estimate in report["parameters"].values())
    assert report["log_likelihood"] == pytest.approx(-9582.429, abs=1e-3)
    assert (report["unit"], report["customers"], report["intervals"]) == ("week", 2357, "95 % profile likelihood")
    assert report["spend"]["correlation"] == pytest.approx(0.114, abs=5e-4)


def test_cdnow_holdout_forecast_matches_known_values(cdnow: PurchaseCalibration) -> None:
    report = cdnow.to_json()["holdout"]
    assert report["actual"] == 1882
    assert report["predicted"] == pytest.approx(1653.4, abs=0.1)
    assert (report["mae"], report["rmse"], report["correlation"]) == pytest.approx((0.7855, 1.6080, 0.6256), abs=1e-4)
    assert report["afresh"]["low"] < report["given_history"]["low"] < report["predicted"] < report["given_history"]["high"] < 1882
    assert report["low"] < 1882 < report["high"]  # low and high of purchases are those of new customers
    money = report["money"]
    assert money["actual"] == pytest.approx(70_976.39)
    assert money["afresh"]["low"] < money["given_history"]["low"] < money["predicted"] < money["given_history"]["high"]
    assert money["given_history"]["high"] < 70_976.39 < money["afresh"]["high"]


def test_cdnow_purchases_and_spend_are_judged_by_the_same_band(cdnow: PurchaseCalibration) -> None:
    report = cdnow.to_json()["holdout"]
    assert report["judged_by"] == report["money"]["judged_by"] == "given_history"
    repeated, zero, purchases, spend, tests = cdnow.warnings  # no warning about left truncation: the cohort is acquired in 12 weeks
    assert repeated.startswith("rows that repeat an earlier row exactly are kept: 21 of 6,919, the first is row 404, which repeats row 403")
    assert zero.startswith("rows with an amount of 0 count as purchases: 8 of 6,919, the first in row 227")
    assert purchases.startswith("actual holdout purchases (1,882) lie outside the 95 % forecast interval 'given history' (1,4")
    assert purchases.endswith("the forecast is 12 % too low; do not rely on it")
    assert spend.startswith("actual holdout spend (70,976) lies outside the 95 % forecast interval 'given history' (52,")
    assert tests == (
        "possible causes of the wrong forecast that were tested on the calibration period: regular purchase times: not found (k = 0.92, "
        "95 % interval 0.82 to 1.02); dropout: found, and part of the model (likelihood ratio 362.5); dependence of spend on purchase "
        "frequency: not found (correlation 0.11); customers who bought before the log begins: not found"
    )


def test_parameter_draws_reflect_the_fit_uncertainty(cdnow: PurchaseCalibration, tmp_path: Path) -> None:
    cdnow.save(tmp_path)
    drawn = pd.read_csv(tmp_path / "draws.csv")
    assert len(drawn) == 200
    logs = np.log(drawn[["journey.traits.rate.gamma.shape", "journey.traits.dropout.beta.alpha"]].to_numpy())
    fit = cdnow.timing.fit
    # 200 draws: means within 4 standard errors, standard deviations within 4 of theirs (5 % each).
    spread = np.sqrt(np.diag(fit.covariance))[[0, 2]]
    assert np.abs(logs.mean(axis=0) - np.log(fit.values[[0, 2]])) == pytest.approx([0, 0], abs=4 * spread.max() / np.sqrt(200))
    assert logs.std(axis=0) == pytest.approx(spread, rel=0.2)
    assert np.corrcoef(np.log(drawn.filter(like="dropout")).T)[0, 1] > 0.8  # only the ratio of a and b is well identified


def test_study_runs_over_cdnow_parameter_draws(cdnow: PurchaseCalibration, tmp_path: Path) -> None:
    cdnow.save(tmp_path)
    margin = "journey.events.purchase.effects[0].purchase.margin"
    head = "name: margins\nscenario: scenario.yaml\ncustomers: 300\ndraws: {file: draws.csv, rows: 3}\nobjectives: [clv]\n"
    (tmp_path / "study.yaml").write_text(f"{head}free:\n  {margin}: {{low: 0.1, high: 1.0}}\n")
    evaluator = Evaluator(Study.load(tmp_path / "study.yaml"))
    half = evaluator.evaluate(0, {margin: 0.5}, incumbents=[])
    assert half.gains[0].high < 0
    rates = {crowd.scenario.journey.traits["rate"].body.shape for crowd in evaluator._cohort.cohorts}
    assert len(rates) == 3 and 0.243 not in rates


@pytest.mark.parametrize("spread", [0.0, 0.3])
def test_parameter_draws_can_be_set_at_their_paths(tmp_path: Path, spread: float) -> None:
    calibrate(write_gamma_shoppers(tmp_path, 40, spend_spread=spread), out=tmp_path / "out")
    scenario, draws = Scenario.load(tmp_path / "out" / "scenario.yaml"), read_parameter_draws(tmp_path / "out" / "draws.csv")
    shapes = [scenario.with_values(draw.values).journey.traits["rate"].body.shape for draw in draws[:20]]
    assert shapes == [draw.values["journey.traits.rate.gamma.shape"] for draw in draws[:20]]


def test_cdnow_scenario_keeps_full_precision(cdnow: PurchaseCalibration, tmp_path: Path) -> None:
    cdnow.save(tmp_path / "made" / "cdnow")
    scenario = Scenario.load(tmp_path / "made" / "cdnow" / "scenario.yaml")
    found = cdnow.to_json()["parameters"]
    rate, dropout, nu = (scenario.journey.traits[name].body for name in ("rate", "dropout", "nu"))
    assert (rate.shape, rate.mean) == (found["r"]["value"], found["r"]["value"] / found["alpha"]["value"])
    assert (dropout.alpha, dropout.beta) == (found["a"]["value"], found["b"]["value"])
    assert (nu.shape, nu.mean) == (found["q"]["value"], found["q"]["value"] / found["v"]["value"])
    assert (scenario.customers, scenario.start, scenario.horizon) == (2357, date(1997, 1, 1), 546.0)
    assert scenario.journey.stages["gone"].observed is False
    assert "gone" not in str(scenario.policy)
    entries = pd.read_csv(tmp_path / "made" / "cdnow" / "entries.csv")
    assert entries["customer"].astype(str).tolist() == cdnow.histories.customer_ids.tolist()
    entered = entries["entered"]
    assert (len(entered), entered.iloc[0], entered.iloc[-1]) == (2357, "1997-01-01", "1997-03-25")
    assert json.loads((tmp_path / "made" / "cdnow" / "calibration.json").read_text()) == cdnow.to_json()


def test_cdnow_prints_parameters_and_holdout(cdnow: PurchaseCalibration) -> None:
    text = str(cdnow)
    assert "95 % profile likelihood" in text
    assert "1997-10-01 to 1998-06-30" in text
    assert "1,882" in text
    assert "\nnew customers: 95 % forecast interval for the same number of newly simulated customers" in text
    assert "\ngiven history: 95 % forecast interval for the customers in the log" in text
    assert len(text.splitlines()) < 31


def test_online_retail_does_not_identify_dropout(data_dir: Path, tmp_path: Path) -> None:
    rows = pd.read_csv(data_dir / "online_retail_invoices.csv.gz")
    rows[rows["datetime"] < "2011-12-09"].to_csv(tmp_path / "retail.csv", index=False)  # like the known figures: without the last day
    found = calibrate_purchases(
        tmp_path / "retail.csv", customer="customer_id", time="datetime", value="amount_gbp", until="2011-06-08", out=tmp_path / "out"
    )
    report = found.to_json()
    values = {name: estimate["value"] for name, estimate in report["parameters"].items()}
    assert [text.split(":")[0] for text in report["warnings"]] == [
        "purchase times are more regular than the models assume",
        "dropout is not identified",
        "actual holdout purchases (6,838) lie outside the 95 % forecast interval 'given history' (5,900 to 6,415)",
        "actual holdout spend (4,041,114) lies outside the 95 % forecast interval 'given history' (2,687,059 to 3,099,284)",
        "possible causes of the wrong forecast that were tested on the calibration period",
    ]
    assert report["model"] == "nbd"
    assert set(values) == {"r", "alpha", "p", "q", "v"}
    assert (values["r"], values["alpha"]) == pytest.approx((0.7436, 8.825), rel=1e-3)
    assert report["log_likelihood"] == pytest.approx(-13089.9, abs=0.05)
    assert (report["customers"], report["holdout"]["actual"]) == (2787, 6838)
    assert report["holdout"]["predicted"] == pytest.approx(6138, abs=1)
    assert report["holdout"]["mae"] == pytest.approx(1.506, abs=1e-3)
    journey = Scenario.load(tmp_path / "out" / "scenario.yaml").journey
    assert set(journey.stages) == {"new", "active"}
    assert set(journey.traits) == {"rate", "nu"}


def test_revenue_prediction_lies_in_its_band(tmp_path: Path) -> None:
    money = calibrate(write_gamma_shoppers(tmp_path, spend_spread=1.5)).to_json()["holdout"]["money"]
    assert money["low"] < money["predicted"] < money["high"]


def test_prediction_outside_the_band_gives_a_warning() -> None:
    inside, beside = IntervalEnds(90.0, 110.0), IntervalEnds(50.0, 80.0)
    right = HoldoutForecast(
        HoldoutTotal(95.0, 100.0, inside, inside), HoldoutTotal(95.0, 100.0, beside, inside), np.zeros(1), 0.0, 0.0, None
    )
    assert right.warnings() == ()
    (warning,) = replace(right, purchases=HoldoutTotal(95.0, 100.0, beside, inside)).warnings(["dropout: not found"])
    assert warning.startswith("predicted holdout purchases (100) lie outside the 95 % forecast interval 'new customers' (50 to 80)")


def write_first_purchases(folder: Path, first: list[int]) -> Path:
    """Customers with first purchases on these days, each with another purchase ten days later."""
    return write_purchase_log(folder, [(f"c{n:03d}", day, 5.0 + n % 7) for n, start in enumerate(first) for day in (start, start + 10)])


# Existing customers who buy at gamma-distributed rates: each is first seen at the first purchase after the log begins.
WAITS = np.random.default_rng(1).exponential(1.0, 300) / np.random.default_rng(2).gamma(0.7, 0.5, 300)
FIRST_PURCHASE_DAYS = {
    "in the midst of lives": (WAITS, True),
    "a cohort of a week": (np.arange(300) % 7, False),
    "twelve of 39 weeks": (np.arange(300) * 85 / 300 * 100 / 273, False),
    "evenly": (np.arange(300) / 3, False),
    "few customers": (WAITS[:40], False),
}


@pytest.mark.parametrize("kind", list(FIRST_PURCHASE_DAYS))
def test_left_truncated_log_gives_a_warning(kind: str, tmp_path: Path) -> None:
    days, warned = FIRST_PURCHASE_DAYS[kind]
    found = calibrate(write_first_purchases(tmp_path, [0, *(int(day) for day in days if day < 100)]), until="2024-04-09")  # 100 days
    assert any(text.startswith("some customers seem to have bought before the log begins") for text in found.warnings) is warned


def test_missing_holdout_is_null(tmp_path: Path) -> None:
    found = calibrate(write_gamma_shoppers(tmp_path), until="2024-04-30")
    assert found.to_json()["holdout"] is None
    assert "holdout" not in str(found)


def test_time_unit_does_not_change_the_journey(tmp_path: Path) -> None:
    file = write_gamma_shoppers(tmp_path)
    weekly, daily = calibrate(file), calibrate(file, unit="day", out=tmp_path / "daily")
    assert daily.parameters["r"].value == pytest.approx(weekly.parameters["r"].value, rel=1e-4)
    assert daily.parameters["alpha"].value == pytest.approx(7 * weekly.parameters["alpha"].value, rel=1e-4)
    assert daily.to_json()["holdout"]["predicted"] == pytest.approx(weekly.to_json()["holdout"]["predicted"], rel=1e-4)
    assert Scenario.load(tmp_path / "daily" / "scenario.yaml").journey.events["purchase"].wait.body.mean == 1.0  # type: ignore[union-attr]


def test_same_seed_gives_the_same_bands(tmp_path: Path) -> None:
    file = write_gamma_shoppers(tmp_path)
    first, again, other = (calibrate(file, seed=seed).to_json()["holdout"] for seed in (3, 3, 4))
    assert first == again
    assert first["low"] != other["low"]


def test_too_few_repeat_buyers_fall_back_to_a_lognormal_spend(tmp_path: Path) -> None:
    file = write_purchase_log(tmp_path, [(f"c{n}", day, 5.0 + n) for n in range(30) for day in ([n, n + 10] if n < 10 else [n])])
    found = calibrate(file, out=tmp_path / "out")
    assert {"spend_median", "spend_sigma"} < set(found.parameters)
    assert not {"p", "q", "v"} & set(found.parameters)
    assert any("10 customers made paid repeat purchases, but 20 are required" in text for text in found.warnings)
    value = Scenario.load(tmp_path / "out" / "scenario.yaml").journey.events["purchase"].effects[0].purchase
    assert value is not None
    assert value.value.key == "lognormal"


@pytest.mark.parametrize("paid", [0.0, 7.5])
def test_constant_price_gives_a_fixed_amount(tmp_path: Path, paid: float) -> None:
    file = write_purchase_log(tmp_path, [(f"c{n}", day, paid) for n in range(40) for day in (n % 7, n % 7 + 5 + n)])
    found = calibrate(file, out=tmp_path / "out")
    purchase = Scenario.load(tmp_path / "out" / "scenario.yaml").journey.events["purchase"].effects[0].purchase
    assert purchase is not None
    assert purchase.value.body == paid
    assert found.to_json()["spend"]["mean"] == paid


def test_correlated_frequency_and_spend_give_a_warning(tmp_path: Path) -> None:
    warned = calibrate(write_gamma_shoppers(tmp_path, follows_frequency=50.0)).warnings
    assert any(text.startswith("purchase frequency and spend are correlated") for text in warned)
    assert not any("correlated" in text for text in calibrate(write_gamma_shoppers(tmp_path)).warnings)


@pytest.mark.parametrize(
    "purchases",
    [
        [("a", 0, 5.0), ("a", 9, 6.0), ("a", 20, 7.0)],  # one customer
        [(f"c{n}", day, 5.0) for n in range(30) for day in (0, 10, 20)],  # identical customers
        [("a", 0, 5.0), ("a", 59, 6.0), *((f"c{n}", n, 3.0) for n in range(50))],  # one repeat purchase among 51 customers
        [(f"c{n}", day, 9.0) for n in range(40) for day in (0, 1)],  # every customer returns the next day and never again
    ],
)
def test_uninformative_log_gives_finite_numbers_and_warnings(tmp_path: Path, purchases: list[tuple[str, int, float]]) -> None:
    found = calibrate(write_purchase_log(tmp_path, [*purchases, ("late", 80, 1.0)]), out=tmp_path / "out")
    assert found.warnings
    assert all(0 <= estimate.value <= 1e6 for estimate in found.parameters.values())
    text = json.dumps(found.to_json(), allow_nan=False)
    assert "e+15" not in text
    assert Scenario.load(tmp_path / "out" / "scenario.yaml").customers == found.customer_count


def calibration_error(file: Path, **options: object) -> str:
    with pytest.raises(InputError) as caught:
        calibrate(file, **options)  # type: ignore[arg-type]
    return str(caught.value)


def test_log_without_repeat_purchases_is_rejected(tmp_path: Path) -> None:
    file = write_purchase_log(tmp_path, [("a", 0, 5.0), ("a", 0, 6.0), ("b", 3, 1.0), ("b", 70, 2.0)])
    assert calibration_error(file) == (
        "until: must include a customer who bought on two days by 2024-03-01, got 2 customers with one purchase day each. "
        "Use a later `until` or a longer log."
    )


def test_invalid_until_date_is_rejected(tmp_path: Path) -> None:
    file = write_purchase_log(tmp_path, [("a", 0, 5.0), ("a", 5, 5.0)])
    early = "until: must be on or after the first purchase, 2024-01-01, got 2023-12-31. Set it to the last day of calibration."
    assert calibration_error(file, until="2023-12-31") == early
    assert (
        calibration_error(file, until="31.12.2024") == "until: must be a date such as 1997-09-30, got '31.12.2024'. Write it as YYYY-MM-DD."
    )


def test_until_long_after_the_log_gives_a_warning(tmp_path: Path) -> None:
    file = write_gamma_shoppers(tmp_path, 40)
    assert any(text.startswith("`until` is 31 days after the last purchase") for text in calibrate(file, until="2024-05-31").warnings)
    assert not any("after the last purchase" in text for text in calibrate(file, until="2024-05-01").warnings)


def test_one_customer_in_all_rows_gives_a_warning(tmp_path: Path) -> None:
    found = calibrate(write_purchase_log(tmp_path, [("EUR", 0, 5.0), ("EUR", 5, 5.0)]))
    assert any(text.startswith("all purchases belong to one customer, 'EUR' in column 'who'") for text in found.warnings)


def test_unknown_unit_is_rejected(tmp_path: Path) -> None:
    assert calibration_error(tmp_path / "no.csv", unit="month").startswith("unit: must be one of 'day', 'week', got 'month'")


def test_unwritable_output_folder_is_rejected_and_left_unchanged(tmp_path: Path) -> None:
    file = write_gamma_shoppers(tmp_path, 40)
    (tmp_path / "taken").write_text("a file")
    assert calibration_error(file, out=tmp_path / "taken").startswith("folder: must be a writable folder, got ")
    blocked = tmp_path / "blocked"
    (blocked / "scenario.yaml").mkdir(parents=True)
    assert calibration_error(file, out=blocked).startswith("folder: must be a writable folder, got ")
    assert [path.name for path in blocked.iterdir()] == ["scenario.yaml"]


def test_log_file_name_is_escaped_in_yaml(tmp_path: Path) -> None:
    file = write_gamma_shoppers(tmp_path, 40).rename(tmp_path / "a: 'b' #{c}\nname: d.csv")
    calibrate(file, out=tmp_path / "out")
    assert Scenario.load(tmp_path / "out" / "scenario.yaml").name == "calibrated"


def test_entry_file_contains_customer_names(tmp_path: Path) -> None:
    file = write_purchase_log(
        tmp_path, [('"b, ""the"" 2nd"', 3, 5.0), ('"b, ""the"" 2nd"', 9, 5.0), ("ä", 1, 4.0), ("ä", 5, 4.0), ("=1", 3, 2.0)]
    )
    calibrate(file, out=tmp_path / "out")
    entries = tmp_path / "out" / "entries.csv"
    table = pd.read_csv(entries)
    assert list(zip(table["entered"], table["customer"], strict=True)) == [
        ("2024-01-02", "ä"),
        ("2024-01-04", "=1"),
        ("2024-01-04", 'b, "the" 2nd'),
    ]
    read = read_entries(entries, start=date(2024, 1, 1), traits={}, levels={})
    assert (read.entered.tolist(), read.traits, read.attributes) == ([1.0, 3.0, 3.0], {}, {})
    entries.write_text("entered,customer\n0,7\n")
    assert read_entries(entries, start=date(2024, 1, 1), traits={"customer": 0}, levels={}).traits["customer"].tolist() == [7.0]


def test_entry_file_has_one_row_for_a_name_with_a_carriage_return(tmp_path: Path) -> None:
    name = "a\rb"
    calibrate(write_purchase_log(tmp_path, [(f'"{name}"', 1, 5.0), (f'"{name}"', 9, 5.0), ("c", 2, 5.0)]), out=tmp_path / "out")
    with (tmp_path / "out" / "entries.csv").open(encoding="utf-8", newline="") as file:
        assert [row[1] for row in csv.reader(file)] == ["customer", name, "c"]


def test_warnings_mention_refunds(tmp_path: Path) -> None:
    file = write_purchase_log(tmp_path, [("a", 0, 5.0), ("a", 5, 5.0), ("a", 9, 8.0), ("b", 2, 1.0), ("b", 7, -1.0)])
    found = calibrate(file)
    assert found.warnings[0].startswith("refunds (negative amounts) are omitted")
    assert found.customer_count == len(read_purchases(file, customer="who", time="day", value="paid").customer_ids)


def test_summary_begins_with_the_forecast_and_the_verdict_of_the_holdout(cdnow: PurchaseCalibration) -> None:
    forecast, active, verdict = cdnow.summary().splitlines()[:3]
    assert forecast.startswith("From 1997-10-01 to 1998-09-30, these 2,357 customers are expected to make ")
    assert active.startswith("About ")
    assert verdict.startswith("On the holdout, the forecast was 12 % too low for purchases and 16 % too low for spend. See the ")


def test_forecast_without_holdout_is_called_untested(tmp_path: Path) -> None:
    found = calibrate(write_gamma_shoppers(tmp_path), until="2024-06-01")
    assert "The forecast was not tested" in found.summary()

"""Experiment e01 on a small scale: the calibrated CDNOW journey, simulated by the engine, against closed forms and actual purchases."""

import json
from pathlib import Path
from typing import Any

import e01_cdnow as e01
import numpy as np
import pytest
from conftest import ROOT
from e01_cdnow_report import write_report

from cjsim.yaml.tree import read_yaml_file


@pytest.fixture(scope="module")
def found(data_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> e01.CdnowResult:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CJSIM_DATA", str(data_dir))
        config: dict[str, Any] = read_yaml_file(ROOT / "configs" / "experiments" / "e01_cdnow.yaml").plain()
        config |= {"lives": 60, "drawn_lives": 60, "futures": 40}
        config["win_back"]["lifts"] = [0.0, 2.0]
        return e01.run_experiment(config, tmp_path_factory.mktemp("e01"))


@pytest.mark.parametrize("week", [39, 78])
def test_simulated_repeat_purchases_match_the_closed_form(found: e01.CdnowResult, week: int) -> None:
    """z-test at 4 standard errors: fails by chance for 1 in 16,000 seeds; the seed is fixed."""
    totals = found.weekly.at_estimates[:, week - 1]
    assert abs(totals.mean() - found.weekly.closed_form[week - 1]) < 4 * totals.std(ddof=1) / np.sqrt(len(totals))


def test_closed_form_and_actual_purchases_match_known_values(found: e01.CdnowResult, data_dir: Path) -> None:
    week, actual, closed = np.loadtxt(data_dir / "cdnow_tracking.csv", delimiter=",", skiprows=1, usecols=(0, 1, 2), unpack=True)
    assert np.array_equal(found.weekly.week, week)
    assert np.array_equal(found.weekly.actual, actual)
    assert found.weekly.closed_form == pytest.approx(closed, abs=0.1)


def test_actual_holdout_is_in_the_simulated_band(found: e01.CdnowResult) -> None:
    low, high = np.quantile(found.holdout_totals, [0.025, 0.975])
    assert found.calibration.histories.holdout_purchases.sum() == 1882
    assert low < 1882 < high


def test_simulated_forecast_by_customer_is_as_good_as_the_closed_form(found: e01.CdnowResult) -> None:
    """40 draws per customer add at most 1 % of Monte Carlo noise to the RMSE; the bounds allow 3 %."""
    simulated = {row["what"].split()[0]: row["simulated"] for row in e01.check_rows(found) if "known" in row["what"]}
    assert simulated["rmse"] == pytest.approx(e01.KNOWN_HOLDOUT_METRICS["rmse"], rel=0.03)
    assert simulated["correlation"] == pytest.approx(e01.KNOWN_HOLDOUT_METRICS["correlation"], rel=0.03)


def test_win_back_without_lift_changes_no_purchases(found: e01.CdnowResult) -> None:
    effects = found.comparisons[0.0].effects("win-back", "purchases")["effect"]
    assert not effects.any()
    assert found.comparisons[0.0].alternatives["win-back"]["contacts"].value > 0


def test_paired_comparison_detects_the_win_back_lift(found: e01.CdnowResult) -> None:
    effect = found.comparisons[2.0].alternatives["win-back"]["purchases"]
    assert effect.low > 0
    assert effect.variance_ratio > 50


def test_report_marks_assumptions(found: e01.CdnowResult, tmp_path: Path) -> None:
    found.config["win_back"]["main"] = 2.0
    write_report(found, e01.verdict(found), tmp_path)
    page = (tmp_path / "report.md").read_text()
    assert page.count("assumed") >= 4
    assert "**supported**" in page
    assert json.loads((tmp_path / "result.json").read_text())["verdict"] == "supported"
    assert {path.name for path in tmp_path.iterdir()} == {
        "checks.csv", "holdout.png", "holdout_totals.csv", "report.md", "result.json", "tracking.csv", "tracking.png", "win_back.csv",
    }  # fmt: skip

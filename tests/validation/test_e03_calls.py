"""Experiment e03 on a small scale: a desk fitted to real calls, with their arrivals, against the actual outcomes."""

from pathlib import Path
from typing import Any

import e03_calls as e03
import numpy as np
import pandas as pd
import pytest
from e03_calls_report import hours_data, judged_data, rules_data, write_report

from cjsim.yaml.tree import read_yaml_file


@pytest.fixture(scope="module")
def found(data_dir: Path) -> e03.CallsResult:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CJSIM_DATA", str(data_dir))
        config: dict[str, Any] = read_yaml_file(e03.CONFIG).plain()
        return e03.run_experiment(config | {"replications": 2, "away_after": ["5min", "15min"], "redraws": 200})


def test_calls_match_known_counts_and_waits(found: e03.CallsResult) -> None:
    asked = found.calls
    assert len(asked) == 27_786
    assert asked["hung_up"].mean() == pytest.approx(0.1322, abs=5e-5)
    assert asked["wait"].mean() == pytest.approx(39.05, abs=5e-3)


def test_each_half_predicts_the_other_within_3_points_and_30_percent(found: e03.CallsResult) -> None:
    rows = judged_data(found)
    assert [half.chosen_away_after(found.calls) for half in found.halves] == ["15min", "15min"]
    assert sum(row["n"] for row in rows) == 2 * 27_786
    assert all(row["within"] for row in rows)
    assert all(row["low"] <= row["predicted"] <= row["high"] for row in rows)


def test_staff_seen_only_in_answered_calls_is_too_small_with_short_pauses(found: e03.CallsResult) -> None:
    waits = {
        (row["fitted_to"], row["away_after"]): row["miss"]
        for row in rules_data(found)
        if (row["what"], row["days"]) == ("wait", "other half")
    }
    assert waits["first", "5min"] > waits["first", "15min"] + 0.3
    assert waits["second", "5min"] > waits["second", "15min"] + 0.3


def test_judged_days_are_not_used_for_the_fit(found: e03.CallsResult) -> None:
    first, second = found.halves
    assert not (first.fitted_to & second.fitted_to).any()
    assert (first.fitted_to | second.fitted_to).all()
    fits = [half.predictions["15min"].fit for half in found.halves]
    assert fits[0].service.mean() != fits[1].service.mean()
    assert fits[0].agents.equals(fits[1].agents)  # of all days, by the same rule


def test_prediction_follows_the_hours(found: e03.CallsResult) -> None:
    """Busy hours of the bank are busy hours of the desk; with shuffled hours, 1 in 50 would pass one of these bounds."""
    rows = pd.DataFrame(hours_data(found))
    assert np.corrcoef(rows["abandonment"], rows["abandonment_predicted"])[0, 1] > 0.5
    assert np.corrcoef(rows["wait"], rows["wait_predicted"])[0, 1] > 0.5


def test_every_call_ends_exactly_once(found: e03.CallsResult) -> None:
    for half in found.halves:
        for prediction in half.predictions.values():
            assert len(prediction.wait) == len(prediction.hung_up) == 27_786
            assert prediction.wait.notna().all().all()


def test_kaplan_meier_matches_a_manual_calculation() -> None:
    waits = pd.DataFrame({"wait": [10.0, 20.0, 20.0, 30.0, 40.0], "hung_up": [True, False, True, True, False]})
    law = e03.patience_quantiles(waits, 1000)
    # By hand: S(10) = 4/5, S(20) = 4/5 * 3/4 = 3/5, S(30) = 3/5 * 1/2 = 3/10; the remaining callers are censored.
    assert [float(np.mean(law == value)) for value in (10.0, 20.0, 30.0, e03.UNOBSERVED_PATIENCE)] == pytest.approx(
        [0.2, 0.2, 0.3, 0.3], abs=1e-9
    )


def test_agents_are_present_between_nearby_calls() -> None:
    rows = [
        ("ANN", 9 * 3600, 9 * 3600 + 1200),
        ("ANN", 9 * 3600 + 1500, 10 * 3600),
        ("BEN", 9 * 3600, 9 * 3600 + 600),
        ("BEN", 9 * 3600 + 3000, 10 * 3600),
    ]
    calls = pd.DataFrame(rows, columns=["server", "start", "end"]).assign(date=pd.Timestamp("1999-01-03"), hung_up=False, wait=0.0)
    calls["service"] = (calls["end"] - calls["start"]).astype(float)
    assert e03.agents_by_hour(calls, 600.0)[pd.Timestamp("1999-01-03"), 9] == 1  # Ann for the whole hour, Ben for a third of it
    assert e03.agents_by_hour(calls, 3000.0)[pd.Timestamp("1999-01-03"), 9] == 2


def test_report_contains_abandonment_and_wait(found: e03.CallsResult, tmp_path: Path) -> None:
    page = write_report(found, tmp_path)
    assert "abandonment" in page
    assert (tmp_path / "hours.png").stat().st_size > 10_000
    assert {path.name for path in tmp_path.iterdir()} == {"hours.csv", "hours.png", "judged.csv", "report.md", "result.json", "rules.csv"}

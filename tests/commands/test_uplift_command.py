"""`cjsim uplift`: its options, its output, and what it says about bad input."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from output_files import unnamed_files
from planted_trials import planted_trial
from typer.testing import CliRunner

import cjsim as cj
from cjsim.cli import app

FAST = ("--learners", "T", "--draws", "10", "--splits", "2")


def invoke(file: Path | str, *options: str, treatment: str = "arm", outcome: str = "bought") -> Any:
    return CliRunner().invoke(app, ["uplift", str(file), "--treatment", treatment, "--outcome", outcome, *FAST, *options])


def written(folder: Path, table: pd.DataFrame) -> Path:
    table.to_csv(folder / "trial.csv", index=False)
    return folder / "trial.csv"


@pytest.fixture
def trial(tmp_path: Path) -> Path:
    return written(tmp_path, planted_trial(1_000, effect=0.2).drop(columns="spend"))


def test_output_starts_with_what_was_read_and_the_recommendation(trial: Path) -> None:
    found = invoke(trial)
    assert found.exit_code == 0, found.stderr
    assert found.stdout.startswith(
        "trial.csv: 1,000 rows, arms none, mail (control: none); randomized.\n\nBOUGHT\nTreat everybody with 'mail'"
    )


def test_json_is_one_object(trial: Path) -> None:
    content = json.loads(invoke(trial, "--json").stdout)
    assert {"outcomes", "warnings", "arms", "effects", "heterogeneity", "learners", "policies", "best"} <= set(content)


def test_folder_holds_the_printed_json(trial: Path, tmp_path: Path) -> None:
    content = json.loads(invoke(trial, "--json", "--out", str(tmp_path / "out")).stdout)
    assert json.loads((tmp_path / "out" / "uplift.json").read_text(encoding="utf-8")) == content
    assert unnamed_files(tmp_path / "out", "uplift") == []


def test_the_proposed_rule_is_written(tmp_path: Path) -> None:
    file = written(tmp_path, planted_trial(slope=0.2, effect=0.0).drop(columns="spend"))
    found = invoke(file, "--export-rule", str(tmp_path / "rule.json"))
    assert found.exit_code == 0, found.stderr
    assert cj.TargetingRule.load(tmp_path / "rule.json").features[0].name == "recency"


def test_without_a_proposed_rule_the_readout_is_printed_and_the_command_fails(trial: Path, tmp_path: Path) -> None:
    found = invoke(trial, "--export-rule", str(tmp_path / "rule.json"))
    assert (found.exit_code, found.stdout.splitlines()[2]) == (2, "BOUGHT")
    assert "rule for bought: must be proposed by the readout, got 'everybody: mail'" in found.stderr
    assert not (tmp_path / "rule.json").exists()


def test_another_policy_can_be_written(trial: Path, tmp_path: Path) -> None:
    found = invoke(trial, "--export-rule", str(tmp_path / "rule.json"), "--rule", "gain above cost: mail")
    assert (found.exit_code, (tmp_path / "rule.json").exists()) == (0, True)


def test_parquet_gives_the_same_numbers(trial: Path, tmp_path: Path) -> None:
    pd.read_csv(trial).to_parquet(tmp_path / "trial.parquet")
    contents = [json.loads(invoke(file, "--json").stdout) for file in (trial, tmp_path / "trial.parquet")]
    assert contents[0]["outcomes"] == contents[1]["outcomes"]


def test_control_can_be_named(trial: Path) -> None:
    assert json.loads(invoke(trial, "--control", "mail", "--json").stdout)["effects"][0]["versus"] == "mail"


def test_value_and_cost_enter_the_policies(trial: Path) -> None:
    content = json.loads(invoke(trial, "--value", "20", "--cost", "mail=1", "--json").stdout)
    assert (content["value"], content["costs"]) == (20.0, {"none": 0.0, "mail": 1.0})


def test_required_size_is_printed(trial: Path) -> None:
    assert "Size of the next test" not in invoke(trial).stdout
    assert "effect to detect" in invoke(trial, "--detect", "10%").stdout


def test_adjustment_is_named(trial: Path) -> None:
    assert "CUPED" in invoke(trial, "--adjust", "visits", "--cuped").stdout


def test_observational_data_are_called_so(trial: Path) -> None:
    assert "observational, propensities estimated" in invoke(trial, "--propensity", "estimate").stdout.splitlines()[0]


def test_clusters_enter_the_errors(tmp_path: Path) -> None:
    table = planted_trial(1_000).drop(columns="spend")
    file = written(tmp_path, pd.concat([table, table]).assign(shop=np.tile(np.arange(1_000), 2)))
    content = json.loads(invoke(file, "--cluster", "shop", "--features", "recency", "--json").stdout)
    assert content["method"] == "difference of means, cluster-robust standard errors"


def refused(found: Any) -> str:
    """The message of a refused input; nothing is printed on standard output."""
    assert found.exit_code == 2
    assert found.stdout == ""
    return str(found.stderr)


def test_one_arm_is_refused(tmp_path: Path) -> None:
    file = written(tmp_path, planted_trial(200).assign(arm="mail"))
    assert "must contain at least two arms, got only 'mail'" in refused(invoke(file))


def test_arms_of_five_are_refused(tmp_path: Path) -> None:
    file = written(tmp_path, planted_trial(200).groupby("arm").head(5))
    assert "must be a sound trial, got 1 error: the smallest arm, 'none', has 5 rows" in refused(invoke(file, "--features", "recency"))


def test_a_treatment_that_predicts_itself_is_refused(tmp_path: Path) -> None:
    table = planted_trial(400).drop(columns="spend")
    file = written(tmp_path, table.assign(sent=(table["arm"] == "mail").astype(int)))
    assert "the features predict the arm (arm 'mail' against 'none': cross-fitted AUC 1.000" in refused(invoke(file))


def test_a_constant_outcome_is_refused(tmp_path: Path) -> None:
    assert "outcome 'bought' is 0 in every row" in refused(invoke(written(tmp_path, planted_trial(200).assign(bought=0))))


def test_a_missing_outcome_is_refused(tmp_path: Path) -> None:
    file = written(tmp_path, planted_trial(200).assign(bought=np.nan))
    assert "column 'bought': must have values, got 200 missing ones" in refused(invoke(file))


def test_fewer_rows_than_features_are_refused(tmp_path: Path) -> None:
    wide = pd.DataFrame(np.random.default_rng(1).normal(size=(60, 80))).add_prefix("f")
    table = pd.concat([wide, planted_trial(60)[["arm", "bought"]]], axis=1)
    assert "must have more rows than features, got 60 rows and 80 features" in refused(invoke(written(tmp_path, table)))


def test_an_unknown_column_is_refused_with_a_suggestion(trial: Path) -> None:
    assert "got 'bougth'. Did you mean 'bought'?" in refused(invoke(trial, outcome="bougth"))


def test_an_absent_control_value_is_refused(trial: Path) -> None:
    assert "it contains 'mail', 'none', got control 'letter'" in refused(invoke(trial, "--control", "letter"))


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    assert "must be a readable file, got a path that does not exist" in refused(invoke(tmp_path / "absent.csv"))


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--cost", "cheap"), "--cost: must be a number, got 'cheap'"),
        (("--cost", "mail="), "--cost: must be a list such as A=1,B=2"),
        (("--features", "recency,"), "--features: must be names separated by commas"),
        (("--detect", "much"), "detect: must be a number other than 0"),
        (("--seed", "-1"), "--seed: must be from 0 to 2**32 - 1, got -1"),
        (("--value", "0"), "value: must be a number other than 0, got 0.0. Give the value of one unit"),
        (("--value", "bought=0"), "value: must be a number other than 0"),
        (("--cuped",), "--cuped: must be used with --adjust, got no --adjust. Add --adjust COL."),
        (("--detect", "10"), "in the control), got 10. Use a smaller effect, such as 0.01 or 10%."),
        (("--adjust", "visit"), "Did you mean 'visits'?"),
        (("--rule", "best share: mail"), "--rule: must be given with --export-rule"),
    ],
)
def test_wrong_options_are_refused(trial: Path, options: tuple[str, ...], words: str) -> None:
    assert words in refused(invoke(trial, *options))


def test_nothing_is_written_for_refused_input(tmp_path: Path) -> None:
    file = written(tmp_path, planted_trial(200).assign(bought=0))
    invoke(file, "--out", str(tmp_path / "out"))
    assert not (tmp_path / "out").exists()

"""The options of `simulate` and `compare` for experiments: --by, --exposed, --follow-up, --trial and --trial-window."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import yaml
from conftest import ROOT
from small_scenarios import small_scenario
from trial_worlds import trial_scenario
from typer.testing import CliRunner

import cjsim as cj
from cjsim.cli import app
from cjsim.simulation.documents import Scenario
from cjsim.simulation.simulate import simulate

WITH_DESKS = str(ROOT / "configs" / "scenarios" / "saas.yaml")


def invoke(*arguments: str) -> Any:
    return CliRunner().invoke(app, list(arguments))


@pytest.fixture(scope="module")
def trial_file(tmp_path_factory: pytest.TempPathFactory) -> str:
    file = tmp_path_factory.mktemp("scenario") / "trial.yaml"
    file.write_text(yaml.safe_dump(trial_scenario(treated=[{"send": "promo_mail"}]).to_dict()))
    return str(file)


def test_by_arm_prints_the_arms(trial_file: str) -> None:
    found = invoke("simulate", trial_file, "--by", "arm")
    assert found.exit_code == 0, found.stderr
    assert found.stdout.split()[:6] == ["metric", "control", "treated", "difference", "95", "%"]


def test_json_by_arm_is_that_of_the_run_with_the_groups(trial_file: str) -> None:
    content = json.loads(invoke("simulate", trial_file, "--by", "arm", "--json").stdout)
    expected = simulate(trial_scenario(treated=[{"send": "promo_mail"}])).by("arm").to_json()
    assert {"scenario", "customers", "metrics"} <= set(content)
    assert {key: content[key] for key in expected} == expected


def test_exposed_restricts_the_arms(trial_file: str) -> None:
    content = json.loads(invoke("simulate", trial_file, "--by", "arm", "--exposed", "--json").stdout)
    assert content["entered"] == content["exposed"]


def test_groups_are_written(trial_file: str, tmp_path: Path) -> None:
    content = json.loads(invoke("simulate", trial_file, "--by", "country", "--json", "--out", str(tmp_path)).stdout)
    assert json.loads((tmp_path / "groups.json").read_text())["groups"] == content["groups"]


def test_trial_is_written_without_the_log(trial_file: str, tmp_path: Path) -> None:
    found = invoke("simulate", trial_file, "--trial", "promo", "--trial-window", "2w", "--out", str(tmp_path))
    assert found.exit_code == 0, found.stderr
    assert (pd.read_csv(tmp_path / "trial.csv")["observed_days"] == 14).all()
    assert not (tmp_path / "log.parquet").exists()


def test_trial_keeps_a_log_that_is_asked_for(trial_file: str, tmp_path: Path) -> None:
    invoke("simulate", trial_file, "--trial", "promo", "--events", "--out", str(tmp_path))
    assert (tmp_path / "log.parquet").exists()


@pytest.mark.parametrize("later", [("--by", "country"), ()])
def test_a_later_run_removes_an_old_trial(trial_file: str, tmp_path: Path, later: tuple[str, ...]) -> None:
    invoke("simulate", trial_file, "--trial", "promo", "--by", "arm", "--out", str(tmp_path))
    assert invoke("simulate", trial_file, *later, "--out", str(tmp_path), "--force").exit_code == 0
    assert not (tmp_path / "trial.csv").exists()
    assert (tmp_path / "groups.json").exists() == bool(later)


def test_compare_takes_a_follow_up(trial_file: str) -> None:
    found = invoke("compare", trial_file, "--set", "policy.flows={}", "--follow-up", "14d")
    assert found.exit_code == 0, found.stderr
    assert "each customer for 14 days from entry" in found.stdout


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--by", "arm:promos"], "--by: must be one of 'promo', got 'promos'. Did you mean 'promo'?"),
        (
            ["--by", "contry"],
            "--by: must be one of 'country', 'arm', 'entry_month', 'month', 'persona', got 'contry'. Did you mean 'country'?",
        ),
        (["--exposed"], "--exposed: must be used with --by arm, got no --by. Add --by arm."),
        (["--trial", "promo"], "--trial: must be used with --out, got no --out. Add --out DIR."),
        (["--trial-window", "14d"], "--trial-window: must be used with --trial, got no --trial. Add --trial NAME."),
        (["--follow-up", "0d"], "--follow-up: must be above 0, got '0d'. Use a duration such as 14d."),
        (
            ["--follow-up", "14"],
            "--follow-up: must be a duration with a unit (s, min, h, d, w, mo, y), got '14'. Add the unit, such as 14d for 14 days.",
        ),
    ],
)
def test_wrong_options_are_refused_in_one_line(trial_file: str, arguments: list[str], message: str) -> None:
    found = invoke("simulate", trial_file, *arguments)
    assert (found.exit_code, found.stdout, found.stderr.splitlines()[-1]) == (2, "", message)


def test_an_unknown_trial_is_refused_before_the_simulation(trial_file: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cjsim.simulation.simulate.simulate", lambda *_, **__: pytest.fail("simulated"))
    found = invoke("simulate", trial_file, "--trial", "prom", "--out", str(tmp_path / "out"))
    assert found.exit_code == 2
    assert "Did you mean 'promo'?" in found.stderr


@pytest.fixture
def refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., str]:
    """Return the message of a command that refuses scenarios before it simulates one."""
    for module in ("simulate", "compare_scenarios"):
        monkeypatch.setattr(f"cjsim.simulation.{module}.simulate_seed", lambda *_, **__: pytest.fail("simulated"))

    def message(command: str, scenarios: list[Scenario], *options: str) -> str:
        files = [tmp_path / f"{scenario.name}.yaml" for scenario in scenarios]
        for file, scenario in zip(files, scenarios, strict=True):
            file.write_text(yaml.safe_dump(scenario.to_dict()))
        found = invoke(command, *map(str, files), *options)
        assert (found.exit_code, found.stdout) == (2, ""), found.output
        return str(found.stderr.splitlines()[-1])

    return message


def test_groups_that_another_scenario_lacks_are_refused_before_the_simulation(refused: Callable[..., str]) -> None:
    scenario = trial_scenario(treated=[{"send": "promo_mail"}], name="a")
    bare = small_scenario(name="b", horizon="60d", customers=400)
    for by in ("arm", "country"):
        assert refused("compare", [scenario, bare], "--by", by).startswith(
            f"--by: must be a grouping of every scenario, got '{by}', which 'b' lacks."
        )
    assert refused("compare", [scenario, bare], "--where", "country == FR").startswith("--where: must be valid in every scenario, got ")


@pytest.mark.parametrize("where", ["entry_month == '2031-01'", "country == UK and country == FR", "arm == control and arm == treated"])
def test_a_condition_that_nobody_can_meet_is_refused_before_the_simulation(refused: Callable[..., str], where: str) -> None:
    message = refused("simulate", [trial_scenario(treated=[{"send": "promo_mail"}])], "--where", where)
    assert message.startswith("--where: must hold for at least one customer who entered, got ")


def test_arms_with_other_shares_are_refused_before_the_simulation(refused: Callable[..., str]) -> None:
    scenarios = [trial_scenario(treated=[{"send": "promo_mail"}], share=share, name=name) for name, share in (("a", 0.5), ("b", 0.9))]
    assert "must have the same arms and shares in every scenario as in 'a', got other ones in 'b'" in refused(
        "compare", scenarios, "--by", "arm"
    )


def test_a_metric_that_no_alternative_has_is_refused_before_the_simulation(refused: Callable[..., str]) -> None:
    scenario = trial_scenario(treated=[{"send": "promo_mail"}], name="a")
    bare = small_scenario(name="b", horizon="60d", customers=400)
    message = refused("compare", [scenario, bare], "--metric", "open_rate[mail]")
    assert message.startswith("--metric: must exist in an alternative, too, got 'open_rate[mail]', which only the baseline has.")


def test_a_trial_with_existing_customers_is_refused_before_the_simulation(refused: Callable[..., str], tmp_path: Path) -> None:
    scenario = trial_scenario(treated=[{"send": "promo_mail"}], existing={"customers": 5, "years": 1})
    message = refused("simulate", [scenario], "--trial", "promo", "--out", str(tmp_path / "out"))
    assert message.startswith("--trial: must come from a run without existing customers, got 5.")


def test_a_window_beyond_the_horizon_is_refused_before_the_simulation(refused: Callable[..., str], tmp_path: Path) -> None:
    words = ("--trial", "promo", "--trial-window", "61d", "--out", str(tmp_path / "out"))
    message = refused("simulate", [trial_scenario(treated=[{"send": "promo_mail"}])], *words)
    assert message.startswith(
        "--trial: must count outcomes for at most 60 days, the longest time for which a customer is simulated, got 61"
    )


def test_compare_refuses_a_follow_up_of_an_alternative_with_desks_before_the_simulation(refused: Callable[..., str]) -> None:
    desks = {"journey": {"desks": {"help": {"service": {"fixed": "1min"}}}}, "policy": {"desks": {"help": {"agents": 1}}}}
    ask = {"events": {"question": {"in": "anywhere", "wait": {"exponential": "9d"}, "effects": [{"ask": "help"}]}}}
    scenarios = [small_scenario(name="a"), small_scenario(name="b", journey=desks["journey"] | ask, policy=desks["policy"])]
    assert refused("compare", scenarios, "--follow-up", "5d").startswith("--follow-up: must be omitted where customers affect each other")


def test_a_follow_up_of_customers_who_share_desks_is_refused() -> None:
    found = invoke("simulate", WITH_DESKS, "--customers", "10", "--follow-up", "14d")
    assert found.exit_code == 2
    assert "--follow-up: must be omitted where customers affect each other" in found.stderr


def test_a_window_that_leaves_no_rows_is_refused_with_the_longest_one(trial_file: str, tmp_path: Path) -> None:
    found = invoke("simulate", trial_file, "--trial", "promo", "--trial-window", "59.999d", "--out", str(tmp_path / "out"))
    assert found.exit_code == 2
    assert "--trial: must count outcomes for at most" in found.stderr
    assert cj.Run.load(tmp_path / "out").metrics  # the run itself is kept
    assert not {"trial.csv", "log.parquet"} & {file.name for file in (tmp_path / "out").iterdir()}
    longest = found.stderr.split("must count outcomes for at most ")[1].split(" days")[0]
    found = invoke("simulate", trial_file, "--trial", "promo", "--trial-window", f"{longest}d", "--out", str(tmp_path / "shorter"))
    assert found.exit_code == 0, found.stderr
    assert len(pd.read_csv(tmp_path / "shorter" / "trial.csv"))

"""The options of `simulate` and `compare` for months: --by month and --cohorts."""

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from monthly_firms import leaving_firm
from small_scenarios import small_scenario
from typer.testing import CliRunner

from cjsim.cli import app
from cjsim.simulation.simulate import simulate


def invoke(*arguments: str) -> Any:
    return CliRunner().invoke(app, list(arguments))


@pytest.fixture(scope="module")
def firm(tmp_path_factory: pytest.TempPathFactory) -> str:
    file = tmp_path_factory.mktemp("scenario") / "firm.yaml"
    file.write_text(yaml.safe_dump(leaving_firm(customers=8, horizon="40d").to_dict()))
    return str(file)


@pytest.fixture(scope="module")
def out(firm: str, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Any]]:
    folder = tmp_path_factory.mktemp("out") / "run"
    found = invoke("simulate", firm, "--by", "month", "--cohorts", "--json", "--out", str(folder))
    assert found.exit_code == 0, found.stderr
    return folder, json.loads(found.stdout)


def test_json_has_the_run_with_months_and_cohorts(out: tuple[Path, dict[str, Any]]) -> None:
    run = simulate(leaving_firm(customers=8, horizon="40d"), monthly=True)
    expected = run.by("month").to_json() | run.cohorts().to_json()
    assert {key: out[1][key] for key in expected} == expected
    assert out[1]["cohorts"]["2026-01"]["ages"]["1"]["buyers"]["unit"] == "share"
    assert out[1]["metrics"]["clv"]["value"] == run.metrics["clv"].value


def test_files_are_written(out: tuple[Path, dict[str, Any]]) -> None:
    assert {"groups.csv", "groups.json", "series.png", "cohorts.csv", "cohorts.json", "cohorts.png"} <= {
        path.name for path in out[0].iterdir()
    }
    assert json.loads((out[0] / "groups.json").read_text())["groups"] == out[1]["groups"]
    assert json.loads((out[0] / "cohorts.json").read_text())["cohorts"] == out[1]["cohorts"]


def test_a_later_run_removes_the_tables(firm: str, out: tuple[Path, dict[str, Any]]) -> None:
    refused = invoke("simulate", firm, "--out", str(out[0]))
    assert refused.exit_code == 2 and "must be a folder without earlier results" in refused.stderr
    assert invoke("simulate", firm, "--out", str(out[0]), "--force").exit_code == 0
    assert not {"series.png", "cohorts.csv", "groups.json"} & {path.name for path in out[0].iterdir()}


def test_cohorts_alone_print_only_their_table(firm: str) -> None:
    text = invoke("simulate", firm, "--cohorts", "--where", "country == 'DE'").stdout
    assert text.split()[:4] == ["entered", "in", "n", "age"]
    assert "Only customers with country == 'DE'." in text
    assert "satisfaction" not in text


def test_csv_by_month_has_one_row_per_month_and_metric(firm: str) -> None:
    lines = invoke("simulate", firm, "--by", "month", "--format", "csv").stdout.splitlines()
    assert lines[0] == "group,metric,value,low,high,n,unit"
    assert len(lines) == 1 + 2 * 10


def test_compare_by_month_shows_the_chosen_metric(firm: str) -> None:
    found = invoke("compare", firm, "--set", "policy.broadcasts={}", "--by", "month", "--metric", "total_contacts", "--json")
    effects = json.loads(found.stdout)["group_effects"]["policy.broadcasts={}"]["groups"]
    assert list(effects) == ["2026-01", "2026-02"]
    assert effects["2026-01"]["total_contacts"]["effect"] < 0


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["compare", "--set", "policy.broadcasts={}", "--by", "month", "--metric", "clv"], "--metric: must be one of 'new_customers'"),
        (["simulate", "--by", "moth"], "--by: must be one of"),
        (["simulate", "--by", "month", "--where", "entry_month == '2031-01'"], "--where: must hold for at least one customer"),
        (["simulate", "--by", "month", "--exposed"], "--exposed: must be used with --by arm, got --by month. Use --by arm."),
    ],
)
def test_wrong_input_is_named_in_one_line(firm: str, words: list[str], message: str) -> None:
    found = invoke(words[0], firm, *words[1:])
    assert found.exit_code == 2
    assert message in found.stderr.splitlines()[-1]
    assert "Traceback" not in found.stderr


@pytest.mark.parametrize("words", [["--by", "entry_month"], ["--cohorts"]])
def test_a_run_that_nobody_enters_has_an_empty_table(words: list[str], tmp_path: Path) -> None:
    idle = leaving_firm(customers=0, horizon="40d").with_values({"journey.acquisition.ads.baseline": 1e-9, "policy.acquisition.ads": 1e-9})
    (tmp_path / "idle.yaml").write_text(yaml.safe_dump(idle.to_dict()))
    found = invoke("simulate", str(tmp_path / "idle.yaml"), *words, "--format", "csv", "--out", str(tmp_path / "out"))
    assert found.exit_code == 0, found.stderr
    assert found.stdout.splitlines() == [("cohort,age" if "--cohorts" in words else "group") + ",metric,value,low,high,n,unit"]
    assert invoke("simulate", str(tmp_path / "idle.yaml"), *words, "--full" if "--by" in words else "--json").exit_code == 0


def test_cohorts_are_refused_before_the_simulation_if_all_customers_exist(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cjsim.simulation.simulate.simulate_seed", lambda *_, **__: pytest.fail("simulated"))
    old = small_scenario(customers=0, existing={"customers": 5, "years": 0.2})
    (tmp_path / "old.yaml").write_text(yaml.safe_dump(old.to_dict()))
    found = invoke("simulate", str(tmp_path / "old.yaml"), "--cohorts")
    assert found.exit_code == 2
    assert found.stderr.splitlines()[-1].startswith("--cohorts: must be used where customers enter from day 0 on, got no such customers.")


def test_help_names_the_options() -> None:
    text = " ".join(invoke("simulate", "--help").stdout.split())
    assert "--cohorts" in text
    assert "by month" in text

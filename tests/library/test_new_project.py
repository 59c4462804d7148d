"""`cjsim new` and `cjsim library`: every file of a new project is valid and runs."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

import cjsim as cj
from cjsim.cli import app
from cjsim.lab.new_project import create_project
from cjsim.library import library_entries

SOURCES = (None, "shop", "saas", "subscription", "b2b", "retail")


def cjsim(*words: str) -> str:
    found = CliRunner().invoke(app, words)
    assert found.exit_code == 0, found.stderr
    return found.stdout


@pytest.mark.parametrize("source", SOURCES)
def test_a_project_has_files_of_every_kind(source: str | None, tmp_path: Path) -> None:
    files = create_project(tmp_path / "mine", source=source)
    kinds = [file.relative_to(tmp_path / "mine").parts[0] for file in files]
    counts = {kind: kinds.count(kind) for kind in ("policies", "scenarios", "studies", "experiments")}
    assert counts == {"policies": 2, "scenarios": 3, "studies": 1, "experiments": 1}


@pytest.mark.parametrize("source", SOURCES)
def test_every_file_of_a_project_is_valid_without_the_library(source: str | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    files = create_project(tmp_path / "mine", source=source)
    monkeypatch.setattr("cjsim.library.library_folder", lambda: tmp_path / "missing")
    assert [cjsim("check", "--static", str(file)) for file in files if file.parent.name != "parts"] != []


def test_a_copied_scenario_is_that_of_the_library(tmp_path: Path) -> None:
    create_project(tmp_path / "mine", source="retail")
    assert cj.Scenario.load(tmp_path / "mine" / "scenarios" / "retail.yaml") == cj.Scenario.load("retail")


def test_the_small_example_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    create_project("mine")
    scenarios = [str(Path("mine", "scenarios", name)) for name in ("today.yaml", "sooner.yaml", "what_if.yaml")]
    assert set(json.loads(cjsim("compare", *scenarios, "--customers", "200", "--json"))["alternatives"]) == {"sooner", "what_if"}
    assert "clv" in cjsim("optimize", "mine/studies/timing.yaml", "--set", "customers=100", "--set", "trials=2", "--storage", "memory")
    assert "offer_sooner:" in cjsim("experiment", "mine/experiments/offer_sooner.yaml", "--customers", "200", "--reports", "reports")


def test_a_folder_that_holds_files_is_refused(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("mine", encoding="utf-8")
    found = CliRunner().invoke(app, ["new", str(tmp_path)])
    assert (found.exit_code, found.stderr) == (
        2,
        f"{tmp_path}: must be a new or empty folder, got one that holds files. Choose another folder.\n",
    )


def test_an_unknown_source_is_refused(tmp_path: Path) -> None:
    found = CliRunner().invoke(app, ["new", str(tmp_path / "mine"), "--from", "sas"])
    assert found.exit_code == 2
    assert found.stderr.startswith("--from: must be one of ")
    assert found.stderr.endswith("got 'sas'. Did you mean 'saas'?\n")
    assert not (tmp_path / "mine").exists()


def test_the_library_is_listed_by_kind() -> None:
    lines = cjsim("library").splitlines()
    assert [line for line in lines if line and not line.startswith(" ")][:4] == ["scenarios:", "studies:", "policies:", "journeys:"]
    assert any(line.split() == ["shop", "Online", "shop:", "current", "policy"] for line in lines)


def test_the_list_as_json_names_every_file_with_its_title() -> None:
    found = json.loads(cjsim("library", "--json"))["entries"]
    assert [entry["name"] for entry in found if not entry["title"]] == []
    assert {entry["name"] for entry in found if entry["kind"] == "study"} == {entry.name for entry in library_entries("study")}

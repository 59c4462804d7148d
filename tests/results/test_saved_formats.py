"""Folders of results state their format. Those of other versions are read, or refused with the version that wrote them."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from synthetic_runs import random_outcomes, run_from_outcomes

from cjsim.errors import InputError
from cjsim.lab.journal import Journal
from cjsim.manifest import RESULT_FORMAT, Manifest
from cjsim.simulation.comparison import Comparison
from cjsim.simulation.run import Run

Change = Callable[[dict[str, Any]], object]


def edit(file: Path, change: Change) -> None:
    content = json.loads(file.read_text(encoding="utf-8"))
    content.pop("manifest_sha256", None)
    change(content)
    file.write_text(json.dumps(content), encoding="utf-8")


@pytest.fixture
def run_folder(tmp_path: Path) -> Path:
    return run_from_outcomes(random_outcomes(20)).save(tmp_path / "run")


@pytest.fixture
def finding_folder(tmp_path: Path) -> Path:
    folder = tmp_path / "reports" / "sooner" / "abc"
    folder.mkdir(parents=True)
    facts: dict[str, Any] = {"hypothesis": "It rises.", "scenario": "shop", "metric": "clv", "verdict": "supported", "unit": "money"}
    numbers: dict[str, Any] = {"effect": 1.0, "low": 0.5, "high": 1.5, "customers": 100, "seed": 1, "seconds": 1.0}
    Manifest(kind="experiment", name="sooner", digest="d", **facts, **numbers).write(folder)
    return folder


def test_run_states_its_format(run_folder: Path) -> None:
    assert json.loads((run_folder / "manifest.json").read_text(encoding="utf-8"))["format"] == RESULT_FORMAT


def test_finding_states_its_format(finding_folder: Path) -> None:
    assert json.loads((finding_folder / "manifest.json").read_text(encoding="utf-8"))["format"] == RESULT_FORMAT


def test_run_without_a_format_is_read(run_folder: Path) -> None:
    edit(run_folder / "manifest.json", lambda content: content.pop("format"))
    assert len(Run.load(run_folder)) == 20


def test_run_without_fields_that_have_defaults_is_read(run_folder: Path) -> None:
    edit(run_folder / "manifest.json", lambda content: [content.pop(name) for name in ("processes", "follow_up_days", "until_days")])
    assert Run.load(run_folder).provenance.follow_up_days is None


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda content: content.pop("wages"), r"one written by cjsim 0\.0\.3 \(KeyError: 'wages'\)\. Run the command again\."),
        (lambda content: content.pop("seed"), r"one written by cjsim 0\.0\.3 \(ValidationError: .*\)\. Run the command again\."),
        (
            lambda content: content.update(format=9),
            r"one written by cjsim 0\.0\.3 in format 9\. Use cjsim 0\.0\.3, or run ",
        ),
    ],
)
def test_run_of_another_version_is_refused_with_the_version(run_folder: Path, change: Change, message: str) -> None:
    edit(run_folder / "manifest.json", lambda content: (content.update(version="0.0.3"), change(content)))
    with pytest.raises(InputError, match=rf"run/manifest\.json: must be a run that cjsim \S+ can read, got {message}"):
        Run.load(run_folder)


def test_run_whose_tables_lack_a_column_is_refused(run_folder: Path) -> None:
    import pyarrow.parquet as pq

    file = run_folder / "customers.parquet"
    pq.write_table(pq.read_table(file).drop_columns(["clv"]), file)
    edit(run_folder / "manifest.json", lambda content: content.pop("files"))
    with pytest.raises(InputError, match=r"run/customers\.parquet: clv: must be in the file once, got no such column"):
        Run.load(run_folder)


def test_comparison_with_a_run_of_another_version_is_refused(tmp_path: Path) -> None:
    runs = {name: run_from_outcomes(random_outcomes(20)) for name in ("a", "b")}
    folder = Comparison.of(runs).save(tmp_path / "both")
    edit(folder / "run_1" / "manifest.json", lambda content: content.update(format=2))
    edit(folder / "comparison.json", lambda content: content.pop("files"))
    with pytest.raises(InputError, match=r"run_1/manifest\.json: must be a run that cjsim"):
        Comparison.load(folder)


def test_comparison_without_its_names_is_refused(tmp_path: Path) -> None:
    (tmp_path / "comparison.json").write_text("{}", encoding="utf-8")
    with pytest.raises(InputError, match=r"must be a comparison that cjsim \S+ can read, got one written by an unknown version of cjsim"):
        Comparison.load(tmp_path)


def test_journal_names_the_version_of_a_finding_that_it_cannot_read(finding_folder: Path, tmp_path: Path) -> None:
    edit(finding_folder / "manifest.json", lambda content: (content.update(version="0.0.3"), content.pop("metric")))
    listing = Journal(tmp_path / "reports").entries()
    assert listing.entries == ()
    assert "not listed: " in listing.summary()
    assert "one written by cjsim 0.0.3 (ValidationError: " in listing.to_json()["unreadable"][0]


def test_journal_is_silent_about_other_manifests(run_folder: Path) -> None:
    assert Journal(run_folder.parent).entries().unreadable == ()


def test_finding_without_a_format_is_listed(finding_folder: Path, tmp_path: Path) -> None:
    edit(finding_folder / "manifest.json", lambda content: content.pop("format"))
    assert [entry.manifest.name for entry in Journal(tmp_path / "reports").entries().entries] == ["sooner"]

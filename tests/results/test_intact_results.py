"""A manifest lists the size and the digest of every file, and results are loaded only if all files are those that were saved."""

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest
from synthetic_runs import random_outcomes, run_from_outcomes
from typer.testing import CliRunner

from cjsim.cli import app
from cjsim.errors import InputError
from cjsim.lab.journal import Journal
from cjsim.manifest import Manifest
from cjsim.output_folder import atomic_output_folder
from cjsim.simulation.comparison import Comparison
from cjsim.simulation.run import Run


def json_of(file: Path) -> dict[str, Any]:
    return dict(json.loads(file.read_text(encoding="utf-8")))


@pytest.fixture
def run_folder(tmp_path: Path) -> Path:
    return run_from_outcomes(random_outcomes(20)).save(tmp_path / "run")


@pytest.fixture
def comparison_folder(tmp_path: Path) -> Path:
    return Comparison.of({name: run_from_outcomes(random_outcomes(20)) for name in ("a", "b")}).save(tmp_path / "both")


@pytest.fixture
def finding_folder(tmp_path: Path) -> Path:
    folder = tmp_path / "reports" / "sooner" / "abc"
    facts: dict[str, Any] = {"hypothesis": "It rises.", "scenario": "shop", "metric": "clv", "verdict": "supported", "unit": "money"}
    numbers: dict[str, Any] = {"effect": 1.0, "low": 0.5, "high": 1.5, "customers": 100, "seed": 1, "seconds": 1.0}
    with atomic_output_folder(folder) as draft:
        assert draft is not None
        (draft / "report.md").write_text("The report.")
        (draft / "result.json").write_text("{}")
        Manifest(kind="experiment", name="sooner", digest="d", **facts, **numbers).write(draft)
    return folder


def test_manifest_lists_every_file_with_its_size_and_digest(run_folder: Path) -> None:
    files = {path.name: path.read_bytes() for path in run_folder.iterdir() if path.name != "manifest.json"}
    expected = {name: {"bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()} for name, content in files.items()}
    assert json_of(run_folder / "manifest.json")["files"] == expected


def test_comparison_lists_the_manifests_of_its_runs(comparison_folder: Path) -> None:
    assert set(json_of(comparison_folder / "comparison.json")["files"]) == {"comparison.png", "run_0/manifest.json", "run_1/manifest.json"}


def test_files_that_a_command_adds_to_a_run_are_listed(tmp_path: Path) -> None:
    with atomic_output_folder(tmp_path / "out") as draft:
        assert draft is not None
        run_from_outcomes(random_outcomes(5)).save(draft)
        (draft / "trial.csv").write_text("arm\n")
    assert "trial.csv" in json_of(tmp_path / "out" / "manifest.json")["files"]


@pytest.mark.parametrize("name", ["customers.parquet", "truth.parquet", "metrics.json"])
def test_run_with_a_flipped_bit_is_refused(name: str, run_folder: Path) -> None:
    content = bytearray((run_folder / name).read_bytes())
    content[len(content) // 2] ^= 1
    (run_folder / name).write_bytes(content)
    with pytest.raises(
        InputError, match=rf"{name}: must be the file that the result was saved with, got one with different content\. Restore"
    ):
        Run.load(run_folder)


def test_run_with_a_cut_file_is_refused(run_folder: Path) -> None:
    (run_folder / "truth.parquet").write_bytes(b"PAR1")
    with pytest.raises(InputError, match=r"truth\.parquet: must be .*, got one of 4 bytes instead of [\d,]+\."):
        Run.load(run_folder)


def test_run_without_one_of_its_files_is_refused(run_folder: Path) -> None:
    (run_folder / "metrics.json").unlink()
    with pytest.raises(InputError, match=r"metrics\.json: must be .*, got no such file\."):
        Run.load(run_folder)


def test_log_of_another_run_is_not_loaded(run_folder: Path) -> None:
    (run_folder / "log.parquet").write_bytes(b"PAR1")
    assert Run.load(run_folder).log_path is None


def test_loaded_run_does_not_read_the_files_of_a_later_run(run_folder: Path) -> None:
    run = Run.load(run_folder)
    run_from_outcomes(random_outcomes(30)).save(run_folder)
    with pytest.raises(InputError, match=r"customers\.parquet: must be the file that the result was saved with"):
        _ = run.customers


def test_comparison_with_the_run_of_another_comparison_is_refused(comparison_folder: Path, run_folder: Path) -> None:
    run_from_outcomes(random_outcomes(30)).save(comparison_folder / "run_1")
    with pytest.raises(InputError, match=r"run_1/manifest\.json: must be the file that the result was saved with"):
        Comparison.load(comparison_folder)


@pytest.mark.parametrize("files", [[], {"../x": {}}, {"/x": {}}, {"x": 1}, {"x": {"bytes": 1}}, 7])
def test_malformed_list_of_files_is_refused(files: object, run_folder: Path) -> None:
    manifest = json_of(run_folder / "manifest.json") | {"files": files}
    del manifest["manifest_sha256"]
    (run_folder / "manifest.json").write_text(json.dumps(manifest))
    with pytest.raises(InputError, match=r"run/manifest\.json: must be a run that cjsim \S+ can read"):
        Run.load(run_folder)


def test_result_of_an_earlier_version_is_loaded_without_digests(run_folder: Path) -> None:
    manifest = json_of(run_folder / "manifest.json")
    del manifest["files"], manifest["manifest_sha256"]
    (run_folder / "manifest.json").write_text(json.dumps(manifest))
    assert len(Run.load(run_folder)) == 20


def test_report_of_another_run_is_not_shown(finding_folder: Path, tmp_path: Path) -> None:
    (finding_folder / "report.md").write_text("A report.")
    found = CliRunner().invoke(app, ["journal", "show", "sooner", "--reports", str(tmp_path / "reports")])
    assert (found.exit_code, found.stdout) == (2, "")
    assert "report.md: must be the file that the result was saved with" in found.stderr
    assert len(Journal(tmp_path / "reports").entries()) == 1


def test_run_with_a_changed_manifest_is_refused(run_folder: Path) -> None:
    manifest = run_folder / "manifest.json"
    manifest.write_text(manifest.read_text().replace('"customers": 20', '"customers": 21'))
    with pytest.raises(
        InputError, match=r"manifest\.json: must be the file that the result was saved with, got one with different content"
    ):
        Run.load(run_folder)


def test_journal_names_a_finding_with_a_changed_manifest(finding_folder: Path, tmp_path: Path) -> None:
    manifest = finding_folder / "manifest.json"
    manifest.write_text(manifest.read_text().replace('"effect": 1.0', '"effect": 9.0'))
    listing = Journal(tmp_path / "reports").entries()
    assert (len(listing), len(listing.unreadable)) == (0, 1)
    assert "manifest.json: must be the file that the result was saved with" in listing.unreadable[0]

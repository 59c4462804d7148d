"""The shipped experiments: each loads, and its committed report matches the current file."""

import json
from functools import cache
from pathlib import Path

import pytest
from conftest import ROOT

from cjsim.escaping.markdown_text import markdown_text
from cjsim.lab.experiment import Experiment
from cjsim.lab.findings import Findings
from cjsim.lab.journal import JournalEntry
from cjsim.lab.report_folder import RESULT_FILE, run_folder
from cjsim.lab.verdict import EXPERIMENT_VERDICTS
from cjsim.manifest import Manifest

FILES = sorted((ROOT / "experiments").glob("*.yaml"))
REPORTS = ROOT / "reports"
NAMES = [file.stem for file in FILES]
MOST_BYTES = 60_000  # per file of a report
BY_FILE = dict(zip(NAMES, FILES, strict=True))


@cache
def load_experiment(name: str) -> Experiment:
    return Experiment.load(BY_FILE[name])


def report_folder(name: str) -> Path:
    return run_folder(load_experiment(name), REPORTS)


def test_at_least_12_experiments_are_shipped() -> None:
    assert len(FILES) >= 12
    assert [file.stem for file in FILES if not file.read_text(encoding="utf-8").startswith("# ")] == []


@pytest.mark.parametrize("name", NAMES)
def test_committed_report_matches_its_experiment(name: str) -> None:
    assert load_experiment(name).name == name
    at = report_folder(name)
    assert at.is_dir(), f"{name} or its scenarios have changed since it was run: make experiments"
    found = Findings.from_json(json.loads((at / RESULT_FILE).read_text(encoding="utf-8")))
    manifest = Manifest.read(at)
    assert (manifest.verdict, manifest.effect) == (found.verdict, found.effect.effect)
    assert found.verdict in EXPERIMENT_VERDICTS
    page = (at / "report.md").read_text(encoding="utf-8")
    assert markdown_text(load_experiment(name).hypothesis) in page
    assert f"**{found.verdict.capitalize()}.** {found.verdict_sentence(is_markdown=True)}" in page


@pytest.mark.parametrize("name", NAMES)
def test_reports_are_small(name: str) -> None:
    sizes = {path.name: path.stat().st_size for path in report_folder(name).iterdir()}
    assert [one for one, size in sizes.items() if size > MOST_BYTES or one.endswith(".parquet")] == []


def test_claims_table_lists_every_verdict_and_effect() -> None:
    table = (ROOT / "docs" / "claims.md").read_text(encoding="utf-8")
    rows = [f"| {name} | {Manifest.read(report_folder(name)).verdict} |" for name in NAMES]
    assert [row for row in rows if row not in table] == []
    entries = [JournalEntry(report_folder(name), Manifest.read(report_folder(name))) for name in NAMES]
    rows = [f" | {entry.effect_text} | {entry.manifest.hypothesis} | " for entry in entries]
    assert [one for one in rows if one not in table] == []
    assert table.count("\n| ") == len(NAMES) + 1

"""The shipped experiments: each loads, and its committed report is of what it says now."""

import json
from functools import cache
from pathlib import Path

import pytest
from conftest import ROOT

from cjsim.lab.experiment import Experiment
from cjsim.lab.findings import Findings
from cjsim.lab.journal import Entry
from cjsim.lab.reports import RESULT, run_folder
from cjsim.lab.verdict import VERDICTS
from cjsim.manifest import Manifest

FILES = sorted((ROOT / "experiments").glob("*.yaml"))
REPORTS = ROOT / "reports"
NAMES = [file.stem for file in FILES]
MOST_BYTES = 60_000  # of one file of a report
BY_FILE = dict(zip(NAMES, FILES, strict=True))


@cache
def asked(name: str) -> Experiment:
    return Experiment.load(BY_FILE[name])


def folder(name: str) -> Path:
    return run_folder(asked(name), REPORTS)


def test_there_are_experiments_for_what_practitioners_claim() -> None:
    assert len(FILES) >= 12
    assert [file.stem for file in FILES if not file.read_text(encoding="utf-8").startswith("# ")] == []


@pytest.mark.parametrize("name", NAMES)
def test_the_committed_report_is_of_the_experiment_as_it_is(name: str) -> None:
    assert asked(name).name == name
    at = folder(name)
    assert at.is_dir(), f"{name} or its scenarios have changed since it was run: make experiments"
    found = Findings.from_json(json.loads((at / RESULT).read_text(encoding="utf-8")))
    manifest = Manifest.read(at)
    assert (manifest.verdict, manifest.effect) == (found.verdict, found.effect.effect)
    assert found.verdict in VERDICTS
    page = (at / "report.md").read_text(encoding="utf-8")
    assert asked(name).hypothesis in page
    assert f"**{found.verdict.capitalize()}.** {found.sentence()}" in page


@pytest.mark.parametrize("name", NAMES)
def test_reports_are_small(name: str) -> None:
    sizes = {path.name: path.stat().st_size for path in folder(name).iterdir()}
    assert [one for one, size in sizes.items() if size > MOST_BYTES or one.endswith(".parquet")] == []


def test_the_table_of_claims_has_every_verdict_with_its_effect() -> None:
    table = (ROOT / "docs" / "claims.md").read_text(encoding="utf-8")
    rows = [f"| {name} | {Manifest.read(folder(name)).verdict} |" for name in NAMES]
    assert [row for row in rows if row not in table] == []
    entries = [Entry(folder(name), Manifest.read(folder(name))) for name in NAMES]
    told = [f" | {entry.effect} | {entry.manifest.hypothesis} | " for entry in entries]
    assert [one for one in told if one not in table] == []
    assert table.count("\n| ") == len(NAMES) + 1

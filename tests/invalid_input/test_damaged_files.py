"""Damaged files of every kind that cjsim reads are refused in one line that names the file, or read with the same result.

What remains is 'changed': a file that is still well formed, with another value or fewer rows. It has neither a checksum nor a digest.
"""

import ast
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from conftest import ROOT
from damaged_files import Outcome, Sample
from file_kinds import kinds

KINDS = {kind.name: kind for kind in kinds()}
# Files of results, which have digests or checksums, and compressed files, so that no damage goes unnoticed.
PROTECTED = {
    "customers of a run",
    "truth of a run",
    "log of a run",
    "metrics of a run",
    "findings of an experiment",
    "report of an experiment",
    "document of an experiment",
    "checkpoints of an experiment",
    "journal of a study",
    "database of a study",
    "trial, gzip",
    "paths, gzip",
    "log, gzip",
    "purchases, gzip",
    "purchases, Excel",
    "earlier result in --out",
}
QUICK_SEEDS, ALL_SEEDS = range(4), range(1_000, 1_060)  # 37 kinds: 148 and 2,220 files
READING_METHODS = {"read_text", "read_bytes", "read_table", "read_schema", "read_metadata", "ParquetFile", "input_stream"}
# Modules that read files in their own way, and why they may.
OWN_READERS = {
    "cjsim/commands/standard_streams.py": "opens the null device to write to it",
    "cjsim/kernel.py": "the package's own source",
    "cjsim/kernel_cache.py": "compiled kernels, which it checks itself",
    "cjsim/lab/new_project.py": "files of the library",
    "cjsim/pages/page_rendering.py": "the package's own templates",
    "cjsim/pages/maps/map_rendering.py": "the package's own templates",
    "cjsim/testing/process_contract.py": "a log that it has just written",
    "cjsim/scenario/zone_names.py": "files of the tzdata package",
    "cjsim/output_folder/file_digests.py": "files whose size is known",
    "cjsim/output_folder/replacement.py": "opens its own files to flush them",
    "cjsim/tuning/journal_file.py": "opens a checked file to append to it",
}


def damaged(folder: Path, name: str, seeds: range) -> list[Outcome]:
    sample = Sample(KINDS[name], folder / "sample")
    return [sample.try_damage(seed) for seed in seeds]


def assert_no_failure(outcomes: list[Outcome]) -> None:
    failures = [f"seed {i}: {one.damage}: {one.result}: {one.detail}" for i, one in enumerate(outcomes) if one.is_failure]
    assert failures == []
    changed = [one.damage for one in outcomes if one.result == "changed" and one.kind in PROTECTED]
    assert changed == []


@pytest.mark.parametrize("name", KINDS)
def test_damaged_files_are_refused_in_one_line(tmp_path: Path, name: str) -> None:
    assert_no_failure(damaged(tmp_path, name, QUICK_SEEDS))


@pytest.mark.slow
@pytest.mark.parametrize("name", KINDS)
def test_2000_damaged_files_are_refused_in_one_line(tmp_path: Path, name: str) -> None:
    outcomes = damaged(tmp_path, name, ALL_SEEDS)
    assert_no_failure(outcomes)
    counts = Counter(one.result for one in outcomes)
    assert counts["refused"] + counts["recovered"] > 10 or name in PROTECTED


def own_reads(tree: ast.AST) -> Iterator[str]:
    """Calls that read a file without the checks of `cjsim.input_files`."""
    for call in (node for node in ast.walk(tree) if isinstance(node, ast.Call)):
        owner, _, name = ast.unparse(call.func).rpartition(".")
        mode = ast.unparse(call.args[0]) if call.args else "'r'"
        opens = name == "open" and (not owner or (owner != "os" and mode.startswith("'r") and not call.keywords))
        if opens or (owner and name in READING_METHODS):
            yield name


@pytest.mark.parametrize("source", ["path.read_text()", "pq.read_table(path)", "open(path)", "path.open('rb')", "path.open()"])
def test_reads_without_checks_are_found(source: str) -> None:
    assert list(own_reads(ast.parse(source))) != []


def test_all_files_are_read_with_checks() -> None:
    files = [path for path in (ROOT / "cjsim").rglob("*.py") if path.parent.name != "input_files"]
    reads = {path.relative_to(ROOT).as_posix(): list(own_reads(ast.parse(path.read_text(encoding="utf-8")))) for path in files}
    assert {name for name, found in reads.items() if found} == set(OWN_READERS)

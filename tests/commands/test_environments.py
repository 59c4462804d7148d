"""Odd environments: without a home, a temporary folder or the working directory, with few open files, little memory, or another user."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import ROOT
from error_messages import WORLDS
from test_standard_streams import Answer, answers_of

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
TINY = str(WORLDS / "tiny.yaml")
is_administrator = hasattr(os, "getuid") and os.getuid() == 0
needs_administrator = pytest.mark.skipif(not is_administrator, reason="only the administrator can run a process as another user")
WORKING = ("no home", "home that is no folder", "no temporary folder", "odd time zone", "private files", "64 open files")


@pytest.fixture(scope="module")
def folder() -> Path:
    """A folder that every user can write to. Those of pytest are private."""
    import tempfile

    found = Path(tempfile.mkdtemp())
    found.chmod(0o777)
    closed = found / "closed"
    closed.mkdir()
    closed.chmod(0o755)
    return found


@pytest.fixture(scope="module")
def runs(folder: Path) -> dict[str, Answer]:
    """A small simulation in each environment, with kernels as plain Python, which do not depend on a cache."""
    names = [*WORKING, "3 GiB of addresses", *(["another user"] if is_administrator else [])]
    words = ("simulate", TINY, "--customers", "5", "--out")
    cases = [(name, *words, str(folder / name)) for name in names]
    if is_administrator:
        cases.append(("another user", *words, str(folder / "closed" / "run")))
    cases.append(("removed folder", *words, str(folder / "removed folder")))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("NUMBA_DISABLE_JIT", "1")
        found = answers_of(folder, cases)
    return {case[0] if "closed" not in case[-1] else "closed folder": answer for case, answer in found.items()}


@pytest.mark.parametrize("name", [*WORKING, "3 GiB of addresses", pytest.param("another user", marks=needs_administrator)])
def test_a_run_is_the_same_in_every_environment(name: str, runs: dict[str, Answer], folder: Path) -> None:
    code, output, errors = runs[name]
    assert (code, "Traceback" in errors) == (0, False), errors
    assert output == runs["no home"][1]
    assert json.loads((folder / name / "manifest.json").read_text(encoding="utf-8"))["customers"] == 5


def test_private_files_stay_private(runs: dict[str, Answer], folder: Path) -> None:
    modes = {path.stat().st_mode & 0o777 for path in (folder / "private files").iterdir()}
    assert modes == {0o600}


@needs_administrator
def test_a_folder_that_cannot_be_written_gives_one_line(runs: dict[str, Answer], folder: Path) -> None:
    code, _, errors = runs["closed folder"]
    got = f"'{folder}/closed/run' (Permission denied)"
    assert (code, errors) == (2, f"--out: must be a writable folder, got {got}. Choose another folder.\n")


def test_a_removed_working_folder_gives_one_line(runs: dict[str, Answer]) -> None:
    got = "one that does not (No such file or directory)"
    line = f"the working folder: must exist, got {got}. Change to another folder, and run the command again.\n"
    assert runs["removed folder"] == (2, "", line)


def run_in(environment: dict[str, str], *words: str, limit: str = "") -> subprocess.CompletedProcess[str]:
    """A command in a process of its own."""
    command = ["bash", "-c", f'{limit}exec "$@"', "bash", sys.executable, "-m", "cjsim", *words]
    variables = os.environ | {"PYTHONPATH": str(ROOT)} | environment
    return subprocess.run(command, env=variables, capture_output=True, check=False, encoding="utf-8", errors="replace")


@pytest.mark.slow
@pytest.mark.parametrize("limit", ["ulimit -v 3145728; ", "ulimit -n 64; ", "umask 077; "])
def test_a_limited_process_gives_the_results_of_any_other(limit: str, tmp_path: Path) -> None:
    words = ("compare", TINY, "--set", "policy.flows.greet.holdout=0.5", "--customers", "50", "--json")
    done, usual = run_in({}, *words, "--out", str(tmp_path / "limited"), limit=limit), run_in({}, *words)
    assert (done.returncode, done.stdout) == (0, usual.stdout), done.stderr
    assert (tmp_path / "limited" / "comparison.png").stat().st_size > 10_000


@pytest.mark.slow
def test_a_posix_locale_prints_and_writes_all_text(tmp_path: Path) -> None:
    file = tmp_path / "caf\N{LATIN SMALL LETTER E WITH ACUTE}.yaml"
    file.write_text(f"extends: {TINY}\nname: cafe\ntitle: caf\N{LATIN SMALL LETTER E WITH ACUTE}\n", encoding="utf-8")
    posix = {"LANG": "C", "LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0", "PYTHONIOENCODING": "ascii"}
    done = run_in(posix, "describe", str(file))
    assert (done.returncode, done.stdout[:18]) == (0, "Scenario cafe (caf"), done.stderr
    done = run_in(posix, "simulate", str(file), "--customers", "5", "--out", str(tmp_path / "run"))
    assert done.returncode == 0, done.stderr
    assert json.loads((tmp_path / "run" / "manifest.json").read_text(encoding="utf-8"))["scenario"] == "cafe"


@pytest.mark.slow
def test_two_processes_that_compile_at_once_give_the_same_results(tmp_path: Path) -> None:
    environment = os.environ | {"PYTHONPATH": str(ROOT), "CJSIM_CACHE": str(tmp_path / "cache")}
    command = [sys.executable, "-m", "cjsim", "simulate", TINY, "--customers", "50", "--json"]
    started = [subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) for _ in range(2)]
    outputs = [json.loads(process.communicate()[0]) | {"seconds": 0} for process in started]
    assert outputs[0] == outputs[1]
    last = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    assert (json.loads(last.stdout) | {"seconds": 0}, last.stderr) == (outputs[0], "")

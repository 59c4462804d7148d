"""A command that is killed at any file operation leaves the earlier result or the new one, and the next command cleans up.

Each command replaces a result of the same command with other settings. It dies before its k-th file operation (opening to write, renaming,
removing, creating or flushing), or amid a write. Then the next command runs, without `--force`.
"""

import json
import os
import random
import shutil
import sys
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from error_messages import WORLDS
from typer.testing import CliRunner

if sys.platform == "win32":
    pytest.skip("needs fork", allow_module_level=True)

from kill_points import Kill, SharedCounter, counted_calls, fork

from cjsim.cli import app
from cjsim.lab.checkpoints import Checkpoints
from cjsim.output_folder import COMPARISON_FILE, MANIFEST_FILE, require_intact_files
from cjsim.simulation.comparison import Comparison
from cjsim.simulation.figures import FigureKind
from cjsim.simulation.run import Run
from cjsim.tuning.storage import TrialStore
from cjsim.tuning.study import Study

TINY = str(WORLDS / "tiny.yaml")
STUDY = "name: s\nscenario: {scenario}\ncustomers: 20\ntrials: 3\nbatch: 1\nsampler: random\nobjectives: [clv]\ntitle: {title}\n"
STUDY += "confirm: {{finalists: 1, customers: 20}}\nfree: {{policy.flows.greet.again_after: {{low: 1d, high: 9d}}}}\n"
EXPERIMENT = "name: e\nhypothesis: {title}\nscenario: {scenario}\nmetric: clv\ndirection: rises\ncustomers: 20\nreplications: 2\n"
EXPERIMENT += "variants: {{none: {{set: {{policy.flows: {{}}}}}}}}\n"
CALIBRATE = ["calibrate", "purchases", "log.csv", "--customer", "customer", "--time", "date", "--value", "amount", "--out", "out"]
# Two command lines per command: of the earlier result and of the new one. The earlier run has files that the new one lacks.
COMMANDS = {
    "simulate": (
        ["simulate", TINY, "--customers", "9", "--events", "--out", "out"],
        ["simulate", TINY, "--customers", "8", "--seed", "2", "--out", "out"],
    ),
    "compare": (
        ["compare", TINY, "two.yaml", "three.yaml", "--customers", "9", "--out", "out"],
        ["compare", TINY, "two.yaml", "--customers", "8", "--seed", "2", "--out", "out"],
    ),
    "levers": (
        ["levers", TINY, "--metric", "clv", "--customers", "10", "--only", "policy.flows.greet", "--out", "out"],
        ["levers", TINY, "--metric", "clv", "--customers", "10", "--only", "policy.flows.greet", "--seed", "2", "--out", "out"],
    ),
    "calibrate": ([*CALIBRATE, "--until", "2024-03-31"], [*CALIBRATE, "--until", "2024-04-30"]),
    "optimize": (
        ["optimize", "study1.yaml", "--storage", "study1.journal", "--out", "out"],
        ["optimize", "study2.yaml", "--storage", "study2.journal", "--out", "out"],
    ),
    "experiment": (["experiment", "experiment1.yaml"], ["experiment", "experiment2.yaml"]),
}
QUICK, THOROUGH = 5, 50  # kills of each command
UNEQUAL_KEYS = {"seconds", "date", "bytes", "sha256", "manifest_sha256"}  # of JSON files of equal runs


def invoke(words: list[str], *more: str) -> tuple[int, str]:
    found = CliRunner().invoke(app, [*words, *more])
    return found.exit_code, found.stderr


def write_inputs(folder: Path) -> None:
    for name in ("two", "three"):
        (folder / f"{name}.yaml").write_text(f"extends: {TINY}\nname: {name}\n")
    for i in (1, 2):
        (folder / f"study{i}.yaml").write_text(STUDY.format(scenario=TINY, title=f"Study {i}") + f"seed: {i}\n")
        (folder / f"experiment{i}.yaml").write_text(EXPERIMENT.format(scenario=TINY, title=f"Words {i}"))
    draw, rows = random.Random(1), ["customer,date,amount"]
    for customer in range(60):
        day = date(2024, 1, 1) + timedelta(days=draw.randrange(100))
        for _ in range(draw.randrange(1, 6)):
            rows.append(f"c{customer},{day},{draw.randrange(10, 90)}")
            day += timedelta(days=draw.randrange(1, 40))
    (folder / "log.csv").write_text("\n".join(rows) + "\n")


def state_of(folder: Path) -> dict[str, Any]:
    """The content of all files, hidden ones too, without what differs between equal runs."""

    def without_unequal(value: Any) -> Any:
        if isinstance(value, dict):
            return {key: without_unequal(item) for key, item in value.items() if key not in UNEQUAL_KEYS}
        return [without_unequal(item) for item in value] if isinstance(value, list) else value

    files = sorted(path for path in folder.rglob("*") if path.is_file() or not any(path.iterdir()))
    return {
        path.relative_to(folder).as_posix(): without_unequal(json.loads(path.read_text())) if path.suffix == ".json" else path.read_bytes()
        for path in files
        if path.is_file()
    } | {f"{path.relative_to(folder).as_posix()}/": "an empty folder" for path in files if path.is_dir()}


def require_whole(folder: Path) -> None:
    """Check each manifest in a folder against the files, and load what can be loaded."""
    for marker in (*folder.rglob(MANIFEST_FILE), *folder.rglob(COMPARISON_FILE)):
        require_intact_files(marker.parent, json.loads(marker.read_text()))
    if (folder / "customers.parquet").exists():
        Run.load(folder)
    if (folder / COMPARISON_FILE).exists():
        Comparison.load(folder)


class Workbench:
    """The results of one command: the earlier one, which is replaced, and the one that replaces it."""

    def __init__(self, command: str, folder: Path) -> None:
        self.folder = folder
        self.earlier_words, self.new_words = COMMANDS[command]
        self.out = folder / ("reports" if command == "experiment" else "out")
        self.kept = SharedCounter()  # trials or checkpoints that the killed process had stored
        write_inputs(folder)
        os.chdir(folder)
        assert invoke(self.earlier_words)[0] == 0
        shutil.copytree(self.out, folder / "earlier")
        invoke(self.new_words)  # an experiment renews the words of its report; other commands refuse to replace a result
        self.kept_result = state_of(self.out)
        self.operations: dict[bool, int] = {}  # file operations of the new run, by whether the folder is new
        for is_new_folder in (True, False):
            self.prepare(is_new_folder=is_new_folder)
            was_killed, self.operations[is_new_folder] = self.run_and_kill(Kill())
            assert not was_killed
            if is_new_folder:
                self.new = state_of(self.out)
        assert state_of(self.out) == self.new != self.kept_result
        largest = max(path.stat().st_size for path in self.out.rglob("*") if path.is_file())
        self.file_bytes = (1, 40, 200, largest // 2, largest * 3 // 4)  # sizes vary by some bytes, as durations do

    def prepare(self, *, is_new_folder: bool) -> None:
        shutil.rmtree(self.out, ignore_errors=True)
        self.remove_storage()
        if not is_new_folder:
            shutil.copytree(self.folder / "earlier", self.out)
        self.kept.set(0)

    def remove_storage(self) -> None:
        (self.folder / "study2.journal").unlink(missing_ok=True)

    def run_and_kill(self, kill: Kill) -> tuple[bool, int]:
        def run() -> None:
            code, message = invoke(self.new_words, "--force")
            assert code == 0, message

        return fork(run, kill, str(self.folder))

    def require_stored_work(self) -> None:
        """Nothing that the killed process had stored is lost."""
        if self.new_words[0] == "optimize" and (self.folder / "study2.journal").exists():
            assert len(TrialStore(Study.load("study2.yaml"), storage="study2.journal")) >= int(self.kept)
        for file in self.folder.glob("reports/e/.*.pieces"):
            assert len(Checkpoints(file)) >= int(self.kept)

    def require_loadable_result(self) -> None:
        """A run or comparison can be loaded at once, whatever the killed process left."""
        if self.new_words[0] in ("simulate", "compare"):
            found = Run.load("out") if self.new_words[0] == "simulate" else next(iter(Comparison.load("out").runs.values()))
            assert (len(found), found.seed) in ((9, 1), (8, 2))
            assert (found.log is not None) == (len(found) == 9 and self.new_words[0] == "simulate")

    def require_clean_result(self) -> None:
        """The next command ends well or refuses to replace the earlier result; either way, the folder holds one whole result."""
        code, message = invoke(self.new_words)
        assert code == 0 or (code == 2 and "must be a folder without earlier results" in message), message
        if any(self.folder.glob("reports/e/.*.pieces")):  # of a repetition, which the same command resumes
            code, message = invoke(self.new_words, "--force")
            assert code == 0 and "already finished" in message, message
        found = state_of(self.out)
        assert found in (self.new, self.kept_result), sorted(found)
        require_whole(self.out)
        hidden = [path for path in self.folder.rglob(".*") if path.name not in (".", "..")]
        assert hidden == []


@pytest.fixture(scope="module", params=COMMANDS)
def workbench(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workbench]:
    before = Path.cwd()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(FigureKind, "save", lambda figure, result, folder: (folder / f"{figure.name}.png").write_bytes(b"drawn"))
        bench = Workbench(request.param, tmp_path_factory.mktemp(request.param))
        with counted_calls(TrialStore, "add", bench.kept), counted_calls(Checkpoints, "put", bench.kept):
            yield bench
    os.chdir(before)


@pytest.mark.parametrize("count", [QUICK, pytest.param(THOROUGH, marks=pytest.mark.slow)])
def test_killed_command_leaves_one_whole_result(workbench: Workbench, count: int) -> None:
    kills = 0
    for i in range(count):
        is_new_folder = i % 4 == 3
        kill = Kill(operation=1 + i * workbench.operations[is_new_folder] // count)
        if i % 5 == 4:
            kill = Kill(file_bytes=workbench.file_bytes[i // 5 % 5])
        workbench.prepare(is_new_folder=is_new_folder)
        was_killed, _ = workbench.run_and_kill(kill)
        kills += was_killed
        workbench.require_stored_work()
        if i % 2 == 0 and not is_new_folder:
            workbench.require_loadable_result()
        workbench.require_clean_result()
    assert kills == count

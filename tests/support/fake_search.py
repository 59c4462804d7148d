"""Searches with a fake evaluator that simulates nothing, to test storage and scheduling."""

import json
import os
import random
import signal
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from conftest import ROOT
from optuna.samplers import BaseSampler

from cjsim.progress import NoProgress
from cjsim.testing.sampler_contract import QuadraticEvaluator
from cjsim.tuning.search import search
from cjsim.tuning.storage import TrialStore
from cjsim.tuning.study import Study
from cjsim.tuning.trial import Trial
from cjsim.tuning.trial_executors import InProcessExecutor

WORLDS = ROOT / "tests" / "worlds"


class FakeEvaluator(QuadraticEvaluator):
    """An evaluator that simulates nothing and records what it evaluates; environment variables slow it down or kill its process."""

    def __init__(self, study: Study, threads: int = 1) -> None:
        super().__init__(study)
        self.delay_seconds = float(os.environ.get("FAKE_DELAY_SECONDS", "0"))
        self.evaluated: list[int] = []
        self.incumbents: dict[int, list[int]] = {}

    def evaluate(self, index: int, point: Mapping[str, float], *, incumbents: Sequence[Trial]) -> Trial:
        self.evaluated.append(index)
        self.incumbents[index] = [trial.index for trial in incumbents]
        time.sleep(self.delay_seconds)
        kill_file = Path(os.environ.get("FAKE_KILL_FILE", "none"))
        if kill_file.exists():
            kill_file.unlink()
            os.kill(os.getpid(), signal.SIGKILL)
        return super().evaluate(index, point, incumbents=incumbents)


def load_test_study(**changes: Any) -> Study:
    """The study of the tests with some values replaced."""
    return Study.load(WORLDS / "study.yaml", set=changes)


def run_search(
    study: Study, storage: str | Path = "memory", *, evaluator: FakeEvaluator | None = None, sampler: BaseSampler | None = None
) -> list[Trial]:
    """All trials of a study."""
    executor = InProcessExecutor(evaluator or FakeEvaluator(study))
    return search(study, TrialStore(study, storage=str(storage)), executor, NoProgress(), sampler=sampler)


def trials_to_json(trials: Sequence[Trial]) -> str:
    """Trials as JSON, to compare bytes."""
    return json.dumps([trial.to_json() for trial in trials])


def fork_process(work: Callable[[], object]) -> int:
    """Start a process for some work and return its process id."""
    pid = os.fork()
    if pid:
        return pid
    try:
        work()
    finally:
        os._exit(0)


def search_with_random_kills(journal: str, kills: int, trials: int) -> None:
    """Search in successive processes that are killed at random times, then finish the search."""
    study, rng = load_test_study(trials=trials), random.Random(1)
    for _ in range(kills):
        pid = fork_process(lambda: run_search(study, journal))
        time.sleep(rng.uniform(0.0, 0.25))
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
    sys.stdout.write(trials_to_json(run_search(study, journal)))


def search_in_parallel(storage: str, processes: int, trials: int) -> None:
    """Search in parallel processes; each writes its trials and the indices that it evaluated."""
    study, ready = load_test_study(trials=trials), Path(f"{journal_path(storage)}.ready")

    def work() -> None:
        evaluator = FakeEvaluator(study)
        with ready.open("a", encoding="utf-8") as file:
            file.write("x")
        while len(ready.read_text(encoding="utf-8")) < processes:
            time.sleep(0.001)
        text = trials_to_json(run_search(study, storage, evaluator=evaluator))
        Path(f"{journal_path(storage)}.{os.getpid()}.json").write_text(json.dumps([text, evaluator.evaluated]), encoding="utf-8")

    for pid in [fork_process(work) for _ in range(processes)]:
        os.waitpid(pid, 0)


def journal_path(storage: str) -> str:
    """The file of a journal or of an SQLite URL."""
    return storage.removeprefix("sqlite:///")


if __name__ == "__main__":
    {"killed": search_with_random_kills, "parallel": search_in_parallel}[sys.argv[1]](sys.argv[2], int(sys.argv[3]), int(sys.argv[4]))

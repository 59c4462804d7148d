"""Searches with made results: no customer lives, so that what is kept and who does what can be tested apart."""

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

from cjsim.progress import NoProgress
from cjsim.tuning.search import search
from cjsim.tuning.storage import TrialStore
from cjsim.tuning.study import Study
from cjsim.tuning.trial import ObjectiveGain, Trial
from cjsim.tuning.trial_executors import InProcessExecutor

WORLDS = ROOT / "tests" / "worlds"


class FakeEvaluator:
    """An evaluator: a bowl, best at 0.37 of every coordinate; the constraint holds in the inner part of it."""

    def __init__(self, study: Study, threads: int = 1) -> None:
        self.study, self.space = study, study.space
        self.delay_seconds = float(os.environ.get("MADE_SECONDS", "0"))
        self.evaluated: list[int] = []
        self.rivals: dict[int, list[int]] = {}

    def evaluate(self, index: int, point: Mapping[str, float], *, incumbents: Sequence[Trial]) -> Trial:
        self.evaluated.append(index)
        self.rivals[index] = [rival.index for rival in incumbents]
        time.sleep(self.delay_seconds)
        fuse = Path(os.environ.get("MADE_FUSE", "none"))
        if fuse.exists():
            fuse.unlink()
            os.kill(os.getpid(), signal.SIGKILL)
        far = [(point[one.name] - one.low) / (one.high - one.low) - 0.37 for one in self.space.coordinates]
        heights = [-sum(x * x for x in far), sum(far)]
        gains = tuple(ObjectiveGain(value, value, value - 0.1, value + 0.1) for value in heights[: len(self.study.objectives)])
        excess = {one.name: -0.4 - heights[0] for one in self.study.constraints}
        simulated = self.study.customers_per_trial + len(incumbents)
        return Trial(index, dict(point), self.space.values(point), self.study.customers_per_trial, simulated, gains, excess)


def load_test_study(**changes: Any) -> Study:
    """The study of the tests, with other values at the top of its file."""
    return Study.load(WORLDS / "study.yaml", set=changes)


def run_search(study: Study, storage: str | Path = "memory", *, evaluator: FakeEvaluator | None = None) -> list[Trial]:
    """All trials of a study."""
    return search(study, TrialStore(study, storage=str(storage)), InProcessExecutor(evaluator or FakeEvaluator(study)), NoProgress())


def trials_to_json(trials: Sequence[Trial]) -> str:
    """Trials to the byte."""
    return json.dumps([trial.to_json() for trial in trials])


def fork_process(work: Callable[[], object]) -> int:
    """A process that does some work, and its number."""
    pid = os.fork()
    if pid:
        return pid
    try:
        work()
    finally:
        os._exit(0)


def search_with_random_kills(journal: str, kills: int, trials: int) -> None:
    """Search in processes that are killed one after another at random moments, then to the end."""
    study, dice = load_test_study(trials=trials), random.Random(1)
    for _ in range(kills):
        pid = fork_process(lambda: run_search(study, journal))
        time.sleep(dice.uniform(0.0, 0.25))
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
    sys.stdout.write(trials_to_json(run_search(study, journal)))


def search_in_parallel(storage: str, processes: int, trials: int) -> None:
    """Search in several processes at once; what each has evaluated goes beside what it found."""
    study, ready = load_test_study(trials=trials), Path(f"{journal_path(storage)}.ready")

    def work() -> None:
        made = FakeEvaluator(study)
        with ready.open("a", encoding="utf-8") as file:
            file.write("x")
        while len(ready.read_text(encoding="utf-8")) < processes:
            time.sleep(0.001)
        text = trials_to_json(run_search(study, storage, evaluator=made))
        Path(f"{journal_path(storage)}.{os.getpid()}.json").write_text(json.dumps([text, made.evaluated]), encoding="utf-8")

    for pid in [fork_process(work) for _ in range(processes)]:
        os.waitpid(pid, 0)


def journal_path(storage: str) -> str:
    """The file of a storage."""
    return storage.removeprefix("sqlite:///")


if __name__ == "__main__":
    {"killed": search_with_random_kills, "together": search_in_parallel}[sys.argv[1]](sys.argv[2], int(sys.argv[3]), int(sys.argv[4]))

"""Who evaluates trials: this process with all its threads, or several processes with one thread each.

Lives here: processes that end with their parent, and what is done when one of them dies. Does not live here: what a trial is worth
(evaluate.py), which trials there are (search.py). The results do not depend on who evaluates.
"""

import contextlib
import multiprocessing
import os
import signal
import threading
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from multiprocessing.connection import wait as wait_for
from typing import Any, Protocol

from cjsim.errors import InputError, complaint
from cjsim.tuning.study import Study
from cjsim.tuning.trial import Trial

MOST_WORKERS = 256
_DEATHS = 3  # of workers in a row, without a trial between, after which we do not try again


@dataclass(frozen=True)
class Task:
    """A trial to be evaluated: a function of these and of the study."""

    index: int
    point: Mapping[str, float]
    rivals: Sequence[Trial]


class Evaluates(Protocol):
    """Whoever knows what a trial is worth."""

    def evaluate(self, index: int, point: Mapping[str, float], *, rivals: Sequence[Trial]) -> Trial:
        """The trial."""


Maker = Callable[[Study, int], Evaluates]  # importable, as other processes call it


class Alone:
    """The process itself, one trial after another.

    Parameters
    ----------
    evaluator : Evaluates
        With as many threads as it has.
    """

    size = 1

    def __init__(self, evaluator: Evaluates) -> None:
        self._evaluator = evaluator
        self._tasks: deque[Task] = deque()

    def start(self, task: Task) -> None:
        """Begin a trial.

        Parameters
        ----------
        task : Task
            The trial.
        """
        self._tasks.append(task)

    def finished(self) -> Trial:
        """The trial that was begun first, evaluated."""
        task = self._tasks.popleft()
        return self._evaluator.evaluate(task.index, task.point, rivals=task.rivals)


class Processes:
    """Several processes, each with an evaluator of its own.

    Parameters
    ----------
    study : Study
        Whose trials they evaluate.
    make : callable
        Of an evaluator from a study and a number of threads.
    count : int
        Processes.
    threads : int
        Of each.
    note : callable
        Is told when one dies.
    """

    def __init__(self, study: Study, make: Maker, *, count: int, threads: int, note: Callable[[str], None]) -> None:
        self.size = count
        self._how = (study, make, threads)
        self._note = note
        self._tasks: dict[Future[Trial], Task] = {}
        self._deaths = 0
        self._pool = self._new_pool()

    def start(self, task: Task) -> None:
        """Begin a trial.

        Parameters
        ----------
        task : Task
            The trial.
        """
        try:
            self._tasks[self._pool.submit(_evaluate, task)] = task
        except BrokenProcessPool:
            self._begin_again([task])

    def finished(self) -> Trial:
        """Wait for a trial that was begun.

        Raises
        ------
        InputError
            If its scenario is refused, or processes die again and again.
        """
        while True:
            done, _ = wait(self._tasks, return_when=FIRST_COMPLETED)
            first = min(done, key=lambda future: self._tasks[future].index)
            try:
                trial = first.result()
            except BrokenProcessPool:
                self._begin_again([])
                continue
            del self._tasks[first]
            self._deaths = 0
            return trial

    def close(self) -> None:
        """End the processes, whatever they do."""
        processes = list((self._pool._processes or {}).values())
        self._pool.shutdown(wait=False, cancel_futures=True)
        for process in processes:
            process.kill()

    def _new_pool(self) -> ProcessPoolExecutor:
        # Spawned, not forked: a fork of a process with threads may hang.
        context = multiprocessing.get_context("spawn")
        return ProcessPoolExecutor(self.size, mp_context=context, initializer=_begin, initargs=self._how)

    def _begin_again(self, more: list[Task]) -> None:
        """New processes in place of those that died, for all that was under way."""
        self._deaths += 1
        if self._deaths >= _DEATHS:
            got = f"{self._deaths} that died in a row"
            remedy = "Take fewer of them if memory is short; in a script, call it below `if __name__ == '__main__':`."
            raise InputError(complaint("--workers", "must be processes that live", got, remedy))
        tasks = sorted([*self._tasks.values(), *more], key=lambda task: task.index)
        self._note(f"cjsim: a worker process died; {len(tasks)} trials are evaluated again.")
        self.close()
        self._pool, self._tasks = self._new_pool(), {}
        for task in tasks:
            self._tasks[self._pool.submit(_evaluate, task)] = task


@contextlib.contextmanager
def team_of(
    study: Study, evaluator: Evaluates, *, make: Maker, workers: int, threads: int, note: Callable[[str], None]
) -> Iterator[Alone | Processes]:
    """Who evaluates, until the block ends.

    Parameters
    ----------
    study : Study
        Whose trials they evaluate.
    evaluator : Evaluates
        Of this process, which evaluates alone if there is one worker.
    make : callable
        Of an evaluator from a study and a number of threads, for other processes.
    workers : int
        Processes; 1 stands for this one.
    threads : int
        Of each of several.
    note : callable
        Is told when one dies.
    """
    if workers == 1:
        yield Alone(evaluator)
        return
    team = Processes(study, make, count=workers, threads=threads, note=note)
    try:
        yield team
    finally:
        team.close()


_OWN: dict[str, Any] = {}  # a worker's evaluator


def _begin(study: Study, make: Maker, threads: int) -> None:
    """What a worker does first."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent hears it and ends us
    threading.Thread(target=_end_with_parent, daemon=True).start()
    _OWN["evaluator"] = make(study, threads)


def _end_with_parent() -> None:
    """A parent that was killed cannot end us, and we would wait for its tasks for ever."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        wait_for([parent.sentinel])
        os._exit(1)


def _evaluate(task: Task) -> Trial:
    found: Evaluates = _OWN["evaluator"]
    return found.evaluate(task.index, task.point, rivals=task.rivals)

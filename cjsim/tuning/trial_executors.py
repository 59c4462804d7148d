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

from cjsim.errors import InputError, format_error
from cjsim.tuning.study import Study
from cjsim.tuning.trial import Trial

MAX_WORKERS = 256
_MAX_CONSECUTIVE_CRASHES = 3  # of workers in a row, without a trial between, after which we do not try again


@dataclass(frozen=True)
class TrialTask:
    """A trial to be evaluated: a function of these and of the study."""

    index: int
    point: Mapping[str, float]
    incumbents: Sequence[Trial]


class TrialEvaluator(Protocol):
    """Whoever knows what a trial is worth."""

    def evaluate(self, index: int, point: Mapping[str, float], *, incumbents: Sequence[Trial]) -> Trial:
        """The trial."""


EvaluatorFactory = Callable[[Study, int], TrialEvaluator]  # importable, as other processes call it


class InProcessExecutor:
    """The process itself, one trial after another.

    Parameters
    ----------
    evaluator : TrialEvaluator
        With as many threads as it has.
    """

    size = 1

    def __init__(self, evaluator: TrialEvaluator) -> None:
        self._evaluator = evaluator
        self._tasks: deque[TrialTask] = deque()

    def submit(self, task: TrialTask) -> None:
        """Begin a trial.

        Parameters
        ----------
        task : TrialTask
            The trial.
        """
        self._tasks.append(task)

    def next_result(self) -> Trial:
        """The trial that was begun first, evaluated."""
        task = self._tasks.popleft()
        return self._evaluator.evaluate(task.index, task.point, incumbents=task.incumbents)


class MultiProcessExecutor:
    """Several processes, each with an evaluator of its own.

    Parameters
    ----------
    study : Study
        Whose trials they evaluate.
    make_evaluator : callable
        Of an evaluator from a study and a number of threads.
    count : int
        Processes.
    threads : int
        Of each.
    report : callable
        Is told when one dies.
    """

    def __init__(self, study: Study, make_evaluator: EvaluatorFactory, *, count: int, threads: int, report: Callable[[str], None]) -> None:
        self.size = count
        self._initializer_arguments = (study, make_evaluator, threads)
        self._note = report
        self._tasks: dict[Future[Trial], TrialTask] = {}
        self._crashes = 0
        self._pool = self._new_pool()

    def submit(self, task: TrialTask) -> None:
        """Begin a trial.

        Parameters
        ----------
        task : TrialTask
            The trial.
        """
        try:
            self._tasks[self._pool.submit(_evaluate_task, task)] = task
        except BrokenProcessPool:
            self._restart([task])

    def next_result(self) -> Trial:
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
                self._restart([])
                continue
            del self._tasks[first]
            self._crashes = 0
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
        return ProcessPoolExecutor(self.size, mp_context=context, initializer=_initialize_worker, initargs=self._initializer_arguments)

    def _restart(self, more: list[TrialTask]) -> None:
        """New processes in place of those that died, for all that was under way."""
        self._crashes += 1
        if self._crashes >= _MAX_CONSECUTIVE_CRASHES:
            got = f"{self._crashes} that died in a row"
            remedy = "Take fewer of them if memory is short; in a script, call it below `if __name__ == '__main__':`."
            raise InputError(format_error("--workers", "must be processes that live", got, remedy))
        tasks = sorted([*self._tasks.values(), *more], key=lambda task: task.index)
        self._note(f"cjsim: a worker process died; {len(tasks)} trials are evaluated again.")
        self.close()
        self._pool, self._tasks = self._new_pool(), {}
        for task in tasks:
            self._tasks[self._pool.submit(_evaluate_task, task)] = task


@contextlib.contextmanager
def open_executor(
    study: Study, evaluator: TrialEvaluator, *, make_evaluator: EvaluatorFactory, workers: int, threads: int, report: Callable[[str], None]
) -> Iterator[InProcessExecutor | MultiProcessExecutor]:
    """Who evaluates, until the block ends.

    Parameters
    ----------
    study : Study
        Whose trials they evaluate.
    evaluator : TrialEvaluator
        Of this process, which evaluates alone if there is one worker.
    make_evaluator : callable
        Of an evaluator from a study and a number of threads, for other processes.
    workers : int
        Processes; 1 stands for this one.
    threads : int
        Of each of several.
    report : callable
        Is told when one dies.
    """
    if workers == 1:
        yield InProcessExecutor(evaluator)
        return
    team = MultiProcessExecutor(study, make_evaluator, count=workers, threads=threads, report=report)
    try:
        yield team
    finally:
        team.close()


_WORKER_STATE: dict[str, Any] = {}  # a worker's evaluator


def _initialize_worker(study: Study, make_evaluator: EvaluatorFactory, threads: int) -> None:
    """What a worker does first."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent hears it and ends us
    threading.Thread(target=_exit_with_parent, daemon=True).start()
    _WORKER_STATE["evaluator"] = make_evaluator(study, threads)


def _exit_with_parent() -> None:
    """A parent that was killed cannot end us, and we would wait for its tasks for ever."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        wait_for([parent.sentinel])
        os._exit(1)


def _evaluate_task(task: TrialTask) -> Trial:
    found: TrialEvaluator = _WORKER_STATE["evaluator"]
    return found.evaluate(task.index, task.point, incumbents=task.incumbents)

"""Executors that evaluate trials in this process or in several worker processes. Results do not depend on the executor.

Worker processes exit with their parent. If one crashes, its trials are evaluated again.
"""

import multiprocessing
import os
import signal
import threading
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from multiprocessing.connection import wait as wait_for
from typing import Any, Protocol

from cjsim.errors import InputError, format_error
from cjsim.metrics.registration import pickle_registered_metrics, unpickle_registered_metrics
from cjsim.tuning.study import Study
from cjsim.tuning.trial import Trial

MAX_WORKERS = 256
_MAX_CONSECUTIVE_CRASHES = 3  # without a finished trial in between


@dataclass(frozen=True)
class TrialTask:
    """A trial to evaluate. Its result depends only on these attributes and the study."""

    index: int
    point: Mapping[str, float]
    incumbents: Sequence[Trial]


class TrialEvaluator(Protocol):
    """Evaluates one trial at a time."""

    def evaluate(self, index: int, point: Mapping[str, float], *, incumbents: Sequence[Trial]) -> Trial:
        """Evaluate a trial."""


EvaluatorFactory = Callable[..., TrialEvaluator]  # takes a study and `threads`; must be importable by worker processes


class InProcessExecutor:
    """Evaluates trials in this process, one after another.

    Parameters
    ----------
    evaluator : TrialEvaluator
        Evaluates the trials.
    """

    size = 1

    def __init__(self, evaluator: TrialEvaluator) -> None:
        self._evaluator = evaluator
        self._tasks: deque[TrialTask] = deque()

    def submit(self, task: TrialTask) -> None:
        """Start a trial.

        Parameters
        ----------
        task : TrialTask
            The trial.
        """
        self._tasks.append(task)

    def next_result(self) -> Trial:
        """Evaluate the trial that was submitted first."""
        task = self._tasks.popleft()
        return self._evaluator.evaluate(task.index, task.point, incumbents=task.incumbents)

    def close(self) -> None:
        """Do nothing."""


class MultiProcessExecutor:
    """Evaluates trials in several worker processes, each with its own evaluator.

    Parameters
    ----------
    study : Study
        The study.
    make_evaluator : callable
        Creates an evaluator, given a study and a number of threads.
    count : int
        Number of processes.
    threads : int
        Number of threads per process.
    report : callable
        Receives a message when a process crashes.

    Raises
    ------
    InputError
        If a registered metric cannot be passed to other processes.
    """

    def __init__(self, study: Study, make_evaluator: EvaluatorFactory, *, count: int, threads: int, report: Callable[[str], None]) -> None:
        self.size = count
        self._initializer_arguments = (pickle_registered_metrics(), study, make_evaluator, threads)
        self._report = report
        self._tasks: dict[Future[Trial], TrialTask] = {}
        self._crashes = 0
        self._pool = self._new_pool()

    def submit(self, task: TrialTask) -> None:
        """Start a trial.

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
        """Wait for a submitted trial.

        Raises
        ------
        InputError
            If the baseline cannot be simulated, or processes crash repeatedly.
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
        """Kill the worker processes."""
        processes = list((self._pool._processes or {}).values())
        self._pool.shutdown(wait=False, cancel_futures=True)
        for process in processes:
            process.kill()

    def _new_pool(self) -> ProcessPoolExecutor:
        # Processes are spawned, because forking a process with threads may hang.
        context = multiprocessing.get_context("spawn")
        return ProcessPoolExecutor(self.size, mp_context=context, initializer=_initialize_worker, initargs=self._initializer_arguments)

    def _restart(self, more: list[TrialTask]) -> None:
        """Replace crashed worker processes and resubmit all running trials."""
        self._crashes += 1
        if self._crashes >= _MAX_CONSECUTIVE_CRASHES:
            got = f"{self._crashes} crashes in a row"
            remedy = "Use fewer workers if memory is short; in a script, call optimize under `if __name__ == '__main__':`."
            raise InputError(format_error("workers", "must not crash", got, remedy))
        tasks = sorted([*self._tasks.values(), *more], key=lambda task: task.index)
        again = "1 trial is" if len(tasks) == 1 else f"{len(tasks)} trials are"
        self._report(f"cjsim: a worker process crashed; {again} evaluated again.")
        self.close()
        self._pool, self._tasks = self._new_pool(), {}
        for task in tasks:
            self._tasks[self._pool.submit(_evaluate_task, task)] = task


_WORKER_STATE: dict[str, Any] = {}  # holds the evaluator of a worker process


def _initialize_worker(metrics: bytes, study: Study, make_evaluator: EvaluatorFactory, threads: int) -> None:
    """Set up a worker process with the registered metrics of its parent."""
    for name in ("SIGINT", "SIGHUP"):  # the parent handles these signals and stops the workers
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), signal.SIG_IGN)
    threading.Thread(target=_exit_with_parent, daemon=True).start()
    unpickle_registered_metrics(metrics)
    _WORKER_STATE["evaluator"] = make_evaluator(study, threads=threads)


def _exit_with_parent() -> None:
    """Exit when the parent exits, because a killed parent cannot stop its workers, which would wait forever."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        wait_for([parent.sentinel])
        os._exit(1)


def _evaluate_task(task: TrialTask) -> Trial:
    evaluator: TrialEvaluator = _WORKER_STATE["evaluator"]
    return evaluator.evaluate(task.index, task.point, incumbents=task.incumbents)

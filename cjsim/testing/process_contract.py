"""The contract of a user's processes on the readable engine, checked on small runs."""

import tempfile
from collections.abc import Generator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import simpy

from cjsim.engine.running_simulation import RunningSimulation
from cjsim.engine.user_processes import SimulationProcess, process_name
from cjsim.errors import short_repr
from cjsim.simulation.documents import Scenario
from cjsim.simulation.run import Run
from cjsim.simulation.simulate import simulate
from cjsim.testing.small_worlds import independent_customers, sharing_customers

MAX_RESUMES = 100_000  # of one process in a small run: one that resumes more often than about every second minute is wrong


class _Trace(NamedTuple):
    """What a run with a process leaves: its log, its outcomes, and the times at which the process resumed."""

    log: bytes
    outcomes: tuple[bytes, ...]
    times: tuple[float, ...]


def check_process(process: SimulationProcess, *, observes_only: bool = True, scenarios: Mapping[str, Scenario] | None = None) -> None:
    """Check that a process ends by the horizon, is deterministic, and, if it only observes, leaves the simulation as it is.

    Parameters
    ----------
    process : callable
        A generator function of a `RunningSimulation`, as `simulate` takes it. It is called several times.
    observes_only : bool
        Whether the process must leave the log and the outcomes as they are without it. If it acts, it must only be deterministic.
    scenarios : Mapping of str to Scenario, optional
        Scenarios to check it on, by name, each of few customers. If not given, two small ones: with customers who share nothing, and with
        a desk. A process that refers to events, stages or desks of its own needs a scenario that has them.

    Raises
    ------
    AssertionError
        If a promise is broken; the message names the process and the promise.

    Examples
    --------
    >>> def watch(simulation):
    ...     while True:
    ...         yield simulation.timeout(7)
    >>> check_process(watch)
    """
    if scenarios is None:
        scenarios = {"independent": independent_customers(), "sharing": sharing_customers()}
    name = process_name(process)
    for where, scenario in scenarios.items():
        first, second = _traced_run(process, scenario, where), _traced_run(process, scenario, where)
        promise = "must be deterministic: the same times, log and outcomes in every run"
        if first != second:
            what = "times at which it resumes" if first.times != second.times else "log or the outcomes"
            raise AssertionError(f"process '{name}': {promise}, but the {what} differ between two runs of '{where}'")
        if observes_only and first._replace(times=()) != _traced_run(None, scenario, where):
            promise = "must leave the log as it is without the process"
            raise AssertionError(f"process '{name}': {promise}, but it differs in '{where}'. Give observes_only=False if it acts")


def _traced_run(process: SimulationProcess | None, scenario: Scenario, where: str) -> _Trace:
    """Simulate with the process, and record what happens."""
    times: list[float] = []
    processes = [] if process is None else [_recorded(process, times)]
    with tempfile.TemporaryDirectory() as folder:
        log = Path(folder) / "log.parquet"
        try:
            run: Run = simulate(scenario, engine="readable", processes=processes, log=log)
        except AssertionError:
            raise
        except Exception as error:
            assert process is not None
            promise = f"must run to the horizon, but '{where}' raised {type(error).__name__}: {error}"
            raise AssertionError(f"process '{process_name(process)}': {promise}") from error
        return _Trace(log.read_bytes(), tuple(array.tobytes() for array in run.outcomes), tuple(times))


def _recorded(process: SimulationProcess, times: list[float]) -> SimulationProcess:
    """The process, which also records the times at which it resumes, and is stopped if it resumes too often."""

    def recorded(simulation: RunningSimulation) -> Generator[simpy.Event, Any, None]:
        """Run the process."""
        generator = process(simulation)
        if not isinstance(generator, Generator):
            raise AssertionError(f"process '{process_name(process)}': must be a generator function, but returns {short_repr(generator)}")
        try:
            value = None
            while True:
                value = yield generator.send(value)
                times.append(simulation.now)
                if len(times) > MAX_RESUMES:
                    got = f"it resumed {MAX_RESUMES:,} times by day {simulation.now:g}"
                    raise AssertionError(f"process '{process_name(process)}': must reach the horizon of a small run, but {got}")
        except StopIteration:
            return
        finally:
            generator.close()

    recorded.__name__ = process_name(process)
    return recorded

"""The contract for user processes on the readable engine, checked on small runs."""

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

MAX_RESUMES = 100_000  # per process and small run; more would mean that the process resumes every two minutes or more often


class _Trace(NamedTuple):
    """The log and the outcomes of a run with a process, and the times at which the process resumed."""

    log: bytes
    outcomes: tuple[bytes, ...]
    times: tuple[float, ...]


def check_process(process: SimulationProcess, *, observes_only: bool = True, scenarios: Mapping[str, Scenario] | None = None) -> None:
    """Check that a process runs to the horizon, is deterministic, and does not change the simulation if it only observes.

    Parameters
    ----------
    process : callable
        A generator function that takes a `RunningSimulation`, as for `simulate`. It is called several times.
    observes_only : bool
        Whether the process must leave the log and the outcomes unchanged. Pass False for a process that acts on customers.
    scenarios : Mapping of str to Scenario, optional
        Scenarios to simulate, keyed by name, each with few customers. Defaults to two small scenarios, one with independent customers and
        one with a desk. A process that refers to specific events, stages or desks needs scenarios that define them.

    Raises
    ------
    AssertionError
        If a requirement is violated. The message names the process and the requirement.

    Examples
    --------
    >>> def watch(simulation):
    ...     while True:
    ...         yield simulation.timeout(7)
    >>> check_process(watch)
    """
    if not callable(process):
        raise AssertionError(f"process: must be a generator function, but is {short_repr(process)}")
    if scenarios is None:
        scenarios = {"independent": independent_customers(), "sharing": sharing_customers()}
    name = process_name(process)
    for where, scenario in scenarios.items():
        first, second = _traced_run(process, scenario, where), _traced_run(process, scenario, where)
        requirement = "must be deterministic, with the same times, log and outcomes in every run"
        if first != second:
            what = "times at which it resumes" if first.times != second.times else "log or the outcomes"
            raise AssertionError(f"process '{name}': {requirement}, but the {what} differ between two runs of scenario '{where}'")
        if observes_only and first._replace(times=()) != _traced_run(None, scenario, where):
            requirement = "must not change the log or the outcomes"
            remedy = "Pass observes_only=False if the process acts on customers"
            raise AssertionError(f"process '{name}': {requirement}, but it does in scenario '{where}'. {remedy}")


def _traced_run(process: SimulationProcess | None, scenario: Scenario, where: str) -> _Trace:
    """Simulate a scenario with the process, and record the result."""
    times: list[float] = []
    processes = [] if process is None else [_recorded(process, times)]
    with tempfile.TemporaryDirectory() as folder:
        log = Path(folder) / "log.parquet"
        try:
            run: Run = simulate(scenario, engine="readable", replications=1, processes=processes, log=log)
        except AssertionError:
            raise
        except Exception as error:
            assert process is not None
            violation = f"must run to the horizon, but scenario '{where}' raised {type(error).__name__}: {error}"
            raise AssertionError(f"process '{process_name(process)}': {violation}") from error
        return _Trace(log.read_bytes(), tuple(array.tobytes() for array in run.outcomes), tuple(times))


def _recorded(process: SimulationProcess, times: list[float]) -> SimulationProcess:
    """Wrap a process to record the times at which it resumes, and to stop it if it resumes too often."""

    def recorded(simulation: RunningSimulation) -> Generator[simpy.Event, Any, None]:
        """Run the wrapped process."""
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

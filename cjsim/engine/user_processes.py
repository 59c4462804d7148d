"""Runs user-defined processes on the readable engine. Errors name the process and the day."""

from collections.abc import Callable, Generator, Sequence
from datetime import date
from functools import partial
from typing import Any

import simpy

from cjsim.engine.calendar import EventPriority
from cjsim.engine.readable import SharedEnvironment
from cjsim.engine.running_simulation import RunningSimulation
from cjsim.errors import InputError, format_error, short_repr
from cjsim.kernels.dispatch import MAX_EVENTS_AT_ONE_TIME
from cjsim.progress import Progress

SimulationProcess = Callable[[RunningSimulation], Generator[simpy.Event, Any, Any]]


class UserProcesses:
    """The user processes of one run.

    Parameters
    ----------
    processes : sequence of callable
        Generator functions that take a `RunningSimulation`. Simultaneous processes resume in this order.
    start : date
        Date of day 0.

    Raises
    ------
    InputError
        If `processes` is not a list, or an element is not callable.
    """

    def __init__(self, processes: Sequence[SimulationProcess], start: date) -> None:
        if callable(processes):
            raise InputError(format_error("processes", "must be a list of generator functions", "one function", "Put it in a list."))
        for process in processes:
            if not callable(process):
                remedy = "Pass the function itself, without calling it."
                raise InputError(format_error("processes", "must be generator functions", short_repr(process), remedy))
        self.names = tuple(map(process_name, processes))
        self._processes = tuple(processes)
        self._start = start
        self._failure: Exception | None = None

    def run(self, environment: SharedEnvironment, progress: Progress) -> None:
        """Run all customers and user processes to the horizon.

        Parameters
        ----------
        environment : SharedEnvironment
            Environment with all customers and desks.
        progress : Progress
            Receives the number of days that have passed.

        Raises
        ------
        Exception
            Any exception that a process raises, with a note that names the process and the day.
        InputError
            If a customer is stuck in a zero-time loop.
        """
        generators = [self._drive(process, environment, index) for index, process in enumerate(self._processes)]
        for index, generator in enumerate(generators):
            environment.calendar.call_at(0.0, EventPriority.USER_PROCESS + index, partial(_start, generator))
        try:
            environment.calendar.run_by_day(progress)
        except Exception as error:
            if self._failure is None or error is self._failure:
                raise
            raise self._failure from None  # SimPy would raise a copy without the user's traceback
        finally:
            for generator in generators:
                generator.close()

    def _drive(self, process: SimulationProcess, environment: SharedEnvironment, index: int) -> Generator[simpy.Event, Any, None]:
        """Run one process and record its exception, if any."""
        name = self.names[index]
        simulation = RunningSimulation(environment, self._start, name=name, index=index)
        try:
            yield from _checked_events(process(simulation), name, environment)
        except Exception as error:
            error.add_note(f"Raised by process '{name}' on day {simulation.now:g} of the simulation.")
            self._failure = error
            raise


def process_name(process: SimulationProcess) -> str:
    """Return the name of a process, which is the name of its function or class.

    Parameters
    ----------
    process : callable
        The process.

    Returns
    -------
    str
    """
    function = process.func if isinstance(process, partial) else process
    return str(getattr(function, "__name__", type(function).__name__))


def _start(generator: Generator[simpy.Event, Any, None], event: simpy.Event) -> None:
    event.env.process(generator)


def _checked_events(generator: object, name: str, environment: SharedEnvironment) -> Generator[simpy.Event, Any, None]:
    """Yield the events of a process, and raise if it yields anything else or never waits."""
    where, remedy = f"process '{name}'", "Yield simulation.until(day) or simulation.timeout(days)."
    if not isinstance(generator, Generator):
        raise InputError(format_error(where, "must be a generator function", f"a function that returns {short_repr(generator)}", remedy))
    try:
        value, n_past_events = None, 0
        while True:
            event = generator.send(value)
            if not isinstance(event, simpy.Event):
                raise InputError(format_error(where, "must yield events", short_repr(event), remedy))
            if event.env is not environment.calendar:
                raise InputError(format_error(where, "must yield events of its own simulation", "an event of another environment", remedy))
            n_past_events = n_past_events + 1 if event.processed else 0
            if n_past_events > MAX_EVENTS_AT_ONE_TIME:
                got = f"{n_past_events:,} events in a row that had already occurred"
                raise InputError(format_error(where, "must advance time", got, "Create a new event in each pass of the loop."))
            value = yield event
    except StopIteration:
        return
    finally:
        generator.close()

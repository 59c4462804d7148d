"""The verb `simulate`: a scenario in, a run out.

Lives here: chunks of customers over threads, the log in order, progress. Does not live here: what happens to a customer (model/), how an
engine lets customers live (readable.py, compiled.py), what a run is worth (metrics/).
"""

import operator
import os
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import nullcontext
from functools import partial
from pathlib import Path
from queue import SimpleQueue
from typing import Literal, NamedTuple, Protocol

import numpy as np

from cjsim.engine.compiled import CompiledEngine
from cjsim.engine.frames import Outcomes
from cjsim.engine.provenance import Provenance
from cjsim.engine.readable import ReadableEngine
from cjsim.engine.result import Run
from cjsim.engine.room import Chunk, make_outcomes
from cjsim.errors import InputError, complaint, one_of
from cjsim.eventlog.writer import LogWriter
from cjsim.kernel import is_compiled_before
from cjsim.model.plan import Plan
from cjsim.model.population import Cohort, initial_cohort, referred_cohort
from cjsim.model.scenario import MAX_CUSTOMERS, Scenario
from cjsim.model.tables import compile_world
from cjsim.model.world import Records

ENGINES: dict[str, type[CompiledEngine] | type[ReadableEngine]] = {"compiled": CompiledEngine, "readable": ReadableEngine}
FIRST_CHUNK = 32  # customers, before it is known how much happens to one
LARGEST_CHUNK = 4096  # customers
CHUNK_ROWS = 100_000  # log rows that a chunk should have: what is in memory is a few of these
LOG_ROOM = 120_000  # rows
AHEAD = 8  # chunks that may wait for the writer: as long as it writes a row group, the engines need not wait for it
MOST_THREADS = 1024


class Progress(Protocol):
    """Whoever wants to be told how far a long work is."""

    def start(self, total: int, label: str) -> None:
        """Work begins."""

    def grow(self, n: int) -> None:
        """There is so much more to do than was said."""

    def advance(self, n: int) -> None:
        """So much more is done."""

    def note(self, text: str) -> None:
        """Something worth a line."""

    def finish(self) -> None:
        """Work ends."""


class Silent:
    """Tells nobody."""

    def start(self, total: int, label: str) -> None:
        """Nothing."""

    def grow(self, n: int) -> None:
        """Nothing."""

    def advance(self, n: int) -> None:
        """Nothing."""

    def note(self, text: str) -> None:
        """Nothing."""

    def finish(self) -> None:
        """Nothing."""


def simulate(
    scenario: Scenario,
    *,
    customers: int | None = None,
    seed: int | None = None,
    engine: Literal["compiled", "readable"] = "compiled",
    threads: int | None = None,
    log: str | Path | None = None,
    progress: Progress | None = None,
) -> Run:
    """Let a scenario's customers live.

    Parameters
    ----------
    scenario : Scenario
        A journey under a policy.
    customers : int, optional
        How many, instead of the scenario's.
    seed : int, optional
        In [0, 2**63), instead of the scenario's.
    engine : {'compiled', 'readable'}
        Both give the same results, to the byte.
    threads : int, optional
        All cores if not given. The results do not depend on it.
    log : str or Path, optional
        Write the log to this Parquet file, while it is made.
    progress : Progress, optional
        Is told how far the work is.

    Returns
    -------
    Run
        With outcomes of every customer.

    Raises
    ------
    InputError
        If a value is out of its range, the log cannot be written, or the scenario asks for what cannot be.

    Examples
    --------
    >>> from cjsim.model.scenario import Scenario
    >>> tiny = {
    ...     "name": "tiny", "start": "2026-01-05", "horizon": "70d", "customers": 100, "policy": {"name": "none"},
    ...     "journey": {
    ...         "name": "weekly", "starts_in": "active", "stages": {"active": {"retained": True}},
    ...         "events": {"order": {"in": ["active"], "wait": {"fixed": "7d"}, "effects": [{"purchase": {"value": 10}}]}},
    ...     },
    ... }
    >>> float(simulate(Scenario.from_dict(tiny), seed=1).outcomes.customers["revenue"].mean())
    90.0
    """
    if not isinstance(scenario, Scenario):
        raise InputError(complaint("scenario", "must be a Scenario", type(scenario).__name__, "Load one with Scenario.load(FILE)."))
    started = time.perf_counter()
    count = scenario.customers if customers is None else _whole("customers", customers, 1, MAX_CUSTOMERS)
    of_seed = scenario.seed if seed is None else _whole("seed", seed, 0, 2**63 - 1)
    if engine not in ENGINES:
        raise InputError(complaint("engine", f"must be one of {one_of(ENGINES)}", repr(engine), "Name one of these."))
    width = _whole("threads", (os.cpu_count() or 1) if threads is None else threads, 1, MOST_THREADS)
    if engine == "readable":
        width = 1
    told = progress or Silent()
    plan = compile_world(scenario.checked())
    if not is_compiled_before():
        told.note("cjsim: compiling the rules for this machine, once (about a minute) ...")
    crew = Crew([ENGINES[engine](plan, of_seed, rows=LOG_ROOM if log is not None else 0) for _ in range(width)])
    crew.engines[0].prepare()
    told.start(count, scenario.name)
    try:
        with LogWriter(log, plan.codebook, scenario.start) if log is not None else nullcontext() as writer:
            outcomes = _live_all(plan, of_seed, count, crew, writer, told)
    finally:
        told.finish()
    seconds = time.perf_counter() - started
    provenance = Provenance.of(scenario, customers=count, seed=of_seed, engine=engine, events=crew.events, seconds=seconds)
    return Run.of(plan, provenance, outcomes, None if log is None else Path(log))


class Part(NamedTuple):
    """Customers who can live at one time: nothing that they do brings any of them."""

    size: int
    cut: Callable[[int, int], Cohort]  # some of them: first, count


def _live_all(plan: Plan, seed: int, count: int, crew: "Crew", writer: LogWriter | None, told: Progress) -> Outcomes:
    """Everybody's life, generation by generation."""
    parts = [Part(count, partial(initial_cohort, plan, seed))]
    lived: list[Outcomes] = []
    while parts:
        births: list[Records] = []
        for part in parts:
            outcomes = make_outcomes(plan, part.size)
            for size, chunk in crew.chunks(part, outcomes):
                births += chunk.births
                if writer is not None:
                    for rows in chunk.rows:
                        writer.write(rows)
                told.advance(size)
            lived.append(outcomes)
        parts = []
        if births:
            children = referred_cohort(np.concatenate(births), sum(len(outcomes.customers) for outcomes in lived))
            parts = [Part(len(children), children.stretch)]
            told.grow(len(children))
    return Outcomes.joined(lived)


class Crew:
    """Engines, a thread each, that let customers live chunk by chunk."""

    def __init__(self, engines: Sequence[CompiledEngine | ReadableEngine]) -> None:
        self.engines = engines
        self.done = self.events = 0  # customers, log rows

    def chunks(self, part: Part, outcomes: Outcomes) -> Iterator[tuple[int, Chunk]]:
        """Chunks of customers in their order, with their sizes; few are in memory at a time.

        Parameters
        ----------
        part : Part
            Who.
        outcomes : Outcomes
            Of these customers; written.
        """
        idle: SimpleQueue[CompiledEngine | ReadableEngine] = SimpleQueue()
        for engine in self.engines:
            idle.put(engine)

        def work(first: int, size: int) -> Chunk:
            engine = idle.get()
            try:
                return engine.live(part.cut(first, size), outcomes.stretch(first, size))
            finally:
                idle.put(engine)

        pending: deque[tuple[int, Future[Chunk]]] = deque()
        given = done = 0
        pool = ThreadPoolExecutor(len(self.engines), thread_name_prefix="cjsim")
        try:
            while done < part.size:
                while given < part.size and len(pending) < len(self.engines) + AHEAD:
                    size = min(_chunk_size(self.done, self.events), part.size - given)
                    pending.append((size, pool.submit(work, given, size)))
                    given += size
                size, future = pending.popleft()
                chunk = future.result()
                done += size
                self.done += size
                self.events += chunk.events
                yield size, chunk
        finally:
            pool.shutdown(wait=True, cancel_futures=True)


def _chunk_size(done: int, events: int) -> int:
    """Customers of the next chunk, from how much happened to those before: results do not depend on it."""
    if done == 0:
        return FIRST_CHUNK
    return max(1, min(LARGEST_CHUNK, CHUNK_ROWS * done // max(events, 1)))


def _whole(name: str, value: int, low: int, high: int) -> int:
    """The value as int, numpy's whole numbers included."""
    try:
        whole = low - 1 if isinstance(value, bool) else operator.index(value)
    except TypeError:
        whole = low - 1
    if not low <= whole <= high:
        raise InputError(complaint(name, f"must be a whole number from {low:,} to {high:,}", repr(value), "Give such a number."))
    return whole

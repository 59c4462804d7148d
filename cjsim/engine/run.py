"""The verb `simulate`: a scenario in, a run out.

Lives here: generations of customers, the log in order, progress. Does not live here: what happens to a customer (model/), how engines let
customers live (crew.py and below), what a run is worth (metrics/).
"""

import operator
import os
import time
from collections.abc import Sequence
from contextlib import nullcontext
from functools import partial
from pathlib import Path
from typing import Literal, Protocol

import numpy as np

from cjsim.engine.census import Census
from cjsim.engine.compiled import CompiledEngine
from cjsim.engine.crew import Crew, Part
from cjsim.engine.frames import Outcomes
from cjsim.engine.growth import overgrown, refuse_growth
from cjsim.engine.pauses import is_shared
from cjsim.engine.provenance import Provenance
from cjsim.engine.readable import ReadableEngine
from cjsim.engine.result import Run
from cjsim.engine.room import make_outcomes
from cjsim.errors import InputError, complaint, one_of
from cjsim.eventlog.writer import LogWriter
from cjsim.kernel import is_compiled_before
from cjsim.model.arrivals import draw_arrivals
from cjsim.model.cohort import Cohort, referred_cohort
from cjsim.model.plan import Plan
from cjsim.model.population import initial_cohort
from cjsim.model.scenario import MAX_CUSTOMERS, Scenario
from cjsim.model.tables import compile_world
from cjsim.model.world import Records

ENGINES: dict[str, type[CompiledEngine] | type[ReadableEngine]] = {"compiled": CompiledEngine, "readable": ReadableEngine}
LOG_ROOM = 120_000  # rows
MOST_THREADS = 1024
MOST_GROWTH, MOST_AT_LEAST = 20, 1_000_000  # a run may grow to so many times its first customers, and to so many in any case


class Progress(Protocol):
    """Whoever wants to be told how far a long work is."""

    def start(self, total: int, label: str) -> None:
        """Work begins."""

    def grow(self, n: int) -> None:
        """There is so much more to do than was said."""

    def advance(self, n: int) -> None:
        """So much more is done."""

    def label(self, text: str) -> None:
        """What is done is called otherwise from now on."""

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

    def label(self, text: str) -> None:
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
    max_customers: int | None = None,
    log: str | Path | None = None,
    progress: Progress | None = None,
) -> Run:
    """Let a scenario's customers live.

    Parameters
    ----------
    scenario : Scenario
        A journey under a policy.
    customers : int, optional
        How many at first, instead of the scenario's; 0 only where others arrive.
    seed : int, optional
        In [0, 2**63), instead of the scenario's.
    engine : {'compiled', 'readable'}
        Both give the same results, to the byte.
    threads : int, optional
        All cores if not given. The results do not depend on it.
    max_customers : int, optional
        How many there may be in all, with arrivals and referred ones: a run that grows past it is ended. If not given, 20 times those at
        first, but at least 1,000,000.
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
        If a value is out of its range, the log cannot be written, the scenario asks for what cannot be, or a run grows past
        `max_customers`.

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
    least = 0 if scenario.journey.acquisition else 1
    count = scenario.customers if customers is None else _whole("customers", customers, least, MAX_CUSTOMERS)
    of_seed = scenario.seed if seed is None else _whole("seed", seed, 0, 2**63 - 1)
    if engine not in ENGINES:
        raise InputError(complaint("engine", f"must be one of {one_of(ENGINES)}", repr(engine), "Name one of these."))
    width = _whole("threads", (os.cpu_count() or 1) if threads is None else threads, 1, MOST_THREADS)
    if engine == "readable":
        width = 1
    at_most = max(MOST_GROWTH * count, MOST_AT_LEAST) if max_customers is None else _whole("max_customers", max_customers, 1, MAX_CUSTOMERS)
    told = progress or Silent()
    plan = compile_world(scenario.checked())
    arrivals = _arrivals(plan, of_seed, count, at_most)
    if not is_compiled_before():
        told.note("cjsim: compiling the rules for this machine, once (about a minute) ...")
    crew = Crew([ENGINES[engine](plan, of_seed, rows=LOG_ROOM if log is not None else 0) for _ in range(width)])
    crew.engines[0].prepare()
    told.start(count + len(arrivals), scenario.name)
    try:
        with LogWriter(log, plan.codebook, scenario.start) if log is not None else nullcontext() as writer:
            generations = Generations(plan, crew, writer=writer, told=told, at_most=at_most)
            generations.live([Part(count, partial(initial_cohort, plan, of_seed)), Part(len(arrivals), arrivals.stretch)])
    finally:
        told.finish()
    census = Census.of(count, arrivals, generations.births)
    seconds = time.perf_counter() - started
    provenance = Provenance.of(scenario, plan, census, seed=of_seed, engine=engine, events=crew.events, seconds=seconds)
    return Run.of(plan, provenance, Outcomes.joined(generations.outcomes), census, None if log is None else Path(log))


class Generations:
    """Customers, those whom they refer, those whom these refer, and so on: each generation lives once the one before has.

    Attributes
    ----------
    births : list of ndarray of BIRTH
        By generation: who was referred.
    outcomes : list of Outcomes
        One after another, all customers.
    """

    def __init__(self, plan: Plan, crew: Crew, *, writer: LogWriter | None, told: Progress, at_most: int) -> None:
        self.births: list[Records] = []
        self.outcomes: list[Outcomes] = []
        self._count = 0  # who lives or has lived
        self._plan, self._crew, self._writer, self._told, self._at_most = plan, crew, writer, told, at_most

    def live(self, parts: Sequence[Part]) -> None:
        """Let the first customers live, then all generations that come of them.

        Parameters
        ----------
        parts : Sequence of Part
            Initial customers and arrivals, in the order of their numbers.

        Raises
        ------
        InputError
            If there come to be too many.
        """
        self._count = sum(part.size for part in parts)
        parts = [part for part in parts if part.size] or parts[:1]
        if is_shared(self._plan.world):
            self._crew.meet(parts, at_most=self._at_most)
        while parts:
            births: list[Records] = []
            for part in parts:
                self._live(part, births)
            parts = []
            if births:
                self.births.append(np.concatenate(births))
                children = referred_cohort(self.births[-1], self._count)
                parts = [Part(len(children), children.stretch)]
                self._count += len(children)
                self._told.grow(len(children))

    def _live(self, part: Part, births: list[Records]) -> None:
        """Let some live, and add up whom they refer."""
        outcomes = make_outcomes(self._plan, part.size)
        self.outcomes.append(outcomes)
        total = self._count + sum(map(len, births))
        for size, chunk in self._crew.chunks(part, outcomes):
            births += chunk.births
            total += sum(map(len, chunk.births))
            refuse_growth(total, self._at_most, f"in the {_ordinal(len(self.births) + 1)} generation of referred customers")
            if self._writer is not None:
                for rows in chunk.rows:
                    self._writer.write(rows)
            self._told.advance(size)


def _arrivals(plan: Plan, seed: int, count: int, at_most: int) -> Cohort:
    """Who arrives by acquisition channels, unless they are too many."""
    room, expected = at_most - count, sum(float(channel.expected[-1]) for channel in plan.recipe.acquisition)
    if expected <= 2 * room + 1000:  # a Poisson number with a mean above that is within the room once in 10^100 runs
        arrivals = draw_arrivals(plan, seed, first=count, at_most=room)
        if len(arrivals) <= room:
            return arrivals
    if not expected:
        raise overgrown(at_most, f"{count:,} at first", "Ask for fewer")
    got = f"{count:,} at first and about {expected:,.0f} arrivals by acquisition channels"
    raise overgrown(at_most, got, "Lower the arrivals or the spend, shorten the horizon")


def _ordinal(n: int) -> str:
    """A number as 1st, 2nd, 3rd, 4th, ..."""
    ending = "th" if 10 < n % 100 < 14 else {1: "st", 2: "nd", 3: "rd"}.get(n % 10, "th")
    return f"{n}{ending}"


def _whole(name: str, value: int, low: int, high: int) -> int:
    """The value as int, numpy's whole numbers included."""
    try:
        whole = low - 1 if isinstance(value, bool) else operator.index(value)
    except TypeError:
        whole = low - 1
    if not low <= whole <= high:
        raise InputError(complaint(name, f"must be a whole number from {low:,} to {high:,}", repr(value), "Give such a number."))
    return whole

"""A crew: engines that let customers live side by side, chunk by chunk.

Lives here: chunks of customers over threads, in their order. Does not live here: how an engine lets customers live (readable.py,
compiled.py), which customers there are (run.py).
"""

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from queue import SimpleQueue
from typing import NamedTuple

from cjsim.compiler.cohorts import Cohort
from cjsim.engine.buffers import ChunkResult
from cjsim.engine.compiled import CompiledEngine
from cjsim.engine.outcomes import Outcomes
from cjsim.engine.readable import ReadableEngine

Engine = CompiledEngine | ReadableEngine
FIRST_CHUNK_SIZE = 32  # customers, before it is known how much happens to one
MAX_CHUNK_SIZE = 4096  # customers
CHUNK_ROWS = 100_000  # log rows that a chunk should have: what is in memory is a few of these
MAX_CHUNKS_AHEAD = 8  # chunks that may wait for the writer: as long as it writes a row group, the engines need not wait for it


class CustomerBatch(NamedTuple):
    """Customers who can live at one time, as nothing that one of them does brings another."""

    size: int
    subset: Callable[[int, int], Cohort]  # some of them: first, count


class WorkerPool:
    """Engines, a thread each.

    Attributes
    ----------
    engines : sequence of engines
        The first is the one that others are like.
    done, events : int
        Customers who have lived, and their log rows.
    """

    def __init__(self, engines: Sequence[Engine]) -> None:
        self.engines = engines
        self.done = self.events = 0

    def resolve_shared_resources(self, parts: Iterable[CustomerBatch], *, at_most: int) -> None:
        """Let customers meet, in a scenario in which they share something: before any of them lives for good.

        Parameters
        ----------
        parts : iterable of CustomerBatch
            Everybody who is there without having been invited.
        at_most : int
            How many customers there may come to be.
        """
        meetings = self.engines[0].resolve_shared_resources((part.subset(0, part.size) for part in parts), at_most=at_most)
        for engine in self.engines:
            engine.use_shared_results(meetings)

    def simulate_chunks(self, part: CustomerBatch, outcomes: Outcomes) -> Iterator[tuple[int, ChunkResult]]:
        """Chunks of customers in their order, with their sizes; few are in memory at a time.

        Parameters
        ----------
        part : CustomerBatch
            Who.
        outcomes : Outcomes
            Of these customers; written.
        """
        idle: SimpleQueue[Engine] = SimpleQueue()
        for engine in self.engines:
            idle.put(engine)

        def work(first: int, size: int) -> ChunkResult:
            """Let some live, by whichever engine is idle."""
            engine = idle.get()
            try:
                return engine.simulate(part.subset(first, size), outcomes.subset(first, size))
            finally:
                idle.put(engine)

        pending: deque[tuple[int, Future[ChunkResult]]] = deque()
        given = done = 0
        pool = ThreadPoolExecutor(len(self.engines), thread_name_prefix="cjsim")
        try:
            while done < part.size:
                while given < part.size and len(pending) < len(self.engines) + MAX_CHUNKS_AHEAD:
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
        return FIRST_CHUNK_SIZE
    return max(1, min(MAX_CHUNK_SIZE, CHUNK_ROWS * done // max(events, 1)))

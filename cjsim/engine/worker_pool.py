"""A pool of engines, one per thread, which simulates chunks of customers in parallel and returns the results in order."""

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
from cjsim.engine.shared_resources import SharedResults
from cjsim.progress import Progress

Engine = CompiledEngine | ReadableEngine
FIRST_CHUNK_SIZE = 32  # customers; used until the number of log rows per customer is known
MAX_CHUNK_SIZE = 4096  # customers
CHUNK_ROWS = 100_000  # target number of log rows per chunk, because memory must hold a few chunks
MAX_CHUNKS_AHEAD = 8  # finished chunks that may queue for the log writer, so that engines stay busy while it writes a row group


class CustomerBatch(NamedTuple):
    """A batch of customers without referrals within the batch.

    Attributes
    ----------
    size : int
        Number of customers.
    subset : callable
        Returns part of the batch as a cohort, given a start index and a size.
    """

    size: int
    subset: Callable[[int, int], Cohort]


class WorkerPool:
    """Engines that simulate in parallel, each in its own thread.

    Parameters
    ----------
    engines : sequence of engines
        Identical engines with the same plan and seed.

    Attributes
    ----------
    n_simulated, n_events : int
        Number of customers simulated so far, and number of their log rows.
    """

    def __init__(self, engines: Sequence[Engine]) -> None:
        self.engines = engines
        self.n_simulated = self.n_events = 0

    def resolve_shared_resources(self, batches: Iterable[CustomerBatch], *, max_customers: int, progress: Progress) -> SharedResults:
        """Determine desk replies and exhausted budgets. Required before `simulate_chunks` if customers share resources.

        Parameters
        ----------
        batches : iterable of CustomerBatch
            All initial customers and arrivals.
        max_customers : int
            Maximum number of customers, including referred ones.
        progress : Progress
            Receives the number of days that have passed.

        Returns
        -------
        SharedResults

        Raises
        ------
        InputError
            If the population exceeds `max_customers`, or a customer is stuck in a zero-time loop.
        """
        cohorts = (batch.subset(0, batch.size) for batch in batches)
        shared_results = self.engines[0].resolve_shared_resources(cohorts, max_customers=max_customers, progress=progress)
        for engine in self.engines:
            engine.use_shared_results(shared_results)
        return shared_results

    def simulate_chunks(self, batch: CustomerBatch, outcomes: Outcomes) -> Iterator[tuple[int, ChunkResult]]:
        """Simulate a batch in chunks. Memory holds only a few chunks at a time.

        Parameters
        ----------
        batch : CustomerBatch
            Customers to simulate.
        outcomes : Outcomes
            Outcomes of these customers, filled in place.

        Yields
        ------
        tuple of int and ChunkResult
            Size and result of each chunk, in customer order.

        Raises
        ------
        InputError
            If a customer is stuck in a zero-time loop.
        """
        idle: SimpleQueue[Engine] = SimpleQueue()
        for engine in self.engines:
            idle.put(engine)

        def simulate_chunk(first: int, size: int) -> ChunkResult:
            """Simulate one chunk on an idle engine."""
            engine = idle.get()
            try:
                return engine.simulate(batch.subset(first, size), outcomes.subset(first, size))
            finally:
                idle.put(engine)

        pending: deque[tuple[int, Future[ChunkResult]]] = deque()
        submitted = done = 0
        executor = ThreadPoolExecutor(len(self.engines), thread_name_prefix="cjsim")
        try:
            while done < batch.size:
                while submitted < batch.size and len(pending) < len(self.engines) + MAX_CHUNKS_AHEAD:
                    size = min(_chunk_size(self.n_simulated, self.n_events), batch.size - submitted)
                    pending.append((size, executor.submit(simulate_chunk, submitted, size)))
                    submitted += size
                size, future = pending.popleft()
                chunk = future.result()
                done += size
                self.n_simulated += size
                self.n_events += chunk.events
                yield size, chunk
        finally:
            executor.shutdown(wait=True, cancel_futures=True)


def _chunk_size(n_simulated: int, n_events: int) -> int:
    """Return the size of the next chunk, given the number of log rows per customer so far. Results do not depend on it."""
    if n_simulated == 0:
        return FIRST_CHUNK_SIZE
    return max(1, min(MAX_CHUNK_SIZE, CHUNK_ROWS * n_simulated // max(n_events, 1)))

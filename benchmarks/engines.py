"""How fast the engines are, as ratios of things run in turn in one process.

Run `python benchmarks/engines.py` (about two minutes). It prints one JSON object: events/s of the compiled engine on one thread, of
the readable engine, of the shop as one would write it by hand in SimPy (handwritten_shop.py), and of a floor: a kernel that
draws a uniform, takes its logarithm and compares, once an event. An event is a row of the log. Then what a second thread and the log
cost or give, what a customer's outcome takes in memory, and how long a new process takes until it has simulated the first customers.
Then the same of a scenario with a shared resource, the saas with its support desk: its ratio to the readable engine, which simulates all
customers in one environment, by CPU time, and the peak memory of a whole year of 200,000 customers, less that of an empty run.

Seconds are of CPU time where one thread works (other work on the machine disturbs them least) and of wall time where threads do. Each
ratio is the median of the ratios of its rounds.
"""

import argparse
import json
import math
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median

import handwritten_shop
import numpy as np

from cjsim.kernel import kernel
from cjsim.kernels.rng import uniform
from cjsim.simulation.documents import Scenario
from cjsim.simulation.simulate import simulate

SHOP = Path(__file__).parent.parent / "configs" / "scenarios" / "shop.yaml"
SAAS = SHOP.with_name("saas.yaml")
MEMORY_STEPS = (200_000, 1_000_000)  # customers
DESK_CUSTOMERS = 200_000


@kernel
def minimal_event_loop(events: int) -> float:
    """The least that an event costs: draw, log, compare.

    Parameters
    ----------
    events : int
        How many.

    Returns
    -------
    float64
        The longest wait, so that nothing is left out.
    """
    longest = 0.0
    for i in range(events):
        wait = -math.log(uniform(np.uint64(7), np.uint64(i), np.uint64(3), np.uint64(1)))
        if wait > longest:
            longest = wait
    return longest


def events_per_second(work: Callable[[], int], clock: Callable[[], float]) -> float:
    """Events/s of some work that gives the number of its events."""
    began = clock()
    events = work()
    return events / (clock() - began)


def engine_rates(shop: Scenario, rounds: int) -> dict[str, list[float]]:
    """Events/s of each contestant, a value a round, by CPU time."""

    def floored() -> int:
        minimal_event_loop(5_000_000)
        return 5_000_000

    contestants: dict[str, Callable[[], int]] = {
        "floor": floored,
        "compiled": lambda: simulate(shop, threads=1).provenance.events,
        "handwritten": lambda: sum(handwritten_shop.simulate_shop(150).values()),
        "readable": lambda: simulate(shop, customers=8, engine="readable").provenance.events,
    }
    for work in contestants.values():
        work()
    return interleaved_rates(contestants, rounds, time.process_time)


def desk_rates(saas: Scenario, rounds: int) -> dict[str, list[float]]:
    """Events/s of both engines on a scenario with a desk, by CPU time."""
    contestants: dict[str, Callable[[], int]] = {
        "compiled": lambda: simulate(saas, customers=10_000, threads=1).provenance.events,
        "readable": lambda: simulate(saas, customers=40, engine="readable").provenance.events,
    }
    for work in contestants.values():
        work()
    return interleaved_rates(contestants, rounds, time.process_time)


def interleaved_rates(contestants: dict[str, Callable[[], int]], rounds: int, clock: Callable[[], float]) -> dict[str, list[float]]:
    """Events/s of each contestant, a value a round: A B C, A B C, ..."""
    rates: dict[str, list[float]] = {name: [] for name in contestants}
    for _ in range(rounds):
        for name, work in contestants.items():
            rates[name].append(events_per_second(work, clock))
    return rates


def thread_rates(shop: Scenario, rounds: int) -> dict[str, list[float]]:
    """Events/s by wall time with one thread, with two, and with one that writes the log."""
    with tempfile.TemporaryDirectory() as folder:
        log = Path(folder) / "log.parquet"
        contestants: dict[str, Callable[[], int]] = {
            "one": lambda: simulate(shop, customers=30_000, threads=1).provenance.events,
            "two": lambda: simulate(shop, customers=30_000, threads=2).provenance.events,
            "logged": lambda: simulate(shop, customers=30_000, threads=1, log=log).provenance.events,
        }
        return interleaved_rates(contestants, rounds, time.perf_counter)


def bytes_per_customer() -> float:
    """Growth of a process's peak memory from one population to a larger one (for 30 days), metrics included, for each customer more."""
    peaks = [int(_run_in_new_process("--peak", str(customers))) for customers in MEMORY_STEPS]
    return (peaks[1] - peaks[0]) / (MEMORY_STEPS[1] - MEMORY_STEPS[0])


def desk_bytes_per_customer() -> float:
    """Peak memory per customer of a process that simulates many customers for a year with a desk, less that of one customer."""
    peak, empty = (int(_run_in_new_process("--peak-desk", str(customers))) for customers in (DESK_CUSTOMERS, 1))
    return (peak - empty) / DESK_CUSTOMERS


def peak_bytes() -> int:
    """Peak memory of this process (Linux). `getrusage` would count the memory of the process that started it."""
    status = Path("/proc/self/status").read_text(encoding="utf-8")
    return int(status.split("VmHWM:")[1].split()[0]) * 1024


def startup_seconds() -> float:
    """Wall time of a new process from its start until the first customers are simulated, with compiled kernels in the cache."""
    began = time.perf_counter()
    _run_in_new_process("--start")
    return time.perf_counter() - began


def _run_in_new_process(*arguments: str) -> str:
    return subprocess.run([sys.executable, __file__, *arguments], check=True, capture_output=True, text=True).stdout


def median_ratio(of: list[float], to: list[float]) -> float:
    """Median of the ratios of rounds."""
    return median(a / b for a, b in zip(of, to, strict=True))


def run_benchmarks(rounds: int) -> dict[str, object]:
    """Everything, measured."""
    shop = Scenario.load(SHOP)
    rates = engine_rates(shop, rounds)
    walls = thread_rates(shop, rounds)
    desks = desk_rates(Scenario.load(SAAS), rounds)
    return {
        "events_per_second": {name: round(median(values)) for name, values in rates.items()},
        "ratios": {
            "compiled_to_readable": round(median_ratio(rates["compiled"], rates["readable"]), 1),
            "compiled_to_handwritten": round(median_ratio(rates["compiled"], rates["handwritten"]), 1),
            "compiled_to_floor": round(median_ratio(rates["compiled"], rates["floor"]), 3),
            "two_threads_to_one": round(median_ratio(walls["two"], walls["one"]), 2),
            "time_with_log_to_without": round(median_ratio(walls["one"], walls["logged"]), 2),
            "with_desk_compiled_to_readable": round(median_ratio(desks["compiled"], desks["readable"]), 1),
        },
        "bytes_a_customer": round(bytes_per_customer()),
        "bytes_a_customer_with_desk": round(desk_bytes_per_customer()),
        "seconds_to_start": round(median(startup_seconds() for _ in range(3)), 2),
        "rounds": rounds,
    }


def main() -> None:
    """Parse, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--peak", type=int, metavar="CUSTOMERS", help="only print the peak memory of one run, in bytes")
    parser.add_argument("--peak-desk", type=int, metavar="CUSTOMERS", help="the same of the scenario with a desk, for its whole horizon")
    parser.add_argument("--start", action="store_true", help="only simulate one customer")
    options = parser.parse_args()
    if options.peak:
        run = simulate(Scenario.load(SHOP).with_values({"horizon": "30d"}), customers=options.peak)
        assert run.metrics
        print(peak_bytes())
    elif options.peak_desk:
        simulate(Scenario.load(SAAS), customers=options.peak_desk)
        print(peak_bytes())
    elif options.start:
        simulate(Scenario.load(SHOP), customers=1)
    else:
        print(json.dumps(run_benchmarks(options.rounds), indent=1))


if __name__ == "__main__":
    main()

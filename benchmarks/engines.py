"""Speed of the engines, as ratios of alternating runs in one process.

Run `python benchmarks/engines.py` (about two minutes). It prints one JSON object: events/s of the compiled engine on one thread, of the
readable engine, of a handwritten SimPy model of the shop (handwritten_shop.py), and of a floor: a kernel that draws a uniform, takes its
logarithm and compares, once per event. An event is a row of the log. The object also contains the effects of a second thread and of the log
on speed, the memory per customer, and the time in which a new process simulates its first customers. A scenario with a shared resource,
saas with its support desk, is measured as well: the CPU-time ratio to the readable engine, which simulates all customers in one
environment, and the peak memory of a year with 200,000 customers, minus that of an empty run.

Seconds are CPU time with one thread (least affected by other load on the machine) and wall time with several. Each ratio is the
median over its rounds.
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
    """The minimal cost of an event: draw, log, compare.

    Parameters
    ----------
    events : int
        Number of events.

    Returns
    -------
    float64
        The longest wait, so that the compiler cannot remove the loop.
    """
    longest = 0.0
    for i in range(events):
        wait = -math.log(uniform(np.uint64(7), np.uint64(i), np.uint64(3), np.uint64(1)))
        if wait > longest:
            longest = wait
    return longest


def events_per_second(work: Callable[[], int], clock: Callable[[], float]) -> float:
    """Events/s of a function that returns its number of events."""
    began = clock()
    events = work()
    return events / (clock() - began)


def engine_rates(shop: Scenario, rounds: int) -> dict[str, list[float]]:
    """Events/s of each contestant by CPU time, one value per round."""

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
        "compiled": lambda: simulate(saas, customers=10_000, threads=1, replications=1).provenance.events,
        "readable": lambda: simulate(saas, customers=40, engine="readable", replications=1).provenance.events,
    }
    for work in contestants.values():
        work()
    return interleaved_rates(contestants, rounds, time.process_time)


def interleaved_rates(contestants: dict[str, Callable[[], int]], rounds: int, clock: Callable[[], float]) -> dict[str, list[float]]:
    """Events/s of each contestant, one value per round: A B C, A B C, ..."""
    rates: dict[str, list[float]] = {name: [] for name in contestants}
    for _ in range(rounds):
        for name, work in contestants.items():
            rates[name].append(events_per_second(work, clock))
    return rates


def thread_rates(shop: Scenario, rounds: int) -> dict[str, list[float]]:
    """Events/s by wall time with one thread, with two threads, and with one thread and the log."""
    with tempfile.TemporaryDirectory() as folder:
        log = Path(folder) / "log.parquet"
        contestants: dict[str, Callable[[], int]] = {
            "one": lambda: simulate(shop, customers=30_000, threads=1).provenance.events,
            "two": lambda: simulate(shop, customers=30_000, threads=2).provenance.events,
            "logged": lambda: simulate(shop, customers=30_000, threads=1, log=log).provenance.events,
        }
        return interleaved_rates(contestants, rounds, time.perf_counter)


def bytes_per_customer() -> float:
    """Additional peak memory of a process per additional customer (30 days, including metrics)."""
    peaks = [int(_run_in_new_process("--peak", str(customers))) for customers in MEMORY_STEPS]
    return (peaks[1] - peaks[0]) / (MEMORY_STEPS[1] - MEMORY_STEPS[0])


def desk_bytes_per_customer() -> float:
    """Peak memory per customer of a process that simulates many customers with a desk for a year, minus that for one customer."""
    peak, empty = (int(_run_in_new_process("--peak-desk", str(customers))) for customers in (DESK_CUSTOMERS, 1))
    return (peak - empty) / DESK_CUSTOMERS


def peak_bytes() -> int:
    """Peak memory of this process (Linux). `getrusage` would include the memory of the parent process."""
    status = Path("/proc/self/status").read_text(encoding="utf-8")
    return int(status.split("VmHWM:")[1].split()[0]) * 1024


def startup_seconds() -> float:
    """Wall time of a new process until its first customers are simulated, with cached kernels."""
    began = time.perf_counter()
    _run_in_new_process("--start")
    return time.perf_counter() - began


def _run_in_new_process(*arguments: str) -> str:
    return subprocess.run([sys.executable, __file__, *arguments], check=True, capture_output=True, text=True).stdout


def median_ratio(of: list[float], to: list[float]) -> float:
    """Median over rounds of the ratio."""
    return median(a / b for a, b in zip(of, to, strict=True))


def run_benchmarks(rounds: int) -> dict[str, object]:
    """Run all benchmarks."""
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
    """The command line."""
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
        simulate(Scenario.load(SAAS), customers=options.peak_desk, replications=1)
        print(peak_bytes())
    elif options.start:
        simulate(Scenario.load(SHOP), customers=1)
    else:
        print(json.dumps(run_benchmarks(options.rounds), indent=1))


if __name__ == "__main__":
    main()

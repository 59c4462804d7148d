"""Coverage of intervals where customers share a desk: within one run, and from replications.

The study simulates a firm with 300 customers and one busy agent for 60 days, and the same firm with two agents. Seeds are 1 to N, fixed
before the first run. Blocks of R consecutive seeds give replicated intervals. The mean over all N seeds stands for the truth; the run that
follows a block (the first of the next block) is the fresh run that a prediction interval must cover.

    python experiments/replication_coverage.py --seeds 1000 --out coverage.jsonl    simulate (resumes) and print the table
    python experiments/replication_coverage.py --out coverage.jsonl --print          print the table of the runs so far

The error e is the standard error of a rate, sqrt(.95 * .05 / count).
"""

import argparse
import json
import math
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np

import cjsim as cj
from cjsim.metrics.confidence_intervals import MetricEstimate
from cjsim.metrics.replicated_estimates import combine_differences, combine_estimates

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests" / "support"))
from shared_firms import desk_firm

METRICS = ("wait", "sla_kept", "abandonment", "tickets", "clv")
AGENTS = {"one": 1, "two": 2}
NOMINAL = 0.95


def simulate(out: Path, n_seeds: int) -> None:
    """Append one line per seed, with the metrics of a single run under each policy."""
    done = len(out.read_text(encoding="utf-8").splitlines()) if out.exists() else 0
    with out.open("a", encoding="utf-8") as file:
        for seed in range(done + 1, n_seeds + 1):
            runs = {name: cj.simulate(desk_firm(agents=agents), seed=seed, replications=1) for name, agents in AGENTS.items()}
            file.write(json.dumps({"seed": seed} | {name: {m: run.metrics[m] for m in METRICS} for name, run in runs.items()}) + "\n")
            file.flush()


def rates(rows: list[dict[str, dict[str, list[float]]]], metric: str, size: int) -> Iterator[tuple[str, float, int]]:
    """Yield the coverage of each kind of interval, and the number of intervals."""
    one, two = ([MetricEstimate(*row[name][metric]) for row in rows] for name in AGENTS)
    truth = float(np.mean([estimate.value for estimate in one]))
    change = float(np.mean([b.value - a.value for a, b in zip(one, two, strict=True)]))
    yield "single run", float(np.mean([estimate.low <= truth <= estimate.high for estimate in one])), len(one)
    starts = range(0, len(one) - size, size)
    means, singles, differences, fresh = [], [], [], []
    for start in starts:
        block, paired = one[start : start + size], two[start : start + size]
        found = combine_estimates(block)
        moved = combine_differences([a.value for a in block], [b.value for b in paired])
        means.append(found.estimate.low <= truth <= found.estimate.high)
        singles.append(found.prediction.low <= one[start + size].value <= found.prediction.high)
        differences.append(moved.difference.low <= change <= moved.difference.high)
        following = two[start + size].value - one[start + size].value
        fresh.append(moved.prediction.low <= following <= moved.prediction.high)
    yield f"mean of {size}", float(np.mean(means)), len(means)
    yield "prediction", float(np.mean(singles)), len(singles)
    yield "difference", float(np.mean(differences)), len(differences)
    yield "prediction of difference", float(np.mean(fresh)), len(fresh)


def table(rows: list[dict[str, dict[str, list[float]]]], size: int) -> str:
    """Return the table of coverage rates, each with its deviation from .95 in standard errors."""
    lines = [f"{len(rows)} seeds, blocks of {size}"]
    for metric in METRICS:
        cells = []
        for name, rate, count in rates(rows, metric, size):
            error = math.sqrt(NOMINAL * (1 - NOMINAL) / count)
            cells.append(f"{name} {rate:.3f} ({(rate - NOMINAL) / error:+.1f} e, e {error:.3f})")
        lines.append(f"{metric:12} " + "; ".join(cells))
    return "\n".join(lines)


def main() -> None:
    """Simulate and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=1000)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--size", type=int, default=8)
    parser.add_argument("--print", dest="is_print_only", action="store_true")
    options = parser.parse_args()
    if not options.is_print_only:
        simulate(options.out, options.seeds)
    rows = [json.loads(line) for line in options.out.read_text(encoding="utf-8").splitlines()]
    print(table(rows, options.size))


if __name__ == "__main__":
    main()

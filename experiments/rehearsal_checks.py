"""Claim: rehearsals give the power, errors and coverage that theory gives where it holds, and show where it does not.

Seeds are 101..100 + R, fixed before the first run with them, and each draws 1,000 tests. Normal outcomes: repeated looks, group-sequential
tests and confidence sequences are compared with numerical integration, and CUPED with the correlation. Skewed outcomes, ratio metrics and
clusters: coverage of known effects. Hillstrom's e-mail trial: spending after women's mail compared with no mail, 500 customers per arm.
Cost: CPU time of 2,000 rehearsals of 10,000 customers compared with that of simulating the customers.

A cell holds if it is within 3 Monte Carlo errors; at most 1 in 20 cells may be beyond 2. The results of earlier runs with the seeds 1..50
had been seen, so these seeds are new.

Hillstrom's references are themselves estimates from 50,000 resamples or more, and they are rounded. Cells are therefore counted twice: with
the Monte Carlo error of the rehearsals alone, and with that of the reference and its rounding added. The second count was introduced after
the first had been seen for these seeds (2 of 30 cells beyond 2 errors, a miss), so it explains that result but does not replace it. The
seeds were not changed again.

Run: `python experiments/rehearsal_checks.py [--seeds R] [--customers N] [--out DIR]`.
"""

import argparse
import math
import os
import time
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import numpy as np
from published_findings import ROOT, Finding, write_findings_report

import cjsim as cj
from cjsim.metrics.ratios import RatioTerms
from cjsim.rehearsal.analyses import ConfidenceSequence, FixedHorizon, GroupSequential, NaivePeeking
from cjsim.rehearsal.closed_form_risks import normal_risks
from cjsim.rehearsal.customer_resampling import ArmPopulations
from cjsim.rehearsal.operating_characteristics import rehearse_design
from cjsim.rehearsal.potential_outcomes import PotentialOutcomes
from cjsim.rehearsal.rehearsal_settings import RehearsalSettings
from cjsim.rehearsal.results.design_report import DesignReport, Rate
from cjsim.rehearsal.scenario_outcomes import outcomes_of_runs

RUNS_PER_SEED = 1000
FIRST_SEED = 101
N_POPULATION = 200_000
PER_ARM = 4680  # a multiple of 13 and of 90
REFERENCE_RESAMPLES = 50_000  # the smallest number that the references may come from
DRIFT_80 = 2.801585  # effect in standard errors that a fixed-horizon test finds with a power of .8
FIXED, CUPED, GROUPED = FixedHorizon(), FixedHorizon(covariate_adjusted=True), GroupSequential(looks=13)
POCOCK, SEQUENCE, NAIVE = GroupSequential(looks=13, spending="pocock"), ConfidenceSequence(looks=90), NaivePeeking(looks=90)
LOOKS_90_FALSE_POSITIVES = 0.36568  # Armitage, McPherson and Rowe's integral, 90 looks at |z| > 1.96


class Cell(NamedTuple):
    """A measured rate and what it should be: a value, or a largest or smallest value if `bound` is 'at most' or 'at least'.

    `reference_error`: standard error of the wanted value, if it is itself an estimate.
    """

    statement: str
    wanted: float
    rate: Rate
    bound: str = ""
    reference_error: float = 0.0

    @property
    def deviation(self) -> float:
        """Distance to the wanted value in Monte Carlo errors of the rate; 0 on the right side of a bound."""
        distance = self.rate.value - self.wanted
        if self.bound:
            distance = max(0.0, distance if self.bound == "at most" else -distance)
        return abs(distance) / self.rate.error if distance else 0.0

    @property
    def joint_deviation(self) -> float:
        """Distance in errors of the difference between the rate and the wanted value."""
        return self.deviation * self.rate.error / math.hypot(self.rate.error, self.reference_error)


def rounded_reference(statement: str, wanted: float, rate: Rate, *, unit: float, resamples: int) -> Cell:
    """Return a cell whose reference was resampled too and is rounded to a unit, which adds a standard deviation of unit / sqrt(12)."""
    sampling = rate.error * math.sqrt(resamples / REFERENCE_RESAMPLES)
    return Cell(statement, wanted, rate, reference_error=math.hypot(sampling, unit / math.sqrt(12)))


def pooled_reports(populations: ArmPopulations, size: int, settings: RehearsalSettings, seeds: int) -> dict[str, Mapping[str, Rate]]:
    """Rates over all seeds, by analysis and name, with the closed form as `closed` (without error)."""
    blocks: dict[str, list[DesignReport]] = {}
    for seed in range(FIRST_SEED, FIRST_SEED + seeds):
        for report in rehearse_design(populations, size=size, settings=replace(settings, runs=RUNS_PER_SEED, seed=seed)):
            blocks.setdefault(report.analysis, []).append(report)
    return {
        name: {key: pooled([one.rates[key] for one in reports]) for key in reports[0].rates}
        | {"closed": Rate(reports[0].power_closed_form, 0.0, 0)}
        for name, reports in blocks.items()
    }


def pooled(rates: list[Rate]) -> Rate:
    """Mean of rates, weighted by their numbers of runs."""
    runs = np.array([rate.runs for rate in rates])
    chosen = runs > 1
    weights = runs[chosen] / runs[chosen].sum()
    values, errors = (np.array([rate[i] for rate in rates])[chosen] for i in (0, 1))
    return Rate(float(weights @ values), math.sqrt(float(weights**2 @ errors**2)), int(runs.sum()))


def normal_population(effect: float) -> ArmPopulations:
    """Standard normal outcomes whose correlation with a covariate is 0.8; the alternative adds a constant."""
    rng = np.random.default_rng(0)
    covariate = rng.normal(size=N_POPULATION)
    outcome = 0.8 * covariate + 0.6 * rng.normal(size=N_POPULATION)
    outcome /= outcome.std()
    return ArmPopulations(np.array([outcome, covariate]), np.array([outcome + effect, covariate]), has_covariate=True)


def sequential_cells(seeds: int) -> list[Cell]:
    """Repeated looks at normal outcomes."""
    settings = RehearsalSettings(analyses=(FIXED, CUPED, GROUPED, POCOCK, SEQUENCE, NAIVE))
    found = pooled_reports(normal_population(DRIFT_80 * math.sqrt(2 / PER_ARM)), 2 * PER_ARM, settings, seeds)
    fixed, grouped, sequence = found[FIXED.name], found[GROUPED.name], found[SEQUENCE.name]
    powers = fixed["power"], grouped["power"]
    loss = Rate(powers[0].value - powers[1].value, math.hypot(powers[0].error, powers[1].error), powers[0].runs)
    cells = [
        Cell("naive, 90 looks: false positives", LOOKS_90_FALSE_POSITIVES, found[NAIVE.name]["false_positive"]),
        Cell("O'Brien-Fleming type, 13 looks: false positives", 0.05, grouped["false_positive"]),
        Cell("O'Brien-Fleming type, 13 looks: loss of power", 0.02, loss, "at most"),
        Cell("Pocock type, 13 looks: false positives", 0.05, found[POCOCK.name]["false_positive"]),
        Cell("confidence sequence, 90 looks: false positives", 0.05, sequence["false_positive"], "at most"),
        Cell("fixed horizon: false positives", 0.05, fixed["false_positive"]),
        Cell("CUPED: false positives", 0.05, found[CUPED.name]["false_positive"]),
        Cell("fixed horizon: coverage", 0.95, fixed["coverage"]),
        Cell("CUPED: coverage", 0.95, found[CUPED.name]["coverage"]),
        Cell("O'Brien-Fleming type: coverage of repeated intervals", 0.95, grouped["coverage"], "at least"),
        Cell("confidence sequence: coverage", 0.95, sequence["coverage"], "at least"),
    ]
    cells += [Cell(f"{name}: power", rates["closed"].value, rates["power"]) for name, rates in found.items()]
    return cells


def coverage_cells(seeds: int) -> list[Cell]:
    """Fixed-horizon tests of skewed outcomes, ratios, clusters and unequal arms: coverage, false positives and power."""
    rng = np.random.default_rng(0)
    ones = np.ones(N_POPULATION, bool)
    spend = rng.gamma(0.5, 2.0, N_POPULATION)
    visits = 1.0 + rng.poisson(3.0, N_POPULATION)
    orders, more_orders = rng.binomial(visits.astype(int), 0.2), rng.binomial(visits.astype(int), 0.22)
    clusters = np.repeat(np.arange(N_POPULATION // 4), 4)
    shared = np.repeat(rng.normal(size=N_POPULATION // 4), 4) + rng.normal(size=N_POPULATION)
    worlds = {
        "skewed mean": PotentialOutcomes(RatioTerms(spend, ones), RatioTerms(1.1 * spend, ones)),
        "ratio": PotentialOutcomes(RatioTerms(orders.astype(float), visits), RatioTerms(more_orders.astype(float), visits)),
        "clusters of 4": PotentialOutcomes(RatioTerms(shared, ones), RatioTerms(shared + 0.1, ones), clusters=clusters),
    }
    cells = []
    for name, outcomes in worlds.items():
        populations = ArmPopulations.from_outcomes(outcomes)
        rates = pooled_reports(populations, 4000, RehearsalSettings(analyses=(FIXED,)), seeds)[FIXED.name]
        cells += [
            Cell(f"{name}: coverage", 0.95, rates["coverage"]),
            Cell(f"{name}: false positives", 0.05, rates["false_positive"]),
            Cell(f"{name}: power", rates["closed"].value, rates["power"]),
        ]
    return cells


def hillstrom_cells(seeds: int, data: Path) -> list[Cell]:
    """Spending in Hillstrom's trial, women's mail against none, 500 customers per arm."""
    import pandas as pd

    trial = pd.read_csv(data / "hillstrom.csv.gz", usecols=["segment", "spend"])
    base, alternative = (trial.spend[trial.segment == arm].to_numpy(float) for arm in ("No E-Mail", "Womens E-Mail"))
    rates = pooled_reports(ArmPopulations.from_trial(base, alternative), 1000, RehearsalSettings(analyses=(FIXED,)), seeds)[FIXED.name]
    error = math.sqrt(base.var(ddof=1) / 500 + alternative.var(ddof=1) / 500)
    closed = normal_risks(alternative.mean() - base.mean(), error)
    print(f"Hillstrom, closed form: power {closed.power:.4f}, exaggeration {closed.exaggeration:.3f}, wrong sign {closed.sign_error:.4f}")
    references = [
        ("power", 0.047, "power", 0.001),
        ("coverage", 0.933, "coverage", 0.001),
        ("exaggeration", 4.4, "exaggeration", 0.1),
        ("wrong sign of significant results", 0.058, "sign_error", 0.001),
    ]
    return [
        rounded_reference(f"Hillstrom: {words}", wanted, rates[name], unit=unit, resamples=seeds * RUNS_PER_SEED)
        for words, wanted, name, unit in references
    ]


def cost_sentence(customers: int) -> str:
    """CPU time of 2,000 rehearsals of 10,000 customers with four analyses, and of simulating the customers under both policies."""
    files = ("shop.yaml", "shop_better.yaml")
    scenarios = [cj.Scenario.load(ROOT / "configs" / "scenarios" / name) for name in files]
    cj.simulate(scenarios[0], customers=100)  # compiles
    started = time.process_time()
    runs = [cj.simulate(scenario, customers=customers) for scenario in scenarios]
    simulated = time.process_time() - started
    populations = ArmPopulations.from_outcomes(outcomes_of_runs(runs[0], runs[1], "clv"))
    started = time.process_time()
    rehearse_design(populations, size=10_000, settings=RehearsalSettings(runs=2000))
    rehearsed = time.process_time() - started
    return (
        f"2,000 rehearsals of 10,000 customers with four analyses took {rehearsed:.2f} s of CPU time, {rehearsed / simulated:.1%} of the"
        f" {simulated:.1f} s of simulating {customers:,} customers under both policies (wanted: at most 5 %)."
    )


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=50, help="number of seeds, with 1,000 tests each")
    parser.add_argument("--customers", type=int, default=1_000_000, help="simulated for the comparison of costs")
    parser.add_argument("--out", type=Path, help="folder of the report")
    given = parser.parse_args()
    data = Path(os.environ.get("CJSIM_DATA", ROOT.parent / "shared" / "data"))
    cells = [*sequential_cells(given.seeds), *coverage_cells(given.seeds)]
    if (data / "hillstrom.csv.gz").exists():
        cells += hillstrom_cells(given.seeds, data)
    else:
        print(f"Hillstrom's trial is left out: {data} has no hillstrom.csv.gz (set CJSIM_DATA)")
    for cell in cells:
        sign = {"at most": "<=", "at least": ">="}.get(cell.bound, "=")
        print(
            f"{cell.statement:55} {sign:>2} {cell.wanted:7.4f}  {cell.rate.value:7.4f} +- {cell.rate.error:.4f}"
            f"  n {cell.rate.runs:>6,}  {deviation_words(cell)}"
        )
    print(count_sentence(cells))
    cost = cost_sentence(given.customers)
    print(cost)
    if given.out is not None:
        write_report(cells, cost, given.out)


def deviation_words(cell: Cell) -> str:
    """Return the distance in errors, and with the error of the reference if it has one."""
    own = f"{cell.deviation:.1f} errors"
    return f"{own}; {cell.joint_deviation:.1f} with the error of the reference" if cell.reference_error else own


def count_sentence(cells: list[Cell]) -> str:
    """Return how many cells are beyond 2 and 3 errors, without and with the errors of the references."""
    deviations = [cell.deviation for cell in cells], [cell.joint_deviation for cell in cells]
    alone, joint = ([sum(one > errors for one in found) for errors in (2, 3)] for found in deviations)
    verdict = "a miss" if alone[0] > len(cells) / 20 else "kept"
    return (
        f"With the errors of the rehearsals alone, {alone[0]} of {len(cells)} cells are beyond 2 errors and {alone[1]} beyond 3"
        f" (limit: 1 in 20 beyond 2, {verdict}). With the errors of the references, {joint[0]} are beyond 2 and {joint[1]} beyond 3."
    )


def write_report(cells: list[Cell], cost: str, out: Path) -> None:
    """Write the report page and the table of cells."""
    findings = [
        Finding(
            cell.statement,
            f"{cell.bound} {cell.wanted:.4g}".strip(),
            cell.rate.value,
            cell.rate.value - 1.96 * cell.rate.error,
            cell.rate.value + 1.96 * cell.rate.error,
            cell.rate.runs,
            cell.deviation <= 3,
            deviation_words(cell),
        )
        for cell in cells
    ]
    rows = [
        {"statement": cell.statement, "wanted": cell.wanted, "bound": cell.bound, **cell.rate._asdict()}
        | {"errors": cell.deviation, "errors_with_reference": cell.joint_deviation}
        for cell in cells
    ]
    words = f"""Each cell holds if it is within 3 Monte Carlo errors of what is wanted. n is the number of rehearsed tests, or of
significant ones for exaggeration and wrong signs. Seeds are 101..150, fixed before the first run with them. Earlier runs used 1..50 and
had been looked at: the first, with 2 seeds for skewed outcomes, ratios and clusters, had 2 of 30 cells beyond 2 errors; a later one,
with all seeds for all cells, had none.

{count_sentence(cells)} Hillstrom's references are estimates too, from {REFERENCE_RESAMPLES:,} resamples or more, and are rounded by up to
half a unit of their last digit. Their errors were added after the first count had been seen for these seeds, so they explain a miss but do
not undo it. Independent cells would lie beyond 2 errors in 4.6 % of cases, which is 1.4 of 30.

{cost}"""
    write_findings_report(
        "rehearsal_checks", "Rehearsals compared with theory", words, findings, {"cells": rows}, out, reference_label="wanted"
    )


if __name__ == "__main__":
    main()

"""False alarms and power of the two heterogeneity tests, in trials whose effects are known.

Claim: without heterogeneity, at most 5 % of 1,000 trials are called heterogeneous, for each method, learner and kind of outcome.

Each trial has 1,000 customers (or 250 clusters of 4), 5 normal features, and an outcome that depends on them nonlinearly. The learner is a
pair of regressions, one per arm, linear or trees of depth 3. Power: the effect varies with the first feature, with the standard deviation
named in units of the noise, in a fifth of the trials. Seeds are 1..R. A cell holds if its false alarms exceed 5 % by at most 3 Monte Carlo
errors; at most 1 cell in 20 may exceed it by more than 2.

Run: `python experiments/uplift_heterogeneity.py [--trials R] [--out DIR]`.
"""

import argparse
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from published_findings import Finding, share_with_interval, write_findings_report
from sklearn.base import RegressorMixin
from sklearn.linear_model import LinearRegression
from sklearn.tree import DecisionTreeRegressor

from cjsim.uplift.heterogeneity import FitPredict, SplitPlan, heterogeneity_test

ALPHA = 0.05
POWER_FRACTION = 5  # power is estimated from a fifth of the trials
SPREADS = (0.0, 0.1, 0.2, 0.3)
N, FEATURES, CLUSTER_SIZE = 1_000, 5, 4
PLANS = (("sequential", 5), ("sequential", 2), ("splits", 20))
LEARNERS: dict[str, Callable[[], RegressorMixin]] = {
    "linear": LinearRegression,
    "trees": lambda: DecisionTreeRegressor(max_depth=3, min_samples_leaf=20, random_state=1),
}
OUTCOMES = ("normal", "binary", "spend", "clusters")
Floats = NDArray[np.float64]


class Trial(NamedTuple):
    """A simulated trial with arms of equal probability."""

    X: Floats
    treatment: NDArray[np.int64]
    y: Floats
    clusters: NDArray[np.int64] | None


class Cell(NamedTuple):
    """Number of trials in which heterogeneity is called proven."""

    spread: float
    outcome: str
    learner: str
    method: str
    trials: int
    proven: int

    @property
    def share(self) -> float:
        """Share of trials that are called heterogeneous: false alarms if the spread is 0, else power."""
        return self.proven / self.trials

    @property
    def error(self) -> float:
        """Monte Carlo error of the share: at a rate of 5 % for false alarms, else at Agresti and Coull's (hits + 2) / (trials + 4)."""
        rate = ALPHA if self.spread == 0.0 else (self.proven + 2.0) / (self.trials + 4.0)
        return float(np.sqrt(rate * (1.0 - rate) / self.trials))

    @property
    def excess(self) -> float:
        """By how many Monte Carlo errors the share exceeds 5 %; 0 if it does not."""
        return max(0.0, (self.share - ALPHA) / self.error)


def simulated_trial(seed: int, outcome: str, spread: float) -> Trial:
    """A trial whose effect has the standard deviation `spread`, in units of the noise; for binary outcomes, in units of .4."""
    rng = np.random.default_rng(seed)
    clusters = np.arange(N) // CLUSTER_SIZE if outcome == "clusters" else None
    X = rng.normal(size=(N, FEATURES))
    treatment = rng.integers(0, 2, N)
    if clusters is not None:
        X[:, 0], treatment = X[clusters * CLUSTER_SIZE, 0], treatment[clusters * CLUSTER_SIZE]
    base, effect = X[:, 0] + 0.5 * X[:, 1] ** 2, 0.2 + spread * X[:, 0]
    if outcome == "binary":
        chance = np.clip(0.3 + 0.05 * base + 0.4 * effect * treatment, 0.0, 1.0)
        return Trial(X, treatment, (rng.random(N) < chance).astype(np.float64), clusters)
    if outcome == "spend":  # nine in ten buy nothing; the amounts of the others are skewed, with a standard deviation of all near 1
        amount = rng.lognormal(0.3, 1.0, N) * (1.0 + 0.3 * np.tanh(base)) * (rng.random(N) < 0.1)
        return Trial(X, treatment, amount + effect * treatment, clusters)
    noise = rng.normal(size=N)
    if clusters is not None:
        noise = np.sqrt(0.5) * (rng.normal(size=N)[clusters] + rng.normal(size=N))
    return Trial(X, treatment, base + effect * treatment + noise, clusters)


def two_regressions(trial: Trial, learner: Callable[[], RegressorMixin]) -> FitPredict:
    """Fit one regression per arm; the effect is their difference."""

    def fit_predict(train: NDArray[np.int64], test: NDArray[np.int64]) -> tuple[Floats, Floats]:
        by_arm = []
        for arm in (0, 1):
            rows = train[trial.treatment[train] == arm]
            by_arm.append(learner().fit(trial.X[rows], trial.y[rows]).predict(trial.X[test]))
        return by_arm[0], by_arm[1] - by_arm[0]

    return fit_predict


def times_proven(outcome: str, learner: str, plan: tuple[str, int], spread: float, trials: int) -> int:
    """Number of trials in which heterogeneity is called proven."""
    proven = 0
    for seed in range(1, trials + 1):
        trial = simulated_trial(seed, outcome, spread)
        found = heterogeneity_test(
            trial.y,
            trial.treatment,
            two_regressions(trial, LEARNERS[learner]),
            propensity=(0.5, 0.5),
            clusters=trial.clusters,
            learner=learner,
            plan=SplitPlan(plan[0], plan[1], groups=2, seed=seed),  # type: ignore[arg-type]
        )
        proven += found.is_proven
    return proven


def cells_of_study(trials: int) -> Iterator[Cell]:
    """False alarms (spread 0) first."""
    for spread in SPREADS:
        n = trials if spread == 0.0 else max(trials // POWER_FRACTION, 1)
        for outcome in OUTCOMES:
            for learner in LEARNERS:
                for plan in PLANS:
                    yield Cell(spread, outcome, learner, f"{plan[0]} {plan[1]}", n, times_proven(outcome, learner, plan, spread, n))


def power_table(cells: list[Cell]) -> str:
    """Power with its Monte Carlo error, as a Markdown table with a column for each method."""
    methods = [f"{method} {count}" for method, count in PLANS]
    lines = [f"| spread | outcome | learner | {' | '.join(methods)} |", "|---|---|---|" + "---|" * len(methods)]
    by_world: dict[tuple[float, str, str], list[Cell]] = {}
    for cell in cells:
        by_world.setdefault((cell.spread, cell.outcome, cell.learner), []).append(cell)
    for (spread, outcome, learner), row in by_world.items():
        shares = " | ".join(f"{cell.share:.3f} ± {cell.error:.3f}" for cell in row)
        lines.append(f"| {spread} | {outcome} | {learner} | {shares} |")
    return "\n".join(lines)


def write_report(cells: list[Cell], trials: int, out: Path) -> None:
    """Write the report page and the table of cells."""
    nulls, others = [cell for cell in cells if cell.spread == 0.0], [cell for cell in cells if cell.spread > 0.0]
    findings = [
        Finding(
            f"false alarms: {cell.outcome}, {cell.learner}, {cell.method}",
            "at most 5 %",
            *share_with_interval(cell.proven, cell.trials),
            cell.trials,
            cell.excess <= 3.0,
            f"{cell.excess:.1f} errors above 5 %" if cell.excess else "",
        )
        for cell in nulls
    ]
    rows = [{**cell._asdict(), "share": cell.share, "error": cell.error} for cell in cells]
    claim = (__doc__ or "").partition("\n\n")[2].partition("Run:")[0].strip()
    words = f"""{claim}

Command: `python experiments/uplift_heterogeneity.py --trials {trials} --out reports/uplift_heterogeneity`. "sequential 5" is the default
test; "splits 20" uses 20 random halves. The cells of a row use the same trials, so they are not independent.

{excess_sentence(nulls)}

Power, with its Monte Carlo error, from {others[0].trials} trials per cell:

{power_table(others)}"""
    write_findings_report(
        "uplift_heterogeneity",
        "Heterogeneity tests: false alarms and power",
        words,
        findings,
        {"cells": rows},
        out,
        reference_label="wanted",
    )


def excess_sentence(nulls: list[Cell]) -> str:
    """Number of cells whose share of false alarms is above 5 % by more than 2 and 3 Monte Carlo errors."""
    beyond = [sum(cell.excess > errors for cell in nulls) for errors in (2.0, 3.0)]
    return (
        f"False alarms exceed 5 % by more than 2 Monte Carlo errors ({nulls[0].error:.4f} each) in {beyond[0]} of {len(nulls)} cells,"
        f" and by more than 3 in {beyond[1]}."
    )


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--trials", type=int, default=1_000, help="number of trials without heterogeneity per cell")
    parser.add_argument("--out", type=Path, help="folder of the report")
    given = parser.parse_args()
    print(f"{'spread':>6}  {'outcome':9} {'learner':8} {'method':14} share proven +/- Monte Carlo error (trials)")
    cells = []
    for cell in cells_of_study(given.trials):
        share = f"{cell.share:.3f} +/- {cell.error:.3f} ({cell.trials})"
        print(f"{cell.spread:6.1f}  {cell.outcome:9} {cell.learner:8} {cell.method:14} {share}", flush=True)
        cells.append(cell)
    print(excess_sentence([cell for cell in cells if cell.spread == 0.0]))
    if given.out is not None:
        write_report(cells, given.trials, given.out)


if __name__ == "__main__":
    main()

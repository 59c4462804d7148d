"""False alarms and power of the two heterogeneity tests, in trials whose effects are known.

Claim: without heterogeneity, at most 5 % of 1,000 trials are called heterogeneous, for each method, learner and kind of outcome.

Each trial has 1,000 customers (or 250 clusters of 4), 5 normal features, and an outcome that depends on them nonlinearly. The learner is a
pair of regressions, one per arm, linear or trees of depth 3. Power: the effect varies with the first feature, with the standard deviation
named in units of the noise, in a fifth of the trials. Seeds are 1..R.

Run: `python experiments/uplift_heterogeneity.py [--trials R]`.
"""

import argparse
from collections.abc import Callable, Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from sklearn.base import RegressorMixin
from sklearn.linear_model import LinearRegression
from sklearn.tree import DecisionTreeRegressor

from cjsim.uplift.heterogeneity import FitPredict, SplitPlan, heterogeneity_test

ALPHA = 0.05
POWER_FRACTION = 5  # power is estimated from a fifth of the trials
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
    """Share of trials in which heterogeneity is called proven; for false alarms, the error is that of a rate of 5 %."""

    spread: float
    outcome: str
    learner: str
    method: str
    trials: int
    share: float
    error: float


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


def share_proven(outcome: str, learner: str, plan: tuple[str, int], spread: float, trials: int) -> float:
    """Share of trials in which heterogeneity is called proven."""
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
    return proven / trials


def rows_of_study(trials: int) -> Iterator[Cell]:
    """One row per cell; false alarms (spread 0) first."""
    for spread in (0.0, 0.1, 0.2, 0.3):
        for outcome in OUTCOMES:
            for learner in LEARNERS:
                for plan in PLANS:
                    n = trials if spread == 0.0 else max(trials // POWER_FRACTION, 1)
                    share = share_proven(outcome, learner, plan, spread, n)
                    variance = ALPHA * (1.0 - ALPHA) if spread == 0.0 else share * (1.0 - share)
                    yield Cell(spread, outcome, learner, f"{plan[0]} {plan[1]}", n, share, float(np.sqrt(variance / n)))


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--trials", type=int, default=1_000)
    given = parser.parse_args()
    print(f"{'spread':>6}  {'outcome':9} {'learner':8} {'method':14} share proven +/- Monte Carlo error (trials)")
    excess = []
    for cell in rows_of_study(given.trials):
        share = f"{cell.share:.3f} +/- {cell.error:.3f} ({cell.trials})"
        print(f"{cell.spread:6.1f}  {cell.outcome:9} {cell.learner:8} {cell.method:14} {share}", flush=True)
        if cell.spread == 0.0:
            excess.append((cell.share - ALPHA) / cell.error)
    beyond = [sum(value > errors for value in excess) for errors in (2.0, 3.0)]
    print(f"false alarms above 5 % by more than 2 errors: {beyond[0]} of {len(excess)} cells; by more than 3: {beyond[1]}")


if __name__ == "__main__":
    main()

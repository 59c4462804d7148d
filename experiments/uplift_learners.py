"""Claims: in two worlds, theory predicts the better learner; selection on held-out rows loses little.

- Few treated, complex baseline: the X-learner has a lower error than the T-learner (Künzel and others 2019).
- Confounded treatment, outcome models too simple: the DR-learner has a lower error than the T-learner (Kennedy 2023).
- Equal effects, or none: selection by DR-loss or R-loss mostly chooses the constant effect.
- Regret: (V(chosen) - V(constant)) / (V(best) - V(constant)) has a median of at least .9. V is the mean gain per customer of treating those
  with a predicted effect above the cost, on 100,000 fresh customers with known effects. V(constant) is the best of treating all and nobody,
  V(best) the best candidate. Runs whose denominator is below 3 standard errors are counted separately.

Each world is drawn with the seeds 1 to R. The +- is one Monte Carlo standard error.

Run: `python experiments/uplift_learners.py [--runs R] [--workers N] [--out DIR]`.
"""

import argparse
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from published_findings import Z95, Finding, median_with_interval, share_with_interval, write_findings_report

from cjsim.uplift.learners.dr_learner import DRLearner
from cjsim.uplift.learners.held_out_predictions import predict_held_out
from cjsim.uplift.learners.learner_selection import CONSTANT_EFFECT, compare_losses
from cjsim.uplift.learners.nuisances import augmented_scores, cross_fit_nuisances
from cjsim.uplift.learners.r_learner import RLearner
from cjsim.uplift.learners.s_learner import SLearner
from cjsim.uplift.learners.t_learner import TLearner
from cjsim.uplift.learners.training_rows import check_rows
from cjsim.uplift.learners.x_learner import XLearner

N_FRESH = 100_000
N_FEATURES = 6
LOSSES = ("dr", "r")
MIN_DENOMINATOR_IN_ERRORS = 3


class World(NamedTuple):
    """A distribution of customers: normal features, unit-noise outcome, known effect, and known or unknown probability of treatment."""

    name: str
    n: int
    baseline: Callable[[Any], Any]
    effect: Callable[[Any], Any]
    share: Callable[[Any], Any]
    cost: float
    is_share_known: bool = True


class Sample(NamedTuple):
    """Customers of a world."""

    X: pd.DataFrame
    y: Any
    treatment: Any
    effect: Any
    propensity: Any


class SelectionRun(NamedTuple):
    """One selection: the choice, the best candidate, and the values on fresh customers, money per customer."""

    world: str
    seed: int
    loss: str
    chosen: str
    best: str
    gain_of_chosen: float
    gain_of_best: float
    error: float

    @property
    def is_countable(self) -> bool:
        """Whether the best candidate is better than the best constant policy by more than 3 standard errors."""
        return self.gain_of_best > MIN_DENOMINATOR_IN_ERRORS * self.error

    @property
    def ratio(self) -> float:
        """Share of the best candidate's gain that the choice keeps."""
        return self.gain_of_chosen / self.gain_of_best


def complex_baseline(x: Any) -> Any:
    """Steps and interactions."""
    return 2 * (x[:, 0] > 0) * (x[:, 1] > 0) + np.sin(3 * x[:, 2]) + np.abs(x[:, 3])


def half(x: Any) -> Any:
    """Even assignment."""
    return np.full(len(x), 0.5)


def confounded(x: Any) -> Any:
    """Treatment of customers with a high first feature."""
    return 1 / (1 + np.exp(-x[:, 0]))


def linear_effect(x: Any) -> Any:
    """Mean 0.1, standard deviation 0.25."""
    return 0.1 + 0.2 * x[:, 0] - 0.15 * x[:, 1]


def step_effect(x: Any) -> Any:
    """0.5 in a quarter of the customers, else -0.1."""
    return np.where((x[:, 0] > 0) & (x[:, 1] > 0), 0.5, -0.1)


FEW_TREATED = World("few treated", 4_000, complex_baseline, lambda x: 0.5 + 0.3 * x[:, 0], lambda x: np.full(len(x), 0.03), 0.5)
CONFOUNDED = World("confounded", 4_000, lambda x: x[:, 0] ** 2 + np.exp(x[:, 0] / 2), linear_effect, confounded, 0.1, is_share_known=False)
SELECTION_WORLDS = (
    World("linear effects", 4_000, lambda x: x[:, 2], linear_effect, half, 0.1),
    World("step effects", 10_000, complex_baseline, step_effect, half, 0.0),
    World("few treated", 10_000, complex_baseline, lambda x: 0.5 + 0.3 * x[:, 0], lambda x: np.full(len(x), 0.1), 0.5),
    CONFOUNDED._replace(n=10_000),
    World("weak effects", 4_000, lambda x: x[:, 2], lambda x: 0.1 + 0.05 * x[:, 0], half, 0.1),
    World("equal effects", 4_000, lambda x: x[:, 2], lambda x: np.full(len(x), 0.2), half, 0.1),
    World("no effect", 4_000, lambda x: x[:, 2], lambda x: np.zeros(len(x)), half, 0.1),
)
EQUAL_WORLDS = ("equal effects", "no effect")


def candidates(seed: int) -> dict[str, Any]:
    """Learners to select from."""
    return {
        "S linear": SLearner(seed=seed),
        "T linear": TLearner(seed=seed),
        "T trees": TLearner("trees", seed=seed),
        "X trees": XLearner("trees", seed=seed),
        "R linear": RLearner(folds=3, seed=seed),
        "DR linear": DRLearner(folds=3, seed=seed),
        "DR trees": DRLearner("trees", "trees", folds=3, seed=seed),
    }


def draw(world: World, n: int, rng: np.random.Generator) -> Sample:
    """Customers of a world."""
    x = rng.normal(size=(n, N_FEATURES))
    share, effect = world.share(x), world.effect(x)
    treatment = (rng.random(n) < share).astype(np.int64)
    y = world.baseline(x) + effect * treatment + rng.normal(size=n)
    propensity = np.column_stack([1 - share, share]) if world.is_share_known else None
    return Sample(pd.DataFrame(x).add_prefix("x"), y, treatment, effect, propensity)


def errors_of_learners(world: World, learners: Mapping[str, Any], seed: int) -> dict[str, float]:
    """Root mean squared error of each learner's predicted effects on 10,000 fresh customers."""
    rng = np.random.default_rng(seed)
    train, fresh = draw(world, world.n, rng), draw(world, 10_000, rng)
    fitted = {name: one.fit(train.X, train.y, train.treatment, propensity=train.propensity) for name, one in learners.items()}
    return {name: float(np.sqrt(np.mean((one.predict(fresh.X) - fresh.effect) ** 2))) for name, one in fitted.items()}


def compare_x_and_t(seed: int) -> dict[str, float]:
    """Few treated: X- and T-learner with trees as outcome models."""
    return errors_of_learners(FEW_TREATED, {"X": XLearner("trees", "linear", seed=seed), "T": TLearner("trees", seed=seed)}, seed)


def compare_dr_and_t(seed: int) -> dict[str, float]:
    """Confounding: DR- and T-learner with linear outcome models, which are too simple, and estimated propensities."""
    return errors_of_learners(CONFOUNDED, {"DR": DRLearner(folds=3, seed=seed), "T": TLearner(seed=seed)}, seed)


def run_selection(world_index: int, seed: int) -> list[SelectionRun]:
    """Select by each loss, and evaluate the choice on fresh customers."""
    world = SELECTION_WORLDS[world_index]
    rng = np.random.default_rng(seed)
    train, fresh = draw(world, world.n, rng), draw(world, N_FRESH, rng)
    rows = check_rows(train.X, train.y, train.treatment, propensity=train.propensity)
    propensity = "linear" if train.propensity is None else train.propensity
    nuisances = cross_fit_nuisances(train.X, train.y, train.treatment, propensity=propensity, outcome_model="trees", folds=3, seed=seed)
    learners = candidates(seed)
    predictions = {name: predict_held_out(one, rows, nuisances.fold) for name, one in learners.items()}
    scores = augmented_scores(train.y, train.treatment, nuisances)
    constant = np.full(N_FRESH, (scores[:, 1] - scores[:, 0]).mean())
    fresh_predictions = {
        name: one.fit(train.X, train.y, train.treatment, propensity=train.propensity).predict(fresh.X) for name, one in learners.items()
    } | {CONSTANT_EFFECT: constant}
    profit = fresh.effect - world.cost
    gains = {name: profit * (predicted > world.cost) for name, predicted in fresh_predictions.items()}
    best_constant = profit if profit.mean() > 0 else np.zeros(N_FRESH)
    best = max(learners, key=lambda name: gains[name].mean())
    difference = gains[best] - best_constant
    error = float(difference.std(ddof=1) / np.sqrt(N_FRESH))
    found = []
    for loss in LOSSES:
        chosen = compare_losses(predictions, train.y, train.treatment, nuisances=nuisances, loss=loss).chosen
        gain = float((gains[chosen] - best_constant).mean())
        found.append(SelectionRun(world.name, seed, loss, chosen, best, gain, float(difference.mean()), error))
    return found


def theory_finding(statement: str, found: list[dict[str, float]]) -> Finding:
    """Paired difference of the errors of two learners over all runs."""
    first, second = found[0]
    a, b = (np.array([one[learner] for one in found]) for learner in (first, second))
    mean, error = float((a - b).mean()), float((a - b).std(ddof=1) / np.sqrt(len(a)))
    why = f"{first} {a.mean():.4f}, {second} {b.mean():.4f}; {first} is better in {int((a < b).sum())} of {len(a)} runs; +- {error:.4f}"
    return Finding(statement, "below 0", mean, mean - Z95 * error, mean + Z95 * error, len(a), mean + Z95 * error < 0, why)


def constant_finding(world: str, loss: str, found: list[SelectionRun]) -> Finding:
    """Share of runs that choose the constant effect where it is true."""
    share, low, high = share_with_interval(sum(one.chosen == CONSTANT_EFFECT for one in found), len(found))
    why = f"+- {np.sqrt(share * (1 - share) / len(found)):.3f}"
    return Finding(f"{world}, {loss.upper()}-loss: share of constant choices", "above 0.5", share, low, high, len(found), low > 0.5, why)


def regret_finding(world: str, loss: str, found: list[SelectionRun]) -> Finding:
    """Median ratio of gains over the runs whose denominator is large enough."""
    ratios = [one.ratio for one in found if one.is_countable]
    median, low, high = median_with_interval(ratios)
    why = f"lowest tenth below {np.quantile(ratios, 0.1):.3f}; {len(found) - len(ratios)} runs counted apart"
    statement = f"{world}, {loss.upper()}-loss: median ratio of gains"
    return Finding(statement, "at least 0.9", median, low, high, len(ratios), median >= 0.9, why)


def selection_findings(every: list[SelectionRun]) -> list[Finding]:
    """Shares of constant choices, and ratios of gains over all worlds and in each."""
    found = []
    for loss in LOSSES:
        of_loss = [one for one in every if one.loss == loss]
        found.append(regret_finding("all worlds", loss, of_loss))
        for world in SELECTION_WORLDS:
            runs = [one for one in of_loss if one.world == world.name]
            if world.name in EQUAL_WORLDS:
                found.append(constant_finding(world.name, loss, runs))
            elif any(one.is_countable for one in runs):
                found.append(regret_finding(world.name, loss, runs))
    return found


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=16)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--out", type=Path, help="folder of the report")
    given = parser.parse_args()
    seeds = range(1, given.runs + 1)
    started = time.perf_counter()
    with ProcessPoolExecutor(given.workers) as pool:
        findings = [
            theory_finding("few treated, complex baseline: error of X minus error of T", list(pool.map(compare_x_and_t, seeds))),
            theory_finding("confounded, simple outcome models: error of DR minus error of T", list(pool.map(compare_dr_and_t, seeds))),
        ]
        pairs = [(index, seed) for seed in seeds for index in range(len(SELECTION_WORLDS))]
        every = [one for runs in pool.map(run_selection, *zip(*pairs, strict=True)) for one in runs]
    findings += selection_findings(every)
    for one in findings:
        print(f"{one.statement:65} {one.published:>12} {one.simulated:8.4f} [{one.low:.4f}, {one.high:.4f}] n {one.n}  {one.why}")
    print(f"{time.perf_counter() - started:.0f} s with {given.workers} workers")
    if given.out is not None:
        write_report(findings, every, given)


def write_report(findings: list[Finding], every: list[SelectionRun], given: argparse.Namespace) -> None:
    """Write the report page and the table of selections."""
    words = f"""Each world was drawn with the seeds 1 to {given.runs} (`--runs {given.runs}`). Errors are root mean squared errors of the
predicted effects on 10,000 fresh customers; +- is one Monte Carlo standard error. A ratio of gains is
(V(chosen) - V(best constant policy)) / (V(best learner) - V(best constant policy)) on {N_FRESH:,} fresh customers with known effects. The
best learner is the one with the highest V on these customers, so that a ratio is at most 1. Runs
whose denominator is below {MIN_DENOMINATOR_IN_ERRORS} standard errors are counted apart.

The median over all worlds depends on which worlds are chosen: read the rows of single worlds with it. A choice of the constant effect has a
ratio of at most 0. Worlds share seeds, so that the interval over all worlds is approximate. Every choice is in `selections.csv`."""
    rows = [one._asdict() | {"is_countable": one.is_countable} for one in every]
    write_findings_report(
        "uplift_learners", "Learners of uplift in known worlds", words, findings, {"selections": rows}, given.out, reference_label="wanted"
    )


if __name__ == "__main__":
    main()

"""Claim: within 100 trials a study finds a policy within 1 % of the best CLV, which is known by brute force.

Three waits of a coffee roaster (`configs/experiments/e10_known_optimum.yaml`); the best policy is that of the grid (`e10_landscape.py`,
`grid.csv`). Policies are evaluated on 200,000 other customers, the same for the grid and for all searches.

The study as shipped is compared with searches that simulate equally many customers: without racing, without common random numbers, and
random search. `progress.csv` records the best policy over time; `e16_cost_of_search.py` uses it.

Run: `python experiments/e10_known_optimum.py [--seeds K] [--out DIR]`, after `e10_landscape.py`.
"""

import argparse
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from e10_landscape import CUSTOMERS, OUT, STUDY, GridPolicy, best_policy, read_policies, share_within, true_clv
from published_findings import Finding, median_with_interval, share_with_interval, write_findings_report
from search_comparison import DEFAULT_STRATEGY, SearchResult, incumbents, run_strategy

from cjsim.tuning.study import Study

COMPARED_STRATEGIES = (DEFAULT_STRATEGY, "TPE, paired", "TPE, unpaired", "random, paired")
PROGRESS_CUSTOMERS = 20_000  # of the ground truth, to evaluate the progress
NEAR, ENOUGH = 0.01, 0.9  # share of the best CLV; share of the seeds
FIRST_SEED = 11
AT_20K = 20_000  # customers of a trial


class SearchOutcome(NamedTuple):
    """Result of a search: its cost, the true CLV of the winner, and the confirmed and the true gain."""

    strategy: str
    seed: int
    trials: int
    complete_trials: int
    simulated_customers: int
    clv: float
    verdict: str
    gain: float
    low: float
    high: float
    true_gain: float
    optimism: float


class ProgressStep(NamedTuple):
    """The true CLV of the best trial so far, after `simulated_customers` had been simulated."""

    strategy: str
    seed: int
    simulated_customers: int
    clv: float


class TruthEvaluator:
    """Evaluates policies on the customers of the ground truth; each policy is simulated once."""

    def __init__(self, study: Study, customers: int = CUSTOMERS) -> None:
        self._study, self._customers = study, customers
        self._known: dict[tuple[str, int], float] = {}

    def clv(self, params: Mapping[str, Any], customers: int | None = None) -> float:
        """CLV of a policy over the first customers of the ground truth."""
        count = min(customers or self._customers, self._customers)
        key = (repr(sorted(params.items())), count)
        if key not in self._known:
            self._known[key] = float(true_clv(self._study, dict(params), count).mean())
        return self._known[key]


def search_outcome(entry: SearchResult, truth: TruthEvaluator) -> SearchOutcome:
    """The outcome of a search with the true values of its winner."""
    confirmed, size = entry.confirmed, entry.study.customers_per_trial
    gain, clv = confirmed.gains["clv"], truth.clv(confirmed.trial.params)
    return SearchOutcome(
        strategy=entry.strategy,
        seed=entry.seed,
        trials=len(entry.trials),
        complete_trials=sum(trial.customers == size for trial in entry.trials),
        simulated_customers=entry.simulated_customers,
        clv=clv,
        verdict=confirmed.verdict,
        gain=gain.effect,
        low=gain.low,
        high=gain.high,
        true_gain=clv - truth.clv({}),
        optimism=confirmed.optimism["clv"],
    )


def progress_steps(entry: SearchResult, truth: TruthEvaluator) -> list[ProgressStep]:
    """The true CLV of the best trial so far, over the course of a search."""
    return [
        ProgressStep(entry.strategy, entry.seed, one.simulated_customers, truth.clv(one.params, PROGRESS_CUSTOMERS))
        for one in incumbents(entry.trials, entry.study.customers_per_trial)
    ]


def compare_strategies(
    seed: int, truth: TruthEvaluator, path: Path = STUDY, strategies: Sequence[str] = COMPARED_STRATEGIES
) -> tuple[list[SearchOutcome], list[ProgressStep]]:
    """Search with the first strategy, and with the others on the same simulation budget."""
    first = run_strategy(path, strategies[0], seed)
    entries = [first, *(run_strategy(path, one, seed, simulation_budget=first.simulated_customers) for one in strategies[1:])]
    return [search_outcome(entry, truth) for entry in entries], [step for entry in entries for step in progress_steps(entry, truth)]


def relative_losses(results: Sequence[SearchOutcome], strategy: str, best: float) -> list[float]:
    """Shares of the best CLV that the winners of one strategy lose, by seed; below 0 if a winner beats the grid."""
    return [1 - one.clv / best for one in results if one.strategy == strategy]


def findings_of(results: Sequence[SearchOutcome], best: float) -> list[Finding]:
    """The claims."""
    ours = relative_losses(results, DEFAULT_STRATEGY, best)
    n, near = len(ours), sum(loss <= NEAR for loss in ours)
    statement = "share of seeds in which the confirmed winner is within 1 % of the best CLV"
    findings = [
        Finding(
            statement, f"at least {ENOUGH:.0%}", *share_with_interval(near, n), n, near >= ENOUGH * n, f"the worst misses {max(ours):.2%}"
        ),
        Finding(
            "share of the best CLV that the winner misses: median of seeds",
            "at most 0.01",
            *median_with_interval(ours),
            n,
            median_with_interval(ours)[0] <= NEAR,
        ),
    ]
    for strategy in COMPARED_STRATEGIES[1:]:
        theirs = relative_losses(results, strategy, best)
        difference = median_with_interval(np.array(theirs) - np.array(ours))
        wanted = "above 0" if strategy != "TPE, paired" else ""
        hits = sum(loss <= NEAR for loss in theirs)
        why = f"misses {np.median(theirs):.2%} at the median; {hits} of {n} are within 1 %"
        findings.append(
            Finding(f"{strategy}, same simulation budget: how much more it misses", wanted, *difference, n, difference[0] > 0, why)
        )
    confirmed = [one for one in results if one.strategy == DEFAULT_STRATEGY]
    covers = sum(one.low <= one.true_gain <= one.high for one in confirmed)
    statement = "share of seeds in which the confirmed gain's interval covers the true gain"
    return [*findings, Finding(statement, "95 %", *share_with_interval(covers, n), n, share_with_interval(covers, n)[2] >= 0.95)]


def paired_and_unpaired_errors(study: Study, best: Mapping[str, Any], other: Mapping[str, Any], customers: int) -> tuple[float, float]:
    """Standard errors of the difference of two policies, paired and unpaired, as shares of the CLV of the best."""
    ours, theirs = (true_clv(study, dict(params)) for params in (best, other))
    root, mean = np.sqrt(customers), ours.mean()
    return float((theirs - ours).std() / root / mean), float(np.hypot(ours.std(), theirs.std()) / root / mean)


def params_of(study: Study, policy: GridPolicy) -> dict[str, Any]:
    """Values by path of a policy of the grid."""
    names = [one.name for one in study.space.coordinates]
    return study.space.values(dict(zip(names, policy.waits, strict=True)))


def report_introduction(study: Study, policies: Sequence[GridPolicy], today: float, seeds: int) -> str:
    """Introduction of the report: the searches and the landscape."""
    best = best_policy(policies)
    ranked = sorted((one for one in policies if one.grid == "whole"), key=lambda one: -one.clv)
    near = paired_and_unpaired_errors(study, params_of(study, best), params_of(study, ranked[9]), AT_20K)
    far = paired_and_unpaired_errors(study, params_of(study, best), {}, AT_20K)
    within = [share_within(policies, loss) for loss in (0.01, 0.02, 0.05)]
    return f"""Three waits of a coffee roaster, {seeds} studies of 100 trials on 20,000 customers, and other searches
with the same simulation budget.

Ground truth: {len(policies)} policies on the same 200,000 customers (`grid.csv`). The best has a newsletter every
{best.waits[0]:.2f} days, a coupon {24 * best.waits[1]:.1f} hours after a cart and a reminder {best.waits[2]:.1f} days after an order: CLV
{best.clv:.2f} +- {best.half_width:.2f}; the current policy's is {today:.2f}. Of the full grid, {within[0]:.1%} is within 1 % of the best,
{within[1]:.1%} within 2 %, {within[2]:.1%} within 5 %; the worst has
{min(one.clv for one in policies):.2f}. At 20,000 customers the difference between the best policy and the grid's tenth has a standard
error of {near[0]:.2%} of CLV paired and {near[1]:.2%} unpaired; to the current policy, {far[0]:.2%} and {far[1]:.2%}."""


def figure(results: Sequence[SearchOutcome], steps: Sequence[ProgressStep], best: float, path: Path) -> None:
    """Draw the progress of the searches, and the losses of their winners."""
    import matplotlib as mpl
    import seaborn as sns

    mpl.use("Agg")
    from matplotlib import pyplot as plt

    sns.set_theme(style="whitegrid", palette="colorblind")
    drawn, (left, right) = plt.subplots(1, 2, figsize=(9.5, 4), width_ratios=(3, 2))
    colors = dict(zip(COMPARED_STRATEGIES, sns.color_palette("colorblind"), strict=False))
    for strategy in COMPARED_STRATEGIES:
        grid, median = median_progress(steps, strategy, best)
        left.plot(grid / 1e6, 100 * median, drawstyle="steps-post", color=colors[strategy], label=strategy)
    left.set(xlabel="customers simulated, millions", ylabel="% of the best CLV missed, median of seeds", yscale="log", ylim=(0.05, 30))
    left.legend(frameon=False, fontsize=8)
    for i, strategy in enumerate(COMPARED_STRATEGIES):
        losses = 100 * np.maximum(relative_losses(results, strategy, best), 0)
        right.scatter(np.full(len(losses), i), losses, color=colors[strategy], s=16, alpha=0.7)
    right.axhline(1.0, color="black", linewidth=0.8)
    right.set_xticks(range(len(COMPARED_STRATEGIES)), [strategy.replace(", ", ",\n") for strategy in COMPARED_STRATEGIES], fontsize=8)
    right.set(ylabel="% of the best CLV missed by the winner", ylim=(0, None))
    drawn.text(0.01, 0.005, f"{len({one.seed for one in results})} seeds; true values, {CUSTOMERS:,} customers", fontsize=7)
    drawn.tight_layout(rect=(0, 0.03, 1, 1))
    drawn.savefig(path, dpi=80, metadata={"Software": None})
    plt.close(drawn)


def median_progress(steps: Sequence[ProgressStep], strategy: str, best: float) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    """Median over seeds of the loss of the best trial so far, on a grid of simulated customers."""
    seeds = sorted({one.seed for one in steps})
    grid = np.linspace(20_000, max(one.simulated_customers for one in steps), 120)
    curves = []
    for seed in seeds:
        mine = [one for one in steps if one.strategy == strategy and one.seed == seed]
        index = np.searchsorted([one.simulated_customers for one in mine], grid, side="right") - 1
        losses = np.array([1 - one.clv / best for one in mine])
        curves.append(np.where(index >= 0, losses[np.maximum(index, 0)], np.nan))
    return grid, np.nanmedian(curves, axis=0)


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--out", type=Path, default=OUT)
    given = parser.parse_args()
    study = Study.load(STUDY)
    truth = TruthEvaluator(study)
    results: list[SearchOutcome] = []
    steps: list[ProgressStep] = []
    for seed in range(FIRST_SEED, FIRST_SEED + given.seeds):
        new_results, new_steps = compare_strategies(seed, truth)
        results, steps = results + new_results, steps + new_steps
        print(seed, *(f"{one.strategy}: {one.clv:.3f}" for one in new_results), file=sys.stderr, flush=True)
    policies = read_policies()
    best = best_policy(policies)
    given.out.mkdir(parents=True, exist_ok=True)
    # Progress is evaluated on fewer customers, so the best policy is too.
    figure(results, steps, truth.clv(params_of(study, best), PROGRESS_CUSTOMERS), given.out / "search.png")
    tables = {"searches": [one._asdict() for one in results], "progress": [one._asdict() for one in steps]}
    intro = report_introduction(study, policies, truth.clv({}), given.seeds)
    findings = findings_of(results, best.clv)
    title = "E10: a study with a known optimum"
    print(write_findings_report("e10_known_optimum", title, intro, findings, tables, given.out, reference_label="wanted"))


if __name__ == "__main__":
    main()

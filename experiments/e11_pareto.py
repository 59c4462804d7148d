"""Claim: with two conflicting objectives, the front of a study beats that of a random search with an equal simulation budget.

A coffee club (`configs/experiments/e11_pareto.yaml`): emails sell, but also remind members that they could leave; free samples by mail
retain members, but cost money. The parameters are the frequencies of emails and samples and the timing of cart and refill reminders; the
objectives are CLV and retention after 30 days.

The confirmed fronts are compared: their policies are simulated on customers that neither search has used. The measure is the hypervolume
(Zitzler, Thiele 1998): the area that the true values of the front dominate beyond a reference point.

Run: `python experiments/e11_pareto.py [--seeds K] [--customers N] [--out DIR]`.
"""

import argparse
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from published_findings import ROOT, Finding, median_with_interval, share_with_interval, write_findings_report
from search_comparison import DEFAULT_STRATEGY, SearchResult, run_strategy

import cjsim as cj

STUDY = ROOT / "configs" / "experiments" / "e11_pareto.yaml"
REFERENCE = (0.0, 0.55)  # a policy that earns nothing and loses 45 % of members in a month; all fronts dominate it
FRONT_STRATEGIES = (DEFAULT_STRATEGY, "random, paired")
CUSTOMERS, SEED = 20_000, 2  # of the ground truth; no search uses this seed
FIRST_SEED = 11
REQUIRED_SHARE = 0.9  # share of the seeds

ObjectiveValues = tuple[float, float]  # CLV and retention


class Front(NamedTuple):
    """The confirmed front of a search, at its true values."""

    strategy: str
    seed: int
    trials: int
    simulated_customers: int
    points: tuple[ObjectiveValues, ...]

    @property
    def hypervolume(self) -> float:
        """The hypervolume beyond the reference point."""
        return hypervolume(self.points, REFERENCE)


def hypervolume(points: Sequence[ObjectiveValues], reference: ObjectiveValues) -> float:
    """The area between a reference point and the points that dominate it; larger is better in both coordinates.

    Parameters
    ----------
    points : sequence of pairs
        In any order; dominated points add nothing.
    reference : pair
        The lower left corner.

    Examples
    --------
    >>> hypervolume([(2.0, 1.0), (1.0, 2.0), (0.5, 0.5)], (0.0, 0.0))
    3.0
    """
    area, height = 0.0, reference[1]
    for x, y in sorted(points, reverse=True):
        if x > reference[0] and y > height:
            area += (x - reference[0]) * (y - height)
            height = y
    return area


def true_objectives(entry: SearchResult, params: Mapping[str, Any], customers: int) -> ObjectiveValues:
    """CLV and retention of a policy on customers that no search has used."""
    metrics = cj.simulate(entry.study.scenario_with(params), customers=customers, seed=SEED).metrics
    return metrics["clv"].value, metrics["retention_30d"].value


def true_front(entry: SearchResult, customers: int) -> Front:
    """The confirmed front of a search, at its true values."""
    points = tuple(true_objectives(entry, one.trial.params, customers) for one in entry.confirmed.pareto)
    return Front(entry.strategy, entry.seed, len(entry.trials), entry.simulated_customers, points)


def compare_fronts(seed: int, customers: int = CUSTOMERS, path: Path = STUDY) -> list[Front]:
    """The fronts of the study and of random searches with the same simulation budget."""
    first = run_strategy(path, DEFAULT_STRATEGY, seed)
    entries = [first, *(run_strategy(path, one, seed, simulation_budget=first.simulated_customers) for one in FRONT_STRATEGIES[1:])]
    return [true_front(entry, customers) for entry in entries]


def findings_of(found: Sequence[Sequence[Front]]) -> list[Finding]:
    """How often the front of the study is better, and by how much."""
    n = len(found)
    ratios = np.array([ours.hypervolume / theirs.hypervolume - 1 for ours, theirs in found])
    wins, median = int((ratios > 0).sum()), median_with_interval(ratios)
    statement = (
        "share of seeds in which the study's front has a larger hypervolume than that of a random search with the same simulation budget"
    )
    return [
        Finding(
            statement,
            f"at least {REQUIRED_SHARE:.0%}",
            *share_with_interval(wins, n),
            n,
            wins >= REQUIRED_SHARE * n,
            f"from {ratios.min():+.1%} to {ratios.max():+.1%}",
        ),
        Finding("relative difference of the hypervolumes: median of seeds", "above 0", *median, n, median[1] > 0),
    ]


def front_rows(found: Sequence[Sequence[Front]]) -> list[dict[str, Any]]:
    """One row per front."""
    return [
        {
            "strategy": front.strategy,
            "seed": front.seed,
            "trials": front.trials,
            "simulated_customers": front.simulated_customers,
            "policies": len(front.points),
            "hypervolume": front.hypervolume,
        }
        for fronts in found
        for front in fronts
    ]


def point_rows(fronts: Sequence[Front]) -> list[dict[str, Any]]:
    """One row per policy of the fronts."""
    return [
        {"strategy": front.strategy, "seed": front.seed, "clv": x, "retention_30d": y} for front in fronts for x, y in sorted(front.points)
    ]


def figure(fronts: Sequence[Front], today: ObjectiveValues, path: Path) -> None:
    """Draw the fronts of one seed."""
    import matplotlib as mpl
    import seaborn as sns

    mpl.use("Agg")
    from matplotlib import pyplot as plt

    sns.set_theme(style="whitegrid", palette="colorblind")
    drawn, axes = plt.subplots(figsize=(7, 4))
    for front in fronts:
        x, y = zip(*sorted(front.points), strict=True)
        label = f"{front.strategy}: {front.trials} trials, area {front.hypervolume:.3g}"
        axes.plot(x, y, marker="o", markersize=4, linewidth=1, label=label)
    axes.scatter(*today, color="black", marker="x", zorder=3, label="today")
    axes.set(xlabel="CLV, money per customer", ylabel="retention after 30 days, share")
    axes.legend(frameon=False, fontsize=8)
    drawn.text(
        0.01,
        0.005,
        f"seed {fronts[0].seed}, {fronts[0].simulated_customers:,} customers per search; true values on fresh customers",
        fontsize=7,
    )
    drawn.tight_layout(rect=(0, 0.03, 1, 1))
    drawn.savefig(path, dpi=80, metadata={"Software": None})
    plt.close(drawn)


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--customers", type=int, default=CUSTOMERS)
    parser.add_argument("--out", type=Path, default=ROOT / "reports" / "e11_pareto")
    given = parser.parse_args()
    found = [compare_fronts(seed, given.customers) for seed in range(FIRST_SEED, FIRST_SEED + given.seeds)]
    today = cj.simulate(cj.Scenario.load(STUDY.with_name("e11_club.yaml")), customers=given.customers, seed=SEED).metrics
    given.out.mkdir(parents=True, exist_ok=True)
    figure(found[0], (today["clv"].value, today["retention_30d"].value), given.out / "fronts.png")
    intro = f"""CLV and retention of a coffee club: {given.seeds} studies of 100 trials on 5,000 customers, and random searches with
the same simulation budget. Each confirmed front is simulated again on {given.customers:,} unused customers; the area is the
hypervolume beyond CLV {REFERENCE[0]:g} and retention {REFERENCE[1]:g}."""
    tables = {"fronts": front_rows(found), "points": point_rows(found[0])}
    print(
        write_findings_report(
            "e11_pareto", "E11: retention against CLV", intro, findings_of(found), tables, given.out, reference_label="wanted"
        )
    )


if __name__ == "__main__":
    main()

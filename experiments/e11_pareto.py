"""Claim: with two objectives that disagree, the front that a study reports is better than that of a random search of as many lives.

A coffee club (`configs/experiments/e11_pareto.yaml`): mails sell, and remind members that they could leave; samples by post keep them, and
cost money. Free are how often to write, how often to give, and when to remind of a cart and of a refill, for CLV and for retention
after 30 days.

Held against each other is the confirmed front as it is reported: its policies live again with customers that neither search has seen, and
the measure is the hypervolume (Zitzler, Thiele 1998): the area that the front's true values cover beyond a reference point.

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
REFERENCE = (0.0, 0.55)  # a policy that earns nothing and loses 45 of 100 in a month; all fronts lie beyond
FRONT_STRATEGIES = (DEFAULT_STRATEGY, "random, paired")
CUSTOMERS, SEED = 20_000, 2  # of the truth; no search has this seed
FIRST_SEED = 11
REQUIRED_SHARE = 0.9  # of the seeds

ObjectiveValues = tuple[float, float]  # CLV and retention


class Front(NamedTuple):
    """What a search reported, at its true values: its area beyond the reference point, and its ends."""

    way: str
    seed: int
    trials: int
    lives: int
    points: tuple[ObjectiveValues, ...]

    @property
    def hypervolume(self) -> float:
        """The hypervolume."""
        return hypervolume(self.points, REFERENCE)


def hypervolume(points: Sequence[ObjectiveValues], reference: ObjectiveValues) -> float:
    """The area between a reference point and the places that lie beyond it in both directions; larger is better in both.

    Parameters
    ----------
    points : sequence of pairs
        In any order; those that others beat add nothing.
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
    """CLV and retention of a policy on customers that no search has seen."""
    metrics = cj.simulate(entry.study.scenario_with(params), customers=customers, seed=SEED).metrics
    return metrics["clv"].value, metrics["retention_30d"].value


def true_front(entry: SearchResult, customers: int) -> Front:
    """The confirmed front of a search, at its true values."""
    places = tuple(true_objectives(entry, one.trial.params, customers) for one in entry.confirmed.pareto)
    return Front(entry.way, entry.seed, len(entry.trials), entry.lives, places)


def compare_fronts(seed: int, customers: int = CUSTOMERS, path: Path = STUDY) -> list[Front]:
    """The study, and random searches with as many lives, one front each."""
    first = run_strategy(path, DEFAULT_STRATEGY, seed)
    entries = [first, *(run_strategy(path, way, seed, simulation_budget=first.lives) for way in FRONT_STRATEGIES[1:])]
    return [true_front(entry, customers) for entry in entries]


def findings_of(found: Sequence[Sequence[Front]]) -> list[Finding]:
    """How often the study's front is the better one, and by how much."""
    n = len(found)
    ratios = np.array([ours.hypervolume / theirs.hypervolume - 1 for ours, theirs in found])
    wins, middle = int((ratios > 0).sum()), median_with_interval(ratios)
    said = "share of seeds in which the study's front covers more than that of a random search with as many lives"
    return [
        Finding(
            said,
            f"at least {REQUIRED_SHARE:.0%}",
            *share_with_interval(wins, n),
            n,
            wins >= REQUIRED_SHARE * n,
            f"from {ratios.min():+.1%} to {ratios.max():+.1%}",
        ),
        Finding("how much more it covers: median of seeds", "above 0", *middle, n, middle[1] > 0),
    ]


def front_rows(found: Sequence[Sequence[Front]]) -> list[dict[str, Any]]:
    """A row a front."""
    return [
        {"way": of.way, "seed": of.seed, "trials": of.trials, "lives": of.lives, "policies": len(of.points), "area": of.hypervolume}
        for fronts in found
        for of in fronts
    ]


def point_rows(fronts: Sequence[Front]) -> list[dict[str, Any]]:
    """A row a policy of some fronts."""
    return [{"way": of.way, "seed": of.seed, "clv": x, "retention_30d": y} for of in fronts for x, y in sorted(of.points)]


def figure(fronts: Sequence[Front], today: ObjectiveValues, path: Path) -> None:
    """The fronts of one seed."""
    import matplotlib as mpl
    import seaborn as sns

    mpl.use("Agg")
    from matplotlib import pyplot as plt

    sns.set_theme(style="whitegrid", palette="colorblind")
    drawn, axes = plt.subplots(figsize=(7, 4))
    for of in fronts:
        x, y = zip(*sorted(of.points), strict=True)
        axes.plot(x, y, marker="o", markersize=4, linewidth=1, label=f"{of.way}: {of.trials} trials, area {of.hypervolume:.3g}")
    axes.scatter(*today, color="black", marker="x", zorder=3, label="today")
    axes.set(xlabel="CLV, money a customer", ylabel="retention after 30 days, share")
    axes.legend(frameon=False, fontsize=8)
    drawn.text(0.01, 0.005, f"seed {fronts[0].seed}, {fronts[0].lives:,} lives each; true values on fresh customers", fontsize=7)
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
    words = f"""CLV and retention of a coffee club: {given.seeds} studies of 100 trials on 5,000 customers, and random searches that
simulate as many lives. Each reported front lives again with {given.customers:,} customers whom no search has seen; the area is what it
covers beyond CLV {REFERENCE[0]:g} and retention {REFERENCE[1]:g}."""
    tables = {"fronts": front_rows(found), "places": point_rows(found[0])}
    print(
        write_findings_report(
            "e11_pareto", "E11: retention against CLV", words, findings_of(found), tables, given.out, reference_label="wanted"
        )
    )


if __name__ == "__main__":
    main()

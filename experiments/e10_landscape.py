"""The ground truth of experiment e10: the CLV of every policy of a grid, by brute force.

Three waits of a coffee roaster (`configs/experiments/e10_known_optimum.yaml`) on a grid of 7 x 8 x 8 = 448 policies over their bounds,
evenly spaced by ratio, then 5 x 5 x 5 around the best of them; each with the same 200,000 customers. Searches are compared with the best of
these 573 policies. They use other and fewer customers, and their policies may lie between those of the grid.

Run: `python experiments/e10_landscape.py [--customers N] [--out DIR]` (about ten minutes; `grid.csv` is committed).
"""

import argparse
import csv
import itertools
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from published_findings import ROOT, Z95

import cjsim as cj
from cjsim.tuning.study import Study

STUDY = ROOT / "configs" / "experiments" / "e10_known_optimum.yaml"
OUT = ROOT / "reports" / "e10_known_optimum"
CUSTOMERS, SEED = 200_000, 2  # of the ground truth; no search uses this seed
SHAPE, AROUND = (7, 8, 8), 5  # policies along each wait, of the grid and of the refinement
REFINEMENT_REACH = 0.8  # extent of the refinement in each direction, in steps of the grid
DAYS = ("newsletter_days", "cart_days", "refill_days")


class GridPolicy(NamedTuple):
    """A policy of the grid: its waits in days, and its CLV with the half-width of a 95 % interval."""

    grid: str
    waits: tuple[float, ...]
    clv: float
    half_width: float


def true_clv(study: Study, params: dict[str, Any], customers: int = CUSTOMERS) -> NDArray[np.float64]:
    """CLV of each customer of the ground truth under a policy, shape (customers,)."""
    run = cj.simulate(study.scenario_with(params), customers=customers, seed=SEED)
    return np.asarray(run.outcomes.customers["clv"], dtype=np.float64)


def policy_at(study: Study, grid: str, unit: Sequence[float], customers: int) -> GridPolicy:
    """The policy at a point of the unit cube, with its CLV."""
    point = study.space.at(unit)
    clv = true_clv(study, study.space.values(point), customers)
    return GridPolicy(grid, tuple(point.values()), float(clv.mean()), Z95 * float(clv.std(ddof=1)) / np.sqrt(customers))


def brute_force(study: Study, customers: int = CUSTOMERS, shape: Sequence[int] = SHAPE, around: int = AROUND) -> list[GridPolicy]:
    """The policies of the grid, then of the refinement around the best of them."""
    points = list(itertools.product(*(np.linspace(0, 1, count) for count in shape)))
    found = [policy_at(study, "whole", point, customers) for point in points]
    best = points[max(range(len(found)), key=lambda i: found[i].clv)]
    reaches = [REFINEMENT_REACH / (count - 1) for count in shape]
    finer = itertools.product(*(np.linspace(max(0, u - by), min(1, u + by), around) for u, by in zip(best, reaches, strict=True)))
    return found + [policy_at(study, "around_best", point, customers) for point in finer]


def policy_rows(policies: Sequence[GridPolicy]) -> list[dict[str, Any]]:
    """One row per policy."""
    return [{"grid": one.grid, **dict(zip(DAYS, one.waits, strict=True)), "clv": one.clv, "half_width": one.half_width} for one in policies]


def read_policies(path: Path = OUT / "grid.csv") -> list[GridPolicy]:
    """Read the policies that `write_policies` wrote."""
    with path.open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    return [GridPolicy(row["grid"], tuple(float(row[day]) for day in DAYS), float(row["clv"]), float(row["half_width"])) for row in rows]


def write_policies(policies: Sequence[GridPolicy], path: Path) -> None:
    """Write policies as CSV."""
    rows = policy_rows(policies)
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows({key: f"{value:.6g}" if isinstance(value, float) else value for key, value in row.items()} for row in rows)


def best_policy(policies: Sequence[GridPolicy]) -> GridPolicy:
    """The policy with the largest CLV."""
    return max(policies, key=lambda one: one.clv)


def share_within(policies: Sequence[GridPolicy], loss: float) -> float:
    """Share of the grid that loses at most this share of the best CLV."""
    best = best_policy(policies).clv
    whole = [one.clv for one in policies if one.grid == "whole"]
    return sum(clv >= (1 - loss) * best for clv in whole) / len(whole)


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--customers", type=int, default=CUSTOMERS)
    parser.add_argument("--out", type=Path, default=OUT)
    given = parser.parse_args()
    policies = brute_force(Study.load(STUDY), given.customers)
    write_policies(policies, given.out / "grid.csv")
    print(best_policy(policies), f"within 1 %: {share_within(policies, 0.01):.1%} of the grid")


if __name__ == "__main__":
    main()

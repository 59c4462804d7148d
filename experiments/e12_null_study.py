"""Claim: if there is no true gain, a study claims a gain in at most 5 % of seeds.

Each customer gets four emails; the study chooses which (`configs/experiments/e12_null_study.yaml`). All emails are identical except for
their names. The name selects the random numbers that decide which customers open, click and order. So every choice gives different outcomes
and a different CLV, and the best of a search looks better than the baseline. But the distribution of outcomes is the same under all
choices: the true gain is 0.

A study claims a gain if the 95 % interval of the confirmed gain lies above 0; at nominal coverage, 2.5 % of intervals do.

Run: `python experiments/e12_null_study.py [--seeds K] [--workers N] [--out DIR]`.
"""

import argparse
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from published_findings import ROOT, Finding, ratio_with_interval, share_with_interval, write_findings_report
from search_comparison import DEFAULT_STRATEGY, run_strategy

STUDY = ROOT / "configs" / "experiments" / "e12_null_study.yaml"
MAX_CLAIM_SHARE = 0.05
FIRST_SEED = 101


class NullStudyOutcome(NamedTuple):
    """Outcome of a study: whether it claims a gain, the gain in the search, and the confirmed one with its interval; money per customer."""

    seed: int
    is_claimed: bool
    searched: float
    confirmed: float
    low: float
    high: float


def run_null_study(seed: int) -> NullStudyOutcome:
    """Run the study with a seed."""
    confirmed = run_strategy(STUDY, DEFAULT_STRATEGY, seed).confirmed
    gain = confirmed.gains["clv"]
    return NullStudyOutcome(seed, confirmed.verdict == "gain", confirmed.trial.gains[0].effect, gain.effect, gain.low, gain.high)


def run_null_studies(seeds: Sequence[int], workers: int) -> list[NullStudyOutcome]:
    """Run the study with each seed."""
    if workers == 1:
        return [run_null_study(seed) for seed in seeds]
    with ProcessPoolExecutor(workers) as pool:
        return list(pool.map(run_null_study, seeds))


def findings_of(found: Sequence[NullStudyOutcome]) -> list[Finding]:
    """The claim, and what a search without confirmation would claim."""
    n = len(found)
    claims = share_with_interval(sum(one.is_claimed for one in found), n)
    naive = share_with_interval(sum(one.searched > 0 for one in found), n)
    covers = share_with_interval(sum(one.low <= 0 <= one.high for one in found), n)
    searched, confirmed = (ratio_with_interval(np.array([getattr(one, name) for one in found])) for name in ("searched", "confirmed"))
    return [
        Finding("share of studies that claim a gain", "at most 5 %", *claims, n, claims[0] <= MAX_CLAIM_SHARE, "2.5 % by design"),
        Finding("share of searches whose winner looks better than the baseline", "most", *naive, n, naive[0] > 0.9, "chosen as the best"),
        Finding("gain of the winner in the search, money per customer", "0 (true value)", *searched, n, searched[1] > 0, "the optimism"),
        Finding("gain of the winner on fresh customers", "0 (true value)", *confirmed, n, confirmed[1] <= 0 <= confirmed[2], "unbiased"),
        Finding("share of intervals that contain 0", "95 %", *covers, n, covers[1] <= 0.95 <= covers[2], ""),
    ]


def outcome_rows(found: Sequence[NullStudyOutcome]) -> list[dict[str, Any]]:
    """One row per seed."""
    return [one._asdict() for one in found]


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=100)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--out", type=Path, default=ROOT / "reports" / "e12_null_study")
    given = parser.parse_args()
    found = run_null_studies(range(FIRST_SEED, FIRST_SEED + given.seeds), given.workers)
    intro = f"""Which of four emails to send, four times, if all emails are identical except for their names: {given.seeds} studies
of 40 trials on 2,000 customers, each with its own seed. The true gain of every choice is 0. Gains are CLV in money per customer."""
    tables = {"seeds": outcome_rows(found)}
    print(
        write_findings_report(
            "e12_null_study",
            "E12: a study without a true gain",
            intro,
            findings_of(found),
            tables,
            given.out,
            reference_label="wanted",
        )
    )


if __name__ == "__main__":
    main()

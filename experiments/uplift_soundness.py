"""Claim: all checks of a trial together raise a false alarm in at most 5 % of sound trials, and find faults that matter.

Sound trials of eight designs are drawn in turn: even and uneven shares, planned or not, clusters that are assigned as a whole or not,
known propensities, no features. Their features are skewed, categorical and partly missing, and their outcomes binary and skewed. Any
warning or error counts as a false alarm. Then faults are planted, and the trials in which the right check raises an alarm are counted.

Run: `python experiments/uplift_soundness.py [--trials N] [--faulty N] [--out DIR]` (seeds 1 to N; about five minutes).
"""

import argparse
import math
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from published_findings import share_with_interval

from cjsim.uplift.soundness.all_checks import check_trial
from cjsim.uplift.trials.column_roles import ColumnRoles
from cjsim.uplift.trials.dataset import Trial

TRIALS, FAULTY, ROWS = 1000, 200, 1000
THREE_ARMS = {"none": 0.5, "mail": 0.3, "call": 0.2}
DESIGNS = (
    "two even arms",
    "three uneven arms, planned shares",
    "clusters assigned as a whole",
    "no features",
    "three uneven arms, shares unknown",
    "arms of 15 % and 85 %, no missing values",
    "rows assigned within clusters",
    "known propensities from .2 to .8",
)
EVEN, UNEVEN, WHOLE, BARE, UNKNOWN, FEW, WITHIN, PROPENSITY = range(8)


def sound_table(seed: int, rows: int = ROWS, design: int | None = None) -> tuple[pd.DataFrame, ColumnRoles]:
    """A sound trial: its table, and the roles of the columns. The design alternates with the seed unless given."""
    rng = np.random.default_rng(seed)
    design = seed % len(DESIGNS) if design is None else design
    is_clustered = design in (WHOLE, WITHIN)
    clusters = np.repeat(np.arange(rows // 4), 4) if is_clustered else np.arange(rows)
    n = len(clusters)
    level = rng.normal(size=n)[clusters]
    missing = 0.0 if design == FEW else 1.0
    features = {
        "spend_before": np.exp(level + 0.5 * rng.normal(size=n)),
        "visits_before": rng.poisson(2 * np.exp(0.3 * level)),
        "city": rng.choice(list("abcdef"), n, p=[0.4, 0.3, 0.15, 0.1, 0.04, 0.01]),
        "age": np.where(rng.random(n) < 0.1 * missing, np.nan, rng.normal(40, 10, n).round()),
    }
    columns: dict[str, Any] = {} if design == BARE else dict(features)
    shares = THREE_ARMS if design in (UNEVEN, UNKNOWN) else {"none": 0.85, "mail": 0.15} if design == FEW else {"none": 0.5, "mail": 0.5}
    if design == PROPENSITY:
        columns["chance"] = np.clip(0.5 + 0.2 * level, 0.2, 0.8)
        columns["arm"] = np.where(rng.random(n) < columns["chance"], "mail", "none")
    else:
        columns["arm"] = rng.choice(list(shares), n, p=list(shares.values()))[clusters if design == WHOLE else np.arange(n)]
    is_treated = columns["arm"] != "none"
    columns["bought"] = np.where(rng.random(n) < 0.03 * missing, np.nan, (rng.random(n) < 0.15 + 0.03 * is_treated).astype(float))
    columns["spend"] = np.exp(0.5 * level + 0.5 * rng.normal(size=n)) * (1 + 0.05 * is_treated)
    if is_clustered:
        columns["store"] = clusters
    roles = ColumnRoles(
        treatment="arm",
        outcome=["bought", "spend"],
        cluster="store" if is_clustered else None,
        propensity="chance" if design == PROPENSITY else None,
        shares=shares if design in (EVEN, UNEVEN, FEW) else None,
    )
    return pd.DataFrame(columns), roles


def alarms(table: pd.DataFrame, roles: ColumnRoles, seed: int) -> set[str]:
    """Checks that raise a warning or an error."""
    return {finding.check for finding in check_trial(Trial.from_frame(table, roles), seed=seed) if finding.severity != "ok"}


def lose_rows(table: pd.DataFrame, rng: np.random.Generator) -> pd.DataFrame:
    """Lose mailed rows until 52 : 48 is expected."""
    return table[(table["arm"] != "mail") | (rng.random(len(table)) < 48 / 52)]


def add_late_feature(table: pd.DataFrame, rng: np.random.Generator) -> pd.DataFrame:
    """Add a feature whose spread, but not mean, the treatment doubles."""
    return table.assign(opens=rng.normal(size=len(table)) * (1 + (table["arm"] != "none")))


def prefer_big_spenders(table: pd.DataFrame, rng: np.random.Generator) -> pd.DataFrame:
    """Mail to customers who spent more, mostly at random."""
    score = np.log(table["spend_before"]) + 6 * rng.normal(size=len(table))
    return table.assign(arm=np.where(score > score.median(), "mail", "none"))


def lose_outcomes(table: pd.DataFrame, rng: np.random.Generator) -> pd.DataFrame:
    """Lose outcomes: 5 % without mail, 8 % with it."""
    share = np.where(table["arm"] == "mail", 0.08, 0.05)
    return table.assign(bought=table["bought"].fillna(0).mask(rng.random(len(table)) < share))


def copy_rows(table: pd.DataFrame, rng: np.random.Generator) -> pd.DataFrame:
    """Append a copy of 5 % of the rows."""
    return pd.concat([table, table[rng.random(len(table)) < 0.05]], ignore_index=True)


def add_large_customer(table: pd.DataFrame, rng: np.random.Generator) -> pd.DataFrame:
    """Multiply the spend of one customer by 1,000."""
    return table.assign(spend=table["spend"].where(np.arange(len(table)) != rng.integers(len(table)), table["spend"] * 1000))


class Fault(NamedTuple):
    """A planted fault: the check that should find it, the rows of the trial, and how it is planted."""

    check: str
    rows: int
    plant: Callable[[pd.DataFrame, np.random.Generator], pd.DataFrame]


FAULTS = {
    "rows lost, 52 : 48 of 10,000": Fault("sample ratio", 10_000, lose_rows),
    "column whose spread the treatment doubles, 1,000 rows": Fault("leakage", 1000, add_late_feature),
    "big spenders preferred (log spend differs by .29 sd), 2,000 rows": Fault("balance", 2000, prefer_big_spenders),
    "outcomes missing at 5 % and 8 %, 4,000 rows": Fault("missing values", 4000, lose_outcomes),
    "5 % of 1,000 rows copied": Fault("copied rows", 1000, copy_rows),
    "one customer spends 1,000 times as much, 1,000 rows": Fault("influential rows", 1000, add_large_customer),
}


def line(name: str, count: int, n: int) -> str:
    """A table row: a count with its share, Monte Carlo error and interval."""
    share, low, high = share_with_interval(count, n)
    return f"| {name} | {count} of {n:,} | {share:.3f} | {math.sqrt(share * (1 - share) / n):.3f} | {low:.3f} to {high:.3f} |"


def study(trials: int, faulty: int) -> str:
    """The report page."""
    found = {seed: alarms(*sound_table(seed), seed) for seed in range(1, trials + 1)}
    head = ["| | count | share | Monte Carlo error | 95 % interval |", "|---|---|---|---|---|"]
    designs = [[checks for seed, checks in found.items() if seed % len(DESIGNS) == i] for i in range(len(DESIGNS))]
    by_check = Counter(check for checks in found.values() for check in checks)
    faults = []
    for name, (check, rows, plant) in FAULTS.items():
        count = 0
        for seed in range(1, faulty + 1):
            table, roles = sound_table(seed, rows, EVEN)
            count += check in alarms(plant(table, np.random.default_rng([seed, 1])), roles, seed)
        faults.append(line(f"{name}: {check}", count, faulty))
    return "\n".join(
        [
            "# Checks of trials: false alarms and power",
            "",
            f"{(__doc__ or '').split('Run:')[0].strip()}",
            "",
            f"Written by `python experiments/uplift_soundness.py --trials {trials} --faulty {faulty}`. Seeds 1 to {trials} (faults: 1 to "
            f"{faulty}). Sound trials have {ROWS:,} rows. The Monte Carlo error is that of the share.",
            "",
            "## False alarms in sound trials (wanted: at most 5 %)",
            "",
            *head,
            line("**any check**", sum(map(bool, found.values())), trials),
            *(line(name, sum(map(bool, checks)), len(checks)) for name, checks in zip(DESIGNS, designs, strict=True) if checks),
            *(line(f"check '{check}'", count, trials) for check, count in sorted(by_check.items())),
            "",
            "## Planted faults that the named check finds, after correction for all checks",
            "",
            *head,
            *faults,
            "",
        ]
    )


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--trials", type=int, default=TRIALS, help="sound trials")
    parser.add_argument("--faulty", type=int, default=FAULTY, help="trials with each fault")
    parser.add_argument("--out", type=Path, help="folder of the report")
    given = parser.parse_args()
    page = study(given.trials, given.faulty)
    print(page)
    if given.out is not None:
        given.out.mkdir(parents=True, exist_ok=True)
        (given.out / "report.md").write_text(page, encoding="utf-8")


if __name__ == "__main__":
    main()

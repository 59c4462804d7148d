"""How often the checks of a trial raise a false alarm, and how often they find a fault.

Sound trials of three designs are drawn in turn: two equal arms and three unequal ones, both with planned shares, and clusters that are
assigned as a whole.
Their features are skewed, categorical and partly missing, and their outcomes binary and skewed. Any finding that is a warning or an error
counts as a false alarm. Then each fault is planted in as many trials, and the alarms of the check that should find it are counted.

Run: `python experiments/uplift_soundness.py [--trials N] [--rows N]` (seeds 1 to N; about five minutes).
"""

import argparse
import math
from collections import Counter
from collections.abc import Callable

import numpy as np
import pandas as pd

from cjsim.uplift.soundness.all_checks import check_trial
from cjsim.uplift.trials.column_roles import ColumnRoles
from cjsim.uplift.trials.dataset import Trial

TRIALS, ROWS = 1000, 1000
SHARES = {"none": 0.5, "mail": 0.3, "call": 0.2}


def sound_table(seed: int, rows: int = ROWS) -> tuple[pd.DataFrame, ColumnRoles]:
    """A sound trial: its table, and the roles of the columns. The design alternates with the seed."""
    rng = np.random.default_rng(seed)
    design = seed % 3
    clusters = np.repeat(np.arange(rows // 4), 4) if design == 2 else np.arange(rows)
    level = rng.normal(size=len(clusters))[clusters] if design == 2 else rng.normal(size=rows)
    columns = {
        "spend_before": np.exp(level + 0.5 * rng.normal(size=len(clusters))),
        "visits_before": rng.poisson(2 * np.exp(0.3 * level)),
        "city": rng.choice(list("abcdef"), len(clusters), p=[0.4, 0.3, 0.15, 0.1, 0.04, 0.01]),
        "age": np.where(rng.random(len(clusters)) < 0.1, np.nan, rng.normal(40, 10, len(clusters)).round()),
    }
    labels, shares = (list(SHARES), list(SHARES.values())) if design == 1 else (["none", "mail"], [0.5, 0.5])
    arm_of_unit = rng.choice(labels, clusters.max() + 1, p=shares)
    columns["arm"] = arm_of_unit[clusters]
    is_treated = columns["arm"] != "none"
    columns["bought"] = np.where(
        rng.random(len(clusters)) < 0.03, np.nan, (rng.random(len(clusters)) < 0.15 + 0.03 * is_treated).astype(float)
    )
    columns["spend"] = np.exp(0.5 * level + 0.5 * rng.normal(size=len(clusters))) * (1 + 0.05 * is_treated)
    if design == 2:
        columns["store"] = clusters
    planned = None if design == 2 else dict(zip(labels, shares, strict=True))
    roles = ColumnRoles(treatment="arm", outcome=["bought", "spend"], cluster="store" if design == 2 else None, shares=planned)
    return pd.DataFrame(columns), roles


def alarms(table: pd.DataFrame, roles: ColumnRoles, seed: int) -> set[str]:
    """Checks that raise a warning or an error."""
    return {finding.check for finding in check_trial(Trial.from_frame(table, roles), seed=seed) if finding.severity != "ok"}


def lose_rows(table: pd.DataFrame, rng: np.random.Generator) -> pd.DataFrame:
    """Lose 30 % of the mailed rows."""
    return table[(table["arm"] != "mail") | (rng.random(len(table)) > 0.3)]


def add_late_feature(table: pd.DataFrame, rng: np.random.Generator) -> pd.DataFrame:
    """Add a feature that the treatment changes, in its spread but not in its mean."""
    return table.assign(opens=rng.normal(size=len(table)) * (1 + 2 * (table["arm"] != "none")))


def prefer_big_spenders(table: pd.DataFrame, rng: np.random.Generator) -> pd.DataFrame:
    """Mail to customers who spent more."""
    score = np.log(table["spend_before"]) + 3 * rng.normal(size=len(table))
    return table.assign(arm=np.where(score > score.median(), "mail", "none"))


def lose_outcomes(table: pd.DataFrame, rng: np.random.Generator) -> pd.DataFrame:
    """Lose 10 % of the outcomes of the mailed."""
    return table.assign(bought=table["bought"].mask((table["arm"] == "mail") & (rng.random(len(table)) < 0.1)))


def copy_rows(table: pd.DataFrame, rng: np.random.Generator) -> pd.DataFrame:
    """Append a copy of 5 % of the rows."""
    return pd.concat([table, table[rng.random(len(table)) < 0.05]], ignore_index=True)


def add_large_customer(table: pd.DataFrame, rng: np.random.Generator) -> pd.DataFrame:
    """Multiply the spend of one customer by 1,000."""
    return table.assign(spend=table["spend"].where(np.arange(len(table)) != rng.integers(len(table)), table["spend"] * 1000))


FAULTS: dict[str, Callable[[pd.DataFrame, np.random.Generator], pd.DataFrame]] = {
    "sample ratio": lose_rows,
    "leakage": add_late_feature,
    "balance": prefer_big_spenders,
    "missing values": lose_outcomes,
    "copied rows": copy_rows,
    "influential rows": add_large_customer,
}


def line(name: str, count: int, trials: int) -> str:
    """A count with its share and Monte Carlo error."""
    share = count / trials
    return f"{name:34} {count:5} of {trials} = {share:.3f} (Monte Carlo error {math.sqrt(share * (1 - share) / trials):.3f})"


def main() -> None:
    """Print the counts."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--trials", type=int, default=TRIALS)
    parser.add_argument("--rows", type=int, default=ROWS)
    given = parser.parse_args()
    found = [alarms(*sound_table(seed, given.rows), seed) for seed in range(1, given.trials + 1)]
    print(line("sound trials with a false alarm", sum(map(bool, found)), given.trials))
    for check, count in sorted(Counter(check for checks in found for check in checks).items()):
        print(line(f"  {check}", count, given.trials))
    for check, plant in FAULTS.items():
        tables = [(seed, sound_table(3 * seed, given.rows)) for seed in range(1, given.trials // 5 + 1)]  # two equal arms
        count = sum(check in alarms(plant(table, np.random.default_rng(seed)), roles, seed) for seed, (table, roles) in tables)
        print(line(f"planted faults found: {check}", count, len(tables)))


if __name__ == "__main__":
    main()

"""Published findings compared with simulated ones: the record `Finding`, intervals, and the report page."""

import csv
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

ROOT = Path(__file__).resolve().parents[1]
Z95 = 1.959964


class Finding(NamedTuple):
    """A published statement, and the corresponding number from the simulated journey with its 95 % interval.

    `reproduced`: whether the simulated number, with its interval, agrees with the published one. `why`: the reason, in a sentence.
    """

    statement: str
    published: str
    simulated: float
    low: float
    high: float
    n: int
    reproduced: bool
    why: str = ""


def ratio_with_interval(y: NDArray[np.float64], x: NDArray[np.float64] | float = 1.0) -> tuple[float, float, float]:
    """Sum of y over sum of x (a mean, where x is 1), with its 95 % interval by the delta method.

    Parameters
    ----------
    y : ndarray of float64, shape (n,)
        One entry per independent customer.
    x : ndarray of float64, shape (n,), or 1
        For the same customers.
    """
    denominator = float(np.broadcast_to(x, y.shape).sum())
    value = float(y.sum()) / denominator
    error = float(np.sqrt(np.square(y - value * x).sum() * len(y) / (len(y) - 1))) / abs(denominator)
    return value, value - Z95 * error, value + Z95 * error


def share_with_interval(hits: int, n: int) -> tuple[float, float, float]:
    """A share with its 95 % interval by Clopper and Pearson (1934).

    Parameters
    ----------
    hits, n : int
        Number of hits, and of trials.
    """
    from scipy.stats import binomtest

    interval = binomtest(hits, n).proportion_ci(0.95)
    return hits / n, float(interval.low), float(interval.high)


def median_with_interval(values: Sequence[float] | NDArray[np.float64]) -> tuple[float, float, float]:
    """The median with its distribution-free 95 % interval between order statistics; of fewer than 6 values, the smallest and the largest.

    Parameters
    ----------
    values : sequence of float, shape (n,)
        Independent numbers.
    """
    from scipy.stats import binom

    ordered = np.sort(values)
    left_out = max(int(binom.ppf(0.025, len(ordered), 0.5)) - 1, 0)
    return float(np.median(ordered)), float(ordered[left_out]), float(ordered[-1 - left_out])


def write_findings_report(
    name: str,
    title: str,
    introduction: str,
    findings: Sequence[Finding],
    tables: dict[str, list[dict[str, Any]]],
    out: Path,
    *,
    reference_label: str = "published",
) -> str:
    """Write `report.md`, `findings.json` and one CSV per table.

    Parameters
    ----------
    name : str
        File name of the experiment, without suffix.
    title, introduction : str
        The heading, and a description of the runs, in Markdown.
    findings : sequence of Finding
        The statements.
    tables : dict of str to rows
        Data of the figures by file name.
    out : Path
        The folder; created if it does not exist.
    reference_label : str
        The reference of the simulated numbers: 'published', or 'wanted' if the statement is our own.

    Returns
    -------
    str
        The report page.
    """
    out.mkdir(parents=True, exist_ok=True)
    for table, rows in tables.items():
        with (out / f"{table}.csv").open("w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, list(rows[0]))
            writer.writeheader()
            writer.writerows({key: f"{value:.5g}" if isinstance(value, float) else value for key, value in row.items()} for row in rows)
    (out / "findings.json").write_text(json.dumps([finding._asdict() for finding in findings], indent=1) + "\n", encoding="utf-8")
    kept, missed = ("reproduced", "not reproduced") if reference_label == "published" else ("holds", "does not hold")
    lines = [
        f"| {of.statement} | {of.published} | {of.simulated:.4g} [{of.low:.4g}, {of.high:.4g}] | {of.n:,} | "
        f"**{kept if of.reproduced else missed}**{': ' if of.why else ''}{of.why} |"
        for of in findings
    ]
    figures = [f"![{path.stem}]({path.name})" for path in sorted(out.glob("*.png"))]
    page = "\n".join(
        [
            f"# {title}",
            "",
            introduction.strip(),
            "",
            f"Written by `python experiments/{name}.py`. Intervals are 95 %.",
            "",
            f"| finding | {reference_label} | simulated | n | |",
            "|---|---|---|---|---|",
            *lines,
            "",
            *figures,
        ]
    )
    (out / "report.md").write_text(page.rstrip() + "\n", encoding="utf-8")
    return page

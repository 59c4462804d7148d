"""The report of e01: tables, figure data, two figures and a page."""

import csv
import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from e01_cdnow import CdnowResult

Rows = list[dict[str, Any]]


def weekly_purchases_data(found: "CdnowResult") -> Rows:
    """Cumulative repeat purchases by week: actual, closed form, simulated with a 95 % band."""
    weekly = found.weekly
    low, high = np.quantile(weekly.with_parameter_draws, [0.025, 0.975], axis=0)
    columns = (weekly.week, weekly.actual, weekly.closed_form, weekly.at_estimates.mean(axis=0), low, high)
    names = ("week", "actual", "closed_form", "simulated", "low", "high")
    return [dict(zip(names, (float(value) for value in row), strict=True)) for row in zip(*columns, strict=True)]


def holdout_data(found: "CdnowResult") -> Rows:
    """Simulated holdout totals, from the first purchase and given each customer's history."""
    afresh = [{"simulation": "from the first purchase", "purchases": float(total)} for total in found.holdout_totals]
    given = [{"simulation": "given each history", "purchases": float(total)} for total in found.holdout_simulations.sum(axis=1)]
    return afresh + given


def weekly_purchases_figure(rows: Rows, split: float, caption: str, path: Path) -> None:
    """Cumulative repeat purchases, with the end of the calibration."""
    import matplotlib as mpl
    import seaborn as sns

    mpl.use("Agg")
    from matplotlib import pyplot as plt

    sns.set_theme(style="whitegrid", palette="colorblind")
    figure, axes = plt.subplots(figsize=(7, 4.2))
    week = [row["week"] for row in rows]
    axes.fill_between(week, [row["low"] for row in rows], [row["high"] for row in rows], alpha=0.25, label="simulated, 95 % band")
    for name, style in (("simulated", "-"), ("closed_form", ":"), ("actual", "k-")):
        axes.plot(week, [row[name] for row in rows], style, label=name.replace("_", " "))
    axes.axvline(split, color="0.4", linewidth=1, linestyle="--", label="end of calibration")
    axes.set(xlabel="week since 1997-01-01", ylabel="repeat purchases so far, all customers")
    axes.legend(frameon=False)
    figure.text(0.01, 0.005, caption, fontsize=7)
    figure.tight_layout(rect=(0, 0.03, 1, 1))
    figure.savefig(path, dpi=90)
    plt.close(figure)


def holdout_figure(rows: Rows, actual: float, caption: str, path: Path) -> None:
    """Simulated holdout totals and the actual one."""
    import matplotlib as mpl
    import pandas as pd
    import seaborn as sns

    mpl.use("Agg")
    from matplotlib import pyplot as plt

    sns.set_theme(style="whitegrid", palette="colorblind")
    figure, axes = plt.subplots(figsize=(7, 3.6))
    sns.histplot(pd.DataFrame(rows), x="purchases", hue="simulation", stat="density", common_norm=False, bins=30, ax=axes)
    axes.axvline(actual, color="k")
    axes.annotate(" actual", (actual, 0.9), xycoords=("data", "axes fraction"))
    axes.set(xlabel="repeat purchases in the 39 weeks of the holdout, all customers", ylabel="density of simulations")
    figure.text(0.01, 0.005, caption, fontsize=7)
    figure.tight_layout(rect=(0, 0.03, 1, 1))
    figure.savefig(path, dpi=90)
    plt.close(figure)


def write_report(found: "CdnowResult", result: dict[str, Any], out: Path) -> None:
    """Write the report folder: `report.md`, `result.json`, tables and figure data as CSV, two PNG.

    Parameters
    ----------
    found : CdnowResult
        The result of the experiment.
    result : dict
        The verdict, with the rows of the tables.
    out : Path
        The folder.
    """
    out.mkdir(parents=True, exist_ok=True)
    tables = {
        "tracking": weekly_purchases_data(found),
        "holdout_totals": holdout_data(found),
        "checks": result["checks"],
        "win_back": result["win_back"],
    }
    for name, rows in tables.items():
        _write_csv(out / f"{name}.csv", rows)
    config, histories = found.config, found.calibration.histories
    n_fixed, n_drawn = len(found.weekly.at_estimates), len(found.weekly.with_parameter_draws)
    simulations = f"{n_fixed} simulations at the estimates (mean), {n_drawn} with drawn parameters (band: 95 % of these)"
    caption = f"{len(histories.x):,} customers; {simulations}; seed {config['seed']}"
    weekly_purchases_figure(tables["tracking"], float(found.weekly.week[found.calibration_end_index]), caption, out / "tracking.png")
    holdout_figure(tables["holdout_totals"], float(histories.holdout_purchases.sum()), caption, out / "holdout.png")
    (out / "result.json").write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    (out / "report.md").write_text(_report_page(found, result), encoding="utf-8")


def _report_page(found: "CdnowResult", result: dict[str, Any]) -> str:
    config = found.config
    columns = ("what", "simulated", "reference", "error", "low", "high")
    bands = [row for row in result["checks"] if "low" in row]
    comparisons = "\n".join(f"- {'inside' if row['low'] <= row['reference'] <= row['high'] else 'outside'}: {row['what']}" for row in bands)
    return f"""# E01: CDNOW, calibrated and simulated

{result["hypothesis"]}: **{result["verdict"]}**.
Actual minus simulated: {result["effect"]:.0f} [{result["low"]:.0f}, {result["high"]:.0f}].

Written by `python experiments/e01_cdnow.py`: seed {config["seed"]}, {config["lives"]} replications of all customers at the estimates,
{config["drawn_lives"]} with drawn parameters, {config["futures"]} posterior draws per customer.
The data (`{config["log"]}`, Fader and Hardie) are not part of the project.

## Calibration

```
{found.calibration}
```

## Simulated and reference values

"error": standard error of the simulated mean over replications. "low", "high": 95 % of the simulations, including parameter
uncertainty except where parameters are fixed. "known": closed form at the estimates, computed beforehand without cjsim.
The calibration ends in week 39, the log in week 78.

{_markdown_table(result["checks"], columns)}

The actual total and the bands:

{comparisons}

BG/NBD underestimates this holdout, and no band accounts for model error. The gap comes from the model, not from the simulation,
which agrees with the closed forms.

![Repeat purchases by week](tracking.png)

![Totals of the holdout](holdout.png)

{_win_back_section(found, result)}"""


def _win_back_section(found: "CdnowResult", result: dict[str, Any]) -> str:
    win_back, count = found.config["win_back"], len(found.calibration.histories.x)
    flow, message = win_back["flows"]["win_back"], win_back["messages"]["win_back"]
    columns = ("lift (assumed)", "metric", "without", "with", "effect", "low", "high", "total", "total_low", "total_high", "variance_ratio")
    purchases = next(row for row in result["win_back"] if row["lift (assumed)"] == win_back["main"] and row["metric"] == "purchases")
    mean = f"{purchases['effect']:+.4f} purchases per customer [{purchases['low']:+.4f}, {purchases['high']:+.4f}]"
    total = f"{purchases['total']:+.1f} [{purchases['total_low']:+.0f}, {purchases['total_high']:+.0f}]"
    return f"""## What-if: a win-back email with an assumed response

The log contains no emails. **The response is assumed**: {message["open_rate"]:.0%} of the emails are opened, and an open raises
the rate of the next purchase by the lift (1.0 doubles it), which decays with a half-life of {win_back["half_life"]}.
The email goes to customers after {flow["on"]["inactivity"]} of inactivity, at most every {flow["again_after"]}. The company cannot see who
has churned, so churned customers get it as well. The same customers are simulated with and without it.

At a lift of {win_back["main"]} (assumed): {mean} in the 39 weeks of the holdout,
in total {total} for a company with these {count:,} customers.
"low", "high": 95 % interval of the mean effect over simulated customers, which shrinks with more simulation;
"total_low", "total_high": 95 % of the totals that such a company would see.

{_markdown_table(result["win_back"], columns)}
"""


def _markdown_table(rows: Rows, columns: Sequence[str]) -> str:
    def cell(value: Any) -> str:
        """A number to 5 digits, text as it is."""
        return value if isinstance(value, str) else "" if value is None else f"{value:,.5g}" if abs(value) < 1e5 else f"{value:,.0f}"

    lines = [f"| {' | '.join(columns)} |", f"|{'---|' * len(columns)}"]
    return "\n".join([*lines, *(f"| {' | '.join(cell(row.get(name)) for name in columns)} |" for row in rows)])


def _write_csv(path: Path, rows: Rows) -> None:
    names = list(dict.fromkeys(name for row in rows for name in row))
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, names, lineterminator="\n")
        writer.writeheader()
        writer.writerows({name: f"{value:.8g}" if isinstance(value, float) else value for name, value in row.items()} for row in rows)

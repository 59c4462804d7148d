"""The report of e03: tables, figure data, a figure by hour and a page."""

import csv
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from e03_calls import CallsResult, Prediction

Rows = list[dict[str, Any]]
TOLERANCES = {"abandonment": 0.03, "wait": 0.30}  # difference between the shares; difference relative to the actual mean


def hours_data(found: "CallsResult") -> Rows:
    """Abandonment and mean wait by hour: actual, predicted with the 95 % band of replications, and agents present."""
    agents = found.chosen_prediction.fit.agents.groupby(level="hour").mean()
    rows = []
    for hour, calls in found.calls.groupby("hour"):
        row: dict[str, Any] = {"hour": int(hour), "calls": len(calls), "agents": round(float(agents[hour]), 2)}
        for name, actual, of in _actual_and_predicted(calls, found.chosen_prediction):
            low, high = np.quantile(of, [0.025, 0.975])
            row |= {name: actual, f"{name}_predicted": float(of.mean()), f"{name}_low": float(low), f"{name}_high": float(high)}
        rows.append(row)
    return rows


def totals_data(found: "CallsResult") -> Rows:
    """Abandonment and mean wait, actual and predicted, by `away_after` and by days: all, the first, and the others."""
    first = found.first_days
    days = {"all": found.calls, "first": found.calls[first], "others": found.calls[~first]}
    return [
        {"away_after": away_after, "days": which, **row}
        for away_after, prediction in found.predictions.items()
        for which, calls in days.items()
        for row in _total_rows(calls, prediction)
    ]


def _total_rows(calls: Any, prediction: "Prediction") -> Rows:
    """Abandonment and mean wait of a set of calls."""
    rows = []
    for name, actual, of in _actual_and_predicted(calls, prediction):
        low, high = np.quantile(of, [0.025, 0.975])
        miss = of.mean() - actual if name == "abandonment" else of.mean() / actual - 1
        row: dict[str, Any] = {"what": name, "n": len(calls), "actual": actual, "predicted": float(of.mean())}
        rows.append(row | {"low": float(low), "high": float(high), "miss": float(miss), "within": bool(abs(miss) <= TOLERANCES[name])})
    return rows


def _actual_and_predicted(calls: Any, prediction: "Prediction") -> list[tuple[str, float, Any]]:
    """Name, actual mean, and mean of each replication, for a set of calls."""
    hung_up, wait = prediction.hung_up.loc[calls.index], prediction.wait.loc[calls.index]
    return [
        ("abandonment", float(calls["hung_up"].mean()), hung_up.mean().to_numpy()),
        ("wait", float(calls["wait"].mean()), wait.mean().to_numpy()),
    ]


def hours_figure(rows: Rows, caption: str, path: Path) -> None:
    """Draw abandonment and mean wait by hour, actual and predicted."""
    import matplotlib as mpl
    import seaborn as sns

    mpl.use("Agg")
    from matplotlib import pyplot as plt

    sns.set_theme(style="whitegrid", palette="colorblind")
    figure, panels = plt.subplots(3, 1, figsize=(7, 7.5), sharex=True, height_ratios=[2, 2, 1])
    hour = [row["hour"] for row in rows]
    for axes, name, label in zip(
        panels, ("abandonment", "wait"), ("share of callers who hang up", "mean wait of all callers, s"), strict=False
    ):
        axes.fill_between(
            hour, [row[f"{name}_low"] for row in rows], [row[f"{name}_high"] for row in rows], alpha=0.25, label="95 % of replications"
        )
        axes.plot(hour, [row[f"{name}_predicted"] for row in rows], label="predicted")
        axes.plot(hour, [row[name] for row in rows], "ko-", markersize=4, linewidth=1, label="actual")
        axes.set(ylabel=label, ylim=(0, None))
    panels[0].legend(frameon=False)
    panels[2].bar(hour, [row["agents"] for row in rows], color="0.7")
    panels[2].set(ylabel="agents seen", xlabel="hour of the day at which the call enters")
    figure.text(0.01, 0.005, caption, fontsize=7)
    figure.tight_layout(rect=(0, 0.03, 1, 1))
    figure.savefig(path, dpi=90)
    plt.close(figure)


def write_report(found: "CallsResult", out: Path) -> str:
    """Write tables, figure and page.

    Returns
    -------
    str
        The page.
    """
    out.mkdir(parents=True, exist_ok=True)
    hours, totals = hours_data(found), totals_data(found)
    for name, rows in (("hours", hours), ("totals", totals)):
        with (out / f"{name}.csv").open("w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, list(rows[0]))
            writer.writeheader()
            writer.writerows({key: f"{value:.5g}" if isinstance(value, float) else value for key, value in row.items()} for row in rows)
    seeds = f"{found.config['replications']} replications, seeds from {found.config['seed']}"
    caption = f"{len(found.calls):,} calls, agents away after {found.chosen_away_after}, {seeds}"
    hours_figure(hours, caption, out / "hours.png")
    page = _calls_report_page(found, hours, totals)
    (out / "report.md").write_text(page, encoding="utf-8")
    (out / "result.json").write_text(json.dumps({"totals": totals}, indent=1) + "\n", encoding="utf-8")
    return page


def _calls_report_page(found: "CallsResult", hours: Rows, totals: Rows) -> str:
    config, fit, chosen = found.config, found.chosen_prediction.fit, found.chosen_away_after
    judged = [row for row in totals if row["away_after"] == chosen and row["days"] != "first"]
    verdict = "supported" if all(row["within"] for row in judged) else "refuted"
    table = "\n".join(
        f"| {row['away_after']}{' (chosen)' if row['away_after'] == chosen else ''} | {row['days']} | {row['what']} | {row['n']:,} | "
        f"{row['actual']:.4g} | {row['predicted']:.4g} | {row['low']:.4g} | {row['high']:.4g} | {row['miss']:+.3f} | "
        f"{'yes' if row['within'] else 'no'} |"
        for row in totals
    )
    inside = {name: sum(row[f"{name}_low"] <= row[name] <= row[f"{name}_high"] for row in hours) for name in TOLERANCES}
    days = fit.agents.index.get_level_values("date").nunique()
    return f"""# E03: predicting a bank's call center

A desk fitted to the calls predicts the abandonment rate within 3 points and the mean wait within 30 %: **{verdict}**.

Written by `python experiments/e03_calls.py`: {len(found.calls):,} calls of {days} business days that arrive from
{config["hours"][0]}:00 to {config["hours"][1]}:00; {config["replications"]} replications, seeds from {config["seed"]}.
The data (`{config["log"]}`) are not part of the project.

## How the desk was fitted

- **Service**: the time for which a call occupies its agent, {fit.service.mean():.0f} s on average: the logged service plus
  {found.mean_pause:.1f} s, the mean pause of agents while callers were waiting.
- **Patience**: Kaplan-Meier estimate of the time until hanging up, median {np.median(fit.patience):.0f} s; answered calls are censored.
  {np.mean(fit.patience == 0):.1%} of callers leave immediately if they would have to wait.
- **Staff**: the mean number of agents present by date and hour, rounded. An agent is present from the first to the last
  call of a spell without a pause longer than **{chosen}**. The calls do not show how long an agent can pause and still be
  present, and the result is sensitive to it. So the length was chosen among {len(config["away_after"])} values to match the
  mean wait of the first {config["chosen_on"]} days best; the other days test the choice.
  The agents of the last hour stay until all callers in the queue have been served.
- First come, first served. The bank moved some customers ahead in the queue.

## Predicted and actual values

"miss": points of a share, or of the mean wait relative to the actual one. "low", "high": 95 % of the replications.

| away after | days | what | calls | actual | predicted | low | high | miss | within |
|---|---|---|---|---|---|---|---|---|---|
{table}

By hour (hours.csv, hours.png), the actual abandonment rate lies within the band of replications in {inside["abandonment"]} of {len(hours)}
hours, and the actual mean wait in {inside["wait"]}. The band covers only the Monte Carlo error of service and patience. It ignores
staff changes within an hour and differences between days.

![by hour](hours.png)
"""

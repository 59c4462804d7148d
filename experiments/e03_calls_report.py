"""The report of e03: tables, figure data, a figure by hour and a page, from what the experiment found.

Lives here: writing. Does not live here: anything that is computed from simulations (e03_calls.py), but quantiles.
"""

import csv
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from e03_calls import Findings, Prediction

Rows = list[dict[str, Any]]
WITHIN = {"abandonment": 0.03, "wait": 0.30}  # points of a share; of the actual mean


def hours_data(found: "Findings") -> Rows:
    """Abandonment and mean wait by hour: actual, predicted with the 95 % band of replications, agents seen."""
    asked = found.calls[(found.calls["hour"] >= found.config["hours"][0]) & (found.calls["hour"] < found.config["hours"][1])]
    agents = found.fit.agents.groupby(level="hour").mean()
    rows = []
    for hour, calls in asked.groupby("hour"):
        row: dict[str, Any] = {"hour": int(hour), "calls": len(calls), "agents": round(float(agents[hour]), 2)}
        for name, actual, of in _pairs(calls, found.main):
            values = of.loc[hour].to_numpy()
            low, high = np.quantile(values, [0.025, 0.975])
            row |= {name: actual, f"{name}_predicted": float(values.mean()), f"{name}_low": float(low), f"{name}_high": float(high)}
        rows.append(row)
    return rows


def totals_data(found: "Findings") -> Rows:
    """Abandonment and mean wait of all calls, actual and predicted, for each choice of when an agent is away."""
    asked = found.calls[(found.calls["hour"] >= found.config["hours"][0]) & (found.calls["hour"] < found.config["hours"][1])]
    rows = []
    for away_after, prediction in found.predictions.items():
        for name, actual, of in _pairs(asked, prediction):
            values = of.loc["all"].to_numpy()
            low, high = np.quantile(values, [0.025, 0.975])
            miss = values.mean() - actual if name == "abandonment" else values.mean() / actual - 1
            rows.append(
                {
                    "away_after": away_after,
                    "what": name,
                    "n": len(asked),
                    "actual": actual,
                    "predicted": float(values.mean()),
                    "low": float(low),
                    "high": float(high),
                    "miss": float(miss),
                    "within": bool(abs(miss) <= WITHIN[name]),
                }
            )
    return rows


def _pairs(calls: Any, prediction: "Prediction") -> list[tuple[str, float, Any]]:
    return [
        ("abandonment", float(calls["hung_up"].mean()), prediction.abandonment),
        ("wait", float(calls["wait"].mean()), prediction.wait),
    ]


def hours_figure(rows: Rows, caption: str, path: Path) -> None:
    """Abandonment and mean wait by hour, actual beside predicted."""
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


def write_report(found: "Findings", out: Path) -> str:
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
    replications = found.config["replications"]
    caption = f"{totals[0]['n']:,} calls, {replications} replications, seeds from {found.config['seed']}"
    hours_figure(hours, caption, out / "hours.png")
    page = _page(found, hours, totals)
    (out / "report.md").write_text(page, encoding="utf-8")
    (out / "result.json").write_text(json.dumps({"totals": totals}, indent=1) + "\n", encoding="utf-8")
    return page


def _page(found: "Findings", hours: Rows, totals: Rows) -> str:
    config, fit = found.config, found.fit
    main = [row for row in totals if row["away_after"] == config["away_after"]]
    verdict = "supported" if all(row["within"] for row in main) else "refuted"
    table = "\n".join(
        f"| {row['away_after']} | {row['what']} | {row['actual']:.4g} | {row['predicted']:.4g} | {row['low']:.4g} | {row['high']:.4g} | "
        f"{row['miss']:+.3f} | {'yes' if row['within'] else 'no'} |"
        for row in totals
    )
    inside = {name: sum(row[f"{name}_low"] <= row[name] <= row[f"{name}_high"] for row in hours) for name in WITHIN}
    days = fit.agents.index.get_level_values("date").nunique()
    return f"""# E03: a bank's telephone calls at a desk

A desk fitted on the calls predicts abandonment within 3 points and the mean wait within 30 %: **{verdict}**.

Written by `python experiments/e03_calls.py`: {totals[0]["n"]:,} calls of {days} working days, which enter from
{config["hours"][0]}:00 to {config["hours"][1]}:00; {config["replications"]} replications, seeds from {config["seed"]}.
The data (`{config["log"]}`) are not part of the project.

## How the desk was made

- **Service**: the time that a call binds its agent, {fit.service.mean():.0f} s on the mean: the service as logged, and
  {_pause(found):.1f} s, the mean pause of agents for whom somebody was waiting all along.
- **Patience**: the Kaplan-Meier law of hanging up, median {np.median(fit.patience):.0f} s; who was answered is censored.
  {np.mean(fit.patience == 0):.1%} leave at once if they would have to wait.
- **Staff**: by date and hour, the mean number of agents at their desks, rounded. An agent is there from the first to the last
  call of a spell in which no pause between two calls is longer than {config["away_after"]}. That is a
  convention; the table shows what hangs on it. The last hour's agents stay until who waits at closing has been served.
- First come, first served. The bank moved some customers ahead in the queue.

## Predicted and actual

"miss": points of a share, or of the mean wait relative to the actual one. "low", "high": 95 % of the replications.

| away after | what | actual | predicted | low | high | miss | within |
|---|---|---|---|---|---|---|---|
{table}

By hour (hours.csv, hours.png) the actual abandonment lies in the band of replications in {inside["abandonment"]} of {len(hours)}
hours, the actual mean wait in {inside["wait"]}. The band knows only of the Monte Carlo error of service and patience: not of
staff that comes and goes within an hour, nor of days that differ.

![by hour](hours.png)
"""


def _pause(found: "Findings") -> float:
    from e03_calls import binding_times, in_hours, served

    asked = in_hours(found.calls, found.config)
    return float((binding_times(asked) - served(asked)["service"].to_numpy()).mean())

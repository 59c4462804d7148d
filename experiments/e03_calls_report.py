"""The report of e03: tables, figure data, a figure by hour and a page."""

import csv
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

if TYPE_CHECKING:
    from e03_calls import CallsResult, HalfResult, Prediction

Rows = list[dict[str, Any]]
TOLERANCES = {"abandonment": 0.03, "wait": 0.30}  # difference between the shares; difference relative to the actual mean
REDRAW_SEED = 3  # of the redrawn days


def rules_data(found: "CallsResult") -> Rows:
    """Abandonment and mean wait of both halves, actual and predicted, by the half of the fit and by `away_after`."""
    return [
        {"fitted_to": half.name, "away_after": away_after, "days": days, **row}
        for half in found.halves
        for away_after, prediction in half.predictions.items()
        for days, of_days in (("same half", half.fitted_to), ("other half", ~half.fitted_to))
        for row in _rows_of(found.calls[of_days], prediction)
    ]


def judged_data(found: "CallsResult") -> Rows:
    """Abandonment and mean wait of each half, as the desk fitted to the other half predicts them with the rule chosen there.

    `low` and `high` are the 95 % interval over the choice of the rule, on days drawn again with replacement from the half of the fit, and
    over replications.
    """
    rows = []
    for half in found.halves:
        drawn = _redrawn_choices(found, half)
        chosen = half.chosen_away_after(found.calls)
        shares = {choice: round(drawn.count(choice) / len(drawn), 3) for choice in half.predictions}
        judged = found.calls[~half.fitted_to]
        draw = np.random.default_rng(REDRAW_SEED).integers(found.config["replications"], size=len(drawn))
        means = {choice: _replication_means(judged, prediction) for choice, prediction in half.predictions.items()}
        for row in _rows_of(judged, half.predictions[chosen]):
            of_draws = [means[choice][row["what"]][at] for choice, at in zip(drawn, draw.tolist(), strict=True)]
            row["low"], row["high"] = (float(bound) for bound in np.quantile(of_draws, [0.025, 0.975]))
            rows.append({"fitted_to": half.name, "away_after": chosen, **row, "share_of_choice": shares[chosen]})
    return rows


def _redrawn_choices(found: "CallsResult", half: "HalfResult") -> list[str]:
    """The `away_after` chosen on each sample of the days of the fit, drawn with replacement."""
    days = sorted(found.calls.loc[half.fitted_to, "date"].unique())
    rng = np.random.default_rng(REDRAW_SEED)
    by_day = found.calls[half.fitted_to].groupby("date")["wait"].agg(["sum", "size"]).loc[days]
    predicted = {
        choice: prediction.wait[half.fitted_to].mean(axis=1).groupby(found.calls.loc[half.fitted_to, "date"]).sum().loc[days].to_numpy()
        for choice, prediction in half.predictions.items()
    }
    choices = []
    for _ in range(found.config["redraws"]):
        weight = np.bincount(rng.integers(len(days), size=len(days)), minlength=len(days))
        calls, actual = weight @ by_day["size"].to_numpy(), weight @ by_day["sum"].to_numpy()
        choices.append(min(predicted, key=lambda choice: abs(weight @ predicted[choice] - actual) / calls))
    return choices


def hours_data(found: "CallsResult") -> Rows:
    """Abandonment and mean wait by hour: actual, predicted for the half that was not fitted, with the 95 % of replications, and agents."""
    chosen = [(half, half.predictions[half.chosen_away_after(found.calls)]) for half in found.halves]
    hung_up = pd.concat([prediction.hung_up[~half.fitted_to] for half, prediction in chosen]).sort_index()
    wait = pd.concat([prediction.wait[~half.fitted_to] for half, prediction in chosen]).sort_index()
    agents = pd.concat([_agents_of(found, half, prediction) for half, prediction in chosen]).groupby(level="hour").mean()
    rows = []
    for hour, calls in found.calls.groupby("hour"):
        row: dict[str, Any] = {"hour": int(hour), "calls": len(calls), "agents": round(float(agents[hour]), 2)}
        for name, actual, of in (("abandonment", calls["hung_up"].mean(), hung_up), ("wait", calls["wait"].mean(), wait)):
            means = of.loc[calls.index].mean().to_numpy()
            low, high = np.quantile(means, [0.025, 0.975])
            row |= {name: float(actual), f"{name}_predicted": float(means.mean()), f"{name}_low": float(low), f"{name}_high": float(high)}
        rows.append(row)
    return rows


def _agents_of(found: "CallsResult", half: "HalfResult", prediction: "Prediction") -> pd.Series:
    """Agents by date and hour on the days to which the desk was not fitted."""
    dates = found.calls.loc[~half.fitted_to, "date"].unique()
    return prediction.fit.agents[prediction.fit.agents.index.get_level_values("date").isin(dates)]


def _rows_of(calls: pd.DataFrame, prediction: "Prediction") -> Rows:
    """Abandonment and mean wait of a set of calls, actual and predicted."""
    actual = {"abandonment": float(calls["hung_up"].mean()), "wait": float(calls["wait"].mean())}
    rows = []
    for name, means in _replication_means(calls, prediction).items():
        predicted = float(means.mean())
        miss = predicted - actual[name] if name == "abandonment" else predicted / actual[name] - 1
        row: dict[str, Any] = {"what": name, "n": len(calls), "actual": actual[name], "predicted": predicted}
        rows.append(row | {"miss": miss, "within": bool(abs(miss) <= TOLERANCES[name])})
    return rows


def _replication_means(calls: pd.DataFrame, prediction: "Prediction") -> dict[str, Any]:
    """The abandonment rate and the mean wait (seconds) of a set of calls in each replication, shape (replications,)."""
    return {
        "abandonment": prediction.hung_up.loc[calls.index].mean().to_numpy(),
        "wait": prediction.wait.loc[calls.index].mean().to_numpy(),
    }


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
    hours, judged, rules = hours_data(found), judged_data(found), rules_data(found)
    for name, rows in (("hours", hours), ("judged", judged), ("rules", rules)):
        with (out / f"{name}.csv").open("w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, list(rows[0]))
            writer.writeheader()
            writer.writerows({key: f"{value:.5g}" if isinstance(value, float) else value for key, value in row.items()} for row in rows)
    seeds = f"{found.config['replications']} replications, seeds from {found.config['seed']}"
    hours_figure(hours, f"{len(found.calls):,} calls, each half predicted from the other, {seeds}", out / "hours.png")
    page = _calls_report_page(found, hours, judged, rules)
    (out / "report.md").write_text(page, encoding="utf-8")
    (out / "result.json").write_text(json.dumps({"judged": judged, "rules": rules}, indent=1) + "\n", encoding="utf-8")
    return page


def _calls_report_page(found: "CallsResult", hours: Rows, judged: Rows, rules: Rows) -> str:
    config, (first, second) = found.config, found.halves
    verdict = {what: "supported" if all(row["within"] for row in judged if row["what"] == what) else "refuted" for what in TOLERANCES}
    judged_table = "\n".join(
        f"| {row['fitted_to']} | {row['away_after']} ({row['share_of_choice']:.0%}) | {row['what']} | {row['n']:,} | {row['actual']:.4g} | "
        f"{row['predicted']:.4g} [{row['low']:.4g}, {row['high']:.4g}] | {row['miss']:+.3f} | {'yes' if row['within'] else 'no'} |"
        for row in judged
    )
    rules_table = "\n".join(
        f"| {row['fitted_to']} | {row['away_after']} | {row['days']} | {row['what']} | {row['actual']:.4g} | {row['predicted']:.4g} | "
        f"{row['miss']:+.3f} | {'yes' if row['within'] else 'no'} |"
        for row in rules
    )
    inside = {name: sum(row[f"{name}_low"] <= row[name] <= row[f"{name}_high"] for row in hours) for name in TOLERANCES}
    waits = [row["miss"] for row in rules if row["what"] == "wait" and row["days"] == "other half"]
    desks = [half.predictions[half.chosen_away_after(found.calls)].fit for half in found.halves]
    service, patience = (
        [f"{law:.0f}" for law in laws] for laws in zip(*((d.service.mean(), np.median(d.patience)) for d in desks), strict=True)
    )
    at_once = [f"{np.mean(desk.patience == 0):.1%}" for desk in desks]
    hour = config["hours"]
    days = [found.calls.loc[half.fitted_to, "date"].nunique() for half in found.halves]
    return f"""# E03: predicting a bank's call center

A desk fitted to one half of the business days of a month predicts, in both directions,

- the abandonment rate of the other half within 3 points: **{verdict["abandonment"]}**,
- its mean wait within 30 %: **{verdict["wait"]}**.

Written by `python experiments/e03_calls.py`: {len(found.calls):,} calls that arrive from {hour[0]}:00 to {hour[1]}:00,
on the first {days[0]} and the last {days[1]} business days of January 1999;
{config["replications"]} replications, seeds from {config["seed"]}.
The data (`{config["log"]}`) are not part of the project.

## Each half predicted from the other

| fitted to | away after (share of redraws) | what | calls judged | actual | predicted | miss | within |
|---|---|---|---|---|---|---|---|
{judged_table}

"miss": points of a share, or of the mean wait relative to the actual one. The interval covers the choice of the rule, made
again on {config["redraws"]:,} samples of the days of the fit (drawn with replacement), and the Monte Carlo error of a replication.

**The rule does not carry over by itself.** The calls do not show how long an agent can pause and still be present. Among the
{len(config["away_after"])} rules, the predicted mean wait of the other half misses by {min(waits):+.0%} to {max(waits):+.0%}.
Both halves are of the same month and the same agents: a rule chosen on one half-month may miss the mean wait of another month by half.
A firm that knows its rota does not need the rule.

## How the desk was fitted

- **Service**: the time for which a call occupies its agent, {service[0]} s on average in the first half and {service[1]} s in the second:
  the logged service plus {first.mean_pause:.1f} s or {second.mean_pause:.1f} s, the mean pause of agents while callers were waiting.
- **Patience**: Kaplan-Meier estimate of the time until hanging up, median {patience[0]} s and {patience[1]} s; answered calls are
  censored. {at_once[0]} and {at_once[1]} of callers leave immediately if they would have to wait.
- **Staff**: the mean number of agents present by date and hour, rounded, from the servers who answer on that date. An agent is
  present from the first to the last call of a spell without a pause longer than `away_after`, which is chosen to match the mean
  wait of the half of the fit best. The agents of the last hour stay until all callers in the queue have been served.
- First come, first served. The bank moved some customers ahead in the queue.

## Every rule

| fitted to | away after | days | what | actual | predicted | miss | within |
|---|---|---|---|---|---|---|---|
{rules_table}

By hour (hours.csv, hours.png; each half predicted from the other), the actual abandonment rate lies within 95 % of the
replications in {inside["abandonment"]} of {len(hours)} hours, and the actual mean wait in {inside["wait"]}.
This band covers only the Monte Carlo error of service and patience. It ignores the choice of the rule,
staff changes within an hour and differences between days.

![by hour](hours.png)
"""

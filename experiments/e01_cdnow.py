"""E01: a journey calibrated on CDNOW to 1997-09-30 forecasts the next 39 weeks; then a win-back email with an assumed response.

Run: `python experiments/e01_cdnow.py [CONFIG] [--out DIR]`, with the real data in the folder of CJSIM_DATA.

There are four simulations. (1) Many replications of the calibrated scenario from each customer's first purchase, compared with the closed
form of BG/NBD. (2) The same, with parameters drawn in each replication from the uncertainty of their estimates: the band in which the
actual weekly purchases should lie. (3) The customers at the end of the calibration, each drawn from its posterior, for the 39 weeks of the
holdout, compared with each customer's actual purchases. (4) The same customers with a win-back email, paired with (3).
"""

import argparse
import csv
import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from cjsim.calibration.bgnbd import BgNbd
from cjsim.calibration.gamma_gamma import GammaGamma
from cjsim.calibration.purchase_model import PurchaseCalibration, calibrate_purchases
from cjsim.purchase_logs.purchase_log import PurchaseHistories, PurchaseLog, read_purchases
from cjsim.simulation.compare_scenarios import compare
from cjsim.simulation.comparison import Comparison
from cjsim.simulation.documents import Scenario
from cjsim.simulation.simulate import simulate
from cjsim.yaml.tree import read_yaml_file, to_yaml

ROOT = Path(__file__).resolve().parents[1]
KNOWN_HOLDOUT_METRICS = {
    "rmse": 1.6080,
    "correlation": 0.6256,
    "mae": 0.7855,
    "predicted": 1653.4,
}  # computed beforehand from the data, with scipy
FROM_SCRATCH_CHECK = "holdout purchases, starting from the first purchase: simulated, actual"
FIXED_PARAMETERS_CHECK = "the same with parameters fixed at the estimates: simulated, actual"
CONDITIONAL_CHECK = "holdout purchases given each customer's history: simulated, actual"
Floats = NDArray[np.float64]


class WeeklyPurchases(NamedTuple):
    """Cumulative repeat purchases at the end of each week."""

    week: NDArray[np.int64]
    actual: Floats
    closed_form: Floats
    at_estimates: Floats  # (n_replications, n_weeks), simulated with the estimated parameters
    with_parameter_draws: Floats  # (n_replications, n_weeks), simulated with drawn parameters


@dataclass(frozen=True)
class CdnowResult:
    """The calibration and the simulations of the experiment."""

    config: dict[str, Any]
    calibration: PurchaseCalibration
    weekly: WeeklyPurchases
    holdout_simulations: Floats  # (futures, customers): purchases of the holdout
    comparisons: dict[float, Comparison]  # by lift

    @property
    def calibration_end_index(self) -> int:
        """Index of the last week of the calibration in `weekly`."""
        return int(len(self.weekly.week) - 1 - round(self.calibration.histories.holdout_length))

    @property
    def holdout_totals(self) -> Floats:
        """Repeat purchases after the calibration, in each replication with drawn parameters."""
        return np.asarray(self.weekly.with_parameter_draws[:, -1] - self.weekly.with_parameter_draws[:, self.calibration_end_index])


def data_folder() -> Path:
    """The folder of the real data: CJSIM_DATA, else a folder next to the checkout."""
    return Path(os.environ.get("CJSIM_DATA", ROOT.parent / "shared" / "data"))


def run_experiment(config: dict[str, Any], work: Path) -> CdnowResult:
    """Calibrate, simulate, compare; files of the simulations go to `work`."""
    log = data_folder() / config["log"]
    columns = {key: config[key] for key in ("customer", "time", "value")}
    calibration = calibrate_purchases(log, **columns, until=config["until"], out=work)
    tracking = weekly_purchases(calibration, read_purchases(log, **columns), config, work)
    write_holdout_scenarios(calibration, config, work)
    return CdnowResult(config, calibration, tracking, *simulate_holdout(config, calibration.customer_count, work))


def weekly_purchases(calibration: PurchaseCalibration, log: PurchaseLog, config: dict[str, Any], work: Path) -> WeeklyPurchases:
    """Repeat purchases by week: actual, closed form, and two simulations."""
    first_day, start = calibration.histories.first_day, np.datetime64(calibration.start)
    scenario = Scenario.load(work / "scenario.yaml")
    weeks = np.arange(1, int(scenario.horizon // 7) + 1)
    repeats = (log.day - start).astype(int)[log.day > first_day[log.customer_index]]
    age = np.maximum(7.0 * weeks - (first_day - start).astype(int)[:, None], 0.0) / 7.0
    write_traits_with_parameter_draws(calibration, config, work / "drawn_entries.csv")
    afresh = {"extends": "scenario.yaml", "name": "drawn", "entry": {"file": "drawn_entries.csv"}}
    (work / "drawn.yaml").write_text(to_yaml(afresh), encoding="utf-8")
    return WeeklyPurchases(
        week=weeks,
        actual=np.array([(repeats < 7 * week).sum() for week in weeks], dtype=np.float64),
        closed_form=calibration.timing.model.expected_purchases(age).sum(axis=0),
        at_estimates=simulate_from_scratch(scenario, int(config["lives"]), config["seed"], work),
        with_parameter_draws=simulate_from_scratch(Scenario.load(work / "drawn.yaml"), int(config["drawn_lives"]), config["seed"], work),
    )


def write_traits_with_parameter_draws(calibration: PurchaseCalibration, config: dict[str, Any], path: Path) -> None:
    """Write the traits of each customer in each replication, with parameters drawn from the uncertainty of their estimates."""
    rng, count = np.random.default_rng(config["seed"]), int(config["drawn_lives"])
    days = (np.sort(calibration.histories.first_day) - np.datetime64(calibration.start)).astype(int)
    size = len(days)
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["entered", "rate", "dropout", "nu"])
        for (r, alpha, a, b), (_, q, v) in zip(
            calibration.timing.fit.draw_parameters(count, rng), calibration.spend.fit.draw_parameters(count, rng), strict=True
        ):
            traits = rng.gamma(r, size=size) / alpha, rng.beta(a, b, size=size), rng.gamma(q, size=size) / v
            writer.writerows(zip(days.tolist(), *(trait.tolist() for trait in traits), strict=True))


def simulate_from_scratch(scenario: Scenario, replications: int, seed: int, work: Path) -> Floats:
    """Cumulative repeat purchases of all customers by week in each replication, shape (n_replications, n_weeks)."""
    count, weeks = scenario.customers, int(scenario.horizon // 7)
    log = simulate(scenario, customers=replications * count, seed=seed, log=work / f"{scenario.name}.parquet").log
    assert log is not None
    rows = log.query(
        f"select customer // {count} as replication, date_diff('microsecond', timestamp '{scenario.start}', time) // 604800000000 as week, "
        "count(*) as n from log where event = 'purchase' group by all"
    )
    counts = np.zeros((replications, weeks))
    counts[rows["replication"], rows["week"]] = rows["n"]
    return counts.cumsum(axis=1)


def write_holdout_scenarios(calibration: PurchaseCalibration, config: dict[str, Any], work: Path) -> None:
    """Write scenarios that start on the day after the calibration, with many posterior draws of each customer."""
    histories, win_back = calibration.histories, config["win_back"]
    write_traits_from_posterior(calibration, config, work / "future_entries.csv")
    journey = {
        "extends": "journey.yaml",
        "name": "future",
        "starts_in": "active",
        "events": {"purchase": {"half_life": win_back["half_life"]}},
        "channels": win_back["channels"],
        "messages": win_back["messages"],
    }
    scenario = {
        "name": "future",
        "journey": "future_journey.yaml",
        "policy": "policy.yaml",
        "customers": len(histories.x) * int(config["futures"]),
        "entry": {"file": "future_entries.csv"},
        "start": str(np.datetime64(calibration.until) + np.timedelta64(1, "D")),
        "horizon": f"{round(histories.holdout_length * 7)}d",
    }
    files = {
        "future_journey.yaml": journey,
        "future.yaml": scenario,
        "win_back_policy.yaml": {"name": "win_back", "flows": win_back["flows"]},
        "win_back.yaml": {"extends": "future.yaml", "name": "win_back", "policy": "win_back_policy.yaml"},
    }
    for name, content in files.items():
        (work / name).write_text(to_yaml(content), encoding="utf-8")


def write_traits_from_posterior(calibration: PurchaseCalibration, config: dict[str, Any], path: Path) -> None:
    """Write traits drawn from each customer's posterior given its history, with new parameters in each draw."""
    rng = np.random.default_rng(config["seed"])
    histories: PurchaseHistories = calibration.histories
    timings = calibration.timing.fit.draw_parameters(int(config["futures"]), rng)
    spends = calibration.spend.fit.draw_parameters(int(config["futures"]), rng)
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["entered", "rate", "dropout", "nu"])
        for timing, spend in zip(timings, spends, strict=True):
            rate, dropout = BgNbd(*timing).draw_rate_and_dropout(rng, histories.x, histories.t_x, histories.T)
            nu = GammaGamma(*spend).draw_money_rates(rng, histories.x, histories.mean_spend)
            writer.writerows(zip(np.zeros(len(rate), dtype=int).tolist(), rate.tolist(), dropout.tolist(), nu.tolist(), strict=True))


def simulate_holdout(config: dict[str, Any], count: int, work: Path) -> tuple[Floats, dict[float, Comparison]]:
    """Holdout purchases by draw and customer, and the comparison with and without win-back at each assumed lift."""
    path = "journey.messages.win_back.lift.opened.purchase"
    base = Scenario.load(work / "future.yaml")
    comparisons = {}
    for lift in config["win_back"]["lifts"]:
        alternatives = {"no win-back": base, "win-back": Scenario.load(work / "win_back.yaml", set={path: lift})}
        comparisons[float(lift)] = compare(alternatives, seed=config["seed"])
    bought = next(iter(comparisons.values())).runs["no win-back"].outcomes.customers["purchases"]
    return bought.reshape(-1, count).astype(np.float64), comparisons


def check_rows(found: CdnowResult) -> list[dict[str, Any]]:
    """Each simulated number with its reference."""
    tracking, histories = found.weekly, found.calibration.histories
    rows: list[dict[str, Any]] = []
    for week in (found.calibration_end_index, len(tracking.week) - 1):
        means = tracking.at_estimates[:, week] / len(histories.x)
        error = means.std(ddof=1) / np.sqrt(len(means))
        what = f"mean repeat purchases by week {tracking.week[week]}: simulated, closed form"
        rows.append({"what": what, "simulated": means.mean(), "reference": tracking.closed_form[week] / len(histories.x), "error": error})
    at_estimates = tracking.at_estimates[:, -1] - tracking.at_estimates[:, found.calibration_end_index]
    for what, totals in (
        (FROM_SCRATCH_CHECK, found.holdout_totals),
        (FIXED_PARAMETERS_CHECK, at_estimates),
        (CONDITIONAL_CHECK, found.holdout_simulations.sum(axis=1)),
    ):
        low, high = np.quantile(totals, [0.025, 0.975])
        rows.append({"what": what, "simulated": totals.mean(), "reference": histories.holdout_purchases.sum(), "low": low, "high": high})
    expected = found.holdout_simulations.mean(axis=0)
    gap = expected - histories.holdout_purchases
    simulated = {
        "predicted": expected.sum(),
        "mae": np.abs(gap).mean(),
        "rmse": np.sqrt((gap**2).mean()),
        "correlation": np.corrcoef(expected, histories.holdout_purchases)[0, 1],
    }
    rows += [
        {"what": f"{name} by customer: simulated, known", "simulated": value, "reference": KNOWN_HOLDOUT_METRICS[name]}
        for name, value in simulated.items()
    ]
    return [{key: value if isinstance(value, str) else float(value) for key, value in row.items()} for row in rows]


def win_back_rows(found: CdnowResult) -> list[dict[str, Any]]:
    """Effects of the assumed win-back at each lift, per customer and in total for a company with these customers."""
    count = len(found.calibration.histories.x)
    rows = []
    for lift, comparison in found.comparisons.items():
        for metric in ("purchases", "revenue", "cost", "contacts"):
            effect = comparison.alternatives["win-back"][metric]
            totals = comparison.effects("win-back", metric)["effect"].to_numpy().reshape(-1, count).sum(axis=1)
            low, high = np.quantile(totals, [0.025, 0.975])
            row = {"lift (assumed)": lift, "metric": metric, "without": effect.baseline, "with": effect.value, "effect": effect.effect}
            row |= {"low": effect.low, "high": effect.high, "variance_ratio": effect.variance_ratio}
            rows.append(row | {"total": totals.mean(), "total_low": low, "total_high": high})
    return rows


def verdict(found: CdnowResult) -> dict[str, Any]:
    """Supported if the holdout lies in the simulated band and the simulation agrees with the closed form (3 standard errors)."""
    by_check = check_rows(found)
    agrees = all(abs(row["simulated"] - row["reference"]) < 3 * row["error"] for row in by_check if "error" in row)
    holdout = next(row for row in by_check if row["what"] == FROM_SCRATCH_CHECK)
    inside = holdout["low"] <= holdout["reference"] <= holdout["high"]
    return {
        "experiment": "e01_cdnow",
        "hypothesis": "The simulated 95 % band of the journey calibrated to 1997-09-30 contains the actual holdout purchases",
        "verdict": "supported" if agrees and inside else "refuted",
        "effect": holdout["reference"] - holdout["simulated"],
        "low": holdout["reference"] - holdout["high"],
        "high": holdout["reference"] - holdout["low"],
        "run_dir": "runs/e01_cdnow",
        "checks": by_check,
        "win_back": win_back_rows(found),
    }


def main() -> None:
    """Run the experiment and write its report."""
    from e01_cdnow_report import write_report

    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("config", nargs="?", type=Path, default=ROOT / "configs" / "experiments" / "e01_cdnow.yaml")
    parser.add_argument("--out", type=Path, default=ROOT / "reports" / "e01_cdnow")
    options = parser.parse_args()
    found = run_experiment(read_yaml_file(options.config).plain(), ROOT / "runs" / "e01_cdnow")
    result = verdict(found)
    write_report(found, result, options.out)
    print(json.dumps({key: result[key] for key in ("experiment", "verdict", "effect", "low", "high", "run_dir")}))


if __name__ == "__main__":
    main()

"""Claim: a desk fitted to one half of a bank's business days predicts the abandonment rate and the mean wait of the other half.

The actual arrivals are fed to a desk of cjsim. Service is the time for which a call occupies its agent. Patience is the Kaplan-Meier
estimate of the time until hanging up (answered callers are censored). Staff is the number of agents present: each agent is present from the
first to the last call of a spell without a pause longer than `away_after`. This length cannot be observed in the calls. It is chosen to
match the mean wait of the half to which service and patience are fitted, and judged on the other half; then the halves change places.

Run: `python experiments/e03_calls.py [CONFIG] [--out DIR]`, with the real data in the folder of CJSIM_DATA.

References
----------
Brown, Gans, Mandelbaum, Sakov, Shen, Zeltyn, Zhao (2005), Statistical analysis of a telephone call center, JASA 100(469): the same bank.
Kaplan, Meier (1958), JASA 53(282).
"""

import argparse
import csv
import os
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from e03_calls_report import write_report

from cjsim.scenario.fields import WEEKDAYS, hour_text, parse_duration
from cjsim.simulation.documents import Scenario
from cjsim.simulation.simulate import simulate
from cjsim.yaml.tree import read_yaml_file, to_yaml

ROOT = Path(__file__).resolve().parents[1]
CONFIG = ROOT / "configs" / "experiments" / "e03_calls.yaml"
DAY = 86_400  # seconds
UNOBSERVED_PATIENCE = 3 * 3600.0  # seconds: patience beyond the longest observed wait


class DeskFit(NamedTuple):
    """The fitted service times, patience and staff of the desk."""

    service: np.ndarray[Any, np.dtype[np.float64]]  # (n_quantiles,), seconds, equally likely
    patience: np.ndarray[Any, np.dtype[np.float64]]  # (n_quantiles,), seconds, equally likely
    agents: pd.Series  # by date and hour


class Prediction(NamedTuple):
    """The outcome of each call in each replication: rows in the order of `in_hours`, one column per replication."""

    fit: DeskFit
    hung_up: pd.DataFrame
    wait: pd.DataFrame  # seconds


@dataclass(frozen=True)
class HalfResult:
    """The predictions by a desk whose service, patience and presence rule are fitted to one half of the days."""

    name: str  # "first" or "second": the half to which the desk is fitted
    fitted_to: pd.Series  # whether each call is in that half
    mean_pause: float  # seconds, of agents with waiting callers
    predictions: dict[str, Prediction]  # by `away_after`

    def chosen_away_after(self, calls: pd.DataFrame) -> str:
        """The `away_after` with the mean wait closest to the actual one in this half of `calls`, those in the hours of the experiment."""
        actual = calls.loc[self.fitted_to, "wait"].mean()
        return min(self.predictions, key=lambda choice: abs(self.predictions[choice].wait[self.fitted_to].to_numpy().mean() - actual))


@dataclass(frozen=True)
class CallsResult:
    """The calls, and the predictions of the desk fitted to either half of the days."""

    config: dict[str, Any]
    calls: pd.DataFrame  # in the hours of the experiment
    halves: tuple[HalfResult, HalfResult]


def data_folder() -> Path:
    """The folder of the real data: CJSIM_DATA, else a folder next to the checkout."""
    return Path(os.environ.get("CJSIM_DATA", ROOT.parent / "shared" / "data"))


def read_calls(path: Path, config: dict[str, Any]) -> pd.DataFrame:
    """The calls of the business days: `date`, `hour` of entry, `hung_up`, `server`; seconds: `asked`, `start`, `end`, `wait`, `service`.

    A call asks for an agent when it leaves the voice response unit. Phantom calls (system errors) are left out.
    """
    raw = pd.read_csv(path)
    raw = raw[raw["outcome"] != "PHANTOM"]
    clock = {name: pd.to_timedelta(raw[column]).dt.total_seconds() for name, column in _TIME_COLUMNS.items()}
    calls = pd.DataFrame(clock)
    calls["date"] = pd.to_datetime(raw["date"].astype(str), format="%y%m%d")
    calls["hour"] = (calls["entered"] // 3600).astype(int)
    calls["wait"] = raw["q_time"].astype(float)
    calls["service"] = raw["ser_time"].astype(float)
    calls["hung_up"] = raw["outcome"] == "HANG"
    calls["server"] = raw["server"]
    working = [WEEKDAYS.index(day) for day in config["weekdays"]]
    return calls[calls["date"].dt.day_of_week.isin(working)].sort_values(["date", "asked"]).reset_index(drop=True)


_TIME_COLUMNS = {"entered": "vru_entry", "asked": "vru_exit", "start": "ser_start", "end": "ser_exit"}


def in_hours(calls: pd.DataFrame, config: dict[str, Any]) -> pd.DataFrame:
    """The calls in the hours of the experiment."""
    first, last = config["hours"]
    return calls[(calls["hour"] >= first) & (calls["hour"] < last)].reset_index(drop=True)


def answered_calls_by_agent(calls: pd.DataFrame) -> pd.DataFrame:
    """Answered calls by agent, in order, with the `pause` until the agent's next call and the wait of that call, `next_wait` (seconds)."""
    known = calls[~calls["hung_up"] & (calls["server"] != "NO_SERVER") & (calls["service"] > 0)].sort_values(["date", "server", "start"])
    of_agent = known.groupby(["date", "server"])
    return known.assign(pause=of_agent["start"].shift(-1) - known["end"], next_wait=of_agent["wait"].shift(-1))


def mean_pause_under_load(calls: pd.DataFrame) -> float:
    """The mean pause in seconds of agents who had waiting callers during the whole pause."""
    known = answered_calls_by_agent(calls)
    return float(known.loc[(known["pause"] >= 0) & (known["next_wait"] > known["pause"]), "pause"].mean())


def agent_busy_times(calls: pd.DataFrame) -> np.ndarray[Any, np.dtype[np.float64]]:
    """Seconds for which a call occupies its agent: the service and the unavoidable pause."""
    return answered_calls_by_agent(calls)["service"].to_numpy() + mean_pause_under_load(calls)


def patience_quantiles(calls: pd.DataFrame, count: int) -> np.ndarray[Any, np.dtype[np.float64]]:
    """Equally likely values, in seconds, of the Kaplan-Meier distribution of patience, among callers who had to wait or hung up.

    Examples
    --------
    >>> waits = pd.DataFrame({"wait": [1.0, 2.0, 3.0, 4.0], "hung_up": [True, False, True, True]})
    >>> patience_quantiles(waits, 4).tolist()
    [1.0, 3.0, 3.0, 4.0]
    """
    queued = calls[(calls["wait"] > 0) | calls["hung_up"]]
    by_time = queued.groupby("wait")["hung_up"].agg(["sum", "size"])
    at_risk = by_time["size"][::-1].cumsum()[::-1]
    survival = (1.0 - by_time["sum"] / at_risk).cumprod()
    quantiles = (np.arange(count) + 0.5) / count
    at = np.searchsorted(1.0 - survival.to_numpy(), quantiles)
    return np.append(survival.index.to_numpy(), UNOBSERVED_PATIENCE)[at]


def agents_by_hour(calls: pd.DataFrame, away_after: float) -> pd.Series:
    """Agents at their desks by date and hour: the mean over the hour, rounded.

    An agent is present from the first to the last call of a spell without a pause longer than `away_after` (seconds).
    """
    known = answered_calls_by_agent(calls)
    present = np.zeros((known["date"].nunique(), 24))
    dates = {date: i for i, date in enumerate(sorted(known["date"].unique()))}
    for (date, _), of_agent in known.groupby(["date", "server"]):
        begins, ends = of_agent["start"].to_numpy(), np.maximum.accumulate(of_agent["end"].to_numpy())
        breaks = np.flatnonzero(begins[1:] - ends[:-1] > away_after)
        for first, last in zip([0, *breaks + 1], [*breaks, len(begins) - 1], strict=True):
            hours = np.arange(24) * 3600.0
            present[dates[date]] += np.clip(np.minimum(ends[last], hours + 3600) - np.maximum(begins[first], hours), 0, None) / 3600
    index = pd.MultiIndex.from_product([dates, range(24)], names=["date", "hour"])
    return pd.Series(np.rint(present).astype(int).ravel(), index=index)


def fit_desk(calls: pd.DataFrame, fitted_to: pd.Series, config: dict[str, Any], away_after: str) -> DeskFit:
    """Fit service and patience to the half `fitted_to`, and infer the agents of all days with the same rule."""
    selected, count = in_hours(calls, config), config["laws"]
    half = selected[fitted_to]
    busy = agent_busy_times(half)
    service = np.quantile(busy, (np.arange(count) + 0.5) / count)
    # Quantiles truncate the longest calls, but the load of a desk depends on the mean.
    service *= busy.mean() / service.mean()
    return DeskFit(service, patience_quantiles(half, count), agents_by_hour(calls, float(parse_duration(away_after)) * DAY))


def write_scenario(calls: pd.DataFrame, fit: DeskFit, config: dict[str, Any], work: Path) -> Scenario:
    """The scenario: every call is a customer who enters when the call enters the queue and contacts the desk immediately."""
    selected = in_hours(calls, config)
    start = selected["date"].min()
    entered = (selected["date"] - start).dt.days + selected["asked"] / DAY
    with (work / "calls.csv").open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([["entered"], *([repr(at)] for at in sorted(entered.tolist()))])
    desk = {"title": "The bank's agents", "service": _empirical_law(fit.service), "patience": _empirical_law(fit.patience)}
    journey = {
        "name": "calls",
        "starts_in": "calling",
        "stages": {"calling": {"title": "Caller in the queue"}},
        "events": {"calls": {"in": ["calling"], "wait": {"fixed": "0s"}, "effects": [{"ask": "bank"}, {"go": "done"}]}},
        "desks": {"bank": desk},
    }
    journey["stages"] |= {"done": {"title": "Caller with an outcome"}}
    last = config["hours"][1] - 1
    seen = fit.agents[(fit.agents > 0) & (fit.agents.index.get_level_values("hour") <= last)]
    shifts = [
        {"agents": int(agents), "dates": [f"{date:%Y-%m-%d}"], "from": hour_text(hour), "to": hour_text(hour + 1)}
        for (date, hour), agents in seen.items()
    ]
    shifts += [  # callers in the queue at closing are still served
        {"agents": int(agents), "dates": [f"{date + pd.Timedelta(days=1):%Y-%m-%d}"], "from": "00:00", "to": "01:00"}
        for (date, hour), agents in seen.items()
        if hour == last
    ]
    policy = {"name": "as_seen", "desks": {"bank": {"owner": "the bank", "sla": "20s", "shifts": shifts}}}
    horizon = f"{(selected['date'].max() - start).days + 2}d"
    scenario = {"name": "calls", "journey": "journey.yaml", "policy": "policy.yaml", "customers": len(selected)}
    scenario |= {"entry": {"file": "calls.csv"}, "start": f"{start:%Y-%m-%d}", "horizon": horizon, "seed": config["seed"]}
    for name, content in (("journey", journey), ("policy", policy), ("scenario", scenario)):
        (work / f"{name}.yaml").write_text(to_yaml(content), encoding="utf-8")
    return Scenario.load(work / "scenario.yaml")


def _empirical_law(seconds: np.ndarray[Any, np.dtype[np.float64]]) -> dict[str, Any]:
    return {"empirical": {"values": [f"{round(value, 1):g}s" if value >= 1 else "0s" for value in seconds.tolist()]}}


def predict(calls: pd.DataFrame, fit: DeskFit, config: dict[str, Any], work: Path) -> Prediction:
    """Replications of the desk with the actual arrivals."""
    scenario = write_scenario(calls, fit, config, work)
    hung_up, wait = {}, {}
    for replication in range(config["replications"]):
        log = simulate(scenario, seed=config["seed"] + replication, replications=1, log=work / "log.parquet").log
        assert log is not None
        ends = log.query(
            "select customer, any_value(event) as event, coalesce(any_value(value), 0) * 60 as wait from log "
            "where event in ('answered_in_time', 'answered_late', 'unanswered') group by customer"
        )
        of_call = ends.set_index("customer").sort_index()
        hung_up[replication], wait[replication] = of_call["event"] == "unanswered", of_call["wait"]
    return Prediction(fit, pd.DataFrame(hung_up), pd.DataFrame(wait))


def run_experiment(config: dict[str, Any]) -> CallsResult:
    """Fit a desk to each half of the days, for each `away_after`, and predict all calls."""
    calls = read_calls(data_folder() / config["log"], config)
    selected = in_hours(calls, config)
    dates = sorted(selected["date"].unique())
    first = selected["date"].isin(dates[: (len(dates) + 1) // 2])
    halves = []
    for name, fitted_to in (("first", first), ("second", ~first)):
        predictions = {}
        for away_after in config["away_after"]:
            with tempfile.TemporaryDirectory() as folder:
                predictions[away_after] = predict(calls, fit_desk(calls, fitted_to, config, away_after), config, Path(folder))
        halves.append(HalfResult(name, fitted_to, mean_pause_under_load(selected[fitted_to]), predictions))
    return CallsResult(config, selected, (halves[0], halves[1]))


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("config", nargs="?", type=Path, default=CONFIG)
    parser.add_argument("--out", type=Path, default=ROOT / "reports" / "e03_calls")
    given = parser.parse_args()
    config: dict[str, Any] = read_yaml_file(given.config).plain()
    print(write_report(run_experiment(config), given.out))


if __name__ == "__main__":
    main()

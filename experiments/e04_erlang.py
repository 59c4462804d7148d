"""Claim: a desk is an Erlang queue: waits and abandonment agree with Erlang C (M/M/c) and Erlang A (M/M/c+M) within Monte Carlo error.

Requests arrive as a Poisson process; conversations and finite patience are exponential. The unit of time is the mean conversation.
The desks have 1, 4 and 20 agents, with loads of .5 to .95, and up to 1.3 with finite patience. The desk is simulated
on its own (`cjsim.engine.desk_queues.simulate_queue`). Two points also run as full scenarios, whose customers arrive by acquisition and
contact the desk immediately. Intervals use batch means of one long run, without the first batch. Runs are longer at loads with a longer
relaxation time.

References
----------
Gross, Shortle, Thompson, Harris (2008), Fundamentals of Queueing Theory, 4th ed., section 2.3: M/M/c. Garnett, Mandelbaum, Reiman (2002),
Designing a call center with impatient customers, MSOM 4(3): M/M/c+M. Law, Simulation Modeling and Analysis, section 9.5.3: batch means.

Run: `python experiments/e04_erlang.py [--requests N] [--out DIR]`.
"""

import argparse
import math
import tempfile
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from published_findings import ROOT, Finding, write_findings_report
from scipy import stats

import cjsim as cj
from cjsim.engine.desk_queues import simulate_queue
from cjsim.kernels.codes import ReplyCode
from cjsim.scenario.rosters import Crew

AGENT_COUNTS = (1, 4, 20)
LOADS_C = (0.5, 0.7, 0.8, 0.9, 0.95)  # per agent
LOADS_A = (0.5, 0.8, 0.95, 1.1, 1.3)
PATIENCE = 2.0  # mean, in mean service times
BATCHES = 20  # without the first
SERVICE_DAYS = 0.05  # 72 minutes, in scenarios
Floats = np.ndarray[Any, np.dtype[np.float64]]


class DeskPoint(NamedTuple):
    """A desk: agents, arrivals per mean service time, and the rate at which patience ends (0: never)."""

    agents: int
    rate: float
    impatience: float = 0.0

    @property
    def load(self) -> float:
        """Offered load per agent."""
        return self.rate / self.agents


class QueueMeasures(NamedTuple):
    """Measures of a queue over all requests; waits in mean service times."""

    share_waiting: float
    mean_wait: float
    share_leaving: float


POINTS = [DeskPoint(people, load * people) for people in AGENT_COUNTS for load in LOADS_C] + [
    DeskPoint(people, load * people, 1 / PATIENCE) for people in AGENT_COUNTS for load in LOADS_A
]
SCENARIOS = [DeskPoint(4, 0.8 * 4), DeskPoint(4, 1.1 * 4, 1 / PATIENCE)]


def erlang_c(people: int, rate: float) -> QueueMeasures:
    """M/M/c: C(c, a) = (a^c / c!) / ((1 - a/c) sum_{n<c} a^n / n! + a^c / c!), and the mean wait C / (c - a).

    Examples
    --------
    >>> erlang_c(1, 0.5)
    QueueMeasures(share_waiting=0.5, mean_wait=1.0, share_leaving=0.0)
    """
    all_busy = rate**people / math.factorial(people)
    fewer = math.fsum(rate**n / math.factorial(n) for n in range(people))
    waiting = all_busy / ((1 - rate / people) * fewer + all_busy)
    return QueueMeasures(waiting, waiting / (people - rate), 0.0)


def erlang_a(people: int, rate: float, impatience: float) -> QueueMeasures:
    """M/M/c+M: births `rate`, deaths min(n, c) + impatience * max(n - c, 0); by PASTA and Little's law.

    Arrivals see time averages: P(wait) = sum_{n>=c} p_n. The mean wait is the mean queue length divided by the arrival rate, and customers
    leave at the rate `impatience` times the mean queue length.
    """
    weights = [1.0]
    while weights[-1] > 1e-18 * max(weights) or len(weights) < people + 2:
        n = len(weights)
        weights.append(weights[-1] * rate / (min(n, people) + impatience * max(n - people, 0)))
    share = np.array(weights) / math.fsum(weights)
    queue = float(np.sum(share * np.maximum(np.arange(len(share)) - people, 0)))
    return QueueMeasures(float(share[people:].sum()), queue / rate, impatience * queue / rate)


def request_count(point: DeskPoint, requests: int) -> int:
    """Number of requests in a run: `requests` up to a load of .8 or with patience, else proportional to the relaxation time of M/M/1.

    That time, 1 / (1 - sqrt(load))^2 in mean service times (Cohen 1982, The Single Server Queue), is 90 at .8 and 1,560 at .95. A batch
    is several times as long.
    """
    if point.impatience or point.load <= 0.8:
        return requests
    return round(requests * ((1 - math.sqrt(0.8)) / (1 - math.sqrt(point.load))) ** 2)


def closed_form(point: DeskPoint) -> QueueMeasures:
    """The closed form of a point."""
    return erlang_a(*point) if point.impatience else erlang_c(point.agents, point.rate)


def simulate_desk(point: DeskPoint, requests: int, seed: int) -> Floats:
    """The outcome of each request: waited (0 or 1), wait, left (0 or 1); shape (n_requests, 3)."""
    rng = np.random.default_rng(seed)
    arrivals = np.cumsum(rng.exponential(1 / point.rate, requests))
    service = rng.exponential(1.0, requests)
    patience = rng.exponential(1 / point.impatience, requests) if point.impatience else None
    served = simulate_queue([Crew(0.0, math.inf, point.agents)], arrivals, service, patience)
    return np.stack([served.waited > 0, served.waited, served.reply == ReplyCode.UNANSWERED], axis=1).astype(np.float64)


def call_scenario(point: DeskPoint, requests: int) -> cj.Scenario:
    """A scenario in which new customers arrive as a Poisson process and contact the desk once, immediately."""
    desk: dict[str, Any] = {"service": {"exponential": f"{SERVICE_DAYS * 24}h"}}
    if point.impatience:
        desk["patience"] = {"exponential": f"{SERVICE_DAYS * 24 / point.impatience}h"}
    per_day = point.rate / SERVICE_DAYS
    journey = {
        "name": "callers",
        "starts_in": "calling",
        "stages": {"calling": {}, "done": {}},
        "acquisition": {"calls": {"baseline": per_day}},
        "desks": {"help": desk},
        "events": {"call": {"in": ["calling"], "wait": {"fixed": "0s"}, "effects": [{"ask": "help"}, {"go": "done"}]}},
    }
    policy = {"name": "staffed", "desks": {"help": {"agents": point.agents}}}
    days = math.ceil(requests / per_day)
    whole = {"name": "erlang", "journey": journey, "policy": policy, "start": "2026-01-05", "horizon": f"{days}d", "customers": 0}
    return cj.Scenario.from_dict(whole)


def simulate_scenario(point: DeskPoint, requests: int, seed: int) -> Floats:
    """As `simulate_desk`, for a full scenario; requests that are still open at the horizon are excluded."""
    with tempfile.TemporaryDirectory() as folder:
        log = cj.simulate(call_scenario(point, requests), seed=seed, replications=1, log=Path(folder) / "log.parquet").log
        assert log is not None
        ends = log.query(
            "select coalesce(value, 0) as minutes, event = 'unanswered' as gone from log "
            "where event in ('answered_in_time', 'answered_late', 'unanswered') order by customer"
        )
    waited = ends["minutes"].to_numpy() / (SERVICE_DAYS * 1440)
    return np.stack([waited > 1e-9, waited, ends["gone"].to_numpy()], axis=1).astype(np.float64)


def batch_means(outcomes: Floats) -> Floats:
    """Batch means of one run in the order of requests, without the first batch; shape (BATCHES, 3)."""
    return np.array([batch.mean(axis=0) for batch in np.array_split(outcomes, BATCHES + 1)[1:]])


def point_rows(point: DeskPoint, outcomes: Floats, through: str) -> list[dict[str, Any]]:
    """One row per measure: the simulated value with its interval, and the closed form."""
    means = batch_means(outcomes)
    rows = []
    for i, what in enumerate(QueueMeasures._fields):
        if what == "share_leaving" and not point.impatience:
            continue
        value, wanted = float(means[:, i].mean()), closed_form(point)[i]
        error = float(means[:, i].std(ddof=1) / np.sqrt(BATCHES))
        half = float(stats.t.ppf(0.975, BATCHES - 1)) * error
        law = "A" if point.impatience else "C"
        place = {"law": law, "through": through, "people": point.agents, "load": point.load, "figure": what}
        got = {"erlang": wanted, "simulated": value, "low": value - half, "high": value + half, "t": (value - wanted) / error}
        rows.append(place | got | {"n": len(outcomes)})
    return rows


def all_rows(points: list[DeskPoint], scenarios: list[DeskPoint], requests: int, seed: int = 1) -> list[dict[str, Any]]:
    """Rows of all points, simulated by the desk and by scenarios."""
    rows = []
    for i, point in enumerate(points):
        rows += point_rows(point, simulate_desk(point, request_count(point, requests), seed + i), "desk")
    for i, point in enumerate(scenarios):
        rows += point_rows(point, simulate_scenario(point, request_count(point, requests), seed + i), "scenario")
    return rows


def findings_of(rows: list[dict[str, Any]]) -> list[Finding]:
    """For each queue and measure: the largest error in standard errors, and its bound for as many correct simulations."""
    findings = []
    for law, through, what in dict.fromkeys((row["law"], row["through"], row["figure"]) for row in rows):
        mine = [row for row in rows if (row["law"], row["through"], row["figure"]) == (law, through, what)]
        worst = max(mine, key=lambda row: abs(row["t"]))
        bound = float(stats.t.isf(0.001 / 2 / len(mine), BATCHES - 1))
        name = f"Erlang {law}, {what.replace('_', ' ')}, by {through}"
        inside = sum(row["low"] <= row["erlang"] <= row["high"] for row in mine)
        findings.append(
            Finding(
                f"{name}: c = {worst['people']}, load {worst['load']:.2f}, worst of {len(mine)}",
                f"{worst['erlang']:.4g}",
                worst["simulated"],
                worst["low"],
                worst["high"],
                sum(row["n"] for row in mine),
                abs(worst["t"]) < bound,
                f"t = {worst['t']:.2f}, bound {bound:.2f} (1 in 1,000 by chance); {inside} of {len(mine)} intervals cover the closed form",
            )
        )
    return findings


def figure(rows: list[dict[str, Any]], path: Path) -> None:
    """Draw the mean wait and the abandonment rate by load."""
    import matplotlib as mpl
    import seaborn as sns

    mpl.use("Agg")
    from matplotlib import pyplot as plt

    sns.set_theme(style="whitegrid", palette="colorblind")
    drawn, panels = plt.subplots(1, 3, figsize=(12, 4))
    shown = (("C", "mean_wait", "mean wait, services (Erlang C)"), ("A", "mean_wait", "mean wait, services (Erlang A)"))
    for axes, (law, what, label) in zip(panels, (*shown, ("A", "share_leaving", "share who hang up (Erlang A)")), strict=True):
        for number, people in enumerate(AGENT_COUNTS):
            mine = [row for row in rows if (row["law"], row["figure"], row["people"], row["through"]) == (law, what, people, "desk")]
            loads = np.linspace(0.45, mine[-1]["load"], 80)
            impatience = 1 / PATIENCE if law == "A" else 0.0
            curve = [getattr(closed_form(DeskPoint(people, load * people, impatience)), what) for load in loads]
            axes.plot(loads, curve, color=f"C{number}", lw=1)
            at, value = [row["load"] for row in mine], np.array([row["simulated"] for row in mine])
            errors = [value - [row["low"] for row in mine], np.array([row["high"] for row in mine]) - value]
            axes.errorbar(at, value, yerr=errors, fmt="o", ms=4, capsize=3, color=f"C{number}", label=f"{people} people")
        axes.set(xlabel="load per person", ylabel=label, yscale="log")
    panels[0].legend(frameon=False)
    caption = f"Lines: closed forms. Points: {rows[0]['n']:,} requests and more, 95 % intervals by {BATCHES} batch means"
    drawn.text(0.01, 0.005, caption, fontsize=7)
    drawn.tight_layout(rect=(0, 0.03, 1, 1))
    drawn.savefig(path, dpi=70)
    plt.close(drawn)


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--requests", type=int, default=16_000, help="at each point up to a load of .8")
    parser.add_argument("--out", type=Path, default=ROOT / "reports" / "e04_erlang")
    given = parser.parse_args()
    rows = all_rows(POINTS, SCENARIOS, given.requests)
    given.out.mkdir(parents=True, exist_ok=True)
    figure(rows, given.out / "waits.png")
    people = ", ".join(map(str, AGENT_COUNTS))
    words = f"""Desks with {people} agents, {given.requests:,} requests (more at loads of .9 and .95) at each of {len(POINTS)} points
with the desk alone and {len(SCENARIOS)} in full scenarios. Waits are in mean conversations; mean patience is {PATIENCE:g} of them.
The "published" column shows the closed form."""
    print(
        write_findings_report(
            "e04_erlang", "E04: desks compared with Erlang C and Erlang A", words, findings_of(rows), {"points": rows}, given.out
        )
    )


if __name__ == "__main__":
    main()

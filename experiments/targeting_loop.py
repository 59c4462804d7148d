"""Claim: a rule that is learned from a trial brings in a policy what was promised; where customers do not differ, no rule is proposed.

The loop, as a team would run it:

1. `cj.rehearse` picks the size of the trial: the smallest with 80 % power for the effect of treating everybody rather than nobody. Two
   questions are rehearsed: whether the treatment is worth its cost (CLV, the size that the decision needs), and whether it sells at all
   (revenue). If no rehearsed size is adequate, the largest is used.
2. `cj.export_trial` simulates a trial of this size, with the features that the firm knows.
3. `cj.uplift` reads it: effects, heterogeneity, learners, policies on held-out rows.
4. If a rule is proposed, `Readout.rule` exports it, and a policy uses it.
5. `cj.compare` simulates the rule, everybody and nobody on fresh customers.

Three test journeys: customers whose purchase history tells who gains from a mail, customers whose country tells it, and customers who all
gain alike. The shipped shop: from a day on, customers keep or lose the weekly newsletter, which is an email, or a letter at 5 cents a copy
(assumed).

Run: `python experiments/targeting_loop.py [--runs R] [--worlds NAME ...] [--cache FILE] [--out DIR]` (trial seeds 1 to R).
With a cache, an interrupted study resumes, and journeys can be run by several processes.
"""

import argparse
import json
import tempfile
from collections.abc import Callable
from datetime import date, timedelta
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from published_findings import ROOT

import cjsim as cj

RUNS, FRESH, FRESH_SEED = 10, 40_000, 1_000
REHEARSALS = 500  # of each design
SIZES, POWER = (2_000, 5_000, 10_000, 20_000, 50_000, 100_000), 0.8
QUESTIONS = {"clv": "is it worth its cost?", "revenue": "does it sell?"}
LEARNERS, DRAWS = ("DR", "T"), 20  # fewer than by default, to save time
START, MAIL_COST, MARGIN = date(2026, 1, 5), 1.5, 0.4
LETTERS, LETTER_COST = 8, 0.05  # of the shop in 8 weeks
NOT_FEATURES = ("customer", "arm", "assigned_day", "observed_days", "days_since_entry", "retained")
OUTCOMES = ("purchases", "revenue", "contacts", "opens", "clicks", "opt_outs")
SUMMARY_HEADER = (
    *("journey", "rehearsed question", "true effect of treating everybody", "customers of the trial", "rehearsed power"),
    *("heterogeneity proven", "rules proposed", "rule clearly better than nobody and everybody"),
    *("promised gain", "realized gain", "realized inside the promised interval"),
)
LOOP_HEADER = (
    *("journey", "question", "customers", "seed", "proven", "learner", "policy"),
    *("promised gain", "realized", "realized over nobody", "realized over everybody"),
)
Steps = list[dict[str, Any]]


class World(NamedTuple):
    """A journey in which some customers are treated on a day: a scenario as plain data, and the steps of a flow on that day."""

    name: str
    scenario: dict[str, Any]
    treat: Steps
    leave: Steps
    first_day: int
    days: int  # of observation after that
    margin: float  # of revenue
    cost: float  # of treating a customer

    @property
    def date(self) -> date:
        """Date of the treatment."""
        return START + timedelta(days=self.first_day)

    def under(self, steps: Steps, **policy: Any) -> cj.Scenario:
        """The scenario under its policy and a flow that runs these steps for each customer on the day."""
        own = self.scenario["policy"]
        flows = own.get("flows", {}) | ({"test": {"on": {"date": str(self.date)}, "steps": steps}} if steps else {})
        settings = {"start": str(START), "horizon": f"{self.first_day + self.days}d", "discount_rate": 0.0}
        return cj.Scenario.from_dict(self.scenario | settings | {"policy": own | {"flows": flows} | policy})

    def trial(self) -> cj.Scenario:
        """The scenario with an experiment that treats a random half."""
        arms = {"none": {"share": 0.5, "steps": self.leave}, "treated": {"share": 0.5, "steps": self.treat}}
        return self.under([{"split": arms, "experiment": "trial"}])

    def targeted(self, file: Path) -> cj.Scenario:
        """The scenario with a rule that decides who is treated."""
        step = {"branch": {"if": "rule(gains)", "then": self.treat, "else": self.leave}}
        return self.under([step], rules={"gains": {"file": str(file)}})


def purchase_event(days: str, **terms: Any) -> dict[str, Any]:
    """An event whose clock ends in a purchase."""
    effects = [{"purchase": {"value": {"lognormal": {"median": 20, "sigma": 0.4}}, "margin": MARGIN}}]
    return {"in": "anywhere", "wait": {"exponential": days}, "half_life": "7d", "effects": effects, **terms}


def mail_world(name: str, events: dict[str, Any], lift: dict[str, float], **journey: Any) -> World:
    """A test journey in which a mail lifts events for a week or so; it can be sent to customers on day 60."""
    mail = {"channel": "mail", "open_rate": 0.5, "cost": MAIL_COST, "lift": {"delivered": lift}}
    declared = {"name": "shop", "starts_in": "customer", "stages": {"customer": {"retained": True}}, "channels": {"mail": {}}}
    scenario = {"name": "targeting", "journey": declared | {"events": events, "messages": {"letter": mail}} | journey}
    return World(name, scenario | {"policy": {"name": "p"}}, [{"send": "letter"}], [], 60, 28, MARGIN, MAIL_COST)


def shop_world(name: str, cost: float) -> World:
    """The shipped shop under today's policy, in which customers lose the weekly newsletter on day 91 unless they are treated."""
    scenario = cj.Scenario.load(ROOT / "configs" / "scenarios" / "shop.yaml").to_dict()
    scenario["policy"]["broadcasts"]["newsletter"]["if"] = "not tagged(left_out)"
    scenario["journey"]["messages"]["newsletter"]["cost"] = cost
    return World(name, scenario, [{"untag": "left_out"}], [{"tag": "left_out"}], 91, 7 * LETTERS, 0.35, LETTERS * cost)


HISTORY = {
    "regular": {"share": 0.5, "speed": {"buy": 3.0}, "responds": {"buy": 0.0}},
    "rare": {"share": 0.5, "speed": {"buy": 0.6}},
}
HALVES = {"country": {"UK": 0.5, "FR": 0.5}}
BY_COUNTRY = {
    "buy_here": purchase_event("20d", when="country == UK"),
    "buy_abroad": purchase_event("20d", when="country == FR"),
}
WORLDS: dict[str, Callable[[], World]] = {
    "history": lambda: mail_world("history tells who gains", {"buy": purchase_event("30d")}, {"buy": 1.5}, personas=HISTORY),
    "country": lambda: mail_world("country tells who gains", BY_COUNTRY, {"buy_here": 1.0, "buy_abroad": -0.5}, attributes=HALVES),
    "alike": lambda: mail_world("all gain alike", {"buy": purchase_event("20d")}, {"buy": 0.5}, attributes=HALVES),
    "shop": lambda: shop_world("shop: newsletter by email", 0.0001),
    "shop_letter": lambda: shop_world("shop: newsletter as a letter", LETTER_COST),
}


class Rehearsed(NamedTuple):
    """The trial that a rehearsal picks for a metric."""

    metric: str
    effect: float  # true, per customer, of treating everybody rather than nobody
    size: int
    power: float


class Loop(NamedTuple):
    """One trial, what was promised, and what the simulation of fresh customers shows, in money per customer."""

    seed: int
    is_proven: bool
    learner: str
    best: str
    promised: tuple[float, float, float] | None  # gain of the rule over the better constant policy of the trial, with its interval
    realized: tuple[float, float, float] | None  # the same, in the simulation
    over: dict[str, tuple[float, float, float]]  # simulated gain of the rule over each constant policy


def rehearse(world: World, metric: str) -> Rehearsed:
    """Rehearse the test of treating everybody against nobody, and pick its size."""
    policies = [world.under(steps).with_values({"customers": max(SIZES)}) for steps in (world.leave, world.treat)]
    settings = cj.RehearsalSettings(runs=REHEARSALS, starts_on=world.date)
    found = cj.rehearse(policies[0], {"everybody": policies[1]}, metric=metric, sizes=SIZES, days=[world.days], settings=settings)
    report = found.alternatives["everybody"]
    designs = sorted((one for one in report.designs if one.analysis == "fixed"), key=lambda one: one.size)
    chosen = next((one for one in designs if one.power.value >= POWER), designs[-1])
    return Rehearsed(metric, report.truth.effect, chosen.size, chosen.power.value)


def features_of(table: pd.DataFrame) -> list[str]:
    """Return what the firm knew before the assignment, without columns that are empty or the same for all customers."""
    known = table.drop(columns=[*NOT_FEATURES, *OUTCOMES])
    return [name for name in known if known[name].nunique() > 1]


def run_loop(world: World, size: int, seed: int) -> Loop:
    """Simulate a trial, read it, and simulate the rule on fresh customers if one is proposed."""
    table = cj.export_trial(world.trial(), customers=size, seed=seed)
    settings = cj.ReadoutSettings(value=world.margin, cost=world.cost, learners=LEARNERS, draws=DRAWS, seed=seed)
    readout = cj.uplift(table, treatment="arm", control="none", outcome="revenue", features=features_of(table), settings=settings)
    found = readout.outcome("revenue").to_json()
    is_proven = any(row["proven"] for row in found["heterogeneity"] if row["decides"])
    folds = found["groups"][0]["folds_by_learner"]
    counted = [f"{name} ({count} of {sum(folds.values())} folds)" for name, count in folds.items()]
    learner = ", ".join(folds if len(folds) == 1 else counted)
    gain = next((row["gain"] for row in found["policies"] if row["rule"] == found["best"]), None)
    if gain is None:
        return Loop(seed, is_proven, learner, found["best"], None, None, {})
    constants = {row["rule"]: row["value"] for row in found["policies"] if row["gain"] is None}
    over = realized_gains(world, readout.rule(), seed)
    promised = (gain["low"], gain["estimate"], gain["high"])
    return Loop(seed, is_proven, learner, found["best"], promised, over[max(constants, key=lambda rule: constants[rule])], over)


def realized_gains(world: World, rule: cj.TargetingRule, seed: int) -> dict[str, tuple[float, float, float]]:
    """Gain per customer of a policy with the rule over treating nobody and everybody, on fresh customers."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "rule.json"
        rule.save(file)
        policies = {"rule": world.targeted(file), "nobody": world.under(world.leave), "everybody: treated": world.under(world.treat)}
        compared = cj.compare(policies, customers=FRESH, seed=FRESH_SEED + seed)
    losses = {name: compared.alternatives[name]["clv"] for name in ("nobody", "everybody: treated")}
    return {name: (-loss.high, -loss.effect, -loss.low) for name, loss in losses.items()}


def interval(values: tuple[float, float, float] | None) -> str:
    """An estimate with its interval."""
    return "" if values is None else f"{values[1]:.3f} [{values[0]:.3f}, {values[2]:.3f}]"


def mean_with_error(values: list[float]) -> str:
    """A mean with its Monte Carlo error."""
    if not values:
        return ""
    error = f" ± {np.std(values, ddof=1) / np.sqrt(len(values)):.3f}" if len(values) > 1 else ""
    return f"{np.mean(values):.3f}{error}"


def summary_row(world: World, rehearsed: Rehearsed, loops: list[Loop]) -> str:
    """The row of a journey and a question."""
    proposed = [one for one in loops if one.promised is not None and one.realized is not None]
    beats = sum(all(low > 0 for low, _, _ in one.over.values()) for one in proposed)
    covered = sum(one.promised[0] <= one.realized[1] <= one.promised[2] for one in proposed if one.promised and one.realized)
    cells = [
        world.name,
        f"{rehearsed.metric}: {QUESTIONS[rehearsed.metric]}",
        f"{rehearsed.effect:+.3f}",
        f"{rehearsed.size:,}",
        f"{rehearsed.power:.2f}{'' if rehearsed.power >= POWER else ' (none adequate)'}",
        f"{sum(one.is_proven for one in loops)} of {len(loops)}",
        f"{len(proposed)} of {len(loops)}",
        f"{beats} of {len(proposed)}" if proposed else "",
        mean_with_error([one.promised[1] for one in proposed if one.promised]),
        mean_with_error([one.realized[1] for one in proposed if one.realized]),
        f"{covered} of {len(proposed)}" if proposed else "",
    ]
    return f"| {' | '.join(cells)} |"


def loop_row(world: World, rehearsed: Rehearsed, one: Loop) -> str:
    """The row of a trial."""
    gains = [interval(values) for values in (one.promised, one.realized, *(tuple(one.over.values()) or (None, None)))]
    cells = [world.name, rehearsed.metric, f"{rehearsed.size:,}", str(one.seed), "yes" if one.is_proven else "no", one.learner, one.best]
    return f"| {' | '.join([*cells, *gains])} |"


class Cache:
    """Finished rehearsals and loops in a file with one JSON list per line: a key and the values.

    A key contains the scenarios, all settings and the version, so that a changed study does not reuse old values.
    """

    def __init__(self, file: Path | None) -> None:
        self.file = file
        lines = file.read_text(encoding="utf-8").splitlines() if file is not None and file.exists() else []
        self.known: dict[str, list[Any]] = dict(json.loads(line) for line in lines)

    def get(self, key: str, compute: Callable[[], Rehearsed | Loop]) -> list[Any]:
        """Return the values of a key, computed unless they are known."""
        if key not in self.known:
            line = json.dumps([key, compute()])
            self.known[key] = json.loads(line)[1]
            if self.file is not None:
                with self.file.open("a", encoding="utf-8") as opened:
                    opened.write(f"{line}\n")
        return self.known[key]


def cache_key(name: str, world: World, metric: str, *trial: int) -> str:
    """Key of a rehearsal, or of a trial if its size and seed are given."""
    scenarios = [world.trial(), world.under(world.leave), world.under(world.treat)]
    settings: list[Any] = [world.margin, world.cost, world.days, str(world.date), cj.__version__]
    settings += [LEARNERS, DRAWS, FRESH, FRESH_SEED] if trial else [SIZES, POWER, REHEARSALS]
    return json.dumps([name, metric, *trial, [scenario.digest() for scenario in scenarios], settings])


def study(names: list[str], runs: int, cache: Cache) -> str:
    """The report page."""
    summary, rows = [], []
    for name in names:
        world = WORLDS[name]()
        for metric in QUESTIONS:
            rehearsed = Rehearsed(*cache.get(cache_key(name, world, metric), partial(rehearse, world, metric)))
            loops = []
            for seed in range(1, runs + 1):
                key = cache_key(name, world, metric, rehearsed.size, seed)
                loops.append(Loop(*cache.get(key, partial(run_loop, world, rehearsed.size, seed))))
                rows.append(loop_row(world, rehearsed, loops[-1]))
                print(rows[-1], flush=True)
            summary.append(summary_row(world, rehearsed, loops))
            print(summary[-1], flush=True)
    options = "" if names == list(WORLDS) else f" --worlds {' '.join(names)}"
    command = f"python experiments/targeting_loop.py --runs {runs}{options} --out reports/targeting_loop"
    words = (__doc__ or "").split("Run:")[0].strip()
    return f"""# Targeting: from a rehearsal to a rule in the policy

{words}

Written by `{command}`.

{runs} trials of each size, seeds 1 to {runs}; policies simulated on {FRESH:,} fresh customers, seeds {FRESH_SEED + 1} to
{FRESH_SEED + runs}, paired. {REHEARSALS} rehearsals of each design, with a fixed horizon. Money per customer after costs, until the end
of the trial; 95 % intervals; ± is one Monte Carlo error over the trials that propose a rule. Learners: {", ".join(LEARNERS)}. Gains are
those over the better of treating nobody and everybody, by the values of the trial.

## Rehearsed, promised and realized

{table(SUMMARY_HEADER, summary)}

The learner of a fold is selected by its losses on the other folds. This removes most of the optimism, but not all: the models whose losses
on the other folds were used had been trained on data that includes this fold. A rule is proposed only if its gain is clear, so gains that
are promised by trials with little power are too large on average.

## Each trial

{table(LOOP_HEADER, rows)}
"""


def table(header: tuple[str, ...], rows: list[str]) -> str:
    """A Markdown table."""
    return "\n".join([f"| {' | '.join(header)} |", "|" + "---|" * len(header), *rows])


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=RUNS, help="trials of each journey and size")
    parser.add_argument("--worlds", nargs="+", choices=WORLDS, default=list(WORLDS), help="journeys")
    parser.add_argument("--cache", type=Path, help="file of finished loops")
    parser.add_argument("--out", type=Path, help="folder of the report")
    given = parser.parse_args()
    page = study(given.worlds, given.runs, Cache(given.cache))
    if given.out is not None:
        given.out.mkdir(parents=True, exist_ok=True)
        (given.out / "report.md").write_text(page, encoding="utf-8")


if __name__ == "__main__":
    main()

"""Claim: the credit of attribution rules is a poor measure of incremental revenue, and decisions based on it are often wrong.

The study simulates random policies of the five shipped journeys. Each starts from one of the journey's policies, leaves out about a quarter
of its flows and broadcasts, halves to doubles each wait, and sends broadcasts every one to four weeks. Seeds are 1..N. Each remaining
channel, flow and broadcast is switched off for the same customers, which gives its incremental purchases, revenue, cost and CLV. The rules
credit purchases and revenue from the event log, for several kinds of touches and look-back windows (`CREDITS`). One more run has no flow
and no broadcast at all.

Each policy's figures are kept in `--runs`, one file per policy, so an interrupted study resumes.

Run: `python experiments/attribution_methods.py [--policies N] [--journeys a,b] [--jobs J] [--runs DIR] [--out DIR]`.
"""

import argparse
import json
import sys
import tempfile
from collections.abc import Mapping
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from attribution_methods_report import write_report
from attribution_statistics import TEST_SIZE
from published_findings import ROOT

import cjsim as cj
from cjsim.attribution.attribution_data import TouchpointResult
from cjsim.attribution.credit_rules import LastTouch
from cjsim.attribution.log_paths import LogColumn, LoggedTouches, TouchKind, purchase_events
from cjsim.attribution.rule_set import RULES
from cjsim.errors import InputError
from cjsim.eventlog.event_table import EventLog
from cjsim.scenario.kinds.steps import WaitStep
from cjsim.scenario.traversal import policy_steps
from cjsim.simulation.switching.switch_off import Touchpoint, switch_off
from cjsim.yaml.paths import path_text

JOURNEYS = ("shop", "saas", "subscription", "b2b", "retail")
CUSTOMERS = {"b2b": 20_000}  # 5,000 buy about 90 times in two years
DEFAULT_CUSTOMERS = 5000
VARIANTS = ("", "_better", "_cautious", "_zealous")
COLUMNS: dict[str, LogColumn] = {"channel": "channel", "flow": "source", "broadcast": "source"}
CREDITS: tuple[tuple[TouchKind, int], ...] = (("opened", 30), ("opened", 7), ("clicked", 30), ("clicked", 7))  # touch, window in days
LEFT_OUT = 0.25


class Task(NamedTuple):
    """One policy to simulate."""

    number: int
    journey: str
    customers: int
    folder: Path


def random_policy(journey: str, seed: int, customers: int) -> cj.Scenario:
    """A scenario with a random policy of a journey."""
    rng = np.random.default_rng(seed)
    scenario = cj.Scenario.load(ROOT / "configs" / "scenarios" / f"{journey}{rng.choice(VARIANTS)}.yaml")
    policy = scenario.policy
    values: dict[str, Any] = {"customers": customers, "seed": seed}
    for path, step in policy_steps(policy):
        if isinstance(step, WaitStep):
            values[path_text(("policy", *path, "wait"))] = f"{round(step.wait * 1440 * 2 ** rng.uniform(-1, 1))}min"
    for name, broadcast in policy.broadcasts.items():
        if broadcast.schedule.weekdays:
            values[f"policy.broadcasts.{name}.schedule.every_weeks"] = int(rng.integers(1, 5))
    scenario = scenario.with_values(values)
    names = _flows_and_broadcasts(scenario)
    left_out = rng.random(len(names)) < LEFT_OUT
    left_out[rng.integers(len(names))] = False
    for touchpoint, is_off in zip(names, left_out, strict=True):
        scenario = switch_off(scenario, touchpoint) if is_off else scenario
    return scenario


def without_campaigns(scenario: cj.Scenario) -> cj.Scenario:
    """The scenario with every flow and broadcast switched off."""
    for touchpoint in _flows_and_broadcasts(scenario):
        scenario = switch_off(scenario, touchpoint)
    return scenario


def _flows_and_broadcasts(scenario: cj.Scenario) -> list[Touchpoint]:
    policy = scenario.policy
    return [Touchpoint("flow", name) for name in policy.flows] + [Touchpoint("broadcast", name) for name in policy.broadcasts]


def record_of(number: int, journey: str, scenario: cj.Scenario) -> dict[str, Any]:
    """Figures of one policy and its touchpoints: totals over the customers, in money or purchases.

    A touchpoint's `credits` are [purchases, revenue] by setting, such as 'opened 30', and rule. Its `effects` are [value, low, high] by
    measure, and its `test` is the half-width of the range of 95 % of the estimates of an A/B test with `TEST_SIZE` customers.
    """
    found = cj.attribution(
        scenario, only=tuple(COLUMNS), settings=cj.CreditSettings(rules=(LastTouch(),)), test_size=TEST_SIZE, before_after=False
    )
    credited, touched, totals = credits_of(scenario)
    touchpoints = [touchpoint_record(one, credited) for one in found.touchpoints]
    return {
        "policy": number,
        "journey": journey,
        "digest": digest_of(scenario),
        "customers": found.customers,
        "has_shared_resources": found.has_shared_resources,
        "revenue": totals["revenue"],
        "margin": totals["margin"],
        "revenue_without": float(cj.simulate(without_campaigns(scenario), replications=1).outcomes.customers["revenue"].sum()),
        "touched": touched,
        "touchpoints": touchpoints,
    }


def credits_of(scenario: cj.Scenario) -> tuple[dict[str, dict[str, dict[str, Any]]], dict[str, float], dict[str, float]]:
    """Credits by log column, setting, then rule; revenue with a touch by setting; and total revenue and margin."""
    credited: dict[str, dict[str, dict[str, Any]]] = {column: {} for column in COLUMNS.values()}
    touched: dict[str, float] = {}
    with tempfile.TemporaryDirectory() as folder:
        log = Path(folder) / "log.parquet"
        customers = cj.simulate(scenario, log=log, replications=1).outcomes.customers
        for touch in dict.fromkeys(touch for touch, _ in CREDITS):
            logged = LoggedTouches(EventLog(log), events=purchase_events(scenario.journey), touch=touch)
            for days in (days for kind, days in CREDITS if kind == touch):
                for column in dict.fromkeys(COLUMNS.values()):
                    paths = logged.paths(column, window_days=days)
                    touched[f"{touch} {days}"] = float(paths.value[paths.touched].sum())
                    credited[column][f"{touch} {days}"] = {
                        rule.name: dict(zip(paths.touchpoints, np.column_stack(rule.credits(paths)[1:3]).tolist(), strict=True))
                        for rule in RULES
                    }
    return credited, touched, {name: float(customers[name].sum()) for name in ("revenue", "margin")}


def touchpoint_record(one: TouchpointResult, credited: Mapping[str, Mapping[str, Mapping[str, Any]]]) -> dict[str, Any]:
    """Figures of one touchpoint."""
    by_setting = credited[COLUMNS[one.touchpoint.kind]]
    return {
        "kind": one.touchpoint.kind,
        "name": one.touchpoint.name,
        "touches": one.touches,
        "effects": {measure: list(interval) for measure, interval in one.incremental.items()},
        "test": {measure: (claim.high - claim.low) / 2 for measure, claim in one.ab_test.items()},
        "credits": {
            setting: {rule: by_name.get(one.touchpoint.name, [0.0, 0.0]) for rule, by_name in rules.items()}
            for setting, rules in by_setting.items()
        },
    }


def digest_of(scenario: cj.Scenario) -> str:
    """Digest of the scenario, with the version that simulates it."""
    return f"{scenario.digest()} {cj.__version__}"


def simulated(task: Task) -> dict[str, Any]:
    """Return the record of a task: from its file if policy and size match, else simulated and saved; for a refused policy, the reason."""
    file = task.folder / f"policy_{task.number:04}.json"
    try:
        scenario = random_policy(task.journey, task.number, task.customers)
    except InputError as error:
        return {"policy": task.number, "journey": task.journey, "refused": str(error)}
    if file.exists():
        kept: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
        if (kept["digest"], kept["customers"]) == (digest_of(scenario), task.customers):
            return kept
    record = record_of(task.number, task.journey, scenario)
    part = file.with_suffix(".part")
    part.write_text(json.dumps(record) + "\n", encoding="utf-8")
    part.replace(file)
    return record


def main() -> None:
    """Run the study."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--policies", type=int, default=200)
    parser.add_argument("--customers", type=int, help=f"by default {DEFAULT_CUSTOMERS:,}, and {CUSTOMERS['b2b']:,} for b2b")
    parser.add_argument("--journeys", default=",".join(JOURNEYS))
    parser.add_argument("--jobs", type=int, default=1, help="number of processes")
    parser.add_argument("--runs", type=Path, default=ROOT / "runs" / "attribution_methods", help="folder of the figures of each policy")
    parser.add_argument("--out", type=Path, default=ROOT / "reports" / "attribution_methods", help="folder of the report")
    given = parser.parse_args()
    given.runs.mkdir(parents=True, exist_ok=True)
    journeys = given.journeys.split(",")
    tasks = [
        Task(number, journey, given.customers or CUSTOMERS.get(journey, DEFAULT_CUSTOMERS), given.runs)
        for number in range(1, given.policies + 1)
        for journey in [journeys[(number - 1) % len(journeys)]]
    ]
    records: list[dict[str, Any]] = []
    with ProcessPoolExecutor(given.jobs) as pool:
        for record in pool.map(simulated, tasks):
            records.append(record)
            print(f"{record['policy']}/{given.policies} {record['journey']} {record.get('refused', '')}", file=sys.stderr, flush=True)
    print(write_report(records, given.out))


if __name__ == "__main__":
    main()

"""Claim: the credit of attribution rules is a poor measure of incremental revenue, and decisions based on it are often wrong.

Random policies of the five shipped journeys: each starts from one of the journey's policies, leaves out about a quarter of its flows and
broadcasts, halves to doubles each wait, and sends broadcasts every one to four weeks. Each channel, flow and broadcast that is left is
switched off for the same customers, which gives its incremental revenue, cost and CLV. The rules credit revenue from the event log.

- R^2: squared correlation between credited and incremental revenue over touchpoints, both relative to the revenue of the policy. Each
  policy has sampling error in its incremental revenue, so even a perfect method has an R^2 below 1: the `ceiling`.
- Wrong decision: a rule keeps a touchpoint if its credited revenue, times the margin share, exceeds its cost. That is wrong if its effect
  on CLV has the opposite sign. Only touchpoints count whose interval of the effect on CLV excludes 0.
- `ab_test`: the estimate of an A/B test with `--test-size` customers, drawn from its normal distribution around the true effect. Its sign
  decides.

Intervals are from a bootstrap over policies. Published: last click R^2 .19, wrong decisions 12 to 20 % (NBER working paper 35044).

Run: `python experiments/attribution_methods.py [--policies N] [--customers C] [--journeys a,b] [--window DAYS] [--out DIR]`.
"""

import argparse
import json
import math
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from published_findings import ROOT, Z95

import cjsim as cj
from cjsim.attribution.rule_set import RULES
from cjsim.attribution.switch_off import Touchpoint, switch_off
from cjsim.errors import InputError
from cjsim.scenario.kinds.steps import WaitStep
from cjsim.scenario.traversal import policy_steps
from cjsim.yaml.paths import path_text

JOURNEYS = ("shop", "saas", "subscription", "b2b", "retail")
VARIANTS = ("", "_better", "_cautious", "_zealous")
KINDS = ("channel", "flow", "broadcast")
LEFT_OUT = 0.25
RESAMPLES = 1000
FloatArray = NDArray[np.float64]


class Row(NamedTuple):
    """One touchpoint under one policy. Money per customer, except where relative to the revenue of the policy."""

    policy: int
    journey: str
    kind: str
    touchpoint: str
    credited: dict[str, float]  # by method, relative
    incremental: float  # relative
    error: float  # standard error of `incremental`
    claimed_gain: dict[str, float]  # by method: credited margin minus cost
    clv: float
    is_decided: bool  # whether the interval of the effect on CLV excludes 0


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
    names = [Touchpoint("flow", name) for name in policy.flows] + [Touchpoint("broadcast", name) for name in policy.broadcasts]
    left_out = rng.random(len(names)) < LEFT_OUT
    left_out[rng.integers(len(names))] = False
    for touchpoint, is_off in zip(names, left_out, strict=True):
        scenario = switch_off(scenario, touchpoint) if is_off else scenario
    return scenario


def rows_of(number: int, journey: str, scenario: cj.Scenario, *, window_days: float, test_size: int) -> Iterator[Row]:
    """The touchpoints of one policy that touched any customer or changed any revenue."""
    found = cj.attribution(
        scenario, only=KINDS, settings=cj.CreditSettings(window_days=window_days), test_size=test_size, before_after=False
    )
    run = cj.simulate(scenario).outcomes.customers
    revenue, margin_share = float(run["revenue"].sum()), float(run["margin"].sum() / max(run["revenue"].sum(), 1e-9))
    rng = np.random.default_rng([number, 7])
    for one in found.touchpoints if revenue > 0 else ():
        effect, clv, cost = (one.incremental[name] for name in ("revenue", "clv", "cost"))
        if one.touches == 0 and effect.value == 0:
            continue
        credited = {rule: credit["revenue"] for rule, credit in one.credits.items()}
        gains = {rule: credit * margin_share - cost.value for rule, credit in credited.items()}
        for name, estimates, truth in (("revenue", credited, effect), ("clv", gains, clv)):
            test = one.ab_test[name]
            estimates["ab_test"] = truth.value + (test.high - test.low) / (2 * Z95) * rng.standard_normal()
        yield Row(
            policy=number,
            journey=journey,
            kind=one.touchpoint.kind,
            touchpoint=one.touchpoint.name,
            credited={method: value / revenue for method, value in credited.items()},
            incremental=effect.value / revenue,
            error=(effect.high - effect.low) / (2 * Z95) / revenue,
            claimed_gain=gains,
            clv=clv.value,
            is_decided=clv.excludes_zero,
        )


def squared_correlation(x: FloatArray, y: FloatArray) -> float:
    """Squared Pearson correlation; nan if a variance is 0."""
    if len(x) < 3 or x.std() == 0 or y.std() == 0:
        return math.nan
    return float(np.corrcoef(x, y)[0, 1] ** 2)


def ceiling(rows: list[Row]) -> float:
    """Share of the variance of incremental revenue that is not sampling error."""
    variance = np.var([row.incremental for row in rows])
    return float(1 - np.mean([row.error**2 for row in rows]) / variance) if variance > 0 else math.nan


def with_interval(rows: list[Row], statistic: Callable[[list[Row]], float], seed: int = 1) -> dict[str, float]:
    """A statistic with its 95 % interval from a bootstrap over policies."""
    by_policy: dict[int, list[Row]] = {}
    for row in rows:
        by_policy.setdefault(row.policy, []).append(row)
    groups, rng = list(by_policy.values()), np.random.default_rng(seed)
    drawn = [
        statistic([row for i in rng.integers(0, len(groups), len(groups)) for row in groups[i]]) for _ in range(RESAMPLES if groups else 0)
    ]
    kept = [one for one in drawn if not math.isnan(one)]
    low, high = np.quantile(kept, [0.025, 0.975]) if kept else (math.nan, math.nan)
    return {"value": statistic(rows), "low": float(low), "high": float(high)}


def summary_of(rows: list[Row], method: str) -> dict[str, Any]:
    """R^2, the share of wrong decisions, and credited over incremental revenue of a method."""
    decided = [row for row in rows if row.is_decided]

    def r_squared(some: list[Row]) -> float:
        return squared_correlation(np.array([row.credited[method] for row in some]), np.array([row.incremental for row in some]))

    def wrong(some: list[Row]) -> float:
        return float(np.mean([(row.claimed_gain[method] > 0) != (row.clv > 0) for row in some])) if some else math.nan

    def overstatement(some: list[Row]) -> float:
        total = sum(row.incremental for row in some)
        return sum(row.credited[method] for row in some) / total if total else math.nan

    return {
        "method": method,
        "r_squared": with_interval(rows, r_squared),
        "wrong_decisions": with_interval(decided, wrong),
        "credited_over_incremental": with_interval(rows, overstatement),
        "touchpoints": len(rows),
        "decided": len(decided),
    }


def table(title: str, rows: list[Row]) -> tuple[str, dict[str, Any]]:
    """The summaries of all methods as text and as plain values."""
    methods = [*(rule.name for rule in RULES), "ab_test"]
    found = [summary_of(rows, method) for method in methods]
    lines = [f"{title}: {len(rows)} touchpoints, {found[0]['decided']} with a decided effect on CLV, ceiling of R^2 {ceiling(rows):.2f}"]
    for one in found:
        cells = [
            f"{one[key]['value']:.2f} [{one[key]['low']:.2f}, {one[key]['high']:.2f}]"
            for key in ("r_squared", "wrong_decisions", "credited_over_incremental")
        ]
        lines.append(f"  {one['method']:<13} R^2 {cells[0]:<20} wrong {cells[1]:<20} credited / incremental {cells[2]}")
    return "\n".join(lines), {"title": title, "ceiling": ceiling(rows), "methods": found}


def main() -> None:
    """Run the study."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--policies", type=int, default=200)
    parser.add_argument("--customers", type=int, default=5000)
    parser.add_argument("--journeys", default=",".join(JOURNEYS))
    parser.add_argument("--test-size", type=int, default=10_000)
    parser.add_argument("--window", type=float, default=7.0)
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    journeys, rows, refused = options.journeys.split(","), [], 0
    for number in range(1, options.policies + 1):
        journey = journeys[(number - 1) % len(journeys)]
        try:
            scenario = random_policy(journey, number, options.customers)
        except InputError as error:
            refused += 1
            print(f"policy {number} ({journey}) is invalid: {error}", file=sys.stderr)
            continue
        rows += list(rows_of(number, journey, scenario, window_days=options.window, test_size=options.test_size))
        print(f"{number}/{options.policies} {journey}: {len(rows)} touchpoints so far", file=sys.stderr)
    selections = {"all": rows} | {kind: [row for row in rows if row.kind == kind] for kind in KINDS}
    selections |= {journey: [row for row in rows if row.journey == journey] for journey in journeys}
    tables = [table(title, some) for title, some in selections.items() if some]
    print(f"{options.policies - refused} policies, {options.customers:,} customers each, window {options.window:g} days\n")
    print("\n\n".join(text for text, _ in tables))
    if options.out:
        options.out.mkdir(parents=True, exist_ok=True)
        settings = {"policies": options.policies, "refused": refused, "customers": options.customers, "window_days": options.window}
        content = {"settings": settings, "summaries": [one for _, one in tables], "rows": [row._asdict() for row in rows]}
        (options.out / "attribution_methods.json").write_text(json.dumps(content, indent=1, default=float) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()

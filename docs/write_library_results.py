"""Writes docs/library_results.md: the shipped firms under their current and improved policies, and what each automation and message does.

    python docs/write_library_results.py [FIRM ...]

What each automation should do is in docs/automations.yaml. The results of firms that are not named are kept in `build/`, if they exist.
The whole page takes about half an hour to write.
"""

import json
import math
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from scipy.stats import t as student

import cjsim as cj
from cjsim.metrics.multiple_testing import holm
from cjsim.metrics.paired_differences import PairedDifference
from cjsim.simulation.switching.switch_off import Touchpoint, switch_off
from cjsim.yaml.tree import read_yaml_file

FOLDER = Path(__file__).resolve().parent
PAGE, DATA, KEPT = FOLDER / "library_results.md", FOLDER / "automations.yaml", FOLDER.parent / "build" / "library_results"
FIRMS = ("shop", "retail", "subscription", "saas", "b2b")
SEED = 501  # a seed that was not used to choose any number of the firms
REPLICATIONS = 5
VALUE_HORIZON = "3y"
METRICS = ("clv", "profit", "retention_90d", "churn", "opt_outs", "satisfaction", "cost", "contacts", "utilisation")
HEAD = f"""# Results of the shipped firms

`docs/write_library_results.py` generates this page. Seed {SEED} was not used to choose any number of the firms.
Intervals are 95 % intervals. Most responses to messages are assumed: [the sources of each number](library.md#sources) are in
the files, and `cjsim assumptions FIRM FIRM_better` shows how much of a difference rests on assumed responses.
"""
POLICIES = f"""## Improved policies against current ones

The same customers under both policies: {REPLICATIONS} replications with independent seeds, Student intervals. `clv over three
years` continues both policies until then for the customers of the first year. Wages, platforms and creative work are paid.

| firm | metric | current policy | improved policy | difference |
|---|---|---|---|---|"""
ABLATIONS = """## What each automation does

Each automation is switched off on the same customers. The effect is that of having it, on the metric that it is meant to
change, and on CLV in dollars a customer. {counts}

| firm | policy | automation | should | effect | does so | effect on CLV |
|---|---|---|---|---|---|---|"""
CARDS = """## Response cards

What each message of the current policies causes per 1,000 deliveries within a year (`cjsim responses FIRM --seed {seed}`),
beside what last touch credits it with. Only the latter can be compared with rates that vendors publish. The last column
counts the kinds of sources of a message's lifts and effects.

| firm | message | deliveries | outcome | incremental | last touch | sources |
|---|---|---|---|---|---|---|"""


class Automation(NamedTuple):
    """An automation of a policy, and the metric that it should raise or lower."""

    firm: str
    policy: str  # the scenario's name
    kind: str  # "flow" or "broadcast"
    name: str
    raises: bool
    metric: str


def automations(firm: str) -> list[Automation]:
    """The automations of a firm: all of the improved policy, then those that only the current one has."""
    aims = read_yaml_file(DATA).plain()[firm]
    found, names = [], set()
    for policy in (f"{firm}_better", firm):
        scenario = cj.Scenario.load(policy).policy
        for kind, of_kind in (("flow", scenario.flows), ("broadcast", scenario.broadcasts)):
            for name in of_kind:
                if name not in names:
                    names.add(name)
                    verb, metric = aims[name].split()
                    found.append(Automation(firm, policy, kind, name, verb == "raises", metric))
    return found


def p_value(effect: PairedDifference) -> float:
    """The two-sided p-value of an effect with a Student interval over replications."""
    half = (effect.high - effect.low) / 2
    if effect.is_zero or math.isnan(effect.effect):
        return 1.0
    return float(2 * student.sf(abs(effect.effect) / half * student.ppf(0.975, REPLICATIONS - 1), REPLICATIONS - 1)) if half else 0.0


def policy_rows(firm: str) -> list[list[str]]:
    """The rows of the first table: metrics under both policies."""
    pair = {"current": cj.Scenario.load(firm), "improved": cj.Scenario.load(f"{firm}_better")}
    year = cj.compare(pair, seed=SEED, replications=REPLICATIONS).alternatives["improved"]
    longer = {name: one.with_values({"value_horizon": VALUE_HORIZON}) for name, one in pair.items()}
    desks = [name for name in year if name.startswith("utilisation[")]
    effects = {name: year[name] for name in (*METRICS, *desks) if name in year}
    effects["clv over three years"] = cj.compare(longer, seed=SEED, replications=REPLICATIONS).alternatives["improved"]["clv"]
    return [[firm, name, *_cells(effect)] for name, effect in effects.items() if not math.isnan(effect.effect)]


def ablation_rows(firm: str) -> list[dict[str, Any]]:
    """The effect of each automation on the metric that it is meant to change and on CLV, with its p-value."""
    rows = []
    for policy in (f"{firm}_better", firm):
        scenario, chosen = cj.Scenario.load(policy), [one for one in automations(firm) if one.policy == policy]
        off = {one.name: switch_off(scenario, Touchpoint(one.kind, one.name)) for one in chosen}  # type: ignore[arg-type]
        if not off:
            continue
        effects = cj.compare({"with all": scenario, **off}, seed=SEED, replications=REPLICATIONS).alternatives
        for one in chosen:
            effect, clv = (effects[one.name][metric].reversed() for metric in (one.metric, "clv"))
            row = one._asdict() | {"effect": _cells(effect)[2], "clv": _cells(clv)[2], "p": p_value(effect)}
            rows.append(row | {"right": (effect.effect > 0) == one.raises})
    return rows


def card_rows(firm: str) -> list[list[str]]:
    """The rows of the response cards of a firm's current policy."""
    rows = []
    for card in cj.responses(firm, seed=SEED).cards:
        for one in card.responses:
            sizes = (f"{x.value:.3g} [{x.low:.3g}, {x.high:.3g}]" for x in (one.incremental, one.last_touch))
            rows.append([firm, f"`{card.message}`", f"{card.deliveries:,}", one.outcome, *sizes, card.source_text])
    return rows


def _cells(effect: PairedDifference) -> list[str]:
    """Baseline, value and difference with its interval."""
    half = (effect.high - effect.low) / 2
    decimals = max(0, 1 - math.floor(math.log10(half))) if half > 0 and math.isfinite(half) else 2
    levels = [f"{value:,.{decimals}f}" for value in (effect.baseline, effect.value)]
    return [*levels, f"{effect.effect:+,.{decimals}f} [{effect.low:+,.{decimals}f}, {effect.high:+,.{decimals}f}]"]


def results(firm: str) -> dict[str, Any]:
    """All results of a firm."""
    return {"policies": policy_rows(firm), "ablations": ablation_rows(firm), "cards": card_rows(firm)}


def page(found: Sequence[dict[str, Any]]) -> str:
    """The text of the page, from the results of the firms."""
    ablations = [row for one in found for row in one["ablations"]]
    clear = holm([row["p"] for row in ablations])
    does = sum(is_clear and row["right"] for row, is_clear in zip(ablations, clear, strict=True))
    harms = sum(is_clear and not row["right"] for row, is_clear in zip(ablations, clear, strict=True))
    counts = (
        f"Of {len(ablations)} automations, {does} clearly do what\nthey should, and {harms} clearly do the opposite, after Holm's"
        f" correction for all {len(ablations)} tests."
    )
    parts = [HEAD, POLICIES, *map(_line, (row for one in found for row in one["policies"])), "", ABLATIONS.format(counts=counts)]
    parts += map(_line, _ablation_lines(ablations, clear))
    parts += ["", CARDS.format(seed=SEED), *map(_line, (row for one in found for row in one["cards"])), ""]
    return "\n".join(parts)


def _ablation_lines(rows: Sequence[dict[str, Any]], clear: Sequence[bool]) -> Iterator[list[str]]:
    for row, is_clear in zip(rows, clear, strict=True):
        verdict = ("yes" if row["right"] else "no, the opposite") if is_clear else "not clear"
        aim = f"{'raise' if row['raises'] else 'lower'} `{row['metric']}`"
        yield [row["firm"], row["policy"], f"{row['kind']} `{row['name']}`", aim, row["effect"], verdict, row["clv"]]


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def main(firms: Sequence[str]) -> None:
    """Simulate the named firms, or all, and write the page."""
    KEPT.mkdir(parents=True, exist_ok=True)
    for firm in FIRMS:
        kept = KEPT / f"{firm}.json"
        if firm in firms or not firms or not kept.exists():
            kept.write_text(json.dumps(results(firm)), encoding="utf-8")
    PAGE.write_text(page([json.loads((KEPT / f"{firm}.json").read_text(encoding="utf-8")) for firm in FIRMS]), encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])

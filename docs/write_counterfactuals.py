"""Writes docs/counterfactuals.md: what-ifs of the shipped firms beside what practitioners expect.

    python docs/write_counterfactuals.py

The what-ifs are in docs/counterfactuals.yaml. The page takes a few minutes to write.
"""

import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import cjsim as cj
from cjsim.simulation.comparison import Comparison
from cjsim.yaml.tree import read_yaml_file

FOLDER = Path(__file__).resolve().parent
PAGE, DATA = FOLDER / "counterfactuals.md", FOLDER / "counterfactuals.yaml"
SEED = 101  # a seed that was not used to choose any number of the firms
HEAD = """# Counterfactuals: do the firms react as practitioners expect?

Each row changes a shipped firm under its current policy, and compares the same customers with and without the change.
`docs/write_counterfactuals.py` generates this page from `docs/counterfactuals.yaml`, and
`tests/shipped/test_counterfactuals.py` checks it.

`simulated` is the change of the metric in percent of the baseline, with its 95 % interval. In rows that say "of the
effect", it is the effect in percent of the size of another effect, and the interval reflects only the uncertainty of
the first. `expected` is the range that the source or the reason in the last column supports.

{counts}

{size}"""


class WhatIf(NamedTuple):
    """A what-if of a firm: its change, the metric, the expected range in percent, the reason, and why it is still open, if it is."""

    firm: str
    title: str
    values: dict[str, Any]
    metric: str
    low: float
    high: float
    why: str
    share_of: dict[str, Any] | None
    open: str


class Outcome(NamedTuple):
    """The simulated size of a what-if in percent, with its 95 % interval."""

    value: float
    low: float
    high: float


def what_ifs() -> list[WhatIf]:
    """The rows of docs/counterfactuals.yaml, firm by firm."""
    return [
        WhatIf(
            firm=firm,
            title=row["if"],
            values=row["set"],
            metric=row["metric"],
            low=row["expect"][0],
            high=row["expect"][1],
            why=row["why"],
            share_of=row.get("share_of"),
            open=row.get("open", ""),
        )
        for firm, rows in read_yaml_file(DATA).plain().items()
        for row in rows
    ]


def scenarios(firm: str, rows: list[WhatIf]) -> dict[str, cj.Scenario]:
    """The baseline of a firm, and one scenario for each different change."""
    base = cj.Scenario.load(firm)
    found = {"baseline": base}
    for values in (one for row in rows for one in (row.values, row.share_of) if one is not None):
        found.setdefault(name_of(values), changed(base, values))
    return found


def name_of(values: dict[str, Any]) -> str:
    """A name for a change, equal for equal changes."""
    return repr(sorted(values.items()))


def changed(base: cj.Scenario, values: dict[str, Any]) -> cj.Scenario:
    """The scenario with some values changed. A flow that does not exist is added."""
    data = base.to_dict()
    flows = {path: values[path] for path in values if path.startswith("policy.flows.") and path.count(".") == 2}
    for path, flow in flows.items():
        data["policy"].setdefault("flows", {})[path.rpartition(".")[2]] = flow
    return cj.Scenario.from_dict(data).with_values({path: value for path, value in values.items() if path not in flows})


def outcome(comparison: Comparison, row: WhatIf) -> Outcome:
    """The relative change of the metric, or the ratio of two effects with the interval of the first."""
    effect = comparison.alternatives[name_of(row.values)][row.metric]
    whole = effect.baseline if row.share_of is None else comparison.alternatives[name_of(row.share_of)][row.metric].effect
    scale = 100 / abs(whole)
    ends = sorted((scale * effect.low, scale * effect.high))
    return Outcome(scale * effect.effect, *ends)


def is_expected(row: WhatIf, found: Outcome) -> bool:
    """Whether the simulated value is in the expected range."""
    return not math.isnan(found.value) and row.low <= found.value <= row.high


def outcomes(firm: str, rows: list[WhatIf]) -> Iterator[tuple[WhatIf, Outcome]]:
    """Simulate the what-ifs of a firm."""
    comparison = cj.compare(scenarios(firm, rows), seed=SEED, replications=1)
    yield from ((row, outcome(comparison, row)) for row in rows)


def row_text(row: WhatIf, found: Outcome) -> str:
    """One row of the table."""
    what = f"{row.title}; `{row.metric}`" + (" of the effect without any" if row.share_of is not None else "")
    size = f"{found.value:+.1f} % [{found.low:+.1f}, {found.high:+.1f}]"
    verdict = "yes" if is_expected(row, found) else f"no: {row.open}" if row.open else "no"
    return f"| {row.firm} | {what} | {row.low:+g} to {row.high:+g} % | {size} | {verdict} | {row.why} |"


def page(found: list[tuple[WhatIf, Outcome]]) -> str:
    """The text of the page."""
    n, met = len(found), sum(is_expected(*one) for one in found)
    counts = f"{met} of {n} changes have the expected direction and size."
    size = f"Seed {SEED}, all customers of each firm, paired. Where customers share desks, intervals treat them as independent."
    table = ["| firm | what if | expected | simulated | as expected | source or reason |", "|---|---|---|---|---|---|"]
    return "\n".join([HEAD.format(counts=counts, size=size), "", *table, *(row_text(*one) for one in found), ""])


def simulated_page() -> str:
    """Simulate all what-ifs, and return the page."""
    rows = what_ifs()
    firms = dict.fromkeys(row.firm for row in rows)
    return page([one for firm in firms for one in outcomes(firm, [row for row in rows if row.firm == firm])])


if __name__ == "__main__":
    PAGE.write_text(simulated_page(), encoding="utf-8")

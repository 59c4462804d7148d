"""Figures and report page of `attribution_methods.py`."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from attribution_statistics import (
    MAIN,
    METHODS,
    Estimate,
    Row,
    anyway_sums,
    rows_of,
    share_anyway,
    share_incremental,
    share_touched,
    summary_of,
    sums_by_policy,
    with_interval,
    wrong_decisions,
)
from published_findings import Finding, ratio_with_interval, write_findings_report

from cjsim.attribution.rule_set import RULES

Table = list[dict[str, Any]]
Records = Sequence[dict[str, Any]]
TITLES = {rule.name: rule.title for rule in RULES} | {
    "per_open": "equal per open",
    "ab_test_10000": "A/B test, 10,000",
    "ab_test_1000000": "A/B test, 1,000,000",
    "keep_all": "keep all",
}
KINDS = ("channel", "flow", "broadcast")
CAMPAIGNS = ("flow", "broadcast")
SETTINGS = ("opened 30", "opened 7", "clicked 30", "clicked 7")
WITHOUT_B2B = "campaigns without b2b"
R_SQUARED_WHY = "credit follows opens and intent, not effects; in b2b, the first sales call gets little credit for all revenue"
PUBLISHED_R_SQUARED, PUBLISHED_WRONG, PUBLISHED_RATIO = 0.19, (0.12, 0.20), (2.0, 4.0)

DEFINITIONS = """Published: Gordon, Moakler and Zettelmeyer (2026), NBER working paper 35044, on 2,226 ad experiments. There, R² says how
well last click (7 days) predicts incremental conversions per dollar out of sample, and a wrong decision is one that differs from the
decision based on the experiment. Only the abstract was available, so these definitions are our own:

- **R²**: squared correlation of credited and incremental revenue over touchpoints, both as shares of the policy's revenue. They are not
  divided by cost, because emails cost next to nothing. **At face value**: credit as a prediction of incremental revenue, without
  rescaling; below 0 if the mean predicts better. The **ceiling** is the share of the variance that is not sampling error. The
  **rank correlation** is Spearman's, which outliers do not dominate.
- **Wrong decision**: a rule keeps a touchpoint if credited revenue times the margin share exceeds its cost. That is wrong if its effect on
  CLV has the opposite sign. Only touchpoints whose interval excludes 0 are counted ("decided").
- **A/B test**: its estimates are drawn from normal distributions around the measured effects. It decides by the sign of that on CLV.
- Touchpoints that no customer opened are left out. The intervals below are from a bootstrap over policies."""


def selections_of(rows: Sequence[Row]) -> dict[str, list[Row]]:
    """Rows of campaigns (flows and broadcasts), of each kind of touchpoint, and of the campaigns of each journey."""
    campaigns = [row for row in rows if row.kind in CAMPAIGNS]
    by_kind = {kind: [row for row in rows if row.kind == kind] for kind in KINDS}
    journeys = dict.fromkeys(row.journey for row in rows)
    without_b2b = {WITHOUT_B2B: [row for row in campaigns if row.journey != "b2b"]}
    return {"campaigns": campaigns} | without_b2b | by_kind | {name: [row for row in campaigns if row.journey == name] for name in journeys}


def method_rows(records: Records) -> Table:
    """One row per setting, method and selection, with the statistics and their intervals."""
    table: Table = []
    for setting in SETTINGS:
        for method in METHODS:
            for name, rows in selections_of(rows_of(records, method, setting)).items():
                counts = {"policies": len({row.policy for row in rows}), "n": len(rows), "decided": sum(row.is_decided for row in rows)}
                cells = {
                    key + end: value
                    for key, estimate in summary_of(rows).items()
                    for end, value in zip(("", "_low", "_high"), estimate, strict=True)
                }
                table.append({"setting": setting, "method": method, "selection": name, **counts, **cells})
    return table


def cell(table: Table, setting: str, method: str, selection: str = "campaigns") -> dict[str, Any]:
    """The row of a setting, method and selection."""
    return next(row for row in table if (row["setting"], row["method"], row["selection"]) == (setting, method, selection))


def estimate_of(row: dict[str, Any], key: str) -> Estimate:
    """One statistic of a row."""
    return Estimate(row[key], row[f"{key}_low"], row[f"{key}_high"])


def journey_rows(records: Records) -> Table:
    """For each journey: the revenue that is credited, that campaigns add, and that would have come anyway."""
    table: Table = []
    for name in ("all", *dict.fromkeys(one["journey"] for one in records)):
        sums = anyway_sums(one for one in records if name in ("all", one["journey"]))
        shares = {"touched": share_touched, "incremental": share_incremental, "anyway": share_anyway}
        cells = {key: with_interval(sums, statistic) for key, statistic in shares.items()}
        table.append({"journey": name, "policies": len(sums), **cells})
    return table


def fewer_wrong_decisions(records: Records, method: str, other: str, setting: str = MAIN) -> Estimate:
    """Share of wrong decisions of the other method, minus that of the method, for the same campaigns."""
    sums = [sums_by_policy(selections_of(rows_of(records, name, setting))["campaigns"]) for name in (method, other)]
    width = sums[0].shape[1]
    return with_interval(np.hstack(sums), lambda both: wrong_decisions(both[..., width:]) - wrong_decisions(both[..., :width]))


def findings_of(table: Table) -> list[Finding]:
    """The published figures, compared with those of the simulated policies."""
    low, high = PUBLISHED_WRONG
    findings = []
    for setting, touch in (("clicked 7", "last click, 7 days"), (MAIN, "last open, 30 days")):
        row = cell(table, setting, "last")
        found, wrong, ratio = (estimate_of(row, key) for key in ("r_squared", "wrong", "ratio"))
        kept, harmful = (estimate_of(cell(table, setting, method), "wrongly_kept").value for method in ("last", "keep_all"))
        inside = estimate_of(cell(table, setting, "last", WITHOUT_B2B), "ratio")
        findings += [
            _finding(f"{touch}: R²", f"{PUBLISHED_R_SQUARED}", found, (PUBLISHED_R_SQUARED, PUBLISHED_R_SQUARED), row["n"], R_SQUARED_WHY),
            _finding(
                f"{touch}: wrong decisions",
                f"{low:g} to {high:g}",
                wrong,
                PUBLISHED_WRONG,
                row["decided"],
                f"{kept:.2f} are kept but harmful (of {harmful:.2f} that are harmful), {wrong.value - kept:.2f} are dropped but useful",
            ),
            _finding(f"{touch}: credited / incremental", "2 to 4 (trade press)", ratio, PUBLISHED_RATIO, row["n"], f"without b2b {inside}"),
        ]
    return findings


def _finding(statement: str, published: str, found: Estimate, span: tuple[float, float], n: int, why: str) -> Finding:
    return Finding(statement, published, *found, n, found.low <= span[1] and found.high >= span[0], why)


def methods_figure(table: Table, caption: str, path: Path) -> None:
    """Draw R^2 and the share of wrong decisions by method, for campaigns, beside the published figures of last click."""
    import matplotlib as mpl
    import seaborn as sns

    mpl.use("Agg")
    from matplotlib import pyplot as plt

    sns.set_theme(style="whitegrid", palette="colorblind")
    drawn, panels = plt.subplots(1, 2, figsize=(10, 4.6), sharey=True)
    titles = [TITLES[method] for method in METHODS]
    for panel, key in zip(panels, ("r_squared", "wrong"), strict=True):
        for i, (setting, label) in enumerate(((MAIN, "opens, 30 days"), ("clicked 7", "clicks, 7 days"))):
            found = [estimate_of(cell(table, setting, method), key) for method in METHODS]
            spans = np.array([[one.value - one.low, one.high - one.value] for one in found]).T.clip(0)
            at = np.arange(len(METHODS)) + 0.2 * (2 * i - 1)
            panel.errorbar([one.value for one in found], at, xerr=spans, fmt="os"[i], markersize=5, capsize=2, label=label)
    panels[0].axvline(PUBLISHED_R_SQUARED, color="0.3", linestyle="--", label="published, last click")
    panels[1].axvspan(*PUBLISHED_WRONG, color="0.3", alpha=0.25, linewidth=0, label="published, last click")
    panels[0].axvline(cell(table, MAIN, "last")["ceiling"], color="0.3", linestyle=":", label="ceiling")
    panels[0].set(xlabel="R² of credited and incremental revenue", xlim=(0, 1.02), yticks=range(len(METHODS)), yticklabels=titles)
    panels[1].set(xlabel="share of wrong decisions", xlim=(0, None))
    panels[0].invert_yaxis()
    panels[0].legend(fontsize=8, loc="center right", framealpha=1)
    drawn.text(0.01, 0.008, caption, fontsize=7)
    drawn.tight_layout(rect=(0, 0.03, 1, 1))
    drawn.savefig(path, dpi=90, metadata={"Software": None})
    plt.close(drawn)


def credit_figure(rows: Sequence[Row], caption: str, path: Path) -> None:
    """Draw credited against incremental revenue of each campaign under each policy, for the last touch."""
    import matplotlib as mpl
    import pandas as pd
    import seaborn as sns

    mpl.use("Agg")
    from matplotlib import pyplot as plt

    sns.set_theme(style="whitegrid", palette="colorblind")
    drawn, axes = plt.subplots(figsize=(7.5, 6))
    data = pd.DataFrame([row._asdict() for row in rows]).assign(
        credited=lambda some: 100 * some["credited"], incremental=lambda some: 100 * some["incremental"]
    )
    sns.scatterplot(data, x="incremental", y="credited", hue="journey", style="kind", s=22, alpha=0.7, linewidth=0, ax=axes)
    line = np.concatenate([-np.geomspace(50, 0.01, 60), [0.0], np.geomspace(0.01, 50, 60)])
    axes.plot(line, line, color="0.3", linewidth=1, label="credited = incremental")
    axes.set_xscale("symlog", linthresh=0.1)
    axes.set_yscale("symlog", linthresh=0.1)
    axes.set(xlabel="incremental revenue (% of the policy's revenue)", ylabel="credited revenue, last touch (% of the policy's revenue)")
    axes.set_ylim(-0.02, None)
    axes.legend(frameon=False, fontsize=8, bbox_to_anchor=(1, 1), loc="upper left")
    drawn.text(0.01, 0.008, caption, fontsize=7)
    drawn.tight_layout(rect=(0, 0.03, 1, 1))
    drawn.savefig(path, dpi=90, metadata={"Software": None})
    plt.close(drawn)


def markdown_table(header: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    """A table in Markdown."""
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join(f"| {' | '.join(map(str, line))} |" for line in lines)


def methods_text(table: Table) -> str:
    """R^2 and wrong decisions of campaigns by method."""
    rows = []
    for method in METHODS:
        by_setting = [cell(table, setting, method) for setting in (MAIN, "clicked 7")]
        is_credit = method != "keep_all"
        rows.append(
            [
                TITLES[method],
                *(estimate_of(row, key) if is_credit else "-" for key in ("r_squared", "rank") for row in by_setting),
                *(estimate_of(row, "wrong") for row in by_setting),
            ]
        )
    header = ("method", "R², opens", "R², clicks", "rank correlation, opens", "clicks", "wrong, opens", "clicks")
    return markdown_table(header, rows)


def selections_text(table: Table) -> str:
    """Last touch by kind of touchpoint and by journey."""
    rows = []
    for row in table:
        if (row["setting"], row["method"]) == (MAIN, "last"):
            keys = ("ceiling", "r_squared", "rank", "wrong", "wrongly_kept")
            rows.append(
                [
                    row["selection"],
                    f"{row['n']:,}",
                    *(estimate_of(row, key) for key in keys),
                    f"{row['decided']:,}",
                    estimate_of(cell(table, MAIN, "keep_all", row["selection"]), "wrong"),
                    estimate_of(row, "ratio"),
                ]
            )
    header = (
        "",
        "n",
        "ceiling of R²",
        "R²",
        "rank correlation",
        "wrong",
        "kept but harmful",
        "n decided",
        "harmful",
        "credited / incremental",
    )
    return markdown_table(header, rows)


def settings_text(table: Table) -> str:
    """Last touch of campaigns by kind of touch and look-back window."""
    rows = []
    for setting in SETTINGS:
        row, (touch, days) = cell(table, setting, "last"), setting.split()
        rows.append([f"{touch}, {days} days", *(estimate_of(row, key) for key in ("r_squared", "face_value", "rank", "wrong", "ratio"))])
    return markdown_table(("touches", "R²", "R² at face value", "rank correlation", "wrong", "credited / incremental"), rows)


def journeys_text(rows: Table) -> str:
    """What is credited, what campaigns add, and what would have come anyway, by journey."""
    cells = [[row["journey"], row["policies"], *(row[key] for key in ("touched", "incremental", "anyway"))] for row in rows]
    return markdown_table(
        ("journey", "policies", "revenue with a touch", "incremental revenue", "of credited revenue, came anyway (at least)"), cells
    )


def gaps_text(rows: Sequence[Row], count: int = 12) -> str:
    """The campaigns whose credit is furthest from their effect, summed over policies; means in % of revenue."""
    groups: dict[str, list[Row]] = {}
    for row in rows:
        groups.setdefault(f"{row.journey}: {row.touchpoint}", []).append(row)
    gaps = {name: abs(sum(row.credited - row.incremental for row in some)) for name, some in groups.items()}
    cells = []
    for name in sorted(groups, key=lambda one: -gaps[one])[:count]:
        some = groups[name]
        spans = [
            ratio_with_interval(100 * np.array(values)) for values in zip(*((row.credited, row.incremental) for row in some), strict=True)
        ]
        cells.append([name, some[0].kind, len(some), *(f"{value:.1f} [{low:.1f}, {high:.1f}]" for value, low, high in spans)])
    return markdown_table(("campaign", "", "policies", "credited, % of revenue", "incremental, % of revenue"), cells)


def write_report(records: Records, out: Path) -> str:
    """Write the figures, `report.md`, `findings.json` and the tables.

    Parameters
    ----------
    records : sequence of dict
        Records of the policies, and of refused ones.
    out : Path
        The folder; created if it does not exist.

    Returns
    -------
    str
        The report page.
    """
    kept = [record for record in records if "refused" not in record]
    table, journeys = method_rows(kept), journey_rows(kept)
    rows = selections_of(rows_of(kept, "last"))["campaigns"]
    out.mkdir(parents=True, exist_ok=True)
    counts = f"{len(rows):,} campaigns under {len({row.policy for row in rows})} random policies"
    methods_figure(table, f"{counts}; 95 % intervals from a bootstrap over policies", out / "methods.png")
    credit_figure(rows, f"{counts}; touches: opens in the 30 days before a purchase", out / "credit.png")
    return write_findings_report(
        "attribution_methods",
        "Attribution rules compared with incremental revenue",
        introduction(records, kept, table, journeys),
        findings_of(table),
        {
            "methods": table,
            "touchpoints": [row._asdict() for row in rows_of(kept, "last")],
            "policies": [{key: one[key] for key in ("policy", "journey", "customers", "revenue", "revenue_without")} for one in kept],
        },
        out,
    )


def summary_text(table: Table) -> str:
    """The main results of last touch, in a paragraph."""
    click, opened, everything = (cell(table, *key) for key in (("clicked 7", "last"), (MAIN, "last"), (MAIN, "keep_all")))
    credit, clicks, wrong, more_wrong = (estimate_of(row, key) for key in ("r_squared", "wrong") for row in (opened, click))
    return f"""Credit says little about effects here, and less than published. R² of last touch is {credit} for opens in 30 days and
{clicks} for clicks in 7 days (published: {PUBLISHED_R_SQUARED}). A firm that follows last touch makes the wrong decision for a share of
{wrong} (opens) and {more_wrong} (clicks) of the campaigns (published: {PUBLISHED_WRONG[0]:.2f} to {PUBLISHED_WRONG[1]:.2f}).
A firm that keeps every campaign makes the wrong decision for {estimate_of(everything, "wrong")}."""


def why_text(kept: Records) -> str:
    """What makes credit uninformative in these journeys."""
    last, per_open = (selections_of(rows_of(kept, method))[WITHOUT_B2B] for method in ("last", "per_open"))
    pairs = [one._replace(incremental=other.credited) for one, other in zip(last, per_open, strict=True)]
    opens = summary_of(pairs)["r_squared"]
    return f"""- **Most credited purchases would have happened anyway.** Customers also buy without touches, but rules credit every
  purchase that follows an open.
- **Credit counts opens.** Without b2b, the R² of last-touch credit and equal credit for every open is {opens}. Frequent broadcasts
  therefore get the most credit, even where they annoy customers and lower revenue.
- **Touches follow intent.** Reminders of carts and visits reach customers who are about to buy (`cart`, `cart_abandonment`).
- **Effects outside the path get no credit.** Help for users of a trial, sales calls and nurture series act through later stages, calls
  and renewals, months after the last open. In b2b, nobody buys without the first sales call (`sales_touch`).
- **A campaign that costs next to nothing is always kept**, so harmful ones are found only if their cost is noticeable. Rules drop useful
  campaigns if these cost something and act late.
- **A small A/B test is no remedy**: most effects are too small for 10,000 customers. Its errors are random, however, and shrink with its
  size; those of rules do not."""


def introduction(records: Records, kept: Records, table: Table, journeys: Table) -> str:
    """The text before the findings."""
    customers = ", ".join(f"{name} {count:,}" for name, count in dict.fromkeys((one["journey"], one["customers"]) for one in kept))
    campaigns = selections_of(rows_of(kept, "last"))["campaigns"]
    comparisons = [
        (TITLES[method], TITLES[other], fewer_wrong_decisions(kept, method, other))
        for method, other in (("last", "keep_all"), ("ab_test_10000", "last"), ("ab_test_1000000", "last"))
    ]
    refused, without_revenue = len(records) - len(kept), sum(one["revenue"] <= 0 for one in kept)
    shared = ", ".join(dict.fromkeys(one["journey"] for one in kept if one["has_shared_resources"]))
    return f"""{summary_text(table)}

{len(kept)} random policies of the five shipped journeys (`--policies {len(records)}`; {refused} were invalid).
Customers per policy: {customers} (in b2b, 5,000 buy too rarely).
Each policy leaves out about a quarter of its flows and broadcasts, halves to doubles each wait, and sends broadcasts every one to four
weeks. Each touchpoint is switched off for the same customers, which gives its incremental revenue and CLV. {without_revenue} policies
have no revenue (b2b without sales calls) and are left out.

{DEFINITIONS}
- Customers share desks or budgets in these journeys: {shared or "none"}. The intervals that decide whether an effect counts
  ignore the resulting dependence.

## Methods

Flows and broadcasts. Opens: 30 days before the purchase; clicks: 7 days. A/B tests are named by their numbers of customers.

{methods_text(table)}

Paired over the same campaigns (opens, 30 days):

{markdown_table(("method", "instead of", "fewer wrong decisions"), comparisons)}

## Where last touch is right or wrong

Opens, 30 days. "Harmful" is the share of decided touchpoints that lower CLV, and so the share of wrong decisions of a firm that keeps all.
"No bound": the incremental revenue may be 0.

{selections_text(table)}

Last touch of flows and broadcasts, by kind of touch and look-back window:

{settings_text(table)}

## Why

{why_text(kept)}

{journeys_text(journeys)}

The campaigns with the largest difference between last-touch credit (opens, 30 days) and effect, over all policies:

{gaps_text(campaigns)}

## Published figures
"""

"""Claim: a third of the shop's customers order again within a year of their first order, and the repeat rate rises with each further order.

The shop is simulated under its current policy for several years. Only orders with a full year of observation count; orders of the
last year do not. A rung of the repeat ladder is P(next order within 365 days of this one).

Published: 32, 53, 64, .. 83 % from the first order to the tenth; $154 spent in the year from the first order, 69 % of it in the first 30
days (RJMetrics 2015, 18 million customers, a secondary source).

Tuned: lapse and return rates (three waits of the journey without a source), to the first three rungs. The other rungs and the spend were
visible during tuning, but no parameter was tuned to them.

Customers who reach a ninth order within the observed years buy faster than those who reach it later; `variants` therefore has a longer
horizon, too.

Run: `python experiments/e07_repeat.py [--customers N] [--seeds K] [--out DIR]`.
"""

import argparse
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from event_arrays import simulate_events
from numpy.typing import NDArray
from published_findings import ROOT, Finding, ratio_with_interval, write_findings_report

import cjsim as cj

YEAR, YEARS, LONGER, MONTH = 365, 4, 8, 30
ORDERS = 10  # analyzed per customer
PUBLISHED = {1: 32, 2: 53, 3: 64, 9: 83}  # %, by the order at the start of the rung
CALIBRATED_ORDERS = (1, 2, 3)
TOLERANCE_POINTS = 3.0  # in points: a share this close to the published one counts as reproduced
SPEND, SPEND_TOLERANCE, EARLY_SHARE = 154.0, 10.0, 69.0  # money; money; %
# Sensitivity of the ladder: the shop with some of its values changed
VARIANTS: dict[str, dict[str, Any]] = {
    "as shipped": {},
    "pauses after 80 and 200 days, returns after 240 (before)": {
        "journey.events.drift_off.wait": {"exponential": "80d"},
        "journey.events.lapse.wait": {"exponential": "200d"},
        "journey.events.returns.wait": {"exponential": "240d"},
    },
    "nobody pauses": {"journey.events.drift_off.wait": "never", "journey.events.lapse.wait": "never"},
    "who pauses does not come back": {"journey.events.returns.wait": "never"},
    "all are equally curious": {"journey.traits.curiosity": {"fixed": 1.0}},
    "curiosity differs more (shape 0.5, not 1)": {"journey.traits.curiosity": {"gamma": {"mean": 1.0, "shape": 0.5}}},
}

Floats = NDArray[np.float64]


class BuyerHistories(NamedTuple):
    """All buyers: days of their first orders, and spend in the year and in the month from the first order."""

    orders: Floats  # (n_buyers, ORDERS), days since the start; inf where there is none
    first_year_spend: Floats  # (n_buyers,), money
    first_month_spend: Floats  # (n_buyers,), money


def simulate_buyers(customers: int, seed: int, values: Mapping[str, Any] | None = None, years: int = YEARS) -> BuyerHistories:
    """Simulate the shop under its current policy, with some values replaced."""
    shop = cj.Scenario.load(ROOT / "configs" / "scenarios" / "shop.yaml")
    shop = shop.with_values({"customers": customers, "horizon": f"{years * YEAR}d", **(values or {})})
    return histories_from_orders(*simulate_events(shop, seed, ("order",))["order"])


def histories_from_orders(customer: NDArray[np.int64], day: Floats, value: Floats) -> BuyerHistories:
    """Group orders by customer; the arrays have shape (n_orders,) and are sorted by customer, then by time."""
    _, begins, of, count = np.unique(customer, return_index=True, return_inverse=True, return_counts=True)
    ordinal = np.arange(len(customer)) - np.repeat(begins, count)
    orders = np.full((len(begins), ORDERS), np.inf)
    kept = ordinal < ORDERS
    orders[of[kept], ordinal[kept]] = day[kept]
    since = day - orders[of, 0]
    year, month = (np.bincount(of, weights=value * (since <= days), minlength=len(begins)) for days in (YEAR, MONTH))
    return BuyerHistories(orders, year, month)


def repeat_indicator(histories: BuyerHistories, number: int, years: int = YEARS) -> Floats:
    """For each customer whose order `number` was observed for a year: 1 if the next order came within that year, else 0."""
    this, after = histories.orders[:, number - 1], histories.orders[:, number]
    observed = this <= (years - 1) * YEAR
    return (after[observed] - this[observed] <= YEAR).astype(np.float64)


def repeat_rates(found: Sequence[BuyerHistories], years: int = YEARS) -> list[dict[str, Any]]:
    """Each rung in %, with its interval and the smallest and largest value of a seed."""
    rows = []
    for number in range(1, ORDERS):
        seeds = [repeat_indicator(of, number, years) for of in found]
        share, low, high = (100 * x for x in ratio_with_interval(np.concatenate(seeds)))
        spread = [100 * float(of.mean()) for of in seeds if len(of)]
        row: dict[str, Any] = {"order": number, "share": share, "low": low, "high": high, "published": PUBLISHED.get(number, "")}
        rows.append(row | {"least_seed": min(spread), "largest_seed": max(spread), "n": sum(map(len, seeds))})
    return rows


def findings_of(found: Sequence[BuyerHistories], years: int = YEARS) -> list[Finding]:
    """The published rungs and spend, and ours."""
    rows = repeat_rates(found, years)
    findings = []
    for number, published in PUBLISHED.items():
        row = rows[number - 1]
        near = row["low"] - TOLERANCE_POINTS <= published <= row["high"] + TOLERANCE_POINTS
        why = f"seeds {row['least_seed']:.3g} to {row['largest_seed']:.3g}" + ("; tuned" if number in CALIBRATED_ORDERS else "; not tuned")
        statement = f"order {number + 1} within a year of order {number}, %"
        findings.append(Finding(statement, f"{published} %", row["share"], row["low"], row["high"], row["n"], near, why))
    observed = [of.orders[:, 0] <= (years - 1) * YEAR for of in found]
    year = np.concatenate([of.first_year_spend[seen] for of, seen in zip(found, observed, strict=True)])
    month = np.concatenate([of.first_month_spend[seen] for of, seen in zip(found, observed, strict=True)])
    spend = ratio_with_interval(year)
    near = spend[1] - SPEND_TOLERANCE <= SPEND <= spend[2] + SPEND_TOLERANCE
    findings.append(Finding("spend in the year from the first order, in dollars", f"${SPEND:.0f}", *spend, len(year), near, "not tuned"))
    early = [100 * x for x in ratio_with_interval(month, year)]
    near = early[1] - TOLERANCE_POINTS <= EARLY_SHARE <= early[2] + TOLERANCE_POINTS
    why = "second orders wait for a visit at the customer's own pace; the model has no burst of orders in the first weeks"
    statement = "share of it in the first 30 days, %"
    findings.append(Finding(statement, f"{EARLY_SHARE:.0f} %", early[0], early[1], early[2], len(year), near, "" if near else why))
    return findings


def variant_rows(customers: int, seed: int) -> list[dict[str, Any]]:
    """The rungs of each variant, in %, on one population."""
    rows = []
    tried = [(name, values, YEARS) for name, values in VARIANTS.items()] + [(f"seen for {LONGER} years, not {YEARS}", {}, LONGER)]
    for name, values, years in tried:
        of = simulate_buyers(customers, seed, values, years)
        row: dict[str, Any] = {"variant": name}
        for number in (1, 2, 3, 6, 9):
            share, low, high = (100 * x for x in ratio_with_interval(repeat_indicator(of, number, years)))
            row |= {f"order_{number}": share, f"order_{number}_low": low, f"order_{number}_high": high}
        rows.append(row | {"buyers": len(of.orders)})
    return rows


def figure(rows: list[dict[str, Any]], others: list[dict[str, Any]], path: Path) -> None:
    """Draw the ladder with intervals and published points, and the ladders of the variants."""
    import matplotlib as mpl
    import seaborn as sns

    mpl.use("Agg")
    from matplotlib import pyplot as plt

    sns.set_theme(style="whitegrid", palette="colorblind")
    drawn, (left, right) = plt.subplots(1, 2, figsize=(9, 4), sharey=True)
    at = [row["order"] for row in rows]
    left.fill_between(at, [row["least_seed"] for row in rows], [row["largest_seed"] for row in rows], alpha=0.2, label="spread of seeds")
    errors = [[row["share"] - row["low"] for row in rows], [row["high"] - row["share"] for row in rows]]
    left.errorbar(at, [row["share"] for row in rows], yerr=errors, marker="o", markersize=4, label="simulated")
    left.scatter(list(PUBLISHED), list(PUBLISHED.values()), color="black", marker="x", zorder=3, label="RJMetrics 2015")
    left.set(xlabel="orders so far", ylabel="% who order again within a year", ylim=(0, 100))
    left.legend(frameon=False, fontsize=8, loc="lower right")
    numbers = [int(key.removeprefix("order_")) for key in others[0] if key.removeprefix("order_").isdigit()]
    for row in others:
        right.plot(numbers, [row[f"order_{number}"] for number in numbers], marker=".", label=row["variant"])
    right.set(xlabel="orders so far")
    right.legend(frameon=False, fontsize=7, loc="lower right")
    caption = f"95 % intervals; {rows[0]['n']:,} customers with a first order on the left, {others[0]['buyers']:,} on the right"
    drawn.text(0.01, 0.005, caption, fontsize=7)
    drawn.tight_layout(rect=(0, 0.03, 1, 1))
    drawn.savefig(path, dpi=80, metadata={"Software": None})
    plt.close(drawn)


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--customers", type=int, default=20_000)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--out", type=Path, default=ROOT / "reports" / "e07_repeat")
    given = parser.parse_args()
    found = [simulate_buyers(given.customers, seed) for seed in range(1, given.seeds + 1)]
    tables = {"ladder": repeat_rates(found), "variants": variant_rows(given.customers, 1)}
    given.out.mkdir(parents=True, exist_ok=True)
    figure(tables["ladder"], tables["variants"], given.out / "ladder.png")
    words = f"""The shop under its current policy: {given.seeds} populations of {given.customers:,} customers, {YEARS} years.
An order counts if it was followed by a full year of observation.
The tolerance is {TOLERANCE_POINTS:.0f} points for shares and ${SPEND_TOLERANCE:.0f} for spend.
Three waits of the journey (lapse and return rates) were tuned to the first three rungs.
`variants.csv`, on the right, shows the sensitivity of the ladder; the last rung is lower over a longer horizon."""
    print(write_findings_report("e07_repeat", "E07: the repeat-purchase ladder", words, findings_of(found), tables, given.out))


if __name__ == "__main__":
    main()

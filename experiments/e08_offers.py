"""Offers that backfire: a proactive churn offer (e08_sleeping_dogs.py), and a coupon for everyone (e08_coupon.py).

Run: `python experiments/e08_offers.py [--customers N] [--seeds K] [--out DIR]`.
"""

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import e08_coupon
import e08_sleeping_dogs
from published_findings import ROOT, Finding, write_findings_report


def figure(churn: list[dict[str, Any]], coupon: list[dict[str, Any]], path: Path) -> None:
    """Draw churn with and without the offer by group (left), and the margin and discounts of the coupon (right), with intervals."""
    import matplotlib as mpl
    import seaborn as sns

    mpl.use("Agg")
    from matplotlib import pyplot as plt

    sns.set_theme(style="whitegrid", palette="colorblind")
    drawn, (left, right) = plt.subplots(1, 2, figsize=(10, 4), width_ratios=(3, 2))
    places = range(len(churn))
    left.plot([row["left"] for row in churn], places, "o", label="nobody asked")
    errors = [[row["change"] - row["low"] for row in churn], [row["high"] - row["change"] for row in churn]]
    left.errorbar([row["left_asked"] for row in churn], places, xerr=errors, fmt="s", label="all asked; 95 % of the difference")
    left.set_yticks(places, [row["group"].replace("_", " ") for row in churn])
    left.invert_yaxis()
    left.set(xlabel="share who give notice within 90 days", xlim=(0, None))
    left.legend(frameon=False, loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=2)
    shown = [row for row in coupon if row["what"] in ("margin", "money_off") and row["policy"] != "none" and row["change"] != 0]
    labels = [f"{row['policy']}: {row['what'].replace('_', ' ')}" for row in shown]
    spread = [[row["change"] - row["low"] for row in shown], [row["high"] - row["change"] for row in shown]]
    right.errorbar([row["change"] for row in shown], range(len(shown)), xerr=spread, fmt="o", capsize=3)
    right.axvline(0, color="grey", linewidth=1)
    right.set_yticks(range(len(shown)), labels)
    right.set(xlabel="change, money a customer", ylim=(len(shown) - 0.5, -0.5))
    who = f"{churn[0]['n']:,} subscribers of the news site; {shown[0]['n']:,} customers of the shop"
    drawn.text(0.01, 0.005, f"{who}, paired; intervals are 95 %", fontsize=7)
    drawn.tight_layout(rect=(0, 0.03, 1, 1))
    drawn.savefig(path, dpi=80)
    plt.close(drawn)


def seed_spread_rows(pooled: Sequence[Finding], of_seeds: Sequence[Sequence[Finding]]) -> list[dict[str, Any]]:
    """Each number over all populations, and its smallest and largest value by population."""
    rows = []
    for i, found in enumerate(pooled):
        single = [findings[i].simulated for findings in of_seeds]
        rows.append({"finding": found.statement, "simulated": found.simulated, "least_seed": min(single), "largest_seed": max(single)})
    return rows


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--customers", type=int, default=10_000)
    parser.add_argument("--seeds", type=int, default=4)
    parser.add_argument("--out", type=Path, default=ROOT / "reports" / "e08_offers")
    given = parser.parse_args()
    seeds = range(1, given.seeds + 1)
    chosen = e08_sleeping_dogs.choose_halves(e08_sleeping_dogs.simulate_subscribers(given.customers, [given.seeds + 1]))
    sites = [e08_sleeping_dogs.simulate_subscribers(given.customers, [seed]) for seed in seeds]
    shops = [e08_coupon.outcomes_by_policy(given.customers, [seed]) for seed in seeds]
    subscribers, shop = e08_sleeping_dogs.concatenate_subscribers(sites), e08_coupon.concatenate(shops)
    churn, coupon = e08_sleeping_dogs.churn_rows(subscribers), e08_coupon.coupon_rows(shop)
    given.out.mkdir(parents=True, exist_ok=True)
    figure(churn, coupon, given.out / "offers.png")
    words = f"""On one day, each subscriber of the news site is offered a cheaper plan. On one day, each customer of the shop gets
15 % off for two weeks and an email announcing it. The same customers are also simulated without the offers: {given.seeds} populations
of {given.customers:,} initial customers. In a separate pilot population, the half at risk was `{chosen["at risk"]}` and the half
least moved `{chosen["least moved"]}`, both by data that the company observes. Results by persona, which it does not observe: `churn.csv`.
Spread across populations: `spread.csv`."""
    found = [*e08_sleeping_dogs.findings_of(subscribers, chosen), *e08_coupon.findings_of(shop)]
    of_seeds = [
        [*e08_sleeping_dogs.findings_of(one, chosen), *e08_coupon.findings_of(other)] for one, other in zip(sites, shops, strict=True)
    ]
    tables = {"churn": churn, "coupon": coupon, "spread": seed_spread_rows(found, of_seeds)}
    print(write_findings_report("e08_offers", "E08: offers that backfire", words, found, tables, given.out))


if __name__ == "__main__":
    main()

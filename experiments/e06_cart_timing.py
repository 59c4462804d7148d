"""Claim: a cart email within the hour sells less than none, one after one to three days sells more; recent buyers respond no more.

Carts: the shop sends one email, with some delay after each customer's first abandoned cart, and nothing else. The order rate is what a
company observes: orders within five days per delivered email. The increment is the causal effect: the difference from the orders of the
same customers in the same days without the email.

Recency: on day 180 every customer gets the newsletter, and nothing else all year. Its effect on visits and orders in the next two weeks is
the difference from the same customers without it, by days since the last order.

Published: reminders after 30 to 60 minutes lower purchases, those after one to three days raise them (Li et al. 2021, abstract,
randomized; the sizes were not read); one email adds 5.0, 3.8, 5.6 and 5.4 buyers per 1,000 whose last order was 1-3, 4-6, 7-9 and 10-12
months ago (Hillstrom 2008, randomized): no trend; attributed orders are 2-4 times the incremental ones (practitioners). The signs of both
effects were known when the shop was fitted.

Run: `python experiments/e06_cart_timing.py [--customers N] [--seeds K] [--out DIR]`.
"""

import argparse
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from event_arrays import count_in_windows, first_day, simulate_events
from numpy.typing import NDArray
from published_findings import ROOT, Finding, ratio_with_interval, write_findings_report

import cjsim as cj

MINUTES = (20, 40, 60, 180, 360, 720, 1440, 2160, 2880, 4320)  # from the cart to the email
PUBLISHED = {40: "fewer", 60: "fewer", 1440: "more", 2880: "more", 4320: "more"}  # orders than without the email (Li et al. 2021)
ATTRIBUTION_DAYS = 5.0  # days after the email in which an order is attributed to it; assumed
YEAR = 365
MAIL_DAY, MAIL_DATE, AFTER = 180 + 10 / 24, "2026-07-04", 14.0
RECENCY_BANDS = (0, 14, 30, 60, 120, 181)  # days since the last order

Floats = NDArray[np.float64]


class CartOutcomes(NamedTuple):
    """First carts of all customers of one seed, with emails at each delay. All arrays have the shape (n_delays, n_customers).

    `has_cart`: 1 for customers with a first cart, the same in all rows. `is_mailed`: 1 if the email was delivered. `ordered_with_mail`: 1
    if an order followed within five days of the email. `anyway`: 1 if an order followed in the same days without any email.
    """

    has_cart: Floats
    is_mailed: Floats
    ordered_with_mail: Floats
    anyway: Floats


class ResponseToMail(NamedTuple):
    """The effect of the email of day 180 on each customer: days since the last order (nan without one), and paired differences."""

    days_since_order: Floats
    visits: Floats
    orders: Floats


def scenario(policy: dict[str, Any], customers: int, days: int) -> cj.Scenario:
    """The shop with only this policy."""
    shop = {"name": "shop", "journey": str(ROOT / "configs" / "journeys" / "shop.yaml"), "start": "2026-01-05", "horizon": f"{days}d"}
    return cj.Scenario.from_dict({**shop, "policy": {"name": "one_mail", **policy}, "customers": customers})


def cart_mail_after(minutes: int) -> dict[str, Any]:
    """One email after this delay from a customer's first cart, unless the customer has ordered by then."""
    steps = [{"wait": f"{minutes}min"}, {"send": "cart_mail"}]
    return {"flows": {"cart": {"on": {"event": "cart"}, "again_after": "never", "exit_on": ["order"], "steps": steps}}}


def simulate_carts(customers: int, seeds: Sequence[int], minutes: Sequence[int] = MINUTES) -> list[CartOutcomes]:
    """Simulate emails at each delay and no email on the same customers, by seed."""
    return [simulate_carts_with(customers, seed, minutes, {}) for seed in seeds]


def simulate_carts_with(customers: int, seed: int, minutes: Sequence[int], values: dict[str, Any]) -> CartOutcomes:
    """Simulate emails at each delay and no email on the customers of one seed, with some values of the shop replaced."""
    none = simulate_events(scenario({}, customers, YEAR).with_values(values), seed, ("cart", "order"))
    first = first_day(none["cart"], customers)
    first[first > YEAR - max(minutes) / 1440 - ATTRIBUTION_DAYS] = np.nan  # every window ends within the year
    rows = []
    for delay in minutes:
        found = simulate_events(scenario(cart_mail_after(delay), customers, YEAR).with_values(values), seed, ("delivered", "order"))
        sent = np.where(np.isnan(first), np.nan, first_day(found["delivered"], customers))
        orders = [np.minimum(count_in_windows(of["order"], customers, sent, sent + ATTRIBUTION_DAYS), 1) for of in (found, none)]
        rows.append(((~np.isnan(first)).astype(np.float64), (~np.isnan(sent)).astype(np.float64), *orders))
    return CartOutcomes(*(np.array(column) for column in zip(*rows, strict=True)))


def cart_rows(found: Sequence[CartOutcomes], minutes: Sequence[int] = MINUTES) -> list[dict[str, Any]]:
    """By delay: order rate and increment in % of emails, and increment in % of carts, with intervals and the spread of seeds."""
    rows = []
    for i, delay in enumerate(minutes):
        left, mailed, ordered, anyway = (np.concatenate([of[i] for of in column]) for column in zip(*found, strict=True))
        row: dict[str, Any] = {"minutes": delay, "mails": int(mailed.sum()), "carts": int(left.sum())}
        of_seeds = [100 * each.ordered_with_mail[i].sum() / each.is_mailed[i].sum() for each in found]
        for name, above, below in (
            ("order_rate", ordered, mailed),
            ("anyway", anyway, mailed),
            ("increment", ordered - anyway, mailed),
            ("increment_of_carts", ordered - anyway, left),
        ):
            row |= dict(zip((name, f"{name}_low", f"{name}_high"), (100 * x for x in ratio_with_interval(above, below)), strict=True))
        rows.append(row | {"least_seed": float(min(of_seeds)), "largest_seed": float(max(of_seeds))})
    return rows


def cart_findings(found: Sequence[CartOutcomes], minutes: Sequence[int] = MINUTES) -> list[Finding]:
    """The published signs and our increments."""
    rows = {row["minutes"]: row for row in cart_rows(found, minutes)}
    findings = []
    for delay, published in PUBLISHED.items():
        row = rows[delay]
        effect = (row["increment_of_carts"], row["increment_of_carts_low"], row["increment_of_carts_high"])
        near = effect[2] < 0 if published == "fewer" else effect[1] > 0
        why = f"{row['order_rate']:.3g} % order within 5 days of the email, {row['anyway']:.3g} % in the same days without it"
        statement = f"orders added per 100 carts by an email after {delay} minutes"
        findings.append(Finding(statement, f"{published} (Li et al. 2021)", *effect, row["carts"], near, why))
    statement = "an email after 24 hours brings in more than one after 60 minutes: orders per 100 carts"
    findings.append(late_mail_finding(found, statement, "more", minutes))
    return [*findings, _attribution_finding(found, minutes.index(1440), "24 hours")]


def late_mail_finding(
    found: Sequence[CartOutcomes], statement: str, published: str, minutes: Sequence[int] = MINUTES, *, late: int = 1440, early: int = 60
) -> Finding:
    """Incremental orders from emails after `late` minutes minus those after `early` minutes, per 100 carts of the same customers."""
    left = np.concatenate([of.has_cart[0] for of in found])
    gained = [np.concatenate([of.ordered_with_mail[i] - of.anyway[i] for of in found]) for i in (minutes.index(late), minutes.index(early))]
    more, low, high = (100 * x for x in ratio_with_interval(gained[0] - gained[1], left))
    why = "an early email disturbs customers who would come right back"
    return Finding(statement, published, more, low, high, int(left.sum()), low > 0, why)


def _attribution_finding(found: Sequence[CartOutcomes], i: int, delay: str) -> Finding:
    """Attributed orders divided by incremental orders."""
    ordered = np.concatenate([of.ordered_with_mail[i] for of in found])
    anyway = np.concatenate([of.anyway[i] for of in found])
    times = ratio_with_interval(ordered, ordered - anyway)
    statement = f"attributed orders divided by incremental orders, emails after {delay}"
    near = times[1] <= 4 and times[2] >= 2
    return Finding(
        statement,
        "2-4 (practitioners)",
        *times,
        int(ordered.sum()),
        near,
        "attribution also counts orders that would have come without the email",
    )


def simulate_responses(customers: int, seeds: Sequence[int]) -> list[ResponseToMail]:
    """Simulate the email of day 180 and no email on the same customers, for each seed."""
    return [_simulate_responses_of_seed(customers, seed) for seed in seeds]


def _simulate_responses_of_seed(customers: int, seed: int) -> ResponseToMail:
    mail = {"broadcasts": {"to_all": {"schedule": {"dates": [MAIL_DATE], "at": "10:00"}, "send": "newsletter"}}}
    days = int(MAIL_DAY + AFTER) + 1
    kinds = ("first_visit", "visit", "returns", "order")
    found, none = (simulate_events(scenario(policy, customers, days), seed, kinds) for policy in (mail, {}))
    after, until = np.full(customers, MAIL_DAY), np.full(customers, MAIL_DAY + AFTER)
    gained = {
        kind: count_in_windows(found[kind], customers, after, until) - count_in_windows(none[kind], customers, after, until)
        for kind in kinds
    }
    last = np.full(customers, np.nan)
    before = none["order"].day <= MAIL_DAY
    last[none["order"].customer[before]] = none["order"].day[before]  # rows are ordered by time, so the last one is kept
    return ResponseToMail(MAIL_DAY - last, gained["first_visit"] + gained["visit"] + gained["returns"], gained["order"])


def recency_rows(found: Sequence[ResponseToMail]) -> list[dict[str, Any]]:
    """Effect of the email on visits and orders per 100 customers, by days since the last order."""
    since, visits, orders = (np.concatenate(column) for column in zip(*found, strict=True))
    rows = []
    for after, until in pairwise(RECENCY_BANDS):
        chosen = (since > after) & (since <= until)
        row: dict[str, Any] = {"days_since_order": f"{after}-{until}", "n": int(chosen.sum())}
        for name, gain in (("visits", visits), ("orders", orders)):
            row |= dict(zip((name, f"{name}_low", f"{name}_high"), (100 * x for x in ratio_with_interval(gain[chosen])), strict=True))
        of_seeds = [100 * of.visits[(of.days_since_order > after) & (of.days_since_order <= until)].mean() for of in found]
        rows.append(row | {"visits_least_seed": float(min(of_seeds)), "visits_largest_seed": float(max(of_seeds))})
    return rows


def recency_findings(found: Sequence[ResponseToMail]) -> list[Finding]:
    """Compare customers who ordered within the last two months with customers who ordered longer ago."""
    since, visits, orders = (np.concatenate(column) for column in zip(*found, strict=True))
    findings = []
    for name, gain in (("visits", visits), ("orders", orders)):
        lately, long_ago = (ratio_with_interval(gain[chosen]) for chosen in (since <= RECENCY_BANDS[3], since > RECENCY_BANDS[3]))
        difference = 100 * (lately[0] - long_ago[0])
        error = 100 * float(np.hypot(lately[2] - lately[0], long_ago[2] - long_ago[0]))
        why = f"{100 * lately[0]:.3g} against {100 * long_ago[0]:.3g}"
        statement = f"added {name} in 14 days per 100 customers: last order within 60 days minus longer ago"
        n = int(np.isfinite(since).sum())
        low, high = difference - error, difference + error
        findings.append(Finding(statement, "no trend (Hillstrom 2008)", difference, low, high, n, low <= 0 <= high, why))
    return findings


def figure(mails: list[dict[str, Any]], bands: list[dict[str, Any]], path: Path) -> None:
    """Draw order rate and increment by delay, and the effect of an email by days since the last order."""
    import matplotlib as mpl
    import seaborn as sns

    mpl.use("Agg")
    from matplotlib import pyplot as plt

    sns.set_theme(style="whitegrid", palette="colorblind")
    drawn, (left, right) = plt.subplots(1, 2, figsize=(9, 4))
    hours = [row["minutes"] / 60 for row in mails]
    left.fill_between(hours, [row["least_seed"] for row in mails], [row["largest_seed"] for row in mails], alpha=0.2)
    for name, label in (("order_rate", "orders within 5 days (shade: seeds)"), ("increment", "of these, brought by the mail")):
        left.errorbar(hours, [row[name] for row in mails], yerr=_error_bars(mails, name), marker="o", markersize=4, label=label)
    left.set(xscale="log", xlabel="hours from cart to mail", ylabel="% of mails", ylim=(None, None))
    left.legend(frameon=False, fontsize=8)
    places = range(len(bands))
    for name, shift in (("visits", -0.1), ("orders", 0.1)):
        at = [place + shift for place in places]
        right.errorbar(at, [row[name] for row in bands], yerr=_error_bars(bands, name), fmt="o", markersize=4, label=name)
    right.set(xlabel="days since the last order", ylabel="added in 14 days, of 100 customers")
    right.set_xticks(list(places), [row["days_since_order"] for row in bands])
    right.legend(frameon=False, fontsize=8)
    buyers = sum(row["n"] for row in bands)
    caption = f"95 % intervals, paired with the same customers without the mail; {mails[0]['carts']:,} carts, {buyers:,} buyers"
    drawn.text(0.01, 0.005, caption, fontsize=7)
    drawn.tight_layout(rect=(0, 0.03, 1, 1))
    drawn.savefig(path, dpi=80, metadata={"Software": None})
    plt.close(drawn)


def _error_bars(rows: list[dict[str, Any]], name: str) -> list[list[float]]:
    return [[row[name] - row[f"{name}_low"] for row in rows], [row[f"{name}_high"] - row[name] for row in rows]]


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--customers", type=int, default=20_000)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--out", type=Path, default=ROOT / "reports" / "e06_cart_timing")
    given = parser.parse_args()
    seeds = range(1, given.seeds + 1)
    mailed, answered = simulate_carts(given.customers, seeds), simulate_responses(4 * given.customers, seeds)
    tables = {"carts": cart_rows(mailed), "recency": recency_rows(answered)}
    given.out.mkdir(parents=True, exist_ok=True)
    figure(tables["carts"], tables["recency"], given.out / "timing.png")
    words = f"""Carts: one email after each customer's first abandoned cart, and nothing else; {len(MINUTES)} delays,
{given.seeds} populations of {given.customers:,} customers, one year.
Recency: one newsletter to everyone on day 180; {given.seeds} populations of {4 * given.customers:,} customers.
Increments are differences to the same customers without the email."""
    findings = cart_findings(mailed) + recency_findings(answered)
    print(write_findings_report("e06_cart_timing", "E06: timing of cart reminders, and recency", words, findings, tables, given.out))


if __name__ == "__main__":
    main()

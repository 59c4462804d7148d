"""Claim: earlier cart emails sell more, and customers respond less to an email the longer ago they ordered.

Carts: the shop sends one email, with some delay after each customer's first abandoned cart, and nothing else. The order rate is what a
company observes: orders within five days per delivered email. The increment is the causal effect: the difference from the orders of the
same customers in the same days without the email.

Recency: on day 180 every customer gets the newsletter, and nothing else all year. Its effect on visits and orders in the next two weeks is
the difference from the same customers without it, by days since the last order.

Published: order rates of 5.2, 4.5 and 2.6 % for cart emails within 20 minutes, within an hour and after a day (saleslion, a secondary
source); attributed orders are 2-4 times the incremental ones (practitioners); Neslin et al. (2013), abstract: response falls with recency.

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
PUBLISHED = {20: 5.2, 60: 4.5, 2160: 2.6}  # %; 36 hours stand for "after a day"
TOLERANCE = 0.5  # in points: an order rate this close to the published one counts as reproduced
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


def simulate_carts(
    customers: int, seeds: Sequence[int], minutes: Sequence[int] = MINUTES, *, carts_are_forgotten: bool = True
) -> list[CartOutcomes]:
    """Simulate emails at each delay and no email on the same customers, by seed. With `carts_are_forgotten=False`, no cart is forgotten."""
    values = {} if carts_are_forgotten else {"journey.events.forgets_cart.wait": "never"}
    return [_simulate_carts_of_seed(customers, seed, minutes, values) for seed in seeds]


def _simulate_carts_of_seed(customers: int, seed: int, minutes: Sequence[int], values: dict[str, Any]) -> CartOutcomes:
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
    """The published order rates and ours, with the incremental part of ours."""
    rows = {row["minutes"]: row for row in cart_rows(found, minutes)}
    findings = []
    for delay, published in PUBLISHED.items():
        row = rows[delay]
        rate = (row["order_rate"], row["order_rate_low"], row["order_rate_high"])
        near = rate[1] - TOLERANCE <= published <= rate[2] + TOLERANCE
        why = f"{row['anyway']:.3g} % order in these days without the email as well, {row['increment']:.3g} % because of it"
        if delay == min(PUBLISHED):
            why += "; the former share is high because after 20 minutes, many customers are still checking out"
        findings.append(
            Finding(f"orders within 5 days, % of cart emails after {delay} minutes", f"{published} %", *rate, row["mails"], near, why)
        )
    statement = "an email after 20 minutes brings in more than one after 36 hours: orders per 100 carts"
    findings.append(early_mail_finding(found, statement, "more", minutes))
    return findings + [_attribution_finding(found, minutes.index(delay), f"{delay} minutes") for delay in (60, 2160)]


def early_mail_finding(found: Sequence[CartOutcomes], statement: str, published: str, minutes: Sequence[int] = MINUTES) -> Finding:
    """Incremental orders from emails after 20 minutes minus those after 36 hours, per 100 carts of the same customers."""
    early, late = minutes.index(min(PUBLISHED)), minutes.index(max(PUBLISHED))
    left = np.concatenate([of.has_cart[early] for of in found])
    gained = [np.concatenate([of.ordered_with_mail[i] - of.anyway[i] for of in found]) for i in (early, late)]
    lost, low, high = (100 * x for x in ratio_with_interval(gained[0] - gained[1], left))
    share = float(gained[1].sum() / gained[0].sum())
    why = f"an email after 36 hours brings in {share:.0%} of the orders of one after 20 minutes, because customers forget their carts"
    return Finding(statement, published, lost, low, high, int(left.sum()), low > 0, why)


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
        why = f"{100 * lately[0]:.3g} against {100 * long_ago[0]:.3g}: many customers who ordered long ago have lapsed or churned"
        statement = f"added {name} in 14 days per 100 customers: last order within 60 days minus longer ago"
        n = int(np.isfinite(since).sum())
        low, high = difference - error, difference + error
        findings.append(Finding(statement, "more (Neslin et al. 2013)", difference, low, high, n, low > 0, why))
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
    left.scatter([minutes / 60 for minutes in PUBLISHED], list(PUBLISHED.values()), color="black", marker="x", zorder=3, label="saleslion")
    left.set(xscale="log", xlabel="hours from cart to mail", ylabel="% of mails", ylim=(0, None))
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
Increments are differences to the same customers without the email. The tolerance for order rates is {TOLERANCE} points."""
    findings = cart_findings(mailed) + recency_findings(answered)
    print(write_findings_report("e06_cart_timing", "E06: timing of cart reminders, and recency", words, findings, tables, given.out))


if __name__ == "__main__":
    main()

"""Claim: a proactive churn offer can backfire, and should be targeted on lift rather than on churn risk.

On one day the news site offers its subscribers a cheaper plan, or it does not. The same customers are simulated both ways, so the effect of
the offer on each customer is known. The target half is chosen on a pilot population by recent reading, which the company observes,
and tested on other populations: either the half at risk (higher churn), or the half whose churn the offer raises least.

Published: Ascarza, Iyengar, Schleicher (2016): of 65,000 customers, 10.0 % churned with a proactive offer and 6.4 % without.
Ascarza (2018), abstract: target on lift, not on risk.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from published_findings import ROOT, Z95, Finding, ratio_with_interval

import cjsim as cj

CONFIGS = ROOT / "configs" / "experiments"
TARGET_CONDITION_PATH = "policy.flows.proactive_churn_offer.steps[1].branch.if"
ALL, NOBODY = "contacts >= 0", "contacts < 0"
USAGE_BANDS = ("under 5", "5 to 12", "12 to 20", "20 and over")  # recently read articles, as tagged by the policy
USAGE_HALVES = {"score(use) < 12": (0, 1), "score(use) >= 12": (2, 3)}  # target condition of the policy, and the bands that meet it
ASKED_DAY, WINDOW = 301 + 10 / 24, 90.0  # 2026-11-02 at 10:00, from 2026-01-05; days in which a cancellation counts

Floats = NDArray[np.float64]


class Subscribers(NamedTuple):
    """Subscribers on the day of the offer, with their outcomes without and with the offer."""

    persona: NDArray[np.str_]  # (n,)
    band: NDArray[np.int64]  # (n,), index of USAGE_BANDS
    is_treated: NDArray[np.bool_]  # (n,), the offer was delivered
    left_untreated: Floats  # (n,), 1: canceled within the window without the offer
    left_treated: Floats  # (n,), 1: canceled within the window with the offer

    def select(self, rows: NDArray[np.bool_]) -> "Subscribers":
        """The selected subscribers."""
        return Subscribers(*(array[rows] for array in self))


def scenario(condition: str, customers: int) -> cj.Scenario:
    """The site under its current policy, with a one-day offer to subscribers who meet a condition."""
    site = {
        "name": "asks_once",
        "journey": str(CONFIGS / "e08_news_site.yaml"),
        "policy": str(CONFIGS / "e08_asks_once.yaml"),
        "customers": customers,
        "entry": {"over": "28d"},
        "start": "2026-01-05",
        "horizon": f"{int(ASKED_DAY + WINDOW) + 1}d",
    }
    return cj.Scenario.from_dict(site).with_values({TARGET_CONDITION_PATH: condition})


def pair_subscribers(nobody: cj.Run, somebody: cj.Run) -> Subscribers:
    """Match the subscribers of both runs by their keys."""
    _, one, other = np.intersect1d(nobody.keys, somebody.keys, return_indices=True)
    without = {name: nobody.outcomes.moments[one, i] for i, name in enumerate(nobody.codebook.moments)}
    under = {name: somebody.outcomes.moments[other, i] for i, name in enumerate(somebody.codebook.moments)}
    marks = np.array([np.isfinite(without[f"band_{i}"]) for i in range(len(USAGE_BANDS))])
    last = ASKED_DAY + WINDOW
    everyone = Subscribers(
        persona=np.array(nobody.codebook.personas)[nobody.outcomes.customers["persona"][one]],
        band=marks.argmax(axis=0),
        is_treated=np.isfinite(under["asked"]),
        left_untreated=(without["notice"] <= last).astype(float),
        left_treated=(under["notice"] <= last).astype(float),
    )
    return everyone.select(marks.any(axis=0))


def simulate_subscribers(customers: int, seeds: Sequence[int], condition: str = ALL) -> Subscribers:
    """Simulate the subscribers of all seeds without the offer, and with the offer to those who meet the condition."""
    pairs = [[cj.simulate(scenario(asks, customers), seed=seed, replications=1) for asks in (NOBODY, condition)] for seed in seeds]
    return concatenate_subscribers([pair_subscribers(nobody, somebody) for nobody, somebody in pairs])


def concatenate_subscribers(parts: Sequence[Subscribers]) -> Subscribers:
    """Subscribers of several populations."""
    return Subscribers(*(np.concatenate(arrays) for arrays in zip(*parts, strict=True)))


def choose_halves(pilot: Subscribers) -> dict[str, str]:
    """The half with the highest churn in the pilot, and the half whose churn the offer raises least.

    A real pilot makes the offer to a random half. Here each customer is observed both ways, which gives the same estimate with less noise.
    """
    of = {half: pilot.select(np.isin(pilot.band, bands)) for half, bands in USAGE_HALVES.items()}
    at_risk = max(of, key=lambda half: float(of[half].left_untreated.mean()))
    least_moved = min(of, key=lambda half: float((of[half].left_treated - of[half].left_untreated).mean()))
    return {"at risk": at_risk, "least moved": least_moved}


def churn_rows(everyone: Subscribers) -> list[dict[str, Any]]:
    """By persona and by recent reading: share reached, churn without and with the offer, and shares driven away and kept by it."""
    groups = {"all": np.ones(len(everyone.left_untreated), bool)} | {p: everyone.persona == p for p in sorted(set(everyone.persona))}
    groups |= {f"use {band}": everyone.band == i for i, band in enumerate(USAGE_BANDS)}
    rows = []
    for group, within in groups.items():
        some = everyone.select(within)
        moved = some.left_treated - some.left_untreated
        change, low, high = ratio_with_interval(moved)
        row: dict[str, Any] = {
            "group": group,
            "n": len(moved),
            "asked": float(some.is_treated.mean()),
            "left": float(some.left_untreated.mean()),
        }
        row |= {"left_asked": float(some.left_treated.mean()), "change": change, "low": low, "high": high}
        rows.append(row | {"driven_away": float((moved > 0).mean()), "kept": float((moved < 0).mean())})
    return rows


def churn_increase(some: Subscribers) -> tuple[float, float, float]:
    """Increase in churn caused by the offer among recipients, with its interval; each recipient is observed both ways."""
    return ratio_with_interval((some.left_treated - some.left_untreated)[some.is_treated])


def wilson_share(which: NDArray[np.bool_]) -> tuple[float, float, float]:
    """A share with Wilson's interval, which is accurate for small counts."""
    n, count, z2 = len(which), float(which.sum()), Z95**2
    middle, error = (count + z2 / 2) / (n + z2), Z95 * float(np.sqrt(count * (n - count) / n + z2 / 4)) / (n + z2)
    return count / n, max(0.0, middle - error), middle + error


def difference_with_interval(one: tuple[float, float, float], other: tuple[float, float, float]) -> tuple[float, float, float]:
    """The difference of two independent estimates, with its interval."""
    value, error = one[0] - other[0], float(np.hypot(one[2] - one[0], other[2] - other[0]))
    return value, value - error, value + error


def findings_of(everyone: Subscribers, chosen: dict[str, str]) -> list[Finding]:
    """The published statements and our results; `chosen` is the return value of `choose_halves`."""
    treated = everyone.select(everyone.is_treated)
    moved, n = treated.left_treated - treated.left_untreated, len(treated.left_untreated)
    backfires, kept, driven = churn_increase(treated), wilson_share(moved < 0), float((moved > 0).mean())
    dogs = treated.persona == "sleeping_dog"
    dogs_more = difference_with_interval(churn_increase(treated.select(dogs)), churn_increase(treated.select(~dogs)))
    risk, least = (treated.select(np.isin(treated.band, USAGE_HALVES[chosen[name]])) for name in ("at risk", "least moved"))
    worse, best = difference_with_interval(churn_increase(risk), churn_increase(least)), churn_increase(least)
    return [
        Finding(
            "churn within three months of recipients with the offer minus their churn without it",
            "10.0 % - 6.4 % = 0.036",
            *backfires,
            n,
            backfires[1] > 0,
            f"{treated.left_treated.mean():.1%} and {treated.left_untreated.mean():.1%}; the lift of opens was tuned to these two figures",
        ),
        Finding(
            "share of recipients kept by the offer",
            "above 0, but fewer than driven away (sign)",
            *kept,
            n,
            kept[0] > 0 and kept[2] < driven,
            f"{driven:.1%} are driven away: opening the offer speeds up cancellation eight times as much as accepting it slows it down",
        ),
        Finding(
            "increase in churn among sleeping dogs (the persona) minus that among other personas",
            "above 0 (sign)",
            *dogs_more,
            n,
            dogs_more[1] > 0,
            f"of the sleeping dogs, {treated.left_untreated[dogs].mean():.0%} churn anyway, woken by the weekly newsletters; many of those "
            "woken by the offer belong to other personas",
        ),
        Finding(
            "increase in recipients' churn if the half at risk is targeted minus that if the half least moved is targeted",
            "above 0: target on lift, not on risk (sign)",
            *worse,
            n,
            worse[1] > 0,
            f"at risk: {risk.left_treated.mean():.1%} against {risk.left_untreated.mean():.1%}, "
            f"least moved: {least.left_treated.mean():.1%} against {least.left_untreated.mean():.1%}; "
            "halves by recent reading, chosen on a pilot",
        ),
        Finding(
            "change in churn if the half least moved is targeted, compared with no offer",
            "below 0: an offer targeted on lift lowers churn (sign)",
            *best,
            len(least.left_untreated),
            best[2] < 0,
            "if an offer keeps nobody, the best policy is no offer",
        ),
    ]

"""Claim: a proactive churn offer can backfire, and should go to whom it changes rather than to who is at risk.

On one day the news site asks its subscribers whether a cheaper plan would suit them, or nobody. The same customers live both ways, so that
whom the offer drove away is known of each. Which half of them to ask is chosen on a pilot population by what the firm sees,
articles read lately, and judged on others: the half at risk (that leaves more), or the half that the offer moves least to leave.

Published: Ascarza, Iyengar, Schleicher (2016): of 65,000 customers 10.0 % of those with a proactive offer left, 6.4 % of the others.
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
USAGE_BANDS = ("under 5", "5 to 12", "12 to 20", "20 and over")  # articles lately, as the policy marks them
USAGE_HALVES = {"score(use) < 12": (0, 1), "score(use) >= 12": (2, 3)}  # whom to ask: a policy's condition, and the bands that it holds of
ASKED_DAY, WINDOW = 301 + 10 / 24, 90.0  # 2026-11-02 at ten, counted from 2026-01-05; days in which a notice counts

Floats = NDArray[np.float64]


class Subscribers(NamedTuple):
    """Who subscribes on the day of the offer, with what became of each when nobody and when somebody is asked."""

    persona: NDArray[np.str_]  # (n,)
    band: NDArray[np.int64]  # (n,), index of USAGE_BANDS
    is_treated: NDArray[np.bool_]  # (n,), the offer was delivered
    left_untreated: Floats  # (n,), 1: gave notice within the window though nobody was asked
    left_treated: Floats  # (n,), 1: gave notice within the window under the offer

    def select(self, rows: NDArray[np.bool_]) -> "Subscribers":
        """The selected subscribers."""
        return Subscribers(*(array[rows] for array in self))


def scenario(condition: str, customers: int) -> cj.Scenario:
    """The site under its policy of today, and one day on which subscribers of whom a condition holds are asked."""
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
    """The same subscribers in both runs, found by their keys."""
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
    """Subscribers of all seeds, when nobody is asked, and when those who meet the condition are asked."""
    pairs = [[cj.simulate(scenario(asks, customers), seed=seed) for asks in (NOBODY, condition)] for seed in seeds]
    return concatenate_subscribers([pair_subscribers(nobody, somebody) for nobody, somebody in pairs])


def concatenate_subscribers(parts: Sequence[Subscribers]) -> Subscribers:
    """Subscribers of several populations."""
    return Subscribers(*(np.concatenate(arrays) for arrays in zip(*parts, strict=True)))


def choose_halves(pilot: Subscribers) -> dict[str, str]:
    """The half most at risk, and the half that the offer moves least to leave, as the pilot has them.

    A firm's pilot asks one half at random; here each is seen both ways, which tells the same with less noise.
    """
    of = {half: pilot.select(np.isin(pilot.band, bands)) for half, bands in USAGE_HALVES.items()}
    at_risk = max(of, key=lambda half: float(of[half].left_untreated.mean()))
    least_moved = min(of, key=lambda half: float((of[half].left_treated - of[half].left_untreated).mean()))
    return {"at risk": at_risk, "least moved": least_moved}


def churn_rows(everyone: Subscribers) -> list[dict[str, Any]]:
    """By persona and by articles read: how many can be asked, who leaves if nobody and if all are, whom the offer drives away, keeps."""
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
    """By how much the offer raises the share who leave among those who got it, with its interval: each is seen both ways."""
    return ratio_with_interval((some.left_treated - some.left_untreated)[some.is_treated])


def wilson_share(which: NDArray[np.bool_]) -> tuple[float, float, float]:
    """A share with Wilson's interval, which is right where hardly any are."""
    n, count, z2 = len(which), float(which.sum()), Z95**2
    middle, error = (count + z2 / 2) / (n + z2), Z95 * float(np.sqrt(count * (n - count) / n + z2 / 4)) / (n + z2)
    return count / n, max(0.0, middle - error), middle + error


def difference_with_interval(one: tuple[float, float, float], other: tuple[float, float, float]) -> tuple[float, float, float]:
    """The difference of two numbers about different customers, with its interval."""
    value, error = one[0] - other[0], float(np.hypot(one[2] - one[0], other[2] - other[0]))
    return value, value - error, value + error


def findings_of(everyone: Subscribers, chosen: dict[str, str]) -> list[Finding]:
    """The published statements beside what came out; `chosen` is the return value of `choose_halves`."""
    treated = everyone.select(everyone.is_treated)
    moved, n = treated.left_treated - treated.left_untreated, len(treated.left_untreated)
    backfires, kept, driven = churn_increase(treated), wilson_share(moved < 0), float((moved > 0).mean())
    dogs = treated.persona == "sleeping_dog"
    dogs_more = difference_with_interval(churn_increase(treated.select(dogs)), churn_increase(treated.select(~dogs)))
    risk, least = (treated.select(np.isin(treated.band, USAGE_HALVES[chosen[name]])) for name in ("at risk", "least moved"))
    worse, best = difference_with_interval(churn_increase(risk), churn_increase(least)), churn_increase(least)
    return [
        Finding(
            "share of those asked who leave within three months, less that of the same when nobody is asked",
            "10.0 % - 6.4 % = 0.036",
            *backfires,
            n,
            backfires[1] > 0,
            f"{treated.left_treated.mean():.1%} and {treated.left_untreated.mean():.1%}; "
            "the lift of opening it was set with these two in view",
        ),
        Finding(
            "share of those asked whom the offer keeps",
            "some, fewer than it drives away (sign)",
            *kept,
            n,
            kept[0] > 0 and kept[2] < driven,
            f"{driven:.1%} are driven away: in this journey opening the offer speeds up notice eight times as much as taking it slows it",
        ),
        Finding(
            "rise of leaving among sleeping dogs (the persona), less that among the others",
            "above 0 (sign)",
            *dogs_more,
            n,
            dogs_more[1] > 0,
            f"of the persona {treated.left_untreated[dogs].mean():.0%} leave anyway, woken by the letters of every week; many whom "
            "the offer wakes are others who had slept",
        ),
        Finding(
            "rise of leaving if the half at risk is asked, less that if the half least moved is; of those asked",
            "above 0: target on lift, not on risk (sign)",
            *worse,
            n,
            worse[1] > 0,
            f"at risk: {risk.left_treated.mean():.1%} against {risk.left_untreated.mean():.1%}, "
            f"least moved: {least.left_treated.mean():.1%} against {least.left_untreated.mean():.1%}; "
            "halves by articles read lately, chosen on a pilot",
        ),
        Finding(
            "change of the share who leave if the half least moved is asked, against nobody",
            "below 0: targeted on lift an offer lowers churn (sign)",
            *best,
            len(least.left_untreated),
            best[2] < 0,
            "where an offer keeps nobody, the best target is nobody",
        ),
    ]

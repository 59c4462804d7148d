"""Claim: the effect after 14, 28 or 90 days often says little of the effect after a year, and a short test decides wrongly.

Each journey's better policy against today's, measured by CLV. The shop's customers share nothing, so each is followed for the given days
from entry. In the other journeys customers share desks and referrals, for which a follow-up from entry is not possible, so days count from
the start of the scenario, and mixed assignment is simulated. There, today's policy gets the desks, guardrails and spend of the better one,
because a test cannot assign these by customer.

Wrong decisions: share of tests of a third of the customers whose decision differs from that for the effect until the horizon.

Run: `python experiments/rehearsal_short_long.py [--journeys NAME ...] [--customers N] [--replications R] [--out DIR]`.
"""

import argparse
from pathlib import Path
from typing import Any

from published_findings import ROOT, Finding, write_findings_report

import cjsim as cj
from cjsim.rehearsal.analyses import FixedHorizon

JOURNEYS = ("shop", "retail", "subscription", "saas", "b2b")
DAYS = (14, 28, 90)
HORIZON_DAYS = 365
METRIC = "clv"


def policies(journey: str, customers: int) -> tuple[cj.Scenario, cj.Scenario]:
    """Return the baseline and the better policy for a year, with equal desks, guardrails and spend if customers share them."""
    files = (f"{journey}.yaml", f"{journey}_better.yaml")
    base, better = (cj.Scenario.load(ROOT / "configs" / "scenarios" / name) for name in files)
    size = {"customers": customers, "horizon": f"{HORIZON_DAYS}d"}
    if journey != "shop":
        firm = better.policy.to_dict()
        values = {f"policy.{key}": firm[key] for key in ("desks", "guardrails", "acquisition") if key in firm}
        base = base.with_values(values)
    return base.with_values(size), better.with_values(size)


def rows_of(journey: str, customers: int, replications: int) -> list[dict[str, Any]]:
    """Return the effect and the share of wrong decisions after each number of days."""
    base, better = policies(journey, customers)
    settings = cj.RehearsalSettings(runs=2000, seed=1, analyses=(FixedHorizon(),), replications=replications)
    found = cj.rehearse(base, {"better": better}, metric=METRIC, sizes=[customers // 3], days=DAYS, settings=settings)
    report = found.alternatives["better"]
    rows = []
    for design in report.designs:
        short, bias = report.truth_by_days[design.days], report.interference.get(design.days)
        rows.append(
            {
                "journey": journey,
                "mode": found.mode,
                "days": design.days,
                "size": design.size,
                "effect": short.effect,
                "low": short.low,
                "high": short.high,
                "year": report.truth.effect,
                "year_low": report.truth.low,
                "year_high": report.truth.high,
                "share_of_year": short.effect / report.truth.effect,
                "power": design.power.value,
                "wrong_decision": design.wrong_decision.value,
                "error": design.wrong_decision.error,
                "bias": 0.0 if bias is None else bias.bias,
            }
        )
    return rows


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--journeys", nargs="+", choices=JOURNEYS, default=JOURNEYS)
    parser.add_argument("--customers", type=int, default=6000)
    parser.add_argument("--replications", type=int, default=5)
    parser.add_argument("--out", type=Path, help="folder of the report")
    given = parser.parse_args()
    rows: list[dict[str, Any]] = []
    for journey in given.journeys:
        rows += rows_of(journey, given.customers, given.replications)
        for row in rows[-len(DAYS) :]:
            print(
                f"{journey:12} {row['mode']:5} {row['days']:>3} days: effect {row['effect']:+8.3f} [{row['low']:+.3f}, {row['high']:+.3f}],"
                f" year {row['year']:+8.3f} [{row['year_low']:+.3f}, {row['year_high']:+.3f}],"
                f" wrong {row['wrong_decision']:.3f}, bias {row['bias']:+.3f}",
                flush=True,
            )
    if given.out is not None:
        write_report(rows, given)


def write_report(rows: list[dict[str, Any]], given: argparse.Namespace) -> None:
    """Write the report page and the table."""
    findings = [
        Finding(
            f"{row['journey']}, {row['days']:g} days: effect on CLV",
            f"year: {row['year']:+.3g}",
            row["effect"],
            row["low"],
            row["high"],
            row["size"],
            row["effect"] * row["year"] > 0,
            f"same sign as the year if it holds; {row['wrong_decision']:.1%} of tests decide wrongly; mode {row['mode']}",
        )
        for row in rows
    ]
    left_out = [name for name in JOURNEYS if name not in given.journeys]
    words = f"""CLV per customer of the better policy, minus that of today's, after 14, 28 and 90 days and after {HORIZON_DAYS} days,
with {given.customers:,} initial customers. Tests have {given.customers // 3:,} customers, a fixed horizon and 2,000 rehearsals.

Mode reuse (shop): each customer is followed from entry. Mode joint (all others): customers share desks and referrals, so a follow-up from
entry is refused; days count from the start of the scenario, and {given.replications} replications of mixed assignment are simulated. The
baseline has the desks, guardrails and spend of the better policy.
{"Left out for their cost: " + ", ".join(left_out) + "." if left_out else ""}"""
    title = "What a short test says of the year"
    write_findings_report("rehearsal_short_long", title, words, findings, {"effects": rows}, given.out, reference_label="year")


if __name__ == "__main__":
    main()

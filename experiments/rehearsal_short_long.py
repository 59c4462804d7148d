"""Claim: the effect after 14, 28 or 90 days often says little about the effect after a year, and a short test leads to the wrong decision.

Each journey's better policy is compared with today's by CLV, with the shipped number of customers. The shop's customers share nothing, so
each is followed for the given number of days from entry, and all enter on the first day. In the other journeys, customers share desks and
referrals, so a follow-up from entry is not possible: days count from the start of the scenario, and mixed assignment is simulated. There,
today's policy gets the desks, guardrails and spend of the better one, because a test cannot assign these by customer.

Wrong decisions: share of tests of all initial customers whose decision differs from that for the effect after the year. A test of the
whole year is shown for comparison: its errors do not come from its length. Seeds of the replications: 1..R.

Run: `python experiments/rehearsal_short_long.py [--journeys NAME ...] [--customers N] [--replications R] [--out DIR] [--resume]`.
"""

import argparse
import time
from pathlib import Path
from typing import Any

import pandas as pd
from published_findings import ROOT, Finding, write_findings_report

import cjsim as cj
from cjsim.rehearsal.analyses import FixedHorizon

JOURNEYS = ("shop", "retail", "subscription", "saas", "b2b")
DAYS = (14, 28, 90, 365)
HORIZON_DAYS = DAYS[-1]
METRIC = "clv"


def policies(journey: str, customers: int | None) -> tuple[cj.Scenario, cj.Scenario]:
    """Return the baseline and the better policy for a year, with equal desks, guardrails and spend if customers share them."""
    files = (f"{journey}.yaml", f"{journey}_better.yaml")
    base, better = (cj.Scenario.load(ROOT / "configs" / "scenarios" / name) for name in files)
    values: dict[str, Any] = {"customers": customers or base.customers, "horizon": f"{HORIZON_DAYS}d"}
    if journey == "shop":
        values["entry.over"] = "0d"
        return base.with_values(values), better.with_values(values)
    firm = better.policy.to_dict()
    shared = {f"policy.{key}": firm[key] for key in ("desks", "guardrails", "acquisition") if key in firm}
    return base.with_values(shared | values), better.with_values(values)


def rows_of(journey: str, customers: int | None, replications: int) -> list[dict[str, Any]]:
    """Return the effect and the share of wrong decisions after each number of days."""
    base, better = policies(journey, customers)
    settings = cj.RehearsalSettings(runs=2000, seed=1, analyses=(FixedHorizon(),), replications=replications)
    found = cj.rehearse(base, {"better": better}, metric=METRIC, sizes=[base.customers], days=DAYS, settings=settings)
    report = found.alternatives["better"]
    rows = []
    for design in report.designs:
        short, bias = report.truth_by_days[design.days], report.interference.get(design.days)
        rows.append(
            {
                "journey": journey,
                "mode": found.mode,
                "days": design.days,
                "customers": base.customers,
                "replications": 1 if bias is None else bias.runs,
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
                "bias_low": 0.0 if bias is None else bias.low,
                "bias_high": 0.0 if bias is None else bias.high,
            }
        )
    return rows


def has_settings(row: dict[str, Any], customers: int, replications: int) -> bool:
    """Whether a row of the table comes from a run with these settings. Replications matter only where mixed assignment is simulated."""
    return bool(row["customers"] == customers and (row["mode"] == "reuse" or row["replications"] == replications))


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--journeys", nargs="+", choices=JOURNEYS, default=JOURNEYS)
    parser.add_argument("--customers", type=int, help="initial customers; by default, those of the shipped scenario")
    parser.add_argument("--replications", type=int, default=24)
    parser.add_argument("--out", type=Path, help="folder of the report, which is written after each journey")
    parser.add_argument(
        "--resume", action="store_true", help="keep the journeys in the table of an interrupted run with the same settings (5 digits)"
    )
    given = parser.parse_args()
    table = given.out / "effects.csv" if given.resume and given.out else None
    rows: list[dict[str, Any]] = pd.read_csv(table).to_dict("records") if table is not None and table.exists() else []
    for journey in given.journeys:
        size = policies(journey, given.customers)[0].customers
        own = [row for row in rows if row["journey"] == journey]
        if not own or not all(has_settings(row, size, given.replications) for row in own):
            rows = [row for row in rows if row["journey"] != journey]
            started = time.process_time()
            rows += rows_of(journey, given.customers, given.replications)
            print(f"{journey}: {time.process_time() - started:.0f} s of CPU time")
            print_rows(rows[-len(DAYS) :])
        if given.out is not None:
            write_report(rows, given.out)


def print_rows(rows: list[dict[str, Any]]) -> None:
    """Print one line for each number of days."""
    for row in rows:
        print(
            f"{row['journey']:12} {row['mode']:5} {row['days']:>3} days:"
            f" effect {row['effect']:+8.3f} [{row['low']:+.3f}, {row['high']:+.3f}],"
            f" year {row['year']:+8.3f} [{row['year_low']:+.3f}, {row['year_high']:+.3f}],"
            f" wrong {row['wrong_decision']:.3f}, bias {row['bias']:+.3f} [{row['bias_low']:+.3f}, {row['bias_high']:+.3f}]",
            flush=True,
        )


def finding(row: dict[str, Any]) -> Finding:
    """Return the finding for one number of days: whether the effect clearly has the sign that it has after the year."""
    sign = 1 if row["year"] > 0 else -1
    low, high = sorted((sign * row["low"], sign * row["high"]))
    verdict = "clearly the sign of the year" if low > 0 else "clearly the opposite sign" if high < 0 else "sign not clear"
    return Finding(
        f"{row['journey']}, {row['days']:g} days",
        f"{row['year']:+.3g} [{row['year_low']:+.3g}, {row['year_high']:+.3g}]",
        row["effect"],
        row["low"],
        row["high"],
        row["customers"] * row["replications"],
        low > 0,
        f"{verdict}, {round(row['share_of_year'], 2) + 0.0:.0%} of the year's effect; {row['wrong_decision']:.1%} of tests of"
        f" {row['customers']:,} customers lead to the wrong decision",
    )


def write_report(rows: list[dict[str, Any]], out: Path) -> None:
    """Write the report page and the table."""
    missing = [name for name in JOURNEYS if not any(row["journey"] == name for row in rows)]
    joint = sorted({row["replications"] for row in rows if row["mode"] == "joint"})
    words = f"""CLV per customer of the better policy, minus that of today's, after 14, 28, 90 and {HORIZON_DAYS} days. A finding holds
if the effect clearly (95 % interval) has the sign that it has after the year. n is the number of initial customers over all replications.
Tests have all initial customers of one replication, half of them under each policy, and a fixed horizon; 2,000 are rehearsed. A test
leads to the wrong decision if its decision differs from that for the effect after the year. A test of the whole year errs only by chance
or by the bias from mixed assignment.

Mode reuse (shop): each customer is followed from entry, and all enter on the first day. Mode joint (all others): customers share desks and
referrals, so a follow-up from entry is refused; days count from the start of the scenario, customers who enter later are observed for less
time, and {" or ".join(map(str, joint)) or "no"} replications of mixed assignment are simulated. The baseline has the desks, guardrails and
spend of the better policy. `effects.csv` also has the bias from mixed assignment.
{"Not yet simulated: " + ", ".join(missing) + "." if missing else ""}"""
    title = "What a short test says of the year"
    findings = [finding(row) for row in rows]
    write_findings_report("rehearsal_short_long", title, words, findings, {"effects": rows}, out, reference_label="effect after the year")


if __name__ == "__main__":
    main()

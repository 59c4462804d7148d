"""Claim: where customers share a desk or refer friends, an A/B test is biased; mode `joint` shows the bias, and `reuse` would hide it.

- saas, busy desk: a call to everyone in the trial. One agent who works half days makes the calls, so the calls to one half of the
  customers are made sooner than those to all. Metric: activation.
- saas, ample desk: the same with 20 agents. Here, the test should not be biased.
- subscription, gift articles: whoever finishes an article gets one to give away, at most every two weeks. A friend who joins is assigned to
  either arm, so the arms differ little in referred customers. Metrics: referred customers and revenue per customer.
  Revenue per customer falls: friends join late and have less time to pay, and more messages cost attention.

Truth: all customers under the alternative minus all under the baseline. Mode `joint` simulates mixed assignment, one half under each
policy. Mode `reuse` resamples the customers of the two unmixed runs, so its mean estimate is the true effect by construction.

Seeds are 11..10 + R, fixed before the first run with them. The cases were chosen with the seeds 1..10.

Run: `python experiments/interference_bias.py [--replications R] [--out DIR]`.
"""

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from published_findings import ROOT, Finding, write_findings_report

import cjsim as cj
from cjsim.metrics.ratios import RatioTerms
from cjsim.rehearsal.analyses import FixedHorizon
from cjsim.rehearsal.customer_resampling import ArmPopulations
from cjsim.rehearsal.operating_characteristics import rehearse_design
from cjsim.rehearsal.results.design_report import DesignReport
from cjsim.rehearsal.scenario_outcomes import metric_terms

WORKDAYS = ["monday", "tuesday", "wednesday", "thursday", "friday"]
FIRST_SEED = 11
FIXED = (FixedHorizon(),)


class Case(NamedTuple):
    """Two policies, the metric that compares them after a number of days, and whether a test should be biased."""

    name: str
    base: cj.Scenario
    alternative: cj.Scenario
    metric: str
    days: int
    is_biased: bool = True


def saas_calls(agents: int) -> tuple[cj.Scenario, cj.Scenario]:
    """Return saas without and with a call to everyone in the trial, by agents who work half days."""
    base = cj.Scenario.load(ROOT / "configs" / "scenarios" / "saas.yaml")
    desk = {"shifts": [{"agents": agents, "from": "09:00", "to": "13:00", "weekdays": WORKDAYS}]}
    desks = base.policy.to_dict()["desks"] | {"success": desk}
    base = base.with_values({"customers": 6000, "horizon": "28d", "seed": FIRST_SEED, "policy.desks": desks})
    call = {"on": {"stage": "step_2"}, "again_after": "never", "priority": 60, "steps": [{"wait": "4h"}, {"send": "first_call"}]}
    return base, with_flow(base, "call", call)


def gift_articles() -> tuple[cj.Scenario, cj.Scenario]:
    """Return subscription without and with articles to give away, for a year."""
    base = cj.Scenario.load(ROOT / "configs" / "scenarios" / "subscription.yaml").with_values({"horizon": "365d", "seed": FIRST_SEED})
    gift = {"on": {"event": "good_read"}, "again_after": "14d", "priority": 24, "steps": [{"wait": "2h"}, {"send": "give_an_article"}]}
    return base, with_flow(base, "gift", gift)


def with_flow(base: cj.Scenario, name: str, flow: dict[str, Any]) -> cj.Scenario:
    """Return the scenario with one more flow."""
    return base.with_values({"name": name, "policy.flows": base.policy.to_dict()["flows"] | {name: flow}})


def cases() -> list[Case]:
    """Return the cases of the study."""
    return [
        Case("saas, busy desk", *saas_calls(1), "activation", 28),
        Case("saas, ample desk", *saas_calls(20), "activation", 28, is_biased=False),
        Case("subscription, gift articles", *gift_articles(), "referred", 365),
        Case("subscription, gift articles", *gift_articles(), "revenue", 365),
    ]


def reused(case: Case, settings: cj.RehearsalSettings) -> DesignReport:
    """Return what `reuse` would report: tests of customers from the unmixed runs of all replications."""
    seeds = range(case.base.seed, case.base.seed + settings.replications)
    arms = []
    for scenario in (case.base, case.alternative):
        runs = (cj.simulate(scenario, seed=seed, replications=1) for seed in seeds)
        arms.append(_joined([metric_terms(run, case.metric, run.entered) for run in runs]))
    return rehearse_design(ArmPopulations.from_arms(*arms), size=case.base.customers, settings=settings)[0]


def _joined(terms: Sequence[RatioTerms]) -> RatioTerms:
    return RatioTerms(np.concatenate([one.numerator for one in terms]), np.concatenate([one.denominator for one in terms]))


def row_of(case: Case, replications: int) -> dict[str, Any]:
    """Return the truth, the bias, and how both modes judge a test of all initial customers."""
    settings = cj.RehearsalSettings(runs=2000, seed=1, analyses=FIXED, replications=replications)
    sizes, days = [case.base.customers], [case.days]
    found = cj.rehearse(case.base, {"other": case.alternative}, metric=case.metric, sizes=sizes, days=days, settings=settings)
    report = found.alternatives["other"]
    truth, bias, joint = report.truth_by_days[case.days], report.interference[case.days], report.designs[0]
    reuse = reused(case, settings)
    return {
        "case": case.name,
        "metric": case.metric,
        "days": case.days,
        "customers": case.base.customers,
        "replications": bias.runs,
        "shared": " and ".join(found.shared),
        "baseline": truth.baseline,
        "effect": truth.effect,
        "low": truth.low,
        "high": truth.high,
        "estimate_joint": truth.effect + bias.bias,
        "estimate_reuse": reuse.effect,
        "bias": bias.bias,
        "bias_low": bias.low,
        "bias_high": bias.high,
        "coverage_joint": joint.coverage.value,
        "coverage_joint_error": joint.coverage.error,
        "coverage_reuse": reuse.coverage.value,
        "power_joint": joint.power.value,
        "power_reuse": reuse.power.value,
        "is_biased": case.is_biased,
    }


def finding(row: dict[str, Any]) -> Finding:
    """Return the bias as a finding: clearly not 0 if customers share something scarce, otherwise not clearly different from 0."""
    is_clear = row["bias_low"] > 0 or row["bias_high"] < 0
    why = (
        f"true effect {row['effect']:+.4g} [{row['low']:+.4g}, {row['high']:+.4g}]; mean estimate of a test {row['estimate_joint']:+.4g},"
        f" by `reuse` {row['estimate_reuse']:+.4g}; 95 % intervals contain the true effect in {row['coverage_joint']:.1%} of tests, by"
        f" `reuse` in {row['coverage_reuse']:.1%}; power {row['power_joint']:.1%}, by `reuse` {row['power_reuse']:.1%}"
    )
    return Finding(
        f"{row['case']}: bias in {row['metric']} after {row['days']} days",
        "not 0" if row["is_biased"] else "0 within the interval",
        row["bias"],
        row["bias_low"],
        row["bias_high"],
        row["replications"],
        is_clear == row["is_biased"],
        why,
    )


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--replications", type=int, default=40)
    parser.add_argument("--out", type=Path, help="folder of the report")
    given = parser.parse_args()
    rows = []
    for case in cases():
        rows.append(row_of(case, given.replications))
        of = finding(rows[-1])
        print(f"{of.statement}: {of.simulated:+.5f} [{of.low:+.5f}, {of.high:+.5f}], n {of.n}; {of.why}", flush=True)
    if given.out is not None:
        write_report(rows, given.out)


def write_report(rows: list[dict[str, Any]], out: Path) -> None:
    """Write the report page and the table."""
    seeds = f"{FIRST_SEED}..{FIRST_SEED + rows[0]['replications'] - 1}"
    words = f"""Bias: difference between the arms of a test with mixed assignment, minus the difference between the same customers
when all are under the policy of their arm. n is the number of replications (seeds {seeds}), each with {rows[0]["customers"]:,} (saas) or
{rows[-1]["customers"]:,} (subscription) initial customers. Tests have as many customers, half of them under each policy; 2,000 are
rehearsed in each mode. Activation and referred are shares of customers; revenue is money per customer.

`reuse` resamples the customers of the two unmixed runs. It assumes that a customer's outcome does not depend on the policy of
others, so its tests estimate the true effect without bias. A real test mixes the policies, as `joint` does.

- **Busy desk.** One agent cannot call everyone in the trial. In the test, the agent calls one half only, and each of these calls comes
  sooner. With 20 agents, calls do not wait for each other.
- **Gift articles.** Friends join both arms, whoever invited them. The test therefore misses the growth. It also
  underrates the loss of revenue per customer: friends, who join late and pay less, lower it in both arms alike."""
    title = "The bias of tests in which customers share something"
    write_findings_report("interference_bias", title, words, [finding(row) for row in rows], {"bias": rows}, out, reference_label="wanted")


if __name__ == "__main__":
    main()

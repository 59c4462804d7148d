"""Claim: a rule that is learned from a trial brings in a policy what was promised; where customers do not differ, no rule is proposed.

Three test journeys: customers whose purchase history tells who gains from a mail, customers whose country tells it, and customers who all
gain alike. For each, a trial is simulated and exported with the features that the firm knows; T- and DR-learners are fitted, and one is
selected by its loss; policies are valued on rows that the models have not seen. If a personalized policy is clearly better than mailing
all and mailing nobody, its rule is exported, put into the policy and simulated on fresh customers, beside both constant policies.

Run: `python experiments/targeting_loop.py [--runs R] [--customers N] [--out DIR]` (trial seeds 1 to R; about half a minute each).
"""

import argparse
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

import cjsim as cj
from cjsim.uplift.interval_estimates import IntervalEstimate
from cjsim.uplift.learners.dr_learner import DRLearner
from cjsim.uplift.learners.held_out_predictions import predict_held_out
from cjsim.uplift.learners.learner_selection import compare_losses
from cjsim.uplift.learners.nuisances import augmented_scores, cross_fit_nuisances
from cjsim.uplift.learners.t_learner import TLearner
from cjsim.uplift.learners.training_rows import check_rows
from cjsim.uplift.policy_value import PolicyComparison, policy_values
from cjsim.uplift.treatment_rules import best_cut

RUNS, CUSTOMERS, FOLDS, FRESH_SEED = 10, 20_000, 5, 1_000
MARGIN, COST = 0.4, 1.5  # share of a sale; money per mail
MAIL_DAY, DAYS = 60, 28  # customers are mailed once, on a day, and observed for four weeks
ARMS = ("none", "mail")
_LATER = ("customer", "arm", "assigned_day", "observed_days", "days_since_entry", "stage_before")
_OUTCOMES = ("purchases", "revenue", "contacts", "opens", "clicks", "opt_outs", "retained")


def purchase_event(days: str, **terms: Any) -> dict[str, Any]:
    """An event whose clock ends in a purchase."""
    effects = [{"purchase": {"value": {"lognormal": {"median": 20, "sigma": 0.4}}, "margin": MARGIN}}]
    return {"in": "anywhere", "wait": {"exponential": days}, "half_life": "7d", "effects": effects, **terms}


def scenario(events: dict[str, Any], lift: dict[str, float], **journey: Any) -> dict[str, Any]:
    """A scenario without flows: events that the mail lifts."""
    mail = {"channel": "mail", "open_rate": 0.5, "cost": COST, "lift": {"delivered": lift}}
    declared = {"name": "shop", "starts_in": "customer", "stages": {"customer": {"retained": True}}, "channels": {"mail": {}}}
    return {
        "name": "targeting",
        "journey": declared | {"events": events, "messages": {"letter": mail}} | journey,
        "policy": {"name": "none"},
        "start": "2026-01-05",
        "horizon": f"{MAIL_DAY + DAYS}d",
        "discount_rate": 0.0,
    }


BY_HISTORY = scenario(
    {"buy": purchase_event("30d")},
    {"buy": 1.5},
    personas={
        "regular": {"share": 0.5, "speed": {"buy": 3.0}, "responds": {"buy": 0.0}},
        "rare": {"share": 0.5, "speed": {"buy": 0.6}},
    },
)
BY_COUNTRY = scenario(
    {"buy_here": purchase_event("20d", when="country == UK"), "buy_abroad": purchase_event("20d", when="country == FR")},
    {"buy_here": 1.0, "buy_abroad": -0.5},
    attributes={"country": {"UK": 0.5, "FR": 0.5}},
)
ALIKE = scenario({"buy": purchase_event("20d")}, {"buy": 0.5}, attributes={"country": {"UK": 0.5, "FR": 0.5}})
WORLDS: Mapping[str, dict[str, Any]] = {
    "history tells who gains": BY_HISTORY,
    "country tells who gains": BY_COUNTRY,
    "all gain alike": ALIKE,
}


class Learned(NamedTuple):
    """What a trial taught: the policies compared, the learner selected, and the rule if one is proposed."""

    comparison: PolicyComparison
    learner: str
    rule: cj.TargetingRule | None


def with_policy(world: dict[str, Any], steps: list[Any], rules: dict[str, Any] | None = None) -> cj.Scenario:
    """The scenario under a policy that runs these steps for each customer on the day of the mail."""
    date = (pd.Timestamp(world["start"]) + pd.Timedelta(days=MAIL_DAY)).strftime("%Y-%m-%d")
    flows = {"mailing": {"on": {"date": date}, "steps": steps}} if steps else {}
    return cj.Scenario.from_dict(world | {"policy": {"name": "p", "flows": flows, "rules": rules or {}}})


def learn(table: pd.DataFrame, seed: int) -> Learned:
    """Read a trial: select a learner, value policies on unseen rows, and export a rule if it is clearly better than the constants."""
    X = table.drop(columns=[*_LATER, *_OUTCOMES]).dropna(axis=1, how="all")  # nobody was contacted before
    treatment = (table["arm"] == ARMS[1]).to_numpy().astype(np.int64)
    propensity = np.full((len(X), 2), 0.5)
    rows = check_rows(X, table["revenue"].to_numpy(), treatment, propensity=propensity, clusters=None)
    nuisances = cross_fit_nuisances(rows.X, rows.y, rows.treatment, propensity=propensity, folds=FOLDS, seed=seed)
    learners = {
        "T, linear": TLearner(seed=seed),
        "T, trees": TLearner("trees", seed=seed),
        "DR, linear": DRLearner(seed=seed),
        "DR, trees": DRLearner("linear", "trees", seed=seed),
    }
    predictions = {name: predict_held_out(one, rows, nuisances.fold) for name, one in learners.items()}
    losses = compare_losses(predictions, rows.y, rows.treatment, nuisances=nuisances).losses
    chosen = min((loss for loss in losses if loss.learner in learners), key=lambda loss: loss.loss).learner
    scores, predicted = augmented_scores(rows.y, rows.treatment, nuisances), predictions[chosen].reshape(len(X), -1)
    comparison = policy_values(scores, predicted, arms=ARMS, value=MARGIN, costs=(0.0, COST), seed=seed)
    best = next(one for one in comparison.policies if one.rule == comparison.best)
    if best.is_constant:
        return Learned(comparison, chosen, None)
    gains = MARGIN * predicted[:, 0] - COST
    cut = 0.0 if best.rule.startswith("gain above cost") else best_cut(gains, MARGIN * (scores[:, 1] - scores[:, 0]) - COST, 1.0)
    model = learners[chosen].fit(rows.X, rows.y, rows.treatment, propensity=propensity)
    return Learned(comparison, chosen, cj.export_rule(model, X, threshold=float(np.nextafter((cut + COST) / MARGIN, -np.inf))))


class Loop(NamedTuple):
    """One loop: the trial, what was promised, and what the simulation of fresh customers shows, in money per customer."""

    seed: int
    learned: Learned
    promised: IntervalEstimate | None  # gain of the rule over the better constant policy of the trial
    realized: tuple[float, float, float] | None  # the same, in the simulation
    over: dict[str, tuple[float, float, float]]  # simulated gain of the rule over mailing nobody, and all


def run_loop(world: dict[str, Any], seed: int, customers: int) -> Loop:
    """Simulate a trial, learn, and simulate the rule on fresh customers."""
    mail = [{"send": "letter"}]
    split = {"split": {"none": {"share": 0.5}, "mail": {"share": 0.5, "steps": mail}}, "experiment": "trial"}
    learned = learn(cj.export_trial(with_policy(world, [split]), customers=customers, seed=seed), seed)
    if learned.rule is None:
        return Loop(seed, learned, None, None, {})
    best = next(one for one in learned.comparison.policies if one.rule == learned.comparison.best)
    with tempfile.TemporaryDirectory() as folder:
        learned.rule.save(Path(folder) / "rule.json")
        targeted = with_policy(world, [{"branch": {"if": "rule(mail)", "then": mail}}], {"mail": {"file": str(Path(folder) / "rule.json")}})
        constants = {"nobody": with_policy(world, []), "everybody: mail": with_policy(world, mail)}
        over = {}
        for name, constant in constants.items():
            compared = cj.compare({"constant": constant, "rule": targeted}, customers=2 * customers, seed=FRESH_SEED + seed)
            effect = compared.alternatives["rule"]["clv"]
            over[name] = (effect.effect, effect.low, effect.high)
    return Loop(seed, learned, best.gain, over[learned.comparison.best_constant], over)


def interval(low: float, value: float, high: float) -> str:
    """A value with its interval."""
    return f"{value:.3f} [{low:.3f}, {high:.3f}]"


def study(runs: int, customers: int) -> str:
    """The report page."""
    loops = {name: [run_loop(world, seed, customers) for seed in range(1, runs + 1)] for name, world in WORLDS.items()}
    rows, counts = [], []
    for name, found in loops.items():
        for one in found:
            if one.promised is None or one.realized is None:
                best, gain = one.learned.comparison.best, "no rule proposed"
                rows.append(f"| {name} | {one.seed} | {one.learned.learner} | {best} | {gain} | | | |")
                continue
            gained = [interval(low, value, high) for value, low, high in (one.realized, *one.over.values())]
            promised = interval(one.promised.low, one.promised.estimate, one.promised.high)
            rows.append(
                f"| {name} | {one.seed} | {one.learned.learner} | {one.learned.comparison.best} | {promised} | {' | '.join(gained)} |"
            )
        proposed = [one for one in found if one.realized is not None and one.promised is not None]
        beats = sum(all(low > 0 for _, low, _ in one.over.values()) for one in proposed)
        covered = sum(one.promised.low <= one.realized[0] <= one.promised.high for one in proposed if one.promised and one.realized)
        means = [
            np.mean([one.promised.estimate for one in proposed if one.promised]),
            np.mean([one.realized[0] for one in proposed if one.realized]),
        ]
        shown = [f"{mean:.3f}" for mean in means] if proposed else ["", ""]
        counts.append(f"| {name} | {len(proposed)} of {runs} | {beats} | {covered} | {shown[0]} | {shown[1]} |")
    return "\n".join(
        [
            "# Targeting: from a trial to a rule in the policy",
            "",
            f"{(__doc__ or '').split('Run:')[0].strip()}",
            "",
            f"Written by `python experiments/targeting_loop.py --runs {runs} --customers {customers}`. Trials of {customers:,} customers, "
            f"seeds 1 to {runs}; policies simulated on {2 * customers:,} fresh customers, seeds {FRESH_SEED + 1} to {FRESH_SEED + runs}, "
            f"paired. Money per customer after the cost of a letter ({COST}), over {DAYS} days; 95 % intervals.",
            "",
            "## Summary",
            "",
            "| journey | rules proposed | clearly better than nobody and all | realized gain inside the promised interval "
            "| mean promised gain | mean realized gain |",
            "|---|---|---|---|---|---|",
            *counts,
            "",
            "The promised gain is that of the best of several policies on the rows of one trial, so that it is slightly optimistic.",
            "",
            "## Promised and realized gain of each loop",
            "",
            "| journey | seed | learner | policy | promised gain over the better constant policy | realized | realized over nobody "
            "| realized over all |",
            "|---|---|---|---|---|---|---|---|",
            *rows,
            "",
        ]
    )


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=RUNS, help="trials of each journey")
    parser.add_argument("--customers", type=int, default=CUSTOMERS, help="customers of a trial")
    parser.add_argument("--out", type=Path, help="folder of the report")
    given = parser.parse_args()
    page = study(given.runs, given.customers)
    print(page)
    if given.out is not None:
        given.out.mkdir(parents=True, exist_ok=True)
        (given.out / "report.md").write_text(page, encoding="utf-8")


if __name__ == "__main__":
    main()

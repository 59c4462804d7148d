"""`OutcomeReadout`: the effects on one outcome, who gains, and which policy to use."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from cjsim.errors import InputError, format_error
from cjsim.readout.outcome_learning import NOBODY, LearnedOutcome
from cjsim.readout.readout_settings import POWER, ReadoutSettings, parse_effect
from cjsim.uplift.arm_means import arm_means
from cjsim.uplift.effect_groups import GroupEffect
from cjsim.uplift.interval_estimates import IntervalEstimate, holm_adjusted, normal_estimate
from cjsim.uplift.sample_size import PlannedTest
from cjsim.uplift.treatment_rules import GAIN_ABOVE_COST
from cjsim.uplift.trial_effects import ArmEffect, OutcomeEffects
from cjsim.uplift.trials.dataset import Trial

if TYPE_CHECKING:
    from cjsim.uplift.targeting.rule_tables import TargetingRule

_ALPHA = 0.05


@dataclass(frozen=True)
class RequiredSize:
    """Numbers of rows that the next test needs to detect a given effect.

    Attributes
    ----------
    arm : str
        Label of the treated arm.
    effect : float
        Difference from the control to detect, in the unit of the outcome.
    control, treated : int
        Rows needed in the control and in the arm, with the shares of this trial.
    power, alpha : float
        Power, and type I error rate of the two-sided test, already divided by the number of treated arms.
    variance_factor : float
        Factor by which adjustment and clusters change the variance, as in this trial.
    """

    arm: str
    effect: float
    control: int
    treated: int
    power: float
    alpha: float
    variance_factor: float


@dataclass(frozen=True, eq=False)
class OutcomeReadout:
    """The readout of one outcome.

    Attributes
    ----------
    effects : OutcomeEffects
        Means of the arms, and effects between them.
    learned : LearnedOutcome or None
        Who gains, and which policy to use; None if this cannot be learned.
    reason : str
        Why it cannot be learned; empty if it can.
    constant_policies : tuple of (str, float, IntervalEstimate)
        Rule, share of treated customers, and value of each constant policy, computed from the means of the arms; used if nothing is
        learned.
    best : str
        The policy to use.
    gain : IntervalEstimate
        Gain per customer from treating everybody with the best arm rather than nobody, in the unit of the policy values.
    value, max_share : float
        Value of one unit of the outcome, and largest share of customers to treat.
    costs : tuple of float
        Cost of each arm per customer.
    is_money : bool
        Whether the value of the outcome was given, in which case policies are valued in money.
    sizes : tuple of RequiredSize
        Sizes of the next test; empty unless an effect to detect is given.
    """

    effects: OutcomeEffects
    learned: LearnedOutcome | None
    reason: str
    constant_policies: tuple[tuple[str, float, IntervalEstimate], ...]
    best: str
    gain: IntervalEstimate
    value: float
    max_share: float
    costs: tuple[float, ...]
    is_money: bool
    sizes: tuple[RequiredSize, ...]

    @property
    def name(self) -> str:
        """Name of the outcome."""
        return self.effects.outcome

    @property
    def control(self) -> str:
        """Label of the control."""
        return self.effects.arms[0].arm

    @property
    def proposed(self) -> str | None:
        """The personalized policy to use, or None if a constant policy is to be used."""
        return None if self.learned is None else self.learned.proposed

    def rule(self, policy: str | None = None, *, distill_depth: int | None = None) -> "TargetingRule":
        """Return a personalized policy as a targeting rule, with the selected learner fitted to all rows.

        The score of the rule is the predicted gain before costs, in the unit of the policy values. For the policy 'gain above cost', the
        threshold is the cost; for 'best share', it is the policy's cutoff plus the cost. This cutoff is chosen on all rows, with the
        held-out predictions of the selected learner.

        Parameters
        ----------
        policy : str, optional
            Name of a personalized policy for one arm, such as 'gain above cost: mail'. By default, the proposed one.
        distill_depth : int, optional
            Maximum depth of a tree that imitates the rule; see `export_rule`.

        Returns
        -------
        TargetingRule

        Raises
        ------
        InputError
            If nothing is learned, no policy is proposed or named, the policy is not for one arm, or the learner cannot be exported.
        """
        if self.learned is None:
            must = "must come from a trial that shows who gains"
            raise InputError(format_error(f"rule for {self.name}", must, "one that does not", self.reason))
        chosen = policy or self.proposed
        if chosen is None:
            remedy = f"Name another policy to export it anyway, such as '{GAIN_ABOVE_COST}: {self.effects.arms[1].arm}'."
            raise InputError(format_error(f"rule for {self.name}", "must be proposed by the readout", f"'{self.best}'", remedy))
        return self.learned.basis.rule(chosen, distill_depth=distill_depth)

    def effect_of(self, arm: str) -> ArmEffect:
        """Return the effect of an arm against the control."""
        return self.effects.effect(arm, self.control)

    def harmed(self) -> tuple[tuple[str, GroupEffect], ...]:
        """Return the groups that are proven to be harmed, each with its arm."""
        rankings = self.learned.rankings if self.learned is not None else ()
        return tuple((ranking.arm, group) for ranking in rankings for group in ranking.harmed)

    def policy_rows(self) -> list[tuple[str, float, IntervalEstimate, IntervalEstimate | None]]:
        """Return the rule, share and value of each policy, and its gain over the best constant policy (None for constant policies)."""
        if self.learned is None:
            return [(*row, None) for row in self.constant_policies]
        policies = self.learned.policies.policies
        return [(one.rule, one.share, one.value, None if one.is_constant else one.gain) for one in policies]

    def to_json(self) -> dict[str, Any]:
        """Return the values of the readout, with keys as in `cjsim uplift --json`."""
        return {
            "kind": self.effects.kind,
            "n": self.effects.n,
            "missing": self.effects.n_missing,
            "method": self.effects.method,
            "level": self.effects.level,
            "arms": [arm.to_json() for arm in self.effects.arms],
            "effects": [effect.to_json() for effect in self.effects.effects],
            "heterogeneity": [] if self.learned is None else _heterogeneity_json(self.learned),
            "learners": [] if self.learned is None else _learners_json(self.learned),
            "groups": [] if self.learned is None else _groups_json(self.learned),
            "policies": [_policy_json(*row) for row in self.policy_rows()],
            "best": self.best,
            "not_learned": self.reason or None,
            "value": self.value,
            "value_assumed": not self.is_money,
            "costs": dict(zip((arm.arm for arm in self.effects.arms), self.costs, strict=True)),
            "sizes": [vars(size) for size in self.sizes],
        }


def constant_policy_choice(
    effects: OutcomeEffects, settings: ReadoutSettings
) -> tuple[str, IntervalEstimate, tuple[tuple[str, float, IntervalEstimate], ...]]:
    """Choose among constant policies, based on the effects alone.

    Parameters
    ----------
    effects : OutcomeEffects
        Means of the arms and effects between them.
    settings : ReadoutSettings
        Value and costs.

    Returns
    -------
    str
        Treat everybody with the best arm if this is clearly better than treating nobody; otherwise, treat nobody.
    IntervalEstimate
        Gain per customer from treating everybody with the best arm rather than nobody.
    tuple of (str, float, IntervalEstimate)
        Rule, share and value of each constant policy.
    """
    labels = [arm.arm for arm in effects.arms]
    value, costs, share = settings.value_of(effects.outcome), settings.costs_of(labels), settings.max_share
    control = effects.arms[0]
    policies, gains = [], []
    for arm, cost in zip(effects.arms, costs, strict=True):
        part = share if arm is not control else 1.0
        ends = [value * number - cost for number in (arm.mean, arm.low, arm.high)]
        kept = value * control.mean - costs[0]
        estimate, low, high = (part * end + (1 - part) * kept for end in ends)
        half = (high - low) / 2
        rule = NOBODY if arm is control else f"everybody: {arm.arm}" if share == 1 else f"a random {100 * share:.0f} %: {arm.arm}"
        policies.append((rule, 0.0 if arm is control else share, IntervalEstimate(estimate, half / 1.96, min(low, high), max(low, high))))
        if arm is not control:
            effect = effects.effect(arm.arm, control.arm)
            gain = share * (value * effect.effect - (cost - costs[0]))
            gains.append(normal_estimate(gain, abs(share * value) * effect.standard_error))
    largest = max(range(len(gains)), key=lambda i: gains[i].estimate)
    is_clear = gains[largest].estimate > 0 and holm_adjusted([gain.p_not_zero for gain in gains])[largest] <= _ALPHA
    return policies[largest + 1][0] if is_clear else NOBODY, gains[largest], tuple(policies)


def required_sizes(trial: Trial, effects: OutcomeEffects, detect: str | float | None) -> tuple[RequiredSize, ...]:
    """Return the numbers of rows that the next test needs to detect a given effect of each arm.

    Parameters
    ----------
    trial : Trial
        Rows with a known outcome.
    effects : OutcomeEffects
        Effects on the outcome.
    detect : str, float or None
        Effect to detect; see `parse_effect`.

    Returns
    -------
    tuple of RequiredSize
        Empty if no effect to detect is given.

    Raises
    ------
    InputError
        If the effect would move a success rate outside [0, 1].
    """
    if detect is None:
        return ()
    named, control = parse_effect(detect), effects.arms[0]
    size = named.size * control.mean if named.is_relative else named.size
    y = trial.outcomes[effects.outcome].values
    if named.is_relative and size == 0:
        got, remedy = f"{detect} of a mean of 0", "Name the effect in the unit of the outcome."
        raise InputError(format_error("detect", "must be an effect other than 0", got, remedy))
    is_binary = effects.kind == "binary"
    if is_binary and not 0 <= control.mean + size <= 1:
        must = f"must keep the share of '{effects.outcome}' from 0 to 1 ({control.mean:.4g} in the control)"
        remedy = "Use a smaller effect, such as 0.01 or 10%."
        raise InputError(format_error("detect", must, str(detect), remedy))
    plain = arm_means(y, trial.treatment, len(trial.arms)).covariance
    deviation = (
        None if is_binary else float(np.sqrt(np.mean([np.var(y[trial.treatment == arm], ddof=1) for arm in range(len(trial.arms))])))
    )
    alpha = _ALPHA / (len(trial.arms) - 1)
    sizes = []
    for arm in range(1, len(trial.arms)):
        effect = effects.effect(trial.arms[arm], control.arm)
        factor = effect.standard_error**2 / float(plain[0, 0] + plain[arm, arm])
        shares = (float(trial.arm_sizes[0]), float(trial.arm_sizes[arm]))
        mean = min(max(control.mean, 0.0), 1.0) if is_binary else control.mean
        planned = PlannedTest(mean=mean, standard_deviation=deviation, shares=shares, alpha=alpha, variance_factor=factor)
        found = planned.sample_size(size, power=POWER)
        sizes.append(RequiredSize(trial.arms[arm], size, found.control, found.treated, POWER, alpha, factor))
    return tuple(sizes)


def _heterogeneity_json(learned: LearnedOutcome) -> list[dict[str, Any]]:
    rows = []
    for one in learned.heterogeneity:
        for test in (one.test, *one.others):
            decides = test is one.test
            extra = {"p_adjusted": one.p_adjusted, "rate": one.rate.to_json()} if decides else {}
            rows.append(
                {
                    "arm": one.arm,
                    "p": test.p,
                    "proven": one.is_proven if decides else test.is_proven,
                    "learner": test.learner,
                    "splits": test.splits,
                    "method": test.method,
                    "decides": decides,
                    "small": one.is_small if decides else None,
                    "slope": test.slope.to_json(),
                    "spread": test.spread.to_json(),
                    "groups": [group.to_json() for group in test.groups],
                    **extra,
                }
            )
    return rows


def _learners_json(learned: LearnedOutcome) -> list[dict[str, Any]]:
    loss_of = {one.learner: one for one in learned.selection.losses}
    rows = []
    for ranking in learned.rankings:
        for one in ranking.curves.learners:
            is_binary = not np.isnan(one.qini.estimate)
            score, loss = one.qini if is_binary else one.qini_area, loss_of[one.learner]
            rows.append(
                {
                    "arm": ranking.arm,
                    "learner": one.learner,
                    "qini": score.estimate,
                    "low": score.low,
                    "high": score.high,
                    "uplift_at_30": one.uplift_at_top.estimate,
                    "uplift_at_30_low": one.uplift_at_top.low,
                    "uplift_at_30_high": one.uplift_at_top.high,
                    "score": "qini_auc_score" if is_binary else "qini_area",
                    "dr_loss_difference": loss.difference,
                    "selected": one.learner == learned.selection.chosen,
                    "statement": ranking.curves.statement,
                }
            )
    return rows


def _groups_json(learned: LearnedOutcome) -> list[dict[str, Any]]:
    folds = learned.folds_by_learner
    return [
        {"arm": ranking.arm, "learner": next(iter(folds)), "folds_by_learner": folds, "do_not_contact": group in ranking.harmed}
        | group.to_json()
        for ranking in learned.rankings
        for group in ranking.groups.groups
    ]


def _policy_json(rule: str, share: float, value: IntervalEstimate, gain: IntervalEstimate | None) -> dict[str, Any]:
    row = {"rule": rule, "share": share, "value": value.estimate, "low": value.low, "high": value.high}
    return row | {"gain": None if gain is None else gain.to_json()}

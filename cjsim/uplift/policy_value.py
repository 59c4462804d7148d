"""Doubly robust values of treatment policies, with intervals and paired differences from the best constant policy.

A policy is evaluated on rows that it has not seen: predictions come from models fitted to other rows, and a cutoff that maximizes the value
on one half of the rows is evaluated on the other half. A personalized policy is recommended only if its gain over every constant policy is
clear.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from cjsim.errors import InputError, format_error, short_repr
from cjsim.json_records import JsonRecord
from cjsim.uplift.interval_estimates import LEVEL, IntervalEstimate, holm_adjusted, mean_estimate
from cjsim.uplift.row_arrays import Floats, Ints, check_rows
from cjsim.uplift.treatment_rules import TreatmentRule, best_share, constant_rules, gain_above_cost


@dataclass(frozen=True)
class PolicyValue(JsonRecord):
    """Value of a policy per customer, treated or not, after costs: in money if `value` is money, else in the unit of the outcome."""

    rule: str
    share: float  # of customers who get an arm other than the control
    value: IntervalEstimate
    gain: IntervalEstimate  # over the best constant policy, paired
    p: float  # one-sided, of the hypothesis that it is no better than some constant policy; 1 for constant ones
    p_holm: float  # adjusted for all personalized policies within the budget
    is_constant: bool
    within_budget: bool

    @property
    def is_clear(self) -> bool:
        """Whether the policy is better than every constant policy, at the two-sided 5 % level with Holm's correction."""
        return self.p_holm <= (1.0 - LEVEL) / 2.0


@dataclass(frozen=True)
class PolicyComparison(JsonRecord):
    """Policies, constant ones first, and which of them to use."""

    policies: tuple[PolicyValue, ...]
    best: str
    best_constant: str

    @property
    def statement(self) -> str:
        """The recommendation, in one sentence."""
        best = next(policy for policy in self.policies if policy.rule == self.best)
        if best.is_constant:
            return f"Use '{self.best}': no personalized policy is clearly better."
        gain = best.gain
        return f"Use '{self.best}': {gain.estimate:.4g} per customer better than '{self.best_constant}' [{gain.low:.4g}, {gain.high:.4g}]."


def policy_values(
    scores: Floats,
    predicted: Floats,
    *,
    arms: Sequence[str],
    value: float = 1.0,
    costs: Sequence[float] | None = None,
    max_share: float = 1.0,
    clusters: Ints | None = None,
    seed: int,
) -> PolicyComparison:
    """Evaluate constant and personalized policies, and choose one.

    A row's reward under an arm is value * score - cost. The policies are: treat nobody; and, for each arm, treat everybody (or a random
    share under a budget), customers whose predicted gain exceeds the cost, or the top-ranked share (cross-fitted). With several arms,
    another policy gives each customer the arm with the largest gain. The best policy is the personalized one with the highest value
    among those that are clearly better than every constant policy. If there is none, it is the constant policy with the highest value.

    Parameters
    ----------
    scores : ndarray of float64, shape (n, n_arms)
        Doubly robust scores, whose means are the expected outcomes under each arm.
    predicted : ndarray of float64, shape (n, n_arms - 1), or (n,) for two arms
        Predicted effect of each arm over the control, in the unit of the outcome, from models that have not seen these rows.
    arms : sequence of str
        Names, the control first.
    value : float
        Value of one unit of the outcome, such as the margin of an order.
    costs : sequence of float, or None
        Cost of each arm per customer, in the unit of `value`; None for 0.
    max_share : float
        Largest share of customers to treat, in (0, 1].
    clusters : ndarray of int64, shape (n,), or None
        Cluster of each row, for the standard errors and the halves.
    seed : int
        Seed of the division into halves.

    Returns
    -------
    PolicyComparison

    Raises
    ------
    InputError
        If shapes do not match, an array contains nan, there are fewer than 4 rows or clusters, or `max_share` is outside (0, 1].

    References
    ----------
    Dudik, Langford, Li (2011), ICML; Athey, Wager (2021), Econometrica 89(1), 133-161. Comparison with every constant policy: Berger
    (1982), Technometrics 24(4), 295-300.
    """
    predicted = predicted.reshape(len(predicted), -1)
    _check_arguments(scores, predicted, arms, costs, max_share, clusters)
    cost = np.zeros(len(arms)) if costs is None else np.asarray(costs, dtype=np.float64)
    rewards = value * scores - cost
    gains = np.column_stack([np.zeros(len(scores)), value * predicted - (cost[1:] - cost[0])])
    half = _halves(len(scores), clusters, seed)
    rules = constant_rules(len(scores), arms, max_share) + gain_above_cost(gains, arms, max_share)
    for arm in range(1, len(arms)):
        rules.append(best_share(gains[:, arm], rewards[:, arm] - rewards[:, 0], half, arm, arms, max_share))
    return _compared(rules, rewards, clusters)


def _compared(rules: list[TreatmentRule], rewards: Floats, clusters: Ints | None) -> PolicyComparison:
    by_rule = [np.einsum("ij,ij->i", rule.assignment, rewards) for rule in rules]
    values = [mean_estimate(reward, clusters) for reward in by_rule]
    constants = [i for i, rule in enumerate(rules) if rule.is_constant]
    best_constant = max(constants, key=lambda i: values[i].estimate)
    candidates = [i for i, rule in enumerate(rules) if not rule.is_constant and rule.keeps_budget]
    p_values = {i: max(mean_estimate(by_rule[i] - by_rule[c], clusters).p_above_zero for c in constants) for i in candidates}
    adjusted = dict(zip(candidates, holm_adjusted([p_values[i] for i in candidates]), strict=True))
    policies = tuple(
        PolicyValue(
            rule=rule.name,
            share=rule.treated_share,
            value=values[i],
            gain=mean_estimate(by_rule[i] - by_rule[best_constant], clusters),
            p=p_values.get(i, 1.0),
            p_holm=adjusted.get(i, 1.0),
            is_constant=rule.is_constant,
            within_budget=rule.keeps_budget,
        )
        for i, rule in enumerate(rules)
    )
    clear = [policy for policy in policies if policy.is_clear]
    best = max(clear, key=lambda policy: policy.value.estimate) if clear else policies[best_constant]
    return PolicyComparison(policies, best.rule, policies[best_constant].rule)


def _halves(n: int, clusters: Ints | None, seed: int) -> Ints:
    """Random half of each row, shape (n,); rows of a cluster are in the same half."""
    unit = np.arange(n) if clusters is None else np.unique(clusters, return_inverse=True)[1]
    n_units = int(unit.max()) + 1
    if n_units < 4:
        raise InputError(format_error("scores", "must have at least 4 rows or clusters", str(n_units), "Use a larger trial."))
    return np.random.default_rng(seed).permutation(np.arange(n_units) % 2)[unit]


def _check_arguments(
    scores: Floats, predicted: Floats, arms: Sequence[str], costs: Sequence[float] | None, max_share: float, clusters: Ints | None
) -> None:
    check_rows({"scores": scores, "predicted": predicted, "clusters": clusters})
    k = len(arms)
    for name, found, expected in (("scores", scores.shape, (len(scores), k)), ("predicted", predicted.shape, (len(scores), k - 1))):
        if found != expected:
            raise InputError(format_error(name, f"must have shape {expected}", str(found), f"There are {k} arms, including the control."))
    if costs is not None and (len(costs) != k or not np.all(np.isfinite(costs))):
        must = f"must have a number for each of {k} arms, including the control"
        raise InputError(format_error("costs", must, short_repr(list(costs)), "Use 0 for an arm that costs nothing."))
    if not 0.0 < max_share <= 1.0:
        raise InputError(format_error("max_share", "must be above 0 and at most 1", short_repr(max_share), "Use 1 for no limit."))

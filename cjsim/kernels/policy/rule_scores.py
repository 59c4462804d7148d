"""Targeting rules: the score of a customer, from features that the firm observes, and whether the rule treats the customer."""

import math

import numpy as np

from cjsim.kernel import inlined, rule
from cjsim.kernels.codes import RuleColumnCode, RuleFeature
from cjsim.kernels.state import CustomerState
from cjsim.kernels.world import World

LOWEST_LOG_ODDS = -700.0  # below it, exp overflows, and the probability is 0


@inlined
def _days_or_nan(now: float, then: float) -> float:
    """Days from `then` to `now`; nan if `then` is -inf (never)."""
    return now - then if then > -math.inf else math.nan


@rule
def feature_value(state: CustomerState, feature: int, arg: int) -> float:
    """The value of a RuleFeature now: a count, days, money, or a level code; nan or a code of -1 if there is none."""
    customer = state.customer[0]
    now: float = customer.now
    if feature == RuleFeature.ATTRIBUTE:
        level: float = state.attributes[arg]
        return level
    if feature == RuleFeature.COUNT:
        return float(state.clocks[arg].count)
    if feature == RuleFeature.PURCHASES:
        return float(customer.paid_events)
    if feature == RuleFeature.REVENUE:
        paid: float = customer.paid
        return paid
    if feature == RuleFeature.CONTACTS:
        return float(customer.contacts)
    if feature == RuleFeature.OPENS:
        return float(customer.opens)
    if feature == RuleFeature.CLICKS:
        return float(customer.clicks)
    if feature == RuleFeature.OPT_OUTS:
        return float(customer.opt_outs)
    if feature == RuleFeature.SINCE_PURCHASE:
        return _days_or_nan(now, customer.last_paid)
    if feature == RuleFeature.SINCE_CONTACT:
        return _days_or_nan(now, customer.last_contact)
    if feature == RuleFeature.SINCE_ENTRY:
        return _days_or_nan(now, customer.entered)
    if feature == RuleFeature.STAGE:
        return float(customer.observed_stage)
    if feature == RuleFeature.DAY:
        return now
    return 0.0


@rule
def column_value(world: World, state: CustomerState, index: int) -> float:
    """The value of a column of a rule now, after encoding, imputation and scaling."""
    column = world.rule_columns[index]
    missing: float = column.missing
    x = feature_value(state, column.feature, column.arg)
    if column.kind == RuleColumnCode.LEVEL:
        if x < 0.0:
            return missing
        value: float = world.rule_levels[column.level_first + int(x)]
        return value
    if math.isnan(x):
        return missing
    shift: float = column.shift
    if column.kind == RuleColumnCode.PRESENCE:
        return shift
    scale: float = column.scale
    return (x - shift) / scale


@rule
def leaf_value(world: World, state: CustomerState, root: int) -> float:
    """The value of the leaf that the columns in `state.rule_inputs` reach."""
    index = root
    while world.rule_nodes[index].column >= 0:
        node = world.rule_nodes[index]
        x = state.rule_inputs[node.column]
        goes_left = node.missing_left == 1 if math.isnan(x) else x <= node.threshold
        index = node.left if goes_left else node.right
    value: float = world.rule_nodes[index].value
    return value


@rule
def term_value(world: World, state: CustomerState, index: int) -> float:
    """The value of a term on its scale: link(linear model) or link(mean or sum of trees).

    Writes: rule_inputs.
    """
    term = world.rule_terms[index]
    total: float = term.intercept
    if term.tree_count == 0:
        for i in range(term.column_first, term.column_first + term.column_count):
            total += world.rule_columns[i].weight * column_value(world, state, i)
    else:
        for i in range(term.column_count):
            x = column_value(world, state, term.column_first + i)
            state.rule_inputs[i] = float(np.float32(x)) if term.is_single == 1 else x
        for i in range(term.tree_first, term.tree_first + term.tree_count):
            total += leaf_value(world, state, world.rule_trees[i])
        total /= term.divisor
    if term.is_logistic == 0:
        return total
    return 1.0 / (1.0 + math.exp(-total)) if total > LOWEST_LOG_ODDS else 0.0


@rule
def rule_score(world: World, state: CustomerState, index: int) -> float:
    """The score of a rule for this customer now: the predicted gain, in the unit of the outcome that the rule was learned on.

    Writes: rule_inputs.
    """
    record = world.rules[index]
    score = 0.0
    for i in range(record.first, record.first + record.count):
        score += world.rule_terms[i].weight * term_value(world, state, i)
    return score


@rule
def rule_treats(world: World, state: CustomerState, index: int) -> bool:
    """Whether the score of a rule strictly exceeds its threshold.

    Writes: rule_inputs.
    """
    above: float = world.rules[index].above
    return rule_score(world, state, index) > above

"""Writes a targeting rule that consists of one small tree as a condition in the policy language, which a team can read and change."""

import math

from cjsim.errors import InputError, format_error
from cjsim.uplift.targeting.rule_tables import RuleColumn, RuleInput, RuleTerm, RuleTree, TargetingRule

MAX_DEPTH = 3
ALWAYS, NEVER = "day >= 0", "day < 0"
_WORDS = {
    "assigned_day": "day",
    "days_since_entry": "days_since_entry",
    "purchases_before": "purchases",
    "revenue_before": "revenue",
    "contacts_before": "contacts",
    "opens_before": "opens",
    "clicks_before": "clicks",
    "days_since_purchase": "days_since_purchase",
    "days_since_contact": "days_since_contact",
}
_NEVER_HAPPENED = "> 1000000"  # days since something that never happened are infinite in a condition


def rule_condition(rule: TargetingRule, *, above: float | None = None) -> str:
    """Write a one-tree rule as a condition, such as `(purchases > 1.5 and country in [UK])`.

    `purchases` and `revenue` in a condition count every purchase, and the features count observed events with a payment. The two differ
    only in journeys where one event has several purchases, or a message or a hidden event has one.

    Parameters
    ----------
    rule : TargetingRule
        A rule that consists of one decision tree of at most 3 levels, exported or distilled.
    above : float, optional
        Score above which customers are treated. Defaults to the threshold of the rule.

    Returns
    -------
    str
        A condition for `if` in a policy.

    Raises
    ------
    InputError
        If the rule is not one small tree, or uses a feature that conditions cannot express.

    Examples
    --------
    >>> tree = RuleTree((0, -1, -1), (1.5, 0.0, 0.0), (1, 0, 0), (2, 0, 0), (False,) * 3, (0.0, -1.0, 2.0))
    >>> term = RuleTerm(1.0, "identity", (RuleColumn(0),), 0.0, trees=(tree,))
    >>> rule_condition(TargetingRule((RuleInput("purchases_before"),), (term,)))
    'purchases > 1.5'
    """
    if len(rule.terms) != 1 or len(rule.terms[0].trees) != 1 or _depth(rule.terms[0].trees[0], 0) > MAX_DEPTH:
        must, remedy = f"must be one tree of at most {MAX_DEPTH} levels", f"Export it with distill_depth={MAX_DEPTH}, or use its file."
        raise InputError(format_error("rule", must, _size_text(rule), remedy))
    text = _Writer(rule, rule.threshold if above is None else above).condition(0)
    return text[1:-1] if text.startswith("(") and _closes_last(text) else text


def _closes_last(text: str) -> bool:
    """Whether the first parenthesis closes at the end of the text."""
    level = 0
    for position, character in enumerate(text):
        level += (character == "(") - (character == ")")
        if level == 0:
            return position == len(text) - 1
    return False


def _size_text(rule: TargetingRule) -> str:
    n_trees = sum(len(term.trees) for term in rule.terms)
    return f"{len(rule.terms)} terms with {n_trees} trees" if n_trees != 1 else "a deeper tree"


def _depth(tree: RuleTree, node: int) -> int:
    return 0 if tree.column[node] < 0 else 1 + max(_depth(tree, tree.left[node]), _depth(tree, tree.right[node]))


class _Writer:
    """Writes the condition under which a customer reaches a leaf whose score is above the threshold."""

    def __init__(self, rule: TargetingRule, above: float) -> None:
        self.features, self.above = rule.features, above
        self.term: RuleTerm = rule.terms[0]
        self.tree = self.term.trees[0]

    def condition(self, node: int) -> str:
        """Return the condition of the part of the tree below a node."""
        if self.tree.column[node] < 0:
            return ALWAYS if self._score(self.tree.value[node]) > self.above else NEVER
        left, right = self.condition(self.tree.left[node]), self.condition(self.tree.right[node])
        if left == right:
            return left
        test, opposite = self._tests(node)
        if left in (ALWAYS, NEVER) and right in (ALWAYS, NEVER):
            return test if left == ALWAYS else opposite
        if left in (ALWAYS, NEVER):
            return f"({test} or {right})" if left == ALWAYS else f"({opposite} and {right})"
        if right in (ALWAYS, NEVER):
            return f"({opposite} or {left})" if right == ALWAYS else f"({test} and {left})"
        return f"(({test} and {left}) or ({opposite} and {right}))"

    def _score(self, leaf: float) -> float:
        value = (self.term.intercept + leaf) / self.term.divisor
        return self.term.weight * (value if self.term.link == "identity" else 1.0 / (1.0 + math.exp(-value)))

    def _tests(self, node: int) -> tuple[str, str]:
        """Conditions for going left and for going right."""
        column, threshold = self.term.columns[self.tree.column[node]], self.tree.threshold[node]
        assert column.feature is not None
        feature = self.features[column.feature]
        if column.kind == "level":
            return _label_tests(feature, column, threshold)
        word = _word(feature)
        missing_left = self.tree.missing_left[node] if math.isnan(column.missing) else column.missing <= threshold
        if column.kind == "presence":
            test, opposite = f"{word} {_NEVER_HAPPENED}", f"{word} <= 1000000"
            return (test, opposite) if missing_left else (opposite, test)
        cut = f"{threshold * column.scale + column.shift:.9g}"
        if missing_left and word.startswith("days_since") and word != "days_since_entry":
            return f"({word} <= {cut} or {word} {_NEVER_HAPPENED})", f"({word} > {cut} and {word} <= 1000000)"
        return f"{word} <= {cut}", f"{word} > {cut}"


def _label_tests(feature: RuleInput, column: RuleColumn, threshold: float) -> tuple[str, str]:
    word = "stage" if feature.name == "stage_before" else feature.name.removeprefix("attribute_")
    left = [level for level, value in zip(feature.levels or (), column.values, strict=True) if value <= threshold]
    right = [level for level in feature.levels or () if level not in left]
    listed = right if len(right) <= len(left) else left
    inside, outside = f"{word} in [{', '.join(listed)}]", f"{word} not in [{', '.join(listed)}]"
    return (outside, inside) if listed is right else (inside, outside)


def _word(feature: RuleInput) -> str:
    if feature.name.startswith("events[") and feature.name.endswith("]_before"):
        return f"count({feature.name.removeprefix('events[').removesuffix(']_before')})"
    if feature.name not in _WORDS:
        remedy = "Use the rule file in the policy instead."
        raise InputError(format_error(f"rule: {feature.name}", "must be a feature that conditions can express", "none", remedy))
    return _WORDS[feature.name]

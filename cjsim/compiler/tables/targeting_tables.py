"""Compiles targeting rules to the arrays that kernels read."""

from typing import Any

from cjsim.kernels.codes import RuleColumnCode, RuleFeature
from cjsim.scenario.condition_names import ConditionNames
from cjsim.scenario.kinds.registers import RecordFields
from cjsim.scenario.policy import PolicySpec
from cjsim.scenario.rule_features import FeatureCode, feature_code
from cjsim.uplift.targeting.rule_tables import RuleColumn, RuleInput, RuleTerm, RuleTree, TargetingRule

_KINDS = {"number": RuleColumnCode.NUMBER, "presence": RuleColumnCode.PRESENCE, "level": RuleColumnCode.LEVEL}


def targeting_tables(policy: PolicySpec, names: ConditionNames) -> dict[str, Any]:
    """Compile the targeting rules of a policy.

    Parameters
    ----------
    policy : PolicySpec
        A valid policy.
    names : ConditionNames
        The names that the policy may use.

    Returns
    -------
    dict of str to list
        Rows of the arrays `rules` and `rule_...` of `World`.

    Raises
    ------
    InputError
        If the file of a rule has become invalid.
    """
    tables = _Tables(names)
    for use in policy.rules.values():
        rule = TargetingRule.load(use.file)
        tables.add(rule, rule.threshold if use.above is None else use.above)
    return tables.rows


class _Tables:
    """Rows of all rules, one after another."""

    def __init__(self, names: ConditionNames) -> None:
        self.names = names
        tables = ("rules", "rule_terms", "rule_columns", "rule_levels", "rule_trees", "rule_nodes")
        self.rows: dict[str, list[Any]] = {table: [] for table in tables}

    def add(self, rule: TargetingRule, above: float) -> None:
        """Append a rule."""
        features = [(feature, feature_code(feature.name, self.names)) for feature in rule.features]
        first = len(self.rows["rule_terms"])
        for term in rule.terms:
            self._add_term(term, features)
        self.rows["rules"].append({"above": above, "first": first, "count": len(rule.terms)})

    def _add_term(self, term: RuleTerm, features: list[tuple[RuleInput, FeatureCode]]) -> None:
        columns, trees = self.rows["rule_columns"], self.rows["rule_trees"]
        fields: RecordFields = {"weight": term.weight, "intercept": term.intercept, "divisor": term.divisor}
        fields |= {"column_first": len(columns), "column_count": len(term.columns)}
        fields |= {"tree_first": len(trees), "tree_count": len(term.trees)}
        fields |= {"is_logistic": int(term.link == "logistic"), "is_single": int(term.rounds_to_float32)}
        weights = term.coefficients or (0.0,) * len(term.columns)
        columns += [self._column(column, weight, features) for column, weight in zip(term.columns, weights, strict=True)]
        for tree in term.trees:
            trees.append(self._add_tree(tree))
        self.rows["rule_terms"].append(fields)

    def _column(self, column: RuleColumn, weight: float, features: list[tuple[RuleInput, FeatureCode]]) -> RecordFields:
        fields: RecordFields = {"kind": _KINDS[column.kind], "shift": column.shift, "scale": column.scale, "missing": column.missing}
        if column.feature is None:
            return fields | {"feature": RuleFeature.CONSTANT, "weight": weight}
        declared, code = features[column.feature]
        fields |= {"feature": code.feature, "arg": code.arg, "weight": weight}
        if column.kind == "level":
            values = dict(zip(declared.levels or (), column.values, strict=True))
            fields["level_first"] = len(self.rows["rule_levels"])
            self.rows["rule_levels"] += [values.get(level, column.other) for level in code.levels or ()]
        return fields

    def _add_tree(self, tree: RuleTree) -> int:
        """Append the nodes of a tree. Returns the index of its root."""
        root = len(self.rows["rule_nodes"])
        keys = ("threshold", "value", "column", "left", "right", "missing_left")
        for threshold, value, column, left, right, missing_left in zip(
            tree.threshold, tree.value, tree.column, tree.left, tree.right, tree.missing_left, strict=True
        ):
            node = (threshold, value, column, root + left, root + right, int(missing_left))
            self.rows["rule_nodes"].append(dict(zip(keys, node, strict=True)))
        return root

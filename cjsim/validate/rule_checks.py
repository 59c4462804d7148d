"""Checks of targeting rules: their files are valid, and the firm knows their features when it decides."""

from collections.abc import Iterator

from cjsim.errors import InputError, short_repr
from cjsim.scenario.condition_names import ConditionError, ConditionNames
from cjsim.scenario.policy import PolicySpec
from cjsim.scenario.rule_features import feature_code
from cjsim.uplift.targeting.rule_tables import RuleInput, TargetingRule
from cjsim.yaml.paths import Fault, KeyPath


def rule_faults(policy: PolicySpec, names: ConditionNames) -> Iterator[Fault]:
    """Yield the faults of all targeting rules of a policy.

    Parameters
    ----------
    policy : PolicySpec
        The policy.
    names : ConditionNames
        The names that the policy may use.

    Yields
    ------
    Fault
    """
    for name, use in policy.rules.items():
        path: KeyPath = ("rules", name, "file")
        try:
            rule = TargetingRule.load(use.file)
        except InputError as error:
            yield Fault(path, "must be the file of a targeting rule", short_repr(use.file), str(error))
            continue
        for position, feature in enumerate(rule.features):
            yield from _feature_faults(path, rule, position, feature, names)


def _feature_faults(path: KeyPath, rule: TargetingRule, position: int, feature: RuleInput, names: ConditionNames) -> Iterator[Fault]:
    """Yield a fault if a feature does not exist in the journey, or has different values there."""
    try:
        known = feature_code(feature.name, names)
    except ConditionError as error:
        yield Fault(path, error.must, error.got, error.remedy)
        return
    if (known.levels is None) != (feature.levels is None):
        kind = "a number" if known.levels is None else "text"
        got = f"'{feature.name}' as {'a number' if feature.levels is None else 'text'}"
        yield Fault(path, f"must use '{feature.name}' as {kind}", got, "Fit the model to the columns of an exported trial.")
        return
    columns = [column for term in rule.terms for column in term.columns if column.feature == position and column.kind == "level"]
    new = [level for level in known.levels or () if level not in (feature.levels or ())]
    if new and not all(column.takes_other for column in columns):
        remedy = "Fit the model to a trial that contains it, or use an encoder that accepts unknown labels."
        yield Fault(path, f"must have a value for every level of '{feature.name}'", f"no value for '{new[0]}'", remedy)

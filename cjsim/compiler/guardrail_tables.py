"""Compiles guardrails and personalization to records."""

from cjsim.compiler.symbols import Symbols
from cjsim.scenario.kinds.registers import RecordFields
from cjsim.scenario.policy import PolicySpec


def guardrail_rows(policy: PolicySpec, symbols: Symbols) -> dict[str, list[RecordFields]]:
    """Compile the guardrails and personalization of a policy.

    Parameters
    ----------
    policy : PolicySpec
        The policy.
    symbols : Symbols
        Receives the conditions of personalization and the slots of caps and budgets.

    Returns
    -------
    dict of str to list of records
        Rows by field of `World`. The fields are named after the YAML keys.
    """
    rows = {key: [record for rule in rules for record in rule.records(symbols)] for key, rules in policy.guardrails.rules()}
    levels = [{"program": symbols.condition(level.condition), "accuracy": level.accuracy} for level in policy.personalisation]
    return {**rows, "personalisation": levels}

"""Compiles guardrails and personalization to records."""

from cjsim.compiler.policy_switch import JointPolicy
from cjsim.compiler.symbols import Symbols
from cjsim.scenario.kinds.registers import RecordFields


def guardrail_rows(joint: JointPolicy, symbols: Symbols) -> dict[str, list[RecordFields]]:
    """Compile the guardrails and personalization of a policy.

    Parameters
    ----------
    joint : JointPolicy
        The policy. Caps that are not in force count contacts and refuse nothing; budgets that are not in force apply to no channel.
    symbols : Symbols
        Receives the conditions of personalization and the slots of caps and budgets.

    Returns
    -------
    dict of str to list of records
        Rows by field of `World`. The fields are named after the YAML keys.
    """
    policy = joint.policy
    rows = {key: [record for rule in rules for record in rule.records(symbols)] for key, rules in policy.guardrails.rules()}
    levels = [{"program": symbols.condition(level.condition), "accuracy": level.accuracy} for level in policy.personalisation]
    for cap, is_in_force in zip(rows["caps"], joint.caps_in_force, strict=True):
        if not is_in_force:
            cap.update({"days": -1.0} if cap["at_most"] else {"channels": 0})
    for budget, is_in_force in zip(rows["budgets"], joint.budgets_in_force, strict=True):
        if not is_in_force:
            budget["channels"] = 0
    return {**rows, "personalisation": levels}

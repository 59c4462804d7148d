"""Compiles guardrails and personalization to record arrays."""

from cjsim.compiler.symbols import Symbols, record_array
from cjsim.kernels.world import PERSONALISATION, Array, World
from cjsim.scenario.policy import PolicySpec


def guardrail_arrays(policy: PolicySpec, symbols: Symbols) -> dict[str, Array]:
    """Compile the guardrails and personalization of a policy.

    Parameters
    ----------
    policy : PolicySpec
        The policy.
    symbols : Symbols
        Receives the conditions of personalization and the slots of caps and budgets.

    Returns
    -------
    dict of str to ndarray
        Arrays by field of `World`. The fields are named after the YAML keys.
    """
    arrays = {
        key: record_array(World.FIELDS[key].dtype, [record for rule in rules for record in rule.records(symbols)])
        for key, rules in policy.guardrails.rules()
    }
    levels = [{"program": symbols.condition(level.condition), "accuracy": level.accuracy} for level in policy.personalisation]
    return {**arrays, "personalisation": record_array(PERSONALISATION, levels)}

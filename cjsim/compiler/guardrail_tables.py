"""Compiles guardrails and personalization into their records."""

from cjsim.compiler.symbols import Symbols, record_array
from cjsim.kernels.world import PERSONALISATION, Array, World
from cjsim.scenario.policy import PolicySpec


def guardrail_arrays(policy: PolicySpec, symbols: Symbols) -> dict[str, Array]:
    """The arrays of a policy's guardrails and personalization: fields of `World`.

    Parameters
    ----------
    policy : PolicySpec
        As declared.
    symbols : Symbols
        The conditions of personalization and the slots of caps and budgets are added to it.

    Returns
    -------
    dict of str to ndarray
        By field of `World`, which has the name of the guardrail's key.
    """
    arrays = {
        key: record_array(World.FIELDS[key].dtype, [record for rule in rules for record in rule.records(symbols)])
        for key, rules in policy.guardrails.rules()
    }
    levels = [{"program": symbols.condition(level.condition), "accuracy": level.accuracy} for level in policy.personalisation]
    return {**arrays, "personalisation": record_array(PERSONALISATION, levels)}

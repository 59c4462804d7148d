"""Compiles guardrails and personalization into their records."""

import math
from typing import NamedTuple

from cjsim.compiler.symbols import RecordFields, Symbols, record_array
from cjsim.kernels.world import BUDGET, CAP, GAP, PERSONALISATION, QUIET_HOURS, Array
from cjsim.scenario.policy import Guardrails, PolicySpec


class GuardrailArrays(NamedTuple):
    """Fields of `World`, and how many slots the caps need and how many periods the budgets have."""

    arrays: dict[str, Array]
    rings: int
    cutoffs: int


def guardrail_arrays(policy: PolicySpec, horizon_days: float, symbols: Symbols) -> GuardrailArrays:
    """The arrays of a policy's guardrails.

    Parameters
    ----------
    policy : PolicySpec
        As declared.
    horizon_days : float
        Days.
    symbols : Symbols
        The conditions of personalization are added to it.

    Returns
    -------
    GuardrailArrays
    """
    rules = policy.guardrails
    caps, n_rings = _cap_rows(rules, symbols)
    budgets, n_cutoffs = _budget_rows(rules, horizon_days, symbols)
    programs = symbols.programs
    personalisation = [{"program": programs.index_of(level.condition), "accuracy": level.accuracy} for level in policy.personalisation]
    arrays = {
        "quiet_hours": record_array(QUIET_HOURS, _quiet_hours_rows(rules, symbols)),
        "gaps": record_array(GAP, _gap_rows(rules, symbols)),
        "caps": record_array(CAP, caps),
        "budgets": record_array(BUDGET, budgets),
        "personalisation": record_array(PERSONALISATION, personalisation),
    }
    return GuardrailArrays(arrays, n_rings, n_cutoffs)


def _quiet_hours_rows(rules: Guardrails, symbols: Symbols) -> list[RecordFields]:
    return [{"channels": symbols.channel_mask(rule.channels), "start": rule.start, "end": rule.end} for rule in rules.quiet_hours]


def _gap_rows(rules: Guardrails, symbols: Symbols) -> list[RecordFields]:
    return [{"channels": symbols.channel_mask(rule.channels), "days": rule.at_least} for rule in rules.gaps]


def _cap_rows(rules: Guardrails, symbols: Symbols) -> tuple[list[RecordFields], int]:
    rows, n_rings = [], 0
    for rule in rules.caps:
        rows.append({"channels": symbols.channel_mask(rule.channels), "days": rule.per, "at_most": rule.at_most, "first": n_rings})
        n_rings += rule.at_most
    return rows, n_rings


def _budget_rows(rules: Guardrails, horizon_days: float, symbols: Symbols) -> tuple[list[RecordFields], int]:
    rows, n_cutoffs = [], 0
    for rule in rules.budgets:
        periods = math.floor(horizon_days / rule.per) + 1
        row = {"channels": symbols.channel_mask(rule.channels), "days": rule.per, "at_most": rule.at_most}
        rows.append({**row, "first": n_cutoffs, "periods": periods})
        n_cutoffs += periods
    return rows, n_cutoffs

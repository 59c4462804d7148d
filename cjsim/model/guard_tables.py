"""Guardrails -> their records: quiet hours, gaps, caps, budgets, and how well the firm knows interests.

Lives here: the tables of what bounds contacts. Does not live here: what they refuse (guardrails.py).
"""

import math
from typing import NamedTuple

from cjsim.model.policy import Guardrails, Policy
from cjsim.model.registers import Registers, Row, record_array
from cjsim.model.world import BUDGET, CAP, GAP, PERSONALISATION, QUIET, Records


class GuardrailArrays(NamedTuple):
    """Fields of `World`, and how many slots the caps and periods the budgets need."""

    arrays: dict[str, Records]
    rings: int
    cutoffs: int


def guardrail_arrays(policy: Policy, horizon_days: float, registers: Registers) -> GuardrailArrays:
    """The arrays of a policy's guardrails.

    Parameters
    ----------
    policy : Policy
        As declared.
    horizon_days : float
        Days.
    registers : Registers
        Takes the conditions of personalisation.

    Returns
    -------
    GuardrailArrays
    """
    rules = policy.guardrails
    caps, n_rings = _caps(rules, registers)
    budgets, n_cutoffs = _budgets(rules, horizon_days, registers)
    programs = registers.programs
    known = [{"program": programs.of(level.condition), "accuracy": level.accuracy} for level in policy.personalisation]
    arrays = {
        "quiet": record_array(QUIET, _quiet(rules, registers)),
        "gaps": record_array(GAP, _gaps(rules, registers)),
        "caps": record_array(CAP, caps),
        "budgets": record_array(BUDGET, budgets),
        "personalisation": record_array(PERSONALISATION, known),
    }
    return GuardrailArrays(arrays, n_rings, n_cutoffs)


def _quiet(rules: Guardrails, registers: Registers) -> list[Row]:
    return [{"channels": registers.channel_mask(rule.channels), "start": rule.start, "end": rule.end} for rule in rules.quiet_hours]


def _gaps(rules: Guardrails, registers: Registers) -> list[Row]:
    return [{"channels": registers.channel_mask(rule.channels), "days": rule.at_least} for rule in rules.gaps]


def _caps(rules: Guardrails, registers: Registers) -> tuple[list[Row], int]:
    rows, n_rings = [], 0
    for rule in rules.caps:
        rows.append({"channels": registers.channel_mask(rule.channels), "days": rule.per, "at_most": rule.at_most, "ring": n_rings})
        n_rings += rule.at_most
    return rows, n_rings


def _budgets(rules: Guardrails, horizon_days: float, registers: Registers) -> tuple[list[Row], int]:
    rows, n_cutoffs = [], 0
    for rule in rules.budgets:
        periods = math.floor(horizon_days / rule.per) + 1
        row = {"channels": registers.channel_mask(rule.channels), "days": rule.per, "at_most": rule.at_most}
        rows.append({**row, "first": n_cutoffs, "periods": periods})
        n_cutoffs += periods
    return rows, n_cutoffs

"""One scenario in which each customer is under one of two policies, so that both groups share desks, send budgets and referred friends.

Flows, broadcasts and levels of personalization that differ between the policies depend on the customer's arm, an attribute that is drawn
once for each customer. Random numbers are keyed by name, so customers in the baseline arm have the same trajectories as under the baseline,
unless others affect them.
"""

from collections.abc import Collection, Mapping
from typing import Any

from cjsim.errors import InputError, format_error
from cjsim.frame import Array
from cjsim.kernels.rng import uniforms
from cjsim.simulation.documents import Scenario
from cjsim.simulation.run import Run
from cjsim.yaml.document import DOCUMENT_NOTES

ARM, BASE, ALTERNATIVE = "rehearsal_arm", "base", "alternative"
_NOTES = ("title", *DOCUMENT_NOTES)  # keys that do not affect customers


def mixed_scenario(base: Scenario, alternative: Scenario, *, share: float, since_day: int | None = None) -> Scenario:
    """Return a scenario in which a share of the customers is under the alternative, and all others are under the baseline.

    A flow whose content differs is included twice, under different names; the alternative's version starts only for customers in its arm. A
    flow that starts before `since_day` finishes under the baseline.

    Parameters
    ----------
    base, alternative : Scenario
        Scenarios that differ only in flows, broadcasts and personalization.
    share : float
        Share of customers under the alternative, in [0, 1].
    since_day : int, optional
        Day from which the alternative applies, counted from the start. By default, it applies from entry.

    Returns
    -------
    Scenario

    Raises
    ------
    InputError
        If the scenarios differ in anything else, because the rest applies to the firm as a whole, not to individual customers.
    """
    _require_equal_rest(base, alternative)
    before, after = (one.policy.to_dict() for one in (base, alternative))
    attributes = base.journey.to_dict().get("attributes", {})
    is_base, is_alternative = f"{ARM} == {BASE}", f"{ARM} == {ALTERNATIVE}"
    if since_day is not None:
        is_base, is_alternative = f"({is_base} or day < {since_day})", f"{is_alternative} and day >= {since_day}"
    values: dict[str, Any] = {"journey.attributes": {**attributes, ARM: {BASE: 1 - share, ALTERNATIVE: share}}}
    renamed: dict[str, str] = {}
    taken = {*before.get("flows", {}), *after.get("flows", {}), *before.get("broadcasts", {}), *after.get("broadcasts", {})}
    for key in ("flows", "broadcasts"):
        first, second = before.get(key, {}), after.get(key, {})
        differing = [name for name in second if name in first and first[name] != second[name]]
        renamed |= {name: _free_name(f"{name}_{ALTERNATIVE}", taken) for name in differing}
        values[f"policy.{key}"] = _merged(first, second, renamed, (is_base, is_alternative))
    spared = base.policy.guardrails.spared
    if extra := [renamed[name] for name in spared if name in renamed]:
        values["policy.guardrails.spared"] = [*spared, *extra]
    levels = [(before.get("personalisation", ()), is_base), (after.get("personalisation", ()), is_alternative)]
    if levels[0][0] != levels[1][0]:
        values["policy.personalisation"] = [_gated(level, gate) for group, gate in levels for level in group]
    return base.with_values({path: value for path, value in values.items() if value}, location="rehearsal")


def is_under_alternative(run: Run, share: float) -> Array:
    """Return which customers of a run are under the alternative in a mixed scenario with the same seed.

    Parameters
    ----------
    run : Run
        A run of one of the policies or of both.
    share : float
        Share of customers under the alternative.

    Returns
    -------
    ndarray of bool, shape (n_customers,)
    """
    return uniforms(run.provenance.seed, run.keys, f"attribute:{ARM}") >= 1 - share


def _require_equal_rest(base: Scenario, alternative: Scenario) -> None:
    """Raise an error that names the difference if the scenarios differ in anything that cannot depend on the arm."""
    before, after = base.to_dict(), alternative.to_dict()
    free = {"journey": _NOTES, "policy": (*_NOTES, "name", "flows", "broadcasts", "personalisation")}
    differing = [
        f"{document}.{key}"
        for document in ("journey", "policy")
        for key in {**before[document], **after[document]}
        if before[document].get(key) != after[document].get(key) and key not in free[document]
    ]
    if before.get("discount_rate") != after.get("discount_rate"):
        differing.append("discount_rate")
    if not differing:
        return
    must = f"must have the {differing[0]} of '{base.name}', because all customers of a mixed test share it"
    remedy = "Use the baseline's, and let only flows, broadcasts and personalisation differ."
    raise InputError(format_error(f"scenario '{alternative.name}'", must, f"other {' and '.join(differing)}", remedy))


def _merged(first: Mapping[str, Any], second: Mapping[str, Any], renamed: Mapping[str, str], gates: tuple[str, str]) -> dict[str, Any]:
    """Merge flows or broadcasts. Those that differ depend on the arm. Each keeps its place in the order of its policy where possible."""
    merged: dict[str, Any] = {}
    waiting = list(second)

    def add_up_to(name: str | None) -> None:
        while waiting and waiting[0] != name:
            if (other := waiting.pop(0)) not in first:
                merged[other] = _gated(second[other], gates[1])
            elif other in renamed:
                merged[renamed[other]] = _gated(second[other], gates[1])

    for name, one in first.items():
        if name in waiting:
            add_up_to(name)
            waiting.pop(0)
        is_shared = second.get(name) == one
        merged[name] = one if is_shared else _gated(one, gates[0])
        if name in renamed and renamed[name] not in merged:
            merged[renamed[name]] = _gated(second[name], gates[1])
    add_up_to(None)
    return merged


def _gated(one: Mapping[str, Any], gate: str) -> dict[str, Any]:
    """Return a flow, a broadcast or a level of personalization that applies only if a condition holds."""
    condition = one.get("if")
    return {**one, "if": gate if condition is None else f"({condition}) and {gate}"}


def _free_name(name: str, taken: Collection[str]) -> str:
    while name in taken:
        name += "_"
    return name

"""Translates pydantic's validation errors into faults."""

import re
from collections.abc import Callable
from typing import Any

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from cjsim.errors import closest_choice, did_you_mean, nearest_choices, quote_choices, short_repr
from cjsim.yaml.document_kind import owner_of
from cjsim.yaml.examples import Slot, example_text, slots_at
from cjsim.yaml.keyed_union import NO_SINGLE_KIND, Kind, kinds_of
from cjsim.yaml.paths import Fault, KeyPath, existing_node, model_keys, path_text, types_at
from cjsim.yaml.remedies import remedy
from cjsim.yaml.tree import Node

# Words that people write instead of a key.
_SYNONYMS = {
    "discount": ("off", "percent", "percentage", "rebate"),
    "amount": ("value", "money", "price"),
    "value": ("price", "amount", "money"),
    "wait": ("delay", "pause", "sleep"),
    "send": ("message", "email", "mail", "sms"),
    "if": ("when", "condition", "where"),
    "when": ("if", "condition"),
    "on": ("trigger", "start", "starts"),
    "at_most": ("max", "maximum", "limit"),
    "at_least": ("min", "minimum"),
    "valid": ("expires", "validity", "duration"),
    "in": ("stage", "stages"),
    "effects": ("then", "actions"),
}
_DOCUMENT_PATHS: tuple[KeyPath, ...] = ((), ("journey",), ("policy",), ("scenario",), ("scenario", "journey"), ("scenario", "policy"))
# Errors that every mismatched branch of a union reports.
_WRONG_BRANCH_ERRORS = frozenset(
    {"model_type", "literal_error", "tuple_type", "string_type", "dict_type", "float_type", "int_type", NO_SINGLE_KIND}
)


def faults_from_pydantic(error: ValidationError, root: Node, model: type[BaseModel]) -> list[Fault]:
    """Translate a validation error into one fault per path.

    Parameters
    ----------
    error : ValidationError
        Raised by `model.model_validate(root.plain())`.
    root : Node
        The validated tree.
    model : type
        The model of the tree.

    Returns
    -------
    list of Fault
    """
    errors_by_path: dict[KeyPath, list[ErrorDetails]] = {}
    for details in error.errors(include_url=False):
        errors_by_path.setdefault(_tree_path(root, details), []).append(details)
    faults = []
    for path, found in errors_by_path.items():
        deeper = any(other[: len(path)] == path and other != path for other in errors_by_path)
        kept = [details for details in found if not (deeper and _is_consequence(details))]
        if kept:
            faults.append(_merge_errors(path, kept, root, model))
    return _drop_consequences(faults)


def _is_consequence(details: ErrorDetails) -> bool:
    """Whether an error is a mere consequence of an error below it: an invalid item matches no branch and is not counted."""
    enough = details["type"] == "too_short" and len(details["input"]) >= details["ctx"]["min_length"]
    return enough or details["type"] in _WRONG_BRANCH_ERRORS


def _drop_consequences(faults: list[Fault]) -> list[Fault]:
    """Drop the missing-key error for a key that another error reports as misspelled."""
    suggested = {(fault.path, match[1]) for fault in faults if (match := re.fullmatch(r"Did you mean '(\w+)'\?", fault.remedy))}
    return [
        fault
        for fault in faults
        if not any((fault.path, key) in suggested and fault.must == _missing_key_text(key) for _, key in suggested)
    ]


def _tree_path(root: Node, details: ErrorDetails) -> KeyPath:
    """The path of an error in the tree. Pydantic's own location also contains the branches of unions."""
    node, path = root, []
    for key in details["loc"]:
        below = node.child(key)
        if below is not None:
            path.append(key)
            node = below
    return tuple(path)


def _missing_key_text(key: str) -> str:
    return f"must have the key '{key}'"


def _merge_errors(path: KeyPath, found: list[ErrorDetails], root: Node, model: type[BaseModel]) -> Fault:
    """Merge all errors at one path into one fault."""
    first = found[0]
    if first["type"] == "missing":
        key = str(first["loc"][-1])
        near = _misspelling_hint(key, existing_node(root, path).value, model_keys(types_at(model, path)))
        example = example_text(slots_at(model, root, (*path, key)))
        addition = f"Add '{key}: {example}'." if example else f"Add '{key}:' and its keys below it."
        return Fault(path, _missing_key_text(key), "a mapping without it", near or addition)
    if first["type"] == "extra_forbidden":
        return _unknown_key_fault(path[:-1], path[-1], root, model)
    if first["type"] == NO_SINGLE_KIND and isinstance(first["input"], dict):
        keys = model_keys(types_at(model, path))
        if unknown := [key for key in first["input"] if key not in keys]:
            return _unknown_key_fault(path, unknown[0], root, model)
        kinds = [one for one in types_at(model, path) if isinstance(one, type) and issubclass(one, Kind)]
        given = [kind.key for kind in kinds if kind.key in first["input"]]
        if len(given) > 1:
            return _several_kinds_fault(path, given, root)
    if first["loc"][-1] == "[key]":
        return Fault(path, str(first["ctx"]["error"]), short_repr(path[-1]), remedy(found, path[-1], (), ()))
    value = existing_node(root, path).plain()
    keys = model_keys(types_at(model, path))
    slots = slots_at(model, root, path)
    musts = [_requirement(details, value, keys, slots) for details in found]
    got = f"{len(value)}" if first["type"] in ("too_short", "too_long") else short_repr(value)
    return Fault(path, _join_alternatives(musts), got, remedy(found, value, slots, keys))


def _unknown_key_fault(path: KeyPath, key: Any, root: Node, model: type[BaseModel]) -> Fault:
    """The fault for an unknown key in the mapping at a path."""
    mapping, types = existing_node(root, path).value, types_at(model, path)
    kinds = kinds_of(types, mapping)
    keys = model_keys(kinds)
    owners = [one.key for one in types if one not in kinds and key in model_keys([one])]
    if owners:
        must = f"must have '{key}' only together with {quote_choices(owners)}"
        return Fault(path, must, f"it together with '{kinds[0].key}'", "Remove it.", at=(*path, key))
    must = f"must have only the {'key' if len(keys) == 1 else 'keys'} {nearest_choices(key, keys)}"
    is_without_kind = any(isinstance(one, type) and issubclass(one, Kind) and one.key not in mapping for one in kinds)
    remedy = "Use one of these keys." if is_without_kind else "Remove it."
    synonym = next((name for name in keys if key in _SYNONYMS.get(name, ())), None)
    owner = owner_of(str(key)) if path in _DOCUMENT_PATHS else ""
    moved = f"It belongs in {owner}: move it there." if owner else ""
    near = f"Did you mean '{synonym}'?" if synonym else moved or did_you_mean(key, keys)
    if "set" in keys and "." in str(key) and not near:
        near = f"Put values by path under 'set', as in {{set: {{{key}: ...}}}}."
    return Fault(path, must, short_repr(key), near or remedy, at=(*path, key))


def _several_kinds_fault(path: KeyPath, given: list[str], root: Node) -> Fault:
    """The fault for a mapping with the keys of several kinds. It names the items of the same list that are of one of these kinds."""
    value = existing_node(root, path).plain()
    items = existing_node(root, path[:-1]).plain() if path and isinstance(path[-1], int) else []
    last = next((key for key in reversed(value) if key in given), given[-1])
    others = [path_text((*path[:-1], i)) for i, item in enumerate(items) if i != path[-1] and isinstance(item, dict) and last in item]
    where = f"'{last}' is at {', '.join(others)}." if others else "Remove all but one."
    must = f"must have only one of {quote_choices(given)}"
    return Fault(path, must, short_repr(value), where, at=(*path, last))


def _misspelling_hint(key: str, mapping: Any, keys: list[str]) -> str:
    """A question about an unknown key that resembles the missing one."""
    unknown = [name for name in mapping if name not in keys] if isinstance(mapping, dict) else []
    near = closest_choice(key, unknown)
    return f"Is '{near}' a misspelling of it?" if near else ""


def _join_alternatives(musts: list[str]) -> str:
    """Join the requirements of the branches of a union."""
    parts = list(dict.fromkeys(musts))
    if len(parts) > 1 and all(part.startswith("must be ") for part in parts):
        return "must be " + ", or ".join(part.removeprefix("must be ") for part in parts)
    return parts[0]


def _limit_text(words: str, key: str) -> Callable[[dict[str, Any], Any], str]:
    """Text of a limit. Limits on durations are in days."""

    def text(ctx: dict[str, Any], value: Any) -> str:
        limit = f"{ctx[key]}" if isinstance(ctx[key], int) else f"{ctx[key]:.15g}"
        return f"must be {words} {limit}" + (" days" if isinstance(value, str) else "")

    return text


def _length_text(words: str, key: str) -> Callable[[dict[str, Any], Any], str]:
    def text(ctx: dict[str, Any], value: Any) -> str:
        noun = "key" if isinstance(value, dict) else "item"
        return f"must have {words} {ctx[key]} {noun}" + ("" if ctx[key] == 1 else "s")

    return text


_REQUIREMENTS: dict[str, str | Callable[[dict[str, Any], Any], str]] = {
    "value_error": lambda ctx, _: str(ctx["error"]),
    "float_type": "must be a number",
    "int_type": "must be a whole number",
    "int_from_float": "must be a whole number",
    "finite_number": "must be a finite number",
    "bool_type": "must be true or false",
    "bool_parsing": "must be true or false",
    "string_type": "must be text",
    "string_too_short": "must be text that is not empty",
    "string_too_long": lambda ctx, _: f"must be at most {ctx['max_length']} characters",
    "dict_type": "must be a mapping of names to values",
    "tuple_type": "must be a list",
    "literal_error": lambda ctx, _: f"must be {ctx['expected'].replace('True', 'true')}",
    "greater_than": _limit_text("above", "gt"),
    "greater_than_equal": _limit_text("at least", "ge"),
    "less_than": _limit_text("below", "lt"),
    "less_than_equal": _limit_text("at most", "le"),
    "too_short": _length_text("at least", "min_length"),
    "too_long": _length_text("at most", "max_length"),
}


# Articles for the titles of text types, by the first words of the title.
_WORDS_OF_TEXT = {"name of": "the ", "name": "a ", "condition": "a ", "tag": "a ", "path of": "the "}


def _requirement(details: ErrorDetails, value: Any, keys: list[str], slots: list[Slot]) -> str:
    """What must hold, starting with "must"."""
    kind = details["type"]
    if kind == "string_pattern_mismatch" or (kind == "string_type" and "constrained-str" in details["loc"]):
        season = r"\d" in str(details.get("ctx", {}).get("pattern"))
        return "must be a day of the year such as '11-24'" if season else "must be a trait name, 1/name or 1-name"
    if kind == NO_SINGLE_KIND and isinstance(details["input"], dict):
        return details["msg"]
    if kind == "string_type":
        return next(
            (f"must be {_WORDS_OF_TEXT[word]}{slot.title}" for slot in slots for word in _WORDS_OF_TEXT if slot.title.startswith(word)),
            "must be text",
        )
    if kind == NO_SINGLE_KIND:
        keys = re.findall(r"'(\w+)'", details["msg"])
    if kind in ("model_type", "model_attributes_type", NO_SINGLE_KIND):
        return f"must be a mapping (keys: {nearest_choices(value, keys)})"
    requirement = _REQUIREMENTS.get(kind, f"must be valid ({details['msg']})")
    return requirement if isinstance(requirement, str) else requirement(dict(details.get("ctx", {})), value)

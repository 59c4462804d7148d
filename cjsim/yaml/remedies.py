"""What to do about a value that pydantic rejects."""

import re
from collections.abc import Callable, Sequence
from datetime import date
from typing import Any, get_origin

from pydantic import BaseModel
from pydantic_core import ErrorDetails

from cjsim.errors import did_you_mean
from cjsim.yaml.examples import Slot, example_text
from cjsim.yaml.keyed_union import NO_SINGLE_KIND, Kind
from cjsim.yaml.paths import union_members
from cjsim.yaml.strict_model import FieldError

_DURATION = re.compile(r"\s*\d+(\.\d+)?\s*(s|min|h|d|w)\s*")
_PERCENT = re.compile(r"\s*-?\d+(\.\d+)?\s*%\s*")
_NUMBER = re.compile(r"\s*-?\d+(\.\d+)?\s*")
_PLURALS = {"item": "items", "key": "keys"}


def remedy(found: Sequence[ErrorDetails], value: Any, slots: Sequence[Slot], keys: Sequence[str]) -> str:
    """Return what to do about the errors of one value, as a sentence.

    Parameters
    ----------
    found : sequence of ErrorDetails
        The errors of the value; several if it matches no branch of a union.
    value : Any
        The value.
    slots : sequence of Slot
        The places of the value in the model.
    keys : sequence of str
        The keys that the value may have if it is a mapping.

    Returns
    -------
    str
    """
    by_type = {details["type"]: details for details in found}
    for kind, suggest in _SUGGESTIONS.items():
        if kind in by_type and (text := suggest(by_type[kind], value, slots, keys)):
            return text
    text = example_text(slots)
    if value is None and any(slot.is_optional for slot in slots):
        return f"Remove the key, or write a value such as {text}." if text else "Remove the key, or write a value."
    if not text:
        return next((_WITHOUT_EXAMPLE[kind] for kind in by_type if kind in _WITHOUT_EXAMPLE), "Write another value.")
    if all(slot.title == "text" for slot in slots):
        return f"Write text such as {text}." if text.startswith("'") else f"Write text such as '{text}'."
    return f"Write a value such as {text}."


def _known_remedy(details: ErrorDetails, value: Any, slots: Sequence[Slot], keys: Sequence[str]) -> str:
    """The remedy that the check itself names."""
    error = details["ctx"]["error"]
    return error.remedy if isinstance(error, FieldError) else ""


def _closest_choice(details: ErrorDetails, value: Any, slots: Sequence[Slot], keys: Sequence[str]) -> str:
    return did_you_mean(value, re.findall(r"'([^']+)'", str(details["ctx"]["expected"]))) if isinstance(value, str) else ""


def _as_list(details: ErrorDetails, value: Any, slots: Sequence[Slot], keys: Sequence[str]) -> str:
    if isinstance(value, str) and value:
        return f"Write it as [{value}]."
    if isinstance(value, dict) and value:
        return "Write it as a list: put '- ' before each item."
    if value in (None, "", {}):
        text = example_text(slots)
        return "Write [] for none" + (f", or a list such as {text}." if text else ".")
    return ""


def _as_kind(details: ErrorDetails, value: Any, slots: Sequence[Slot], keys: Sequence[str]) -> str:
    """How to write a value of a family of kinds."""
    kinds = [one for slot in slots for one in union_members(slot.annotation) if isinstance(one, type) and issubclass(one, Kind)]
    if isinstance(value, dict):
        return f"Add one of these keys, such as {example_text([Slot(kinds[0])])}." if kinds else ""
    if not isinstance(value, str):
        return ""
    if _DURATION.fullmatch(value):
        text = value.strip()
        if "exponential" in keys:
            return f"For a fixed wait, write {{fixed: {text}}}; for a random one with this mean, {{exponential: {text}}}."
        return f"Write {{wait: {text}}}." if "wait" in keys else ""
    named = next((kind for kind in kinds if kind.key == value), None)
    return f"Write a mapping such as {example_text([Slot(named)])}." if named and example_text([Slot(named)]) else ""


def _as_mapping(details: ErrorDetails, value: Any, slots: Sequence[Slot], keys: Sequence[str]) -> str:
    if value is None and any(_needs_no_keys(one) for slot in slots for one in union_members(slot.annotation)):
        text = example_text(slots)
        return "Write {} for the defaults" + (f", or a mapping such as {text}." if text.startswith("{") else ".")
    return ""


def _needs_no_keys(member: Any) -> bool:
    is_model = isinstance(member, type) and issubclass(member, BaseModel)
    return get_origin(member) is dict or (is_model and not any(one.is_required() for one in member.model_fields.values()))


def _as_number(details: ErrorDetails, value: Any, slots: Sequence[Slot], keys: Sequence[str]) -> str:
    if isinstance(value, str) and _PERCENT.fullmatch(value):
        return "Write a share, such as 0.05 for 5 %."
    if isinstance(value, str) and _NUMBER.fullmatch(value):
        return f"Remove the quotes: {value.strip()}."
    return f"Write {round(value)}." if isinstance(value, float) and abs(value) < 1e15 and value == round(value) else ""


def _as_text(details: ErrorDetails, value: Any, slots: Sequence[Slot], keys: Sequence[str]) -> str:
    is_free_text = all(slot.title in ("text", "") for slot in slots)
    return f"Put it in quotes: '{value}'." if is_free_text and isinstance(value, (int, float, date)) and not isinstance(value, bool) else ""


def _within_limit(word: str) -> Callable[[ErrorDetails, Any, Sequence[Slot], Sequence[str]], str]:
    def suggest(details: ErrorDetails, value: Any, slots: Sequence[Slot], keys: Sequence[str]) -> str:
        text = example_text(slots)
        if details["ctx"].get("le", details["ctx"].get("lt")) == 1 and isinstance(value, (int, float)) and 2 <= value <= 100:
            return f"Write a share, such as {value / 100:g} for {value:g} %."
        return f"Use a {word} value, such as {text}." if text else f"Use a {word} value."

    return suggest


def _more_items(details: ErrorDetails, value: Any, slots: Sequence[Slot], keys: Sequence[str]) -> str:
    missing, noun = details["ctx"]["min_length"] - len(value), "key" if isinstance(value, dict) else "item"
    text = example_text(slots)
    return f"Add {missing} {noun if missing == 1 else _PLURALS[noun]}" + (f", as in {text}." if text else ".")


def _fewer_items(details: ErrorDetails, value: Any, slots: Sequence[Slot], keys: Sequence[str]) -> str:
    extra = len(value) - details["ctx"]["max_length"]
    return f"Remove {extra} item{'' if extra == 1 else 's'}."


def _true_or_false(details: ErrorDetails, value: Any, slots: Sequence[Slot], keys: Sequence[str]) -> str:
    return "Write true or false."


_WITHOUT_EXAMPLE = {
    "int_type": "Write a whole number such as 2.",
    "float_type": "Write a number such as 0.5.",
    "dict_type": "Write the names on the lines below, each with a value.",
    "tuple_type": "Write a list, with its items in brackets.",
    "literal_error": "Use one of these.",
    "model_type": "Write the keys on the lines below, each with a value.",
}
_Suggestion = Callable[[ErrorDetails, Any, Sequence[Slot], Sequence[str]], str]
# By type of error; the first suggestion that is not empty is used.
_SUGGESTIONS: dict[str, _Suggestion] = {
    "literal_error": _closest_choice,
    "value_error": _known_remedy,
    NO_SINGLE_KIND: _as_kind,
    "bool_type": _true_or_false,
    "bool_parsing": _true_or_false,
    "tuple_type": _as_list,
    "model_type": _as_mapping,
    "model_attributes_type": _as_mapping,
    "dict_type": _as_mapping,
    "float_type": _as_number,
    "int_type": _as_number,
    "string_type": _as_text,
    "greater_than": _within_limit("higher"),
    "greater_than_equal": _within_limit("higher"),
    "less_than": _within_limit("lower"),
    "less_than_equal": _within_limit("lower"),
    "too_short": _more_items,
    "too_long": _fewer_items,
}

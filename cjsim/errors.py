"""`InputError`, the error for invalid input, and functions that format its messages."""

import difflib
import re
from collections.abc import Iterable, Sequence
from importlib.util import find_spec
from typing import Any

_DATE_REPR_PATTERN = re.compile(r"datetime\.date\((\d+), (\d+), (\d+)\)")  # inside a list or a mapping
_MAX_REPR_CHARS = 80
_MAX_QUOTED_CHOICES, _MAX_NEAREST = 12, 5
_MIN_CLOSENESS = 0.6  # of a word that may be a misspelling, from 0 to 1


class InputError(ValueError):
    """Invalid input. The message reads `<where>: <what must hold>, got <value>. <what to do>.` The command line exits with code 2.

    Parameters
    ----------
    message : str
        The message. If there are many errors, it contains only the first ones.
    errors : sequence of str
        All errors; by default, only the message.
    """

    def __init__(self, message: str, *, errors: Sequence[str] = ()) -> None:
        super().__init__(message)
        self.errors = tuple(errors) or (message,)


def format_error(where: str, must: str, got: str, remedy: str = "") -> str:
    """Format the message of an `InputError`.

    Parameters
    ----------
    where : str
        File, line and path, or the name of the argument; may be empty.
    must : str
        What must hold; starts with "must".
    got : str
        The invalid value, formatted by `short_repr`.
    remedy : str
        What to do, as a full sentence; may be empty.

    Returns
    -------
    str

    Examples
    --------
    >>> format_error("--customers", "must be at least 1", "0", "Use a larger number.")
    '--customers: must be at least 1, got 0. Use a larger number.'
    """
    start = f"{where}: " if where else ""
    return f"{start}{must}, got {got}." + (f" {remedy}" if remedy else "")


def short_repr(value: Any) -> str:
    """Format a value for an error message, on one line of at most 80 characters.

    Examples
    --------
    >>> short_repr("emial"), short_repr({"a": 1}), short_repr([])
    ("'emial'", "{'a': 1}", 'an empty list')
    >>> import numpy as np
    >>> short_repr(np.float64(0.5)), short_repr(np.zeros(3))
    ('0.5', 'an array of shape (3,)')
    >>> from datetime import date
    >>> short_repr({"from": date(2025, 1, 20)})
    "{'from': 2025-01-20}"
    """
    if value is None:
        return "nothing"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (list, tuple, dict)) and not value:
        return "an empty mapping" if isinstance(value, dict) else "an empty list"
    if type(value).__module__ == "numpy":
        return short_repr(value.item()) if getattr(value, "ndim", None) == 0 else f"an array of shape {value.shape}"
    try:
        text = " ".join((repr(value) if isinstance(value, (str, int, float, list, dict, tuple)) else f"{value}").split())
    except ValueError:  # Python refuses to format integers of more than 4300 digits
        return "a number with thousands of digits"
    text = _DATE_REPR_PATTERN.sub(lambda match: f"{match[1]}-{int(match[2]):02d}-{int(match[3]):02d}", text)
    return text if len(text) <= _MAX_REPR_CHARS else text[: _MAX_REPR_CHARS - 3] + "..."


def quote_choices(choices: Iterable[str]) -> str:
    """Quote the choices and join them with commas. At most 12 are listed.

    Examples
    --------
    >>> quote_choices(["a", "b"])
    "'a', 'b'"
    """
    names = list(choices)
    text = ", ".join(f"'{name}'" if _is_short(str(name)) else short_repr(str(name)) for name in names[:_MAX_QUOTED_CHOICES])
    return f"{text} and {len(names) - _MAX_QUOTED_CHOICES} more" if len(names) > _MAX_QUOTED_CHOICES else text


def _is_short(text: str) -> bool:
    return len(text) <= _MAX_REPR_CHARS and text.isprintable()


def nearest_choices(word: Any, choices: Iterable[str]) -> str:
    """Quote the choices. If there are more than seven, quote only the five closest to a word, or the first five if none is close.

    Examples
    --------
    >>> nearest_choices("clw", ["clv", "cost"])
    "'clv', 'cost'"
    >>> nearest_choices("clw", ["clv", "cost", "churn", "margin", "revenue", "wait", "cac", "profit"])
    "'clv', 'cac', 'cost', 'wait', 'churn' and 3 more"
    """
    names = list(choices)
    if len(names) <= _MAX_NEAREST + 2:
        return quote_choices(names)
    text = str(word)[:200].lower()
    closeness = {name: difflib.SequenceMatcher(None, text, name.lower()).ratio() for name in names}
    ranked = sorted(names, key=lambda name: -closeness[name]) if max(closeness.values()) >= _MIN_CLOSENESS else names
    return f"{quote_choices(ranked[:_MAX_NEAREST])} and {len(names) - _MAX_NEAREST} more"


def closest_choice(word: Any, choices: Iterable[str]) -> str:
    """Return the choice that a word may be a misspelling of. Returns an empty string if no choice is close.

    Examples
    --------
    >>> closest_choice("emial_1", ["email_1", "email_2"])
    'email_1'
    """
    name_by_lowercase = {name.lower(): name for name in choices}
    matches = difflib.get_close_matches(str(word)[:200].lower(), name_by_lowercase, n=1, cutoff=_MIN_CLOSENESS)
    return name_by_lowercase[matches[0]] if matches else ""


def did_you_mean(word: Any, choices: Iterable[str]) -> str:
    """Suggest the closest choice, as a question. Returns an empty string if no choice is close.

    Examples
    --------
    >>> did_you_mean("emial_1", ["email_1", "email_2"])
    "Did you mean 'email_1'?"
    """
    near = closest_choice(word, choices)
    return f"Did you mean '{near}'?" if near else ""


def unknown_name_parts(word: Any, choices: Iterable[str], noun: str) -> tuple[str, str, str]:
    """Return the parts of an error message about an unknown name.

    Parameters
    ----------
    word : Any
        The unknown name.
    choices : Iterable of str
        The names that exist.
    noun : str
        What the names stand for, in the singular, such as 'event'.

    Returns
    -------
    tuple of str
        `must`, `got` and `remedy` of `format_error`.
    """
    names = list(choices)
    must = f"must be one of {nearest_choices(word, names)}" if names else f"must be an existing {noun}, but none exist"
    return must, short_repr(word), did_you_mean(word, names) or f"Use an existing {noun}, or declare this one."


def require_package(package: str, *, extra: str, where: str, what: str, alternative: str) -> None:
    """Raise if an optional package is not installed. The message gives the command that installs it.

    Parameters
    ----------
    package : str
        Name of the package.
    extra : str
        Extra of cjsim that installs it, such as 'excel'.
    where : str
        Field or option that requires it.
    what : str
        The value that requires it, formatted for the message.
    alternative : str
        What works without the package, such as "use 'tpe'".

    Raises
    ------
    InputError
        If the package is not installed.
    """
    if find_spec(package) is None:
        remedy = f"Install it (pip install 'cjsim[{extra}]'), or {alternative}."
        must = "must be supported by the installed packages"
        raise InputError(format_error(where, must, f"{what}, which requires the package {package}", remedy))

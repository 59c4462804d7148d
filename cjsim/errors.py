"""What goes wrong and how it is said: one error for all wrong input, and the words of its message.

Lives here: `InputError`, the house form of a message, "did you mean". Does not live here: any check.
"""

import difflib
import re
from collections.abc import Iterable
from typing import Any

_DATE_REPR_PATTERN = re.compile(r"datetime\.date\((\d+), (\d+), (\d+)\)")  # within a list or a mapping
_MAX_REPR_CHARS = 80  # characters of a value in a message
_MAX_QUOTED_CHOICES = 12  # names in a message


class InputError(ValueError):
    """The input is wrong: `<where>: <what must hold>, got <value>. <what to do>.` The command line ends with exit code 2."""


def format_error(where: str, must: str, got: str, remedy: str = "") -> str:
    """A message in house form.

    Parameters
    ----------
    where : str
        File and line and path, or the argument; may be empty.
    must : str
        What must hold, beginning with "must".
    got : str
        The value, as `shown` gives it.
    remedy : str
        What to do, a sentence.

    Examples
    --------
    >>> format_error("--customers", "must be at least 1", "0", "Give a number of customers.")
    '--customers: must be at least 1, got 0. Give a number of customers.'
    """
    start = f"{where}: " if where else ""
    return f"{start}{must}, got {got}." + (f" {remedy}" if remedy else "")


def short_repr(value: Any) -> str:
    """A value as a message shows it: short, on one line.

    Examples
    --------
    >>> short_repr("emial"), short_repr({"a": 1}), short_repr([])
    ("'emial'", "{'a': 1}", 'an empty list')
    >>> from datetime import date
    >>> short_repr({"from": date(2025, 1, 20)})
    "{'from': 2025-01-20}"
    """
    if value is None:
        return "nothing"
    if isinstance(value, bool):
        return "true" if value else "false"
    if value in ([], (), {}):
        return "an empty mapping" if isinstance(value, dict) else "an empty list"
    try:
        text = " ".join((repr(value) if isinstance(value, (str, int, float, list, dict, tuple)) else f"{value}").split())
    except ValueError:  # Python refuses to write integers of more than 4300 digits
        return "a number of thousands of digits"
    text = _DATE_REPR_PATTERN.sub(lambda found: f"{found[1]}-{int(found[2]):02d}-{int(found[3]):02d}", text)
    return text if len(text) <= _MAX_REPR_CHARS else text[: _MAX_REPR_CHARS - 3] + "..."


def quote_choices(choices: Iterable[str]) -> str:
    """The choices in quotes, cut after a dozen.

    Examples
    --------
    >>> quote_choices(["a", "b"])
    "'a', 'b'"
    """
    names = list(choices)
    text = ", ".join(f"'{name}'" for name in names[:_MAX_QUOTED_CHOICES])
    return f"{text} and {len(names) - _MAX_QUOTED_CHOICES} more" if len(names) > _MAX_QUOTED_CHOICES else text


def did_you_mean(word: Any, choices: Iterable[str]) -> str:
    """A question that names the nearest choice, empty if none is near.

    Examples
    --------
    >>> did_you_mean("emial_1", ["email_1", "email_2"])
    "Did you mean 'email_1'?"
    """
    names = list(choices)
    lowered = {name.lower(): name for name in names}
    near = difflib.get_close_matches(str(word)[:200].lower(), lowered, n=1, cutoff=0.6)
    return f"Did you mean '{lowered[near[0]]}'?" if near else ""


def unknown_name_parts(word: Any, choices: Iterable[str], noun: str) -> tuple[str, str, str]:
    """What a message says of a name that does not exist: what must hold, what was got, what to do.

    Parameters
    ----------
    word : Any
        What was given.
    choices : Iterable of str
        Names that exist.
    noun : str
        What they name, such as 'event'.
    """
    names = list(choices)
    must = f"must be one of {quote_choices(names)}" if names else f"must name one of the {noun}s, of which there are none"
    return must, short_repr(word), did_you_mean(word, names) or f"Name one of the {noun}s, or declare this one."

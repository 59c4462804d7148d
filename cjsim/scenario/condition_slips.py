"""Likely slips in the syntax of conditions, and what to write instead."""

import keyword
import re
from collections.abc import Callable

HELP = "'cjsim explain condition' shows what a condition may contain."
_QUOTED = re.compile(r"'[^']*'|\"[^\"]*\"")
_OPERATORS = frozenset({"and", "or", "not", "in", "is", "if", "else", "None", "True", "False"})
_Remedy = Callable[["re.Match[str]"], str]


def _use(word: str) -> _Remedy:
    return lambda match: f"Write '{word}' in place of '{match[0].strip()}'."


# Words that people write instead of a name of the condition language.
SYNONYMS = {
    "last_purchase": "days_since_purchase",
    "last_order": "days_since_purchase",
    "last_contact": "days_since_contact",
    "recency": "days_since_purchase",
    "tenure": "days_since_entry",
    "age": "days_since_entry",
    "orders": "purchases",
    "spend": "revenue",
    "spent": "revenue",
    "sales": "revenue",
    "day_of_week": "weekday",
    "time": "hour",
}
# The first pattern that matches is used.
_SLIPS: tuple[tuple[re.Pattern[str], _Remedy], ...] = (
    (re.compile(r"&&?"), _use("and")),
    (re.compile(r"\|\|?"), _use("or")),
    (re.compile(r"<>|=!|!==|~="), _use("!=")),
    (re.compile(r"=>"), _use(">=")),
    (re.compile(r"=<"), _use("<=")),
    (re.compile(r"===|(?<![=!<>:])=(?!=)"), _use("==")),
    (re.compile(r"!(?!=)"), _use("not")),
    (re.compile(r"\b(?:AND|OR|NOT|IN|And|Or|Not|In)\b"), lambda match: f"Write '{match[0].lower()}' in lower case."),
    (re.compile(r"\b\d+(?:\.\d+)?\s*(?:s|min|m|h|d|w)\b"), lambda match: f"Put durations in quotes: '{match[0].replace(' ', '')}'."),
    (re.compile(r"\b(\d+(?:\.\d+)?)\s*%"), lambda match: f"Write {float(match[1]) / 100:g} for {match[1]} %."),
    (re.compile(r"\bnot\s+equals?\b|\bisn'?t\b"), _use("!=")),
    (re.compile(r"\bequals?\b"), _use("==")),
    (
        re.compile(r"\b(?:contains|includes|has|any)\b"),
        lambda match: f"Write 'NAME in [A, B]', 'tagged(TAG)' or 'count(EVENT) > 0' in place of '{match[0]}'.",
    ),
    (re.compile(r"\bbetween\b"), lambda _: "Write a range as 8 <= hour <= 18."),
)


def remedy_for_slip(text: str) -> str:
    """Return a remedy for an operator or a number in the notation of another language; empty if the text has none."""
    bare = _QUOTED.sub("''", text)
    return next((remedy(match) for pattern, remedy in _SLIPS if (match := pattern.search(bare))), "")


def remedy_for_syntax(text: str, problem: str) -> str:
    """Return a remedy for a condition that is not a Python expression.

    Parameters
    ----------
    text : str
        The condition.
    problem : str
        The message of Python's parser.

    Returns
    -------
    str
        One or two sentences.

    Examples
    --------
    >>> remedy_for_syntax("stage = subscriber", "invalid syntax")
    "Write '==' in place of '='."
    >>> remedy_for_syntax("days_since(order) > 30d", "invalid decimal literal")
    "Put durations in quotes: '30d'."
    """
    bare = _QUOTED.sub("''", text)
    if slip := remedy_for_slip(text):
        return slip
    if problem.startswith("unterminated string"):
        return "Close the quote."
    if "was never closed" in problem or problem.startswith("unmatched"):
        return "Balance the parentheses and brackets."
    words = [word for word in re.findall(r"[A-Za-z_]\w*", bare) if keyword.iskeyword(word) and word not in _OPERATORS]
    if words:
        return f"Put names that are Python keywords in quotes: '{words[0]}'."
    return HELP

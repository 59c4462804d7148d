"""Options of a command that exclude or need each other. They are checked before the command does any work."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from cjsim.errors import InputError, format_error, short_repr


class Need(NamedTuple):
    """An option that has an effect only with another one.

    Attributes
    ----------
    option, other : str
        The option, and the option that it needs; with a value, as in '--by arm', only this value counts.
    example : str
        What to add, as in '--out DIR'.
    """

    option: str
    other: str
    example: str


class Conflict(NamedTuple):
    """An option that has no effect, or no clear meaning, together with others.

    Attributes
    ----------
    option : str
        The option.
    others : tuple of str
        Options that exclude it if all are given; with a value, as in '--format csv', only this value counts.
    remedy : str
        What to do instead.
    unless : str
        An option with which there is no conflict; empty if there is none.
    """

    option: str
    others: tuple[str, ...]
    remedy: str
    unless: str = ""


Rule = Need | Conflict

_LONGEST_VALUE = 60  # characters, in messages
_SETTINGS = ("--seed", "--customers", "--horizon", "--value-horizon")  # options that override a value of the file, as `--set` does
_FORCE = Need("--force", "--out", "--out DIR")
_THREADS = Conflict("--threads", ("--engine readable",), "Omit it: the readable engine uses one thread.")
_TABLES = ("--format csv", "--format xlsx")
_FORMATS = ("--json", "--format json", *_TABLES)
_OF_ALL = "Omit one of them: it is about all customers and all months together."
RULES: Mapping[str, Sequence[Rule]] = {
    "simulate": (
        _FORCE,
        _THREADS,
        Need("--events", "--out", "--out DIR"),
        Need("--trial", "--out", "--out DIR"),
        Need("--trial-window", "--trial", "--trial NAME"),
        Need("--exposed", "--by arm", "--by arm"),
        *(Conflict("--cohorts", ("--by", text), "Print one table at a time, or use --format json.") for text in _TABLES),
        Conflict("--full", ("--cohorts",), "Omit it: the table of cohorts has no other metrics.", unless="--by"),
    ),
    "compare": (
        _FORCE,
        _THREADS,
        *(Conflict("--sort", (text,), "Omit it: only the text table has an order of importance.") for text in _FORMATS),
        *(Conflict("--sort", (text,), "Omit one of them: in groups, metrics have a fixed order.") for text in ("--by", "--where")),
        *(Conflict("--detect", (text,), "Print text, or use --format json.") for text in _TABLES),
        *(Conflict("--detect", (text,), _OF_ALL) for text in ("--by", "--where")),
        Conflict("--full", ("--metric",), "Omit one of them: to show some metrics, or to show all."),
    ),
}


def check_option_pairs(command: str, given: Mapping[str, object]) -> None:
    """Raise if options of a command exclude each other, or one is missing that another one needs.

    Parameters
    ----------
    command : str
        Name of the command.
    given : Mapping of str to object
        Values of the options that the user gave, by option, such as '--by'.

    Raises
    ------
    InputError
        The message names both options.
    """
    _require_set_once(given)
    for rule in RULES.get(command, ()):
        if rule.option not in given:
            continue
        if isinstance(rule, Need):
            if not _is_given(rule.other, given):
                name, _, value = rule.other.partition(" ")
                got = _as_typed(name, given) if name in given else f"no {name}"
                remedy = f"{'Use' if value and name in given else 'Add'} {rule.example}."
                raise InputError(format_error(rule.option, f"must be used with {rule.other}", got, remedy))
        elif all(_is_given(other, given) for other in rule.others) and rule.unless not in given:
            names = [other.partition(" ")[0] for other in rule.others]
            got = " and ".join(_as_typed(name, given) for name in names)
            raise InputError(format_error(rule.option, f"must be used without {' and '.join(rule.others)}", got, rule.remedy))


def _require_set_once(given: Mapping[str, object]) -> None:
    """Raise if `--set` sets what an option of its own sets."""
    sets = given.get("--set")
    for text in sets if isinstance(sets, list) else []:
        option = f"--{str(text).partition('=')[0].strip().replace('_', '-')}"
        if option in given and option in _SETTINGS:
            must, remedy = f"must be used without {option} for the same value", "Give the value once."
            raise InputError(format_error("--set", must, short_repr(text), remedy))


def _is_given(term: str, given: Mapping[str, object]) -> bool:
    """Return whether an option is given, with its value if the term has one. An arm may name its experiment: '--by arm:NAME'."""
    option, _, value = term.partition(" ")
    return option in given and (not value or str(given[option]).partition(":")[0] == value)


def _as_typed(option: str, given: Mapping[str, object]) -> str:
    value = given[option]
    if value is True:
        return option
    text = f"{value[0] if isinstance(value, list) else value}"
    return f"{option} {text if len(text) <= _LONGEST_VALUE else text[:_LONGEST_VALUE] + '...'}"

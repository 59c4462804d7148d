"""Wrong invocations of every command, generated from the command tree: option values, unknown options, missing and invalid files."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import typer
from complete_documents import WORLDS

from cjsim.cli import app

SCENARIO, STUDY = str(WORLDS / "tiny.yaml"), str(WORLDS / "study.yaml")
# Valid arguments by metavar, and valid values of the required options by command.
ARGUMENTS = {
    **dict.fromkeys(("FILE", "SCENARIO", "BASE", "SCENARIO|PATHS"), SCENARIO),
    **dict.fromkeys(("OTHER", "ALTERNATIVE..."), "other.yaml"),
    "STUDY": STUDY,
    "EXPERIMENT": "trial.yaml",
    "DATA": "purchases.csv",
    "LOG": "purchases.csv",
    "DIR": "out",
    "PATH": "policy.flows",
    **dict.fromkeys(("RUN", "RUN..."), "none"),
    "OLD": "none",
    "NEW": "none",
    "journey|policy|scenario|study|experiment": "journey",
}
REQUIRED = {
    "walk": ["--customer", "0"],
    "levers": ["--metric", "clv"],
    "rehearse": ["--metric", "clv", "--sizes", "10", "--days", "5"],
    "uplift": ["--treatment", "arm", "--outcome", "bought"],
    "calibrate purchases": ["--customer", "id", "--time", "at", "--value", "paid", "--until", "1997-04-30"],
}
FILES = ("FILE", "SCENARIO", "BASE", "OTHER", "ALTERNATIVE...", "SCENARIO|PATHS", "STUDY", "EXPERIMENT", "DATA", "LOG")
WRONG_NUMBERS = ("many", "1.5", "-1", "1e3", "", "1,000", "0x10", "99999999999999999999")
WRONG_VALUES = {
    "DURATION": ("soon", "7", "-1d", "1q", ""),
    "PERCENT": ("half", "-1%", "0%", ""),
    "SHARE": ("half", "-1", "150%", ""),
    "PATH=VALUE": ("horizon", "nowhere=1", "horizon=[", "=3", "horizon=soon", ""),
    "DATE": ("someday", "2025-02-30", ""),
    "DAY=SHARE,...": ("5%", "soon=5%", "0d=half", ""),
    "N,N": ("many", "10,,20", "-5", ""),
    "D,D": ("soon", "0", ""),
    "M": ("clw",),
    "entry|DATE": ("someday",),
    "DIR": ("a_file/below",),
}


class Invocation(NamedTuple):
    """A command line that must be rejected, what is wrong with it, and a word that the message must contain."""

    words: tuple[str, ...]
    fault: str
    named: str = ""

    def __str__(self) -> str:
        return f"{self.fault}: cjsim {' '.join(Path(word).name if '/' in word else repr(word) for word in self.words)}"


def commands() -> Iterator[tuple[str, Any]]:
    """All commands with their names, such as 'calibrate purchases'."""

    def below(command: Any, name: str) -> Iterator[tuple[str, Any]]:
        for own, one in getattr(command, "commands", {}).items():
            yield from below(one, f"{name} {own}".strip())
        if not hasattr(command, "commands"):
            yield name, command

    yield from below(typer.main.get_command(app), "")


def wrong_invocations(wrong_files: dict[str, str]) -> Iterator[Invocation]:
    """All wrong invocations. `wrong_files` are invalid files by what is wrong with them."""
    for name, command in commands():
        arguments = [one for one in command.params if one.param_type_name == "argument"]
        valid = [ARGUMENTS[one.metavar] for one in arguments if one.required or one.metavar == "OTHER"]
        start, required = name.split(), REQUIRED.get(name, [])
        yield Invocation((*start, *valid, *required, "--surprise"), "an unknown option", "--surprise")
        if any(one.required for one in arguments):
            yield Invocation((*start, *required), "a missing argument", arguments[0].metavar.rstrip("."))
        for index in range(0, len(required), 2):
            yield Invocation((*start, *valid, *required[:index], *required[index + 2 :]), "a missing option", required[index])
        for at, argument in enumerate(arguments):
            if argument.metavar in FILES:
                for fault, file in wrong_files.items():
                    given = (*valid[:at], file, *valid[at + 1 :])
                    yield Invocation((*start, *given, *required), fault, Path(file).name[:20])
        yield from _wrong_options(command, (*start, *valid), required)


def _wrong_options(command: Any, start: tuple[str, ...], required: list[str]) -> Iterator[Invocation]:
    for option in command.params:
        if option.param_type_name != "option" or option.opts[-1] == "--help":
            continue
        name = option.opts[-1]
        yield Invocation((*start, *required, f"{name[:4]}{name[5:]}x", "1"), "a misspelled option", name)
        if option.is_flag:
            continue
        rest = [word for pair in zip(required[::2], required[1::2], strict=True) if pair[0] != name for word in pair]
        yield Invocation((*start, *rest, name), "an option without a value", name)
        choices = option.metavar and "|" in option.metavar and option.metavar.replace("|", "").islower()
        is_number = option.type_descriptor.annotation is int
        for value in WRONG_NUMBERS if is_number else ("nonsense",) if choices else WRONG_VALUES.get(option.metavar, ()):
            yield Invocation((*start, *rest, name, value), "a wrong value of an option", name)

"""The commands of the command line and their options."""

from collections.abc import Iterator
from typing import Any

import typer

from cjsim.cli import app


def leaf_commands() -> Iterator[tuple[tuple[str, ...], Any]]:
    """Commands without subcommands, by path, such as ('calibrate', 'purchases')."""
    yield from _leaves(typer.main.get_command(app), ())


def option_names(command: Any) -> set[str]:
    """The options and arguments of a command, such as '--out'."""
    return {name for one in command.params for name in one.opts}


def _leaves(command: Any, path: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], Any]]:
    if not hasattr(command, "commands"):
        yield path, command
    for name, below in getattr(command, "commands", {}).items():
        yield from _leaves(below, (*path, name))

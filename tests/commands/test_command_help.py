"""The help of every command has an example that can be parsed, and describes every argument and option; docs/commands.md shows it."""

import re
import runpy
import shlex
from typing import Any

import pytest
import typer
from conftest import ROOT

from cjsim.cli import app

PAGE = runpy.run_path(str(ROOT / "docs" / "write_commands.py"))
COMMANDS = dict(PAGE["commands"]())
TEXT = (ROOT / "docs" / "commands.md").read_text(encoding="utf-8")
EVERY = {"": typer.main.get_command(app), **COMMANDS}


def example_of(command: Any) -> str:
    """The example in the help of a command; empty if there is none."""
    found = re.search(r"Example: (cjsim .+)", command.help or "")
    return found[1] if found else ""


def undescribed(command: Any) -> list[str]:
    """Parameters without a help text that ends like a sentence."""
    texts = {parameter.name: getattr(parameter, "help", None) or "" for parameter in command.params}
    return [name for name, text in texts.items() if not re.search(r"[.)]$", text.strip())]


@pytest.mark.parametrize("name", EVERY)
def test_help_has_an_example_that_can_be_parsed(name: str) -> None:
    program, *words = shlex.split(example_of(EVERY[name]))
    assert [program, *words][: 1 + len(name.split())] == ["cjsim", *name.split()]
    command = EVERY[""]
    while words and words[0] in getattr(command, "commands", {}):
        command = command.commands[words.pop(0)]
    command.make_context("cjsim", words)  # raises if an option or an argument is wrong or missing


@pytest.mark.parametrize("name", EVERY)
def test_help_describes_every_argument_and_option(name: str) -> None:
    assert undescribed(EVERY[name]) == []


def test_a_parameter_without_a_description_is_found() -> None:
    program = typer.Typer()

    @program.command()
    def greet(name: str, loudly: bool = typer.Option(False, help="Shout.")) -> None:
        """Greet somebody."""

    assert undescribed(typer.main.get_command(program))[:1] == ["name"]


@pytest.mark.parametrize("name", COMMANDS)
def test_page_of_commands_shows_the_help(name: str) -> None:
    shown = f"## cjsim {name}\n\n```console\n$ cjsim {name} --help\n{PAGE['help_text'](name)}\n```\n"
    assert shown in TEXT, "help has changed: python docs/write_commands.py"


def test_page_of_commands_has_an_example_of_every_command_that_does_something() -> None:
    groups = {name for name, command in COMMANDS.items() if hasattr(command, "commands")}
    assert {name for name, lines in PAGE["EXAMPLES"].items() if lines} == set(COMMANDS) - groups

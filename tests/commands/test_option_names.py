"""Messages of the library name Python arguments; the command line replaces them by its options. Pages show commands."""

import ast
import re
from pathlib import Path

import pytest
from conftest import ROOT
from typer.testing import CliRunner

from cjsim.cli import app
from cjsim.commands.console import with_exit_codes, with_option_names
from cjsim.commands.options import Full, Json, Out

TINY = str(ROOT / "tests" / "worlds" / "tiny.yaml")
OPTION = re.compile(r"(?<![\w-])--[a-z][a-z-]+")
LIBRARY_FILES = [
    path for path in sorted((ROOT / "cjsim").rglob("*.py")) if not {"commands", "pages"} & set(path.parts) and path.name != "cli.py"
]


def texts(path: Path) -> list[str]:
    """String constants of a source, without docstrings."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    docs = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    return [
        node.value for node in ast.walk(tree) if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in docs
    ]


def test_the_library_names_no_options() -> None:
    found = {path.name: names for path in LIBRARY_FILES if (names := [name for text in texts(path) for name in OPTION.findall(text)])}
    assert found == {}


@with_exit_codes
def _translated(full: Full = False, out: Out = None, as_json: Json = False) -> str:
    return with_option_names("out: must be given; `full`, `to_json` and `save` show more than `other`. out: must stay")


def test_arguments_in_backticks_become_options() -> None:
    assert _translated() == "--out: must be given; --full, --json and --out show more than `other`. out: must stay"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["walk", TINY, "--customer", "99999"], "--customer: must be from 0 to "),
        (["levers", TINY, "--metric", "clv", "--only", "policy.x", "--customers", "10"], "--only: must be the path of a lever"),
        (
            ["rehearse", "shop", "shop_better", "--metric", "clv", "--sizes", "10", "--days", "5", "--enroll", "0"],
            "--enroll: must be a finite number above 0",
        ),
    ],
)
def test_errors_on_the_command_line_name_the_option(arguments: list[str], message: str) -> None:
    result = CliRunner().invoke(app, arguments)
    assert result.stderr.splitlines()[-1].startswith(message)

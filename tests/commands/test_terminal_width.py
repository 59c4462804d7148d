"""Output fits the terminal: no line of any command is wider than 80 or 120 columns.

Left out: `schema`, which prints JSON; `map --format mermaid`, which prints the source of a diagram; rows of Markdown tables in the reports
that `journal show` prints; lines of a single word, such as a path, which cannot be broken; and messages on standard error, which are one
line each by contract.
"""

import runpy

import pytest
from conftest import ROOT
from typer.testing import Result

PAGE = runpy.run_path(str(ROOT / "docs" / "write_commands.py"))
HELP = [name for name, _ in PAGE["commands"]()]
FURTHER = (  # wide tables
    "cjsim compare shop shop_better shop_cautious --customers 50 --full",
    "cjsim compare subscription subscription_better subscription_cautious subscription_zealous --customers 30",
    "cjsim simulate saas --customers 50 --full",
    "cjsim simulate retail --customers 50 --by country",
    "cjsim levers shop --metric clv --customers 30 --full",
    "cjsim cliffs shop --customers 60 --full",
    "cjsim describe shop",
    "cjsim describe timing",
    "cjsim metrics",
)


def wide_lines(text: str, columns: int) -> list[str]:
    """Lines that are wider than the terminal and could have been broken."""
    return [line for line in text.splitlines() if len(line) > columns and len(line.split()) > 1 and not line.startswith("|")]


@pytest.fixture(scope="module", params=[80, pytest.param(120, marks=pytest.mark.slow)])
def printed(request: pytest.FixtureRequest) -> tuple[int, dict[str, Result]]:
    """The width of the terminal, and the result of every example of docs/commands.md and of the lines above."""
    results = PAGE["run_examples"](str(request.param), FURTHER)
    return request.param, {line: result for line, result in results.items() if " schema " not in line}


def test_no_line_of_any_command_is_wider_than_the_terminal(printed: tuple[int, dict[str, Result]]) -> None:
    columns, results = printed
    texts = {line: result.stdout for line, result in results.items() if "--format mermaid" not in line}
    assert {line: wide for line, text in texts.items() if (wide := wide_lines(text, columns))} == {}


@pytest.mark.slow
def test_page_of_commands_shows_what_they_print(printed: tuple[int, dict[str, Result]]) -> None:
    columns, results = printed
    if columns != int(PAGE["COLUMNS"]):
        pytest.skip("the page shows a terminal of 80 columns")
    text = (ROOT / "docs" / "commands.md").read_text(encoding="utf-8")
    blocks = {line: f"$ {line}\n{PAGE['shown'](result.stdout)}\n```" for line, result in results.items() if line not in FURTHER}
    assert [line for line, block in blocks.items() if block not in text] == [], "output has changed: python docs/write_commands.py"


@pytest.mark.parametrize("columns", [80, 120])
@pytest.mark.parametrize("name", ["", *HELP])
def test_help_is_not_wider_than_the_terminal(name: str, columns: int) -> None:
    assert wide_lines(PAGE["run"]([*name.split(), "--help"], str(columns)).stdout, columns) == []


def test_a_wide_line_is_found() -> None:
    assert wide_lines(f"{'word ' * 20}\n{'x' * 100}\nword", 80) == ["word " * 20]

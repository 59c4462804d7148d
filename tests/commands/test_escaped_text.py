"""Text of files and tables in Markdown, HTML, CSV, Excel, figures and terminals: it never acts as markup, a formula or a command."""

import io
import json
import re
from pathlib import Path
from typing import Any

import openpyxl
import pandas as pd
import pytest
from error_messages import WORLDS
from markdown_it import MarkdownIt
from typer.testing import CliRunner

from cjsim.cli import app
from cjsim.commands.console import echo_message, print_json, print_text
from cjsim.escaping.markdown_text import markdown_block, markdown_code, markdown_sentence, markdown_text
from cjsim.escaping.terminal_text import printable
from cjsim.progress import ProgressBar
from cjsim.simulation.figures import FigureKind
from cjsim.table_files import csv_text, xlsx_bytes
from cjsim.tabular_result import TabularResult

HOSTILE = [
    "a | b",
    "`code` and ``more``",
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "[link](javascript:alert(1))",
    "![image](http://example.org/x.png)",
    "[text][reference]",
    "# heading",
    "- item",
    "12. item",
    "> quote",
    "*bold* **more** _under_ __line__ ~~gone~~",
    "line\n\n# heading\n\n```\nblock",
    "a \\| b \\",
    "&lt;b&gt; &#60;b&#62; &amp;",
    "$x^2$ and $$y$$",
    "[red]rich[/red] :smile:",
    "\x1b[2J\x1b]0;title\x07 \x9b31m",
    "left \u202e right \u2066 mark \u200f",
    "<!-- comment",
    "[ref]: http://example.org",
    "===",
    "\t code by a tab",
]
PAGE = MarkdownIt("commonmark").enable(["table", "strikethrough"])


def visible(text: str) -> str:
    return " ".join(printable(text).split())


def rendered_text(page: str) -> str:
    """The text that a reader of a Markdown page sees."""
    return "".join(child.content for token in PAGE.parse(page) for child in token.children or () if child.type in ("text", "code_inline"))


def kinds_of_tokens(page: str) -> set[str]:
    tokens = PAGE.parse(page)
    return {token.type for token in tokens} | {child.type for token in tokens for child in token.children or ()}


@pytest.mark.parametrize("text", HOSTILE)
def test_text_in_a_paragraph_is_shown_as_it_is(text: str) -> None:
    page = markdown_text(text)
    assert kinds_of_tokens(page) <= {"paragraph_open", "paragraph_close", "inline", "text"}
    assert rendered_text(page) == visible(text)


@pytest.mark.parametrize("text", [text for text in HOSTILE if "`" not in text])
def test_a_sentence_contains_no_markup_but_names_in_backticks(text: str) -> None:
    page = markdown_sentence(f"No `value` for {text}.")
    assert kinds_of_tokens(page) <= {"paragraph_open", "paragraph_close", "inline", "text", "code_inline"}
    assert rendered_text(page) == visible(f"No value for {text}.")


@pytest.mark.parametrize("text", HOSTILE)
@pytest.mark.parametrize("form", [markdown_text, markdown_code])
def test_text_in_a_cell_leaves_the_table_whole(form: Any, text: str) -> None:
    page = f"| name | value |\n|---|---|\n| {form(text)} | last |\n"
    cells = [token.children for token in PAGE.parse(page) if token.type == "inline"]
    assert ["".join(child.content for child in cell or ()) for cell in cells] == ["name", "value", visible(text), "last"]


@pytest.mark.parametrize("text", HOSTILE)
def test_text_in_a_block_of_code_does_not_end_it(text: str) -> None:
    tokens = PAGE.parse(f"{markdown_block(text)}\n\nafter\n")
    assert [token.type for token in tokens] == ["fence", "paragraph_open", "inline", "paragraph_close"]
    assert tokens[0].content == f"{printable(text)}\n"


class Shown(TabularResult):
    """A result whose name, answer and cells are hostile."""

    def to_pandas(self) -> pd.DataFrame:
        return pd.DataFrame({text: [text] for text in HOSTILE})

    def _facts(self) -> str:
        return HOSTILE[2]

    def _answer(self) -> str:
        return "\n".join(HOSTILE)


def test_html_contains_no_element_of_a_text() -> None:
    page = Shown()._repr_html_()
    assert set(re.findall(r"<([a-z]+)", page)) - {"div"} == {"p", "table", "thead", "tbody", "tr", "th", "td"}


FORMULAS = ["=HYPERLINK(1)", "+1", "-1", "@SUM(A1)", "\tx", "\nx", "a;=1+1", "a\t@x", "a\n=1", "\uff1d1", "\r=1", "=cmd|' /C calc'!A0"]


@pytest.mark.parametrize("text", FORMULAS)
def test_no_part_of_a_cell_begins_as_a_formula(text: str) -> None:
    cell = pd.read_csv(io.StringIO(csv_text(pd.DataFrame({"name": [text]})))).iloc[0, 0]
    parts = re.split(r"[;\t\n]", cell)
    assert not any(part.startswith(("=", "+", "-", "@", "\uff1d")) for part in parts)
    assert "'" in cell


@pytest.mark.parametrize("text", HOSTILE)
def test_a_table_file_holds_no_control_characters(text: str) -> None:
    table = pd.DataFrame({text: [text]})
    sheet = openpyxl.load_workbook(io.BytesIO(xlsx_bytes(table))).active
    assert not re.search(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]", csv_text(table))
    assert [cell.data_type for row in sheet.iter_rows() for cell in row] == ["s", "s"]


def test_figures_show_dollars_and_control_characters_literally(tmp_path: Path) -> None:
    title = "$\\frac{1}{$ costs $5 and \x1b[31m"

    def draw(figure: Any, result: str, data: Any) -> None:
        axes = figure.subplots()
        axes.plot([0, 1], [0, 1], label=title)
        axes.set_yticks([0, 1], [title, title])
        axes.set_xlabel(title)
        axes.legend()

    kind = FigureKind[str](
        name="x", data=lambda _: None, size=lambda *_: (4, 3), draw=draw, title=lambda text: text, caption=lambda text: text
    )
    kind.save(title, tmp_path)  # a formula that cannot be parsed would raise
    figure = kind.figure(title)
    assert figure._suptitle.get_text() == title.replace("\x1b", "\\x1b")  # type: ignore[attr-defined]
    assert not figure._suptitle.get_parse_math()  # type: ignore[attr-defined]


@pytest.mark.parametrize("print_it", [print_text, echo_message])
def test_a_terminal_gets_no_escape_sequences(print_it: Any, capsys: pytest.CaptureFixture[str]) -> None:
    print_it("\n".join(HOSTILE))
    captured = capsys.readouterr()
    assert not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\u200f]", captured.out + captured.err)


def test_json_keeps_the_values_without_escape_sequences(capsys: pytest.CaptureFixture[str]) -> None:
    print_json({"titles": HOSTILE})
    printed = capsys.readouterr().out
    assert json.loads(printed) == {"titles": HOSTILE}
    assert not re.search("[\x00-\x09\x0b-\x1f\x7f-\x9f\u202e\u2066\u200f]", printed)


class TerminalStream(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_a_progress_bar_shows_markup_literally(monkeypatch: pytest.MonkeyPatch) -> None:
    stream = TerminalStream()
    monkeypatch.setattr("sys.stderr", stream)
    bar = ProgressBar()
    bar.start(2, "[red]a[/red] \x1b[2J")
    bar.note("[bold]b[/bold] :smile: [/oops]")
    bar.finish()
    assert "[red]a[/red] \\x1b[2J" in stream.getvalue()
    assert "[bold]b[/bold] :smile: [/oops]" in stream.getvalue()


@pytest.fixture
def hostile_scenario(tmp_path: Path) -> Path:
    file = tmp_path / "hostile.yaml"
    title = json.dumps("".join(HOSTILE)).replace("\\u001b", "\\x1b").replace("\\u0007", "\\x07").replace("\\u009b", "\\x9b")
    file.write_text(f"extends: {WORLDS / 'tiny.yaml'}\nname: hostile\ntitle: {title}\n", encoding="utf-8")
    return file


@pytest.mark.parametrize("command", ["describe", "check"])
def test_commands_print_a_hostile_title_safely(command: str, hostile_scenario: Path) -> None:
    result = CliRunner().invoke(app, [command, str(hostile_scenario), *(["--static"] if command == "check" else [])])
    assert (result.exit_code, re.findall("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202e]", result.output)) == (0, [])


def test_a_report_shows_a_hostile_hypothesis_as_text(tmp_path: Path) -> None:
    from cjsim.lab.experiment import Experiment
    from cjsim.lab.reported_experiment import experiment

    words = {"title": " ".join(HOSTILE), "hypothesis": " ".join(HOSTILE), "claimed_by": "<b>x</b>"}
    values = {"set": {"policy.flows.greet.holdout": 0.5}}
    design = {"name": "hostile", "scenario": str(WORLDS / "tiny.yaml"), "metric": "revenue", "direction": "rises"}
    document = Experiment.from_dict({**design, **words, "variants": {"again": values}, "customers": 20})
    experiment(document, reports=tmp_path)
    page = next(tmp_path.rglob("report.md")).read_text(encoding="utf-8")
    assert "html_block" not in kinds_of_tokens(page) and "html_inline" not in kinds_of_tokens(page)
    assert visible(words["hypothesis"]) in rendered_text(page)
    assert next(token.content for token in PAGE.parse(page) if token.type == "inline") == markdown_text(words["title"])

"""`--format`: every command with a table prints it as CSV or Excel, and no text in it can act as a formula."""

import io
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import openpyxl
import pandas as pd
import pytest
from command_tree import leaf_commands, option_names
from conftest import ROOT
from typer.testing import CliRunner

import cjsim as cj
from cjsim.cli import app
from cjsim.table_files import csv_text, xlsx_bytes

SMALL = ("--customers", "60", "--seed", "3")
DANGEROUS = ("=1+1", "+1", "-1", "@SUM(A1)", "\tx", "\rx", "\nx")


def invoke(*arguments: str) -> Any:
    result = CliRunner().invoke(app, list(arguments))
    assert result.exit_code == 0, result.stderr
    return result


def test_every_command_with_json_has_format() -> None:
    options = {path: option_names(command) for path, command in leaf_commands()}
    with_json, with_format = ({path for path, names in options.items() if option in names} for option in ("--json", "--format"))
    assert with_json == with_format and ("compare",) in with_format


COMMANDS = [
    ("simulate", "shop", *SMALL),
    ("simulate", "shop", "--by", "country", *SMALL),
    ("compare", "shop", "shop_better", *SMALL),
    ("walk", "shop", "--customer", "3"),
    ("levers", "shop", "--metric", "clv", "--only", "policy.guardrails.caps", *SMALL),
    ("cliffs", "shop", *SMALL),
    ("assumptions", "shop", "shop_better", *SMALL),
    ("responses", "shop", "--only", "newsletter", *SMALL),
    ("attribution", "shop", "--only", "flow cart", "--no-before-after", *SMALL),
    ("check", "shop", "--static"),
    ("explain", "policy.guardrails"),
    ("explain", "policy.guardrails.caps.at_most"),
    ("metrics",),
    ("library",),
]


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_csv_is_a_table_on_standard_output(command: tuple[str, ...]) -> None:
    table = pd.read_csv(io.StringIO(invoke(*command, "--format", "csv").stdout))
    assert table.shape[1] > 1 or command[0] == "check"
    assert len(table) or command[0] == "check"


def test_csv_and_excel_and_pandas_have_the_same_numbers() -> None:
    expected = cj.compare("shop", "shop_better", customers=60, seed=3).to_pandas().reset_index()
    from_csv = pd.read_csv(io.StringIO(invoke("compare", "shop", "shop_better", *SMALL, "--format", "csv").stdout))
    from_xlsx = pd.read_excel(io.BytesIO(invoke("compare", "shop", "shop_better", *SMALL, "--format", "xlsx").stdout_bytes))
    for found in (from_csv, from_xlsx):
        assert list(found.columns) == list(expected.columns)
        assert found["effect"].to_numpy() == pytest.approx(expected["effect"].to_numpy(), nan_ok=True)


def test_json_is_short_for_format_json() -> None:
    assert json.loads(invoke("library", "--json").stdout) == json.loads(invoke("library", "--format", "json").stdout)


def test_format_text_is_the_default() -> None:
    assert invoke("library").stdout == invoke("library", "--format", "text").stdout


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--format", "cvs"), "--format: must be one of 'text', 'json', 'csv', 'xlsx', got 'cvs'. Did you mean 'csv'?"),
        (("--json", "--format", "csv"), "--json: must be used without --format, got --format csv. Use one of them."),
    ],
)
def test_wrong_formats_are_refused(options: tuple[str, ...], message: str) -> None:
    result = CliRunner().invoke(app, ["library", *options])
    assert (result.exit_code, result.stderr.strip()) == (2, message)


def test_excel_is_not_printed_on_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cjsim.commands.options._is_terminal", lambda: True)
    result = CliRunner().invoke(app, ["compare", "shop", "shop_better", "--format", "xlsx"], prog_name="cjsim")
    assert (result.exit_code, result.stderr.strip()) == (
        2,
        "--format xlsx: must be written to a file, got a terminal. Redirect it: cjsim compare ... --format xlsx > table.xlsx",
    )


def test_a_missing_package_is_named_before_any_work(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "openpyxl", None)
    result = CliRunner().invoke(app, ["compare", "shop", "shop_better", "--format", "xlsx"])
    assert result.exit_code == 2 and "pip install 'cjsim[excel]'" in result.stderr


@pytest.mark.parametrize("text", DANGEROUS)
def test_text_cannot_act_as_a_formula(text: str) -> None:
    table = pd.DataFrame({text: [-1.5], "name": [text]}, index=pd.Index([text], name="key"))
    found = pd.read_csv(io.StringIO(csv_text(table)), dtype=str)
    safe = "'" + text.replace("\r", "\n")
    assert list(found.columns) == ["key", safe, "name"]
    assert list(found.iloc[0]) == [safe, "-1.5", safe]


def test_text_after_a_carriage_return_does_not_start_a_row() -> None:
    assert csv_text(pd.DataFrame({"name": ["a\r=1+1"]})) == 'name\n"a\n\'=1+1"\n'


def test_excel_has_no_formulas_and_its_numbers_are_numbers() -> None:
    table = pd.DataFrame({"name": ["=1+1", "-1", "a\x00b"], "value": [-1.5, 2.0, 3.0]})
    sheet = openpyxl.load_workbook(io.BytesIO(xlsx_bytes(table))).active
    assert [[cell.value for cell in row] for row in sheet.iter_rows()] == [["name", "value"], ["'=1+1", -1.5], ["'-1", 2], ["a\\x00b", 3]]
    assert {cell.data_type for row in sheet.iter_rows() for cell in row} == {"s", "n"}


def test_categories_and_mixed_values_are_safe_too() -> None:
    table = pd.DataFrame({"level": pd.Categorical(["@a", "b"]), "any": [["=x"], {"=y": 1}], "mixed": ["=z", -3]})
    assert csv_text(table) == 'level,any,mixed\n\'@a,"[""=x""]",\'=z\nb,"{""=y"": 1}",-3\n'


def test_names_from_users_are_safe_in_saved_tables(tmp_path: Path) -> None:
    from cjsim.attribution.touch_paths import Paths

    cj.attribute_paths(Paths.from_sequences([["=cmd|' /C calc'!A0"], ["email"]], conversions=[6, 2])).save(tmp_path)
    assert (tmp_path / "credits.csv").read_text(encoding="utf-8").splitlines()[1].startswith("'=cmd")


def test_no_module_writes_tables_past_the_safe_function() -> None:
    sources = {path.relative_to(ROOT).as_posix(): path.read_text(encoding="utf-8") for path in (ROOT / "cjsim").rglob("*.py")}
    assert {name for name, text in sources.items() if ".to_csv(" in text or "csv.writer" in text or ".to_excel(" in text} == {
        "cjsim/table_files.py",
        "cjsim/calibration/purchase_scenario.py",  # entries.csv, which is joined to the log by the exact customer IDs
    }


def test_excel_file_through_a_pipe() -> None:
    code = "from cjsim.cli import main; main()"
    found = subprocess.run([sys.executable, "-c", code, "library", "--format", "xlsx"], capture_output=True, check=True, cwd=ROOT)
    assert "shop" in set(pd.read_excel(io.BytesIO(found.stdout))["name"])

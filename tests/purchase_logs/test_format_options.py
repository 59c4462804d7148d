"""Options for the format of a purchase log, from the command line to the result."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from cjsim.calibration.purchase_model import PurchaseCalibration, calibrate_purchases
from cjsim.cli import app
from cjsim.purchase_logs.month_names import _MONTHS, month_number
from cjsim.purchase_logs.purchase_log import read_purchases

COLUMNS = {"customer": "customer", "time": "date", "value": "amount"}
PURCHASES = [(number, day, 1000 + 7 * (number + day) % 50) for number in range(30) for day in range(number % 7 + 1, 28, number % 5 + 6)]
PLAIN = "customer,date,amount\n" + "".join(f"{number},2024-01-{day:02d},{money}.25\n" for number, day, money in PURCHASES)
GERMAN = "customer;date;amount\n" + "".join(
    f"{number};{day}.01.2024;{money // 1000}.{money % 1000:03d},25\n" for number, day, money in PURCHASES
)
OPTIONS = {"sep": ";", "decimal": ",", "thousands": ".", "date_format": "dmy", "encoding": "utf-8"}


def calibrate(file: Path, text: str, **options: str | bool) -> PurchaseCalibration:
    file.write_text(text, encoding="utf-8")
    return calibrate_purchases(file, **COLUMNS, until="2024-01-31", **options)  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def german(tmp_path_factory: pytest.TempPathFactory) -> PurchaseCalibration:
    return calibrate(tmp_path_factory.mktemp("german") / "log.csv", GERMAN)


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> PurchaseCalibration:
    return calibrate(tmp_path_factory.mktemp("plain") / "log.csv", PLAIN)


def test_a_detected_format_gives_the_same_estimates(german: PurchaseCalibration, plain: PurchaseCalibration) -> None:
    assert german.parameters == plain.parameters


def test_a_log_in_the_usual_format_needs_no_assumptions(plain: PurchaseCalibration) -> None:
    assert plain.assumptions == ()
    assert plain.to_json()["assumptions"] == []


def test_what_is_assumed_stands_in_the_result_its_text_and_its_json(german: PurchaseCalibration) -> None:
    assert len(german.assumptions) == 4
    assert german.to_json()["assumptions"] == list(german.assumptions)
    assert all(f"assumed: {text}" in german.summary() for text in german.assumptions)
    assert "assumed: columns are separated by semicolons" in german.summary()


def test_dropped_duplicates_do_not_count(tmp_path: Path, plain: PurchaseCalibration) -> None:
    head, *rows = PLAIN.splitlines()
    doubled = "\n".join([head, *rows, *rows])
    assert calibrate(tmp_path / "log.csv", doubled, drop_duplicates=True).parameters == plain.parameters


def test_what_the_options_say_is_not_assumed(tmp_path: Path) -> None:
    (tmp_path / "log.csv").write_text(GERMAN, encoding="utf-8")
    words = [word for name, value in OPTIONS.items() for word in (f"--{name.replace('_', '-')}", value)]
    columns = [word for name, value in COLUMNS.items() for word in (f"--{name}", value)]
    command = [
        "calibrate",
        "purchases",
        str(tmp_path / "log.csv"),
        *columns,
        "--until",
        "2024-01-31",
        *words,
        "--drop-duplicates",
        "--json",
    ]
    result = CliRunner().invoke(app, command)
    assert result.exit_code == 0, result.stderr
    assert json.loads(result.stdout)["assumptions"] == []


def test_the_day_of_a_time_with_an_offset_in_hours_is_the_day_as_written(tmp_path: Path) -> None:
    file = tmp_path / "log.csv"
    times = ("a,2024-03-01 00:30:00+02", "a,2024-03-05 00:30:00+02", "b,2024-03-02 12:00:00+02", "b,2024-03-09 12:00:00+02")
    file.write_text("customer,date,amount\n" + "".join(f"{time},10\n" for time in times))
    log = read_purchases(file, **COLUMNS)
    assert log.day.astype(str).tolist() == ["2024-03-01", "2024-03-05", "2024-03-02", "2024-03-09"]


@pytest.mark.parametrize("language", _MONTHS)
def test_months_are_read_in_full_and_abbreviated(language: str) -> None:
    names = _MONTHS[language].split()
    assert [month_number(name) for name in names] == list(range(1, 13))
    assert [month_number(name[:4].upper()) for name in names] == list(range(1, 13))


@pytest.mark.parametrize("word", ["jui", "ma", "may I", "", "CET", "Uhr", "Mon", "Tue"])
def test_other_words_and_ambiguous_ones_are_no_months(word: str) -> None:
    assert month_number(word) == 0

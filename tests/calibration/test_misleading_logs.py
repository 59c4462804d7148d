"""Purchase logs with common faults, from the file to the result: the faults are named, and the forecast is not misled."""

import json
from pathlib import Path

import pytest
from shop_log import Purchase, shop_log
from typer.testing import CliRunner

from cjsim.calibration.purchase_model import PurchaseCalibration, calibrate_purchases
from cjsim.cli import app
from cjsim.errors import InputError
from cjsim.purchase_logs.purchase_log import PurchaseLog, read_purchases
from cjsim.simulation.documents import Scenario

COLUMNS = {"customer": "customer", "time": "date", "value": "amount"}


def write_log(folder: Path, log: list[Purchase], header: str = "customer,date,amount,order") -> Path:
    file = folder / "log.csv"
    file.write_text("\n".join([header, *(f"{one.customer},{one.day},{one.money},{one.note}" for one in log)]) + "\n", encoding="utf-8")
    return file


def calibrate(folder: Path, log: list[Purchase]) -> PurchaseCalibration:
    return calibrate_purchases(write_log(folder, log), **COLUMNS, until="2024-09-30", out=folder / "out")


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> PurchaseCalibration:
    return calibrate(tmp_path_factory.mktemp("plain"), shop_log())


@pytest.mark.parametrize("wrong", ["2204-03-01", "1900-01-01", "9999-12-31"])
def test_a_mistyped_year_does_not_extend_the_holdout(tmp_path: Path, plain: PurchaseCalibration, wrong: str) -> None:
    log = shop_log()
    log[100] = log[100]._replace(day=wrong)
    found = calibrate(tmp_path, log)
    assert (found.start, found.end) == (plain.start, plain.end)
    assert found.warnings[0].startswith(f"rows dated far from all others are omitted: 1 of {len(log):,}, the first in row 102 ({wrong})")
    assert found.forecast is not None and plain.forecast is not None
    assert found.forecast.purchases.predicted == pytest.approx(plain.forecast.purchases.predicted, rel=0.02)
    assert Scenario.load(tmp_path / "out" / "scenario.yaml").horizon == (plain.end - plain.start).days + 1


def test_ids_in_two_forms_give_the_same_customers(tmp_path: Path, plain: PurchaseCalibration) -> None:
    log = [one._replace(customer=f"{int(one.customer)}{'.0' * (row % 2)}") for row, one in enumerate(shop_log())]
    found = calibrate(tmp_path, log)
    assert found.customers == plain.customers
    assert found.to_json()["log_likelihood"] == pytest.approx(plain.to_json()["log_likelihood"])


def test_an_amount_of_900_million_is_blamed_for_the_forecast(tmp_path: Path) -> None:
    log = shop_log()
    log[100] = log[100]._replace(money=900_000_000.0)
    assert calibrate(tmp_path, log).warnings[0].startswith("an amount is far above all others: 900,000,000.00 in row 102 (")


def test_options_drop_repeated_rows_and_net_refunds(tmp_path: Path) -> None:
    log = shop_log()
    refunded = [*log, log[7]._replace(money=-log[7].money, note="refund"), *log]
    command = ["calibrate", "purchases", str(write_log(tmp_path, refunded)), "--until", "2024-09-30", "--json"]
    command += [f"--{option}={column}" for option, column in (("customer", "customer"), ("time", "date"), ("value", "amount"))]
    out = CliRunner().invoke(app, [*command, "--drop-duplicates", "--net-refunds"])
    repeats, netted, *_ = json.loads(out.stdout)["warnings"]
    assert repeats.startswith(f"rows that repeat an earlier row exactly are omitted: {len(log):,} of {len(refunded):,}")
    assert netted.startswith("purchases that were refunded in full are omitted with their refunds: 1, ")


def test_rows_of_null_words_need_no_date_and_amount(tmp_path: Path) -> None:
    file = tmp_path / "log.csv"
    file.write_text("customer,date,amount\na,2024-01-01,5\nNULL,NULL,NULL\nTotal,2024-01-02,7\n", encoding="utf-8")
    log = read_purchases(file, **COLUMNS)
    assert log.customer_ids.tolist() == ["a", "Total"]
    assert log.warnings[0].startswith("rows without a customer are omitted: 1 of 3, the first in row 3; words read as a missing ID: 'NULL'")


def test_two_columns_of_one_name_are_refused_if_one_of_them_is_meant(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"log\.csv: must have one column 'amount', got 2 \(columns 3 and 4\)"):
        read_purchases(write_log(tmp_path, shop_log()[:9], "customer,date,amount,amount"), **COLUMNS)


def test_two_other_columns_of_one_name_are_ignored(tmp_path: Path) -> None:
    file = tmp_path / "log.csv"
    file.write_text("customer,note,date,note,amount\na,x,2024-01-01,y,5\n")
    assert read_purchases(file, **COLUMNS).money.tolist() == [5.0]


def read_case(data_dir: Path, name: str, **options: bool) -> PurchaseLog:
    file = data_dir.parent / "cases" / name / "log.csv"
    if not file.is_file():
        pytest.skip(f"needs the reported cases: {file} is not there")
    return read_purchases(file, **COLUMNS, **options)


CASES = {
    "02_typo_date": (400, "rows dated far from all others are omitted: 1 of 1,516, the first in row 102 (2204-03-01);"),
    "03_na_customer_ids": (
        380,
        "rows without a customer are omitted: 304 of 1,516, the first in row 2; words read as a missing ID: 'NA'",
    ),
    "04_float_and_int_ids": (
        400,
        "customer IDs that differ only in form are joined: 650 IDs are 400 customers; an example is '142.0' (row 2)",
    ),
    "05_duplicate_rows": (
        400,
        "rows that repeat an earlier row exactly are kept: 1,516 of 3,032, the first is row 1518, which repeats row 2",
    ),
    "07_single_outlier": (400, "an amount is far above all others: 900,000,000.00 in row 102 (the largest of the others is 246.69)"),
}


@pytest.mark.parametrize("name", CASES)
def test_reported_case_gets_its_right_answer(data_dir: Path, name: str) -> None:
    n_customers, warning = CASES[name]
    log = read_case(data_dir, name)
    assert len(log.customer_ids) == n_customers
    assert [text[: len(warning)] for text in log.warnings] == [warning]


def test_dropping_the_repeated_rows_of_the_reported_case_halves_the_money(data_dir: Path) -> None:
    assert read_case(data_dir, "05_duplicate_rows", drop_duplicates=True).money.sum() == pytest.approx(
        read_case(data_dir, "05_duplicate_rows").money.sum() / 2
    )

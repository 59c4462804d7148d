"""Logs that were read wrongly without a word: rows inside an open quote, other orders of dates, raised digits."""

from datetime import date
from pathlib import Path

import openpyxl
import pytest

from cjsim.errors import InputError
from cjsim.purchase_logs.log_format import LogFormat
from cjsim.purchase_logs.purchase_rows import PurchaseRows
from cjsim.purchase_logs.row_reader import read_rows

HEADER = "customer,date,amount,note\n"


def read(file: Path, text: str, *, value: str = "amount", **options: str) -> PurchaseRows:
    file.write_text(text, encoding="utf-8")
    return read_rows(file, customer="customer", time="date", value=value, log_format=LogFormat(**options))


def refusal(file: Path, text: str, *, value: str = "amount", **options: str) -> str:
    with pytest.raises(InputError) as caught:
        read(file, text, value=value, **options)
    return str(caught.value).removeprefix(str(file))


@pytest.mark.parametrize(
    "ending", ['3,2024-01-03,7,"7 inch\n4,2024-01-04,8,x\n', "3,2024-01-03,7,x\n", '3,2024-01-03,7,7"\n4,2024-01-04,8,x\n']
)
def test_an_open_quote_that_swallows_rows_is_refused(tmp_path: Path, ending: str) -> None:
    text = f'{HEADER}1,2024-01-01,5,"5 inch\n2,2024-01-02,6,plain\n{ending}'
    assert refusal(tmp_path / "log", text).startswith(":2: must close all quotes, got a row that spans the lines 2 to 4.")


def test_an_open_quote_in_a_first_column_is_refused(tmp_path: Path) -> None:
    text = 'note,customer,date,amount\nx,1,2024-01-01,5\n"5 inch,2,45322,6\n7",3,45323,7\n'
    assert refusal(tmp_path / "log", text).startswith(":3: must close all quotes, got a row that spans the lines 3 to 4.")


def test_a_quoted_note_with_lines_and_commas_is_one_row(tmp_path: Path) -> None:
    text = f'{HEADER}1,2024-01-01,5,"one, two\nthree, four, five, six\n\nsay ""seven"""\n2,2024-01-02,6,"5" pipe\n'
    assert read(tmp_path / "log", text).row.tolist() == [2, 3]


def test_a_quoted_line_break_before_the_other_columns_is_one_row(tmp_path: Path) -> None:
    text = 'note,customer,date,amount\n"two\nlines",7,2024-01-31,5\n"a, b\nc, d",8,2024-01-31,5\n'
    assert read(tmp_path / "log", text).customer.tolist() == ["7", "8"]


@pytest.mark.parametrize("sep", [".", "/"])
def test_short_dates_with_the_year_first_are_refused_as_undetermined(tmp_path: Path, sep: str) -> None:
    text = HEADER + "".join(f"{day},24{sep}01{sep}{day:02d},5,\n" for day in range(1, 29))
    assert refusal(tmp_path / "log", text).endswith("Set `date_format` to 'dmy' or 'ymd'.")


def test_short_dates_with_the_day_first_are_still_determined(tmp_path: Path) -> None:
    text = HEADER + "".join(f"{day},{day:02d}.01.{22 + day % 3},5,\n" for day in range(1, 29))
    assert read(tmp_path / "log", text).day[12].astype(str) == "2023-01-13"


def test_digits_with_a_leading_zero_are_no_serial_dates_of_excel(tmp_path: Path) -> None:
    assert "column 'date': must be a date such as 1997-01-31, got '050131'" in refusal(tmp_path / "log", f"{HEADER}1,050131,5,\n")


@pytest.mark.parametrize("date_format", ["%d/%m", "%H:%M", "%%Y"])
def test_a_date_format_without_the_year_is_refused(tmp_path: Path, date_format: str) -> None:
    message = refusal(tmp_path / "log", f"{HEADER}1,31/01,5,\n", date_format=date_format)
    assert message.startswith("date_format: must be a strptime format with the year")


@pytest.mark.parametrize("amount", ["19⁹⁹", "10¹", "①"])
def test_raised_and_circled_digits_are_not_read_as_digits(tmp_path: Path, amount: str) -> None:
    assert "column 'amount': must be an amount of money" in refusal(tmp_path / "log", f"{HEADER}1,2024-01-31,{amount},\n")


def test_one_column_named_twice_is_refused(tmp_path: Path) -> None:
    message = refusal(tmp_path / "log", f"{HEADER}1,2024-01-31,5,\n", value=" customer")
    assert message.startswith("customer, time, value: must be three different columns, got 'customer', 'date' and ' customer'.")


def test_excel_rows_with_minus_one_and_minus_two_are_not_repeated(tmp_path: Path) -> None:
    workbook = openpyxl.Workbook()
    for row in (HEADER.strip().split(","), [1, date(2024, 1, 31), -1], [1, date(2024, 1, 31), -2]):
        workbook.active.append(row)
    workbook.save(tmp_path / "log.xlsx")
    rows = read_rows(tmp_path / "log.xlsx", customer="customer", time="date", value="amount", log_format=LogFormat())
    assert rows.content_hash[0] != rows.content_hash[1]

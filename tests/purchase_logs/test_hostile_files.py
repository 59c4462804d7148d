"""Files that are no purchase logs, that are damaged, or that would take too much memory or time: one clear message each."""

import gzip
import io
import os
import random
import runpy
import time
import zipfile
from collections import Counter
from pathlib import Path

import numpy as np
import openpyxl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from conftest import ROOT

import cjsim.errors
from cjsim.errors import InputError
from cjsim.purchase_logs import delimited_text
from cjsim.purchase_logs.amount_column import _read_shape
from cjsim.purchase_logs.checks.customer_ids import is_null_word
from cjsim.purchase_logs.date_text import split_date
from cjsim.purchase_logs.log_format import LogFormat
from cjsim.purchase_logs.purchase_rows import PurchaseRows
from cjsim.purchase_logs.row_reader import read_rows

HEADER = b"customer,date,amount\n"


def read(file: Path, **options: str) -> PurchaseRows:
    return read_rows(file, customer="customer", time="date", value="amount", log_format=LogFormat(**options))


def refusal(file: Path, content: bytes | None = None, **options: str) -> str:
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(InputError) as caught:
        read(file, **options)
    message = str(caught.value)
    assert "\n" not in message
    assert len(message) < 600 + len(str(file))
    return message.removeprefix(f"{file}")


@pytest.mark.parametrize("device", ["/dev/zero", "/dev/null"])
def test_devices_are_refused(device: str) -> None:
    assert "must be a readable file, got a device" in refusal(Path(device))


def test_pipes_are_refused_without_waiting_for_a_writer(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    assert "got a pipe" in refusal(tmp_path / "pipe")


def test_links_in_a_circle_are_refused(tmp_path: Path) -> None:
    (tmp_path / "a").symlink_to(tmp_path / "b")
    (tmp_path / "b").symlink_to(tmp_path / "a")
    assert "a symbolic link to itself" in refusal(tmp_path / "a")


def test_gzip_bomb_is_refused(tmp_path: Path) -> None:
    bomb = gzip.compress(HEADER + b"7" * 3_000_000, mtime=0)
    assert "must have lines of at most 1,000,000 bytes, got a longer line" in refusal(tmp_path / "log", bomb)


def test_gzip_bomb_of_short_rows_is_refused_before_any_row_is_parsed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(delimited_text, "_read_rows")
    bomb = gzip.compress(HEADER + b"7,2024-01-31,5\n" * 6_000_000, mtime=0)
    assert "must decompress to at most" in refusal(tmp_path / "log", bomb)


def test_identifier_of_5_mb_is_refused(tmp_path: Path) -> None:
    assert ":2: must have lines of at most 1,000,000 bytes" in refusal(tmp_path / "log", HEADER + b"7" * 5_000_000 + b",2024-01-31,5\n")


def test_identifier_of_2000_characters_is_refused(tmp_path: Path) -> None:
    message = refusal(tmp_path / "log", HEADER + b"7" * 2000 + b",2024-01-31,5\n")
    assert message.startswith(":2: column 'customer': must be an identifier of at most 1,000 characters, got '777")


def test_identifier_of_5_mb_in_parquet_is_refused(tmp_path: Path) -> None:
    pq.write_table(pa.table({"customer": ["7" * 5_000_000], "date": ["2024-01-31"], "amount": [1.0]}), tmp_path / "log")
    assert ": row 1, column 'customer': must be an identifier of at most 1,000 characters" in refusal(tmp_path / "log")


def test_line_without_an_end_is_refused(tmp_path: Path) -> None:
    with (tmp_path / "log").open("wb") as file:
        file.write(HEADER + b"7,2024-01-31,5\n")
        file.truncate(100_000_000)
    assert "got bytes that are not text" in refusal(tmp_path / "log")


def test_quote_that_is_never_closed_is_refused(tmp_path: Path) -> None:
    content = HEADER + b'"7,2024-01-31,5\n' + b"8,2024-01-31,5\n" * 20_000
    assert "a cell of more than 131,072 characters. Check that all quotes are closed." in refusal(tmp_path / "log", content)


def test_too_many_rows_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cjsim.purchase_logs.delimited_text.MAX_ROWS", 3)
    assert "must have at most 3 rows, got more" in refusal(tmp_path / "log", HEADER + b"7,2024-01-31,5\n" * 5)


def test_parquet_with_too_many_rows_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cjsim.purchase_logs.parquet_log.MAX_ROWS", 3)
    pq.write_table(pa.table({name: ["7"] * 5 for name in ("customer", "date", "amount")}), tmp_path / "log")
    assert "must have at most 3 rows, got 5" in refusal(tmp_path / "log")


def excel_parts(**replaced: bytes) -> bytes:
    """An Excel file in which some parts are replaced, named by the last part of their path."""
    book = openpyxl.Workbook()
    for row in (("customer", "date", "amount"), ("7", "2024-01-31", 5)):
        book.active.append(row)
    whole, changed = io.BytesIO(), io.BytesIO()
    book.save(whole)
    with zipfile.ZipFile(whole) as old, zipfile.ZipFile(changed, "w", zipfile.ZIP_DEFLATED) as new:
        for name in old.namelist():
            new.writestr(name, replaced.get(Path(name).stem, old.read(name)))
    return changed.getvalue()


def test_excel_file_with_a_row_far_below_is_refused(tmp_path: Path) -> None:
    names = b"".join(b'<c t="inlineStr"><is><t>' + name + b"</t></is></c>" for name in (b"customer", b"date", b"amount"))
    rows = b'<row r="1">' + names + b'</row><row r="2000000000"><c><v>1</v></c></row>'
    space = b"http://schemas.openxmlformats.org/spreadsheetml/2006/main"
    sheet = b'<worksheet xmlns="' + space + b'"><sheetData>' + rows + b"</sheetData></worksheet>"
    assert "must have at most 1,048,576 rows per sheet" in refusal(tmp_path / "log", excel_parts(sheet1=sheet))


def test_excel_file_that_unpacks_to_too_much_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cjsim.purchase_logs.excel_sheet._MAX_UNPACKED", 20_000)
    assert "must unpack to at most 20,000 bytes" in refusal(tmp_path / "log", excel_parts(theme1=b" " * 20_000))


def test_other_archive_is_refused(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "log", "w") as archive:
        archive.writestr("orders.csv", HEADER)
    assert "got another kind of ZIP archive. Unpack it" in refusal(tmp_path / "log")


def test_excel_file_without_openpyxl_names_the_command_that_installs_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cjsim.errors, "find_spec", lambda name: None)
    assert "pip install 'cjsim[excel]'" in refusal(tmp_path / "log", excel_parts())


def test_unknown_sheet_is_refused(tmp_path: Path) -> None:
    assert "one of 'Sheet', got 'Orders'" in refusal(tmp_path / "log", excel_parts(), sheet="Orders")


def test_options_for_other_kinds_of_files_are_refused(tmp_path: Path) -> None:
    assert refusal(tmp_path / "log", excel_parts(), sep=";").startswith("sep: must be left out for an Excel file")
    assert refusal(tmp_path / "log", HEADER, sheet="Orders").startswith("sheet: must be left out for a text file")


@pytest.mark.parametrize(
    ("option", "value", "must"),
    [
        ("sep", "::", "must be one character"),
        ("decimal", ";", "must be '.' or ','"),
        ("thousands", "x", "must be one of"),
        ("date_format", "day first", "must be one of 'ymd', 'dmy', 'mdy'"),
        ("date_format", "%Q", "must be a strptime format"),
        ("encoding", "utf-99", "must be the name of a text encoding"),
        ("encoding", "hex", "must be the name of a text encoding"),
    ],
)
def test_invalid_options_are_refused(tmp_path: Path, option: str, value: str, must: str) -> None:
    assert refusal(tmp_path / "log", HEADER + b"7,2024-01-31,5\n", **{option: value}).startswith(f"{option}: {must}")


def test_decimal_and_thousands_separator_must_differ() -> None:
    with pytest.raises(InputError, match="must differ from the decimal separator"):
        LogFormat(decimal=",", thousands=",")


def test_reading_a_cell_takes_little_time_whatever_it_holds() -> None:
    started = time.process_time()
    for start in ("2024-01-31", "31 Jan 2024", "Jan 31 2024 ", "Wed "):
        for part in ("a", "ab ", "Z", "+0", " ", "A/", "[", "(", "9", "Aa/b"):
            split_date((start + part * 100)[:99] + "!")
    for part in ("9", "9,", "9 ", "$", "(", "A", "-"):
        _read_shape((part * 100)[:99] + "!")
    assert time.process_time() - started < 1


PIECES = (*(bytes([code]) for code in b',;"\n\r\0\xff\xe4(-.@T'), b"9" * 20, b"nan", b"\xe2\x82\xac", b"\xff\xfe")


def damaged(content: bytes, rng: random.Random) -> bytes:
    """Content with a flipped byte, something inserted, removed or repeated, or its end cut off."""
    place, other = rng.randrange(len(content)), rng.randrange(len(content))
    kind = rng.randrange(5)
    if kind == 0:
        return content[:place] + bytes([rng.randrange(256)]) + content[place + 1 :]
    if kind == 1:
        return content[:place] + rng.choice(PIECES) + content[place:]
    if kind == 2:
        return content[:place] + content[place + rng.randint(1, 20) :]
    if kind == 3:
        return content[:place] + content[other : other + 30] + content[place:]
    return content[:place]


def outcomes_of_damaged_files(file: Path, count: int, seed: int) -> Counter[str]:
    """How many damaged logs of all formats are read, and how many are refused."""
    rng, counts = random.Random(seed), Counter[str]()
    cases = runpy.run_path(str(ROOT / "docs" / "write_log_formats.py"))["CASES"]
    for _ in range(count):
        case = rng.choice(cases)
        content = case.log.encode() if isinstance(case.log, str) else case.log
        for _ in range(rng.randint(1, 3)):
            content = damaged(content, rng) or b" "
        file.write_bytes(content)
        try:
            rows = read(file, **case.options)
            has_customer = ~is_null_word(rows.customer)
            assert not np.isnat(rows.day[has_customer]).any()
            assert not np.isnan(rows.money[has_customer]).any()
            counts["read"] += 1
        except InputError as error:
            counts["refused on several lines" if "\n" in str(error) else "refused"] += 1
    return counts


def test_damaged_files_are_read_or_refused(tmp_path: Path) -> None:
    counts = outcomes_of_damaged_files(tmp_path / "log", 120, seed=1)
    assert counts["read"] > 0
    assert counts["refused"] > 0
    assert counts["refused on several lines"] == 0


@pytest.mark.slow
def test_thousands_of_damaged_files_are_read_or_refused(tmp_path: Path) -> None:
    counts = outcomes_of_damaged_files(tmp_path / "log", 5_000, seed=2)
    assert counts["read"] + counts["refused"] == 5_000


def test_a_parquet_file_without_rows_holds_no_purchase(tmp_path: Path) -> None:
    table = pa.table({"customer": pa.array([], pa.int64()), "date": pa.array([], pa.string()), "amount": pa.array([], pa.float64())})
    pq.write_table(table, tmp_path / "log.parquet")
    assert "must contain at least one purchase, got 0 rows" in refusal(tmp_path / "log.parquet")

"""Reading purchase logs, and the errors for invalid ones."""

import gzip
from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from cjsim.errors import InputError
from cjsim.purchase_logs.purchase_log import PurchaseHistories, PurchaseLog, read_purchases

GOOD = "who,day,paid\nann,2024-01-01,5\nbob,2024-01-03,2\nann,2024-01-08,7\nann,2024-01-15,9\n"


def read(folder: Path, text: str) -> PurchaseLog:
    file = folder / "log.csv"
    file.write_text(text, encoding="utf-8")
    return read_purchases(file, customer="who", time="day", value="paid")


def refusal(folder: Path, text: str) -> str:
    with pytest.raises(InputError) as caught:
        read(folder, text)
    message = str(caught.value)
    assert message.startswith(str(folder))
    return message.removeprefix(f"{folder}/")


@pytest.fixture(scope="session")
def cdnow(data_dir: Path) -> PurchaseHistories:
    log = read_purchases(data_dir / "cdnow_sample_2357.csv.gz", customer="id", time="date", value="amount")
    return log.histories_until(date(1997, 9, 30))


def test_cdnow_gives_the_published_histories(cdnow: PurchaseHistories, data_dir: Path) -> None:
    known = pd.read_csv(data_dir / "cdnow_cbs.csv").set_index("id")
    order = np.argsort(cdnow.customer_ids.astype(int))
    assert np.array_equal(cdnow.customer_ids.astype(int)[order], known.index)
    assert np.array_equal(cdnow.x[order], known["x"])
    assert np.array_equal(np.round(cdnow.t_x[order], 4), known["t_x"])
    assert np.array_equal(np.round(cdnow.T[order], 4), known["T"])
    assert np.array_equal(cdnow.holdout_purchases[order], known["x_holdout"])


def test_cdnow_spend_matches_the_total(cdnow: PurchaseHistories) -> None:
    assert cdnow.purchase_money.sum() == pytest.approx(173_115.55)
    assert (cdnow.x * cdnow.mean_spend).sum() == pytest.approx(95_355.60)
    assert cdnow.holdout_money.sum() == pytest.approx(70_976.39)
    assert cdnow.holdout_length == 39.0


def test_histories_count_days_after_the_first_purchase(tmp_path: Path) -> None:
    histories = read(tmp_path, GOOD).histories_until(date(2024, 1, 8))
    assert histories.customer_ids.tolist() == ["ann", "bob"]
    assert histories.x.tolist() == [1.0, 0.0]
    assert histories.t_x.tolist() == [1.0, 0.0]
    assert histories.T.tolist() == [1.0, 5 / 7]
    assert histories.mean_spend.tolist() == [7.0, 0.0]
    assert (histories.holdout_length, histories.holdout_purchases.tolist(), histories.holdout_money.tolist()) == (
        1.0,
        [1.0, 0.0],
        [9.0, 0.0],
    )


def test_purchases_on_one_day_are_merged(tmp_path: Path) -> None:
    log = read(tmp_path, GOOD + "ann,2024-01-08 23:59:59,1.5\n")
    assert len(log.money) == 4
    assert log.histories_until(date(2024, 1, 8)).mean_spend[0] == 8.5


def test_customers_first_seen_after_the_calibration_are_omitted(tmp_path: Path) -> None:
    histories = read(tmp_path, GOOD + "cleo,2024-01-09,3\n").histories_until(date(2024, 1, 8))
    assert histories.customer_ids.tolist() == ["ann", "bob"]
    assert histories.holdout_purchases.sum() == 1.0


def test_until_at_the_end_of_the_log_gives_no_holdout(tmp_path: Path) -> None:
    assert read(tmp_path, GOOD).histories_until(date(2024, 1, 15)).holdout_length == 0.0


@pytest.mark.parametrize("form", ["csv.gz", "parquet", "parquet of text"])
def test_other_file_formats_give_the_same_histories(tmp_path: Path, form: str) -> None:
    plain = read(tmp_path, GOOD)
    file = tmp_path / "other.bin"  # the format is detected from the first bytes, not from the file name
    if form == "csv.gz":
        file.write_bytes(gzip.compress(GOOD.encode()))
    else:
        frame = pd.read_csv(tmp_path / "log.csv", parse_dates=[] if form == "parquet of text" else ["day"])
        frame.to_parquet(file)
    other = read_purchases(file, customer="who", time="day", value="paid")
    assert other.customer_ids.tolist() == plain.customer_ids.tolist()
    assert np.array_equal(other.day, plain.day)
    assert np.array_equal(other.money, plain.money)


def test_order_of_rows_does_not_matter(tmp_path: Path) -> None:
    head, *rows = GOOD.splitlines()
    plain, turned = read(tmp_path, GOOD), read(tmp_path, "\n".join([head, *reversed(rows)]))
    assert turned.customer_ids.tolist() == plain.customer_ids.tolist()
    assert np.array_equal(turned.money, plain.money)


def test_customer_names_are_read_as_text(tmp_path: Path) -> None:
    log = read(tmp_path, "who,day,paid\n007,2024-01-01,1\n7,2024-01-01,1\n1e3,2024-01-02,1\n")
    assert log.customer_ids.tolist() == ["007", "7", "1e3"]


def test_day_uses_the_written_time_zone(tmp_path: Path) -> None:
    log = read(tmp_path, "who,day,paid\na,2024-01-01T23:30:00+02:00,1\na,2024-01-02T00:30:00Z,1\n")
    assert log.day.astype(str).tolist() == ["2024-01-01", "2024-01-02"]


def test_refund_is_omitted_with_a_warning(tmp_path: Path) -> None:
    log = read(tmp_path, GOOD + "ann,2024-01-16,-9\n")
    assert len(log.money) == 4
    assert log.warnings == (
        "refunds (negative amounts) are omitted, but the refunded purchases are kept: 1 row, 9.00 in total, the first in row 6",
    )


def test_row_without_customer_is_omitted_with_a_warning(tmp_path: Path) -> None:
    log = read(tmp_path, GOOD + ",2024-01-16,9\n")
    assert log.warnings == ("rows without a customer are omitted: 1 of 5, the first in row 6",)


def test_empty_lines_are_ignored_and_keep_row_numbers(tmp_path: Path) -> None:
    assert read(tmp_path, GOOD + "\n\n").warnings == ()
    assert refusal(tmp_path, "who,day,paid\n\nann,2024-01-01,x\n").startswith("log.csv:3: column 'paid'")


def test_zero_value_purchase_counts(tmp_path: Path) -> None:
    assert read(tmp_path, GOOD + "bob,2024-01-05,0\n").histories_until(date(2024, 1, 8)).x.tolist() == [1.0, 1.0]


_MIXED = "A spreadsheet may have read some of them with day and month exchanged: export the log again from its source."
_QUOTE = "Quote values that contain commas. If amounts have a decimal comma, export with semicolons."
_FILL_IN = "Fill in the cell, or remove the row if it is not a purchase."
_WRITE_DATES = "Correct it, or set `date_format` to the format of the dates."
_WRITE_AMOUNTS = "Write it as 1234.50, or set `decimal` and `thousands`."
BAD = {
    "who,day,piad\na,2024-01-01,1\n": "log.csv: must name one of the columns 'who', 'day', 'piad', got 'paid'. Did you mean 'piad'?",
    "who:day:paid\na:2024-01-01:1\n": (
        "log.csv: must name one of the columns 'who:day:paid', got 'who'. Set `sep` to the separator of the columns."
    ),
    "": "log.csv: must be a CSV file with a header, an Excel file or a Parquet file, got an empty file. Check the path.",
    "\n\n": "log.csv: must be a CSV file with a header, got only empty lines. Check how it was exported.",
    "who,day,paid\n": "log.csv: must contain at least one purchase, got 0 rows. Check the file and the columns.",
    "who,day,paid\na,2024-01-01,-1\n": (
        "log.csv: must contain at least one purchase, got no purchase in 1 row. Check the file and the columns."
    ),
    "who,day,paid\na,20240131,1\nb,2024-01-31,1\n": (
        f"log.csv: column 'day': must have all dates in one format, got '20240131' (row 2) and '2024-01-31' (row 3). {_MIXED}"
    ),
    "who,day,paid\na,someday,1\nb,2024,1\n": (
        f"log.csv:2: column 'day': must be a date such as 1997-01-31, got 'someday' (and 1 more row). {_WRITE_DATES}"
    ),
    "who,day,paid\na,2024-01-01,1\nb,2024-02-30,1\nc,x,1\n": (
        f"log.csv:3: column 'day': must be a date such as 1997-01-31, got '2024-02-30' (and 1 more row). {_WRITE_DATES}"
    ),
    "who,day,paid\na,,1\n": f"log.csv:2: column 'day': must be a date such as 1997-01-31, got nothing. {_FILL_IN}",
    "who,day,paid\na,2024-01-01,1\na,2024-01-02,\n": (
        f"log.csv:3: column 'paid': must be an amount of money between -1e12 and 1e12, got nothing. {_FILL_IN}"
    ),
    "who,day,paid\na,2024-01-01,five\n": (
        f"log.csv:2: column 'paid': must be an amount of money between -1e12 and 1e12, got 'five'. {_WRITE_AMOUNTS}"
    ),
    "who,day,paid\na,2024-01-01,inf\n": (
        f"log.csv:2: column 'paid': must be an amount of money between -1e12 and 1e12, got 'inf'. {_WRITE_AMOUNTS}"
    ),
    "who,day,paid\na,2024-01-01,1\nb,2024-01-01,1,2\n": f"log.csv:3: must have 3 fields, like the header, got 4. {_QUOTE}",
    "who,day,paid\na,2024-01-01\n": "log.csv:2: must have 3 fields, like the header, got 2. Quote values that contain commas.",
    "who,day,paid\na,2024-01-01,1,234\n": f"log.csv:2: must have 3 fields, like the header, got 4. {_QUOTE}",
    "who,day,paid,who\na,2024-01-01,1,b\n": (
        "log.csv: must have one column 'who', got 2 (columns 1 and 4). Rename or remove the other one."
    ),
}


@pytest.mark.parametrize("text", BAD)
def test_invalid_log_is_rejected_with_row_and_advice(tmp_path: Path, text: str) -> None:
    assert refusal(tmp_path, text) == BAD[text]


def test_missing_file_and_folder_are_rejected(tmp_path: Path) -> None:
    for path, word in ((tmp_path / "none.csv", "a path that does not exist"), (tmp_path, "a directory")):
        with pytest.raises(InputError, match=word):
            read_purchases(path, customer="who", time="day", value="paid")


@pytest.mark.parametrize(
    ("content", "word"),
    [
        ("who,day,paid\n\xe4,2024-01-01,1\n".encode() + b"\xe4,2024-01-01,1\n", "one encoding, got the byte 0xe4"),
        (b"who,day,paid\n\x81,2024-01-01,1\n", "must be text in UTF-8 or cp1252, got the byte 0x81. Save it as UTF-8"),
        (gzip.compress(b"who,day,paid\n" * 99, mtime=0)[:40], "complete gzip"),
        (b"PAR1 and no more", "Parquet"),
    ],
)
def test_broken_file_is_rejected(tmp_path: Path, content: bytes, word: str) -> None:
    file = tmp_path / "log"
    file.write_bytes(content)
    with pytest.raises(InputError, match=word):
        read_purchases(file, customer="who", time="day", value="paid")

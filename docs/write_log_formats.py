"""Writes docs/log_formats.md: purchase logs in many formats, and what cjsim reads from each.

    python docs/write_log_formats.py

The cases are also the tests of tests/purchase_logs/test_log_formats.py. Each log holds the same two purchases, unless the case says
otherwise.
"""

import gzip
import io
import re
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

from cjsim.errors import InputError
from cjsim.purchase_logs.log_format import LogFormat
from cjsim.purchase_logs.purchase_rows import PurchaseRows
from cjsim.purchase_logs.row_reader import read_rows

PAGE = Path(__file__).resolve().parent / "log_formats.md"
HEAD = """# Formats of purchase logs

`cjsim calibrate purchases` reads delimited text (optionally gzipped), Excel files (.xlsx) and Parquet. It detects the
format of the log, and prints a line that begins with `assumed:` for each assumption. In Python and JSON, these lines
are in `assumptions`. If the order of day and month or the decimal separator is ambiguous, the log is refused: the error
shows both readings, and the option that selects one.

| option | meaning | values |
|---|---|---|
| `--sep` | separator of the columns | a character, or `comma`, `semicolon`, `tab`, `pipe`, `space` |
| `--decimal` | decimal separator of amounts | `.` or `,` |
| `--thousands` | thousands separator of amounts | `,` `.` `'` `space`, or `none` |
| `--date-format` | format of the dates | `dmy`, `mdy`, `ymd`, `excel`, `excel-1904`, `unix-s` (`-ms`, `-us`, `-ns`), or a strptime format |
| `--encoding` | encoding of the text | a name that Python knows, such as `cp1252` |
| `--sheet` | sheet of an Excel file | its name |
| `--drop-duplicates` | omit rows that repeat an earlier row in all columns | |
| `--net-refunds` | omit purchases that were refunded in full, together with their refunds | |

The same names are arguments of `cj.calibrate_purchases`, such as `date_format="dmy"`.

The day of a purchase is the day as written, in its own time zone. Seconds since 1970 are in UTC. Two-digit years are
read as 1969 to 2068, as in POSIX. Month names may be in English, German, French, Spanish, Italian, Portuguese, Dutch,
Swedish, Danish, Norwegian or Polish, in full or abbreviated to three letters or more.

Limits: 20,000,000 rows, 4 GiB of text, a million bytes per line, 131,072 characters per cell, and 1,000 characters
per identifier. A gzip file may expand to 100 times its size, or to 8 MiB if that is more. Devices, pipes and sockets
are refused. The header must be one of the first 50 rows.

## Tested formats

`docs/write_log_formats.py` generates this table, and tests check every row. In the logs, ⏎ is a line break and ⇥ a
tab. "as usual" means the purchases of customer 7 on 2024-01-31 for 1234.50, and of customer 21 on 2024-02-13 for
20.00.

| format | log | options | result | assumed |
|---|---|---|---|---|
"""
Row = tuple[str, str, float]
USUAL: tuple[Row, ...] = (("7", "2024-01-31", 1234.5), ("21", "2024-02-13", 20.0))
HEADER = "customer,date,amount\n"
_SHOWN = 70  # characters of a log in the table


@dataclass(frozen=True)
class LogCase:
    """A purchase log and what must be read from it.

    Attributes
    ----------
    title : str
        The format in words.
    log : str or bytes
        Content of the file; text is encoded in UTF-8.
    expected : tuple of rows, or str
        Customer, day and amount of each row; or a part of the message with which the log is refused.
    options : dict
        Arguments of `LogFormat`.
    shown : str
        What the table shows for a file that is not text.
    """

    title: str
    log: str | bytes
    expected: tuple[Row, ...] | str = USUAL
    options: dict[str, str] = field(default_factory=dict)
    shown: str = ""

    def read(self) -> PurchaseRows:
        """Write the log to a temporary file, and read it."""
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / "log"
            file.write_bytes(self.log.encode() if isinstance(self.log, str) else self.log)
            try:
                return read_rows(file, customer="customer", time="date", value="amount", log_format=LogFormat(**self.options))
            except InputError as error:
                raise InputError(str(error).replace(str(file), "log")) from None


def dated(first: str, second: str, *, quote: bool = False) -> str:
    """A log in which only the dates are unusual."""
    first, second = (f'"{text}"' if quote else text for text in (first, second))
    return f"{HEADER}7,{first},1234.50\n21,{second},20.00\n"


def paid(first: str, second: str) -> str:
    """A log in which only the amounts are unusual."""
    return f'{HEADER}7,2024-01-31,"{first}"\n21,2024-02-13,"{second}"\n'


def workbook(rows: Sequence[Sequence[Any]], *, others: Sequence[str] = (), is_1904: bool = False, copies: Sequence[str] = ()) -> bytes:
    """An Excel file with the rows in its first sheet (and in sheets named in `copies`)."""
    import openpyxl
    from openpyxl.utils.datetime import CALENDAR_MAC_1904

    book = openpyxl.Workbook()
    if is_1904:
        book.epoch = CALENDAR_MAC_1904
    for title in others:
        book.create_sheet(title).append(["nothing of interest"])
    for sheet in (book.active, *(book.create_sheet(title) for title in copies)):
        for row in rows:
            sheet.append(list(row))
    buffer = io.BytesIO()
    book.save(buffer)
    return buffer.getvalue()


def parquet(dates: Any, amounts: Any = (1234.5, 20.0), customers: Any = (7, 21)) -> bytes:
    """A Parquet file with these columns."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    buffer = io.BytesIO()
    columns = {"customer": customers, "date": dates, "amount": amounts}
    pq.write_table(pa.table({name: pa.array(cells) for name, cells in columns.items()}), buffer)
    return buffer.getvalue()


def zoned_timestamps() -> Any:
    """Timestamps shortly after midnight in Paris, which Parquet stores in UTC."""
    import pyarrow as pa

    naive = pa.array([datetime(2024, 1, 30, 23, 30), datetime(2024, 2, 12, 23, 30)], pa.timestamp("us", "UTC"))
    return naive.cast(pa.timestamp("us", "Europe/Paris"))


USUAL_CELLS = (("customer", "date", "amount"), (7, datetime(2024, 1, 31, 9, 30), 1234.5), (21, datetime(2024, 2, 13), 20))
USUAL_TEXT = dated("2024-01-31", "2024-02-13")
GERMAN = "Kunde;x\n".replace("Kunde;x", "customer;date;amount") + "7;31.01.2024;1.234,50\n21;13.02.2024;20,00\n"
MIXED_TEXT = HEADER.encode() + b"\xc3\xa4,2024-01-31,1\n\xe4,2024-01-31,1\n"
REFUNDS: tuple[Row, ...] = (("7", "2024-01-31", -1234.5), ("21", "2024-02-13", 20.0))
THOUSANDTHS: tuple[Row, ...] = (("7", "2024-01-31", 4.891), ("21", "2024-02-13", 12.75))
THOUSANDS: tuple[Row, ...] = (("7", "2024-01-31", 4891.0), ("21", "2024-02-13", 12750.0))
CASES = (
    # text
    LogCase("commas, UTF-8, ISO dates", USUAL_TEXT),
    LogCase("semicolons, decimal commas", GERMAN),
    LogCase("tabs", USUAL_TEXT.replace(",", "\t")),
    LogCase("pipes", USUAL_TEXT.replace(",", "|")),
    LogCase("another separator", USUAL_TEXT.replace(",", "~"), options={"sep": "~"}),
    LogCase("another separator, not specified", USUAL_TEXT.replace(",", "~"), "Set `sep` to the separator of the columns"),
    LogCase("separator in the first line", "sep=;\n" + GERMAN),
    LogCase("a title line above the header", "Orders 2024\n" + USUAL_TEXT),
    LogCase("several lines above the header", "Orders 2024\n\nShop:,Main Street\n" + USUAL_TEXT),
    LogCase("one row per item, the amount only in the first (Shopify)", USUAL_TEXT + "21,2024-02-13,\n21,,\n"),
    LogCase("a row of totals", USUAL_TEXT + "Total,,1254.50\n", "log:4: column 'date': must be a date such as 1997-01-31, got nothing"),
    LogCase("empty lines", USUAL_TEXT.replace("\n", "\n\n") + "\n,,\n"),
    LogCase("trailing separators", USUAL_TEXT.replace("00\n", "00,,\n").replace("50\n", "50,,\n")),
    LogCase("quoted line breaks", 'note,customer,date,amount\n"two\nlines",7,2024-01-31,1234.50\n"say ""hi""",21,2024-02-13,20.00\n'),
    LogCase("Windows line breaks", USUAL_TEXT.replace("\n", "\r\n")),
    LogCase("old Mac line breaks", USUAL_TEXT.replace("\n", "\r")),
    LogCase("identifiers kept as text for Excel", USUAL_TEXT.replace("\n7,", '\n="7",').replace("\n21,", '\n="21",')),
    LogCase("UTF-8 with a byte order mark", b"\xef\xbb\xbf" + USUAL_TEXT.encode(), shown="CSV in UTF-8"),
    LogCase("UTF-16 with a byte order mark", USUAL_TEXT.replace(",", "\t").encode("utf-16"), shown="tabs, in UTF-16"),
    LogCase("UTF-16 without a byte order mark", USUAL_TEXT.encode("utf-16-le"), shown="in UTF-16"),
    LogCase("Windows-1252", ("name," + USUAL_TEXT.replace("\n7", "\nJosé,7").replace("\n21", "\nAna,21")).encode("cp1252"), shown="José"),
    LogCase("a named encoding", paid("1234.50 €", "20 €").encode("iso8859-15"), options={"encoding": "iso8859-15"}, shown="1234.50 €"),
    LogCase("gzip", gzip.compress(USUAL_TEXT.encode(), mtime=0), shown="gzipped CSV"),
    LogCase("two encodings in one file", MIXED_TEXT, "must be text in one encoding", shown="ä in UTF-8, then in Windows-1252"),
    LogCase(
        "two columns with the same name", "customer,date,amount,date\n7,2024-01-31,1,2024-01-30\n", "must have one column 'date', got 2"
    ),
    LogCase("an unquoted amount with a decimal comma", HEADER + "7,2024-01-31,1234,50\n", "must have 3 fields, like the header, got 4"),
    # dates
    LogCase("times of day", dated("2024-01-31 09:30:00", "2024-02-13 23:59:59.999")),
    LogCase("ISO times in UTC", dated("2024-01-31T00:30:00Z", "2024-02-13T23:30:00.000Z")),
    LogCase("offsets in hours (PostgreSQL)", dated("2024-01-31 00:30:00+02", "2024-02-13 23:30:00-05")),
    LogCase("offsets and zone names", dated("2024-01-31T00:30+02:00[Europe/Paris]", "2024-02-13 00:30:00 CET")),
    LogCase("slashes, year first", dated("2024/01/31", "2024/2/13")),
    LogCase("dd.mm.yyyy", dated("31.01.2024", "13.02.2024 14:05")),
    LogCase("dd/mm/yyyy", dated("31/01/2024", "13/02/2024")),
    LogCase("mm/dd/yyyy", dated("01/31/2024", "02/13/2024")),
    LogCase("AM and PM", dated("1/31/2024 12:05 AM", "2/13/2024 3:05:59 PM")),
    LogCase("narrow space before AM (browsers)", dated("1/31/2024, 9:30:00\u202fAM", "2/13/2024, 3:05:59\u202fPM", quote=True)),
    LogCase("Oracle timestamps", dated("31-JAN-24 09.30.00.000000 AM", "13-FEB-24 11.30.00.000000 PM +02:00")),
    LogCase("SQL Server timestamps", dated("2024-01-31 09:30:00.0000000 +00:00", "Feb 13 2024 12:00AM")),
    LogCase("German times", dated("31.01.2024 um 09:30 Uhr", "13.02.2024 23.59 Uhr")),
    LogCase("spaces within dates", dated("31. 1. 2024", "13. 2. 2024")),
    LogCase(
        "ambiguous order of day and month",
        dated("03/04/2024", "05/04/2024"),
        "which is 2024-04-03 with the day first or 2024-03-04 with the month",
    ),
    LogCase(
        "ambiguous order, with the option",
        dated("03/04/2024", "05/04/2024"),
        (("7", "2024-04-03", 1234.5), ("21", "2024-04-05", 20.0)),
        {"date_format": "dmy"},
    ),
    LogCase("two different orders", dated("31/01/2024", "02/13/2024"), "must have dates in one order"),
    LogCase("two date formats", dated("2024-01-31", "13/02/2024"), "must have all dates in one format"),
    LogCase("two-digit years", dated("31.01.24", "13.02.24")),
    LogCase("two-digit years, ambiguous", dated("24-01-31", "24-02-13"), "with the day first or 2024-01-31 with the year first"),
    LogCase("two-digit years, with the option", dated("24-01-31", "24-02-13"), options={"date_format": "ymd"}),
    LogCase("English months", dated("31-Jan-24", "February 13, 2024", quote=True)),
    LogCase("German months", dated("31. Januar 2024", "13. Febr. 2024")),
    LogCase("French and Spanish months", dated("31 janv. 2024", "13 de febrero de 2024")),
    LogCase("Polish months", dated("31 stycznia 2024", "13 lutego 2024")),
    LogCase("days of the week (RFC 2822)", dated("Wed, 31 Jan 2024 09:30:00 +0100", "Tue, 13 Feb 2024 23:59:00 GMT", quote=True)),
    LogCase("Unix `date`", dated("Wed Jan 31 09:30:00 CET 2024", "Tue Feb 13 23:59:00 2024")),
    LogCase("JavaScript", dated("Wed Jan 31 2024 00:30:00 GMT+0200 (EET)", "Tue Feb 13 2024 00:30:00 GMT+0200 (EET)")),
    LogCase("web server log", dated("31/Jan/2024:00:30:00 +0200", "13/Feb/2024:23:30:00 -0500")),
    LogCase("Chinese and Japanese dates", dated("2024年1月31日", "2024年2月13日")),
    LogCase("YYYYMMDD", dated("20240131", "20240213")),
    LogCase("YYYYMMDDhhmmss", dated("20240131093000", "20240213235959")),
    LogCase("ISO, compact", dated("20240131T093000Z", "20240213T2359Z")),
    LogCase("Excel serial dates", dated("45322", "45335.75")),
    LogCase("Excel serial dates, 1904", dated("43860", "43873.75"), options={"date_format": "excel-1904"}),
    LogCase("seconds since 1970", dated("1706693400", "1707868799")),
    LogCase("milliseconds since 1970", dated("1706693400000", "1707868799999")),
    LogCase("microseconds since 1970", dated("1706693400000000", "1707868799000000")),
    LogCase("nanoseconds since 1970", dated("1706693400000000000", "1707868799000000000")),
    LogCase("a strptime format", dated("2024-31-01 h09", "2024-13-02 h23"), options={"date_format": "%Y-%d-%m h%H"}),
    LogCase("a day that does not exist", dated("2024-01-31", "2024-02-30"), "log:3: column 'date': must be a date such as"),
    LogCase("an hour that does not exist", dated("2024-01-31 09:30", "2024-02-13 25:30"), "log:3: column 'date': must be a date such as"),
    # amounts
    LogCase("decimal commas", paid("1234,50", "20,00")),
    LogCase("thousands separated by commas", paid("1,234.50", "20.00")),
    LogCase("thousands separated by periods", paid("1.234,50", "20,00")),
    LogCase("thousands separated by spaces", paid("1 234,50", "20,00")),
    LogCase("thousands separated by narrow no-break spaces", paid("1\u202f234,50", "20,00")),
    LogCase("thousands separated by apostrophes (Swiss)", paid("1'234.50", "20.00")),
    LogCase("lakhs (India)", paid("12,34,567.50", "20"), (("7", "2024-01-31", 1234567.5), ("21", "2024-02-13", 20.0))),
    LogCase("currency signs", paid("$1,234.50", "$ 20.00")),
    LogCase("currency signs after the amount", paid("1.234,50 €", "20,00€")),
    LogCase("currency codes", paid("EUR 1234.50", "20.00 EUR")),
    LogCase("currency words", paid("kr 1 234,50", "20,00 kr.")),
    LogCase("whole amounts with a dash", paid("1234,50", "20,-")),
    LogCase("scientific notation", paid("1.2345e3", "2E+01")),
    LogCase("two currencies", paid("1234.50 €", "$20"), "must have amounts in one currency"),
    LogCase("negative amounts in parentheses", paid("(1,234.50)", "20.00"), REFUNDS),
    LogCase("minus after the amount", paid("1234.50-", "20.00"), REFUNDS),
    LogCase("typographic minus", paid("\u22121234.50", "20.00"), REFUNDS),
    LogCase("three digits after one separator", paid("4.891", "12.750"), "which is 4.891 or 4891. Set `decimal` or `thousands` to '.'"),
    LogCase("the same, with the decimal separator", paid("4.891", "12.750"), THOUSANDTHS, {"decimal": "."}),
    LogCase("the same, with the thousands separator", paid("4.891", "12.750"), THOUSANDS, {"thousands": "."}),
    LogCase("two decimal separators", paid("1234.50", "20,00"), "log:3: column 'amount': must be an amount of money"),
    LogCase("an amount in words", paid("1234.50", "twenty"), "log:3: column 'amount': must be an amount of money"),
    # Excel and Parquet
    LogCase("Excel", workbook(USUAL_CELLS), shown="cells with dates and numbers"),
    LogCase("Excel with a title line", workbook([("Orders 2024",), (), *USUAL_CELLS]), shown="two rows above the header"),
    LogCase("Excel with other sheets", workbook(USUAL_CELLS, others=["Notes"]), shown="sheets 'Sheet' and 'Notes'"),
    LogCase("Excel with two logs", workbook(USUAL_CELLS, copies=["Old"]), "must have one sheet with the columns", shown="two sheets"),
    LogCase("Excel with two logs, with the option", workbook(USUAL_CELLS, copies=["Old"]), options={"sheet": "Old"}, shown="two sheets"),
    LogCase(
        "Excel with dates as numbers",
        workbook([USUAL_CELLS[0], ("7", 45322, 1234.5), ("21", 45335.75, 20)]),
        shown="45322, 45335.75",
    ),
    LogCase(
        "Excel with the 1904 date system",
        workbook([USUAL_CELLS[0], ("7", 43860, 1234.5), ("21", 43873.75, 20)], is_1904=True),
        shown="43860, 43873.75",
    ),
    LogCase(
        "Excel with text",
        workbook([USUAL_CELLS[0], ("7", "31.01.2024", "1.234,50"), ("21", "13.02.2024", "20,00")]),
        shown="31.01.2024, 1.234,50",
    ),
    LogCase(
        "Excel file in which only some cells were converted to dates",
        workbook([USUAL_CELLS[0], ("7", "31.01.2024", 1234.5), ("21", datetime(2024, 2, 11), 20)]),
        "must have all dates in one format",
        shown="text and dates",
    ),
    LogCase("Parquet with timestamps", parquet(zoned_timestamps()), shown="timestamps in Europe/Paris, 00:30"),
    LogCase(
        "Parquet with dates and decimals",
        parquet([date(2024, 1, 31), date(2024, 2, 13)], [Decimal("1234.50"), Decimal("20.00")], [7.0, 21.0]),
        shown="dates, decimals, identifiers 7.0 and 21.0",
    ),
    LogCase("Parquet with whole numbers", parquet([20240131, 20240213]), shown="20240131, 20240213"),
    LogCase("Parquet with text", parquet(["31.01.2024", "13.02.2024"], ["1.234,50", "20,00"], ["7", "21"]), shown="31.01.2024, 1.234,50"),
    LogCase("an old Excel file (.xls)", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(99), "got an old Excel file (.xls)", shown="binary"),
    LogCase("a web page named .xls", "<html><table><tr><td>customer</td></tr></table></html>", "got a web page or XML document"),
)


def outcome_text(case: LogCase) -> tuple[str, str]:
    """The result of a case, and the assumptions made, for the table."""
    try:
        rows = case.read()
    except InputError as error:
        message = re.sub(r"`(\w+)`", option_name, str(error))
        return f"refused: {message}", ""
    found = rows_of(rows)
    if found == USUAL:
        return "as usual", "; ".join(rows.assumptions)
    return "; ".join(f"{customer}: {day}, {money:,}" for customer, day, money in found), "; ".join(rows.assumptions)


def option_name(match: re.Match[str]) -> str:
    """The command-line option for a Python argument."""
    return f"--{match[1].replace('_', '-')}"


def rows_of(rows: PurchaseRows) -> tuple[Row, ...]:
    """Customer, day and amount of each row."""
    return tuple(zip(rows.customer.tolist(), rows.day.astype(str).tolist(), rows.money.tolist(), strict=True))


def page() -> str:
    """The page as Markdown."""
    lines = []
    for case in CASES:
        shown = case.shown or (case.log if isinstance(case.log, str) else "")
        shown = shown.removeprefix(HEADER).strip("\n").replace("\r\n", "⏎").replace("\n", "⏎").replace("\r", "⏎").replace("\t", "⇥")
        shown = shown if len(shown) <= _SHOWN else shown[: _SHOWN - 1] + "…"
        options = " ".join(f"`--{name.replace('_', '-')} {value}`" for name, value in case.options.items())
        cells = (case.title, shown if case.shown else f"`{shown}`", options, *outcome_text(case))
        lines.append("| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |")
    return HEAD + "\n".join(lines) + "\n"


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")

"""Event logs: rows read equal rows written, memory stays constant, errors name the line of an invalid cell."""

import gzip
import tracemalloc
import xml.etree.ElementTree as ET
from datetime import date, datetime
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cjsim.errors import InputError
from cjsim.eventlog import EventLog, LogWriter
from cjsim.eventlog.parquet_writer import ROW_GROUP_SIZE
from cjsim.kernels.codes import N_TOUCH_CODES, TouchCode
from cjsim.kernels.state import LOG_ROW
from cjsim.kernels.world import Array

NAMES = SimpleNamespace(
    events=(*(touch.name.lower() for touch in TouchCode), "purchase", "visit"),
    stages=("new", "active"),
    channels=("email",),
    messages=("hello", "news"),
    sources=("welcome", "weekly"),
)
START = date(2026, 3, 1)


def random_rows(n: int, seed: int = 1) -> Array:
    """Rows sorted by customer and time, of which about one in four is a purchase."""
    rng = np.random.default_rng(seed)
    rows = np.zeros(n, LOG_ROW)
    rows["customer"] = np.sort(rng.integers(0, max(n // 20, 1), n))
    rows["time"] = rng.uniform(0, 365, n)
    rows = rows[np.lexsort((rows["time"], rows["customer"]))]
    rows["event"] = rng.integers(0, N_TOUCH_CODES + 2, n)
    rows["stage"] = rng.integers(0, 2, n)
    touched = rows["event"] <= TouchCode.SUPPRESSED_CAP
    for name, size in (("channel", 1), ("message", 2), ("source", 2)):
        rows[name] = np.where(touched, rng.integers(0, size, n), -1)
    rows["value"] = np.where(rows["event"] == N_TOUCH_CODES, rng.gamma(2, 20, n), 0)
    return rows


def write_log(path: Path, rows: Array, chunk: int = 1000, names: SimpleNamespace = NAMES) -> Path:
    with LogWriter(path, names, START) as writer:
        for at in range(0, len(rows), chunk):
            writer.write(rows[at : at + chunk])
    return path


def text_file(path: Path, text: str) -> Path:
    path.write_text(text, encoding="utf-8")
    return path


def test_rows_read_equal_rows_written(tmp_path: Path) -> None:
    rows = random_rows(5000)
    frame = EventLog.read(write_log(tmp_path / "log.parquet", rows, chunk=777)).to_pandas()
    assert (frame["customer"].to_numpy() == rows["customer"]).all()
    assert frame["event"].tolist() == [NAMES.events[code] for code in rows["event"]]
    assert frame["stage"].tolist() == [NAMES.stages[code] for code in rows["stage"]]
    for column in ("channel", "message", "source"):
        words = getattr(NAMES, column + "s")
        assert frame[column].astype(object).where(frame[column].notna(), None).tolist() == [
            None if code < 0 else words[code] for code in rows[column]
        ]
    micro = np.floor(rows["time"] * 8.64e10 + 0.5).astype("timedelta64[us]")
    assert (frame["time"].to_numpy() == np.datetime64(START, "us") + micro).all()
    assert np.array_equal(frame["value"].to_numpy(), np.where(rows["value"] == 0, np.nan, rows["value"]), equal_nan=True)


def test_chunks_do_not_change_the_bytes(tmp_path: Path) -> None:
    rows = random_rows(30_000)
    one, other = write_log(tmp_path / "a.parquet", rows, chunk=30_000), write_log(tmp_path / "b.parquet", rows, chunk=333)
    assert one.read_bytes() == other.read_bytes()


@pytest.mark.parametrize("column", ["event", "stage", "channel", "message", "source"])
@pytest.mark.parametrize("first", [True, False])
def test_unused_names_do_not_change_the_bytes(tmp_path: Path, column: str, first: bool) -> None:
    rows, known = random_rows(3000), getattr(NAMES, f"{column}s")
    moved = rows.copy()
    if first:
        moved[column] += moved[column] >= 0
    more = SimpleNamespace(**(vars(NAMES) | {f"{column}s": ("never", *known) if first else (*known, "never")}))
    one = write_log(tmp_path / "a.parquet", rows)
    assert one.read_bytes() == write_log(tmp_path / "b.parquet", moved, names=more).read_bytes()


def test_the_order_of_codes_does_not_change_the_bytes(tmp_path: Path) -> None:
    rows = random_rows(3000)
    turned = rows.copy()
    turned["message"] = np.where(rows["message"] < 0, -1, 1 - rows["message"])
    names = SimpleNamespace(**(vars(NAMES) | {"messages": NAMES.messages[::-1]}))
    one = write_log(tmp_path / "a.parquet", rows)
    assert one.read_bytes() == write_log(tmp_path / "b.parquet", turned, names=names).read_bytes()


def test_hundreds_of_names_are_written_like_few_names(tmp_path: Path) -> None:
    rows = random_rows(3000)
    moved = rows.copy()
    moved["message"] = np.where(rows["message"] < 0, -1, rows["message"] + 300)
    names = SimpleNamespace(**(vars(NAMES) | {"messages": (*(f"never_{i}" for i in range(300)), *NAMES.messages)}))
    one = write_log(tmp_path / "a.parquet", rows)
    assert one.read_bytes() == write_log(tmp_path / "b.parquet", moved, names=names).read_bytes()


def test_row_groups_contain_only_their_own_names(tmp_path: Path) -> None:
    rows = np.zeros(ROW_GROUP_SIZE + 10, LOG_ROW)
    rows["source"], rows["message"] = -1, 1
    rows["source"][ROW_GROUP_SIZE:], rows["message"][ROW_GROUP_SIZE:] = 1, -1
    file = pq.ParquetFile(write_log(tmp_path / "log.parquet", rows, chunk=ROW_GROUP_SIZE))
    found = [file.read_row_group(i) for i in (0, 1)]
    assert [group["message"].chunk(0).dictionary.to_pylist() for group in found] == [["news"], []]
    assert [group["source"].chunk(0).dictionary.to_pylist() for group in found] == [[], ["weekly"]]
    whole = EventLog.read(tmp_path / "log.parquet").to_pandas()["source"]
    assert (int(whole.isna().sum()), whole.iloc[-1]) == (ROW_GROUP_SIZE, "weekly")


def test_a_code_without_a_name_is_never_written(tmp_path: Path) -> None:
    rows = random_rows(10)
    rows["stage"][3] = len(NAMES.stages)
    with pytest.raises(AssertionError, match="a code without a name"):
        write_log(tmp_path / "log.parquet", rows)
    assert list(tmp_path.iterdir()) == []


def test_row_groups_do_not_depend_on_the_chunks(tmp_path: Path) -> None:
    rows = np.zeros(ROW_GROUP_SIZE + 10, LOG_ROW)
    path = write_log(tmp_path / "log.parquet", rows, chunk=700_001)
    metadata = pq.read_metadata(path)
    assert [metadata.row_group(i).num_rows for i in range(metadata.num_row_groups)] == [ROW_GROUP_SIZE, 10]


def test_file_gets_its_final_name_when_closed(tmp_path: Path) -> None:
    path = tmp_path / "log.parquet"
    writer = LogWriter(path, NAMES, START)
    writer.write(random_rows(10))
    assert not path.exists()
    writer.close()
    assert [found.name for found in tmp_path.iterdir()] == ["log.parquet"]
    assert writer.rows == 10


def test_abort_leaves_no_file(tmp_path: Path) -> None:
    writer = LogWriter(tmp_path / "log.parquet", NAMES, START)
    writer.write(random_rows(10))
    writer.abort()
    assert list(tmp_path.iterdir()) == []


def test_error_while_writing_leaves_no_file(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt), LogWriter(tmp_path / "log.parquet", NAMES, START):
        raise KeyboardInterrupt
    assert list(tmp_path.iterdir()) == []


def test_a_log_without_rows_has_its_columns(tmp_path: Path) -> None:
    bare = SimpleNamespace(events=(), stages=(), channels=(), messages=(), sources=())
    LogWriter(tmp_path / "log.parquet", bare, START).close()
    assert pq.read_schema(tmp_path / "log.parquet").names == ["customer", "time", "event", "stage", "channel", "message", "source", "value"]


def test_error_names_a_missing_folder(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"nowhere/log\.parquet: must be a writable file, got No such file"):
        LogWriter(tmp_path / "nowhere" / "log.parquet", NAMES, START)


def test_memory_stays_flat_while_rows_are_written(tmp_path: Path) -> None:
    rows = random_rows(200_000)
    held = []
    tracemalloc.start()  # traces numpy memory; Arrow uses its own pool
    with LogWriter(tmp_path / "log.parquet", NAMES, START) as writer:
        for _ in range(20):
            writer.write(rows)
            held.append(tracemalloc.get_traced_memory()[0] + pa.total_allocated_bytes())
    tracemalloc.stop()
    assert writer.rows == 4_000_000
    assert max(held[10:]) - min(held[:10]) < 5_000_000


def test_native_log_is_opened_without_loading_it(tmp_path: Path) -> None:
    path = write_log(tmp_path / "log.parquet", random_rows(300_000))
    log = EventLog.read(path)
    assert log.path == path
    sizes = [batch.num_rows for batch in log.batches(["customer"])]
    assert sum(sizes) == len(log) == 300_000
    assert max(sizes) <= 1 << 17


@pytest.mark.parametrize("name", ["log.parquet", "log.csv", "log.csv.gz"])
def test_write_then_read_gives_the_same_log(tmp_path: Path, name: str) -> None:
    log = EventLog.read(write_log(tmp_path / "first.parquet", random_rows(2000)))
    again = EventLog.read(log.write(tmp_path / name))
    left, right = (frame.astype({"customer": "int64"}) for frame in (log.to_pandas(), again.to_pandas()))
    pd.testing.assert_frame_equal(left, right, check_categorical=False)
    assert not list(tmp_path.glob("*.part"))


def test_csv_of_a_log_without_rows_has_the_header(tmp_path: Path) -> None:
    log = EventLog(write_log(tmp_path / "log.parquet", random_rows(0)))
    header = log.write(tmp_path / "log.csv").read_text().replace('"', "")
    assert header == ",".join(log.columns) + "\n"


def test_query_sees_the_log(tmp_path: Path) -> None:
    rows = random_rows(2000)
    log = EventLog.read(write_log(tmp_path / "log.parquet", rows))
    answer = log.query("select count(*) as n, sum(value) as money from log where event = 'purchase'")
    assert answer["n"][0] == (rows["event"] == N_TOUCH_CODES).sum()
    assert answer["money"][0] == pytest.approx(rows["value"].sum())
    assert EventLog(log.to_arrow()).query("select count(distinct event) as n from log")["n"][0] == len(set(rows["event"].tolist()))


def test_unknown_file_extension_is_rejected(tmp_path: Path) -> None:
    log = EventLog.from_pandas(pd.DataFrame({"customer": ["a"], "time": ["2026-01-01"]}), event="visit")
    with pytest.raises(InputError, match=r"must end in '\.parquet', '\.csv', '\.csv\.gz', got 'log\.xlsx'"):
        log.write(tmp_path / "log.xlsx")


def test_columns_are_mapped_and_extra_columns_kept(tmp_path: Path) -> None:
    text = "user_id,when,amount,country\n007,2026-01-01 10:00,1.5,UK\n8,2026-01-02,,FR\n"
    path = tmp_path / "log.csv.gz"
    path.write_bytes(gzip.compress(text.encode()))
    names = {"customer": "user_id", "time": "when", "value": "amount", "country": "country"}
    frame = EventLog.read(path, columns=names, event="purchase").to_pandas()
    assert list(frame) == ["customer", "time", "event", "value", "country"]
    assert frame["customer"].tolist() == ["007", "8"]
    assert frame["time"].tolist() == [datetime(2026, 1, 1, 10), datetime(2026, 1, 2)]
    assert frame["event"].tolist() == ["purchase", "purchase"]
    assert np.array_equal(frame["value"], [1.5, np.nan], equal_nan=True)


@pytest.mark.parametrize(
    ("cell", "time_format", "expected"),
    [
        ("2026-01-31", None, datetime(2026, 1, 31)),
        ("2026-01-31 18:05:09.25", None, datetime(2026, 1, 31, 18, 5, 9, 250_000)),
        ("2026-01-31T18:05:09Z", None, datetime(2026, 1, 31, 18, 5, 9)),
        ("2026-01-31T18:05:09+02:00", None, datetime(2026, 1, 31, 16, 5, 9)),
        ("31.01.2026 18:05", "%d.%m.%Y %H:%M", datetime(2026, 1, 31, 18, 5)),
        ("20260131", "%Y%m%d", datetime(2026, 1, 31)),
    ],
)
def test_time_formats_are_parsed(tmp_path: Path, cell: str, time_format: str | None, expected: datetime) -> None:
    path = text_file(tmp_path / "log.csv", f"customer,time\n1,{cell}\n")
    assert EventLog.read(path, event="visit", time_format=time_format).to_pandas()["time"][0] == expected


def test_parquet_timestamps_are_read(tmp_path: Path) -> None:
    moment = datetime(2026, 1, 31, 12)
    zoned = pa.array([moment], pa.timestamp("ns", "Europe/Berlin"))  # noon UTC is 1 p.m. in Berlin
    pq.write_table(pa.table({"customer": [1.0], "time": zoned, "event": ["visit"]}), tmp_path / "log.parquet")
    frame = EventLog.read(tmp_path / "log.parquet").to_pandas()
    assert frame["time"][0] == datetime(2026, 1, 31, 13)
    assert frame["customer"].dtype == np.int64


HEADER = "customer,time,event,value\n"
GOOD = "1,2026-01-01,visit,\n"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", r"log\.csv: must be a CSV file with a header, or a Parquet file, got an empty file\."),
        (HEADER, r"log\.csv: must have at least one row, got no rows\."),
        ("customer,tyme,event\n1,2026-01-01,visit\n", r"must have a column 'time', got the columns .*'tyme'.*Did you mean 'tyme'\?"),
        ("customer,time\n1,2026-01-01\n", r"must have a column 'event'.*event='purchase'"),
        (HEADER + GOOD * 3 + "1,soon,visit,\n", r"log\.csv:5: time: must be a date .*, got 'soon'\."),
        (HEADER + "1,20260101,visit,\n", r"log\.csv:2: time: .*, got '20260101'\..*time_format"),
        (HEADER + GOOD + "1,2026-02-30,visit,\n", r"log\.csv:3: time: .*'2026-02-30'"),
        (HEADER + GOOD + "1,2026-01-01,visit,$5\n", r"log\.csv:3: value: must be a finite number, got '\$5'\."),
        (HEADER + GOOD + '1,2026-01-01,visit,"1,000"\n', r"log\.csv:3: value: .*'1,000'"),
        (HEADER + GOOD + "1,2026-01-01,visit,inf\n", r"log\.csv:3: value: must be a finite number, got '?inf"),
        (HEADER + GOOD + ",2026-01-01,visit,\n", r"log\.csv:3: customer: must name a customer, got nothing\."),
        (HEADER + GOOD + "1,,visit,\n", r"log\.csv:3: time: must be a date .*, got nothing\."),
        (HEADER + GOOD + "1,2026-01-01,,\n", r"log\.csv:3: event: must name an event, got nothing\."),
        (HEADER + GOOD + "1,2026-01-01\n", r"log\.csv:3: must have 4 fields, like the header, got 2\."),
        (HEADER + GOOD + '\n\n"1\n2",2026-01-01,visit,\n1,soon,visit,\n', r"log\.csv:7: time: "),
    ],
)
def test_invalid_csv_is_rejected_with_its_line(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        EventLog.read(text_file(tmp_path / "log.csv", text))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("customer,time,event\n1,2026-01-01,caf\xe9\n".encode("latin-1"), "must be text in UTF-8"),
        (gzip.compress(HEADER.encode() * 5000)[:-40], "must be a complete gzip file"),
        (b"PAR1 and nothing else", "must be a complete Parquet file"),
        (b"\x00\x01\x02\xff" * 40, "must be text in UTF-8"),
    ],
)
def test_file_that_is_not_a_table_is_rejected(tmp_path: Path, content: bytes, message: str) -> None:
    (tmp_path / "log").write_bytes(content)
    with pytest.raises(InputError, match=message):
        EventLog.read(tmp_path / "log")


def test_a_missing_file_and_a_directory_are_rejected(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="must be a readable file, got a path that does not exist"):
        EventLog.read(tmp_path / "none.csv")
    with pytest.raises(InputError, match="must be a readable file, got a directory"):
        EventLog.read(tmp_path)


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ({"time": pa.array([20260101])}, r"row 1, time: must be a date"),
        ({"customer": pa.array([1.5])}, r"row 1, customer: must be a whole number or text, got 1\.5"),
        ({"value": pa.array([[1]])}, r"row 1, value: must be a finite number, got \[1\]"),
        ({"event": pa.array([None], pa.string())}, r"row 1, event: must name an event"),
    ],
)
def test_invalid_parquet_is_rejected_with_its_row(tmp_path: Path, columns: dict[str, pa.Array], message: str) -> None:
    good = {"customer": pa.array([1]), "time": pa.array(["2026-01-01"]), "event": pa.array(["visit"]), "value": pa.array([1.0])}
    pq.write_table(pa.table(good | columns), tmp_path / "log.parquet")
    with pytest.raises(InputError, match=message):
        EventLog.read(tmp_path / "log.parquet")


@given(st.binary(max_size=300), st.sampled_from([b"", HEADER.encode(), (HEADER + GOOD).encode()]))
def test_any_bytes_are_read_or_rejected(tmp_path_factory: pytest.TempPathFactory, content: bytes, start: bytes) -> None:
    path = tmp_path_factory.mktemp("any") / "log.csv"
    path.write_bytes(start + content)
    message = ""
    try:
        log = EventLog.read(path)
    except InputError as error:
        message = str(error)
    assert str(path) in message if message else len(log) > 0


def test_xes_has_one_ordered_trace_per_customer(tmp_path: Path) -> None:
    frame = pd.DataFrame(
        {
            "customer": ["b", "a<1>", "b"],
            "time": ["2026-01-03 10:00", "2026-01-01", "2026-01-02 09:30:00.123456"],
            "event": ["buy & go", "visit", "visit"],
            "value": [9.5, None, None],
        }
    )
    path = EventLog.from_pandas(frame).to_xes(tmp_path / "log.xes")
    space = {"x": "http://www.xes-standard.org/"}
    log = ET.parse(path).getroot()  # our own file
    traces = {trace.find("x:string", space).get("value"): trace for trace in log.findall("x:trace", space)}  # type: ignore[union-attr]
    assert list(traces) == ["a<1>", "b"]
    events = [{cell.get("key"): cell.get("value") for cell in event} for event in traces["b"].findall("x:event", space)]
    assert events == [
        {"concept:name": "visit", "time:timestamp": "2026-01-02T09:30:00.123+00:00"},
        {"concept:name": "buy & go", "time:timestamp": "2026-01-03T10:00:00.000+00:00", "value": "9.5"},
    ]


def test_xes_of_a_simulated_log_has_all_its_rows(tmp_path: Path) -> None:
    rows = random_rows(1000)
    path = EventLog.read(write_log(tmp_path / "log.parquet", rows)).to_xes(tmp_path / "log.xes")
    root = ET.parse(path).getroot()
    assert sum(1 for _ in root.iter("{http://www.xes-standard.org/}event")) == 1000
    assert sum(1 for _ in root.iter("{http://www.xes-standard.org/}trace")) == len(set(rows["customer"].tolist()))


def test_real_logs_are_read(data_dir: Path) -> None:
    cdnow = EventLog.read(
        data_dir / "cdnow_sample_2357.csv.gz", columns={"customer": "id", "time": "date", "value": "amount"}, event="purchase"
    ).to_pandas()
    assert cdnow["customer"].nunique() == 2357
    assert cdnow["value"].sum() == pytest.approx(244_091.94)
    loans = EventLog.read(data_dir / "bpic2012.csv.gz", columns={"customer": "case_id", "time": "timestamp", "event": "activity"})
    assert len(loans) == 262_200
    assert loans.query("select count(distinct event) as n from log")["n"][0] == 24

"""Only regular files are read, never more of them than the limit, and errors name the file in one line."""

import gzip
import os
import socket
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from cjsim.errors import InputError
from cjsim.input_files.json_file import read_json_object
from cjsim.input_files.parquet_file import open_parquet, read_parquet
from cjsim.input_files.regular_file import MAX_DOCUMENT_BYTES, MIB, open_inflated, open_input, read_bytes, read_text


def error_of(action: Callable[[], object]) -> str:
    with pytest.raises(InputError) as caught:
        action()
    message = str(caught.value)
    assert "\n" not in message
    return message


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize("path", ["/dev/zero", "/dev/null", "/dev/tty"])
def test_devices_are_refused(path: str) -> None:
    if not Path(path).exists():
        pytest.skip("the system has no such device")
    assert error_of(lambda: read_bytes(path)).startswith(f"{path}: must be a readable file, got a device.")


def test_a_pipe_is_refused_without_waiting_for_a_writer(folder: Path) -> None:
    os.mkfifo("pipe")
    assert error_of(lambda: read_bytes("pipe")) == "pipe: must be a readable file, got a pipe. Save its content to a file first."


def test_a_socket_is_refused(folder: Path) -> None:
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind("socket")
        assert error_of(lambda: read_bytes("socket")) == "socket: must be a readable file, got a socket. Name a file."


def test_a_loop_of_links_is_refused(folder: Path) -> None:
    Path("one").symlink_to("two")
    Path("two").symlink_to("one")
    assert error_of(lambda: read_bytes("one")) == "one: must be a readable file, got a symbolic link to itself. Check the path."


def test_a_directory_is_refused(folder: Path) -> None:
    assert error_of(lambda: read_bytes(folder)) == f"{folder}: must be a readable file, got a directory. Name a file in it."


def test_a_link_to_a_file_is_followed(folder: Path) -> None:
    Path("file").write_bytes(b"abc")
    Path("link").symlink_to("file")
    assert read_bytes("link") == b"abc"


def test_a_name_with_a_line_break_is_shown_on_one_line(folder: Path) -> None:
    assert error_of(lambda: read_bytes("a\nb")).startswith("'a\\nb': must be a readable file, got a path that does not exist.")


def test_a_sparse_file_of_a_terabyte_is_refused_by_its_size(folder: Path) -> None:
    with Path("sparse").open("wb") as file:
        file.truncate(1 << 40)
    assert error_of(lambda: open_input("sparse")).startswith("sparse: must be a file of at most 16 GiB, got 1,099,511,627,776 bytes.")


def test_a_file_of_proc_is_read_although_its_size_is_0() -> None:
    if not Path("/proc/self/status").exists():
        pytest.skip("the system has no /proc")
    assert "Name:" in read_text("/proc/self/status")


def test_a_file_of_proc_is_read_up_to_the_limit() -> None:
    if not Path("/proc/self/status").exists():
        pytest.skip("the system has no /proc")
    assert error_of(lambda: read_bytes("/proc/self/status", max_bytes=10)).startswith(
        "/proc/self/status: must be a file of at most 10 bytes"
    )


@pytest.mark.parametrize(("change", "verb"), [(1, "grows"), (-1, "shrinks")])
def test_a_file_that_changes_its_size_while_it_is_read_is_refused(folder: Path, change: int, verb: str) -> None:
    Path("log").write_bytes(b"x" * MIB)

    def read_during_change() -> None:
        with open_input("log") as file:
            file.read(10)
            os.truncate("log", MIB + change)
            file.read()

    assert error_of(read_during_change) == f"log: must not change while it is read, got a file that {verb}. Copy it, and name the copy."


def test_a_gzip_bomb_is_refused(folder: Path) -> None:
    Path("bomb.gz").write_bytes(gzip.compress(b"a,b\n" * (MIB // 4)) * 9)

    def inflate() -> None:
        with open_inflated("bomb.gz") as file:
            while file.read(MIB):
                pass

    assert error_of(inflate).startswith("bomb.gz: must decompress to at most 8 MiB, got more.")


def test_a_truncated_gzip_file_is_refused(folder: Path) -> None:
    Path("log.gz").write_bytes(gzip.compress(b"customer,time\n" * 1000)[:-9])
    assert error_of(lambda: open_inflated("log.gz").read()).startswith("log.gz: must be a complete gzip file, got ")


def test_a_gzip_file_can_be_read_twice(folder: Path) -> None:
    Path("log.gz").write_bytes(gzip.compress(b"customer,time\n"))
    with open_inflated("log.gz") as file:
        file.read()
        file.seek(0)
        assert file.read() == b"customer,time\n"


def test_a_byte_that_is_not_utf8_is_named_with_its_line(folder: Path) -> None:
    Path("text").write_bytes(b"a\nb\xff")
    assert error_of(lambda: read_text("text")) == "text:2: must be UTF-8 text, got the byte 0xff. Save the file as UTF-8."


@pytest.mark.parametrize(
    ("text", "got"),
    [
        ("", "an empty file"),
        ('{"a": 1', "\"Expecting ',' delimiter\" in column 8"),
        ("[" * 100_000, "values nested too deeply"),
        ('{"a": ' + "1" * 1_000_000 + "}", "a number with thousands of digits"),
        ('{"a": NaN}', "the number NaN"),
        ('{"a": 1e999}', "the number 1e999"),
        ('{"a": "\\ud800"}', "text with an unpaired surrogate"),
        ("[1]", "[1]"),
    ],
)
def test_damaged_json_is_refused(folder: Path, text: str, got: str) -> None:
    Path("run.json").write_text(text)
    assert f", got {got}. Save it again." in error_of(lambda: read_json_object("run.json"))


def test_a_json_file_beyond_the_limit_is_refused(folder: Path) -> None:
    Path("run.json").write_bytes(b" " * (MAX_DOCUMENT_BYTES + 1))
    assert error_of(lambda: read_json_object("run.json")).startswith("run.json: must be a file of at most 16 MiB, got 16,777,217 bytes.")


def write_table(path: str, rows: int = 3) -> None:
    pq.write_table(pa.table({"customer": range(rows), "name": ["a"] * rows}), path, write_page_checksum=True)


def test_a_parquet_file_is_read(folder: Path) -> None:
    write_table("log.parquet")
    assert read_parquet("log.parquet", columns=["name"]).to_pydict() == {"name": ["a", "a", "a"]}


def test_a_missing_column_is_named(folder: Path) -> None:
    write_table("log.parquet")
    assert error_of(lambda: read_parquet("log.parquet", columns=["time"])).startswith(
        "log.parquet: must have one column 'time', got no such"
    )


@pytest.mark.parametrize("size", [0, 3, 8, 11, 300])
def test_a_truncated_parquet_file_is_refused(folder: Path, size: int) -> None:
    write_table("log.parquet")
    os.truncate("log.parquet", size)
    assert error_of(lambda: read_parquet("log.parquet")).startswith("log.parquet: must be a complete Parquet file, got ")


def test_a_flipped_byte_in_a_page_with_a_checksum_is_found(folder: Path) -> None:
    write_table("log.parquet")
    with pq.ParquetFile("log.parquet") as file:
        chunk = file.metadata.row_group(0).column(0)
    content = bytearray(Path("log.parquet").read_bytes())
    content[chunk.data_page_offset + chunk.total_compressed_size - 1 - (chunk.data_page_offset - chunk.dictionary_page_offset)] ^= 1
    Path("log.parquet").write_bytes(content)
    assert error_of(lambda: read_parquet("log.parquet")).startswith("log.parquet: must be a complete Parquet file, got ")


def test_a_footer_that_claims_more_rows_than_fit_is_refused(folder: Path) -> None:
    write_table("log.parquet", rows=1000)
    content = Path("log.parquet").read_bytes()
    start = len(content) - 8 - int.from_bytes(content[-8:-4], "little")
    claimed = content[:start] + content[start:].replace(b"\x16\xd0\x0f", b"\x16\xd2\x0f", 1)  # 1000 and 1001 rows as a varint of Thrift
    Path("log.parquet").write_bytes(claimed)

    def open_it() -> None:
        with open_parquet("log.parquet"):
            pass

    assert "a footer that claims 1,001" in error_of(open_it)

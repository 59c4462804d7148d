"""Arrow and Python's csv module read the same rows from a text file, whichever splits which part of it."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from cjsim.errors import InputError
from cjsim.purchase_logs import plain_text
from cjsim.purchase_logs.log_format import LogFormat
from cjsim.purchase_logs.plain_text import PlainText
from cjsim.purchase_logs.purchase_rows import PurchaseRows
from cjsim.purchase_logs.row_reader import read_rows

HEADER = "customer,date,amount,note\n"
ROWS = [f"{number % 7},2024-01-{number % 28 + 1:02},{number % 5}.5,{'x' * (number % 3)}" for number in range(60)]
QUOTED = '3,2024-01-04,"3.5","a ""word"", twice"'
BLOCKS = [1, 40, 300, 100_000]


def read(file: Path) -> PurchaseRows:
    return read_rows(file, customer="customer", time="date", value="amount", log_format=LogFormat())


def read_with_blocks(file: Path, characters: int, monkeypatch: pytest.MonkeyPatch) -> tuple[PurchaseRows, int]:
    """The rows, and how many of them Arrow split."""
    n_rows = 0
    original: Callable[[PlainText], plain_text.PlainBlock | None] = PlainText.next_block

    def counted(text: PlainText) -> plain_text.PlainBlock | None:
        nonlocal n_rows
        block = original(text)
        n_rows += len(block.rows) if block else 0
        return block

    with monkeypatch.context() as patch:
        patch.setattr(plain_text, "_BLOCK_CHARACTERS", characters)
        patch.setattr(PlainText, "next_block", counted)
        return read(file), n_rows


def read_with_csv(file: Path, monkeypatch: pytest.MonkeyPatch) -> PurchaseRows:
    with monkeypatch.context() as patch:
        patch.setattr(PlainText, "_split", lambda *_: None)
        return read(file)


def repeated(rows: PurchaseRows) -> list[int]:
    """For each row, the first row with the same content."""
    _, first, index = np.unique(rows.content_hash, return_index=True, return_inverse=True)
    return first[index].tolist()  # type: ignore[no-any-return]


@pytest.mark.parametrize("characters", BLOCKS)
@pytest.mark.parametrize(
    "lines",
    [
        pytest.param(ROWS, id="plain"),
        pytest.param([",".join(f'"{cell}"' for cell in row.split(",")) for row in ROWS], id="quoted cells"),
        pytest.param([*ROWS[:30], QUOTED, *ROWS[30:]], id="quotes"),
        pytest.param([*ROWS[:30], '1,2024-01-05,2.5,"two\nlines"', *ROWS[30:]], id="quoted line break"),
        pytest.param([*ROWS[:30], '1,2024-01-05,2.5,5" pipe', *ROWS[30:]], id="quote inside a cell"),
        pytest.param([*ROWS[:30], "", *ROWS[30:], "", ""], id="empty lines"),
        pytest.param([*ROWS[:30], ",,,", *ROWS[30:]], id="empty cells"),
        pytest.param([*ROWS[:30], *(f"{row},," for row in ROWS[30:])], id="more separators"),
        pytest.param([*ROWS[:30], *(row.rpartition(",")[0] for row in ROWS[30:])], id="fewer cells"),
        pytest.param([*ROWS[:30], *(row.replace(",", ", ") for row in ROWS[30:])], id="spaces after separators"),
        pytest.param([*ROWS[:30], "Zoë,2024-01-05,2.5,\x1f\x0b\x85\u2028"], id="separators of Unicode"),
    ],
)
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_blocks_do_not_change_the_rows(
    lines: list[str], end: str, characters: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "log.csv"
    file.write_bytes((HEADER + "\n".join([*lines, *lines[-3:]])).replace("\n", end).encode())
    known = read_with_csv(file, monkeypatch)
    rows, n_plain = read_with_blocks(file, characters, monkeypatch)
    for name in ("customer", "day", "money", "row"):
        assert getattr(rows, name).tolist() == getattr(known, name).tolist()
    assert repeated(rows) == repeated(known)
    if end != "\r" and characters < 100:
        assert n_plain >= 25


@pytest.mark.parametrize("characters", BLOCKS)
@pytest.mark.parametrize(
    "lines",
    [
        pytest.param(["1,2024-01-05,1,5,8,9"], id="more cells"),
        pytest.param(['2,2024-01-03,2.5,"a', '3,2024-01-04,3.5,b"'], id="a row in quotes"),
        pytest.param(['2,2024-01-03,2.5,"a', *ROWS[:10], '3,2024-01-04,3.5,b"'], id="rows in quotes"),
        pytest.param(['2,2024-01-03,2.5,"a'], id="quote that is not closed"),
        pytest.param(['2,2024-01-03,2.5",x', '2,2024-01-03,2.5,"a'], id="as many quotes at starts as at ends"),
        pytest.param([f"2,2024-01-03,2.5,{'x' * 140_000}"], id="long cell"),
        pytest.param(["\ufeff2,2024-13-03,2.5,x"], id="byte order mark"),
        pytest.param(['2,2024-01-03,"2.5,",a"'], id="quotes around a separator"),
        pytest.param(['2,2024-01-03,"2.5"x,a'], id="text after a quote"),
    ],
)
def test_errors_are_the_same(lines: list[str], characters: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "log.csv").write_text(HEADER + "\n".join([*ROWS[:40], *lines, *ROWS]))
    with pytest.raises(InputError) as known:
        read_with_csv(tmp_path / "log.csv", monkeypatch)
    with pytest.raises(InputError) as found:
        read_with_blocks(tmp_path / "log.csv", characters, monkeypatch)
    assert str(found.value) == str(known.value)


def test_rows_with_and_without_quotes_count_as_repeated(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "log.csv").write_text(f'{HEADER}1,2024-01-31,5,a\n2,2024-01-31,5,a\n"1",2024-01-31,"5",a\n')
    rows, n_plain = read_with_blocks(tmp_path / "log.csv", 1, monkeypatch)
    assert (repeated(rows), n_plain) == ([0, 1, 0], 3)

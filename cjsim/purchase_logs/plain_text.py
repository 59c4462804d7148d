"""Reading plain text: Arrow splits it into cells, several times as fast as Python's csv module."""

import io
from itertools import chain
from typing import Any, NamedTuple

from cjsim.purchase_logs.text_layout import TextLayout

CELL_SEPARATOR = "\x1f"  # in the text of a row that is hashed
_BLOCK_CHARACTERS = 1 << 20
_MAX_LINE = 1 << 17  # longer lines may have a cell that the csv module refuses


class PlainBlock(NamedTuple):
    """Consecutive rows: an Arrow array of text for each of the three columns, and the text of each row, for hashes."""

    columns: list[Any]
    rows: list[str]


class PlainText:
    """Reads blocks of plain rows, until a block needs the csv module.

    Rows are plain if they have as many cells as the header, no spaces after separators, and no quotes except around whole cells, which
    contain neither quotes nor separators nor line breaks. Lines are not empty, and end with a line feed, alone or after a carriage return.

    Parameters
    ----------
    text : io.TextIOWrapper
        The text below the header.
    layout : TextLayout
        Its layout.
    indices : tuple of int
        Positions of the three columns.

    Attributes
    ----------
    rest : iterable of str
        Lines after the last block. May be read after `next_block` has returned None.
    """

    def __init__(self, text: io.TextIOWrapper, layout: TextLayout, indices: tuple[int, ...]) -> None:
        self.rest = iter(text)
        self._text, self._layout, self._indices = text, layout, indices

    def next_block(self) -> PlainBlock | None:
        """Return the next rows, or None if the rest is empty or not plain."""
        block = self._text.read(_BLOCK_CHARACTERS)
        line = self._text.readline()
        plain = self._split(block + line)
        if plain is None:
            self.rest = chain(io.StringIO(block + line, newline=""), self._text)
        return plain

    def _split(self, block: str) -> PlainBlock | None:
        import pyarrow as pa
        from pyarrow import csv

        block, sep = block.replace("\r\n", "\n").removesuffix("\n"), self._layout.sep
        lines = block.split("\n")
        is_padded = f"{sep} " in block or "\n " in block or block.startswith((" ", "\ufeff"))
        is_special = not sep.isascii() or any(special in block for special in ("\r", "\0", CELL_SEPARATOR))
        if not block or is_padded or is_special or max(map(len, lines)) >= _MAX_LINE:
            return None
        if block.count(sep) != len(lines) * (len(self._layout.header) - 1) or ('"' in block and not _quotes_whole_cells(block, sep)):
            return None
        names = [str(index) for index in range(len(self._layout.header))]
        used = [names[index] for index in self._indices]
        data = pa.py_buffer(block.encode())
        try:
            table = csv.read_csv(
                pa.BufferReader(data),
                csv.ReadOptions(use_threads=False, block_size=data.size + 1, column_names=names),
                csv.ParseOptions(delimiter=sep, newlines_in_values=True, ignore_empty_lines=False),
                csv.ConvertOptions(column_types=dict.fromkeys(used, pa.string()), include_columns=used, check_utf8=False),
            )
        except pa.ArrowInvalid:  # a row has more or fewer cells
            return None
        if table.num_rows != len(lines):
            return None
        rows = block.replace('"', "").replace(sep, CELL_SEPARATOR).split("\n")
        return PlainBlock([column.combine_chunks() for column in table.columns], rows)


def _quotes_whole_cells(block: str, sep: str) -> bool:
    """Whether each quote is either at the start of a cell or at its end, and the last cell is closed."""
    last = block[max(block.rfind(sep), block.rfind("\n")) + 1 :]
    if last.startswith('"') and (len(last) == 1 or not last.endswith('"')):
        return False
    opening = block.startswith('"') + block.count(f'{sep}"') + block.count('\n"')
    closing = block.endswith('"') + block.count(f'"{sep}') + block.count('"\n')
    return opening == closing and opening + closing == block.count('"')

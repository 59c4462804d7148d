"""Metrics and comparisons as tables in text. (part)."""

from collections.abc import Sequence


def align_columns(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Columns padded to their widest cell; the first and the last to the left, the others to the right.

    Parameters
    ----------
    header : sequence of str
        Names of columns.
    rows : sequence of sequence of str
        Cells, as many as columns.
    """
    lines = [header, *rows]
    widths = [max(len(line[i]) for line in lines) for i in range(len(header))]
    last = len(header) - 1

    def _padded(line: Sequence[str]) -> str:
        cells = [
            cell.ljust(width) if i in (0, last) else cell.rjust(width) for i, (cell, width) in enumerate(zip(line, widths, strict=True))
        ]
        return "  ".join(cells).rstrip()

    return "\n".join([_padded(header), "-" * (sum(widths) + 2 * last), *map(_padded, rows)])

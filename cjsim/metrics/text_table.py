"""Text tables with aligned columns."""

from collections.abc import Sequence


def align_columns(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Format a table with padded columns. The first and last columns are left-aligned, and all others are right-aligned.

    Parameters
    ----------
    header : sequence of str
        Column names.
    rows : sequence of sequence of str
        Rows, each with one cell per column.

    Returns
    -------
    str
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

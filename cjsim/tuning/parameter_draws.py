"""Reader of parameter draws: a CSV file with one column per path of the journey and one row per draw."""

import csv
from pathlib import Path
from typing import NamedTuple

from cjsim.compiler.entry_file import parse_number
from cjsim.errors import InputError, format_error, short_repr
from cjsim.yaml.paths import parse_path

_PATH_PREFIX = "journey."


class ParameterDraw(NamedTuple):
    """One draw: its location, such as 'draws.csv:7', and values by path."""

    location: str
    values: dict[str, float]


def read_parameter_draws(file: str | Path) -> tuple[ParameterDraw, ...]:
    """Read the draws of a file.

    Parameters
    ----------
    file : str or Path
        CSV in UTF-8: a header of paths below `journey`, then at least two rows, one per draw.

    Returns
    -------
    tuple of ParameterDraw
        In the order of the file.

    Raises
    ------
    InputError
        If the file cannot be read, a column is no such path or occurs twice, or a row is invalid; the message names the line. Whether
        the scenario has the paths is not checked.
    """
    header, rows = _read_draw_rows(Path(file))
    for name in header:
        if not name.startswith(_PATH_PREFIX) or parse_path(name) is None or header.count(name) > 1:
            must = "must have columns that are paths below 'journey', each once"
            remedy = "Name columns such as journey.traits.rate.gamma.mean; 'cjsim calibrate purchases --out DIR' writes such a file."
            raise InputError(format_error(f"{file}:1", must, short_repr(name), remedy))
    draws = []
    for line, row in rows:
        if len(row) != len(header):
            must = f"must have {len(header)} values, as the header"
            raise InputError(format_error(f"{file}:{line}", must, str(len(row)), "Correct the row."))
        location = f"{file}:{line}"
        values = {name: parse_number(text, f"{location}: {name}") for name, text in zip(header, row, strict=True)}
        draws.append(ParameterDraw(location, values))
    return tuple(draws)


def _read_draw_rows(path: Path) -> tuple[list[str], list[tuple[int, list[str]]]]:
    """The header, and the rows with their line numbers."""
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            reader = csv.reader(file)
            header = [name.strip() for name in next(reader, [])]
            rows = [(reader.line_num, row) for row in reader if row]
    except OSError as error:
        got = f"'{path}' ({error.strerror})"
        raise InputError(format_error("draws.file", "must be a file that can be read", got, "Check the path.")) from None
    except (UnicodeDecodeError, csv.Error) as error:
        raise InputError(format_error("draws.file", "must be a CSV file in UTF-8", f"'{path}' ({error})", "Save it as such.")) from None
    if len(rows) < 2:
        raise InputError(format_error(str(path), "must have a header and at least two rows", str(len(rows)), "Write a row a draw."))
    return header, rows

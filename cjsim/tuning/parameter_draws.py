"""Reader of parameter draws: a CSV file with one column per path of the journey and one row per draw."""

from pathlib import Path
from typing import NamedTuple

from cjsim.csv_rows import check_row_length, parse_finite_number, read_csv_rows
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
    header, rows = read_csv_rows(Path(file), "draws.file", at_least=2, remedy="Write a row a draw.")
    for name in header:
        if not name.startswith(_PATH_PREFIX) or parse_path(name) is None or header.count(name) > 1:
            must = "must have columns that are paths below 'journey', each once"
            remedy = "Name columns such as journey.traits.rate.gamma.mean; 'cjsim calibrate purchases --out DIR' writes such a file."
            raise InputError(format_error(f"{file}:1", must, short_repr(name), remedy))
    draws = []
    for line, row in rows:
        location = f"{file}:{line}"
        check_row_length(row, header, location)
        values = {name: parse_finite_number(text, f"{location}: {name}") for name, text in zip(header, row, strict=True)}
        draws.append(ParameterDraw(location, values))
    return tuple(draws)

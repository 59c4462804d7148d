"""Parameter draws, read from a CSV file with one column per journey path and one row per draw."""

from pathlib import Path
from typing import NamedTuple

from cjsim.errors import InputError, format_error, short_repr
from cjsim.input_files.csv_rows import parse_finite_number, read_csv_rows
from cjsim.yaml.paths import parse_path

_PATH_PREFIX = "journey."


class ParameterDraw(NamedTuple):
    """One draw: its location, such as 'draws.csv:7', and its values keyed by path."""

    location: str
    values: dict[str, float]


def read_parameter_draws(file: str | Path) -> tuple[ParameterDraw, ...]:
    """Read parameter draws from a file. Does not check whether the paths exist in a scenario.

    Parameters
    ----------
    file : str or Path
        CSV file in UTF-8, with a header of paths below `journey` and at least two rows, one per draw.

    Returns
    -------
    tuple of ParameterDraw
        Draws in file order.

    Raises
    ------
    InputError
        If the file cannot be read, a column is not a path below `journey` or occurs twice, or a row is invalid. The message names the line.
    """
    header, rows = read_csv_rows(Path(file), "draws.file", at_least=2, remedy="Write one row per draw.")
    for name in header:
        if not name.startswith(_PATH_PREFIX) or parse_path(name) is None or header.count(name) > 1:
            must = "must have distinct columns that are paths below 'journey'"
            remedy = "Use columns such as journey.traits.rate.gamma.mean; calibrate_purchases writes such a file."
            # A file whose columns are not paths may be private: the message quotes nothing from it.
            got = short_repr(name) if any("." in one for one in header) else "other columns"
            raise InputError(format_error(f"{file}:1", must, got, remedy))
    draws = []
    for line, row in rows:
        location = f"{file}:{line}"
        values = {name: parse_finite_number(text, f"{location}: {name}") for name, text in zip(header, row, strict=True)}
        draws.append(ParameterDraw(location, values))
    return tuple(draws)

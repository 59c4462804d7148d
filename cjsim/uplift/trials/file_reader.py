"""Reading a trial from a CSV or Parquet file."""

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from cjsim.errors import InputError, format_error, short_repr
from cjsim.input_files.parquet_file import PARQUET_MAGIC, read_parquet_frame
from cjsim.input_files.regular_file import MIB, first_bytes, open_inflated, open_input
from cjsim.uplift.trials.cell_location import CellLocation
from cjsim.uplift.trials.column_roles import ColumnRoles
from cjsim.uplift.trials.dataset import Trial

if TYPE_CHECKING:
    import pandas as pd

_MISSING = ("", "NA", "N/A", "n/a", "NaN", "nan", "NULL", "null", "None", "<NA>")


def read_trial(path: str | Path, roles: ColumnRoles) -> Trial:
    r"""Read a trial.

    Arms and clusters are read as text, so that 'None' and 'NA' can be arms, and '007' differs from '7'.

    Parameters
    ----------
    path : str or Path
        Comma-separated CSV in UTF-8 with a header (optionally gzipped), or Parquet. The format is detected from the first bytes of the
        file.
    roles : ColumnRoles
        Which column holds what.

    Returns
    -------
    Trial

    Raises
    ------
    InputError
        If the file cannot be read, or for the reasons listed under `Trial.from_frame`.

    Examples
    --------
    >>> import tempfile
    >>> file = Path(tempfile.mkdtemp()) / "trial.csv"
    >>> _ = file.write_text("arm,bought,visits\nNone,0,3\nmail,1,2\nNone,1,5\nmail,1,4\n")
    >>> read_trial(file, ColumnRoles(treatment="arm", outcome="bought")).arms
    ('None', 'mail')
    """
    file = Path(path)
    with open_input(file) as opened:
        magic = first_bytes(opened, len(PARQUET_MAGIC))
    if not magic:
        raise InputError(format_error(str(path), "must be a CSV file with a header, or a Parquet file", "an empty file", "Check the path."))
    if magic == PARQUET_MAGIC:
        return Trial.from_frame(read_parquet_frame(file), roles, location=CellLocation(str(file), 1))
    return Trial.from_frame(_read_csv(file, roles), roles, location=CellLocation(str(file), 2))


def _read_csv(path: Path, roles: ColumnRoles) -> "pd.DataFrame":
    import pandas as pd

    options: dict[str, Any] = {"encoding": "utf-8-sig", "keep_default_na": False}
    try:
        with open_inflated(path) as file:
            _refuse_null_characters(file, path)
            columns = [str(name) for name in pd.read_csv(file, nrows=0, **options).columns]
            file.seek(0)
            header = pd.read_csv(file, header=None, nrows=1, dtype=str, **options).iloc[0]  # pandas renames repeated columns
            roles.check([given or name for given, name in zip(header, columns, strict=True)], str(path))
            as_text = {name for name in (roles.treatment, roles.cluster, roles.received) if name is not None}
            missing = {name: [""] if name in as_text else list(_MISSING) for name in columns}
            file.seek(0)
            frame = pd.read_csv(file, dtype=dict.fromkeys(as_text, str), na_values=missing, low_memory=False, **options)
        if not isinstance(frame.index, pd.RangeIndex):  # pandas uses surplus fields as an index if all rows are longer than the header
            raise pd.errors.ParserError(f"Expected {len(columns)} fields in line 2, saw more")
        return frame
    except UnicodeDecodeError as error:
        got = f"the byte {error.object[error.start]:#x}"
        raise InputError(format_error(str(path), "must be text in UTF-8", got, "Save it as UTF-8.")) from error
    except pd.errors.EmptyDataError as error:
        raise InputError(format_error(str(path), "must have a header", "an empty file", "Check the path.")) from error
    except pd.errors.ParserError as error:
        line = re.search(r"line (\d+)", str(error))
        where = f"{path}:{line[1]}" if line else str(path)
        raise InputError(format_error(where, "must be valid CSV", short_repr(str(error)), "Quote values that contain commas.")) from error


def _refuse_null_characters(file: BinaryIO, path: Path) -> None:
    """Raise if a file contains a null character, which pandas would keep in names, and go back to its start."""
    while block := file.read(MIB):
        if b"\0" in block:
            raise InputError(format_error(str(path), "must be text in UTF-8", "a null character", "Save it as CSV in UTF-8."))
    file.seek(0)

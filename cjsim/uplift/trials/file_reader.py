"""Reading a trial from a CSV or Parquet file."""

import gzip
import re
import zlib
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cjsim.errors import InputError, format_error, short_repr
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
    magic = _first_bytes(file)
    if magic == b"PAR1":
        return Trial.from_frame(_read_parquet(file), roles, location=CellLocation(str(file), 1))
    frame = _read_csv(file, roles, is_gzipped=magic[:2] == b"\x1f\x8b")
    return Trial.from_frame(frame, roles, location=CellLocation(str(file), 2))


def _first_bytes(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            magic = file.read(4)
    except OSError as error:
        names = {FileNotFoundError: "a path that does not exist", IsADirectoryError: "a directory"}
        reason = names.get(type(error), f"an error ({error.strerror or error})")
        raise InputError(format_error(str(path), "must be a readable file", reason, "Check the path.")) from error
    if not magic:
        raise InputError(format_error(str(path), "must be a CSV file with a header, or a Parquet file", "an empty file", "Check the path."))
    return magic


def _read_parquet(path: Path) -> "pd.DataFrame":
    import pandas as pd
    import pyarrow as pa

    try:
        return pd.read_parquet(path)
    except (pa.ArrowException, OSError) as error:
        remedy = "Write the file again."
        raise InputError(format_error(str(path), "must be a complete Parquet file", short_repr(str(error)), remedy)) from error


def _read_csv(path: Path, roles: ColumnRoles, *, is_gzipped: bool) -> "pd.DataFrame":
    import pandas as pd

    options: dict[str, Any] = {"encoding": "utf-8-sig", "keep_default_na": False}
    try:
        with gzip.open(path, "rb") if is_gzipped else path.open("rb") as file:
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
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        got, remedy = short_repr(str(error)), "Compress the file again."
        raise InputError(format_error(str(path), "must be a complete gzip file", got, remedy)) from error
    except pd.errors.EmptyDataError as error:
        raise InputError(format_error(str(path), "must have a header", "an empty file", "Check the path.")) from error
    except pd.errors.ParserError as error:
        line = re.search(r"line (\d+)", str(error))
        where = f"{path}:{line[1]}" if line else str(path)
        raise InputError(format_error(where, "must be valid CSV", short_repr(str(error)), "Quote values that contain commas.")) from error

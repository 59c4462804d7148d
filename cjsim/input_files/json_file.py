"""Reads files that hold one JSON object."""

import json
import math
import os
from typing import Any

from cjsim.errors import InputError, format_error, short_repr
from cjsim.input_files.regular_file import MAX_DOCUMENT_BYTES, read_text, shown_path

_REMEDY = "Save it again."


def read_json_object(
    path: str | os.PathLike[str], *, max_bytes: int = MAX_DOCUMENT_BYTES, remedy: str = _REMEDY, is_finite: bool = True
) -> dict[str, Any]:
    r"""Read a file that holds one JSON object.

    Parameters
    ----------
    path : str or path
        The file.
    max_bytes : int
        Size limit.
    remedy : str
        What to do about a damaged file.
    is_finite : bool
        Whether numbers must be finite. If not, the caller checks them.

    Returns
    -------
    dict

    Raises
    ------
    InputError
        If the file cannot be read, is not JSON in UTF-8, is nested too deeply, is not an object, or contains a number with thousands of
        digits, a number that is not finite, or text with unpaired surrogates. The message gives the line, if there is one.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> file = Path(tempfile.mkdtemp()) / "run.json"
    >>> _ = file.write_text('{"seed": 7}')
    >>> read_json_object(file)
    {'seed': 7}
    """
    content = parse_json(read_text(path, max_bytes=max_bytes), shown_path(path), remedy=remedy, is_finite=is_finite)
    if not isinstance(content, dict):
        raise InputError(format_error(shown_path(path), "must be a JSON object", short_repr(content), remedy))
    return content


def parse_json(text: str, where: str, *, remedy: str, is_finite: bool = True) -> Any:
    """Parse a JSON value of any kind.

    Parameters
    ----------
    text : str
        The JSON text.
    where : str
        Name of the file in error messages.
    remedy : str
        What to do about damaged text.
    is_finite : bool
        Whether numbers must be finite.

    Raises
    ------
    InputError
        As for `read_json_object`.
    """
    try:
        parse_number = _finite_number if is_finite else float
        content = json.loads(text, parse_float=parse_number, parse_constant=parse_number)
        if "\\ud" in text or "\\uD" in text:
            json.dumps(content, ensure_ascii=False).encode()  # raises for unpaired surrogates, which cannot be printed
    except json.JSONDecodeError as error:
        raise InputError(format_error(f"{where}:{error.lineno}", "must be valid JSON", _problem(error), remedy)) from None
    except RecursionError:
        raise InputError(format_error(where, "must be valid JSON", "values nested too deeply", remedy)) from None
    except ValueError as error:
        got = "text with an unpaired surrogate" if isinstance(error, UnicodeEncodeError) else _number_problem(error)
        raise InputError(format_error(where, "must be valid JSON", got, remedy)) from None
    return content


def _finite_number(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ValueError(f"the number {text[:20]}")
    return number


def _number_problem(error: ValueError) -> str:
    return "a number with thousands of digits" if "digits" in str(error) else str(error)


def _problem(error: json.JSONDecodeError) -> str:
    return f"{short_repr(error.msg)} in column {error.colno}" if error.doc.strip() else "an empty file"

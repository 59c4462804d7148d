"""The header of a purchase log, in any kind of file: cleaned column names, and errors about missing and repeated ones."""

from cjsim.errors import did_you_mean, quote_choices, short_repr
from cjsim.purchase_logs.log_file import LogFile

HEADER_SEARCH_ROWS = 50  # first rows, which are searched for the header
_MAX_NAME = 60  # characters of a column name in a message


def clean_name(name: object) -> str:
    """Return a column name without surrounding whitespace, byte order marks and the wrapping in `="..."`."""
    text = str("" if name is None else name).strip().strip("\ufeff").strip()
    return text[2:-1] if text.startswith('="') and text.endswith('"') and len(text) > 2 else text


def cleaned_names(names: tuple[str, str, str]) -> tuple[str, str, str]:
    """Return the names of the three columns, each cleaned by `clean_name`."""
    customer, time, value = names
    return clean_name(customer), clean_name(time), clean_name(value)


def require_single_columns(file: LogFile, header: tuple[str, ...], names: tuple[str, ...]) -> None:
    """Raise if several columns have one of the names.

    Parameters
    ----------
    file : LogFile
        The file, for the error.
    header, names : tuple of str
        Names of all columns, and of those that are used.

    Raises
    ------
    InputError
        If a name is not unique.
    """
    for name in names:
        if header.count(name) > 1:
            first, second = [index + 1 for index, other in enumerate(header) if other == name][:2]
            got = f"{header.count(name)} (columns {first} and {second})"
            file.raise_error(f"must have one column '{name}'", got, "Rename or remove the other one.")


def raise_for_unknown_column(file: LogFile, header: tuple[str, ...], names: tuple[str, ...], *, hint: str = "") -> None:
    """Raise for the first name that is not a column.

    Parameters
    ----------
    file : LogFile
        The file, for the error.
    header, names : tuple of str
        Names of all columns, and of those that are used.
    hint : str, optional
        Advice to give if no column has a similar name.

    Raises
    ------
    InputError
        If a name is not in the header.
    """
    present = [_shown_name(name) for name in header if name]
    for name in names:
        if name not in header:
            remedy = did_you_mean(name, present) or hint or "Use the name of a column in the file."
            choices = quote_choices(present) if present else "its header, which is empty"
            file.raise_error(f"must name one of the columns {choices}", short_repr(name), remedy)


def _shown_name(name: str) -> str:
    """Return a column name for a message: printable, and not too long."""
    short = name if len(name) <= _MAX_NAME else name[:_MAX_NAME] + "..."
    return short if short.isprintable() else repr(short)[1:-1]


def header_assumption(header_row: int) -> str:
    """Return a sentence about a header in a row after the first."""
    skipped = "row 1 is" if header_row == 2 else f"rows 1 to {header_row - 1} are"
    return f"the header is row {header_row}; {skipped} skipped"

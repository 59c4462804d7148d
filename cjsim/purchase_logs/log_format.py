"""`LogFormat`: options for the format of a purchase log. Options that are None are detected from the file."""

import io
import re
from dataclasses import dataclass

from cjsim.errors import InputError, format_error, quote_choices, short_repr

SEPARATOR_NAMES = {",": "comma", ";": "semicolon", "\t": "tab", "|": "pipe", " ": "space"}
DATE_ORDERS = ("ymd", "dmy", "mdy")
DATE_NUMBERS = ("excel", "excel-1904", "unix-s", "unix-ms", "unix-us", "unix-ns")
NO_THOUSANDS = "none"
_DECIMALS = (".", ",")
_THOUSANDS = (",", ".", " ", "'")
_CHARACTER_OF_NAME = {name: character for character, name in SEPARATOR_NAMES.items()} | {"\\t": "\t", "apostrophe": "'", "point": "."}


@dataclass(frozen=True)
class LogFormat:
    r"""Options for the format of a purchase log. Options that are None are detected from the file.

    Attributes
    ----------
    sep : str or None
        Separator of the columns: one character, or 'comma', 'semicolon', 'tab', 'pipe' or 'space'.
    decimal : str or None
        Decimal separator of amounts: '.' or ','.
    thousands : str or None
        Thousands separator of amounts: ',', '.', "'" or 'space' (of any width), or 'none'.
    date_format : str or None
        Order of dates written as three numbers ('ymd', 'dmy' or 'mdy'), the kind of number ('excel', 'excel-1904', 'unix-s', 'unix-ms',
        'unix-us' or 'unix-ns'), or a `strptime` format such as '%d.%m.%Y %H:%M'.
    encoding : str or None
        Encoding of a text file, such as 'cp1252'.
    sheet : str or None
        Name of the sheet of an Excel file.

    Raises
    ------
    InputError
        If a value is not one of these.

    Examples
    --------
    >>> LogFormat(sep="tab").sep, LogFormat(thousands="space").thousands
    ('\t', ' ')
    """

    sep: str | None = None
    decimal: str | None = None
    thousands: str | None = None
    date_format: str | None = None
    encoding: str | None = None
    sheet: str | None = None

    def __post_init__(self) -> None:
        for name in ("sep", "decimal", "thousands"):
            given = getattr(self, name)
            object.__setattr__(self, name, _CHARACTER_OF_NAME.get(given, given))
        if self.sep is not None and (len(self.sep) != 1 or self.sep in '"\r\n\0' or self.sep.isalnum()):
            must = "must be one character that is neither a letter, a digit nor a quote, or one of 'tab', 'semicolon', 'pipe', 'space'"
            raise InputError(format_error("sep", must, short_repr(self.sep), "Use the character between the columns, such as ';'."))
        if self.decimal is not None and self.decimal not in _DECIMALS:
            raise InputError(format_error("decimal", "must be '.' or ','", short_repr(self.decimal), "Choose one of them."))
        if self.thousands not in (None, NO_THOUSANDS, *_THOUSANDS):
            must = "must be one of ',', '.', 'space', 'apostrophe', 'none'"
            raise InputError(format_error("thousands", must, short_repr(self.thousands), "Choose one of them."))
        if self.thousands is not None and self.thousands == self.decimal:
            must = "must differ from the decimal separator"
            raise InputError(format_error("thousands", must, short_repr(self.thousands), "Choose another one, or 'none'."))
        names = (*DATE_ORDERS, *DATE_NUMBERS)
        if self.date_format is not None and self.date_format not in names and "%" not in self.date_format:
            must = f"must be one of {quote_choices(names)}, or a strptime format such as '%d.%m.%Y'"
            raise InputError(format_error("date_format", must, short_repr(self.date_format), "Use one of them."))
        if self.date_format is not None and "%" in self.date_format and not re.search("%[YyGcx]", self.date_format.replace("%%", "")):
            must, remedy = "must be a strptime format with the year, such as '%d.%m.%Y'", "Add '%Y', or export the log with the year."
            raise InputError(format_error("date_format", must, short_repr(self.date_format), remedy))
        if self.encoding is not None and not _is_text_encoding(self.encoding):
            must = "must be the name of a text encoding, such as 'utf-8', 'cp1252' or 'utf-16'"
            raise InputError(format_error("encoding", must, short_repr(self.encoding), "Use the encoding of the file."))

    def require_unused(self, names: tuple[str, ...], path: str, kind: str) -> None:
        """Raise if an option was given that does not apply to a kind of file.

        Parameters
        ----------
        names : tuple of str
            Options that do not apply.
        path, kind : str
            The file, and its kind, such as 'an Excel file'.

        Raises
        ------
        InputError
            If one of the options was given.
        """
        for name in names:
            if (given := getattr(self, name)) is not None:
                must = f"must be left out for {kind} ({path})"
                raise InputError(format_error(name, must, short_repr(given), "Leave it out."))


def _is_text_encoding(name: str) -> bool:
    """Return whether Python can decode text in an encoding. Other codecs, such as 'hex', map bytes to bytes."""
    try:
        io.TextIOWrapper(io.BytesIO(), encoding=name)
    except (LookupError, ValueError, UnicodeError):
        return False
    return True

"""Detects the encoding of a text file: a byte order mark, UTF-16 without one, UTF-8, or else Windows-1252."""

import codecs
from typing import NamedTuple

from cjsim.purchase_logs.log_file import MAX_LINE_BYTES, LogFile

HEAD_BYTES = 1 << 16
FALLBACK = "cp1252"
_MARKS = {  # the longer marks first: UTF-32 begins like UTF-16
    codecs.BOM_UTF32_LE: "utf-32",
    codecs.BOM_UTF32_BE: "utf-32",
    codecs.BOM_UTF8: "utf-8-sig",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}
_MIN_ZERO_SHARE = 0.4  # of zeros among every second byte; more than half in Latin text in UTF-16
_NAMES = {"utf-16": "UTF-16", "utf-16-le": "UTF-16", "utf-16-be": "UTF-16", "utf-32": "UTF-32"}


class TextEncoding(NamedTuple):
    """Name of a codec, and whether it was detected from the bytes, chosen by the user, or is the default."""

    codec: str
    origin: str  # 'option', 'detected' or 'default'

    @property
    def assumption(self) -> str | None:
        """A sentence that states the assumed encoding; None for UTF-8 or an encoding set by the user."""
        name = _NAMES.get(self.codec)
        return f"the text is {name}" if name and self.origin == "detected" else None


def detect_encoding(head: bytes, *, option: str | None) -> TextEncoding | None:
    r"""Return the encoding of a text file from its first bytes; None if they are not text.

    Parameters
    ----------
    head : bytes
        First bytes of the file, decompressed.
    option : str or None
        Encoding set by the user.

    Examples
    --------
    >>> detect_encoding("a,b\n".encode("utf-16-le"), option=None)
    TextEncoding(codec='utf-16-le', origin='detected')
    >>> detect_encoding(bytes(100), option=None)
    """
    for mark, codec in _MARKS.items():
        if head.startswith(mark) and option is None:
            return TextEncoding(codec, "detected")
    if option is not None:
        name = codecs.lookup(option).name
        return TextEncoding("utf-8-sig" if name == "utf-8" else name, "option")
    if b"\0" not in head:
        return TextEncoding("utf-8", "default")
    even, odd = head[0::2], head[1::2]
    zeros_even, zeros_odd = (part.count(0) / max(len(part), 1) for part in (even, odd))
    if zeros_odd >= _MIN_ZERO_SHARE > 0.1 > zeros_even:
        return TextEncoding("utf-16-le", "detected")
    if zeros_even >= _MIN_ZERO_SHARE > 0.1 > zeros_odd:
        return TextEncoding("utf-16-be", "detected")
    return None


def fallback_encoding(file: LogFile) -> tuple[TextEncoding, str]:
    """Return Windows-1252 for a file that is not UTF-8, and a sentence that explains why.

    Parameters
    ----------
    file : LogFile
        A text file whose bytes are not UTF-8.

    Raises
    ------
    InputError
        If the text before the first invalid byte contains non-ASCII UTF-8: the file then mixes encodings or is damaged.
    """
    has_utf8 = False
    with file.open_bytes() as stream:
        line = 1
        while content := stream.readline(MAX_LINE_BYTES):
            try:
                content.decode("utf-8")
            except UnicodeDecodeError as error:
                byte = content[error.start]
                if has_utf8 or not content[: error.start].isascii():
                    remedy = "Save the file as UTF-8, or set `encoding`."
                    file.raise_error("must be text in one encoding", f"the byte {byte:#04x}, which is not UTF-8", remedy, line=line)
                note = f"the text is Windows-1252, because it is not UTF-8 (byte {byte:#04x} in line {line})"
                return TextEncoding(FALLBACK, "detected"), note
            has_utf8 = has_utf8 or not content.isascii()
            line += content.endswith(b"\n")
    return TextEncoding(FALLBACK, "detected"), "the text is Windows-1252, because it is not UTF-8 (its last character is incomplete)"

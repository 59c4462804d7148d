r"""Text for terminals, CSV files and figures, in which no character of a title or name can act as a command.

A terminal obeys escape sequences: text can move the cursor, hide lines or change the title of the window. Directional marks can display
text in an order that differs from the stored one. Both are printed as escapes such as `\x1b` and `\u202e`. Text in right-to-left scripts is
printed unchanged.

References
----------
CWE-150, Improper neutralization of escape, meta, or control sequences, https://cwe.mitre.org/data/definitions/150.html.
Boucher and Anderson (2023), Trojan Source: invisible vulnerabilities, USENIX Security.
"""

import re

_CONTROL = r"\x00-\x08\x0b-\x1f\x7f-\x9f"
_DIRECTION = r"\u061c\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb"  # and invisible separators
_CONTROL_PATTERN = re.compile(f"[{_CONTROL}]")
_UNSAFE_PATTERN = re.compile(f"[{_CONTROL}{_DIRECTION}]")


def _escape(match: re.Match[str]) -> str:
    code = ord(match[0])
    return f"\\x{code:02x}" if code <= 0xFF else f"\\u{code:04x}"


def printable(text: str) -> str:
    r"""Return text in which control characters and directional marks are escaped. Line feeds and tabs are kept.

    Examples
    --------
    >>> printable("a\x1b[31mb\u202ec\n")
    'a\\x1b[31mb\\u202ec\n'
    """
    return _UNSAFE_PATTERN.sub(_escape, text)


def printable_json(text: str) -> str:
    r"""Return a JSON document in which the characters that `printable` escapes are JSON escapes. The values stay the same.

    Examples
    --------
    >>> printable_json('{"title": "a\x9bb"}')
    '{"title": "a\\u009bb"}'
    """
    return _UNSAFE_PATTERN.sub(lambda match: f"\\u{ord(match[0]):04x}", text)


def without_control_characters(text: str) -> str:
    r"""Return text in which control characters are escaped, but directional marks are not. Line feeds and tabs are kept.

    Examples
    --------
    >>> without_control_characters("a\x1b[31m")
    'a\\x1b[31m'
    """
    return _CONTROL_PATTERN.sub(_escape, text)

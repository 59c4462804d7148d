"""Widths of characters, and wrapping of text by them, so that a drawing needs no browser to know where a line ends."""

from functools import cache

# Per 1,000 units of font size, of Liberation Sans, whose widths are those of Arial and Helvetica.
_REGULAR = {
    191: "'",
    222: "ijl‘’",
    260: "|",
    278: " !,./:;I[\\]ft·",
    333: "'()-`r“”{}",
    355: '"',
    389: "*",
    469: "^",
    500: "Jcksvxyz",
    556: "#$0123456789?L_abdeghnopqu–€éü£",
    584: "+<=>~−×",
    611: "FTZ",
    667: "&ABEKPSVXY",
    722: "CDHNRUw",
    778: "GOQ",
    833: "Mm",
    889: "%",
    944: "W",
    1000: "→—…",
    1015: "@",
}
_BOLD = {
    238: "'",
    278: " ,./I\\ijl‘’·",
    280: "|",
    333: "!()-:;[]`ft",
    389: "*r{}",
    474: '"',
    500: "z“”",
    556: "#$0123456789J_aceksvxy–€é£",
    584: "+<=>^~−×",
    611: "?FLTZbdghnopquü",
    667: "EPSVXY",
    722: "&ABCDHKNRU",
    778: "GOQw",
    833: "M",
    889: "%m",
    944: "W",
    975: "@",
    1000: "→—…",
}
_WIDEST = 1000


@cache
def _table(is_bold: bool) -> dict[str, int]:
    return {letter: width for width, letters in (_BOLD if is_bold else _REGULAR).items() for letter in letters}


def width_of(text: str, size: float, *, is_bold: bool = False) -> float:
    """Return the width of a text in pixels. Characters that are not in the table count as wide as the widest ones.

    Parameters
    ----------
    text : str
        The text.
    size : float
        Font size, in pixels.
    is_bold : bool
        Whether it is bold.

    Examples
    --------
    >>> width_of("ill", 10), width_of("WWW", 10)
    (6.66, 28.32)
    """
    table = _table(is_bold)
    return size * sum(table.get(letter, _WIDEST) for letter in text) / 1000


def wrap_words(text: str, width: float, size: float, *, is_bold: bool = False) -> list[str]:
    """Return a text in lines that are at most as wide as `width`. Words that are wider are broken.

    Parameters
    ----------
    text : str
        The text.
    width : float
        Width of a line, in pixels.
    size : float
        Font size, in pixels.
    is_bold : bool
        Whether it is bold.

    Examples
    --------
    >>> wrap_words("Shopper with an open cart", 80, 12)
    ['Shopper with', 'an open cart']
    """
    lines: list[str] = []
    for word in text.split():
        longer = f"{lines[-1]} {word}" if lines else word
        if lines and width_of(longer, size, is_bold=is_bold) <= width:
            lines[-1] = longer
        else:
            lines += _broken(word, width, size, is_bold=is_bold)
    return lines


def _broken(word: str, width: float, size: float, *, is_bold: bool) -> list[str]:
    """Break a word that is wider than a line."""
    pieces = [""]
    for letter in word:
        if pieces[-1] and width_of(pieces[-1] + letter, size, is_bold=is_bold) > width:
            pieces.append("")
        pieces[-1] += letter
    return pieces

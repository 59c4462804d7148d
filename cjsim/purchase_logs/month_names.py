"""Month names in the languages of most European and American logs.

A word names a month if it has at least three letters and begins the names of only one month. Abbreviations that are not beginnings, such as
'Mrz.', are listed. The names follow the Unicode Common Locale Data Repository (CLDR), in the form that is used within a date.
"""

import unicodedata
from functools import lru_cache

_MONTHS = {
    "English": "January February March April May June July August September October November December",
    "German": "Januar Februar März April Mai Juni Juli August September Oktober November Dezember",
    "French": "janvier février mars avril mai juin juillet août septembre octobre novembre décembre",
    "Spanish": "enero febrero marzo abril mayo junio julio agosto septiembre octubre noviembre diciembre",
    "Italian": "gennaio febbraio marzo aprile maggio giugno luglio agosto settembre ottobre novembre dicembre",
    "Portuguese": "janeiro fevereiro março abril maio junho julho agosto setembro outubro novembro dezembro",
    "Dutch": "januari februari maart april mei juni juli augustus september oktober november december",
    "Swedish": "januari februari mars april maj juni juli augusti september oktober november december",
    "Danish": "januar februar marts april maj juni juli august september oktober november december",
    "Norwegian": "januar februar mars april mai juni juli august september oktober november desember",
    "Polish": "stycznia lutego marca kwietnia maja czerwca lipca sierpnia września października listopada grudnia",
}
_ABBREVIATIONS = {"mrz": 3, "mrt": 3, "janner": 1, "jun": 6, "jul": 7, "juin": 6}
_MIN_LETTERS = 3


def _plain(word: str) -> str:
    """Return a word in lower case without accents."""
    decomposed = unicodedata.normalize("NFKD", word.casefold())
    return "".join(letter for letter in decomposed if not unicodedata.combining(letter))


_NAMES = [(_plain(name), number) for names in _MONTHS.values() for number, name in enumerate(names.split(), 1)]


@lru_cache(maxsize=1024)
def month_number(word: str) -> int:
    """Return the number of the month that a word names, from 1; 0 if it names none, or if it may name two.

    Examples
    --------
    >>> month_number("Sept"), month_number("März"), month_number("févr"), month_number("jui"), month_number("CET")
    (9, 3, 2, 0, 0)
    """
    plain = _plain(word)
    if plain in _ABBREVIATIONS:
        return _ABBREVIATIONS[plain]
    if len(plain) < _MIN_LETTERS:
        return 0
    numbers = {number for name, number in _NAMES if name.startswith(plain)}
    return numbers.pop() if len(numbers) == 1 else 0

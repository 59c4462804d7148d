r"""Passwords in database addresses, which must not be shown or stored.

A password is in the user part of an address (`postgresql://user:password@host/db`) or in its query (`?password=...`,
`&sslpassword=...`, `odbc_connect=...`), percent-encoded or not.
"""

import re
from urllib.parse import unquote, unquote_plus

HIDDEN = "***"
_SECRET_KEY = r"[\w.-]*(?:pass|pwd|secret|token|credential|api_?key|odbc_connect)[\w.-]*"
_ADDRESS_PATTERN = re.compile(r"(?P<scheme>\b[A-Za-z][A-Za-z0-9+.-]+:/{1,3})(?P<rest>[^\s<>\"]+)")
_USER_PATTERN = re.compile(r"(?P<user>[^:@/?#]*):(?P<password>.*)@", re.DOTALL)  # a password may hold an @ that is not encoded
_QUERY_PATTERN = re.compile(rf"(?P<key>[?&;](?:{_SECRET_KEY}|key|auth|sig|signature)=)(?P<value>[^&#]*)", re.IGNORECASE)
_KEYWORD_PATTERN = re.compile(r"(?P<key>\b(?:ssl)?(?:password|passwd|pwd)\s*=\s*)(?P<value>'(?:[^'\\]|\\.)*'|[^\s'\"&;,)]+)", re.IGNORECASE)
_SCHEME_PATTERN = re.compile(r"\s*(?:postgres(?:ql)?|mysql|mariadb|mssql|oracle|redis)(?:\+\w+)?:", re.IGNORECASE)
_SHORTEST_REPLACED = 4  # characters of a password; shorter ones could match other text


def hide_passwords(text: str) -> str:
    """Return text in which the passwords of all addresses, and values such as `password=...`, are hidden.

    Examples
    --------
    >>> hide_passwords("cannot open postgresql://ann:s3cret@db/studies?sslpassword=x")
    'cannot open postgresql://ann:***@db/studies?sslpassword=***'
    >>> hide_passwords("host=db password='a b' user=ann")
    'host=db password=*** user=ann'
    """
    text = _ADDRESS_PATTERN.sub(lambda match: match["scheme"] + _without_passwords(match["rest"]), text)
    return _KEYWORD_PATTERN.sub(lambda match: match["key"] + HIDDEN, text)


def hide_password(address: str) -> str:
    """Return one address without its passwords, which may contain spaces and quotes.

    Examples
    --------
    >>> hide_password("mysql+pymysql://root:a b@c/d@db/x?passwd=e f&charset=utf8")
    'mysql+pymysql://root:***@db/x?passwd=***&charset=utf8'
    """
    scheme, slashes, rest = address.partition("://")
    if not slashes and _SCHEME_PATTERN.match(address):
        scheme, slashes, rest = address.partition(":")
        return f"{scheme}:{_without_passwords(rest)}"
    if not slashes:
        return hide_passwords(address)
    return f"{scheme}://{_without_passwords(rest)}"


def hide_passwords_of(address: str, text: str) -> str:
    """Return text, such as the message of a driver, in which the passwords of an address are hidden.

    If a password is too short to be found reliably, or a driver may quote a part of it, the whole text is replaced.

    Parameters
    ----------
    address : str
        The address.
    text : str
        Text that may quote the address or a part of it.

    Examples
    --------
    >>> hide_passwords_of("postgresql://ann:s3cret@db/x", "login of ann with s3cret failed")
    'login of ann with *** failed'
    """
    secrets = passwords_of(address)
    text = text.replace(address, hide_password(address))
    if any(re.search(r"[@:/?#\s]", secret) or len(secret) < _SHORTEST_REPLACED for secret in secrets):
        return "the message is not shown, because it could quote the password"
    for secret in sorted(secrets, key=len, reverse=True):
        text = text.replace(secret, HIDDEN)
    return hide_passwords(text)


def passwords_of(address: str) -> frozenset[str]:
    """Return the passwords in an address, both as written and decoded.

    Examples
    --------
    >>> sorted(passwords_of("postgresql://ann:a%21@db/x?sslpassword=b"))
    ['a!', 'a%21', 'b']
    """
    _, slashes, rest = address.partition("://")
    user = _USER_PATTERN.match(rest) if slashes else None
    found = [user["password"]] if user else []
    found += [match["value"] for match in _QUERY_PATTERN.finditer(rest if slashes else address)]
    return frozenset(form for one in found for form in (one, unquote(one), unquote_plus(one)) if form)


def is_misspelled_address(text: str) -> bool:
    """Return whether text is not a URL, but was probably meant as a database address, and is therefore not a file name.

    Examples
    --------
    >>> is_misspelled_address("postgresql:/ann:s3cret@db"), is_misspelled_address("host=db password=s3cret")
    (True, True)
    >>> is_misspelled_address("postgresql://ann:s3cret@db"), is_misspelled_address("C:/studies/a.journal")
    (False, False)
    """
    return "://" not in text and (hide_passwords(text) != text or _SCHEME_PATTERN.match(text) is not None)


def _without_passwords(rest: str) -> str:
    """Return what follows the scheme of an address, without the passwords of the user part and of the query."""
    user = _USER_PATTERN.match(rest)
    rest = f"{user['user']}:{HIDDEN}@{rest[user.end() :]}" if user else rest
    return _QUERY_PATTERN.sub(lambda match: match["key"] + HIDDEN, rest)

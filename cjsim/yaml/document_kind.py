"""Kinds of documents, recognized by the keys that only one kind has."""

from collections.abc import Iterable

from cjsim.errors import format_error

_OWN_KEYS = {
    "scenario": {"currency", "discount_rate", "entry", "existing", "horizon", "journey", "policy", "start", "time_zone", "value_horizon"},
    "journey": {
        *("activity", "attributes", "channels", "clock_shift", "events", "interests", "messages", "moments", "offers", "personas"),
        *("preferred_contacts", "pressure", "satisfaction", "scores", "stages", "starts_in", "time_zones", "traits"),
    },
    "policy": {"broadcasts", "costs", "flows", "guardrails", "personalisation", "rules"},
    "study": {"batch", "confirm", "constraints", "draws", "free", "mixes", "objectives", "pairing", "racing", "sampler", "trials"},
    "experiment": {
        *("by", "claim", "claimed_by", "decide", "direction", "hypothesis", "metric", "replications", "sweep", "variants", "watch"),
    },
}
_SHARED_KEYS = {"accept_warnings", "acquisition", "customers", "desks", "extends", "name", "scenario", "seed", "set", "sources", "title"}
_KEYS = _SHARED_KEYS.union(*_OWN_KEYS.values())
DOCUMENT_KINDS = tuple(_OWN_KEYS)
_REMEDIES = {
    "scenario": "Pass a scenario that uses it.",
    "study": "Pass a file with 'scenario', 'free' and 'objectives'.",
    "experiment": "Pass a file with 'hypothesis', 'scenario' and 'variants'.",
}


def kind_of(keys: Iterable[str], *, default: str = "scenario") -> str:
    """Return the kind of a document: the kind with the largest number of its own keys, which no other kind has, in the document.

    Parameters
    ----------
    keys : iterable of str
        Top-level keys of the document.
    default : str
        Kind of a document whose keys are equally typical of several kinds.

    Examples
    --------
    >>> kind_of(["name", "stages", "events"])
    'journey'
    """
    found = set(keys)
    return max(_OWN_KEYS, key=lambda kind: (len(_OWN_KEYS[kind] & found), kind == default))


def is_document(keys: Iterable[str]) -> bool:
    """Return whether a mapping with these top-level keys is a document of any kind, that is, whether most keys belong to a kind.

    Examples
    --------
    >>> is_document(["name", "stages", "evnts"]), is_document(["name", "password"]), is_document([])
    (True, False, True)
    """
    found = set(keys)
    return not found or 2 * len(found & _KEYS) > len(found)


def owner_of(key: str) -> str:
    """Return the only kind of document that has a top-level key, with its article; empty if there is none.

    Examples
    --------
    >>> owner_of("currency"), owner_of("name")
    ('a scenario', '')
    """
    return next((_with_article(kind) for kind, keys in _OWN_KEYS.items() if key in keys), "")


def wrong_kind_error(where: str, wanted: str, found: str) -> str:
    """Return the error message about a document of another kind.

    Parameters
    ----------
    where : str
        The file.
    wanted, found : str
        Kinds of documents.
    """
    return format_error(where, f"must be {_with_article(wanted)}", _with_article(found), _REMEDIES.get(wanted, f"Pass a {wanted}."))


def _with_article(kind: str) -> str:
    return f"{'an' if kind == 'experiment' else 'a'} {kind}"

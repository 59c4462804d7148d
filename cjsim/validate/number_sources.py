"""Where the numbers of a document come from: each number with the entry of `sources` that covers it."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from pydantic import BaseModel

from cjsim.scenario.fields import Source
from cjsim.scenario.journey import JourneySpec
from cjsim.scenario.policy import PolicySpec
from cjsim.scenario.spec import ScenarioSpec
from cjsim.yaml.paths import KeyPath, parse_path, path_text

UNSTATED = "unstated"  # the kind of a number that no entry covers
ANY_NAME = "*"
_DEFINITIONS = frozenset({"moments", "stages", "sources", "accept_warnings"})  # of journeys; they contain no estimates
_COST_KEYS = frozenset({"wage_per_hour", "cost_per_minute", "shared"})  # of desks in policies
Record = ScenarioSpec | JourneySpec | PolicySpec


class NumberSource(NamedTuple):
    """A number of a document, and where it comes from. A list of numbers, such as the weights of 24 hours, counts as one.

    `kind` is that of the source, or 'unstated'; `entry` is the path of the entry that covers the number.
    """

    path: str
    kind: str
    text: str
    entry: str


def number_sources(record: Record) -> list[NumberSource]:
    """Return each number that needs a source, with its source.

    These are all numbers that a journey states except the ordinal numbers of moments; the costs, wages and accuracies of a policy; and the
    discount rate and the existing customers of a scenario. Decisions, such as the waits of flows, need none.

    Parameters
    ----------
    record : ScenarioSpec, JourneySpec or PolicySpec
        The document. A scenario includes its journey and its policy. Its own entries take precedence over theirs.

    Returns
    -------
    list of NumberSource
        In the order of the file. Numbers at their default that the file does not contain are left out, and so are durations of 0.
    """
    levels = [_parsed(entries) for entries in _entries_by_precedence(record)]
    return [_source_of(path, levels) for path in _number_paths(record)]


def unused_sources(record: Record) -> list[str]:
    """Return the paths of the record's own entries that cover no number, not even one at its default."""
    paths = list(_number_paths(record, with_defaults=True))
    return [text for text in record.sources if not any(_covers(parse_path(text) or (), path) for path in paths)]


def count_by_kind(sources: Sequence[NumberSource]) -> dict[str, int]:
    """Return the number of numbers by kind of source, the most frequent kind first."""
    return dict(Counter(one.kind for one in sources).most_common())


def _entries_by_precedence(record: Record) -> Iterator[dict[str, Source]]:
    """Yield entries of `sources` by path from the root of the record. Those that are yielded first take precedence."""
    yield record.sources
    if isinstance(record, ScenarioSpec):
        yield {
            f"{name}.{path}": source
            for name, part in (("journey", record.journey), ("policy", record.policy))
            for path, source in part.sources.items()
        }


def _parsed(entries: Mapping[str, Source]) -> list[tuple[KeyPath, str, Source]]:
    """Sort entries by how specific they are: long paths first, and names before `*`."""
    parsed = [(parse_path(text) or (), text, source) for text, source in entries.items()]
    return sorted(parsed, key=lambda entry: (-len(entry[0]), [key == ANY_NAME for key in entry[0]]))


def _source_of(path: KeyPath, levels: Sequence[Sequence[tuple[KeyPath, str, Source]]]) -> NumberSource:
    for entries in levels:
        for pattern, entry, source in entries:
            if _covers(pattern, path):
                kind, text = ("assumed", "") if isinstance(source, str) else next(iter(source.items()))
                return NumberSource(path_text(path), kind, text, entry)
    return NumberSource(path_text(path), UNSTATED, "", "")


def _covers(pattern: KeyPath, path: KeyPath) -> bool:
    if not pattern or len(pattern) > len(path):
        return False
    return all(expected in (key, ANY_NAME) for expected, key in zip(pattern, path, strict=False))


def _number_paths(record: Record, *, with_defaults: bool = False) -> Iterator[KeyPath]:
    if isinstance(record, ScenarioSpec):
        yield from (("journey", *path) for path in _number_paths(record.journey, with_defaults=with_defaults))
        yield from (("policy", *path) for path in _number_paths(record.policy, with_defaults=with_defaults))
        yield from [("discount_rate",)] if with_defaults or "discount_rate" in record.model_fields_set else []
        if record.existing is not None:
            yield from (("existing", key) for key in ("customers", "years"))
    elif isinstance(record, JourneySpec):
        yield from (path for path in _paths_below(record, (), with_defaults) if path[0] not in _DEFINITIONS)
    else:
        below = _paths_below(record, (), with_defaults)
        yield from (path for path in below if path[0] in ("costs", "personalisation") or (path[0] == "desks" and path[-1] in _COST_KEYS))


def _paths_below(value: Any, path: KeyPath, with_defaults: bool) -> Iterator[KeyPath]:
    """Yield the paths of the numbers in a value. Fields that were not set are left out, unless `with_defaults`."""
    if isinstance(value, BaseModel):
        fields = type(value).model_fields
        for name in (one for one in fields if with_defaults or one in value.model_fields_set):
            yield from _paths_below(getattr(value, name), (*path, fields[name].alias or name), with_defaults)
    elif isinstance(value, Mapping):
        for key, below in value.items():
            yield from _paths_below(below, (*path, key), with_defaults)
    elif isinstance(value, tuple) and all(_is_number(one) for one in value):
        yield from [path] if value else []
    elif isinstance(value, tuple):
        for index, below in enumerate(value):
            yield from _paths_below(below, (*path, index), with_defaults)
    elif _is_number(value) and not (value == 0 and path[-1] == "fixed"):
        yield path


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)

"""Describes where the numbers of a document come from."""

from collections.abc import Iterator

from cjsim.scenario.phrases import format_percent
from cjsim.validate.number_sources import UNSTATED, NumberSource, Record, count_by_kind, number_sources

KIND_PHRASES = {
    "experiment": "from randomized experiments",
    "primary": "from primary sources",
    "secondary": "from secondary sources",
    "claim": "from claims of practitioners",
    "data": "computed from data",
    "fitted": "fitted to published figures",
    "terms": "terms that the firm sets",
    "memory": "from memory",
    "assumed": "assumed",
    UNSTATED: "without a stated source",
}


def source_lines(record: Record) -> Iterator[str]:
    """Describe the sources of a document's numbers: how many there are of each kind, then each source with the numbers it covers.

    Parameters
    ----------
    record : ScenarioSpec, JourneySpec or PolicySpec
        The document. Nothing is yielded if neither it nor a part of it has `sources`.

    Yields
    ------
    str
        A line with the counts, then an indented line per entry of `sources` that covers a number.
    """
    sources = number_sources(record)
    if not any(one.entry for one in sources):
        return
    yield f"Sources of numbers: {origins_phrase(sources)}."
    by_entry: dict[tuple[str, str, str], int] = {}
    for one in sources:
        if one.entry:
            key = one.entry, one.kind, one.text
            by_entry[key] = by_entry.get(key, 0) + 1
    for (entry, kind, text), count in by_entry.items():
        numbers = "1 number" if count == 1 else f"{count} numbers"
        yield f"  {entry} ({numbers}): {kind}{f', {text}' if text else ''}"


def origins_phrase(sources: list[NumberSource]) -> str:
    """Describe how many numbers have each kind of source, such as '3 of 4 numbers are assumed (75 %), 1 is from primary sources'.

    Parameters
    ----------
    sources : list of NumberSource
        Numbers with their sources; at least one.
    """
    n = len(sources)
    counts = count_by_kind(sources)
    parts = [f"{count} {KIND_PHRASES[kind]} ({format_percent(round(count / n, 2))})" for kind, count in counts.items()]
    return f"{n} in all, {', '.join(parts)}"

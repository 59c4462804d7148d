"""Describes where the numbers of a document come from."""

from collections.abc import Iterator

from cjsim.scenario.phrases import format_percent, join_names
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
        A line with the counts by kind, then an indented line per source, with the paths for which it is given and their counts.
    """
    sources = number_sources(record)
    if not any(one.entry for one in sources):
        return
    yield f"Sources of numbers: {origins_phrase(sources)}."
    entries: dict[tuple[str, str], dict[str, int]] = {}
    for one in sources:
        if one.entry:
            counts = entries.setdefault((one.kind, one.text), {})
            counts[one.entry] = counts.get(one.entry, 0) + 1
    for (kind, text), counts in entries.items():
        covered = join_names(f"{entry} ({count})" for entry, count in counts.items())
        yield f"  {kind}{f', {text}' if text else ''}: {covered}"


def origins_phrase(sources: list[NumberSource]) -> str:
    """Describe how many numbers have each kind of source, such as '4 in all, 3 assumed (75 %), 1 from primary sources (25 %)'.

    Parameters
    ----------
    sources : list of NumberSource
        Numbers with their sources; at least one.
    """
    n = len(sources)
    counts = count_by_kind(sources)
    parts = [f"{count} {KIND_PHRASES[kind]} ({format_percent(round(count / n, 2))})" for kind, count in counts.items()]
    return f"{n} in all, {', '.join(parts)}"

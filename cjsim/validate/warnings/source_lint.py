"""Warnings about `sources`: entries that cover no number, and numbers that no entry covers."""

from collections.abc import Iterator, Sequence

from cjsim.errors import short_repr
from cjsim.scenario.spec import ScenarioSpec
from cjsim.validate.number_sources import UNSTATED, NumberSource, Record, number_sources, unused_sources


def source_warnings(record: Record) -> Iterator[str]:
    """Yield warnings about the sources of a document's numbers.

    Parameters
    ----------
    record : ScenarioSpec, JourneySpec or PolicySpec
        The document. Numbers without a source are reported only if the document, or for a scenario a part of it, has `sources`.

    Yields
    ------
    str
        A warning that starts with a path.
    """
    parts = [("", record)]
    if isinstance(record, ScenarioSpec):
        parts += [("journey.", record.journey), ("policy.", record.policy)]
    for prefix, part in parts:
        for entry in unused_sources(part):
            yield f"{prefix}sources: the entry {short_repr(entry)} covers no number. Correct the path, or remove it."
        if part.sources and not isinstance(part, ScenarioSpec):
            yield from _unstated_warnings(prefix, [one for one in number_sources(record) if one.path.startswith(prefix)])


def _unstated_warnings(prefix: str, sources: Sequence[NumberSource]) -> Iterator[str]:
    unstated = [one.path.removeprefix(prefix) for one in sources if one.kind == UNSTATED]
    if unstated:
        more = f" and {len(unstated) - 1} more" if len(unstated) > 1 else ""
        yield f"{prefix}sources: no entry covers {unstated[0]}{more}. Add an entry with the source, or with 'assumed'."

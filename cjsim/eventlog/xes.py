"""Export of event logs as XES (IEEE 1849) for process mining."""

import re
from collections.abc import Iterable, Iterator
from itertools import repeat
from typing import Any, TextIO
from xml.sax.saxutils import quoteattr

_XES_HEADER = """<?xml version="1.0" encoding="UTF-8"?>
<log xes.version="1.0" xes.features="" xmlns="http://www.xes-standard.org/">
<extension name="Concept" prefix="concept" uri="http://www.xes-standard.org/concept.xesext"/>
<extension name="Time" prefix="time" uri="http://www.xes-standard.org/time.xesext"/>
<global scope="trace"><string key="concept:name" value=""/></global>
<global scope="event"><string key="concept:name" value=""/><date key="time:timestamp" value="1970-01-01T00:00:00.000+00:00"/></global>
<classifier name="event" keys="concept:name"/>
"""
_INVALID_XML_CHARACTERS = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def write_xes(batches: Iterable[Any], file: TextIO) -> None:
    """Write rows as an XES document, with one trace per customer and one event per row.

    The `concept:name` of a trace is the customer (`case:concept:name` in flat form). The `concept:name` of an event is its name, and its
    `time:timestamp` is the time in milliseconds. XES requires a time zone, so local times are written as if they were UTC.

    Parameters
    ----------
    batches : iterable of pyarrow.RecordBatch
        Rows, sorted by customer.
    file : TextIO
        File to write to.
    """
    file.write(_XES_HEADER)
    open_trace: Any = None
    for batch in batches:
        for customer, event in zip(batch["customer"].to_pylist(), _event_elements(batch), strict=True):
            if customer != open_trace:
                file.write("" if open_trace is None else "</trace>\n")
                file.write(f'<trace><string key="concept:name" value={_xml_quoted(str(customer))}/>\n')
                open_trace = customer
            file.write(event)
    file.write("</log>\n" if open_trace is None else "</trace>\n</log>\n")


def _event_elements(batch: Any) -> Iterator[str]:
    """Yield one event element per row."""
    import numpy as np

    stamps = np.datetime_as_string(batch["time"].to_numpy(zero_copy_only=False).astype("datetime64[ms]"), unit="ms").tolist()
    parts: list[Iterable[str]] = [_attribute_elements("string", "concept:name", batch["event"])]
    parts.append(f'<date key="time:timestamp" value="{stamp}+00:00"/>' for stamp in stamps)
    for name in batch.schema.names:
        if name not in ("customer", "time", "event"):
            parts.append(_attribute_elements("float" if name == "value" else "string", name, batch[name]))
    return (f"<event>{''.join(row)}</event>\n" for row in zip(*parts, strict=True))


def _attribute_elements(kind: str, key: str, column: Any) -> Iterable[str]:
    """Return the XML element of each cell; empty for null. Each distinct name is formatted once."""
    import pyarrow as pa

    start = f"<{kind} key={_xml_quoted(key)} value="
    if pa.types.is_dictionary(column.type):
        elements = [f"{start}{_xml_quoted(str(name))}/>" for name in column.dictionary.to_pylist()]
        return ["" if code is None else elements[code] for code in column.indices.to_pylist()]
    if column.null_count == len(column):
        return repeat("", len(column))
    return ["" if cell is None else f"{start}{_xml_quoted(str(cell))}/>" for cell in column.to_pylist()]


def _xml_quoted(text: str) -> str:
    return quoteattr(_INVALID_XML_CHARACTERS.sub("?", text))

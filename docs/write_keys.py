"""Writes docs/keys.md from the JSON schemas of the files: one section for each record and each family of kinds.

    python docs/write_keys.py

`cjsim explain` prints the same descriptions for a single key.
"""

import textwrap
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from cjsim.description.field_help import FieldLine, field_lines
from cjsim.lab.document_types import document_types
from cjsim.scenario.json_schema import file_schema, referenced_name

PAGE = Path(__file__).resolve().parent / "keys.md"
HEAD = """# Keys of the files

This page lists every key of a scenario, journey, policy, study and experiment file. `docs/write_keys.py` generates it
from the models. `cjsim explain policy.flows.cart.steps` prints the entry of one key, and `cjsim schema` prints a schema
that lets editors show it on hover.

[model.md](model.md) and [search.md](search.md) explain how the elements work together.

In a family of kinds, such as effects, the kind of a value is determined by its key."""
WIDTH = 120

Schema = dict[str, Any]


def nested_parts(schema: Schema) -> Iterator[Schema]:
    """The records and the families of kinds that the schema of a field mentions."""
    if "$ref" in schema or "oneOf" in schema:
        yield schema
    for one in (*schema.get("anyOf", ()), schema.get("items"), schema.get("additionalProperties")):
        if isinstance(one, dict):
            yield from nested_parts(one)


def long_form(record: Schema) -> Schema:
    """The schema of a record without its short form."""
    return next(one for one in (record, *record.get("anyOf", ())) if "properties" in one)


def sections_of(schema: Schema, seen: set[str]) -> Iterator[list[str]]:
    """Yield the sections of a document: its own fields, and its records and families that are not yet in `seen`; they are added to it."""
    definitions = schema["$defs"]
    yield section(f"## {schema['title']}", schema["description"], field_rows(schema))
    pending = [schema]
    while pending:
        fields = long_form(pending.pop(0))["properties"].values()
        for part in (part for field in fields for part in nested_parts(field)):
            name = referenced_name(part) or part["title"]
            if name in seen:
                continue
            seen.add(name)
            records = [definitions[referenced_name(one)] for one in part.get("oneOf", [part])]
            pending += records
            if "oneOf" in part:
                yield section(f"### Kinds: {name}", family_text(records), kind_rows(records))
            else:
                yield section(f"### {name}", records[0]["description"], field_rows(records[0]))


def family_text(kinds: list[Schema]) -> str:
    """What each kind of a family is or does, as a list."""
    return "\n".join(f"- `{kind['required'][0]}`: {' '.join(kind['description'].split())}" for kind in kinds)


def field_rows(record: Schema) -> list[FieldLine]:
    """The rows of the table of a record."""
    return list(field_lines(long_form(record), name_of=link))


def kind_rows(kinds: Iterable[Schema]) -> list[FieldLine]:
    """The rows of the table of a family; fields that several kinds share appear once."""
    return list({(line.name, line.description): line for kind in kinds for line in field_lines(kind, name_of=link)}.values())


def link(name: str) -> str:
    """A link to the section of a record."""
    return f"[{name}](#{name.lower()})"


def section(heading: str, text: str, rows: list[FieldLine]) -> list[str]:
    """A heading, a text and a table."""
    paragraphs: list[str] = []
    for part in text.split("\n"):
        paragraphs += textwrap.wrap(part, WIDTH, subsequent_indent="  " if part.startswith("- ") else "") or [""]
    table = [cells(row.name, row.type, row.default, row.description, row.example) for row in rows]
    return [heading, "", *paragraphs, "", "| key | type | default | meaning | example |", "|---|---|---|---|---|", *table]


def cells(name: str, type_words: str, default: str, description: str, example: str) -> str:
    """A row of a table."""
    shown = default if default in ("required", "none") else f"`{default}`"
    row = [f"`{name}`", type_words, shown, description, f"`{example}`"]
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |"


def page() -> str:
    """The page as Markdown."""
    seen = {"Scenario", "Journey", "Policy"}
    blocks = [HEAD.split("\n")]
    for model in document_types().values():
        blocks += sections_of(file_schema(model), seen)
    return "\n\n".join("\n".join(block) for block in blocks) + "\n"


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")

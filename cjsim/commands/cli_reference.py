"""The `explain` and `metrics` commands: what the fields of files mean, and how metrics are defined."""

import textwrap
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cjsim.commands import options
from cjsim.commands.arguments import load_scenario
from cjsim.commands.console import print_output, record_table, with_exit_codes

if TYPE_CHECKING:
    import pandas as pd

    from cjsim.description.field_help import FieldHelp

_MAX_NAME_WIDTH = 32  # longer names have a line of their own
_SCENARIO_HELP = "Scenario that supplies the channels, stages and desks. Placeholders by default."
_PATH_HELP = "Kind of document and keys, such as policy.flows.cart.steps. A * stands for any name."


@with_exit_codes
def explain(
    path: Annotated[str, typer.Argument(metavar="PATH", help=_PATH_HELP, show_default=False)],
    as_json: options.Json = False,
    table_format: options.Format = None,
) -> None:
    """Explain a field of a journey, policy, scenario, study or experiment: meaning, type, default and an example.

    `cjsim explain condition` lists the operators and names of conditions. For a single word, such as 'discount', the command lists the
    fields with similar names.

    Example: cjsim explain policy.guardrails.caps
    """
    from cjsim.description.condition_help import EXAMPLES, POINTER, TOPIC, explain_condition
    from cjsim.description.field_help import explain_path, find_fields
    from cjsim.lab.document_types import document_types
    from cjsim.scenario.json_schema import file_schema

    if path.strip() in (TOPIC, f"{TOPIC}s"):
        found = explain_condition()
    else:
        schemas = {kind: file_schema(model) for kind, model in document_types().items()}
        is_word = path.strip().isidentifier() and path.strip() not in schemas
        found = (find_fields(schemas, path) if is_word else None) or explain_path(schemas, path)
        if found.type == TOPIC:
            found = replace(found, description=f"{found.description}\n\n{POINTER}", example="; ".join([found.example, *EXAMPLES[1:]]))
    print_output(as_json, table_format, text=lambda: _help_text(found), content=found.to_json, table=lambda: _help_table(found))


@with_exit_codes
def metrics(
    scenario: Annotated[Path | None, typer.Argument(metavar="SCENARIO", help=_SCENARIO_HELP, show_default=False)] = None,
    as_json: options.Json = False,
    table_format: options.Format = None,
) -> None:
    """List all metrics with their unit, the direction that a firm prefers, and their definition.

    Example: cjsim metrics shop
    """
    from cjsim.compiler.compile_scenario import compile_scenario
    from cjsim.metrics.catalog import all_metric_definitions
    from cjsim.metrics.number_format import named_unit
    from cjsim.metrics.ratios import CUSTOMERS_WHO_ENTERED
    from cjsim.metrics.shipped_metrics import PLACEHOLDER_NAMES
    from cjsim.metrics.text_table import align_columns, wrap_lines

    document = None if scenario is None else load_scenario(scenario, {})
    codebook = PLACEHOLDER_NAMES if document is None else compile_scenario(document).codebook
    definitions = all_metric_definitions(codebook).values()
    facts = ("name", "unit", "better", "title", "is_total", "has_selected_denominator", "is_detail")
    listed = [
        {fact: getattr(one, fact) for fact in facts} | {"denominator": None if one.is_total else one.denominator} for one in definitions
    ]
    currency = None if document is None else document.currency
    rows = [[one.name, named_unit(one.unit, currency), one.better, one.full_title] for one in definitions]
    notes = ["", f"Metrics without another denominator are divided by the number of {CUSTOMERS_WHO_ENTERED}."]
    if scenario is None:
        notes.append("Names in capitals stand for names of a scenario. List the metrics of one: cjsim metrics shop.")
    print_output(
        as_json,
        table_format,
        text=lambda: "\n".join(
            [align_columns(["metric", "unit", "better", "definition"], rows, optional=["better"]), wrap_lines("\n".join(notes))]
        ),
        content=lambda: {"metrics": listed},
        table=lambda: record_table(listed),
    )


def _help_table(found: "FieldHelp") -> "pd.DataFrame":
    """The kinds and fields at a path, one row each, or the field itself if it has none."""
    own = {"name": found.path, "type": found.type, "description": found.description, "default": found.default, "example": found.example}
    return record_table([vars(line) for line in (*found.kinds, *found.fields, *found.names)] or [own])


def _help_text(found: "FieldHelp") -> str:
    """The help on a field as text that fits the terminal."""
    from cjsim.metrics.text_table import terminal_width, wrap_lines

    presence = ("required", "yes") if found.default == "required" else ("default", found.default)
    facts = [("type", found.type), presence, ("example", found.example)]
    lines = [found.path, *(f"  {line}" if line else "" for line in found.description.split("\n")), ""]
    lines += [f"  {name + ':':<10}{text}" for name, text in facts if text]
    lines = wrap_lines("\n".join(lines)).splitlines()
    for heading, listed in (("Kinds", found.kinds), ("Fields", found.fields), ("Names", found.names)):
        width = min(max((len(line.name) for line in listed), default=0), _MAX_NAME_WIDTH)
        lines += ["", f"{heading}:"] if listed else []
        for line in listed:
            text = f"{line.description} Required." if heading == "Fields" and line.default == "required" else line.description
            head, indent = f"  {line.name:<{width}}  ", " " * (width + 4)
            if len(line.name) > width:
                lines.append(f"  {line.name}")
                head = indent
            lines += textwrap.wrap(text, terminal_width(), initial_indent=head, subsequent_indent=indent, break_on_hyphens=False)
    return "\n".join(lines)

"""The `explain` and `metrics` commands: what the fields of files mean, and how metrics are defined."""

import textwrap
from typing import TYPE_CHECKING, Annotated

import typer

from cjsim.commands import options
from cjsim.commands.arguments import document_types
from cjsim.commands.console import print_json, with_exit_codes

if TYPE_CHECKING:
    from cjsim.description.field_help import FieldHelp

_PATH_HELP = "Kind of document and keys, such as policy.flows.cart.steps. A * stands for any name."


@with_exit_codes
def explain(
    path: Annotated[str, typer.Argument(metavar="PATH", help=_PATH_HELP, show_default=False)],
    as_json: options.Json = False,
) -> None:
    """Explain a field of a journey, policy, scenario, study or experiment: meaning, type, default and an example.

    Example: cjsim explain policy.guardrails.caps
    """
    from cjsim.description.field_help import explain_path
    from cjsim.scenario.json_schema import file_schema

    found = explain_path({kind: file_schema(model) for kind, model in document_types().items()}, path)
    if as_json:
        print_json(found.to_json())
    else:
        typer.echo(_help_text(found))


def _help_text(found: "FieldHelp") -> str:
    """The help on a field as text that fits the terminal."""
    from cjsim.metrics.text_table import terminal_width, wrap_lines

    presence = ("required", "yes") if found.default == "required" else ("default", found.default)
    facts = [("type", found.type), presence, ("example", found.example)]
    lines = [found.path, *(f"  {line}" if line else "" for line in found.description.split("\n")), ""]
    lines += [f"  {name + ':':<10}{text}" for name, text in facts if text]
    lines = wrap_lines("\n".join(lines)).splitlines()
    for heading, listed in (("Kinds", found.kinds), ("Fields", found.fields)):
        width = max((len(line.name) for line in listed), default=0)
        lines += ["", f"{heading}:"] if listed else []
        for line in listed:
            text = f"{line.description} Required." if heading == "Fields" and line.default == "required" else line.description
            head, indent = f"  {line.name:<{width}}  ", " " * (width + 4)
            lines += textwrap.wrap(text, terminal_width(), initial_indent=head, subsequent_indent=indent, break_on_hyphens=False)
    return "\n".join(lines)

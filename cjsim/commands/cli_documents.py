"""The `check`, `describe` and `schema` commands, which work on document files."""

import json
from typing import TYPE_CHECKING, Annotated

import typer

from cjsim.commands import options
from cjsim.commands.arguments import echo_warnings, load_document, print_warnings
from cjsim.commands.console import print_json, print_output, print_text, progress_bar, with_exit_codes
from cjsim.errors import InputError

if TYPE_CHECKING:
    import pandas as pd

    from cjsim.simulation.documents import Scenario
    from cjsim.validate.warnings.accepted_warnings import SortedWarnings

DOCUMENT_KINDS = ("journey", "policy", "scenario", "study", "experiment")


@with_exit_codes
def check(
    file: options.DocumentFile,
    sets: options.Set = None,
    is_static: Annotated[bool, typer.Option("--static", help="Skip the checks that simulate customers.")] = False,
    as_json: options.Json = False,
    table_format: options.Format = None,
) -> None:
    """Validate a file and warn about likely mistakes.

    For a scenario, a simulation of up to 20,000 customers also shows conditions that make no difference, and desks that are closed, idle or
    overloaded. `accept_warnings` in a file lists warnings that are not reported. If a file has errors, all of them are
    shown; `--json` prints them as an object with the keys 'file' and 'errors'.

    Example: cjsim check shop
    """
    from cjsim.lab.document_types import document_kind
    from cjsim.simulation.sampled.check_document import find_warnings

    try:
        document = load_document(file, sets)
    except InputError as error:
        if as_json or table_format == "json":
            print_json({"file": str(file), "errors": list(error.errors)})
        raise InputError("\n".join(error.errors)) from None
    kind = document_kind(type(document))
    found = find_warnings(document, None if is_static else _simulated_warnings)
    facts = {"file": str(file), "kind": kind, "name": getattr(document, "name", ""), "digest": document.digest()}
    if not as_json and table_format in (None, "text"):
        echo_warnings(file, found.reported)
    reported, accepted = len(found.reported), len(found.accepted)
    counts = [f"{reported} warning{'s' * (reported > 1)}"] * bool(reported)
    counts += [f"{accepted} accepted warning{'s' * (accepted > 1)} not shown"] * bool(accepted)
    print_output(
        as_json,
        table_format,
        text=lambda: ", ".join([f"{file}: valid {kind}", *counts]),
        content=lambda: {**facts, "warnings": found.reported, "accepted": [one._asdict() for one in found.accepted]},
        table=lambda: _warnings_table(found),
    )


def _warnings_table(found: "SortedWarnings") -> "pd.DataFrame":
    """The warnings with the reasons for which some are accepted, one row per warning."""
    import pandas as pd

    rows = [{"warning": warning, "reason": ""} for warning in found.reported] + [one._asdict() for one in found.accepted]
    return pd.DataFrame(rows, columns=["warning", "reason"])


def _simulated_warnings(scenario: "Scenario") -> list[str]:
    """The warnings that a simulation shows, with progress on standard error."""
    from cjsim.simulation.sampled.simulated_warnings import simulated_warnings

    with progress_bar() as progress:
        return simulated_warnings(scenario, progress=progress)


@with_exit_codes
def describe(file: options.DocumentFile, sets: options.Set = None) -> None:
    """Describe a file in plain English.

    Example: cjsim describe shop_better
    """
    from cjsim.lab.document_types import describe as describe_document

    document = load_document(file, sets)
    print_text(describe_document(document))
    print_warnings(file, document)


@with_exit_codes
def schema(
    what: Annotated[
        str,
        typer.Argument(
            metavar="|".join(DOCUMENT_KINDS),
            help="Kind of document.",
            show_default=False,
            parser=options.choice_parser("schema", DOCUMENT_KINDS),
        ),
    ],
) -> None:
    """Print the JSON Schema of a document type.

    Editors use it for autocompletion and validation.

    Example: cjsim schema policy
    """
    from cjsim.lab.document_types import document_types
    from cjsim.scenario.json_schema import file_schema

    typer.echo(json.dumps(file_schema(document_types()[what]), indent=2))

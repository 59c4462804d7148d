"""The `check`, `describe` and `schema` commands, which work on document files."""

import json
from typing import Annotated

import typer

from cjsim.commands import options
from cjsim.commands.arguments import document_kind, document_types, find_warnings, load_document, print_warnings
from cjsim.commands.console import print_json, with_exit_codes

DOCUMENT_KINDS = ("journey", "policy", "scenario", "study", "experiment")


@with_exit_codes
def check(file: options.DocumentFile, sets: options.Set = None, as_json: options.Json = False) -> None:
    """Validate a file and warn about likely mistakes."""
    document = load_document(file, sets)
    kind = document_kind(type(document))
    if as_json:
        content = {"file": str(file), "kind": kind, "name": getattr(document, "name", ""), "digest": document.digest()}
        print_json({**content, "warnings": find_warnings(document)})
        return
    warnings = print_warnings(file, document)
    suffix = f", {len(warnings)} warning{'s' * (len(warnings) > 1)}" if warnings else ""
    typer.echo(f"{file}: valid {kind}{suffix}")


@with_exit_codes
def describe(file: options.DocumentFile, sets: options.Set = None) -> None:
    """Describe a file in plain English."""
    from cjsim.lab.experiment import Experiment
    from cjsim.tuning.study import Study

    document = load_document(file, sets)
    if isinstance(document, Experiment):
        from cjsim.lab.report_page import describe_experiment

        typer.echo(describe_experiment(document))
    elif isinstance(document, Study):
        from cjsim.tuning.study_description import describe_study

        typer.echo(describe_study(document))
    else:
        from cjsim.description.describe import describe as describe_document

        typer.echo(describe_document(document))  # type: ignore[arg-type]
    print_warnings(file, document)


@with_exit_codes
def schema(
    what: Annotated[
        str,
        typer.Argument(
            metavar="|".join(DOCUMENT_KINDS),
            help="Document type.",
            show_default=False,
            parser=options.choice_parser("schema", DOCUMENT_KINDS),
        ),
    ],
) -> None:
    """Print the JSON Schema of a document type.

    Editors use it for autocompletion and validation.
    """
    from cjsim.scenario.json_schema import file_schema

    typer.echo(json.dumps(file_schema(document_types()[what]), indent=2))

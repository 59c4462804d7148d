"""The `check`, `describe` and `schema` commands, which work on document files."""

import json
from typing import TYPE_CHECKING, Annotated

import typer

from cjsim.commands import options
from cjsim.commands.arguments import document_kind, document_types, echo_warnings, load_document, print_warnings
from cjsim.commands.console import print_json, with_exit_codes

if TYPE_CHECKING:
    from cjsim.simulation.documents import Scenario

DOCUMENT_KINDS = ("journey", "policy", "scenario", "study", "experiment")


@with_exit_codes
def check(
    file: options.DocumentFile,
    sets: options.Set = None,
    is_static: Annotated[bool, typer.Option("--static", help="Skip the checks that simulate 500 customers.")] = False,
    as_json: options.Json = False,
) -> None:
    """Validate a file and warn about likely mistakes.

    For a scenario, a simulation of 500 customers also shows conditions that make no difference, and desks that are closed, idle or
    overloaded. `accept_warnings` in a file lists warnings that are not reported.
    """
    from cjsim.simulation.sampled.check_document import find_warnings

    document = load_document(file, sets)
    kind = document_kind(type(document))
    found = find_warnings(document, None if is_static else _simulated_warnings)
    if as_json:
        content = {"file": str(file), "kind": kind, "name": getattr(document, "name", ""), "digest": document.digest()}
        print_json({**content, "warnings": found.reported, "accepted": [one._asdict() for one in found.accepted]})
        return
    echo_warnings(file, found.reported)
    reported, accepted = len(found.reported), len(found.accepted)
    counts = [f"{reported} warning{'s' * (reported > 1)}"] * bool(reported)
    counts += [f"{accepted} accepted warning{'s' * (accepted > 1)} not shown"] * bool(accepted)
    typer.echo(", ".join([f"{file}: valid {kind}", *counts]))


def _simulated_warnings(scenario: "Scenario") -> list[str]:
    """The warnings that a simulation shows, with progress on standard error."""
    from cjsim.progress import progress_bar
    from cjsim.simulation.sampled.simulated_warnings import simulated_warnings

    with progress_bar() as progress:
        return simulated_warnings(scenario, progress=progress)


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

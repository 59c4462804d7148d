"""Commands about what stands in a file: is it right, what does it say, what may be written there.

Does not live here: checks and words (model/).
"""

import json
from typing import Annotated

import typer

from cjsim.commands.arguments import (
    FileArgument,
    JsonOption,
    SetOption,
    document_kind,
    document_types,
    find_warnings,
    load_document,
    print_warnings,
)
from cjsim.commands.console import print_json, with_exit_codes
from cjsim.errors import InputError, did_you_mean, format_error, quote_choices, short_repr

DOCUMENT_KINDS = ("journey", "policy", "scenario", "study", "experiment")


@with_exit_codes
def check(file: FileArgument, sets: SetOption = None, as_json: JsonOption = False) -> None:
    """Say whether a journey, a policy, a scenario, a study or an experiment is right, and what looks like a mistake."""
    record = load_document(file, sets)
    kind = document_kind(type(record))
    if as_json:
        told = {"file": str(file), "kind": kind, "name": getattr(record, "name", ""), "digest": record.digest()}
        print_json({**told, "warnings": find_warnings(record)})
        return
    doubts = print_warnings(file, record)
    said = f", {len(doubts)} warning{'s' * (len(doubts) > 1)}" if doubts else ""
    typer.echo(f"{file}: {'an' if kind == 'experiment' else 'a'} {kind} without errors{said}")


@with_exit_codes
def describe(file: FileArgument, sets: SetOption = None) -> None:
    """Tell a journey, a policy, a scenario, a study or an experiment in words."""
    from cjsim.description.describe import describe as described
    from cjsim.lab.experiment import Experiment
    from cjsim.lab.report_page import describe_experiment
    from cjsim.tuning.study import Study
    from cjsim.tuning.study_description import describe_study

    record = load_document(file, sets)
    if isinstance(record, Experiment):
        typer.echo(describe_experiment(record))
    else:
        typer.echo(describe_study(record) if isinstance(record, Study) else described(record))  # type: ignore[arg-type]
    print_warnings(file, record)


@with_exit_codes
def schema(what: Annotated[str, typer.Argument(metavar="|".join(DOCUMENT_KINDS), show_default=False)]) -> None:
    """Print the JSON schema of a file, for completion in editors."""
    from cjsim.scenario.json_schema import file_schema

    if what not in DOCUMENT_KINDS:
        raise InputError(
            format_error(
                "schema",
                f"must be one of {quote_choices(DOCUMENT_KINDS)}",
                short_repr(what),
                did_you_mean(what, DOCUMENT_KINDS) or "Name one of these.",
            )
        )
    typer.echo(json.dumps(file_schema(document_types()[what]), indent=2))

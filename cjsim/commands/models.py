"""Commands about what stands in a file: is it right, what does it say, what may be written there.

Does not live here: checks and words (model/).
"""

import json
from typing import Annotated

import typer

from cjsim.arguments import File, Json, Sets, any_document, doubts_of, kind_of, kinds, warn
from cjsim.commands.guard import echo_json, guarded
from cjsim.errors import InputError, complaint, did_you_mean, one_of, shown

KINDS = ("journey", "policy", "scenario", "study", "experiment")


@guarded
def check(file: File, sets: Sets = None, as_json: Json = False) -> None:
    """Say whether a journey, a policy, a scenario, a study or an experiment is right, and what looks like a mistake."""
    record = any_document(file, sets)
    kind = kind_of(type(record))
    if as_json:
        told = {"file": str(file), "kind": kind, "name": getattr(record, "name", ""), "digest": record.digest()}
        echo_json({**told, "warnings": doubts_of(record)})
        return
    doubts = warn(file, record)
    said = f", {len(doubts)} warning{'s' * (len(doubts) > 1)}" if doubts else ""
    typer.echo(f"{file}: {'an' if kind == 'experiment' else 'a'} {kind} without errors{said}")


@guarded
def describe(file: File, sets: Sets = None) -> None:
    """Tell a journey, a policy, a scenario, a study or an experiment in words."""
    from cjsim.lab.experiment import Experiment
    from cjsim.lab.page import describe_experiment
    from cjsim.model.describe import describe as described
    from cjsim.tuning.describe import describe_study
    from cjsim.tuning.study import Study

    record = any_document(file, sets)
    if isinstance(record, Experiment):
        typer.echo(describe_experiment(record))
    else:
        typer.echo(describe_study(record) if isinstance(record, Study) else described(record))  # type: ignore[arg-type]
    warn(file, record)


@guarded
def schema(what: Annotated[str, typer.Argument(metavar="|".join(KINDS), show_default=False)]) -> None:
    """Print the JSON schema of a file, for completion in editors."""
    from cjsim.model.schema import file_schema

    if what not in KINDS:
        raise InputError(
            complaint("schema", f"must be one of {one_of(KINDS)}", shown(what), did_you_mean(what, KINDS) or "Name one of these.")
        )
    typer.echo(json.dumps(file_schema(kinds()[what]), indent=2))

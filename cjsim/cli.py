"""The command line: which commands there are.

Lives here: the list, in the order of `cjsim --help`. Does not live here: commands (commands/), options and what is typed for them
(arguments.py). Verbs and models are imported by the command that uses them, so that `cjsim --help` is quick.
"""

from typing import Annotated

import typer

from cjsim.commands import cli_documents as models
from cjsim.commands import cli_experiments as lab
from cjsim.commands import cli_levers as levers
from cjsim.commands import cli_optimize as searching
from cjsim.commands import cli_simulation as runs
from cjsim.commands.cli_calibration import calibrate_app
from cjsim.version import __version__

app = typer.Typer(
    name="cjsim",
    help="Synthetic customers under touchpoint policies: what happens to retention, CLV and satisfaction if we change them.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)
for command in (
    models.check,
    models.describe,
    models.schema,
    runs.simulate,
    runs.compare,
    runs.walk,
    searching.optimize,
    levers.levers,
    lab.experiment,
):
    app.command()(command)
app.add_typer(calibrate_app, name="calibrate")
app.add_typer(lab.journal_app, name="journal")


def _print_version_and_exit(is_requested: bool) -> None:
    if is_requested:
        typer.echo(f"cjsim {__version__}")
        raise typer.Exit


@app.callback()
def _global_options(
    version: Annotated[bool, typer.Option("--version", help="Print the version.", is_eager=True, callback=_print_version_and_exit)] = False,
) -> None:
    """Options before the command."""


def main() -> None:
    """Run the command line."""
    app(prog_name="cjsim")

"""The command line: which commands there are.

Lives here: the list, in the order of `cjsim --help`. Does not live here: commands (commands/), options and what is typed for them
(arguments.py). Verbs and models are imported by the command that uses them, so that `cjsim --help` is quick.
"""

from typing import Annotated

import typer

from cjsim import __version__
from cjsim.commands import lab, levers, models, runs, searching
from cjsim.commands.calibration import calibrating

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
app.add_typer(calibrating, name="calibrate")
app.add_typer(lab.journal, name="journal")


def _print_version(asked: bool) -> None:
    if asked:
        typer.echo(f"cjsim {__version__}")
        raise typer.Exit


@app.callback()
def _top(
    version: Annotated[bool, typer.Option("--version", help="Print the version.", is_eager=True, callback=_print_version)] = False,
) -> None:
    """Options before the command."""


def main() -> None:
    """Run the command line."""
    app(prog_name="cjsim")

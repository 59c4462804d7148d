"""The command-line application, with the commands in the order of `cjsim --help`.

Commands import the package's functions and documents when they run, so that `cjsim --help` is fast.
"""

from typing import Annotated

import typer

from cjsim.commands.cli_calibration import calibrate_app
from cjsim.commands.cli_documents import check, describe, schema
from cjsim.commands.cli_experiments import experiment, journal_app
from cjsim.commands.cli_levers import levers
from cjsim.commands.cli_optimize import optimize
from cjsim.commands.cli_simulation import compare, simulate, walk
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
for command in (check, describe, schema, simulate, compare, walk, optimize, levers, experiment):
    app.command()(command)
app.add_typer(calibrate_app, name="calibrate")
app.add_typer(journal_app, name="journal")


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

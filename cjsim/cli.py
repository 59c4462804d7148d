"""The command-line application. Commands appear in the order of `cjsim --help`.

Commands import the package's functions when they run, which keeps `cjsim --help` fast.
"""

import sys
from typing import Annotated

import typer

from cjsim.commands.cli_assumptions import assumptions
from cjsim.commands.cli_attribution import attribution, responses
from cjsim.commands.cli_calibration import calibrate_app
from cjsim.commands.cli_compile import compile as compile_command
from cjsim.commands.cli_documents import check, describe, schema
from cjsim.commands.cli_experiments import experiment, journal_app
from cjsim.commands.cli_levers import cliffs, levers
from cjsim.commands.cli_library import library, new
from cjsim.commands.cli_optimize import optimize
from cjsim.commands.cli_pages import map as map_command
from cjsim.commands.cli_pages import report
from cjsim.commands.cli_reference import explain, metrics
from cjsim.commands.cli_rehearse import rehearse
from cjsim.commands.cli_simulation import compare, simulate, walk
from cjsim.commands.cli_uplift import uplift
from cjsim.commands.console import EXIT_FAILURE, echo_message
from cjsim.commands.standard_streams import DiscardingWriter, guard_standard_streams
from cjsim.errors import format_error, short_repr
from cjsim.version import __version__

app = typer.Typer(
    name="cjsim",
    help="Simulate how customers respond to messages, offers and service, and estimate how policies change retention and CLV.\n\n"
    "Example: cjsim compare shop shop_better",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)
COMMANDS = (
    *(new, library, check, describe, schema, explain, metrics, simulate, compare, walk),
    *(optimize, levers, cliffs, assumptions, rehearse, uplift, attribution, responses, experiment, report, map_command, compile_command),
)
for command in COMMANDS:
    app.command()(command)
app.add_typer(calibrate_app, name="calibrate")
app.add_typer(journal_app, name="journal")


def _print_version_and_exit(is_requested: bool) -> None:
    if is_requested:
        typer.echo(f"cjsim {__version__}")
        raise typer.Exit


@app.callback()
def _global_options(
    version: Annotated[
        bool, typer.Option("--version", help="Print the version and exit.", is_eager=True, callback=_print_version_and_exit)
    ] = False,
) -> None:
    """Parse options that precede the command."""


def main() -> None:
    """Run the command-line application. It continues if a standard stream cannot be written to."""
    output = guard_standard_streams()
    try:
        app(prog_name="cjsim")
    except SystemExit as end:
        sys.exit(end.code or _exit_code_of_output(output))


def _exit_code_of_output(output: DiscardingWriter | None) -> int:
    """Return the exit code of a command that succeeded, and report output that was lost."""
    sys.stdout.flush()
    if output is None or not output.has_lost_output:
        return 0
    reason = (output.failure and output.failure.strerror) or "an error"
    echo_message(format_error("standard output", "must be writable", short_repr(reason), "Files that the command wrote are complete."))
    return EXIT_FAILURE

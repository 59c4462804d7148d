"""The `report` command, which makes a self-contained HTML page of results."""

from pathlib import Path
from typing import Annotated

import typer

from cjsim.commands import options
from cjsim.commands.arguments import load_scenario
from cjsim.commands.console import echo_message, output_folder, print_result, with_exit_codes
from cjsim.errors import InputError, format_error

_RESULTS_HELP = (
    "Folder of a saved comparison or run, or the folders of several runs of the same customers, the baseline first. Folders of levers,"
    " assumptions, responses, attributions, studies and experiments add a section each."
)
_OUT_HELP = "Folder for report.html and report.json, or the name of an HTML file. By default, report.html in the current folder."
_SCENARIO_HELP = "Scenario file that was simulated, for titles and for the sources of numbers. Can be repeated."


@with_exit_codes
def report(
    results: Annotated[list[Path], typer.Argument(metavar="RUN...", help=_RESULTS_HELP, show_default=False)],
    scenarios: Annotated[list[Path] | None, typer.Option("--scenario", metavar="FILE", help=_SCENARIO_HELP, show_default=False)] = None,
    out: Annotated[Path | None, typer.Option("--out", metavar="DIR|FILE", help=_OUT_HELP, parser=options.parse_folder)] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace an earlier report.")] = False,
    as_json: options.Json = False,
    table_format: options.Format = None,
) -> None:
    """Make a self-contained HTML page of a run or a comparison.

    The page opens without a network, and report.json beside it holds every number that it shows.

    Example: cjsim report results/shop --out report.html
    """
    from cjsim.output_folder import require_new_file
    from cjsim.pages.build_report import report as build_report
    from cjsim.pages.report_result import HTML_FILE, PAGE_SUFFIX

    documents = [load_scenario(file, {}) for file in scenarios or []]
    file = Path(HTML_FILE) if out is None else out
    if file.suffix != PAGE_SUFFIX:
        with output_folder(file, command="report", force=force) as folder:
            made = build_report(*results, scenarios=documents, out=folder)
    else:
        if not file.parent.is_dir():
            must, got = "must name a file in an existing folder", f"'{file}'"
            raise InputError(format_error("--out", must, got, "Create the folder, or name another file."))
        for name in (file, file.with_suffix(".json")) if not force else ():
            require_new_file(name, argument="--out")
        made = build_report(*results, scenarios=documents, out=file)
        echo_message(f"wrote {file} and {file.with_suffix('.json').name}")
    print_result(made, as_json=as_json, table_format=table_format)

"""The `library` and `new` commands: list the documents that ship with cjsim, and start a new project."""

import textwrap
from pathlib import Path
from typing import Annotated

import typer

from cjsim.commands import options
from cjsim.commands.console import print_output, record_table, with_exit_codes
from cjsim.escaping.terminal_text import printable
from cjsim.library import LIBRARY_FOLDERS, library_entries

_FROM_HELP = "Copy this scenario from the library, such as saas, instead of the small example."


@with_exit_codes
def library(as_json: options.Json = False, table_format: options.Format = None) -> None:
    """List the scenarios, studies, policies and journeys that ship with cjsim.

    Commands accept these names in place of paths.

    Example: cjsim library
    """
    from cjsim.metrics.text_table import terminal_width, wrap_lines
    from cjsim.yaml.tree import read_yaml_file

    entries = [entry for kind in LIBRARY_FOLDERS for entry in library_entries(kind)]
    titles = {entry: read_yaml_file(entry.path).plain().get("title", "") for entry in entries}
    rows = [entry._asdict() | {"title": titles[entry], "path": str(entry.path)} for entry in entries]
    width = max(len(entry.name) for entry in entries)
    indent = " " * (width + 4)
    lines: list[str] = []
    for kind, heading in LIBRARY_FOLDERS.items():
        listed = (f"  {entry.name:<{width}}  {titles[entry]}".rstrip() for entry in entries if entry.kind == kind)
        lines += [
            f"{heading}:",
            *(textwrap.fill(line, terminal_width(), subsequent_indent=indent, break_on_hyphens=False) for line in listed),
        ]
    use = "Use a name in place of a path: cjsim describe shop. Copy a scenario to change it: cjsim new DIR --from shop."
    lines += ["", wrap_lines(use)]
    print_output(as_json, table_format, text=lambda: "\n".join(lines), content=lambda: {"entries": rows}, table=lambda: record_table(rows))


@with_exit_codes
def new(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="New or empty folder.", show_default=False)],
    source: Annotated[str | None, typer.Option("--from", metavar="NAME", help=_FROM_HELP, show_default=False)] = None,
) -> None:
    """Create a project folder with a journey, two policies, a scenario, a what-if, a study and an experiment, all ready to run.

    Example: cjsim new coffee
    """
    from cjsim.lab.new_project import create_project

    files = create_project(folder, source=source)
    scenario = folder / "scenarios" / f"{source or 'today'}.yaml"
    next_command = f"Next: cjsim compare {scenario} {scenario.with_name('what_if.yaml')}"
    typer.echo(printable("\n".join([*map(str, files), "", next_command])))

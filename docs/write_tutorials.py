"""Fills in what the commands of the tutorials print.

    python docs/write_tutorials.py

Each page of docs/tutorials/ is run from top to bottom in an empty folder: its files are written, and its commands run.
"""

import contextlib
import re
import shlex
import tempfile
from collections.abc import Iterator
from pathlib import Path

from typer.testing import CliRunner

from cjsim.cli import app

PAGES = sorted((Path(__file__).resolve().parent / "tutorials").glob("*.md"))
BLOCK = re.compile(r"`([\w./]+\.yaml)`:\n\n```yaml\n(.*?)```|```console\n\$ ([^\n]*)\n(.*?)```", re.DOTALL)
VARIABLE_PARTS = {r"(?m)^2\d{3}-\d\d-\d\d(?=  )": "YYYY-MM-DD", r"\b[0-9a-f]{12}\b": "RUN"}  # dates of findings, names of runs


def console_block(command: str, printed: str) -> str:
    """A command and what it prints."""
    return f"```console\n$ {command}\n{printed}```"


def printed_by(command: str) -> str:
    """Standard output of a command in a terminal of 100 columns, without what differs between runs."""
    program, *words = shlex.split(command)
    found = CliRunner().invoke(app, words, env={"COLUMNS": "100"})
    assert (program, found.exit_code) == ("cjsim", 0), f"{command}: {found.output}"
    text = "\n".join(line.rstrip() for line in found.stdout.splitlines())
    for pattern, name in VARIABLE_PARTS.items():
        text = re.sub(pattern, name, text)
    return f"{text}\n" if text else ""


def filled(page: str) -> str:
    """The page with the current output of its commands. Call it in an empty working directory."""

    def replaced(found: re.Match[str]) -> str:
        name, content, command, _ = found.groups()
        if name:
            Path(name).write_text(content, encoding="utf-8")
            return found[0]
        return console_block(command, printed_by(command))

    return BLOCK.sub(replaced, page)


@contextlib.contextmanager
def empty_folder() -> Iterator[None]:
    """Work in an empty folder."""
    with tempfile.TemporaryDirectory() as folder, contextlib.chdir(folder):
        yield


if __name__ == "__main__":
    for path in PAGES:
        with empty_folder():
            text = filled(path.read_text(encoding="utf-8"))
        path.write_text(text, encoding="utf-8")

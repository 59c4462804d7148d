"""Writes docs/commands.md: for each command its help and an example with its output, in a terminal of 80 columns.

    python docs/write_commands.py

The examples run in this order in an empty folder, with few customers, and take about a minute.
"""

import os
import re
import shlex
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import typer
from typer.testing import CliRunner, Result

from cjsim.cli import app

PAGE = Path(__file__).resolve().parent / "commands.md"
COLUMNS, MAX_LINES = "80", 40
HEAD = """# Commands

This page shows the help of every command and an example, as they appear in a terminal that is 80 columns wide.
`docs/write_commands.py` generates it. The examples are small, so that they run in seconds. Real questions need more
customers.

The examples run one after another in an empty folder. `cjsim new coffee` comes first, and other examples use its
files. Names such as `shop` refer to scenarios in the library; see [library.md](library.md).

## Exit codes and streams

| exit code | meaning |
|---|---|
| 0 | The command succeeded. |
| 1 | The program failed, or standard output could not be written, for example because the disk is full. |
| 2 | The input is wrong. One message on standard error says what to correct. |
| 130, 143, 129 | Ctrl-C, SIGTERM or SIGHUP ended the command. One message on standard error says what was kept. |

Files are written before results are printed, so a failing stream does not affect them. The exit code does not change
if a reader exits early (`| head -1`), if standard output is closed (`>&-`), or if standard error cannot be written.

Control characters and direction marks in text from files are printed as escapes such as `\\x1b`.
"""
SPLIT = """extends: today.yaml
name: split
set:
  policy.flows.trial.steps:
    - split:
        tips: {share: 0.5, steps: [{send: brewing_tips}]}
        none: {share: 0.5}
      experiment: tips
"""
# Files that the examples need besides those of `cjsim new coffee`, with their text; data files are created below.
FILES = {"coffee/scenarios/split.yaml": SPLIT}
TODAY, SOONER, FEW = "coffee/scenarios/today.yaml", "coffee/scenarios/sooner.yaml", "--customers 300"
EXAMPLES = {
    "new": ["cjsim new coffee"],
    "library": ["cjsim library"],
    "check": [f"cjsim check {TODAY}"],
    "describe": ["cjsim describe coffee/policies/sooner.yaml"],
    "schema": ["cjsim schema policy"],
    "explain": ["cjsim explain policy.guardrails.caps"],
    "metrics": [f"cjsim metrics {TODAY}"],
    "simulate": [
        f"cjsim simulate {TODAY} {FEW}",
        "cjsim simulate coffee/scenarios/split.yaml --customers 1000 --by arm --trial tips --out trial",
    ],
    "compare": [f"cjsim compare {TODAY} {SOONER} {FEW}"],
    "walk": [f"cjsim walk {TODAY} --customer 7 --set customers=50"],
    "optimize": ["cjsim optimize coffee/studies/timing.yaml --trials 4 --set customers=200 --storage memory"],
    "levers": [f"cjsim levers {TODAY} --metric clv {FEW}"],
    "cliffs": [f"cjsim cliffs {TODAY} {FEW}"],
    "assumptions": [f"cjsim assumptions {TODAY} {SOONER} {FEW}"],
    "rehearse": ["cjsim rehearse shop shop_better --metric clv --sizes 200 --days 28 --runs 100 --customers 300"],
    "uplift": ["cjsim uplift trial/trial.csv --treatment arm --control none --outcome revenue --features days_since_entry"],
    "attribution": [f"cjsim attribution {TODAY} {FEW} --only message"],
    "responses": [f"cjsim responses {TODAY} {FEW}"],
    "report": [f"cjsim compare {TODAY} {SOONER} {FEW} --out compared", "cjsim report compared --out sooner.html"],
    "map": [f"cjsim map {TODAY} {FEW} --level overview --format mermaid"],
    "compile": ["cjsim compile"],
    "experiment": [f"cjsim experiment coffee/experiments/offer_sooner.yaml {FEW}"],
    "calibrate": [],
    "calibrate purchases": [
        "cjsim calibrate purchases orders.csv --customer customer --time date --value amount --until 2025-09-30",
    ],
    "journal": [],
    "journal list": ["cjsim journal list"],
    "journal show": ["cjsim journal show offer_sooner"],
    "journal diff": [f"cjsim journal diff {TODAY} {SOONER} --metric clv {FEW}"],
}
# The day of a finding, the name of its run, which depends on the version, and the folder of kernels differ between runs of the examples.
VARIABLE_PARTS = {
    r"(?m)^2\d{3}-\d\d-\d\d(?=  )": "YYYY-MM-DD",
    r"\b[0-9a-f]{12}\b": "RUN",
    r"(?<=compiled, in this folder:\n)\S+": "FOLDER",
}


def commands(command: Any = None, path: tuple[str, ...] = ()) -> Iterator[tuple[str, Any]]:
    """All commands by name, such as 'journal list', in the order of `cjsim --help`."""
    command = command or typer.main.get_command(app)
    for name, below in getattr(command, "commands", {}).items():
        yield " ".join((*path, name)), below
        yield from commands(below, (*path, name))


def help_text(name: str) -> str:
    """The output of --help."""
    return invoke([*name.split(), "--help"]).strip("\n")


def invoke(words: list[str], columns: str = COLUMNS) -> str:
    """Standard output of a command in a terminal of the given width."""
    return run(words, columns).stdout


def run(words: list[str], columns: str) -> Result:
    """Run a command, which must succeed."""
    found = CliRunner().invoke(app, words, env={"COLUMNS": columns})
    assert found.exit_code == 0, f"{words}: {found.output}"
    return found


def write_data() -> None:
    """Write the files that the examples need to the working directory."""
    for name, text in FILES.items():
        Path(name).write_text(text, encoding="utf-8")
    rng = np.random.default_rng(7)
    gaps = rng.gamma(2.0, 15.0, (200, 12)) * rng.gamma(2.0, 0.5, (200, 1))  # days between the orders of 200 customers
    days = np.cumsum(gaps, axis=1)
    is_kept = (days < 365) & (np.arange(12) < rng.geometric(0.15, (200, 1)))
    customers, _ = np.nonzero(is_kept)
    dates = pd.Timestamp("2025-01-01") + pd.to_timedelta(days[is_kept].astype(int), unit="D")
    amounts = np.round(rng.gamma(5.0, 8.0, is_kept.sum()), 2)
    pd.DataFrame({"customer": customers, "date": dates.strftime("%Y-%m-%d"), "amount": amounts}).to_csv("orders.csv", index=False)


def run_examples(columns: str = COLUMNS, further: Sequence[str] = ()) -> dict[str, Result]:
    """Run the examples, and then further command lines, in an empty folder. Return the results by command line."""
    lines = [*(line for lines in EXAMPLES.values() for line in lines), *further]
    results, start = {}, Path.cwd()
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        try:
            for line in lines:
                results[line] = run(shlex.split(line)[1:], columns)
                if line.startswith("cjsim new"):
                    write_data()
        finally:
            os.chdir(start)
    return results


def shown(output: str) -> str:
    """Return output as the page shows it: without the parts that differ between runs, and cut off if it is long."""
    for pattern, word in VARIABLE_PARTS.items():
        output = re.sub(pattern, word, output)
    lines = [line.rstrip() for line in output.strip("\n").splitlines()]
    return "\n".join(lines if len(lines) <= MAX_LINES else [*lines[:MAX_LINES], f"... ({len(lines) - MAX_LINES} more lines)"])


def page(results: Mapping[str, Result]) -> str:
    """The page as Markdown."""
    blocks = [HEAD, f"```console\n$ cjsim --help\n{help_text('')}\n```\n"]
    for name, _ in commands():
        blocks.append(f"## cjsim {name}\n\n```console\n$ cjsim {name} --help\n{help_text(name)}\n```\n")
        if name == "simulate":
            blocks.append(f"The second example uses a scenario with an A/B test, `coffee/scenarios/split.yaml`:\n\n```yaml\n{SPLIT}```\n")
        blocks += [f"```console\n$ {line}\n{shown(results[line].stdout)}\n```\n" for line in EXAMPLES[name]]
    return "\n".join(blocks)


if __name__ == "__main__":
    PAGE.write_text(page(run_examples()), encoding="utf-8")

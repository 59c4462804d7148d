"""Wrong options and files, generated for every command: exit code 2, one message that names the option or file, and no output."""

import re
from pathlib import Path

import pytest
from typer.testing import CliRunner
from wrong_options import SCENARIO, Invocation, commands, wrong_invocations

from cjsim.cli import app

MESSAGE = re.compile(r"(\S.*: )?must .*, got .*\. \S.*[.?)]")
USAGE = re.compile(r"(Usage: .*\nTry '.* for help\.\n\n)?Error: \S.*")  # what typer reports about the words of the command line
MAX_CHARS = 600
EXAMPLE_TRIAL = "hypothesis: x\nvariants: {a: {set: {policy.flows.greet.holdout: 0.5}}}\nmetric: clv\ndirection: rises\ncustomers: 20\n"
# Options whose value may be anything: a filter that nothing passes, and files of another kind that the command also takes.
ACCEPTED = {("journal list", "--metric"), ("journal list", "--reports"), ("check", "journey.yaml"), ("describe", "journey.yaml")}
FIRST_A_RUN = ("journal show", "journal diff")  # commands that look for the run before they check options


@pytest.fixture
def wrong_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """A folder with valid files for all commands, and invalid files by what is wrong with them."""
    monkeypatch.chdir(tmp_path)
    rows = [f"{n % 7},1997-0{1 + n % 6}-{1 + n % 27:02d},{5 + n % 9}.50,{'ab'[n % 2]},{n % 3 % 2}" for n in range(60)]
    (tmp_path / "purchases.csv").write_text("\n".join(["id,at,paid,arm,bought", *rows]))
    (tmp_path / "trial.yaml").write_text(f"name: trial\nscenario: {SCENARIO}\n{EXAMPLE_TRIAL}")
    (tmp_path / "other.yaml").write_text(f"extends: {SCENARIO}\nname: other\nset: {{policy.flows.greet.holdout: 0.5}}\n")
    (tmp_path / "reports").mkdir()
    (tmp_path / "a_file").write_text("mine")
    (tmp_path / "folder").mkdir()
    (tmp_path / "empty.yaml").write_text("")
    (tmp_path / "binary.yaml").write_bytes(bytes(range(256)))
    (tmp_path / "syntax.yaml").write_text("name: [a\nb: }\n")
    (tmp_path / "list.yaml").write_text("- a\n")
    (tmp_path / "journey.yaml").write_text("name: a\nstarts_in: a\nstages: {a: {}}\n")
    names = {"a missing file": "none", "an empty file": "empty", "a binary file": "binary", "a syntax error": "syntax", "a list": "list"}
    files = {fault: f"{name}.yaml" for fault, name in names.items()}
    return {**files, "a directory": "folder", "another kind of document": "journey.yaml", "a long name": "x" * 300}


def objection(invocation: Invocation) -> str:
    """What is wrong with the answer to a wrong invocation; empty if nothing is."""
    result = CliRunner().invoke(app, list(invocation.words))
    message = result.stderr.strip("\n")
    if result.exit_code != 2:
        return f"exit code {result.exit_code}: {result.output[:200]} {result.exception!r}"
    if result.stdout or "Traceback" in message:
        return f"more than a message: {result.output[:500]}"
    if not (USAGE.fullmatch(message) or all(MESSAGE.fullmatch(line) for line in message.split("\n"))):
        return f"not of the form of messages: {message}"
    if len(message) > MAX_CHARS or message.count("\n") > 4:
        return f"too long: {message}"
    names = (invocation.named, invocation.named.removeprefix("--").replace("-", "_"))
    return "" if any(name in message for name in names) else f"does not name {invocation.named}: {message}"


def invocations_of(name: str, wrong_files: dict[str, str]) -> list[Invocation]:
    """The wrong invocations of a command."""
    found = [one for one in wrong_invocations(wrong_files) if " ".join(one.words[: len(name.split())]) == name]
    accepted = ("another kind of document", "a wrong value of an option")
    return [one for one in found if one.fault not in accepted or ((name, one.named) not in ACCEPTED and name not in FIRST_A_RUN)]


NAMES = [name for name, _ in commands()]


@pytest.mark.parametrize("name", NAMES)
def test_wrong_invocations_are_explained(name: str, wrong_files: dict[str, str]) -> None:
    sample = invocations_of(name, wrong_files)[::4]
    assert [f"{one}: {text}" for one in sample if (text := objection(one))] == []
    assert sample


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_every_wrong_invocation_is_explained(name: str, wrong_files: dict[str, str]) -> None:
    assert [f"{one}: {text}" for one in invocations_of(name, wrong_files) if (text := objection(one))] == []

"""Invalid files and options: exit code 2, and one message with file, line, requirement, value and remedy."""

import json
from pathlib import Path

import pytest
from error_messages import WORLDS, command_error
from typer.testing import CliRunner

from cjsim.cli import app
from cjsim.errors import InputError
from cjsim.simulation.documents import Journey, Scenario


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"", ":1: must be a mapping of keys to values, got an empty file"),
        (b"# only expected\n", ":1: must be a mapping of keys to values, got an empty file"),
        (b"- a\n- b\n", ":1: must be a mapping of keys to values, got ['a', 'b']"),
        (b"name: a\ntitle: \xff\xfe\n", ":2: must be UTF-8 text, got the byte 0xff"),
        (b"name: a\ntitle: \x01\n", ":2: must be valid YAML"),
        (b"name: a\n---\nname: b\n", "must be valid YAML"),
        (b"[" * 5000, "must be"),
        (
            b"a: &a [x,x,x,x,x,x,x,x,x]\n"
            + b"".join(b"%c: &%c [*%c,*%c,*%c,*%c,*%c,*%c,*%c,*%c,*%c]\n" % ((c, c) + (c - 1,) * 9) for c in b"bcdefghi"),
            "must be nested",
        ),
    ],
    ids=["empty", "comment", "list", "not utf-8", "control", "two documents", "deep", "a billion laughs"],
)
def test_file_that_is_not_a_mapping_is_rejected(content: bytes, expected: str, tmp_path: Path) -> None:
    file = tmp_path / "bad.yaml"
    file.write_bytes(content)
    assert expected in command_error("check", str(file))


def test_an_output_folder_without_a_name_is_refused() -> None:
    message = command_error("simulate", str(WORLDS / "tiny.yaml"), "--out", "", "--force")
    assert message == "--out: must name a folder, got ''. Use '.' for the current folder."


def test_missing_file_is_rejected(tmp_path: Path) -> None:
    assert "must be a readable file, got a path that does not exist" in command_error("check", str(tmp_path / "none.yaml"))


def test_directory_is_rejected(tmp_path: Path) -> None:
    assert "must be a readable file, got a directory" in command_error("simulate", str(tmp_path))


def test_circular_extends_is_rejected(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text("extends: b.yaml\n")
    (tmp_path / "b.yaml").write_text("extends: a.yaml\n")
    assert "must not extend or include itself, got a.yaml -> b.yaml -> a.yaml" in command_error("check", str(tmp_path / "a.yaml"))


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        (("--customers", "0"), "--customers: must be a whole number from 1 to 100,000,000, got 0"),
        (("--customers", "-3"), "--customers: must be a whole number from 1 to 100,000,000, got -3"),
        (("--customers", str(10**12)), "--customers: must be a whole number from 1 to 100,000,000"),
        (("--horizon", "0d"), "--horizon: must be at least 1s, got '0d'"),
        (("--horizon", "soon"), "--horizon: must be a duration with a unit"),
        (("--seed", "-1"), "--seed: must be at least 0, got -1"),
        (("--threads", "0"), "--threads: must be from 1 to 1024, got 0"),
        (("--set", "policy.flows.greeet.holdout=0.5"), "--set: must be an existing path"),
        (("--set", "policy.flows.greet.holdout=2"), "--set: policy.flows.greet.holdout: must be at most 1, got 2"),
        (("--set", "policy.flows.greet.steps[4].send=hello"), "--set: must be an existing path"),
        (("--set", "horizon"), "--set: must be PATH=VALUE, got 'horizon'"),
        (("--set", "horizon=[3"), "--set: must be valid YAML"),
        (("--events",), "--events: must be used with --out"),
    ],
)
def test_invalid_option_is_rejected_before_any_work(options: tuple[str, ...], expected: str) -> None:
    assert expected in command_error("simulate", str(WORLDS / "tiny.yaml"), *options)


@pytest.mark.parametrize("place", ["file/below", "file"])
def test_unwritable_folder_is_rejected_before_any_work(place: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("mine")
    monkeypatch.setitem(__import__("sys").modules, "cjsim.simulation.simulate", None)  # any work would fail
    message = command_error("simulate", str(WORLDS / "tiny.yaml"), "--out", str(tmp_path / place))
    assert "--out: must be a writable folder" in message
    assert [file.name for file in tmp_path.iterdir()] == ["file"]
    assert (tmp_path / "file").read_text() == "mine"


def test_several_errors_are_reported_together() -> None:
    text = {"name": "x", "starts_in": "a", "stages": {"a": {}}, "events": {f"e{n}": {"in": ["b"]} for n in range(9)}}
    with pytest.raises(InputError) as caught:
        Journey.from_dict(text)
    lines = str(caught.value).split("\n")
    assert len(lines) == 6
    assert lines[0] == "journey: events.e0.in[0]: must be one of 'a', got 'b'. Use an existing stage, or declare this one."
    assert lines[-1] == "(4 more errors. 'cjsim check' shows all.)"


MANY_ERRORS = """name: x
starts_in: a
stages: {a: {}}
events: {e0: {in: [b]}, e1: {in: [b]}, e2: {in: [b]}, e3: {in: [b]}, e4: {in: [b]}, e5: {in: [b]}, e6: {in: [b]}}
"""


def test_check_reports_all_errors(tmp_path: Path) -> None:
    file = tmp_path / "many.yaml"
    file.write_text(MANY_ERRORS, encoding="utf-8")
    result = CliRunner().invoke(app, ["check", str(file)])
    assert (result.exit_code, result.stderr.count("must be one of 'a'")) == (2, 7)


@pytest.mark.parametrize("options", [["--json"], ["--format", "json"]], ids=" ".join)
def test_check_prints_errors_as_json(options: list[str], tmp_path: Path) -> None:
    file = tmp_path / "many.yaml"
    file.write_text(MANY_ERRORS, encoding="utf-8")
    result = CliRunner().invoke(app, ["check", str(file), *options])
    content = json.loads(result.stdout)
    assert (result.exit_code, content["file"], len(content["errors"])) == (2, str(file), 7)


@pytest.mark.parametrize(("kind", "name"), [("event", "visit"), ("stage", "active")])
def test_error_about_a_flow_of_several_events_or_stages_advises_one_flow_each(kind: str, name: str) -> None:
    with pytest.raises(InputError, match=f"must be the name of one {kind}, got .*Write one flow for each {kind}"):
        Scenario.load(WORLDS / "tiny.yaml").with_values({"policy.flows.greet.on": {kind: [name, name]}})


def test_empty_step_is_rejected() -> None:
    with pytest.raises(InputError, match="must be the name of a message, got nothing"):
        Scenario.load(WORLDS / "tiny.yaml").with_values({"policy.flows.greet.steps[0].send": None})


GOOD_LOG = "id,at,paid\n" + "".join(f"{n % 7},1997-0{1 + n % 6}-{1 + n % 27:02d},{5 + n % 9}.50\n" for n in range(60))


@pytest.mark.parametrize(
    ("log", "options", "expected"),
    [
        (GOOD_LOG.replace("paid", "price", 1), {}, "paid"),
        (GOOD_LOG.replace("1997-03-03", "someday", 1), {}, "someday"),
        (GOOD_LOG.replace(",7.50", ",seven", 1), {}, "seven"),
        ("id,at,paid\n", {}, "row"),
        ("", {}, "must"),
        (GOOD_LOG, {"--until": "soon"}, "soon"),
        (GOOD_LOG, {"--unit": "year"}, "year"),
        (GOOD_LOG, {"--out": "log.csv/below"}, "--out: must be a writable folder"),
    ],
    ids=["missing column", "unreadable date", "text for money", "no rows", "empty", "until", "unit", "unwritable"],
)
def test_invalid_purchase_log_is_rejected(
    log: str, options: dict[str, str], expected: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "log.csv").write_text(log)
    given = {"--customer": "id", "--time": "at", "--value": "paid", "--until": "1997-04-30", "--out": "mine", **options}
    message = command_error("calibrate", "purchases", "log.csv", *(word for option in given.items() for word in option))
    assert expected in message
    assert [file.name for file in tmp_path.iterdir()] == ["log.csv"]

"""Wrong input of every kind: exit code 2, one message with file and line, what must hold, what was got, what to do."""

import re
from pathlib import Path

import pytest
from conftest import ROOT
from typer.testing import CliRunner

from cjsim.cli import app
from cjsim.model.scenario import Scenario

WORLDS = ROOT / "tests" / "worlds"
TINY = (WORLDS / "tiny.yaml").read_text(encoding="utf-8")


def refused(*arguments: str) -> str:
    """The one message of a command that refuses its input."""
    result = CliRunner().invoke(app, list(arguments))
    assert result.exit_code == 2, result.output
    assert result.stdout == ""
    message = result.stderr.rstrip("\n")
    assert "Traceback" not in message
    assert "\n" not in message
    assert re.search(r": must .*, got .*\. \S.*[.?)]$", message), message
    return message


def refused_file(folder: Path, text: str) -> str:
    file = folder / "bad.yaml"
    file.write_text(text, encoding="utf-8")
    return refused("check", str(file)).replace(f"{folder}/", "")


def test_the_file_that_the_cases_change_is_right(tmp_path: Path) -> None:
    file = tmp_path / "good.yaml"
    file.write_text(TINY, encoding="utf-8")
    result = CliRunner().invoke(app, ["check", str(file)])
    assert (result.exit_code, result.stderr) == (0, "")


# What is replaced in tiny.yaml, by what, and what the message must say; a line counts from 1.
CASES = {
    "unknown key": ("horizon: 30d", "horizont: 30d\nhorizon: 30d", "bad.yaml:4: must have no keys but", "Did you mean 'horizon'?"),
    "unknown key within": (
        "    greet:\n      on",
        "    greet:\n      onn: 1\n      on",
        "bad.yaml:31: policy.flows.greet: must have no keys",
        "'on'?",
    ),
    "missing key": ("horizon: 30d\n", "", "bad.yaml:", "must have the key 'horizon'"),
    "misspelt channel": (
        "channel: email",
        "channel: emial",
        "bad.yaml:26: journey.messages.hello.channel: must be one of 'email'",
        "mean 'email'?",
    ),
    "misspelt stage": ("go: gone", "go: gonne", "bad.yaml:22: journey.events.leave.effects[0].go:", "Did you mean 'gone'?"),
    "misspelt stage of an event": ("in: [active]", "in: [aktive]", "bad.yaml:14: journey.events.purchase.in[0]:", "Did you mean 'active'?"),
    "misspelt first stage": ("starts_in: active", "starts_in: activ", "bad.yaml:8: journey.starts_in:", "Did you mean 'active'?"),
    "misspelt trigger": ("{stage: active}", "{event: purchas}", "bad.yaml:31: policy.flows.greet.on.event:", "Did you mean 'purchase'?"),
    "misspelt message": ("send: hello", "send: helo", "bad.yaml:33: policy.flows.greet.steps[0].send:", "Did you mean 'hello'?"),
    "misspelt exit": (
        "      on:",
        "      exit_on: [leaf]\n      on:",
        "policy.flows.greet.exit_on[0]: must be one of",
        "Did you mean 'leave'?",
    ),
    "misspelt effect": ("go: gone", "goo: gone", "bad.yaml:22: journey.events.leave.effects[0]: must have no keys", "Did you mean 'go'?"),
    "two effects in one": ("- go: gone", "- {go: gone, tag: x}", "journey.events.leave.effects[0]: must have exactly one of", "got {"),
    "negative rate": ("open_rate: 0.5", "open_rate: -0.5", "bad.yaml:26: journey.messages.hello.open_rate: must be above 0", "got -0.5"),
    "infinite rate": ("open_rate: 0.5", "open_rate: .inf", "bad.yaml:26:", "must be a finite number"),
    "huge number": ("value: 20", "value: 1e999", "bad.yaml:17:", "must be a finite number"),
    "probability above 1": (
        "open_rate: 0.5",
        "open_rate: 0.5, click_rate: 1.5",
        "journey.messages.hello.click_rate: must be below 1",
        "got 1.5",
    ),
    "share above 1": ("email: {}", "email: {consent: 1.2}", "bad.yaml:24: journey.channels.email.consent: must be at most 1", "got 1.2"),
    "rate beyond the lifetime": (
        "email: {}",
        "email: {lifetime: 1h, open_delay: {fixed: 1d}}",
        "bad.yaml:26: journey.messages.hello.open_rate: must be below 3.775e-11, the share of readings",
        "Give the channel a longer lifetime",
    ),
    "text for a number": (
        "open_rate: 0.5",
        "open_rate: half",
        "bad.yaml:26: journey.messages.hello.open_rate: must be a number",
        "got 'half'",
    ),
    "true for a number": (
        "open_rate: 0.5",
        "open_rate: true",
        "bad.yaml:26: journey.messages.hello.open_rate: must be a number",
        "got true",
    ),
    "percent": ("open_rate: 0.5", "open_rate: 5%", "must be a number, got '5%'", "Write a share, such as 0.05 for 5 %."),
    "persona shares": (
        "  starts_in: active",
        "  personas: {a: {share: 0.5}, b: {share: 0.6}}\n  starts_in: active",
        "bad.yaml:8: journey.personas: must have shares that sum to 1",
        "got 1.1",
    ),
    "attribute shares": (
        "  starts_in",
        "  attributes: {land: {x: 0.5, y: 0.4}}\n  starts_in",
        "journey.attributes.land: must have shares",
        "got 0.9",
    ),
    "split shares": (
        "- send: hello",
        "- split: {a: {share: 0.5}, b: {share: 0.4}}\n        - send: hello",
        "bad.yaml:33: policy.flows.greet.steps[0].split: must have shares that sum to 1",
        "got 0.9",
    ),
    "loop without waiting": (
        "- send: hello",
        "- {label: top, send: hello}\n        - branch: {if: purchases < 3, then: [{tag: x}, {jump: top}]}",
        "bad.yaml:34: policy.flows.greet.steps[1].branch.then[1].jump: must not lead back to itself without waiting",
        "Put a 'wait'",
    ),
    "jump to nowhere": (
        "- send: hello",
        "- {label: top, wait: 1d}\n        - jump: topp",
        "policy.flows.greet.steps[1].jump:",
        "mean 'top'?",
    ),
    "fires itself": (
        "- go: gone",
        "- fire: leave",
        "bad.yaml:22: journey.events.leave.effects[0].fire: must not lead back",
        "event 'leave'",
    ),
    "fires itself by choice": (
        "- go: gone",
        "- choose: [{weight: 1}, {weight: 1, effects: [{fire: leave}]}]",
        "journey.events.leave.effects[0].choose[1].effects[0].fire: must not lead back",
        "Remove one 'fire'",
    ),
    "flow starts itself": (
        "open_rate: 0.5}",
        "open_rate: 0.5, effects: {delivered: [{go: active}]}}",
        "bad.yaml:31: policy.flows.greet.on: must not be started again at once",
        "stage 'active' -> flow 'greet'",
    ),
    "purchase of a message": (
        "open_rate: 0.5}",
        "open_rate: 0.5, effects: {clicked: [{choose: [{weight: 1, effects: [{purchase: {value: 1}}]}]}]}}",
        "journey.messages.hello.effects.clicked[0].choose[0].effects[0].purchase: must be an effect of an event, whose row",
        "got one of a message. Let the message 'fire' an event",
    ),
    "purchase of a hidden event": (
        "- purchase: {value: 20}",
        "- purchase: {value: 20}\n      observed: false",
        "bad.yaml:17: journey.events.purchase.effects[0].purchase: must be an effect of an event that the firm sees",
        "got one of 'purchase', which is hidden. Let it 'fire'",
    ),
    "clock without time": (
        "{exponential: 10d}",
        "{fixed: 0s}",
        "bad.yaml:15: journey.events.purchase.wait: must not happen again and again",
        "above 0",
    ),
    "clock without time whose when lasts": (
        "    leave:\n",
        "    becomes: {in: [active], wait: {fixed: 0s}, when: purchases >= 1, effects: [{tag: vip}]}\n    leave:\n",
        "bad.yaml:18: journey.events.becomes.wait: must not happen again and again at one moment",
        "got a wait of 0 while 'purchases >= 1', which nothing ends. Give it a 'wait' above 0",
    ),
    "clock without time that leads nowhere": (
        "    leave:\n",
        "    luck: {in: [active], wait: {empirical: {values: [0s]}}, effects: [{choose: [{weight: 1, effects: [{tag: x}]}]}]}\n"
        "    leave:\n",
        "bad.yaml:18: journey.events.luck.wait: must not happen again and again at one moment",
        "got a wait of 0 that nothing ends",
    ),
    "condition syntax": (
        "      on:",
        "      if: purchases >=\n      on:",
        "bad.yaml:31: policy.flows.greet.if: must be a condition",
        "got 'purchases >='",
    ),
    "condition name": (
        "      on:",
        "      if: purchase > 1\n      on:",
        "policy.flows.greet.if: must use only names",
        "Did you mean 'purchases'?",
    ),
    "condition in a branch": (
        "- send: hello",
        "- branch: {if: count(purchas) > 1}\n        - send: hello",
        "bad.yaml:33: policy.flows.greet.steps[0].branch.if: must be one of",
        "Did you mean 'purchase'?",
    ),
    "persona in a policy": (
        "      on:",
        "      if: persona == customer\n      on:",
        "a policy cannot see the persona",
        "Ask for what the firm",
    ),
    "tag never set": ("      on:", "      if: tagged(vip)\n      on:", "policy.flows.greet.if: must name one of the tags", "got 'vip'"),
    "time in when": (
        "wait: {exponential: 60d}",
        "wait: {exponential: 60d}\n      when: hour > 3",
        "must name only what changes when",
        "got 'hour'",
    ),
    "bad shares of one": (
        "  starts_in",
        "  personas: {a: {share: 1.5}}\n  starts_in",
        "journey.personas.a.share: must be at most 1",
        "got 1.5",
    ),
    "weights of 0": ("- go: gone", "- choose: [{weight: 0}]", "journey.events.leave.effects[0].choose: must have a weight above 0", ""),
    "name of a touchpoint": (
        "    leave:",
        "    opened:",
        "bad.yaml:18: journey.events.opened: must have a name that is no touchpoint's",
        "Rename",
    ),
    "name of the language": (
        "  starts_in",
        "  traits: {stage: {fixed: 1}}\n  starts_in",
        "journey.traits.stage: must have a name that is no word",
        "",
    ),
    "syntax of YAML": ("journey:\n", "journey: [\n", "bad.yaml:", "must be YAML"),
    "tab": ("  name: tiny_journey", "\tname: tiny_journey", "bad.yaml:7: must be YAML", "Correct the syntax there."),
    "duplicate top key": ("horizon: 30d", "horizon: 30d\nhorizon: 40d", "bad.yaml:5: must have the key 'horizon' once", "first at"),
    "key that is a number": ("email: {}", "email: {}\n    3: {}", "bad.yaml:25: must have text as a key, got 3", "Write a name"),
    "alias that holds itself": ("email: {}", "email: &a {x: *a}", "bad.yaml:24", "Look for an alias"),
    "tag of YAML": ("email: {}", "email: !!python/name:os.system x", "bad.yaml:24: must be text, a number", ""),
    "horizon of 0": ("30d", "0d", "bad.yaml:4: horizon: must be at least 1s", "got '0d'"),
    "negative horizon": ("30d", "-30d", "bad.yaml:4: horizon: must not be negative", "got '-30d'"),
    "blink of a step": (
        "- send: hello",
        "- wait: 0.0000000001s",
        "bad.yaml:33: policy.flows.greet.steps[0].wait: must be at least 1s",
        "got '0.0000000001s'",
    ),
    "blink of a cap": (
        "policy:\n",
        "policy:\n  guardrails: {caps: [{at_most: 1, per: 0.999s}]}\n",
        "policy.guardrails.caps[0].per: must be at least 1s",
        "got '0.999s'",
    ),
    "blink of a clock": ("{exponential: 10d}", "{fixed: 0.001s}", "events.purchase.wait.fixed: must be at least 1s, or 0s", "got '0.001s'"),
    "negative wait": ("{exponential: 10d}", "{fixed: -1d 2h}", "events.purchase.wait.fixed: must not be negative", "got '-1d 2h'"),
    "absurd horizon": ("30d", "400000d", "bad.yaml:4: horizon: must be at most 36525 days", "got '400000d'"),
    "horizon without unit": ("30d", "30", "bad.yaml:4: horizon: must be a duration with its unit", "got 30"),
    "customers of 0": ("customers: 100", "customers: 0", "bad.yaml:5: customers: must be at least 1 where no acquisition", "got 0"),
    "negative customers": ("customers: 100", "customers: -5", "bad.yaml:5: customers: must be at least 0", "got -5"),
    "absurd customers": ("customers: 100", f"customers: {10**30}", "bad.yaml:5: customers: must be at most 100000000", ""),
    "a part of a customer": ("customers: 100", "customers: 1.5", "bad.yaml:5: customers: must be a whole number", "got 1.5"),
    "date that does not exist": ("2025-01-06", "2025-02-30", "bad.yaml:3: ", "got '2025-02-30'"),
    "no date": ("2025-01-06", "monday", "bad.yaml:3: start: must be a date", "got 'monday'"),
    "entry file": ("customers: 100", "entry: {file: none.csv}", "bad.yaml:5: entry.file: must be a file that exists", "none.csv"),
    "journey that is not there": (
        "policy:\n  name",
        "extends: none.yaml\npolicy:\n  name",
        "bad.yaml:27: extends: must be the name of a file",
        "got 'none.yaml'",
    ),
    "set that does not exist": (
        "policy:\n  name",
        "set: {horizonn: 3d}\npolicy:\n  name",
        "bad.yaml:27: must be a path that exists",
        "Did you mean 'horizon'?",
    ),
    "set that is a list": (
        "policy:\n  name",
        "set: [horizon]\npolicy:\n  name",
        "bad.yaml:27: set: must be a mapping of paths",
        "got ['horizon']",
    ),
    "quiet all day": (
        "policy:\n",
        "policy:\n  guardrails: {quiet_hours: [{from: '08:00', to: '08:00'}]}\n",
        "must leave a part of the day open",
        "",
    ),
    "channel of a cap": (
        "policy:\n",
        "policy:\n  guardrails: {caps: [{at_most: 1, per: 1d, channels: [mail]}]}\n",
        "caps[0].channels[0]:",
        "'email'?",
    ),
}
# Cases that take two changes.
MORE = {
    "two fire each other": (
        [("value: 20}", "value: 20}\n        - fire: leave"), ("go: gone", "fire: purchase")],
        "must not lead back to the event itself",
    ),
    "trait in a policy": (
        [("  starts_in", "  traits: {pace: {fixed: 1}}\n  starts_in"), ("      on:", "      if: pace > 1\n      on:")],
        "a policy cannot see a trait",
    ),
    "moment of a hidden event": (
        [("    leave:\n", "    leave:\n      observed: false\n"), ("  channels:\n", "  moments: {left: leave}\n  channels:\n")],
        "bad.yaml:24: journey.moments.left.event: must be an event that the firm sees, got 'leave', which is hidden. Name another",
    ),
    "hidden stage": (
        [("gone: {}", "gone: {observed: false}"), ("{stage: active}", "{stage: gone}")],
        "must ask only for stages that the firm observes",
    ),
    "negative speed": (
        [
            ("  starts_in", "  traits: {mood: {normal: {mean: 0, sd: 1}}}\n  starts_in"),
            ("    leave:\n", "    leave:\n      speed: [mood]\n"),
        ],
        "bad.yaml:20: journey.events.leave.speed[0]: must be a trait for which mood is never negative",
    ),
}


@pytest.mark.parametrize("name", list(CASES))
def test_wrong_file_is_refused_with_file_and_line(name: str, tmp_path: Path) -> None:
    old, new, *words = CASES[name]
    assert TINY.count(old) >= 1
    message = refused_file(tmp_path, TINY.replace(old, new, 1))
    assert message.startswith("bad.yaml:")
    assert [word for word in words if word not in message] == [], message


@pytest.mark.parametrize("name", list(MORE))
def test_wrong_file_of_two_changes_is_refused(name: str, tmp_path: Path) -> None:
    changes, words = MORE[name]
    text = TINY
    for old, new in changes:
        assert old in text
        text = text.replace(old, new, 1)
    assert words in refused_file(tmp_path, text)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", ":1: must be a mapping of keys to values, got an empty file"),
        (b"# only words\n", ":1: must be a mapping of keys to values, got an empty file"),
        (b"- a\n- b\n", ":1: must be a mapping of keys to values, got ['a', 'b']"),
        (b"name: a\ntitle: \xff\xfe\n", ":2: must be UTF-8 text, got the byte 0xff"),
        (b"name: a\ntitle: \x01\n", ":2: must be YAML"),
        (b"name: a\n---\nname: b\n", "must be YAML"),
        (b"[" * 5000, "must be"),
        (
            b"a: &a [x,x,x,x,x,x,x,x,x]\n"
            + b"".join(b"%c: &%c [*%c,*%c,*%c,*%c,*%c,*%c,*%c,*%c,*%c]\n" % ((c, c) + (c - 1,) * 9) for c in b"bcdefghi"),
            "must be nested",
        ),
    ],
    ids=["empty", "comment", "list", "not utf-8", "control", "two documents", "deep", "a billion laughs"],
)
def test_file_that_is_no_mapping_is_refused(content: bytes, words: str, tmp_path: Path) -> None:
    file = tmp_path / "bad.yaml"
    file.write_bytes(content)
    assert words in refused("check", str(file))


def test_missing_file_is_refused(tmp_path: Path) -> None:
    assert "must be a file that can be read, got no such file" in refused("check", str(tmp_path / "none.yaml"))


def test_directory_is_refused(tmp_path: Path) -> None:
    assert "must be a YAML file, got a directory" in refused("simulate", str(tmp_path))


def test_extends_in_a_circle_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text("extends: b.yaml\n")
    (tmp_path / "b.yaml").write_text("extends: a.yaml\n")
    assert "must not lead back to itself by 'extends', got a.yaml -> b.yaml -> a.yaml" in refused("check", str(tmp_path / "a.yaml"))


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--customers", "0"), "--customers: must be at least 1 where no acquisition brings any, got 0"),
        (("--customers", "-3"), "--customers: must be at least 0, got -3"),
        (("--customers", str(10**12)), "--customers: must be at most 100000000"),
        (("--horizon", "0d"), "--horizon: must be at least 1s, got '0d'"),
        (("--horizon", "soon"), "--horizon: must be a duration with its unit"),
        (("--seed", "-1"), "--seed: must be at least 0, got -1"),
        (("--threads", "0"), "--threads: must be from 1 to 1024, got 0"),
        (("--set", "policy.flows.greeet.holdout=0.5"), "--set: must be a path that exists"),
        (("--set", "policy.flows.greet.holdout=2"), "--set: policy.flows.greet.holdout: must be at most 1, got 2"),
        (("--set", "policy.flows.greet.steps[4].send=hello"), "--set: must be a path that exists"),
        (("--set", "horizon"), "--set: must be PATH=VALUE, got 'horizon'"),
        (("--set", "horizon=[3"), "--set: must be YAML"),
        (("--events",), "--events: must come with --out"),
    ],
)
def test_wrong_option_is_refused_before_any_work(options: tuple[str, ...], words: str) -> None:
    assert words in refused("simulate", str(WORLDS / "tiny.yaml"), *options)


@pytest.mark.parametrize("place", ["file/below", "file"])
def test_unwritable_folder_is_refused_before_any_work(place: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("mine")
    monkeypatch.setitem(__import__("sys").modules, "cjsim.engine.run", None)  # any work would fail
    message = refused("simulate", str(WORLDS / "tiny.yaml"), "--out", str(tmp_path / place))
    assert "--out: must be a folder that can be written" in message
    assert [file.name for file in tmp_path.iterdir()] == ["file"]
    assert (tmp_path / "file").read_text() == "mine"


def test_several_faults_are_told_at_once() -> None:
    text = {"name": "x", "starts_in": "a", "stages": {"a": {}}, "events": {f"e{n}": {"in": ["b"]} for n in range(9)}}
    from cjsim.errors import InputError
    from cjsim.model.journey import Journey

    with pytest.raises(InputError) as caught:
        Journey.from_dict(text)
    lines = str(caught.value).split("\n")
    assert len(lines) == 6
    assert lines[0] == "journey: events.e0.in[0]: must be one of 'a', got 'b'. Name one of the stages, or declare this one."
    assert lines[-1] == "(4 more.)"


def test_choice_that_is_nothing_is_refused() -> None:
    from cjsim.errors import InputError

    with pytest.raises(InputError, match="must have exactly one of 'send', 'wait'"):
        Scenario.load(WORLDS / "tiny.yaml").with_values({"policy.flows.greet.steps[0].send": None})


GOOD_LOG = "id,at,paid\n" + "".join(f"{n % 7},1997-0{1 + n % 6}-{1 + n % 27:02d},{5 + n % 9}.50\n" for n in range(60))


@pytest.mark.parametrize(
    ("log", "options", "words"),
    [
        (GOOD_LOG.replace("paid", "price", 1), {}, "paid"),
        (GOOD_LOG.replace("1997-03-03", "someday", 1), {}, "someday"),
        (GOOD_LOG.replace(",7.50", ",seven", 1), {}, "seven"),
        ("id,at,paid\n", {}, "row"),
        ("", {}, "must"),
        (GOOD_LOG, {"--until": "soon"}, "soon"),
        (GOOD_LOG, {"--unit": "year"}, "year"),
        (GOOD_LOG, {"--out": "log.csv/below"}, "--out: must be a folder that can be written"),
    ],
    ids=["missing column", "unreadable date", "text for money", "no rows", "empty", "until", "unit", "unwritable"],
)
def test_wrong_purchase_log_is_refused(
    log: str, options: dict[str, str], words: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "log.csv").write_text(log)
    given = {"--customer": "id", "--time": "at", "--value": "paid", "--until": "1997-04-30", "--out": "mine", **options}
    message = refused("calibrate", "purchases", "log.csv", *(word for option in given.items() for word in option))
    assert words in message
    assert [file.name for file in tmp_path.iterdir()] == ["log.csv"]

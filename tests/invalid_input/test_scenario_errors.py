"""Invalid journeys, policies and scenarios: one message with file, line, requirement, value and remedy."""

from pathlib import Path

import pytest
from error_messages import WORLDS, Replacement, check_error, replace_each
from typer.testing import CliRunner

from cjsim.cli import app

TINY = (WORLDS / "tiny.yaml").read_text(encoding="utf-8")


def test_unchanged_file_is_valid(tmp_path: Path) -> None:
    file = tmp_path / "good.yaml"
    file.write_text(TINY, encoding="utf-8")
    result = CliRunner().invoke(app, ["check", str(file)])
    assert (result.exit_code, result.stderr) == (0, "")


# Text in tiny.yaml, its replacement, and parts of the message. Lines count from 1.
CASES = {
    "unknown key": ("horizon: 30d", "horizont: 30d\nhorizon: 30d", "bad.yaml:4: must have only the keys", "Did you mean 'horizon'?"),
    "unknown nested key": (
        "    greet:\n      on",
        "    greet:\n      onn: 1\n      on",
        "bad.yaml:31: policy.flows.greet: must have only the keys",
        "'on'?",
    ),
    "missing key": ("horizon: 30d\n", "", "bad.yaml:", "must have the key 'horizon'"),
    "misspelled channel": (
        "channel: email",
        "channel: emial",
        "bad.yaml:26: journey.messages.hello.channel: must be one of 'email'",
        "mean 'email'?",
    ),
    "misspelled stage": ("go: gone", "go: gonne", "bad.yaml:22: journey.events.leave.effects[0].go:", "Did you mean 'gone'?"),
    "misspelled stage of an event": (
        "in: [active]",
        "in: [aktive]",
        "bad.yaml:14: journey.events.purchase.in[0]:",
        "Did you mean 'active'?",
    ),
    "misspelled first stage": ("starts_in: active", "starts_in: activ", "bad.yaml:8: journey.starts_in:", "Did you mean 'active'?"),
    "misspelled trigger": ("{stage: active}", "{event: purchas}", "bad.yaml:31: policy.flows.greet.on.event:", "Did you mean 'purchase'?"),
    "misspelled message": ("send: hello", "send: helo", "bad.yaml:33: policy.flows.greet.steps[0].send:", "Did you mean 'hello'?"),
    "misspelled exit event": (
        "      on:",
        "      exit_on: [leaf]\n      on:",
        "policy.flows.greet.exit_on[0]: must be one of",
        "Did you mean 'leave'?",
    ),
    "misspelled effect": (
        "go: gone",
        "goo: gone",
        "bad.yaml:22: journey.events.leave.effects[0]: must have only the keys",
        "Did you mean 'go'?",
    ),
    "unknown effect": (
        "- go: gone",
        "- wait: 3d",
        "journey.events.leave.effects[0]: must have only the keys",
        "got 'wait'. Use one of these",
    ),
    "key of another effect": (
        "- go: gone",
        "- {go: gone, margin: 0.3}",
        "journey.events.leave.effects[0]: must have only the key 'go', got 'margin'",
        "Remove it.",
    ),
    "no branches": ("- go: gone", "- choose: []", "journey.events.leave.effects[0].choose: must have at least 1 item, got 0", "Add 1 item"),
    "two effects in one": (
        "- go: gone",
        "- {go: gone, tag: x}",
        "journey.events.leave.effects[0]: must have only one of 'go', 'tag'",
        "got {",
    ),
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
        "bad.yaml:26: journey.messages.hello.open_rate: must be below 3.775e-11, the share of responses",
        "Give the channel a longer lifetime",
    ),
    "text instead of a number": (
        "open_rate: 0.5",
        "open_rate: half",
        "bad.yaml:26: journey.messages.hello.open_rate: must be a number",
        "got 'half'",
    ),
    "boolean instead of a number": (
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
    "jump to an unknown label": (
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
    "fires itself in a branch": (
        "- go: gone",
        "- choose: [{weight: 1}, {weight: 1, effects: [{fire: leave}]}]",
        "journey.events.leave.effects[0].choose[1].effects[0].fire: must not lead back",
        "Remove one 'fire'",
    ),
    "flow that triggers itself": (
        "open_rate: 0.5}",
        "open_rate: 0.5, effects: {delivered: [{go: active}]}}",
        "bad.yaml:31: policy.flows.greet.on: must not be started again immediately",
        "stage 'active' -> flow 'greet'",
    ),
    "purchase of a message": (
        "open_rate: 0.5}",
        "open_rate: 0.5, effects: {clicked: [{choose: [{weight: 1, effects: [{purchase: {value: 1}}]}]}]}}",
        "journey.messages.hello.effects.clicked[0].choose[0].effects[0].purchase: must be an effect of an event, whose log row",
        "got a purchase in a message. Make the message 'fire' an event",
    ),
    "purchase of a hidden event": (
        "- purchase: {value: 20}",
        "- purchase: {value: 20}\n      observed: false",
        "bad.yaml:17: journey.events.purchase.effects[0].purchase: must be an effect of an event that the firm observes",
        "got a purchase in 'purchase', which is hidden. Make it 'fire'",
    ),
    "zero wait": (
        "{exponential: 10d}",
        "{fixed: 0s}",
        "bad.yaml:15: journey.events.purchase.wait: must not repeat endlessly",
        "above 0",
    ),
    "zero wait with a lasting condition": (
        "    leave:\n",
        "    becomes: {in: [active], wait: {fixed: 0s}, when: purchases >= 1, effects: [{tag: vip}]}\n    leave:\n",
        "bad.yaml:18: journey.events.becomes.wait: must not repeat endlessly in zero time",
        "got a wait of 0 while 'purchases >= 1', which nothing changes. Give it a 'wait' above 0",
    ),
    "zero wait without an exit": (
        "    leave:\n",
        "    luck: {in: [active], wait: {empirical: {values: [0s]}}, effects: [{choose: [{weight: 1, effects: [{tag: x}]}]}]}\n"
        "    leave:\n",
        "bad.yaml:18: journey.events.luck.wait: must not repeat endlessly in zero time",
        "got a wait of 0 that nothing stops",
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
        "Use what the firm",
    ),
    "tag never set": (
        "      on:",
        "      if: tagged(vip)\n      on:",
        "policy.flows.greet.if: must be an existing tag, but none exist",
        "got 'vip'",
    ),
    "time-dependent when": (
        "wait: {exponential: 60d}",
        "wait: {exponential: 60d}\n      when: hour > 3",
        "must use only values that change when",
        "got 'hour'",
    ),
    "share of one persona above 1": (
        "  starts_in",
        "  personas: {a: {share: 1.5}}\n  starts_in",
        "journey.personas.a.share: must be at most 1",
        "got 1.5",
    ),
    "weights of 0": ("- go: gone", "- choose: [{weight: 0}]", "journey.events.leave.effects[0].choose: must have a weight above 0", ""),
    "event named like a touch": (
        "    leave:",
        "    opened:",
        "bad.yaml:18: journey.events.opened: must not have a name that the event log reserves",
        "Rename",
    ),
    "trait with a reserved name": (
        "  starts_in",
        "  traits: {stage: {fixed: 1}}\n  starts_in",
        "journey.traits.stage: must not be a reserved word",
        "",
    ),
    "YAML syntax error": ("journey:\n", "journey: [\n", "bad.yaml:", "must be valid YAML"),
    "tab indentation": (
        "  name: tiny_journey",
        "\tname: tiny_journey",
        "bad.yaml:7: must be valid YAML",
        "Indent with spaces, not with tabs.",
    ),
    "duplicate top key": ("horizon: 30d", "horizon: 30d\nhorizon: 40d", "bad.yaml:5: must not repeat the key 'horizon'", "a duplicate of"),
    "numeric key": ("email: {}", "email: {}\n    3: {}", "bad.yaml:25: must have text as a key, got 3", "Write a name"),
    "recursive alias": ("email: {}", "email: &a {x: *a}", "bad.yaml:24", "Look for an alias"),
    "YAML tag": ("email: {}", "email: !!python/name:os.system x", "bad.yaml:24: must be text, a number", ""),
    "horizon of 0": ("30d", "0d", "bad.yaml:4: horizon: must be at least 1s", "got '0d'"),
    "negative horizon": ("30d", "-30d", "bad.yaml:4: horizon: must not be negative", "got '-30d'"),
    "tiny wait in a step": (
        "- send: hello",
        "- wait: 0.0000000001s",
        "bad.yaml:33: policy.flows.greet.steps[0].wait: must be at least 1s",
        "got '0.0000000001s'",
    ),
    "tiny period of a cap": (
        "policy:\n",
        "policy:\n  guardrails: {caps: [{at_most: 1, per: 0.999s}]}\n",
        "policy.guardrails.caps[0].per: must be at least 1s",
        "got '0.999s'",
    ),
    "tiny wait of a clock": (
        "{exponential: 10d}",
        "{fixed: 0.001s}",
        "events.purchase.wait.fixed: must be at least 1s, or 0s",
        "got '0.001s'",
    ),
    "negative wait": ("{exponential: 10d}", "{fixed: -1d 2h}", "events.purchase.wait.fixed: must not be negative", "got '-1d 2h'"),
    "huge horizon": ("30d", "400000d", "bad.yaml:4: horizon: must be at most 36525 days", "got '400000d'"),
    "horizon without unit": ("30d", "30", "bad.yaml:4: horizon: must be a duration with a unit", "got 30"),
    "0 customers": ("customers: 100", "customers: 0", "bad.yaml:5: customers: must be at least 1 if no acquisition", "got 0"),
    "negative customers": ("customers: 100", "customers: -5", "bad.yaml:5: customers: must be at least 0", "got -5"),
    "too many customers": ("customers: 100", f"customers: {10**30}", "bad.yaml:5: customers: must be at most 100000000", ""),
    "fractional customers": ("customers: 100", "customers: 1.5", "bad.yaml:5: customers: must be a whole number", "got 1.5"),
    "date that does not exist": ("2025-01-06", "2025-02-30", "bad.yaml:3: must be an existing date", "got '2025-02-30'. Correct the date."),
    "start that is not a date": ("2025-01-06", "monday", "bad.yaml:3: start: must be a date", "got 'monday'"),
    "entry file": ("customers: 100", "entry: {file: none.csv}", "bad.yaml:5: entry.file: must be a file that exists", "none.csv"),
    "missing base file": (
        "policy:\n  name",
        "extends: none.yaml\npolicy:\n  name",
        "bad.yaml:27: extends: must be a file that exists",
        "got 'none.yaml'",
    ),
    "unknown path in set": (
        "policy:\n  name",
        "set: {horizonn: 3d}\npolicy:\n  name",
        "bad.yaml:27: must be an existing path",
        "Did you mean 'horizon'?",
    ),
    "set that is a list": (
        "policy:\n  name",
        "set: [horizon]\npolicy:\n  name",
        "bad.yaml:27: set: must be a mapping of paths",
        "got ['horizon']",
    ),
    "quiet hours all day": (
        "policy:\n",
        "policy:\n  guardrails: {quiet_hours: [{from: '08:00', to: '08:00'}]}\n",
        "must not cover the whole day",
        "",
    ),
    "unknown channel of a cap": (
        "policy:\n",
        "policy:\n  guardrails: {caps: [{at_most: 1, per: 1d, channels: [mail]}]}\n",
        "caps[0].channels[0]:",
        "'email'?",
    ),
}
# Cases with two changes.
MORE: dict[str, tuple[list[Replacement], str]] = {
    "two events fire each other": (
        [("value: 20}", "value: 20}\n        - fire: leave"), ("go: gone", "fire: purchase")],
        "must not lead back to the event itself",
    ),
    "trait in a policy": (
        [("  starts_in", "  traits: {pace: {fixed: 1}}\n  starts_in"), ("      on:", "      if: pace > 1\n      on:")],
        "a policy cannot see a trait",
    ),
    "moment of a hidden event": (
        [("    leave:\n", "    leave:\n      observed: false\n"), ("  channels:\n", "  moments: {left: leave}\n  channels:\n")],
        "bad.yaml:24: journey.moments.left.event: must be an event that the firm observes, got 'leave', which is hidden. Use another",
    ),
    "hidden stage": (
        [("gone: {}", "gone: {observed: false}"), ("{stage: active}", "{stage: gone}")],
        "must use only stages that the firm observes",
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
def test_invalid_scenario_is_rejected_with_file_and_line(name: str, tmp_path: Path) -> None:
    old, new, *expected = CASES[name]
    assert TINY.count(old) >= 1
    message = check_error(tmp_path, TINY.replace(old, new, 1))
    assert message.startswith("bad.yaml:")
    assert [part for part in expected if part not in message] == [], message


@pytest.mark.parametrize("name", list(MORE))
def test_invalid_scenario_with_two_changes_is_rejected(name: str, tmp_path: Path) -> None:
    changes, expected = MORE[name]
    assert expected in check_error(tmp_path, replace_each(TINY, changes))

"""Values that YAML reads as another type than a user means: each is accepted as meant, or rejected with the way to write it."""

from pathlib import Path

import pytest
from error_messages import WORLDS, check_error, load_text

CASES = {
    "title: 2026": "title: must be text, got 2026. Put it in quotes: '2026'.",
    "title: 2025-01-06": "title: must be text, got 2025-01-06. Put it in quotes: '2025-01-06'.",
    "title: a: b": "must be valid YAML, got mapping values are not allowed here. Put text that contains ': ' in quotes, or align",
    "title: 'x": "must be valid YAML, got while scanning a quoted scalar found unexpected end of stream. Add the closing quote.",
    "title: @x": "must be valid YAML, got while scanning for the next token found character '@' that cannot start any token. Put",
    "title: [a": "must be valid YAML, got while parsing a flow sequence expected ',' or ']', but got '<stream end>'. Add the missing",
    "customers: 1e3": "customers: must be a whole number, got 1000.0. Write 1000.",
    "customers: '50'": "customers: must be a whole number, got '50'. Remove the quotes: 50.",
    "customers: yes": "customers: must be a whole number, got 'yes'. Write a value such as 20000.",
    "seed:": "seed: must be a whole number, got nothing. Remove the key, or write a value such as 7.",
    "seed: 9223372036854775808": "seed: must be below 9223372036854775808, got 9223372036854775808. Use a lower value, such as 7.",
    "horizon: 08:00": "horizon: must be a duration with a unit (s, min, h, d, w, mo, y), got '08:00'. Write a number and its unit, such as",
    "horizon: 30": "horizon: must be a duration with a unit (s, min, h, d, w, mo, y), got 30. Add the unit, such as 30d for 30 days.",
    "horizon: 12 weeks": "horizon: must be a duration with a unit (s, min, h, d, w, mo, y), got '12 weeks'. Write 12w.",
    "start: 06.01.2025": "start: must be a date from 1900 to 2199, got '06.01.2025'. Write it as 2025-01-06.",
    "start: 2025-W02-1": "start: must be a date from 1900 to 2199, got '2025-W02-1'. Write it as YYYY-MM-DD, such as 2025-01-31.",
    "start: '2025-02-30'": "start: must be an existing date, got '2025-02-30'. Correct the month or the day.",
    "discount_rate: 8%": "discount_rate: must be a number, got '8%'. Write a share, such as 0.05 for 5 %.",
    "entry:": "entry: must be a mapping (keys: 'over', 'file'), got nothing. Write {} for the defaults, or a mapping such as {over: 28d}.",
    "accept_warnings: all": "accept_warnings: must be a mapping of names to values, got 'all'. Write a value such as {journey.messages",
    "policy: {name: p, guardrails: {holdout: 30}}": "policy.guardrails.holdout: must be at most 1, got 30. Write a share, such as 0.3 for",
}
# Values of a flow, by key.
FLOW_CASES = {
    "exit_on: [leave, leave]": ".exit_on: must not contain duplicates, got ['leave', 'leave']. Remove one 'leave'.",
    "steps: {send: hello}": ".steps: must be a list, got {'send': 'hello'}. Write it as a list: put '- ' before each item.",
    "steps: hello": ".steps: must be a list, got 'hello'. Write it as [hello].",
    "steps: []": ".steps: must have at least 1 item, got 0. Add 1 item, as in [{wait: 1d}, {send: cart_mail}].",
    "steps: [3d]": ".steps[0]: must be a mapping (keys: 'send', 'wait', 'wait_until', 'wait_for', 'branch' and 8 more), got '3d'. Write {w",
    "steps: [{wait_until: {at: 9pm}}]": ".steps[0].wait_until.at: must be a time of day from '00:00' to '24:00', got '9pm'. Write '21:0",
}


@pytest.mark.parametrize("line", list(CASES))
def test_value_is_rejected_with_the_way_to_write_it(line: str, tmp_path: Path) -> None:
    message = check_error(tmp_path, f"extends: {WORLDS / 'tiny.yaml'}\nname: bad\n{line}\n")
    assert message.partition(": ")[2].startswith(CASES[line])


@pytest.mark.parametrize("entry", list(FLOW_CASES))
def test_value_of_a_flow_is_rejected_with_the_way_to_write_it(entry: str, tmp_path: Path) -> None:
    steps = "" if entry.startswith("steps") else ", steps: [{send: hello}]"
    flow = f"policy: {{flows: {{later: {{on: {{stage: active}}, {entry}{steps}}}}}}}"
    message = check_error(tmp_path, f"extends: {WORLDS / 'tiny.yaml'}\nname: bad\n{flow}\n")
    assert message.startswith(f"bad.yaml:3: policy.flows.later{FLOW_CASES[entry]}")


@pytest.mark.parametrize(
    ("line", "key", "value"),
    [("title: off", "title", "off"), ("customers: 1_000", "customers", 1000), ("horizon: 30 d", "horizon", 30.0)],
)
def test_value_is_read_as_in_yaml_1_2(line: str, key: str, value: object, tmp_path: Path) -> None:
    assert getattr(load_text(tmp_path, f"extends: {WORLDS / 'tiny.yaml'}\nname: good\n{line}\n"), key) == value

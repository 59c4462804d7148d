"""YAML files: parsing, precedence of files, locations in messages, and round trips."""

from datetime import date
from pathlib import Path

import pytest
from conftest import ROOT
from hypothesis import given
from hypothesis import strategies as st

from cjsim.errors import InputError
from cjsim.scenario.fields import duration_text, hour_text, parse_duration, parse_hour
from cjsim.simulation.documents import Journey, Policy, Scenario
from cjsim.yaml.extends import load_tree
from cjsim.yaml.paths import location_of, parse_path, path_text
from cjsim.yaml.tree import parse_value, read_yaml_file, to_tree, to_yaml

WORLDS = ROOT / "tests" / "worlds"


@pytest.fixture
def tiny() -> Scenario:
    return Scenario.load(WORLDS / "tiny.yaml")


def write(folder: Path, **files: str) -> Path:
    """Write files `NAME.yaml`. Returns the path of the first."""
    for name, text in files.items():
        (folder / f"{name}.yaml").write_text(text, encoding="utf-8")
    return folder / f"{next(iter(files))}.yaml"


def test_yaml_is_parsed_as_version_1_2(tmp_path: Path) -> None:
    file = write(tmp_path, a="on: yes\nat: 21:00\nrate: 1e-3\nday: 2025-01-31\nnone: ~\ntrue_: true\n")
    assert read_yaml_file(file).plain() == {
        "on": "yes",
        "at": "21:00",
        "rate": 0.001,
        "day": date(2025, 1, 31),
        "none": None,
        "true_": True,
    }


def test_every_value_has_its_line_number(tmp_path: Path) -> None:
    root = read_yaml_file(write(tmp_path, a="# a\nflows:\n  x:\n    steps:\n      - send: hello\n      - wait: 1d\n"))
    places = {
        path: location_of(root, path).rsplit(":", 1)[1]
        for path in [("flows",), ("flows", "x", "steps", 1), ("flows", "x", "steps", 0, "send")]
    }
    assert places == {("flows",): "2", ("flows", "x", "steps", 1): "6", ("flows", "x", "steps", 0, "send"): "5"}


def test_merge_keys_have_lower_precedence_and_keep_their_lines(tmp_path: Path) -> None:
    text = "first: &a {k: 1, l: 2}\nsecond: &b {k: 5, m: 6}\nboth:\n  l: 3\n  <<: [*a, *b]\nwrong: {<<: 3}\n"
    with pytest.raises(InputError, match=r"a\.yaml:6: must be a mapping after '<<', got 3\."):
        read_yaml_file(write(tmp_path, a=text))
    root = read_yaml_file(write(tmp_path, b=text.replace("wrong: {<<: 3}\n", "")))
    assert root.plain()["both"] == {"k": 1, "l": 3, "m": 6}
    assert location_of(root, ("both", "k")).endswith("b.yaml:1")


def test_extending_file_overrides_its_base(tmp_path: Path) -> None:
    base = "name: a\nguardrails:\n  exit: purchases > 5\n  caps: [{at_most: 3, per: 7d}, {at_most: 9, per: 30d}]\n"
    file = write(tmp_path, top="extends: base.yaml\nguardrails: {caps: [{at_most: 1, per: 1d}]}\n", base=base)
    guardrails = Policy.load(file).guardrails
    assert guardrails.exit == "purchases > 5"
    assert [cap.at_most for cap in guardrails.caps] == [1]


def test_set_applies_after_extends_in_file_order(tmp_path: Path) -> None:
    base = "name: a\nguardrails:\n  caps: [{at_most: 3, per: 7d}]\nset: {'guardrails.caps[0].at_most': 4, 'guardrails.caps[0].per': 8d}\n"
    file = write(tmp_path, top="extends: base.yaml\nset: {'guardrails.caps[0].at_most': 5}\n", base=base)
    cap = Policy.load(file).guardrails.caps[0]
    assert (cap.at_most, cap.per) == (5, 8.0)


def test_inline_policy_is_merged_into_the_base_policy(tmp_path: Path) -> None:
    text = (WORLDS / "every_construct.yaml").read_text().replace(": every_", f": {WORLDS}/every_").replace(f"name: {WORLDS}/", "name: ")
    file = write(tmp_path, top="extends: base.yaml\npolicy: {flows: {wake: {holdout: 0.5}}}\n", base=text)
    policy = Scenario.load(file).policy
    assert policy.flows["wake"].holdout == 0.5
    assert list(policy.flows)[:5] == ["welcome", "browse_reminder", "win_back", "wake", "thanks"]


def test_policy_file_replaces_the_inherited_policy(tmp_path: Path) -> None:
    base = (WORLDS / "tiny.yaml").read_text()
    file = write(tmp_path, top="extends: base.yaml\npolicy: other.yaml\n", base=base, other="name: other\n")
    assert Scenario.load(file).policy == Policy(name="other")


def test_error_in_an_included_file_points_into_it(tmp_path: Path) -> None:
    text = (WORLDS / "tiny.yaml").read_text().split("policy:")[0] + "policy: p.yaml\n"
    file = write(tmp_path, s=text, p="name: p\nflows:\n  greet:\n    on: {stage: active}\n    steps: [{send: helo}]\n")
    with pytest.raises(
        InputError, match=r"p\.yaml:5: policy\.flows\.greet\.steps\[0\]\.send: must be one of 'hello', got 'helo'\. Did you mean 'hello'\?"
    ):
        Scenario.load(file)


def test_error_in_a_set_value_points_to_the_set(tmp_path: Path) -> None:
    file = write(tmp_path, top=f"extends: {WORLDS}/tiny.yaml\nname: x\nset:\n  horizon: -3d\n")
    with pytest.raises(InputError, match=r"top\.yaml:4: horizon: must not be negative"):
        Scenario.load(file)


def test_with_values_does_not_modify_the_scenario(tiny: Scenario) -> None:
    other = tiny.with_values({"journey.events.purchase.wait.exponential": "5d", "customers": 7})
    assert (other.customers, tiny.customers) == (7, 100)
    assert other.journey.events["purchase"].wait != tiny.journey.events["purchase"].wait


def test_unwritten_default_field_can_be_set(tiny: Scenario) -> None:
    other = tiny.with_values(
        {"policy.flows.greet.holdout": 0.25, "journey.channels.email.fatigue": 0.1, "journey.satisfaction.half_life": "3d"}
    )
    assert (other.policy.flows["greet"].holdout, other.journey.channels["email"].fatigue, other.journey.satisfaction.half_life) == (
        0.25,
        0.1,
        3.0,
    )


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("policy.flow.greet", "Did you mean 'policy.flows.greet'?"),
        ("policy.flows.greet.steps[3].send", "'policy.flows.greet.steps' has 1 item, counted from [0]."),
        ("policy.guardrails.caps[0].at_most", "'policy.guardrails.caps' is not a list."),
        ("horizont", "Did you mean 'horizon'?"),
        ("journey.events.purchase.wait.exponential.mena", "Did you mean"),
        ("a..b", "Separate the keys with dots."),
        ("", "Separate the keys with dots."),
    ],
)
def test_unknown_path_is_rejected(tiny: Scenario, path: str, expected: str) -> None:
    with pytest.raises(InputError, match=r"must be an? .*path") as caught:
        tiny.with_values({path: 1})
    assert expected in str(caught.value)


@pytest.mark.parametrize("name", ["tiny", "every_construct"])
def test_saved_scenario_loads_as_an_equal_one(name: str, tmp_path: Path) -> None:
    scenario = Scenario.load(WORLDS / f"{name}.yaml")
    scenario.save(tmp_path / "saved.yaml")
    again = Scenario.load(tmp_path / "saved.yaml")
    assert again == scenario
    assert (again.digest(), Scenario.from_dict(scenario.to_dict())) == (scenario.digest(), scenario)
    assert [file.name for file in tmp_path.iterdir()] == ["saved.yaml"]


def test_digest_depends_on_meaning_not_notation(tiny: Scenario) -> None:
    assert tiny.with_values({"journey.events.purchase.half_life": "72h"}).journey.digest() == tiny.journey.digest()
    assert tiny.with_values({"journey.events.purchase.half_life": "73h"}).journey.digest() != tiny.journey.digest()


def test_digest_depends_on_the_order_of_events(tiny: Scenario) -> None:
    events = tiny.to_dict()["journey"]["events"]
    turned = tiny.with_values({"journey.events": dict(reversed(events.items()))})
    assert turned.journey.digest() != tiny.journey.digest()


def test_entry_file_path_stays_relative_to_the_saved_scenario(tmp_path: Path) -> None:
    (tmp_path / "entries.csv").write_text("entered\n0\n")
    file = write(tmp_path, s=f"extends: {WORLDS}/tiny.yaml\nentry: {{file: entries.csv}}\n")
    scenario = Scenario.load(file)
    assert scenario.entry.file == str(tmp_path / "entries.csv")
    scenario.save(tmp_path / "saved.yaml")
    assert "file: entries.csv" in (tmp_path / "saved.yaml").read_text()
    assert Scenario.load(tmp_path / "saved.yaml") == scenario


def test_scenario_built_in_python_can_be_validated(tiny: Scenario) -> None:
    policy = Policy.from_dict({"name": "p", "flows": {"f": {"on": {"stage": "nowhere"}, "steps": [{"send": "hello"}]}}})
    scenario = Scenario(
        name="made",
        journey=tiny.journey,
        policy=policy,
        start=date(2025, 1, 1),
        horizon=tiny.with_values({}).source().child("horizon").value,
    )
    with pytest.raises(InputError, match=r"scenario: policy\.flows\.f\.on\.stage: must be one of 'active', 'gone'"):
        scenario.checked()


def test_numpy_numbers_can_be_set(tiny: Scenario) -> None:
    import numpy as np

    assert tiny.with_values({"customers": np.int64(5), "discount_rate": np.float64(0.2)}).customers == 5


def test_journey_and_policy_load_without_a_scenario() -> None:
    assert Journey.load(WORLDS / "every_construct_journey.yaml").name == "every_construct"
    assert Policy.load(WORLDS / "every_construct_policy.yaml", set={"flows.wake.priority": 3}).flows["wake"].priority == 3


def test_scenario_contains_checked_documents(tiny: Scenario) -> None:
    assert (type(tiny.journey), type(tiny.policy)) == (Journey, Policy)


def test_scenario_can_be_built_from_loaded_records(tiny: Scenario) -> None:
    assert Scenario.from_dict({**tiny.to_dict(), "journey": tiny.journey, "policy": tiny.policy}) == tiny


def test_command_line_values_are_yaml() -> None:
    assert [parse_value(text, "--set").plain() for text in ("3", "36h", "[a, 1.5]", "", "{x: 1}")] == [3, "36h", ["a", 1.5], None, {"x": 1}]


def test_circular_policy_file_is_rejected(tmp_path: Path) -> None:
    file = write(tmp_path, a="name: a\njourney: a.yaml\n")
    with pytest.raises(InputError, match=r"a\.yaml -> a\.yaml"):
        load_tree(file, lambda _: Scenario)


keys = st.from_regex(r"[A-Za-z][A-Za-z0-9_]{0,8}", fullmatch=True)


@given(st.lists(keys, min_size=1, max_size=3), st.lists(st.one_of(keys, st.integers(0, 999)), max_size=5))
def test_paths_round_trip(first: list[str], rest: list[str | int]) -> None:
    path = (*first, *rest)
    assert parse_path(path_text(path)) == path


scalars = st.one_of(
    st.none(), st.booleans(), st.integers(-(10**15), 10**15), st.floats(allow_nan=False, allow_infinity=False), st.text(max_size=12)
)
values = st.recursive(
    scalars, lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=6), inner, max_size=3)), max_leaves=8
)


@given(values)
def test_yaml_round_trips(value: object) -> None:
    plain = to_tree({"value": value}, "here").plain()
    try:
        again = parse_value(to_yaml(plain), "here").plain()
    except InputError:
        # YAML cannot represent some control characters
        assert not str(value).isprintable()
        return
    assert again == plain


@given(st.floats(0, 36_525))
def test_durations_round_trip_exactly(days: float) -> None:
    assert parse_duration(duration_text(days)) == days


@given(st.integers(0, 24 * 60))
def test_times_of_day_round_trip_exactly(minutes: int) -> None:
    hour = minutes // 60 + minutes % 60 / 60
    assert parse_hour(hour_text(hour)) == hour


@pytest.mark.parametrize("path", ["journey.title", "journey.stages.active.title", "policy.title"])
def test_titles_are_no_part_of_the_identity(tiny: Scenario, path: str) -> None:
    renamed = tiny.with_values({path: "Other words"})
    assert renamed.to_dict() != tiny.to_dict()
    assert renamed.identity() == tiny.identity()


@pytest.mark.parametrize("part", ["stages", "events", "moments"])
def test_what_is_named_title_is_part_of_the_identity(part: str) -> None:
    journey = {"name": "j", "starts_in": "a", "stages": {"a": {}}, "events": {"e": {}}}
    named = journey | {part: journey.get(part, {}) | {"title": "e" if part == "moments" else {}}}
    assert Journey.from_dict(named).identity() != Journey.from_dict(journey).identity()

"""Warnings about YAML merges that give a message the lift or the effects of another one."""

from pathlib import Path

import pytest

from cjsim.simulation.documents import Journey, Scenario
from cjsim.validate.warnings.lint import lint_warnings
from cjsim.validate.warnings.merge_lint import merge_warnings

JOURNEY = """
name: j
starts_in: here
stages: {here: {}}
events: {look: {in: [here], wait: {exponential: 5d}}}
channels: {mail: {}}
messages:
  hello: &rates
    channel: mail
    open_rate: 0.3
    lift: {opened: {look: 1}}
  again:
    <<: *rates
    OWN
"""


def journey(folder: Path, own: str) -> Journey:
    file = folder / "journey.yaml"
    file.write_text(JOURNEY.replace("OWN", own), encoding="utf-8")
    return Journey.load(file)


def test_a_lift_that_comes_with_a_merge_is_reported(tmp_path: Path) -> None:
    one = journey(tmp_path, "title: Again")
    expected = (
        f"messages.again.lift: comes from {tmp_path / 'journey.yaml'}:11, in part or whole, through a merge (<<). "
        "Write the message's own 'lift', 'lift: {}', or an alias, such as 'lift: *common_lift'."
    )
    assert list(merge_warnings(one)) == [expected]
    assert expected in lint_warnings(one)


@pytest.mark.parametrize("own", ["lift: {}", "lift: {opened: {look: 2}}", "lift: {clicked: {look: 1}}"])
def test_an_own_lift_is_not_reported(tmp_path: Path, own: str) -> None:
    assert list(merge_warnings(journey(tmp_path, own))) == []


def test_an_alias_of_a_lift_is_not_reported(tmp_path: Path) -> None:
    file = tmp_path / "journey.yaml"
    text = JOURNEY.replace("lift: {opened", "lift: &common {opened").replace("OWN", "lift: *common")
    file.write_text(text, encoding="utf-8")
    one = Journey.load(file)
    assert one.messages["again"].lift == one.messages["hello"].lift
    assert list(merge_warnings(one)) == []


@pytest.mark.parametrize(("own", "n_warnings"), [("lift: {}", 0), ("title: Again", 1)])
def test_a_file_that_extends_another_keeps_its_merges(tmp_path: Path, own: str, n_warnings: int) -> None:
    journey(tmp_path, own)
    child = tmp_path / "child.yaml"
    child.write_text("extends: journey.yaml\nmessages: {hello: {title: Hi}, again: {title: Hi again}}\n", encoding="utf-8")
    assert len(list(merge_warnings(Journey.load(child)))) == n_warnings


def test_a_message_that_is_an_alias_of_another_is_not_reported(tmp_path: Path) -> None:
    file = tmp_path / "journey.yaml"
    file.write_text(JOURNEY.partition("  again:")[0] + "  again: *rates\n", encoding="utf-8")
    one = Journey.load(file)
    assert one.messages["again"] == one.messages["hello"]
    assert list(merge_warnings(one)) == []


def test_a_merge_within_a_lift_is_reported(tmp_path: Path) -> None:
    file = tmp_path / "journey.yaml"
    text = JOURNEY.replace("lift: {opened", "lift: &common {opened").replace("OWN", "lift: {<<: *common}")
    file.write_text(text, encoding="utf-8")
    assert len(list(merge_warnings(Journey.load(file)))) == 1


def test_a_scenario_names_the_path_in_its_journey(tmp_path: Path) -> None:
    journey(tmp_path, "title: Again")
    file = tmp_path / "scenario.yaml"
    file.write_text("name: s\njourney: journey.yaml\npolicy: {name: p}\nstart: 2026-01-05\nhorizon: 9d\n", encoding="utf-8")
    [warning] = merge_warnings(Scenario.load(file))
    assert warning.startswith("journey.messages.again.lift: ")
    assert list(merge_warnings(Scenario.from_dict(Scenario.load(file).to_dict()))) == []

"""Lint warnings about declared elements that nothing uses."""

from typing import Any

import pytest
from small_scenarios import small_scenario

from cjsim.simulation.documents import Journey
from cjsim.validate.warnings.lint import lint_warnings
from cjsim.validate.warnings.unused_lint import unused_trait_warnings, unused_warnings, without_parts_of_others

MAIL: dict[str, Any] = {
    "channels": {"mail": {}},
    "messages": {"hello": {"channel": "mail", "open_rate": 0.5}},
    "events": {"buy": {"in": ["here"], "wait": {"exponential": "5d"}, "effects": [{"purchase": {"value": 9}}]}},
}
GREET = {"greet": {"on": {"event": "buy"}, "steps": [{"send": "hello"}]}}


def unused(journey: dict[str, Any], policy: dict[str, Any] | None = None) -> list[str]:
    """Paths of the warnings about unused elements."""
    return [warning.split(": ")[0] for warning in unused_warnings(small_scenario(journey=journey, policy=policy))]


def unused_traits(**journey: Any) -> list[str]:
    parts = {"name": "j", "starts_in": "here", "stages": {"here": {}}, "traits": {"hunger": {"fixed": 2}}, **journey}
    return [warning.split(": ")[0] for warning in unused_trait_warnings(Journey.model_validate(parts), "")]


def test_a_trait_that_nothing_uses_warns() -> None:
    assert unused_traits() == ["traits.hunger"]


@pytest.mark.parametrize(
    "journey",
    [
        {"events": {"eat": {"speed": ["1/hunger"]}}},
        {"events": {"eat": {"effects": [{"purchase": {"value": 9, "times": ["hunger"]}}]}}},
        {"events": {"eat": {"effects": [{"choose": [{"weight": "hunger"}, {"weight": 1}]}]}}},
        {"events": {"eat": {"when": "hunger > 1"}}},
        {"channels": {"mail": {"affinity": "hunger"}}},
        {"preferred_contacts": "hunger"},
        {"clock_shift": "hunger"},
    ],
)
def test_a_trait_in_use_does_not_warn(journey: dict[str, Any]) -> None:
    assert unused_traits(**journey) == []


def test_a_message_that_is_never_sent_warns() -> None:
    assert unused(MAIL) == ["journey.messages.hello"]


def test_a_message_that_a_flow_sends_does_not_warn() -> None:
    assert unused(MAIL, {"flows": GREET}) == []


def test_a_message_of_a_flow_that_cannot_start_warns() -> None:
    never = MAIL["events"] | {"nod": {}}
    assert unused(MAIL | {"events": never}, {"flows": {"greet": GREET["greet"] | {"on": {"event": "nod"}}}}) == ["journey.messages.hello"]


def test_a_journey_alone_does_not_warn_of_its_messages() -> None:
    journey = Journey.model_validate({"name": "j", "starts_in": "here", "stages": {"here": {}}} | MAIL)
    assert lint_warnings(journey) == []


OFFER = MAIL | {"offers": {"ten": {"amount": 10, "valid": "9d"}}}


def test_an_offer_that_is_never_given_warns() -> None:
    assert unused(OFFER, {"flows": GREET}) == ["journey.offers.ten"]


def test_an_offer_that_a_step_gives_does_not_warn() -> None:
    assert unused(OFFER, {"flows": {"greet": GREET["greet"] | {"steps": [{"send": "hello"}, {"offer": "ten"}]}}}) == []


def test_an_offer_that_a_message_gives_does_not_warn() -> None:
    giving = {"hello": MAIL["messages"]["hello"] | {"effects": {"opened": [{"offer": "ten"}]}}}
    assert unused(OFFER | {"messages": giving}, {"flows": GREET}) == []


def test_an_attribute_that_no_condition_reads_warns() -> None:
    assert unused({"attributes": {"region": {"north": 0.5, "south": 0.5}}}) == ["journey.attributes.region"]


def test_an_attribute_that_a_condition_reads_does_not_warn() -> None:
    flows = {"greet": GREET["greet"] | {"if": "region == north"}}
    assert unused(MAIL | {"attributes": {"region": {"north": 0.5, "south": 0.5}}}, {"flows": flows}) == []


TAGGING = {"greet": {"on": {"event": "buy"}, "steps": [{"send": "hello"}, {"tag": "vip"}]}}


def test_a_tag_that_no_condition_reads_warns() -> None:
    assert unused(MAIL, {"flows": TAGGING}) == ["policy.flows.greet.steps[1]"]


def test_a_tag_that_a_condition_reads_does_not_warn() -> None:
    assert unused(MAIL, {"flows": {"greet": TAGGING["greet"] | {"if": "not tagged(vip)"}}}) == []


SCORING = MAIL | {"scores": {"heat": {}}}


def test_a_score_that_nothing_reads_warns() -> None:
    assert unused(SCORING, {"flows": GREET}) == ["journey.scores.heat"]


@pytest.mark.parametrize("change", [{"if": "score(heat) < 5"}, {"on": {"score": "heat", "above": 2}}])
def test_a_score_that_a_policy_reads_does_not_warn(change: dict[str, Any]) -> None:
    scoring = SCORING | {"events": {"buy": MAIL["events"]["buy"] | {"effects": [{"score": {"heat": 1}}]}}}
    assert unused(scoring, {"flows": {"greet": GREET["greet"] | change}}) == []


def test_a_part_that_a_compared_scenario_uses_does_not_warn() -> None:
    base, other = small_scenario(journey=MAIL), small_scenario(journey=MAIL, policy={"flows": GREET})
    assert without_parts_of_others(base, unused_warnings(base), [other]) == []


def test_a_part_that_no_compared_scenario_uses_warns() -> None:
    base = small_scenario(journey=MAIL)
    assert without_parts_of_others(base, unused_warnings(base), [base]) == list(unused_warnings(base))


def test_a_part_that_a_compared_scenario_does_not_declare_warns() -> None:
    base, other = small_scenario(journey=MAIL), small_scenario(journey={"events": MAIL["events"]})
    assert without_parts_of_others(base, unused_warnings(base), [other]) == list(unused_warnings(base))


def test_the_warning_about_an_offer_names_the_unused_message_that_gives_it() -> None:
    giving = {"hello": MAIL["messages"]["hello"] | {"effects": {"opened": [{"offer": "ten"}]}}}
    [found] = [warning for warning in unused_warnings(small_scenario(journey=OFFER | {"messages": giving})) if "offers" in warning]
    assert "is given only by 'hello', which this policy does not use" in found

"""`sources`: which entry covers which number, what `describe` and `check` say, and what is invalid."""

from typing import Any

import pytest
from small_scenarios import messaging_journey, small_scenario

from cjsim.description.describe import describe
from cjsim.errors import InputError
from cjsim.scenario.fields import SOURCE_KINDS
from cjsim.simulation.documents import Journey, Policy, Scenario
from cjsim.simulation.sampled.simulated_warnings import simulated_warnings
from cjsim.validate.number_sources import UNSTATED, count_by_kind, number_sources, unused_sources
from cjsim.validate.warnings.lint import lint_warnings

RATES = {"primary": "Mailchimp 2019"}


def journey(**entries: Any) -> Journey:
    """A journey whose numbers are 2 waits, 2 channel costs, 2 open rates, 1 cost of a message and 1 half-life."""
    return Journey.from_dict({"name": "j", "starts_in": "here", **messaging_journey(), "sources": entries})


def kinds(record: Any) -> dict[str, str]:
    return {one.path: one.kind for one in number_sources(record)}


def test_every_number_of_a_journey_is_listed_once() -> None:
    assert [one.path for one in number_sources(journey())] == [
        "scores.heat.half_life",
        "events.buy.wait.exponential.mean",
        "events.look.wait.exponential.mean",
        "channels.mail.cost",
        "channels.text.cost",
        "messages.hello.open_rate",
        "messages.ping.open_rate",
        "messages.ping.cost",
    ]
    assert set(kinds(journey()).values()) == {UNSTATED}


@pytest.mark.parametrize("path", ["messages.hello.open_rate", "messages.hello", "messages", "messages.*.open_rate", "messages.*"])
def test_an_entry_covers_the_numbers_at_and_below_its_path(path: str) -> None:
    assert kinds(journey(**{path: RATES}))["messages.hello.open_rate"] == "primary"


@pytest.mark.parametrize("path", ["messages.hell", "messages.hello.open_rate.x", "*.hello.cost", "channels", "*.ping"])
def test_an_entry_covers_no_other_numbers(path: str) -> None:
    assert kinds(journey(**{path: RATES}))["messages.hello.open_rate"] == UNSTATED


@pytest.mark.parametrize(
    ("general", "special"),
    [("messages", "messages.hello"), ("messages.*", "messages.hello"), ("messages.hello", "messages.*.open_rate"), ("*", "messages")],
)
@pytest.mark.parametrize("is_first", [True, False])
def test_the_more_specific_entry_counts(general: str, special: str, is_first: bool) -> None:
    entries = {general: "assumed", special: RATES}
    ordered = entries if is_first else dict(reversed(entries.items()))
    [found] = [one for one in number_sources(journey(**ordered)) if one.path == "messages.hello.open_rate"]
    assert found[1:] == ("primary", "Mailchimp 2019", special)


def test_entries_of_a_scenario_take_precedence_over_those_of_its_journey() -> None:
    one = small_scenario(
        journey=messaging_journey() | {"sources": {"events.buy.wait": RATES}}, sources={"journey.events": {"data": "web analytics"}}
    )
    found = {number.path: number for number in number_sources(one)}
    assert found["journey.events.buy.wait.exponential.mean"][1:] == ("data", "web analytics", "journey.events")


def test_lists_of_numbers_count_as_one_and_immediate_waits_not_at_all() -> None:
    parts = {
        "activity": {"day": {"hours": [1] * 24, "weekdays": [1] * 7}},
        "events": {"go": {"in": ["here"], "wait": {"fixed": "0s"}}, "stop": {"in": ["here"], "wait": {"fixed": "3d"}}},
    }
    one = small_scenario(journey=parts)
    assert list(kinds(one)) == ["journey.activity.day.hours", "journey.activity.day.weekdays", "journey.events.stop.wait.fixed"]


def test_a_policy_needs_sources_for_costs_wages_and_accuracies_but_not_for_decisions() -> None:
    policy = Policy.from_dict(
        {
            "name": "p",
            "flows": {"greet": {"on": {"stage": "here"}, "steps": [{"wait": "1d"}, {"send": "hello"}]}},
            "guardrails": {"caps": [{"at_most": 2, "per": "7d"}]},
            "costs": {"platform_per_month": 200},
            "desks": {"help": {"agents": 2, "wage_per_hour": 21, "sla": "1h", "shared": 0.5}},
            "personalisation": [{"accuracy": 0.7}],
        }
    )
    assert set(kinds(policy)) == {
        "costs.platform_per_month",
        "desks.help.shared",
        "desks.help.shifts[0].wage_per_hour",
        "personalisation[0].accuracy",
    }


def test_counts_are_in_order_of_frequency() -> None:
    assert count_by_kind(number_sources(journey(messages=RATES, channels="assumed"))) == {UNSTATED: 3, "primary": 3, "assumed": 2}


def test_entries_without_a_number_are_unused() -> None:
    assert unused_sources(journey(**{"messages.hello": "assumed", "messages.bye": "assumed", "events.nod.in": "assumed"})) == [
        "messages.bye",
        "events.nod.in",
    ]


def test_check_reports_unused_entries_and_numbers_without_one() -> None:
    assert lint_warnings(journey(**{"*": "assumed"})) == lint_warnings(journey())
    found = [one for one in lint_warnings(journey(messages=RATES, offers="assumed")) if one.startswith("sources")]
    assert found == [
        "sources: the entry 'offers' covers no number. Correct the path, or remove it.",
        "sources: no entry covers scores.heat.half_life and 4 more. Add an entry with the source, or with 'assumed'.",
    ]


def test_check_does_not_ask_for_sources_where_there_are_none() -> None:
    assert not [one for one in lint_warnings(journey()) if "sources" in one]


def test_check_of_a_scenario_names_the_part() -> None:
    one = small_scenario(journey=messaging_journey() | {"sources": {"messages": RATES}}, sources={"policy.cost": "assumed"})
    starts = [warning.partition(": ")[0] + warning.partition(": ")[2][:12] for warning in lint_warnings(one) if "sources" in warning[:16]]
    assert starts == ["sourcesthe entry 'p", "journey.sourcesno entry cov"]


def test_description_counts_numbers_by_kind_and_lists_entries() -> None:
    found = describe(journey(**{"*": "assumed", "messages.*.open_rate": RATES})).split("\n")
    assert found[-3:] == [
        "Sources of numbers: 8 in all, 6 assumed (75 %), 2 from primary sources (25 %).",
        "  assumed: * (6)",
        "  primary, Mailchimp 2019: messages.*.open_rate (2)",
    ]


def test_sources_are_no_part_of_the_identity_and_survive_saving(tmp_path: Any) -> None:
    entries = {"*": "assumed", "messages": RATES}
    one = small_scenario(journey=messaging_journey() | {"sources": entries}, sources={"journey": {"claim": "x"}})
    assert one.identity() == small_scenario(journey=messaging_journey()).identity()
    one.save(tmp_path / "one.yaml")
    assert Scenario.load(tmp_path / "one.yaml") == one


def test_texts_about_personas_stages_and_moments_are_no_part_of_the_identity() -> None:
    texts = {"goal": "Rest", "blockers": ["Work"], "success_markers": ["Sleep"], "detours": ["Coffee"]}
    parts = messaging_journey() | {"personas": {"fan": {"share": 1}}, "moments": {"first": {"event": "buy"}}}
    described = parts | {
        "personas": {"fan": {"share": 1} | texts},
        "moments": {"first": {"event": "buy", "owner": "us", "metric": "clv"}},
    }
    described["stages"] = {"here": {"question": "Why?"}, "there": {"retained": True}}
    assert small_scenario(journey=described).identity() == small_scenario(journey=parts).identity()
    lines = describe(small_scenario(journey=described))
    for text in ("goal: Rest", "blockers: Work", "signs of success: Sleep", "detours: Coffee", "'Why?'", "owned by us, measured by clv"):
        assert text in lines


def test_names_that_users_choose_are_part_of_the_identity_even_if_their_values_are_texts() -> None:
    zones = dict.fromkeys(("owner", "tenant"), "Europe/Berlin")

    def world(**changed: str) -> dict[str, Any]:
        parts = {"attributes": {"home": {"owner": 0.5, "tenant": 0.5}}, "time_zones": {"attribute": "home", "zones": zones | changed}}
        return small_scenario(journey=parts, time_zone="Europe/Berlin").identity()

    assert world() != world(owner="America/New_York")


def test_notes_of_the_past_policy_are_no_part_of_the_identity() -> None:
    existing = {"customers": 5, "years": 1}
    past = {"name": "q", "costs": {"platform_per_month": 5}}
    one, other = (
        small_scenario(journey=messaging_journey(), existing=existing | {"policy": past | notes})
        for notes in ({}, {"sources": {"costs": "assumed"}, "title": "Old"})
    )
    assert one.identity() == other.identity()
    same = small_scenario(journey=messaging_journey(), existing=existing)
    assert same.with_values({"policy.title": "New"}).identity() == same.identity()


def test_defaults_that_saving_leaves_out_are_covered_all_the_same(tmp_path: Any) -> None:
    data = messaging_journey()
    data["messages"]["hello"]["click_rate"] = 0
    one = Journey.from_dict({"name": "j", "starts_in": "here", **data, "sources": {"messages.hello.click_rate": "assumed", "*": "assumed"}})
    one.save(tmp_path / "one.yaml")
    assert unused_sources(one) == unused_sources(Journey.load(tmp_path / "one.yaml")) == []


@pytest.mark.parametrize("key", ["goal", "owner", "detours"])
def test_names_that_equal_the_keys_of_texts_are_part_of_the_identity(key: str) -> None:
    one = small_scenario(journey={"interests": {key: 1, "other": 1}})
    assert one.identity() != small_scenario(journey={"interests": {key: 2, "other": 1}}).identity()


def test_check_reports_a_moment_whose_metric_does_not_exist() -> None:
    one = small_scenario(journey=messaging_journey() | {"moments": {"first": {"event": "buy", "metric": "conversio"}}}, customers=20)
    assert "journey.moments.first.metric: no metric has the name 'conversio'. Did you mean 'conversion'?" in simulated_warnings(one)


@pytest.mark.parametrize("kind", SOURCE_KINDS)
def test_every_kind_is_accepted_and_has_a_phrase(kind: str) -> None:
    assert f"  {kind}, any: * (8)" in describe(journey(**{"*": {kind: "any"}}))


@pytest.mark.parametrize("source", ["measured", {"rumor": "x"}, {"primary": " "}, {"primary": "x", "claim": "y"}, {}, 3, ["assumed"], None])
def test_other_sources_are_errors_that_name_the_kinds(source: Any) -> None:
    with pytest.raises(InputError, match=r"sources\.messages: must be 'assumed', or one kind of source with its text.*experiment, primary"):
        journey(messages=source)


@pytest.mark.parametrize("key", ["sources", "accept_warnings"])
@pytest.mark.parametrize("path", ["", "a..b", "a[x]"])
def test_a_text_that_is_no_path_is_an_error(key: str, path: str) -> None:
    with pytest.raises(InputError, match=rf"{key}.*must be the path of a value"):
        Journey.from_dict({"name": "j", "starts_in": "here", **messaging_journey(), key: {path: "assumed"}})

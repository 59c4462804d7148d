"""Descriptions of scenarios, and lint warnings."""

import re

import pytest
from conftest import ROOT
from pydantic import TypeAdapter

from cjsim.description.describe import describe
from cjsim.scenario.kinds.wait_laws import WaitKind, WaitLaw
from cjsim.simulation.documents import Scenario
from cjsim.validate.reachability import find_reachable
from cjsim.validate.warnings.lint import lint_warnings

WORLDS = ROOT / "tests" / "worlds"


@pytest.fixture
def tiny() -> Scenario:
    return Scenario.load(WORLDS / "tiny.yaml")


def test_description_of_a_small_scenario(tiny: Scenario) -> None:
    assert describe(tiny).split("\n") == [
        "Scenario tiny: 100 customers enter on day 0.",
        "Simulates 30 days from 2025-01-06 with seed 1. The discount rate is 10 % per year.",
        "",
        "Journey tiny_journey: customers start in stage active.",
        "Contact pressure has a half-life of 7 days.",
        "Personas (hidden from the firm):",
        "  customer, 100 %: resting satisfaction 0.5",
        "Stages and their events:",
        "  active: counts as retained",
        "    purchase after 10 days on average (exponential): spends 20 on average, at a margin of 100 %",
        "    leave after 60 days on average (exponential): goes to gone",
        "  gone",
        "    no events of its own",
        "Channels:",
        "  email: 100 % consent, opened immediately",
        "Messages:",
        "  hello via email: 50 % open it, 0 % of openers click",
        "",
        "Policy tiny_policy:",
        "  Flow greet on entering active:",
        "    send hello",
        "  Guardrails for every send:",
        "    only with consent",
    ]


def test_description_contains_every_name() -> None:
    scenario = Scenario.load(WORLDS / "every_construct.yaml")
    words = set(re.findall(r"\w+", describe(scenario)))
    journey, policy = scenario.journey, scenario.policy
    named = [journey.personas, journey.traits, journey.attributes, journey.stages, journey.events, journey.channels, journey.messages]
    for names in (*named, policy.flows, policy.broadcasts):
        assert set(names) <= words


@pytest.mark.parametrize(
    ("law", "mean", "median"),
    [
        ({"exponential": "3d"}, 3.0, 2.0794415416798357),
        ({"gamma": {"mean": "4d", "shape": 1}}, 4.0, 2.772588722239781),
        ({"weibull": {"scale": "2d", "shape": 0.5}}, 4.0, 0.9609060278364028),
        ({"lognormal": {"median": "1d", "sigma": 2}}, 7.38905609893065, 1.0),
        ({"fixed": "36h"}, 1.5, 1.5),
        ({"empirical": {"values": ["4d", "1d"], "weights": [1, 2]}}, 2.0, 1.0),
    ],
)
def test_description_gives_mean_and_median_of_a_wait(law: dict[str, object], mean: float, median: float) -> None:
    wait = TypeAdapter[WaitKind](WaitLaw).validate_python(law)
    assert wait.mean() == pytest.approx(mean, rel=1e-12)
    assert wait.median() == pytest.approx(median, rel=1e-12)


@pytest.mark.parametrize(
    ("values", "text"),
    [
        ({"customers": 20_000, "horizon": "1d"}, "Scenario tiny: 20,000 customers enter on day 0.\nSimulates 1 day from"),
        ({"journey.events.leave.wait": {"fixed": "36525d"}}, "leave after 36,525 days: goes to gone"),
        ({"journey.events.leave.wait": {"fixed": "1h"}}, "leave after 1 hour: goes to gone"),
        ({"journey.events.leave.wait": {"fixed": "0s"}}, "leave immediately: goes to gone"),
        ({"journey.events.purchase.effects[0].purchase.value": {"fixed": 12_345.6}}, "spends 12,346 on average"),
        ({"journey.channels.email.open_delay": {"lognormal": {"median": "6h", "sigma": 2}}}, "median time to open 6 hours"),
        (
            {"journey.messages.hello.unsubscribe_rate": 0.01, "journey.messages.hello.complaint_rate": 0.002},
            "50 % open it, 0 % of openers click, 1 % opt out, 0.2 % complain",
        ),
        ({"journey.satisfaction": {"half_life": "60d"}}, "Satisfaction returns to its resting level with a half-life of 60 days.\n"),
        ({"journey.pressure": {"half_life": None}}, "Contact pressure does not decay.\n"),
        ({"journey.scores": {"heat": {"half_life": "1d"}, "sum": {}}}, "Scores: heat (half-life of 1 day), sum.\n"),
        ({"journey.messages.hello.lift": {"opened": {"leave": -0.5}}}, "(exponential), lift half-life 3 days: goes to gone"),
        (
            {
                "journey.personas": {
                    "wary": {
                        "share": 1,
                        "responds": {"leave": 2},
                        "contact_lift": {"leave": 0.5},
                        "affinity": {"email": -0.4},
                        "consent": {"email": 0.3},
                    }
                }
            },
            "  wary, 100 %: resting satisfaction 0.5, message lift on leave x 2, each contact adds 0.5 to the lift on leave, "
            "affinity for email -0.4, 30 % consent for email\n",
        ),
    ],
)
def test_description_contains_non_default_values(tiny: Scenario, values: dict[str, object], text: str) -> None:
    assert text not in describe(tiny)
    assert text in describe(tiny.with_values(values))


def test_description_omits_empty_branches(tiny: Scenario) -> None:
    steps = [
        {"wait_for": {"event": "purchase", "at_most": "1d"}},
        {"branch": {"if": "purchases > 1", "else": [{"send": "hello"}]}},
        {"split": {"a": {"share": 0.5, "steps": [{"stop": True}]}, "b": {"share": 0.5}}},
    ]
    lines = describe(tiny.with_values({"policy.flows.greet.steps": steps})).split("\n")
    first = lines.index("    wait up to 1 day for purchase")
    assert lines[first + 1 : -2] == [
        "    if purchases > 1",
        "      else:",
        "        send hello",
        "    split at random",
        "      a, 50 %:",
        "        stop",
        "      b, 50 %: nothing",
    ]


@pytest.mark.parametrize(
    ("values", "warning"),
    [
        ({"journey.stages": {"lost": {}, "active": {}, "gone": {}}}, "journey.stages.lost: no customer ever enters this stage."),
        ({"journey.events.leave.wait": "never"}, "journey.events.leave: never happens, because its wait is 'never' and"),
        ({"journey.events.leave.in": []}, "journey.events.leave: never happens, because it belongs to no stage and"),
        ({"journey.events.leave.in": ["gone"]}, "journey.events.leave: never happens, because no customer enters its stages and"),
        (
            {"journey.personas": {"a": {"share": 1, "speed": {"leave": 0}}}},
            "journey.events.leave: never happens, because its speed is 0 for every persona and",
        ),
        (
            {"journey.events.leave.effects": []},
            "journey.stages.active: customers cannot leave this stage, although it is not the last one.",
        ),
        ({"journey.events.leave.effects[0]": {"untag": "vip"}}, "removes the tag 'vip', which is never set, so this has no effect."),
        ({"policy.flows.greet.steps": [{"wait": "1d"}]}, "policy.flows.greet: none of its steps does anything."),
        ({"policy.flows.greet.holdout": 1}, "policy.flows.greet.holdout: is 1"),
        ({"policy.flows.greet.steps": [{"stop": True}, {"send": "hello"}]}, "policy.flows.greet.steps[1]: never runs"),
        (
            {"policy.flows.greet.on": {"stage": "gone"}, "journey.events.leave.wait": "never"},
            "policy.flows.greet.on: the trigger never happens, so the flow never starts",
        ),
        ({"policy.guardrails.caps": [{"at_most": 0, "per": "1d"}]}, "policy.guardrails.caps[0]: is 0"),
        (
            {
                "policy.broadcasts": {"news": {"schedule": {"weekdays": ["monday"], "at": "23:00"}, "send": "hello"}},
                "policy.guardrails.quiet_hours": [{"from": "22:00", "to": "07:30"}],
            },
            "policy.broadcasts.news.schedule.at: 23:00 is within quiet hours, so every send is deferred to 07:30.",
        ),
        (
            {"policy.guardrails.quiet_hours": [{"from": "20:00", "to": "08:00"}, {"from": "08:00", "to": "20:00", "channels": ["email"]}]},
            "policy.guardrails.quiet_hours: cover the whole day, so nothing is ever sent by email.",
        ),
        (
            {"policy.guardrails.quiet_hours": [{"from": "06:00", "to": "24:00"}, {"from": "22:00", "to": "07:00"}]},
            "policy.guardrails.quiet_hours: cover the whole day, so nothing is ever sent by any channel.",
        ),
        (
            {"policy.broadcasts": {"news": {"schedule": {"dates": ["2025-01-05", "2025-02-05"], "at": "10:00"}, "send": "hello"}}},
            "policy.broadcasts.news.schedule.dates: no date is within the simulated period (30d from 2025-01-06), "
            "so the broadcast is never sent.",
        ),
        ({"entry.over": "31d"}, "entry.over: some customers enter after the horizon"),
    ],
)
def test_likely_mistakes_give_warnings(tiny: Scenario, values: dict[str, object], warning: str) -> None:
    assert lint_warnings(tiny) == []
    assert [text for text in lint_warnings(tiny.with_values(values)) if warning in text] != []


@pytest.mark.parametrize(
    "values",
    [
        {"policy.guardrails.quiet_hours": [{"from": "20:00", "to": "08:00"}, {"from": "08:01", "to": "20:00"}]},
        {"policy.guardrails.quiet_hours": [{"from": "20:00", "to": "08:00"}, {"from": "09:00", "to": "21:00", "channels": ["email"]}]},
        {"policy.broadcasts": {"news": {"schedule": {"dates": ["2024-01-05", "2025-02-04"], "at": "23:00"}, "send": "hello"}}},
    ],
)
def test_near_misses_give_no_warnings(tiny: Scenario, values: dict[str, object]) -> None:
    assert lint_warnings(tiny.with_values(values)) == []


def test_fired_events_and_their_stages_are_reachable(tiny: Scenario) -> None:
    scenario = tiny.with_values(
        {
            "journey.stages": {"active": {}, "far": {}, "gone": {}},
            "journey.events.leave": {"effects": [{"go": "far"}]},
            "journey.messages.hello.effects": {"clicked": [{"choose": [{"weight": 1, "effects": [{"fire": "leave"}]}]}]},
        }
    )
    assert find_reachable(scenario.journey, scenario.policy).stages == {"active", "far"}
    silent = scenario.with_values({"policy.flows": {}})
    assert find_reachable(silent.journey, silent.policy).stages == {"active"}
    assert find_reachable(silent.journey, None).stages == {"active", "far"}

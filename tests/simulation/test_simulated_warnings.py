"""Warnings that simulations of samples show: conditions that make no difference, and desks."""

from typing import Any

import pytest
from small_scenarios import small_scenario

from cjsim.scenario.rosters import Crew, Roster, crew_days
from cjsim.simulation.documents import Scenario
from cjsim.simulation.sampled.customer_sample import simulate_sample
from cjsim.simulation.sampled.desk_hours import agents_at
from cjsim.simulation.sampled.simulated_warnings import simulated_warnings

EVENTS: dict[str, Any] = {
    "buy": {"in": ["here"], "wait": {"exponential": "5d"}, "effects": [{"purchase": {"value": 9}}, {"fire": "thanks"}]},
    "thanks": {},
    "leave": {"in": ["here"], "wait": {"exponential": "300d"}, "effects": [{"go": "there"}]},
}
MAIL = {"channels": {"mail": {}}, "messages": {"hello": {"channel": "mail", "open_rate": 0.5}}}


def world(condition: str, on: dict[str, str] | None = None, *, when: str = "", **settings: Any) -> Scenario:
    """A flow with a condition, at each purchase by default, and an event that may have one."""
    events = EVENTS | {"buy": EVENTS["buy"] | {"when": when}} if when else EVENTS
    journey = {"stages": {"here": {}, "there": {}}, "events": events, **MAIL}
    flow = {"on": on or {"event": "buy"}, "if": condition, "steps": [{"send": "hello"}]}
    return small_scenario(journey=journey, policy={"flows": {"greet": flow}}, **settings)


def paths(warnings: list[str]) -> list[str]:
    return [warning.split(": ")[0] for warning in warnings]


def test_a_condition_that_its_trigger_implies_warns() -> None:
    [found] = simulated_warnings(world("count(buy) >= 1"))
    assert found.startswith(
        "policy.flows.greet.if: 'count(buy) >= 1' always holds in a simulation of 10,000 customers, so it excludes nobody."
    )


def test_a_condition_that_its_trigger_excludes_warns() -> None:
    [found] = simulated_warnings(world("count(buy) == 0"))
    assert "never holds in a simulation of 10,000 customers" in found


def test_a_condition_that_sometimes_holds_does_not_warn() -> None:
    assert simulated_warnings(world("count(buy) == 2")) == []


def test_a_condition_that_values_decide_is_left_to_the_static_checks() -> None:
    assert simulated_warnings(world("count(buy) >= 0")) == []


def test_a_condition_of_a_flow_that_never_starts_makes_no_difference() -> None:
    # Customers leave after 90 days, and the horizon is 30 days.
    never = world("count(buy) >= 2", {"stage": "there"}).with_values({"journey.events.leave.wait": {"fixed": "90d"}})
    [found] = simulated_warnings(never)
    assert "makes no difference in a simulation of 10,000 customers" in found


def test_a_condition_of_an_event_that_always_holds_warns() -> None:
    assert paths(simulated_warnings(world("count(buy) == 2", when="count(thanks) == count(buy)"))) == ["journey.events.buy.when"]


def test_a_condition_that_ends_a_loop_does_not_warn() -> None:
    looping = world("count(buy) == 2", when="count(buy) < 3").with_values({"journey.events.buy.wait": {"fixed": "0s"}})
    assert simulated_warnings(looping) == []


def test_few_affected_customers_show_nothing() -> None:
    # About 10 of 10,000 customers leave within the horizon, so the condition decides little.
    leaving = world("count(leave) >= 1", {"stage": "there"}).with_values({"journey.events.leave.wait": {"exponential": "30000d"}})
    assert simulated_warnings(leaving) == []


def test_a_condition_that_holds_for_one_customer_in_a_thousand_does_not_warn() -> None:
    """Of 10,000 customers, none has the tag with a probability of 0.00005; of 500, none had it with one of 0.6."""
    rare = {"choose": [{"weight": 0.999}, {"weight": 0.001, "effects": [{"tag": "rare"}]}]}
    draws = {"in": ["here"], "wait": {"fixed": "1d"}, "effects": [rare, {"go": "there"}]}
    scenario = world("tagged(rare)", {"stage": "there"}).with_values({"journey.events.leave": draws})
    assert simulated_warnings(scenario) == []


def test_a_scenario_that_cannot_be_simulated_warns_why() -> None:
    looping = small_scenario(journey={"events": {"spin": {"in": "anywhere", "wait": {"fixed": "0s"}, "when": "count(spin) >= 0"}}})
    [found] = simulated_warnings(looping)
    assert found.startswith("journey: the checks by simulation cannot run. ") and "must not loop" in found


def test_a_scenario_without_customers_warns() -> None:
    journey = {"acquisition": {"search": {"baseline": 1e-9}}}
    [found] = simulated_warnings(small_scenario(journey=journey, customers=0))
    assert found.startswith("customers: ")


def desk_world(*, hours: tuple[str, str] = ("09:00", "17:00"), service: str = "50min", agents: int = 1, patience: Any = None) -> Scenario:
    """Customers ask once in 15 days on average, at any hour."""
    journey = {
        "events": {"asks": {"in": "anywhere", "wait": {"exponential": "15d"}, "effects": [{"ask": "support"}]}},
        "desks": {"support": {"service": {"exponential": service}, "patience": patience or {"exponential": "10min"}}},
    }
    shift = {"agents": agents, "from": hours[0], "to": hours[1]}
    return small_scenario(journey=journey, policy={"desks": {"support": {"shifts": [shift]}}}, customers=300)


def test_a_desk_that_is_closed_when_customers_ask_warns_with_share_and_hours() -> None:
    # Two thirds of the day are outside the shift.
    found = simulated_warnings(desk_world())[0]
    assert (
        found.startswith("policy.desks.support.shifts: 6")
        and "of the requests in a simulation of 300 customers arrive when no agent" in found
    )
    assert "(most at " in found


# Offered load: 20 requests a day, a third of them in 8 hours, times 50 minutes, is 69 % of one agent; around the clock, 69 % as well.
def test_a_desk_around_the_clock_with_enough_agents_does_not_warn() -> None:
    assert simulated_warnings(desk_world(hours=("00:00", "24:00"))) == []


def test_a_desk_with_too_many_agents_is_mostly_idle() -> None:
    [found] = simulated_warnings(desk_world(hours=("00:00", "24:00"), agents=10))
    assert "the agents are busy 7 % of their time" in found


def test_a_desk_with_too_few_agents_has_growing_queues() -> None:
    [found] = simulated_warnings(desk_world(hours=("00:00", "24:00"), service="100min"))
    assert "of the agents' time" in found and "so queues grow" in found


def test_the_load_is_that_of_all_customers() -> None:
    many = desk_world(hours=("00:00", "24:00"), agents=10).with_values({"customers": 3000})
    assert simulated_warnings(many) == []


def test_a_sample_holds_initial_customers_and_arrivals_in_proportion() -> None:
    journey = {"acquisition": {"search": {"baseline": 100}}}
    sample = simulate_sample(small_scenario(journey=journey, customers=1000), 500)
    # 1,000 customers and about 3,000 arrivals, with a standard deviation of 55.
    arrived = int((sample.outcomes.customers["entered"] > 0).sum())
    assert arrived == pytest.approx(375, abs=10)


@pytest.mark.parametrize(("time", "agents"), [(0.2, 0), (0.375, 2), (0.49, 2), (0.5, 0)])
def test_agents_work_from_the_start_to_the_end_of_a_shift(time: float, agents: int) -> None:
    assert agents_at(Roster((0.375, 0.5), (2, 0)), time) == agents


def test_agent_days_end_at_the_horizon() -> None:
    assert crew_days([Crew(0.5, 2.0, 3)], 1.0) == 1.5

"""Levers of a scenario and their moves: steps by type of field, within bounds, settable by users."""

from typing import Any

import pytest
from conftest import ROOT
from small_scenarios import START, messaging_journey

from cjsim.errors import InputError
from cjsim.simulation.documents import Scenario
from cjsim.tuning.levers.moves import Move, list_moves


def messaging_scenario_with(**policy: Any) -> Scenario:
    journey = {"name": "j", "starts_in": "here", **messaging_journey()}
    return Scenario.from_dict({"name": "s", "journey": journey, "policy": {"name": "p", **policy}, "start": START, "horizon": "30d"})


def flow(*steps: dict[str, Any], **terms: Any) -> dict[str, Any]:
    return {"hail": {"on": {"stage": "here"}, "steps": list(steps), **terms}}


def move_targets(scenario: Scenario, path: str, **options: bool) -> list[Any]:
    return [move.after for move in list_moves(scenario, **options) if move.path == path]


@pytest.mark.parametrize(
    ("written", "wanted"),
    [("1d", ["12h", "2d"]), ("90min", ["45min", "3h"]), ("7d", ["3.5d", "2w"]), ("1s", ["2s"]), ("100s", ["50s", "200s"])],
)
def test_durations_are_halved_and_doubled(written: str, wanted: list[str]) -> None:
    world = messaging_scenario_with(flows=flow({"wait": written}, {"send": "hello"}))
    assert move_targets(world, "policy.flows.hail.steps[0].wait") == wanted


@pytest.mark.parametrize(("at", "wanted"), [("10:00", ["08:00", "12:00"]), ("01:00", ["00:00", "03:00"]), ("23:30", ["21:30", "24:00"])])
def test_times_of_day_move_by_two_hours_within_the_day(at: str, wanted: list[str]) -> None:
    world = messaging_scenario_with(broadcasts={"news": {"schedule": {"weekdays": ["monday"], "at": at}, "send": "hello"}})
    assert move_targets(world, "policy.broadcasts.news.schedule.at") == wanted


@pytest.mark.parametrize(("at_most", "wanted"), [(2, [1, 3]), (0, [1]), (40, [36, 44])])
def test_small_integers_move_by_one_and_large_ones_by_10_percent(at_most: int, wanted: list[int]) -> None:
    world = messaging_scenario_with(guardrails={"caps": [{"at_most": at_most, "per": "7d"}]})
    assert move_targets(world, "policy.guardrails.caps[0].at_most") == wanted


@pytest.mark.parametrize(("holdout", "wanted"), [(0.3, [0.2, 0.4]), (0.0, [0.1]), (0.95, [0.85, 1.0])])
def test_shares_move_by_10_points_within_0_and_1(holdout: float, wanted: list[float]) -> None:
    assert move_targets(messaging_scenario_with(guardrails={"holdout": holdout}), "policy.guardrails.holdout") == wanted


def test_shares_that_sum_to_one_are_rescaled_in_proportion() -> None:
    arms = {"a": {"share": 0.5, "steps": [{"send": "hello"}]}, "b": {"share": 0.3}, "c": {"share": 0.2}}
    world = messaging_scenario_with(flows=flow({"split": arms}))
    up = next(move for move in list_moves(world) if move.path.endswith("split.a.share") and move.after == 0.6)
    arm = "policy.flows.hail.steps[0].split"
    assert up.values == pytest.approx({f"{arm}.a.share": 0.6, f"{arm}.b.share": 0.24, f"{arm}.c.share": 0.16})
    world.with_values(up.values)  # passes validation


def test_switches_are_flipped() -> None:
    world = messaging_scenario_with(flows=flow({"wait_until": {"at": "10:00"}}, {"send": "hello"}))
    assert move_targets(world, "policy.flows.hail.steps[0].wait_until.best_hour") == [True]


def test_priority_moves_to_first_or_last() -> None:
    hails = flow({"send": "hello"}, priority=5)
    assert move_targets(messaging_scenario_with(flows=hails), "policy.flows.hail.priority") == []
    assert move_targets(messaging_scenario_with(flows={**hails, "other": hails["hail"]}), "policy.flows.hail.priority") == [-1000, 1000]


def test_unset_field_is_a_lever_only_if_its_default_is_a_choice() -> None:
    paths = {
        move.path
        for move in list_moves(
            messaging_scenario_with(broadcasts={"news": {"schedule": {"weekdays": ["monday"], "at": "10:00"}, "send": "hello"}})
        )
    }
    news = "policy.broadcasts.news"
    assert paths == {f"{news}.schedule.every_weeks", f"{news}.schedule.at", news, "policy.guardrails.holdout"}


def test_every_weeks_is_not_a_lever_with_dates() -> None:
    world = messaging_scenario_with(broadcasts={"news": {"schedule": {"dates": ["2026-01-08"], "at": "10:00"}, "send": "hello"}})
    assert move_targets(world, "policy.broadcasts.news.schedule.every_weeks") == []


def test_a_flow_is_switched_off_by_a_condition_that_never_holds() -> None:
    world = messaging_scenario_with(flows=flow({"send": "hello"}))
    off = next(move for move in list_moves(world) if move.path == "policy.flows.hail")
    assert (off.before, off.after, off.values) == ("on", "off", {"policy.flows.hail.if": "day < 0"})


def test_steps_visible_to_customers_are_removed_at_any_depth() -> None:
    ask = {"wait_for": {"event": "nod", "at_most": "2d", "else": [{"send": "ping"}]}}
    world = messaging_scenario_with(flows=flow({"tag": "x"}, {"send": "hello"}, ask))
    out = {move.path: move for move in list_moves(world) if move.kind == "step"}
    assert list(out) == ["policy.flows.hail.steps[1]", "policy.flows.hail.steps[2].wait_for.else[0]"]
    without = world.with_values(out["policy.flows.hail.steps[1]"].values).policy.flows["hail"]
    assert [step.key for step in without.steps] == ["tag", "wait_for"]
    assert out["policy.flows.hail.steps[1]"].title == "hail, step 2: send hello"


def test_only_visible_step_is_not_removed() -> None:
    assert [
        move for move in list_moves(messaging_scenario_with(flows=flow({"wait": "1d"}, {"send": "hello"}))) if move.kind == "step"
    ] == []


def test_lever_in_a_short_form_replaces_the_whole_value() -> None:
    journey = {"name": "j", "starts_in": "here", **messaging_journey(), "desks": {"help": {"service": {"fixed": "5min"}}}}
    settings = {"journey": journey, "policy": {"name": "p", "desks": {"help": {"agents": 3}}}, "start": START, "horizon": "30d"}
    world = Scenario.from_dict({"name": "s", **settings})
    up = next(move for move in list_moves(world) if move.path == "policy.desks.help.shifts[0].agents" and move.after == 4)
    assert up.values == {"policy.desks.help": {"shifts": [{"agents": 4}]}}
    assert world.with_values(up.values).policy.desks["help"].shifts[0].agents == 4


def test_journey_numbers_move_by_20_percent() -> None:
    world = messaging_scenario_with()
    assert move_targets(world, "journey.messages.hello.open_rate", journey=True) == [0.24, 0.36]
    assert move_targets(world, "journey.events.buy.wait.exponential.mean", journey=True) == ["8d", "12d"]
    assert move_targets(world, "journey.scores.heat.half_life", journey=True) == ["5.6d", "8.4d"]
    assert move_targets(world, "journey.messages.hello.open_rate") == []


def test_rate_stays_below_its_exclusive_bound() -> None:
    assert move_targets(messaging_scenario_with(), "journey.messages.ping.open_rate", journey=True) == [0.72, 0.95]


def count_valid_moves(scenario: Scenario, moves: list[Move]) -> tuple[int, list[str]]:
    """The number of moves that change the scenario, and the errors of the others."""
    same, refused = 0, []
    for move in moves:
        try:
            same += scenario.with_values(move.values) == scenario
        except InputError as error:
            refused.append(str(error))
    assert same == 0
    return len(moves) - len(refused), refused


@pytest.mark.parametrize("name", ["shop", "subscription_churn_offer"])
def test_every_move_of_a_shipped_scenario_is_valid(name: str) -> None:
    world = Scenario.load(ROOT / "configs" / "scenarios" / f"{name}.yaml")
    valid, refused = count_valid_moves(world, list_moves(world))
    assert valid > 50
    assert all("must have staff" in reason for reason in refused)

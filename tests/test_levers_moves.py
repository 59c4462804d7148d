"""Which levers a scenario has and by how much each is moved: by the type of a field, within its bounds, settable as a user would."""

from typing import Any

import pytest
from conftest import ROOT
from small_worlds import START, talking_journey

from cjsim.errors import InputError
from cjsim.model.scenario import Scenario
from cjsim.tuning.moves import Move, moves_of


def talking(**policy: Any) -> Scenario:
    journey = {"name": "j", "starts_in": "here", **talking_journey()}
    return Scenario.from_dict({"name": "s", "journey": journey, "policy": {"name": "p", **policy}, "start": START, "horizon": "30d"})


def flow(*steps: dict[str, Any], **terms: Any) -> dict[str, Any]:
    return {"hail": {"on": {"stage": "here"}, "steps": list(steps), **terms}}


def targets(scenario: Scenario, path: str, **options: bool) -> list[Any]:
    return [move.after for move in moves_of(scenario, **options) if move.path == path]


@pytest.mark.parametrize(
    ("written", "wanted"),
    [("1d", ["12h", "2d"]), ("90min", ["45min", "3h"]), ("7d", ["3.5d", "2w"]), ("1s", ["2s"]), ("100s", ["50s", "200s"])],
)
def test_durations_are_halved_and_doubled(written: str, wanted: list[str]) -> None:
    world = talking(flows=flow({"wait": written}, {"send": "hello"}))
    assert targets(world, "policy.flows.hail.steps[0].wait") == wanted


@pytest.mark.parametrize(("at", "wanted"), [("10:00", ["08:00", "12:00"]), ("01:00", ["00:00", "03:00"]), ("23:30", ["21:30", "24:00"])])
def test_times_of_day_move_by_two_hours_within_the_day(at: str, wanted: list[str]) -> None:
    world = talking(broadcasts={"news": {"schedule": {"weekdays": ["monday"], "at": at}, "send": "hello"}})
    assert targets(world, "policy.broadcasts.news.schedule.at") == wanted


@pytest.mark.parametrize(("at_most", "wanted"), [(2, [1, 3]), (0, [1]), (40, [36, 44])])
def test_whole_numbers_move_by_one_and_many_by_a_tenth(at_most: int, wanted: list[int]) -> None:
    world = talking(guardrails={"caps": [{"at_most": at_most, "per": "7d"}]})
    assert targets(world, "policy.guardrails.caps[0].at_most") == wanted


@pytest.mark.parametrize(("holdout", "wanted"), [(0.3, [0.2, 0.4]), (0.0, [0.1]), (0.95, [0.85, 1.0])])
def test_shares_move_by_a_tenth_within_0_and_1(holdout: float, wanted: list[float]) -> None:
    assert targets(talking(guardrails={"holdout": holdout}), "policy.guardrails.holdout") == wanted


def test_shares_that_sum_to_1_give_and_take_in_proportion() -> None:
    arms = {"a": {"share": 0.5, "steps": [{"send": "hello"}]}, "b": {"share": 0.3}, "c": {"share": 0.2}}
    world = talking(flows=flow({"split": arms}))
    up = next(move for move in moves_of(world) if move.path.endswith("split.a.share") and move.after == 0.6)
    arm = "policy.flows.hail.steps[0].split"
    assert up.values == pytest.approx({f"{arm}.a.share": 0.6, f"{arm}.b.share": 0.24, f"{arm}.c.share": 0.16})
    world.with_values(up.values)  # the checks take it


def test_switches_are_flipped() -> None:
    world = talking(flows=flow({"wait_until": {"at": "10:00"}}, {"send": "hello"}))
    assert targets(world, "policy.flows.hail.steps[0].wait_until.best_hour") == [True]


def test_a_priority_becomes_the_first_or_the_last_where_there_are_others() -> None:
    hails = flow({"send": "hello"}, priority=5)
    assert targets(talking(flows=hails), "policy.flows.hail.priority") == []
    assert targets(talking(flows={**hails, "other": hails["hail"]}), "policy.flows.hail.priority") == [-1000, 1000]


def test_what_was_not_written_is_no_lever_unless_its_default_is_a_choice() -> None:
    paths = {
        move.path for move in moves_of(talking(broadcasts={"news": {"schedule": {"weekdays": ["monday"], "at": "10:00"}, "send": "hello"}}))
    }
    news = "policy.broadcasts.news"
    assert paths == {f"{news}.schedule.every_weeks", f"{news}.schedule.at", news, "policy.guardrails.holdout"}


def test_weeks_between_are_no_lever_beside_dates() -> None:
    world = talking(broadcasts={"news": {"schedule": {"dates": ["2026-01-08"], "at": "10:00"}, "send": "hello"}})
    assert targets(world, "policy.broadcasts.news.schedule.every_weeks") == []


def test_a_flow_is_switched_off_by_a_condition_that_never_holds() -> None:
    world = talking(flows=flow({"send": "hello"}))
    off = next(move for move in moves_of(world) if move.path == "policy.flows.hail")
    assert (off.before, off.after, off.values) == ("on", "off", {"policy.flows.hail.if": "day < 0"})


def test_a_step_that_a_customer_can_notice_is_left_out_at_any_depth() -> None:
    ask = {"wait_for": {"event": "nod", "at_most": "2d", "else": [{"send": "ping"}]}}
    world = talking(flows=flow({"tag": "x"}, {"send": "hello"}, ask))
    out = {move.path: move for move in moves_of(world) if move.kind == "step"}
    assert list(out) == ["policy.flows.hail.steps[1]", "policy.flows.hail.steps[2].wait_for.else[0]"]
    without = world.with_values(out["policy.flows.hail.steps[1]"].values).policy.flows["hail"]
    assert [step.kind for step in without.steps] == ["tag", "wait_for"]
    assert out["policy.flows.hail.steps[1]"].title == "hail, step 2: send hello"


def test_the_only_step_that_can_be_noticed_is_not_left_out_as_the_flow_can_be_switched_off() -> None:
    assert [move for move in moves_of(talking(flows=flow({"wait": "1d"}, {"send": "hello"}))) if move.kind == "step"] == []


def test_a_lever_within_a_short_form_is_set_with_the_whole_of_it() -> None:
    journey = {"name": "j", "starts_in": "here", **talking_journey(), "desks": {"help": {"service": {"fixed": "5min"}}}}
    settings = {"journey": journey, "policy": {"name": "p", "desks": {"help": {"agents": 3}}}, "start": START, "horizon": "30d"}
    world = Scenario.from_dict({"name": "s", **settings})
    up = next(move for move in moves_of(world) if move.path == "policy.desks.help.shifts[0].agents" and move.after == 4)
    assert up.values == {"policy.desks.help": {"shifts": [{"agents": 4}]}}
    assert world.with_values(up.values).policy.desks["help"].shifts[0].agents == 4


def test_a_journeys_numbers_move_by_a_fifth_of_themselves() -> None:
    world = talking()
    assert targets(world, "journey.messages.hello.open_rate", journey=True) == [0.24, 0.36]
    assert targets(world, "journey.events.buy.wait.exponential.mean", journey=True) == ["8d", "12d"]
    assert targets(world, "journey.scores.heat.half_life", journey=True) == ["5.6d", "8.4d"]
    assert targets(world, "journey.messages.hello.open_rate") == []


def test_a_rate_stays_below_its_open_bound() -> None:
    assert targets(talking(), "journey.messages.ping.open_rate", journey=True) == [0.72, 0.95]


def variants(scenario: Scenario, moves: list[Move]) -> tuple[int, list[str]]:
    """How many moves give another scenario, and why the others do not."""
    same, refused = 0, []
    for move in moves:
        try:
            same += scenario.with_values(move.values) == scenario
        except InputError as error:
            refused.append(str(error))
    assert same == 0
    return len(moves) - len(refused), refused


@pytest.mark.parametrize("name", ["shop", "subscription_churn_offer"])
def test_every_move_of_a_shipped_scenario_can_be_made_unless_it_leaves_a_desk_without_staff(name: str) -> None:
    world = Scenario.load(ROOT / "configs" / "scenarios" / f"{name}.yaml")
    made, refused = variants(world, moves_of(world))
    assert made > 50
    assert all("must have staff" in reason for reason in refused)

"""Flows and broadcasts as records: steps and branches, the order of actors, triggers and exits, and dates."""

import math
from typing import Any

import numpy as np
from small_scenarios import messaging_journey, messaging_scenario, small_scenario

from cjsim.compiler import symbols
from cjsim.compiler.compile_scenario import compile_scenario
from cjsim.kernels.codes import ConditionOp, StepCode, TriggerCode

WELCOME = {"on": {"event": "look"}, "steps": [{"send": "hello"}]}


def trace_flow(world: Any, actor: int, answers: list[int]) -> list[str]:
    """The steps that a flow takes, given the choice at each fork: 0 for `then` or the first arm, 1 for `else` or the second."""
    taken, at = [], int(world.actors[actor].first_step)
    while at >= 0:
        step = world.steps[at]
        op = StepCode(step.op)
        if op is StepCode.STOP:
            return [*taken, "STOP"]
        if op is not StepCode.JUMP:
            target = world.sites[step.target].message if op is StepCode.SEND else step.target
            taken.append(f"{op.name} {target if op in (StepCode.SEND, StepCode.WAIT_FOR) else float(step.x):g}")
        if op is StepCode.SPLIT:
            at = int(world.shares[step.other + answers.pop(0)].step)
        elif op in (StepCode.BRANCH, StepCode.WAIT_FOR):
            at = int((step.next, step.other)[answers.pop(0)])
        else:
            at = int(step.next)
    return taken


def flow_world(steps: list[Any]) -> Any:
    return compile_scenario(messaging_scenario(flows={"f": {"on": {"event": "look"}, "steps": steps}})).world


def test_steps_are_linked_in_order() -> None:
    world = flow_world(
        [{"send": "ping"}, {"wait": "36h"}, {"score": {"sum": 2, "heat": 3}}, {"tag": "t"}, {"untag": "t"}, {"send": "hello"}]
    )
    assert trace_flow(world, 0, []) == ["SEND 1", "WAIT 1.5", "SCORE 2", "SCORE 3", "TAG 0", "UNTAG 0", "SEND 0"]


def test_branches_rejoin_after_a_fork() -> None:
    wait_for = {"event": "buy", "at_most": "2d", "then": [{"stop": True}], "else": [{"send": "ping"}, {"wait": "1d"}]}
    branch = {"if": "purchases > 1", "then": [{"branch": {"if": "purchases > 2", "else": [{"wait": "5d"}]}}, {"wait": "6d"}]}
    world = flow_world([{"wait_for": wait_for}, {"branch": branch}, {"wait": "9d"}])
    assert trace_flow(world, 0, [0]) == ["WAIT_FOR 0", "STOP"]
    assert trace_flow(world, 0, [1, 1]) == ["WAIT_FOR 0", "SEND 1", "WAIT 1", "BRANCH 0", "WAIT 9"]
    assert trace_flow(world, 0, [1, 0, 0])[3:] == ["BRANCH 0", "BRANCH 0", "WAIT 6", "WAIT 9"]
    assert trace_flow(world, 0, [1, 0, 1])[3:] == ["BRANCH 0", "BRANCH 0", "WAIT 5", "WAIT 6", "WAIT 9"]
    assert world.steps[0].x == 2.0


def test_branch_evaluates_its_condition() -> None:
    world = flow_world([{"branch": {"if": "purchases > 4", "then": [{"stop": True}]}}])
    program = world.codes[world.steps[0].program :]
    assert [(code.op, code.x) for code in program] == [
        (ConditionOp.PURCHASES, 0),
        (ConditionOp.CONST, 4),
        (ConditionOp.GT, 0),
        (ConditionOp.END, 0),
    ]


def test_arms_of_a_split_have_cumulative_shares() -> None:
    split = {
        "a": {"share": 0.2, "steps": [{"send": "ping"}]},
        "b": {"share": 0.5},
        "c": {"share": 0.3, "steps": [{"wait": "1d"}, {"stop": True}]},
    }
    world = flow_world([{"split": split}, {"send": "hello"}])
    assert [trace_flow(world, 0, [arm]) for arm in range(3)] == [
        ["SPLIT 0", "SEND 1", "SEND 0"],
        ["SPLIT 0", "SEND 0"],
        ["SPLIT 0", "WAIT 1", "STOP"],
    ]
    assert np.allclose(world.shares.cumulative, [0.2, 0.7, 1.0], rtol=0, atol=1e-15)
    assert world.steps[0].stream == symbols.stream_id("flow:f::split:steps[0]")


def test_empty_arm_at_the_end_ends_the_flow() -> None:
    assert trace_flow(flow_world([{"split": {"a": {"share": 0.5}, "b": {"share": 0.5}}}]), 0, [1]) == ["SPLIT 0"]


def test_split_stream_is_named_by_label_or_path() -> None:
    split = {"a": {"share": 0.5}, "b": {"share": 0.5}}
    inside = {"branch": {"if": "purchases > 1", "then": [{"wait": "1d"}, {"split": split}]}}
    names = compile_scenario(
        messaging_scenario(flows={"f": {"on": {"event": "look"}, "steps": [inside, {"split": split, "label": "test"}]}})
    ).streams
    assert {name for name in names if ":split:" in name} == {"flow:f::split:steps[0].branch.then[1]", "flow:f::split:test"}


def test_jump_reaches_its_label_in_any_branch() -> None:
    steps = [
        {"branch": {"if": "purchases > 1", "then": [{"send": "ping", "label": "again"}, {"wait": "1d"}]}},
        {"branch": {"if": "purchases > 2", "then": [{"jump": "again"}], "else": [{"jump": "out"}]}},
        {"wait": "7d"},
        {"stop": True, "label": "out"},
    ]
    world = flow_world(steps)
    again = ["SEND 1", "WAIT 1", "BRANCH 0"]
    assert trace_flow(world, 0, [0, 0, 0, 1]) == ["BRANCH 0", *again, *again, *again, "STOP"]


def test_sends_of_one_message_share_a_site_and_its_count() -> None:
    flows = {"f": {"on": {"event": "look"}, "steps": [{"send": "hello"}, {"send": "ping"}, {"send": "hello"}]}, "g": WELCOME}
    world = compile_scenario(messaging_scenario(flows=flows)).world
    sends = [(step.target, step.slot) for step in world.steps]
    assert sends[0] == sends[2]
    assert len(set(sends)) == 3
    assert [(site.message, site.actor) for site in world.sites] == [(0, 0), (1, 0), (0, 1)]
    assert world.sites[2].stream_read == symbols.stream_id("flow:g:hello:read")


def test_actors_are_sorted_by_priority_then_kind_then_declaration() -> None:
    schedule = {"weekdays": ["monday"], "at": "9:00"}
    plan = compile_scenario(
        messaging_scenario(
            broadcasts={"n": {"schedule": schedule, "send": "ping"}, "m": {"schedule": schedule, "send": "ping", "priority": 5}},
            flows={"a": WELCOME, "b": {**WELCOME, "priority": -1}, "c": {**WELCOME, "priority": 5}, "d": WELCOME},
        )
    )
    assert plan.codebook.sources == ("c", "m", "a", "d", "n", "b")
    assert list(plan.world.actors.source) == list(range(6))
    assert [TriggerCode(kind).name for kind in plan.world.actors.trigger] == ["EVENT", "SCHEDULE", "EVENT", "EVENT", "SCHEDULE", "EVENT"]


def test_events_and_stages_are_linked_to_actors() -> None:
    steps = [{"send": "hello"}]
    flows = {
        "on_look": {"on": {"event": "look"}, "exit_on": ["buy"], "steps": steps},
        "on_there": {"on": {"stage": "there"}, "exit_on": ["buy", "nod"], "steps": steps, "again_after": "never"},
        "quiet": {"on": {"inactivity": "30d"}, "steps": steps, "again_after": "90d"},
        "no_buy": {"on": {"inactivity": "60d", "of": ["buy", "nod"]}, "steps": steps},
        "also_look": {"on": {"event": "look"}, "steps": steps, "holdout": 0.1},
    }
    world = compile_scenario(messaging_scenario(flows=flows)).world

    def span(row: Any, kind: str) -> list[int]:
        return list(world.links[row[f"{kind}_first"] : row[f"{kind}_first"] + row[f"{kind}_count"]])

    assert [[span(event, what) for what in ("trigger", "exit", "watch")] for event in world.events] == [
        [[], [0, 1], [3]],
        [[0, 4], [], []],
        [[], [1], [3]],
    ]
    assert [list(world.links[first : first + count]) for first, count in world.stage_links] == [[], [1]]
    assert list(world.any_activity_actors) == [2]
    assert list(world.actors.watch_entry) == [0, 0, 1, 0, 0]
    assert list(world.actors.inactivity) == [math.inf, math.inf, 30, 60, math.inf]
    assert list(world.actors.again_after) == [0, math.inf, 90, 0, 0]
    assert list(world.actors.holdout) == [0, 0, 0, 0, 0.1]


def broadcast_times(schedule: dict[str, Any], **settings: Any) -> list[float]:
    policy = {"broadcasts": {"n": {"schedule": schedule, "send": "ping"}}}
    world = compile_scenario(small_scenario(journey=messaging_journey(), policy=policy, **settings)).world
    actor = world.actors[0]
    return list(world.schedule[actor.schedule_first : actor.schedule_first + actor.schedule_count])


def test_weekday_broadcasts_are_scheduled_within_the_horizon() -> None:
    assert broadcast_times({"weekdays": ["thursday", "monday"], "at": "6:00"}, horizon="10d") == [0.25, 3.25, 7.25]
    assert broadcast_times({"weekdays": ["monday"], "every_weeks": 2, "at": "0:00"}, horizon="28d") == [0, 14, 28]


def test_every_weeks_counts_from_the_start() -> None:
    assert broadcast_times({"weekdays": ["tuesday"], "every_weeks": 2, "at": "12:00"}, start="2026-01-07") == [6.5, 20.5]


def test_dated_broadcasts_are_scheduled_within_the_horizon() -> None:
    given = ["2026-01-09", "2026-01-04", "2026-01-06", "2026-01-09", "2026-02-05"]
    assert broadcast_times({"dates": given, "at": "12:00"}) == [1.5, 4.5]

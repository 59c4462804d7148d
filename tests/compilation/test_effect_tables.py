"""Effects as records: chains, branches that rejoin, and the streams and slots of their random draws."""

from typing import Any

from small_scenarios import small_scenario, trace_effects

from cjsim.compiler import symbols
from cjsim.compiler.compile_scenario import compile_scenario
from cjsim.kernels.codes import EffectCode


def effects_world(effects: list[Any]) -> Any:
    events = {"e": {"effects": effects}, "f": {}}
    traits = {"x": {"fixed": 1}, "y": {"fixed": 1}}
    return compile_scenario(
        small_scenario(journey={"events": events, "scores": {"a": {}, "b": {}}, "channels": {"mail": {}, "text": {}}, "traits": traits})
    ).world


def test_effects_are_linked_in_written_order() -> None:
    effects = [
        {"tag": "t"},
        {"score": {"b": 2, "a": -1}},
        {"untag": "t"},
        {"satisfy": -0.5},
        {"opt_out": "text"},
        {"opt_out": "all"},
        {"opt_in": "text"},
        {"opt_in": "all"},
        {"fire": "f"},
        {"go": "here"},
    ]
    world = effects_world(effects)
    assert trace_effects(world, world.events[0].effects, []) == [
        ("TAG", 0, 0),
        ("SCORE", 1, 2),
        ("SCORE", 0, -1),
        ("UNTAG", 0, 0),
        ("SATISFY", -1, -0.5),
        ("OPT_OUT", 1, 0),
        ("OPT_OUT", -1, 0),
        ("OPT_IN", 1, 0),
        ("OPT_IN", -1, 0),
        ("FIRE", 1, 0),
        ("GO", 0, 0),
    ]
    assert world.events[1].effects == -1


def test_choose_branches_continue_with_the_next_effect() -> None:
    inner = {"choose": [{"weight": 1, "effects": [{"satisfy": 0.3}]}, {"weight": 1}]}
    outer = {
        "choose": [
            {"weight": 2, "bend": -1.5, "effects": [{"satisfy": 0.2}, inner]},
            {"weight": "1-x"},
            {"weight": 1, "effects": [{"score": {}}]},
        ]
    }
    world = effects_world([{"satisfy": 0.1}, outer, {"satisfy": 0.4}])
    first = world.events[0].effects
    gains = {tuple(choices): [x for _, _, x in trace_effects(world, first, list(choices))] for choices in [(0, 0), (0, 1), (1,), (2,)]}
    assert gains == {(0, 0): [0.1, 0.2, 0.3, 0.4], (0, 1): [0.1, 0.2, 0.4], (1,): [0.1, 0.4], (2,): [0.1, 0.4]}
    choose = world.effects[1]
    assert (choose.op, choose.count) == (EffectCode.CHOOSE, 3)
    branches = world.effects[2:5]
    assert [(b.column, b.x, b.y) for b in branches] == [(-1, 2, -1.5), (2, 0, 0), (-1, 1, 0)]


def test_final_choose_ends_the_chain() -> None:
    world = effects_world([{"choose": [{"weight": 1}, {"weight": 1, "effects": [{"tag": "t"}]}]}])
    assert trace_effects(world, 0, [0]) == []
    assert trace_effects(world, 0, [1]) == [("TAG", 0, 0)]


def test_each_decision_of_an_event_has_its_own_stream_and_slot() -> None:
    purchase = {"purchase": {"value": 5, "times": ["y", "x"], "margin": 0.4}}
    choose = {"choose": [{"weight": 1, "effects": [purchase]}]}
    world = effects_world([choose, purchase, choose])
    drawn = world.effects[world.effects.stream > 0]
    names = ["event:e:choose", "event:e:value", "event:e:value:2", "event:e:choose:2", "event:e:value:3"]
    assert list(drawn.stream) == [symbols.stream_id(name) for name in names]
    assert sorted(drawn.slot) == list(range(5))
    assert [list(world.factors[e.column : e.column + e.count]) for e in drawn if e.op == EffectCode.PURCHASE] == [[1, 0]] * 3
    assert (drawn[1].x, drawn[1].value.scale) == (0.4, 5)

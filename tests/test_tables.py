"""The door from names to numbers: types, spans, graphs of steps and effects, streams, and its own refusals."""

import math
from typing import Any

import numba
import numpy as np
import pytest
from scipy import special
from small_worlds import arrays_of, scenario, talking, talking_journey

from cjsim.errors import InputError
from cjsim.model import registers, state, world
from cjsim.model.codes import Effect, Op, Step, Touch, Trigger
from cjsim.model.plan import Plan
from cjsim.model.tables import compile_world

RECORDS = {
    "setting": world.SETTING,
    "stages": world.STAGE,
    "events": world.EVENT,
    "effects": world.EFFECT,
    "channels": world.CHANNEL,
    "messages": world.MESSAGE,
    "lifts": world.LIFT,
    "sites": world.SITE,
    "actors": world.ACTOR,
    "steps": world.STEP,
    "shares": world.SHARE,
    "quiet": world.QUIET,
    "gaps": world.GAP,
    "caps": world.CAP,
    "budgets": world.BUDGET,
    "offers": world.OFFER,
    "desks": world.DESK,
    "personalisation": world.PERSONALISATION,
    "scores": world.SCORE,
    "personas": world.PERSONA,
    "profiles": world.PROFILE,
    "moments": world.MOMENT,
    "codes": world.CODE,
}
INTEGERS = {
    *("stage_events", "factors", "links", "stage_links", "any_watch", "when_events", "mood_events", "contact_events", "guide"),
    *("pull_sites", "score_actors", "unopened_actors"),
}
LOOPED = (
    "events",
    "channels",
    "messages",
    "sites",
    "actors",
    "quiet",
    "gaps",
    "caps",
    "budgets",
    "offers",
    "desks",
    "personalisation",
    "pull_sites",
    "score_actors",
    "unopened_actors",
    "scores",
    "any_watch",
    "when_events",
    "mood_events",
    "contact_events",
)
WELCOME = {"on": {"event": "look"}, "steps": [{"send": "hello"}]}


def full() -> Plan:
    policy = {
        "flows": {"welcome": {**WELCOME, "if": "tagged(seen)"}},
        "broadcasts": {"news": {"schedule": {"weekdays": ["monday"], "at": "9:00"}, "send": "ping"}},
        "guardrails": {
            "exit": "stage == there",
            "quiet_hours": [{"from": "21:00", "to": "8:00"}],
            "gaps": [{"at_least": "1d"}],
            "caps": [{"at_most": 2, "per": "7d"}],
        },
    }
    effects = [
        {"choose": [{"weight": "1-drop", "effects": [{"purchase": {"value": {"gamma": {"mean": 9, "shape": 2}}, "times": ["rate"]}}]}]}
    ]
    journey = {
        **talking_journey(),
        "traits": {"rate": {"gamma": {"mean": 1, "shape": 2}}, "drop": {"beta": {"alpha": 1, "beta": 2}}},
        "attributes": {"country": {"DE": 1}},
        "activity": {"day": {}},
        "events": {
            "buy": {"in": ["here"], "wait": {"exponential": "10d"}, "effects": effects, "satisfaction": 1.0, "when": "purchases < 3"},
            "look": {"in": "anywhere", "wait": {"exponential": "5d"}, "activity": "day", "effects": [{"tag": "seen"}]},
            "nod": {},
        },
    }
    return compile_world(scenario(journey=journey, policy=policy))


@pytest.fixture(scope="module")
def plans() -> tuple[Plan, Plan]:
    return compile_world(scenario()), full()


# Types


def test_every_array_has_the_type_of_the_contract(plans: tuple[Plan, Plan]) -> None:
    for plan in plans:
        for name, array in arrays_of(plan.world).items():
            if name in RECORDS:
                assert isinstance(array, np.recarray), name
                assert array.dtype == RECORDS[name], name
            else:
                assert array.dtype == np.dtype("i4" if name in INTEGERS else "f8"), name


def test_no_field_is_hidden_by_an_attribute_of_numpys_records() -> None:
    # Without the JIT, `record.size` is numpy's 1, whatever the field `size` holds.
    records = {name: kind for name, kind in (vars(world) | vars(state)).items() if isinstance(kind, np.dtype) and kind.names}
    assert "DRAW" in records
    own = set(dir(np.zeros(1, dtype=[("x", "f8")]).view(np.recarray)[0])) | set(dir(np.recarray))
    assert {name: set(kind.names) & own for name, kind in records.items() if set(kind.names) & own} == {}


def test_world_is_contiguous_and_read_only(plans: tuple[Plan, Plan]) -> None:
    for plan in plans:
        assert all(array.flags.c_contiguous and not array.flags.writeable for array in arrays_of(plan.world).values())


def test_worlds_of_all_sizes_are_of_one_numba_type(plans: tuple[Plan, Plan]) -> None:
    small, large = plans
    empty = {
        "any_watch",
        "contact_events",
        "budgets",
        "offers",
        "desks",
        "personalisation",
        "pull_sites",
        "score_actors",
        "unopened_actors",
    }
    assert {name for name, array in arrays_of(large.world).items() if len(array) == 0} == empty
    assert numba.typeof(small.world) == numba.typeof(large.world)


def test_arrays_of_loops_have_no_padding_and_others_have_a_record(plans: tuple[Plan, Plan]) -> None:
    world = plans[0].world
    assert [len(getattr(world, name)) for name in LOOPED] == [0] * len(LOOPED)
    assert [name for name, array in arrays_of(world).items() if name not in LOOPED and len(array) == 0] == []
    assert (len(world.stages), world.personas.shape, world.persona_speed.shape, world.stage_links.shape) == (1, (1,), (1, 0), (1, 2))


def test_sizes_are_those_of_a_life(plans: tuple[Plan, Plan]) -> None:
    small, large = plans
    assert vars(small.sizes) == {"tags": 0, "columns": 0, "attributes": 0, "counts": 0, "rings": 0, "cutoffs": 0}
    assert vars(large.sizes) == {"tags": 1, "columns": 3, "attributes": 1, "counts": 4, "rings": 2, "cutoffs": 0}


def test_codebook_names_what_logs_hold(plans: tuple[Plan, Plan]) -> None:
    book = plans[1].codebook
    assert book.events[: len(Touch)] == tuple(touch.name.lower() for touch in Touch)
    assert book.events[len(Touch) :] == ("buy", "look", "nod")
    assert (book.sources, book.moments, book.attributes) == (("welcome", "news"), ("conversion",), {"country": ("DE",)})


# Settings, stages, events


def test_settings_are_in_days_from_the_start() -> None:
    setting = compile_world(
        scenario(journey={"satisfaction": {"half_life": "10d"}}, start="2026-01-07", discount_rate=0.1, horizon="12h")
    ).world.setting[0]
    assert (setting.horizon, setting.midnight, setting.exit_program, setting.when_causes) == (0.5, 48.0, -1, 0)
    assert setting.satisfaction_tau == pytest.approx(10 / math.log(2), rel=1e-15)
    assert math.exp(-setting.discount * 365) == pytest.approx(1 / 1.1, rel=1e-15)


def test_satisfaction_without_half_life_never_returns() -> None:
    assert compile_world(scenario()).world.setting[0].satisfaction_tau == math.inf


def test_stage_starts_its_events_that_have_a_clock_in_the_order_declared() -> None:
    wait = {"exponential": "1d"}
    events = {
        "c": {"in": ["b", "a"], "wait": wait},
        "x": {"in": "anywhere", "wait": wait},
        "n": {"in": ["a"], "satisfaction": 1, "when": "purchases > 1"},
        "d": {"in": ["a"], "wait": wait},
    }
    world = compile_world(
        scenario(journey={"starts_in": "a", "stages": {"a": {}, "b": {"retained": True, "observed": False}}, "events": events})
    ).world
    spans = [list(world.stage_events[stage.first : stage.first + stage.count]) for stage in world.stages]
    assert spans == [[0, 3], [0]]
    assert list(world.events.anywhere) == [0, 1, 0, 0]
    assert (len(world.mood_events), len(world.when_events)) == (0, 0)
    assert [(stage.retained, stage.seen) for stage in world.stages] == [(0, 0), (1, -1)]


def test_conversion_is_the_first_purchase_unless_declared() -> None:
    moments = compile_world(scenario()).world.moments
    assert [(m.event, m.nth) for m in moments] == [(-1, 1)]
    plan = compile_world(
        scenario(journey={"events": {"a": {}, "b": {}}, "moments": {"third": {"event": "b", "nth": 3}, "conversion": "a"}})
    )
    assert plan.codebook.moments == ("conversion", "third")
    assert [(m.event, m.nth) for m in plan.world.moments] == [(0, 1), (1, 3)]


def test_personas_keep_what_they_do_not_say() -> None:
    personas = {
        "calm": {"share": 0.5},
        "keen": {
            "share": 0.5,
            "starts_in": "there",
            "satisfaction": 0.7,
            "speed": {"buy": 2},
            "responds": {"look": 0},
            "contact_lift": {"nod": 1},
        },
        "shy": {"share": 0, "consent": {"text": 0.1}, "affinity": {"mail": -1}},
    }
    journey = {**talking_journey(), "personas": personas}
    journey["channels"] = {"mail": {"consent": 0.8}, "text": {}}
    world = compile_world(scenario(journey=journey)).world
    assert [(p.stage, p.rest) for p in world.personas] == [(0, 0.5), (1, 0.7), (0, 0.5)]
    assert world.persona_speed.tolist() == [[1, 1, 1], [2, 1, 1], [1, 1, 1]]
    assert world.persona_response.tolist() == [[1, 1, 1], [1, 0, 1], [1, 1, 1]]
    assert world.persona_contact.tolist() == [[0, 0, 0], [0, 0, 1], [0, 0, 0]]
    assert world.persona_affinity.tolist() == [[0, 0], [0, 0], [-1, 0]]
    assert world.persona_consent.tolist() == [[0.8, 1], [0.8, 1], [0.8, 0.1]]


def test_traits_get_one_column_each_and_one_for_each_form_used() -> None:
    wait = {"exponential": "1d"}
    events = {
        "a": {"in": ["here"], "wait": wait, "speed": ["y", "1 / x"]},
        "b": {"in": ["here"], "wait": wait, "speed": ["1/x", "1-x", "x"]},
    }
    plan = compile_world(scenario(journey={"traits": {"x": {"fixed": 1}, "y": {"fixed": 2}}, "events": events}))
    factors = [list(plan.world.factors[e.factor_first : e.factor_first + e.factor_count]) for e in plan.world.events]
    assert factors == [[1, 2], [2, 3, 0]]
    assert [tuple(derived) for derived in plan.recipe.derived] == [(0, True), (0, False)]


# Effects


def walk_effects(world: Any, first: int, choices: list[int]) -> list[tuple[str, int, float]]:
    """What apply_effects would do, with the branches of `choose` given."""
    done, at = [], first
    while at >= 0:
        effect = world.effects[at]
        if effect.op == Effect.CHOOSE:
            branch = world.effects[at + 1 + choices.pop(0)]
            assert branch.op == Effect.JUMP
            at = branch.target
            continue
        if effect.op != Effect.JUMP:
            done.append((Effect(effect.op).name, int(effect.target), float(effect.x)))
        at = effect.next
    return done


def effects_world(effects: list[Any]) -> Any:
    events = {"e": {"effects": effects}, "f": {}}
    traits = {"x": {"fixed": 1}, "y": {"fixed": 1}}
    return compile_world(
        scenario(journey={"events": events, "scores": {"a": {}, "b": {}}, "channels": {"mail": {}, "text": {}}, "traits": traits})
    ).world


def test_effects_are_a_chain_in_the_order_written() -> None:
    effects = [
        {"tag": "t"},
        {"score": {"b": 2, "a": -1}},
        {"untag": "t"},
        {"satisfy": -0.5},
        {"opt_out": "text"},
        {"opt_out": "all"},
        {"fire": "f"},
        {"go": "here"},
    ]
    world = effects_world(effects)
    assert walk_effects(world, world.events[0].effects, []) == [
        ("TAG", 0, 0),
        ("SCORE", 1, 2),
        ("SCORE", 0, -1),
        ("UNTAG", 0, 0),
        ("SATISFY", -1, -0.5),
        ("OPT_OUT", 1, 0),
        ("OPT_OUT", -1, 0),
        ("FIRE", 1, 0),
        ("GO", 0, 0),
    ]
    assert world.events[1].effects == -1


def test_branches_of_choose_go_on_with_what_follows() -> None:
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
    gains = {tuple(choices): [x for _, _, x in walk_effects(world, first, list(choices))] for choices in [(0, 0), (0, 1), (1,), (2,)]}
    assert gains == {(0, 0): [0.1, 0.2, 0.3, 0.4], (0, 1): [0.1, 0.2, 0.4], (1,): [0.1, 0.4], (2,): [0.1, 0.4]}
    choose = world.effects[1]
    assert (choose.op, choose.count) == (Effect.CHOOSE, 3)
    branches = world.effects[2:5]
    assert [(b.column, b.x, b.y) for b in branches] == [(-1, 2, -1.5), (2, 0, 0), (-1, 1, 0)]


def test_choose_at_the_end_ends() -> None:
    world = effects_world([{"choose": [{"weight": 1}, {"weight": 1, "effects": [{"tag": "t"}]}]}])
    assert walk_effects(world, 0, [0]) == []
    assert walk_effects(world, 0, [1]) == [("TAG", 0, 0)]


def test_decisions_of_an_event_have_streams_and_slots_of_their_own() -> None:
    purchase = {"purchase": {"value": 5, "times": ["y", "x"], "margin": 0.4}}
    choose = {"choose": [{"weight": 1, "effects": [purchase]}]}
    world = effects_world([choose, purchase, choose])
    drawn = world.effects[world.effects.stream > 0]
    names = ["event:e:choose", "event:e:value", "event:e:value:2", "event:e:choose:2", "event:e:value:3"]
    assert list(drawn.stream) == [registers.stream_of(name) for name in names]
    assert sorted(drawn.slot) == list(range(5))
    assert [list(world.factors[e.column : e.column + e.count]) for e in drawn if e.op == Effect.PURCHASE] == [[1, 0]] * 3
    assert (drawn[1].x, drawn[1].value.scale) == (0.4, 5)


# Flows


def walk_flow(world: Any, actor: int, answers: list[int]) -> list[str]:
    """The steps that a flow takes, with the way on at each fork given: 0 `then` or the first arm, 1 `else` or the second."""
    taken, at = [], int(world.actors[actor].first_step)
    while at >= 0:
        step = world.steps[at]
        op = Step(step.op)
        if op is Step.STOP:
            return [*taken, "STOP"]
        if op is not Step.JUMP:
            what = world.sites[step.target].message if op is Step.SEND else step.target
            taken.append(f"{op.name} {what if op in (Step.SEND, Step.WAIT_FOR) else float(step.x):g}")
        if op is Step.SPLIT:
            at = int(world.shares[step.other + answers.pop(0)].step)
        elif op in (Step.BRANCH, Step.WAIT_FOR):
            at = int((step.next, step.other)[answers.pop(0)])
        else:
            at = int(step.next)
    return taken


def flow_world(steps: list[Any]) -> Any:
    return compile_world(talking(flows={"f": {"on": {"event": "look"}, "steps": steps}})).world


def test_steps_follow_one_another() -> None:
    world = flow_world(
        [{"send": "ping"}, {"wait": "36h"}, {"score": {"sum": 2, "heat": 3}}, {"tag": "t"}, {"untag": "t"}, {"send": "hello"}]
    )
    assert walk_flow(world, 0, []) == ["SEND 1", "WAIT 1.5", "SCORE 2", "SCORE 3", "TAG 0", "UNTAG 0", "SEND 0"]


def test_ways_of_forks_come_together_again() -> None:
    wait_for = {"event": "buy", "at_most": "2d", "then": [{"stop": True}], "else": [{"send": "ping"}, {"wait": "1d"}]}
    branch = {"if": "purchases > 1", "then": [{"branch": {"if": "purchases > 2", "else": [{"wait": "5d"}]}}, {"wait": "6d"}]}
    world = flow_world([{"wait_for": wait_for}, {"branch": branch}, {"wait": "9d"}])
    assert walk_flow(world, 0, [0]) == ["WAIT_FOR 0", "STOP"]
    assert walk_flow(world, 0, [1, 1]) == ["WAIT_FOR 0", "SEND 1", "WAIT 1", "BRANCH 0", "WAIT 9"]
    assert walk_flow(world, 0, [1, 0, 0])[3:] == ["BRANCH 0", "BRANCH 0", "WAIT 6", "WAIT 9"]
    assert walk_flow(world, 0, [1, 0, 1])[3:] == ["BRANCH 0", "BRANCH 0", "WAIT 5", "WAIT 6", "WAIT 9"]
    assert world.steps[0].x == 2.0


def test_branch_asks_its_condition() -> None:
    world = flow_world([{"branch": {"if": "purchases > 4", "then": [{"stop": True}]}}])
    program = world.codes[world.steps[0].program :]
    assert [(code.op, code.x) for code in program] == [(Op.PURCHASES, 0), (Op.CONST, 4), (Op.GT, 0), (Op.END, 0)]


def test_arms_of_a_split_have_cumulative_shares() -> None:
    split = {
        "a": {"share": 0.2, "steps": [{"send": "ping"}]},
        "b": {"share": 0.5},
        "c": {"share": 0.3, "steps": [{"wait": "1d"}, {"stop": True}]},
    }
    world = flow_world([{"split": split}, {"send": "hello"}])
    assert [walk_flow(world, 0, [arm]) for arm in range(3)] == [
        ["SPLIT 0", "SEND 1", "SEND 0"],
        ["SPLIT 0", "SEND 0"],
        ["SPLIT 0", "WAIT 1", "STOP"],
    ]
    assert np.allclose(world.shares.upto, [0.2, 0.7, 1.0], rtol=0, atol=1e-15)
    assert world.steps[0].stream == registers.stream_of("flow:f::split:steps[0]")


def test_empty_arm_at_the_end_ends_the_flow() -> None:
    assert walk_flow(flow_world([{"split": {"a": {"share": 0.5}, "b": {"share": 0.5}}}]), 0, [1]) == ["SPLIT 0"]


def test_split_is_drawn_by_its_label_or_its_path() -> None:
    split = {"a": {"share": 0.5}, "b": {"share": 0.5}}
    inside = {"branch": {"if": "purchases > 1", "then": [{"wait": "1d"}, {"split": split}]}}
    names = compile_world(talking(flows={"f": {"on": {"event": "look"}, "steps": [inside, {"split": split, "label": "test"}]}})).streams
    assert {name for name in names if ":split:" in name} == {"flow:f::split:steps[0].branch.then[1]", "flow:f::split:test"}


def test_jump_goes_to_its_label_wherever_it_stands() -> None:
    steps = [
        {"branch": {"if": "purchases > 1", "then": [{"send": "ping", "label": "again"}, {"wait": "1d"}]}},
        {"branch": {"if": "purchases > 2", "then": [{"jump": "again"}], "else": [{"jump": "out"}]}},
        {"wait": "7d"},
        {"stop": True, "label": "out"},
    ]
    world = flow_world(steps)
    again = ["SEND 1", "WAIT 1", "BRANCH 0"]
    assert walk_flow(world, 0, [0, 0, 0, 1]) == ["BRANCH 0", *again, *again, *again, "STOP"]


def test_sends_of_one_message_share_a_site_and_its_count() -> None:
    flows = {"f": {"on": {"event": "look"}, "steps": [{"send": "hello"}, {"send": "ping"}, {"send": "hello"}]}, "g": WELCOME}
    world = compile_world(talking(flows=flows)).world
    sends = [(step.target, step.slot) for step in world.steps]
    assert sends[0] == sends[2]
    assert len(set(sends)) == 3
    assert [(site.message, site.actor) for site in world.sites] == [(0, 0), (1, 0), (0, 1)]
    assert world.sites[2].stream_read == registers.stream_of("flow:g:hello:read")


# Actors


def test_actors_stand_by_priority_then_flows_then_as_declared() -> None:
    schedule = {"weekdays": ["monday"], "at": "9:00"}
    plan = compile_world(
        talking(
            broadcasts={"n": {"schedule": schedule, "send": "ping"}, "m": {"schedule": schedule, "send": "ping", "priority": 5}},
            flows={"a": WELCOME, "b": {**WELCOME, "priority": -1}, "c": {**WELCOME, "priority": 5}, "d": WELCOME},
        )
    )
    assert plan.codebook.sources == ("c", "m", "a", "d", "n", "b")
    assert list(plan.world.actors.source) == list(range(6))
    assert [Trigger(kind).name for kind in plan.world.actors.trigger] == ["EVENT", "SCHEDULE", "EVENT", "EVENT", "SCHEDULE", "EVENT"]


def test_links_lead_from_events_and_stages_to_actors() -> None:
    steps = [{"send": "hello"}]
    flows = {
        "on_look": {"on": {"event": "look"}, "exit_on": ["buy"], "steps": steps},
        "on_there": {"on": {"stage": "there"}, "exit_on": ["buy", "nod"], "steps": steps, "again_after": "never"},
        "quiet": {"on": {"inactivity": "30d"}, "steps": steps, "again_after": "90d"},
        "no_buy": {"on": {"inactivity": "60d", "of": ["buy", "nod"]}, "steps": steps},
        "also_look": {"on": {"event": "look"}, "steps": steps, "holdout": 0.1},
    }
    world = compile_world(talking(flows=flows)).world

    def span(row: Any, what: str) -> list[int]:
        return list(world.links[row[f"{what}_first"] : row[f"{what}_first"] + row[f"{what}_count"]])

    assert [[span(event, what) for what in ("trigger", "exit", "watch")] for event in world.events] == [
        [[], [0, 1], [3]],
        [[0, 4], [], []],
        [[], [1], [3]],
    ]
    assert [list(world.links[first : first + count]) for first, count in world.stage_links] == [[], [1]]
    assert list(world.any_watch) == [2]
    assert list(world.actors.watch_entry) == [0, 0, 1, 0, 0]
    assert list(world.actors.inactivity) == [math.inf, math.inf, 30, 60, math.inf]
    assert list(world.actors.again_after) == [0, math.inf, 90, 0, 0]
    assert list(world.actors.holdout) == [0, 0, 0, 0, 0.1]


def dates(schedule: dict[str, Any], **settings: Any) -> list[float]:
    policy = {"broadcasts": {"n": {"schedule": schedule, "send": "ping"}}}
    world = compile_world(scenario(journey=talking_journey(), policy=policy, **settings)).world
    actor = world.actors[0]
    return list(world.schedule[actor.schedule_first : actor.schedule_first + actor.schedule_count])


def test_broadcast_goes_out_on_its_weekdays_within_the_horizon() -> None:
    assert dates({"weekdays": ["thursday", "monday"], "at": "6:00"}, horizon="10d") == [0.25, 3.25, 7.25]
    assert dates({"weekdays": ["monday"], "every_weeks": 2, "at": "0:00"}, horizon="28d") == [0, 14, 28]


def test_weeks_are_counted_from_the_start() -> None:
    assert dates({"weekdays": ["tuesday"], "every_weeks": 2, "at": "12:00"}, start="2026-01-07") == [6.5, 20.5]


def test_broadcast_goes_out_on_its_dates_within_the_horizon() -> None:
    given = ["2026-01-09", "2026-01-04", "2026-01-06", "2026-01-09", "2026-02-05"]
    assert dates({"dates": given, "at": "12:00"}) == [1.5, 4.5]


# Channels, messages, guardrails


def test_rates_leave_room_for_readings_that_come_too_late() -> None:
    channels = {"mail": {"open_delay": {"exponential": "1d"}, "lifetime": "1d"}}
    messages = {"m": {"channel": "mail", "open_rate": 0.3, "click_rate": 0.2, "unsubscribe_rate": 0.01}}
    world = compile_world(scenario(journey={"channels": channels, "messages": messages})).world
    message = world.messages[0]
    assert special.expit([message.open_logit, message.click_logit, message.unsubscribe_logit]) == pytest.approx([0.6, 0.2, 0.02], rel=1e-14)
    assert message.complaint_logit == -1e300


@pytest.mark.parametrize("rate", ["open_rate", "unsubscribe_rate", "complaint_rate"])
def test_rate_that_too_few_readings_survive_to_reach_is_refused(rate: str) -> None:
    channels = {"mail": {"open_delay": {"exponential": "3d"}, "lifetime": "1d"}}
    messages = {"m": {"channel": "mail", "open_rate": 0.1, rate: 0.25}}
    with pytest.raises(
        InputError,
        match=rf"messages\.m\.{rate}: must be below 0\.25, the share of readings .* channel 'mail' .*, got 0\.25\. Give 'mail' a longer",
    ):
        compile_world(scenario(journey={"channels": channels, "messages": messages}))


def test_message_costs_what_it_says_else_what_its_channel_says() -> None:
    assert list(compile_world(talking()).world.messages.cost) == [0.01, 0.2]


def test_lifts_and_effects_of_a_message_stand_at_their_moment() -> None:
    journey = talking_journey()
    journey["messages"]["hello"] |= {
        "lift": {"delivered": {"look": 0.5}, "clicked": {"buy": 2, "nod": -0.1}},
        "effects": {"opened": [{"choose": [{"weight": 1, "effects": [{"satisfy": 0.1}]}]}], "clicked": [{"satisfy": 0.2}]},
    }
    plan = compile_world(scenario(journey=journey))
    message = plan.world.messages[0]
    spans = [plan.world.lifts[first : first + count] for first, count in zip(message.lift_first, message.lift_count, strict=True)]
    assert [[(lift.event, lift.gain) for lift in span] for span in spans] == [[(1, 0.5)], [], [(0, 2), (2, -0.1)]]
    assert message.on_delivered == -1
    assert walk_effects(plan.world, message.on_opened, [0]) == [("SATISFY", -1, 0.1)]
    assert walk_effects(plan.world, message.on_clicked, []) == [("SATISFY", -1, 0.2)]
    assert "message:hello:opened:choose" in plan.streams


def test_guardrails_name_channels_by_bits() -> None:
    rules = {
        "quiet_hours": [{"from": "21:30", "to": "8:00", "channels": ["text"]}],
        "gaps": [{"at_least": "12h", "channels": ["mail", "text", "mail"]}, {"at_least": "1h"}],
        "caps": [{"at_most": 3, "per": "7d", "channels": ["mail"]}, {"at_most": 0, "per": "1d"}, {"at_most": 2, "per": "1d"}],
    }
    plan = compile_world(talking(guardrails=rules))
    assert [(q.channels, q.start, q.end) for q in plan.world.quiet] == [(2, 21.5, 8)]
    assert [(g.channels, g.days) for g in plan.world.gaps] == [(3, 0.5), (2**64 - 1, 1 / 24)]
    assert [(c.channels, c.days, c.at_most, c.ring) for c in plan.world.caps] == [(1, 7, 3, 0), (2**64 - 1, 1, 0, 3), (2**64 - 1, 1, 2, 3)]
    assert plan.sizes.rings == 5


def test_equal_conditions_share_a_program() -> None:
    flows = {
        name: {**WELCOME, "if": condition} for name, condition in {"a": "purchases > 1", "b": "clicks > 1", "c": "purchases > 1"}.items()
    }
    programs = list(compile_world(talking(flows=flows)).world.actors.program)
    assert programs == [0, 4, 0]


# Streams


def test_streams_are_named_as_the_design_says() -> None:
    journey = {
        "traits": {"x": {"fixed": 1}},
        "attributes": {"country": {"DE": 1}},
        "events": {"look": {}},
        "channels": {"mail": {}},
        "messages": {"hello": {"channel": "mail", "open_rate": 0.5}},
    }
    news = {"schedule": {"weekdays": ["monday"], "at": "9:00"}, "send": "hello"}
    plan = compile_world(scenario(journey=journey, policy={"flows": {"f": WELCOME}, "broadcasts": {"news": news}}))
    of_site = ["read", "delay", "click", "click_delay", "match"]
    assert set(plan.streams) == {
        *(f"flow:f:hello:{what}" for what in of_site),
        *(f"broadcast:news:hello:{what}" for what in of_site),
        "event:look:wait",
        *("flow:f:holdout", "broadcast:news:holdout", "channel:mail:consent"),
        *("population:persona", "population:entry", "trait:x", "attribute:country", "policy:holdout", "population:interest"),
    }
    assert plan.world.channels[0].stream_consent == registers.stream_of("channel:mail:consent")


def test_two_names_with_one_stream_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registers, "stream_of", lambda name: np.uint64(len(name)))
    with pytest.raises(InputError, match=r"'(\S+)' and '\S+': must not share a random stream, got \d+ for both\. Rename"):
        compile_world(talking())


def test_more_channels_than_bits_are_refused() -> None:
    with pytest.raises(InputError, match=r"journey\.channels: must have at most 64 channels, got 65"):
        compile_world(scenario(journey={"channels": {f"c{n}": {} for n in range(65)}}))

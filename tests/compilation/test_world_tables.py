"""A compiled scenario: dtypes, spans, graphs of steps and effects, streams, and errors of the compiler."""

import math
from typing import Any

import numba
import numpy as np
import pytest
from scipy import special
from small_scenarios import frame_arrays, messaging_journey, messaging_scenario, small_scenario, trace_effects

from cjsim.compiler import symbols
from cjsim.compiler.compile_scenario import compile_scenario
from cjsim.compiler.plan import Plan
from cjsim.errors import InputError
from cjsim.kernels import state, world
from cjsim.kernels.codes import RestartFlag, TouchCode

RECORDS = {
    "setting": world.SETTING,
    "stages": world.STAGE,
    "events": world.EVENT,
    "effects": world.EFFECT_RECORD,
    "channels": world.CHANNEL,
    "messages": world.MESSAGE,
    "lifts": world.LIFT,
    "sites": world.SITE,
    "actors": world.ACTOR,
    "steps": world.STEP_RECORD,
    "shares": world.SPLIT_SHARE,
    "blackouts": world.BLACKOUT,
    "quiet_hours": world.QUIET_HOURS,
    "gaps": world.GAP,
    "caps": world.CAP,
    "budgets": world.BUDGET,
    "offers": world.OFFER,
    "desks": world.DESK,
    "personalisation": world.PERSONALISATION,
    "scores": world.SCORE,
    "personas": world.PERSONA,
    "profiles": world.PROFILE,
    "zones": world.ZONE,
    "offsets": world.OFFSET,
    "moments": world.MOMENT,
    "speed_rules": world.SPEED_RULE,
    "codes": world.CONDITION_CODE,
    "rules": world.RULE,
    "rule_terms": world.RULE_TERM,
    "rule_columns": world.RULE_COLUMN,
    "rule_nodes": world.RULE_NODE,
}
INTEGERS = {
    *(
        "stage_events",
        "runs_in",
        "may_move",
        "factors",
        "links",
        "stage_links",
        "any_activity_actors",
        "when_events",
        "satisfaction_events",
    ),
    *("branch_events", "contact_events", "guide", "level_zones"),
    *("pull_sites", "score_actors", "unopened_actors", "rule_trees"),
}
ARRAYS_READ_IN_LOOPS = (
    "events",
    "channels",
    "messages",
    "sites",
    "actors",
    "blackouts",
    "quiet_hours",
    "gaps",
    "caps",
    "branch_events",
    "budgets",
    "offers",
    "desks",
    "personalisation",
    "pull_sites",
    "score_actors",
    "unopened_actors",
    "scores",
    "speed_rules",
    "any_activity_actors",
    "when_events",
    "satisfaction_events",
    "contact_events",
    *("rules", "rule_terms", "rule_columns", "rule_levels", "rule_trees", "rule_nodes"),
)
WELCOME = {"on": {"event": "look"}, "steps": [{"send": "hello"}]}


def scenario_with_everything() -> Plan:
    policy = {
        "flows": {"welcome": {**WELCOME, "if": "tagged(seen)"}},
        "broadcasts": {"news": {"schedule": {"weekdays": ["monday"], "at": "9:00"}, "send": "ping"}},
        "guardrails": {
            "exit": "stage == there",
            "blackouts": [{"dates": ["2026-01-06"]}],
            "quiet_hours": [{"from": "21:00", "to": "8:00"}],
            "gaps": [{"at_least": "1d"}],
            "caps": [{"at_most": 2, "per": "7d"}],
        },
    }
    effects = [
        {"choose": [{"weight": "1-drop", "effects": [{"purchase": {"value": {"gamma": {"mean": 9, "shape": 2}}, "times": ["rate"]}}]}]}
    ]
    journey = {
        **messaging_journey(),
        "traits": {"rate": {"gamma": {"mean": 1, "shape": 2}}, "drop": {"beta": {"alpha": 1, "beta": 2}}},
        "attributes": {"country": {"DE": 1}},
        "activity": {"day": {}},
        "events": {
            "buy": {"in": ["here"], "wait": {"exponential": "10d"}, "effects": effects, "satisfaction": 1.0, "when": "purchases < 3"},
            "look": {"in": "anywhere", "wait": {"exponential": "5d"}, "activity": "day", "effects": [{"tag": "seen"}]},
            "nod": {},
        },
    }
    return compile_scenario(small_scenario(journey=journey, policy=policy))


@pytest.fixture(scope="module")
def plans() -> tuple[Plan, Plan]:
    return compile_scenario(small_scenario()), scenario_with_everything()


# Types


def test_every_array_has_its_declared_dtype(plans: tuple[Plan, Plan]) -> None:
    for plan in plans:
        for name, array in frame_arrays(plan.world).items():
            if name in RECORDS:
                assert isinstance(array, np.recarray), name
                assert array.dtype == RECORDS[name], name
            else:
                assert array.dtype == np.dtype("i4" if name in INTEGERS else "f8"), name


def test_no_field_name_clashes_with_a_numpy_record_attribute() -> None:
    # Without the JIT, `record.size` is numpy's 1, regardless of the field `size`.
    records = {name: kind for name, kind in (vars(world) | vars(state)).items() if isinstance(kind, np.dtype) and kind.names}
    assert "DISTRIBUTION" in records
    own = set(dir(np.zeros(1, dtype=[("x", "f8")]).view(np.recarray)[0])) | set(dir(np.recarray))
    assert {name: set(kind.names) & own for name, kind in records.items() if set(kind.names) & own} == {}


def test_world_is_contiguous_and_read_only(plans: tuple[Plan, Plan]) -> None:
    for plan in plans:
        assert all(array.flags.c_contiguous and not array.flags.writeable for array in frame_arrays(plan.world).values())


def test_world_has_one_numba_type_for_all_sizes(plans: tuple[Plan, Plan]) -> None:
    small, large = plans
    empty = {
        "any_activity_actors",
        "branch_events",
        "contact_events",
        "budgets",
        "offers",
        "desks",
        "personalisation",
        "pull_sites",
        "score_actors",
        "speed_rules",
        "unopened_actors",
        *("rules", "rule_terms", "rule_columns", "rule_levels", "rule_trees", "rule_nodes"),
    }
    assert {name for name, array in frame_arrays(large.world).items() if len(array) == 0} == empty
    assert numba.typeof(small.world) == numba.typeof(large.world)


def test_only_arrays_read_without_loops_have_a_padding_record(plans: tuple[Plan, Plan]) -> None:
    world = plans[0].world
    assert [len(getattr(world, name)) for name in ARRAYS_READ_IN_LOOPS] == [0] * len(ARRAYS_READ_IN_LOOPS)
    assert [name for name, array in frame_arrays(world).items() if name not in ARRAYS_READ_IN_LOOPS and len(array) == 0] == []
    assert (len(world.stages), world.personas.shape, world.persona_speed.shape, world.stage_links.shape) == (1, (1,), (1, 0), (1, 2))


def test_sizes_match_the_customer_state(plans: tuple[Plan, Plan]) -> None:
    small, large = plans
    assert vars(small.sizes) == {"tags": 0, "columns": 0, "attributes": 0, "counts": 0, "rings": 0, "cutoffs": 0}
    assert vars(large.sizes) == {"tags": 1, "columns": 3, "attributes": 1, "counts": 4, "rings": 2, "cutoffs": 0}


def test_codebook_names_all_log_codes(plans: tuple[Plan, Plan]) -> None:
    book = plans[1].codebook
    assert book.events[: len(TouchCode)] == tuple(touch.name.lower() for touch in TouchCode)
    assert book.events[len(TouchCode) :] == ("buy", "look", "nod")
    assert (book.sources, book.moments, book.attributes) == (("welcome", "news"), ("conversion",), {"country": ("DE",)})


# Settings, stages, events


def test_setting_times_are_days_from_the_start() -> None:
    setting = compile_scenario(
        small_scenario(journey={"satisfaction": {"half_life": "10d"}}, start="2026-01-07", discount_rate=0.1, horizon="12h")
    ).world.setting[0]
    assert (setting.horizon, setting.midnight, setting.exit_program, setting.when_changes) == (0.5, 48.0, -1, 0)
    assert setting.satisfaction_tau == pytest.approx(10 / math.log(2), rel=1e-15)
    assert math.exp(-setting.discount * 365) == pytest.approx(1 / 1.1, rel=1e-15)


def test_satisfaction_without_half_life_never_returns() -> None:
    assert compile_scenario(small_scenario()).world.setting[0].satisfaction_tau == math.inf


def test_stage_events_with_clocks_are_in_declaration_order() -> None:
    wait = {"exponential": "1d"}
    events = {
        "c": {"in": ["b", "a"], "wait": wait},
        "x": {"in": "anywhere", "wait": wait},
        "n": {"in": ["a"], "satisfaction": 1, "when": "purchases > 1"},
        "d": {"in": ["a"], "wait": wait},
    }
    world = compile_scenario(
        small_scenario(journey={"starts_in": "a", "stages": {"a": {}, "b": {"retained": True, "observed": False}}, "events": events})
    ).world
    spans = [list(world.stage_events[stage.first : stage.first + stage.count]) for stage in world.stages]
    assert spans == [[0, 3], [0]]
    assert list(world.events.anywhere) == [0, 1, 0, 0]
    assert world.runs_in.tolist() == [[1, 1, 1, 1], [1, 1, 0, 0]]
    assert (len(world.satisfaction_events), len(world.when_events)) == (0, 0)
    assert [(stage.retained, stage.observed_as) for stage in world.stages] == [(0, 0), (1, -1)]


def test_an_event_anywhere_acts_on_stage_entries_only_if_they_change_its_clock() -> None:
    common = {"in": "anywhere", "wait": {"exponential": "1d"}, "when": "purchases > 1"}
    changes: list[dict[str, Any]] = [{}, {"restart": "when"}, {"restart": "move"}, {"restart": "both"}, {"satisfaction": 1}]
    world = compile_scenario(small_scenario(journey={"events": {f"e{i}": common | change for i, change in enumerate(changes)}})).world
    assert list(world.stage_events[: world.stages[0].count]) == [2, 3, 4]
    assert list(world.events.restart) == [0, RestartFlag.WHEN, RestartFlag.MOVE, RestartFlag.MOVE | RestartFlag.WHEN, 0]


def test_conversion_is_the_first_purchase_unless_declared() -> None:
    moments = compile_scenario(small_scenario()).world.moments
    assert [(m.event, m.nth) for m in moments] == [(-1, 1)]
    plan = compile_scenario(
        small_scenario(journey={"events": {"a": {}, "b": {}}, "moments": {"third": {"event": "b", "nth": 3}, "conversion": "a"}})
    )
    assert plan.codebook.moments == ("conversion", "third")
    assert [(m.event, m.nth) for m in plan.world.moments] == [(0, 1), (1, 3)]


def test_personas_inherit_unset_values() -> None:
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
    journey = {**messaging_journey(), "personas": personas}
    journey["channels"] = {"mail": {"consent": 0.8}, "text": {}}
    world = compile_scenario(small_scenario(journey=journey)).world
    assert [(p.stage, p.resting_satisfaction) for p in world.personas] == [(0, 0.5), (1, 0.7), (0, 0.5)]
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
    plan = compile_scenario(small_scenario(journey={"traits": {"x": {"fixed": 1}, "y": {"fixed": 2}}, "events": events}))
    factors = [list(plan.world.factors[e.factor_first : e.factor_first + e.factor_count]) for e in plan.world.events]
    assert factors == [[1, 2], [2, 3, 0]]
    assert [tuple(derived) for derived in plan.population.derived] == [(0, True), (0, False)]


# Channels, messages, guardrails


def test_rates_are_corrected_for_late_readings() -> None:
    channels = {"mail": {"open_delay": {"exponential": "1d"}, "lifetime": "1d"}}
    messages = {"m": {"channel": "mail", "open_rate": 0.3, "click_rate": 0.2, "unsubscribe_rate": 0.01}}
    world = compile_scenario(small_scenario(journey={"channels": channels, "messages": messages})).world
    message = world.messages[0]
    assert special.expit([message.open_logit, message.click_logit, message.unsubscribe_logit]) == pytest.approx([0.6, 0.2, 0.02], rel=1e-14)
    assert message.complaint_logit == -1e300


@pytest.mark.parametrize("rate", ["open_rate", "unsubscribe_rate", "complaint_rate"])
def test_rate_above_the_survival_share_is_rejected(rate: str) -> None:
    channels = {"mail": {"open_delay": {"exponential": "3d"}, "lifetime": "1d"}}
    messages = {"m": {"channel": "mail", "open_rate": 0.1, rate: 0.25}}
    with pytest.raises(
        InputError,
        match=rf"messages\.m\.{rate}: must be below 0\.25, the share of responses within the lifetime .* 'mail', got 0\.25\. Give",
    ):
        small_scenario(journey={"channels": channels, "messages": messages}).checked()


def test_message_cost_defaults_to_the_channel_cost() -> None:
    assert list(compile_scenario(messaging_scenario()).world.messages.cost) == [0.01, 0.2]


def test_message_lifts_and_effects_are_grouped_by_touch() -> None:
    journey = messaging_journey()
    journey["messages"]["hello"] |= {
        "lift": {"delivered": {"look": 0.5}, "clicked": {"buy": 2, "nod": -0.1}},
        "effects": {"opened": [{"choose": [{"weight": 1, "effects": [{"satisfy": 0.1}]}]}], "clicked": [{"satisfy": 0.2}]},
    }
    plan = compile_scenario(small_scenario(journey=journey))
    message = plan.world.messages[0]
    spans = [plan.world.lifts[first : first + count] for first, count in zip(message.lift_first, message.lift_count, strict=True)]
    assert [[(lift.event, lift.gain) for lift in span] for span in spans] == [[(1, 0.5)], [], [(0, 2), (2, -0.1)]]
    assert message.on_delivered == -1
    assert trace_effects(plan.world, message.on_opened, [0]) == [("SATISFY", -1, 0.1)]
    assert trace_effects(plan.world, message.on_clicked, []) == [("SATISFY", -1, 0.2)]
    assert "message:hello:opened:choose" in plan.streams


def test_guardrails_encode_channels_as_bits() -> None:
    rules = {
        "quiet_hours": [{"from": "21:30", "to": "8:00", "channels": ["text"]}],
        "gaps": [{"at_least": "12h", "channels": ["mail", "text"]}, {"at_least": "1h"}],
        "caps": [{"at_most": 3, "per": "7d", "channels": ["mail"]}, {"at_most": 0, "per": "1d"}, {"at_most": 2, "per": "1d"}],
    }
    plan = compile_scenario(messaging_scenario(guardrails=rules))
    assert [(q.channels, q.start, q.end) for q in plan.world.quiet_hours] == [(2, 21.5, 8)]
    assert [(g.channels, g.days) for g in plan.world.gaps] == [(3, 0.5), (2**64 - 1, 1 / 24)]
    assert [(c.channels, c.days, c.at_most, c.first) for c in plan.world.caps] == [(1, 7, 3, 0), (2**64 - 1, 1, 0, 3), (2**64 - 1, 1, 2, 3)]
    assert plan.sizes.rings == 5


def test_blackouts_become_runs_of_days() -> None:
    rules = [
        {"dates": ["2026-01-08", "2026-01-07", "2026-01-20"], "channels": ["text"], "then": "refuse"},
        {"from": "2026-01-01", "to": "2026-01-05"},
        {"dates": ["2025-12-24"]},
    ]
    blackouts = compile_scenario(messaging_scenario(guardrails={"blackouts": rules})).world.blackouts
    assert [(b.channels, b.begin, b.end, b.refuses) for b in blackouts] == [(2, 2, 4, 1), (2, 15, 16, 1), (2**64 - 1, 0, 1, 0)]


def test_equal_conditions_share_a_program() -> None:
    flows = {
        name: {**WELCOME, "if": condition} for name, condition in {"a": "purchases > 1", "b": "clicks > 1", "c": "purchases > 1"}.items()
    }
    programs = list(compile_scenario(messaging_scenario(flows=flows)).world.actors.program)
    assert programs == [0, 4, 0]


# Streams


def test_stream_names_match_the_design_document() -> None:
    journey = {
        "traits": {"x": {"fixed": 1}},
        "attributes": {"country": {"DE": 1}},
        "events": {"look": {}},
        "channels": {"mail": {}},
        "messages": {"hello": {"channel": "mail", "open_rate": 0.5}},
    }
    news = {"schedule": {"weekdays": ["monday"], "at": "9:00"}, "send": "hello"}
    plan = compile_scenario(small_scenario(journey=journey, policy={"flows": {"f": WELCOME}, "broadcasts": {"news": news}}))
    of_site = ["read", "delay", "click", "click_delay", "match", "transit", "machine"]
    assert set(plan.streams) == {
        *(f"flow:f:hello:{what}" for what in of_site),
        *(f"broadcast:news:hello:{what}" for what in of_site),
        "event:look:wait",
        *("flow:f:holdout", "broadcast:news:holdout", "channel:mail:consent", "channel:mail:machine_opens", "channel:mail:bot_clicks"),
        *("population:persona", "population:entry", "trait:x", "attribute:country", "policy:holdout", "population:interest"),
        "population:sample",
    }
    assert plan.world.channels[0].stream_consent == symbols.stream_id("channel:mail:consent")


def test_stream_name_collisions_are_rejected(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(symbols, "stream_id", lambda name: np.uint64(len(name)))
    with pytest.raises(InputError, match=r"'(\S+)' and '\S+': must not share a random stream, got \d+ for both\. Rename"):
        compile_scenario(messaging_scenario())


def test_too_many_channels_are_rejected() -> None:
    with pytest.raises(InputError, match=r"journey\.channels: must have at most 64 channels, got 65"):
        compile_scenario(small_scenario(journey={"channels": {f"c{n}": {} for n in range(65)}}))

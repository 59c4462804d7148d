"""The one door from names to numbers: a scenario in, the arrays that kernels read out.

Lives here: `compile_world`, the plan that it gives, and the tables of stages, events, personas and settings.
Does not live here: the tables of effects (effects.py), touchpoints (touch_tables.py), flows and broadcasts (actors.py), guardrails
(guard_tables.py), distributions (draws.py), profiles (activity.py) and customers (population.py); nor any rule.

Arrays over which kernels loop have their true length, also 0: stages, events, channels, messages, sites, actors, quiet,
gaps, caps, scores, personas, moments, any_watch, when_events, mood_events. All others are reached through spans or
indices and hold at least one record. `stage_events`, `mood_events` and `when_events` leave out events whose wait is `never`.
"""

import math

import numpy as np

from cjsim.compiler.activity_profiles import profile_table
from cjsim.compiler.desk_plans import desk_plans
from cjsim.compiler.effect_chains import EffectChains
from cjsim.compiler.flow_tables import ActorLinks, ActorTable, ordered_actors
from cjsim.compiler.guardrail_tables import guardrail_arrays
from cjsim.compiler.plan import Codebook, Plan, StateSizes
from cjsim.compiler.population import compile_population
from cjsim.compiler.quantile_tables import wait_distribution
from cjsim.compiler.symbols import MAX_CHANNEL_BITS, RecordFields, SpanTable, Symbols, plain_array, record_array
from cjsim.compiler.touchpoint_tables import profile_code, touchpoint_arrays
from cjsim.errors import InputError, format_error
from cjsim.kernels.codes import ChangeFlag, ConditionOp, TouchCode, TriggerCode
from cjsim.kernels.world import (
    ACTOR,
    CONDITION_CODE,
    EFFECT_RECORD,
    EVENT,
    MOMENT,
    PERSONA,
    PROFILE,
    SCORE,
    SETTING,
    SITE,
    SPLIT_SHARE,
    STAGE,
    STEP_RECORD,
    Array,
    World,
)
from cjsim.scenario.condition_names import ConditionNames
from cjsim.scenario.condition_parser import parse_condition
from cjsim.scenario.journey import Event, JourneySpec
from cjsim.scenario.spec import ScenarioSpec

CONVERSION = "conversion"
_MAX_CODES = 2**15 - 1 - len(TouchCode)  # log columns and outcomes hold 16-bit codes
_CHANGE_FLAGS = {
    ConditionOp.STAGE: ChangeFlag.STAGE,
    ConditionOp.VISITED: ChangeFlag.STAGE,
    ConditionOp.COUNT: ChangeFlag.EVENT,
    ConditionOp.TAGGED: ChangeFlag.TAG,
    ConditionOp.SCORE: ChangeFlag.SCORE,
    ConditionOp.PURCHASES: ChangeFlag.PURCHASE,
    ConditionOp.REVENUE: ChangeFlag.PURCHASE,
    ConditionOp.CONSENT: ChangeFlag.CONSENT,
    **dict.fromkeys((ConditionOp.CONTACTS, ConditionOp.CHANNEL_CONTACTS, ConditionOp.SENT), ChangeFlag.TOUCH),
    **dict.fromkeys(
        (
            ConditionOp.OPENS,
            ConditionOp.CHANNEL_OPENS,
            ConditionOp.OPENED,
            ConditionOp.CLICKS,
            ConditionOp.CHANNEL_CLICKS,
            ConditionOp.CLICKED,
        ),
        ChangeFlag.TOUCH,
    ),
    **dict.fromkeys((ConditionOp.UNOPENED, ConditionOp.CHANNEL_UNOPENED), ChangeFlag.TOUCH),
    ConditionOp.REDEEMED: ChangeFlag.PURCHASE,
    ConditionOp.ASKS: ChangeFlag.DESK,
    ConditionOp.REFERRALS: ChangeFlag.REFERRAL,
}


def compile_scenario(scenario: ScenarioSpec) -> Plan:
    """A scenario as numbers.

    Parameters
    ----------
    scenario : ScenarioSpec
        With names that exist and conditions that parse (check.py).

    Returns
    -------
    Plan

    Raises
    ------
    InputError
        If there are more things than codes, a season's date does not exist, the entry file is wrong, or two random streams clash.
    """
    journey, policy = scenario.journey, scenario.policy
    of_journey = ConditionNames.from_documents(journey, policy, latent=True)
    registers = Symbols(of_journey=of_journey, of_policy=ConditionNames.from_documents(journey, policy, latent=False))
    actors = ordered_actors(policy)
    _check_sizes(journey, len(actors))
    links = ActorLinks(actors)
    actor_table = ActorTable(registers, scenario)
    for name, actor in actors:
        actor_table.add(name, actor)
    guardrails = guardrail_arrays(policy, scenario.horizon, registers)
    arrays = {
        **_journey_arrays(scenario, registers, links),
        **_persona_arrays(journey, registers),
        **_profile_arrays(scenario),
        "setting": record_array(SETTING, [_setting(scenario, registers) | {"learning": int(actor_table.learns_hours())}]),
        "discounts": plain_array("f8", _discounts(scenario)),
        "any_watch": plain_array("i4", links.reset_by_anything()),
        "sites": record_array(SITE, actor_table.sites),
        "actors": record_array(ACTOR, actor_table.actors),
        "steps": record_array(STEP_RECORD, actor_table.steps, padded=True),
        "shares": record_array(SPLIT_SHARE, actor_table.shares.items, padded=True),
        "schedule": plain_array("f8", actor_table.schedule.items, padded=True),
        **guardrails.arrays,
        "pull_sites": plain_array("i4", actor_table.on_channels(journey, "pull")),
        "score_actors": plain_array("i4", actor_table.triggered(TriggerCode.SCORE_ABOVE, TriggerCode.SCORE_BELOW)),
        "unopened_actors": plain_array("i4", actor_table.triggered(TriggerCode.UNOPENED)),
    }
    recipe = compile_population(scenario, registers)
    world = World(**arrays, **_register_arrays(registers))
    sizes = StateSizes(
        tags=len(of_journey.tags or {}),
        columns=len(registers.columns),
        attributes=len(of_journey.attributes),
        counts=registers.n_slots,
        rings=guardrails.rings,
        cutoffs=guardrails.cutoffs,
    )
    codebook = _codebook(journey, of_journey, tuple(name for name, _ in actors))
    return Plan(world, codebook, sizes, recipe, registers.streams.names(), desk_plans(scenario))


def _check_sizes(journey: JourneySpec, n_actors: int) -> None:
    counts = {"journey.stages": len(journey.stages), "journey.events": len(journey.events), "journey.messages": len(journey.messages)}
    counts |= {"journey.personas": len(journey.personas), "policy": n_actors, "journey.channels": len(journey.channels)}
    for where, count in counts.items():
        most = MAX_CHANNEL_BITS if where == "journey.channels" else _MAX_CODES
        if count > most:
            thing = "flows and broadcasts" if where == "policy" else where.split(".")[1]
            raise InputError(format_error(where, f"must have at most {most} {thing}", str(count), "Leave some out."))


def _codebook(journey: JourneySpec, names: ConditionNames, sources: tuple[str, ...]) -> Codebook:
    return Codebook(
        events=(*(touch.name.lower() for touch in TouchCode), *journey.events),
        stages=tuple(journey.stages),
        channels=tuple(journey.channels),
        messages=tuple(journey.messages),
        sources=(*sources, *journey.desks, *journey.offers),
        scores=tuple(journey.scores),
        tags=tuple(names.tags or {}),
        personas=tuple(journey.personas),
        traits=tuple(journey.traits),
        attributes={name: tuple(levels) for name, levels in names.levels.items()},
        moments=_moment_names(journey),
        interests=tuple(journey.interests),
        offers=tuple(journey.offers),
        desks=tuple(journey.desks),
        acquisition=tuple(journey.acquisition),
    )


def _tau(half_life_days: float | None) -> float:
    return math.inf if half_life_days is None else half_life_days / math.log(2.0)


def _discounts(scenario: ScenarioSpec) -> list[float]:
    """What money is worth at entry, by whole days since then."""
    return [math.exp(-math.log1p(scenario.discount_rate) / 365.0 * days) for days in range(math.ceil(scenario.horizon) + 1)]


def _setting(scenario: ScenarioSpec, registers: Symbols) -> RecordFields:
    journey = scenario.journey
    return {
        "horizon": scenario.horizon,
        "discount": math.log1p(scenario.discount_rate) / 365.0,
        "satisfaction_tau": _tau(journey.satisfaction.half_life),
        "pressure_tau": _tau(journey.pressure.half_life),
        "midnight": 24.0 * scenario.start.weekday(),
        "preferred_column": -1 if journey.preferred_contacts is None else registers.columns.of(journey.preferred_contacts),
        "interests": len(journey.interests),
        "holdout": scenario.policy.guardrails.holdout,
        "stream_holdout": registers.streams.of("policy:holdout"),
        "exit_program": registers.programs.of(scenario.policy.guardrails.exit),
        "when_causes": int(
            np.bitwise_or.reduce(np.array([_CHANGE_FLAGS.get(op, 0) for op, _ in _when_names(journey, registers)], np.int64))
        ),
    }


def _when_names(journey: JourneySpec, registers: Symbols) -> set[tuple[ConditionOp, int]]:
    """Operations in the conditions of all clocks, with what they are about."""
    whens = [event.when for event in journey.events.values() if event.when is not None]
    return {(ConditionOp(op), arg) for when in whens for op, arg, _ in parse_condition(when, registers.names)}


def _moment_names(journey: JourneySpec) -> tuple[str, ...]:
    return (CONVERSION, *(name for name in journey.moments if name != CONVERSION))


def _moments(journey: JourneySpec, names: ConditionNames) -> list[RecordFields]:
    rows: list[RecordFields] = []
    for name in _moment_names(journey):
        moment = journey.moments.get(name)
        rows.append({"event": -1, "nth": 1} if moment is None else {"event": names.events[moment.event], "nth": moment.nth})
    return rows


def _has_clock(event: Event) -> bool:
    return event.wait != "never"


def _journey_arrays(scenario: ScenarioSpec, registers: Symbols, links: ActorLinks) -> dict[str, Array]:
    journey = scenario.journey
    effects, stage_events = EffectChains(registers), SpanTable()
    codes = registers.names.events
    events = [_event(name, event, journey, registers, effects, links) for name, event in journey.events.items()]
    stages, stage_links = [], []
    for code, (name, stage) in enumerate(journey.stages.items()):
        here = [
            codes[other]
            for other, event in journey.events.items()
            if event.stages != "anywhere" and name in event.stages and _has_clock(event)
        ]
        first, count = stage_events.add(here)
        stages.append({"first": first, "count": count, "retained": int(stage.retained), "seen": code if stage.observed else -1})
        stage_links.append(registers.links.add(links.triggered_by_stage(name)))
    touchpoints = touchpoint_arrays(scenario, registers, effects)
    clocked = [(codes[name], event) for name, event in journey.events.items() if _has_clock(event)]
    return {
        **touchpoints,
        "stages": record_array(STAGE, stages),
        "stage_links": plain_array("i4", stage_links),
        "stage_events": plain_array("i4", stage_events.items, padded=True),
        "events": record_array(EVENT, events),
        "when_events": plain_array("i4", [code for code, event in clocked if event.when is not None]),
        "mood_events": plain_array("i4", [code for code, event in clocked if event.satisfaction != 0.0]),
        "effects": record_array(EFFECT_RECORD, effects.rows, padded=True),
        "scores": record_array(SCORE, [{"tau": _tau(score.half_life)} for score in journey.scores.values()]),
        "moments": record_array(MOMENT, _moments(journey, registers.names)),
    }


def _event(name: str, event: Event, journey: JourneySpec, registers: Symbols, effects: EffectChains, links: ActorLinks) -> RecordFields:
    streams, spans = registers.streams, registers.links
    factor_first, factor_count = registers.factor_span(event.speed)
    trigger_first, trigger_count = spans.add(links.triggered_by_event(name))
    exit_first, exit_count = spans.add(links.ended_by(name))
    watch_first, watch_count = spans.add(links.reset_by(name))
    return {
        "wait": wait_distribution(event.wait, registers.knots),
        "tau": _tau(event.half_life),
        "satisfaction": event.satisfaction,
        "profile": profile_code(journey, event.activity),
        "when": registers.programs.of(event.when, latent=True),
        "effects": effects.add(event.effects, f"event:{name}"),
        "anywhere": int(event.stages == "anywhere"),
        "hidden": int(not event.observed),
        "learns": int(event.observed and event.activity is not None),
        "visits": sum(1 << registers.names.channels[c] for c, channel in journey.channels.items() if name in channel.visits),
        "cause": ChangeFlag.EVENT if (ConditionOp.COUNT, registers.names.events[name]) in _when_names(journey, registers) else 0,
        "factor_first": factor_first,
        "factor_count": factor_count,
        "trigger_first": trigger_first,
        "trigger_count": trigger_count,
        "exit_first": exit_first,
        "exit_count": exit_count,
        "watch_first": watch_first,
        "watch_count": watch_count,
        "stream_wait": streams.of(f"event:{name}:wait"),
    }


def _persona_arrays(journey: JourneySpec, registers: Symbols) -> dict[str, Array]:
    personas, names = journey.personas.values(), registers.names
    consent = {name: channel.consent for name, channel in journey.channels.items()}
    lifted = {event for p in personas for event, gain in p.contact_lift.items() if gain != 0.0}
    stages = [{"stage": names.stages[p.starts_in or journey.starts_in], "rest": p.satisfaction} for p in personas]

    def matrix(things: list[dict[str, float]], others: dict[str, float]) -> Array:
        return plain_array("f8", np.array([[given.get(name, other) for name, other in others.items()] for given in things]))

    return {
        "contact_events": plain_array("i4", [code for name, code in names.events.items() if name in lifted]),
        "personas": record_array(PERSONA, stages),
        "persona_speed": matrix([p.speed for p in personas], dict.fromkeys(journey.events, 1.0)),
        "persona_response": matrix([p.responds for p in personas], dict.fromkeys(journey.events, 1.0)),
        "persona_contact": matrix([p.contact_lift for p in personas], dict.fromkeys(journey.events, 0.0)),
        "persona_affinity": matrix([p.affinity for p in personas], dict.fromkeys(journey.channels, 0.0)),
        "persona_consent": matrix([p.consent for p in personas], consent),
    }


def _profile_arrays(scenario: ScenarioSpec) -> dict[str, Array]:
    rows, activity, guide = [], [np.zeros(0)], [np.zeros(0, dtype=np.int32)]
    first = guide_first = 0
    for name, declared in scenario.journey.activity.items():
        table = profile_table(declared, start=scenario.start, horizon_days=scenario.horizon, where=f"activity.{name}")
        count, guides = len(table.activity), len(table.guide)
        rows.append({"first": first, "count": count, "guide": guide_first, "guides": guides, "begin": table.begin})
        activity.append(table.activity)
        guide.append(table.guide)
        first, guide_first = first + count, guide_first + guides
    return {
        "profiles": record_array(PROFILE, rows, padded=True),
        "activity": plain_array("f8", np.concatenate(activity), padded=True),
        "guide": plain_array("i4", np.concatenate(guide), padded=True),
    }


def _register_arrays(registers: Symbols) -> dict[str, Array]:
    codes = [{"op": op, "arg": arg, "x": x} for op, arg, x in registers.programs.codes]
    return {
        "codes": record_array(CONDITION_CODE, codes, padded=True),
        "knots": plain_array("f8", registers.knots.array()),
        "factors": plain_array("i4", registers.factors.items, padded=True),
        "links": plain_array("i4", registers.links.items, padded=True),
    }

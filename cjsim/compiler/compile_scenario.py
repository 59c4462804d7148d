"""`compile_scenario` compiles a scenario to the arrays that kernels read.

Arrays that kernels loop over have their true length, which can be 0: stages, events, channels, messages, sites, actors, quiet_hours,
gaps, caps, scores, personas, moments, any_activity_actors, when_events, satisfaction_events. All other arrays are accessed through spans
or indices and have at least one record. `stage_events`, `satisfaction_events` and `when_events` omit events whose wait is `never`.
"""

import math
from dataclasses import replace
from typing import Any

import numpy as np

from cjsim.compiler.activity_profiles import profile_table
from cjsim.compiler.desk_plans import desk_plans
from cjsim.compiler.effect_chains import EffectChains
from cjsim.compiler.flow_tables import Actors, ActorTable, flows_where, ordered_actors
from cjsim.compiler.guardrail_tables import guardrail_rows
from cjsim.compiler.plan import Codebook, Plan, StateSizes, exposure_moment
from cjsim.compiler.population import compile_population
from cjsim.compiler.symbols import SpanTable, Symbols, world_of
from cjsim.compiler.targeting_tables import targeting_tables
from cjsim.compiler.touchpoint_tables import profile_code, touchpoint_rows
from cjsim.errors import InputError, format_error
from cjsim.kernels.codes import MAX_CHANNELS, ChangeFlag, ConditionOp, TouchCode, TriggerCode
from cjsim.kernels.world import Array
from cjsim.scenario.condition_names import DECLARED_NAMES, ConditionNames
from cjsim.scenario.condition_parser import parse_condition
from cjsim.scenario.journey import Event, JourneySpec
from cjsim.scenario.kinds.registers import DistributionRecord, RecordFields, span_fields
from cjsim.scenario.spec import ScenarioSpec

CONVERSION = "conversion"
_MAX_CODES = 2**15 - 1 - len(TouchCode)  # logs and outcomes store 16-bit codes
# For each kind of change, the condition operations whose values it can alter.
_OPS_BY_CHANGE = {
    ChangeFlag.STAGE: (ConditionOp.STAGE, ConditionOp.VISITED),
    ChangeFlag.EVENT: (ConditionOp.COUNT,),
    ChangeFlag.TAG: (ConditionOp.TAGGED,),
    ChangeFlag.SCORE: (ConditionOp.SCORE,),
    ChangeFlag.PURCHASE: (ConditionOp.PURCHASES, ConditionOp.REVENUE, ConditionOp.REDEEMED),
    ChangeFlag.CONSENT: (ConditionOp.CONSENT,),
    ChangeFlag.TOUCH: (
        *(ConditionOp.CONTACTS, ConditionOp.OPENS, ConditionOp.CLICKS, ConditionOp.UNOPENED),
        *(ConditionOp.CHANNEL_CONTACTS, ConditionOp.CHANNEL_OPENS, ConditionOp.CHANNEL_CLICKS, ConditionOp.CHANNEL_UNOPENED),
        *(ConditionOp.SENT, ConditionOp.OPENED, ConditionOp.CLICKED),
    ),
    ChangeFlag.DESK: (ConditionOp.ASKS,),
    ChangeFlag.REFERRAL: (ConditionOp.REFERRALS,),
}


def compile_scenario(scenario: ScenarioSpec, *, follow_up_days: float | None = None, until_days: Array | None = None) -> Plan:
    """Compile a scenario.

    Parameters
    ----------
    scenario : ScenarioSpec
        A valid scenario: names exist and conditions parse.
    follow_up_days : float, optional
        Days from a customer's entry to the end of the customer's simulation, if that is before the horizon.
    until_days : ndarray of float64, shape (n_customers,), optional
        Day, counted from the start, on which each customer's simulation ends at the latest.

    Returns
    -------
    Plan

    Raises
    ------
    InputError
        If there are too many names of a kind, the date of a season does not exist, the entry file is invalid, or two random streams
        collide.
    """
    journey, policy = scenario.journey, scenario.policy
    of_journey = ConditionNames.from_documents(journey, policy, latent=True)
    of_policy = ConditionNames.from_documents(journey, policy, latent=False)
    symbols = Symbols(
        of_journey=of_journey,
        of_policy=of_policy,
        start=scenario.start,
        horizon=scenario.horizon,
        n_moments=len(_journey_moments(journey)),
    )
    actors = ordered_actors(policy)
    _check_sizes(journey, len(actors))
    actor_table = ActorTable(symbols, scenario)
    for name, actor in actors:
        actor_table.add(name, actor)
    guardrails = guardrail_rows(policy, symbols)
    setting = _setting_row(scenario, symbols) | {"learning": int(actor_table.learns_hours())}
    tables = {
        **_journey_tables(scenario, symbols, actors),
        **_persona_tables(journey, symbols),
        **_profile_tables(scenario),
        "setting": [setting],
        "discounts": _discount_factors(scenario),
        "any_activity_actors": flows_where(actors, lambda flow: flow.on.reset_by() is None),
        **_actor_tables(actor_table, journey),
        **guardrails,
        **targeting_tables(policy, of_policy),
    }
    follow_up = math.inf if follow_up_days is None else follow_up_days
    population = replace(compile_population(scenario, symbols), follow_up_days=follow_up, until_days=until_days)
    world = world_of({**tables, **_symbol_tables(symbols)})
    sizes = StateSizes(
        tags=len(of_journey.tags or {}),
        columns=len(symbols.trait_columns),
        attributes=len(of_journey.attributes),
        counts=symbols.n_slots,
        rings=symbols.reserved.get("cap_times", 0),
        cutoffs=symbols.reserved.get("cutoffs", 0),
    )
    codebook = _codebook(journey, of_journey, tuple(name for name, _ in actors), symbols)
    return Plan(world, codebook, sizes, population, tuple(symbols.stream_names.values()), desk_plans(scenario))


def _check_sizes(journey: JourneySpec, n_actors: int) -> None:
    counts = {"journey.stages": len(journey.stages), "journey.events": len(journey.events), "journey.messages": len(journey.messages)}
    counts |= {"journey.personas": len(journey.personas), "policy": n_actors, "journey.channels": len(journey.channels)}
    for where, count in counts.items():
        limit = MAX_CHANNELS if where == "journey.channels" else _MAX_CODES
        if count > limit:
            kind = "flows and broadcasts" if where == "policy" else where.split(".")[1]
            raise InputError(format_error(where, f"must have at most {limit} {kind}", str(count), "Remove some."))


def _codebook(journey: JourneySpec, names: ConditionNames, sources: tuple[str, ...], symbols: Symbols) -> Codebook:
    declared: dict[str, Any] = {kinds: tuple(getattr(journey, kinds)) for kinds in DECLARED_NAMES}
    special = {
        "events": (*(touch.name.lower() for touch in TouchCode), *journey.events),
        "moments": (*_journey_moments(journey), *map(exposure_moment, symbols.experiments)),
    }
    return Codebook(
        **declared | special,
        sources=(*sources, *journey.desks, *journey.offers),
        tags=tuple(names.tags or {}),
        attributes={name: tuple(levels) for name, levels in names.levels.items()},
        experiments=symbols.experiments,
        idle_arms=symbols.idle_arms,
    )


def _time_constant(half_life_days: float | None) -> float:
    return math.inf if half_life_days is None else half_life_days / math.log(2.0)


def _discount_factors(scenario: ScenarioSpec) -> list[float]:
    """Discount factors back to the customer's entry, by whole days since entry."""
    return [math.exp(-math.log1p(scenario.discount_rate) / 365.0 * days) for days in range(math.ceil(scenario.horizon) + 1)]


def _setting_row(scenario: ScenarioSpec, symbols: Symbols) -> RecordFields:
    journey = scenario.journey
    when_ops = {op for op, _ in _when_operations(journey, symbols)}
    return {
        "horizon": scenario.horizon,
        "discount": math.log1p(scenario.discount_rate) / 365.0,
        "satisfaction_tau": _time_constant(journey.satisfaction.half_life),
        "pressure_tau": _time_constant(journey.pressure.half_life),
        "midnight": 24.0 * scenario.start.weekday(),
        "preferred_column": -1 if journey.preferred_contacts is None else symbols.trait_columns.index_of(journey.preferred_contacts),
        "interests": len(journey.interests),
        "holdout": scenario.policy.guardrails.holdout,
        "stream_holdout": symbols.stream("policy:holdout"),
        "exit_program": symbols.condition(scenario.policy.guardrails.exit),
        "when_changes": sum(flag for flag, ops in _OPS_BY_CHANGE.items() if not when_ops.isdisjoint(ops)),
    }


def _when_operations(journey: JourneySpec, symbols: Symbols) -> set[tuple[ConditionOp, int]]:
    """Operations in the `when` conditions of all events, with the codes of their names."""
    whens = [event.when for event in journey.events.values() if event.when is not None]
    return {(ConditionOp(op), arg) for when in whens for op, arg, _ in parse_condition(when, symbols.names)}


def _journey_moments(journey: JourneySpec) -> tuple[str, ...]:
    return (CONVERSION, *(name for name in journey.moments if name != CONVERSION))


def _moment_rows(journey: JourneySpec, symbols: Symbols) -> list[RecordFields]:
    moments = [journey.moments.get(name) for name in _journey_moments(journey)]
    events = symbols.names.events
    rows = [{"event": -1, "nth": 1} if one is None else {"event": events[one.event], "nth": one.nth} for one in moments]
    return rows + [{"event": -2}] * len(symbols.experiments)


def _has_clock(event: Event) -> bool:
    return event.wait != "never"


def _journey_tables(scenario: ScenarioSpec, symbols: Symbols, actors: Actors) -> dict[str, Any]:
    journey = scenario.journey
    effects, stage_events = EffectChains(symbols), SpanTable()
    codes = symbols.names.events
    when_counts = {arg for op, arg in _when_operations(journey, symbols) if op is ConditionOp.COUNT}
    counted_events = {name for name in journey.events if codes[name] in when_counts}
    events = [
        {**_event_row(name, event, journey, symbols, effects, actors), "change": ChangeFlag.EVENT if name in counted_events else 0}
        for name, event in journey.events.items()
    ]
    stages, stage_links = [], []
    for code, (name, stage) in enumerate(journey.stages.items()):
        clocks_here = [
            codes[other]
            for other, event in journey.events.items()
            if event.stages != "anywhere" and name in event.stages and _has_clock(event)
        ]
        first, count = stage_events.add(clocks_here)
        stages.append({"first": first, "count": count, "retained": int(stage.retained), "observed_as": code if stage.observed else -1})
        stage_links.append(symbols.links.add(_started_at(actors, "stage", name)))
    clocked = [(codes[name], event) for name, event in journey.events.items() if _has_clock(event)]
    return {
        **touchpoint_rows(scenario, symbols, effects),
        "stages": stages,
        "stage_links": stage_links,
        "stage_events": stage_events.items,
        "events": events,
        "when_events": [code for code, event in clocked if event.when is not None],
        "satisfaction_events": [code for code, event in clocked if event.satisfaction != 0.0],
        "effects": effects.rows,
        "scores": [{"tau": _time_constant(score.half_life)} for score in journey.scores.values()],
        "moments": _moment_rows(journey, symbols),
    }


def _started_at(actors: Actors, kind: str, name: str) -> list[int]:
    """Return the codes of flows that an event or a stage starts."""
    return flows_where(actors, lambda flow: flow.on.starts_at() == (kind, name))


def _event_row(name: str, event: Event, journey: JourneySpec, symbols: Symbols, effects: EffectChains, actors: Actors) -> RecordFields:
    links = symbols.links
    return {
        **span_fields("factor", symbols.factor_span(event.speed)),
        **span_fields("trigger", links.add(_started_at(actors, "event", name))),
        **span_fields("exit", links.add(flows_where(actors, lambda flow: name in flow.exit_on))),
        **span_fields("watch", links.add(flows_where(actors, lambda flow: name in (flow.on.reset_by() or ())))),
        "wait": DistributionRecord() if event.wait == "never" else event.wait.record(symbols.tables),
        "tau": _time_constant(event.half_life),
        "satisfaction": event.satisfaction,
        "profile": profile_code(journey, event.activity),
        "when": symbols.condition(event.when, latent=True),
        "effects": effects.add(event.effects, f"event:{name}"),
        "anywhere": int(event.stages == "anywhere"),
        "hidden": int(not event.observed),
        "records_hour": int(event.observed and event.activity is not None),
        "pull_channels": sum(1 << symbols.names.channels[c] for c, channel in journey.channels.items() if name in channel.visits),
        "stream_wait": symbols.stream(f"event:{name}:wait"),
    }


def _persona_tables(journey: JourneySpec, symbols: Symbols) -> dict[str, Any]:
    personas, names = journey.personas.values(), symbols.names
    consent = {name: channel.consent for name, channel in journey.channels.items()}
    lifted_events = {event for p in personas for event, gain in p.contact_lift.items() if gain != 0.0}
    stages = [{"stage": names.stages[p.starts_in or journey.starts_in], "resting_satisfaction": p.satisfaction} for p in personas]

    def matrix(by_persona: list[dict[str, float]], defaults: dict[str, float]) -> list[list[float]]:
        return [[values.get(name, default) for name, default in defaults.items()] for values in by_persona]

    return {
        "contact_events": [code for name, code in names.events.items() if name in lifted_events],
        "personas": stages,
        "persona_speed": matrix([p.speed for p in personas], dict.fromkeys(journey.events, 1.0)),
        "persona_response": matrix([p.responds for p in personas], dict.fromkeys(journey.events, 1.0)),
        "persona_contact": matrix([p.contact_lift for p in personas], dict.fromkeys(journey.events, 0.0)),
        "persona_affinity": matrix([p.affinity for p in personas], dict.fromkeys(journey.channels, 0.0)),
        "persona_consent": matrix([p.consent for p in personas], consent),
    }


def _actor_tables(table: ActorTable, journey: JourneySpec) -> dict[str, Any]:
    return {
        "sites": table.sites,
        "actors": table.actors,
        "steps": table.steps,
        "shares": table.shares.items,
        "pull_sites": table.waiting_for_visits(journey),
        "score_actors": table.triggered(TriggerCode.SCORE_ABOVE, TriggerCode.SCORE_BELOW),
        "unopened_actors": table.triggered(TriggerCode.UNOPENED),
    }


def _profile_tables(scenario: ScenarioSpec) -> dict[str, Any]:
    rows, activity, guide = [], [np.zeros(0)], [np.zeros(0, dtype=np.int32)]
    first = guide_first = 0
    for name, declared in scenario.journey.activity.items():
        table = profile_table(declared, start=scenario.start, horizon_days=scenario.horizon, where=f"activity.{name}")
        count, guide_count = len(table.activity), len(table.guide)
        rows.append({"first": first, "count": count, "guide": guide_first, "guides": guide_count, "begin": table.begin})
        activity.append(table.activity)
        guide.append(table.guide)
        first, guide_first = first + count, guide_first + guide_count
    return {"profiles": rows, "activity": np.concatenate(activity), "guide": np.concatenate(guide)}


def _symbol_tables(symbols: Symbols) -> dict[str, Any]:
    codes = [{"op": op, "arg": arg, "x": x} for op, arg, x in symbols.condition_codes]
    return {
        "codes": codes,
        "knots": symbols.tables.array(),
        "factors": symbols.factors.items,
        "links": symbols.links.items,
        "schedule": symbols.schedule.items,
    }

"""`compile_scenario` compiles a scenario to the arrays that kernels read.

Arrays that kernels loop over have their true length, which can be 0: stages, events, channels, messages, sites, actors, quiet_hours,
gaps, caps, scores, personas, moments, any_activity_actors, when_events, satisfaction_events, speed_rules, branch_events. All other arrays
are accessed through spans or indices and have at least one record. `stage_events`, `satisfaction_events` and `when_events` omit events
whose wait is `never`.
"""

import math
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from cjsim.compiler.activity_profiles import profile_tables
from cjsim.compiler.desk_plans import desk_plans, joint_desk_plans
from cjsim.compiler.effect_chains import EffectChains
from cjsim.compiler.fixed_costs import fixed_payments
from cjsim.compiler.plan import Codebook, Plan, StateSizes, exposure_moment
from cjsim.compiler.policy_switch import JointPolicy, joint_policies, whole_policy
from cjsim.compiler.population import compile_population
from cjsim.compiler.symbols import SpanTable, Symbols, world_of
from cjsim.compiler.tables.flow_tables import Actors, ActorTable, flows_where, ordered_actors
from cjsim.compiler.tables.guardrail_tables import guardrail_rows
from cjsim.compiler.tables.speed_tables import first_purchase, speed_rule_rows
from cjsim.compiler.tables.targeting_tables import targeting_tables
from cjsim.compiler.tables.touchpoint_tables import profile_code, touchpoint_rows
from cjsim.compiler.tables.zone_tables import zone_tables
from cjsim.errors import InputError, format_error
from cjsim.kernels.codes import MAX_CHANNELS, ChangeFlag, ConditionOp, RestartFlag, TouchCode, TriggerCode
from cjsim.kernels.world import Array
from cjsim.scenario.condition_names import DECLARED_NAMES, ConditionNames
from cjsim.scenario.condition_parser import parse_condition
from cjsim.scenario.journey import Event, JourneySpec
from cjsim.scenario.kinds.channels import Channel
from cjsim.scenario.kinds.registers import DistributionRecord, RecordFields, span_fields
from cjsim.scenario.spec import ScenarioSpec
from cjsim.scenario.time_zones import zone_table
from cjsim.scenario.touchpoints import Losses

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
        *(op for op in ConditionOp if op.name.startswith("TRUE_")),
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
        Days from a customer's entry after which the customer's simulation ends, if it has not ended before.
    until_days : ndarray of float64, shape (n_customers,), optional
        Day, counted from the start, by which each customer's simulation ends.

    Returns
    -------
    Plan

    Raises
    ------
    InputError
        If there are too many names of a kind, the date of a season does not exist, the entry file is invalid, two random streams
        collide, or the difference between a time zone and the firm's is not a multiple of a quarter of an hour.
    """
    options: dict[str, Any] = {"follow_up_days": follow_up_days, "until_days": until_days}
    if not scenario.switches_policy:
        return _compile(scenario, whole_policy(scenario.policy), **options)
    past, present = joint_policies(scenario.past_policy, scenario.policy)
    before, plan = _compile(scenario, past, **options), _compile(scenario, present, **options)
    assert before.sizes == plan.sizes and before.codebook == plan.codebook
    desks = joint_desk_plans(before.desks, plan.desks)
    return replace(plan, world_before=before.world, desks=desks, payments=fixed_payments(scenario))  # payments of the present policy alone


def _compile(scenario: ScenarioSpec, joint: JointPolicy, *, follow_up_days: float | None, until_days: Array | None) -> Plan:
    """Compile a scenario under one policy."""
    scenario = scenario.model_copy(update={"policy": joint.policy})
    journey, policy = scenario.journey, scenario.policy
    of_journey = ConditionNames.from_documents(journey, policy, latent=True)
    of_policy = ConditionNames.from_documents(journey, policy, latent=False)
    symbols = Symbols(
        of_journey=of_journey,
        of_policy=of_policy,
        start=scenario.start,
        begins=scenario.begins,
        horizon=scenario.simulated_days,
        zones=zone_table(scenario),
        n_moments=len(_journey_moments(journey)),
    )
    actors = ordered_actors(policy)
    _check_sizes(journey, len(actors))
    actor_table = ActorTable(symbols, scenario, joint)
    for name, actor in actors:
        actor_table.add(name, actor)
    symbols.begins = scenario.begins
    guardrails = guardrail_rows(joint, symbols)
    setting = _setting_row(scenario, symbols) | {
        "learning": int(actor_table.learns_hours()),
        "limits_defer": int(scenario.policy.guardrails.limits_defer),
    }
    tables = {
        **_journey_tables(scenario, symbols, actors),
        **_persona_tables(journey, symbols),
        **profile_tables(scenario, symbols.zones),
        **zone_tables(symbols.zones),
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
    codebook = _codebook(scenario, of_journey, tuple(name for name, _ in actors), symbols)
    desks = desk_plans(scenario, symbols.zones.zones[0])
    return Plan(world, codebook, sizes, population, tuple(symbols.stream_names.values()), desks, fixed_payments(scenario))


def _check_sizes(journey: JourneySpec, n_actors: int) -> None:
    counts = {"journey.stages": len(journey.stages), "journey.events": len(journey.events), "journey.messages": len(journey.messages)}
    counts |= {"journey.personas": len(journey.personas), "policy": n_actors, "journey.channels": len(journey.channels)}
    for where, count in counts.items():
        limit = MAX_CHANNELS if where == "journey.channels" else _MAX_CODES
        if count > limit:
            kind = "flows and broadcasts" if where == "policy" else where.split(".")[1]
            raise InputError(format_error(where, f"must have at most {limit} {kind}", str(count), "Remove some."))


def _codebook(scenario: ScenarioSpec, names: ConditionNames, sources: tuple[str, ...], symbols: Symbols) -> Codebook:
    journey = scenario.journey
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
        bouncing=_channels_where(journey, lambda losses, _: losses.hard_bounce + losses.soft_bounce > 0),
        mismeasured=_channels_where(journey, lambda losses, channel: losses.spam + channel.machine_opens + channel.bot_clicks > 0),
        has_existing=scenario.existing is not None,
        value_days=scenario.simulated_days if scenario.simulated_days > scenario.horizon else None,
    )


def _channels_where(journey: JourneySpec, is_chosen: Callable[[Losses, Channel], bool]) -> tuple[str, ...]:
    """Return the channels with a message that satisfies a predicate of its losses and its channel."""
    channels = journey.channels
    found = {one.channel for one in journey.messages.values() if is_chosen(one.losses(channels[one.channel]), channels[one.channel])}
    return tuple(name for name in channels if name in found)


def _time_constant(half_life_days: float | None) -> float:
    return math.inf if half_life_days is None else half_life_days / math.log(2.0)


def _discount_factors(scenario: ScenarioSpec) -> list[float]:
    """Discount factors back to the customer's entry, by whole days since entry."""
    n_days = math.ceil(max(scenario.simulated_days, -scenario.begins)) + 1
    return [math.exp(-math.log1p(scenario.discount_rate) / 365.0 * days) for days in range(n_days)]


def _setting_row(scenario: ScenarioSpec, symbols: Symbols) -> RecordFields:
    journey, zones = scenario.journey, symbols.zones
    when_ops = {op for op, _ in _when_operations(journey, symbols)}
    return {
        "begins": scenario.begins,
        "horizon": scenario.horizon,
        "ends": scenario.simulated_days,
        "discount": math.log1p(scenario.discount_rate) / 365.0,
        "satisfaction_tau": _time_constant(journey.satisfaction.half_life),
        "pressure_tau": _time_constant(journey.pressure.half_life),
        "midnight": 24.0 * scenario.start.weekday(),
        "zone_attribute": -1 if zones.attribute is None else list(symbols.names.levels).index(zones.attribute),
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
    effects = EffectChains(symbols)
    codes = symbols.names.events
    when_counts = {arg for op, arg in _when_operations(journey, symbols) if op is ConditionOp.COUNT}
    counted_events = {name for name in journey.events if codes[name] in when_counts}
    events, purchases = [], {}
    for name, event in journey.events.items():
        n_effects = len(effects.rows)
        change = ChangeFlag.EVENT if name in counted_events else 0
        events.append({**_event_row(name, event, journey, symbols, effects, actors), "change": change})
        purchases[name] = first_purchase(effects, n_effects)
    clocked = [(codes[name], event) for name, event in journey.events.items() if _has_clock(event)]
    return {
        **touchpoint_rows(scenario, symbols, effects),
        **_stage_tables(journey, symbols, actors),
        "events": events,
        "when_events": [code for code, event in clocked if event.when is not None],
        "satisfaction_events": [code for code, event in clocked if event.satisfaction != 0.0],
        "effects": effects.rows,
        "scores": [{"tau": _time_constant(score.half_life)} for score in journey.scores.values()],
        "moments": _moment_rows(journey, symbols),
        "speed_rules": speed_rule_rows(journey, symbols, purchases),
    }


def _stage_tables(journey: JourneySpec, symbols: Symbols, actors: Actors) -> dict[str, Any]:
    codes, stage_events = symbols.names.events, SpanTable()
    stages, stage_links, runs_in = [], [], []
    for code, (name, stage) in enumerate(journey.stages.items()):
        clocks_here = [codes[other] for other, event in journey.events.items() if _has_clock(event) and _acts_on_entry(event, name)]
        first, count = stage_events.add(clocks_here)
        stages.append({"first": first, "count": count, "retained": int(stage.retained), "observed_as": code if stage.observed else -1})
        stage_links.append(symbols.links.add(_started_at(actors, "stage", name)))
        runs_in.append([int(event.stages == "anywhere" or name in event.stages) for event in journey.events.values()])
    may_move = [[int(other not in stage.blocked) for other in journey.stages] for stage in journey.stages.values()]
    tables = {"stages": stages, "stage_links": stage_links, "stage_events": stage_events.items}
    return tables | {"runs_in": runs_in, "may_move": may_move}


def _acts_on_entry(event: Event, stage: str) -> bool:
    """Whether entering a stage can start, restart or change the clock of an event."""
    if event.stages == "anywhere":
        return event.satisfaction != 0.0 or bool(event.restart_flags & RestartFlag.MOVE)
    return stage in event.stages


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
        "wait": DistributionRecord() if event.wait == "never" else event.wait.event_record(symbols),
        "tau": _time_constant(event.half_life),
        "satisfaction": event.satisfaction,
        "profile": profile_code(journey, event.activity),
        "when": symbols.condition(event.when, latent=True),
        "effects": effects.add(event.effects, f"event:{name}"),
        "anywhere": int(event.stages == "anywhere"),
        "restart": event.restart_flags,
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


def _symbol_tables(symbols: Symbols) -> dict[str, Any]:
    codes = [{"op": op, "arg": arg, "x": x} for op, arg, x in symbols.condition_codes]
    return {
        "codes": codes,
        "knots": symbols.tables.array(),
        "factors": symbols.factors.items,
        "links": symbols.links.items,
        "branch_events": [symbols.names.events[event] for event, _branch in symbols.branches],
        "schedule": symbols.schedule.items,
        "opening_times": symbols.opening_times.items,
    }

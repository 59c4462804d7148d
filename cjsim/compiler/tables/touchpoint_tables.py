"""Compiles channels, messages, offers and desks to records."""

import math

from cjsim.compiler.effect_chains import EffectChains
from cjsim.compiler.symbols import SpanTable, Symbols
from cjsim.kernels.codes import MINUTES_PER_DAY
from cjsim.kernels.world import PERSONAL_TOPIC
from cjsim.scenario.journey import JourneySpec
from cjsim.scenario.kinds.channels import Channel
from cjsim.scenario.kinds.effects import Effect
from cjsim.scenario.kinds.reaction_effects import AnnounceEffect, SwayEffect
from cjsim.scenario.kinds.registers import DistributionRecord, RecordFields, span_fields
from cjsim.scenario.policy import Staffing
from cjsim.scenario.rosters import crews_of, opening_times, roster_of
from cjsim.scenario.spec import ScenarioSpec
from cjsim.scenario.touchpoints import PERSONAL, Message, Offer, Waiting
from cjsim.scenario.traversal import journey_effects

_ZERO_RATE_LOGIT = -1e300  # stands for the logit of a rate of 0
_UNSTAFFED = Staffing.model_validate({"agents": 0})


def touchpoint_rows(scenario: ScenarioSpec, symbols: Symbols, effects: EffectChains) -> dict[str, list[RecordFields]]:
    """Compile the channels, messages, lifts, offers and desks of a scenario.

    Parameters
    ----------
    scenario : ScenarioSpec
        A valid scenario.
    symbols : Symbols
        Receives random streams, trait columns and tables.
    effects : EffectChains
        Receives the effects of messages and desks.

    Returns
    -------
    dict of str to list of records
        Rows by field of `World`.
    """
    journey, lifts = scenario.journey, SpanTable()
    survivals = [channel.survival() for channel in journey.channels.values()]
    channels = [_channel_row(name, journey, symbols) for name in journey.channels]
    messages = [
        {**_message_row(name, journey, survivals, symbols, effects, lifts), "cost": _contact_cost(name, scenario)}
        for name in journey.messages
    ]
    n_actors = len(scenario.policy.flows) + len(scenario.policy.broadcasts)
    announced = {effect.announce for _, effect in journey_effects(journey) if isinstance(effect, AnnounceEffect)}
    desks = [_desk_row(name, n_actors + code, scenario, symbols, effects) for code, name in enumerate(journey.desks)]
    return {
        "channels": channels,
        "messages": messages,
        "lifts": lifts.items,
        "offers": [_offer_row(name, offer, symbols, announced) for name, offer in journey.offers.items()],
        "desks": desks,
    }


def profile_code(journey: JourneySpec, activity: str | None) -> int:
    """Return the code of an activity profile, or -1 for None."""
    return -1 if activity is None else list(journey.activity).index(activity)


def _offer_row(name: str, offer: Offer, symbols: Symbols, announced: set[str]) -> RecordFields:
    return {
        "announced": int(name in announced),
        "discount": offer.discount or 0.0,
        "amount": offer.amount or 0.0,
        "days": offer.valid,
        "redeems": offer.redeems,
        "at_least": offer.at_least,
        "uses": offer.uses,
        "slot": symbols.new_slot(),
        "stream": symbols.stream(f"offer:{name}:redeem"),
    }


def _desk_row(name: str, source: int, scenario: ScenarioSpec, symbols: Symbols, effects: EffectChains) -> RecordFields:
    desk, staffing = scenario.journey.desks[name], scenario.policy.desks.get(name, _UNSTAFFED)
    begins, ends, firm = scenario.begins, scenario.simulated_days, symbols.zones.zones[0]
    roster = roster_of(crews_of(staffing.shifts, start=scenario.start, horizon_days=ends, zone=firm, begin_days=begins), horizon_days=ends)
    patience = DistributionRecord() if desk.patience == "endless" else desk.patience.record(symbols.tables)
    return {
        "service": desk.service.record(symbols.tables),
        "patience": patience,
        **{f"on_{reply}": effects.add(listed, f"desk:{name}:{reply}") for reply, listed in desk.effects},
        **span_fields("opening", symbols.opening_times.add(opening_times(roster))),
        "source": source,
        "cost": staffing.cost_per_minute * MINUTES_PER_DAY,
        **_waiting_fields(desk.waiting, staffing),
        "stream_service": symbols.stream(f"desk:{name}:service"),
        "stream_patience": symbols.stream(f"desk:{name}:patience"),
    }


def _waiting_fields(waiting: Waiting | None, staffing: Staffing) -> RecordFields:
    promise = math.inf if staffing.sla is None or not staffing.promised else staffing.sla
    if waiting is None:
        return {"promise": promise, "expected": math.inf}
    return {"promise": promise, "expected": waiting.expected, "loss": waiting.loss, "broken": waiting.broken_promise}


def _channel_row(name: str, journey: JourneySpec, symbols: Symbols) -> RecordFields:
    channel: Channel = journey.channels[name]
    return {
        "open_delay": channel.open_delay.record(symbols.tables),
        "click_delay": channel.click_delay.record(symbols.tables),
        "kind": channel.behavior.code,
        "desk": -1 if channel.desk is None else list(journey.desks).index(channel.desk),
        "click_cost": channel.click_cost,
        "profile": profile_code(journey, channel.activity),
        "affinity_column": -1 if channel.affinity is None else symbols.trait_columns.index_of(channel.affinity),
        "lifetime": math.inf if channel.lifetime is None else channel.lifetime,
        "fatigue": channel.fatigue,
        "annoyance": channel.annoyance,
        "satisfaction": channel.satisfaction,
        "weight": channel.pressure,
        "delivery_gain": channel.delivery_gain,
        "stream_consent": symbols.stream(f"channel:{name}:consent"),
        "machine_opens": channel.machine_opens,
        "machine_open_delay": channel.machine_open_delay.record(symbols.tables),
        "bot_clicks": channel.bot_clicks,
        "stream_machine_opens": symbols.stream(f"channel:{name}:machine_opens"),
        "stream_bot_clicks": symbols.stream(f"channel:{name}:bot_clicks"),
    }


def _message_row(
    name: str, journey: JourneySpec, survivals: list[float], symbols: Symbols, effects: EffectChains, lifts: SpanTable
) -> RecordFields:
    message: Message = journey.messages[name]
    channel = symbols.names.channels[message.channel]
    losses = message.losses(journey.channels[message.channel])
    bounces = losses.hard_bounce + losses.soft_bounce
    logits = {
        # checked by validate.touchpoint_checks: the rate of responses is below the share of messages that are seen in time
        f"{reaction}_logit": _rate_to_logit(getattr(message, f"{reaction}_rate") / (survivals[channel] * (1.0 - losses.spam)))
        for reaction in ("open", "unsubscribe", "complaint")
    }
    codes = symbols.names.events
    lift_spans = [lifts.add({"event": codes[event], "gain": gain} for event, gain in gains.items()) for _, gains in message.lift]
    return {
        "channel": channel,
        **{f"on_{touch}": effects.add(_touch_effects(message, touch), f"message:{name}:{touch}") for touch, _ in message.effects},
        "lift_first": tuple(first for first, _ in lift_spans),
        "lift_count": tuple(count for _, count in lift_spans),
        **logits,
        "click_logit": _rate_to_logit(message.click_rate),
        "topic": _topic_code(message.topic, journey),
        "relevance": message.relevance,
        "transactional": int(message.transactional),
        "arrives": int(not any(losses)),
        "hard_bounce": losses.hard_bounce,
        "bounce": bounces,
        "unseen": bounces + (1.0 - bounces) * losses.spam,
        "ignores_consent": int(message.transactional and journey.channels[message.channel].consent_covers == "marketing"),
    }


def _contact_cost(name: str, scenario: ScenarioSpec) -> float:
    """Return the cost of a delivery (`paid`: of an open): the message's, else the policy's, else that of the journey's channel."""
    message = scenario.journey.messages[name]
    channel_cost = scenario.policy.costs.per_contact.get(message.channel, scenario.journey.channels[message.channel].cost)
    return channel_cost if message.cost is None else message.cost


def _touch_effects(message: Message, touch: str) -> tuple[Effect, ...]:
    """The sways of a touch, then its effects."""
    sways, effects = getattr(message.sway, touch), getattr(message.effects, touch)
    return (SwayEffect(sway=sways), *effects) if sways else effects


def _rate_to_logit(rate: float) -> float:
    return _ZERO_RATE_LOGIT if rate == 0.0 else math.log(rate) - math.log1p(-rate)


def _topic_code(topic: str | None, journey: JourneySpec) -> int:
    if topic is None:
        return -1
    return PERSONAL_TOPIC if topic == PERSONAL else list(journey.interests).index(topic)

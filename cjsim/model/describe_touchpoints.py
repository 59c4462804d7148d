"""Touchpoints in words: channels, messages, offers, desks, and where customers come from.

Lives here: the words. Does not live here: the rest of a journey (describe.py), what the firm does with them (describe_policy.py).
"""

from collections.abc import Iterator

from cjsim.model.journey import Journey
from cjsim.model.phrases import delay, listed, mix, named, number, percent, span, then
from cjsim.model.touchpoints import Acquisition, Channel, Desk, Message, Offer
from cjsim.model.typical import mean_wait, median_wait


def touchpoint_lines(journey: Journey) -> Iterator[str]:
    """What a journey says of its touchpoints, a fact a line.

    Parameters
    ----------
    journey : Journey
        What is told.
    """
    if journey.channels:
        yield "Channels:"
    yield from (f"  {named(name, channel.title)}: {_channel(channel)}" for name, channel in journey.channels.items())
    if journey.messages:
        yield "Messages:"
    yield from (f"  {named(name, message.title)} by {message.channel}: {_message(message)}" for name, message in journey.messages.items())
    if journey.offers:
        yield "Offers:"
    yield from (f"  {named(name, offer.title)}: {_offer(offer)}" for name, offer in journey.offers.items())
    if journey.desks:
        yield "Desks:"
    for name, desk in journey.desks.items():
        yield f"  {named(name, desk.title)}: {_desk(desk)}"
        for what, effects in desk.effects:
            yield from [f"    {what.replace('_', ' ')}{then(effects)}"] if effects else []
    if journey.acquisition:
        yield "Customers come by:"
    yield from (f"  {named(name, way.title)}: {listed(_way(way))}" for name, way in journey.acquisition.items())


def _channel(channel: Channel) -> str:
    cost = f", {number(channel.cost)} a message{' that is seen' if channel.kind == 'paid' else ''}" if channel.cost else ""
    click = f", {number(channel.click_cost)} a click" if channel.click_cost else ""
    kind = {"pull": f", seen at the next {listed(channel.visits)}", "human": f", through the people of {channel.desk}"}.get(
        channel.kind, ""
    )
    kept = "kept for" if channel.kind == "pull" else "worth opening for about"
    lifetime = f", {kept} {span(channel.lifetime)}" if channel.lifetime else ""
    median = median_wait(channel.open_delay)
    opened = f", half of those who open do so within {span(median)}" if median else ", opened at once"
    return f"{percent(channel.consent)} consent{kind}{cost}{click}{opened}{lifetime}"


def _message(message: Message) -> str:
    about = [f"about {message.topic}"] if message.topic is not None else []
    about += [f"relevance {message.relevance:+g}"] if message.relevance else []
    rates = [f"{percent(message.open_rate)} open it", f"{percent(message.click_rate)} of these click"]
    rates += [f"{percent(message.unsubscribe_rate)} unsubscribe"] if message.unsubscribe_rate else []
    rates += [f"{percent(message.complaint_rate)} complain"] if message.complaint_rate else []
    cost = [f"{number(message.cost)} a message"] if message.cost is not None else []
    lifts = [f"{event} x {1 + gain:g} when {when}" for when, gains in message.lift for event, gain in gains.items()]
    effects = [f"{when}{then(after)}" for when, after in message.effects if after]
    return listed([*about, *rates, *cost, *lifts, *effects])


def _offer(offer: Offer) -> str:
    off = percent(offer.discount) if offer.discount is not None else number(offer.amount or 0.0)
    uses = "one purchase" if offer.uses == 1 else f"{offer.uses:,} purchases"
    least = f" of at least {number(offer.at_least)}" if offer.at_least else ""
    taken = f", taken by {percent(offer.redeems)} of those who hold it then" if offer.redeems < 1 else ""
    return f"{off} off {uses}{least} within {span(offer.valid)}{taken}"


def _desk(desk: Desk) -> str:
    waits = "customers wait without end" if desk.patience == "endless" else f"customers give up {delay(desk.patience)}"
    return f"a conversation takes {span(mean_wait(desk.service))} on average, {waits}"


def _way(way: Acquisition) -> Iterator[str]:
    """How many come, and who they are."""
    if way.baseline:
        yield f"{number(way.baseline)} a day without spend"
    elif way.hill is None:
        yield "only as others refer them"
    if way.hill is not None:
        steep = f" (slope {way.hill.slope:g})" if way.hill.slope != 1 else ""
        yield f"from spend up to {number(way.hill.at_most)} a day, half of them at {number(way.hill.half)} a day{steep}"
    if way.adstock:
        yield f"{percent(way.adstock)} of a day's spend works on the next"
    if way.personas:
        yield f"of personas {mix(way.personas)}"

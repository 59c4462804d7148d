"""Describes touchpoints in words: channels, messages, offers, desks and acquisition channels."""

from collections.abc import Iterator

from cjsim.scenario.journey import JourneySpec
from cjsim.scenario.kinds.effects import effects_phrase
from cjsim.scenario.phrases import duration_phrase, format_number, format_percent, join_names, mix_phrase, name_with_title
from cjsim.scenario.touchpoints import Acquisition, Desk, Message, Offer


def touchpoint_lines(journey: JourneySpec) -> Iterator[str]:
    """Describe the touchpoints of a journey in words, one fact a line.

    Parameters
    ----------
    journey : JourneySpec
        The journey to describe.

    Yields
    ------
    str
        Lines, indented below what they belong to.
    """
    if journey.channels:
        yield "Channels:"
    yield from (f"  {name_with_title(name, channel.title)}: {channel.phrase()}" for name, channel in journey.channels.items())
    if journey.messages:
        yield "Messages:"
    yield from (
        f"  {name_with_title(name, message.title)} by {message.channel}: {_message_phrase(message)}"
        for name, message in journey.messages.items()
    )
    if journey.offers:
        yield "Offers:"
    yield from (f"  {name_with_title(name, offer.title)}: {_offer_phrase(offer)}" for name, offer in journey.offers.items())
    if journey.desks:
        yield "Desks:"
    for name, desk in journey.desks.items():
        yield f"  {name_with_title(name, desk.title)}: {_desk_line(desk)}"
        for reply, effects in desk.effects:
            yield from [f"    {reply.replace('_', ' ')}{effects_phrase(effects)}"] if effects else []
    if journey.acquisition:
        yield "Customers come by:"
    yield from (
        f"  {name_with_title(name, channel.title)}: {join_names(_acquisition_phrases(channel))}"
        for name, channel in journey.acquisition.items()
    )


def _message_phrase(message: Message) -> str:
    about = [f"about {message.topic}"] if message.topic is not None else []
    about += [f"relevance {message.relevance:+g}"] if message.relevance else []
    rates = [f"{format_percent(message.open_rate)} open it", f"{format_percent(message.click_rate)} of these click"]
    rates += [f"{format_percent(message.unsubscribe_rate)} unsubscribe"] if message.unsubscribe_rate else []
    rates += [f"{format_percent(message.complaint_rate)} complain"] if message.complaint_rate else []
    cost = [f"{format_number(message.cost)} a message"] if message.cost is not None else []
    lifts = [f"{event} x {1 + gain:g} when {when}" for when, gains in message.lift for event, gain in gains.items()]
    effects = [f"{when}{effects_phrase(after)}" for when, after in message.effects if after]
    return join_names([*about, *rates, *cost, *lifts, *effects])


def _offer_phrase(offer: Offer) -> str:
    off = format_percent(offer.discount) if offer.discount is not None else format_number(offer.amount or 0.0)
    uses = "one purchase" if offer.uses == 1 else f"{offer.uses:,} purchases"
    least = f" of at least {format_number(offer.at_least)}" if offer.at_least else ""
    taken = f", taken by {format_percent(offer.redeems)} of those who hold it then" if offer.redeems < 1 else ""
    return f"{off} off {uses}{least} within {duration_phrase(offer.valid)}{taken}"


def _desk_line(desk: Desk) -> str:
    waits = "customers wait without end" if desk.patience == "endless" else f"customers give up {desk.patience.phrase()}"
    return f"a conversation takes {duration_phrase(desk.service.mean())} on average, {waits}"


def _acquisition_phrases(channel: Acquisition) -> Iterator[str]:
    """How many customers a channel brings, and of which personas."""
    if channel.baseline:
        yield f"{format_number(channel.baseline)} a day without spend"
    elif channel.hill is None:
        yield "only as others refer them"
    if channel.hill is not None:
        steep = f" (slope {channel.hill.slope:g})" if channel.hill.slope != 1 else ""
        most, half = format_number(channel.hill.at_most), format_number(channel.hill.half)
        yield f"from spend up to {most} a day, half of them at {half} a day{steep}"
    if channel.adstock:
        yield f"{format_percent(channel.adstock)} of a day's spend works on the next"
    if channel.personas:
        yield f"of personas {mix_phrase(channel.personas)}"

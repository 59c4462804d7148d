"""Describes touchpoints in plain English: channels, messages, offers, desks and acquisition channels."""

from collections.abc import Iterator

from cjsim.scenario.journey import JourneySpec
from cjsim.scenario.kinds.channels import Channel
from cjsim.scenario.kinds.effects import effects_phrase
from cjsim.scenario.kinds.reaction_effects import sway_phrase
from cjsim.scenario.phrases import duration_phrase, format_number, format_percent, join_names, mix_phrase, name_with_title
from cjsim.scenario.touchpoints import PERSONAL, Acquisition, Desk, Message, Offer

_REPLY_PHRASES = {"in_time": "if answered in time", "late": "if answered late", "unanswered": "if not answered"}


def touchpoint_lines(journey: JourneySpec) -> Iterator[str]:
    """Describe the touchpoints of a journey in plain English.

    Parameters
    ----------
    journey : JourneySpec
        The journey to describe.

    Yields
    ------
    str
        One line per item. Details are indented below their item.
    """
    if journey.channels:
        yield "Channels:"
    for name, channel in journey.channels.items():
        yield f"  {name_with_title(name, channel.title)}: {join_names([channel.phrase(), *_response_phrases(channel)])}"
    if journey.messages:
        yield "Messages:"
    yield from (
        f"  {name_with_title(name, message.title)} via {message.channel}: {_message_phrase(message, journey.channels[message.channel])}"
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
            yield from [f"    {_REPLY_PHRASES[reply]}{effects_phrase(effects)}"] if effects else []
    if journey.acquisition:
        yield "Acquisition channels:"
    yield from (
        f"  {name_with_title(name, channel.title)}: {join_names(_acquisition_phrases(channel))}"
        for name, channel in journey.acquisition.items()
    )


def _response_phrases(channel: Channel) -> Iterator[str]:
    """Describe how customers respond to a channel: delays, bounces, satisfaction and contact pressure."""
    if channel.open_delay.key not in ("fixed", "exponential"):  # the median determines these distributions
        yield f"{channel.behavior.open_verb} {channel.open_delay.phrase()}"
    if not channel.click_delay.is_always_zero:
        yield f"click {channel.click_delay.phrase()}"
    if channel.hard_bounce_rate or channel.soft_bounce_rate:
        yield f"{format_percent(channel.hard_bounce_rate)} hard bounces"
        yield f"{format_percent(channel.soft_bounce_rate)} soft bounces"
    if channel.spam_rate:
        yield f"{format_percent(channel.spam_rate)} land in the spam folder"
    if channel.machine_opens:
        delay = channel.machine_open_delay.phrase()
        yield f"{format_percent(channel.machine_opens)} of customers have a mail client that opens each message {delay}"
    if channel.bot_clicks:
        yield f"{format_percent(channel.bot_clicks)} of customers have a mail server that clicks on each message"
    if channel.activity is not None:
        yield f"both timed by the activity profile '{channel.activity}'"
    if channel.affinity is not None:
        yield f"opening scaled by trait {channel.affinity}"
    if channel.fatigue:
        yield f"fatigue {channel.fatigue:g}"
    if channel.annoyance:
        yield f"annoyance {channel.annoyance:g}"
    if channel.satisfaction:
        yield f"weight of satisfaction {channel.satisfaction:g}"
    if channel.pressure != 1:
        yield f"adds contact pressure {channel.pressure:g}"
    if channel.delivery_gain:
        yield f"each delivery changes satisfaction by {channel.delivery_gain:+g}"


def _message_phrase(message: Message, channel: Channel) -> str:
    behavior, names = channel.behavior, channel.behavior.response_names
    topic = "the customer's assumed interest" if message.topic == PERSONAL else message.topic
    about = ["transactional"] if message.transactional else []
    about += [f"about {topic}"] if topic is not None else []
    about += [f"relevance {message.relevance:+g}"] if message.relevance else []
    rates = [f"{format_percent(message.open_rate)} {behavior.open_phrase}", f"{format_percent(message.click_rate)} {behavior.click_phrase}"]
    rates += [f"{format_percent(message.unsubscribe_rate)} opt out"] if message.unsubscribe_rate else []
    rates += [f"{format_percent(message.complaint_rate)} complain"] if message.complaint_rate else []
    own = ((message.hard_bounce_rate, "hard bounces"), (message.soft_bounce_rate, "soft bounces"))
    rates += [f"{format_percent(rate)} {what}" for rate, what in (*own, (message.spam_rate, "land in the spam folder")) if rate is not None]
    cost = [f"{format_number(message.cost)} {behavior.cost_phrase}"] if message.cost is not None else []
    lifts = [f"{event} rate x {1 + gain:g} when {names.get(when, when)}" for when, gains in message.lift for event, gain in gains.items()]
    sways = [f"{sway_phrase(sways)} when {names.get(when, when)}" for when, sways in message.sway if sways]
    effects = [f"when {names.get(when, when)}{effects_phrase(after)}" for when, after in message.effects if after]
    return join_names([*about, *rates, *cost, *lifts, *sways, *effects])


def _offer_phrase(offer: Offer) -> str:
    off = format_percent(offer.discount) if offer.discount is not None else format_number(offer.amount or 0.0)
    uses = "one purchase" if offer.uses == 1 else f"{offer.uses:,} purchases"
    least = f" of at least {format_number(offer.at_least)}" if offer.at_least else ""
    taken = f", redeemed on {format_percent(offer.redeems)} of eligible purchases" if offer.redeems < 1 else ""
    return f"{off} off {uses}{least} within {duration_phrase(offer.valid)}{taken}"


def _desk_line(desk: Desk) -> str:
    waits = "customers never give up" if desk.patience == "endless" else f"customers give up {desk.patience.phrase()}"
    waiting = "" if desk.waiting is None else f"; {desk.waiting.phrase()}"
    family = "" if desk.service.key in ("fixed", "exponential") else f" ({desk.service.family_phrase()})"
    return f"a conversation takes {duration_phrase(desk.service.mean())} on average{family}, {waits}{waiting}"


def _acquisition_phrases(channel: Acquisition) -> Iterator[str]:
    """Describe how many customers a channel brings in, and their personas."""
    if channel.baseline:
        yield f"{format_number(channel.baseline)} customers per day without spend"
    elif channel.hill is None:
        yield "referred customers only"
    if channel.hill is not None:
        steep = f" (slope {channel.hill.slope:g})" if channel.hill.slope != 1 else ""
        most, half = format_number(channel.hill.at_most), format_number(channel.hill.half)
        arrivals = "more" if channel.baseline else "customers"
        yield f"up to {most} {arrivals} per day from spend, half of that at a spend of {half} per day{steep}"
    if channel.adstock:
        yield f"{format_percent(channel.adstock)} of each day's spend carries over to the next day"
    if channel.personas:
        yield f"personas {mix_phrase(channel.personas)}"

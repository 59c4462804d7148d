"""Checks of touchpoints: names and rates of channels, messages and acquisition channels."""

from collections.abc import Iterator

from cjsim.scenario.journey import JourneySpec
from cjsim.scenario.kinds.channels import LOSS_KEYS, Channel
from cjsim.scenario.name_checks import duplicate_faults, observed_faults, unknown_key_faults, unknown_name_faults, weight_faults
from cjsim.scenario.touchpoints import PERSONAL, Message
from cjsim.yaml.paths import Fault, KeyPath


def channel_faults(journey: JourneySpec) -> Iterator[Fault]:
    """Yield a fault for each unknown name that a channel refers to."""
    for name, channel in journey.channels.items():
        path = ("channels", name)
        yield from unknown_name_faults((*path, "activity"), channel.activity, journey.activity, "activity profile")
        yield from unknown_name_faults((*path, "affinity"), channel.affinity, journey.traits, "trait")
        yield from unknown_name_faults((*path, "desk"), channel.desk, journey.desks, "desk")
        yield from duplicate_faults((*path, "visits"), channel.visits)
        for index, event in enumerate(channel.visits):
            yield from observed_faults((*path, "visits", index), event, journey.events)


def message_faults(journey: JourneySpec) -> Iterator[Fault]:
    """Yield faults for unknown names that messages refer to, and for rates that the channel makes impossible."""
    for name, message in journey.messages.items():
        path = ("messages", name)
        yield from unknown_name_faults((*path, "channel"), message.channel, journey.channels, "channel")
        if message.channel in journey.channels:
            yield from _rate_faults(path, message, journey.channels[message.channel])
        if message.topic == PERSONAL and not journey.interests:
            must = f"must not be '{PERSONAL}' if the journey declares no 'interests'"
            yield Fault((*path, "topic"), must, f"'{PERSONAL}'", "Declare 'interests' with their weights, or remove the topic.")
        elif message.topic is not None and message.topic != PERSONAL:
            yield from unknown_name_faults((*path, "topic"), message.topic, [*journey.interests, PERSONAL], "interest")
        for key in ("delivered", "opened", "clicked"):
            yield from unknown_key_faults((*path, "lift", key), getattr(message.lift, key), journey.events, "event")


def acquisition_faults(journey: JourneySpec) -> Iterator[Fault]:
    """Yield faults in the persona mixes of acquisition channels."""
    for name, channel in journey.acquisition.items():
        path = ("acquisition", name, "personas")
        yield from unknown_key_faults(path, channel.personas, journey.personas, "persona")
        yield from weight_faults(path, channel.personas)


def _rate_faults(path: KeyPath, message: Message, channel: Channel) -> Iterator[Fault]:
    """Yield faults for rates that are impossible: responses to messages that nobody sees in time, and bounces."""
    if channel.kind != "push" and (given := [key for key in LOSS_KEYS if getattr(message, key)]):
        must, got = "must be 0, because messages bounce or land in spam folders only on 'push' channels", f"{getattr(message, given[0]):g}"
        yield Fault((*path, given[0]), must, got, "Remove it, or send the message on another channel.")
        return
    losses = message.losses(channel)
    if losses.hard_bounce + losses.soft_bounce >= 1:
        got = f"{losses.hard_bounce:g} and {losses.soft_bounce:g}"
        yield Fault(path, "must have bounce rates that sum to less than 1", got, "Lower 'hard_bounce_rate' or 'soft_bounce_rate'.")
    survival = channel.survival() * (1 - losses.spam)
    for key in ("open_rate", "unsubscribe_rate", "complaint_rate"):
        if (rate := getattr(message, key)) >= survival:
            outside = " and outside of spam folders" if losses.spam else ""
            must = f"must be below {survival:.4g}, the share of responses within the lifetime of messages on '{message.channel}'{outside}"
            yield Fault((*path, key), must, f"{rate:g}", "Give the channel a longer lifetime or a shorter open_delay, or lower the rate.")

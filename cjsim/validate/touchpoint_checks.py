"""Checks of touchpoints: names and rates of channels, messages and acquisition channels."""

from collections.abc import Iterator

from cjsim.scenario.journey import JourneySpec
from cjsim.scenario.kinds.channels import Channel
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
    """Yield a fault for each rate that is impossible because too many responses come after the message's lifetime."""
    survival = channel.survival()
    for key in ("open_rate", "unsubscribe_rate", "complaint_rate"):
        if (rate := getattr(message, key)) >= survival:
            must = f"must be below {survival:.4g}, the share of responses within the lifetime of messages on '{message.channel}'"
            yield Fault((*path, key), must, f"{rate:g}", "Give the channel a longer lifetime or a shorter open_delay, or lower the rate.")

"""`ChannelRule`, the base class of guardrails that apply to channels."""

from abc import abstractmethod
from collections.abc import Iterable, Iterator, Mapping
from datetime import date, datetime
from typing import ClassVar, NamedTuple

from cjsim.kernels.codes import SendDecision
from cjsim.scenario.fields import ChannelNames
from cjsim.scenario.kinds.registers import RecordFields, Registers
from cjsim.yaml.paths import Fault, KeyPath
from cjsim.yaml.strict_model import StrictModel

LocalMoments = Mapping[str, datetime]  # the local time of the firm and of the customer


class PastContact(NamedTuple):
    """A delivered message."""

    time: float  # days since the start
    channel: str


class ChannelRule(StrictModel):
    """A guardrail that applies to the channels in `channels`, or to all channels if none are named."""

    noun: ClassVar[str]
    channels: ChannelNames = ()
    """Channels to which the rule applies; all channels by default."""

    def applies_to(self, channel: str) -> bool:
        """Whether the rule applies to a channel."""
        return not self.channels or channel in self.channels

    @abstractmethod
    def phrase(self) -> str:
        """Describe the rule as a restriction on sends."""

    @abstractmethod
    def records(self, registers: Registers) -> list[RecordFields]:
        """Return the fields of the rule's records."""

    def faults(self, path: KeyPath, horizon_days: float) -> Iterator[Fault]:
        """Yield the faults of the rule in a scenario with this horizon."""
        yield from ()

    def warnings(self) -> Iterator[str]:
        """Yield likely mistakes, each as the predicate of a sentence."""
        yield from ()

    def scenario_warnings(self, *, start: date, horizon_days: float, channels: Iterable[str]) -> Iterator[str]:
        """Yield likely mistakes in a scenario that uses these channels of the rule, each as the predicate of a sentence."""
        yield from ()

    def deferral_reason(self, at: LocalMoments, now: float, contacts: Iterable[PastContact]) -> str:
        """Return why the rule defers a send at a local time (`now`, days), given the past contacts; empty if the rule allows it."""
        return ""

    def refusal_reason(self, decision: SendDecision, now: float, contacts: Iterable[PastContact]) -> str:
        """Return why the rule refuses a send at a time (days), given the past contacts; empty if the rule allows it."""
        return ""

    def recent_contacts(self, now: float, days: float, contacts: Iterable[PastContact]) -> list[float]:
        """Return the times of the contacts on the rule's channels within the last `days` days."""
        return [contact.time for contact in contacts if self.applies_to(contact.channel) and now - contact.time < days]

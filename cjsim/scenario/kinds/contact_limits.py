"""Guardrails that limit contacts: gaps, caps and budgets. A send beyond a limit is refused, or waits."""

import math
from collections.abc import Iterable, Iterator
from typing import Annotated, Literal

from pydantic import Field, model_validator

from cjsim.kernels.codes import SendDecision
from cjsim.scenario.fields import Integer, PositiveDuration, readable_duration
from cjsim.scenario.kinds.channel_rules import ChannelRule, LocalMoments, PastContact
from cjsim.scenario.kinds.registers import RecordFields, Registers
from cjsim.scenario.phrases import channels_phrase, duration_phrase, join_alternatives
from cjsim.yaml.paths import Fault, KeyPath
from cjsim.yaml.strict_model import FieldError

MAX_PERIODS = 1_000_000  # per budget, because each period needs memory
_SPENT = "the budget for all customers is exhausted"


class LimitRule(ChannelRule):
    """A limit that contacts use up. A send beyond it is refused, or waits until the limit allows it again.

    On a pull channel, a message is refused at a visit even with `defer`.
    """

    then: Literal["refuse", "defer"] = Field("refuse", examples=["defer"])
    """What happens to a send beyond the limit: `refuse` drops it, and `defer` makes it wait until the limit allows it, when all guardrails
    check it again. The flow waits with it."""
    drop_after: PositiveDuration | None = Field(None, examples=["3d"])
    """With `defer`, the longest time that a send may wait after the first attempt. A send that would wait longer is refused at once.
    Without it, a send waits for as long as necessary."""

    @model_validator(mode="after")
    def _drops_only_what_waits(self) -> "LimitRule":
        if self.drop_after is not None and self.then != "defer":
            raise FieldError("must have 'drop_after' only together with 'then: defer'", "Add 'then: defer', or remove 'drop_after'.")
        return self

    def wait_phrase(self) -> str:
        """Describe what happens to sends beyond the limit; empty if they are refused."""
        if self.then == "refuse":
            return ""
        return (
            " (deferred)" if self.drop_after is None else f" (deferred, but refused if the wait exceeds {duration_phrase(self.drop_after)})"
        )

    def wait_fields(self) -> RecordFields:
        """Return the fields of a record that define how sends wait."""
        return {"defers": int(self.then == "defer"), "longest_wait": math.inf if self.drop_after is None else self.drop_after}


class Gap(LimitRule):
    """A minimum time between two contacts."""

    noun = "gap"
    at_least: PositiveDuration = Field(examples=["20h"])
    """Minimum time from one delivery to the next send."""

    def phrase(self) -> str:
        return f"at least {duration_phrase(self.at_least)} between contacts{channels_phrase(self.channels)}{self.wait_phrase()}"

    def records(self, registers: Registers) -> list[RecordFields]:
        return [{"channels": registers.channel_mask(self.channels), "days": self.at_least, **self.wait_fields()}]

    def deferral_reason(self, at: LocalMoments, now: float, contacts: Iterable[PastContact]) -> str:
        return self._reason(now, contacts) if self.then == "defer" else ""

    def refusal_reason(self, decision: SendDecision, now: float, contacts: Iterable[PastContact]) -> str:
        return self._reason(now, contacts) if decision is SendDecision.GAP else ""

    def _reason(self, now: float, contacts: Iterable[PastContact]) -> str:
        """Return why the gap does not allow a send now; empty if it does."""
        recent = self.recent_contacts(now, self.at_least, contacts)
        if not recent:
            return ""
        return f"the last contact was {duration_phrase(now - max(recent))} ago, but the minimum gap is {duration_phrase(self.at_least)}"


class Cap(LimitRule):
    """At most `at_most` contacts in any period of length `per`."""

    noun = "cap"
    at_most: Annotated[Integer, Field(ge=0, le=1000)] = Field(examples=[3])
    """Largest number of deliveries to one customer in a period."""
    per: PositiveDuration = Field(examples=["7d"])
    """Length of the period, a rolling window that ends at the send."""

    def phrase(self) -> str:
        return f"at most {self.at_most} in {duration_phrase(self.per)}{channels_phrase(self.channels)}{self.wait_phrase()}"

    @model_validator(mode="after")
    def _may_have_room(self) -> "Cap":
        _check_room(self)
        return self

    def records(self, registers: Registers) -> list[RecordFields]:
        terms = {"channels": registers.channel_mask(self.channels), "days": self.per, "at_most": self.at_most, **self.wait_fields()}
        return [{**terms, "first": registers.reserve("cap_times", self.at_most)}]

    def warnings(self) -> Iterator[str]:
        yield from _zero_warnings(self.at_most, self.channels)

    def refusal_reason(self, decision: SendDecision, now: float, contacts: Iterable[PastContact]) -> str:
        return self._reason(now, contacts) if decision is SendDecision.CAP else ""

    def deferral_reason(self, at: LocalMoments, now: float, contacts: Iterable[PastContact]) -> str:
        return self._reason(now, contacts) if self.then == "defer" else ""

    def _reason(self, now: float, contacts: Iterable[PastContact]) -> str:
        """Return why the cap does not allow a send now; empty if it does."""
        recent = self.recent_contacts(now, self.per, contacts)
        if len(recent) < self.at_most:
            return ""
        return f"{len(recent)} contact{'s' if len(recent) != 1 else ''} in {duration_phrase(self.per)}, and the cap is {self.at_most}"


class Budget(LimitRule):
    """At most `at_most` contacts with all customers together in each period of length `per`, counted from the start."""

    noun = "budget"
    at_most: Annotated[Integer, Field(ge=0, le=10**12)] = Field(examples=[50_000])
    """Largest number of sends to all customers together in a period."""
    per: PositiveDuration = Field(examples=["30d"])
    """Length of the periods, which are counted from the start of the simulation."""

    def phrase(self) -> str:
        limit = f"at most {self.at_most:,} in {duration_phrase(self.per)}{channels_phrase(self.channels)}"
        return f"{limit}, across all customers{self.wait_phrase()}"

    @model_validator(mode="after")
    def _may_have_room(self) -> "Budget":
        _check_room(self)
        return self

    def records(self, registers: Registers) -> list[RecordFields]:
        before, periods = math.ceil(-registers.begins / self.per), math.floor(registers.horizon / self.per) + 1
        terms = {"channels": registers.channel_mask(self.channels), "days": self.per, "at_most": self.at_most, **self.wait_fields()}
        # The periods before day 0 have negative numbers, and precede `first`.
        return [{**terms, "first": registers.reserve("cutoffs", before + periods) + before, "periods": periods}]

    def faults(self, path: KeyPath, horizon_days: float) -> Iterator[Fault]:
        if horizon_days / self.per > MAX_PERIODS:
            must = f"must divide the {readable_duration(horizon_days)} of the simulation into at most {MAX_PERIODS:,} periods"
            yield Fault((*path, "per"), must, readable_duration(self.per), "Lengthen the period, or shorten the horizon.")

    def warnings(self) -> Iterator[str]:
        yield from _zero_warnings(self.at_most, self.channels)

    def refusal_reason(self, decision: SendDecision, now: float, contacts: Iterable[PastContact]) -> str:
        return _SPENT if decision is SendDecision.BUDGET else ""

    def deferral_reason(self, at: LocalMoments, now: float, contacts: Iterable[PastContact]) -> str:
        # Budgets are checked last, so a deferral that nothing else explains is due to a budget.
        return _SPENT if self.then == "defer" else ""


def _check_room(limit: Cap | Budget) -> None:
    if limit.at_most == 0 and limit.then == "defer":
        raise FieldError("must have 'at_most' above 0 together with 'then: defer'", "Raise 'at_most', or remove 'then: defer'.")


def _zero_warnings(at_most: int, channels: tuple[str, ...]) -> Iterator[str]:
    if at_most == 0:
        yield f"is 0, so nothing is ever sent by {join_alternatives(channels) or 'any channel'}."

"""Guardrails: rules that every send must pass. Each kind has its schema, checks, phrases and record."""

import math
import re
from abc import abstractmethod
from collections.abc import Iterable, Iterator
from datetime import date, datetime, timedelta
from itertools import groupby
from typing import Annotated, Any, ClassVar, Literal, NamedTuple

from pydantic import AfterValidator, BeforeValidator, ConfigDict, Field, WithJsonSchema, model_validator

from cjsim.kernels.codes import SendDecision
from cjsim.scenario.fields import (
    ActorName,
    ChannelNames,
    Condition,
    Hour,
    Integer,
    PositiveDuration,
    Share,
    hour_text,
    is_in_yearly_period,
    parse_day,
    readable_duration,
)
from cjsim.scenario.kinds.registers import DeclaredJourney, RecordFields, Registers
from cjsim.scenario.name_checks import duplicate_faults, unknown_item_faults
from cjsim.scenario.phrases import channels_phrase, duration_phrase, format_percent, join_alternatives, join_names
from cjsim.yaml.paths import Fault, KeyPath
from cjsim.yaml.strict_model import FieldError, StrictModel

MAX_PERIODS = 1_000_000  # per budget, because each period needs memory
_DAYS_BEYOND_HORIZON = 366  # covers the end of a blackout that is in force at the horizon


def _parse_calendar_day(value: Any) -> Any:
    text = f"{value}"
    try:
        # A leap year, so that 02-29 exists.
        day = parse_day(f"2024-{text}" if re.fullmatch(r"\d\d-\d\d", text) else value)
    except ValueError:
        must = "must be an existing date from 1900 to 2199, such as 2026-12-24, or 12-24 for every year"
        raise FieldError(must, "Write it as YYYY-MM-DD, or as MM-DD for every year.") from None
    return text if len(text) == len("12-24") else day


def _check_given_once(days: tuple[date | str, ...]) -> tuple[date | str, ...]:
    if len({*days}) < len(days):
        raise FieldError("must not contain a date twice", "Remove one of the two.")
    return days


_DAY_SCHEMA = WithJsonSchema(
    {"type": "string", "title": "date (MM-DD for every year)", "pattern": r"^(\d{4}-)?\d{2}-\d{2}$", "examples": ["2026-12-24", "12-24"]}
)
CalendarDay = Annotated[date | str, BeforeValidator(_parse_calendar_day), _DAY_SCHEMA]  # one date, or a month and day in every year


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
        """The fields of its records."""

    def faults(self, path: KeyPath, horizon_days: float) -> Iterator[Fault]:
        """Yield the faults of the rule in a scenario with this horizon."""
        yield from ()

    def warnings(self) -> Iterator[str]:
        """Yield likely mistakes, each as the predicate of a sentence."""
        yield from ()

    def scenario_warnings(self, *, start: date, horizon_days: float, channels: Iterable[str]) -> Iterator[str]:
        """Yield likely mistakes in a scenario that uses these channels of the rule, each as the predicate of a sentence."""
        yield from ()

    def deferral_reason(self, at: datetime) -> str:
        """Return why the rule defers a send at a local time; empty if the rule allows it."""
        return ""

    def refusal_reason(self, decision: SendDecision, now: float, contacts: Iterable[PastContact]) -> str:
        """Return why the rule refuses a send at a time (days), given the past contacts; empty if the rule allows it."""
        return ""

    def recent_contacts(self, now: float, days: float, contacts: Iterable[PastContact]) -> list[float]:
        """Return the times of the contacts on the rule's channels within the last `days` days."""
        return [contact.time for contact in contacts if self.applies_to(contact.channel) and now - contact.time < days]


class QuietHours(ChannelRule):
    """No sends between two times of day. Sends wait until the quiet hours end."""

    noun = "quiet hours"
    start: Hour = Field(alias="from", examples=["21:00"])
    """Time of day at which quiet hours begin."""
    end: Hour = Field(alias="to", examples=["08:00"])
    """Time of day at which quiet hours end and deferred sends continue; it may be on the next day."""

    @model_validator(mode="after")
    def _not_all_day(self) -> "QuietHours":
        if self.start % 24 == self.end % 24:
            raise FieldError("must not cover the whole day", "Change 'from' or 'to'; a cap with 'at_most: 0' forbids all sends.")
        return self

    def phrase(self) -> str:
        return f"none between {hour_text(self.start)} and {hour_text(self.end)}{channels_phrase(self.channels)}"

    def records(self, registers: Registers) -> list[RecordFields]:
        return [{"channels": registers.channel_mask(self.channels), "start": self.start, "end": self.end}]

    def deferral_reason(self, at: datetime) -> str:
        return self.noun if self.blocks(at.hour + at.minute / 60 + at.second / 3600) else ""

    def blocks(self, hour: float) -> bool:
        """Whether the rule defers a send at this hour of the day."""
        hour, start, end = hour % 24, self.start % 24, self.end % 24
        return start <= hour < end if start < end else hour >= start or hour < end


class Blackout(ChannelRule):
    """No sends on some dates, or from one date through another. A date without a year applies in every year.

    On a pull channel, a message is refused at a visit even with `defer`, because the end of the blackout does not cause a visit. On a
    human channel, a message is checked when the desk is asked, not when it answers.
    """

    model_config = ConfigDict(json_schema_extra={"examples": [{"from": "12-24", "to": "12-26", "then": "refuse"}]})

    noun = "blackout"
    dates: Annotated[tuple[CalendarDay, ...], AfterValidator(_check_given_once)] = ()
    """Dates of the blackout; either these or `from` and `to` are required."""
    first: CalendarDay | None = Field(default=None, alias="from")
    """First day of the blackout."""
    last: CalendarDay | None = Field(default=None, alias="to")
    """Last day of the blackout, inclusive."""
    then: Literal["defer", "refuse"] = Field("defer", examples=["refuse"])
    """What happens to a send: `defer` makes it wait until midnight after the last day, when all guardrails check it again, and `refuse`
    drops it."""

    @model_validator(mode="after")
    def _days_fit(self) -> "Blackout":
        ends = [end for end in (self.first, self.last) if end is not None]
        if bool(self.dates) == bool(ends) or len(ends) == 1:
            raise FieldError(
                "must have either 'dates', or 'from' and 'to'", "Give one of the two forms, such as 'from: 12-24' and 'to: 12-26'."
            )
        if len({type(end) for end in ends}) > 1:
            raise FieldError(
                "must have 'from' and 'to' either both with a year or both without", "Add the year to both, or remove it from both."
            )
        if isinstance(self.first, date) and isinstance(self.last, date) and self.last < self.first:
            raise FieldError("must not end before it starts", "Swap 'from' and 'to'.")
        return self

    def covers(self, day: date) -> bool:
        """Whether the blackout is in force on a day."""
        if self.dates:
            return day in self.dates or f"{day:%m-%d}" in self.dates
        if isinstance(self.first, date):
            return str(self.first) <= str(day) <= str(self.last)
        return is_in_yearly_period(day, str(self.first), str(self.last))

    def phrase(self) -> str:
        dated = join_names(f"{day}" for day in self.dates if isinstance(day, date))
        yearly = join_names(day for day in self.dates if isinstance(day, str))
        when = f"on {' and '.join(days for days in (dated, yearly and f'{yearly} of every year') if days)}"
        if not self.dates:
            when = f"from {self.first} to {self.last}" + (" of every year" if isinstance(self.first, str) else "")
        return f"not {when}{channels_phrase(self.channels)} ({'refused' if self.then == 'refuse' else 'deferred'})"

    def records(self, registers: Registers) -> list[RecordFields]:
        terms = {"channels": registers.channel_mask(self.channels), "refuses": int(self.then == "refuse")}
        days = range(math.ceil(registers.horizon) + _DAYS_BEYOND_HORIZON)
        runs = groupby(days, lambda number: self.covers(registers.start + timedelta(days=number)))
        spans = [list(run) for is_covered, run in runs if is_covered]
        return [{**terms, "begin": span[0], "end": span[-1] + 1} for span in spans]

    def scenario_warnings(self, *, start: date, horizon_days: float, channels: Iterable[str]) -> Iterator[str]:
        used, days = list(channels), math.ceil(horizon_days)
        covered = sum(self.covers(start + timedelta(days=number)) for number in range(days))
        if covered == 0:
            yield f"contains no simulated day. The simulation covers {readable_duration(horizon_days)} from {start}."
        elif covered == days and used:
            yield f"covers the whole simulated period, so nothing is ever sent by {join_alternatives(used)}."

    def deferral_reason(self, at: datetime) -> str:
        return self.noun if self.then == "defer" and self.covers(at.date()) else ""

    def refusal_reason(self, decision: SendDecision, now: float, contacts: Iterable[PastContact]) -> str:
        return self.noun if decision is SendDecision.BLACKOUT else ""


class Gap(ChannelRule):
    """A minimum time between two contacts."""

    noun = "gap"
    at_least: PositiveDuration = Field(examples=["20h"])
    """Minimum time from one delivery to the next send."""

    def phrase(self) -> str:
        return f"at least {duration_phrase(self.at_least)} between contacts{channels_phrase(self.channels)}"

    def records(self, registers: Registers) -> list[RecordFields]:
        return [{"channels": registers.channel_mask(self.channels), "days": self.at_least}]

    def refusal_reason(self, decision: SendDecision, now: float, contacts: Iterable[PastContact]) -> str:
        recent = self.recent_contacts(now, self.at_least, contacts)
        if decision is not SendDecision.GAP or not recent:
            return ""
        return f"the last contact was {duration_phrase(now - max(recent))} ago, but the minimum gap is {duration_phrase(self.at_least)}"


class Cap(ChannelRule):
    """At most `at_most` contacts in any period of length `per`."""

    noun = "cap"
    at_most: Annotated[Integer, Field(ge=0, le=1000)] = Field(examples=[3])
    """Largest number of deliveries to one customer in a period."""
    per: PositiveDuration = Field(examples=["7d"])
    """Length of the period, a rolling window that ends at the send."""

    def phrase(self) -> str:
        return f"at most {self.at_most} in {duration_phrase(self.per)}{channels_phrase(self.channels)}"

    def records(self, registers: Registers) -> list[RecordFields]:
        first = registers.reserve("cap_times", self.at_most)
        return [{"channels": registers.channel_mask(self.channels), "days": self.per, "at_most": self.at_most, "first": first}]

    def warnings(self) -> Iterator[str]:
        yield from _zero_warnings(self.at_most, self.channels)

    def refusal_reason(self, decision: SendDecision, now: float, contacts: Iterable[PastContact]) -> str:
        recent = self.recent_contacts(now, self.per, contacts)
        if decision is not SendDecision.CAP or len(recent) < self.at_most:
            return ""
        return f"{len(recent)} contact{'s' if len(recent) != 1 else ''} in {duration_phrase(self.per)}, and the cap is {self.at_most}"


class Budget(ChannelRule):
    """At most `at_most` contacts with all customers together in each period of length `per`, counted from the start."""

    noun = "budget"
    at_most: Annotated[Integer, Field(ge=0, le=10**12)] = Field(examples=[50_000])
    """Largest number of sends to all customers together in a period."""
    per: PositiveDuration = Field(examples=["30d"])
    """Length of the periods, which are counted from the start of the simulation."""

    def phrase(self) -> str:
        return f"at most {self.at_most:,} in {duration_phrase(self.per)}{channels_phrase(self.channels)}, across all customers"

    def records(self, registers: Registers) -> list[RecordFields]:
        periods = math.floor(registers.horizon / self.per) + 1
        terms = {"channels": registers.channel_mask(self.channels), "days": self.per, "at_most": self.at_most}
        return [{**terms, "first": registers.reserve("cutoffs", periods), "periods": periods}]

    def faults(self, path: KeyPath, horizon_days: float) -> Iterator[Fault]:
        if horizon_days / self.per > MAX_PERIODS:
            must = f"must divide the {readable_duration(horizon_days)} of the simulation into at most {MAX_PERIODS:,} periods"
            yield Fault((*path, "per"), must, readable_duration(self.per), "Lengthen the period, or shorten the horizon.")

    def warnings(self) -> Iterator[str]:
        yield from _zero_warnings(self.at_most, self.channels)

    def refusal_reason(self, decision: SendDecision, now: float, contacts: Iterable[PastContact]) -> str:
        return "the budget for all customers is exhausted" if decision is SendDecision.BUDGET else ""


def _zero_warnings(at_most: int, channels: tuple[str, ...]) -> Iterator[str]:
    if at_most == 0:
        yield f"is 0, so nothing is ever sent by {join_alternatives(channels) or 'any channel'}."


class Guardrails(StrictModel):
    """Rules that every send must pass, in this order: consent (always), holdout, exit, blackouts, quiet hours, gaps, caps, budgets.

    Among the blackouts in force, refusal takes precedence over deferral. All rules check a deferred send again, so a send that waited
    until midnight may be deferred again by the quiet hours of that night.
    """

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"quiet_hours": [{"from": "21:00", "to": "08:00"}], "caps": [{"at_most": 3, "per": "7d"}]}]}
    )

    holdout: Share = Field(0.0, examples=[0.05])
    """Share of all customers whom no flow or broadcast contacts, except those in `spared`."""
    spared: tuple[ActorName, ...] = ()
    """Flows and broadcasts that ignore the holdout of the policy."""
    exit: Condition | None = Field(None, examples=["days_since_purchase > '365d' and opens == 0"])
    """Condition under which the customer gets no more messages."""
    blackouts: tuple[Blackout, ...] = ()
    """Dates on which nothing is sent."""
    quiet_hours: tuple[QuietHours, ...] = ()
    """Times of day at which nothing is sent; sends wait until they end."""
    gaps: tuple[Gap, ...] = ()
    """Minimum times between two contacts with a customer."""
    caps: tuple[Cap, ...] = ()
    """Limits on the number of contacts with each customer in a period."""
    budgets: tuple[Budget, ...] = ()
    """Limits on the number of contacts with all customers together in a period."""

    def rules(self) -> Iterator[tuple[str, tuple[ChannelRule, ...]]]:
        """The key and the rules of each channel guardrail, in evaluation order."""
        for key in ("blackouts", "quiet_hours", "gaps", "caps", "budgets"):
            yield key, getattr(self, key)

    def all_rules(self) -> Iterator[tuple[KeyPath, ChannelRule]]:
        """All rules that apply to channels, with their paths."""
        for key, rules in self.rules():
            yield from ((("guardrails", key, index), rule) for index, rule in enumerate(rules))

    def phrases(self) -> Iterator[str]:
        """Describe the rules."""
        yield "only with consent"
        if self.holdout:
            spared = f", except for {join_names(self.spared)}" if self.spared else ""
            yield f"not to a holdout of {format_percent(self.holdout)}{spared}"
        if self.exit:
            yield f"never when {self.exit}"
        yield from (rule.phrase() for _, rule in self.all_rules())

    def name_faults(self, journey: DeclaredJourney) -> Iterator[Fault]:
        """Yield a fault for each unknown channel."""
        for path, rule in self.all_rules():
            yield from unknown_item_faults((*path, "channels"), rule.channels, journey.names("channel"), "channel")

    def actor_faults(self, actors: Iterable[str]) -> Iterator[Fault]:
        """Yield a fault for each name in `spared` that is not a flow or broadcast."""
        yield from duplicate_faults(("guardrails", "spared"), self.spared)
        yield from unknown_item_faults(("guardrails", "spared"), self.spared, actors, "flow or broadcast")

    def warnings(self) -> Iterator[str]:
        """Yield likely mistakes, one sentence each."""
        if self.holdout == 1:
            yield "guardrails.holdout: is 1, so all customers are held out."
        if self.spared and self.holdout == 0:
            yield "guardrails.spared: has no effect, because there is no holdout."
        yield from (f"guardrails.quiet_hours: {warning}" for warning in self._always_quiet())
        for (_, key, index), rule in self.all_rules():
            yield from (f"guardrails.{key}[{index}]: {warning}" for warning in rule.warnings())

    def scenario_warnings(self, *, start: date, horizon_days: float, channels: Iterable[str]) -> Iterator[str]:
        """Yield likely mistakes in a scenario that uses these channels, one sentence each."""
        for (_, key, index), rule in self.all_rules():
            used = [channel for channel in channels if rule.applies_to(channel)]
            found = rule.scenario_warnings(start=start, horizon_days=horizon_days, channels=used)
            yield from (f"guardrails.{key}[{index}]: {warning}" for warning in found)

    def _always_quiet(self) -> Iterator[str]:
        """Yield warnings about channels whose quiet hours cover the whole day. If any hour is open, some rule ends in an open hour."""
        common = [rule for rule in self.quiet_hours if not rule.channels]
        for channel in dict.fromkeys(["", *(name for rule in self.quiet_hours for name in rule.channels)]):
            own = [*common, *(rule for rule in self.quiet_hours if channel in rule.channels)]
            if own and all(any(other.blocks(rule.end) for other in own) for rule in own):
                yield f"cover the whole day, so nothing is ever sent by {channel or 'any channel'}."
                if not channel:
                    return

    def deferral_reason(self, channel: str, at: datetime) -> str:
        """Return why a send on a channel is deferred at a local time."""
        reasons = (rule.deferral_reason(at) for _, rule in self.all_rules() if rule.applies_to(channel))
        return next((reason for reason in reasons if reason), "deferred")

    def refusal_reason(self, decision: SendDecision, channel: str, now: float, contacts: Iterable[PastContact]) -> str:
        """Return why a send on a channel is refused at a time (days)."""
        fixed = {
            SendDecision.CONSENT: f"no consent for {channel}",
            SendDecision.HOLDOUT: "in the holdout",
            SendDecision.EXIT: f"the exit condition holds ({self.exit})",
        }
        known = list(contacts)
        reasons = (rule.refusal_reason(decision, now, known) for _, rule in self.all_rules() if rule.applies_to(channel))
        return fixed.get(decision) or next((reason for reason in reasons if reason), decision.name.lower())

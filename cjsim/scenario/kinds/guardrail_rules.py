"""Guardrails: rules that every send must pass. Each kind has its schema, checks, phrases and record."""

import math
from collections.abc import Iterable, Iterator
from datetime import date, timedelta
from itertools import groupby
from typing import Annotated, Literal

from pydantic import AfterValidator, ConfigDict, Field, model_validator

from cjsim.kernels.codes import SendDecision
from cjsim.scenario.fields import (
    ActorName,
    CalendarDay,
    Condition,
    Hour,
    Share,
    TimeZone,
    hour_text,
    is_in_yearly_period,
    readable_duration,
)
from cjsim.scenario.kinds.channel_rules import ChannelRule, LocalMoments, PastContact
from cjsim.scenario.kinds.contact_limits import Budget, Cap, Gap
from cjsim.scenario.kinds.registers import DeclaredJourney, RecordFields, Registers
from cjsim.scenario.name_checks import duplicate_faults, unknown_item_faults
from cjsim.scenario.phrases import channels_phrase, format_percent, join_alternatives, join_names, zone_phrase
from cjsim.yaml.paths import Fault, KeyPath
from cjsim.yaml.strict_model import FieldError, StrictModel

_DAYS_BEYOND_HORIZON = 366  # covers the end of a blackout that is in force at the horizon


def _check_given_once(days: tuple[date | str, ...]) -> tuple[date | str, ...]:
    if len({*days}) < len(days):
        raise FieldError("must not contain a date twice", "Remove one of the two.")
    return days


class QuietHours(ChannelRule):
    """No sends between two times of day. Sends wait until the quiet hours end."""

    noun = "quiet hours"
    start: Hour = Field(alias="from", examples=["21:00"])
    """Time of day at which quiet hours begin."""
    end: Hour = Field(alias="to", examples=["08:00"])
    """Time of day at which quiet hours end and deferred sends continue; it may be on the next day."""
    time_zone: TimeZone = Field("customer", examples=["firm"])
    """Whose clock counts: that of the customer or that of the firm."""

    @model_validator(mode="after")
    def _not_all_day(self) -> "QuietHours":
        if self.start % 24 == self.end % 24:
            raise FieldError("must not cover the whole day", "Change 'from' or 'to'; a cap with 'at_most: 0' forbids all sends.")
        return self

    def phrase(self) -> str:
        hours = f"{hour_text(self.start)} and {hour_text(self.end)}{zone_phrase(self.time_zone, 'customer')}"
        return f"none between {hours}{channels_phrase(self.channels)}"

    def records(self, registers: Registers) -> list[RecordFields]:
        hours = {"start": self.start, "end": self.end, "by_customer": int(self.time_zone == "customer")}
        return [{"channels": registers.channel_mask(self.channels), **hours}]

    def deferral_reason(self, at: LocalMoments, now: float, contacts: Iterable[PastContact]) -> str:
        local = at[self.time_zone]
        return self.noun if self.blocks(local.hour + local.minute / 60 + local.second / 3600) else ""

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
    time_zone: TimeZone = Field("customer", examples=["firm"])
    """Whose calendar counts: that of the customer or that of the firm."""

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
        when += zone_phrase(self.time_zone, "customer")
        return f"not {when}{channels_phrase(self.channels)} ({'refused' if self.then == 'refuse' else 'deferred'})"

    def records(self, registers: Registers) -> list[RecordFields]:
        flags = {"refuses": int(self.then == "refuse"), "by_customer": int(self.time_zone == "customer")}
        terms = {"channels": registers.channel_mask(self.channels), **flags}
        days = range(registers.local_days.start, math.ceil(registers.horizon) + _DAYS_BEYOND_HORIZON)
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

    def deferral_reason(self, at: LocalMoments, now: float, contacts: Iterable[PastContact]) -> str:
        return self.noun if self.then == "defer" and self.covers(at[self.time_zone].date()) else ""

    def refusal_reason(self, decision: SendDecision, now: float, contacts: Iterable[PastContact]) -> str:
        return self.noun if decision is SendDecision.BLACKOUT else ""


class Guardrails(StrictModel):
    """Rules that every send must pass, in this order: consent (always), holdout, exit, blackouts, quiet hours, gaps, caps, budgets.

    Among the rules of one kind, refusal takes precedence over deferral. All rules check a deferred send again, so a send that waited
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
        """Yield the key and the rules of each channel guardrail, in evaluation order."""
        for key in ("blackouts", "quiet_hours", "gaps", "caps", "budgets"):
            yield key, getattr(self, key)

    def all_rules(self) -> Iterator[tuple[KeyPath, ChannelRule]]:
        """Yield all rules that apply to channels, with their paths."""
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

    @property
    def limits_defer(self) -> bool:
        """Whether a gap, cap or budget makes sends wait."""
        return any(rule.then == "defer" for rule in (*self.gaps, *self.caps, *self.budgets))

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

    def deferral_reason(self, channel: str, at: LocalMoments, now: float, contacts: Iterable[PastContact]) -> str:
        """Return why a send on a channel is deferred. `at` is the local time of the firm and of the customer, `now` in days."""
        known = list(contacts)
        reasons = (rule.deferral_reason(at, now, known) for _, rule in self.all_rules() if rule.applies_to(channel))
        return next((reason for reason in reasons if reason), "deferred")

    def refusal_reason(self, decision: SendDecision, channel: str, now: float, contacts: Iterable[PastContact]) -> str:
        """Return why a send on a channel is refused at a time (days)."""
        fixed = {
            SendDecision.CONSENT: f"no consent for {channel}",
            SendDecision.BOUNCED: "an earlier message hard-bounced",
            SendDecision.HOLDOUT: "in the holdout",
            SendDecision.EXIT: f"the exit condition holds ({self.exit})",
        }
        known = list(contacts)
        reasons = (rule.refusal_reason(decision, now, known) for _, rule in self.all_rules() if rule.applies_to(channel))
        return fixed.get(decision) or next((reason for reason in reasons if reason), decision.name.lower())

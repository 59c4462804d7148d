"""The family of triggers: what starts a flow. Each kind has its schema, checks, phrases and record."""

from abc import abstractmethod
from collections.abc import Callable, Iterator, Set
from typing import Annotated, Any, NamedTuple

from pydantic import AfterValidator, BeforeValidator, ConfigDict, Field, field_validator, model_validator

from cjsim.kernels.codes import TriggerCode
from cjsim.scenario.fields import (
    ChannelNames,
    Day,
    EventName,
    Hour,
    Integer,
    Number,
    Positive,
    PositiveDuration,
    ScoreName,
    StageName,
    TimeZone,
    check_listed_once,
    hour_text,
)
from cjsim.scenario.kinds.registers import PolicyNames, RecordFields, Registers, span_fields
from cjsim.scenario.kinds.schedules import Schedule
from cjsim.scenario.name_checks import duplicate_faults, unknown_item_faults, unknown_name_faults
from cjsim.scenario.phrases import channels_phrase, duration_phrase, join_alternatives, zone_phrase
from cjsim.yaml.keyed_union import KeyedUnion, Kind
from cjsim.yaml.paths import Fault, KeyPath
from cjsim.yaml.strict_model import FieldError

Titles = Callable[[str], str]  # maps the name of an event to its title


class Reachable(NamedTuple):
    """What can ever happen: stages entered, events, messages sent, flows started, desks asked, scores changed and channels used."""

    stages: Set[str]
    events: Set[str]
    messages: Set[str]
    flows: Set[str]
    desks: Set[str]
    scores: Set[str]
    channels: Set[str]


class TriggerKind(Kind):
    """Something that starts a flow."""

    @abstractmethod
    def phrase(self) -> str:
        """Describe when the flow starts."""

    @abstractmethod
    def reason(self, title_of: Titles, format_duration: Callable[[float], str]) -> str:
        """Describe why the flow started, for a customer's diary. Durations are in days."""

    @abstractmethod
    def can_start(self, reachable: Reachable) -> bool:
        """Whether the trigger can ever fire."""

    def faults(self, path: KeyPath) -> Iterator[Fault]:
        """Yield faults that do not depend on the journey."""
        yield from ()

    def name_faults(self, path: KeyPath, names: PolicyNames) -> Iterator[Fault]:
        """Yield a fault for each name that the journey does not declare or the firm does not observe."""
        yield from ()

    @abstractmethod
    def fields(self, registers: Registers) -> RecordFields:
        """Return the fields of the ACTOR record that this kind sets, including the trigger code."""

    def starts_at(self) -> tuple[str, str] | None:
        """Return the kind (`event` or `stage`) and the name of what starts the flow immediately. None for other triggers."""
        return None

    def reset_by(self) -> tuple[str, ...] | None:
        """Return the events that reset the inactivity timer; None if any event, open or click resets it."""
        return ()

    def dates(self) -> Schedule | None:
        """Return the schedule of a flow that starts on dates. None for other triggers."""
        return None


class OccurrenceTrigger(TriggerKind):
    """Something that starts a flow immediately: an event or entry to a stage, whose name is the body."""

    @field_validator("event", "stage", mode="before", check_fields=False)
    @classmethod
    def _one_name(cls, value: Any) -> Any:
        if isinstance(value, list):
            others = "" if cls.key != "event" else ", or let each event 'fire' one further event that starts the flow"
            raise FieldError(f"must be the name of one {cls.key}", f"Write one flow for each {cls.key}{others}.")
        return value

    def name_faults(self, path: KeyPath, names: PolicyNames) -> Iterator[Fault]:
        """Yield a fault if the event or stage does not exist or the firm does not observe it."""
        yield from names.observed_faults((*path, self.key), self.key, self.body)

    def starts_at(self) -> tuple[str, str]:
        """Return the kind and the name."""
        return self.key, self.body


class EventTrigger(OccurrenceTrigger, key="event"):
    """Starts the flow when an event happens."""

    event: EventName = Field(examples=["cart"])
    """Event that starts the flow each time it happens; the firm must observe it."""

    def phrase(self) -> str:
        return f"on each {self.event}"

    def reason(self, title_of: Titles, format_duration: Callable[[float], str]) -> str:
        return f"triggered by '{title_of(self.event)}'"

    def can_start(self, reachable: Reachable) -> bool:
        return self.event in reachable.events

    def fields(self, registers: Registers) -> RecordFields:
        return {"trigger": TriggerCode.EVENT}


class StageTrigger(OccurrenceTrigger, key="stage"):
    """Starts the flow when a customer enters a stage."""

    stage: StageName = Field(examples=["lapsed"])
    """Stage that starts the flow when the customer enters it; the firm must observe it."""

    def phrase(self) -> str:
        return f"on entering {self.stage}"

    def reason(self, title_of: Titles, format_duration: Callable[[float], str]) -> str:
        return f"enters {self.stage}"

    def can_start(self, reachable: Reachable) -> bool:
        return self.stage in reachable.stages

    def fields(self, registers: Registers) -> RecordFields:
        return {"trigger": TriggerCode.STAGE}


def _expand_event(value: Any) -> Any:
    return [value] if isinstance(value, str) else value


_SomeEvents = Annotated[tuple[EventName, ...], Field(min_length=1), AfterValidator(check_listed_once)]


class InactivityTrigger(TriggerKind, key="inactivity"):
    """Starts the flow after a period without the events in `of` (default: without any event, open or click)."""

    inactivity: PositiveDuration = Field(examples=["60d"])
    """Time without any of the events after which the flow starts, once per spell of inactivity."""
    of: Annotated[_SomeEvents, BeforeValidator(_expand_event, json_schema_input_type=EventName | _SomeEvents)] | None = Field(
        None, examples=[["order"]]
    )
    """Events that count as activity; by default, any observed event, open or click."""

    def phrase(self) -> str:
        return f"after {duration_phrase(self.inactivity)} with no {join_alternatives(self.of) if self.of else 'activity'}"

    def reason(self, title_of: Titles, format_duration: Callable[[float], str]) -> str:
        titles = [f"'{title_of(name)}'" for name in self.of or ()]
        events = f"the event{'s' * (len(titles) > 1)} {', '.join(titles)}" if titles else "activity"
        return f"{format_duration(self.inactivity)} without {events}"

    def can_start(self, reachable: Reachable) -> bool:
        return self.of is None or not reachable.events.isdisjoint(self.of)

    def name_faults(self, path: KeyPath, names: PolicyNames) -> Iterator[Fault]:
        for index, event in enumerate(self.of or ()):
            yield from names.observed_faults((*path, "of", index), "event", event)

    def fields(self, registers: Registers) -> RecordFields:
        return {"trigger": TriggerCode.INACTIVITY, "inactivity": self.inactivity, "watch_entry": int(self.of is None)}

    def reset_by(self) -> tuple[str, ...] | None:
        return self.of


class DatedTrigger(TriggerKind):
    """A trigger that starts a flow on given dates."""

    @abstractmethod
    def dates(self) -> Schedule:
        """Return the schedule."""

    def reason(self, title_of: Titles, format_duration: Callable[[float], str]) -> str:
        """State that the flow starts on its date."""
        return "on its date"

    def can_start(self, reachable: Reachable) -> bool:
        """Return true: dates outside the simulated period only cause a warning."""
        return True

    def fields(self, registers: Registers) -> RecordFields:
        """Return the fields of a scheduled flow."""
        schedule = self.dates()
        first, count, stride = registers.occurrences(schedule.local_times, schedule.time_zone)
        return {"trigger": TriggerCode.SCHEDULE, **span_fields("schedule", (first, count)), "schedule_stride": stride}


class DateTrigger(DatedTrigger, key="date"):
    """Starts the flow on a date, at a time of day (default: midnight)."""

    date: Day
    """Date on which the flow starts, for all customers who are in the journey."""
    at: Hour | None = Field(None, examples=["09:00"])
    """Time of day at which the flow starts; midnight at the start of the date by default."""
    time_zone: TimeZone = "firm"
    """Whose clock and calendar count: those of the firm, for all customers at once, or those of each customer."""

    def phrase(self) -> str:
        return f"on {self.date} at {hour_text(self.at or 0.0)}{zone_phrase(self.time_zone, 'firm')}"

    def dates(self) -> Schedule:
        return Schedule(dates=(self.date,), at=hour_text(self.at or 0.0), time_zone=self.time_zone)


class ScheduleTrigger(DatedTrigger, key="schedule"):
    """Starts the flow on a schedule."""

    schedule: Schedule
    """Days and time of day at which the flow starts."""

    def phrase(self) -> str:
        return self.schedule.phrase()

    def faults(self, path: KeyPath) -> Iterator[Fault]:
        yield from self.schedule.faults((*path, self.key))

    def dates(self) -> Schedule:
        return self.schedule


class ScoreTrigger(TriggerKind, key="score"):
    """Starts the flow when a score rises above a threshold (`above`), or falls to or below one (`below`)."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"score": "engagement", "above": 10}]})

    score: ScoreName
    """Score that starts the flow when it crosses a threshold."""
    above: Number | None = Field(None, examples=[10])
    """Threshold that the score must rise above; either this or `below` is required."""
    below: Positive | None = Field(None, examples=[2])
    """Threshold that the score must fall to or below; either this or `above` is required."""

    @model_validator(mode="after")
    def _one_of(self) -> "ScoreTrigger":
        if (self.above is None) == (self.below is None):
            raise FieldError("must have either 'above' or 'below' together with 'score'", "Give exactly one of them, such as 'above: 10'.")
        return self

    def phrase(self) -> str:
        crossing = f"rises above {self.above:g}" if self.above is not None else f"falls to {self.below:g} or less"
        return f"when score {self.score} {crossing}"

    def reason(self, title_of: Titles, format_duration: Callable[[float], str]) -> str:
        return f"score {self.score} {f'above {self.above:g}' if self.above is not None else f'at most {self.below:g}'}"

    def can_start(self, reachable: Reachable) -> bool:
        return self.score in reachable.scores

    def name_faults(self, path: KeyPath, names: PolicyNames) -> Iterator[Fault]:
        yield from unknown_name_faults((*path, self.key), self.score, names.journey.names("score"), "score")

    def fields(self, registers: Registers) -> RecordFields:
        code, threshold = (TriggerCode.SCORE_BELOW, self.below) if self.above is None else (TriggerCode.SCORE_ABOVE, self.above)
        return {"trigger": code, "score": registers.code("score", self.score), "threshold": threshold}


class UnopenedTrigger(TriggerKind, key="unopened"):
    """Starts the flow at a delivery after n unopened messages in a row, on the given channels (default: all)."""

    unopened: Annotated[Integer, Field(ge=1, le=1000)] = Field(examples=[5])
    """Number of unopened messages in a row after which the next delivery starts the flow, once per spell."""
    channels: ChannelNames = ()
    """Channels whose messages count; all channels by default."""

    def phrase(self) -> str:
        return f"when a message is delivered{channels_phrase(self.channels)} and the previous {self.unopened} were not opened"

    def reason(self, title_of: Titles, format_duration: Callable[[float], str]) -> str:
        return f"none of the last {self.unopened} opened"

    def can_start(self, reachable: Reachable) -> bool:
        return bool(reachable.channels) if not self.channels else not reachable.channels.isdisjoint(self.channels)

    def faults(self, path: KeyPath) -> Iterator[Fault]:
        yield from duplicate_faults((*path, "channels"), self.channels)

    def name_faults(self, path: KeyPath, names: PolicyNames) -> Iterator[Fault]:
        yield from unknown_item_faults((*path, "channels"), self.channels, names.journey.names("channel"), "channel")

    def fields(self, registers: Registers) -> RecordFields:
        return {"trigger": TriggerCode.UNOPENED, "unopened": self.unopened, "channels": registers.channel_mask(self.channels)}


Trigger = Annotated[
    EventTrigger | StageTrigger | InactivityTrigger | DateTrigger | ScheduleTrigger | ScoreTrigger | UnopenedTrigger, KeyedUnion("trigger")
]

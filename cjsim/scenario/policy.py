"""A policy, as declared: flows, broadcasts, guardrails, staffing, spend and personalisation."""

from typing import Annotated, Any, Literal

from pydantic import Field, field_validator, model_validator

from cjsim.scenario.effects import Ask, PriorityRank
from cjsim.scenario.fields import (
    Condition,
    Day,
    Duration,
    Hour,
    Integer,
    Name,
    NonNegative,
    Number,
    Positive,
    PositiveDuration,
    Share,
    Weekday,
    hour_text,
)
from cjsim.yaml.document import Document
from cjsim.yaml.strict_model import OneOf, StrictModel


class Schedule(StrictModel):
    """When: on weekdays every n weeks, or on dates, at a time of day."""

    weekdays: tuple[Weekday, ...] = ()
    every_weeks: Annotated[Integer, Field(ge=1, le=52)] = 1
    dates: tuple[Day, ...] = ()
    at: Hour

    @model_validator(mode="after")
    def _one_of(self) -> "Schedule":
        if bool(self.weekdays) == bool(self.dates):
            raise ValueError("must have either 'weekdays' or 'dates'")
        return self


class On(OneOf):
    """What starts a flow.

    `of` stands beside `inactivity`: events that reset it (all, if not given). `above` or `below` stands beside `score`: the score
    crosses this value, upward or downward. `channels` stands beside `unopened`: none of the last n messages on these channels (all, if none
    are named) had been opened when a further one is delivered. `at` stands beside `date`.
    """

    event: Name | None = None
    stage: Name | None = None
    inactivity: PositiveDuration | None = None
    of: Annotated[tuple[Name, ...], Field(min_length=1)] | None = None
    date: Day | None = None
    at: Hour | None = None
    schedule: Schedule | None = None
    score: Name | None = None
    above: Number | None = None
    below: Positive | None = None
    unopened: Annotated[Integer, Field(ge=1, le=1000)] | None = None
    channels: tuple[Name, ...] = ()

    @classmethod
    def companions(cls) -> frozenset[str]:
        """Keys that may accompany a trigger."""
        return frozenset({"of", "at", "above", "below", "channels"})

    def dates(self) -> Schedule | None:
        """When a flow starts by date, be it one date or a schedule; None for other triggers."""
        return self.schedule if self.date is None else Schedule(dates=(self.date,), at=hour_text(self.at or 0.0))

    @model_validator(mode="before")
    @classmethod
    def _short(cls, value: Any) -> Any:
        if isinstance(value, dict) and isinstance(value.get("of"), str):
            return {**value, "of": [value["of"]]}
        return value

    @model_validator(mode="after")
    def _companions_fit(self) -> "On":
        for name, trigger in (("of", "inactivity"), ("at", "date"), ("above", "score"), ("below", "score"), ("channels", "unopened")):
            if getattr(self, name) not in (None, ()) and getattr(self, trigger) is None:
                raise ValueError(f"must have '{name}' only beside '{trigger}'")
        if self.score is not None and (self.above is None) == (self.below is None):
            raise ValueError("must have either 'above' or 'below' beside 'score'")
        return self


class WaitFor(StrictModel):
    """Wait for an event, at most so long."""

    event: Name
    at_most: PositiveDuration
    then: tuple["Step", ...] = ()
    otherwise: tuple["Step", ...] = Field(default=(), alias="else")


class BranchStep(StrictModel):
    """Two ways on."""

    condition: Condition = Field(alias="if")
    then: tuple["Step", ...] = ()
    otherwise: tuple["Step", ...] = Field(default=(), alias="else")


class Arm(StrictModel):
    """One way of a split, and the share of customers that takes it."""

    share: Share
    steps: tuple["Step", ...] = ()


class WaitUntil(StrictModel):
    """Wait until a local time: the next time that it is `at`, on one of the weekdays (any, if none are named).

    `best_hour`: as much later than `at` as the firm has seen this customer open, click and visit later in the day than `typical`, once it
    has seen at least `learn_from` of them; `at` before that. `at` is then the best hour for all, and `typical` the hour about which all
    customers who are written to at `at` open, click and visit (the circular mean, from the log); `at` if it is not given, and then
    customers who open their mail late are taken for customers who are late.
    """

    at: Hour
    weekdays: tuple[Weekday, ...] = ()
    best_hour: bool = False
    typical: Hour | None = None
    learn_from: Annotated[Integer, Field(ge=1, le=1000)] = 5


class Step(OneOf):
    """One step of a flow.

    A `label` stands beside the step that it names. `experiment` stands beside `split`: each customer has one arm of an experiment, in all
    flows, and the log tells which.
    """

    send: Name | None = None
    wait: PositiveDuration | None = None
    wait_until: WaitUntil | None = None
    wait_for: WaitFor | None = None
    branch: BranchStep | None = None
    split: Annotated[dict[Name, Arm], Field(min_length=2)] | None = None
    tag: Name | None = None
    untag: Name | None = None
    score: dict[Name, Number] | None = None
    offer: Name | None = None
    ask: Ask | None = None
    jump: Name | None = None
    stop: Literal[True] | None = None
    label: Name | None = None
    experiment: Name | None = None

    @classmethod
    def companions(cls) -> frozenset[str]:
        """Keys that may accompany a step."""
        return frozenset({"label", "experiment"})

    @field_validator("ask", mode="before")
    @classmethod
    def _short_ask(cls, value: Any) -> Any:
        return {"desk": value} if isinstance(value, str) else value

    @model_validator(mode="after")
    def _experiment_of_split(self) -> "Step":
        if self.experiment is not None and self.split is None:
            raise ValueError("must have 'experiment' only beside 'split'")
        return self


class Flow(StrictModel):
    """An if/then automation."""

    title: str = ""
    on: On
    condition: Condition | None = Field(default=None, alias="if")
    again_after: Duration | Literal["never"] = 0.0
    exit_on: tuple[Name, ...] = ()
    holdout: Share = 0.0
    priority: PriorityRank = 0
    steps: Annotated[tuple[Step, ...], Field(min_length=1)]


class Broadcast(StrictModel):
    """A message to everyone whom the condition fits, on a schedule."""

    title: str = ""
    schedule: Schedule
    condition: Condition | None = Field(default=None, alias="if")
    holdout: Share = 0.0
    priority: PriorityRank = 0
    send: Name


class QuietHours(StrictModel):
    """No sends between two times of the day; they wait for the end."""

    start: Hour = Field(alias="from")
    end: Hour = Field(alias="to")
    channels: tuple[Name, ...] = ()

    @model_validator(mode="after")
    def _not_all_day(self) -> "QuietHours":
        if self.start % 24 == self.end % 24:
            raise ValueError("must leave a part of the day open")
        return self


class GapRule(StrictModel):
    """At least so long between two contacts on these channels (all, if none are named)."""

    at_least: PositiveDuration
    channels: tuple[Name, ...] = ()


class Cap(StrictModel):
    """At most n contacts in any period of this length on these channels (all, if none are named)."""

    at_most: Annotated[Integer, Field(ge=0, le=1000)]
    per: PositiveDuration
    channels: tuple[Name, ...] = ()


class Budget(StrictModel):
    """At most n contacts of all customers together in each period (counted from the start) on these channels (all, if none are named)."""

    at_most: Annotated[Integer, Field(ge=0, le=10**12)]
    per: PositiveDuration
    channels: tuple[Name, ...] = ()


class Guardrails(StrictModel):
    """Rules that every send must pass: consent (always), holdout, exit, quiet hours, gaps, caps, budgets.

    `holdout`: the share of customers whom no flow and no broadcast contacts, but for those named in `spared`.
    """

    holdout: Share = 0.0
    spared: tuple[Name, ...] = ()
    exit: Condition | None = None
    quiet_hours: tuple[QuietHours, ...] = ()
    gaps: tuple[GapRule, ...] = ()
    caps: tuple[Cap, ...] = ()
    budgets: tuple[Budget, ...] = ()


class Shift(StrictModel):
    """So many people at a desk, between two times of the day, on these weekdays (all, if none are named) or dates; shifts add up.

    A shift that ends before it begins goes on past midnight; its day is the one on which it begins. `wage_per_hour` is paid to each of
    them for the whole shift, whoever asks.
    """

    agents: Annotated[Integer, Field(ge=0, le=100_000)]
    wage_per_hour: NonNegative = 0.0
    start: Hour = Field(default=0.0, alias="from")
    end: Hour = Field(default=24.0, alias="to")
    weekdays: tuple[Weekday, ...] = ()
    dates: tuple[Day, ...] = ()

    @model_validator(mode="after")
    def _some_time(self) -> "Shift":
        if self.start % 24 == self.end % 24 and (self.start, self.end) != (0, 24):
            raise ValueError("must end at another time of the day than it begins")
        return self


class Escalation(StrictModel):
    """Who has waited so long goes to another desk."""

    after: PositiveDuration
    to: Name


class Staffing(StrictModel):
    """How a desk is run: its staff, who answers for it, the promised time to an answer, what a minute of conversation costs beside wages.

    `agents`, and `wage_per_hour` beside it, is short for one shift round the clock.
    """

    owner: str = ""
    shifts: Annotated[tuple[Shift, ...], Field(min_length=1)]
    sla: PositiveDuration | None = None
    cost_per_minute: NonNegative = 0.0
    escalate: Escalation | None = None

    @model_validator(mode="before")
    @classmethod
    def _round_the_clock(cls, value: Any) -> Any:
        if isinstance(value, dict) and "agents" in value and "shifts" in value:
            raise ValueError("must have either 'shifts', or 'agents' who are there round the clock")
        if isinstance(value, dict) and "agents" in value:
            shift = {key: value[key] for key in ("agents", "wage_per_hour") if key in value}
            return {**{key: other for key, other in value.items() if key not in shift}, "shifts": [shift]}
        return value


class SpendPeriod(StrictModel):
    """Money a day from one date to another, both included."""

    per_day: NonNegative
    first: Day = Field(alias="from")
    last: Day = Field(alias="to")

    @model_validator(mode="after")
    def _ordered(self) -> "SpendPeriod":
        if self.last < self.first:
            raise ValueError("must not end before it begins")
        return self


class Spend(StrictModel):
    """Money a day on an acquisition channel; in the periods, the last that holds a day, another sum."""

    per_day: NonNegative = 0.0
    periods: tuple[SpendPeriod, ...] = ()

    def has_money(self) -> bool:
        """Whether any day has a sum above 0."""
        return any((self.per_day, *(period.per_day for period in self.periods)))

    @model_validator(mode="before")
    @classmethod
    def _short(cls, value: Any) -> Any:
        return {"per_day": value} if isinstance(value, (int, float)) and not isinstance(value, bool) else value


class Personalisation(StrictModel):
    """How often the firm takes a customer's interest for what it is, where the condition holds: the first that holds counts."""

    condition: Condition | None = Field(default=None, alias="if")
    accuracy: Share


class PolicySpec(Document):
    """What the firm does. It sees what a firm can see, never a trait or a persona."""

    name: Name
    title: str = ""
    flows: dict[Name, Flow] = {}
    broadcasts: dict[Name, Broadcast] = {}
    guardrails: Guardrails = Guardrails()
    desks: dict[Name, Staffing] = {}
    acquisition: dict[Name, Spend] = {}
    personalisation: tuple[Personalisation, ...] = ()

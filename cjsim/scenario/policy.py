"""A policy, as declared: flows, broadcasts, guardrails, staffing, spend and personalisation."""

from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from cjsim.scenario.fields import Condition, Day, Duration, Hour, Integer, Name, NonNegative, PositiveDuration, Share, Weekday
from cjsim.scenario.kinds.effects import PriorityRank
from cjsim.scenario.kinds.flow_triggers import Trigger
from cjsim.scenario.kinds.guardrail_rules import Guardrails
from cjsim.scenario.kinds.schedules import Schedule
from cjsim.scenario.kinds.steps import Step
from cjsim.yaml.document import Document
from cjsim.yaml.strict_model import StrictModel


class Flow(StrictModel):
    """An if/then automation."""

    title: str = ""
    on: Trigger
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
    """Customers who have waited this long move to another desk."""

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

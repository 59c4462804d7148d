"""Schema of a policy: flows, broadcasts, guardrails, staffing, spend, personalization and targeting rules."""

from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from cjsim.scenario.fields import (
    AcceptedPaths,
    Condition,
    Day,
    Duration,
    Hour,
    Integer,
    Name,
    NonNegative,
    Number,
    PositiveDuration,
    Share,
    Weekday,
)
from cjsim.scenario.kinds.effects import PriorityRank
from cjsim.scenario.kinds.flow_triggers import Trigger
from cjsim.scenario.kinds.guardrail_rules import Guardrails
from cjsim.scenario.kinds.schedules import Schedule
from cjsim.scenario.kinds.steps import Step
from cjsim.yaml.document import Document
from cjsim.yaml.strict_model import StrictModel, short_form


class Flow(StrictModel):
    """An automation: a trigger starts a sequence of steps for a customer."""

    title: str = ""
    on: Trigger
    condition: Condition | None = Field(default=None, alias="if")
    again_after: Duration | Literal["never"] = 0.0
    exit_on: tuple[Name, ...] = ()
    holdout: Share = 0.0
    priority: PriorityRank = 0
    steps: Annotated[tuple[Step, ...], Field(min_length=1)]


class Broadcast(StrictModel):
    """A message sent on a schedule to all customers who meet a condition."""

    title: str = ""
    schedule: Schedule
    condition: Condition | None = Field(default=None, alias="if")
    holdout: Share = 0.0
    priority: PriorityRank = 0
    send: Name


class Shift(StrictModel):
    """Agents at a desk between two times of day, on some weekdays or dates (default: every day). Overlapping shifts add up.

    A shift whose end is before its start ends on the next day; `weekdays` and `dates` refer to the day on which it starts. Each agent
    is paid `wage_per_hour` for the whole shift, regardless of demand.
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
            raise ValueError("must not start and end at the same time of day")
        return self


class Escalation(StrictModel):
    """Moves customers to another desk after a waiting time."""

    after: PositiveDuration
    to: Name


class Staffing(StrictModel):
    """How a desk is run: shifts, owner, promised response time (`sla`), cost per minute of conversation on top of wages, and escalation.

    `agents`, optionally with `wage_per_hour`, is a short form for one shift around the clock.
    """

    owner: str = ""
    shifts: Annotated[tuple[Shift, ...], Field(min_length=1)]
    sla: PositiveDuration | None = None
    cost_per_minute: NonNegative = 0.0
    escalate: Escalation | None = None

    @model_validator(mode="before")
    @classmethod
    def _expand_agents(cls, value: Any) -> Any:
        if isinstance(value, dict) and "agents" in value and "shifts" in value:
            raise ValueError("must have either 'shifts' or 'agents' (around the clock)")
        if isinstance(value, dict) and "agents" in value:
            shift = {key: value[key] for key in ("agents", "wage_per_hour") if key in value}
            return {**{key: other for key, other in value.items() if key not in shift}, "shifts": [shift]}
        return value


class SpendPeriod(StrictModel):
    """Money per day from one date to another, both included."""

    per_day: NonNegative
    first: Day = Field(alias="from")
    last: Day = Field(alias="to")

    @model_validator(mode="after")
    def _ordered(self) -> "SpendPeriod":
        if self.last < self.first:
            raise ValueError("must not end before it starts")
        return self


class Spend(StrictModel):
    """Money per day on an acquisition channel, and periods with other amounts. If periods overlap, the last one counts."""

    per_day: NonNegative = 0.0
    periods: tuple[SpendPeriod, ...] = ()

    def has_money(self) -> bool:
        """Whether the spend of any day is above 0."""
        return any((self.per_day, *(period.per_day for period in self.periods)))

    _short = model_validator(mode="before")(short_form("per_day", int, float))


class Personalisation(StrictModel):
    """Share of sends in which the firm knows the customer's interest (`accuracy`). The first entry whose condition holds applies."""

    condition: Condition | None = Field(default=None, alias="if")
    accuracy: Share


class RuleUse(StrictModel):
    """A targeting rule that conditions may use, as `rule(NAME)` and `gain(NAME)`.

    `file`: JSON file that `export_rule` wrote. `above`: the rule treats customers whose predicted gain is above this number (default: the
    threshold in the file).
    """

    title: str = ""
    file: str
    above: Number | None = None


class PolicySpec(Document):
    """What the firm does. A policy can use only what a firm observes, never traits or personas."""

    name: Name
    title: str = ""
    flows: dict[Name, Flow] = {}
    broadcasts: dict[Name, Broadcast] = {}
    guardrails: Guardrails = Guardrails()
    desks: dict[Name, Staffing] = {}
    acquisition: dict[Name, Spend] = {}
    personalisation: tuple[Personalisation, ...] = ()
    rules: dict[Name, RuleUse] = {}
    accept_warnings: AcceptedPaths = {}
    """Paths of warnings that `check` does not report, each with the reason. A path covers everything below it."""

"""Schema of a policy: flows, broadcasts, guardrails, staffing, costs, spend, personalization and targeting rules."""

from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field, model_validator

from cjsim.errors import did_you_mean
from cjsim.scenario.cost_terms import Costs
from cjsim.scenario.fields import (
    AcceptedPaths,
    AcquisitionName,
    Condition,
    Day,
    DeskName,
    Duration,
    EventNames,
    Hour,
    Integer,
    MessageName,
    Name,
    NonNegative,
    Number,
    PositiveDuration,
    RealNumber,
    Share,
    SourcesByPath,
    Title,
    Weekday,
)
from cjsim.scenario.kinds.effects import PriorityRank
from cjsim.scenario.kinds.flow_triggers import Trigger
from cjsim.scenario.kinds.guardrail_rules import Guardrails
from cjsim.scenario.kinds.schedules import Schedule
from cjsim.scenario.kinds.steps import Step
from cjsim.yaml.document import Document
from cjsim.yaml.strict_model import FieldError, StrictModel, short_form

PAST_SUFFIX = " (before)"  # in the log, after the name of a past flow or broadcast whose present definition differs


class Flow(StrictModel):
    """An automation: a trigger starts a sequence of steps for a customer."""

    title: Title = Field("", examples=["Abandoned-cart reminders"])
    """Title shown in output."""
    on: Trigger
    """What starts the flow."""
    condition: Condition | None = Field(default=None, alias="if")
    """Condition that must hold when the flow starts."""
    again_after: Duration | Literal["never"] = Field(0.0, examples=["30d"])
    """Minimum time from one start of the flow to the next for the same customer, or `never` for one start only."""
    exit_on: EventNames = Field((), examples=[["order"]])
    """Events that end the flow."""
    holdout: Share = 0.0
    """Share of customers whom this flow never contacts; they still go through its other steps."""
    priority: PriorityRank = 0
    """Order of simultaneous actions, from -1000 to 1000; flows and broadcasts with a higher priority act first."""
    steps: Annotated[tuple[Step, ...], Field(min_length=1)] = Field(examples=[[{"wait": "1d"}, {"send": "cart_mail"}]])
    """What the flow does, one step after the other."""


class Broadcast(StrictModel):
    """A message sent on a schedule to all customers who meet a condition."""

    title: Title = Field("", examples=["Weekly newsletter"])
    """Title shown in output."""
    schedule: Schedule
    """Days and time of day at which the message is sent."""
    condition: Condition | None = Field(default=None, alias="if")
    """Condition that customers must meet; without one, all customers get the message."""
    holdout: Share = 0.0
    """Share of customers whom this broadcast never contacts."""
    priority: PriorityRank = 0
    """Order of simultaneous actions, from -1000 to 1000; flows and broadcasts with a higher priority act first."""
    send: MessageName = Field(examples=["newsletter"])
    """Message that is sent."""


class Shift(StrictModel):
    """Agents at a desk between two times of day, on some weekdays or dates (default: every day). Overlapping shifts add up."""

    agents: Annotated[Integer, Field(ge=0, le=100_000)] = Field(examples=[3])
    """Number of agents."""
    wage_per_hour: NonNegative = Field(0.0, examples=[18])
    """Money per agent-hour, paid for the whole shift regardless of the number of requests."""
    start: Hour = Field(default=0.0, alias="from", examples=["09:00"])
    """Time of day at which the shift begins."""
    end: Hour = Field(default=24.0, alias="to", examples=["17:00"])
    """Time of day at which the shift ends; if it is before `from`, the shift ends on the next day."""
    weekdays: tuple[Weekday, ...] = ()
    """Days of the week on which the shift begins; every day by default."""
    dates: tuple[Day, ...] = ()
    """Dates on which the shift begins; every day by default."""

    @model_validator(mode="after")
    def _some_time(self) -> "Shift":
        if self.start % 24 == self.end % 24 and (self.start, self.end) != (0, 24):
            raise FieldError("must not start and end at the same time of day", "Change one; for a shift around the clock, remove both.")
        return self


class Escalation(StrictModel):
    """Moves customers to another desk after a waiting time."""

    after: PositiveDuration = Field(examples=["15min"])
    """Time in the queue after which a request moves to the other desk."""
    to: DeskName = Field(examples=["second_level"])
    """Desk that takes over the request."""


class Staffing(StrictModel):
    """How a desk is run: staff, promised response time, costs on top of wages, and escalation.

    `agents`, optionally with `wage_per_hour`, is a short form for one shift around the clock.
    """

    model_config = ConfigDict(json_schema_extra={"examples": [{"agents": 2, "wage_per_hour": 18, "sla": "4h"}]})

    owner: str = Field("", examples=["Customer service"])
    """Who is responsible for the desk; shown in output."""
    shifts: Annotated[tuple[Shift, ...], Field(min_length=1)]
    """Agents over time; overlapping shifts add up."""
    sla: PositiveDuration | None = Field(None, examples=["4h"])
    """Promised time from a request to the start of the conversation; without it, every answer counts as on time."""
    shared: Annotated[RealNumber, Field(gt=0, le=1)] = Field(1.0, examples=[0.1])
    """Share of the agents' time that this firm pays for, if the agents also do other work. The other work is assumed to wait."""
    promised: bool = True
    """Whether the `sla` is promised to customers; otherwise, it only classifies replies. Matters only for desks with `waiting`."""
    cost_per_minute: NonNegative = Field(0.0, examples=[0.3])
    """Money per minute of conversation, as an outside service charges; do not combine it with wages, which would count twice."""
    escalate: Escalation | None = None
    """When a waiting request moves to another desk; never by default."""

    @model_validator(mode="before")
    @classmethod
    def _expand_agents(cls, value: Any) -> Any:
        if isinstance(value, dict) and ("agents" in value) == ("shifts" in value):
            remedy = "Remove one of the two." if "agents" in value else _missing_staff_remedy(value)
            raise FieldError("must have either 'shifts' or 'agents' (around the clock)", remedy)
        if isinstance(value, dict) and "agents" in value:
            shift = {key: value[key] for key in ("agents", "wage_per_hour") if key in value}
            return {**{key: other for key, other in value.items() if key not in shift}, "shifts": [shift]}
        return value


def _missing_staff_remedy(staffing: dict[str, Any]) -> str:
    near = (did_you_mean(key, ("agents", "shifts")) for key in staffing if key not in Staffing.model_fields)
    return next(filter(None, near), "Add one of them, such as 'agents: 2'.")


class SpendPeriod(StrictModel):
    """Money per day from one date to another, inclusive."""

    per_day: NonNegative = Field(examples=[400])
    """Spend on each day of the period, in money."""
    first: Day = Field(alias="from", examples=["2026-11-20"])
    """First day of the period."""
    last: Day = Field(alias="to", examples=["2026-12-24"])
    """Last day of the period, inclusive."""

    @model_validator(mode="after")
    def _ordered(self) -> "SpendPeriod":
        if self.last < self.first:
            raise FieldError("must not end before it starts", "Swap 'from' and 'to'.")
        return self


class Spend(StrictModel):
    """Money per day on an acquisition channel, and periods with other amounts. If periods overlap, the last one counts."""

    per_day: NonNegative = Field(0.0, examples=[250])
    """Spend on days outside all periods, in money."""
    periods: tuple[SpendPeriod, ...] = ()
    """Periods with a different spend; if they overlap, the last one in the list counts."""

    def has_money(self) -> bool:
        """Whether the spend of any day is above 0."""
        return any((self.per_day, *(period.per_day for period in self.periods)))

    _short = model_validator(mode="before")(short_form("per_day", int, float))


class Personalisation(StrictModel):
    """How often messages with a `personal` topic match the customer's interest. The first entry whose condition holds applies."""

    condition: Condition | None = Field(default=None, alias="if", examples=["clicks >= 3"])
    """Condition under which the entry applies; without one, it always applies."""
    accuracy: Share = Field(examples=[0.7])
    """Probability that the firm assumes the right interest."""


class RuleUse(StrictModel):
    """A targeting rule that conditions may use, as `rule(NAME)` and `gain(NAME)`."""

    title: Title = Field("", examples=["Customers whom a win-back message persuades"])
    """Title shown in output."""
    file: str = Field(examples=["win_back.json"])
    """JSON file that `export_rule` wrote, relative to the YAML file."""
    above: Number | None = Field(None, examples=[0.1])
    """Predicted gain above which the rule treats a customer, by default the threshold in the file."""


class PolicySpec(Document):
    """What the firm does. A policy can use only what the firm observes, never traits or personas."""

    name: Name = Field(examples=["shop_today"])
    """Name of the policy."""
    title: Title = Field("", examples=["Current policy"])
    """Title shown in output."""
    flows: dict[Annotated[Name, Field(examples=["cart"])], Flow] = {}
    """Automations triggered by events, dates or scores, by name."""
    broadcasts: dict[Annotated[Name, Field(examples=["newsletter"])], Broadcast] = {}
    """Messages that are sent on a schedule, by name."""
    guardrails: Guardrails = Guardrails()
    """Rules that every send must pass."""
    desks: dict[DeskName, Staffing] = {}
    """How each desk of the journey is staffed; a desk without an entry has no staff."""
    costs: Costs = Costs()
    """What the firm pays for its platform, contacts, creative work and setup."""
    acquisition: dict[AcquisitionName, Spend] = {}
    """Spend on each acquisition channel of the journey; none by default."""
    personalisation: tuple[Personalisation, ...] = ()
    """How well the firm guesses interests; if no entry applies, the probability of a correct guess is 1 / number of interests."""
    rules: dict[Annotated[Name, Field(examples=["win_back_rule"])], RuleUse] = {}
    """Targeting rules learned from a trial, by name; conditions refer to them."""
    sources: SourcesByPath = Field({}, examples=[{"costs": {"primary": "price list of the email service, 2026"}}])
    """Where costs, wages and accuracies come from, by path. A path covers everything below it, `*` stands for any name, and the longest
    path counts."""
    accept_warnings: AcceptedPaths = Field({}, examples=[{"flows.winter": "its dates are in winter"}])
    """Paths of warnings that `check` does not report, each with the reason. A path covers everything below it."""

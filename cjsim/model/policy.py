"""A policy: what the firm does. Declared as data, frozen, checked; nothing runs here.

Lives here: flows, broadcasts, guardrails. Does not live here: names that must exist in the journey (check.py).
"""

from collections.abc import Iterable
from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from cjsim.model.check import policy_faults
from cjsim.model.document import Document
from cjsim.model.paths import Fault
from cjsim.model.vocabulary import Base, Choice, Condition, Day, Duration, Hour, Name, Number, PositiveDuration, Share, Weekday, Whole

Priority = Annotated[Whole, Field(ge=-1000, le=1000)]


class On(Choice):
    """What starts a flow."""

    event: Name | None = None
    stage: Name | None = None
    inactivity: PositiveDuration | None = None
    of: Annotated[tuple[Name, ...], Field(min_length=1)] | None = None  # inactivity: events that reset it; all, if not given

    @classmethod
    def companions(cls) -> frozenset[str]:
        """`of` stands beside `inactivity`."""
        return frozenset({"of"})

    @model_validator(mode="before")
    @classmethod
    def _short(cls, value: Any) -> Any:
        if isinstance(value, dict) and isinstance(value.get("of"), str):
            return {**value, "of": [value["of"]]}
        return value

    @model_validator(mode="after")
    def _of_inactivity(self) -> "On":
        if self.of is not None and self.inactivity is None:
            raise ValueError("must have 'of' only beside 'inactivity'")
        return self


class WaitFor(Base):
    """Wait for an event, at most so long."""

    event: Name
    at_most: PositiveDuration
    then: tuple["Step", ...] = ()
    otherwise: tuple["Step", ...] = Field(default=(), alias="else")


class BranchStep(Base):
    """Two ways on."""

    condition: Condition = Field(alias="if")
    then: tuple["Step", ...] = ()
    otherwise: tuple["Step", ...] = Field(default=(), alias="else")


class Arm(Base):
    """One way of a split, and the share of customers that takes it."""

    share: Share
    steps: tuple["Step", ...] = ()


class Step(Choice):
    """One step of a flow."""

    send: Name | None = None
    wait: PositiveDuration | None = None
    wait_for: WaitFor | None = None
    branch: BranchStep | None = None
    split: Annotated[dict[Name, Arm], Field(min_length=2)] | None = None
    tag: Name | None = None
    untag: Name | None = None
    score: dict[Name, Number] | None = None
    jump: Name | None = None
    stop: Literal[True] | None = None
    label: Name | None = None

    @classmethod
    def companions(cls) -> frozenset[str]:
        """A `label` stands beside the step it names."""
        return frozenset({"label"})


class Flow(Base):
    """An if/then automation."""

    title: str = ""
    on: On
    condition: Condition | None = Field(default=None, alias="if")
    again_after: Duration | Literal["never"] = 0.0
    exit_on: tuple[Name, ...] = ()
    holdout: Share = 0.0
    priority: Priority = 0
    steps: Annotated[tuple[Step, ...], Field(min_length=1)]


class Schedule(Base):
    """When a broadcast goes out: on weekdays every n weeks, or on dates, at a time of day."""

    weekdays: tuple[Weekday, ...] = ()
    every_weeks: Annotated[Whole, Field(ge=1, le=52)] = 1
    dates: tuple[Day, ...] = ()
    at: Hour

    @model_validator(mode="after")
    def _one_of(self) -> "Schedule":
        if bool(self.weekdays) == bool(self.dates):
            raise ValueError("must have either 'weekdays' or 'dates'")
        return self


class Broadcast(Base):
    """A message to everyone whom the condition fits, on a schedule."""

    title: str = ""
    schedule: Schedule
    condition: Condition | None = Field(default=None, alias="if")
    holdout: Share = 0.0
    priority: Priority = 0
    send: Name


class QuietHours(Base):
    """No sends between two times of the day; they wait for the end."""

    start: Hour = Field(alias="from")
    end: Hour = Field(alias="to")
    channels: tuple[Name, ...] = ()

    @model_validator(mode="after")
    def _not_all_day(self) -> "QuietHours":
        if self.start % 24 == self.end % 24:
            raise ValueError("must leave a part of the day open")
        return self


class GapRule(Base):
    """At least so long between two contacts on these channels (all, if none are named)."""

    at_least: PositiveDuration
    channels: tuple[Name, ...] = ()


class Cap(Base):
    """At most n contacts in any period of this length on these channels (all, if none are named)."""

    at_most: Annotated[Whole, Field(ge=0, le=1000)]
    per: PositiveDuration
    channels: tuple[Name, ...] = ()


class Guardrails(Base):
    """Rules that every send must pass: consent (always), holdout, exit, quiet hours, gap, caps."""

    exit: Condition | None = None
    quiet_hours: tuple[QuietHours, ...] = ()
    gaps: tuple[GapRule, ...] = ()
    caps: tuple[Cap, ...] = ()


class Policy(Document):
    """What the firm does. It sees what a firm can see, never a trait or a persona."""

    name: Name
    title: str = ""
    flows: dict[Name, Flow] = {}
    broadcasts: dict[Name, Broadcast] = {}
    guardrails: Guardrails = Guardrails()

    def faults(self) -> Iterable[Fault]:
        """What is wrong across the parts of the policy, whatever the journey."""
        return policy_faults(self)

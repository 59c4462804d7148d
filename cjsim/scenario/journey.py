"""Schema of a journey: stages, events, personas, traits, and everything else about customer behavior."""

from collections.abc import Collection
from datetime import date
from typing import Annotated, Literal

from pydantic import Field, model_validator

from cjsim.scenario.fields import (
    AcceptedPaths,
    Condition,
    Integer,
    Name,
    NonNegative,
    PositiveDuration,
    RealNumber,
    Share,
    TraitRef,
    is_in_yearly_period,
)
from cjsim.scenario.kinds.channels import Channel
from cjsim.scenario.kinds.effects import Effect, Lift
from cjsim.scenario.kinds.trait_laws import TraitLaw
from cjsim.scenario.kinds.wait_laws import WaitLaw
from cjsim.scenario.touchpoints import Acquisition, Desk, Message, Offer
from cjsim.yaml.document import Document
from cjsim.yaml.strict_model import StrictModel, short_form


class Persona(StrictModel):
    """A latent class of customers. The firm never observes it."""

    share: Share
    title: str = ""
    starts_in: Name | None = None
    satisfaction: Share = 0.5
    speed: dict[Name, NonNegative] = {}
    affinity: dict[Name, Annotated[RealNumber, Field(ge=-20, le=20)]] = {}
    consent: dict[Name, Share] = {}
    responds: dict[Name, NonNegative] = {}
    contact_lift: dict[Name, Lift] = {}
    interests: dict[Name, NonNegative] = {}


class Stage(StrictModel):
    """A state of the customer's relationship with the firm."""

    title: str = ""
    retained: bool = False
    observed: bool = True


class Event(StrictModel):
    """Something that can happen to a customer, and the clock that determines when."""

    title: str = ""
    stages: tuple[Name, ...] | Literal["anywhere"] = Field(default=(), alias="in")
    wait: WaitLaw | Literal["never"] = "never"
    speed: tuple[TraitRef, ...] = ()
    satisfaction: Annotated[RealNumber, Field(ge=-50, le=50)] = 0.0
    half_life: PositiveDuration = 3.0
    activity: Name | None = None
    when: Condition | None = None
    observed: bool = True
    effects: tuple[Effect, ...] = ()


class Season(StrictModel):
    """A period of the year in which activity is multiplied by a factor. The mean over the year stays 1."""

    first: Annotated[str, Field(alias="from", pattern=r"^(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])$")]
    last: Annotated[str, Field(alias="to", pattern=r"^(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])$")]
    times: NonNegative

    def contains(self, day: date) -> bool:
        """Whether the season, both ends included, contains a day."""
        return is_in_yearly_period(day, self.first, self.last)


class Activity(StrictModel):
    """An activity profile: weights of the 24 hours of the day and the 7 days of the week (from Monday), and seasons."""

    hours: Annotated[tuple[NonNegative, ...], Field(min_length=24, max_length=24)] = (1.0,) * 24
    weekdays: Annotated[tuple[NonNegative, ...], Field(min_length=7, max_length=7)] = (1.0,) * 7
    seasons: dict[Name, Season] = {}

    @model_validator(mode="after")
    def _some_activity(self) -> "Activity":
        if not sum(self.hours) > 0 or not sum(self.weekdays) > 0:
            raise ValueError("must have at least one hour and one weekday with a weight above 0")
        return self


class Score(StrictModel):
    """A customer score, such as a lead score, with optional exponential decay."""

    half_life: PositiveDuration | None = None


class Moment(StrictModel):
    """A milestone of a customer: the n-th occurrence of an event."""

    event: Name
    nth: Annotated[Integer, Field(ge=1, le=1000)] = 1

    _short = model_validator(mode="before")(short_form("event", str))


class Memory(StrictModel):
    """Exponential decay with a half-life; no decay without one."""

    half_life: PositiveDuration | None = None


class JourneySpec(Document):
    """How customers behave: what can happen to them, in which stage, when, and with what effect.

    See docs/model.md for the meaning of every field.
    """

    name: Name
    title: str = ""
    starts_in: Name
    personas: dict[Name, Persona] = {"customer": Persona(share=1.0)}
    traits: dict[Name, TraitLaw] = {}
    clock_shift: Name | None = None
    preferred_contacts: Name | None = None
    interests: dict[Name, NonNegative] = {}
    attributes: dict[Name, dict[Name, NonNegative]] = {}
    activity: dict[Name, Activity] = {}
    satisfaction: Memory = Memory()
    pressure: Memory = Memory(half_life="7d")
    scores: dict[Name, Score] = {}
    stages: Annotated[dict[Name, Stage], Field(min_length=1)]
    events: dict[Name, Event] = {}
    channels: dict[Name, Channel] = {}
    messages: dict[Name, Message] = {}
    offers: dict[Name, Offer] = {}
    desks: dict[Name, Desk] = {}
    acquisition: dict[Name, Acquisition] = {}
    moments: dict[Name, Moment] = {}
    accept_warnings: AcceptedPaths = {}
    """Paths of warnings that `check` does not report, each with the reason. A path covers everything below it."""

    def names(self, kind: str) -> Collection[str]:
        """Return the declared names of a kind such as `stage`, `channel` or `acquisition`."""
        declared: dict[str, object] = getattr(self, kind if kind == "acquisition" else f"{kind}s")
        return declared.keys()

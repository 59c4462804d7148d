"""Schema of a journey: stages, events, personas, traits, and everything else about customer behavior."""

from collections.abc import Collection
from datetime import date
from typing import Annotated, Literal

from pydantic import ConfigDict, Field, model_validator

from cjsim.kernels.codes import RestartFlag
from cjsim.scenario.demand import Demand, Urgency
from cjsim.scenario.fields import (
    AcceptedPaths,
    AcquisitionName,
    ChannelName,
    Condition,
    DeskName,
    EventName,
    Integer,
    InterestName,
    MessageName,
    MetricName,
    Name,
    NonNegative,
    OfferName,
    PersonaName,
    PositiveDuration,
    ProfileName,
    RealNumber,
    ScoreName,
    Share,
    SourcesByPath,
    StageName,
    StageNames,
    Texts,
    Title,
    TraitName,
    TraitRef,
    is_in_yearly_period,
)
from cjsim.scenario.kinds.channels import Channel
from cjsim.scenario.kinds.effects import Effect, Lift
from cjsim.scenario.kinds.trait_laws import TraitLaw
from cjsim.scenario.kinds.wait_laws import EventWait
from cjsim.scenario.touchpoints import Acquisition, Desk, Message, Offer
from cjsim.scenario.zone_names import ZoneName
from cjsim.yaml.document import Document
from cjsim.yaml.strict_model import FieldError, StrictModel, short_form

_MonthDay = Annotated[str, Field(pattern=r"^(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])$", title="day of the year (MM-DD)")]
_Affinity = Annotated[RealNumber, Field(ge=-20, le=20, examples=[0.35])]
_RESTART_FLAGS: dict[str | None, int] = {
    "move": int(RestartFlag.MOVE),
    "when": int(RestartFlag.WHEN),
    "both": RestartFlag.MOVE | RestartFlag.WHEN,
}
_OFFICE_HOURS = [0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 1, 1, 1, 1, 0, 0, 0, 0, 0, 0, 0]


class Persona(StrictModel):
    """A latent class of customers. The firm never observes it."""

    share: Share = Field(examples=[0.4])
    """Share of customers who have this persona; the shares of all personas sum to 1."""
    title: Title = Field("", examples=["Buys for special occasions"])
    """Title shown in output."""
    starts_in: StageName | None = None
    """Initial stage of these customers, by default that of the journey."""
    satisfaction: Share = Field(0.5, examples=[0.6])
    """Initial and resting level of satisfaction."""
    speed: dict[EventName, NonNegative] = {}
    """Multiplier of the clock speed of each event; 1 for events that are not listed."""
    affinity: dict[ChannelName, _Affinity] = {}
    """Number added to the logit of the open probability on each channel; 0 for channels that are not listed."""
    consent: dict[ChannelName, Share] = {}
    """Probability of consent at entry for each channel, by default that of the channel."""
    responds: dict[EventName, NonNegative] = {}
    """Multiplier of the lift that messages give to each event; 1 for events that are not listed."""
    contact_lift: dict[EventName, Lift] = {}
    """Lift that every delivery gives to each event, whatever the message; on churn, it models sleeping dogs."""
    interests: dict[InterestName, NonNegative] = {}
    """Weights of the interests of these customers, by default those of the journey."""
    goal: Title = Field("", examples=["Save time"])
    """What these customers want to achieve."""
    blockers: Texts = Field((), examples=[["Does not know where to begin"]])
    """What keeps them from it."""
    success_markers: Texts = Field((), examples=[["The first report that a colleague reads"]])
    """How they would notice that they have achieved it."""
    detours: Texts = Field((), examples=[["Puts it off until next week"]])
    """What they do instead for a while."""


class Stage(StrictModel):
    """A state of the customer's relationship with the firm."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"title": "Repeat buyer", "retained": True}]})

    title: Title = Field("", examples=["Repeat buyer"])
    """Title shown in output."""
    retained: bool = False
    """Whether customers in this stage count as retained in the retention and churn metrics."""
    observed: bool = Field(True, examples=[False])
    """Whether the firm sees that a customer is in this stage."""
    question: Title = Field("", examples=["Is this shop worth another order?"])
    """What customers ask themselves in this stage."""
    blocked: StageNames = Field((), examples=[["lapsed"]])
    """For what-ifs: stages to which customers cannot move from here."""


class Event(StrictModel):
    """Something that can happen to a customer, and the clock that determines when."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"in": ["active"], "wait": {"exponential": "14d"}}]})

    title: Title = Field("", examples=["Visits the site"])
    """Title shown in output."""
    stages: tuple[StageName, ...] | Literal["anywhere"] = Field(default=(), alias="in")
    """Stages in which the clock of the event runs, or `anywhere`; without it, only effects fire the event."""
    wait: EventWait | Literal["never"] = "never"
    """Distribution of the waiting time at speed 1, or calendar times; with `never`, only effects fire the event."""
    speed: tuple[TraitRef, ...] = ()
    """Traits whose product multiplies the speed of the clock."""
    satisfaction: Annotated[RealNumber, Field(ge=-50, le=50)] = Field(0.0, examples=[1.5])
    """Weight w of satisfaction s in the clock speed, which is multiplied by exp(w (s - 0.5))."""
    half_life: PositiveDuration = Field(3.0, examples=["2d"])
    """Half-life of the lift that messages give to this event."""
    demand: Demand | None = Field(None, examples=[{"elasticity": 1.8, "purchase": "order"}])
    """How the clock speed responds to the price of a purchase and to discounts; not at all by default."""
    urgency: tuple[Urgency, ...] = ()
    """How the approaching end of an offer or an approaching deadline changes the clock speed."""
    activity: ProfileName | None = None
    """Activity profile of the clock; without one, the clock runs at the same rate at all hours."""
    when: Condition | None = Field(None, examples=["tagged(vip)"])
    """Condition under which the clock runs; it may use only names whose value changes when something happens to the customer."""
    restart: Literal["move", "when", "both"] | None = Field(None, examples=["when"])
    """What restarts the clock: a `move` among the stages of the event, `when` beginning to hold again, or both; by default, neither."""
    observed: bool = Field(True, examples=[False])
    """Whether the firm sees the event; hidden events are not in the log, and policies cannot refer to them."""
    effects: tuple[Effect, ...] = ()
    """What the event does to the customer, in the order listed."""

    @property
    def restart_flags(self) -> int:
        """The moments at which the clock restarts, as bits of `RestartFlag`."""
        return 0 if self.restart is None else _RESTART_FLAGS[self.restart]


class Season(StrictModel):
    """A period of the year in which activity is multiplied by a factor. The mean over the year stays 1."""

    first: _MonthDay = Field(alias="from", examples=["11-23"])
    """First day of the season, in every year."""
    last: _MonthDay = Field(alias="to", examples=["11-30"])
    """Last day of the season, inclusive; the season may extend into the next year."""
    times: NonNegative = Field(examples=[2.2])
    """Factor by which activity is multiplied in the season."""

    def contains(self, day: date) -> bool:
        """Whether the season, both ends included, contains a day."""
        return is_in_yearly_period(day, self.first, self.last)


class Activity(StrictModel):
    """An activity profile: when customers are active. The mean weight over a week is 1, apart from the seasons."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"weekdays": [1.1, 1.1, 1, 1, 1, 0.9, 0.9]}]})

    hours: Annotated[tuple[NonNegative, ...], Field(min_length=24, max_length=24)] = Field((1.0,) * 24, examples=[_OFFICE_HOURS])
    """Weights of the 24 hours of the day, from midnight; equal by default."""
    weekdays: Annotated[tuple[NonNegative, ...], Field(min_length=7, max_length=7)] = Field(
        (1.0,) * 7, examples=[[1.1, 1.1, 1, 1, 1, 0.9, 0.9]]
    )
    """Weights of the 7 days of the week, from Monday; equal by default."""
    seasons: dict[Annotated[Name, Field(examples=["christmas"])], Season] = {}
    """Periods of the year with more or less activity, by name."""

    @model_validator(mode="after")
    def _some_activity(self) -> "Activity":
        if not sum(self.hours) > 0 or not sum(self.weekdays) > 0:
            raise FieldError("must have at least one hour and one weekday with a weight above 0", "Raise a weight.")
        return self


class TimeZones(StrictModel):
    """Where customers are: their time zones, by an attribute that the firm sees, such as a country."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"attribute": "country", "zones": {"DE": "Europe/Berlin", "US": "America/New_York"}, "default": "Europe/Paris"}]
        }
    )

    attribute: Name = Field(examples=["country"])
    """Attribute whose level states where a customer is."""
    zones: Annotated[dict[Name, ZoneName], Field(min_length=1)] = Field(examples=[{"DE": "Europe/Berlin", "US": "America/New_York"}])
    """Time zone of the customers with each level."""
    default: ZoneName | None = None
    """Time zone of customers whose level `zones` does not list; by default, that of the firm."""


class Score(StrictModel):
    """A customer score, such as a lead score, with optional exponential decay."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"half_life": "30d"}]})

    half_life: PositiveDuration | None = Field(None, examples=["30d"])
    """Time in which the score halves without new points; without it, the score does not decay."""


class Moment(StrictModel):
    """A milestone of a customer: the n-th occurrence of an event."""

    event: EventName = Field(examples=["order"])
    """Event that marks the milestone; the firm must observe it."""
    nth: Annotated[Integer, Field(ge=1, le=1000)] = Field(1, examples=[2])
    """Number of the occurrence that counts, from 1."""
    owner: Title = Field("", examples=["Onboarding team"])
    """Who in the firm is responsible for the milestone."""
    metric: MetricName | None = Field(None, examples=["activation"])
    """Metric by which the owner is judged."""

    _short = model_validator(mode="before")(short_form("event", str))


class Memory(StrictModel):
    """Exponential decay with a half-life; no decay without one."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"half_life": "60d"}]})

    half_life: PositiveDuration | None = Field(None, examples=["60d"])
    """Time in which the distance to the resting level halves; without it, there is no decay."""


class JourneySpec(Document):
    """How customers behave: what can happen to them, in which stage, when, and with what effect.

    `cjsim explain journey` describes every field.
    """

    name: Name = Field(examples=["shop"])
    """Name of the journey."""
    title: Title = Field("", examples=["Online shop"])
    """Title shown in output."""
    starts_in: StageName = Field(examples=["prospect"])
    """Initial stage of customers."""
    personas: dict[PersonaName, Persona] = {"customer": Persona(share=1.0)}
    """Latent classes of customers, by name; a single class, `customer`, by default."""
    traits: dict[TraitName, TraitLaw] = {}
    """Distributions of latent, constant properties of customers, which are drawn at entry."""
    clock_shift: TraitName | None = Field(None, examples=["hours_late"])
    """Trait that shifts the customer's activity profiles, in hours; positive values shift them later. The limit is 48 hours."""
    preferred_contacts: TraitName | None = Field(None, examples=["contacts_per_week"])
    """Trait that holds the customer's preferred number of contacts per week; fatigue counts only the excess over it."""
    interests: dict[InterestName, NonNegative] = {}
    """Weights of the topics that interest customers; each customer has one interest."""
    attributes: dict[Annotated[Name, Field(examples=["region"])], dict[Annotated[Name, Field(examples=["north"])], NonNegative]] = {}
    """Categorical properties that the firm sees: the weights of the levels of each attribute."""
    time_zones: TimeZones | None = Field(None, examples=[{"attribute": "country", "zones": {"US": "America/New_York"}}])
    """Time zones of customers, by attribute; by default, all customers are in the firm's time zone."""
    activity: dict[ProfileName, Activity] = {}
    """Profiles of when customers are active, by name; events and channels refer to them."""
    satisfaction: Memory = Field(Memory(), examples=[{"half_life": "60d"}])
    """How fast satisfaction returns to its resting level; by default, it never does."""
    pressure: Memory = Field(Memory(half_life="7d"), examples=[{"half_life": "7d"}])
    """How fast the pressure of past contacts decays; by default, the half-life is 7 days."""
    scores: dict[ScoreName, Score] = {}
    """Scores that the firm keeps for each customer; a score starts at 0."""
    stages: Annotated[dict[StageName, Stage], Field(min_length=1)]
    """Stages of the customer's relationship with the firm; a customer is in exactly one."""
    events: dict[EventName, Event] = {}
    """What can happen to customers, by name."""
    channels: dict[ChannelName, Channel] = {}
    """Channels on which the firm reaches customers, and how customers respond to them."""
    messages: dict[MessageName, Message] = {}
    """Messages that policies can send, and how customers respond to them."""
    offers: dict[OfferName, Offer] = {}
    """Discounts that effects and flows can give to customers, who respond to the size of the discount only through `demand`."""
    desks: dict[DeskName, Desk] = {}
    """Desks that answer customers: service times, patience and effects; the policy declares their staff."""
    acquisition: dict[AcquisitionName, Acquisition] = {}
    """Acquisition channels that bring new customers during the run; the policy declares the spend."""
    moments: dict[Annotated[Name, Field(examples=["conversion"])], Moment] = {}
    """Milestones by name; metrics use `conversion` (the first purchase by default) and `first_value`."""
    sources: SourcesByPath = Field({}, examples=[{"channels": "assumed", "messages.*.open_rate": {"primary": "Mailchimp 2019"}}])
    """Where the numbers come from, by path. A path covers everything below it, `*` stands for any name, and the longest path counts."""
    accept_warnings: AcceptedPaths = Field({}, examples=[{"messages.spare": "other policies send it"}])
    """Paths of warnings that `check` does not report, each with the reason. A path covers everything below it."""

    def names(self, kind: str) -> Collection[str]:
        """Return the declared names of a kind such as `stage`, `channel` or `acquisition`."""
        declared: dict[str, object] = getattr(self, kind if kind == "acquisition" else f"{kind}s")
        return declared.keys()

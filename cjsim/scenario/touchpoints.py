"""Schemas of touchpoints: messages, offers, desks and acquisition channels."""

from typing import Annotated, Literal

from pydantic import Field, model_validator

from cjsim.scenario.fields import Integer, Name, NonNegative, OpenShare, Positive, PositiveDuration, RealNumber, Share
from cjsim.scenario.kinds.effects import Effect, Lift
from cjsim.scenario.kinds.wait_laws import WaitLaw
from cjsim.yaml.strict_model import StrictModel

PERSONAL = "personal"  # the topic of a personalized message: the interest that the firm assumes for the customer


class Lifts(StrictModel):
    """Gains in the lift of events when a message is delivered, opened or clicked."""

    delivered: dict[Name, Lift] = {}
    opened: dict[Name, Lift] = {}
    clicked: dict[Name, Lift] = {}


class MessageEffects(StrictModel):
    """Effects on the customer when a message is delivered, opened or clicked."""

    delivered: tuple[Effect, ...] = ()
    opened: tuple[Effect, ...] = ()
    clicked: tuple[Effect, ...] = ()


class Message(StrictModel):
    """Content sent on a channel, and the response rates of a neutral customer.

    `topic`: one of the journey's interests, or `personal` for the interest that the firm assumes for the customer. `relevance` is added
    to the log-odds of opening if the topic matches the customer's interest.
    """

    channel: Name
    title: str = ""
    open_rate: OpenShare
    click_rate: Annotated[RealNumber, Field(ge=0, lt=1)] = 0.0
    unsubscribe_rate: Annotated[RealNumber, Field(ge=0, lt=1)] = 0.0
    complaint_rate: Annotated[RealNumber, Field(ge=0, lt=1)] = 0.0
    topic: Name | None = None
    relevance: Annotated[RealNumber, Field(ge=-20, le=20)] = 0.0
    cost: NonNegative | None = None
    lift: Lifts = Lifts()
    effects: MessageEffects = MessageEffects()

    @model_validator(mode="after")
    def _topic_of_relevance(self) -> "Message":
        if self.relevance != 0 and self.topic is None:
            raise ValueError("must have a 'topic' if it has 'relevance'")
        return self


class Offer(StrictModel):
    """A discount on purchases during its validity: a share of the value, or an amount. Purchases that would happen anyway qualify too."""

    title: str = ""
    discount: Annotated[RealNumber, Field(gt=0, le=1)] | None = None
    amount: Positive | None = None
    valid: PositiveDuration
    uses: Annotated[Integer, Field(ge=1, le=1_000_000)] = 1
    redeems: Share = 1.0
    at_least: NonNegative = 0.0

    @model_validator(mode="after")
    def _one_of(self) -> "Offer":
        if (self.discount is None) == (self.amount is None):
            raise ValueError("must have either 'discount' (a share) or 'amount' (money)")
        return self


class DeskEffects(StrictModel):
    """Effects on a customer whose request was answered within the promised time, answered late, or abandoned."""

    in_time: tuple[Effect, ...] = ()
    late: tuple[Effect, ...] = ()
    unanswered: tuple[Effect, ...] = ()


class Desk(StrictModel):
    """A desk whose agents answer requests: service time, patience of waiting customers, and effects on them."""

    title: str = ""
    service: WaitLaw
    patience: WaitLaw | Literal["endless"] = "endless"
    effects: DeskEffects = DeskEffects()


class Hill(StrictModel):
    """Arrivals per day from adstocked spend per day s: at_most s^slope / (half^slope + s^slope)."""

    at_most: NonNegative
    half: Positive
    slope: Annotated[RealNumber, Field(gt=0, le=10)] = 1.0


class Acquisition(StrictModel):
    """An acquisition channel: arrivals per day without spend, and from spend with carry-over (adstock) and saturation (Hill)."""

    title: str = ""
    baseline: NonNegative = 0.0
    adstock: Annotated[RealNumber, Field(ge=0, lt=1)] = 0.0
    hill: Hill | None = None
    personas: dict[Name, NonNegative] = {}

"""Touchpoints, as declared: messages, offers, desks and acquisition channels."""

from typing import Annotated, Literal

from pydantic import Field, model_validator

from cjsim.scenario.fields import Integer, Name, NonNegative, OpenShare, Positive, PositiveDuration, RealNumber, Share
from cjsim.scenario.kinds.effects import Effect, Lift
from cjsim.scenario.kinds.wait_laws import WaitLaw
from cjsim.yaml.strict_model import StrictModel

PERSONAL = "personal"  # a message's topic that is chosen for the customer


class Lifts(StrictModel):
    """Gains of events' lifts when a message is delivered, opened, clicked."""

    delivered: dict[Name, Lift] = {}
    opened: dict[Name, Lift] = {}
    clicked: dict[Name, Lift] = {}


class MessageEffects(StrictModel):
    """Effects of a message when it is delivered, opened, clicked."""

    delivered: tuple[Effect, ...] = ()
    opened: tuple[Effect, ...] = ()
    clicked: tuple[Effect, ...] = ()


class Message(StrictModel):
    """Content on a channel, and how a neutral customer answers it.

    `topic`: what it is about, one of the journey's interests, or `personal`: what the firm takes the customer's interest to be.
    `relevance` is added to the logit of opening where the topic is the customer's interest.
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
            raise ValueError("must have a 'topic' where it has 'relevance'")
        return self


class Offer(StrictModel):
    """A discount on purchases while it is valid: a share of the value, or an amount. Who would have bought anyway may take it too."""

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
            raise ValueError("must have either 'discount', a share, or 'amount', money")
        return self


class DeskEffects(StrictModel):
    """Effects on who asked: answered within the promised time, answered later, or not answered before patience ended."""

    in_time: tuple[Effect, ...] = ()
    late: tuple[Effect, ...] = ()
    unanswered: tuple[Effect, ...] = ()


class Desk(StrictModel):
    """People who answer: how long an answer takes, how long customers wait for one, and what it does to them."""

    title: str = ""
    service: WaitLaw
    patience: WaitLaw | Literal["endless"] = "endless"
    effects: DeskEffects = DeskEffects()


class Hill(StrictModel):
    """Arrivals a day from adstocked spend a day s: at_most s^slope / (half^slope + s^slope)."""

    at_most: NonNegative
    half: Positive
    slope: Annotated[RealNumber, Field(gt=0, le=10)] = 1.0


class Acquisition(StrictModel):
    """A way in which customers come: arrivals a day without spend, and from spend through carry-over (adstock) and saturation (Hill)."""

    title: str = ""
    baseline: NonNegative = 0.0
    adstock: Annotated[RealNumber, Field(ge=0, lt=1)] = 0.0
    hill: Hill | None = None
    personas: dict[Name, NonNegative] = {}

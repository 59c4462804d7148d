"""Schemas of touchpoints: messages, offers, desks and acquisition channels."""

from typing import Annotated, Literal, NamedTuple

from pydantic import ConfigDict, Field, model_validator

from cjsim.scenario.fields import (
    ChannelName,
    EventName,
    Integer,
    InterestName,
    NonNegative,
    OpenShare,
    PersonaName,
    Positive,
    PositiveDuration,
    RealNumber,
    Share,
    Title,
)
from cjsim.scenario.kinds.channels import LOSS_KEYS, Channel, LossShare
from cjsim.scenario.kinds.effects import Effect, Lift
from cjsim.scenario.kinds.reaction_effects import Sways
from cjsim.scenario.kinds.wait_laws import WaitLaw
from cjsim.scenario.phrases import duration_phrase
from cjsim.yaml.strict_model import FieldError, StrictModel

PERSONAL = "personal"  # the topic of a personalized message: the interest that the firm assumes for the customer


class Lifts(StrictModel):
    """Gains in the lift of events when a message is delivered, opened or clicked."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"opened": {"visit": 0.5}}]})

    delivered: dict[EventName, Lift] = {}
    """Gain in the lift of each event when the message is delivered."""
    opened: dict[EventName, Lift] = {}
    """Gain in the lift of each event when the customer opens the message."""
    clicked: dict[EventName, Lift] = {}
    """Gain in the lift of each event when the customer clicks."""


class MessageSways(StrictModel):
    """Log odds that a message adds to named branches of an event's `choose` when it is delivered, opened or clicked."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"opened": {"choose_box": {"skip": -0.5}}}]})

    delivered: Sways = {}
    """Log odds by event and branch when the message is delivered."""
    opened: Sways = {}
    """Log odds by event and branch when the customer opens the message."""
    clicked: Sways = {}
    """Log odds by event and branch when the customer clicks."""


class MessageEffects(StrictModel):
    """Effects on the customer when a message is delivered, opened or clicked."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"clicked": [{"score": {"engagement": 5}}]}]})

    delivered: tuple[Effect, ...] = ()
    """Effects when the message is delivered."""
    opened: tuple[Effect, ...] = ()
    """Effects when the customer opens the message."""
    clicked: tuple[Effect, ...] = ()
    """Effects when the customer clicks."""


class Losses(NamedTuple):
    """Probabilities with which a message does not reach the inbox."""

    hard_bounce: float
    soft_bounce: float
    spam: float  # of messages that do not bounce


class Message(StrictModel):
    """Content sent on a channel, and the response rates of a neutral customer.

    A neutral customer has no affinity, a satisfaction of 0.5, no excess contact pressure, and an interest other than the topic.
    """

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"channel": "email", "open_rate": 0.25, "click_rate": 0.1, "lift": {"opened": {"visit": 0.5}}}]}
    )

    channel: ChannelName
    """Channel on which the message is sent."""
    title: Title = Field("", examples=["Welcome email"])
    """Title shown in output."""
    transactional: bool = Field(False, examples=[True])
    """Whether it is a service message, such as a receipt, that the firm owes the customer: rules for marketing do not apply to it."""
    open_rate: OpenShare = Field(examples=[0.25])
    """Opens per delivery to a neutral customer."""
    click_rate: Annotated[RealNumber, Field(ge=0, lt=1)] = Field(0.0, examples=[0.1])
    """Clicks per open; the same for all customers."""
    unsubscribe_rate: Annotated[RealNumber, Field(ge=0, lt=1)] = Field(0.0, examples=[0.002])
    """Unsubscribes per delivery to a neutral customer."""
    complaint_rate: Annotated[RealNumber, Field(ge=0, lt=1)] = Field(0.0, examples=[0.0001])
    """Complaints per delivery to a neutral customer; a complaint also ends consent."""
    hard_bounce_rate: LossShare | None = Field(None, examples=[0.004])
    """Probability of a hard bounce, by default that of the channel."""
    soft_bounce_rate: LossShare | None = Field(None, examples=[0.006])
    """Probability of a soft bounce, by default that of the channel."""
    spam_rate: LossShare | None = Field(None, examples=[0.1])
    """Probability that the message lands in the spam folder if it does not bounce, by default that of the channel."""
    topic: InterestName | None = None
    """Interest that the message is about, or `personal` for the interest that the firm assumes for the customer."""
    relevance: Annotated[RealNumber, Field(ge=-20, le=20)] = Field(0.0, examples=[0.6])
    """Number added to the logit of the open probability if the topic matches the customer's interest; requires a topic."""
    cost: NonNegative | None = Field(None, examples=[0.05])
    """Money per delivery, by default that of the channel."""
    lift: Lifts = Lifts()
    """How much faster events happen after a delivery, an open or a click; -1 stops the clock, and 1 doubles its speed."""
    sway: MessageSways = MessageSways()
    """How much more or less likely branches of events become after a delivery, an open or a click; it decays as lifts do."""
    effects: MessageEffects = MessageEffects()
    """What happens to the customer at a delivery, an open or a click, apart from lifts and sways."""

    def losses(self, channel: Channel) -> Losses:
        """Return the probabilities with which the message does not reach the inbox on its channel."""
        own = (getattr(self, key) for key in LOSS_KEYS)
        return Losses(*(getattr(channel, key) if rate is None else rate for key, rate in zip(LOSS_KEYS, own, strict=True)))

    @model_validator(mode="after")
    def _topic_of_relevance(self) -> "Message":
        if self.relevance != 0 and self.topic is None:
            raise FieldError("must have a 'topic' if it has 'relevance'", "Add a 'topic', or remove 'relevance'.")
        return self


class Offer(StrictModel):
    """A discount on purchases while it is valid: a share of the value, or an amount. Purchases that would happen anyway qualify too."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"discount": 0.1, "valid": "14d"}]})

    title: Title = Field("", examples=["10 % off"])
    """Title shown in output."""
    discount: Annotated[RealNumber, Field(gt=0, le=1)] | None = Field(None, examples=[0.1])
    """Discount as a share of the value of a purchase; either this or `amount` is required. Customers respond only through `demand`."""
    amount: Positive | None = Field(None, examples=[5])
    """Discount in money, at most the value of the purchase; either this or `discount` is required."""
    valid: PositiveDuration = Field(examples=["14d"])
    """How long a customer can redeem the offer after receiving it."""
    uses: Annotated[Integer, Field(ge=1, le=1_000_000)] = Field(1, examples=[3])
    """Number of purchases to which the offer applies."""
    redeems: Share = Field(1.0, examples=[0.8])
    """Probability that a customer with the offer redeems it at a purchase."""
    at_least: NonNegative = Field(0.0, examples=[40])
    """Minimum value of a purchase, in money."""

    @model_validator(mode="after")
    def _one_of(self) -> "Offer":
        if (self.discount is None) == (self.amount is None):
            raise FieldError(
                "must have either 'discount' (a share) or 'amount' (money)", "Give exactly one of them, such as 'discount: 0.1'."
            )
        return self


class DeskEffects(StrictModel):
    """Effects on a customer whose request was answered within the promised time, answered late, or abandoned."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"in_time": [{"satisfy": 0.1}], "unanswered": [{"satisfy": -0.3}]}]})

    in_time: tuple[Effect, ...] = ()
    """Effects at the end of a conversation that began within the policy's `sla`."""
    late: tuple[Effect, ...] = ()
    """Effects at the end of a conversation that began later than the policy's `sla`."""
    unanswered: tuple[Effect, ...] = ()
    """Effects when the customer's patience runs out before a conversation begins."""


class Waiting(StrictModel):
    """How waiting for a desk disappoints customers. A loss h multiplies satisfaction by exp(-h).

    If the promise (the policy's `sla`) exceeds the expected wait, each request adds `loss` times the excess, in units of the expected wait.
    The wait itself adds `loss` times `broken_promise` times its excess over the promise or, if nothing is promised, `loss` times its excess
    over the expected wait. A customer who waits longer than expected gets the effects `late`, even if the promise is kept.
    """

    model_config = ConfigDict(json_schema_extra={"examples": [{"expected": "10min", "loss": 0.05}]})

    expected: PositiveDuration = Field(examples=["10min"])
    """Wait that customers expect if nothing is promised."""
    loss: Annotated[RealNumber, Field(ge=0, le=100)] = Field(examples=[0.05])
    """Loss h per excess wait of the length `expected`."""
    broken_promise: Annotated[RealNumber, Field(ge=1, le=100)] = Field(2.0, examples=[2])
    """Factor of the loss for waiting beyond a promise."""

    def phrase(self) -> str:
        """Describe the disappointment."""
        expected = duration_phrase(self.expected)
        return (
            f"customers expect to wait {expected}; each further {expected} multiplies satisfaction by exp(-{self.loss:g}), "
            f"and by exp(-{self.loss * self.broken_promise:g}) beyond a promise"
        )


class Desk(StrictModel):
    """A desk whose agents answer requests: service time, patience of waiting customers, and effects on them."""

    title: Title = Field("", examples=["Customer support"])
    """Title shown in output."""
    service: WaitLaw = Field(examples=[{"lognormal": {"median": "8min", "sigma": 0.6}}])
    """Distribution of the length of a conversation; at least one second."""
    patience: WaitLaw | Literal["endless"] = Field("endless", examples=[{"exponential": "10min"}])
    """Distribution of how long a customer waits for an answer; without limit by default."""
    waiting: Waiting | None = Field(None, examples=[{"expected": "10min", "loss": 0.05}])
    """How waiting lowers satisfaction; by default, it does so only through the effects of replies."""
    effects: DeskEffects = DeskEffects()
    """What the replies do to the customer."""


class Hill(StrictModel):
    """Arrivals per day from adstocked spend per day s: at_most s^slope / (half^slope + s^slope)."""

    at_most: NonNegative = Field(examples=[40])
    """Arrivals per day that unlimited spend would bring."""
    half: Positive = Field(examples=[300])
    """Spend after carry-over, in money per day, that brings half of `at_most`."""
    slope: Annotated[RealNumber, Field(gt=0, le=10)] = Field(1.0, examples=[1.5])
    """Steepness of the curve; above 1, small amounts of spend bring few customers."""


class Acquisition(StrictModel):
    """An acquisition channel: arrivals per day without spend, and from spend with carry-over (adstock) and saturation (Hill)."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"baseline": 2, "hill": {"at_most": 40, "half": 300}}]})

    title: Title = Field("", examples=["Search ads"])
    """Title shown in output."""
    baseline: NonNegative = Field(0.0, examples=[2])
    """Arrivals per day without spend."""
    adstock: Annotated[RealNumber, Field(ge=0, lt=1)] = Field(0.0, examples=[0.5])
    """Share of the spend of one day that carries over to the next."""
    hill: Hill | None = Field(None, examples=[{"at_most": 40, "half": 300}])
    """How spend turns into arrivals; without it, spend brings no customers."""
    personas: dict[PersonaName, NonNegative] = {}
    """Weights of the personas that the channel brings, by default those of the journey."""

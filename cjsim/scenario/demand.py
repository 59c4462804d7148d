"""What speeds up or slows down customers: prices, and offers and deadlines that are about to end."""

from typing import Annotated

from pydantic import ConfigDict, Field, model_validator

from cjsim.scenario.fields import EventName, NonNegative, OfferName, Positive, PositiveDuration, RealNumber, TraitRef
from cjsim.scenario.phrases import duration_phrase, format_number
from cjsim.yaml.strict_model import FieldError, StrictModel

Elasticity = Annotated[RealNumber, Field(ge=0, le=20)] | TraitRef


class Demand(StrictModel):
    """The response of an event's clock to a price p: the speed is multiplied by p^(-elasticity).

    p is the price after the largest discount that the customer knows of, relative to `reference_price`. It is never taken to be below a
    tenth of the price without the discount.
    """

    model_config = ConfigDict(json_schema_extra={"examples": [{"elasticity": 1.8, "purchase": "order", "reference_price": 40}]})

    elasticity: Elasticity = Field(examples=[1.8])
    """Price elasticity of demand, as a positive number or a trait: the percentage by which the speed rises if the price falls by 1 %."""
    purchase: EventName | None = Field(None, examples=["order"])
    """Event whose purchase has the price, by default the event itself."""
    reference_price: Positive | None = Field(None, examples=[40])
    """Mean value of the purchase at which the price does not change the clock's speed; by default, its current mean."""

    def phrase(self, event: str) -> str:
        """Describe the response of an event."""
        reference = "" if self.reference_price is None else f" relative to {format_number(self.reference_price)}"
        return f"rate x (price of {self.purchase or event}{reference}, less discounts that the customer knows)^-{self.elasticity}"


class Urgency(StrictModel):
    """A factor that multiplies the speed of an event's clock while an offer is about to end or another event is about to happen."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"offer": "ten_percent", "last": "2d", "times": 2}]})

    offer: OfferName | None = None
    """Offer that the customer holds and knows of; either this or `event` is required."""
    event: EventName | None = Field(None, examples=["trial_ends"])
    """Deadline: an event with a fixed or a calendar wait, so that customers can know its time; either this or `offer` is required."""
    last: PositiveDuration = Field(examples=["2d"])
    """How long before the end the factor begins to apply."""
    times: Annotated[NonNegative, Field(le=1000)] = Field(examples=[2])
    """Factor of the speed; above 1, customers hurry."""

    @model_validator(mode="after")
    def _one_end(self) -> "Urgency":
        if (self.offer is None) == (self.event is None):
            raise FieldError("must have either 'offer' or 'event'", "Give exactly one of them, such as 'event: trial_ends'.")
        return self

    def phrase(self) -> str:
        """Describe when the factor applies."""
        end = f"of the offer {self.offer}" if self.offer is not None else f"before {self.event}"
        return f"rate x {self.times:g} in the last {duration_phrase(self.last)} {end}"

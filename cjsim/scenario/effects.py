"""Effects of events, messages and desks on a customer, as declared."""

from typing import Annotated, Any

from pydantic import Field, field_validator

from cjsim.scenario.distributions import AmountLaw, WaitLaw
from cjsim.scenario.fields import Integer, Name, Number, RealNumber, Share, TraitRef, WeightOrTrait
from cjsim.yaml.strict_model import OneOf, StrictModel

Gain = Annotated[RealNumber, Field(ge=-1, le=1)]
Lift = Annotated[RealNumber, Field(ge=-1, le=1000)]
PriorityRank = Annotated[Integer, Field(ge=-1000, le=1000)]  # higher goes first


class Purchase(StrictModel):
    """Money: a value drawn, times traits; `margin` is the share of it that is left before costs of contact."""

    value: AmountLaw
    times: tuple[TraitRef, ...] = ()
    margin: Annotated[RealNumber, Field(ge=-10, le=1)] = 1.0


class Ask(StrictModel):
    """A request to a desk; of those who wait, the higher priority is served first."""

    desk: Name
    priority: PriorityRank = 0


class Refer(StrictModel):
    """Invitations to friends: each becomes a new customer with probability `joins`, `delay` later, whose own journey begins.

    `by`: the acquisition channel that the newcomer counts to, whose mix of personas it is drawn from.
    """

    invites: Annotated[Integer, Field(ge=1, le=1000)] = 1
    joins: Share
    delay: WaitLaw = WaitLaw(fixed="0s")
    by: Name | None = None


class Branch(StrictModel):
    """One outcome of `choose`: its odds are weight * exp(bend * (satisfaction - 0.5))."""

    weight: WeightOrTrait
    bend: Annotated[RealNumber, Field(ge=-50, le=50)] = 0.0
    effects: tuple["Effect", ...] = ()


class Effect(OneOf):
    """What happens to a customer, one thing."""

    go: Name | None = None
    purchase: Purchase | None = None
    satisfy: Gain | None = None
    tag: Name | None = None
    untag: Name | None = None
    score: dict[Name, Number] | None = None
    opt_out: Name | None = None
    offer: Name | None = None
    ask: Ask | None = None
    refer: Refer | None = None
    fire: Name | None = None
    choose: Annotated[tuple[Branch, ...], Field(min_length=1)] | None = None

    @field_validator("ask", mode="before")
    @classmethod
    def _short_ask(cls, value: Any) -> Any:
        return {"desk": value} if isinstance(value, str) else value

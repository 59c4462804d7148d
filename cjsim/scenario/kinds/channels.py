"""The family of channel kinds: how messages reach customers. Each kind has its checks and phrases."""

from collections.abc import Mapping
from typing import Annotated, Literal, NamedTuple

from pydantic import Field, model_validator

from cjsim.kernels.codes import ChannelKind
from cjsim.scenario.fields import Name, NonNegative, PositiveDuration, RealNumber, Share
from cjsim.scenario.kinds.effects import Gain
from cjsim.scenario.kinds.wait_laws import FixedWait, WaitLaw, survival_share
from cjsim.scenario.phrases import duration_phrase, format_number, format_percent, join_names
from cjsim.yaml.strict_model import StrictModel


class ChannelBehavior(NamedTuple):
    """What distinguishes one kind of channel from the others."""

    code: ChannelKind
    needs: str = ""  # key that channels of this kind must have, and other channels must not
    needed_for: str = ""  # meaning of that key, for error messages
    waits_for_visit: bool = False  # messages are placed, and delivered at a visit
    goes_through_desk: bool = False
    open_verb: str = "open"  # what customers do when a message gets through
    open_phrase: str = "open it"
    click_phrase: str = "of openers click"
    cost_phrase: str = "per message"
    lifetime_phrase: str = "messages stay relevant for about"
    response_names: Mapping[str, str] = {}  # how responses are described, where not as "opened" and "clicked"


CHANNEL_BEHAVIOR: Mapping[str, ChannelBehavior] = {
    "push": ChannelBehavior(ChannelKind.PUSH),
    "pull": ChannelBehavior(
        ChannelKind.PULL,
        needs="visits",
        needed_for="the events at which it is seen",
        waits_for_visit=True,
        open_verb="view",
        open_phrase="view it",
        click_phrase="of viewers click",
        response_names={"opened": "viewed"},
        lifetime_phrase="messages expire after",
    ),
    "paid": ChannelBehavior(
        ChannelKind.PAID,
        open_verb="view",
        open_phrase="view it",
        click_phrase="of viewers click",
        response_names={"opened": "viewed"},
        cost_phrase="per viewed impression",
    ),
    "human": ChannelBehavior(
        ChannelKind.HUMAN,
        needs="desk",
        needed_for="the desk that talks to customers",
        goes_through_desk=True,
        open_verb="answer",
        open_phrase="answer",
        click_phrase="of those agree",
        response_names={"opened": "answered", "clicked": "the customer agrees"},
        cost_phrase="per call",
    ),
}


class Channel(StrictModel):
    """A channel to reach customers, and how they respond to it.

    `kind`: `push` messages are delivered immediately. `pull` messages (in-app, web) are seen at the customer's next visit. `paid` messages
    are ad impressions, which cost money when they are seen. `human` messages are conversations with an agent of a desk.
    """

    title: str = ""
    kind: Literal["push", "pull", "paid", "human"] = "push"
    visits: tuple[Name, ...] = ()
    desk: Name | None = None
    consent: Share = 1.0
    cost: NonNegative = 0.0
    click_cost: NonNegative = 0.0
    open_delay: WaitLaw = FixedWait(fixed="0s")
    click_delay: WaitLaw = FixedWait(fixed="0s")
    activity: Name | None = None
    lifetime: PositiveDuration | None = None
    affinity: Name | None = None
    fatigue: Annotated[RealNumber, Field(ge=0, le=100)] = 0.0
    annoyance: Annotated[RealNumber, Field(ge=0, le=100)] = 0.0
    satisfaction: Annotated[RealNumber, Field(ge=-50, le=50)] = 0.0
    pressure: NonNegative = 1.0
    delivery_gain: Gain = 0.0

    @model_validator(mode="after")
    def _kind_fits(self) -> "Channel":
        for kind, behavior in CHANNEL_BEHAVIOR.items():
            if behavior.needs and (self.kind == kind) != bool(getattr(self, behavior.needs)):
                raise ValueError(f"must have '{behavior.needs}' ({behavior.needed_for}) if and only if its kind is '{kind}'")
        return self

    @property
    def behavior(self) -> ChannelBehavior:
        """The behavior of channels of this kind."""
        return CHANNEL_BEHAVIOR[self.kind]

    def survival(self) -> float:
        """Return the share of responses that happen within the lifetime of the channel's messages.

        On a pull channel, the lifetime starts when a message is placed, and expired messages are never shown. No response is lost
        after that, so the share is 1.

        Returns
        -------
        float
            In [0, 1].

        Examples
        --------
        >>> Channel(open_delay={"exponential": "1d"}, lifetime="1d").survival()
        0.5
        """
        loses_nothing = self.lifetime is None or self.behavior.waits_for_visit
        return 1.0 if loses_nothing else survival_share(self.open_delay, self.lifetime or 0.0)

    def phrase(self) -> str:
        """Describe the channel."""
        parts = [f"{format_percent(self.consent)} consent"]
        parts += [f"shown at the next {' or '.join(self.visits)}"] if self.visits else []
        parts += [f"handled by the {self.desk} desk"] if self.desk else []
        parts += [f"{format_number(self.cost)} {self.behavior.cost_phrase}"] if self.cost else []
        parts += [f"{format_number(self.click_cost)} per click"] if self.click_cost else []
        median = self.open_delay.median()
        parts.append(
            f"median time to {self.behavior.open_verb} {duration_phrase(median)}" if median else f"{self.behavior.open_verb}ed immediately"
        )
        parts += [f"{self.behavior.lifetime_phrase} {duration_phrase(self.lifetime)}"] if self.lifetime else []
        return join_names(parts)

"""The family of channel kinds: how messages reach customers. Each kind has its checks and phrases."""

from collections.abc import Mapping
from typing import Annotated, Literal, NamedTuple

from pydantic import ConfigDict, Field, model_validator

from cjsim.kernels.codes import ChannelKind
from cjsim.scenario.fields import DeskName, EventName, NonNegative, PositiveDuration, ProfileName, RealNumber, Share, Title, TraitName
from cjsim.scenario.kinds.effects import Gain
from cjsim.scenario.kinds.wait_laws import ExponentialWait, FixedWait, WaitLaw, survival_share
from cjsim.scenario.phrases import duration_phrase, format_number, format_percent, join_names
from cjsim.yaml.strict_model import FieldError, StrictModel


class ChannelBehavior(NamedTuple):
    """What distinguishes one kind of channel from the others."""

    code: ChannelKind
    needs: str = ""  # key that channels of this kind must have, and other channels must not have
    needed_for: str = ""  # meaning of that key, for error messages
    waits_for_visit: bool = False  # messages are placed, and delivered at a visit
    goes_through_desk: bool = False
    open_verb: str = "open"  # what customers do when a message gets through
    open_phrase: str = "open it"
    click_phrase: str = "of openers click"
    cost_phrase: str = "per message"
    lifetime_phrase: str = "messages stay relevant for about"
    response_names: Mapping[str, str] = {}  # how responses are described, if not as "opened" and "clicked"


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


LossShare = Annotated[RealNumber, Field(ge=0, lt=1)]
LOSS_KEYS = ("hard_bounce_rate", "soft_bounce_rate", "spam_rate")  # a message may have its own
TRANSMISSION_KEYS = (*LOSS_KEYS, "machine_opens", "bot_clicks")


class Channel(StrictModel):
    """A channel to reach customers, and how they respond to it."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"kind": "push", "consent": 0.8, "cost": 0.002}]})

    title: Title = Field("", examples=["Email"])
    """Title shown in output."""
    kind: Literal["push", "pull", "paid", "human"] = Field("push", examples=["pull"])
    """How messages are delivered: `push` at once, `pull` (in-app, web) at the customer's next visit, `paid` as ads that cost money when
    they are seen, `human` in a conversation with an agent of a desk."""
    visits: tuple[EventName, ...] = ()
    """Events at which placed messages are shown; required for `pull` channels, and not allowed for others."""
    desk: DeskName | None = None
    """Desk whose agents contact the customer; required for `human` channels, and not allowed for others."""
    consent: Share = Field(1.0, examples=[0.8])
    """Probability that a customer consents to the channel at entry."""
    consent_covers: Literal["marketing", "all"] = Field("marketing", examples=["all"])
    """Messages that need consent: only `marketing`, or `all` if transactional messages need it too, as with a device's permission for
    push notifications."""
    hard_bounce_rate: LossShare = Field(0.0, examples=[0.004])
    """Probability of a hard bounce: the address does not exist, and the firm sends nothing more to it. Only on `push`
    channels."""
    soft_bounce_rate: LossShare = Field(0.0, examples=[0.006])
    """Probability of a soft bounce, for example because the mailbox is full. Only on `push` channels."""
    spam_rate: LossShare = Field(0.0, examples=[0.1])
    """Probability that a message that does not bounce lands in the spam folder. The customer does not see it there, and the log shows a
    delivery. Only on `push` channels."""
    machine_opens: Share = Field(0.0, examples=[0.5])
    """Share of customers whose mail client opens each message in the inbox by itself. The log shows these opens; nobody reads them. Only on
    `push` channels."""
    machine_open_delay: WaitLaw = ExponentialWait(exponential="10min")
    """Distribution of the time from delivery to an open by the mail client."""
    bot_clicks: Share = Field(0.0, examples=[0.05])
    """Share of customers whose mail server opens each message at delivery and clicks on it, to check its links. Only on `push` channels."""
    cost: NonNegative = Field(0.0, examples=[0.002])
    """Money per delivery; on `paid` channels, money per open."""
    click_cost: NonNegative = Field(0.0, examples=[0.4])
    """Money per click, on any kind of channel."""
    open_delay: WaitLaw = FixedWait(fixed="0s")
    """Distribution of the time from delivery to open; immediate by default."""
    click_delay: WaitLaw = FixedWait(fixed="0s")
    """Distribution of the time from open to click; immediate by default."""
    activity: ProfileName | None = None
    """Activity profile of both delays; without one, customers respond at the same rate at all hours."""
    lifetime: PositiveDuration | None = Field(None, examples=["3d"])
    """Time constant with which the probability of a response decays as its delay grows (unlimited by default); on `pull` channels, the
    time after which a placed message is dropped."""
    affinity: TraitName | None = Field(None, examples=["email_taste"])
    """Trait that is added to the logit of the open probability."""
    fatigue: Annotated[RealNumber, Field(ge=0, le=100)] = Field(0.0, examples=[0.1])
    """How much each unit of excess contact pressure lowers the logit of the open probability."""
    annoyance: Annotated[RealNumber, Field(ge=0, le=100)] = Field(0.0, examples=[0.2])
    """How much each unit of excess contact pressure raises the logits of unsubscribing and complaining."""
    satisfaction: Annotated[RealNumber, Field(ge=-50, le=50)] = Field(0.0, examples=[1.5])
    """Weight of satisfaction in the response: it raises the logit of opening, and lowers those of unsubscribing and complaining."""
    pressure: NonNegative = Field(1.0, examples=[0.5])
    """Contact pressure that each delivery adds."""
    delivery_gain: Gain = Field(0.0, examples=[-0.01])
    """Gain in satisfaction at each delivery; negative values are losses."""

    @model_validator(mode="after")
    def _kind_fits(self) -> "Channel":
        for kind, behavior in CHANNEL_BEHAVIOR.items():
            if behavior.needs and (self.kind == kind) != bool(getattr(self, behavior.needs)):
                must = f"must have '{behavior.needs}' ({behavior.needed_for}) if and only if its kind is '{kind}'"
                has_kind = self.kind == kind
                raise FieldError(must, f"Add '{behavior.needs}'." if has_kind else f"Remove '{behavior.needs}', or set 'kind: {kind}'.")
        if self.kind != "push" and (given := [key for key in TRANSMISSION_KEYS if getattr(self, key) > 0]):
            raise FieldError(f"must have '{given[0]}' only if its kind is 'push'", f"Remove '{given[0]}', or set 'kind: push'.")
        if self.hard_bounce_rate + self.soft_bounce_rate >= 1:
            raise FieldError("must have bounce rates that sum to less than 1", "Lower 'hard_bounce_rate' or 'soft_bounce_rate'.")
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
        parts = [f"{format_percent(self.consent)} consent{' (for all messages)' if self.consent_covers == 'all' else ''}"]
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

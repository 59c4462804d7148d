"""Words of the condition language, and the names that a journey and a policy add to them."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from cjsim.errors import format_error, unknown_name_parts
from cjsim.kernels.codes import ConditionOp
from cjsim.scenario.journey import JourneySpec
from cjsim.scenario.policy import PolicySpec
from cjsim.scenario.traversal import tag_codes

WORDS: dict[str, ConditionOp] = {
    "purchases": ConditionOp.PURCHASES,
    "revenue": ConditionOp.REVENUE,
    "contacts": ConditionOp.CONTACTS,
    "opens": ConditionOp.OPENS,
    "clicks": ConditionOp.CLICKS,
    "days_since_purchase": ConditionOp.SINCE_PURCHASE,
    "days_since_contact": ConditionOp.SINCE_CONTACT,
    "days_since_entry": ConditionOp.SINCE_ENTRY,
    "days_in_stage": ConditionOp.DAYS_IN_STAGE,
    "hour": ConditionOp.HOUR,
    "weekday": ConditionOp.WEEKDAY,
    "day": ConditionOp.DAY,
    "unopened": ConditionOp.UNOPENED,
    "referrals": ConditionOp.REFERRALS,
    "held_out": ConditionOp.HELD_OUT,
}
ACQUIRED_BY = "acquired_by"  # attribute of every journey with acquisition channels
NO_ACQUISITION_CHANNEL = "none"  # the last level of this attribute
LABELS: dict[str, ConditionOp] = {
    "stage": ConditionOp.STAGE,
    "persona": ConditionOp.PERSONA,
    "interest": ConditionOp.INTEREST,
}  # these are compared with names
LATENT_LABELS = frozenset({"persona", "interest"})
LATENT_WORDS: dict[str, ConditionOp] = {"satisfaction": ConditionOp.SATISFACTION, "pressure": ConditionOp.PRESSURE}
CALLS: dict[str, tuple[ConditionOp, str]] = {
    "visited": (ConditionOp.VISITED, "stage"),
    "count": (ConditionOp.COUNT, "event"),
    "days_since": (ConditionOp.SINCE, "event"),
    "tagged": (ConditionOp.TAGGED, "tag"),
    "score": (ConditionOp.SCORE, "score"),
    "consent": (ConditionOp.CONSENT, "channel"),
    "contacts": (ConditionOp.CHANNEL_CONTACTS, "channel"),
    "opens": (ConditionOp.CHANNEL_OPENS, "channel"),
    "clicks": (ConditionOp.CHANNEL_CLICKS, "channel"),
    "days_since_contact": (ConditionOp.SINCE_CHANNEL, "channel"),
    "sent": (ConditionOp.SENT, "message"),
    "opened": (ConditionOp.OPENED, "message"),
    "clicked": (ConditionOp.CLICKED, "message"),
    "unopened": (ConditionOp.CHANNEL_UNOPENED, "channel"),
    "has_offer": (ConditionOp.HAS_OFFER, "offer"),
    "redeemed": (ConditionOp.REDEEMED, "offer"),
    "asks": (ConditionOp.ASKS, "desk"),
    "rule": (ConditionOp.RULE, "rule"),
    "gain": (ConditionOp.GAIN, "rule"),
}
RESERVED = frozenset({ACQUIRED_BY, *LABELS, *WORDS, *LATENT_WORDS, *CALLS})
# Words and calls that `when` may not use, because their values change even if nothing happens to the customer.
_TIME_WORDS = ("days_since_purchase", "days_since_contact", "days_since_entry", "days_in_stage", "hour", "weekday", "day", *LATENT_WORDS)
_TIME_CALLS = ("days_since", "days_since_contact", "has_offer")
TIME_DEPENDENT_OPS: dict[ConditionOp, str] = {(WORDS | LATENT_WORDS)[word]: word for word in _TIME_WORDS}  # words by operation
TIME_DEPENDENT_OPS |= {CALLS[word][0]: word for word in _TIME_CALLS}
# Parts of a journey that are mappings keyed by name.
DECLARED_NAMES = ("stages", "events", "channels", "messages", "scores", "traits", "personas", "interests", "offers", "desks", "acquisition")


class ConditionError(ValueError):
    """Invalid condition. The message states what must hold, the value found, and what to do."""

    def __init__(self, must: str, got: str, remedy: str) -> None:
        super().__init__(format_error("", must, got, remedy))
        self.must, self.got, self.remedy = must, got, remedy


@dataclass(frozen=True)
class ConditionNames:
    """The names that a condition may use, with their codes in the order of declaration.

    `latent`: whether a condition may use traits, personas, interests, satisfaction and pressure. `hidden`: stages and events that the firm
    does not observe. `tags`: None if the policy is unknown, in which case any tag is allowed.
    """

    stages: Mapping[str, int] = field(default_factory=dict)
    events: Mapping[str, int] = field(default_factory=dict)
    channels: Mapping[str, int] = field(default_factory=dict)
    messages: Mapping[str, int] = field(default_factory=dict)
    scores: Mapping[str, int] = field(default_factory=dict)
    tags: Mapping[str, int] | None = field(default_factory=dict)
    attributes: Mapping[str, int] = field(default_factory=dict)
    levels: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    traits: Mapping[str, int] = field(default_factory=dict)
    personas: Mapping[str, int] = field(default_factory=dict)
    interests: Mapping[str, int] = field(default_factory=dict)
    offers: Mapping[str, int] = field(default_factory=dict)
    desks: Mapping[str, int] = field(default_factory=dict)
    acquisition: Mapping[str, int] = field(default_factory=dict)
    rules: Mapping[str, int] = field(default_factory=dict)
    hidden: frozenset[str] = frozenset()
    latent: bool = False

    @classmethod
    def from_documents(cls, journey: JourneySpec, policy: PolicySpec | None, *, latent: bool) -> "ConditionNames":
        """Collect the names of a journey, and the tags of the journey and its policy.

        Parameters
        ----------
        journey : JourneySpec
            Declares all names except tags.
        policy : PolicySpec or None
            None if the policy is unknown, in which case any tag is allowed.
        latent : bool
            True for conditions of the journey, which may use variables that the firm cannot observe.

        Returns
        -------
        ConditionNames
        """
        hidden = {f"stage {name}" for name, stage in journey.stages.items() if not stage.observed}
        hidden |= {f"event {name}" for name, event in journey.events.items() if not event.observed}
        levels = {name: tuple(levels) for name, levels in journey.attributes.items()}
        if journey.acquisition:
            levels[ACQUIRED_BY] = (*journey.acquisition, NO_ACQUISITION_CHANNEL)
        declared: dict[str, Any] = {kinds: _codes_by_name(getattr(journey, kinds)) for kinds in DECLARED_NAMES}
        return cls(
            **declared,
            tags=None if policy is None else tag_codes(journey, policy),
            attributes=_codes_by_name(levels),
            levels={name: _codes_by_name(of_attribute) for name, of_attribute in levels.items()},
            rules=_codes_by_name(() if policy is None or latent else policy.rules),
            hidden=frozenset() if latent else frozenset(hidden),
            latent=latent,
        )

    def code(self, kind: str, name: str) -> int:
        """Return the code of a name, given its kind, such as `event` or `channel`.

        Raises
        ------
        ConditionError
            If the name does not exist or the firm does not observe it.
        """
        if kind == "tag" and self.tags is None:
            return 0
        known: Mapping[str, int] = getattr(self, kind if kind == "acquisition" else f"{kind}s") or {}
        if name not in known:
            must, got, remedy = unknown_name_parts(name, [other for other in known if f"{kind} {other}" not in self.hidden], kind)
            raise ConditionError(must, got, remedy)
        if f"{kind} {name}" in self.hidden:
            remedy = "The journey declares it with 'observed: false'."
            raise ConditionError(f"must use only {kind}s that the firm observes", f"'{name}'", remedy)
        return known[name]


def _codes_by_name(names: Iterable[str]) -> dict[str, int]:
    return {name: code for code, name in enumerate(names)}

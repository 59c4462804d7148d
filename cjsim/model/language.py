"""The words of the condition language, and the names that a journey and a policy give it.

Lives here: which words there are, what they ask for, which names a condition may use and which of them a policy may not see.
Does not live here: the grammar (conditions.py), what a word is for a customer (programs.py).
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from cjsim.errors import complaint, unknown_name
from cjsim.model.codes import Op
from cjsim.model.walk import tags

if TYPE_CHECKING:
    from cjsim.model.journey import Journey
    from cjsim.model.policy import Policy

WORDS: dict[str, Op] = {
    "purchases": Op.PURCHASES,
    "revenue": Op.REVENUE,
    "contacts": Op.CONTACTS,
    "opens": Op.OPENS,
    "clicks": Op.CLICKS,
    "days_since_purchase": Op.SINCE_PURCHASE,
    "days_since_contact": Op.SINCE_CONTACT,
    "days_since_entry": Op.SINCE_ENTRY,
    "days_in_stage": Op.DAYS_IN_STAGE,
    "hour": Op.HOUR,
    "weekday": Op.WEEKDAY,
    "day": Op.DAY,
    "unopened": Op.UNOPENED,
    "referrals": Op.REFERRALS,
    "held_out": Op.HELD_OUT,
}
ACQUIRED_BY, NOBODY = "acquired_by", "none"  # the attribute that a journey with acquisition channels has, and its last level
LABELS: dict[str, Op] = {"stage": Op.STAGE, "persona": Op.PERSONA, "interest": Op.INTEREST}  # compared with names
LATENT_LABELS = frozenset({"persona", "interest"})
LATENT_WORDS: dict[str, Op] = {"satisfaction": Op.SATISFACTION, "pressure": Op.PRESSURE}
CALLS: dict[str, tuple[Op, str]] = {
    "visited": (Op.VISITED, "stage"),
    "count": (Op.COUNT, "event"),
    "days_since": (Op.SINCE, "event"),
    "tagged": (Op.TAGGED, "tag"),
    "score": (Op.SCORE, "score"),
    "consent": (Op.CONSENT, "channel"),
    "contacts": (Op.CHANNEL_CONTACTS, "channel"),
    "opens": (Op.CHANNEL_OPENS, "channel"),
    "clicks": (Op.CHANNEL_CLICKS, "channel"),
    "days_since_contact": (Op.SINCE_CHANNEL, "channel"),
    "sent": (Op.SENT, "message"),
    "opened": (Op.OPENED, "message"),
    "clicked": (Op.CLICKED, "message"),
    "unopened": (Op.CHANNEL_UNOPENED, "channel"),
    "has_offer": (Op.HAS_OFFER, "offer"),
    "redeemed": (Op.REDEEMED, "offer"),
    "asks": (Op.ASKS, "desk"),
}
RESERVED = frozenset({ACQUIRED_BY, *LABELS, *WORDS, *LATENT_WORDS, *CALLS})
# What changes as time passes and nothing happens: not for `when`.
_SINCE = frozenset({Op.SINCE, Op.SINCE_PURCHASE, Op.SINCE_CONTACT, Op.SINCE_CHANNEL, Op.SINCE_ENTRY, Op.DAYS_IN_STAGE})
DRIFTING = _SINCE | {Op.HOUR, Op.WEEKDAY, Op.DAY, Op.SATISFACTION, Op.PRESSURE, Op.HAS_OFFER}


class ConditionError(ValueError):
    """A condition is wrong: what must hold, what was got, what to do."""

    def __init__(self, must: str, got: str, remedy: str) -> None:
        super().__init__(complaint("", must, got, remedy))
        self.must, self.got, self.remedy = must, got, remedy


@dataclass(frozen=True)
class Names:
    """The names that a condition may use, with their codes (the order of declaration).

    `latent`: whether traits, personas, satisfaction and pressure may be asked for. `hidden`: stages and events that the firm
    cannot observe. `tags`: None where any tag may be asked for, as the policy that sets it is not known.
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
    hidden: frozenset[str] = frozenset()
    latent: bool = False

    @classmethod
    def of(cls, journey: "Journey", policy: "Policy | None", *, latent: bool) -> "Names":
        """The names of a journey and the tags of both.

        Parameters
        ----------
        journey : Journey
            Where stages, events and all else are declared.
        policy : Policy or None
            None: not known, so that any tag may be asked for.
        latent : bool
            Whether this is for a condition of the journey, which may name what the firm cannot see.
        """
        hidden = {f"stage {name}" for name, stage in journey.stages.items() if not stage.observed}
        hidden |= {f"event {name}" for name, event in journey.events.items() if not event.observed}
        levels = {name: tuple(levels) for name, levels in journey.attributes.items()}
        if journey.acquisition:
            levels[ACQUIRED_BY] = (*journey.acquisition, NOBODY)
        return cls(
            stages=_codes(journey.stages),
            events=_codes(journey.events),
            channels=_codes(journey.channels),
            messages=_codes(journey.messages),
            scores=_codes(journey.scores),
            tags=None if policy is None else tags(journey, policy),
            attributes=_codes(levels),
            levels={name: _codes(of) for name, of in levels.items()},
            traits=_codes(journey.traits),
            personas=_codes(journey.personas),
            interests=_codes(journey.interests),
            offers=_codes(journey.offers),
            desks=_codes(journey.desks),
            acquisition=_codes(journey.acquisition),
            hidden=frozenset() if latent else frozenset(hidden),
            latent=latent,
        )

    def code(self, thing: str, name: str) -> int:
        """The code of a name.

        Raises
        ------
        ConditionError
            If there is no such thing, or the firm cannot observe it.
        """
        if thing == "tag" and self.tags is None:
            return 0
        known: Mapping[str, int] = getattr(self, f"{thing}s") or {}
        if name not in known:
            must, got, remedy = unknown_name(name, [other for other in known if f"{thing} {other}" not in self.hidden], thing)
            raise ConditionError(must, got, remedy)
        if f"{thing} {name}" in self.hidden:
            raise ConditionError(
                f"must ask only for {thing}s that the firm observes", f"'{name}'", "It has 'observed: false' in the journey."
            )
        return known[name]


def _codes(names: Iterable[str]) -> dict[str, int]:
    return {name: code for code, name in enumerate(names)}

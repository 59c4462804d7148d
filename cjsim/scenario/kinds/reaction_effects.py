"""Effects on what customers know and prefer: announced offers, and sways of branches."""

from collections.abc import Mapping
from typing import Annotated

from pydantic import Field

from cjsim.kernels.codes import EffectCode
from cjsim.scenario.fields import BranchName, EventName, OfferName, RealNumber
from cjsim.scenario.kinds.effect_kind import EffectKind, EffectRecords
from cjsim.scenario.kinds.registers import PendingIndex
from cjsim.scenario.phrases import join_names

# Log odds by event and by branch of its `choose`.
Sways = dict[EventName, dict[BranchName, Annotated[RealNumber, Field(ge=-50, le=50, examples=[-0.5])]]]


class AnnounceEffect(EffectKind, key="announce"):
    """Lets the customer know of an offer, if the customer holds it.

    If any effect announces an offer, customers do not know of it until then. Other offers are known as soon as the customer gets them. Only
    known offers change `demand` and `urgency`; any valid offer can be redeemed.
    """

    code = EffectCode.ANNOUNCE
    predicate = "learns of the offer {}"
    refers_to = "offer"
    announce: OfferName
    """Offer of which the customer learns."""

    def leads_to(self) -> tuple[tuple[str, str], ...]:
        """Return nothing, because the effect does not give the offer."""
        return ()


class SwayEffect(EffectKind, key="sway"):
    """Adds to the log odds of named branches of an event's `choose`. The sum decays with the `half_life` of that event, as lifts do."""

    code = EffectCode.SWAY
    refers_to = "event"
    sway: Sways = Field(examples=[{"choose_box": {"skip": -0.5}}])
    """Log odds by event and branch; negative numbers make a branch less likely. The persona's `responds` for the event multiplies them."""

    def phrase(self) -> str:
        return sway_phrase(self.sway)

    def leads_to(self) -> tuple[tuple[str, str], ...]:
        """Return nothing, because the effect does not make the event happen."""
        return ()

    def compile(self, records: EffectRecords) -> list[PendingIndex]:
        """Append one record per branch, or one record without effect if there are none."""
        swayed = [(event, branch, gain) for event, gains in self.sway.items() for branch, gain in gains.items()]
        pending: list[PendingIndex] = [] if swayed else records.add({"op": EffectCode.JUMP})
        for event, branch, gain in swayed:
            records.resume(pending)
            pending = records.add({"op": self.code, "target": records.registers.branch(event, branch), "x": gain})
        return pending


def sway_phrase(sways: Mapping[str, Mapping[str, float]]) -> str:
    """Describe sways as the predicate of a sentence about the customer."""
    return join_names(f"log odds of {branch} in {event} {gain:+g}" for event, gains in sways.items() for branch, gain in gains.items())

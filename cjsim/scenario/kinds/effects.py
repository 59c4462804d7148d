"""The family of effects: what events, messages and desk replies do to a customer. Each kind has its schema, checks, phrase and record."""

from collections.abc import Iterable, Iterator
from typing import Annotated, get_args

from pydantic import BeforeValidator, ConfigDict, Field

from cjsim.kernels.codes import EffectCode, TouchCode
from cjsim.scenario.fields import (
    AcquisitionName,
    BranchName,
    ChannelName,
    DeskName,
    EventName,
    Integer,
    Number,
    OfferName,
    RealNumber,
    ScoreName,
    Share,
    StageName,
    TagName,
    TraitRef,
    WeightOrTrait,
)
from cjsim.scenario.kinds.amount_laws import AmountLaw
from cjsim.scenario.kinds.effect_kind import EffectKind, EffectRecords
from cjsim.scenario.kinds.reaction_effects import AnnounceEffect, SwayEffect
from cjsim.scenario.kinds.references import add_scores
from cjsim.scenario.kinds.registers import DeclaredJourney, PendingIndex
from cjsim.scenario.kinds.wait_laws import FixedWait, WaitLaw
from cjsim.scenario.name_checks import trait_faults, unknown_name_faults
from cjsim.scenario.phrases import desk_phrase, format_number, format_percent, join_names, score_phrase
from cjsim.yaml.keyed_union import KeyedUnion
from cjsim.yaml.paths import Fault, KeyPath
from cjsim.yaml.strict_model import StrictModel, short_form

MAX_REFERRALS_PER_EFFECT = 5.0  # friends who join on average; above this limit, the population explodes within a few generations
ALL_CHANNELS = "all"

Gain = Annotated[RealNumber, Field(ge=-1, le=1, examples=[0.1, -0.2])]
Lift = Annotated[RealNumber, Field(ge=-1, le=1000, examples=[0.5])]
PriorityRank = Annotated[Integer, Field(ge=-1000, le=1000, examples=[10])]  # higher goes first


class GoEffect(EffectKind, key="go"):
    """Moves the customer to a stage."""

    code = EffectCode.GO
    predicate = "goes to {}"
    refers_to = "stage"
    go: StageName
    """Stage that the customer enters."""


class PurchaseTerms(StrictModel):
    """Amount of a purchase: a random value times traits."""

    value: AmountLaw = Field(examples=[{"lognormal": {"median": 40, "sigma": 0.6}}])
    """Distribution of the value before discounts, in money; a number means a fixed value. Customers respond to it only through `demand`."""
    times: tuple[TraitRef, ...] = ()
    """Traits that multiply the value."""
    margin: Annotated[RealNumber, Field(ge=-10, le=1)] = Field(1.0, examples=[0.35])
    """Share of the value that remains after the cost of goods and before the costs of contacts."""


class PurchaseEffect(EffectKind, key="purchase"):
    """The customer buys."""

    code = EffectCode.PURCHASE
    changed_words = frozenset({"purchases", "revenue", "redeemed"})
    purchase: PurchaseTerms
    """Value and margin of the purchase."""

    def phrase(self) -> str:
        terms = self.purchase
        times = f" times {' times '.join(terms.times)}" if terms.times else ""
        family = "" if terms.value.key == "fixed" else f" ({terms.value.family_phrase()})"
        return f"spends {format_number(terms.value.mean())}{times} on average{family}, at a margin of {format_percent(terms.margin)}"

    def faults(self, path: KeyPath, journey: DeclaredJourney) -> Iterator[Fault]:
        """Yield faults for unknown traits, and for a purchase without a log row (outside events, or in a hidden event)."""
        kind, name, here = str(path[0]), str(path[1]), (*path, self.key)
        if kind != "events":
            owner = kind.removesuffix("s")
            must, got = "must be an effect of an event, whose log row contains the money", f"a purchase in a {owner}"
            yield Fault(here, must, got, f"Make the {owner} 'fire' an event with the purchase.")
        elif not journey.events[name].observed:
            remedy = "Make it 'fire' an observed event with the purchase, or remove 'observed: false'."
            yield Fault(here, "must be an effect of an event that the firm observes", f"a purchase in '{name}', which is hidden", remedy)
        for index, reference in enumerate(self.purchase.times):
            yield from trait_faults((*here, "times", index), reference, journey.traits)

    def compile(self, records: EffectRecords) -> list[PendingIndex]:
        first, count = records.registers.factor_span(self.purchase.times)
        value = self.purchase.value.record(records.registers.tables)
        fields = {"column": first, "count": count, "x": self.purchase.margin, "value": value}
        return records.add({"op": self.code, **fields, **records.draw_fields("value")})


class SatisfyEffect(EffectKind, key="satisfy"):
    """Changes satisfaction s by a gain g: to s + g (1 - s) if g > 0, else to s + g s."""

    code = EffectCode.SATISFY
    predicate = "satisfaction {:+g}"
    satisfy: Gain
    """Gain g; positive gains move satisfaction toward 1, and negative ones toward 0."""

    def compile(self, records: EffectRecords) -> list[PendingIndex]:
        return records.add({"op": self.code, "x": self.satisfy})


class TagEffect(EffectKind, key="tag"):
    """Sets a tag."""

    code = EffectCode.TAG
    predicate = "is tagged {}"
    refers_to = "tag"
    tag: TagName
    """Tag to set."""


class UntagEffect(EffectKind, key="untag"):
    """Removes a tag."""

    code = EffectCode.UNTAG
    predicate = "is no longer tagged {}"
    refers_to = "tag"
    untag: TagName
    """Tag to remove."""


class ScoreEffect(EffectKind, key="score"):
    """Adds points to scores, by name."""

    code = EffectCode.SCORE
    refers_to = "score"
    score: dict[ScoreName, Number]
    """Points to add to each score; negative points lower it."""

    def phrase(self) -> str:
        return score_phrase(self.score)

    def compile(self, records: EffectRecords) -> list[PendingIndex]:
        """Append one record per score, or one record without effect if there are no scores."""
        return add_scores(records, self.score, code=self.code, empty=EffectCode.JUMP)


class ConsentEffect(EffectKind):
    """An effect on consent for a channel, or for `all`."""

    changed_words = frozenset({"consent"})

    def faults(self, path: KeyPath, journey: DeclaredJourney) -> Iterator[Fault]:
        """Yield a fault for an unknown channel."""
        if self.body != ALL_CHANNELS:
            yield from unknown_name_faults((*path, self.key), self.body, [*journey.names("channel"), ALL_CHANNELS], "channel")

    def compile(self, records: EffectRecords) -> list[PendingIndex]:
        """Append its record; the target of `all` is -1."""
        channel = -1 if self.body == ALL_CHANNELS else records.registers.code("channel", self.body)
        return records.add({"op": self.code, "target": channel})


class OptOutEffect(ConsentEffect, key="opt_out"):
    """Ends consent for a channel, or for `all`."""

    code = EffectCode.OPT_OUT
    predicate = "opts out of {}"
    logs = {TouchCode.OPTED_OUT: "Opts out of {channel}"}
    opt_out: ChannelName
    """Channel for which consent ends, or `all`."""


class OptInEffect(ConsentEffect, key="opt_in"):
    """Gives consent for a channel, or for `all`, if the customer does not consent (after an opt-out or a complaint, or since entry).

    If the customer already consents, nothing happens and nothing is logged. Messages that were placed, deferred or requested earlier are
    checked again when they are delivered. Earlier opt-outs, unsubscribes and complaints still count.
    """

    code = EffectCode.OPT_IN
    predicate = "opts in to {}"
    logs = {TouchCode.OPTED_IN: "Opts in to {channel}"}
    opt_in: ChannelName
    """Channel for which the customer consents, or `all`."""


class OfferEffect(EffectKind, key="offer"):
    """Grants an offer."""

    code = EffectCode.OFFER
    predicate = "gets the offer {}"
    refers_to = "offer"
    offer: OfferName
    """Offer that the customer gets; its validity and its uses are reset."""


class AskTerms(StrictModel):
    """A request to a desk."""

    desk: DeskName
    """Desk that gets the request."""
    priority: PriorityRank = 0
    """Place in the queue, from -1000 to 1000; requests with a higher priority are answered first."""


# The name of a desk is shorthand for a request to it.
DeskRequest = Annotated[AskTerms, BeforeValidator(short_form("desk", str), json_schema_input_type=DeskName | AskTerms)]


class AskEffect(EffectKind, key="ask"):
    """Contacts a desk."""

    code = EffectCode.ASK
    refers_to = "desk"
    changed_words = frozenset({"asks"})
    ask: DeskRequest
    """Desk that gets the request, or `{desk, priority}`."""

    def phrase(self) -> str:
        return f"contacts {desk_phrase(self.ask.desk, self.ask.priority)}"

    def compile(self, records: EffectRecords) -> list[PendingIndex]:
        return records.add({"op": self.code, "target": records.registers.code("desk", self.ask.desk), "x": float(self.ask.priority)})


class ReferTerms(StrictModel):
    """Invitations to friends. Each friend who joins becomes a new customer and starts the journey."""

    invites: Annotated[Integer, Field(ge=1, le=1000)] = Field(1, examples=[2])
    """Number of invitations."""
    joins: Share
    """Probability that an invited friend joins; `invites` times `joins` must be at most 5."""
    delay: WaitLaw = FixedWait(fixed="0s")
    """Distribution of the time until a friend joins; immediately by default."""
    by: AcquisitionName | None = None
    """Acquisition channel that friends count toward, and whose mix of personas applies; the journey's mix by default."""


class ReferEffect(EffectKind, key="refer"):
    """Invites friends."""

    code = EffectCode.REFER
    changed_words = frozenset({"referrals"})
    refer: ReferTerms
    """Number of invitations, and how friends respond."""

    def phrase(self) -> str:
        terms, share = self.refer, format_percent(self.refer.joins)
        referrals = (
            f"invites a friend, who joins with a probability of {share}"
            if terms.invites == 1
            else f"invites {terms.invites} friends, of whom {share} join"
        )
        by = f", attributed to {terms.by}" if terms.by is not None else ""
        return f"{referrals} {terms.delay.phrase()}{by}"

    def faults(self, path: KeyPath, journey: DeclaredJourney) -> Iterator[Fault]:
        """Yield faults for an unknown acquisition channel and for a referral rate (invites * joins) above the limit."""
        here, terms = (*path, self.key), self.refer
        yield from unknown_name_faults((*here, "by"), terms.by, journey.names("acquisition"), "acquisition channel")
        if (friends := terms.invites * terms.joins) > MAX_REFERRALS_PER_EFFECT:
            must = f"must bring at most {MAX_REFERRALS_PER_EFFECT:g} friends on average (invites * joins), or the population explodes"
            yield Fault(here, must, f"{friends:g}", "Lower 'invites' or 'joins'.")

    def compile(self, records: EffectRecords) -> list[PendingIndex]:
        terms = self.refer
        by = -1 if terms.by is None else records.registers.code("acquisition", terms.by)
        fields = {"target": by, "count": terms.invites, "x": terms.joins, "value": terms.delay.record(records.registers.tables)}
        return records.add({"op": self.code, **fields, **records.draw_fields("refer")})


class FireEffect(EffectKind, key="fire"):
    """Makes another event happen now."""

    code = EffectCode.FIRE
    predicate = "fires {}"
    refers_to = "event"
    fire: EventName
    """Event that happens immediately."""


class Branch(StrictModel):
    """One outcome of `choose`: its odds are weight * exp(bend * (satisfaction - 0.5) + sway)."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"weight": 0.3, "effects": [{"go": "active"}]}]})

    weight: WeightOrTrait = Field(examples=[0.3])
    """Weight of the branch at a satisfaction of 0.5: a number, or a trait."""
    bend: Annotated[RealNumber, Field(ge=-50, le=50)] = Field(0.0, examples=[2])
    """Weight of satisfaction in the odds; positive values make the branch more likely for satisfied customers."""
    effects: tuple["Effect", ...] = ()
    """Effects if this branch is drawn; none by default."""
    name: BranchName | None = None
    """Name of the branch, by which messages and effects can `sway` it; only in events."""

    def phrase(self) -> str:
        """Describe the odds and the effects of the branch."""
        bend = f" (bend {self.bend:+g})" if self.bend else ""
        name = "" if self.name is None else f"{self.name} "
        return f"{name}{self.weight}{bend}: {join_names(effect.phrase() for effect in self.effects) or 'nothing'}"


class ChooseEffect(EffectKind, key="choose"):
    """Draws one of several branches of effects."""

    code = EffectCode.CHOOSE
    choose: Annotated[tuple[Branch, ...], Field(min_length=1)]
    """Branches, of which one is drawn in proportion to its odds."""

    def phrase(self) -> str:
        return f"one of [{'; '.join(branch.phrase() for branch in self.choose)}]"

    def faults(self, path: KeyPath, journey: DeclaredJourney) -> Iterator[Fault]:
        """Yield faults for unknown traits, and for branches that all have weight 0."""
        for index, branch in enumerate(self.choose):
            here = (*path, self.key, index)
            if isinstance(branch.weight, str):
                yield from trait_faults((*here, "weight"), branch.weight, journey.traits)
            if branch.name is not None and path[0] != "events":
                must = "must be left out, because only branches of an event can be swayed"
                yield Fault((*here, "name"), must, f"'{branch.name}' in a {str(path[0]).removesuffix('s')}", "Remove the name.")
        if not any(branch.weight for branch in self.choose):
            yield Fault((*path, self.key), "must have a weight above 0", "weights of 0", "Give one branch a weight.")

    def compile(self, records: EffectRecords) -> list[PendingIndex]:
        """Append the record, then one for each branch, then the effects of the branches. All continue with the next effect."""
        pending = records.add({"op": self.code, "count": len(self.choose), **records.draw_fields("choose")})
        entries = []
        for branch in self.choose:
            weight = branch.weight
            odds = {"column": records.registers.trait_column(weight)} if isinstance(weight, str) else {"x": weight}
            code = {} if branch.name is None else {"slot": records.branch_code(branch.name)}
            entry = records.add({"op": EffectCode.JUMP, "y": branch.bend, **odds, **code})
            pending += entry
            entries.append(entry[0][0])
        for branch, entry_record in zip(self.choose, entries, strict=True):
            first, branch_pending = records.add_all(branch.effects)
            pending += branch_pending
            if first is None:
                pending.append((entry_record, "target"))
            else:
                entry_record["target"] = first
        return pending

    def inner(self) -> Iterator[tuple[KeyPath, "tuple[Effect, ...]"]]:
        for index, branch in enumerate(self.choose):
            yield (self.key, index, "effects"), branch.effects


Effect = Annotated[
    GoEffect
    | PurchaseEffect
    | SatisfyEffect
    | TagEffect
    | UntagEffect
    | ScoreEffect
    | OptOutEffect
    | OptInEffect
    | OfferEffect
    | AnnounceEffect
    | SwayEffect
    | AskEffect
    | ReferEffect
    | FireEffect
    | ChooseEffect,
    KeyedUnion("effect"),
]

TOUCH_SENTENCES = {touch: sentence for kind in get_args(get_args(Effect)[0]) for touch, sentence in kind.logs.items()}


def effects_phrase(effects: Iterable[Effect]) -> str:
    """Describe effects, preceded by a colon; empty if there are none."""
    listed = join_names(effect.phrase() for effect in effects)
    return f": {listed}" if listed else ""

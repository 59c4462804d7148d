"""The effects of events, messages and desk replies on a customer, and the entry into a stage."""

import math

import numpy as np

from cjsim.kernel import inlined, rule
from cjsim.kernels.accounting import account_for_stage, book_purchase, record_opt_out
from cjsim.kernels.clocks import start_or_continue_clock, stop_clock, update_clock_speeds
from cjsim.kernels.codes import ChangeFlag, DueKind, EffectCode, TouchCode
from cjsim.kernels.conditions import TOLERANCE
from cjsim.kernels.customer.decay import change_satisfaction, satisfaction_now
from cjsim.kernels.customer.offers import announce_offer, grant_offer, redeem_best_offer
from cjsim.kernels.customer.referrals import make_referrals
from cjsim.kernels.customer.sways import add_sway, sway_now
from cjsim.kernels.desks.requests import make_request
from cjsim.kernels.log_rows import log_channel_touch
from cjsim.kernels.policy.score_triggers import change_score
from cjsim.kernels.quantiles import quantile
from cjsim.kernels.queue import EFFECT_LIST, FIRM_RECORDS, STAGE_ENTRY, enqueue
from cjsim.kernels.rng import uniform
from cjsim.kernels.state import CustomerState, Output
from cjsim.kernels.world import World

NOT_CHOOSING = -2  # in place of the effect after a `choose`; -1 means that nothing follows


@rule
def enter_stage(world: World, state: CustomerState, out: Output, stage: int) -> None:
    """Leave the current stage and enter another (or the same one again). Clocks that run in both continue; others stop or start.

    The firm observes the entry if the stage is observed, unless the customer returns to it from a stage that the firm did not observe.
    Writes: customer, visits, clocks, clock_due, queue, dwell, outcome.retained.
    """
    customer = state.customer[0]
    account_for_stage(world, state, out, customer.now - TOLERANCE)
    old = world.stages[customer.stage]
    for i in range(old.first, old.first + old.count):
        if world.runs_in[stage, world.stage_events[i]] == 0:
            stop_clock(state, world.stage_events[i])
    customer.stage = stage
    customer.stage_since = customer.now
    customer.changes |= ChangeFlag.STAGE.value
    state.visits[stage] += 1
    new = world.stages[stage]
    is_observed = new.observed_as >= 0 and (old.observed_as >= 0 or customer.observed_stage != stage)
    if is_observed:
        customer.observed_stage = stage
        customer.observed_since = customer.now
    for i in range(new.first, new.first + new.count):
        start_or_continue_clock(world, state, world.stage_events[i])
    if is_observed:
        enqueue(state, STAGE_ENTRY + stage)


@rule
def choose_branch(world: World, state: CustomerState, effect: int) -> int:
    """Draw one branch of the CHOOSE record `effect`, with odds weight * exp(slope * (satisfaction - 0.5) + sway).

    Returns the first effect of the branch, -1 for none. Writes: decision_counts.
    """
    customer = state.customer[0]
    record = world.effects[effect]
    satisfaction_offset = satisfaction_now(world, state) - 0.5
    total = 0.0
    for i in range(effect + 1, effect + 1 + record.count):
        total += branch_odds(world, state, i, satisfaction_offset)
    u = uniform(customer.seed, customer.key, record.stream, np.uint64(state.decision_counts[record.slot]))
    state.decision_counts[record.slot] += 1
    left = u * total
    chosen = effect + record.count
    for i in range(effect + 1, effect + record.count):
        left -= branch_odds(world, state, i, satisfaction_offset)
        if left < 0.0:
            chosen = i
            break
    target: int = world.effects[chosen].target
    return target


@rule
def branch_odds(world: World, state: CustomerState, branch: int, satisfaction_offset: float) -> float:
    """Odds of one branch of a `choose`: weight * exp(slope * satisfaction_offset + sway); a negative trait counts as 0."""
    record = world.effects[branch]
    weight: float = record.x if record.column < 0 else max(state.traits[record.column], 0.0)
    log_odds: float = record.y * satisfaction_offset
    if record.slot >= 0:
        log_odds += sway_now(world, state, record.slot)
    return weight if log_odds == 0.0 else weight * math.exp(log_odds)


@rule
def set_tag(state: CustomerState, tag: int, value: int) -> None:
    """Set (1) or remove (0) a tag.

    Writes: tags, customer.changes.
    """
    if state.tags[tag] != value:
        state.tags[tag] = value
        state.customer[0].changes |= ChangeFlag.TAG.value


@rule
def make_purchase(world: World, state: CustomerState, out: Output, effect: int) -> None:
    """Draw the value of the PURCHASE record `effect`, and book the purchase net of the discount from the best offer.

    Writes: decision_counts, customer, offers, outcome, moments, the log.
    """
    customer = state.customer[0]
    record = world.effects[effect]
    u = uniform(customer.seed, customer.key, record.stream, np.uint64(state.decision_counts[record.slot]))
    state.decision_counts[record.slot] += 1
    value = quantile(world, record.value, u)
    for i in range(record.column, record.column + record.count):
        value *= state.traits[world.factors[i]]
    discount = redeem_best_offer(world, state, out, value) if customer.offers > 0 else 0.0
    book_purchase(world, state, out, value, record.x, discount)


@rule
def opt_out(world: World, state: CustomerState, out: Output, channel: int) -> None:
    """End consent for one channel, or for all (-1).

    Writes: channels, customer.changes, outcome, the log.
    """
    for c in range(world.channels.shape[0]):
        if channel < 0 or c == channel:
            record_opt_out(world, state, out, c, TouchCode.OPTED_OUT.value, -1)


@rule
def opt_in(world: World, state: CustomerState, out: Output, channel: int) -> None:
    """Give consent for one channel, or for all (-1), unless the customer already consents.

    Writes: channels, customer.changes, touch_counts, the log.
    """
    for c in range(world.channels.shape[0]):
        if (channel < 0 or c == channel) and state.channels[c].consent == 0:
            state.channels[c].consent = 1
            state.customer[0].changes |= ChangeFlag.CONSENT.value
            log_channel_touch(state, out, TouchCode.OPTED_IN.value, c, -1, -1)


@inlined
def is_firm_record(op: int) -> bool:
    """Whether an effect changes the firm's own records of a customer, and not the customer: tags and scores."""
    return op == EffectCode.TAG or op == EffectCode.UNTAG or op == EffectCode.SCORE


@rule
def apply_effects(world: World, state: CustomerState, out: Output, first: int, part: int) -> None:
    """Apply a list of effects in order, from the record `first` on (-1: none).

    `part` is FIRM_RECORDS for tags and scores only, CUSTOMER_EFFECTS for everything else, EFFECT_LIST for all. The customer draws the
    branch of a `choose`, so all effects in it belong to CUSTOMER_EFFECTS.
    """
    customer = state.customer[0]
    index = first
    after_choose = NOT_CHOOSING
    while index >= 0:
        if index == after_choose:
            after_choose = NOT_CHOOSING
        effect = world.effects[index]
        op = effect.op
        following = effect.next
        if part != EFFECT_LIST and after_choose == NOT_CHOOSING and is_firm_record(op) != (part == FIRM_RECORDS):
            index = following
            continue
        if op == EffectCode.GO:
            if world.may_move[customer.stage, effect.target] == 1:
                enter_stage(world, state, out, effect.target)
            elif customer.last_kind == DueKind.CLOCK and world.events[customer.last_which].anywhere == 0:
                stop_clock(state, customer.last_which)  # until the customer next enters a stage of the event
        elif op == EffectCode.PURCHASE:
            make_purchase(world, state, out, index)
        elif op == EffectCode.SATISFY:
            change_satisfaction(world, state, effect.x)
            update_clock_speeds(world, state)
        elif op == EffectCode.TAG:
            set_tag(state, effect.target, 1)
        elif op == EffectCode.UNTAG:
            set_tag(state, effect.target, 0)
        elif op == EffectCode.SCORE:
            change_score(world, state, effect.target, effect.x)
        elif op == EffectCode.OPT_OUT:
            opt_out(world, state, out, effect.target)
        elif op == EffectCode.OPT_IN:
            opt_in(world, state, out, effect.target)
        elif op == EffectCode.FIRE:
            enqueue(state, effect.target)
        elif op == EffectCode.OFFER:
            grant_offer(world, state, out, effect.target)
        elif op == EffectCode.ASK:
            make_request(world, state, out, effect.target, effect.x, -1, -1)
        elif op == EffectCode.REFER:
            make_referrals(world, state, out, index)
        elif op == EffectCode.SWAY:
            add_sway(world, state, effect.target, effect.x)
        elif op == EffectCode.ANNOUNCE:
            announce_offer(state, effect.target)
        elif op == EffectCode.CHOOSE:
            if after_choose == NOT_CHOOSING:
                after_choose = following
            following = choose_branch(world, state, index)
        index = following

"""Guardrails: whether a send may go out now, and the reason if not.

The rules are evaluated in this order: consent, holdout, exit, blackouts, quiet hours, gaps, caps, budgets.
"""

import math

import numpy as np

from cjsim.kernel import inlined, rule
from cjsim.kernels.channel_sets import NO_CHANNELS, includes_channel
from cjsim.kernels.codes import REFUSAL_TO_TOUCH, ChannelKind, SendDecision
from cjsim.kernels.conditions import TOLERANCE, condition_holds
from cjsim.kernels.log_rows import log_touch
from cjsim.kernels.policy.budgets import is_budget_spent
from cjsim.kernels.policy.quiet_hours import end_of_quiet_hours
from cjsim.kernels.rng import uniform
from cjsim.kernels.state import CustomerState, Output
from cjsim.kernels.world import World


@inlined
def violated_gap(world: World, state: CustomerState, channel: int) -> np.uint64:
    """The channels of the first gap that a send would violate now; NO_CHANNELS if there is none."""
    now = state.customer[0].now
    for i in range(world.gaps.shape[0]):
        gap = world.gaps[i]
        channels: np.uint64 = gap.channels
        if includes_channel(channels, channel):
            for c in range(world.channels.shape[0]):
                if includes_channel(channels, c) and now - state.channels[c].last_contact < gap.days - TOLERANCE:
                    return channels
    return NO_CHANNELS


@inlined
def violated_cap(world: World, state: CustomerState, channel: int) -> np.uint64:
    """The channels of the first cap that is already reached; NO_CHANNELS if no cap is reached."""
    now = state.customer[0].now
    for i in range(world.caps.shape[0]):
        cap = world.caps[i]
        channels: np.uint64 = cap.channels
        if includes_channel(channels, channel):
            if cap.at_most == 0 or now - state.cap_times[cap.first + state.cap_next[i]] < cap.days - TOLERANCE:
                return channels
    return NO_CHANNELS


@inlined
def record_contact(world: World, state: CustomerState, channel: int) -> None:
    """Record a delivery for the caps.

    Writes: cap_times, cap_next.
    """
    for i in range(world.caps.shape[0]):
        cap = world.caps[i]
        if cap.at_most > 0 and includes_channel(cap.channels, channel):
            slot = state.cap_next[i]
            state.cap_times[cap.first + slot] = state.customer[0].now
            state.cap_next[i] = slot + 1 if slot + 1 < cap.at_most else 0


@inlined
def is_held_out(world: World, state: CustomerState, actor: int) -> bool:
    """Whether the customer is in the policy's holdout (unless the actor ignores it) or in the actor's own holdout."""
    record = world.actors[actor]
    customer = state.customer[0]
    if customer.held_out == 1 and record.ignores_holdout == 0:
        return True
    share: float = record.holdout
    if share <= 0.0:
        return False
    return uniform(customer.seed, customer.key, record.stream_holdout, np.uint64(0)) < share


@rule
def is_blackout_refusing(world: World, channel: int, now: float) -> bool:
    """Whether a blackout refuses a contact now (days). On a pull channel, blackouts that defer also refuse."""
    is_pull = world.channels[channel].kind == ChannelKind.PULL
    for i in range(world.blackouts.shape[0]):
        blackout = world.blackouts[i]
        if (
            includes_channel(blackout.channels, channel)
            and (is_pull or blackout.refuses == 1)
            and blackout.begin - TOLERANCE <= now < blackout.end - TOLERANCE
        ):
            return True
    return False


@rule
def end_of_blackouts(world: World, channel: int, now: float) -> float:
    """End of the blackouts that defer now, including overlapping and adjacent ones (days); `now` if none defers."""
    end = now
    i = 0
    while i < world.blackouts.shape[0]:
        blackout = world.blackouts[i]
        i += 1
        if (
            includes_channel(blackout.channels, channel)
            and blackout.refuses == 0
            and blackout.begin - TOLERANCE <= end < blackout.end - TOLERANCE
        ):
            end = blackout.end
            i = 0
    return end


@inlined
def end_of_deferral(world: World, channel: int, now: float) -> float:
    """When a send that is deferred now will be retried (days); `now` if it is not deferred."""
    if world.channels[channel].kind == ChannelKind.PULL:
        return now
    end: float = end_of_blackouts(world, channel, now)
    if end > now or world.quiet_hours.shape[0] == 0:
        return end
    return end_of_quiet_hours(world, channel, now)


@inlined
def decide_send(world: World, state: CustomerState, site: int) -> int:
    """The `SendDecision` for a send now, from the first rule that refuses or defers it.

    A message on a pull channel is checked when it would be shown, and is never deferred. Writes: budget_requests, cutoffs.
    """
    channel = world.messages[world.sites[site].message].channel
    if state.channels[channel].consent == 0:
        return SendDecision.CONSENT.value
    if is_held_out(world, state, world.sites[site].actor):
        return SendDecision.HOLDOUT.value
    if world.setting[0].exit_program >= 0 and condition_holds(world, state, world.setting[0].exit_program):
        return SendDecision.EXIT.value
    now = state.customer[0].now
    if world.blackouts.shape[0] > 0 and is_blackout_refusing(world, channel, now):
        return SendDecision.BLACKOUT.value
    if end_of_deferral(world, channel, now) > now:
        return SendDecision.DEFER.value
    if violated_gap(world, state, channel) != NO_CHANNELS:
        return SendDecision.GAP.value
    if violated_cap(world, state, channel) != NO_CHANNELS:
        return SendDecision.CAP.value
    if world.budgets.shape[0] > 0 and is_budget_spent(world, state, channel):
        return SendDecision.BUDGET.value
    return SendDecision.DELIVER.value


@inlined
def is_collision(world: World, state: CustomerState, site: int, channels: np.uint64) -> bool:
    """Whether the last contact on a rule's channels came from an actor other than the site's.

    If the last contacts on several channels are simultaneous, one is enough.
    """
    last = -math.inf
    has_other = False
    for c in range(world.channels.shape[0]):
        channel_state = state.channels[c]
        if includes_channel(channels, c) and channel_state.last_actor >= 0 and channel_state.last_contact >= last:
            is_other = channel_state.last_actor != world.sites[site].actor
            has_other = is_other or (has_other and channel_state.last_contact == last)
            last = channel_state.last_contact
    return has_other


@rule
def record_refusal(world: World, state: CustomerState, out: Output, site: int, decision: int) -> None:
    """Log a refusal with its reason (`SendDecision.CONSENT` or later), and count collisions.

    Writes: outcome.collisions, touch_counts, outcome.events, the log.
    """
    channel = world.messages[world.sites[site].message].channel
    channels = NO_CHANNELS
    if decision == SendDecision.GAP:
        channels = violated_gap(world, state, channel)
    elif decision == SendDecision.CAP:
        channels = violated_cap(world, state, channel)
    if channels != NO_CHANNELS and is_collision(world, state, site, channels):
        out.outcome[state.customer[0].row].collisions += 1
    log_touch(world, state, out, REFUSAL_TO_TOUCH + decision, site)

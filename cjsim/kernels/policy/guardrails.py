"""Guardrails: whether a send may go out now, and the reason if not.

The rules are evaluated in this order: consent, bounces, holdout, exit, blackouts, quiet hours, gaps, caps, budgets.
"""

import math

import numpy as np

from cjsim.kernel import inlined, rule
from cjsim.kernels.channel_sets import NO_CHANNELS, includes_channel
from cjsim.kernels.codes import REFUSAL_TO_TOUCH, ChannelKind, FlowMode, SendDecision
from cjsim.kernels.conditions import TOLERANCE, condition_holds
from cjsim.kernels.local_time import local_time, next_instant, zone_of
from cjsim.kernels.log_rows import log_touch
from cjsim.kernels.policy.budgets import end_of_period, end_of_spent_budgets, is_budget_spent, is_spent
from cjsim.kernels.policy.quiet_hours import end_of_quiet_hours
from cjsim.kernels.rng import uniform
from cjsim.kernels.state import CustomerState, Output
from cjsim.kernels.world import Array, World


@inlined
def refuses_to_wait(world: World, state: CustomerState, site: int, limit: np.record, end: float) -> bool:
    """Whether a gap, cap or budget refuses, rather than defers, a send that it allows from `end` (days) on.

    It refuses a send on a pull channel, and one that would wait longer than the rule allows after its first attempt.
    """
    if limit.defers == 0 or world.channels[world.messages[world.sites[site].message].channel].kind == ChannelKind.PULL:
        return True
    run = state.runs[world.sites[site].actor]
    tried: float = run.tried if run.mode == FlowMode.DEFERRED else state.customer[0].now
    longest_wait: float = limit.longest_wait
    return end > tried + longest_wait + TOLERANCE


@inlined
def last_counted_contact(world: World, state: CustomerState, channels: np.uint64) -> float:
    """The time (days) of the last contact on a set of channels that counts for gaps and caps; -inf if there is none."""
    last = -math.inf
    for c in range(world.channels.shape[0]):
        if includes_channel(channels, c) and state.channels[c].last_counted > last:
            last = state.channels[c].last_counted
    return last


@rule
def violated_gap(world: World, state: CustomerState, site: int) -> np.uint64:
    """The channels of the first gap that refuses a send now; NO_CHANNELS if there is none."""
    now = state.customer[0].now
    channel = world.messages[world.sites[site].message].channel
    for i in range(world.gaps.shape[0]):
        gap = world.gaps[i]
        channels: np.uint64 = gap.channels
        if includes_channel(channels, channel):
            last = last_counted_contact(world, state, channels)
            if now - last < gap.days - TOLERANCE and refuses_to_wait(world, state, site, gap, last + gap.days):
                return channels
    return NO_CHANNELS


@rule
def end_of_gaps(world: World, state: CustomerState, channel: int) -> float:
    """When the last gap that a send on a channel violates now ends (days); `now` if none is violated."""
    now: float = state.customer[0].now
    end = now
    for i in range(world.gaps.shape[0]):
        gap = world.gaps[i]
        if includes_channel(gap.channels, channel):
            last = last_counted_contact(world, state, gap.channels)
            if now - last < gap.days - TOLERANCE:
                end = max(end, last + gap.days)
    return end


@inlined
def oldest_capped_contact(state: CustomerState, caps: Array, i: int) -> float:
    """The time (days) of the oldest of the last `at_most` contacts of cap `i`; -inf if there were fewer, inf if the cap allows none."""
    if caps[i].at_most == 0:
        return math.inf
    oldest: float = state.cap_times[caps[i].first + state.cap_next[i]]
    return oldest


@rule
def violated_cap(world: World, state: CustomerState, site: int) -> np.uint64:
    """The channels of the first cap that refuses a send now; NO_CHANNELS if there is none."""
    now = state.customer[0].now
    channel = world.messages[world.sites[site].message].channel
    for i in range(world.caps.shape[0]):
        cap = world.caps[i]
        channels: np.uint64 = cap.channels
        if includes_channel(channels, channel):
            oldest = oldest_capped_contact(state, world.caps, i)
            if now - oldest < cap.days - TOLERANCE and refuses_to_wait(world, state, site, cap, oldest + cap.days):
                return channels
    return NO_CHANNELS


@rule
def end_of_caps(world: World, state: CustomerState, channel: int) -> float:
    """When the last cap that a send on a channel violates now allows it again (days); `now` if none is violated."""
    now: float = state.customer[0].now
    end = now
    for i in range(world.caps.shape[0]):
        cap = world.caps[i]
        if includes_channel(cap.channels, channel):
            oldest = oldest_capped_contact(state, world.caps, i)
            if now - oldest < cap.days - TOLERANCE:
                end = max(end, oldest + cap.days)
    return end


@inlined
def record_contact(world: World, state: CustomerState, site: int) -> None:
    """Record a delivery for gaps and caps. A transactional message is not recorded.

    Writes: channels, cap_times, cap_next.
    """
    message = world.messages[world.sites[site].message]
    if message.transactional == 1:
        return
    channel = message.channel
    state.channels[channel].last_actor = world.sites[site].actor
    state.channels[channel].last_counted = state.customer[0].now
    for i in range(world.caps.shape[0]):
        cap = world.caps[i]
        if cap.at_most > 0 and includes_channel(cap.channels, channel):
            slot = state.cap_next[i]
            state.cap_times[cap.first + slot] = state.customer[0].now
            state.cap_next[i] = slot + 1 if slot + 1 < cap.at_most else 0


@inlined
def is_held_out_by_actor(world: World, state: CustomerState, actor: int) -> bool:
    """Whether the customer is in the actor's own holdout."""
    record = world.actors[actor]
    customer = state.customer[0]
    share: float = record.holdout
    if share <= 0.0:
        return False
    return uniform(customer.seed, customer.key, record.stream_holdout, np.uint64(0)) < share


@rule
def is_blackout_refusing(world: World, state: CustomerState, channel: int, now: float) -> bool:
    """Whether a blackout refuses a contact now (days). On a pull channel, even a blackout that defers refuses the contact."""
    is_pull = world.channels[channel].kind == ChannelKind.PULL
    for i in range(world.blackouts.shape[0]):
        blackout = world.blackouts[i]
        if (
            includes_channel(blackout.channels, channel)
            and (is_pull or blackout.refuses == 1)
            and blackout.begin - TOLERANCE <= local_time(world, zone_of(state, blackout.by_customer), now) < blackout.end - TOLERANCE
        ):
            return True
    return False


@rule
def end_of_blackouts(world: World, state: CustomerState, channel: int, now: float) -> float:
    """End of the blackouts that defer now, including overlapping and adjacent ones (days); `now` if none defers."""
    end = now
    i = 0
    while i < world.blackouts.shape[0]:
        blackout = world.blackouts[i]
        i += 1
        zone = zone_of(state, blackout.by_customer)
        if (
            includes_channel(blackout.channels, channel)
            and blackout.refuses == 0
            and blackout.begin - TOLERANCE <= local_time(world, zone, end) < blackout.end - TOLERANCE
        ):
            end = next_instant(world, zone, blackout.end, end)
            i = 0
    return end


@inlined
def end_of_deferral(world: World, state: CustomerState, channel: int, now: float) -> float:
    """Time (days) at which a send deferred now by blackouts or quiet hours will be retried; `now` if they do not defer it."""
    if world.channels[channel].kind == ChannelKind.PULL:
        return now
    end: float = end_of_blackouts(world, state, channel, now)
    if end > now or world.quiet_hours.shape[0] == 0:
        return end
    return end_of_quiet_hours(world, state, channel, now)


@inlined
def decide_send(world: World, state: CustomerState, site: int) -> int:
    """The `SendDecision` for a send now, from the first rule that refuses or defers it.

    A message on a pull channel is checked when it would be shown, and is never deferred. Only consent, bounces and the actor's own holdout
    apply to transactional messages. Writes: budget_requests, cutoffs.
    """
    actor = world.sites[site].actor
    message = world.messages[world.sites[site].message]
    channel = message.channel
    if state.channels[channel].consent == 0 and message.ignores_consent == 0:
        return SendDecision.CONSENT.value
    if state.channels[channel].bounced == 1:
        return SendDecision.BOUNCED.value
    if is_held_out_by_actor(world, state, actor):
        return SendDecision.HOLDOUT.value
    if message.transactional == 1:
        return SendDecision.DELIVER.value
    if state.customer[0].held_out == 1 and world.actors[actor].ignores_holdout == 0:
        return SendDecision.HOLDOUT.value
    if world.setting[0].exit_program >= 0 and condition_holds(world, state, world.setting[0].exit_program):
        return SendDecision.EXIT.value
    now = state.customer[0].now
    if world.blackouts.shape[0] > 0 and is_blackout_refusing(world, state, channel, now):
        return SendDecision.BLACKOUT.value
    end = end_of_deferral(world, state, channel, now)
    if end > now:
        return defer_until(state, end)
    return decide_by_limits(world, state, site)


@inlined
def defer_until(state: CustomerState, end: float) -> int:
    """Decide to defer a send until `end` (days).

    Writes: customer.deferred_until.
    """
    state.customer[0].deferred_until = end
    return SendDecision.DEFER.value


@inlined
def decide_by_limits(world: World, state: CustomerState, site: int) -> int:
    """The `SendDecision` of gaps, caps and budgets. Among rules of one kind, those that refuse take precedence over those that defer.

    Writes: customer.deferred_until, budget_requests, cutoffs.
    """
    now = state.customer[0].now
    channel = world.messages[world.sites[site].message].channel
    has_waits = world.setting[0].limits_defer == 1
    if violated_gap(world, state, site) != NO_CHANNELS:
        return SendDecision.GAP.value
    if has_waits:
        end = end_of_gaps(world, state, channel)
        if end > now:
            return defer_until(state, end)
    if violated_cap(world, state, site) != NO_CHANNELS:
        return SendDecision.CAP.value
    if has_waits:
        end = end_of_caps(world, state, channel)
        if end > now:
            return defer_until(state, end)
    if world.budgets.shape[0] > 0 and is_budget_spent(world, state, channel):
        if not has_waits or does_budget_refuse(world, state, site):
            return SendDecision.BUDGET.value
        return defer_until(state, end_of_spent_budgets(world, state, channel))
    return SendDecision.DELIVER.value


@inlined
def does_budget_refuse(world: World, state: CustomerState, site: int) -> bool:
    """Whether any of the budgets that are exhausted for a send refuses it."""
    now = state.customer[0].now
    channel = world.messages[world.sites[site].message].channel
    for i in range(world.budgets.shape[0]):
        budget = world.budgets[i]
        if is_spent(world, state, i, channel) and refuses_to_wait(world, state, site, budget, end_of_period(budget, now)):
            return True
    return False


@inlined
def is_collision(world: World, state: CustomerState, site: int, channels: np.uint64) -> bool:
    """Whether the last contact that counts on a rule's channels came from an actor other than the site's.

    If the last contacts on several channels are simultaneous, one from another actor is enough.
    """
    last = -math.inf
    has_other = False
    for c in range(world.channels.shape[0]):
        channel_state = state.channels[c]
        if includes_channel(channels, c) and channel_state.last_actor >= 0 and channel_state.last_counted >= last:
            is_other = channel_state.last_actor != world.sites[site].actor
            has_other = is_other or (has_other and channel_state.last_counted == last)
            last = channel_state.last_counted
    return has_other


@rule
def record_refusal(world: World, state: CustomerState, out: Output, site: int, decision: int) -> None:
    """Log a refusal with its reason (`SendDecision.CONSENT` or later), and count collisions.

    Writes: outcome.collisions, touch_counts, outcome.events, the log.
    """
    channels = NO_CHANNELS
    if decision == SendDecision.GAP:
        channels = violated_gap(world, state, site)
    elif decision == SendDecision.CAP:
        channels = violated_cap(world, state, site)
    if channels != NO_CHANNELS and is_collision(world, state, site, channels):
        out.outcome[state.customer[0].row].collisions += 1
    log_touch(world, state, out, REFUSAL_TO_TOUCH + decision, site)

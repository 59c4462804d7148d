"""Customers react: what events and messages do to them.

Lives here: effects, entering a stage, receiving and reading a message. Does not live here: what the firm decides
(decision.py), the order in which things happen (course.py).
"""

import math

import numpy as np

from cjsim.kernel import inlined, rule
from cjsim.model.clocks import calendar_time, clock_time, lift_clock, refresh_speeds, start_clock, stop_clock
from cjsim.model.ledger import book_cost, book_purchase, leave_stage, write_opt_out, write_touch
from cjsim.model.mood import add_score, move_satisfaction, pressure_now, satisfaction_now
from cjsim.model.quantiles import quantile
from cjsim.model.random import uniform, uniform_pair
from cjsim.model.codes import Cause, Effect, Touch

STAGE_ENTRY = 1 << 20  # in the queue of what is to be settled: below, an event; from here on, a stage entered;
EFFECTS = 1 << 21  # from here on, a list of effects
OPEN, UNSUBSCRIBE, COMPLAIN, CLICK = 1, 2, 4, 8  # bits of READ.what
NEVER_LOGIT = -700.0
# Two probabilities whose logits are at most RARE_LOGIT add up to less than RARE: no need to work them out for a larger uniform.
RARE, RARE_LOGIT = 0.1, -2.95


@inlined
def enqueue(life, item):  # type: ignore[no-untyped-def]
    """Queue something to be settled at this same time.

    Parameters
    ----------
    life : Life
        Written: fired, customer.
    item : int
        An event, STAGE_ENTRY + stage, or EFFECTS + effect.
    """
    customer = life.customer[0]
    if customer.fired >= life.fired.shape[0]:
        customer.full = 1
        return
    life.fired[customer.fired] = item
    customer.fired += 1


@rule
def enter_stage(world, life, sink, stage):  # type: ignore[no-untyped-def]
    """Leave the stage, enter another (or the same again), and start its clocks.

    Parameters
    ----------
    world : World
        Read.
    life : Life
        Written.
    sink : Sink
        Written: outcome, dwell.
    stage : int
        Code of the stage.
    """
    customer = life.customer[0]
    leave_stage(world, life, sink)
    old = world.stages[customer.stage]
    for i in range(old.first, old.first + old.count):
        stop_clock(world, life, world.stage_events[i])
    customer.stage = stage
    customer.stage_since = customer.now
    customer.dirty |= Cause.STAGE
    life.visits[stage] += 1
    new = world.stages[stage]
    if new.seen >= 0:
        customer.shown = stage
    for i in range(new.first, new.first + new.count):
        start_clock(world, life, world.stage_events[i])
    enqueue(life, STAGE_ENTRY + stage)


@rule
def choose_branch(world, life, effect):  # type: ignore[no-untyped-def]
    """Draw one branch of a `choose`, with odds weight * exp(bend * (satisfaction - 0.5)).

    Parameters
    ----------
    world : World
        Read: effects, setting.
    life : Life
        Read: customer, traits. Written: counts.
    effect : int
        Index of the CHOOSE record; its branches follow it.

    Returns
    -------
    int
        First effect of the branch, -1 for none.
    """
    customer = life.customer[0]
    record = world.effects[effect]
    mood = satisfaction_now(world, life) - 0.5
    total = 0.0
    for i in range(effect + 1, effect + 1 + record.count):
        total += branch_odds(world, life, i, mood)
    u = uniform(customer.seed, customer.key, record.stream, np.uint64(life.counts[record.slot]))
    life.counts[record.slot] += 1
    left = u * total
    for i in range(effect + 1, effect + record.count):
        left -= branch_odds(world, life, i, mood)
        if left < 0.0:
            return world.effects[i].target
    return world.effects[effect + record.count].target


@rule
def branch_odds(world, life, branch, mood):  # type: ignore[no-untyped-def]
    """The odds of one branch of a `choose`.

    Parameters
    ----------
    world : World
        Read: effects.
    life : Life
        Read: traits.
    branch : int
        Index of its record.
    mood : float64
        Satisfaction minus 0.5.

    Returns
    -------
    float64
        weight * exp(bend * mood); a negative trait counts as 0.
    """
    record = world.effects[branch]
    weight = record.x if record.column < 0 else max(life.traits[record.column], 0.0)
    return weight if record.y == 0.0 else weight * math.exp(record.y * mood)


@rule
def set_tag(life, tag, value):  # type: ignore[no-untyped-def]
    """Set or remove a tag.

    Parameters
    ----------
    life : Life
        Written: tags, customer.
    tag : int
        Code of the tag.
    value : int
        1 or 0.
    """
    if life.tags[tag] != value:
        life.tags[tag] = value
        life.customer[0].dirty |= Cause.TAG


@rule
def purchase(world, life, sink, effect):  # type: ignore[no-untyped-def]
    """Draw the value of a purchase and book it.

    Parameters
    ----------
    world : World
        Read: effects, factors, knots, setting, moments.
    life : Life
        Read: traits. Written: counts, customer.
    sink : Sink
        Written: outcome, moments.
    effect : int
        Index of the PURCHASE record.
    """
    customer = life.customer[0]
    record = world.effects[effect]
    u = uniform(customer.seed, customer.key, record.stream, np.uint64(life.counts[record.slot]))
    life.counts[record.slot] += 1
    value = quantile(world, record.value, u)
    for i in range(record.column, record.column + record.count):
        value *= life.traits[world.factors[i]]
    book_purchase(world, life, sink, value, record.x)


@rule
def opt_out(world, life, sink, channel):  # type: ignore[no-untyped-def]
    """End consent for one channel, or for all (-1).

    Parameters
    ----------
    world : World
        Read.
    life : Life
        Written: reach.
    sink : Sink
        Written: outcome, log.
    channel : int
        Code of the channel, -1 for all.
    """
    for c in range(world.channels.shape[0]):
        if channel < 0 or c == channel:
            write_opt_out(world, life, sink, c, Touch.OPTED_OUT, -1)


@rule
def apply_effects(world, life, sink, first):  # type: ignore[no-untyped-def]
    """Let a list of effects happen, in order.

    Parameters
    ----------
    world : World
        Read.
    life : Life
        Written.
    sink : Sink
        Written.
    first : int
        Index of the first effect, -1 for none.
    """
    at = first
    while at >= 0:
        effect = world.effects[at]
        op = effect.op
        following = effect.next
        if op == Effect.GO:
            enter_stage(world, life, sink, effect.target)
        elif op == Effect.PURCHASE:
            purchase(world, life, sink, at)
        elif op == Effect.SATISFY:
            move_satisfaction(world, life, effect.x)
            refresh_speeds(world, life)
        elif op == Effect.TAG:
            set_tag(life, effect.target, 1)
        elif op == Effect.UNTAG:
            set_tag(life, effect.target, 0)
        elif op == Effect.SCORE:
            add_score(world, life, effect.target, effect.x)
        elif op == Effect.OPT_OUT:
            opt_out(world, life, sink, effect.target)
        elif op == Effect.FIRE:
            enqueue(life, effect.target)
        elif op == Effect.CHOOSE:
            following = choose_branch(world, life, at)
        at = following


@inlined
def odds_against(logit):  # type: ignore[no-untyped-def]
    """exp(-logit), so that an event of that logit happens when u (1 + exp(-logit)) < 1.

    Parameters
    ----------
    logit : float64
        Any; below NEVER_LOGIT it means never.

    Returns
    -------
    float64
        (1 - p) / p; inf for never.
    """
    return math.exp(-logit) if logit > NEVER_LOGIT else math.inf


@rule
def lift_by_message(world, life, message, moment):  # type: ignore[no-untyped-def]
    """Add a message's lifts of one moment, each times the persona's response.

    Parameters
    ----------
    world : World
        Read.
    life : Life
        Written: clocks, due.
    message : int
        Code of the message.
    moment : int
        0 delivered, 1 opened, 2 clicked.
    """
    record = world.messages[message]
    persona = life.customer[0].persona
    for i in range(record.lift_first[moment], record.lift_first[moment] + record.lift_count[moment]):
        lift = world.lifts[i]
        lift_clock(world, life, lift.event, lift.gain * world.persona_response[persona, lift.event])


@inlined
def lift_by_contact(world, life):  # type: ignore[no-untyped-def]
    """Add the lifts that any contact has on this persona (sleeping dogs).

    Parameters
    ----------
    world : World
        Read.
    life : Life
        Written: clocks, due.
    """
    persona = life.customer[0].persona
    for i in range(world.contact_events.shape[0]):
        event = world.contact_events[i]
        lift_clock(world, life, event, world.persona_contact[persona, event])


@rule
def await_read(life, site, index, what, due):  # type: ignore[no-untyped-def]
    """Keep in mind that a message will be read (or clicked) later.

    Parameters
    ----------
    life : Life
        Written: reads, customer.
    site, index : int
        Which message of whom; the ordinal of the send.
    what : int
        Bits of what will be done.
    due : float64
        Days.
    """
    customer = life.customer[0]
    if customer.reads >= life.reads.shape[0]:
        customer.full = 1
        return
    read = life.reads[customer.reads]
    read.due = due
    read.site = site
    read.index = index
    read.what = what
    customer.reads += 1


@inlined
def draw_answer(world, life, site, index, pressure):  # type: ignore[no-untyped-def]
    """Draw what the customer will do with a message, and when.

    Parameters
    ----------
    world : World
        Read.
    life : Life
        Written: reads.
    site, index : int
        Which message of whom; the ordinal of the send.
    pressure : float64
        Contact pressure before this delivery; satisfaction is up to date.
    """
    customer = life.customer[0]
    streams = world.sites[site]
    message = world.messages[streams.message]
    channel = world.channels[message.channel]
    mood = channel.satisfaction * (customer.satisfaction - 0.5)
    ordinal = np.uint64(index)
    what = 0
    willing = message.open_logit + life.reach[message.channel].affinity + mood - channel.fatigue * pressure
    opens, u = uniform_pair(customer.seed, customer.key, streams.stream_read, ordinal)
    if opens + opens * odds_against(willing) < 1.0:
        what = OPEN
    annoyed = channel.annoyance * pressure - mood
    if u < RARE or message.unsubscribe_logit + annoyed > RARE_LOGIT or message.complaint_logit + annoyed > RARE_LOGIT:
        unsubscribes = 1.0 / (1.0 + odds_against(message.unsubscribe_logit + annoyed))
        if u < unsubscribes:
            what |= UNSUBSCRIBE
        elif u < unsubscribes + 1.0 / (1.0 + odds_against(message.complaint_logit + annoyed)):
            what |= COMPLAIN
    if what != 0:
        u, survives = uniform_pair(customer.seed, customer.key, streams.stream_delay, ordinal)
        delay = quantile(world, channel.open_delay, u)
        start = clock_time(world, life, channel.profile, customer.now)
        due = calendar_time(world, life, channel.profile, start + delay)
        if survives < math.exp((customer.now - due) / channel.lifetime):
            await_read(life, site, index, what, due)


@inlined
def receive(world, life, sink, site, index):  # type: ignore[no-untyped-def]
    """A message arrives.

    Parameters
    ----------
    world : World
        Read.
    life : Life
        Written.
    sink : Sink
        Written.
    site, index : int
        Which message of whom; the ordinal of the send.
    """
    customer = life.customer[0]
    code = world.sites[site].message
    message = world.messages[code]
    channel = world.channels[message.channel]
    reach = life.reach[message.channel]
    pressure = pressure_now(world, life)
    move_satisfaction(world, life, 0.0)
    write_touch(world, life, sink, Touch.DELIVERED, site)
    sink.outcome[customer.row].contacts += 1
    book_cost(world, life, sink, message.cost)
    life.messages[code].sent += 1
    reach.contacts += 1
    reach.last = customer.now
    customer.contacts += 1
    customer.last_contact = customer.now
    customer.dirty |= Cause.TOUCH
    draw_answer(world, life, site, index, pressure)
    customer.pressure = pressure + channel.weight
    customer.pressure_at = customer.now
    if channel.delivery_gain != 0.0:
        move_satisfaction(world, life, channel.delivery_gain)
        refresh_speeds(world, life)
    lift_by_message(world, life, code, 0)
    lift_by_contact(world, life)
    if message.on_delivered >= 0:
        enqueue(life, EFFECTS + message.on_delivered)


@rule
def click(world, life, sink, site):  # type: ignore[no-untyped-def]
    """A message is clicked.

    Parameters
    ----------
    world : World
        Read.
    life : Life
        Written.
    sink : Sink
        Written.
    site : int
        Which message of whom.
    """
    customer = life.customer[0]
    code = world.sites[site].message
    message = world.messages[code]
    customer.clicks += 1
    customer.dirty |= Cause.TOUCH
    life.reach[message.channel].clicks += 1
    life.messages[code].clicked += 1
    sink.outcome[customer.row].clicks += 1
    write_touch(world, life, sink, Touch.CLICKED, site)
    lift_by_message(world, life, code, 2)
    if message.on_clicked >= 0:
        enqueue(life, EFFECTS + message.on_clicked)


@rule
def open_message(world, life, sink, site, index):  # type: ignore[no-untyped-def]
    """A message is opened; whether and when it will be clicked is drawn.

    Parameters
    ----------
    world : World
        Read.
    life : Life
        Written.
    sink : Sink
        Written.
    site, index : int
        Which message of whom; the ordinal of the send.
    """
    customer = life.customer[0]
    streams = world.sites[site]
    message = world.messages[streams.message]
    channel = world.channels[message.channel]
    customer.opens += 1
    customer.dirty |= Cause.TOUCH
    life.reach[message.channel].opens += 1
    life.messages[streams.message].opened += 1
    sink.outcome[customer.row].opens += 1
    write_touch(world, life, sink, Touch.OPENED, site)
    lift_by_message(world, life, streams.message, 1)
    if message.on_opened >= 0:
        enqueue(life, EFFECTS + message.on_opened)
    ordinal = np.uint64(index)
    if message.click_logit > NEVER_LOGIT:
        u = uniform(customer.seed, customer.key, streams.stream_click, ordinal)
        if u + u * odds_against(message.click_logit) < 1.0:
            u = uniform(customer.seed, customer.key, streams.stream_click_delay, ordinal)
            start = clock_time(world, life, channel.profile, customer.now)
            due = calendar_time(world, life, channel.profile, start + quantile(world, channel.click_delay, u))
            await_read(life, site, index, CLICK, due)


@rule
def read_message(world, life, sink, slot):  # type: ignore[no-untyped-def]
    """What was drawn for a message at its delivery (or opening) comes due.

    Parameters
    ----------
    world : World
        Read.
    life : Life
        Written.
    sink : Sink
        Written.
    slot : int
        Index of the pending read, which is removed.
    """
    customer = life.customer[0]
    site = life.reads[slot].site
    index = life.reads[slot].index
    what = life.reads[slot].what
    customer.reads -= 1
    last = life.reads[customer.reads]
    freed = life.reads[slot]
    freed.due = last.due
    freed.site = last.site
    freed.index = last.index
    freed.what = last.what
    if what & CLICK:
        click(world, life, sink, site)
        return
    if what & OPEN:
        open_message(world, life, sink, site, index)
    channel = world.messages[world.sites[site].message].channel
    if what & UNSUBSCRIBE:
        write_opt_out(world, life, sink, channel, Touch.UNSUBSCRIBED, site)
    if what & COMPLAIN:
        write_opt_out(world, life, sink, channel, Touch.COMPLAINED, site)

"""Who has just entered: a life's state before anything has happened in it.

Lives here: identity, empty marks, consent, clocks that stand still. Does not live here: the first stage and all that follows (course.py).
"""

import math

import numpy as np

from cjsim.kernel import inlined, rule
from cjsim.kernels.clocks import clock_time
from cjsim.kernels.rng import uniform

_SPEED_LIMIT = 1e12  # a product of traits above this is cut, so that no clock time becomes infinite or nan


@rule
def initialize_customer(world, life, people, i, row):  # type: ignore[no-untyped-def]
    """Write who the customer is.

    Parameters
    ----------
    world : World
        Read: personas, setting.
    life : Life
        Written: customer, traits, attributes.
    people : Population
        Read.
    i, row : int
        Index in `people`; in the sink.
    """
    customer = life.customer[0]
    persona = world.personas[people.persona[i]]
    customer.key = people.key[i]
    customer.index = people.number[i]
    customer.row = row
    customer.persona = people.persona[i]
    customer.entered = people.entered[i]
    customer.now = customer.entered
    customer.shift = people.shift[i]
    customer.rest = persona.rest
    customer.satisfaction = persona.rest
    customer.satisfaction_at = customer.entered
    customer.felt = persona.rest
    customer.pressure = 0.0
    customer.pressure_at = customer.entered
    customer.stage = persona.stage
    customer.stage_since = customer.entered
    customer.shown = -1
    customer.shown_since = customer.entered
    customer.takes = 0
    customer.still = 0
    customer.stuck = 0
    customer.last_purchase = -math.inf
    customer.last_contact = -math.inf
    customer.revenue = 0.0
    customer.spent = 0.0
    customer.mark = 0
    customer.reads = 0
    customer.fired = 0
    customer.dirty = 0
    customer.purchases = 0
    customer.contacts = 0
    customer.opens = 0
    customer.clicks = 0
    customer.unopened = 0
    customer.interest = people.interest[i]
    customer.offers = 0
    customer.learnt = 0
    customer.referrals = 0
    customer.desk = -1
    customer.unanswered = 0
    customer.answer_due = math.inf
    customer.answer_at = people.answers[i, 0]
    customer.answer_end = people.answers[i, 1]
    for j in range(life.traits.shape[0]):
        life.traits[j] = people.traits[i, j]
    for j in range(life.attributes.shape[0]):
        life.attributes[j] = people.attributes[i, j]
    customer.held_out = draw_holdout(world, life)
    customer.calm = preferred_pressure(world, life)


@inlined
def draw_holdout(world, life):  # type: ignore[no-untyped-def]
    """Whether nobody contacts this customer, but for those that the policy spares.

    Parameters
    ----------
    world : World
        Read: setting.
    life : Life
        Read: customer.

    Returns
    -------
    int
        1 or 0, always the same for a customer and a share.
    """
    setting = world.setting[0]
    if setting.holdout <= 0.0:
        return 0
    customer = life.customer[0]
    return 1 if uniform(customer.seed, customer.key, setting.stream_holdout, np.uint64(0)) < setting.holdout else 0


@inlined
def preferred_pressure(world, life):  # type: ignore[no-untyped-def]
    """P*: the contact pressure that as many contacts a week as this customer likes would have in the long run.

    Parameters
    ----------
    world : World
        Read: setting.
    life : Life
        Read: traits.

    Returns
    -------
    float64
        f/7 half_life/ln 2 for f contacts of weight 1 a week; 0 where there is no such trait or it is not positive.
    """
    setting = world.setting[0]
    if setting.preferred_column < 0:
        return 0.0
    a_week = life.traits[setting.preferred_column]
    return a_week / 7.0 * setting.pressure_tau if a_week > 0.0 else 0.0


@rule
def fill_array(values, value):  # type: ignore[no-untyped-def]
    """Set every element of an array.

    Parameters
    ----------
    values : ndarray, shape (n,)
        Written.
    value : int or float64
        What each becomes.
    """
    for i in range(values.shape[0]):
        values[i] = value


@rule
def clear_counters(world, life):  # type: ignore[no-untyped-def]
    """Forget the last customer's tags, scores, counts and contacts.

    Parameters
    ----------
    world : World
        Read: sizes.
    life : Life
        Written.
    """
    fill_array(life.tags, 0)
    fill_array(life.counts, 0)
    fill_array(life.visits, 0)
    fill_array(life.rings, -math.inf)
    fill_array(life.ring_at, 0)
    fill_array(life.hours, 0)
    fill_array(life.asks, 0)
    for j in range(world.scores.shape[0]):
        life.scores[j].value = 0.0
        life.scores[j].at = 0.0
    for j in range(world.messages.shape[0]):
        life.messages[j].sent = 0
        life.messages[j].opened = 0
        life.messages[j].clicked = 0
    for j in range(world.offers.shape[0]):
        life.offers[j].until = -math.inf
        life.offers[j].left = 0
        life.offers[j].redeemed = 0
    for j in range(world.sites.shape[0]):
        life.placed[j].until = -math.inf
    for j in range(world.budgets.shape[0]):
        life.turns[j].time = -math.inf
        life.turns[j].nth = 0


@rule
def initialize_channels(world, life):  # type: ignore[no-untyped-def]
    """Draw consent, and add up affinity, for each channel.

    Parameters
    ----------
    world : World
        Read: channels, persona_consent, persona_affinity.
    life : Life
        Read: customer, traits. Written: reach.
    """
    customer = life.customer[0]
    for c in range(world.channels.shape[0]):
        channel = world.channels[c]
        reach = life.reach[c]
        u = uniform(customer.seed, customer.key, channel.stream_consent, np.uint64(0))
        reach.consent = 1 if u < world.persona_consent[customer.persona, c] else 0
        reach.affinity = world.persona_affinity[customer.persona, c]
        if channel.affinity_column >= 0:
            reach.affinity += life.traits[channel.affinity_column]
        reach.contacts = 0
        reach.opens = 0
        reach.clicks = 0
        reach.unopened = 0
        reach.by = -1
        reach.last = -math.inf


@rule
def initialize_clocks(world, life):  # type: ignore[no-untyped-def]
    """Stop all clocks and work out this customer's own factor of each speed.

    Parameters
    ----------
    world : World
        Read: events, factors, persona_speed.
    life : Life
        Read: customer, traits. Written: clocks, due.
    """
    customer = life.customer[0]
    for event in range(world.events.shape[0]):
        record = world.events[event]
        clock = life.clocks[event]
        base = world.persona_speed[customer.persona, event]
        for i in range(record.factor_first, record.factor_first + record.factor_count):
            base *= max(life.traits[world.factors[i]], 0.0)
        clock.factor = min(base, _SPEED_LIMIT)
        clock.speed = 0.0
        clock.remaining = math.inf
        clock.lift = 0.0
        clock.synced = clock_time(world, life, record.profile, customer.now)
        clock.last = -math.inf
        clock.starts = 0
        clock.count = 0
        clock.active = 0
        clock.allowed = 1
        life.due[event] = math.inf

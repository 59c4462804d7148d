"""Referrals in kernels: invitations, and who joins.

Lives here: what a customer's invitations lead to. Does not live here: the lives of those who join (the engines let them live).
"""

import numpy as np

from cjsim.kernel import inlined, rule
from cjsim.kernels.codes import ChangeFlag, TouchCode
from cjsim.kernels.log_rows import write_log_row
from cjsim.kernels.quantiles import quantile
from cjsim.kernels.rng import philox, uniform_pair

_LOW = np.uint64(0xFFFFFFFF)
_HALF = np.uint64(32)
# Philox's key for the keys of friends: digits of pi, and a word that no seed below 2**63 has, so that no draw is made of the same block.
_REFERRAL_KEY0, _REFERRAL_KEY1 = np.uint64(0x243F6A88), np.uint64(0xFFFFFFFF)
REFERRED = np.uint64(1 << 63)  # keys of referred customers have this bit, and no others have
HASHED = np.uint64(59)  # bits below those of the generation
GENERATIONS = np.uint64(15)  # that are told apart
_HASH = np.uint64((1 << 59) - 1)


@inlined
def referred_key(parent, stream, ordinal):  # type: ignore[no-untyped-def]
    """The key of the friend whom an invitation brings, whatever the seed and whatever else happens.

    Whoever was invited comes after who invited it in the order of keys: where a budget pays for contacts of one instant by key, causes
    come before effects.

    Parameters
    ----------
    parent : uint64
        Key of the customer who invites.
    stream : uint64
        Of the effect `refer`, below 2**32.
    ordinal : uint64
        Of the invitation, among those of this effect; below 2**32.

    Returns
    -------
    uint64
        REFERRED, then 4 bits of the generation, then 59 bits of a Philox block of the three. Two of n customers of a generation share a key
        with probability n^2 / 2^60.
    """
    c0, c1, _, _ = philox(parent & _LOW, parent >> _HALF, stream, ordinal, _REFERRAL_KEY0, _REFERRAL_KEY1)
    generation = np.uint64(1)
    if parent & REFERRED != np.uint64(0):
        generation = min((parent >> HASHED & GENERATIONS) + np.uint64(1), GENERATIONS)
    return REFERRED | (generation << HASHED) | (((c0 << _HALF) | c1) & _HASH)


@rule
def refer(world, life, sink, effect):  # type: ignore[no-untyped-def]
    """Invite friends: each joins with a probability, after a delay. Who would join after the horizon is counted and told, and not born.

    Parameters
    ----------
    world : World
        Read: effects, knots, setting.
    life : Life
        Written: counts, customer.
    sink : Sink
        Written: outcome, births, born, log.
    effect : int
        Index of the REFER record.
    """
    customer = life.customer[0]
    record = world.effects[effect]
    for _ in range(record.count):
        ordinal = np.uint64(life.counts[record.slot])
        life.counts[record.slot] += 1
        u, v = uniform_pair(customer.seed, customer.key, record.stream, ordinal)
        if u < record.x:
            customer.referrals += 1
            customer.dirty |= ChangeFlag.REFERRAL
            write_log_row(life, sink, TouchCode.REFERRAL, -1, -1, -1, 0.0)
            time = customer.now + quantile(world, record.value, v)
            if time < world.setting[0].horizon:
                record_referral(life, sink, referred_key(customer.key, record.stream, ordinal), time, record.target)


@inlined
def record_referral(life, sink, key, time, by):  # type: ignore[no-untyped-def]
    """Note a friend who will join, or only count it where there is no room.

    Parameters
    ----------
    life : Life
        Read: customer.
    sink : Sink
        Written: outcome, births, born.
    key : uint64
        The friend's.
    time : float64
        Days: when.
    by : int
        Acquisition channel, -1 none.
    """
    row = life.customer[0].row
    sink.outcome[row].referrals += 1
    at = sink.born[0]
    sink.born[0] = at + 1
    if at < sink.births.shape[0]:
        birth = sink.births[at]
        birth.key = key
        birth.time = time
        birth.parent = row
        birth.by = by

"""Referrals: invitations to friends, and which friends join."""

import numpy as np

from cjsim.kernel import inlined, rule
from cjsim.kernels.codes import ChangeFlag, TouchCode
from cjsim.kernels.log_rows import write_log_row
from cjsim.kernels.quantiles import quantile
from cjsim.kernels.rng import LOW_WORD, WORD_BITS, philox, uniform_pair
from cjsim.kernels.state import CustomerState, Output
from cjsim.kernels.world import World

# Philox key for the keys of friends: digits of pi, and a word that no seed below 2**63 contains, so no draw uses the same block.
_REFERRAL_KEY0, _REFERRAL_KEY1 = np.uint64(0x243F6A88), np.uint64(0xFFFFFFFF)
REFERRED = np.uint64(1 << 63)  # bit that is set only in keys of referred customers
HASHED = np.uint64(59)  # number of bits below the generation
GENERATIONS = np.uint64(15)  # number of generations that a key distinguishes; later ones count as the last
_HASH = np.uint64((1 << 59) - 1)


@inlined
def referred_key(parent: np.uint64, stream: np.uint64, ordinal: np.uint64) -> np.uint64:
    """The key of the friend who accepts an invitation. It depends on neither the seed nor other events.

    The key of a referred customer is greater than the key of the referrer. A budget serves simultaneous contacts in key order, so causes
    come before effects. The key consists of the bit REFERRED, 4 bits for the generation, and 59 bits of a Philox block of the three
    arguments. Among n customers of one generation, two share a key with a probability of about n^2 / 2^60. `stream` belongs to the
    effect `refer`, and `ordinal` is the ordinal of the invitation within this effect. Both are below 2**32.
    """
    c0, c1, _, _ = philox(parent & LOW_WORD, parent >> WORD_BITS, stream, ordinal, _REFERRAL_KEY0, _REFERRAL_KEY1)
    generation = np.uint64(1)
    if parent & REFERRED != np.uint64(0):
        generation = min((parent >> HASHED & GENERATIONS) + np.uint64(1), GENERATIONS)
    return REFERRED | (generation << HASHED) | (((c0 << WORD_BITS) | c1) & _HASH)


@rule
def make_referrals(world: World, state: CustomerState, out: Output, effect: int) -> None:
    """Invite the friends of the REFER record `effect`: each joins with a given probability, after a delay.

    Friends who would join after the end of the simulation are counted and logged, but not recorded in `out.referrals`. Friends who join
    after the horizon are recorded, because they may use desks and budgets, but no outcome counts them.
    Writes: decision_counts, customer.referrals, customer.changes, outcome, referrals, n_referrals, the log.
    """
    customer = state.customer[0]
    record = world.effects[effect]
    for _ in range(record.count):
        ordinal = np.uint64(state.decision_counts[record.slot])
        state.decision_counts[record.slot] += 1
        u, v = uniform_pair(customer.seed, customer.key, record.stream, ordinal)
        if u < record.x:
            customer.referrals += 1
            customer.changes |= ChangeFlag.REFERRAL.value
            write_log_row(state, out, TouchCode.REFERRAL.value, -1, -1, -1, 0.0)
            time = customer.now + quantile(world, record.value, v)
            if time < world.setting[0].horizon:
                out.outcome[customer.row].referrals += 1
            if time < world.setting[0].ends:
                record_referral(state, out, referred_key(customer.key, record.stream, ordinal), time, record.target)


@inlined
def record_referral(state: CustomerState, out: Output, key: np.uint64, time: float, acquisition_channel: int) -> None:
    """Record a friend who will join at `time` (days), or only count the referral if there is no space left.

    Writes: referrals, n_referrals.
    """
    index = out.n_referrals[0]
    out.n_referrals[0] = index + 1
    if index < out.referrals.shape[0]:
        referral = out.referrals[index]
        referral.key = key
        referral.time = time
        referral.parent = state.customer[0].own_row
        referral.acquisition_channel = acquisition_channel

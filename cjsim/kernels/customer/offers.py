"""Offers in kernels: how customers come to hold them, and what a purchase makes of those held.

Lives here: giving, and redeeming at a purchase. Does not live here: the purchase (behavior.py), its books (ledger.py).

`customer.offers` counts the offers held with uses left, so that a purchase of who holds none asks for nothing.
"""

import math

import numpy as np

from cjsim.kernel import inlined, rule
from cjsim.kernels.codes import TouchCode
from cjsim.kernels.conditions import is_valid
from cjsim.kernels.log_rows import write_log_row
from cjsim.kernels.rng import uniform


@inlined
def offer_source(world, offer):  # type: ignore[no-untyped-def]
    """Log code of an offer's name: after flows, broadcasts and desks.

    Parameters
    ----------
    world : World
        Read: sizes.
    offer : int
        Code of the offer.

    Returns
    -------
    int
        n_actors + n_desks + offer.
    """
    return world.actors.shape[0] + world.desks.shape[0] + offer


@rule
def grant_offer(world, life, sink, offer):  # type: ignore[no-untyped-def]
    """Let the customer hold an offer from now on; held already, its time and its uses start anew.

    Parameters
    ----------
    world : World
        Read: offers, sizes.
    life : Life
        Written: offers, customer.
    sink : Sink
        Written: outcome, log.
    offer : int
        Code of the offer.
    """
    customer = life.customer[0]
    held = life.offers[offer]
    if held.left == 0:
        customer.offers += 1
    held.until = customer.now + world.offers[offer].days
    held.left = world.offers[offer].uses
    write_log_row(life, sink, TouchCode.OFFERED, -1, -1, offer_source(world, offer), 0.0)


@inlined
def saving(world, offer, value):  # type: ignore[no-untyped-def]
    """What an offer takes off a purchase.

    Parameters
    ----------
    world : World
        Read: offers.
    offer : int
        Code of the offer.
    value : float64
        Money.

    Returns
    -------
    float64
        Money, at most the value; 0 where the purchase is too small for it.
    """
    record = world.offers[offer]
    if value < record.at_least:
        return 0.0
    return min(value * record.discount if record.discount > 0.0 else record.amount, value)


@inlined
def drop_offer(life, offer):  # type: ignore[no-untyped-def]
    """An offer is over: it was used up, or is no longer valid.

    Parameters
    ----------
    life : Life
        Written: offers, customer.
    offer : int
        Code of the offer, which is held.
    """
    life.offers[offer].left = 0
    life.offers[offer].until = -math.inf
    life.customer[0].offers -= 1


@inlined
def best_offer(world, life, value):  # type: ignore[no-untyped-def]
    """The valid offer that saves most at a purchase; of equal ones the first declared.

    Parameters
    ----------
    world : World
        Read: offers.
    life : Life
        Read: customer. Written: offers, customer (those that are no longer valid are dropped).
    value : float64
        Money.

    Returns
    -------
    int
        Code of the offer, -1 if none saves anything.
    """
    best = -1
    most = 0.0
    for offer in range(world.offers.shape[0]):
        if life.offers[offer].left > 0:
            if not is_valid(life, offer):
                drop_offer(life, offer)
            elif saving(world, offer, value) > most:
                best = offer
                most = saving(world, offer, value)
    return best


@rule
def redeem(world, life, sink, value):  # type: ignore[no-untyped-def]
    """At a purchase: take the best offer held, with the probability that it states.

    Parameters
    ----------
    world : World
        Read: offers, sizes.
    life : Life
        Read: customer. Written: offers, customer, counts.
    sink : Sink
        Written: outcome, log.
    value : float64
        Money: the purchase before the offer.

    Returns
    -------
    float64
        Money off.
    """
    offer = best_offer(world, life, value)
    if offer < 0:
        return 0.0
    customer = life.customer[0]
    record = world.offers[offer]
    u = uniform(customer.seed, customer.key, record.stream, np.uint64(life.counts[record.slot]))
    life.counts[record.slot] += 1
    if u >= record.redeems:
        return 0.0
    money_off = saving(world, offer, value)
    held = life.offers[offer]
    held.redeemed += 1
    if held.left > 1:
        held.left -= 1
    else:
        drop_offer(life, offer)
    outcome = sink.outcome[customer.row]
    outcome.redemptions += 1
    outcome.discounts += money_off
    write_log_row(life, sink, TouchCode.REDEEMED, -1, -1, offer_source(world, offer), money_off)
    return money_off

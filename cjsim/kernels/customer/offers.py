"""Offers: how they are granted, and how they are redeemed at purchases.

`customer.offers` counts the offers that have uses left. It makes purchases by customers without offers cheap to compute.
"""

import math

import numpy as np

from cjsim.kernel import inlined, rule
from cjsim.kernels.codes import TouchCode
from cjsim.kernels.conditions import is_offer_valid
from cjsim.kernels.log_rows import write_log_row
from cjsim.kernels.rng import uniform
from cjsim.kernels.state import CustomerState, Output
from cjsim.kernels.world import World


@inlined
def offer_source(world: World, offer: int) -> int:
    """Log code of an offer's name, after flows, broadcasts and desks: n_actors + n_desks + offer."""
    n_earlier: int = world.actors.shape[0] + world.desks.shape[0]
    return n_earlier + offer


@rule
def grant_offer(world: World, state: CustomerState, out: Output, offer: int) -> None:
    """Grant an offer now. If the customer already holds it, its expiration date and remaining uses are reset, and it stays known.

    Writes: offers, customer.offers, outcome.events, the log.
    """
    customer = state.customer[0]
    held = state.offers[offer]
    if not is_offer_valid(state, offer):
        held.known = 1 - world.offers[offer].announced
    if held.uses_left == 0:
        customer.offers += 1
    held.valid_until = customer.now + world.offers[offer].days
    held.uses_left = world.offers[offer].uses
    write_log_row(state, out, TouchCode.OFFERED.value, -1, -1, offer_source(world, offer), 0.0)


@rule
def announce_offer(state: CustomerState, offer: int) -> None:
    """Mark an offer as known to the customer, if the customer holds it.

    Writes: offers.
    """
    if is_offer_valid(state, offer):
        state.offers[offer].known = 1


@inlined
def discount_amount(world: World, offer: int, value: float) -> float:
    """The discount of an offer on a purchase of `value`, at most the value; 0 if the purchase is too small for the offer."""
    record = world.offers[offer]
    if value < record.at_least:
        return 0.0
    amount: float = value * record.discount if record.discount > 0.0 else record.amount
    return min(amount, value)


@inlined
def drop_offer(state: CustomerState, offer: int) -> None:
    """Drop an offer that the customer holds and that is used up or has expired.

    Writes: offers, customer.offers.
    """
    state.offers[offer].uses_left = 0
    state.offers[offer].valid_until = -math.inf
    state.customer[0].offers -= 1


@inlined
def best_offer(world: World, state: CustomerState, value: float) -> int:
    """The valid offer with the largest discount on a purchase of `value`; ties go to the first declared; -1 if no offer applies.

    Expired offers are dropped. Writes: offers, customer.offers.
    """
    best = -1
    most = 0.0
    for offer in range(world.offers.shape[0]):
        if state.offers[offer].uses_left > 0:
            if not is_offer_valid(state, offer):
                drop_offer(state, offer)
            elif discount_amount(world, offer, value) > most:
                best = offer
                most = discount_amount(world, offer, value)
    return best


@rule
def redeem_best_offer(world: World, state: CustomerState, out: Output, value: float) -> float:
    """Redeem the best offer, with its probability, at a purchase of `value`. Returns the discount.

    Writes: offers, customer.offers, decision_counts, outcome, the log.
    """
    offer = best_offer(world, state, value)
    if offer < 0:
        return 0.0
    customer = state.customer[0]
    record = world.offers[offer]
    u = uniform(customer.seed, customer.key, record.stream, np.uint64(state.decision_counts[record.slot]))
    state.decision_counts[record.slot] += 1
    if u >= record.redeems:
        return 0.0
    discount = discount_amount(world, offer, value)
    held = state.offers[offer]
    held.redeemed += 1
    if held.uses_left > 1:
        held.uses_left -= 1
    else:
        drop_offer(state, offer)
    outcome = out.outcome[customer.row]
    outcome.redemptions += 1
    outcome.discounts += discount
    write_log_row(state, out, TouchCode.REDEEMED.value, -1, -1, offer_source(world, offer), discount)
    return discount

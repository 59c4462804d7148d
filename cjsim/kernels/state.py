"""The state of a living customer, and what leaves a life: record arrays.

Lives here: the record types with their units, `Population` (customers to come), `Life` (one customer's state) and `Sink` (what leaves a
customer's life). Does not live here: what is compiled (world.py), the codes (codes.py), any rule.
"""

import numpy as np

from cjsim.frame import Frame, array_of

_I4, _I8, _U2, _U8, _F4, _F8 = (np.dtype(code) for code in ("i4", "i8", "u2", "u8", "f4", "f8"))

CUSTOMER = np.dtype(
    [
        ("seed", "u8"),
        ("key", "u8"),
        ("index", "i8"),  # number of the customer, as logged
        ("row", "i8"),  # its row in the sink
        ("now", "f8"),  # days
        ("entered", "f8"),  # days
        ("stage_since", "f8"),
        ("shown_since", "f8"),
        ("satisfaction", "f8"),
        ("satisfaction_at", "f8"),
        ("felt", "f8"),  # satisfaction that running clocks follow
        ("pressure", "f8"),
        ("pressure_at", "f8"),
        ("rest", "f8"),
        ("shift", "f8"),  # days
        ("last_purchase", "f8"),
        ("last_contact", "f8"),
        ("revenue", "f8"),
        ("spent", "f8"),  # money in the event under way
        ("persona", "i4"),
        ("stage", "i4"),
        ("shown", "i4"),  # the last observed stage: what a policy and the log see
        ("mark", "i4"),  # next of RETENTION_DAYS
        ("reads", "i4"),  # pending reads
        ("fired", "i4"),  # queue of what is to be settled now
        ("dirty", "i4"),  # bits of Cause: what has changed since permissions were refreshed
        ("takes", "i4"),  # happenings so far
        ("still", "i4"),  # happenings since time last moved
        ("last_kind", "i4"),  # the last happening: what it was
        ("last_which", "i4"),
        ("stuck", "i4"),  # 1: time does not pass for this customer
        ("full", "i4"),  # 1: scratch space ran out, replay with more
        ("purchases", "i4"),
        ("contacts", "i4"),
        ("opens", "i4"),
        ("clicks", "i4"),
        ("unopened", "i4"),  # deliveries since the last opening
        ("interest", "i4"),  # -1 none
        ("held_out", "i4"),  # of the policy's global holdout
        ("offers", "i4"),  # offers held that may be valid
        ("learnt", "i4"),  # hours of the day learnt from
        ("referrals", "i4"),  # friends who will join
        ("calm", "f8"),  # contact pressure that tires nobody
        ("desk", "i4"),  # of the open conversation; -1 none
        ("ask_site", "i4"),  # the message that a human channel brings; -1: the customer asked
        ("ask_index", "i4"),  # its ordinal
        ("ask_ordinal", "i4"),  # of the request, among those to this desk
        ("ask_priority", "f8"),
        ("asked", "f8"),  # days: when
        ("unanswered", "i4"),  # 1: the engine has not been told of the answer yet
        ("answer_due", "f8"),  # days: when the conversation ends; inf not known
        ("answer_at", "i8"),  # index in Life.answers of the next answer
        ("answer_end", "i8"),  # after the last that is known
    ]
)
CLOCK = np.dtype(
    [
        ("factor", "f8"),  # persona's factor times traits
        ("speed", "f8"),  # m: factor times mood
        ("remaining", "f8"),  # R at `synced`
        ("lift", "f8"),  # A at `synced`
        ("synced", "f8"),  # clock time
        ("last", "f8"),  # when the event last happened; -inf never
        ("starts", "i4"),
        ("count", "i4"),  # times it happened
        ("active", "i4"),  # the event can happen in this stage
        ("allowed", "i4"),  # its `when` holds
    ]
)
FLOW_RUN = np.dtype(
    [
        ("mode", "i4"),
        ("step", "i4"),
        ("awaits", "i4"),  # event; -1 none
        ("date", "i4"),  # SCHEDULE: the next occurrence
        ("missed", "i4"),  # UNOPENED: deliveries on its channels since one was opened
        ("started", "f8"),  # last start; -inf never
        ("seen", "f8"),  # INACTIVITY: last reset; -inf never
    ]
)
# `what`: bits 1 open, 2 unsubscribe, 4 complain, 8 click.
PENDING_RESPONSE = np.dtype([("due", "f8"), ("site", "i4"), ("index", "i4"), ("what", "i4"), ("pad", "i4")])
CHANNEL_STATE = np.dtype(
    [
        ("consent", "i4"),
        ("contacts", "i4"),
        ("opens", "i4"),
        ("clicks", "i4"),
        ("unopened", "i4"),  # deliveries since the last opening
        ("by", "i4"),  # actor of the last contact; -1 none
        ("last", "f8"),  # days
        ("affinity", "f8"),
    ]
)
HELD_OFFER = np.dtype([("until", "f8"), ("left", "i4"), ("redeemed", "i4")])  # an offer: valid until, uses left, times redeemed
PLACED_MESSAGE = np.dtype(
    [("until", "f8"), ("index", "i4"), ("pad", "i4")]
)  # a message that waits for a visit: until (-inf: none), its ordinal
# The end of a conversation: when (days), a `Reply`, the desk that gave it, days waited and of service.
DESK_REPLY = np.dtype([("time", "f8"), ("waited", "f8"), ("service", "f8"), ("reply", "i4"), ("desk", "i4")])
# A budget's period has paid for `used` contacts so far, the last of them at `time`, of the customer `key`, its `nth` at that time.
BUDGET_CUTOFF = np.dtype([("time", "f8"), ("key", "u8"), ("nth", "i8"), ("used", "i8")])
BUDGET_REQUEST = np.dtype([("time", "f8"), ("nth", "i4"), ("pad", "i4")])  # by budget: the customer's last request, how many at that time
MESSAGE_COUNTS = np.dtype([("sent", "i4"), ("opened", "i4"), ("clicked", "i4"), ("pad", "i4")])
SCORE_VALUE = np.dtype([("value", "f8"), ("at", "f8")])  # score and when it was so


class CustomerState(Frame):
    """The state of one customer, and scratch space. Kernels write it; a thread reuses it for its next customer."""

    customer = array_of(CUSTOMER)  # (1,)
    clocks = array_of(CLOCK)  # by event
    due = array_of(_F8)  # days, by event
    runs = array_of(FLOW_RUN)  # by actor
    act_due = array_of(_F8)  # days, by actor
    reads = array_of(PENDING_RESPONSE)  # capacity; `customer.reads` are pending
    reach = array_of(CHANNEL_STATE)  # by channel
    messages = array_of(MESSAGE_COUNTS)  # by message
    tags = array_of(_I4)  # by tag: 1 tagged
    scores = array_of(SCORE_VALUE)  # by score
    rings = array_of(_F8)  # days; spans of World.caps
    ring_at = array_of(_I4)  # by cap: next slot
    counts = array_of(_I4)  # ordinals of decisions (sends of a site, splits, choices, purchases)
    fired = array_of(_I4)  # capacity
    stack = array_of(_F8)  # of condition programs
    traits = array_of(_F8)  # by trait column
    attributes = array_of(_F8)  # by attribute: level code
    visits = array_of(_I4)  # by stage: times entered
    offers = array_of(HELD_OFFER)  # by offer
    placed = array_of(PLACED_MESSAGE)  # by site
    hours = array_of(_I4)  # by hour of the day: openings, clicks and visits
    asks = array_of(_I4)  # by desk: requests
    turns = array_of(BUDGET_REQUEST)  # by budget
    answers = array_of(DESK_REPLY)  # of all customers simulated in this frame, one after another
    cutoffs = array_of(BUDGET_CUTOFF)  # by budget and period; shared by all customers


OUTCOME = np.dtype(
    [
        ("entered", "f8"),  # days; beyond the horizon: never entered
        ("revenue", "f8"),
        ("margin", "f8"),
        ("cost", "f8"),  # of messages, desks and acquisition
        ("discounts", "f8"),  # money off by offers, taken from revenue and margin
        ("clv", "f8"),  # discounted at each time: margin minus costs
        ("first_purchase", "f8"),  # days; nan never
        ("last_purchase", "f8"),
        ("satisfaction", "f4"),  # at the horizon
        ("pressure", "f4"),
        ("purchases", "i4"),
        ("contacts", "i4"),
        ("opens", "i4"),
        ("clicks", "i4"),
        ("unsubscribes", "i4"),
        ("complaints", "i4"),
        ("opt_outs", "i4"),
        ("flows", "i4"),  # flow runs started
        ("redemptions", "i4"),
        ("collisions", "i4"),  # sends refused by a gap or a cap because of another actor's contact
        ("referrals", "i4"),  # friends who will join
        ("events", "i4"),  # log rows
        ("persona", "i2"),
        ("stage", "i2"),  # at the horizon
        ("interest", "i2"),  # -1 none
        ("held_out", "i1"),
        ("retained", "i1", (4,)),  # at RETENTION_DAYS after conversion: 0, 1, UNOBSERVED
    ]
)
DESK_OUTCOME = np.dtype(  # one customer at one desk
    [
        ("asks", "u2"),  # conversations begun
        ("joined", "u2"),  # requests while one was open
        ("replies", "u2", (3,)),  # by `Reply`
        ("pad", "u2"),
        ("waited", "f4"),  # days, of all that were answered
        ("service", "f4"),  # days
    ]
)
# Someone who will join: the customer's key, when (days), who invited it (row in the sink), through which acquisition channel (-1 none).
REFERRAL = np.dtype([("key", "u8"), ("time", "f8"), ("parent", "i8"), ("by", "i4"), ("pad", "i4")])
LOG_ROW = np.dtype(
    [
        ("customer", "i8"),
        ("time", "f8"),  # days
        ("value", "f8"),
        ("event", "i2"),  # Touch, or TOUCHES + event
        ("stage", "i2"),
        ("channel", "i2"),  # -1 none
        ("message", "i2"),
        ("source", "i2"),  # the flow, broadcast, desk or offer; -1 the customer
        ("pad", "i2"),
    ]
)


class Output(Frame):
    """What the customers of a chunk leave: outcome rows, referrals and log rows."""

    outcome = array_of(OUTCOME)  # by customer of the chunk
    moments = array_of(_F8, 2)  # (n, n_moments): days; nan not reached
    dwell = array_of(_F4, 2)  # (n, n_stages): days in each stage
    reach = array_of(_U2, 3)  # (n, n_channels, LAST_REACH + 1): counts by channel and touch
    desks = array_of(DESK_OUTCOME, 2)  # (n, n_desks)
    births = array_of(REFERRAL)  # capacity
    born = array_of(_I8)  # (1,): records in `births`; beyond its capacity: full
    log = array_of(LOG_ROW)  # capacity 0: no log
    written = array_of(_I8)  # (1,): rows in `log`; beyond its capacity: full


class Population(Frame):
    """The customers of a chunk at entry."""

    key = array_of(_U8)  # (n_customers,): customer keys
    persona = array_of(_I4)  # (n_customers,)
    entered = array_of(_F8)  # (n_customers,): days
    shift = array_of(_F8)  # (n_customers,): days
    traits = array_of(_F8, 2)  # (n_customers, n_columns)
    attributes = array_of(_F8, 2)  # (n_customers, n_attributes): level codes; the last is the acquisition channel, where there are any
    number = array_of(_I8)  # (n_customers,): customer numbers in the log
    interest = array_of(_I4)  # (n_customers,): -1 none
    cost = array_of(_F8)  # (n_customers,): acquisition cost, money
    answers = array_of(_I8, 2)  # (n_customers, 2): span of CustomerState.answers

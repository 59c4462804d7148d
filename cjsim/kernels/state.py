"""Record types of customers, with units: `Population` (customers who enter), `CustomerState` (current state of one), `Output` (results)."""

import numpy as np

from cjsim.frame import Frame, array_of

_I4, _I8, _U2, _U8, _F4, _F8 = (np.dtype(code) for code in ("i4", "i8", "u2", "u8", "f4", "f8"))

CUSTOMER = np.dtype(
    [
        ("seed", "u8"),
        ("key", "u8"),
        ("number", "i8"),  # customer number in the log
        ("row", "i8"),  # row of `Output` that the customer's outcomes go to: its own or, outside the observation window, the scratch row
        ("own_row", "i8"),  # row of the customer in `Output`
        ("now", "f8"),  # days
        ("entered", "f8"),  # days; negative: before the start
        ("valued_from", "f8"),  # days: time to which CLV is discounted: entry, or day 0 for customers who entered before
        ("ends", "f8"),  # days: end of the customer's simulation
        ("pauses_at", "f8"),  # days: the next limit of the observation window, or `ends` if there is none before
        ("stage_since", "f8"),
        ("observed_since", "f8"),
        ("satisfaction", "f8"),
        ("satisfaction_at", "f8"),
        ("clock_satisfaction", "f8"),  # satisfaction that determines the speed of running clocks
        ("pressure", "f8"),
        ("pressure_at", "f8"),
        ("resting_satisfaction", "f8"),
        ("shift", "f8"),  # days by which the customer's activity profiles are shifted
        ("last_purchase", "f8"),
        ("last_contact", "f8"),
        ("revenue", "f8"),
        ("spent", "f8"),  # money spent in the current event
        ("persona", "i4"),
        ("stage", "i4"),
        ("observed_stage", "i4"),  # the last observed stage, which policies and the log use
        ("next_retention_day", "i4"),  # index of the next of RETENTION_DAYS after conversion
        ("next_base_day", "i4"),  # index of the next of RETENTION_DAYS after day 0
        ("n_responses", "i4"),  # pending responses
        ("n_queued", "i4"),  # items in the queue
        ("changes", "i4"),  # ChangeFlag bits since `allowed` of the clocks was last updated
        ("events_handled", "i4"),  # events so far: calls to `dispatch`
        ("events_at_this_time", "i4"),  # events since time last advanced
        ("last_kind", "i4"),  # DueKind of the last event
        ("last_which", "i4"),
        ("stuck", "i4"),  # 1: time does not advance for this customer
        ("needs_larger_buffers", "i4"),  # 1: a buffer is full; simulate again with larger ones
        ("purchases", "i4"),
        ("contacts", "i4"),
        ("opens", "i4"),
        ("clicks", "i4"),
        ("unopened", "i4"),  # deliveries since the last open
        ("zone", "i4"),  # time zone
        ("first_profile", "i4"),  # first activity profile of the time zone
        ("true_opens", "i4"),  # `opens`, `clicks` and `unopened` are those in the log; these are the customer's own
        ("true_clicks", "i4"),
        ("true_unopened", "i4"),
        ("interest", "i4"),  # -1 none
        ("held_out", "i4"),  # 1: in the policy's global holdout
        ("offers", "i4"),  # offers held that may be valid
        ("observed_hours", "i4"),  # observations in CustomerState.active_hours
        ("referrals", "i4"),  # friends who will join
        ("opt_outs", "i4"),  # unsubscribes, complaints and other opt-outs
        ("paid_events", "i4"),  # observed events with a payment, as in the log
        ("paid", "f8"),  # money paid in them
        ("last_paid", "f8"),  # days
        ("preferred_pressure", "f8"),  # contact pressure that causes no fatigue
        ("desk", "i4"),  # of the open conversation; -1 none
        ("request_site", "i4"),  # site of the message delivered by a human channel; -1: the customer asked
        ("request_index", "i4"),  # ordinal of that message
        ("request_ordinal", "i4"),  # ordinal of the request at this desk
        ("request_priority", "f8"),
        ("request_promise", "f8"),  # days: the wait promised when the request was made; inf: none
        ("requested_at", "f8"),  # days
        ("request_out_of_hours", "i4"),  # 1: no agent was on duty when the open request was made
        ("awaits_reply", "i4"),  # 1: the open request has no reply yet
        ("pad", "i4"),
        ("reply_due", "f8"),  # days: end of the conversation; inf: not known
        ("next_reply", "i8"),  # index in CustomerState.replies of the next reply
        ("replies_end", "i8"),  # index after the last known reply
        ("deferred_until", "f8"),  # days: when the send that was just deferred is tried again
    ]
)
CLOCK = np.dtype(
    [
        ("factor", "f8"),  # persona's factor times traits, times the factor of speed rules
        ("speed", "f8"),  # speed m: factor times the effect of satisfaction
        ("remaining", "f8"),  # remaining target at `synced`
        ("lift", "f8"),  # lift A at `synced`
        ("synced", "f8"),  # clock time at which the clock was last advanced
        ("last", "f8"),  # when the event last happened; -inf never
        ("started", "f8"),  # days: last start of the clock
        ("starts", "i4"),  # number of starts, which is the ordinal of its draw
        ("count", "i4"),  # number of occurrences
        ("active", "i4"),  # 1: the event can happen in this stage
        ("allowed", "i4"),  # a WhenState
    ]
)
FLOW_RUN = np.dtype(
    [
        ("mode", "i4"),  # a FlowMode
        ("step", "i4"),
        ("awaited_event", "i4"),  # -1 none
        ("next_date", "i4"),  # SCHEDULE: index of the next date
        ("unopened", "i4"),  # UNOPENED: deliveries on its channels since the last open
        ("started", "f8"),  # last start; -inf never
        ("tried", "f8"),  # DEFERRED: time of the first attempt of the waiting send
        ("last_activity", "f8"),  # INACTIVITY: last reset; -inf never
    ]
)
# `actions`: bits 1 open, 2 unsubscribe, 4 complain, 8 click, 16 not seen by the firm, 32 by a machine; `index`: ordinal of the send.
PENDING_RESPONSE = np.dtype([("due", "f8"), ("site", "i4"), ("index", "i4"), ("actions", "i4"), ("pad", "i4")])
CHANNEL_STATE = np.dtype(
    [
        ("consent", "i4"),
        ("contacts", "i4"),
        ("opens", "i4"),
        ("clicks", "i4"),
        ("unopened", "i4"),  # deliveries since the last open
        ("true_opens", "i4"),  # as in CUSTOMER
        ("true_clicks", "i4"),
        ("true_unopened", "i4"),
        ("bounced", "i4"),  # 1: a message hard-bounced
        ("machine_opens", "i4"),  # 1: the customer's mail client opens each message
        ("bot_clicks", "i4"),  # 1: the customer's mail server opens each message and clicks
        ("last_actor", "i4"),  # actor of the last contact that gaps and caps count; -1 none
        ("last_contact", "f8"),  # days
        ("last_counted", "f8"),  # days: the last contact that gaps and caps count
        ("affinity", "f8"),
    ]
)
# redeemed: number of redemptions; known: 1 if the customer knows of the offer.
HELD_OFFER = np.dtype([("valid_until", "f8"), ("uses_left", "i4"), ("redeemed", "i4"), ("known", "i4"), ("pad", "i4")])
# A message that waits for a visit: expiry time (days; -inf: no message waits), ordinal.
PLACED_MESSAGE = np.dtype([("expires", "f8"), ("index", "i4"), ("pad", "i4")])
# The end of a conversation: time (days), ReplyCode, replying desk, waiting time (days), service time (days).
DESK_REPLY = np.dtype([("time", "f8"), ("waited", "f8"), ("service", "f8"), ("reply", "i4"), ("desk", "i4")])
# A period of a budget: contacts so far (`used`) and the last one: its time, its customer `key`, and its ordinal `nth` at that time.
BUDGET_CUTOFF = np.dtype([("time", "f8"), ("key", "u8"), ("nth", "i8"), ("used", "i8")])
BUDGET_REQUEST = np.dtype([("time", "f8"), ("nth", "i4"), ("pad", "i4")])  # by budget: last request, and its ordinal
MESSAGE_COUNTS = np.dtype(
    [("sent", "i4"), ("opened", "i4"), ("clicked", "i4"), ("true_opened", "i4"), ("true_clicked", "i4"), ("pad", "i4")]  # as in CUSTOMER
)
SCORE_VALUE = np.dtype([("value", "f8"), ("at", "f8")])  # points, and the time at which they applied (days)
BRANCH_SWAY = np.dtype([("value", "f8"), ("at", "f8")])  # log-odds, and the clock time of the branch's event at which they applied (days)


class CustomerState(Frame):
    """The state of one customer, and scratch space. Kernels write to it, and each thread reuses it for its next customer."""

    customer = array_of(CUSTOMER)  # (1,)
    clocks = array_of(CLOCK)  # by event
    clock_due = array_of(_F8)  # days, by event; the last element is when a SPEED_RULE changes next, if there are any
    runs = array_of(FLOW_RUN)  # by actor
    actor_due = array_of(_F8)  # days, by actor
    responses = array_of(PENDING_RESPONSE)  # capacity; `customer.n_responses` are pending
    channels = array_of(CHANNEL_STATE)  # by channel
    messages = array_of(MESSAGE_COUNTS)  # by message
    tags = array_of(_I4)  # by tag: 1 tagged
    scores = array_of(SCORE_VALUE)  # by score
    cap_times = array_of(_F8)  # days; spans of World.caps
    cap_next = array_of(_I4)  # by cap: next slot
    decision_counts = array_of(_I4)  # ordinals of decisions: sends of a site, splits, choices, purchases, invitations, redemptions
    queue = array_of(_I4)  # capacity
    stack = array_of(_F8)  # of condition programs
    rule_inputs = array_of(_F8)  # columns of one term of a targeting rule
    traits = array_of(_F8)  # by trait column
    attributes = array_of(_F8)  # by attribute: level code
    visits = array_of(_I4)  # by stage: times entered
    offers = array_of(HELD_OFFER)  # by offer
    sways = array_of(BRANCH_SWAY)  # by named branch
    placed = array_of(PLACED_MESSAGE)  # by site
    active_hours = array_of(_I4)  # by hour of the day: opens, clicks and visits
    requests = array_of(_I4)  # by desk: requests
    budget_requests = array_of(BUDGET_REQUEST)  # by budget
    replies = array_of(DESK_REPLY)  # of all customers simulated in this frame, one after another
    cutoffs = array_of(BUDGET_CUTOFF)  # by budget and period; shared by all customers


OUTCOME = np.dtype(
    [
        ("entered", "f8"),  # days; beyond the horizon: never entered
        ("revenue", "f8"),
        ("margin", "f8"),
        ("cost", "f8"),  # of messages, desks and acquisition
        ("message_cost", "f8"),  # of deliveries, opens and clicks; part of `cost`
        ("discounts", "f8"),  # discounts from offers, already subtracted from revenue and margin
        ("clv", "f8"),  # margin minus costs, each discounted to entry, or to day 0 if the customer entered before
        ("clv_365d", "f8"),  # the part of it in the first 365 days after entry
        ("first_purchase", "f8"),  # days; nan never
        ("last_purchase", "f8"),
        ("satisfaction", "f4"),  # at the end
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
        ("collisions", "i4"),  # sends refused by a gap or a cap after another actor's contact
        ("referrals", "i4"),  # friends who will join
        ("events", "i4"),  # log rows
        ("persona", "i2"),
        ("stage", "i2"),  # at the end
        ("interest", "i2"),  # -1 none
        ("held_out", "i1"),
        ("retained", "i1", (4,)),  # at RETENTION_DAYS after conversion: 0, 1, UNOBSERVED
        ("base_flags", "i1"),  # BaseFlag bits
        ("base_retained", "i1", (4,)),  # at RETENTION_DAYS after day 0, of customers retained then: 0, 1, UNOBSERVED
    ]
)
DESK_OUTCOME = np.dtype(  # one customer at one desk
    [
        ("asks", "u2"),  # conversations begun
        ("joined", "u2"),  # requests made while another was open
        ("replies", "u2", (3,)),  # by ReplyCode
        ("out_of_hours", "u2"),  # conversations asked for when no agent of this desk was on duty
        ("outside_closed", "u2"),  # replies to requests made out of hours
        ("outside_abandoned", "u2"),  # of which abandoned
        ("waited", "f4"),  # days, summed over requests with a reply
        ("service", "f4"),  # days
    ]
)
# A referred customer: key, time of entry (days), row in `Output` of the referring customer, acquisition channel (-1 none).
REFERRAL = np.dtype([("key", "u8"), ("time", "f8"), ("parent", "i8"), ("acquisition_channel", "i4"), ("pad", "i4")])
LOG_ROW = np.dtype(
    [
        ("customer", "i8"),
        ("time", "f8"),  # days
        ("value", "f8"),
        ("event", "i2"),  # a TouchCode, or N_TOUCH_CODES + event
        ("stage", "i2"),
        ("channel", "i2"),  # -1 none
        ("message", "i2"),
        ("source", "i2"),  # flow, broadcast, desk or offer; -1: the customer
        ("by_machine", "i2"),  # 1: an open or click by a machine; the firm does not see this
    ]
)


class Output(Frame):
    """Results of the customers of a chunk: outcome rows, referrals and log rows.

    If anything is simulated outside the observation window, the last row of the arrays by customer is a scratch row.
    """

    outcome = array_of(OUTCOME)  # by customer of the chunk
    moments = array_of(_F8, 2)  # (n, n_moments): days; nan not reached
    dwell = array_of(_F4, 2)  # (n, n_stages): days in each stage
    touch_counts = array_of(_U2, 3)  # (n, n_channels, N_CHANNEL_COUNTS): counts by channel and touch
    desks = array_of(DESK_OUTCOME, 2)  # (n, n_desks)
    referrals = array_of(REFERRAL)  # capacity
    n_referrals = array_of(_I8)  # (1,): number of referrals; exceeds the capacity of `referrals` if some did not fit
    log = array_of(LOG_ROW)  # capacity 0: no log
    n_rows = array_of(_I8)  # (1,): number of log rows; exceeds the capacity of `log` if some did not fit


class Population(Frame):
    """The customers of a chunk at entry."""

    key = array_of(_U8)  # (n_customers,): customer keys
    persona = array_of(_I4)  # (n_customers,)
    entered = array_of(_F8)  # (n_customers,): days
    ends = array_of(_F8)  # (n_customers,): days; end of each customer's simulation
    shift = array_of(_F8)  # (n_customers,): days
    traits = array_of(_F8, 2)  # (n_customers, n_columns)
    attributes = array_of(_F8, 2)  # (n_customers, n_attributes): level codes; the last is the acquisition channel if there are any
    number = array_of(_I8)  # (n_customers,): customer numbers in the log
    interest = array_of(_I4)  # (n_customers,): -1 none
    cost = array_of(_F8)  # (n_customers,): acquisition cost, money
    replies = array_of(_I8, 2)  # (n_customers, 2): span of CustomerState.replies

"""What a compiled scenario and a living customer are made of: record arrays and the codes in them.

Lives here: the codes (IntEnum), the record types with their units, `World` (a scenario as numbers, read-only),
`Life` (one customer's state) and `Sink` (what leaves a customer's life). Does not live here: any rule.

Every size (stages, events, flows, ...) is a length of an array and never part of a type, so that one
compilation serves every scenario. Times are float64 days since the scenario's start; "clock time" is days of
activity time for an event with an activity profile, else days.
"""

from enum import IntEnum
from typing import Any, NamedTuple

import numpy as np

Records = np.ndarray[Any, np.dtype[Any]]


class Wait(IntEnum):
    """How a record of `DRAW` turns a uniform into a value."""

    NEVER = 0
    FIXED = 1
    EXPONENTIAL = 2
    WEIBULL = 3
    LOGNORMAL = 4
    TABLE = 5
    STEPS = 6
    UNIFORM = 7


class Effect(IntEnum):
    """What a record of `EFFECT` does."""

    END = 0
    GO = 1
    PURCHASE = 2
    SATISFY = 3
    TAG = 4
    UNTAG = 5
    SCORE = 6
    OPT_OUT = 7
    FIRE = 8
    CHOOSE = 9
    JUMP = 10


class Step(IntEnum):
    """What a record of `STEP` does."""

    STOP = 0
    SEND = 1
    WAIT = 2
    WAIT_FOR = 3
    BRANCH = 4
    SPLIT = 5
    TAG = 6
    UNTAG = 7
    SCORE = 8
    JUMP = 9


class Trigger(IntEnum):
    """What starts an actor (a flow or a broadcast)."""

    EVENT = 0
    STAGE = 1
    INACTIVITY = 2
    SCHEDULE = 3


class Mode(IntEnum):
    """What an actor is doing for this customer."""

    IDLE = 0
    WATCHING = 1  # an inactivity timer runs, or a broadcast's next date
    RUNNING = 2
    AWAITING = 3  # in `wait_for`: an event or the time-out
    DEFERRED = 4  # a send waits for the end of quiet hours


class Happening(IntEnum):
    """Kinds of thing that come due in a life, in the order in which equal times are served."""

    READ = 0
    CLOCK = 1
    ACT = 2
    END = 3


class Verdict(IntEnum):
    """What the guardrails say of one send; from CONSENT on: the reason of a refusal, in the order of evaluation."""

    DELIVER = 0
    DEFER = 1
    CONSENT = 2
    HOLDOUT = 3
    EXIT = 4
    GAP = 5
    CAP = 6


class Touch(IntEnum):
    """Log codes of what happens at touchpoints; a journey event `e` has the code `len(Touch) + e`."""

    DELIVERED = 0
    OPENED = 1
    CLICKED = 2
    UNSUBSCRIBED = 3
    COMPLAINED = 4
    DEFERRED = 5
    SUPPRESSED_CONSENT = 6
    SUPPRESSED_HOLDOUT = 7
    SUPPRESSED_EXIT = 8
    SUPPRESSED_GAP = 9
    SUPPRESSED_CAP = 10
    FLOW_STARTED = 11
    FLOW_EXITED = 12
    OPTED_OUT = 13
    ENTERED = 14


class Op(IntEnum):
    """Condition programs: postfix over a stack of float64 (true is 1, false 0); `arg` is the code of a name."""

    CONST = 0  # pushes x
    STAGE = 1  # 1 if the customer is in stage arg
    VISITED = 2  # times stage arg was entered
    PURCHASES = 3
    REVENUE = 4
    CONTACTS = 5
    OPENS = 6
    CLICKS = 7
    COUNT = 8  # times event arg happened
    SINCE = 9  # days since event arg last happened, inf if never
    SINCE_PURCHASE = 10
    SINCE_CONTACT = 11
    SINCE_ENTRY = 12
    DAYS_IN_STAGE = 13
    TAGGED = 14
    SCORE = 15
    ATTRIBUTE = 16  # level code of attribute arg
    CONSENT = 17  # channel arg
    CHANNEL_CONTACTS = 18
    CHANNEL_OPENS = 19
    CHANNEL_CLICKS = 20
    SINCE_CHANNEL = 21
    SENT = 22  # deliveries of message arg
    OPENED = 23
    CLICKED = 24
    HOUR = 25  # of the day, with fraction
    WEEKDAY = 26  # Monday 0 ... Sunday 6
    DAY = 27  # days since the start, with fraction
    TRAIT = 28  # column arg (journeys only)
    PERSONA = 29  # 1 if the persona is arg (journeys only)
    SATISFACTION = 30  # (journeys only)
    PRESSURE = 31  # (journeys only)
    NOT = 40
    NEGATE = 41
    AND = 42
    OR = 43
    EQ = 44
    NE = 45
    LT = 46
    LE = 47
    GT = 48
    GE = 49
    ADD = 50
    SUBTRACT = 51
    MULTIPLY = 52
    DIVIDE = 53
    END = 99


STACK = 32  # deepest stack of a program; the parser refuses deeper ones
TOUCHES = len(Touch)
FIRST_REFUSAL = int(Touch.SUPPRESSED_CONSENT) - int(Verdict.CONSENT)  # verdict + this = log code
RETENTION_DAYS = (30.0, 90.0, 180.0, 365.0)
UNOBSERVED = 2  # in the `retained` columns: not converted, or not observed that long

# A distribution: value = scale * q(u). `a` is its shape (Weibull: 1/shape; lognormal: sigma; uniform: width,
# with `scale` the low end), `table` the first index of its knots in `World.knots`, `size` their number.
DRAW = np.dtype([("kind", "i4"), ("table", "i4"), ("size", "i4"), ("pad", "i4"), ("scale", "f8"), ("a", "f8")])

SETTING = np.dtype(
    [
        ("horizon", "f8"),  # days
        ("discount", "f8"),  # log(1 + r) / 365, per day
        ("satisfaction_tau", "f8"),  # days; inf: never returns
        ("pressure_tau", "f8"),  # days
        ("midnight", "f8"),  # hour of the week at which day 0 begins (Monday 00:00 is 0)
        ("exit_program", "i4"),  # guardrail `exit`; -1 none
        ("conversion_event", "i4"),  # -1: the first purchase
        ("log_hidden", "i4"),
        ("clock_shift", "i4"),  # trait column with the customer's shift in hours; -1 none
    ]
)
STAGE = np.dtype([("first", "i4"), ("count", "i4"), ("retained", "i4"), ("seen", "i4")])  # span of stage_events; seen: -1 hidden
EVENT = np.dtype(
    [
        ("wait", DRAW),  # days of clock time at speed 1
        ("tau", "f8"),  # half_life / ln 2, clock time
        ("satisfaction", "f8"),  # w of exp(w (s - 0.5))
        ("profile", "i4"),  # -1 none
        ("when", "i4"),  # program; -1 none
        ("effects", "i4"),  # first effect; -1 none
        ("anywhere", "i4"),
        ("hidden", "i4"),  # not in the firm's log
        ("factor_first", "i4"),  # span of World.factors: trait columns that multiply the speed
        ("factor_count", "i4"),
        ("trigger_first", "i4"),  # span of World.links: actors that this event triggers
        ("trigger_count", "i4"),
        ("exit_first", "i4"),  # span of World.links: flows that this event ends
        ("exit_count", "i4"),
        ("watch_first", "i4"),  # span of World.links: actors whose inactivity this event resets
        ("watch_count", "i4"),
        ("stream_wait", "u8"),
        ("stream_choose", "u8"),
        ("stream_value", "u8"),
    ]
)
# An effect: op and what it is about. CHOOSE: `count` branches follow, each a record with op JUMP whose `target`
# is its first effect, `column` the trait column of its weight (-1: `x` is the weight) and `y` its odds.
EFFECT = np.dtype(
    [
        ("op", "i4"),
        ("target", "i4"),  # stage, tag, score, channel (-1: all), event, effect
        ("count", "i4"),  # CHOOSE: branches; PURCHASE: factors
        ("column", "i4"),  # JUMP: trait column; PURCHASE: first factor
        ("next", "i4"),  # next effect, -1 the end
        ("slot", "i4"),  # PURCHASE, CHOOSE: index in Life.counts of how often it was decided
        ("x", "f8"),  # gain, score, weight, margin share
        ("y", "f8"),  # CHOOSE branch: odds per unit of satisfaction - 0.5
        ("value", DRAW),  # PURCHASE: money
        ("stream", "u8"),
    ]
)
CHANNEL = np.dtype(
    [
        ("open_delay", DRAW),  # days of activity time
        ("click_delay", DRAW),
        ("profile", "i4"),
        ("affinity_column", "i4"),  # trait column added to the logit of opening; -1 none
        ("lifetime", "f8"),  # days; inf
        ("survival", "f8"),  # E[exp(-delay/lifetime)] at a flat profile
        ("fatigue", "f8"),  # logit of opening per unit of pressure
        ("annoyance", "f8"),  # logit of unsubscribing and complaining per unit of pressure
        ("satisfaction", "f8"),  # logit of opening (and minus that of unsubscribing) per unit of s - 0.5
        ("weight", "f8"),  # contact pressure that one delivery adds
        ("delivery_gain", "f8"),  # satisfaction gain of one delivery (negative: a nuisance)
        ("stream_consent", "u8"),
    ]
)
MESSAGE = np.dtype(
    [
        ("channel", "i4"),
        ("on_delivered", "i4"),  # first effect; -1 none
        ("on_opened", "i4"),
        ("on_clicked", "i4"),
        ("lift_first", "i4", (3,)),  # spans of World.lifts, at delivered, opened, clicked
        ("lift_count", "i4", (3,)),
        ("open_logit", "f8"),  # of open_rate / survival
        ("click_logit", "f8"),
        ("unsubscribe_logit", "f8"),
        ("complaint_logit", "f8"),
        ("cost", "f8"),  # money a delivery
    ]
)
LIFT = np.dtype([("event", "i4"), ("pad", "i4"), ("gain", "f8")])
# A site is one (actor, message) pair: the streams of its draws, so that no other message moves them.
SITE = np.dtype(
    [
        ("message", "i4"),
        ("actor", "i4"),
        ("stream_read", "u8"),
        ("stream_delay", "u8"),
        ("stream_click", "u8"),
        ("stream_click_delay", "u8"),
        ("stream_unsubscribe", "u8"),
        ("stream_complain", "u8"),
    ]
)
# Actors are flows and broadcasts by falling priority (then flows first, then as declared): the order in which equal times act.
ACTOR = np.dtype(
    [
        ("trigger", "i4"),
        ("first_step", "i4"),
        ("program", "i4"),  # `if`; -1 none
        ("source", "i4"),  # log code of its name
        ("schedule_first", "i4"),  # span of World.schedule
        ("schedule_count", "i4"),
        ("inactivity", "f8"),  # days
        ("watch_entry", "i4"),  # inactivity counts from entry as well
        ("pad", "i4"),
        ("again_after", "f8"),  # days since the last start; inf: once
        ("holdout", "f8"),  # share
        ("stream_holdout", "u8"),
    ]
)
STEP = np.dtype(
    [
        ("op", "i4"),
        ("target", "i4"),  # site, event, tag, score, step
        ("next", "i4"),  # next step, -1 the end
        ("other", "i4"),  # BRANCH: if not; WAIT_FOR: on time-out; SPLIT: first record of World.shares
        ("count", "i4"),  # SPLIT: number of shares
        ("program", "i4"),
        ("slot", "i4"),  # SPLIT, SEND: index in Life.counts
        ("pad", "i4"),
        ("x", "f8"),  # days, score
        ("stream", "u8"),
    ]
)
SHARE = np.dtype([("upto", "f8"), ("step", "i4"), ("pad", "i4")])  # cumulative share, first step
QUIET = np.dtype([("channels", "u8"), ("start", "f8"), ("end", "f8")])  # hours of the day; start > end wraps midnight
GAP = np.dtype([("channels", "u8"), ("days", "f8")])
CAP = np.dtype([("channels", "u8"), ("days", "f8"), ("at_most", "i4"), ("ring", "i4")])  # ring: first index in Life.rings
SCORE = np.dtype([("tau", "f8")])
PERSONA = np.dtype([("stage", "i4"), ("pad", "i4"), ("rest", "f8")])  # first stage; resting satisfaction
# An activity profile: `count` hourly knots from `first` in World.activity, the first at day `begin`; `guide`, `guides`
# a span of World.guide: for each hour of activity time, the knot at or before it.
PROFILE = np.dtype([("first", "i4"), ("count", "i4"), ("guide", "i4"), ("guides", "i4"), ("begin", "f8")])
MOMENT = np.dtype([("event", "i4"), ("nth", "i4")])
CODE = np.dtype([("op", "i4"), ("arg", "i4"), ("x", "f8")])  # conditions: see conditions.py


class World(NamedTuple):
    """A scenario as numbers: read-only, shared by all threads. Shapes vary, types do not."""

    setting: Records  # SETTING, 1
    stages: Records  # STAGE
    stage_events: Records  # i4: events by stage
    events: Records  # EVENT
    effects: Records  # EFFECT
    factors: Records  # i4: trait columns
    links: Records  # i4: actors
    stage_links: Records  # i4, (n_stages, 2): span of `links` that entering the stage triggers
    any_watch: Records  # i4: actors whose inactivity any journey event, opening or click resets
    channels: Records  # CHANNEL
    messages: Records  # MESSAGE
    lifts: Records  # LIFT
    sites: Records  # SITE
    actors: Records  # ACTOR
    steps: Records  # STEP
    shares: Records  # SHARE
    schedule: Records  # f8: days
    quiet: Records  # QUIET
    gaps: Records  # GAP
    caps: Records  # CAP
    scores: Records  # SCORE
    personas: Records  # PERSONA
    persona_speed: Records  # f8, (n_personas, n_events)
    persona_response: Records  # f8, (n_personas, n_events): factor on lifts
    persona_contact: Records  # f8, (n_personas, n_events): lift that any delivery adds
    persona_affinity: Records  # f8, (n_personas, n_channels)
    persona_consent: Records  # f8, (n_personas, n_channels): probability
    moments: Records  # MOMENT; 0 is the conversion
    when_events: Records  # i4: events that have a `when`
    mood_events: Records  # i4: events whose speed depends on satisfaction
    profiles: Records  # PROFILE
    activity: Records  # f8: activity time at hourly knots
    guide: Records  # i4
    codes: Records  # CODE: condition programs, one after another
    knots: Records  # f8: tabulated inverses


CUSTOMER = np.dtype(
    [
        ("seed", "u8"),
        ("key", "u8"),
        ("index", "i8"),
        ("now", "f8"),  # days
        ("entered", "f8"),  # days
        ("stage_since", "f8"),
        ("satisfaction", "f8"),
        ("satisfaction_at", "f8"),
        ("pressure", "f8"),
        ("pressure_at", "f8"),
        ("rest", "f8"),
        ("shift", "f8"),  # days
        ("last_purchase", "f8"),
        ("last_contact", "f8"),
        ("last_seen", "f8"),  # last journey event, opening or click
        ("revenue", "f8"),
        ("persona", "i4"),
        ("stage", "i4"),
        ("reads", "i4"),  # pending reads
        ("fired", "i4"),  # queued events
        ("dirty", "i4"),  # 1: a `when` may have changed
        ("full", "i4"),  # 1: scratch space ran out, replay with more
        ("purchases", "i4"),
        ("contacts", "i4"),
        ("opens", "i4"),
        ("clicks", "i4"),
    ]
)
CLOCK = np.dtype(
    [
        ("base", "f8"),  # persona's factor times traits
        ("speed", "f8"),  # m: base times mood
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
RUN = np.dtype(
    [
        ("mode", "i4"),
        ("step", "i4"),
        ("awaits", "i4"),  # event; -1 none
        ("starts", "i4"),
        ("date", "i4"),  # SCHEDULE: the next occurrence
        ("spent", "i4"),  # INACTIVITY: 1 when this spell has triggered
        ("started", "f8"),  # last start; -inf never
        ("seen", "f8"),  # INACTIVITY: last reset; -inf never
    ]
)
READ = np.dtype([("due", "f8"), ("site", "i4"), ("index", "i4"), ("what", "i4"), ("pad", "i4")])  # what: bits 1 open, 2 unsubscribe, 4 complain, 8 click
REACH = np.dtype([("consent", "i4"), ("contacts", "i4"), ("opens", "i4"), ("clicks", "i4"), ("last", "f8"), ("affinity", "f8")])
MESSAGES = np.dtype([("sent", "i4"), ("opened", "i4"), ("clicked", "i4"), ("pad", "i4")])
MARK = np.dtype([("value", "f8"), ("at", "f8")])  # score and when it was so


class Life(NamedTuple):
    """One customer's state, and scratch space: written by the rules, reused for the next customer of the thread."""

    customer: Records  # CUSTOMER, 1
    clocks: Records  # CLOCK, by event
    due: Records  # f8: days, by event
    runs: Records  # RUN, by actor
    act_due: Records  # f8: days, by actor
    reads: Records  # READ, capacity
    reach: Records  # REACH, by channel
    messages: Records  # MESSAGES, by message
    tags: Records  # i4, by tag: 1 tagged
    scores: Records  # MARK, by score
    rings: Records  # f8: days, spans of World.caps
    ring_at: Records  # i4, by cap: next slot
    counts: Records  # i4: ordinals of what was decided (sends of a site, splits, choices, purchases)
    fired: Records  # i4, capacity
    stack: Records  # f8: condition stack
    traits: Records  # f8, by trait column
    attributes: Records  # f8, by attribute: level code
    visits: Records  # i4, by stage: times entered


OUTCOME = np.dtype(
    [
        ("entered", "f8"),  # days; beyond the horizon: never entered
        ("revenue", "f8"),
        ("margin", "f8"),
        ("cost", "f8"),
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
        ("events", "i4"),  # log rows
        ("persona", "i2"),
        ("stage", "i2"),  # at the horizon
        ("retained", "i1", (4,)),  # at RETENTION_DAYS after conversion: 0, 1, UNOBSERVED
    ]
)
ROW = np.dtype(
    [
        ("customer", "i8"),
        ("time", "f8"),  # days
        ("value", "f8"),
        ("event", "i2"),  # Touch, or TOUCHES + event
        ("stage", "i2"),
        ("channel", "i2"),  # -1 none
        ("message", "i2"),
        ("source", "i2"),  # the flow or broadcast; -1 the customer
        ("pad", "i2"),
    ]
)


class Sink(NamedTuple):
    """What leaves a life: this customer's outcome row and the log rows of the chunk."""

    outcome: Records  # OUTCOME, by customer of the chunk
    moments: Records  # f8 (n, n_moments): days; nan not reached
    dwell: Records  # f4 (n, n_stages): days in each stage
    reach: Records  # u2 (n, n_channels, Touch.SUPPRESSED_CAP + 1): counts by channel and touch
    log: Records  # ROW, capacity 0: no log
    written: Records  # i8, 1: rows in `log`; beyond its capacity: full

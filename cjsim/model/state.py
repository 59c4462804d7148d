"""What a compiled scenario and a living customer are made of: record arrays.

Lives here: the record types with their units, `World` (a scenario as numbers, read-only), `Population` (customers to come), `Life`
(one customer's state) and `Sink` (what leaves a customer's life). Does not live here: the codes in them (codes.py), any rule.

Every size (stages, events, flows, ...) is a length of an array and never part of a type, so that one
compilation serves every scenario. Times are float64 days since the scenario's start; "clock time" is days of
activity time for an event with an activity profile, else days.
"""

from typing import Any, ClassVar

import numpy as np

from cjsim.frame import Frame

Records = np.ndarray[Any, np.dtype[Any]]


# A distribution: value = scale * q(u). `a` is its shape (Weibull: 1/shape; lognormal: sigma; uniform: width,
# with `scale` the low end), `table` the first index of its knots in `World.knots`, `length` their number.
DRAW = np.dtype([("kind", "i4"), ("table", "i4"), ("length", "i4"), ("pad", "i4"), ("scale", "f8"), ("a", "f8")])

SETTING = np.dtype(
    [
        ("horizon", "f8"),  # days
        ("discount", "f8"),  # log(1 + r) / 365, per day
        ("satisfaction_tau", "f8"),  # days; inf: never returns
        ("pressure_tau", "f8"),  # days
        ("midnight", "f8"),  # hour of the week at which day 0 begins (Monday 00:00 is 0)
        ("exit_program", "i4"),  # guardrail `exit`; -1 none
        ("when_causes", "i4"),  # bits of Cause on which some `when` depends
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
        ("cause", "i4"),  # Cause.EVENT if some `when` counts it
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
        ("stream_read", "u8"),  # a pair: opening; unsubscribing or complaining
        ("stream_delay", "u8"),  # a pair: the delay; surviving it
        ("stream_click", "u8"),
        ("stream_click_delay", "u8"),
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


_I4, _I8, _U2, _F4, _F8 = (np.dtype(code) for code in ("i4", "i8", "u2", "f4", "f8"))


class World(Frame):
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
    contact_events: Records  # i4: events that any contact lifts for some persona
    when_events: Records  # i4: events that have a `when`
    mood_events: Records  # i4: events whose speed depends on satisfaction
    profiles: Records  # PROFILE
    activity: Records  # f8: activity time at hourly knots
    guide: Records  # i4
    codes: Records  # CODE: condition programs, one after another
    knots: Records  # f8: tabulated inverses
    SPEC: ClassVar[dict[str, tuple[np.dtype[Any], int]]] = {
        "setting": (SETTING, 1),
        "stages": (STAGE, 1),
        "stage_events": (_I4, 1),
        "events": (EVENT, 1),
        "effects": (EFFECT, 1),
        "factors": (_I4, 1),
        "links": (_I4, 1),
        "stage_links": (_I4, 2),
        "any_watch": (_I4, 1),
        "channels": (CHANNEL, 1),
        "messages": (MESSAGE, 1),
        "lifts": (LIFT, 1),
        "sites": (SITE, 1),
        "actors": (ACTOR, 1),
        "steps": (STEP, 1),
        "shares": (SHARE, 1),
        "schedule": (_F8, 1),
        "quiet": (QUIET, 1),
        "gaps": (GAP, 1),
        "caps": (CAP, 1),
        "scores": (SCORE, 1),
        "personas": (PERSONA, 1),
        "persona_speed": (_F8, 2),
        "persona_response": (_F8, 2),
        "persona_contact": (_F8, 2),
        "persona_affinity": (_F8, 2),
        "persona_consent": (_F8, 2),
        "moments": (MOMENT, 1),
        "contact_events": (_I4, 1),
        "when_events": (_I4, 1),
        "mood_events": (_I4, 1),
        "profiles": (PROFILE, 1),
        "activity": (_F8, 1),
        "guide": (_I4, 1),
        "codes": (CODE, 1),
        "knots": (_F8, 1),
    }


CUSTOMER = np.dtype(
    [
        ("seed", "u8"),
        ("key", "u8"),
        ("index", "i8"),  # number of the customer, as logged
        ("row", "i8"),  # its row in the sink
        ("now", "f8"),  # days
        ("entered", "f8"),  # days
        ("stage_since", "f8"),
        ("satisfaction", "f8"),
        ("satisfaction_at", "f8"),
        ("felt", "f8"),  # satisfaction that running clocks follow
        ("pressure", "f8"),
        ("pressure_at", "f8"),
        ("rest", "f8"),
        ("shift", "f8"),  # days
        ("last_purchase", "f8"),
        ("last_contact", "f8"),
        ("last_seen", "f8"),  # last journey event, opening or click
        ("revenue", "f8"),
        ("spent", "f8"),  # money in the event under way
        ("persona", "i4"),
        ("stage", "i4"),
        ("shown", "i4"),  # the last observed stage
        ("mark", "i4"),  # next of RETENTION_DAYS
        ("reads", "i4"),  # pending reads
        ("fired", "i4"),  # queue of what is to be settled now
        ("dirty", "i4"),  # bits of Cause: what has changed since permissions were refreshed
        ("full", "i4"),  # 1: scratch space ran out, replay with more
        ("purchases", "i4"),
        ("contacts", "i4"),
        ("opens", "i4"),
        ("clicks", "i4"),
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
RUN = np.dtype(
    [
        ("mode", "i4"),
        ("step", "i4"),
        ("awaits", "i4"),  # event; -1 none
        ("starts", "i4"),
        ("date", "i4"),  # SCHEDULE: the next occurrence
        ("pad", "i4"),
        ("started", "f8"),  # last start; -inf never
        ("seen", "f8"),  # INACTIVITY: last reset; -inf never
    ]
)
READ = np.dtype([("due", "f8"), ("site", "i4"), ("index", "i4"), ("what", "i4"), ("pad", "i4")])  # what: bits 1 open, 2 unsubscribe, 4 complain, 8 click
REACH = np.dtype([("consent", "i4"), ("contacts", "i4"), ("opens", "i4"), ("clicks", "i4"), ("last", "f8"), ("affinity", "f8")])
MESSAGES = np.dtype([("sent", "i4"), ("opened", "i4"), ("clicked", "i4"), ("pad", "i4")])
MARK = np.dtype([("value", "f8"), ("at", "f8")])  # score and when it was so


class Life(Frame):
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
    SPEC: ClassVar[dict[str, tuple[np.dtype[Any], int]]] = {
        "customer": (CUSTOMER, 1),
        "clocks": (CLOCK, 1),
        "due": (_F8, 1),
        "runs": (RUN, 1),
        "act_due": (_F8, 1),
        "reads": (READ, 1),
        "reach": (REACH, 1),
        "messages": (MESSAGES, 1),
        "tags": (_I4, 1),
        "scores": (MARK, 1),
        "rings": (_F8, 1),
        "ring_at": (_I4, 1),
        "counts": (_I4, 1),
        "fired": (_I4, 1),
        "stack": (_F8, 1),
        "traits": (_F8, 1),
        "attributes": (_F8, 1),
        "visits": (_I4, 1),
    }


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


class Sink(Frame):
    """What leaves a life: this customer's outcome row and the log rows of the chunk."""

    outcome: Records  # OUTCOME, by customer of the chunk
    moments: Records  # f8 (n, n_moments): days; nan not reached
    dwell: Records  # f4 (n, n_stages): days in each stage
    reach: Records  # u2 (n, n_channels, Touch.SUPPRESSED_CAP + 1): counts by channel and touch
    log: Records  # ROW, capacity 0: no log
    written: Records  # i8, 1: rows in `log`; beyond its capacity: full
    SPEC: ClassVar[dict[str, tuple[np.dtype[Any], int]]] = {
        "outcome": (OUTCOME, 1),
        "moments": (_F8, 2),
        "dwell": (_F4, 2),
        "reach": (_U2, 3),
        "log": (ROW, 1),
        "written": (_I8, 1),
    }


class Population(Frame):
    """The customers of a chunk, before anything has happened to them."""

    key: Records  # u8, (n_customers,): customer keys
    persona: Records  # i4, (n_customers,)
    entered: Records  # f8, (n_customers,): days
    shift: Records  # f8, (n_customers,): days
    traits: Records  # f8, (n_customers, n_columns)
    attributes: Records  # f8, (n_customers, n_attributes): level codes
    SPEC: ClassVar[dict[str, tuple[np.dtype[Any], int]]] = {
        "key": (np.dtype("u8"), 1),
        "persona": (_I4, 1),
        "entered": (_F8, 1),
        "shift": (_F8, 1),
        "traits": (_F8, 2),
        "attributes": (_F8, 2),
    }

"""A compiled scenario as record arrays, read-only and shared by all threads: the record types with their units, and `World`.

Every size (stages, events, flows, ...) is the length of an array and never part of a type, so that one compilation serves every scenario.
Times are float64 days since the scenario's start; "clock time" is days of activity time for an event with an activity profile, else days.
"""

import numpy as np

from cjsim.frame import Array as Array
from cjsim.frame import Frame, array_of

# A distribution: value = scale * q(u). `kind` is a DistributionCode; `a` is the shape (Weibull: 1/shape; lognormal: sigma; uniform: width,
# with `scale` the low end), `table` the first index of its knots in `World.knots`, `length` their number. CALENDAR: `table`, `length` and
# `stride` give its occurrences in `World.schedule`, as for an actor.
DISTRIBUTION = np.dtype([("kind", "i4"), ("table", "i4"), ("length", "i4"), ("stride", "i4"), ("scale", "f8"), ("a", "f8")])

SETTING = np.dtype(
    [
        ("begins", "f8"),  # days: beginning of the simulation; 0 or, with customers who exist before day 0, negative
        ("horizon", "f8"),  # days: end of the observation window, in which everything counts
        ("ends", "f8"),  # days: end of the simulation; between the horizon and this time, only CLV counts
        ("discount", "f8"),  # log(1 + r) / 365, per day
        ("satisfaction_tau", "f8"),  # days; inf: never returns
        ("pressure_tau", "f8"),  # days
        ("midnight", "f8"),  # hour of the week at which day 0 begins (Monday 00:00 is 0)
        ("exit_program", "i4"),  # guardrail `exit`; -1 none
        ("when_changes", "i4"),  # ChangeFlag bits on which any `when` depends
        ("preferred_column", "i4"),  # trait column of the preferred number of contacts per week; -1 none
        ("interests", "i4"),  # number of topics
        ("learning", "i4"),  # 1: a flow waits for the best hour, learned from the customer's activity
        ("zone_attribute", "i4"),  # attribute whose level states the customer's time zone; -1 none
        ("limits_defer", "i4"),  # 1: a gap, cap or budget makes sends wait
        ("pad", "i4"),
        ("holdout", "f8"),  # share of the global holdout
        ("stream_holdout", "u8"),
    ]
)
STAGE = np.dtype(
    [("first", "i4"), ("count", "i4"), ("retained", "i4"), ("observed_as", "i4")]
)  # span of stage_events; observed_as: the code of the stage, -1 if it is hidden
EVENT = np.dtype(
    [
        ("wait", DISTRIBUTION),  # days of clock time at speed 1
        ("tau", "f8"),  # half_life / ln 2, clock time
        ("satisfaction", "f8"),  # w of exp(w (s - 0.5))
        ("profile", "i4"),  # -1 none
        ("when", "i4"),  # program; -1 none
        ("effects", "i4"),  # first effect; -1 none
        ("anywhere", "i4"),
        ("hidden", "i4"),  # not in the firm's log
        ("records_hour", "i4"),  # 1: the firm counts its hour as an hour of activity
        ("pull_channels", "u8"),  # set of pull channels that it shows
        ("change", "i4"),  # ChangeFlag.EVENT if any `when` counts it
        ("restart", "i4"),  # RestartFlag bits
        ("factor_first", "i4"),  # span of World.factors: trait columns that multiply the speed
        ("factor_count", "i4"),
        ("trigger_first", "i4"),  # span of World.links: actors that this event triggers
        ("trigger_count", "i4"),
        ("exit_first", "i4"),  # span of World.links: flows that exit on this event
        ("exit_count", "i4"),
        ("watch_first", "i4"),  # span of World.links: actors whose inactivity timer this event resets
        ("watch_count", "i4"),
        ("stream_wait", "u8"),
    ]
)
# An effect: `op` is an EffectCode. CHOOSE: `count` branches follow, each a record with op JUMP whose `target` is its first effect,
# `column` the trait column of its weight (-1: `x` is the weight) and `y` its slope.
EFFECT_RECORD = np.dtype(
    [
        ("op", "i4"),
        ("target", "i4"),  # stage, tag, score, channel (-1: all), event, effect, offer, desk, branch; REFER: acquisition channel, -1 none
        ("count", "i4"),  # CHOOSE: branches; PURCHASE: factors; REFER: invitations
        ("column", "i4"),  # JUMP: trait column; PURCHASE: first factor
        ("next", "i4"),  # next effect, -1 the end
        ("slot", "i4"),  # PURCHASE, CHOOSE, REFER: index in CustomerState.decision_counts; CHOOSE branch: code of the branch, -1 no name
        ("x", "f8"),  # gain, score, sway, weight, margin share, ASK: priority, REFER: probability of joining
        ("y", "f8"),  # CHOOSE branch: log-odds per unit of satisfaction - 0.5
        ("value", DISTRIBUTION),  # PURCHASE: money; REFER: days until the friend joins
        ("stream", "u8"),  # REFER: two draws, whether the friend joins and the delay
    ]
)
CHANNEL = np.dtype(
    [
        ("open_delay", DISTRIBUTION),  # days of activity time
        ("click_delay", DISTRIBUTION),
        ("kind", "i4"),  # a ChannelKind
        ("desk", "i4"),  # HUMAN: the desk; -1 none
        ("click_cost", "f8"),  # money per click
        ("profile", "i4"),
        ("affinity_column", "i4"),  # trait column added to the log-odds of opening; -1 none
        ("lifetime", "f8"),  # days; inf: unlimited
        ("fatigue", "f8"),  # log-odds of opening per unit of pressure
        ("annoyance", "f8"),  # log-odds of unsubscribing and complaining per unit of pressure
        ("satisfaction", "f8"),  # log-odds of opening (and minus that of unsubscribing) per unit of s - 0.5
        ("weight", "f8"),  # contact pressure that one delivery adds
        ("delivery_gain", "f8"),  # satisfaction gain of one delivery; may be negative
        ("stream_consent", "u8"),
        ("machine_opens", "f8"),  # share of customers whose mail client opens each message
        ("machine_open_delay", DISTRIBUTION),  # days
        ("bot_clicks", "f8"),  # share of customers whose mail server opens each message and clicks
        ("stream_machine_opens", "u8"),
        ("stream_bot_clicks", "u8"),
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
        ("open_logit", "f8"),  # logit of open_rate / survival
        ("click_logit", "f8"),
        ("unsubscribe_logit", "f8"),
        ("complaint_logit", "f8"),
        ("cost", "f8"),  # money per delivery; PAID: per open
        ("topic", "i4"),  # an interest; -1 none, PERSONAL_TOPIC
        ("transactional", "i4"),  # 1: guardrails for marketing neither apply to it nor count it
        ("relevance", "f8"),  # log-odds of opening if the topic is the customer's interest
        ("ignores_consent", "i4"),  # 1: also sent to customers who opted out
        ("arrives", "i4"),  # 1: always reaches the inbox; 0: may bounce, or land in the spam folder
        # Cumulative probabilities:
        ("hard_bounce", "f8"),
        ("bounce", "f8"),
        ("unseen", "f8"),  # bounces, or lands in the spam folder
    ]
)
LIFT = np.dtype([("event", "i4"), ("pad", "i4"), ("gain", "f8")])
# A site is one (actor, message) pair. It has its own random streams, so other messages do not affect its draws.
SITE = np.dtype(
    [
        ("message", "i4"),
        ("actor", "i4"),
        ("stream_read", "u8"),  # two draws: opening; unsubscribing or complaining
        ("stream_delay", "u8"),  # two draws: the delay; whether the message is still relevant after it
        ("stream_click", "u8"),
        ("stream_click_delay", "u8"),
        ("stream_transit", "u8"),  # whether the message bounces or lands in the spam folder
        ("stream_machine", "u8"),  # when a machine opens the message
        ("stream_match", "u8"),  # two draws: whether a personal topic matches the interest; unused
    ]
)
# Actors are flows and broadcasts by descending priority (then flows first, then as declared), the order in which they act if due together.
ACTOR = np.dtype(
    [
        ("trigger", "i4"),  # a TriggerCode
        ("first_step", "i4"),
        ("program", "i4"),  # `if`; -1 none
        ("source", "i4"),  # log code of its name
        ("schedule_first", "i4"),  # span of World.schedule, in the firm's time zone
        ("schedule_count", "i4"),
        ("schedule_stride", "i4"),  # from one time zone to the next; 0: the same times for all customers
        ("pad", "i4"),
        ("inactivity", "f8"),  # days
        ("watch_entry", "i4"),  # inactivity counts from entry as well
        ("is_flow", "i4"),  # 1: a flow; 0: a broadcast
        ("ignores_holdout", "i4"),  # 1: also acts on customers in the global holdout
        ("draws_on_budget", "i4"),  # 1: one of its sends counts toward a budget
        ("score", "i4"),  # SCORE_ABOVE, SCORE_BELOW
        ("unopened", "i4"),  # UNOPENED: number of messages
        ("channels", "u8"),  # UNOPENED: set of channels
        ("threshold", "f8"),  # SCORE_ABOVE, SCORE_BELOW
        ("again_after", "f8"),  # days since the last start; inf: once
        ("holdout", "f8"),  # share
        ("stream_holdout", "u8"),
        ("dates_before", "i4"),  # broadcasts: number of dates before day 0
        ("absent", "i4"),  # 1: belongs to the other of two policies, the past or the present one
        ("predecessor", "i4"),  # the actor of the same name in the past policy, if that differs; -1 none
    ]
)
STEP_RECORD = np.dtype(
    [
        ("op", "i4"),
        ("target", "i4"),  # site, event, tag, score, step, offer, desk; SPLIT: moment of the exposure, 0 none; UNTIL: 1 the best hour
        ("next", "i4"),  # next step, -1 the end
        ("other", "i4"),  # BRANCH: if not; WAIT_FOR: on timeout; SPLIT: first record of World.shares; UNTIL: learn_from
        ("count", "i4"),  # SPLIT: number of shares; UNTIL: bits of weekdays, Monday the lowest
        ("program", "i4"),
        ("slot", "i4"),  # SPLIT, SEND: index in CustomerState.decision_counts
        ("by_customer", "i4"),  # UNTIL: 1 in the customer's time, 0 in the firm's
        ("x", "f8"),  # days, score, ASK: priority, UNTIL: hours
        ("typical", "f8"),  # UNTIL: hour at which customers are active on average
        ("since", "f8"),  # WAIT_FOR: days before the step that count; 0 none, inf: since the flow's start
        ("stream", "u8"),
    ]
)
SPLIT_SHARE = np.dtype([("cumulative", "f8"), ("step", "i4"), ("pad", "i4")])  # cumulative share; first step
# start, end: hours of the day; start > end wraps midnight. by_customer: 1 in the customer's time, 0 in the firm's.
QUIET_HOURS = np.dtype([("channels", "u8"), ("start", "f8"), ("end", "f8"), ("by_customer", "i4"), ("pad", "i4")])
# From midnight of day `begin` to midnight of day `end`, in local time; refuses: 1 refuses, 0 defers.
BLACKOUT = np.dtype([("channels", "u8"), ("begin", "f8"), ("end", "f8"), ("refuses", "i4"), ("by_customer", "i4")])
# Gaps, caps and budgets: `defers` is 1 if sends wait until the rule allows them, but at most `longest_wait` days (inf: without limit).
_WAITING = [("longest_wait", "f8"), ("defers", "i4"), ("pad", "i4")]
GAP = np.dtype([("channels", "u8"), ("days", "f8"), *_WAITING])
# first: first index in CustomerState.cap_times
CAP = np.dtype([("channels", "u8"), ("days", "f8"), ("at_most", "i4"), ("first", "i4"), *_WAITING])
# first, periods: span of CustomerState.cutoffs, one per period of `days`.
BUDGET = np.dtype([("channels", "u8"), ("days", "f8"), ("at_most", "i8"), ("first", "i4"), ("periods", "i4"), *_WAITING])
OFFER = np.dtype(
    [
        ("discount", "f8"),  # share of the value; 0: an amount
        ("amount", "f8"),  # money
        ("days", "f8"),  # of validity
        ("redeems", "f8"),  # probability of redemption at an eligible purchase
        ("at_least", "f8"),  # money: smallest purchase
        ("stream", "u8"),
        ("uses", "i4"),
        ("slot", "i4"),  # index in CustomerState.decision_counts
        ("announced", "i4"),  # 1: customers know of it only once something announces it
        ("pad", "i4"),
    ]
)
# A factor of the speed of the clock of `event`. Rules for one event are adjacent. `kind` is a SpeedRuleCode.
SPEED_RULE = np.dtype(
    [
        ("kind", "i4"),
        ("event", "i4"),
        ("target", "i4"),  # PRICE: the PURCHASE effect; OFFER_ENDS: the offer; EVENT_DUE: the event
        ("column", "i4"),  # PRICE: trait column of the elasticity; -1: `x`
        ("x", "f8"),  # PRICE: elasticity; OFFER_ENDS, EVENT_DUE: factor of the speed
        ("days", "f8"),  # OFFER_ENDS, EVENT_DUE: how long before the end the factor applies
        ("price", "f8"),  # PRICE: mean value of a purchase before traits, money
        ("relative", "f8"),  # PRICE: the same divided by the reference price
    ]
)
DESK = np.dtype(
    [
        ("service", DISTRIBUTION),  # days
        ("patience", DISTRIBUTION),  # days; NEVER: unlimited
        ("on_in_time", "i4"),  # first effect; -1 none
        ("on_late", "i4"),
        ("on_unanswered", "i4"),
        ("source", "i4"),  # log code of its name
        ("opening_first", "i4"),  # span of World.opening_times
        ("opening_count", "i4"),
        ("cost", "f8"),  # money per day of service
        ("expected", "f8"),  # days that customers expect to wait; inf: waiting does not disappoint them
        ("loss", "f8"),  # decrease in log(satisfaction) for an excess wait as long as `expected`
        ("broken", "f8"),  # factor of the loss beyond the promised wait
        ("promise", "f8"),  # days: promised wait; inf: none
        ("stream_service", "u8"),
        ("stream_patience", "u8"),
    ]
)
PERSONALISATION = np.dtype([("program", "i4"), ("pad", "i4"), ("accuracy", "f8")])
PERSONAL_TOPIC = -2  # MESSAGE.topic: the customer's interest as the firm estimates it
SCORE = np.dtype([("tau", "f8")])
PERSONA = np.dtype([("stage", "i4"), ("pad", "i4"), ("resting_satisfaction", "f8")])  # first stage; resting satisfaction
# An activity profile in a time zone: `count` knots from `first` in World.activity, `per_day` knots a day, the first at day `begin`;
# `guide`, `guides` a span of World.guide: for each 1 / per_day of activity time, the knot at or before it.
PROFILE = np.dtype([("first", "i4"), ("count", "i4"), ("guide", "i4"), ("guides", "i4"), ("begin", "f8"), ("per_day", "f8")])
ZONE = np.dtype([("first", "i4"), ("count", "i4")])  # span of World.offsets
OFFSET = np.dtype([("begin", "f8"), ("days", "f8")])  # local time minus simulation time, from day `begin` on
MOMENT = np.dtype([("event", "i4"), ("nth", "i4")])  # event: -1 a purchase, -2 an exposure to an experiment
CONDITION_CODE = np.dtype([("op", "i4"), ("arg", "i4"), ("x", "f8")])  # op: a ConditionOp
# A targeting rule treats customers whose score exceeds `above`. The score is the sum of weight * link(value) over its terms.
RULE = np.dtype([("above", "f8"), ("first", "i4"), ("count", "i4")])  # span of World.rule_terms
# A term is a linear model, intercept + sum of weight * column, or a sum of trees, (intercept + sum of leaf values) / divisor.
RULE_TERM = np.dtype(
    [
        ("weight", "f8"),
        ("intercept", "f8"),
        ("divisor", "f8"),  # number of trees of a forest, else 1
        ("column_first", "i4"),  # span of World.rule_columns
        ("column_count", "i4"),
        ("tree_first", "i4"),  # span of World.rule_trees; no trees: a linear model
        ("tree_count", "i4"),
        ("is_logistic", "i4"),  # 1: the link is 1 / (1 + exp(-value))
        ("is_single", "i4"),  # 1: columns are rounded to float32
    ]
)
RULE_COLUMN = np.dtype(
    [
        ("feature", "i4"),  # a RuleFeature
        ("arg", "i4"),  # event or attribute
        ("kind", "i4"),  # a RuleColumnCode
        ("level_first", "i4"),  # LEVEL: first index in World.rule_levels, plus the level code
        ("shift", "f8"),
        ("scale", "f8"),
        ("missing", "f8"),
        ("weight", "f8"),  # coefficient of a linear model
    ]
)
# A node sends a customer left if its column is at most `threshold`, or is nan and `missing_left` is 1. A leaf has column -1.
RULE_NODE = np.dtype([("threshold", "f8"), ("value", "f8"), ("column", "i4"), ("left", "i4"), ("right", "i4"), ("missing_left", "i4")])


_I4, _F8 = np.dtype("i4"), np.dtype("f8")


class World(Frame):
    """A compiled scenario: read-only, shared by all threads. Shapes depend on the scenario, types do not."""

    setting = array_of(SETTING)  # (1,)
    stages = array_of(STAGE)
    stage_events = array_of(_I4)  # events, stage by stage
    runs_in = array_of(_I4, 2)  # (n_stages, n_events): 1 if the clock of the event runs in the stage
    may_move = array_of(_I4, 2)  # (n_stages, n_stages): 1 if customers can move from one stage to another
    events = array_of(EVENT)
    effects = array_of(EFFECT_RECORD)
    factors = array_of(_I4)  # trait columns
    links = array_of(_I4)  # actors
    stage_links = array_of(_I4, 2)  # (n_stages, 2): span of `links` that entering the stage triggers
    any_activity_actors = array_of(_I4)  # actors whose inactivity timer is reset by any journey event, open or click
    channels = array_of(CHANNEL)
    messages = array_of(MESSAGE)
    lifts = array_of(LIFT)
    sites = array_of(SITE)
    actors = array_of(ACTOR)
    steps = array_of(STEP_RECORD)
    shares = array_of(SPLIT_SHARE)
    schedule = array_of(_F8)  # days: dates of actors, and occurrences of calendar waits
    opening_times = array_of(_F8)  # days, desk by desk: openings and closings in turn
    blackouts = array_of(BLACKOUT)
    quiet_hours = array_of(QUIET_HOURS)
    gaps = array_of(GAP)
    caps = array_of(CAP)
    budgets = array_of(BUDGET)
    offers = array_of(OFFER)
    speed_rules = array_of(SPEED_RULE)
    branch_events = array_of(_I4)  # event of each named branch of a `choose`
    desks = array_of(DESK)
    personalisation = array_of(PERSONALISATION)
    pull_sites = array_of(_I4)  # sites on pull channels
    score_actors = array_of(_I4)  # actors that start when a score crosses their threshold
    unopened_actors = array_of(_I4)  # actors with the trigger UNOPENED
    scores = array_of(SCORE)
    personas = array_of(PERSONA)
    persona_speed = array_of(_F8, 2)  # (n_personas, n_events)
    persona_response = array_of(_F8, 2)  # (n_personas, n_events): factor on lifts
    persona_contact = array_of(_F8, 2)  # (n_personas, n_events): lift that every delivery adds
    persona_affinity = array_of(_F8, 2)  # (n_personas, n_channels)
    persona_consent = array_of(_F8, 2)  # (n_personas, n_channels): probability
    moments = array_of(MOMENT)  # 0 is the conversion
    contact_events = array_of(_I4)  # events that any contact lifts for at least one persona
    when_events = array_of(_I4)  # events that have a `when`
    satisfaction_events = array_of(_I4)  # events whose speed depends on satisfaction
    profiles = array_of(PROFILE)  # all profiles in the firm's time zone, then in each other zone
    zones = array_of(ZONE)  # the firm's time zone, then those of customers
    offsets = array_of(OFFSET)  # zone by zone; a single one if all local times equal the simulation's time
    level_zones = array_of(_I4)  # by level of the attribute `zone_attribute`: a zone
    activity = array_of(_F8)  # activity time at knots
    guide = array_of(_I4)  # indices of knots in `activity`
    discounts = array_of(_F8)  # discount factor by whole days since entry
    codes = array_of(CONDITION_CODE)  # condition programs, one after another
    rules = array_of(RULE)
    rule_terms = array_of(RULE_TERM)
    rule_columns = array_of(RULE_COLUMN)
    rule_levels = array_of(_F8)  # values of columns of the kind LEVEL, by level code
    rule_trees = array_of(_I4)  # root nodes
    rule_nodes = array_of(RULE_NODE)
    knots = array_of(_F8)  # tabulated quantile functions, one after another

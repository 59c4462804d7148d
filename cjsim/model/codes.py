"""The codes in records and logs, each a member of an IntEnum.

Lives here: codes and the constants of a few elements. Does not live here: the records (world.py, state.py), nor anything that needs
numba, so that a file can be checked quickly.
"""

from enum import IntEnum


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


class Cause(IntEnum):
    """Kinds of change on which a `when` may depend, as bits."""

    EVENT = 1  # counts of events
    STAGE = 2
    TAG = 4
    SCORE = 8
    PURCHASE = 16
    CONSENT = 32
    TOUCH = 64  # deliveries, openings, clicks


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
    DAYS_IN_STAGE = 13  # since the last observed stage was entered
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
    SHOWN = 32  # 1 if the last observed stage is arg (policies, for STAGE)
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

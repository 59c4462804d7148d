"""The codes in records and logs, as IntEnums, and related constants. This module does not need numba."""

from enum import IntEnum


class DistributionCode(IntEnum):
    """How a DISTRIBUTION record turns a uniform into a value."""

    NEVER = 0
    FIXED = 1
    EXPONENTIAL = 2
    WEIBULL = 3
    LOGNORMAL = 4
    TABLE = 5
    STEPS = 6
    UNIFORM = 7
    CALENDAR = 8  # not a distribution: the next of the times in World.schedule


class EffectCode(IntEnum):
    """What an EFFECT_RECORD does."""

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
    OFFER = 11
    ASK = 12
    REFER = 13
    OPT_IN = 14
    SWAY = 15
    ANNOUNCE = 16


class SpeedRuleCode(IntEnum):
    """What a SPEED_RULE depends on."""

    PRICE = 0
    OFFER_ENDS = 1
    EVENT_DUE = 2


class StepCode(IntEnum):
    """What a STEP_RECORD does."""

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
    OFFER = 10
    ASK = 11
    UNTIL = 12


class TriggerCode(IntEnum):
    """What starts an actor (a flow or a broadcast)."""

    EVENT = 0
    STAGE = 1
    INACTIVITY = 2
    SCHEDULE = 3
    SCORE_ABOVE = 4
    SCORE_BELOW = 5
    UNOPENED = 6


class ChannelKind(IntEnum):
    """Kinds of channels."""

    PUSH = 0
    PULL = 1
    PAID = 2
    HUMAN = 3


class FlowMode(IntEnum):
    """What an actor is doing for this customer."""

    IDLE = 0
    WATCHING = 1  # not running; a timer is set to the end of an inactivity period, the next date, or a score's fall to its threshold
    RUNNING = 2
    AWAITING = 3  # in `wait_for`: an event or the timeout
    DEFERRED = 4  # a send waits until the guardrail that defers it ends
    ABSENT = 5  # not part of the policy in force


class BaseFlag(IntEnum):
    """Status of a customer at the start of the observation window, as bits of `base_flags`; 0 for customers who enter later."""

    EXISTING = 1  # entered before day 0
    CONVERTED = 2  # converted before day 0
    RETAINED = 4  # in a retained stage on day 0


class DueKind(IntEnum):
    """Kinds of due items of a customer, in the order in which simultaneous items are handled."""

    RESPONSE = 0
    CLOCK = 1
    ACTOR = 2
    DESK_REPLY = 3  # a desk's reply, or the end of the customer's patience


class SendDecision(IntEnum):
    """The guardrails' decision on one send. From CONSENT on, members are reasons for a refusal, in the order of evaluation."""

    DELIVER = 0
    DEFER = 1
    CONSENT = 2
    BOUNCED = 3  # an earlier message hard-bounced
    HOLDOUT = 4
    EXIT = 5
    BLACKOUT = 6
    GAP = 7
    CAP = 8
    BUDGET = 9


class ReplyCode(IntEnum):
    """How a request to a desk ended."""

    IN_TIME = 0
    LATE = 1
    UNANSWERED = 2


class TouchCode(IntEnum):
    """Log codes of touches. A journey event `e` has the code `len(TouchCode) + e`."""

    DELIVERED = 0
    OPENED = 1
    CLICKED = 2
    UNSUBSCRIBED = 3
    COMPLAINED = 4
    DEFERRED = 5
    SUPPRESSED_CONSENT = 6
    SUPPRESSED_BOUNCED = 7
    SUPPRESSED_HOLDOUT = 8
    SUPPRESSED_EXIT = 9
    SUPPRESSED_BLACKOUT = 10
    SUPPRESSED_GAP = 11
    SUPPRESSED_CAP = 12
    SUPPRESSED_BUDGET = 13
    PLACED = 14  # a message of a pull channel waits for a visit
    OPTED_IN = 15  # consent given by a customer who had not consented
    BOUNCED_SOFT = 16  # soft bounce
    BOUNCED_HARD = 17  # can never be delivered: the address does not exist
    FLOW_STARTED = 18
    FLOW_EXITED = 19
    OPTED_OUT = 20
    ENTERED = 21
    EXPOSED = 22  # to an arm of an experiment; value: number of the arm
    OFFERED = 23
    REDEEMED = 24  # value: discount
    ASKED = 25
    ASKED_AGAIN = 26  # asked while a conversation was open
    ANSWERED_IN_TIME = 27  # value: minutes waited
    ANSWERED_LATE = 28
    UNANSWERED = 29
    REFERRAL = 30  # a friend will join


class HiddenTouch(IntEnum):
    """Touches that the firm does not see, counted by channel after those up to LAST_CHANNEL_TOUCH. They are not in the log."""

    TRUE_OPENED = 18  # by the customer, in the log or not
    TRUE_CLICKED = 19
    SPAM_FOLDER = 20  # delivered to the spam folder


class ChangeFlag(IntEnum):
    """Kinds of change on which a `when` may depend, as bits."""

    EVENT = 1  # counts of events
    STAGE = 2
    TAG = 4
    SCORE = 8
    PURCHASE = 16
    CONSENT = 32
    TOUCH = 64  # deliveries, opens, clicks
    DESK = 128  # requests
    REFERRAL = 256  # friends who will join


class RestartFlag(IntEnum):
    """What restarts a clock that could continue, as bits."""

    MOVE = 1  # a move among the stages of its event
    WHEN = 2  # its `when` begins to hold again


class WhenState(IntEnum):
    """Whether the `when` of a started clock holds."""

    NOT_YET = -1  # it has not held since the start
    CEASED = 0  # it held after the start, and no longer does
    HOLDS = 1


class ConditionOp(IntEnum):
    """Condition programs: postfix over a stack of float64 (true is 1, false 0); `arg` is the code of a name."""

    CONST = 0  # pushes x
    STAGE = 1  # 1 if the customer is in stage arg
    VISITED = 2  # number of times stage `arg` was entered
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
    CONSENT = 17  # 1 if the customer consents to channel arg
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
    TRAIT = 28  # trait column arg (journeys only)
    PERSONA = 29  # 1 if the persona is arg (journeys only)
    SATISFACTION = 30  # (journeys only)
    PRESSURE = 31  # (journeys only)
    OBSERVED_STAGE = 32  # 1 if the last observed stage is arg (policies, for STAGE)
    HAS_OFFER = 33  # 1 if offer arg is valid and not used up
    REDEEMED = 34  # times offer arg was redeemed
    UNOPENED = 35  # deliveries since the last open
    CHANNEL_UNOPENED = 36
    ASKS = 37  # requests to desk arg
    HELD_OUT = 38  # 1 if in the policy's global holdout
    REFERRALS = 39  # friends who joined or will join
    INTEREST = 40  # 1 if the interest is arg (journeys only)
    RULE = 41  # 1 if targeting rule arg treats the customer (policies only)
    GAIN = 42  # predicted gain of targeting rule arg (policies only)
    TRUE_OPENS = 43  # by the customer, for OPENS to CHANNEL_UNOPENED (journeys only)
    TRUE_CLICKS = 44
    TRUE_UNOPENED = 45
    TRUE_CHANNEL_OPENS = 46
    TRUE_CHANNEL_CLICKS = 47
    TRUE_CHANNEL_UNOPENED = 48
    TRUE_OPENED = 49
    TRUE_CLICKED = 50
    NOT = 60
    NEGATE = 61
    AND = 62
    OR = 63
    EQ = 64
    NE = 65
    LT = 66
    LE = 67
    GT = 68
    GE = 69
    ADD = 70
    SUBTRACT = 71
    MULTIPLY = 72
    DIVIDE = 73
    END = 99


class RuleFeature(IntEnum):
    """Features of targeting rules: what the firm knows about a customer at a decision, from its log; `arg` is the code of a name."""

    CONSTANT = 0
    DAY = 1  # days since the start
    SINCE_ENTRY = 2  # days
    STAGE = 3  # code of the last observed stage
    PURCHASES = 4  # events with a payment
    REVENUE = 5  # money paid in them
    CONTACTS = 6
    OPENS = 7
    CLICKS = 8
    OPT_OUTS = 9
    COUNT = 10  # times event arg happened
    SINCE_PURCHASE = 11  # days, nan if never
    SINCE_CONTACT = 12  # days, nan if never
    ATTRIBUTE = 13  # level code of attribute arg


class RuleColumnCode(IntEnum):
    """How a column of a targeting rule is computed from its feature."""

    NUMBER = 0  # (feature - shift) / scale, or `missing`
    PRESENCE = 1  # `shift` if the feature has a value, else `missing`
    LEVEL = 2  # a value for each level, or `missing`


STACK_DEPTH = 32  # maximum stack depth of a program, which the parser enforces
N_TOUCH_CODES = len(TouchCode)
HOURS_PER_DAY = 24
REFUSAL_TO_TOUCH = int(TouchCode.SUPPRESSED_CONSENT) - int(SendDecision.CONSENT)  # decision + this = log code
RETENTION_DAYS = (30.0, 90.0, 180.0, 365.0)
VALUE_YEAR = 365.0  # days from entry that `clv_365d` covers
LAST_CHANNEL_TOUCH = TouchCode.BOUNCED_HARD  # last of the touches that are counted by channel
N_CHANNEL_COUNTS = LAST_CHANNEL_TOUCH + 1 + len(HiddenTouch)
MAX_CHANNELS = 64  # one bit each in a set of channels
MAX_COUNT = 65_535  # 16-bit counts of outcomes saturate here
MINUTES_PER_DAY = 1440.0
UNOBSERVED = 2  # in the `retained` columns: not converted, or not observed that long

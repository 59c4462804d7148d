"""Help on conditions: operators, names and examples. The reference table in `docs/model.md` has the same rows."""

from cjsim.description.field_help import FieldHelp, FieldLine

TOPIC = "condition"
EXAMPLES = (
    "purchases >= 1",
    "stage in [active, lapsed] and not tagged(vip)",
    "days_since(visit) > '30d' or opens == 0",
    "revenue / purchases > 50 and 8 <= hour < 18",
)
POINTER = f"Run 'cjsim explain {TOPIC}' for the operators and names that a condition may contain."
# Names, and their values.
NAMES = (
    ("stage == NAME", "whether the customer is in the stage"),
    ("visited(STAGE)", "number of entries into the stage"),
    ("purchases, revenue", "number of purchases and revenue after discounts so far"),
    ("contacts, opens, clicks", "total number so far, on all channels"),
    ("contacts(CHANNEL), opens(CHANNEL), clicks(CHANNEL)", "number so far, on one channel"),
    ("sent(MESSAGE), opened(MESSAGE), clicked(MESSAGE)", "number of deliveries, opens or clicks of a message"),
    ("unopened, unopened(CHANNEL)", "number of deliveries since the last open"),
    ("count(EVENT)", "number of occurrences of the event"),
    ("days_since(EVENT), days_since_purchase", "days; infinite if it never happened"),
    ("days_since_contact, days_since_contact(CHANNEL)", "days; infinite if there was none"),
    ("days_since_entry, days_in_stage", "days"),
    ("tagged(TAG)", "whether the tag is set"),
    ("score(NAME)", "the current score"),
    ("ATTRIBUTE == LEVEL, ATTRIBUTE in [LEVEL, ..]", "whether the attribute has the level"),
    ("acquired_by == CHANNEL", "an attribute, if the journey has acquisition"),
    ("consent(CHANNEL)", "whether the customer consents"),
    ("has_offer(OFFER)", "whether the customer has the offer, still valid and not used up"),
    ("redeemed(OFFER)", "number of redemptions"),
    ("asks(DESK)", "number of requests, except those that joined an open conversation"),
    ("referrals", "number of friends who joined or will join"),
    ("rule(NAME)", "whether a targeting rule treats the customer; in policies"),
    ("gain(NAME)", "the score of a targeting rule, such as the predicted gain; in policies"),
    ("held_out", "whether the customer is in the policy's holdout"),
    ("hour, weekday", "the customer's local time: hours since midnight, 0 for Monday"),
    ("day", "days since the start"),
)
LATENT_NAMES = (
    ("persona == NAME, interest == TOPIC", "whether the customer has the persona or interest; only in journeys"),
    ("TRAIT", "the value of a trait; only in journeys"),
    ("satisfaction, pressure", "current satisfaction and contact pressure; only in journeys"),
)
_DESCRIPTION = "\n\n".join(
    (
        "A condition is a Python expression about one customer.",
        "Operators: and, or, not, ==, !=, <, <=, >, >=, in [A, B] and not in [A, B], +, -, *, /. Comparisons may be chained.",
        "Durations are text in quotes, such as '36h' or '7d', and are converted to days. Names of stages, levels, events and messages need "
        "no quotes, except Python keywords such as 'return'.",
        "The 'when' of an event may use only names whose values change when something happens to the customer, not with time alone.",
        "A policy cannot use what the firm does not observe: personas, interests, traits, satisfaction and contact pressure.",
    )
)


def explain_condition() -> FieldHelp:
    """Return help on conditions.

    Returns
    -------
    FieldHelp
        Its names are the forms that may appear in a condition, with their values.
    """
    lines = tuple(FieldLine(form, "", value, "", "") for form, value in (*NAMES, *LATENT_NAMES))
    return FieldHelp(TOPIC, _DESCRIPTION, TOPIC, "", "; ".join(EXAMPLES), names=lines)

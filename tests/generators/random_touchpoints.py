"""Random touchpoints: channels of every kind, messages, offers, desks and acquisition channels."""

from chooser import FIRED_EVENTS, Chooser, ScenarioData, ScenarioNames
from random_effects import DELAY_DISTRIBUTIONS, RATE_LIFTS, TOUCHES_WITH_EFFECTS, random_effect_list, without_kinds

ACTIVITY_PROFILES = ("office", "waking")
CHANNEL_KINDS = ("push", "push", "push", "pull", "paid", "human")
SERVICE_TIMES: tuple[ScenarioData, ...] = (
    {"exponential": "90min"},
    {"fixed": "4h"},
    {"lognormal": {"median": "2h", "sigma": 0.5}},
    {"gamma": {"mean": "5h", "shape": 3}},
)


def random_channel(chooser: Chooser, names: ScenarioNames) -> ScenarioData:
    """A channel; few open delays exceed its lifetime, so that any rate below 0.7 is possible."""
    made: ScenarioData = {
        "consent": chooser.choice((1.0, 0.8)),
        "open_delay": chooser.choice(DELAY_DISTRIBUTIONS),
        "kind": chooser.choice(CHANNEL_KINDS),
    }
    if made["kind"] == "human":
        made |= {"desk": chooser.choice(names.desks)} if names.desks else {"kind": "push"}
    if made["kind"] == "pull":
        made["visits"] = chooser.subset(names.observed_events, min_size=1, max_size=2)
    if made["kind"] == "push":
        chooser.add_optional(
            made,
            30,
            hard_bounce_rate=lambda: 0.05,
            soft_bounce_rate=lambda: 0.2,
            spam_rate=lambda: 0.1,
            machine_opens=lambda: chooser.choice((0.5, 1.0)),
            bot_clicks=lambda: 0.4,
            machine_open_delay=lambda: chooser.choice(DELAY_DISTRIBUTIONS),
        )
    chooser.add_optional(
        made,
        40,
        consent_covers=lambda: "all",
        cost=lambda: 0.02,
        click_cost=lambda: 0.4,
        click_delay=lambda: chooser.choice(DELAY_DISTRIBUTIONS),
        activity=lambda: chooser.choice(ACTIVITY_PROFILES),
        lifetime=lambda: "5d",
        affinity=lambda: "taste",
        fatigue=lambda: 0.3,
        annoyance=lambda: 0.3,
        satisfaction=lambda: 1.5,
        pressure=lambda: chooser.choice((2.5, 0)),
        delivery_gain=lambda: chooser.choice((-0.1, 0.05)),
    )
    return made


def random_message(chooser: Chooser, names: ScenarioNames) -> ScenarioData:
    """A message with a high open rate and some unsubscribes."""
    made: ScenarioData = {"channel": chooser.choice(names.channels), "open_rate": chooser.choice((0.6, 0.3))}
    chooser.add_optional(
        made,
        50,
        click_rate=lambda: chooser.choice((0.5, 0.9)),
        unsubscribe_rate=lambda: chooser.choice((0.05, 0.01)),
        complaint_rate=lambda: chooser.choice((0.05, 0.01)),
        transactional=lambda: chooser.chance(40),
        cost=lambda: 0.3,
        topic=lambda: chooser.choice(("personal", *names.interests)) if names.interests else None,
        lift=lambda: {
            touch: chooser.mapping(names.events, RATE_LIFTS, min_size=1) for touch in chooser.subset(TOUCHES_WITH_EFFECTS, min_size=1)
        },
        effects=lambda: {
            touch: without_kinds(random_effect_list(chooser, names, FIRED_EVENTS, 1), "purchase")
            for touch in chooser.subset(TOUCHES_WITH_EFFECTS, min_size=1)
        },
    )
    if made.get("topic"):
        made["relevance"] = chooser.choice((1.5, -1.0, 0))
    return made


def random_offer(chooser: Chooser) -> ScenarioData:
    """An offer that some customers redeem."""
    made: ScenarioData = {
        "valid": chooser.choice(("6d", "36h")),
        "redeems": chooser.choice((1.0, 0.6)),
        **chooser.choice(({"discount": 0.1}, {"amount": 5})),
    }
    chooser.add_optional(made, 40, uses=lambda: 3, at_least=lambda: 8)
    return made


def random_desk(chooser: Chooser, names: ScenarioNames) -> ScenarioData:
    """A desk with response times of hours."""
    made: ScenarioData = {"service": chooser.choice(SERVICE_TIMES), "patience": chooser.choice(("endless", *DELAY_DISTRIBUTIONS[1:]))}

    def reply() -> list[ScenarioData]:
        return without_kinds(random_effect_list(chooser, names, (), 1), "purchase", "ask")

    made["effects"] = {kind: reply() for kind in chooser.subset(("in_time", "late", "unanswered"))}
    return made


def random_acquisition(chooser: Chooser, names: ScenarioNames, name: str) -> ScenarioData:
    """A channel with about one arrival per week; the first channel has arrivals without spend as well."""
    made: ScenarioData = {"baseline": 0.1 if name == names.acquisition_channels[0] else 0}
    chooser.add_optional(
        made,
        60,
        hill=lambda: {"at_most": 0.3, "half": 20, "slope": chooser.choice((1, 2.5))},
        adstock=lambda: 0.6,
        personas=lambda: {names.personas[-1]: 1},
    )
    return made

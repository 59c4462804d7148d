"""Random journeys: personas, events, and everything else except touchpoints."""

from chooser import FIRED_EVENTS, REFERRAL_EVENT, TAGS, Chooser, ScenarioData, ScenarioNames
from random_conditions import random_condition
from random_effects import HALF_LIVES, RATE_LIFTS, WAIT_DISTRIBUTIONS, random_effect_list, without_kinds
from random_touchpoints import ACTIVITY_PROFILES, random_acquisition, random_channel, random_desk, random_message, random_offer

TRAITS: ScenarioData = {
    "pace": {"gamma": {"mean": 1.0, "shape": 2.0}},
    "purse": {"lognormal": {"median": 1.0, "sigma": 0.5}},
    "fickle": {"beta": {"alpha": 2, "beta": 5}},
    "late": {"uniform": {"low": -6, "high": 6}},
    "taste": {"normal": {"mean": 0, "sd": 0.7}},
    "half": {"fixed": 0.5},
    "calm": {"gamma": {"mean": 3.0, "shape": 1.0}},
}
SPEED_FACTORS = ("pace", "1/purse", "1-fickle", "half", "purse")
WAKING = [0, 0, 0, 0, 0, 0.2, 0.5, 1, 1, 1, 1, 1, 2, 1, 1, 1, 1, 1, 2, 3, 3, 2, 1, 0.5]
SEASONS = {"sale": {"from": "11-27", "to": "12-02", "times": 3}, "closed": {"from": "12-24", "to": "01-03", "times": 0}}
ACTIVITY: ScenarioData = {
    "waking": {"hours": WAKING, "seasons": SEASONS},
    "office": {"hours": [0] * 9 + [1] * 8 + [0] * 7, "weekdays": [1, 1, 1, 1, 1, 0, 0]},
}


def timed_event(chooser: Chooser, names: ScenarioNames, name: str) -> ScenarioData:
    """An event with a clock. Only `tick` may have a wait of zero: it happens at most twice."""
    event: ScenarioData = {
        "in": chooser.subset(names.stages, min_size=1),
        "wait": chooser.choice(WAIT_DISTRIBUTIONS),
        "speed": chooser.subset(SPEED_FACTORS, max_size=2),
    }
    event["effects"] = random_effect_list(chooser, names, FIRED_EVENTS)
    chooser.add_optional(
        event,
        45,
        satisfaction=lambda: chooser.choice((2.0, -3.0)),
        half_life=lambda: chooser.choice(HALF_LIVES),
        activity=lambda: chooser.choice(ACTIVITY_PROFILES),
        when=lambda: random_condition(chooser, names, latent=True),
        **{"in": lambda: "anywhere"},
    )
    if chooser.chance(45):
        event["restart"] = chooser.choice(("move", "when", "both") if "when" in event else ("move",))
    if name == "tick" and chooser.chance(50):
        event |= {"wait": {"fixed": "0s"}, "when": "count(tick) < 2"}
    if names.has_hidden_event and name == names.events[-1]:
        event |= {"observed": False, "effects": without_kinds(event["effects"], "purchase")}
    return event


def random_persona(chooser: Chooser, names: ScenarioNames, share: float) -> ScenarioData:
    """A persona with some random preferences."""
    made: ScenarioData = {"share": share, "satisfaction": chooser.choice((0.5, 0.2, 0.9))}
    chooser.add_optional(
        made,
        40,
        starts_in=lambda: chooser.choice(names.stages),
        speed=lambda: chooser.mapping(names.events, (0.5, 0, 3)),
        responds=lambda: chooser.mapping(names.events, (0.5, 0, 2)),
        contact_lift=lambda: chooser.mapping(names.events, RATE_LIFTS),
        affinity=lambda: chooser.mapping(names.channels, (-1.5, 1.0)),
        consent=lambda: chooser.mapping(names.channels, (0.3, 1.0)),
        interests=lambda: {names.interests[-1]: 1} if names.interests else {},
    )
    return made


def referral_event(chooser: Chooser, names: ScenarioNames) -> ScenarioData:
    """An event that refers until somebody joins; few friends join, so generations die out."""
    referral: ScenarioData = {"invites": chooser.integer(1, 2), "joins": chooser.choice((0.4, 0.1))}
    chooser.add_optional(
        referral,
        50,
        delay=lambda: chooser.choice(WAIT_DISTRIBUTIONS),
        by=lambda: chooser.choice(names.acquisition_channels) if names.acquisition_channels else None,
    )
    return {
        "in": chooser.subset(names.stages, min_size=1),
        "wait": chooser.choice(WAIT_DISTRIBUTIONS),
        "when": "referrals < 1",
        "effects": [{"refer": referral}],
    }


def random_journey(chooser: Chooser, names: ScenarioNames) -> ScenarioData:
    """A journey with about one event per day."""
    shares = {1: (1.0,), 2: (0.6, 0.4), 3: (0.5, 0.3, 0.2)}[len(names.personas)]
    stages: ScenarioData = {name: {"retained": chooser.chance(50)} for name in names.stages}
    if len(stages) > 1 and [one["retained"] for one in stages.values()][:2] == [True, False]:
        stages[names.stages[0]]["blocked"] = [names.stages[-1]]  # without a draw of its own, which would change all scenarios
    if names.has_hidden_stage:
        stages[names.stages[-1]]["observed"] = False
    # Conditions can use any tag, so each tag is set somewhere.
    tagging = {"choose": [{"weight": 1, "effects": [{"tag": tag}]} for tag in TAGS]}
    silent = {
        "echo": {"effects": [*random_effect_list(chooser, names, ("sigh",)), tagging]},
        "sigh": {"in": "anywhere", "effects": random_effect_list(chooser, names, ())},
    }
    if names.has_referrals:
        silent[REFERRAL_EVENT] = referral_event(chooser, names)
    made: ScenarioData = {
        "name": "made",
        "starts_in": names.stages[0],
        "personas": {name: random_persona(chooser, names, share) for name, share in zip(names.personas, shares, strict=True)},
        "traits": TRAITS,
        "attributes": {"country": {"DE": 0.6, "FR": 0.4}},
        "activity": ACTIVITY,
        "scores": {"heat": {"half_life": "4d"}, "sum": {}},
        "stages": stages,
        "events": {name: timed_event(chooser, names, name) for name in names.events} | silent,
        "channels": {name: random_channel(chooser, names) for name in names.channels},
        "messages": {name: random_message(chooser, names) for name in names.messages},
        "interests": {name: chooser.integer(1, 3) for name in names.interests},
        "offers": {name: random_offer(chooser) for name in names.offers},
        "desks": {name: random_desk(chooser, names) for name in names.desks},
        "acquisition": {name: random_acquisition(chooser, names, name) for name in names.acquisition_channels},
    }
    chooser.add_optional(
        made,
        50,
        clock_shift=lambda: "late",
        preferred_contacts=lambda: "calm",
        satisfaction=lambda: {"half_life": "5d"},
        pressure=lambda: {"half_life": chooser.choice(("2d", None))},
        moments=lambda: {name: {"event": names.events[0], "nth": chooser.integer(1, 3)} for name in ("conversion", "habit")},
    )
    return made

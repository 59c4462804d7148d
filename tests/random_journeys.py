"""Random journeys: personas, events, and what random_touchpoints.py gives them."""

from dice import INVITE, SILENT, TAGS, Data, Dice, Names
from random_conditions import condition
from random_effects import HALF_LIVES, LIFTS, WAITS, effects, without
from random_touchpoints import PROFILES, acquisition, channel, desk, message, offer

TRAITS: Data = {
    "pace": {"gamma": {"mean": 1.0, "shape": 2.0}},
    "purse": {"lognormal": {"median": 1.0, "sigma": 0.5}},
    "fickle": {"beta": {"alpha": 2, "beta": 5}},
    "late": {"uniform": {"low": -6, "high": 6}},
    "taste": {"normal": {"mean": 0, "sd": 0.7}},
    "half": {"fixed": 0.5},
    "calm": {"gamma": {"mean": 3.0, "shape": 1.0}},
}
FACTORS = ("pace", "1/purse", "1-fickle", "half", "purse")
WAKING = [0, 0, 0, 0, 0, 0.2, 0.5, 1, 1, 1, 1, 1, 2, 1, 1, 1, 1, 1, 2, 3, 3, 2, 1, 0.5]
SEASONS = {"sale": {"from": "11-27", "to": "12-02", "times": 3}, "closed": {"from": "12-24", "to": "01-03", "times": 0}}
ACTIVITY: Data = {
    "waking": {"hours": WAKING, "seasons": SEASONS},
    "office": {"hours": [0] * 9 + [1] * 8 + [0] * 7, "weekdays": [1, 1, 1, 1, 1, 0, 0]},
}


def clocked_event(dice: Dice, names: Names, name: str) -> Data:
    """An event with a clock. Only `tick` may wait for no time: it happens twice and no more."""
    event: Data = {"in": dice.some(names.stages, least=1), "wait": dice.one(WAITS), "speed": dice.some(FACTORS, most=2)}
    event["effects"] = effects(dice, names, SILENT)
    dice.maybe(
        event,
        45,
        satisfaction=lambda: dice.one((2.0, -3.0)),
        half_life=lambda: dice.one(HALF_LIVES),
        activity=lambda: dice.one(PROFILES),
        when=lambda: condition(dice, names, latent=True),
        **{"in": lambda: "anywhere"},
    )
    if name == "tick" and dice.chance(50):
        event |= {"wait": {"fixed": "0s"}, "when": "count(tick) < 2"}
    if names.hidden_event and name == names.events[-1]:
        event |= {"observed": False, "effects": without(event["effects"], "purchase")}
    return event


def persona(dice: Dice, names: Names, share: float) -> Data:
    """A persona with some tastes of its own."""
    made: Data = {"share": share, "satisfaction": dice.one((0.5, 0.2, 0.9))}
    dice.maybe(
        made,
        40,
        starts_in=lambda: dice.one(names.stages),
        speed=lambda: dice.by_name(names.events, (0.5, 0, 3)),
        responds=lambda: dice.by_name(names.events, (0.5, 0, 2)),
        contact_lift=lambda: dice.by_name(names.events, LIFTS),
        affinity=lambda: dice.by_name(names.channels, (-1.5, 1.0)),
        consent=lambda: dice.by_name(names.channels, (0.3, 1.0)),
        interests=lambda: {names.interests[-1]: 1} if names.interests else {},
    )
    return made


def invite(dice: Dice, names: Names) -> Data:
    """An event that refers, until somebody joins: few do, so that generations die out."""
    referral: Data = {"invites": dice.whole(1, 2), "joins": dice.one((0.4, 0.1))}
    dice.maybe(referral, 50, delay=lambda: dice.one(WAITS), by=lambda: dice.one(names.arriving) if names.arriving else None)
    return {"in": dice.some(names.stages, least=1), "wait": dice.one(WAITS), "when": "referrals < 1", "effects": [{"refer": referral}]}


def journey(dice: Dice, names: Names) -> Data:
    """A journey in which something happens every day or so."""
    shares = {1: (1.0,), 2: (0.6, 0.4), 3: (0.5, 0.3, 0.2)}[len(names.personas)]
    stages: Data = {name: {"retained": dice.chance(50)} for name in names.stages}
    if names.hidden_stage:
        stages[names.stages[-1]]["observed"] = False
    # Conditions may ask for any tag: each is put on somewhere.
    tagging = {"choose": [{"weight": 1, "effects": [{"tag": tag}]} for tag in TAGS]}
    silent = {
        "echo": {"effects": [*effects(dice, names, ("sigh",)), tagging]},
        "sigh": {"in": "anywhere", "effects": effects(dice, names, ())},
    }
    if names.inviting:
        silent[INVITE] = invite(dice, names)
    made: Data = {
        "name": "made",
        "starts_in": names.stages[0],
        "personas": {name: persona(dice, names, share) for name, share in zip(names.personas, shares, strict=True)},
        "traits": TRAITS,
        "attributes": {"country": {"DE": 0.6, "FR": 0.4}},
        "activity": ACTIVITY,
        "scores": {"heat": {"half_life": "4d"}, "sum": {}},
        "stages": stages,
        "events": {name: clocked_event(dice, names, name) for name in names.events} | silent,
        "channels": {name: channel(dice, names) for name in names.channels},
        "messages": {name: message(dice, names) for name in names.messages},
        "interests": {name: dice.whole(1, 3) for name in names.interests},
        "offers": {name: offer(dice) for name in names.offers},
        "desks": {name: desk(dice, names) for name in names.desks},
        "acquisition": {name: acquisition(dice, names, name) for name in names.arriving},
    }
    dice.maybe(
        made,
        50,
        clock_shift=lambda: "late",
        preferred_contacts=lambda: "calm",
        satisfaction=lambda: {"half_life": "5d"},
        pressure=lambda: {"half_life": dice.one(("2d", None))},
        moments=lambda: {name: {"event": names.events[0], "nth": dice.whole(1, 3)} for name in ("conversion", "habit")},
    )
    return made

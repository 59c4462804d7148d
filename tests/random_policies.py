"""Random policies: flows, broadcasts, guardrails, staff, spend."""

from functools import partial
from typing import Any

from dice import SCORES, TAGS, Data, Dice, Names
from random_conditions import condition
from random_effects import POINTS

PAUSES = ("1d", "8h", "45min", "3d")
HOURS = ("10:00", "00:00", "22:30", "06:15")
STEPS = ("send", "send", "send", "wait", "wait_for", "branch", "split", "tag", "untag", "score", "stop", "wait_until", "offer", "ask")
FORKS = ("wait_for", "branch", "split")
DAYS = ("monday", "wednesday", "saturday")


def steps(dice: Dice, names: Names, depth: int = 2) -> list[Data]:
    """Up to four steps."""
    kinds = dice.many(lambda: dice.one(STEPS), least=1, most=4 if depth == 2 else 2)
    can = dict.fromkeys(FORKS, depth > 0) | {"offer": bool(names.offers), "ask": bool(names.desks)}
    return [step(dice, names, kind, depth) for kind in kinds if can.get(kind, True)] or [{"send": names.messages[0]}]


def step(dice: Dice, names: Names, kind: str, depth: int) -> Data:
    """One step of a kind."""
    if kind == "wait_for":
        awaited: Data = {"event": dice.one(names.seen_events), "at_most": dice.one(PAUSES)}
        dice.maybe(awaited, 60, **dict.fromkeys(("then", "else"), lambda: steps(dice, names, depth - 1)))
        return {kind: awaited}
    if kind == "branch":
        return {kind: {"if": condition(dice, names), "then": steps(dice, names, depth - 1), "else": steps(dice, names, depth - 1)}}
    if kind == "split":
        split: Data = {kind: {arm: {"share": 0.5, "steps": steps(dice, names, depth - 1)} for arm in ("one", "other")}}
        return split | {"experiment": "tone"} if dice.chance(40) else split
    if kind == "wait_until":
        until: Data = {"at": dice.one(HOURS), "weekdays": dice.some(DAYS)}
        dice.maybe(until, 50, best_hour=lambda: True, learn_from=lambda: dice.whole(1, 4))
        return {kind: until}
    if kind == "ask":
        return {kind: dice.one((names.desks[0], {"desk": names.desks[-1], "priority": dice.whole(-1, 2)}))}
    if kind == "score":
        return {kind: dice.by_name(SCORES, POINTS, least=1)}
    plain: dict[str, tuple[Any, ...]] = {"send": names.messages, "wait": PAUSES, "tag": TAGS, "untag": TAGS, "stop": (True,)}
    return {kind: dice.one((plain | {"offer": names.offers})[kind])}


def trigger(dice: Dice, names: Names, start: int) -> Data:
    """What starts a flow."""
    kind = dice.one(("event", "stage", "inactivity", "of", "date", "schedule", "above", "below", "unopened"))
    if kind == "date":
        return {kind: f"2025-11-{start + dice.whole(0, 5)}", "at": dice.one(HOURS)}
    if kind == "schedule":
        return {kind: schedule(dice, start)}
    if kind in ("above", "below"):
        return {"score": dice.one(SCORES), kind: dice.one((0.5, 1.5, 3.0))}
    if kind == "unopened":
        return {kind: dice.whole(1, 3), "channels": dice.some(names.channels)}
    if kind == "event":
        return {"event": dice.one(names.seen_events)}
    if kind == "stage":
        return {"stage": dice.one(names.seen_stages)}
    if kind == "of":
        return {"inactivity": "2d", "of": dice.some(names.seen_events, least=1)}
    return {"inactivity": dice.one(("1d", "30h", "5d"))}


def flow(dice: Dice, names: Names, start: int) -> Data:
    """A flow; one that may start again at once waits first, so that nothing goes round in circles."""
    made: Data = {"on": trigger(dice, names, start), "steps": steps(dice, names), "again_after": dice.one(("0s", "6h", "2d", "never"))}
    if made["again_after"] == "0s":
        made["steps"] = [{"wait": dice.one(PAUSES)}, *made["steps"]]
    if dice.chance(30):
        again = {"branch": {"if": f"sent({dice.one(names.messages)}) < 6", "then": [{"jump": "again"}]}}
        made["steps"] = [{"label": "again", "wait": dice.one(PAUSES)}, *made["steps"], again]
    dice.maybe(
        made,
        40,
        exit_on=lambda: dice.some(names.seen_events, least=1, most=2),
        holdout=lambda: 0.4,
        priority=lambda: dice.whole(-2, 2),
        **{"if": lambda: condition(dice, names)},
    )
    return made


def schedule(dice: Dice, start: int) -> Data:
    """Dates, or weekdays."""
    at: Data = {"at": dice.one(HOURS)}
    if dice.chance(30):
        return at | {"dates": [f"2025-11-{start + day}" for day in dice.some(range(6), least=1)]}
    return at | {"weekdays": dice.some(("monday", "thursday", "friday"), least=1), "every_weeks": dice.whole(1, 2)}


def broadcast(dice: Dice, names: Names, start: int) -> Data:
    """A broadcast, now and then at the very time at which customers enter."""
    made: Data = {"schedule": schedule(dice, start), "send": dice.one(names.messages)}
    dice.maybe(made, 40, holdout=lambda: 0.4, priority=lambda: dice.whole(-2, 2), **{"if": lambda: condition(dice, names)})
    return made


EVENING: Data = {"agents": 1, "from": "16:00", "to": "23:00", "weekdays": ["monday", "friday", "sunday"]}
QUIET = (("21:00", "08:00"), ("00:00", "09:30"), ("12:00", "13:30"), ("22:00", "24:00"))


def guardrails(dice: Dice, names: Names) -> Data:
    """Up to two rules of each kind, for some channels or (none named) for all."""

    def quiet_hours() -> Data:
        begin, end = dice.one(QUIET)
        return {"from": begin, "to": end, "channels": dice.some(names.channels)}

    def gap() -> Data:
        return {"at_least": dice.one(("2h", "1d")), "channels": dice.some(names.channels)}

    def cap() -> Data:
        return {"at_most": dice.one((2, 3, 1, 0)), "per": dice.one(("1d", "7d")), "channels": dice.some(names.channels, least=1)}

    def budget() -> Data:
        return {"at_most": dice.one((3, 10, 1, 0)), "per": dice.one(("1d", "36h", "7d")), "channels": dice.some(names.channels)}

    made: Data = {}
    rules = {"quiet_hours": quiet_hours, "gaps": gap, "caps": cap}
    for name, rule in rules.items():
        dice.maybe(made, 60, **{name: partial(dice.many, rule, least=1, most=2)})
    dice.maybe(made, 50, exit=lambda: condition(dice, names))
    dice.maybe(made, 30, holdout=lambda: 0.4, budgets=partial(dice.many, budget, least=1, most=2))
    return made


def staffing(dice: Dice, names: Names, number: int) -> Data:
    """The staff of a desk: round the clock, or by day."""
    made: Data = dice.one(
        ({"agents": 1, "wage_per_hour": 20}, {"shifts": [{"agents": dice.whole(1, 2), "from": "09:00", "to": "17:30"}, EVENING]})
    )
    dice.maybe(made, 50, sla=lambda: "2h", cost_per_minute=lambda: 0.5)
    if number == 0 and len(names.desks) > 1:
        dice.maybe(made, 60, escalate=lambda: {"after": dice.one(("1h", "1d")), "to": names.desks[1]})
    return made


def spend(dice: Dice, start: int) -> Any:
    """Money for a channel."""
    return dice.one((0, 15, {"per_day": 5, "periods": [{"per_day": 80, "from": f"2025-11-{start}", "to": f"2025-11-{start + 4}"}]}))


def policy(dice: Dice, names: Names, start: int) -> Data:
    """Up to four flows and two broadcasts."""
    flows = dice.many(lambda: flow(dice, names, start), least=1, most=4)
    broadcasts = dice.many(lambda: broadcast(dice, names, start), most=2)
    made: Data = {
        "name": "made",
        "flows": {f"flow_{number}": made for number, made in enumerate(flows)},
        "broadcasts": {f"cast_{number}": made for number, made in enumerate(broadcasts)},
        "guardrails": guardrails(dice, names),
        "desks": {name: staffing(dice, names, number) for number, name in enumerate(names.desks)},
        "acquisition": {name: spend(dice, start) for name in names.arriving},
    }
    dice.maybe(made["guardrails"], 30, spared=lambda: ["flow_0"])
    if names.interests:
        made["personalisation"] = [*([{"if": condition(dice, names), "accuracy": 1.0}] if dice.chance(40) else []), {"accuracy": 0.7}]
    return made

"""Random policies: flows, broadcasts, guardrails, staffing and spend."""

from functools import partial
from typing import Any

from chooser import SCORES, TAGS, Chooser, ScenarioData, ScenarioNames
from random_conditions import random_condition
from random_effects import SCORE_POINTS

WAIT_DURATIONS = ("1d", "8h", "45min", "3d")
TIMES_OF_DAY = ("10:00", "00:00", "22:30", "06:15")
STEP_KINDS = ("send", "send", "send", "wait", "wait_for", "branch", "split", "tag", "untag", "score", "stop", "wait_until", "offer", "ask")
BRANCHING_STEPS = ("wait_for", "branch", "split")
WEEKDAYS = ("monday", "wednesday", "saturday")


def random_steps(chooser: Chooser, names: ScenarioNames, depth: int = 2) -> list[ScenarioData]:
    """Up to four steps."""
    kinds = chooser.list_of(lambda: chooser.choice(STEP_KINDS), min_size=1, max_size=4 if depth == 2 else 2)
    can = dict.fromkeys(BRANCHING_STEPS, depth > 0) | {"offer": bool(names.offers), "ask": bool(names.desks)}
    return [random_step(chooser, names, kind, depth) for kind in kinds if can.get(kind, True)] or [{"send": names.messages[0]}]


def random_step(chooser: Chooser, names: ScenarioNames, kind: str, depth: int) -> ScenarioData:
    """One step of a kind."""
    if kind == "wait_for":
        awaited: ScenarioData = {"event": chooser.choice(names.observed_events), "at_most": chooser.choice(WAIT_DURATIONS)}
        chooser.add_optional(awaited, 40, since=lambda: chooser.choice(("flow_start", "1d", "5d")))
        chooser.add_optional(awaited, 60, **dict.fromkeys(("then", "else"), lambda: random_steps(chooser, names, depth - 1)))
        return {kind: awaited}
    if kind == "branch":
        return {
            kind: {
                "if": random_condition(chooser, names),
                "then": random_steps(chooser, names, depth - 1),
                "else": random_steps(chooser, names, depth - 1),
            }
        }
    if kind == "split":
        split: ScenarioData = {kind: {arm: {"share": 0.5, "steps": random_steps(chooser, names, depth - 1)} for arm in ("one", "other")}}
        return split | {"experiment": "tone"} if chooser.chance(40) else split
    if kind == "wait_until":
        until: ScenarioData = {"at": chooser.choice(TIMES_OF_DAY), "weekdays": chooser.subset(WEEKDAYS)}
        chooser.add_optional(until, 50, best_hour=lambda: True, learn_from=lambda: chooser.integer(1, 4))
        return {kind: until}
    if kind == "ask":
        return {kind: chooser.choice((names.desks[0], {"desk": names.desks[-1], "priority": chooser.integer(-1, 2)}))}
    if kind == "score":
        return {kind: chooser.mapping(SCORES, SCORE_POINTS, min_size=1)}
    plain: dict[str, tuple[Any, ...]] = {"send": names.messages, "wait": WAIT_DURATIONS, "tag": TAGS, "untag": TAGS, "stop": (True,)}
    return {kind: chooser.choice((plain | {"offer": names.offers})[kind])}


def random_trigger(chooser: Chooser, names: ScenarioNames, start: int) -> ScenarioData:
    """The trigger of a flow."""
    kind = chooser.choice(("event", "stage", "inactivity", "of", "date", "schedule", "above", "below", "unopened"))
    if kind == "date":
        return {kind: f"2025-11-{start + chooser.integer(0, 5)}", "at": chooser.choice(TIMES_OF_DAY)}
    if kind == "schedule":
        return {kind: random_schedule(chooser, start)}
    if kind in ("above", "below"):
        return {"score": chooser.choice(SCORES), kind: chooser.choice((0.5, 1.5, 3.0))}
    if kind == "unopened":
        return {kind: chooser.integer(1, 3), "channels": chooser.subset(names.channels)}
    if kind == "event":
        return {"event": chooser.choice(names.observed_events)}
    if kind == "stage":
        return {"stage": chooser.choice(names.observed_stages)}
    if kind == "of":
        return {"inactivity": "2d", "of": chooser.subset(names.observed_events, min_size=1)}
    return {"inactivity": chooser.choice(("1d", "30h", "5d"))}


def random_flow(chooser: Chooser, names: ScenarioNames, start: int) -> ScenarioData:
    """A flow; one that can restart immediately waits first, to avoid endless loops."""
    made: ScenarioData = {
        "on": random_trigger(chooser, names, start),
        "steps": random_steps(chooser, names),
        "again_after": chooser.choice(("0s", "6h", "2d", "never")),
    }
    if made["again_after"] == "0s":
        made["steps"] = [{"wait": chooser.choice(WAIT_DURATIONS)}, *made["steps"]]
    if chooser.chance(30):
        again = {"branch": {"if": f"sent({chooser.choice(names.messages)}) < 6", "then": [{"jump": "again"}]}}
        made["steps"] = [{"label": "again", "wait": chooser.choice(WAIT_DURATIONS)}, *made["steps"], again]
    chooser.add_optional(
        made,
        40,
        exit_on=lambda: chooser.subset(names.observed_events, min_size=1, max_size=2),
        holdout=lambda: 0.4,
        priority=lambda: chooser.integer(-2, 2),
        **{"if": lambda: random_condition(chooser, names)},
    )
    return made


def random_schedule(chooser: Chooser, start: int) -> ScenarioData:
    """Dates, or weekdays."""
    at: ScenarioData = {"at": chooser.choice(TIMES_OF_DAY)}
    if chooser.chance(30):
        return at | {"dates": [f"2025-11-{start + day}" for day in chooser.subset(range(6), min_size=1)]}
    return at | {"weekdays": chooser.subset(("monday", "thursday", "friday"), min_size=1), "every_weeks": chooser.integer(1, 2)}


def random_broadcast(chooser: Chooser, names: ScenarioNames, start: int) -> ScenarioData:
    """A broadcast, sometimes at the exact time at which customers enter."""
    made: ScenarioData = {"schedule": random_schedule(chooser, start), "send": chooser.choice(names.messages)}
    chooser.add_optional(
        made, 40, holdout=lambda: 0.4, priority=lambda: chooser.integer(-2, 2), **{"if": lambda: random_condition(chooser, names)}
    )
    return made


EVENING_SHIFT: ScenarioData = {"agents": 1, "from": "16:00", "to": "23:00", "weekdays": ["monday", "friday", "sunday"]}
QUIET_HOURS = (("21:00", "08:00"), ("00:00", "09:30"), ("12:00", "13:30"), ("22:00", "24:00"))


def random_guardrails(chooser: Chooser, names: ScenarioNames) -> ScenarioData:
    """Up to two rules of each kind, for some channels or for all (none named)."""

    def quiet_hours() -> ScenarioData:
        begin, end = chooser.choice(QUIET_HOURS)
        return {"from": begin, "to": end, "channels": chooser.subset(names.channels)}

    def may_wait(rule: ScenarioData) -> ScenarioData:
        """A rule that sometimes makes sends wait."""
        if rule.get("at_most") != 0 and chooser.chance(30):
            rule |= {"then": "defer"} | ({"drop_after": chooser.choice(("6h", "2d"))} if chooser.chance(40) else {})
        return rule

    def gap() -> ScenarioData:
        return may_wait({"at_least": chooser.choice(("2h", "1d")), "channels": chooser.subset(names.channels)})

    def cap() -> ScenarioData:
        rule: ScenarioData = {"at_most": chooser.choice((2, 3, 1, 0)), "per": chooser.choice(("1d", "7d"))}
        return may_wait(rule | {"channels": chooser.subset(names.channels, min_size=1)})

    def budget() -> ScenarioData:
        rule: ScenarioData = {"at_most": chooser.choice((3, 10, 1, 0)), "per": chooser.choice(("1d", "36h", "7d"))}
        return may_wait(rule | {"channels": chooser.subset(names.channels)})

    made: ScenarioData = {}
    rules = {"quiet_hours": quiet_hours, "gaps": gap, "caps": cap}
    for name, rule in rules.items():
        chooser.add_optional(made, 60, **{name: partial(chooser.list_of, rule, min_size=1, max_size=2)})
    chooser.add_optional(made, 50, exit=lambda: random_condition(chooser, names))
    chooser.add_optional(made, 30, holdout=lambda: 0.4, budgets=partial(chooser.list_of, budget, min_size=1, max_size=2))
    return made


def random_blackouts(chooser: Chooser, names: ScenarioNames, start: int) -> list[ScenarioData]:
    """One or two blackouts of dates or from one date to another, of this year or of each."""

    def blackout() -> ScenarioData:
        days: ScenarioData = chooser.choice(
            (
                {"dates": [f"2025-11-{start + 3}", f"2025-11-{start + 5}"]},
                {"from": f"2025-11-{start + 2}", "to": f"2025-11-{start + 4}"},
                {"dates": ["12-01"]},
                {"from": "11-29", "to": "11-30"},
            )
        )
        return {**days, "channels": chooser.subset(names.channels), "then": chooser.choice(("defer", "refuse"))}

    return chooser.list_of(blackout, min_size=1, max_size=2)


def random_staffing(chooser: Chooser, names: ScenarioNames, number: int) -> ScenarioData:
    """The staff of a desk, around the clock or in the daytime."""
    made: ScenarioData = chooser.choice(
        ({"agents": 1, "wage_per_hour": 20}, {"shifts": [{"agents": chooser.integer(1, 2), "from": "09:00", "to": "17:30"}, EVENING_SHIFT]})
    )
    chooser.add_optional(made, 50, sla=lambda: "2h", cost_per_minute=lambda: 0.5, promised=lambda: False)
    if number == 0 and len(names.desks) > 1:
        chooser.add_optional(made, 60, escalate=lambda: {"after": chooser.choice(("1h", "1d")), "to": names.desks[1]})
    return made


def random_spend(chooser: Chooser, start: int) -> Any:
    """The spend on a channel."""
    return chooser.choice((0, 15, {"per_day": 5, "periods": [{"per_day": 80, "from": f"2025-11-{start}", "to": f"2025-11-{start + 4}"}]}))


def add_costs(chooser: Chooser, journey: ScenarioData, policy: ScenarioData) -> None:
    """Let the firm pay for its platform, contacts and creative work, and share its desks."""
    unpriced = [name for name, channel in journey["channels"].items() if "cost" not in channel]
    creative = {"flows": dict.fromkeys(policy["flows"], 40), "messages": dict.fromkeys(journey["messages"], 15)}
    costs: ScenarioData = {"per_contact": {name: 0.05 for name in unpriced if chooser.chance(60)}}
    chooser.add_optional(costs, 60, platform_per_month=lambda: 30, setup=lambda: 100, creative=lambda: creative)
    policy["costs"] = costs
    for desk in policy["desks"].values():
        chooser.add_optional(desk, 50, shared=lambda: 0.1)


def random_policy(chooser: Chooser, names: ScenarioNames, start: int) -> ScenarioData:
    """Up to four flows and two broadcasts."""
    flows = chooser.list_of(lambda: random_flow(chooser, names, start), min_size=1, max_size=4)
    broadcasts = chooser.list_of(lambda: random_broadcast(chooser, names, start), max_size=2)
    made: ScenarioData = {
        "name": "made",
        "flows": {f"flow_{number}": made for number, made in enumerate(flows)},
        "broadcasts": {f"cast_{number}": made for number, made in enumerate(broadcasts)},
        "guardrails": random_guardrails(chooser, names),
        "desks": {name: random_staffing(chooser, names, number) for number, name in enumerate(names.desks)},
        "acquisition": {name: random_spend(chooser, start) for name in names.acquisition_channels},
    }
    chooser.add_optional(made["guardrails"], 30, spared=lambda: ["flow_0"])
    if names.interests:
        made["personalisation"] = [
            *([{"if": random_condition(chooser, names), "accuracy": 1.0}] if chooser.chance(40) else []),
            {"accuracy": 0.7},
        ]
    return made

"""Random scenarios in our language, and how a test lets a scenario live without a file.

Lives here: hypothesis strategies that make whole scenarios as plain data, the constructs that a plan and its log show, and, as a
script, digests of what becomes of scenarios (read as JSON from standard input), for tests that need another process.
"""

import hashlib
import json
import sys
from collections.abc import Callable, Iterable, Sequence
from enum import IntEnum
from functools import partial
from typing import Any, NamedTuple, TypeVar

import numpy as np
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from cjsim.engine.frames import Outcomes
from cjsim.engine.pauses import is_shared
from cjsim.engine.room import make_outcomes
from cjsim.engine.run import ENGINES
from cjsim.model.codes import TOUCHES, Effect, Op, Step, Touch, Trigger, Wait
from cjsim.model.plan import Plan
from cjsim.model.population import initial_cohort
from cjsim.model.scenario import Scenario
from cjsim.model.tables import compile_world
from cjsim.model.world import Records

Data = dict[str, Any]
T = TypeVar("T")

SMALL = settings(
    derandomize=True, deadline=None, database=None, suppress_health_check=list(HealthCheck), phases=(Phase.generate, Phase.shrink)
)

# --------------------------------------------------------------------------------------------------------------- how scenarios live


class Lived(NamedTuple):
    """What became of the customers of a scenario."""

    plan: Plan
    rows: Records  # ROW, customer by customer
    outcomes: Outcomes

    def content(self) -> bytes:
        """Every byte of the log and of the outcomes."""
        return b"".join(array.tobytes() for array in (self.rows, *self.outcomes))

    def told(self) -> list[tuple[Any, ...]]:
        """The log by names in place of codes, for scenarios whose codes differ."""
        book = self.plan.codebook
        names = {"event": book.events, "stage": book.stages, "channel": book.channels, "message": book.messages, "source": book.sources}
        columns = [self.rows[field].tolist() for field in ("customer", "time", "value")]
        columns += [[labels[code] if code >= 0 else "" for code in self.rows[field].tolist()] for field, labels in names.items()]
        return list(zip(*columns, strict=True))


def live(scenario: Scenario, engine: str = "compiled", *, customers: int | None = None, seed: int | None = None) -> Lived:
    """Let the customers of a scenario live, all in one chunk."""
    plan = compile_world(scenario)
    count = scenario.customers if customers is None else customers
    outcomes, of_seed = make_outcomes(plan, count), scenario.seed if seed is None else seed
    made, cohort = ENGINES[engine](plan, of_seed, rows=4096), initial_cohort(plan, of_seed, 0, count)
    if is_shared(plan.world):
        made.join(made.meet([cohort]))
    chunk = made.live(cohort, outcomes)
    rows = np.concatenate(chunk.rows)
    assert len(rows) == chunk.events == outcomes.customers["events"].sum()
    return Lived(plan, rows, outcomes)


def difference(one: Lived, other: Lived) -> str:
    """The first thing in which two results differ, in words; empty if they are equal to the byte."""
    if one.content() == other.content():
        return ""
    for left, right in zip(one.told(), other.told(), strict=False):
        if left != right:
            return f"log: {left} != {right}"
    if len(one.rows) != len(other.rows):
        return f"log: {len(one.rows)} rows != {len(other.rows)}"
    for name, left, right in zip(Outcomes._fields, one.outcomes, other.outcomes, strict=True):
        for customer, (a, b) in enumerate(zip(left, right, strict=True)):
            if a.tobytes() != b.tobytes():
                return f"{name} of customer {customer}: {a} != {b}"
    return "padding of log rows"


def digests(made: Iterable[Data]) -> list[str]:
    """A digest of what becomes of each scenario."""
    return [hashlib.sha256(live(Scenario.from_dict(data)).content()).hexdigest() for data in made]


def constructs(lived: Lived) -> set[str]:
    """The constructs that a plan holds (effects, steps, triggers, waits, words of conditions) and that a log shows (touches)."""
    world = lived.plan.world
    waits = [*world.events["wait"]["kind"], *world.channels["open_delay"]["kind"], *world.effects["value"]["kind"]]
    found: list[tuple[type[IntEnum], Iterable[int]]] = [
        (Effect, [op for op in world.effects["op"] if op != Effect.END]),
        (Step, world.steps["op"] if len(world.actors) else ()),
        (Trigger, world.actors["trigger"]),
        (Wait, waits),
        (Op, world.codes["op"]),
        (Touch, [code for code in np.unique(lived.rows["event"]) if code < TOUCHES]),
    ]
    return {f"{kind.__name__}.{kind(int(code)).name}" for kind, codes in found for code in codes}


# END stands where there is nothing. The two words of a mood drift: conditions of a journey may not name them, a policy cannot see them.
EVERY_CONSTRUCT = {f"{kind.__name__}.{member.name}" for kind in (Effect, Step, Trigger, Wait, Op, Touch) for member in kind} - {
    "Effect.END",
    "Op.SATISFACTION",
    "Op.PRESSURE",
}

# ------------------------------------------------------------------------------------------------------------------ what they name

CLOCKED = ("look", "buy", "grow", "drop_in", "leave", "tick")
SILENT = ("echo", "sigh")  # happen only when fired
CHANNELS = ("mail", "text", "bell")
MESSAGES = ("hello", "news", "offer", "please")
TAGS = ("vip", "cold", "busy")
SCORES = ("heat", "sum")  # the first fades
COUNTRIES = ("DE", "FR")
TRAITS: Data = {
    "pace": {"gamma": {"mean": 1.0, "shape": 2.0}},
    "purse": {"lognormal": {"median": 1.0, "sigma": 0.5}},
    "fickle": {"beta": {"alpha": 2, "beta": 5}},
    "late": {"uniform": {"low": -6, "high": 6}},
    "taste": {"normal": {"mean": 0, "sd": 0.7}},
    "half": {"fixed": 0.5},
}
FACTORS = ("pace", "1/purse", "1-fickle", "half", "purse")
WAKING = [0, 0, 0, 0, 0, 0.2, 0.5, 1, 1, 1, 1, 1, 2, 1, 1, 1, 1, 1, 2, 3, 3, 2, 1, 0.5]
SEASONS = {"sale": {"from": "11-27", "to": "12-02", "times": 3}, "closed": {"from": "12-24", "to": "01-03", "times": 0}}
ACTIVITY: Data = {
    "waking": {"hours": WAKING, "seasons": SEASONS},
    "office": {"hours": [0] * 9 + [1] * 8 + [0] * 7, "weekdays": [1, 1, 1, 1, 1, 0, 0]},
}


class Names(NamedTuple):
    """What a scenario has; the firm does not see the hidden ones."""

    stages: tuple[str, ...]
    events: tuple[str, ...]
    channels: tuple[str, ...]
    messages: tuple[str, ...]
    personas: tuple[str, ...]
    hidden_stage: bool  # the last stage
    hidden_event: bool  # the last event with a clock

    @property
    def seen_stages(self) -> tuple[str, ...]:
        return self.stages[:-1] if self.hidden_stage else self.stages

    @property
    def seen_events(self) -> tuple[str, ...]:
        return tuple(event for event in (*self.events, *SILENT) if not (self.hidden_event and event == self.events[-1]))


class Dice:
    """Draws of hypothesis as plain calls: a strategy for each of a thousand small choices takes ten times as long to build."""

    def __init__(self, draw: st.DrawFn) -> None:
        self._draw = draw

    def whole(self, low: int, high: int) -> int:
        """A whole number; shrinks to the low end."""
        return self._draw(st.integers(low, high))

    def chance(self, percent: int) -> bool:
        """True about so often; shrinks to false."""
        return self.whole(0, 99) >= 100 - percent

    def one(self, things: Sequence[T]) -> T:
        """One of the things; shrinks to the first."""
        return things[self.whole(0, len(things) - 1)]

    def some(self, things: Sequence[T], *, least: int = 0, most: int = 3) -> list[T]:
        """Some of the things, each once, in their order."""
        wanted = self.whole(min(least, len(things)), min(most, len(things)))
        left = list(things)
        chosen = [left.pop(self.whole(0, len(left) - 1)) for _ in range(wanted)]
        return [thing for thing in things if thing in chosen]

    def many(self, make: Callable[[], T], *, least: int = 0, most: int = 3) -> list[T]:
        """A list of things that are made one by one."""
        return [make() for _ in range(self.whole(least, most))]

    def maybe(self, data: Data, percent: int, **fields: Callable[[], Any]) -> None:
        """Add fields, each with a chance."""
        for name, make in fields.items():
            if self.chance(percent):
                data[name] = make()

    def by_name(self, names: Sequence[str], values: Sequence[Any], *, least: int = 0) -> Data:
        """A mapping of one or two names to values."""
        return {name: self.one(values) for name in self.some(names, least=least, most=2)}


# --------------------------------------------------------------------------------------------------------------------- conditions


def term(dice: Dice, names: Names, *, latent: bool) -> str:
    """A number that a condition may name; one of a journey (`latent`) does not drift as time passes."""
    events, stages = ((*names.events, *SILENT), names.stages) if latent else (names.seen_events, names.seen_stages)
    words = ["purchases", "contacts", "opens", "clicks", "revenue / 10"]
    calls: dict[str, tuple[str, ...]] = {"count": events, "visited": stages, "score": ("sum",) if latent else SCORES}
    calls |= dict.fromkeys(("contacts", "opens", "clicks"), names.channels) | dict.fromkeys(("sent", "opened", "clicked"), names.messages)
    if latent:
        words += ["pace * 2", "fickle + half"]
    else:
        words += ["days_since_purchase", "days_since_contact", "days_since_entry", "days_in_stage", "hour / 6", "weekday", "day - 5"]
        calls |= {"days_since": events, "days_since_contact": names.channels}
    if dice.chance(50):
        return dice.one(words)
    call = dice.one(list(calls))
    return f"{call}({dice.one(calls[call])})"


def fact(dice: Dice, names: Names, *, latent: bool) -> str:
    """What is so or not."""
    kind = dice.one(("compared", "tagged", "consent", "stage", "stages", "country", "persona", "compared", "sum", "chain", "sum", "chain"))
    stages = names.stages if latent else names.seen_stages
    if kind in ("tagged", "consent"):
        return f"{kind}({dice.one(TAGS if kind == 'tagged' else names.channels)})"
    if kind == "stage":
        return f"stage == {dice.one(stages)}"
    if kind == "stages":
        return f"stage in [{', '.join(dice.some(stages, least=1))}]"
    if kind == "country" or (kind == "persona" and not latent):
        return f"country != {dice.one(COUNTRIES)}"
    if kind == "persona":
        return f"persona != {dice.one(names.personas)}"
    here = term(dice, names, latent=latent)
    if kind == "sum":
        return f"{here} + {term(dice, names, latent=latent)} <= {dice.whole(1, 6)}"
    if kind == "chain":
        return f"-1 <= {here} - 2 * {term(dice, names, latent=latent)} < 8"
    return f"{here} {dice.one(('<', '<=', '>', '>=', '!=', '=='))} {dice.whole(0, 5)}"


def condition(dice: Dice, names: Names, *, latent: bool = False) -> str:
    """A condition of a policy, or of a journey's `when` (`latent`)."""
    facts = dice.many(lambda: fact(dice, names, latent=latent), least=1)
    text = dice.one((" or ", " and ", " or not ")).join(f"({here})" for here in facts)
    return f"not ({text})" if dice.chance(20) else text


# ------------------------------------------------------------------------------------------------------------------------ journeys

WAITS: tuple[Data, ...] = (
    {"exponential": "1d"},
    {"exponential": {"mean": "4d"}},
    {"gamma": {"mean": "3d", "shape": 2.5}},
    {"weibull": {"scale": "4d", "shape": 0.7}},
    {"lognormal": {"median": "2d", "sigma": 1.0}},
    {"fixed": "1d"},
    {"fixed": "36h"},
    {"empirical": {"values": ["12h", "2d", "7d"], "weights": [1, 2, 1]}},
)
DELAYS: tuple[Data, ...] = (
    {"fixed": "0s"},
    {"exponential": "1h"},
    {"lognormal": {"median": "3h", "sigma": 1.5}},
    {"weibull": {"scale": "2h", "shape": 0.8}},
    {"gamma": {"mean": "4h", "shape": 0.6}},
    {"empirical": {"values": ["0s", "12h", "1d"]}},
)
AMOUNTS: tuple[Any, ...] = (
    10,
    {"fixed": 2.5},
    {"exponential": {"mean": 20}},
    {"gamma": {"mean": 40, "shape": 2}},
    {"lognormal": {"median": 15, "sigma": 0.6}},
    {"uniform": {"low": 1, "high": 4}},
    {"empirical": {"values": [2, 3, 5], "weights": [1, 2, 1]}},
)
KINDS = ("tag", "go", "purchase", "satisfy", "untag", "score", "choose", "choose", "fire", "purchase", "go", "opt_out")
HALF_LIVES = ("2d", "6h", "20d")
GAINS = (0.05, -0.1, -0.4, 0.3)
LIFTS = (0.3, -0.4, -1.0, 2.0, 12.0)
POINTS = (2.0, 0.5, -1.0)
WEIGHTS = (1, 0.3, 3, "fickle", "1-fickle", "1/purse")
TOUCHED = ("delivered", "opened", "clicked")


def effects(dice: Dice, names: Names, fires: tuple[str, ...], depth: int = 2) -> list[Data]:
    """Up to three effects; `fires`: the events that may be fired."""
    kinds = dice.many(lambda: dice.one(KINDS), most=3 if depth == 2 else 2)
    return [effect(dice, names, kind, fires, depth) for kind in kinds if (kind != "choose" or depth) and (kind != "fire" or fires)]


def effect(dice: Dice, names: Names, kind: str, fires: tuple[str, ...], depth: int) -> Data:
    """One effect of a kind."""
    if kind == "purchase":
        bought: Data = {"value": dice.one(AMOUNTS), "times": dice.some(("half", "purse"))}
        dice.maybe(bought, 50, margin=lambda: dice.one((0.4, -0.2)))
        return {"purchase": bought}
    if kind == "choose":
        return {"choose": dice.many(lambda: branch(dice, names, fires, depth - 1), least=1)}
    if kind == "score":
        return {"score": dice.by_name(SCORES, POINTS, least=1)}
    choices: dict[str, tuple[Any, ...]] = {"go": names.stages, "satisfy": GAINS, "tag": TAGS, "untag": TAGS, "fire": fires}
    return {kind: dice.one((choices | {"opt_out": (*names.channels, "all")})[kind])}


def branch(dice: Dice, names: Names, fires: tuple[str, ...], depth: int) -> Data:
    """One outcome of `choose`."""
    return {"weight": dice.one(WEIGHTS), "bend": dice.one((0, 2, -3)), "effects": effects(dice, names, fires, depth)}


def unpaid(made: list[Data]) -> list[Data]:
    """These effects but for purchases, which only an event that the firm sees may have."""
    chosen = [
        {"choose": [way | {"effects": unpaid(way["effects"])} for way in part["choose"]]} if "choose" in part else part for part in made
    ]
    return [part for part in chosen if "purchase" not in part]


def clocked_event(dice: Dice, names: Names, name: str) -> Data:
    """An event with a clock. Only `tick` may wait for no time: it happens twice and no more."""
    event: Data = {"in": dice.some(names.stages, least=1), "wait": dice.one(WAITS), "speed": dice.some(FACTORS, most=2)}
    event["effects"] = effects(dice, names, SILENT)
    dice.maybe(
        event,
        45,
        satisfaction=lambda: dice.one((2.0, -3.0)),
        half_life=lambda: dice.one(HALF_LIVES),
        activity=lambda: dice.one(sorted(ACTIVITY)),
        when=lambda: condition(dice, names, latent=True),
        **{"in": lambda: "anywhere"},
    )
    if name == "tick" and dice.chance(50):
        event |= {"wait": {"fixed": "0s"}, "when": "count(tick) < 2"}
    if names.hidden_event and name == names.events[-1]:
        event |= {"observed": False, "effects": unpaid(event["effects"])}
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
    )
    return made


def channel(dice: Dice) -> Data:
    """A channel; few openings outlive its lifetime, so that any rate below 0.7 is possible."""
    made: Data = {"consent": dice.one((1.0, 0.8)), "open_delay": dice.one(DELAYS)}
    dice.maybe(
        made,
        40,
        cost=lambda: 0.02,
        click_delay=lambda: dice.one(DELAYS),
        activity=lambda: dice.one(sorted(ACTIVITY)),
        lifetime=lambda: "5d",
        affinity=lambda: "taste",
        fatigue=lambda: 0.3,
        annoyance=lambda: 0.3,
        satisfaction=lambda: 1.5,
        pressure=lambda: dice.one((2.5, 0)),
        delivery_gain=lambda: dice.one((-0.1, 0.05)),
    )
    return made


def message(dice: Dice, names: Names) -> Data:
    """A message that is read often, and left now and then."""
    made: Data = {"channel": dice.one(names.channels), "open_rate": dice.one((0.6, 0.3))}
    dice.maybe(
        made,
        50,
        click_rate=lambda: dice.one((0.5, 0.9)),
        unsubscribe_rate=lambda: dice.one((0.05, 0.01)),
        complaint_rate=lambda: dice.one((0.05, 0.01)),
        cost=lambda: 0.3,
        lift=lambda: {touch: dice.by_name(names.events, LIFTS, least=1) for touch in dice.some(TOUCHED, least=1)},
        effects=lambda: {touch: unpaid(effects(dice, names, SILENT, 1)) for touch in dice.some(TOUCHED, least=1)},
    )
    return made


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
        "channels": {name: channel(dice) for name in names.channels},
        "messages": {name: message(dice, names) for name in names.messages},
    }
    dice.maybe(
        made,
        50,
        clock_shift=lambda: "late",
        satisfaction=lambda: {"half_life": "5d"},
        pressure=lambda: {"half_life": dice.one(("2d", None))},
        moments=lambda: {name: {"event": names.events[0], "nth": dice.whole(1, 3)} for name in ("conversion", "habit")},
    )
    return made


# ------------------------------------------------------------------------------------------------------------------------ policies

PAUSES = ("1d", "8h", "45min", "3d")
HOURS = ("10:00", "00:00", "22:30", "06:15")
STEPS = ("send", "send", "send", "wait", "wait_for", "branch", "split", "tag", "untag", "score", "stop")
FORKS = ("wait_for", "branch", "split")


def steps(dice: Dice, names: Names, depth: int = 2) -> list[Data]:
    """Up to four steps."""
    kinds = dice.many(lambda: dice.one(STEPS), least=1, most=4 if depth == 2 else 2)
    return [step(dice, names, kind, depth) for kind in kinds if kind not in FORKS or depth] or [{"send": names.messages[0]}]


def step(dice: Dice, names: Names, kind: str, depth: int) -> Data:
    """One step of a kind."""
    if kind == "wait_for":
        awaited: Data = {"event": dice.one(names.seen_events), "at_most": dice.one(PAUSES)}
        dice.maybe(awaited, 60, **dict.fromkeys(("then", "else"), lambda: steps(dice, names, depth - 1)))
        return {kind: awaited}
    if kind == "branch":
        return {kind: {"if": condition(dice, names), "then": steps(dice, names, depth - 1), "else": steps(dice, names, depth - 1)}}
    if kind == "split":
        return {kind: {arm: {"share": 0.5, "steps": steps(dice, names, depth - 1)} for arm in ("one", "other")}}
    if kind == "score":
        return {kind: dice.by_name(SCORES, POINTS, least=1)}
    plain: dict[str, tuple[Any, ...]] = {"send": names.messages, "wait": PAUSES, "tag": TAGS, "untag": TAGS, "stop": (True,)}
    return {kind: dice.one(plain[kind])}


def trigger(dice: Dice, names: Names) -> Data:
    """What starts a flow."""
    kind = dice.one(("event", "stage", "inactivity", "of"))
    if kind == "event":
        return {"event": dice.one(names.seen_events)}
    if kind == "stage":
        return {"stage": dice.one(names.seen_stages)}
    if kind == "of":
        return {"inactivity": "2d", "of": dice.some(names.seen_events, least=1)}
    return {"inactivity": dice.one(("1d", "30h", "5d"))}


def flow(dice: Dice, names: Names) -> Data:
    """A flow; one that may start again at once waits first, so that nothing goes round in circles."""
    made: Data = {"on": trigger(dice, names), "steps": steps(dice, names), "again_after": dice.one(("0s", "6h", "2d", "never"))}
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


def broadcast(dice: Dice, names: Names, start: int) -> Data:
    """A broadcast, now and then at the very time at which customers enter."""
    schedule: Data = {"at": dice.one(HOURS)}
    if dice.chance(30):
        schedule["dates"] = [f"2025-11-{start + day}" for day in dice.some(range(6), least=1)]
    else:
        schedule |= {"weekdays": dice.some(("monday", "thursday", "friday"), least=1), "every_weeks": dice.whole(1, 2)}
    made: Data = {"schedule": schedule, "send": dice.one(names.messages)}
    dice.maybe(made, 40, holdout=lambda: 0.4, priority=lambda: dice.whole(-2, 2), **{"if": lambda: condition(dice, names)})
    return made


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

    made: Data = {}
    rules = {"quiet_hours": quiet_hours, "gaps": gap, "caps": cap}
    for name, rule in rules.items():
        dice.maybe(made, 60, **{name: partial(dice.many, rule, least=1, most=2)})
    dice.maybe(made, 50, exit=lambda: condition(dice, names))
    return made


def policy(dice: Dice, names: Names, start: int) -> Data:
    """Up to four flows and two broadcasts."""
    flows = dice.many(lambda: flow(dice, names), least=1, most=4)
    broadcasts = dice.many(lambda: broadcast(dice, names, start), most=2)
    return {
        "name": "made",
        "flows": {f"flow_{number}": made for number, made in enumerate(flows)},
        "broadcasts": {f"cast_{number}": made for number, made in enumerate(broadcasts)},
        "guardrails": guardrails(dice, names),
    }


@st.composite
def scenarios(draw: st.DrawFn) -> Data:
    """A whole scenario as plain data: a few customers for a few weeks, to whom much happens."""
    dice = Dice(draw)
    stages = ("first", "second", "third")[: dice.whole(1, 3)]
    names = Names(
        stages=stages,
        events=CLOCKED[: dice.whole(2, len(CLOCKED))],
        channels=CHANNELS[: dice.whole(1, 3)],
        messages=MESSAGES[: dice.whole(1, 4)],
        personas=("one", "two", "three")[: dice.whole(1, 3)],
        hidden_stage=len(stages) > 1 and dice.chance(25),
        hidden_event=dice.chance(25),
    )
    start = dice.one((24, 20, 15))
    made: Data = {
        "name": "made",
        "start": f"2025-11-{start}",
        "horizon": dice.one(("20d", "33d", "40d 6h")),
        "customers": dice.whole(2, 8),
        "seed": dice.one((1, 2**40 + 7, 2**63 - 1)),
        "journey": journey(dice, names),
        "policy": policy(dice, names, start),
    }
    dice.maybe(made, 40, entry=lambda: {"over": "6d"}, discount_rate=lambda: 0.0)
    return made


def some_scenarios(count: int) -> list[Data]:
    """Scenarios as the strategy makes them, the same in every run."""
    made: list[Data] = []

    @settings(SMALL, max_examples=count, phases=(Phase.generate,))
    @given(scenarios())
    def collect(data: Data) -> None:
        made.append(data)

    collect()
    return made


if __name__ == "__main__":
    sys.stdout.write(json.dumps(digests(json.load(sys.stdin))))

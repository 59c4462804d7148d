"""Random scenarios in our language, and how a test lets a scenario live without a file.

Lives here: hypothesis strategies that make whole scenarios as plain data, the constructs that a plan and its log show, and, as a
script, digests of what becomes of scenarios (read as JSON from standard input), for tests that need another process.
"""

import hashlib
import json
import sys
from collections.abc import Iterable
from enum import IntEnum
from typing import Any, NamedTuple

import numpy as np
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from cjsim.engine.frames import Outcomes
from cjsim.engine.room import make_outcomes
from cjsim.engine.run import ENGINES
from cjsim.model.codes import TOUCHES, Effect, Op, Step, Touch, Trigger, Wait
from cjsim.model.plan import Plan
from cjsim.model.scenario import Scenario
from cjsim.model.tables import compile_world
from cjsim.model.world import Records

Data = dict[str, Any]
Text = st.SearchStrategy[str]

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
    outcomes = make_outcomes(plan, count)
    chunk = ENGINES[engine](plan, scenario.seed if seed is None else seed, outcomes, rows=4096).live(0, count)
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
        (Effect, world.effects["op"] if len(lived.plan.world.effects) else ()),
        (Step, world.steps["op"] if len(world.actors) else ()),
        (Trigger, world.actors["trigger"]),
        (Wait, waits),
        (Op, world.codes["op"]),
        (Touch, [code for code in np.unique(lived.rows["event"]) if code < TOUCHES]),
    ]
    return {f"{kind.__name__}.{kind(int(code)).name}" for kind, codes in found for code in codes}


# `END` ends nothing that is compiled; the two words of a mood drift, and a journey's conditions may not.
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
ACTIVITY: Data = {
    "waking": {
        "hours": [0, 0, 0, 0, 0, 0.2, 0.5, 1, 1, 1, 1, 1, 2, 1, 1, 1, 1, 1, 2, 3, 3, 2, 1, 0.5],
        "seasons": {"sale": {"from": "11-27", "to": "12-02", "times": 3}, "closed": {"from": "12-24", "to": "01-03", "times": 0}},
    },
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


def chance(percent: int) -> st.SearchStrategy[bool]:
    """True about so often; shrinks to false."""
    return st.integers(0, 99).map(lambda n: n >= 100 - percent)


def some(names: tuple[str, ...], *, least: int = 0, most: int = 3) -> st.SearchStrategy[list[str]]:
    """Some of the names, each once, in their order."""
    size = min(most, len(names))
    return st.lists(st.sampled_from(names), min_size=min(least, size), max_size=size, unique=True).map(sorted)


def maybe(data: Data, draw: st.DrawFn, percent: int, **fields: st.SearchStrategy[Any]) -> None:
    """Add fields, each with a chance."""
    for name, strategy in fields.items():
        if draw(chance(percent)):
            data[name] = draw(strategy)


# --------------------------------------------------------------------------------------------------------------------- conditions


def terms(names: Names, *, latent: bool) -> Text:
    """Numbers that a condition may name; those of a journey (`latent`) do not drift as time passes."""
    events, stages = ((*names.events, *SILENT), names.stages) if latent else (names.seen_events, names.seen_stages)
    calls = {"count": events, "visited": stages, "contacts": names.channels, "opens": names.channels, "clicks": names.channels}
    calls |= {"sent": names.messages, "opened": names.messages, "clicked": names.messages, "score": ("sum",) if latent else SCORES}
    words = ["purchases", "contacts", "opens", "clicks", "revenue / 10"]
    if latent:
        words += ["pace * 2", "fickle + half"]
    else:
        words += ["days_since_purchase", "days_since_contact", "days_since_entry", "days_in_stage", "hour / 6", "weekday", "day - 5"]
        calls |= {"days_since": events, "days_since_contact": names.channels}
    of_call = st.sampled_from(sorted(calls)).flatmap(lambda call: st.sampled_from(calls[call]).map(lambda name: f"{call}({name})"))
    return st.one_of(st.sampled_from(words), of_call, of_call)


def facts(names: Names, *, latent: bool) -> Text:
    """What is so or not."""
    stages = names.stages if latent else names.seen_stages
    plain = [
        st.sampled_from(TAGS).map(lambda tag: f"tagged({tag})"),
        st.sampled_from(names.channels).map(lambda channel: f"consent({channel})"),
        st.sampled_from(stages).map(lambda stage: f"stage == {stage}"),
        some(stages, least=1).map(lambda some_stages: f"stage in [{', '.join(some_stages)}]"),
        st.sampled_from(COUNTRIES).map(lambda level: f"country != {level}"),
    ]
    if latent:
        plain.append(st.sampled_from(names.personas).map(lambda persona: f"persona != {persona}"))
    signs = st.sampled_from(("<", "<=", ">", ">=", "!=", "=="))
    compared = st.tuples(terms(names, latent=latent), signs, st.integers(0, 5)).map(lambda parts: "{} {} {}".format(*parts))
    sums = st.tuples(terms(names, latent=latent), terms(names, latent=latent), st.integers(1, 6)).map("{0[0]} + {0[1]} <= {0[2]}".format)
    chains = st.tuples(terms(names, latent=latent), terms(names, latent=latent)).map("-1 <= {0[0]} - 2 * {0[1]} < 8".format)
    return st.one_of(*plain, compared, compared, sums, chains)


def conditions(names: Names, *, latent: bool = False) -> Text:
    """A condition of a policy, or of a journey's `when` (`latent`)."""
    joined = st.tuples(facts(names, latent=latent), st.sampled_from(("and", "or")), facts(names, latent=latent))
    either = joined.map(lambda parts: "({}) {} ({})".format(*parts))
    return st.one_of(facts(names, latent=latent), either, facts(names, latent=latent).map("not ({})".format))


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
KINDS = ("go", "purchase", "satisfy", "tag", "untag", "score", "choose", "choose", "fire", "purchase", "go", "opt_out")
HALF_LIVES = st.sampled_from(("6h", "2d", "20d"))
GAINS = st.sampled_from((-0.4, -0.1, 0.05, 0.3))
LIFTS = st.sampled_from((-1.0, -0.4, 0.3, 2.0, 12.0))
POINTS = st.dictionaries(st.sampled_from(SCORES), st.sampled_from((-1.0, 0.5, 2.0)), min_size=1)


@st.composite
def effects(draw: st.DrawFn, names: Names, fires: tuple[str, ...], depth: int = 2) -> list[Data]:
    """Up to three effects; `fires`: the events that may be fired."""
    kinds = draw(st.lists(st.sampled_from(KINDS), max_size=3 if depth == 2 else 2))
    return [draw(effect(names, kind, fires, depth)) for kind in kinds if (kind != "choose" or depth) and (kind != "fire" or fires)]


@st.composite
def effect(draw: st.DrawFn, names: Names, kind: str, fires: tuple[str, ...], depth: int) -> Data:
    """One effect of a kind."""
    if kind == "purchase":
        bought: Data = {"value": draw(st.sampled_from(AMOUNTS)), "times": draw(some(("half", "purse")))}
        maybe(bought, draw, 50, margin=st.sampled_from((0.4, -0.2)))
        return {"purchase": bought}
    if kind == "choose":
        weights = st.sampled_from((1, 0.3, 3, "fickle", "1-fickle", "1/purse"))
        branches = draw(st.lists(st.tuples(weights, st.sampled_from((0, 2, -3)), effects(names, fires, depth - 1)), min_size=1, max_size=3))
        return {"choose": [{"weight": weight, "bend": bend, "effects": inside} for weight, bend, inside in branches]}
    plain: dict[str, st.SearchStrategy[Any]] = {
        "go": st.sampled_from(names.stages),
        "satisfy": GAINS,
        "tag": st.sampled_from(TAGS),
        "untag": st.sampled_from(TAGS),
        "score": POINTS,
        "fire": st.sampled_from(fires or SILENT),
        "opt_out": st.sampled_from((*names.channels, "all")),
    }
    return {kind: draw(plain[kind])}


@st.composite
def clocked_event(draw: st.DrawFn, names: Names, name: str) -> Data:
    """An event with a clock. Only `tick` may wait for no time: it happens twice and no more."""
    event: Data = {"in": draw(st.one_of(st.just("anywhere"), some(names.stages, least=1)))}
    event["wait"] = draw(st.sampled_from(WAITS))
    event["speed"] = draw(some(FACTORS, most=2))
    event["effects"] = draw(effects(names, SILENT))
    fields = {"satisfaction": st.sampled_from((2.0, -3.0)), "half_life": HALF_LIVES, "activity": st.sampled_from(sorted(ACTIVITY))}
    maybe(event, draw, 45, **fields, when=conditions(names, latent=True))
    if name == "tick" and draw(st.booleans()):
        event |= {"wait": {"fixed": "0s"}, "when": "count(tick) < 2"}
    if names.hidden_event and name == names.events[-1]:
        event["observed"] = False
    return event


@st.composite
def persona(draw: st.DrawFn, names: Names, share: float) -> Data:
    """A persona with some tastes of its own."""
    made: Data = {"share": share, "satisfaction": draw(st.sampled_from((0.5, 0.2, 0.9)))}
    events, channels = st.sampled_from(names.events), st.sampled_from(names.channels)
    maybe(
        made,
        draw,
        40,
        starts_in=st.sampled_from(names.stages),
        speed=st.dictionaries(events, st.sampled_from((0, 0.5, 3)), max_size=2),
        responds=st.dictionaries(events, st.sampled_from((0, 0.5, 2)), max_size=2),
        contact_lift=st.dictionaries(events, LIFTS, max_size=2),
        affinity=st.dictionaries(channels, st.sampled_from((-1.5, 1.0)), max_size=2),
        consent=st.dictionaries(channels, st.sampled_from((0.3, 1.0)), max_size=2),
    )
    return made


@st.composite
def channel(draw: st.DrawFn) -> Data:
    """A channel; what outlives its lifetime is a small share of openings, so that any rate below 0.7 is possible."""
    made: Data = {"consent": draw(st.sampled_from((1.0, 0.8))), "open_delay": draw(st.sampled_from(DELAYS))}
    maybe(
        made,
        draw,
        40,
        cost=st.just(0.02),
        click_delay=st.sampled_from(DELAYS),
        activity=st.sampled_from(sorted(ACTIVITY)),
        lifetime=st.just("5d"),
        affinity=st.just("taste"),
        fatigue=st.just(0.3),
        annoyance=st.just(0.3),
        satisfaction=st.just(1.5),
        pressure=st.sampled_from((0, 2.5)),
        delivery_gain=st.sampled_from((-0.1, 0.05)),
    )
    return made


@st.composite
def message(draw: st.DrawFn, names: Names) -> Data:
    """A message that is read often, and left now and then."""
    made: Data = {"channel": draw(st.sampled_from(names.channels)), "open_rate": draw(st.sampled_from((0.6, 0.3)))}
    touched = ("delivered", "opened", "clicked")
    lifts = st.dictionaries(st.sampled_from(names.events), LIFTS, min_size=1, max_size=2)
    maybe(
        made,
        draw,
        50,
        click_rate=st.sampled_from((0.5, 0.9)),
        unsubscribe_rate=st.sampled_from((0.01, 0.08)),
        complaint_rate=st.sampled_from((0.01, 0.05)),
        cost=st.just(0.3),
        lift=st.dictionaries(st.sampled_from(touched), lifts, min_size=1),
        effects=st.dictionaries(st.sampled_from(touched), effects(names, SILENT, 1), min_size=1),
    )
    return made


@st.composite
def journeys(draw: st.DrawFn, names: Names) -> Data:
    """A journey in which something happens every day or so."""
    shares = {1: (1.0,), 2: (0.6, 0.4), 3: (0.5, 0.3, 0.2)}[len(names.personas)]
    stages = {name: {"retained": draw(st.booleans())} for name in names.stages}
    if names.hidden_stage:
        stages[names.stages[-1]]["observed"] = False
    silent = {"echo": {"effects": draw(effects(names, ("sigh",)))}, "sigh": {"in": "anywhere", "effects": draw(effects(names, ()))}}
    made: Data = {
        "name": "made",
        "starts_in": names.stages[0],
        "personas": {name: draw(persona(names, share)) for name, share in zip(names.personas, shares, strict=True)},
        "traits": TRAITS,
        "attributes": {"country": {"DE": 0.6, "FR": 0.4}},
        "activity": ACTIVITY,
        "scores": {"heat": {"half_life": "4d"}, "sum": {}},
        "stages": stages,
        "events": {name: draw(clocked_event(names, name)) for name in names.events} | silent,
        "channels": {name: draw(channel()) for name in names.channels},
        "messages": {name: draw(message(names)) for name in names.messages},
    }
    nth = st.integers(1, 3).map(lambda n: {"event": names.events[0], "nth": n})
    moments = st.dictionaries(st.sampled_from(("conversion", "habit")), nth, min_size=1)
    maybe(made, draw, 50, clock_shift=st.just("late"), satisfaction=st.just({"half_life": "5d"}), moments=moments)
    maybe(made, draw, 50, pressure=st.sampled_from(({"half_life": "2d"}, {"half_life": None})))
    # Conditions may ask for any tag: each is put on somewhere.
    made["events"]["echo"]["effects"] += [{"choose": [{"weight": 1, "effects": [{"tag": tag}]} for tag in TAGS]}]
    return made


# ------------------------------------------------------------------------------------------------------------------------ policies

PAUSES = st.sampled_from(("1d", "8h", "45min", "3d"))
HOURS = ("00:00", "10:00", "22:30", "06:15")
STEPS = ("send", "send", "send", "wait", "wait_for", "branch", "split", "tag", "untag", "score", "stop")


@st.composite
def steps(draw: st.DrawFn, names: Names, depth: int = 2) -> list[Data]:
    """Up to four steps."""
    kinds = draw(st.lists(st.sampled_from(STEPS), min_size=1, max_size=4 if depth == 2 else 2))
    forks = ("wait_for", "branch", "split")
    return [draw(step(names, kind, depth)) for kind in kinds if kind not in forks or depth] or [{"send": names.messages[0]}]


@st.composite
def step(draw: st.DrawFn, names: Names, kind: str, depth: int) -> Data:
    """One step of a kind."""
    if kind == "wait_for":
        awaited: Data = {"event": draw(st.sampled_from(names.seen_events)), "at_most": draw(PAUSES)}
        maybe(awaited, draw, 60, then=steps(names, depth - 1))
        maybe(awaited, draw, 60, **{"else": steps(names, depth - 1)})
        return {kind: awaited}
    if kind == "branch":
        return {kind: {"if": draw(conditions(names)), "then": draw(steps(names, depth - 1)), "else": draw(steps(names, depth - 1))}}
    if kind == "split":
        return {kind: {arm: {"share": 0.5, "steps": draw(steps(names, depth - 1))} for arm in ("one", "other")}}
    plain: dict[str, st.SearchStrategy[Any]] = {
        "send": st.sampled_from(names.messages),
        "wait": PAUSES,
        "tag": st.sampled_from(TAGS),
        "untag": st.sampled_from(TAGS),
        "score": POINTS,
        "stop": st.just(True),
    }
    return {kind: draw(plain[kind])}


@st.composite
def flow(draw: st.DrawFn, names: Names) -> Data:
    """A flow; one that may start again at once waits first, so that nothing goes round in circles."""
    triggers = st.one_of(
        st.sampled_from(names.seen_events).map(lambda event: {"event": event}),
        st.sampled_from(names.seen_stages).map(lambda stage: {"stage": stage}),
        st.sampled_from(("1d", "30h", "5d")).map(lambda days: {"inactivity": days}),
        some(names.seen_events, least=1).map(lambda events: {"inactivity": "2d", "of": events}),
    )
    made: Data = {"on": draw(triggers), "steps": draw(steps(names)), "again_after": draw(st.sampled_from(("6h", "2d", "never", "0s")))}
    if made["again_after"] == "0s":
        made["steps"] = [{"wait": draw(PAUSES)}, *made["steps"]]
    if draw(chance(30)):
        again = {"branch": {"if": f"sent({draw(st.sampled_from(names.messages))}) < 6", "then": [{"jump": "again"}]}}
        made["steps"] = [{"label": "again", "wait": draw(PAUSES)}, *made["steps"], again]
    fields = {"exit_on": some(names.seen_events, least=1, most=2), "holdout": st.just(0.4), "priority": st.integers(-2, 2)}
    maybe(made, draw, 35, **fields, **{"if": conditions(names)})
    return made


@st.composite
def broadcast(draw: st.DrawFn, names: Names, start: int) -> Data:
    """A broadcast, now and then at the very time at which customers enter."""
    schedule: Data = {"at": draw(st.sampled_from(HOURS))}
    if draw(chance(30)):
        schedule["dates"] = [f"2025-11-{start + day}" for day in draw(st.lists(st.integers(0, 5), min_size=1, max_size=3, unique=True))]
    else:
        schedule |= {"weekdays": draw(some(("monday", "thursday", "friday"), least=1)), "every_weeks": draw(st.integers(1, 2))}
    made: Data = {"schedule": schedule, "send": draw(st.sampled_from(names.messages))}
    maybe(made, draw, 35, holdout=st.just(0.4), priority=st.integers(-2, 2), **{"if": conditions(names)})
    return made


@st.composite
def guardrails(draw: st.DrawFn, names: Names) -> Data:
    """Up to two rules of each kind."""
    of = some(names.channels)
    quiet = st.sampled_from((("21:00", "08:00"), ("00:00", "09:30"), ("12:00", "13:30"), ("22:00", "24:00")))
    quiet_hours = st.tuples(quiet, of).map(lambda made: {"from": made[0][0], "to": made[0][1], "channels": made[1]})
    gaps = st.tuples(st.sampled_from(("2h", "1d")), of).map(lambda made: {"at_least": made[0], "channels": made[1]})
    caps = st.tuples(st.sampled_from((0, 1, 2, 3)), st.sampled_from(("1d", "7d")), of)
    capped = caps.map(lambda made: {"at_most": made[0] if made[2] else made[0] + 1, "per": made[1], "channels": made[2]})
    made: Data = {}
    rules = {"quiet_hours": quiet_hours, "gaps": gaps, "caps": capped}
    maybe(made, draw, 50, **{name: st.lists(rule, min_size=1, max_size=2) for name, rule in rules.items()})
    maybe(made, draw, 30, exit=conditions(names))
    return made


@st.composite
def policies(draw: st.DrawFn, names: Names, start: int) -> Data:
    """Up to four flows and two broadcasts, at least one of them."""
    flows = draw(st.lists(flow(names), min_size=1, max_size=4))
    broadcasts = draw(st.lists(broadcast(names, start), max_size=2))
    return {
        "name": "made",
        "flows": {f"flow_{number}": made for number, made in enumerate(flows)},
        "broadcasts": {f"cast_{number}": made for number, made in enumerate(broadcasts)},
        "guardrails": draw(guardrails(names)),
    }


@st.composite
def scenarios(draw: st.DrawFn) -> Data:
    """A whole scenario as plain data: a few customers for a few weeks, to whom much happens."""
    names = Names(
        stages=("first", "second", "third")[: draw(st.integers(1, 3))],
        events=CLOCKED[: draw(st.integers(2, len(CLOCKED)))],
        channels=CHANNELS[: draw(st.integers(1, 3))],
        messages=MESSAGES[: draw(st.integers(1, 4))],
        personas=("one", "two", "three")[: draw(st.integers(1, 3))],
        hidden_stage=draw(chance(25)),
        hidden_event=draw(chance(25)),
    )
    if len(names.stages) == 1:
        names = names._replace(hidden_stage=False)
    start = draw(st.sampled_from((24, 20, 15)))
    made: Data = {
        "name": "made",
        "start": f"2025-11-{start}",
        "horizon": draw(st.sampled_from(("20d", "33d", "40d 6h"))),
        "customers": draw(st.integers(2, 8)),
        "seed": draw(st.sampled_from((1, 2**40 + 7, 2**63 - 1))),
        "journey": draw(journeys(names)),
        "policy": draw(policies(names, start)),
    }
    maybe(made, draw, 40, entry=st.just({"over": "6d"}), discount_rate=st.just(0.0))
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

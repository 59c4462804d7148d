"""Laws of guardrails, exact, on logs of heavy traffic: a plain judge reads the policy and the log, and never sees a compiled rule."""

import itertools
from collections import Counter, defaultdict
from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
import pytest
from conftest import ROOT
from scenarios import Data, Lived, live, some_scenarios

from cjsim.model.codes import Touch
from cjsim.model.random import uniforms
from cjsim.model.scenario import Scenario

EQUAL = 1e-9  # days: times that are equal but for rounding count as equal
REFUSALS = [touch.name.lower() for touch in Touch if touch.name.startswith("SUPPRESSED")]
ATTEMPTS = ("delivered", "deferred", *REFUSALS)
DAY = {"consent": 1.0, "open_delay": {"exponential": "2h"}}
HEAVY: Data = {
    "name": "heavy",
    "start": "2026-01-05",
    "horizon": "60d",
    "customers": 60,
    "entry": {"over": "3d"},
    "journey": {
        "name": "heavy",
        "starts_in": "in",
        "stages": {"in": {}},
        "events": {
            "knock": {"in": "anywhere", "wait": {"exponential": "8h"}},
            "shout": {
                "in": "anywhere",
                "wait": {"exponential": "25d"},
                "effects": [{"choose": [{"weight": 3}, {"weight": 1, "effects": [{"opt_out": "text"}]}]}],
            },
        },
        "channels": {"mail": DAY, "text": DAY | {"consent": 0.7}, "bell": DAY | {"consent": 0.9}},
        "messages": {
            "letter": {"channel": "mail", "open_rate": 0.5, "unsubscribe_rate": 0.002, "complaint_rate": 0.001},
            "note": {"channel": "text", "open_rate": 0.5, "unsubscribe_rate": 0.003},
            "ring": {"channel": "bell", "open_rate": 0.5},
        },
    },
    "policy": {
        "name": "heavy",
        "flows": {
            "answer": {"on": {"event": "knock"}, "holdout": 0.2, "steps": [{"wait": "1h"}, {"send": "letter"}]},
            "echo": {"on": {"event": "knock"}, "again_after": "3h", "steps": [{"send": "note"}, {"wait": "5min"}, {"send": "ring"}]},
            "poke": {"on": {"inactivity": "6h"}, "again_after": "1d", "exit_on": ["knock"], "steps": [{"send": "ring"}]},
        },
        "broadcasts": {
            "morning": {"schedule": {"weekdays": ["monday", "wednesday", "friday"], "at": "10:00"}, "send": "letter"},
            "noon": {"schedule": {"weekdays": ["monday", "saturday"], "at": "12:00"}, "priority": 3, "send": "letter"},
            "night": {"schedule": {"weekdays": ["monday", "sunday"], "at": "22:30"}, "holdout": 0.3, "send": "note"},
        },
        "guardrails": {
            "exit": "contacts >= 150 or count(shout) >= 4",
            "quiet_hours": [
                {"from": "21:00", "to": "08:00", "channels": ["text", "bell"]},
                {"from": "12:00", "to": "13:30", "channels": ["mail"]},
                {"from": "08:00", "to": "09:00", "channels": ["bell"]},
            ],
            "gaps": [{"at_least": "20min"}, {"at_least": "4h", "channels": ["text"]}],
            "caps": [
                {"at_most": 2, "per": "1d", "channels": ["mail"]},
                {"at_most": 25, "per": "7d"},
                {"at_most": 5, "per": "3d", "channels": ["bell", "text"]},
            ],
        },
    },
}


class Seen(NamedTuple):
    """A log row by names."""

    customer: int
    time: float
    value: float
    event: str
    stage: str
    channel: str
    message: str
    source: str


class World:
    """A scenario, what became of it, and what is known of its customers from the draws that docs/design.md names."""

    def __init__(self, scenario: Scenario) -> None:
        self.scenario = scenario
        self.rules = scenario.policy.guardrails
        self.lived: Lived = live(scenario)
        self.rows = [Seen(*row) for row in self.lived.told()]
        self.keys = np.arange(scenario.customers, dtype=np.uint64)
        self.held = {name: self.held_out("flow", name, flow.holdout) for name, flow in scenario.policy.flows.items()}
        self.held |= {name: self.held_out("broadcast", name, cast.holdout) for name, cast in scenario.policy.broadcasts.items()}

    def held_out(self, kind: str, name: str, share: float) -> set[int]:
        return set(np.flatnonzero(uniforms(self.scenario.seed, self.keys, f"{kind}:{name}:holdout") < share).tolist())

    def consents(self, customer: int) -> set[str]:
        """Channels on which the customer may be contacted at entry."""
        journey = self.scenario.journey
        persona = journey.personas[self.lived.plan.codebook.personas[self.lived.outcomes.customers["persona"][customer]]]
        return {
            name
            for name, channel in journey.channels.items()
            if uniforms(self.scenario.seed, self.keys[customer : customer + 1], f"channel:{name}:consent")[0]
            < persona.consent.get(name, channel.consent)
        }

    def by_customer(self) -> Iterator[tuple[int, list[Seen]]]:
        for customer, rows in itertools.groupby(self.rows, key=lambda row: row.customer):
            yield customer, list(rows)

    def deliveries(self, channels: tuple[str, ...]) -> Iterator[np.ndarray[Any, Any]]:
        """Times of the deliveries to each customer on these channels (all, if none are named)."""
        for _, rows in self.by_customer():
            yield np.array([row.time for row in rows if row.event == "delivered" and (not channels or row.channel in channels)])

    def quiet_end(self, time: float, channel: str) -> float | None:
        """When the quiet hours that hold now end."""
        day = np.floor(time + EQUAL)
        hour = (time + EQUAL - day) * 24
        for quiet in self.rules.quiet_hours:
            if quiet.channels and channel not in quiet.channels:
                continue
            if quiet.start < quiet.end and quiet.start <= hour < quiet.end:
                return float(day + quiet.end / 24)
            if quiet.start > quiet.end and (hour < quiet.end or hour >= quiet.start):
                return float(day + (hour >= quiet.start) + quiet.end / 24)
        return None


class Judge:
    """What the guardrails must say of each send to one customer, from what the log has told so far."""

    def __init__(self, world: World, customer: int) -> None:
        self.world = world
        self.customer = customer
        self.consent = world.consents(customer)
        self.contacts: list[Seen] = []
        self.happened: Counter[str] = Counter()

    def note(self, row: Seen) -> None:
        """Remember a row."""
        self.happened[row.event] += 1
        if row.event == "delivered":
            self.contacts.append(row)
        elif row.event in ("unsubscribed", "complained", "opted_out"):
            self.consent.discard(row.channel)

    def verdict(self, row: Seen) -> str:
        """The verdict on a send at this time, by this source, on this channel."""
        if row.channel not in self.consent:
            return "suppressed_consent"
        if self.customer in self.world.held[row.source]:
            return "suppressed_holdout"
        if self.exits(row):
            return "suppressed_exit"
        if self.world.quiet_end(row.time, row.channel) is not None:
            return "deferred"
        if any(self.since(rule.channels, row) < rule.at_least - EQUAL for rule in self.world.rules.gaps):
            return "suppressed_gap"
        if any(self.within(rule.channels, rule.per, row) >= rule.at_most for rule in self.world.rules.caps):
            return "suppressed_cap"
        return "delivered"

    def exits(self, row: Seen) -> bool:
        """What `guardrails.exit` says; where only the engine can say, its word is taken."""
        if self.world.rules.exit == HEAVY["policy"]["guardrails"]["exit"]:
            return len(self.contacts) >= 150 or self.happened["shout"] >= 4
        return self.world.rules.exit is not None and row.event == "suppressed_exit"

    def since(self, channels: tuple[str, ...], row: Seen) -> float:
        """Days since the last contact under a gap rule; infinite if the rule does not cover this send."""
        if channels and row.channel not in channels:
            return np.inf
        return min((row.time - past.time for past in self.contacts if not channels or past.channel in channels), default=np.inf)

    def within(self, channels: tuple[str, ...], per: float, row: Seen) -> int:
        """Contacts under a cap in the period before this send; -1 if the cap does not cover it."""
        if channels and row.channel not in channels:
            return -1
        return sum(row.time - past.time < per - EQUAL for past in self.contacts if not channels or past.channel in channels)


@pytest.fixture(scope="module")
def heavy() -> World:
    """Some 30,000 sends of all kinds, to customers who knock three times a day."""
    return World(Scenario.from_dict(HEAVY))


@pytest.fixture(scope="module")
def worlds(heavy: World) -> list[World]:
    """Heavy traffic, every construct with more of it, and 150 scenarios made at random."""
    more = {"journey.events.browse.wait": {"exponential": "8h"}, "journey.events.buy.wait": {"exponential": "2d"}, "customers": 40}
    everything = Scenario.load(ROOT / "tests" / "worlds" / "every_construct.yaml", set=more)
    return [heavy, World(everything), *(World(Scenario.from_dict(data)) for data in some_scenarios(150))]


def test_every_send_is_judged_as_a_plain_judge_does(worlds: list[World]) -> None:
    judged: Counter[str] = Counter()
    for world in worlds:
        for customer, rows in world.by_customer():
            judge = Judge(world, customer)
            for row in rows:
                if row.event in ATTEMPTS:
                    assert row.event == judge.verdict(row), (world.scenario.to_dict(), row)
                    judged[row.event] += 1
                judge.note(row)
    assert set(judged) == set(ATTEMPTS)
    assert min(judged.values()) > 300


def test_caps_are_never_exceeded_in_any_window(worlds: list[World]) -> None:
    windows = 0
    for world in worlds:
        for cap in world.rules.caps:
            for times in world.deliveries(cap.channels):
                assert cap.at_most > 0 or len(times) == 0
                spans = [later - earlier for earlier, later in zip(times, times[cap.at_most :], strict=False)]
                assert cap.at_most == 0 or min(spans, default=np.inf) >= cap.per - EQUAL
                windows += len(spans)
    assert windows > 5000


def test_gaps_are_kept(worlds: list[World]) -> None:
    pairs = 0
    for world in worlds:
        for rule in world.rules.gaps:
            for times in world.deliveries(rule.channels):
                assert (np.diff(times) >= rule.at_least - EQUAL).all()
                pairs += len(times)
    assert pairs > 5000


def test_quiet_hours_are_never_broken(worlds: list[World]) -> None:
    delivered = [(world, row) for world in worlds for row in world.rows if row.event == "delivered" and world.rules.quiet_hours]
    assert len(delivered) > 5000
    assert [row for world, row in delivered if world.quiet_end(row.time, row.channel) is not None] == []


def test_deferred_sends_are_tried_again_when_quiet_hours_end(worlds: list[World]) -> None:
    tried: Counter[str] = Counter()
    for world in worlds:
        for _, rows in world.by_customer():
            for at, row in enumerate(rows):
                if row.event != "deferred":
                    continue
                end = world.quiet_end(row.time, row.channel)
                assert end is not None
                later = (other for other in rows[at + 1 :] if other.source == row.source and other.event in (*ATTEMPTS, "flow_exited"))
                following = next(later, None)
                if row.source in world.scenario.policy.broadcasts and (following is None or following.time > end + EQUAL):
                    continue  # its `if` is asked again, and did not hold
                if following is None:
                    assert end >= world.scenario.horizon - EQUAL
                elif following.event != "flow_exited":
                    assert abs(following.time - end) < EQUAL
                    assert following.message == row.message
                    tried[following.event] += 1
    assert {"delivered", "deferred", "suppressed_cap", "suppressed_gap", "suppressed_exit", "suppressed_consent"} <= set(tried)
    assert tried["delivered"] > 500


def test_who_has_opted_out_is_never_contacted_again(worlds: list[World]) -> None:
    ends = 0
    for world in worlds:
        for _, rows in world.by_customer():
            out: set[str] = set()
            for row in rows:
                assert row.event != "delivered" or row.channel not in out
                if row.event in ("unsubscribed", "complained", "opted_out"):
                    assert row.channel not in out
                    out.add(row.channel)
                    ends += 1
    assert ends > 200


def test_who_never_consented_is_never_contacted(worlds: list[World]) -> None:
    for world in worlds:
        for customer, rows in world.by_customer():
            assert {row.channel for row in rows if row.event == "delivered"} <= world.consents(customer)


def test_who_is_held_out_is_contacted_by_others_only(worlds: list[World], heavy: World) -> None:
    for world in worlds:
        assert [row for row in world.rows if row.event == "delivered" and row.customer in world.held[row.source]] == []
        held = [row for row in world.rows if row.event == "suppressed_holdout"]
        assert all(row.customer in world.held[row.source] for row in held)
    reached = {row.customer for row in heavy.rows if row.event == "delivered" and row.source == "echo"}
    assert len(heavy.held["answer"] & reached) > 5
    assert len(heavy.held["answer"]) < heavy.scenario.customers / 2


def test_nobody_is_contacted_after_the_guardrail_exit(heavy: World) -> None:
    ended = 0
    for _, rows in heavy.by_customer():
        contacts = shouts = 0
        for row in rows:
            if row.event == "delivered":
                assert contacts < 150
                assert shouts < 4
            contacts += row.event == "delivered"
            shouts += row.event == "shout"
        ended += contacts == 150 or shouts >= 4
    assert ended > 20


def test_again_after_is_kept(worlds: list[World]) -> None:
    starts: Counter[bool] = Counter()
    for world in worlds:
        for _, rows in world.by_customer():
            times: dict[str, list[float]] = defaultdict(list)
            for row in rows:
                if row.event == "flow_started":
                    times[row.source].append(row.time)
            for source, started in times.items():
                after = world.scenario.policy.flows[source].again_after
                assert len(started) == 1 if after == "never" else (np.diff(started) >= after).all()
                starts[after == "never"] += len(started)
    assert starts[False] > 2000
    assert starts[True] > 100


def small(policy: Data, **changed: Any) -> list[list[Seen]]:
    """Rows of 20 customers who enter at day 0, knock every three hours, and get what the policy sends on two silent channels."""
    journey = {
        "name": "small",
        "starts_in": "in",
        "stages": {"in": {}},
        "events": {"knock": {"in": ["in"], "wait": {"exponential": "3h"}}},
        "channels": {"mail": {}, "text": {}},
        "messages": {"letter": {"channel": "mail", "open_rate": 0.01}, "note": {"channel": "text", "open_rate": 0.01}},
    }
    made: Data = {"name": "small", "start": "2026-01-05", "horizon": "20d", "customers": 20, "journey": journey, "policy": policy}
    return [rows for _, rows in World(Scenario.from_dict(made | changed)).by_customer()]


def test_flow_runs_once_at_a_time() -> None:
    flow = {"on": {"event": "knock"}, "steps": [{"wait": "12h"}, {"send": "letter"}, {"wait": "6h"}]}
    runs = 0
    for rows in small({"name": "p", "flows": {"slow": flow}}):
        told = [row for row in rows if row.source == "slow" and row.event in ("flow_started", "delivered")]
        assert [row.event for row in told] == (["flow_started", "delivered"] * len(told))[: len(told)]
        starts, sends = told[0::2], told[1::2]
        assert [send.time for send in sends] == [start.time + 0.5 for start in starts[: len(sends)]]
        assert all(start.time > send.time + 0.25 for send, start in zip(sends, starts[1:], strict=False))
        runs += len(starts)
    assert runs > 300


def test_flow_that_was_exited_starts_anew_and_sends_nothing_of_before() -> None:
    flow = {"on": {"event": "knock"}, "exit_on": ["knock"], "steps": [{"wait": "3h"}, {"send": "letter"}]}
    exits = 0
    for rows in small({"name": "p", "flows": {"shy": flow}}):
        knocks = [row.time for row in rows if row.event == "knock"]
        sends = [row.time for row in rows if row.event == "delivered"]
        # A knock ends the run and, at the same time, starts another: a letter follows each knock that no other follows within 3 hours.
        quiet = [time for time, following in zip(knocks, [*knocks[1:], np.inf], strict=True) if following > time + 3 / 24]
        assert sends == [time + 3 / 24 for time in quiet if time + 3 / 24 < 20]
        exits += sum(row.event == "flow_exited" for row in rows)
    assert exits > 300


def test_refused_send_does_not_end_the_flow() -> None:
    flow = {"on": {"stage": "in"}, "steps": [{"send": "letter"}, {"send": "letter"}, {"wait": "1d"}, {"send": "note"}]}
    for rows in small({"name": "p", "flows": {"f": flow}, "guardrails": {"gaps": [{"at_least": "1h"}]}}):
        told = [(row.time, row.event, row.message) for row in rows if row.event in ATTEMPTS]
        assert told == [(0.0, "delivered", "letter"), (0.0, "suppressed_gap", "letter"), (1.0, "delivered", "note")]


PRIORITIES = list(itertools.islice(itertools.product((0, 2, -1), repeat=4), 0, 81, 5))


@pytest.mark.parametrize("priorities", PRIORITIES)
def test_at_equal_times_the_higher_priority_sends_first(priorities: tuple[int, ...]) -> None:
    # Two flows that start at entry and two broadcasts at that very time; one contact a day: the others are refused, in their order.
    flows = [{"on": {"stage": "in"}, "steps": [{"send": "letter"}], "priority": priority} for priority in priorities[:2]]
    casts = [{"schedule": {"dates": ["2026-01-05"], "at": "00:00"}, "send": "letter", "priority": priority} for priority in priorities[2:]]
    policy = {
        "name": "p",
        "broadcasts": {f"cast_{number}": cast for number, cast in enumerate(casts)},
        "flows": {f"flow_{number}": flow for number, flow in enumerate(flows)},
        "guardrails": {"caps": [{"at_most": 1, "per": "1d"}]},
    }
    names = ("flow_0", "flow_1", "cast_0", "cast_1")
    order = [name for _, name in sorted(zip(priorities, names, strict=True), key=lambda pair: -pair[0])]
    for rows in small(policy, horizon="1d"):
        told = [(row.source, row.event) for row in rows if row.event in ATTEMPTS]
        assert told == [(order[0], "delivered"), *((name, "suppressed_cap") for name in order[1:])]


def test_all_is_asked_again_when_quiet_hours_end() -> None:
    flows = {
        name: {"on": {"stage": "in"}, "priority": priority, "steps": [{"send": "letter"}]}
        for name, priority in (("first", 1), ("second", 0))
    }
    rules = {"quiet_hours": [{"from": "22:00", "to": "07:30"}], "gaps": [{"at_least": "1h"}]}
    for rows in small({"name": "p", "flows": flows, "guardrails": rules}):
        told = [(row.time, row.source, row.event) for row in rows if row.event in ATTEMPTS]
        assert told == [
            (0.0, "first", "deferred"),
            (0.0, "second", "deferred"),
            (7.5 / 24, "first", "delivered"),
            (7.5 / 24, "second", "suppressed_gap"),
        ]


def test_send_at_the_edges_of_quiet_hours() -> None:
    # Quiet hours include their first moment and not their last, on every day, however times are rounded.
    every_day = ["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"]
    casts = {name: {"schedule": {"weekdays": every_day, "at": at}, "send": "letter"} for name, at in (("begin", "21:10"), ("end", "08:20"))}
    rules = {"quiet_hours": [{"from": "21:10", "to": "08:20"}]}
    for rows in small({"name": "p", "broadcasts": casts, "guardrails": rules}, horizon="300d", customers=1):
        told = Counter((row.source, row.event) for row in rows if row.event in ATTEMPTS)
        assert told == {("begin", "deferred"): 300, ("begin", "delivered"): 299, ("end", "delivered"): 300}

"""Laws of guardrails, exact, on logs of heavy traffic, as a plain judge sees them (judging.py)."""

from collections import Counter, defaultdict

import numpy as np
import pytest
from conftest import ROOT
from judging import ATTEMPTS, EQUAL, HEAVY, Judge, World
from random_scenarios import some_scenarios

from cjsim.model.scenario import Scenario

ARRIVE = ("push", "paid")  # kinds of channels that bring a message at the firm's time


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
        at = 0
        for customer, rows in world.by_customer():
            judge = Judge(world, customer)
            for row in rows:
                if world.is_judged(row):
                    assert row.event == judge.verdict(row, at), (world.scenario.to_dict(), row)
                    judged[row.event] += 1
                judge.note(row)
                at += 1
            collisions = world.lived.outcomes.customers["collisions"][customer]
            assert collisions == judge.collisions
            judged["collision"] += collisions
    assert set(judged) == {*ATTEMPTS, "collision"}
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
    quiet = [world for world in worlds if world.rules.quiet_hours]
    delivered = [(world, row) for world in quiet for row in world.rows if row.event == "delivered" and world.kinds[row.channel] in ARRIVE]
    assert len(delivered) > 5000
    assert [row for world, row in delivered if world.quiet_end(row.time, row.channel) is not None] == []


def test_deferred_sends_are_tried_again_when_quiet_hours_end(worlds: list[World]) -> None:
    tried: Counter[str] = Counter()
    for world in worlds:
        for _, rows in world.by_customer():
            for at, row in enumerate(rows):
                if row.event != "deferred" or world.kinds[row.channel] not in ARRIVE:
                    continue
                end = world.quiet_end(row.time, row.channel)
                assert end is not None
                theirs = (other for other in rows[at + 1 :] if other.source == row.source)
                later = (
                    other
                    for other in theirs
                    if other.event == "flow_exited" or (other.event in ATTEMPTS and world.kinds[other.channel] in ARRIVE)
                )
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


def test_nobody_of_the_policys_holdout_is_contacted_but_by_who_is_spared(heavy: World) -> None:
    assert heavy.apart == set(np.flatnonzero(heavy.lived.outcomes.customers["held_out"] == 1).tolist())
    assert 3 <= len(heavy.apart) < heavy.scenario.customers / 3
    told = Counter((row.event, row.source) for row in heavy.rows if row.customer in heavy.apart and row.event in ATTEMPTS)
    sources = {*heavy.scenario.policy.flows, *heavy.scenario.policy.broadcasts}
    assert {source for event, source in told if event == "delivered"} == {"night", "tip"}
    assert {source for event, source in told if event == "suppressed_holdout"} >= sources - {"tip", "night"}


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
    assert starts[True] > 50

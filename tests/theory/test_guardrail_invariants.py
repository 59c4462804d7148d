"""Guardrail invariants on logs of heavy traffic, checked exactly by a simple oracle (guardrail_oracle.py)."""

from collections import Counter, defaultdict

import numpy as np
import pytest
from conftest import ROOT
from guardrail_oracle import BOUNCES, HEAVY_TRAFFIC, SEND_OUTCOMES, TIME_TOLERANCE, GuardrailOracle, SimulatedTraffic
from in_memory_simulation import LogRow
from random_scenarios import generate_scenarios

from cjsim.simulation.documents import Scenario

ARRIVING_KINDS = ("push", "paid")  # kinds of channels with deliveries at a time chosen by the company


@pytest.fixture(scope="module")
def heavy_traffic() -> SimulatedTraffic:
    """About 30,000 sends of all kinds, to customers with three events a day."""
    return SimulatedTraffic(Scenario.from_dict(HEAVY_TRAFFIC))


@pytest.fixture(scope="module")
def all_traffic(heavy_traffic: SimulatedTraffic) -> list[SimulatedTraffic]:
    """Heavy traffic, a scenario with every construct, and 150 random scenarios."""
    more = {
        "journey.events.browse.wait": {"exponential": "8h"},
        "journey.events.buy.wait": {"exponential": "2d"},
        "customers": 40,
        "horizon": "75d",
    }
    everything = Scenario.load(ROOT / "tests" / "worlds" / "every_construct.yaml", set=more)
    return [heavy_traffic, SimulatedTraffic(everything), *(SimulatedTraffic(Scenario.from_dict(data)) for data in generate_scenarios(150))]


def test_every_send_decision_agrees_with_the_oracle(all_traffic: list[SimulatedTraffic]) -> None:
    judged: Counter[str] = Counter()
    for world in all_traffic:
        at = 0
        for customer, rows in world.rows_by_customer():
            judge, is_known = GuardrailOracle(world, customer), world.is_logged_since_entry(customer)
            for row in rows:
                if is_known and world.is_guardrail_decision(row):
                    decision = "delivered" if row.event in BOUNCES else row.event
                    assert decision == judge.expected_outcome(row, at), (world.scenario.to_dict(), row)
                    judged[decision] += 1
                judge.record(row)
                at += 1
            collisions = world.result.outcomes.customers["collisions"][customer]
            assert collisions == judge.collisions or not is_known
            judged["collision"] += judge.collisions
    assert set(judged) == {*SEND_OUTCOMES, "collision"}
    assert min(judged.values()) > 300


def test_caps_are_never_exceeded_in_any_window(all_traffic: list[SimulatedTraffic]) -> None:
    windows = 0
    for world in all_traffic:
        for cap in world.rules.caps:
            for times in world.delivery_times(cap.channels):
                assert cap.at_most > 0 or len(times) == 0
                spans = [later - earlier for earlier, later in zip(times, times[cap.at_most :], strict=False)]
                assert cap.at_most == 0 or min(spans, default=np.inf) >= cap.per - TIME_TOLERANCE
                windows += len(spans)
    assert windows > 5000


def test_minimum_gaps_are_never_violated(all_traffic: list[SimulatedTraffic]) -> None:
    pairs = 0
    for world in all_traffic:
        for rule in world.rules.gaps:
            for times in world.delivery_times(rule.channels):
                assert (np.diff(times) >= rule.at_least - TIME_TOLERANCE).all()
                pairs += len(times)
    assert pairs > 5000


def test_quiet_hours_are_never_violated(all_traffic: list[SimulatedTraffic]) -> None:
    quiet = [world for world in all_traffic if world.rules.quiet_hours]
    delivered = [
        (world, row)
        for world in quiet
        for row in world.rows
        if world.is_marketing_contact(row) and world.channel_kinds[row.channel] in ARRIVING_KINDS
    ]
    assert len(delivered) > 5000
    assert [row for world, row in delivered if world.is_quiet(row.time, row.channel, row.customer)] == []
    assert sum(world.scenario.time_zone is not None for world, _ in delivered) > 1000


def test_no_contact_is_made_in_a_blackout(all_traffic: list[SimulatedTraffic]) -> None:
    dark = [world for world in all_traffic if world.rules.blackouts]
    decided = [(world, row) for world in dark for row in world.rows if world.is_guardrail_decision(row) and not world.is_transactional(row)]
    inside = [row.event for world, row in decided if world.is_blacked_out(row.time, row.channel, row.customer, "defer", "refuse")]
    assert "delivered" not in inside
    assert inside.count("suppressed_blackout") > 200
    assert inside.count("deferred") > 200


def test_deferred_sends_are_retried_when_quiet_hours_and_blackouts_end(all_traffic: list[SimulatedTraffic]) -> None:
    tried: Counter[str] = Counter()
    for world in all_traffic:
        for _, rows in world.rows_by_customer():
            for at, row in enumerate(rows):
                if row.event != "deferred" or world.channel_kinds[row.channel] not in ARRIVING_KINDS:
                    continue
                end = world.deferral_end(row.time, row.channel, row.customer)
                if end is None:
                    continue  # deferred by a gap, a cap or a budget
                theirs = (other for other in rows[at + 1 :] if other.source == row.source)
                later = (
                    other
                    for other in theirs
                    if other.event == "flow_exited"
                    or (other.event in (*SEND_OUTCOMES, *BOUNCES) and world.channel_kinds[other.channel] in ARRIVING_KINDS)
                )
                following = next(later, None)
                if row.source in world.scenario.policy.broadcasts and (following is None or following.time > end + TIME_TOLERANCE):
                    continue  # its `if` was evaluated again and did not hold
                if following is None:
                    assert end >= world.scenario.horizon - TIME_TOLERANCE
                elif following.event != "flow_exited":
                    assert abs(following.time - end) < TIME_TOLERANCE
                    assert following.message == row.message
                    tried[following.event] += 1
    assert {"delivered", "deferred", "suppressed_cap", "suppressed_gap", "suppressed_exit", "suppressed_consent"} <= set(tried)
    assert tried["delivered"] > 500


def needs_consent(world: SimulatedTraffic, row: LogRow) -> bool:
    """Whether the row is a delivery for which the customer's consent is required."""
    return row.event == "delivered" and not (world.is_transactional(row) and world.consents_cover[row.channel] == "marketing")


def test_customers_who_opted_out_are_not_contacted_until_they_opt_in(all_traffic: list[SimulatedTraffic]) -> None:
    ends = resumed = 0
    for world in all_traffic:
        for _, rows in world.rows_by_customer():
            out: set[str] = set()
            back: set[str] = set()
            for row in rows:
                assert not needs_consent(world, row) or row.channel not in out
                if row.event in ("unsubscribed", "complained", "opted_out"):
                    assert row.channel not in out
                    out.add(row.channel)
                    ends += 1
                elif row.event == "opted_in" and row.channel in out:
                    out.remove(row.channel)
                    back.add(row.channel)
                resumed += row.event == "delivered" and row.channel in back
    assert ends > 200
    assert resumed > 50


def test_customers_without_consent_are_not_contacted_before_they_opt_in(all_traffic: list[SimulatedTraffic]) -> None:
    for world in all_traffic:
        for customer, rows in filter(lambda one: world.is_logged_since_entry(one[0]), world.rows_by_customer()):
            consented = world.consented_channels(customer)
            for row in rows:
                assert not needs_consent(world, row) or row.channel in consented
                consented |= {row.channel} if row.event == "opted_in" else set()


def test_held_out_customers_are_contacted_only_by_other_sources(
    all_traffic: list[SimulatedTraffic], heavy_traffic: SimulatedTraffic
) -> None:
    for world in all_traffic:
        assert [row for row in world.rows if row.event == "delivered" and row.customer in world.holdout_of(row)] == []
        held = [row for row in world.rows if row.event == "suppressed_holdout"]
        assert all(row.customer in world.holdout_of(row) for row in held)
    reached = {row.customer for row in heavy_traffic.rows if row.event == "delivered" and row.source == "echo"}
    assert len(heavy_traffic.held_out_by_source["answer"] & reached) > 5
    assert len(heavy_traffic.held_out_by_source["answer"]) < heavy_traffic.scenario.customers / 2


def test_policy_holdout_is_contacted_only_by_exempt_sources(heavy_traffic: SimulatedTraffic) -> None:
    assert heavy_traffic.policy_holdout == set(np.flatnonzero(heavy_traffic.result.outcomes.customers["held_out"] == 1).tolist())
    assert 3 <= len(heavy_traffic.policy_holdout) < heavy_traffic.scenario.customers / 3
    counts = Counter(
        (row.event, row.source) for row in heavy_traffic.rows if row.customer in heavy_traffic.policy_holdout and row.event in SEND_OUTCOMES
    )
    sources = {*heavy_traffic.scenario.policy.flows, *heavy_traffic.scenario.policy.broadcasts}
    assert {source for event, source in counts if event == "delivered"} == {"night", "tip", "invoice"}
    assert {source for event, source in counts if event == "suppressed_holdout"} >= sources - {"tip", "night", "invoice"}


def test_no_customer_is_contacted_after_the_guardrail_exit(heavy_traffic: SimulatedTraffic) -> None:
    ended = 0
    for _, rows in heavy_traffic.rows_by_customer():
        contacts = shouts = 0
        for row in rows:
            if heavy_traffic.is_marketing_contact(row):
                assert contacts < 150
                assert shouts < 4
            contacts += row.event == "delivered"
            shouts += row.event == "shout"
        ended += contacts >= 150 or shouts >= 4
    assert ended > 20


def test_again_after_is_respected(all_traffic: list[SimulatedTraffic]) -> None:
    starts: Counter[bool] = Counter()
    for world in all_traffic:
        for _, rows in world.rows_by_customer():
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

"""Queued sends, bounces, machine opens and awaited events, against closed forms. Times are in days.

Each statistical test fails by chance with probability at most 1e-6 (see statistical_checks.py); the other tests are exact.
"""

import math
from typing import Any

import numpy as np
import pytest
from in_memory_simulation import InMemoryResult, simulate_in_memory
from rule_worlds import EVERY_DAY, rows_of
from small_scenarios import small_scenario
from statistical_checks import assert_plausible, counts_p_value, share_p_value

from cjsim.kernels.codes import HiddenTouch, TouchCode

MAIL: dict[str, Any] = {"channels": {"mail": {}}, "messages": {"hello": {"channel": "mail", "open_rate": 0.01}}}
DAILY = {"broadcasts": {"daily": {"schedule": {"weekdays": EVERY_DAY, "at": "12:00"}, "send": "hello"}}}
CUSTOMERS = 4000
OUTCOMES = ("delivered", "deferred", "suppressed_cap")


def arrivals(count: int, every_hours: int) -> dict[str, Any]:
    """Flows that try one send each, `every_hours` apart, in the order of their names."""
    waits = [[{"wait": f"{every_hours * i}h"}] if i * every_hours else [] for i in range(count)]
    return {f"f{i:02}": {"on": {"stage": "here"}, "steps": [*wait, {"send": "hello"}]} for i, wait in enumerate(waits)}


def queue(flows: dict[str, Any], cap: dict[str, Any]) -> dict[str, list[tuple[float, str]]]:
    """Hours and outcomes of the sends of each flow under a cap that makes sends wait."""
    rows = rows_of(MAIL, {"flows": flows, "guardrails": {"caps": [{"then": "defer", **cap}]}}, horizon="20d")
    return {name: [(row.time * 24, row.event) for row in rows if row.source == name and row.event in OUTCOMES] for name in flows}


@pytest.mark.parametrize(("at_most", "per_hours", "every_hours"), [(1, 24, 5), (2, 24, 7), (3, 48, 10), (2, 30, 0)])
def test_the_delay_of_queued_sends_grows_by_the_missing_capacity(at_most: int, per_hours: int, every_hours: int) -> None:
    # With arrivals at i a, a cap of k in w > k a lets send i out at floor(i / k) w + (i mod k) a: its delay is floor(i / k) (w - k a).
    found = queue(arrivals(12, every_hours), {"at_most": at_most, "per": f"{per_hours}h"})
    sent = [history[-1] for history in found.values()]
    expected = [i // at_most * per_hours + i % at_most * every_hours for i in range(12)]
    assert [event for _, event in sent] == ["delivered"] * 12
    assert [hours for hours, _ in sent] == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize("longest_hours", [23, 24, 60, 72])
def test_every_send_is_delivered_or_dropped_after_the_longest_wait(longest_hours: int) -> None:
    # Ten sends at once under a cap of one a day: floor(D / w) of the waiting ones go out, the others are dropped at the last release.
    found = queue(arrivals(10, 0), {"at_most": 1, "per": "24h", "drop_after": f"{longest_hours}h"})
    last = [history[-1] for history in found.values()]
    sent = [round(hours, 6) for hours, event in last if event == "delivered"]
    dropped = [round(hours, 6) for hours, event in last if event == "suppressed_cap"]
    releases = longest_hours // 24
    assert sent == [24 * number for number in range(releases + 1)]
    assert dropped == [24 * releases] * (9 - releases)


def test_sent_waiting_and_dropped_sends_add_up_to_those_tried() -> None:
    found = queue(arrivals(80, 6), {"at_most": 1, "per": "24h", "drop_after": "5d"})
    last = [history[-1][1] for history in found.values()]
    counts = {outcome: last.count(outcome) for outcome in OUTCOMES}
    assert sum(counts.values()) == 80
    assert all(count > 0 for count in counts.values())
    assert counts["delivered"] == 20  # one a day, on each of the 20 days


def touch_counts(run: InMemoryResult, touch: int) -> np.ndarray[Any, Any]:
    """Touches of each customer, on all channels."""
    counts: np.ndarray[Any, Any] = run.outcomes.touch_counts[:, :, touch].sum(axis=1)
    return counts


def daily_mail(days: int, channel: dict[str, Any], message: dict[str, Any] | None = None, seed: int = 1) -> InMemoryResult:
    journey = {"channels": {"mail": channel}, "messages": {"hello": {"channel": "mail", "open_rate": 0.2, **(message or {})}}}
    return simulate_in_memory(small_scenario(journey=journey, policy=DAILY, horizon=f"{days}d"), customers=CUSTOMERS, seed=seed)


def test_soft_bounces_are_a_binomial_share_of_sends() -> None:
    run = daily_mail(3, {"soft_bounce_rate": 0.03})
    bounced = touch_counts(run, TouchCode.BOUNCED_SOFT)
    assert (bounced + touch_counts(run, TouchCode.DELIVERED) == 3).all()
    expected = [math.comb(3, k) * 0.03**k * 0.97 ** (3 - k) for k in range(4)]
    observed = [int((bounced == k).sum()) for k in range(4)]
    assert_plausible(counts_p_value(np.array(observed, float), np.array(expected)))


def test_the_number_of_sends_to_the_first_hard_bounce_is_geometric() -> None:
    days, hard, soft = 6, 0.1, 0.2
    run = daily_mail(days, {"hard_bounce_rate": hard, "soft_bounce_rate": soft})
    sent = sum(touch_counts(run, touch) for touch in (TouchCode.DELIVERED, TouchCode.BOUNCED_SOFT, TouchCode.BOUNCED_HARD))
    assert (sent + touch_counts(run, TouchCode.SUPPRESSED_BOUNCED) == days).all()
    ended = touch_counts(run, TouchCode.BOUNCED_HARD) == 1
    observed = [int(((sent == k) & ended).sum()) for k in range(1, days + 1)] + [int((~ended).sum())]
    expected = [hard * (1 - hard) ** (k - 1) for k in range(1, days + 1)] + [(1 - hard) ** days]
    assert_plausible(counts_p_value(np.array(observed, float), np.array(expected)))


def test_the_open_rate_per_delivery_includes_the_spam_folder() -> None:
    run = daily_mail(1, {"spam_rate": 0.3, "soft_bounce_rate": 0.1})
    delivered = touch_counts(run, TouchCode.DELIVERED) == 1
    assert_plausible(
        share_p_value(delivered.astype(float), 0.9),
        share_p_value(touch_counts(run, HiddenTouch.SPAM_FOLDER)[delivered].astype(float), 0.3),
        share_p_value(touch_counts(run, TouchCode.OPENED)[delivered].astype(float), 0.2),
    )


def test_measured_rates_are_the_share_of_machines_plus_the_true_rate_of_the_others() -> None:
    bots, machines, opens, clicks = 0.1, 0.4, 0.2, 0.5
    delays = {"machine_open_delay": {"exponential": "30min"}, "open_delay": {"exponential": "1h"}}
    channel = {"bot_clicks": bots, "machine_opens": machines, **delays}
    run = daily_mail(2, channel, {"open_rate": opens, "click_rate": clicks})
    # Only the first mail: at the end, twelve hours after the second one, some responses are still to come.
    rows = {event: {row.customer for row in run.log_rows() if row.event == event and row.time < 1.5} for event in ("opened", "clicked")}
    opened, clicked = (np.isin(np.arange(CUSTOMERS), list(rows[event])).astype(float) for event in ("opened", "clicked"))
    assert_plausible(
        share_p_value(opened, bots + (1 - bots) * (machines + (1 - machines) * opens)),
        share_p_value(clicked, bots + (1 - bots) * opens * clicks),
    )


def test_true_rates_do_not_depend_on_machines() -> None:
    channel = {"open_delay": {"exponential": "1h"}}
    plain = daily_mail(3, channel, {"click_rate": 0.5})
    measured = daily_mail(3, {**channel, "bot_clicks": 0.3, "machine_opens": 0.5}, {"click_rate": 0.5})
    for touch in (HiddenTouch.TRUE_OPENED, HiddenTouch.TRUE_CLICKED):
        assert (touch_counts(plain, touch) == touch_counts(measured, touch)).all()
    assert (touch_counts(plain, HiddenTouch.TRUE_OPENED) == touch_counts(plain, TouchCode.OPENED)).all()
    assert touch_counts(measured, TouchCode.OPENED).sum() > 2 * touch_counts(measured, HiddenTouch.TRUE_OPENED).sum()


def test_a_machine_opens_every_message_of_its_customers_and_none_of_the_others() -> None:
    run = daily_mail(4, {"machine_opens": 0.5, "machine_open_delay": {"fixed": "1min"}}, {"open_rate": 1e-9})
    opened = touch_counts(run, TouchCode.OPENED)
    assert set(np.unique(opened)) == {0, 4}
    assert_plausible(share_p_value((opened == 4).astype(float), 0.5))


def test_an_awaited_event_since_the_start_of_the_flow_has_the_probability_of_both_spans() -> None:
    mean, waited, at_most = 4.0, 2.0, 3.0
    journey = {**MAIL, "events": {"buy": {"in": "anywhere", "wait": {"exponential": f"{mean}d"}}}}
    step = {"event": "buy", "at_most": f"{at_most}d", "since": "flow_start", "then": [{"send": "hello"}]}
    policy = {"flows": {"f": {"on": {"stage": "here"}, "steps": [{"wait": f"{waited}d"}, {"wait_for": step}]}}}
    run = simulate_in_memory(small_scenario(journey=journey, policy=policy, horizon="6d"), customers=CUSTOMERS)
    sent = {row.customer: row.time for row in run.log_rows() if row.event == "delivered"}
    times = np.array([sent.get(customer, np.inf) for customer in range(CUSTOMERS)])
    assert_plausible(
        share_p_value((times == waited).astype(float), -math.expm1(-waited / mean)),
        share_p_value((times < np.inf).astype(float), -math.expm1(-(waited + at_most) / mean)),
    )

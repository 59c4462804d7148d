"""Bounces and the spam folder: what the customer receives, what the firm pays and sees, and what follows."""

from typing import Any

import pytest
from rule_worlds import ALWAYS, EVERY_DAY, customer_row, event_after, rows_of, times
from small_scenarios import small_scenario

from cjsim.errors import InputError
from cjsim.simulation.documents import Scenario
from cjsim.simulation.simulate import simulate

SURE = 1 - 1e-12  # as a probability: 1 for all practical purposes
DAILY = {"schedule": {"weekdays": EVERY_DAY, "at": "10:00"}, "send": "hello"}


def mail(message: dict[str, Any] | None = None, **channel: Any) -> dict[str, Any]:
    """A journey in which customers open each message that they see."""
    hello = {"channel": "mail", "open_rate": 1e-13, "lift": {"delivered": {"buy": 1.0}}, **(message or {})}
    return {
        "personas": {"customer": {"share": 1, "affinity": {"mail": ALWAYS}}},
        "channels": {"mail": channel},
        "messages": {"hello": hello},
        "events": {"buy": event_after("10d"), "nod": event_after(None)},
    }


def touches(journey: dict[str, Any], policy: dict[str, Any] | None = None, **settings: Any) -> list[tuple[int, str]]:
    rows = rows_of(journey, {"broadcasts": {"daily": DAILY}, **(policy or {})}, **{"horizon": "3d", **settings})
    return [(int(row.time), row.event) for row in rows if row.event not in ("entered", "buy")]


def test_a_soft_bounce_loses_only_this_message() -> None:
    assert touches(mail(soft_bounce_rate=SURE)) == [(day, "bounced_soft") for day in range(3)]


def test_after_a_hard_bounce_nothing_more_is_sent_to_the_address() -> None:
    found = touches(mail(hard_bounce_rate=SURE))
    assert found == [(0, "bounced_hard"), (1, "suppressed_bounced"), (2, "suppressed_bounced")]


def test_a_hard_bounce_stops_transactional_messages_too() -> None:
    journey = mail({"transactional": True}, hard_bounce_rate=SURE)
    assert touches(journey)[1] == (1, "suppressed_bounced")


def test_a_hard_bounce_leaves_other_channels_alone() -> None:
    journey = mail(hard_bounce_rate=SURE)
    journey["channels"]["text"] = {}
    journey["messages"]["ping"] = {"channel": "text", "open_rate": 0.01}
    policy = {"broadcasts": {"daily": DAILY, "text": {**DAILY, "send": "ping"}}}
    assert (1, "delivered") in touches(journey, policy)


def test_a_message_may_have_its_own_rates() -> None:
    assert touches(mail({"soft_bounce_rate": 0}, soft_bounce_rate=SURE))[0] == (0, "delivered")
    assert touches(mail({"hard_bounce_rate": SURE}))[0] == (0, "bounced_hard")


@pytest.mark.parametrize("rules", [{"caps": [{"at_most": 1, "per": "7d"}]}, {"gaps": [{"at_least": "7d"}]}])
def test_a_bounce_does_not_count_for_caps_and_gaps(rules: dict[str, Any]) -> None:
    assert touches(mail(soft_bounce_rate=SURE), {"guardrails": rules}) == [(day, "bounced_soft") for day in range(3)]


def test_a_bounce_counts_for_budgets_because_it_was_sent() -> None:
    rules = {"budgets": [{"at_most": 1, "per": "7d"}]}
    found = touches(mail(soft_bounce_rate=SURE), {"guardrails": rules})
    assert found == [(0, "bounced_soft"), (1, "suppressed_budget"), (2, "suppressed_budget")]


def test_a_bounce_costs_money_and_adds_no_contact_and_no_pressure() -> None:
    row = customer_row(mail(soft_bounce_rate=SURE, cost=0.5), {"broadcasts": {"daily": DAILY}}, horizon="3d")
    assert (row["cost"], row["contacts"], row["pressure"]) == (1.5, 0, 0)


def test_a_message_in_the_spam_folder_is_a_delivery_that_nobody_sees() -> None:
    journey = mail({"effects": {"delivered": [{"fire": "nod"}]}}, spam_rate=SURE, cost=0.5)
    assert touches(journey) == [(day, "delivered") for day in range(3)]
    row = customer_row(journey, {"broadcasts": {"daily": DAILY}}, horizon="3d")
    assert (row["cost"], row["contacts"], row["pressure"], row["opens"]) == (1.5, 3, 0, 0)


def test_a_message_in_the_spam_folder_lifts_nothing() -> None:
    policy = {"broadcasts": {"daily": DAILY}}
    assert times(rows_of(mail(spam_rate=SURE), policy, horizon="12d"), "buy") == [10.0]
    assert times(rows_of(mail(), policy, horizon="12d"), "buy")[0] < 10.0


def test_a_message_in_the_spam_folder_counts_for_caps() -> None:
    found = touches(mail(spam_rate=SURE), {"guardrails": {"caps": [{"at_most": 1, "per": "7d"}]}})
    assert found == [(0, "delivered"), (1, "suppressed_cap"), (2, "suppressed_cap")]


def test_messages_in_the_spam_folder_count_as_unopened() -> None:
    flow = {"on": {"unopened": 1}, "steps": [{"send": "hello"}]}
    rows = rows_of(mail(spam_rate=SURE), {"broadcasts": {"daily": DAILY}, "flows": {"f": flow}}, horizon="3d")
    assert times(rows, "flow_started") == pytest.approx([1 + 10 / 24])


def test_rates_of_bounces_and_spam_are_metrics_where_they_can_happen() -> None:
    scenario = small_scenario(journey=mail(soft_bounce_rate=0.5, spam_rate=0.5), policy={"broadcasts": {"daily": DAILY}})
    metrics = simulate(scenario, customers=20, threads=1).metrics
    sent = metrics["contacts"].value / metrics["delivery_rate"].value
    assert sent == pytest.approx(30)
    assert metrics["bounce_rate"].value == pytest.approx(1 - metrics["delivery_rate"].value)
    assert 0 < metrics["spam_folder_rate[mail]"].value < 1
    plain = simulate(small_scenario(journey=mail(), policy={"broadcasts": {"daily": DAILY}}), customers=2, threads=1).metrics
    assert not {"delivery_rate", "bounce_rate", "true_open_rate", "suppressed[bounced]"} & set(plain)


ERRORS = [
    ({"mail": {"kind": "paid", "soft_bounce_rate": 0.1}}, {}, r"channels.mail: must have 'soft_bounce_rate' only if its kind is 'push'"),
    ({"mail": {"kind": "paid", "machine_opens": 0.1}}, {}, r"channels.mail: must have 'machine_opens' only if its kind is 'push'"),
    ({"mail": {"hard_bounce_rate": 0.5, "soft_bounce_rate": 0.5}}, {}, r"channels.mail: must have bounce rates that sum to less than 1"),
    ({"mail": {"hard_bounce_rate": 0.5}}, {"soft_bounce_rate": 0.6}, r"messages.hello: must have bounce rates that sum to less than 1"),
    ({"mail": {"kind": "paid"}}, {"spam_rate": 0.1}, r"messages.hello.spam_rate: must be 0, because messages bounce or land in spam"),
    ({"mail": {"spam_rate": 0.6}}, {"open_rate": 0.5}, r"messages.hello.open_rate: must be below 0.4, .* and outside of spam folders"),
    ({"mail": {"spam_rate": 1.0}}, {}, r"channels.mail.spam_rate: must be below 1, got 1"),
]


@pytest.mark.parametrize(("channels", "message", "error"), ERRORS)
def test_impossible_rates_are_rejected(channels: dict[str, Any], message: dict[str, Any], error: str) -> None:
    journey = {"name": "j", "starts_in": "here", "stages": {"here": {}}, "channels": channels}
    journey["messages"] = {"hello": {"channel": "mail", "open_rate": 0.1, **message}}
    data = {"name": "s", "journey": journey, "policy": {"name": "p"}, "start": "2026-01-05", "horizon": "30d"}
    with pytest.raises(InputError, match=error):
        Scenario.from_dict(data)

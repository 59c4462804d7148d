"""Guardrails: which send is refused, and why, at the edges of each rule."""

from typing import Any

import pytest
from rule_worlds import EVERY_DAY, SURE_MAIL, customer_row, event_after, rows_of, send_at, times

TWO_CHANNELS = {
    "channels": {"mail": {}, "text": {}},
    "messages": {"hello": {"channel": "mail", "open_rate": 0.5}, "ping": {"channel": "text", "open_rate": 0.5}},
}


HELD_OUT: dict[str, list[int]] = {
    "guardrails": [6, 10, 11, 16],
    "broadcast": [0, 2, 6, 7, 13, 17, 18],
    "consent": [3, 8, 10, 15],
}  # of 20 customers, seed 11


def daily(at: str, message: str = "hello", **more: Any) -> dict[str, Any]:
    return {"schedule": {"weekdays": EVERY_DAY, "at": at}, "send": message, **more}


def decisions(policy: dict[str, Any], journey: dict[str, Any] = TWO_CHANNELS, **settings: Any) -> list[tuple[float, str, str]]:
    """Time, source and what became of each send."""
    rows = rows_of(journey, policy, **settings)
    return [
        (row.time, row.source, row.event) for row in rows if row.event in ("delivered", "deferred") or row.event.startswith("suppressed")
    ]


def outcomes(policy: dict[str, Any], journey: dict[str, Any] = TWO_CHANNELS, **settings: Any) -> list[str]:
    return [event for _, _, event in decisions(policy, journey, **settings)]


def test_the_cap_admits_a_contact_exactly_one_period_after_the_oldest() -> None:
    policy = {"broadcasts": {"noon": daily("12:00")}, "guardrails": {"caps": [{"at_most": 1, "per": "1d"}]}}
    assert outcomes(policy, horizon="5d") == ["delivered"] * 5


def test_the_cap_refuses_a_contact_a_minute_before_its_period_ends() -> None:
    policy = {
        "broadcasts": send_at("2026-01-05 12:00", "2026-01-06 11:59"),
        "guardrails": {"caps": [{"at_most": 1, "per": "1d"}]},
    }
    assert outcomes(policy) == ["delivered", "suppressed_cap"]


def test_a_refused_contact_does_not_count_against_the_cap() -> None:
    policy = {
        "broadcasts": send_at("2026-01-05 12:00", "2026-01-06 11:00", "2026-01-06 12:00"),
        "guardrails": {"caps": [{"at_most": 1, "per": "1d"}]},
    }
    assert outcomes(policy) == ["delivered", "suppressed_cap", "delivered"]


def test_a_cap_of_two_lets_the_third_contact_wait_for_the_first() -> None:
    policy = {
        "broadcasts": {name: daily(at) for name, at in (("one", "06:00"), ("two", "12:00"), ("three", "18:00"))},
        "guardrails": {"caps": [{"at_most": 2, "per": "1d"}]},
    }
    assert outcomes(policy, horizon="3d") == ["delivered", "delivered", "suppressed_cap"] * 3


def test_a_cap_of_zero_refuses_every_contact() -> None:
    policy = {"broadcasts": {"noon": daily("12:00")}, "guardrails": {"caps": [{"at_most": 0, "per": "1d"}]}}
    assert outcomes(policy, horizon="3d") == ["suppressed_cap"] * 3


def test_a_cap_counts_only_its_own_channels() -> None:
    policy = {
        "broadcasts": {"a": daily("10:00"), "b": daily("11:00", "ping"), "c": daily("12:00"), "d": daily("13:00", "ping")},
        "guardrails": {"caps": [{"at_most": 1, "per": "1d", "channels": ["text"]}]},
    }
    assert outcomes(policy, horizon="1d") == ["delivered", "delivered", "delivered", "suppressed_cap"]


def test_two_caps_remember_their_own_contacts() -> None:
    # Two mails in two days, three contacts in all.
    casts = {
        "a": daily("01:00"),
        "b": daily("02:00", "ping"),
        "c": daily("03:00"),
        "d": daily("04:00"),
        "e": daily("05:00", "ping"),
    }
    rules = {"caps": [{"at_most": 2, "per": "1d", "channels": ["mail"]}, {"at_most": 3, "per": "1d"}]}
    assert outcomes({"broadcasts": casts, "guardrails": rules}, horizon="2d") == [
        "delivered",
        "delivered",
        "delivered",
        "suppressed_cap",
        "suppressed_cap",
    ] * 2  # fmt: skip


def test_the_gap_admits_a_contact_exactly_its_length_after_the_last() -> None:
    policy = {"broadcasts": {"noon": daily("12:00")}, "guardrails": {"gaps": [{"at_least": "1d"}]}}
    assert outcomes(policy, horizon="4d") == ["delivered"] * 4


def test_the_gap_refuses_a_contact_a_minute_too_soon() -> None:
    policy = {"broadcasts": send_at("2026-01-05 12:00", "2026-01-06 11:59"), "guardrails": {"gaps": [{"at_least": "1d"}]}}
    assert outcomes(policy) == ["delivered", "suppressed_gap"]


def test_the_gap_counts_from_the_last_contact_on_any_of_its_channels() -> None:
    casts = {"a": daily("10:00"), "b": daily("10:30", "ping"), "c": daily("11:15")}
    rules = {"gaps": [{"at_least": "1h", "channels": ["mail", "text"]}]}
    assert outcomes({"broadcasts": casts, "guardrails": rules}, horizon="1d") == ["delivered", "suppressed_gap", "delivered"]


def test_a_gap_leaves_other_channels_alone() -> None:
    casts = {"a": daily("10:00"), "b": daily("10:30", "ping"), "c": daily("10:45", "ping")}
    rules = {"gaps": [{"at_least": "1h", "channels": ["text"]}]}
    assert outcomes({"broadcasts": casts, "guardrails": rules}, horizon="1d") == ["delivered", "delivered", "suppressed_gap"]


def test_the_second_gap_applies_as_the_first_does() -> None:
    casts = {"a": daily("10:00"), "b": daily("10:30")}
    rules = {"gaps": [{"at_least": "1h", "channels": ["text"]}, {"at_least": "1h", "channels": ["mail"]}]}
    assert outcomes({"broadcasts": casts, "guardrails": rules}, horizon="1d") == ["delivered", "suppressed_gap"]


def test_spared_flows_and_broadcasts_reach_customers_of_the_holdout() -> None:
    flow = {"on": {"stage": "here"}, "steps": [{"send": "hello"}]}
    policy = {
        "flows": {"service": flow, "sales": flow},
        "broadcasts": {"recall": daily("12:00"), "news": daily("13:00")},
        "guardrails": {"holdout": 1.0, "spared": ["service", "recall"]},
    }
    assert {(source, event) for _, source, event in decisions(policy, horizon="1d")} == {
        ("service", "delivered"),
        ("sales", "suppressed_holdout"),
        ("recall", "delivered"),
        ("news", "suppressed_holdout"),
    }


def test_without_a_holdout_nobody_is_held_out() -> None:
    policy = {"broadcasts": {"noon": daily("12:00")}, "guardrails": {"holdout": 0.0}}
    assert outcomes(policy, horizon="1d", customers=20) == ["delivered"] * 20


def test_a_spared_flow_keeps_its_own_holdout() -> None:
    policy = {"broadcasts": {"recall": daily("12:00", holdout=1.0)}, "guardrails": {"holdout": 1.0, "spared": ["recall"]}}
    assert outcomes(policy, horizon="1d") == ["suppressed_holdout"]


def test_a_holdout_of_one_flow_leaves_the_others_alone() -> None:
    policy = {"broadcasts": {"a": daily("10:00", holdout=1.0), "b": daily("11:00")}}
    assert outcomes(policy, horizon="1d") == ["suppressed_holdout", "delivered"]


@pytest.mark.parametrize("where", ["guardrails", "broadcast"])
def test_a_holdout_keeps_its_share_of_customers_away(where: str) -> None:
    own = {"holdout": 0.25} if where == "broadcast" else {}
    policy = {"broadcasts": {"a": daily("10:00", **own)}, "guardrails": {"holdout": 0.25 if where == "guardrails" else 0.0}}
    found = outcomes(policy, horizon="1d", customers=200)
    # Binomial(200, 1/4) is outside 20..80 less than once in a million seeds.
    assert 20 <= found.count("suppressed_holdout") <= 80
    assert found.count("delivered") + found.count("suppressed_holdout") == 200


def test_the_same_customers_are_held_out_at_each_send() -> None:
    policy = {"broadcasts": {"a": daily("10:00", holdout=0.5)}}
    rows = rows_of(TWO_CHANNELS, policy, customers=40, horizon="3d")
    days = [{row.customer for row in rows if row.event == "suppressed_holdout" and int(row.time) == day} for day in range(3)]
    assert days[0] == days[1] == days[2]
    assert 0 < len(days[0]) < 40


@pytest.mark.parametrize("where", ["guardrails", "broadcast"])
def test_who_is_held_out_does_not_change(where: str) -> None:
    # A promise to saved results: a holdout of a name and a share keeps the same customers away in every version.
    policy = {
        "broadcasts": {"a": daily("10:00", holdout=0.3 if where == "broadcast" else 0.0)},
        "guardrails": {"holdout": 0.3 if where == "guardrails" else 0.0},
    }
    rows = rows_of(TWO_CHANNELS, policy, customers=20, horizon="1d", seed=11)
    assert [row.customer for row in rows if row.event == "suppressed_holdout"] == HELD_OUT[where]


def test_who_consents_does_not_change() -> None:
    journey = {**TWO_CHANNELS, "channels": {"mail": {"consent": 0.7}, "text": {}}}
    rows = rows_of(journey, {"broadcasts": {"a": daily("10:00")}}, customers=20, horizon="1d", seed=11)
    assert [row.customer for row in rows if row.event == "suppressed_consent"] == HELD_OUT["consent"]


def test_the_exit_rule_refuses_while_its_condition_holds() -> None:
    policy = {"broadcasts": {"noon": daily("12:00")}, "guardrails": {"exit": "day > 1"}}
    assert outcomes(policy, horizon="3d") == ["delivered", "suppressed_exit", "suppressed_exit"]


def test_an_expected_answer_of_no_to_consent_refuses_first() -> None:
    journey = {**TWO_CHANNELS, "channels": {"mail": {"consent": 0.0}, "text": {}}}
    policy = {
        "broadcasts": {"noon": daily("12:00")},
        "guardrails": {
            "holdout": 1.0,
            "exit": "day >= 0",
            "quiet_hours": [{"from": "11:00", "to": "13:00"}],
            "caps": [{"at_most": 0, "per": "1d"}],
        },
    }
    assert outcomes(policy, journey, horizon="1d") == ["suppressed_consent"]


ALL_RULES = {
    "holdout": 1.0,
    "exit": "day >= 0",
    "blackouts": [{"dates": ["2026-01-05"], "then": "refuse"}],
    "quiet_hours": [{"from": "11:00", "to": "13:00"}],
    "gaps": [{"at_least": "2d"}],
    "caps": [{"at_most": 0, "per": "1d"}],
    "budgets": [{"at_most": 0, "per": "1d"}],
}
ORDER = [
    ("holdout", "suppressed_holdout"),
    ("exit", "suppressed_exit"),
    ("blackouts", "suppressed_blackout"),
    ("quiet_hours", "deferred"),
    ("caps", "suppressed_cap"),
    ("budgets", "suppressed_budget"),
]


@pytest.mark.parametrize("first", range(len(ORDER)))
def test_guardrails_are_asked_in_their_order(first: int) -> None:
    rules = {name: ALL_RULES[name] for name, _ in ORDER[first:]}
    assert outcomes({"broadcasts": {"noon": daily("12:00")}, "guardrails": rules}, horizon="1d")[0] == ORDER[first][1]


def test_a_gap_is_asked_before_a_cap() -> None:
    rules = {"gaps": [{"at_least": "2d"}], "caps": [{"at_most": 1, "per": "2d"}]}
    assert outcomes({"broadcasts": {"noon": daily("12:00")}, "guardrails": rules}, horizon="2d") == ["delivered", "suppressed_gap"]


QUIET_NIGHT = {"quiet_hours": [{"from": "22:00", "to": "07:30"}]}


@pytest.mark.parametrize(
    ("at", "delivered"),
    [("00:00", 7.5), ("07:29", 7.5), ("07:30", 7.5), ("07:31", 7.5 + 1 / 60), ("21:59", 21 + 59 / 60), ("22:00", 31.5), ("23:59", 31.5)],
)
def test_a_send_in_quiet_hours_over_midnight_waits_for_their_end(at: str, delivered: float) -> None:
    rows = rows_of(TWO_CHANNELS, {"broadcasts": send_at(f"2026-01-05 {at}"), "guardrails": QUIET_NIGHT})
    assert times(rows, "delivered") == pytest.approx([delivered / 24], abs=1e-12)
    assert times(rows, "deferred") == (
        [] if at in ("07:30", "07:31", "21:59") else [pytest.approx(float(at[:2]) / 24 + float(at[3:]) / 1440)]
    )


@pytest.mark.parametrize(
    ("at", "delivered"), [("11:59", 11 + 59 / 60), ("12:00", 14), ("13:59", 14), ("14:00", 14), ("14:01", 14 + 1 / 60)]
)
def test_a_send_in_quiet_hours_at_noon_waits_for_their_end(at: str, delivered: float) -> None:
    rules = {"quiet_hours": [{"from": "12:00", "to": "14:00"}]}
    rows = rows_of(TWO_CHANNELS, {"broadcasts": send_at(f"2026-01-06 {at}"), "guardrails": rules})
    assert times(rows, "delivered") == pytest.approx([1 + delivered / 24], abs=1e-12)
    assert len(times(rows, "deferred")) == (at in ("12:00", "13:59"))


def test_quiet_hours_hold_only_on_their_channels() -> None:
    rules = {"quiet_hours": [{"from": "09:00", "to": "12:00", "channels": ["text"]}]}
    casts = {"a": daily("10:00"), "b": daily("11:00", "ping")}
    assert decisions({"broadcasts": casts, "guardrails": rules}, horizon="1d") == [
        (10 / 24, "a", "delivered"),
        (11 / 24, "b", "deferred"),
        (0.5, "b", "delivered"),
    ]


def test_a_deferred_flow_goes_on_with_its_next_step() -> None:
    flow = {"on": {"stage": "here"}, "steps": [{"send": "hello"}, {"wait": "1h"}, {"send": "ping"}]}
    rows = rows_of(TWO_CHANNELS, {"flows": {"f": flow}, "guardrails": QUIET_NIGHT})
    assert [(row.time * 24, row.message) for row in rows if row.event == "delivered"] == [(7.5, "hello"), (8.5, "ping")]


def collisions(casts: dict[str, Any], rules: dict[str, Any], **settings: Any) -> int:
    return int(customer_row(TWO_CHANNELS, {"broadcasts": casts, "guardrails": rules}, **settings)["collisions"])


def test_a_refusal_after_a_contact_of_another_broadcast_is_a_collision() -> None:
    casts = {"a": daily("10:00"), "b": daily("10:30")}
    assert collisions(casts, {"gaps": [{"at_least": "2h"}]}, horizon="1d") == 1
    assert collisions(casts, {"caps": [{"at_most": 1, "per": "2h"}]}, horizon="1d") == 1


def test_a_refusal_after_its_own_contact_is_no_collision() -> None:
    assert collisions({"a": daily("10:00")}, {"gaps": [{"at_least": "2d"}]}, horizon="2d") == 0


def test_a_refusal_without_any_contact_is_no_collision() -> None:
    assert collisions({"a": daily("10:00")}, {"caps": [{"at_most": 0, "per": "2d"}]}, horizon="2d") == 0


def test_only_the_last_contact_makes_a_collision() -> None:
    # The broadcast at 09:00, then the flow at 10:00: the flow's own contact is the last one when it is refused at 11:00.
    flow = {"on": {"date": "2026-01-05", "at": "10:00"}, "steps": [{"send": "hello"}, {"wait": "1h"}, {"send": "hello"}]}
    policy = {"broadcasts": {"b": daily("09:00", "ping")}, "flows": {"f": flow}, "guardrails": {"caps": [{"at_most": 2, "per": "1d"}]}}
    assert customer_row(TWO_CHANNELS, policy, horizon="1d")["collisions"] == 0


@pytest.mark.parametrize(("own", "other"), [("hello", "ping"), ("ping", "hello")])
def test_a_contact_of_another_at_the_same_time_makes_a_collision(own: str, other: str) -> None:
    # Two channels are reached at 10:00, one by the flow itself: the other one counts, whichever channel comes first.
    flow = {"on": {"date": "2026-01-05", "at": "10:00"}, "steps": [{"send": own}, {"wait": "1h"}, {"send": own}]}
    policy = {"broadcasts": {"b": daily("10:00", other)}, "flows": {"f": flow}, "guardrails": {"caps": [{"at_most": 2, "per": "20h"}]}}
    assert customer_row(TWO_CHANNELS, policy, horizon="1d")["collisions"] == 1


def test_a_collision_is_not_counted_on_channels_outside_the_rule() -> None:
    casts = {"a": daily("10:00"), "b": daily("10:30", "ping")}
    assert collisions(casts, {"caps": [{"at_most": 0, "per": "1d", "channels": ["text"]}]}, horizon="1d") == 0


def test_an_opted_out_customer_is_refused_for_want_of_consent() -> None:
    journey = {**TWO_CHANNELS, "events": {"leave": event_after("1d", {"opt_out": "mail"})}}
    casts = {"a": daily("12:00"), "b": daily("13:00", "ping")}
    assert [(source, event) for _, source, event in decisions({"broadcasts": casts}, journey, horizon="2d")] == [
        ("a", "delivered"),
        ("b", "delivered"),
        ("a", "suppressed_consent"),
        ("b", "delivered"),
    ]


def test_opting_out_of_all_ends_consent_on_every_channel() -> None:
    journey = {**TWO_CHANNELS, "events": {"leave": event_after("1d", {"opt_out": "all"})}}
    casts = {"a": daily("12:00"), "b": daily("13:00", "ping")}
    found = rows_of(journey, {"broadcasts": casts}, horizon="2d")
    assert [(row.event, row.channel) for row in found if row.event == "opted_out"] == [("opted_out", "mail"), ("opted_out", "text")]
    assert [row.event for row in found if row.time > 1.1] == ["suppressed_consent", "suppressed_consent"]


def budget_customers(policy: dict[str, Any], **settings: Any) -> dict[str, list[tuple[int, float]]]:
    """Customer and time of each send, by what became of it."""
    rows = rows_of(TWO_CHANNELS, policy, **settings)
    return {event: [(row.customer, row.time) for row in rows if row.event == event] for event in ("delivered", "suppressed_budget")}


def test_a_budget_is_spent_in_the_order_of_customer_keys() -> None:
    policy = {"broadcasts": {"noon": daily("12:00")}, "guardrails": {"budgets": [{"at_most": 2, "per": "1d"}]}}
    found = budget_customers(policy, customers=4, horizon="2d")
    assert sorted(found["delivered"]) == [(0, 0.5), (0, 1.5), (1, 0.5), (1, 1.5)]
    assert sorted(found["suppressed_budget"]) == [(2, 0.5), (2, 1.5), (3, 0.5), (3, 1.5)]


def test_a_budget_begins_anew_exactly_at_the_end_of_its_period() -> None:
    policy = {"broadcasts": {"midnight": daily("00:00")}, "guardrails": {"budgets": [{"at_most": 1, "per": "1d"}]}}
    found = budget_customers(policy, customers=2, horizon="3d")
    assert found["delivered"] == [(0, 0.0), (0, 1.0), (0, 2.0)]


def test_a_budget_goes_to_who_asks_first() -> None:
    flow = {"on": {"event": "knock"}, "steps": [{"send": "hello"}]}
    journey = {**TWO_CHANNELS, "events": {"knock": {"in": "anywhere", "wait": {"exponential": "8h"}}}}
    rows = rows_of(journey, {"flows": {"f": flow}, "guardrails": {"budgets": [{"at_most": 3, "per": "10d"}]}}, customers=5, horizon="10d")
    sends = sorted((row.time, row.event) for row in rows if row.event in ("delivered", "suppressed_budget"))
    assert [event for _, event in sends] == ["delivered"] * 3 + ["suppressed_budget"] * (len(sends) - 3)
    assert len(sends) > 20


def test_two_sends_of_one_customer_at_one_time_draw_twice_on_a_budget() -> None:
    flow = {"on": {"stage": "here"}, "steps": [{"send": "hello"}, {"send": "ping"}, {"send": "hello"}]}
    policy = {"flows": {"f": flow}, "guardrails": {"budgets": [{"at_most": 4, "per": "1d"}]}}
    rows = rows_of(TWO_CHANNELS, policy, customers=3, horizon="1d")
    by = {
        customer: [row.event for row in rows if row.customer == customer and row.message and row.event != "opened"] for customer in range(3)
    }
    assert by[0] == ["delivered"] * 3
    assert by[1] == ["delivered", "suppressed_budget", "suppressed_budget"]
    assert by[2] == ["suppressed_budget"] * 3


def test_a_budget_counts_only_its_own_channels() -> None:
    policy = {
        "broadcasts": {"a": daily("10:00"), "b": daily("11:00", "ping"), "c": daily("12:00", "ping"), "d": daily("13:00")},
        "guardrails": {"budgets": [{"at_most": 1, "per": "1d", "channels": ["text"]}]},
    }
    assert outcomes(policy, horizon="1d") == ["delivered", "delivered", "suppressed_budget", "delivered"]


def test_a_send_that_one_budget_refuses_is_not_taken_from_another() -> None:
    policy = {
        "broadcasts": {"a": daily("10:00", "ping"), "b": daily("11:00"), "c": daily("12:00")},
        "guardrails": {"budgets": [{"at_most": 1, "per": "1d"}, {"at_most": 0, "per": "1d", "channels": ["text"]}]},
    }
    assert outcomes(policy, horizon="1d") == ["suppressed_budget", "delivered", "suppressed_budget"]


def test_sure_mail_is_opened_at_once() -> None:
    rows = rows_of(SURE_MAIL, {"broadcasts": {"noon": daily("12:00")}}, horizon="2d")
    assert times(rows, "opened") == [0.5, 1.5]

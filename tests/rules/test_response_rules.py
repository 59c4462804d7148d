"""How a customer answers a message, with chances so near 0 or 1 that one customer shows the rule."""

import math
from typing import Any

import pytest
from rule_worlds import ALWAYS, EVERY_DAY, NEVER, customer_row, event_after, rows_of, send_at, times

NOON = send_at("2026-01-05 12:00")
TWICE = send_at("2026-01-05 12:00", "2026-01-05 13:00")


def mail(
    *, affinity: float = 0.0, message: dict[str, Any] | None = None, persona: dict[str, Any] | None = None, more: Any = None, **channel: Any
) -> dict[str, Any]:
    """A channel with one message, and a persona with an affinity to it."""
    return {
        "personas": {"customer": {"share": 1, "affinity": {"mail": affinity}, **(persona or {})}},
        "channels": {"mail": channel},
        "messages": {"hello": {"channel": "mail", "open_rate": 0.5, **(message or {})}},
        **(more or {}),
    }


def openings(journey: dict[str, Any], casts: dict[str, Any] = NOON, **settings: Any) -> list[float]:
    return times(rows_of(journey, {"broadcasts": casts}, **settings), "opened")


def test_affinity_raises_the_chance_of_opening() -> None:
    assert openings(mail(affinity=ALWAYS)) == [0.5]
    assert openings(mail(affinity=NEVER)) == []


@pytest.mark.parametrize(("trait", "opened"), [(40.0, [0.5]), (10.0, [])])
def test_a_trait_of_affinity_adds_to_that_of_the_persona(trait: float, opened: list[float]) -> None:
    assert openings(mail(affinity=NEVER, more={"traits": {"a": {"fixed": trait}}, "channels": {"mail": {"affinity": "a"}}})) == opened


def test_open_rate_is_what_a_neutral_customer_opens() -> None:
    rows = rows_of(mail(message={"open_rate": 0.2}), {"broadcasts": NOON}, customers=400)
    # Binomial(400, 0.2) is outside 42..121 less than once in a million seeds.
    assert 42 <= len(times(rows, "opened")) <= 121


@pytest.mark.parametrize(("satisfaction", "opened"), [(1.0, [0.5]), (0.0, [])])
def test_satisfied_customers_open_more(satisfaction: float, opened: list[float]) -> None:
    assert openings(mail(satisfaction=40.0, persona={"satisfaction": satisfaction})) == opened


@pytest.mark.parametrize(("satisfaction", "left"), [(0.0, 1), (1.0, 0)])
def test_satisfied_customers_unsubscribe_less(satisfaction: float, left: int) -> None:
    journey = mail(satisfaction=40.0, persona={"satisfaction": satisfaction}, message={"unsubscribe_rate": 0.1, "complaint_rate": 0.1})
    assert customer_row(journey, {"broadcasts": NOON})["unsubscribes"] == left


def test_the_first_contact_meets_no_pressure_and_the_second_that_of_the_first() -> None:
    assert openings(mail(affinity=ALWAYS, fatigue=50.0), TWICE) == [0.5]


@pytest.mark.parametrize(("days", "opened"), [(11, 1), (17, 2)])
def test_pressure_decays_by_its_half_life(days: int, opened: int) -> None:
    # With 80 P against 20: P is below a quarter after two half-lives of a week.
    casts = send_at("2026-01-05 12:00", f"2026-01-{5 + days} 12:00")
    assert len(openings(mail(affinity=ALWAYS, fatigue=80.0), casts)) == opened


@pytest.mark.parametrize(("weight", "opened"), [(0.2, 2), (0.3, 1)])
def test_a_delivery_adds_the_pressure_of_its_channel(weight: float, opened: int) -> None:
    assert len(openings(mail(affinity=ALWAYS, fatigue=80.0, pressure=weight), TWICE)) == opened


def test_pressure_of_several_deliveries_adds_up() -> None:
    casts = send_at("2026-01-05 12:00", "2026-01-05 12:01", "2026-01-05 12:02", "2026-01-05 12:03")
    assert len(openings(mail(affinity=ALWAYS, fatigue=50.0, pressure=0.15), casts)) == 3


@pytest.mark.parametrize(("liked", "opened"), [(2.0, 2), (0.2, 1), (0.0, 1)])
def test_pressure_that_the_customer_likes_does_not_tire(liked: float, opened: int) -> None:
    # P* = f/7 * 7 / ln 2: 2.9 for two a week, 0.29 for one in five weeks.
    journey = mail(affinity=ALWAYS, fatigue=50.0, more={"traits": {"likes": {"fixed": liked}}, "preferred_contacts": "likes"})
    assert len(openings(journey, TWICE)) == opened


@pytest.mark.parametrize(("liked", "opened"), [(0.40, 1), (0.45, 2)])
def test_liked_pressure_is_that_of_so_many_contacts_a_week(liked: float, opened: int) -> None:
    # 1 - P* against 20/50: the edge is at P* = 0.6, f = 0.416.
    journey = mail(affinity=ALWAYS, fatigue=50.0, more={"traits": {"likes": {"fixed": liked}}, "preferred_contacts": "likes"})
    assert 0.6 * math.log(2.0) == pytest.approx(0.416, abs=1e-3)
    assert len(openings(journey, TWICE)) == opened


def test_annoyance_makes_customers_unsubscribe_under_pressure() -> None:
    rows = rows_of(mail(affinity=NEVER, annoyance=60.0, message={"unsubscribe_rate": 1e-9}), {"broadcasts": TWICE})
    assert times(rows, "unsubscribed") == [13 / 24]


def test_annoyance_makes_customers_complain_where_they_cannot_unsubscribe() -> None:
    rows = rows_of(mail(affinity=NEVER, annoyance=60.0, message={"complaint_rate": 1e-9}), {"broadcasts": TWICE})
    assert times(rows, "complained") == [13 / 24]
    assert times(rows, "unsubscribed") == []


@pytest.mark.parametrize("event", ["unsubscribe", "complaint"])
def test_who_leaves_without_opening_opens_and_clicks_nothing(event: str) -> None:
    message = {f"{event}_rate": 1e-9, "click_rate": 0.999999999}
    row = customer_row(mail(affinity=NEVER, annoyance=60.0, message=message), {"broadcasts": TWICE})
    assert (row["opens"], row["clicks"], row["unsubscribes"] + row["complaints"]) == (0, 0, 1)


def test_unsubscribing_comes_before_complaining() -> None:
    rows = rows_of(mail(annoyance=60.0, message={"complaint_rate": 1e-9, "unsubscribe_rate": 1e-9}), {"broadcasts": TWICE})
    assert len(times(rows, "unsubscribed")) == 1
    assert times(rows, "complained") == []


@pytest.mark.parametrize("event", ["unsubscribe", "complaint"])
def test_half_of_all_neutral_customers_leave_at_a_rate_of_a_half(event: str) -> None:
    logged = {"unsubscribe": "unsubscribed", "complaint": "complained"}[event]
    rows = rows_of(mail(affinity=NEVER, message={f"{event}_rate": 0.5}), {"broadcasts": NOON}, customers=200)
    assert 65 <= len(times(rows, logged)) <= 135  # Binomial(200, 1/2): outside less than once in a million seeds


def test_low_rates_of_leaving_are_met_too() -> None:
    rows = rows_of(mail(affinity=NEVER, message={"unsubscribe_rate": 0.04, "complaint_rate": 0.04}), {"broadcasts": NOON}, customers=1000)
    # Binomial(1000, 0.04) is outside 13..75 less than once in a million seeds.
    assert 13 <= len(times(rows, "unsubscribed")) <= 75
    assert 13 <= len(times(rows, "complained")) <= 75


def test_leaving_ends_consent_for_the_channel() -> None:
    journey = mail(affinity=NEVER, annoyance=60.0, message={"unsubscribe_rate": 1e-9})
    casts = send_at("2026-01-05 12:00", "2026-01-05 13:00", "2026-01-05 14:00")
    rows = rows_of(journey, {"broadcasts": casts})
    assert times(rows, "suppressed_consent") == [14 / 24]
    row = customer_row(journey, {"broadcasts": casts})
    assert (row["unsubscribes"], row["complaints"], row["opt_outs"], row["contacts"]) == (1, 0, 1, 2)


def test_who_opens_and_leaves_does_both_at_once() -> None:
    rows = rows_of(
        mail(affinity=ALWAYS, annoyance=60.0, message={"unsubscribe_rate": 1e-9}, open_delay={"fixed": "2h"}), {"broadcasts": TWICE}
    )
    assert [(row.event, row.time) for row in rows if row.time > 14 / 24] == [("opened", 15 / 24), ("unsubscribed", 15 / 24)]


def test_an_opening_comes_its_delay_after_delivery_and_a_click_its_delay_after_that() -> None:
    journey = mail(affinity=ALWAYS, open_delay={"fixed": "2h"}, click_delay={"fixed": "3h"}, message={"click_rate": 0.999999999})
    rows = rows_of(journey, {"broadcasts": NOON})
    assert [(row.event, pytest.approx(row.time * 24)) for row in rows[1:]] == [("delivered", 12), ("opened", 14), ("clicked", 17)]


def test_delays_run_in_activity_time() -> None:
    profile = {"activity": {"evening": {"hours": [0.0] * 18 + [1.0] + [0.0] * 5}}}
    journey = mail(
        affinity=ALWAYS,
        open_delay={"fixed": "12h"},
        click_delay={"fixed": "6h"},
        activity="evening",
        message={"click_rate": 0.999999999},
        more=profile,
    )
    rows = rows_of(journey, {"broadcasts": NOON})
    assert [(row.event, row.time * 24) for row in rows[1:]] == [
        ("delivered", 12),
        ("opened", pytest.approx(18.5)),
        ("clicked", pytest.approx(18.75)),
    ]


def test_a_click_rate_is_a_share_of_openings() -> None:
    rows = rows_of(mail(affinity=ALWAYS, message={"click_rate": 0.2}), {"broadcasts": NOON}, customers=400)
    assert len(times(rows, "opened")) == 400
    assert 42 <= len(times(rows, "clicked")) <= 121


def test_a_click_rate_of_zero_means_no_click() -> None:
    assert times(rows_of(mail(affinity=ALWAYS), {"broadcasts": NOON}, customers=50), "clicked") == []


def test_a_message_may_expire_before_it_is_opened() -> None:
    # Delay and lifetime equal: the reaction survives with probability 1/e; a sure one is opened by so many.
    rows = rows_of(
        mail(affinity=ALWAYS, message={"open_rate": 0.3}, open_delay={"fixed": "1d"}, lifetime="1d"), {"broadcasts": NOON}, customers=400
    )
    # Binomial(400, 0.368) is outside 100..197 less than once in a million seeds.
    assert 100 <= len(times(rows, "opened")) <= 197


def test_answers_in_one_moment_come_in_the_order_of_their_sends() -> None:
    flow = {"on": {"stage": "here"}, "steps": [{"send": "b"}, {"send": "a"}]}
    journey = {
        **mail(affinity=ALWAYS, open_delay={"fixed": "1h"}),
        "messages": {"a": {"channel": "mail", "open_rate": 0.5}, "b": {"channel": "mail", "open_rate": 0.5}},
    }
    rows = rows_of(journey, {"flows": {"f": flow}})
    assert [row.message for row in rows if row.event == "opened"] in (["a", "b"], ["b", "a"])
    assert times(rows, "opened") == [1 / 24, 1 / 24]


def interested(topic: str, accuracy: Any = ()) -> list[float]:
    """Openings of 20 customers, who open what is relevant and nothing else."""
    journey = mail(
        affinity=-10.0,
        message={"topic": topic, "relevance": 20.0},
        persona={"interests": {"shoes": 1}},
        more={"interests": {"shoes": 1, "hats": 1}},
    )
    return times(rows_of(journey, {"broadcasts": NOON, "personalisation": accuracy}, customers=20), "opened")


@pytest.mark.parametrize(("topic", "opened"), [("shoes", 20), ("hats", 0)])
def test_relevance_counts_where_the_topic_is_the_customers_interest(topic: str, opened: int) -> None:
    assert len(interested(topic)) == opened


@pytest.mark.parametrize(
    ("accuracy", "opened"),
    [
        ([{"accuracy": 1.0}], 20),
        ([{"accuracy": 0.0}], 0),
        ([{"if": "day < 0", "accuracy": 0.0}, {"accuracy": 1.0}], 20),
        ([{"if": "day >= 0", "accuracy": 0.0}, {"accuracy": 1.0}], 0),
        ([{"if": "day >= 0", "accuracy": 1.0}, {"accuracy": 0.0}], 20),
    ],
)
def test_a_personal_topic_is_right_with_the_accuracy_of_the_first_rule_that_fits(accuracy: Any, opened: int) -> None:
    assert len(interested("personal", accuracy)) == opened


def test_without_a_rule_a_personal_topic_is_a_guess_among_all() -> None:
    assert 1 <= len(interested("personal")) <= 19  # Binomial(20, 1/2): outside less than twice in a million seeds


@pytest.mark.parametrize("moment", ["delivered", "opened", "clicked"])
def test_effects_of_a_message_happen_at_their_moment(moment: str) -> None:
    journey = mail(
        affinity=ALWAYS,
        open_delay={"fixed": "1h"},
        click_delay={"fixed": "1h"},
        message={"click_rate": 0.999999999, "effects": {moment: [{"fire": "mark"}]}},
        more={"events": {"mark": event_after(None)}},
    )
    rows = rows_of(journey, {"broadcasts": NOON})
    assert times(rows, "mark") == times(rows, moment)
    assert [row.event for row in rows if row.time == times(rows, moment)[0]] == [moment, "mark"]


def test_a_delivery_moves_satisfaction_by_the_gain_of_its_channel() -> None:
    row = customer_row(mail(delivery_gain=-0.1), {"broadcasts": TWICE})
    assert row["satisfaction"] == pytest.approx(0.5 * 0.9 * 0.9, rel=1e-6)


def test_running_clocks_follow_the_gain_of_a_delivery() -> None:
    journey = mail(delivery_gain=1.0, more={"events": {"buy": {"in": "anywhere", "wait": {"fixed": "4d"}, "satisfaction": 2.0}}})
    found = times(rows_of(journey, {"broadcasts": send_at("2026-01-07 00:00")}), "buy")[0]
    assert found == pytest.approx(2 + 2 / math.e, abs=1e-9)


def test_the_answer_is_drawn_before_the_delivery_moves_satisfaction() -> None:
    assert openings(mail(satisfaction=40.0, delivery_gain=-1.0, persona={"satisfaction": 1.0}), TWICE) == [0.5]


@pytest.mark.parametrize(
    ("condition", "days"),
    [
        ("contacts == 2", [2]),
        ("contacts(mail) == 1", [1]),
        ("sent(hello) == 3", [3]),
        ("opens == 1", [1]),
        ("opens(mail) == 2", [2]),
        ("opened(hello) == 3", [3]),
        ("clicks == 1", [1]),
        ("clicks(mail) == 2", [2]),
        ("clicked(hello) == 3", [3]),
        ("unopened == 0", [0, 1, 2, 3]),
        ("unopened(mail) == 1", []),
        ("days_since_contact(mail) < 1", [1, 2, 3]),
        ("days_since_contact >= 100", [0]),
        ("contacts(text) == 0 and opens(text) == 0 and clicks(text) == 0", [0, 1, 2, 3]),
    ],
)
def test_conditions_count_deliveries_openings_and_clicks(condition: str, days: list[int]) -> None:
    journey = mail(affinity=ALWAYS, message={"click_rate": 0.999999999})
    journey["channels"]["text"] = {}
    journey["messages"]["ping"] = {"channel": "text", "open_rate": 0.5}
    daily = {"schedule": {"weekdays": EVERY_DAY, "at": "12:00"}, "send": "hello"}
    flow = {"on": {"schedule": {"weekdays": EVERY_DAY, "at": "10:00"}}, "if": condition, "steps": [{"tag": "seen"}]}
    rows = rows_of(journey, {"broadcasts": {"daily": daily}, "flows": {"f": flow}}, horizon="4d")
    assert [int(time) for time in times(rows, "flow_started")] == days


def test_unopened_counts_deliveries_since_the_last_opening() -> None:
    journey = mail(affinity=NEVER)
    journey["channels"]["text"] = {}
    journey["messages"]["ping"] = {"channel": "text", "open_rate": 0.5}
    journey["personas"]["customer"]["affinity"]["text"] = ALWAYS
    flow = {
        "on": {"schedule": {"weekdays": EVERY_DAY, "at": "10:00"}},
        "if": "unopened == 2 and unopened(mail) == 2",
        "steps": [{"tag": "seen"}],
    }
    casts = {**send_at("2026-01-05 12:00", "2026-01-06 12:00"), "ping": send_at("2026-01-07 12:00", message="ping")["cast_0"]}
    rows = rows_of(journey, {"broadcasts": casts, "flows": {"f": flow}}, horizon="4d")
    assert times(rows, "flow_started") == pytest.approx([2 + 10 / 24])


def test_counts_of_answers_are_in_the_customer_table() -> None:
    row = customer_row(mail(affinity=ALWAYS, message={"click_rate": 0.999999999}), {"broadcasts": TWICE})
    assert (row["contacts"], row["opens"], row["clicks"], row["unsubscribes"], row["events"]) == (2, 2, 2, 0, 7)


def app(**channel: Any) -> dict[str, Any]:
    return {
        "personas": {"customer": {"share": 1, "affinity": {"app": ALWAYS}}},
        "channels": {"app": {"kind": "pull", "visits": ["visit"], **channel}},
        "messages": {"hello": {"channel": "app", "open_rate": 0.5}},
        "events": {"visit": event_after("2d")},
    }


def test_a_placed_message_is_delivered_at_the_next_visit_and_once() -> None:
    rows = rows_of(app(), {"broadcasts": NOON}, horizon="7d")
    assert (times(rows, "placed"), times(rows, "delivered"), times(rows, "opened")) == ([0.5], [2.0], [2.0])


@pytest.mark.parametrize(("lifetime", "delivered"), [("36h", [2.0]), ("35h59min", []), ("3d", [2.0])])
def test_a_placed_message_lasts_for_its_lifetime_to_the_last_moment(lifetime: str, delivered: list[float]) -> None:
    assert times(rows_of(app(lifetime=lifetime), {"broadcasts": NOON}, horizon="7d"), "delivered") == delivered


def test_the_newest_placed_message_replaces_an_older_one() -> None:
    flow = {"on": {"stage": "here"}, "steps": [{"send": "hello"}, {"wait": "1d"}, {"send": "hello"}]}
    rows = rows_of(app(lifetime="36h"), {"flows": {"f": flow}}, horizon="7d")
    assert (times(rows, "placed"), times(rows, "delivered")) == ([0.0, 1.0], [2.0])


def test_a_placed_message_meets_the_guardrails_at_the_visit() -> None:
    casts = {**NOON, "later": send_at("2026-01-05 13:00")["cast_0"]}
    rows = rows_of(app(), {"broadcasts": casts, "guardrails": {"caps": [{"at_most": 1, "per": "1d"}]}}, horizon="7d")
    assert (times(rows, "delivered"), times(rows, "suppressed_cap")) == ([2.0], [2.0])


def test_quiet_hours_do_not_hold_back_what_is_seen_at_a_visit() -> None:
    rules = {"quiet_hours": [{"from": "22:00", "to": "08:00"}]}
    assert times(rows_of(app(), {"broadcasts": NOON, "guardrails": rules}, horizon="7d"), "delivered") == [2.0]


def test_other_events_are_no_visits() -> None:
    journey = app()
    journey["events"]["look"] = event_after("1d")
    assert times(rows_of(journey, {"broadcasts": NOON}, horizon="7d"), "delivered") == [2.0]

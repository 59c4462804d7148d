"""Offers, referrals, desks, choices, and the words of conditions, on one customer."""

import math
from pathlib import Path
from typing import Any

import pytest
from in_memory_simulation import simulate_in_memory
from rule_worlds import EVERY_DAY, customer_row, event_after, rows_of, send_at, times
from small_scenarios import small_scenario

from cjsim.errors import InputError
from cjsim.simulation.simulate import simulate

MAIL = {"channels": {"mail": {}}, "messages": {"hello": {"channel": "mail", "open_rate": 0.01}}}
PURCHASE = {"purchase": {"value": 100}}


def offers(*steps: tuple[str, str], value: float = 100, margin: float = 1.0, **offered: dict[str, Any]) -> dict[str, Any]:
    """Purchases every ten days, and offers given at times."""
    given = {f"give{n}": event_after(at, {"offer": name}, when=f"count(give{n}) == 0") for n, (at, name) in enumerate(steps)}
    return {"offers": offered, "events": {**given, "buy": event_after("10d", {"purchase": {"value": value, "margin": margin}})}}


def savings(*steps: tuple[str, str], value: float = 100, **offered: dict[str, Any]) -> list[tuple[float, float]]:
    """Time and money off of each redemption within 45 days."""
    rows = rows_of(offers(*steps, value=value, **offered), horizon="45d")
    return [(row.time, row.value) for row in rows if row.event == "redeemed"]


def test_a_discount_takes_its_share_off() -> None:
    assert savings(("1d", "a"), a={"discount": 0.2, "valid": "20d"}) == [(10.0, 20.0)]


def test_an_amount_takes_itself_off_but_no_more_than_the_value() -> None:
    assert savings(("1d", "a"), a={"amount": 15, "valid": "20d"}) == [(10.0, 15.0)]
    assert savings(("1d", "a"), a={"amount": 150, "valid": "20d"}) == [(10.0, 100.0)]


def test_money_off_leaves_revenue_and_margin_alike() -> None:
    row = customer_row(offers(("1d", "a"), margin=0.5, a={"amount": 15, "valid": "20d"}), horizon="15d", discount_rate=0.0)
    assert (row["revenue"], row["margin"], row["clv"], row["discounts"], row["redemptions"]) == (85.0, 35.0, 35.0, 15.0, 1)


def test_an_offer_holds_for_its_uses() -> None:
    assert [time for time, _ in savings(("1d", "a"), a={"amount": 1, "valid": "90d", "uses": 3})] == [10.0, 20.0, 30.0]


def test_an_offer_is_valid_to_its_last_moment() -> None:
    assert savings(("1d", "a"), a={"amount": 1, "valid": "9d"}) == [(10.0, 1.0)]
    assert savings(("1d", "a"), a={"amount": 1, "valid": "8d23h59min"}) == []


def test_an_offer_given_again_starts_anew() -> None:
    given = (("1d", "a"), ("12d", "a"))
    assert [time for time, _ in savings(*given, a={"amount": 1, "valid": "90d", "uses": 2})] == [10.0, 20.0, 30.0]
    assert [time for time, _ in savings(*given, a={"amount": 1, "valid": "19d", "uses": 9})] == [10.0, 20.0, 30.0]


def test_the_offer_that_saves_most_is_taken() -> None:
    kinds = {"a": {"amount": 15, "valid": "90d"}, "b": {"discount": 0.2, "valid": "90d"}}
    given = (("1d", "a"), ("2d", "b"))
    assert savings(*given, **kinds) == [(10.0, 20.0), (20.0, 15.0)]
    assert savings(*given, value=50, **kinds) == [(10.0, 15.0), (20.0, 10.0)]


def test_of_equal_offers_the_first_declared_is_taken() -> None:
    kinds = {"a": {"amount": 15, "valid": "90d"}, "b": {"amount": 15, "valid": "90d"}}
    rows = rows_of(offers(("1d", "b"), ("2d", "a"), **kinds), horizon="45d")
    assert [row.source for row in rows if row.event == "redeemed"] == ["a", "b"]


def test_an_offer_needs_a_purchase_of_its_least_value() -> None:
    assert savings(("1d", "a"), a={"amount": 1, "valid": "90d", "at_least": 100}) == [(10.0, 1.0)]
    assert savings(("1d", "a"), a={"amount": 1, "valid": "90d", "at_least": 100.5}) == []


@pytest.mark.parametrize("offer", [{"amount": 1, "valid": "90d", "at_least": 100.5}, {"amount": 1, "valid": "5d"}])
def test_an_offer_that_does_not_fit_takes_nothing_off(offer: dict[str, Any]) -> None:
    row = customer_row(offers(("1d", "a"), a=offer), horizon="15d")
    assert (row["revenue"], row["redemptions"]) == (100.0, 0)


def test_an_offer_that_nobody_redeems_stays() -> None:
    journey = offers(("1d", "a"), a={"amount": 5, "valid": "90d", "redeems": 0.0})
    assert customer_row(journey, horizon="15d")["revenue"] == 100.0
    assert savings(("1d", "a"), a={"amount": 1, "valid": "90d", "redeems": 0.0}) == []


def test_whether_an_offer_is_redeemed_is_drawn_anew_at_each_purchase() -> None:
    journey = {
        "offers": {"a": {"amount": 1, "valid": "90d", "redeems": 0.5, "uses": 100}},
        "events": {"give": event_after("6h", {"offer": "a"}, when="count(give) == 0"), "buy": event_after("12h", PURCHASE)},
    }
    found = times(rows_of(journey), "redeemed")
    assert 13 <= len(found) <= 46  # Binomial(59, 1/2): less than twice in a hundred thousand seeds
    assert found == sorted(set(found))


def test_an_expired_offer_gives_way_to_a_valid_one() -> None:
    kinds = {"a": {"amount": 50, "valid": "5d"}, "b": {"amount": 1, "valid": "90d"}}
    assert savings(("1d", "a"), ("2d", "b"), **kinds) == [(10.0, 1.0)]


@pytest.mark.parametrize(
    ("condition", "days"),
    [("has_offer(a)", range(1, 15)), ("redeemed(a) == 1", range(10, 20)), ("redeemed(a) == 0", range(10))],
)
def test_has_offer_and_redeemed_follow_an_offer(condition: str, days: range) -> None:
    journey = {**MAIL, **offers(("1d", "a"), a={"amount": 1, "valid": "14d", "uses": 2})}
    assert days_of(journey, condition, horizon="20d") == list(days)


def days_of(journey: dict[str, Any], condition: str, *, horizon: str = "10d", at: str = "12:00") -> list[int]:
    """Days on which a condition of the policy holds at noon."""
    flow = {"on": {"schedule": {"weekdays": EVERY_DAY, "at": at}}, "if": condition, "steps": [{"tag": "asked"}]}
    return [int(time) for time in times(rows_of({**MAIL, **journey}, {"flows": {"f": flow}}, horizon=horizon), "flow_started")]


MOVING: dict[str, Any] = {
    "stages": {"here": {}, "there": {}},
    "attributes": {"country": {"DE": 1.0, "FR": 0.0}},
    "scores": {"heat": {"half_life": "1d"}, "sum": {}},
    "events": {
        "move": event_after("2d12h", {"go": "there"}, **{"in": ["here"]}),
        "buy": event_after("3d12h", PURCHASE, {"score": {"heat": 8, "sum": 2}}, {"tag": "bought"}),
    },
}


@pytest.mark.parametrize(
    ("condition", "days"),
    [
        ("stage == here", [0, 1]),  # equal times: the clock at 2.5 comes before the flow
        ("visited(there) == 1", [2, 3, 4, 5]),
        ("visited(here) == 1", [0, 1, 2, 3, 4, 5]),
        ("days_in_stage == 3", [5]),
        ("days_since_entry == 3.5", [3]),
        ("day >= 4.5", [4, 5]),
        ("hour == 12", [0, 1, 2, 3, 4, 5]),
        ("hour < 12", []),
        ("weekday == 2", [2]),
        ("weekday == 0 or weekday == 5", [0, 5]),
        ("purchases == 1", [3, 4, 5]),
        ("revenue == 100", [3, 4, 5]),
        ("count(buy) > 0", [3, 4, 5]),
        ("days_since(buy) == 1", [4]),
        ("days_since(buy) > 1000", [0, 1, 2]),
        ("days_since_purchase <= 1", [3, 4]),
        ("tagged(bought)", [3, 4, 5]),
        ("score(sum) == 2", [3, 4, 5]),
        ("score(heat) == 4", [4]),
        ("score(heat) > 3", [3, 4]),
        ("country == DE", [0, 1, 2, 3, 4, 5]),
        ("country == FR", []),
        ("consent(mail)", [0, 1, 2, 3, 4, 5]),
        ("held_out", []),
        ("referrals == 0", [0, 1, 2, 3, 4, 5]),
        ("contacts == 0 and clicks == 0 and opens == 0", [0, 1, 2, 3, 4, 5]),
        ("1 <= day < 3", [1, 2]),
        ("day + 0.5 == 3", [2]),
        ("day - 0.5 == 3", [3]),
        ("day * 2 == 5", [2]),
        ("day / 2 == 1.25", [2]),
        ("day / 1 == 2.5", [2]),
        ("day / 0 == 0", [0, 1, 2, 3, 4, 5]),
        ("-day <= -4.5", [4, 5]),
        ("not day > 1", [0]),
        ("day < 1 or day > 5", [0, 5]),
        ("day != 1.5", [0, 2, 3, 4, 5]),
        ("day > 1.5", [2, 3, 4, 5]),
        ("day >= 1.5", [1, 2, 3, 4, 5]),
        ("day < 1.5", [0]),
        ("day <= 1.5", [0, 1]),
        ("day + 0.0000000005 == 1.5", [1]),
        ("day + 0.000000002 == 1.5", []),
        ("day + 0.0000000005 > 1.5", [2, 3, 4, 5]),
        ("day + 0.0000000005 <= 1.5", [0, 1]),
        ("day - 0.0000000005 < 1.5", [0]),
        ("day - 0.0000000005 >= 1.5", [1, 2, 3, 4, 5]),
    ],
)
def test_words_and_operators_of_conditions(condition: str, days: list[int]) -> None:
    assert days_of(MOVING, condition, horizon="6d") == days


@pytest.mark.parametrize(
    ("condition", "holds"),
    [
        ("persona == keen", True),
        ("persona == cool", False),
        ("interest == shoes", True),
        ("interest == hats", False),
        ("a == 2", True),
        ("a > 2", False),
        ("country == DE", True),
        ("stage == here", True),
        ("stage == there", False),
        ("count(buy) == 0", True),
    ],
)
def test_conditions_of_a_journey_know_the_customer(condition: str, holds: bool) -> None:
    journey = {
        "personas": {"keen": {"share": 1, "interests": {"shoes": 1}}, "cool": {"share": 0, "interests": {"hats": 1}}},
        "interests": {"shoes": 1, "hats": 1},
        "traits": {"b": {"fixed": 7.0}, "a": {"fixed": 2.0}},
        "attributes": {"country": {"DE": 1.0, "FR": 0.0}},
        "stages": {"there": {}, "here": {}},
        "events": {"buy": event_after("10d", when=condition)},
    }
    assert times(rows_of(journey, horizon="15d"), "buy") == ([10.0] if holds else [])


def test_a_customer_who_left_unseen_counts_where_it_was_seen_last() -> None:
    journey = {
        "stages": {"here": {}, "there": {"observed": False}},
        "events": {"move": event_after("2d12h", {"go": "there"}, observed=False, **{"in": ["here"]})},
    }
    assert days_of(journey, "stage == here", horizon="5d") == [0, 1, 2, 3, 4]
    assert days_of(journey, "days_in_stage == 3.5", horizon="5d") == [3]


def chosen(*branches: dict[str, Any], customers: int = 1, **more: Any) -> list[str]:
    """Which of the marks happened, in the order of customers."""
    made = [{**branch, "effects": [{"fire": f"mark{n}"}]} for n, branch in enumerate(branches)]
    marks = {f"mark{n}": event_after(None) for n in range(len(branches))}
    rows = rows_of({"events": {"decide": event_after("1d", {"choose": made}), **marks}, **more}, customers=customers, horizon="2d")
    return [row.event[-1] for row in rows if row.event.startswith("mark")]


@pytest.mark.parametrize("heavy", [0, 1, 2])
def test_a_choice_takes_the_branch_that_has_the_weight(heavy: int) -> None:
    assert chosen(*({"weight": float(n == heavy)} for n in range(3)), customers=20) == [str(heavy)] * 20


def test_a_choice_follows_its_weights() -> None:
    found = chosen({"weight": 1}, {"weight": 2}, {"weight": 1}, customers=200)
    # Binomial(200, 1/4) is outside 20..80, Binomial(200, 1/2) outside 65..135 less than once in a million seeds.
    assert 20 <= found.count("0") <= 80
    assert 65 <= found.count("1") <= 135
    assert len(found) == 200


@pytest.mark.parametrize(("satisfaction", "bend", "branch"), [(1.0, 40.0, "0"), (0.0, 40.0, "1"), (1.0, -40.0, "1"), (0.0, -40.0, "0")])
def test_satisfaction_bends_the_odds_of_a_branch(satisfaction: float, bend: float, branch: str) -> None:
    personas = {"customer": {"share": 1, "satisfaction": satisfaction}}
    assert chosen({"weight": 1, "bend": bend}, {"weight": 1}, customers=20, personas=personas) == [branch] * 20


@pytest.mark.parametrize("heavy", [0, 1, 2])
def test_a_choice_among_other_effects_looks_at_its_own_branches_only(heavy: int) -> None:
    made = [{"weight": float(n == heavy), "effects": [{"fire": f"mark{n}"}]} for n in range(3)]
    marks = {f"mark{n}": event_after(None) for n in range(3)}
    decide = event_after("1d", PURCHASE, {"score": {"heat": 3}}, {"choose": made}, {"score": {"heat": 4}}, PURCHASE)
    rows = rows_of({"scores": {"heat": {}}, "events": {"decide": decide, **marks}}, customers=5, horizon="2d")
    assert [row.event for row in rows if row.event.startswith("mark")] == [f"mark{heavy}"] * 5
    assert [row.value for row in rows if row.event == "decide"] == [200.0] * 5


def test_a_bend_of_one_changes_odds_by_e_over_all_satisfaction() -> None:
    # Odds e^0.5 to 1: 62 % of 400; binomial(400, 0.622) is outside 200..297 less than once in a million seeds.
    personas = {"customer": {"share": 1, "satisfaction": 1.0}}
    found = chosen({"weight": 100, "bend": 1.0}, {"weight": 100}, customers=400, personas=personas)
    assert 201 <= found.count("0") <= 297


def test_a_trait_may_be_the_weight_of_a_branch() -> None:
    assert chosen({"weight": 1e-9}, {"weight": "a"}, customers=20, traits={"a": {"fixed": 1000.0}}) == ["1"] * 20
    assert chosen({"weight": 1}, {"weight": "a"}, customers=20, traits={"a": {"fixed": 0.0}}) == ["0"] * 20


def test_a_choice_is_drawn_anew_each_time() -> None:
    made = [{"weight": 1, "effects": [{"fire": "mark"}]}, {"weight": 1}]
    rows = rows_of({"events": {"decide": event_after("1d", {"choose": made}), "mark": event_after(None)}})
    assert 3 <= len(times(rows, "mark")) <= 26  # Binomial(29, 1/2): less than ten times in a million seeds


def test_fired_events_happen_at_the_same_time_in_their_order() -> None:
    events = {
        "a": event_after("1d", {"fire": "b"}, {"fire": "c"}),
        "b": event_after(None, {"fire": "d"}),
        "c": event_after(None),
        "d": event_after(None),
    }
    rows = rows_of({"events": events}, horizon="2d")
    assert [(row.event, row.time) for row in rows[1:]] == [("a", 1.0), ("b", 1.0), ("c", 1.0), ("d", 1.0)]


def test_all_events_happen_however_many_are_fired_at_once() -> None:
    rows = rows_of({"events": {"a": event_after("1d", *[{"fire": "b"}] * 300), "b": event_after(None)}}, horizon="2d")
    assert len(times(rows, "b")) == 300


def test_all_messages_are_opened_however_many_wait_for_it() -> None:
    journey = {
        "personas": {"customer": {"share": 1, "affinity": {"mail": 20.0}}},
        "channels": {"mail": {"open_delay": {"fixed": "10d"}}},
        "messages": {"hello": {"channel": "mail", "open_rate": 0.5}},
    }
    flow = {"on": {"stage": "here"}, "steps": [{"send": "hello"}] * 300}
    assert times(rows_of(journey, {"flows": {"f": flow}}), "opened") == [10.0] * 300


def test_an_event_is_logged_with_the_stage_in_which_it_happened() -> None:
    journey = {
        "stages": {"here": {}, "there": {}},
        "events": {"move": event_after("1d", {"go": "there"}, **{"in": ["here"]}), "x": event_after("2d")},
    }
    assert [(row.event, row.stage) for row in rows_of(journey, horizon="3d")] == [("entered", "here"), ("move", "here"), ("x", "there")]


def test_log_rows_name_only_what_they_are_about() -> None:
    journey = {
        "channels": {"mail": {}, "text": {}},
        "messages": {"hello": {"channel": "text", "open_rate": 0.01}, "bye": {"channel": "text", "open_rate": 0.01}},
        "offers": {"rebate": {"amount": 5, "valid": "9d"}, "spare": {"amount": 5, "valid": "9d"}},
        "events": {
            "buy": event_after("1d", {"purchase": {"value": 50}}, {"opt_out": "mail"}, {"refer": {"joins": 1.0, "delay": {"fixed": "9d"}}}),
        },
    }
    arms = {"a": {"share": 0.0}, "b": {"share": 1.0}}
    steps = [{"split": arms, "experiment": "x"}, {"offer": "rebate"}, {"send": "bye"}, {"wait": "20d"}]
    flows = {
        "idle": {"on": {"event": "buy"}, "if": "day < 0", "steps": steps},
        "f": {"on": {"stage": "here"}, "exit_on": ["buy"], "steps": steps},
    }
    rows = rows_of(journey, {"flows": flows}, horizon="36h")
    assert [tuple(row) for row in rows] == [
        (0, 0.0, 0.0, "entered", "here", "", "", ""),
        (0, 0.0, 0.0, "flow_started", "here", "", "", "f"),
        (0, 0.0, 1.0, "exposed", "here", "", "", "f"),
        (0, 0.0, 0.0, "offered", "here", "", "", "rebate"),
        (0, 0.0, 0.0, "delivered", "here", "text", "bye", "f"),
        (0, 1.0, 45.0, "buy", "here", "", "", ""),
        (0, 1.0, 5.0, "redeemed", "here", "", "", "rebate"),
        (0, 1.0, 0.0, "opted_out", "here", "mail", "", ""),
        (0, 1.0, 0.0, "referral", "here", "", "", ""),
        (0, 1.0, 0.0, "flow_exited", "here", "", "", "f"),
    ]


def test_a_customer_for_whom_no_time_passes_is_an_error() -> None:
    restless = {"in": ["here"], "wait": {"empirical": {"values": ["0s", "1s"], "weights": [1, 0]}}}
    with pytest.raises(InputError, match="must not loop without advancing time"):
        simulate(small_scenario(journey={"events": {"again": restless}}), customers=1, threads=1)


def referring(**refer: Any) -> Any:
    """Each customer invites friends once, two days after entry."""
    journey = {"events": {"tell": event_after("2d", {"refer": {"joins": 1.0, **refer}}, when="count(tell) == 0")}}
    return simulate_in_memory(small_scenario(journey=journey, horizon="5d"), customers=1)


@pytest.mark.parametrize(
    ("invites", "delay", "joined"), [(1, "0s", [0.0, 2.0, 4.0]), (2, "0s", [0.0, 2.0, 2.0, 4.0, 4.0, 4.0, 4.0]), (1, "1d", [0.0, 3.0])]
)
def test_friends_join_their_delay_after_the_invitation(invites: int, delay: str, joined: list[float]) -> None:
    result = referring(invites=invites, delay={"fixed": delay})
    assert [row.time for row in result.log_rows() if row.event == "entered"] == joined


def test_a_friend_who_would_join_at_the_horizon_is_logged_but_does_not_come() -> None:
    rows = referring(delay={"fixed": "3d"}).log_rows()
    assert [row.event for row in rows] == ["entered", "tell", "referral"]


def test_nobody_joins_with_probability_zero() -> None:
    assert [row.event for row in referring(joins=0.0).log_rows()] == ["entered", "tell"]


def test_referrals_count_those_who_join_before_the_horizon() -> None:
    assert referring(invites=3, delay={"fixed": "1d"}).outcomes.customers["referrals"].tolist() == [3, 0, 0, 0]
    assert referring(invites=3, delay={"fixed": "3d"}).outcomes.customers["referrals"].tolist() == [0]


def test_the_word_referrals_counts_friends_who_will_join() -> None:
    tell = event_after("2d", {"refer": {"joins": 1.0, "invites": 2, "delay": {"fixed": "90d"}}}, when="count(tell) < 2")
    assert days_of({"events": {"tell": tell}}, "referrals == 2", horizon="6d") == [2, 3]
    assert days_of({"events": {"tell": tell}}, "referrals == 4", horizon="6d") == [4, 5]


def test_arrivals_do_not_change() -> None:
    # A promise to saved results: the n-th arrival of a channel comes at the same time in every version.
    scenario = small_scenario(journey={"acquisition": {"organic": {"baseline": 0.5}}}, customers=0, horizon="9d", seed=7)
    assert simulate(scenario, threads=1).customers["entered"].tolist() == pytest.approx(
        [1.0726536978309786, 4.582656644875463, 6.691092845392131, 8.760942808617472], rel=1e-12
    )


def test_friends_have_different_keys_and_their_parents_row() -> None:
    registry = referring(invites=2).registry
    assert len(set(registry.keys.tolist())) == 7
    assert registry.parents.tolist()[1:] == [0, 0, 1, 1, 2, 2]


def test_keys_of_friends_do_not_change() -> None:
    # A promise to saved results: the friends of a customer are the same people in every version.
    assert [int(key) for key in referring(invites=1).registry.keys] == [0, 9955588113183381102, 10604609584372285383]


def test_a_key_of_a_friend_says_its_generation() -> None:
    keys = [int(key) for key in referring(invites=1).registry.keys]
    assert [(key >> 63, key >> 59 & 15) for key in keys] == [(0, 0), (1, 1), (1, 2)]


def desk(*, agents: int = 1, service: str = "2h", asks: tuple[str, ...] = ("1d",), **more: Any) -> tuple[dict[str, Any], dict[str, Any]]:
    events = {f"call{n}": event_after(at, {"ask": "line"}, when=f"count(call{n}) == 0") for n, at in enumerate(asks)}
    marks = {name: event_after(None) for name in ("happy", "sad", "lost")}
    effects = {"in_time": [{"fire": "happy"}], "late": [{"fire": "sad"}], "unanswered": [{"fire": "lost"}]}
    line = {"service": {"fixed": service}, "effects": effects, **more}
    journey = {"desks": {"line": line}, "events": {**events, **marks}}
    return journey, {"desks": {"line": {"agents": agents, "sla": "30min", "cost_per_minute": 0.5}}}


def test_an_answer_comes_when_service_ends() -> None:
    journey, policy = desk()
    rows = rows_of(journey, policy, horizon="3d")
    assert [(row.event, row.time) for row in rows[1:]] == [
        ("call0", 1.0),
        ("asked", 1.0),
        ("answered_in_time", pytest.approx(1 + 2 / 24)),
        ("happy", pytest.approx(1 + 2 / 24)),
    ]


def test_service_costs_by_the_minute() -> None:
    journey, policy = desk()
    assert customer_row(journey, policy, horizon="3d")["cost"] == pytest.approx(60.0)


def test_who_waits_longer_than_promised_is_answered_late() -> None:
    journey, policy = desk()
    rows = rows_of(journey, policy, customers=2, horizon="3d")
    assert [row.event for row in rows if row.customer == 1][1:] == ["call0", "asked", "answered_late", "sad"]
    assert [row.value for row in rows if row.event == "answered_late"] == [pytest.approx(120.0)]
    assert [row.value for row in rows if row.event == "answered_in_time"] == [0.0]


def test_who_has_less_patience_than_the_queue_is_lost() -> None:
    journey, policy = desk(patience={"fixed": "1h"})
    rows = rows_of(journey, policy, customers=2, horizon="3d")
    lost = [(row.event, pytest.approx(row.time)) for row in rows if row.customer == 1]
    assert lost[3:] == [("unanswered", 1 + 1 / 24), ("lost", 1 + 1 / 24)]


def test_a_request_during_a_conversation_joins_it() -> None:
    journey, policy = desk(asks=("1d", "25h"))
    rows = rows_of(journey, policy, horizon="3d")
    assert [row.event for row in rows if row.event.startswith(("asked", "answered"))] == ["asked", "asked_again", "answered_in_time"]


def test_desk_metrics_count_requests_joins_and_answers() -> None:
    # Per customer: one conversation, two requests that join it; the second customer is answered late, after two hours.
    journey, policy = desk(asks=("1d", "25h", "25h30min"))
    metrics = simulate(small_scenario(journey=journey, policy=policy, horizon="3d"), customers=2, threads=1).metrics
    names = ("tickets[line]", "asked_again[line]", "sla_kept[line]", "abandonment[line]", "wait[line]", "service[line]")
    assert [metrics[name].value for name in names] == pytest.approx([1.0, 2.0, 0.5, 0.0, 60.0, 120.0], rel=1e-6)


def test_desk_metrics_count_who_is_lost() -> None:
    journey, policy = desk(patience={"fixed": "1h"})
    metrics = simulate(small_scenario(journey=journey, policy=policy, horizon="3d"), customers=4, threads=1).metrics
    names = ("tickets[line]", "sla_kept[line]", "abandonment[line]", "wait[line]", "service[line]")
    assert [metrics[name].value for name in names] == pytest.approx([1.0, 0.25, 0.75, 0.0, 30.0], rel=1e-6)


def test_a_request_after_an_answer_is_a_new_one() -> None:
    journey, policy = desk(asks=("1d", "27h"))
    assert times(rows_of(journey, policy, horizon="3d"), "answered_in_time") == pytest.approx([26 / 24, 29 / 24])


def test_no_conversation_is_shorter_than_a_second() -> None:
    journey, policy = desk(service="0s")
    assert times(rows_of(journey, policy, horizon="3d"), "answered_in_time") == [pytest.approx(1 + 1 / 86400, abs=1e-12)]


def test_an_answer_has_its_effects_where_nothing_else_has_any() -> None:
    journey = {
        "channels": {"mail": {}},
        "desks": {"line": {"service": {"fixed": "2h"}, "effects": {"in_time": [{"fire": "happy"}]}}},
        "events": {"happy": event_after(None)},
    }
    policy = {"desks": {"line": {"agents": 1}}, "flows": {"f": {"on": {"stage": "here"}, "steps": [{"ask": "line"}]}}}
    assert times(rows_of(journey, policy), "happy") == [pytest.approx(2 / 24)]


def test_what_is_open_at_the_horizon_has_no_effect() -> None:
    journey, policy = desk(service="2d")
    assert [row.event for row in rows_of(journey, policy, horizon="3d")] == ["entered", "call0", "asked"]


def test_asks_count_requests() -> None:
    journey, policy = desk(asks=("1d", "60h"))
    flow = {"on": {"schedule": {"weekdays": EVERY_DAY, "at": "13:00"}}, "if": "asks(line) == 1", "steps": [{"tag": "asked"}]}
    rows = rows_of({**MAIL, **journey}, {**policy, "flows": {"f": flow}}, horizon="5d")
    assert [int(time) for time in times(rows, "flow_started")] == [1]


HUMAN = {
    "personas": {"customer": {"share": 1, "affinity": {"phone": 20.0}}},
    "channels": {"phone": {"kind": "human", "desk": "line", "cost": 3.0}},
    "messages": {"hello": {"channel": "phone", "open_rate": 0.5, "click_rate": 0.999999999}},
    "desks": {"line": {"service": {"fixed": "2h"}, "patience": {"fixed": "1min"}, "effects": {"in_time": [{"tag": "answered"}]}}},
}


def test_a_human_channel_delivers_when_the_conversation_ends() -> None:
    rows = rows_of(HUMAN, {"desks": {"line": {"agents": 1}}, "broadcasts": send_at("2026-01-06 12:00")})
    assert [(row.event, pytest.approx(row.time * 24)) for row in rows[1:]] == [
        ("asked", 36),
        ("answered_in_time", 38),
        ("delivered", 38),
        ("opened", 38),
        ("clicked", 38),
    ]
    assert {(row.message, row.channel) for row in rows[1:]} == {("hello", "phone")}
    assert [row.source for row in rows[1:]] == ["line", "line", "cast_0", "cast_0", "cast_0"]


def test_the_firm_waits_for_its_turn_without_patience() -> None:
    rows = rows_of(HUMAN, {"desks": {"line": {"agents": 1}}, "broadcasts": send_at("2026-01-06 12:00")}, customers=3)
    assert sorted(times(rows, "delivered")) == pytest.approx([38 / 24, 40 / 24, 42 / 24])


def test_who_opts_out_while_the_firm_waits_is_not_spoken_to() -> None:
    journey = {**HUMAN, "events": {"leave": event_after("37h", {"opt_out": "phone"}, when="count(leave) == 0")}}
    rows = rows_of(journey, {"desks": {"line": {"agents": 1}}, "broadcasts": send_at("2026-01-06 12:00")})
    assert [row.event for row in rows if row.time < 2] == ["entered", "asked", "leave", "opted_out", "answered_in_time"]


def test_an_opening_comes_before_a_clock_and_a_clock_before_a_flow_at_one_time() -> None:
    journey = {
        "personas": {"customer": {"share": 1, "affinity": {"mail": 20.0}}},
        "channels": {"mail": {"open_delay": {"fixed": "12h"}}},
        "messages": {"hello": {"channel": "mail", "open_rate": 0.5}, "bye": {"channel": "mail", "open_rate": 0.5}},
        "events": {"buy": event_after("1d", when="count(buy) == 0")},
    }
    casts = {**send_at("2026-01-05 12:00"), "late": send_at("2026-01-06 00:00", message="bye")["cast_0"]}
    rows = rows_of(journey, {"broadcasts": casts}, horizon="2d")
    assert [row.event for row in rows if row.time == 1.0] == ["opened", "buy", "delivered"]


def test_exponential_waits_have_their_mean() -> None:
    rows = rows_of({"events": {"buy": {"in": "anywhere", "wait": {"exponential": "1d"}}}}, customers=20, horizon="50d")
    count = len(times(rows, "buy"))
    assert abs(count - 1000) < 5 * math.sqrt(1000)  # Poisson: outside less than once in a million seeds


def test_the_firm_asks_its_own_desk_without_priority(tmp_path: Path) -> None:
    # Served from 9:00 to 13:00: `early`. Then the customer who asked at 11:00 with priority 1, before the message of 10:00.
    entries = tmp_path / "entries.csv"
    entries.write_text("entered,kind\n0,early\n0,written_to\n0,late\n", encoding="utf-8")
    journey = {
        **HUMAN,
        "attributes": {"kind": {"early": 0.4, "written_to": 0.3, "late": 0.3}},
        "events": {
            "call": event_after("9h", {"ask": "line"}, when="kind == early and count(call) < 1"),
            "call_later": event_after("11h", {"ask": {"desk": "line", "priority": 1}}, when="kind == late and count(call_later) < 1"),
        },
        "desks": {"line": {"service": {"fixed": "4h"}, "patience": "endless"}},
    }
    policy = {"desks": {"line": {"agents": 1}}, "broadcasts": send_at("2026-01-05 10:00", **{"if": "kind == written_to"})}
    rows = rows_of(journey, policy, customers=3, entry={"file": str(entries)})
    assert [round(24 * time) for time in times(rows, "answered_in_time", message="")] == [13, 17]
    assert [round(24 * time) for time in times(rows, "delivered")] == [21]

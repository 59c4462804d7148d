"""Flows: what starts them, how they go on, and what ends them."""

from typing import Any

import numpy as np
import pytest
from rule_worlds import ALWAYS, EVERY_DAY, NEVER, customer_row, event_after, rows_of, send_at, times

from cjsim.kernels.rng import uniforms

MAIL = {
    "channels": {"mail": {}, "text": {}},
    "messages": {"hello": {"channel": "mail", "open_rate": 0.01}, "ping": {"channel": "text", "open_rate": 0.01}},
}


def starts(
    on: dict[str, Any], *steps: dict[str, Any], journey: dict[str, Any] | None = None, horizon: str = "10d", **flow: Any
) -> list[float]:
    """When a flow starts."""
    policy = {"flows": {"f": {"on": on, "steps": [*steps] or [{"tag": "done"}], **flow}}}
    return times(rows_of({**MAIL, **(journey or {})}, policy, horizon=horizon), "flow_started")


def sends(*steps: dict[str, Any], journey: dict[str, Any] | None = None, horizon: str = "10d", **flow: Any) -> list[tuple[float, str]]:
    """When a flow that starts at entry delivers which message."""
    policy = {"flows": {"f": {"on": {"stage": "here"}, "steps": [*steps], **flow}}}
    rows = rows_of({**MAIL, **(journey or {})}, policy, horizon=horizon)
    return [(row.time, row.message) for row in rows if row.event == "delivered"]


def events(**named: Any) -> dict[str, Any]:
    return {"events": named}


KNOCK = events(knock=event_after("1d"))
ONCE = events(knock=event_after("1d", when="count(knock) == 0"))


def test_an_event_starts_its_flow() -> None:
    assert starts({"event": "knock"}, journey=KNOCK, horizon="4d") == [1.0, 2.0, 3.0]


def test_a_flow_starts_again_exactly_again_after_its_last_start() -> None:
    assert starts({"event": "knock"}, journey=KNOCK, again_after="2d", horizon="6d") == [1.0, 3.0, 5.0]


def test_a_flow_that_never_starts_again_starts_once() -> None:
    assert starts({"event": "knock"}, journey=KNOCK, again_after="never") == [1.0]


def test_a_running_flow_does_not_start_again() -> None:
    assert starts({"event": "knock"}, {"wait": "36h"}, journey=KNOCK, horizon="6d") == [1.0, 3.0, 5.0]


def test_a_flow_starts_only_if_its_condition_holds() -> None:
    assert starts({"event": "knock"}, journey=KNOCK, horizon="6d", **{"if": "count(knock) >= 3"}) == [3.0, 4.0, 5.0]


def test_only_the_flow_of_the_event_starts() -> None:
    journey = {**MAIL, **events(knock=event_after("1d"), ring=event_after("2d"))}
    flows = {name: {"on": {"event": name}, "steps": [{"tag": "done"}]} for name in ("ring", "knock")}
    rows = rows_of(journey, {"flows": flows}, horizon="4d")
    assert [times(rows, "flow_started", source=name) for name in flows] == [[2.0], [1.0, 2.0, 3.0]]


def test_entering_a_stage_starts_its_flows_and_no_others() -> None:
    journey = {**MAIL, "stages": {"here": {}, "there": {}}, "events": {"move": event_after("3d", {"go": "there"}, **{"in": ["here"]})}}
    flows = {name: {"on": {"stage": name}, "steps": [{"tag": "done"}]} for name in ("there", "here")}
    rows = rows_of(journey, {"flows": flows})
    assert [times(rows, "flow_started", source=name) for name in flows] == [[3.0], [0.0]]


def test_inactivity_counts_from_entry_and_from_any_event() -> None:
    assert starts({"inactivity": "5d"}, journey=ONCE) == [6.0]
    assert starts({"inactivity": "12h"}, journey=ONCE, horizon="10d") == [0.5, 1.5]


def test_inactivity_of_an_event_counts_from_its_first() -> None:
    journey = events(knock=event_after("1d", when="count(knock) == 0"), ring=event_after("2d"))
    assert starts({"inactivity": "3d", "of": ["knock"]}, journey=journey) == [4.0]
    assert starts({"inactivity": "3d", "of": ["knock"]}, journey=events(knock=event_after(None))) == []


def test_an_inactivity_that_ends_while_the_flow_runs_starts_it_at_its_end() -> None:
    # Inactive from day 1, started at 3, ended at 10. Two inactive days followed the event at day 6 while the flow was running.
    journey = events(knock=event_after("1d", when="count(knock) == 0"), late=event_after("6d", when="count(late) == 0"))
    assert starts({"inactivity": "2d", "of": ["knock", "late"]}, {"wait": "7d"}, journey=journey, horizon="20d") == [3.0, 10.0]


def test_an_inactivity_that_goes_on_after_the_flow_starts_it_later() -> None:
    journey = events(knock=event_after("1d", when="count(knock) == 0"), late=event_after("5d", when="count(late) == 0"))
    assert starts({"inactivity": "3d", "of": ["knock", "late"]}, {"wait": "2d"}, journey=journey, horizon="20d") == [4.0, 8.0]


def test_openings_and_clicks_are_activity_and_deliveries_are_not() -> None:
    for affinity, expected in ((ALWAYS, [6.0]), (NEVER, [4.0])):
        journey = {**MAIL, "personas": {"customer": {"share": 1, "affinity": {"mail": affinity}}}}
        policy = {
            "broadcasts": send_at("2026-01-07 00:00"),
            "flows": {"f": {"on": {"inactivity": "4d"}, "again_after": "never", "steps": [{"tag": "done"}]}},
        }
        assert times(rows_of(journey, policy, horizon="10d"), "flow_started") == expected


def scoring(*points: tuple[str, float], half_life: str | None = None) -> dict[str, Any]:
    """Points that a score gets, once each, at times."""
    score = {"half_life": half_life} if half_life else {}
    made = {f"p{n}": event_after(at, {"score": {"heat": gain}}, when=f"count(p{n}) == 0") for n, (at, gain) in enumerate(points)}
    return {"scores": {"heat": score}, "events": made}


def test_a_score_starts_a_flow_when_it_rises_above_its_value() -> None:
    journey = scoring(("1d", 5), ("2d", 5), ("3d", 1), ("4d", 1), ("5d", -3), ("6d", 3))
    assert starts({"score": "heat", "above": 10}, journey=journey) == [3.0, 6.0]


def test_a_score_at_its_value_is_not_above_it() -> None:
    assert starts({"score": "heat", "above": 10}, journey=scoring(("1d", 10))) == []
    assert starts({"score": "heat", "above": 0.5}, journey=scoring(("1d", 0.5))) == []


def test_a_score_starts_a_flow_when_it_falls_to_its_value() -> None:
    journey = scoring(("1d", 12), ("2d", -2), ("3d", -2), ("4d", 5), ("5d", -6))
    assert starts({"score": "heat", "below": 10}, journey=journey) == [2.0, 5.0]


def test_a_score_that_fades_reaches_its_value_after_its_half_lives() -> None:
    journey = scoring(("1d", 16), half_life="2d")
    assert starts({"score": "heat", "below": 4}, journey=journey) == pytest.approx([5.0], abs=1e-9)


def test_a_score_that_gets_more_points_fades_later() -> None:
    # 16 at 1, 8 at 3, 16 again, 4 at 7.
    journey = scoring(("1d", 16), ("3d", 8), half_life="2d")
    assert starts({"score": "heat", "below": 4}, journey=journey) == pytest.approx([7.0], abs=1e-9)


def test_a_score_that_never_was_above_its_value_does_not_start_the_flow() -> None:
    assert starts({"score": "heat", "below": 4}, journey=scoring(("1d", 3), ("2d", -1), half_life="2d")) == []


def test_a_score_that_falls_while_the_flow_runs_is_missed() -> None:
    journey = scoring(("1d", 12), ("2d", -3), ("3d", 3), ("4d", -3), ("6d", 3), ("7d", -3))
    assert starts({"score": "heat", "below": 10}, {"wait": "3d"}, journey=journey) == [2.0, 7.0]


def test_a_score_above_its_value_when_the_flow_ends_is_watched_again() -> None:
    # Down to 4 at 3; up to 16 at 4, while the flow runs until 5; then down to 4 at 8.
    journey = scoring(("1d", 8), ("4d", 16 - 8 / 2**1.5), half_life="2d")
    assert starts({"score": "heat", "below": 4}, {"wait": "2d"}, journey=journey, horizon="12d") == pytest.approx([3.0, 8.0], abs=1e-9)


def test_scores_are_watched_each_by_its_own_flow() -> None:
    journey = {
        "scores": {"heat": {}, "cold": {}},
        "events": {"a": event_after("1d", {"score": {"heat": 5}}), "b": event_after("2d", {"score": {"cold": 5}})},
    }
    flows = {name: {"on": {"score": name, "above": 4}, "steps": [{"tag": "done"}]} for name in ("cold", "heat")}
    rows = rows_of({**MAIL, **journey}, {"flows": flows}, horizon="4d")
    assert [times(rows, "flow_started", source=name) for name in flows] == [[2.0], [1.0]]


@pytest.mark.parametrize("half_life", [None, "1000d"])
def test_falling_scores_are_watched_each_by_its_own_flow(half_life: str | None) -> None:
    score = {"half_life": half_life} if half_life else {}
    journey = {
        "scores": {"heat": score, "cold": score},
        "events": {
            "a": event_after("1d", {"score": {"heat": 5, "cold": 5}}, when="count(a) == 0"),
            "b": event_after("2d", {"score": {"heat": -4}}, when="count(b) == 0"),
            "c": event_after("3d", {"score": {"cold": -4}}, when="count(c) == 0"),
        },
    }
    flows = {name: {"on": {"score": name, "below": 4}, "steps": [{"tag": "done"}]} for name in ("cold", "heat")}
    rows = rows_of({**MAIL, **journey}, {"flows": flows}, horizon="4d")
    assert [times(rows, "flow_started", source=name) for name in flows] == [[3.0], [2.0]]


def unopened_starts(n: int, opening_at: int | None, channels: list[str] | None = None) -> list[float]:
    """Starts of a flow on unopened messages: a mail a day goes out, that of `opening_at` is opened, and a text goes out on day 1."""
    journey = {
        **MAIL,
        "personas": {"customer": {"share": 1, "affinity": {"mail": -10.0, "text": NEVER}}},
        "interests": {"x": 1},
        "messages": {**MAIL["messages"], "wow": {"channel": "mail", "open_rate": 0.5, "relevance": 20, "topic": "x"}},
    }
    casts = {
        f"b{day}": send_at(f"2026-01-{5 + day:02d} 12:00", message="wow" if day == opening_at else "hello")["cast_0"] for day in range(8)
    }
    casts["t"] = send_at("2026-01-06 18:00", message="ping")["cast_0"]
    on: dict[str, Any] = {"unopened": n, **({"channels": channels} if channels else {})}
    rows = rows_of(journey, {"broadcasts": casts, "flows": {"f": {"on": on, "steps": [{"tag": "done"}]}}}, horizon="8d")
    return times(rows, "flow_started")


def test_unopened_messages_start_a_flow_at_the_delivery_after_the_nth() -> None:
    assert unopened_starts(3, None, ["mail"]) == [3.5]


def test_an_opening_begins_a_new_spell_of_unopened_messages() -> None:
    assert unopened_starts(2, 3, ["mail"]) == [2.5, 6.5]


def test_unopened_messages_start_each_flow_that_counts_them() -> None:
    journey = {**MAIL, "personas": {"customer": {"share": 1, "affinity": {"mail": NEVER}}}}
    flows = {f"f{n}": {"on": {"unopened": n}, "steps": [{"tag": "done"}]} for n in (2, 1, 3)}
    casts = send_at(*(f"2026-01-{day:02d} 12:00" for day in range(5, 11)))
    rows = rows_of(journey, {"broadcasts": casts, "flows": flows}, horizon="6d")
    assert [times(rows, "flow_started", source=f"f{n}") for n in (1, 2, 3)] == [[1.5], [2.5], [3.5]]


def test_unopened_messages_are_counted_over_the_channels_named() -> None:
    assert unopened_starts(3, None, ["mail", "text"]) == [2.5]
    assert unopened_starts(1, None, ["text"]) == []


def test_a_date_starts_a_flow_once() -> None:
    assert starts({"date": "2026-01-08", "at": "06:00"}) == [3.25]


def test_a_schedule_starts_a_flow_at_each_date() -> None:
    assert starts({"schedule": {"weekdays": ["tuesday", "friday"], "at": "06:00"}}) == [1.25, 4.25, 8.25]


def test_a_date_while_the_flow_runs_is_missed_and_one_at_its_end_is_not() -> None:
    daily = {"schedule": {"weekdays": EVERY_DAY, "at": "06:00"}}
    assert starts(daily, {"wait": "2d"}, horizon="7d") == [0.25, 2.25, 4.25, 6.25]
    assert starts(daily, {"wait": "30h"}, horizon="7d") == [0.25, 2.25, 4.25, 6.25]


def test_a_broadcast_at_entry_goes_out_and_an_earlier_one_does_not(tmp_path: Any) -> None:
    (tmp_path / "entries.csv").write_text("entered\n2.5\n", encoding="utf-8")
    daily = {"schedule": {"weekdays": EVERY_DAY, "at": "12:00"}, "send": "hello"}
    rows = rows_of(MAIL, {"broadcasts": {"b": daily}}, entry={"file": str(tmp_path / "entries.csv")}, horizon="5d")
    assert times(rows, "delivered") == [2.5, 3.5, 4.5]


def test_a_broadcast_every_two_weeks_leaves_out_every_other() -> None:
    cast = {"schedule": {"weekdays": ["monday"], "at": "12:00", "every_weeks": 2}, "send": "hello"}
    assert times(rows_of(MAIL, {"broadcasts": {"b": cast}}), "delivered") == [0.5, 14.5, 28.5]


def test_steps_follow_each_other_after_their_waits() -> None:
    assert sends({"send": "hello"}, {"wait": "2d"}, {"send": "ping"}, {"wait": "12h"}, {"send": "hello"}) == [
        (0.0, "hello"),
        (2.0, "ping"),
        (2.5, "hello"),
    ]


@pytest.mark.parametrize(
    ("at", "weekdays", "days"),
    [
        ("12:00", [], 1.5),  # it is 12:00 on day 1
        ("11:59", [], 2 + 719 / 1440),
        ("12:01", [], 1 + 721 / 1440),
        ("00:00", [], 2.0),
        ("12:00", ["tuesday"], 1.5),
        ("11:00", ["tuesday"], 8 + 11 / 24),
        ("12:00", ["monday"], 7.5),
        ("12:00", ["wednesday", "sunday"], 2.5),
        ("06:00", ["sunday"], 6.25),
    ],
)
def test_wait_until_takes_the_next_such_time_now_included(at: str, weekdays: list[str], days: float) -> None:
    found = sends({"wait": "36h"}, {"wait_until": {"at": at, "weekdays": weekdays}}, {"send": "hello"})
    assert found == [(pytest.approx(days, abs=1e-9), "hello")]


def test_wait_for_goes_on_at_the_event() -> None:
    step = {"wait_for": {"event": "knock", "at_most": "5d", "then": [{"send": "hello"}], "else": [{"send": "ping"}]}}
    assert sends(step, journey=ONCE) == [(1.0, "hello")]


def test_wait_for_gives_up_after_its_time() -> None:
    step = {"wait_for": {"event": "knock", "at_most": "12h", "then": [{"send": "hello"}], "else": [{"send": "ping"}]}}
    assert sends(step, journey=ONCE) == [(0.5, "ping")]


def test_wait_for_wins_at_the_last_moment() -> None:
    step = {"wait_for": {"event": "knock", "at_most": "1d", "then": [{"send": "hello"}], "else": [{"send": "ping"}]}}
    assert sends(step, journey=ONCE) == [(1.0, "hello")]


def test_wait_for_hears_no_other_event() -> None:
    step = {"wait_for": {"event": "knock", "at_most": "3d", "then": [{"send": "hello"}], "else": [{"send": "ping"}]}}
    assert sends(step, journey=events(knock=event_after(None), ring=event_after("1d"))) == [(3.0, "ping")]


def wait_for_knock(**terms: Any) -> dict[str, Any]:
    return {"wait_for": {"event": "knock", "then": [{"send": "hello"}], "else": [{"send": "ping"}], **terms}}


def test_wait_for_without_since_does_not_count_an_earlier_event() -> None:
    assert sends({"wait": "30h"}, wait_for_knock(at_most="10h"), journey=ONCE) == [(pytest.approx(40 / 24), "ping")]


@pytest.mark.parametrize("since", ["flow_start", "6h", "2d"])
def test_wait_for_counts_an_event_since_the_flow_start_or_a_time(since: str) -> None:
    assert sends({"wait": "30h"}, wait_for_knock(at_most="10h", since=since), journey=ONCE) == [(1.25, "hello")]


def test_an_event_before_the_time_in_since_does_not_count() -> None:
    assert sends({"wait": "30h"}, wait_for_knock(at_most="10h", since="5h"), journey=ONCE) == [(pytest.approx(40 / 24), "ping")]


def test_since_waits_for_an_event_that_has_not_happened() -> None:
    assert sends({"wait": "6h"}, wait_for_knock(at_most="2d", since="flow_start"), journey=ONCE) == [(1.0, "hello")]


def flow_started_by_knock(since: str) -> list[tuple[float, str]]:
    """Sends of a flow that knocks start, on days 2 and 4, and that waits for knocks."""
    journey = {**MAIL, **events(knock=event_after("2d", when="count(knock) < 2"))}
    flow = {"on": {"event": "knock"}, "again_after": "never", "steps": [{"wait": "1h"}, wait_for_knock(at_most="1d", since=since)]}
    rows = rows_of(journey, {"flows": {"f": flow}}, horizon="6d")
    return [(row.time, row.message) for row in rows if row.event == "delivered"]


def test_the_event_that_started_the_flow_does_not_count_since_its_start() -> None:
    assert flow_started_by_knock("flow_start") == [(pytest.approx(3 + 1 / 24), "ping")]


def test_the_event_that_started_the_flow_counts_since_an_earlier_time() -> None:
    assert flow_started_by_knock("2h") == [(pytest.approx(2 + 1 / 24), "hello")]


def test_a_branch_takes_the_side_of_its_condition() -> None:
    for condition, message in (("day > 0.5", "hello"), ("day < 0.5", "ping")):
        step = {"branch": {"if": condition, "then": [{"send": "hello"}], "else": [{"send": "ping"}]}}
        assert sends({"wait": "1d"}, step) == [(1.0, message)]


def test_stop_ends_a_flow() -> None:
    assert sends({"send": "hello"}, {"stop": True}, {"send": "ping"}) == [(0.0, "hello")]


def test_a_jump_goes_to_its_label() -> None:
    found = sends({"send": "hello", "label": "top"}, {"wait": "1d"}, {"jump": "top"}, horizon="3d")
    assert [day for day, _ in found] == [0.0, 1.0, 2.0]


@pytest.mark.parametrize(("shares", "message"), [((1.0, 0.0), "hello"), ((0.0, 1.0), "ping")])
def test_a_split_takes_the_arm_that_has_the_share(shares: tuple[float, float], message: str) -> None:
    arms = {"a": {"share": shares[0], "steps": [{"send": "hello"}]}, "b": {"share": shares[1], "steps": [{"send": "ping"}]}}
    assert sends({"split": arms}) == [(0.0, message)]


THIRDS = {name: {"share": share, "steps": [{"tag": name}]} for name, share in (("a", 0.25), ("b", 0.25), ("c", 0.5))}


def split_tags(**experiment: str) -> list[list[str]]:
    """The arms, day by day, of 40 customers."""
    flow = {
        "on": {"event": "knock"},
        "steps": [
            {"untag": "a"},
            {"untag": "b"},
            {"untag": "c"},
            {"split": THIRDS, **experiment},
            *({"branch": {"if": f"tagged({name})", "then": [{"send": name}]}} for name in THIRDS),
        ],
    }
    journey = {"channels": {"mail": {}}, "messages": {name: {"channel": "mail", "open_rate": 0.01} for name in THIRDS}, **KNOCK}
    rows = rows_of(journey, {"flows": {"f": flow}}, customers=40, horizon="6d")
    return [[row.message for row in rows if row.event == "delivered" and row.customer == customer] for customer in range(40)]


def test_a_split_draws_anew_at_each_passing() -> None:
    arms = split_tags()
    assert {len(one) for one in arms} == {5}
    assert sum(len(set(one)) > 1 for one in arms) > 30
    drawn = [arm for one in arms for arm in one]
    # Binomial(200, p): less than once in a million seeds.
    assert 22 <= drawn.count("a") <= 80
    assert 22 <= drawn.count("b") <= 80


def test_an_experiment_gives_each_customer_one_arm() -> None:
    arms = split_tags(experiment="x")
    assert {len(set(one)) for one in arms} == {1}
    assert {one[0] for one in arms} == {"a", "b", "c"}


def test_the_arm_is_the_first_draw_of_the_experiments_stream() -> None:
    flow = {"on": {"stage": "here"}, "steps": [{"split": {"a": {"share": 0.5}, "b": {"share": 0.5}}, "experiment": "x"}]}
    arms = [row.value for row in rows_of(MAIL, {"flows": {"f": flow}}, customers=40, seed=5) if row.event == "exposed"]
    assert arms == [float(u >= 0.5) for u in uniforms(5, np.arange(40, dtype=np.uint64), "experiment:x", 0)]


def test_an_experiment_logs_the_number_of_the_arm() -> None:
    flow = {
        "on": {"stage": "here"},
        "steps": [{"split": {"a": {"share": 0.0}, "b": {"share": 0.0}, "c": {"share": 1.0}}, "experiment": "x"}],
    }
    rows = rows_of(MAIL, {"flows": {"f": flow}})
    assert [(row.event, row.value, row.source) for row in rows if row.event == "exposed"] == [("exposed", 2.0, "f")]


def test_tags_and_scores_of_steps_are_seen_by_later_steps() -> None:
    policy_steps = [
        {"tag": "gold"},
        {"branch": {"if": "tagged(gold)", "then": [{"send": "hello"}]}},
        {"untag": "gold"},
        {"branch": {"if": "tagged(gold)", "then": [{"send": "hello"}]}},
        {"score": {"heat": 3}},
        {"branch": {"if": "score(heat) == 3", "then": [{"send": "ping"}]}},
    ]
    assert sends(*policy_steps, journey={"scores": {"heat": {}}}) == [(0.0, "hello"), (0.0, "ping")]


def test_an_exit_event_ends_a_running_flow() -> None:
    journey = {**MAIL, **ONCE}
    flow = {"on": {"stage": "here"}, "exit_on": ["knock"], "steps": [{"wait": "2d"}, {"send": "hello"}]}
    rows = rows_of(journey, {"flows": {"f": flow}})
    assert (times(rows, "flow_exited"), times(rows, "delivered")) == ([1.0], [])


def test_an_exit_event_leaves_a_flow_that_does_not_run_alone() -> None:
    flow = {"on": {"stage": "here"}, "exit_on": ["knock"], "steps": [{"send": "hello"}]}
    assert times(rows_of({**MAIL, **ONCE}, {"flows": {"f": flow}}), "flow_exited") == []


def test_an_exit_event_ends_a_flow_that_waits_for_quiet_hours_to_end() -> None:
    flow = {"on": {"stage": "here"}, "exit_on": ["knock"], "steps": [{"send": "hello"}]}
    journey = {**MAIL, **events(knock=event_after("6h", when="count(knock) == 0"))}
    policy = {"flows": {"f": flow}, "guardrails": {"quiet_hours": [{"from": "22:00", "to": "08:00"}]}}
    rows = rows_of(journey, policy)
    assert (times(rows, "deferred"), times(rows, "flow_exited"), times(rows, "delivered")) == ([0.0], [0.25], [])


def test_effects_of_a_message_happen_before_the_next_step() -> None:
    journey = {
        **MAIL,
        "messages": {**MAIL["messages"], "hello": {"channel": "mail", "open_rate": 0.01, "effects": {"delivered": [{"tag": "got"}]}}},
    }
    step = {"branch": {"if": "tagged(got)", "then": [{"send": "ping"}]}}
    assert sends({"send": "hello"}, step, journey=journey) == [(0.0, "hello"), (0.0, "ping")]


def test_the_number_of_starts_is_in_the_customer_table() -> None:
    flow = {"on": {"event": "knock"}, "steps": [{"tag": "x"}]}
    assert customer_row({**MAIL, **KNOCK}, {"flows": {"f": flow}}, horizon="4d")["flows"] == 3


def best_hour(hours: list[int], **until: Any) -> float:
    """The hour of the send for a customer who was seen at hours of the first days, one a day."""
    looks = {
        f"look{n}": event_after(f"{24 * n + hour}h30min", when=f"count(look{n}) == 0", activity="even") for n, hour in enumerate(hours)
    }
    journey = {"activity": {"even": {}}, "events": looks}
    step = {"wait_until": {"at": "10:00", "best_hour": True, "learn_from": 2, **until}}
    found = sends({"wait": "20d"}, step, {"send": "hello"}, journey=journey, horizon="25d")
    return (found[0][0] - 20.0) * 24.0


def test_the_best_hour_follows_when_the_customer_is_seen() -> None:
    # Always seen four hours after the hour that is typical: the shift moves that way.
    assert best_hour([14] * 12, typical="10:30") == pytest.approx(14.0, abs=1e-6)


def test_the_best_hour_goes_backward_around_the_clock() -> None:
    assert best_hour([7] * 12, typical="10:30") == pytest.approx(24 + 7.0 - 24, abs=1e-6)


def test_too_few_observations_keep_the_hour() -> None:
    assert best_hour([14], typical="10:30") == pytest.approx(10.0, abs=1e-6)


def test_few_observations_move_the_best_hour_less() -> None:
    assert 10.0 <= best_hour([16] * 3, typical="10:30", learn_from=3) < 16.0

"""Shared resources in full scenarios: desk conversations, budgets, and identical bytes for all engines, threads and chunks."""

import hashlib
from collections import defaultdict
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from in_memory_simulation import InMemoryResult, first_difference, simulate_in_memory
from small_scenarios import small_scenario

from cjsim.engine import compiled, readable, shared_resources, worker_pool
from cjsim.engine.buffers import BufferSizes
from cjsim.eventlog.event_table import EventLog
from cjsim.kernels.codes import ReplyCode
from cjsim.simulation.documents import Scenario
from cjsim.simulation.simulate import simulate

CHANNELS: dict[str, Any] = {
    "mail": {"cost": 0.1, "open_delay": {"exponential": "5h"}},
    "web": {"kind": "pull", "visits": ["look"], "lifetime": "5d"},
    "call": {"kind": "human", "desk": "help"},
}
MESSAGES: dict[str, Any] = {
    "hello": {"channel": "mail", "open_rate": 0.4, "click_rate": 0.2, "effects": {"clicked": [{"fire": "look"}]}},
    "tip": {"channel": "web", "open_rate": 0.4},
    "offer": {"channel": "call", "open_rate": 0.7, "click_rate": 0.5, "unsubscribe_rate": 0.05},
}
REFERRAL_EFFECT = {"refer": {"invites": 2, "joins": 0.4, "delay": {"exponential": "12h"}, "by": "word"}}


def shared_scenario() -> Scenario:
    """Customers who share two desks and two budgets, arrive by acquisition, and refer others."""
    replies = {"in_time": [{"satisfy": 0.2}], "late": [{"satisfy": -0.2}], "unanswered": [{"satisfy": -0.5}, {"fire": "sigh"}]}
    journey = {
        "channels": CHANNELS,
        "messages": MESSAGES,
        "acquisition": {"word": {"baseline": 0.5}},
        "desks": {
            "help": {"service": {"exponential": "3h"}, "patience": {"exponential": "4h"}, "effects": replies},
            "expert": {"service": {"lognormal": {"median": "2h", "sigma": 0.5}}, "effects": {"late": [REFERRAL_EFFECT]}},
        },
        "events": {
            "look": {"in": "anywhere", "wait": {"exponential": "3d"}},
            "trouble": {"in": "anywhere", "wait": {"exponential": "3d"}, "satisfaction": -1.0, "effects": [{"ask": "help"}]},
            "sigh": {"effects": [{"choose": [{"weight": 2}, {"weight": 1, "effects": [{"ask": {"desk": "expert", "priority": 2}}]}]}]},
            "praise": {"in": "anywhere", "wait": {"exponential": "30d"}, "satisfaction": 1.0, "effects": [REFERRAL_EFFECT]},
        },
    }
    policy = {
        "flows": {
            "greet": {"on": {"event": "look"}, "again_after": "2d", "steps": [{"send": "hello"}, {"send": "tip"}]},
            "phone": {"on": {"inactivity": "4d"}, "again_after": "7d", "steps": [{"send": "offer"}, {"ask": "expert"}]},
        },
        "broadcasts": {"news": {"schedule": {"weekdays": ["monday", "thursday"], "at": "09:00"}, "send": "hello"}},
        "guardrails": {"budgets": [{"at_most": 9, "per": "1d", "channels": ["mail"]}, {"at_most": 40, "per": "7d"}]},
        "desks": {
            "help": {
                "shifts": [{"agents": 2, "from": "08:00", "to": "18:00"}, {"agents": 1, "from": "18:00", "to": "02:00"}],
                "sla": "30min",
                "cost_per_minute": 0.5,
                "escalate": {"after": "90min", "to": "expert"},
            },
            "expert": {"agents": 1, "sla": "1h", "cost_per_minute": 2},
        },
    }
    return small_scenario(journey=journey, policy=policy, customers=12)


def digest(path: Path, **options: Any) -> str:
    """Digest of a run's log and outcomes, including the referral tree."""
    run = simulate(shared_scenario(), log=path, replications=1, **options)
    assert len(run) > 20
    return hashlib.sha256(b"".join([path.read_bytes(), *(of.tobytes() for of in run.outcomes)])).hexdigest()


@pytest.fixture(scope="module")
def reference_digest(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Digest of the shared scenario on the compiled engine with one thread."""
    return digest(tmp_path_factory.mktemp("usual") / "log.parquet", threads=1)


def test_engines_give_the_same_bytes_with_shared_resources(reference_digest: str, tmp_path: Path) -> None:
    assert digest(tmp_path / "log.parquet", engine="readable") == reference_digest


@pytest.mark.parametrize(("threads", "first", "largest"), [(3, 32, 4096), (1, 1, 1), (2, 5, 7)])
def test_threads_and_chunks_do_not_matter_with_shared_resources(
    reference_digest: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, threads: int, first: int, largest: int
) -> None:
    monkeypatch.setattr(worker_pool, "FIRST_CHUNK_SIZE", first)
    monkeypatch.setattr(worker_pool, "MAX_CHUNK_SIZE", largest)
    monkeypatch.setattr(shared_resources, "_BATCH_CUSTOMERS", largest)
    assert digest(tmp_path / "log.parquet", threads=threads) == reference_digest


@pytest.mark.parametrize("engine", ["compiled", "readable"])
def test_buffer_overflow_repeats_no_shared_resource_use(
    reference_digest: str, engine: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in (compiled, shared_resources, readable):
        monkeypatch.setattr(module, "BufferSizes", lambda rows=0: BufferSizes(responses=1, queue=1, rows=min(rows, 1), referrals=1))
    assert digest(tmp_path / "log.parquet", engine=engine, threads=1) == reference_digest


def test_engines_compute_the_same_desk_answers() -> None:
    results = [simulate_in_memory(shared_scenario(), engine) for engine in ("compiled", "readable")]
    assert first_difference(*results) == ""
    served = results[0].outcomes.desks
    assert served["replies"].sum(axis=(0, 1)).min() > 0 and served["joined"].sum() > 0


def mail_scenario(**guardrails: Any) -> Scenario:
    """Every customer gets a message after each look, and on Mondays and Thursdays at 09:00."""
    journey = {"channels": {"mail": CHANNELS["mail"]}, "messages": {"hello": MESSAGES["hello"]}}
    journey["events"] = {"look": {"in": "anywhere", "wait": {"exponential": "2d"}}}
    flows = {"greet": {"on": {"event": "look"}, "steps": [{"send": "hello"}]}}
    news = {"schedule": {"weekdays": ["monday", "thursday"], "at": "09:00"}, "send": "hello"}
    return small_scenario(journey=journey, policy={"flows": flows, "broadcasts": {"news": news}, "guardrails": guardrails}, customers=40)


def test_budget_is_spent_by_time_then_customer_key() -> None:
    result = simulate_in_memory(mail_scenario(budgets=[{"at_most": 7, "per": "1d"}]))
    days: defaultdict[int, list[tuple[float, int, bool]]] = defaultdict(list)
    for customer, time, _, event, *_ in result.log_rows():
        if event in ("delivered", "suppressed_budget"):
            days[int(time)].append((time, customer, event == "delivered"))
    bound = 0
    for requests in days.values():
        paid = [delivered for *_, delivered in sorted(requests)]
        assert paid == [n < 7 for n in range(len(paid))]
        bound += len(paid) > 7
    assert bound > 25


def test_budget_breaks_ties_by_customer_key() -> None:
    result = simulate_in_memory(mail_scenario(budgets=[{"at_most": 15, "per": "1h"}]))
    at_nine = [(customer, event) for customer, time, _, event, *_ in result.log_rows() if time == 3.375 and event != "flow_started"]
    assert at_nine == [(n, "delivered" if n < 15 else "suppressed_budget") for n in range(40)]


def test_unexhausted_budget_changes_nothing() -> None:
    assert (
        first_difference(simulate_in_memory(mail_scenario(budgets=[{"at_most": 10**9, "per": "1d"}])), simulate_in_memory(mail_scenario()))
        == ""
    )


def test_zero_budget_blocks_all_sends() -> None:
    result = simulate_in_memory(mail_scenario(budgets=[{"at_most": 0, "per": "7d", "channels": ["mail"]}]))
    assert result.outcomes.customers["contacts"].sum() == 0 and len(result.rows) > 500


def simulate_one_caller(desk: dict[str, Any], staffing: dict[str, Any], events: dict[str, Any], **more: Any) -> InMemoryResult:
    """One customer and one desk."""
    policy = {"desks": {"help": staffing}, **more.pop("policy", {})}
    return simulate_in_memory(small_scenario(journey={"desks": {"help": desk}, "events": events, **more}, policy=policy), customers=1)


def times_and_events(result: InMemoryResult) -> list[tuple[float, str]]:
    """Times in days, to three decimals, and events."""
    return [(round(time, 3), event) for _, time, _, event, *_ in result.log_rows() if event != "entered"]


ASK = {"ask": "help"}
CALL = {"in": "anywhere", "wait": {"fixed": "3d"}, "effects": [ASK]}


def test_further_requests_join_an_open_conversation() -> None:
    events = {"call": CALL, "look": {"in": "anywhere", "wait": {"fixed": "10d"}}}
    result = simulate_one_caller({"service": {"fixed": "8d"}}, {"agents": 1}, events)
    expected = [(3, "call"), (3, "asked"), (6, "call"), (6, "asked_again"), (9, "call"), (9, "asked_again"), (10, "look")]
    assert times_and_events(result)[:9] == [*expected, (11, "answered_in_time"), (12, "call")]
    assert result.outcomes.desks["joined"][0, 0] == 6


def test_answer_records_service_cost_and_wait() -> None:
    result = simulate_one_caller(
        {"service": {"fixed": "30min"}}, {"shifts": [{"agents": 1, "from": "12:00"}], "cost_per_minute": 2}, {"call": CALL}
    )
    answered = [(time, value) for _, time, value, event, *_ in result.log_rows() if event == "answered_in_time"]
    assert answered[0] == pytest.approx((3.5 + 0.5 / 24, 720.0))
    assert result.outcomes.customers["cost"][0] == pytest.approx(60.0 * len(answered))
    assert result.outcomes.desks["service"][0, 0] == pytest.approx(len(answered) / 48)


def test_abandoned_request_has_unanswered_effects_and_can_be_repeated() -> None:
    desk = {"service": {"fixed": "1h"}, "patience": {"fixed": "2h"}, "effects": {"unanswered": [{"fire": "sigh"}]}}
    result = simulate_one_caller(desk, {"shifts": [{"agents": 1, "dates": ["2026-02-02"]}]}, {"call": CALL, "sigh": {}})
    assert times_and_events(result)[:6] == [(3, "call"), (3, "asked"), (3.083, "unanswered"), (3.083, "sigh"), (6, "call"), (6, "asked")]
    assert result.outcomes.desks["replies"][0, 0, ReplyCode.UNANSWERED] == 9


def test_conversation_open_at_the_horizon_has_no_effect() -> None:
    result = simulate_one_caller(
        {"service": {"fixed": "28d"}, "effects": {"in_time": [{"fire": "sigh"}]}}, {"agents": 1}, {"call": CALL, "sigh": {}}
    )
    assert {event for _, event in times_and_events(result)} == {"call", "asked", "asked_again"}
    assert result.outcomes.desks["replies"].sum() == 0


def test_human_channel_message_is_delivered_when_its_conversation_ends() -> None:
    call = {"channels": {"call": CHANNELS["call"]}, "messages": {"offer": {"channel": "call", "open_rate": 0.999999999}}}
    phone = {"flows": {"phone": {"on": {"event": "knock"}, "steps": [{"send": "offer"}]}}}
    knock = {"in": "anywhere", "wait": {"fixed": "20d"}}
    desk = {"service": {"fixed": "1d"}, "patience": {"fixed": "1h"}, "effects": {"in_time": [{"fire": "sigh"}]}}
    staffing = {"shifts": [{"agents": 1, "dates": ["2026-01-27"]}], "sla": "1h"}
    result = simulate_one_caller(desk, staffing, {"knock": knock, "sigh": {}}, **call, policy=phone)
    expected = [(20, "asked"), (23, "answered_late"), (23, "delivered"), (23, "opened")]  # the desk has no patience and no effects
    assert [word for word in times_and_events(result) if word[1] not in ("knock", "flow_started")] == expected


def test_opt_out_before_an_outbound_call_cancels_it() -> None:
    call = {"channels": {"call": CHANNELS["call"]}, "messages": {"offer": MESSAGES["offer"]}}
    phone = {"flows": {"phone": {"on": {"event": "knock"}, "steps": [{"send": "offer"}]}}}
    events = {
        "knock": {"in": "anywhere", "wait": {"fixed": "20d"}},
        "stop": {"in": "anywhere", "wait": {"fixed": "21d"}, "effects": [{"opt_out": "call"}]},
    }
    result = simulate_one_caller({"service": {"fixed": "2d"}}, {"agents": 1}, events, **call, policy=phone)
    assert [event for _, event in times_and_events(result)][-3:] == ["stop", "opted_out", "answered_in_time"]


def test_desk_events_name_the_desk_as_source(tmp_path: Path) -> None:
    simulate(shared_scenario(), log=tmp_path / "log.parquet", threads=1, replications=1)
    rows = EventLog(tmp_path / "log.parquet").to_pandas()
    asked = rows[rows["event"] == "asked"]
    assert set(asked["source"]) == {"help", "expert"} and set(asked["channel"].dropna()) == {"call"}


def test_service_time_does_not_depend_on_staffing() -> None:
    journey = {"desks": {"help": {"service": {"exponential": "6h"}}}, "events": {"call": {"in": "anywhere", "wait": {"fixed": "9d"}}}}
    journey["events"]["call"]["effects"] = [ASK, {"opt_out": "all"}]
    few, many = (
        simulate_in_memory(small_scenario(journey=journey, policy={"desks": {"help": {"agents": n}}}, horizon="17d"), customers=30)
        for n in (3, 30)
    )
    served = few.outcomes.desks[:, 0], many.outcomes.desks[:, 0]
    answered = served[0]["replies"].sum(axis=1) == 1
    assert answered.sum() > 10 and np.all(served[1]["waited"] == 0) and served[0]["waited"].max() > 0.5
    assert np.array_equal(served[0]["service"][answered], served[1]["service"][answered])


def test_budget_holds_for_simultaneous_events() -> None:
    """Friends who join at a delivery, requests abandoned during other sends, and instant answers."""
    journey: dict[str, Any] = {"channels": {"mail": CHANNELS["mail"]}}
    journey["messages"] = {"hello": {"channel": "mail", "open_rate": 0.4, "effects": {"delivered": [{"refer": {"joins": 0.1}}]}}}
    journey["desks"] = {"help": {"service": {"fixed": "0s"}, "patience": {"fixed": "18h"}, "effects": {"unanswered": [{"fire": "sigh"}]}}}
    journey["events"] = {"sigh": {}, "praise": {"in": "anywhere", "wait": {"fixed": "9h"}}, "look": {}}
    journey["events"]["praise"]["effects"] = [{"ask": "help"}]
    on = {"welcome": {"stage": "here"}, "thanks": {"event": "praise"}, "sorry": {"event": "sigh"}}
    policy = {
        "flows": {name: {"on": trigger, "steps": [{"send": "hello"}]} for name, trigger in on.items()},
        "guardrails": {"budgets": [{"at_most": 11, "per": "9h"}]},
        "desks": {"help": {"shifts": [{"agents": 1, "from": "12:00", "to": "13:00", "weekdays": ["monday"]}]}},
    }
    of = small_scenario(journey=journey, policy=policy, horizon="6d", customers=8)
    result = simulate_in_memory(of)
    assert first_difference(result, simulate_in_memory(of, "readable")) == ""
    events = [(time, event) for _, time, _, event, *_ in result.log_rows()]
    paid = np.bincount([int(time * 24 / 9 + 1e-6) for time, event in events if event == "delivered"])
    assert paid.max() == 11 and np.sum(paid == 11) > 10 and len(result.outcomes.customers) > 12
    assert {"unanswered", "answered_in_time", "suppressed_budget"} <= {event for _, event in events}

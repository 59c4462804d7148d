"""Customers who exist before day 0, and the switch of policies: one fact a test, with a few customers."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from in_memory_simulation import InMemoryResult, LogRow, first_difference, simulate_in_memory
from rule_worlds import event_after, send_at
from small_scenarios import small_scenario

from cjsim.errors import InputError
from cjsim.simulation.compare_scenarios import compare
from cjsim.simulation.documents import Scenario
from cjsim.simulation.simulate import ENGINES, simulate

MAIL = {
    "channels": {"mail": {}},
    "messages": {"hello": {"channel": "mail", "open_rate": 0.5}, "ciao": {"channel": "mail", "open_rate": 0.5}},
}
DAILY = {"weekdays": ["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"], "at": "12:00"}
ORDERS = {"events": {"order": {"in": "anywhere", "wait": {"fixed": "10d"}, "effects": [{"purchase": {"value": 100}}]}}}


def base(
    journey: dict[str, Any],
    policy: dict[str, Any] | None = None,
    past: dict[str, Any] | None = None,
    *,
    years: float = 0.2,
    **settings: Any,
) -> Any:
    """A scenario of five existing customers and no others."""
    existing: dict[str, Any] = {"customers": 5, "years": years}
    if past is not None:
        existing["policy"] = {"name": "past", **past}
    return small_scenario(journey=journey, policy=policy, customers=0, existing=existing, **settings)


def run_of(*args: Any, engine: str = "compiled", **settings: Any) -> InMemoryResult:
    return simulate_in_memory(base(*args, **settings), engine)


def rows_named(result: InMemoryResult, event: str) -> list[LogRow]:
    return [row for row in result.log_rows() if row.event == event]


def test_existing_customers_entered_before_day_0() -> None:
    entered = run_of(ORDERS).outcomes.customers["entered"]
    assert len(entered) == 5
    assert ((entered > -0.2 * 365) & (entered < 0)).all()


def test_clocks_go_on_at_the_switch() -> None:
    result = run_of(ORDERS)
    entered = result.outcomes.customers["entered"]
    for row in rows_named(result, "order"):
        assert (row.time - entered[row.customer]) % 10 == pytest.approx(0, abs=1e-6) or (row.time - entered[row.customer]) % 10 > 9.999


def test_the_log_and_the_outcomes_begin_on_day_0() -> None:
    result = run_of(ORDERS)
    assert min(row.time for row in result.log_rows()) >= 0
    assert result.outcomes.customers["purchases"].tolist() == [3] * 5


def test_clv_is_discounted_to_day_0() -> None:
    result = run_of(ORDERS, discount_rate=0.3)
    times = {customer: [row.time for row in rows_named(result, "order") if row.customer == customer] for customer in range(5)}
    worth = [sum(100 * 1.3 ** (-time / 365) for time in found) for found in times.values()]
    assert result.outcomes.customers["clv"] == pytest.approx(worth, rel=1e-12)


def test_the_first_purchase_may_be_before_day_0() -> None:
    customers = run_of(ORDERS).outcomes.customers
    assert customers["first_purchase"] == pytest.approx(customers["entered"] + 10)


@pytest.mark.parametrize("engine", ENGINES)
def test_an_equal_past_policy_changes_nothing(engine: str) -> None:
    policy = {
        "broadcasts": {"news": {"schedule": DAILY, "send": "hello"}},
        "flows": {"thanks": {"on": {"event": "order"}, "steps": [{"wait": "6d"}, {"send": "ciao"}]}},
        "guardrails": {"caps": [{"at_most": 2, "per": "7d"}], "budgets": [{"at_most": 9, "per": "10d"}]},
    }
    alone, switched = run_of(MAIL | ORDERS, policy, engine=engine), run_of(MAIL | ORDERS, policy, policy, engine=engine)
    assert switched.plan.world_before is not None
    assert first_difference(alone, switched) == ""


def test_a_past_broadcast_ends_on_day_0() -> None:
    result = run_of(MAIL, {}, {"broadcasts": {"news": {"schedule": DAILY, "send": "hello"}}})
    assert rows_named(result, "delivered") == []
    assert result.outcomes.customers["contacts"].tolist() == [0] * 5


def test_a_running_flow_of_the_past_ends_on_day_0() -> None:
    past = {"flows": {"late": {"on": {"event": "order"}, "steps": [{"wait": "11d"}, {"send": "hello"}]}}}
    result = run_of(MAIL | ORDERS, {}, past)
    assert {(row.time, row.source) for row in rows_named(result, "flow_exited")} == {(0.0, "late")}
    assert rows_named(result, "delivered") == []


def test_a_running_flow_with_the_same_definition_goes_on() -> None:
    flows = {"flows": {"late": {"on": {"event": "order"}, "steps": [{"wait": "9d"}, {"send": "hello"}]}}}
    result = run_of(MAIL | ORDERS, {**flows, "guardrails": {"holdout": 0.0, "gaps": [{"at_least": "1h"}]}}, flows)
    first = {row.customer: row.time for row in reversed(rows_named(result, "delivered"))}
    entered = result.outcomes.customers["entered"]
    assert {customer: (time - entered[customer]) % 10 for customer, time in first.items()} == pytest.approx(dict.fromkeys(range(5), 9.0))
    assert min(first.values()) < 9


def test_caps_count_contacts_before_the_switch() -> None:
    past = {"broadcasts": send_at("2026-01-04 12:00")}
    present = {"broadcasts": {"now": {"schedule": {"dates": ["2026-01-05"], "at": "12:00"}, "send": "ciao"}}}
    capped = run_of(MAIL, present | {"guardrails": {"caps": [{"at_most": 1, "per": "2d"}]}}, past)
    assert len(rows_named(capped, "suppressed_cap")) == 5
    late = run_of(MAIL, present | {"guardrails": {"caps": [{"at_most": 1, "per": "23h"}]}}, past)
    assert len(rows_named(late, "delivered")) == 5


def test_a_changed_flow_remembers_the_last_start() -> None:
    flow = {"on": {"event": "order"}, "again_after": "never", "steps": [{"send": "hello"}]}
    changed = flow | {"steps": [{"send": "ciao"}]}
    result = run_of(MAIL | ORDERS, {"flows": {"once": changed}}, {"flows": {"once": flow}}, years=0.2)
    bought_before = result.outcomes.customers["entered"] < -10
    assert [len([row for row in rows_named(result, "flow_started") if row.customer == n]) for n in range(5)] == list(
        np.where(bought_before, 0, 1)
    )


def test_a_message_of_the_past_has_the_source_of_its_version() -> None:
    past = {"broadcasts": {"news": {"schedule": {"dates": ["2026-01-04"], "at": "23:00"}, "send": "hello"}}}
    present = {"broadcasts": {"news": {"schedule": {"dates": ["2026-01-06"], "at": "23:00"}, "send": "hello"}}}
    slow = {"channels": {"mail": {"open_delay": {"fixed": "3h"}}}, "messages": {"hello": {"channel": "mail", "open_rate": 0.999}}}
    sources = {row.time < 1: row.source for row in rows_named(run_of(slow, present, past), "opened")}
    assert sources == {True: "news (before)", False: "news"}


def test_a_new_inactivity_flow_does_not_start_for_past_inactivity() -> None:
    new = {"flows": {"back": {"on": {"inactivity": "20d"}, "steps": [{"send": "hello"}]}}}
    started = rows_named(run_of(MAIL, new, {}, years=0.2), "flow_started")
    entered = run_of(MAIL, new, {}, years=0.2).outcomes.customers["entered"]
    assert sorted(row.customer for row in started) == np.flatnonzero(entered + 20 >= 0).tolist()


def test_the_holdout_is_that_of_the_present_policy() -> None:
    news = {"broadcasts": {"news": {"schedule": DAILY, "send": "hello"}}}
    result = run_of(MAIL, news | {"guardrails": {"holdout": 1.0}}, news)
    assert result.outcomes.customers["held_out"].tolist() == [1] * 5
    assert rows_named(result, "delivered") == []


@pytest.mark.parametrize("engine", ENGINES)
def test_a_wait_is_felt_against_the_promise_of_the_time_of_the_request(engine: str) -> None:
    journey = {
        "desks": {"help": {"service": {"fixed": "20d"}, "waiting": {"expected": "100d", "loss": 1}}},
        "events": {"call": event_after("10d", {"ask": "help"})},
    }
    past, present = ({"desks": {"help": {"agents": 1, "sla": sla}}} for sla in ("100d", "1min"))
    result = run_of(journey, present, past, engine=engine, horizon="90d")
    customers, answers = result.outcomes.customers, [row for row in result.log_rows() if row.event.startswith("answered") and row.value > 1]
    felt = {float(customers["satisfaction"][row.customer]) for row in answers if customers["entered"][row.customer] + 10 < 0}
    assert felt == {0.5}


def test_a_promise_is_that_of_the_time_of_the_request() -> None:
    journey = {
        "desks": {"help": {"service": {"fixed": "20d"}}},
        "events": {"ask": event_after("10d", {"ask": "help"}, when="asks(help) == 0")},
    }
    past = {"desks": {"help": {"agents": 1, "sla": "30d"}}}
    present = {"desks": {"help": {"agents": 1, "sla": "1h"}}}
    result = run_of(journey, present, past, years=0.05, horizon="200d")
    entered = result.outcomes.customers["entered"]
    for row in result.log_rows():
        if row.event in ("answered_in_time", "answered_late"):
            promised = 30.0 if entered[row.customer] + 10 < 0 else 1 / 24
            assert (row.event == "answered_in_time") == (row.value / 1440 <= promised + 1e-9)
    assert len(rows_named(result, "answered_late")) > 0


def test_base_retention_counts_those_retained_on_day_0() -> None:
    journey = {
        "starts_in": "active",
        "stages": {"active": {"retained": True}, "gone": {}},
        "events": {"leave": {"in": ["active"], "wait": {"fixed": "60d"}, "effects": [{"go": "gone"}]}},
    }
    run = simulate(base(journey, years=0.3, horizon="100d"), threads=1)
    entered = run.outcomes.customers["entered"]
    is_retained = entered + 60 > 0
    metric = run.metrics["base_retention_30d"]
    assert (metric.n, metric.value) == (is_retained.sum(), np.mean(entered[is_retained] + 60 > 30))


def test_compared_scenarios_share_the_past_of_the_baseline() -> None:
    news = {"broadcasts": {"news": {"schedule": DAILY, "send": "hello"}}}
    found = compare({"mail": base(MAIL, news), "none": base(MAIL, {})}, threads=1)
    assert found.runs["mail"].provenance.past_policy == found.runs["none"].provenance.past_policy
    assert found.runs["none"].outcomes.customers["pressure"].min() > 0


def test_different_pasts_are_refused_before_the_simulation(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cjsim.simulation.compare_scenarios.simulate_seed", lambda *_, **__: pytest.fail("simulated"))
    news = {"broadcasts": {"news": {"schedule": DAILY, "send": "hello"}}}
    with pytest.raises(InputError, match=r"'b': must have the same policy before day 0 as 'a' \(p\), got another one \(past\)"):
        compare({"a": base(MAIL), "b": base(MAIL, past=news)})


def test_a_changed_value_of_the_policy_takes_effect_on_day_0() -> None:
    scenario = base(MAIL, {"broadcasts": {"news": {"schedule": DAILY, "send": "hello"}}})
    changed = scenario.with_values({"policy.broadcasts.news.send": "ciao"})
    assert changed.past_policy.broadcasts["news"].send == "hello"


def test_a_follow_up_is_refused() -> None:
    with pytest.raises(InputError, match="follow_up_days: must be omitted where customers exist before day 0, got 5"):
        simulate(base(ORDERS), follow_up_days=10)


def test_groups_of_existing_and_new_customers() -> None:
    scenario = small_scenario(journey=ORDERS, customers=3, existing={"customers": 5, "years": 1})
    assert dict(simulate(scenario, threads=1).by("base").entered) == {"existing": 5, "new": 3}


def test_new_customers_are_as_without_a_base() -> None:
    alone = simulate_in_memory(small_scenario(journey=ORDERS, customers=3))
    together = simulate_in_memory(small_scenario(journey=ORDERS, customers=3, existing={"customers": 5, "years": 1}))
    assert alone.log_rows() == [row for row in together.log_rows() if row.customer < 3]


def test_creative_work_of_the_past_costs_nothing() -> None:
    past = {"broadcasts": {"news": {"schedule": DAILY, "send": "hello"}}}
    present = {"broadcasts": {"news": {"schedule": DAILY, "send": "ciao"}}, "costs": {"creative": {"messages": {"hello": 7, "ciao": 5}}}}
    run = simulate(base(MAIL, present, past), threads=1)
    assert {name: cost.paid for name, cost in run.fixed_costs.items()} == {"creative": 5}


def test_machines_mark_only_their_own_rows() -> None:
    journey = {"channels": {"mail": {"machine_opens": 1}}, "messages": {"hello": {"channel": "mail", "open_rate": 0.5}}}
    news = {"broadcasts": {"news": {"schedule": DAILY, "send": "hello"}}}
    scenario = small_scenario(journey=journey, policy=news, customers=2, existing={"customers": 5, "years": 0.2})
    result = simulate_in_memory(scenario)
    marked = {row.event for row, is_marked in zip(result.log_rows(), result.rows["by_machine"], strict=True) if is_marked}
    assert marked == {"opened"}


def test_new_customers_in_time_zones_are_as_without_a_base() -> None:
    zones = {"attribute": "country", "zones": {"US": "America/New_York", "DE": "Europe/Berlin"}}
    journey = {**MAIL, "attributes": {"country": {"US": 0.5, "DE": 0.5}}, "time_zones": zones}
    news = {"broadcasts": {"news": {"schedule": {**DAILY, "time_zone": "customer"}, "send": "hello"}}}
    settings: dict[str, Any] = {"time_zone": "Europe/Berlin", "start": "2026-03-20", "customers": 4}
    alone = simulate_in_memory(small_scenario(journey=journey, policy=news, **settings))
    existing = {"customers": 5, "years": 0.6}
    together = simulate_in_memory(small_scenario(journey=journey, policy=news, existing=existing, **settings))
    assert alone.log_rows() == [row for row in together.log_rows() if row.customer < 4]


def test_a_sample_contains_its_share_of_the_base() -> None:
    scenario = small_scenario(journey=ORDERS, customers=4, existing={"customers": 8, "years": 0.5})
    whole, half = simulate(scenario, threads=1), simulate(scenario, threads=1, sample=0.5)
    assert (half.registry.n_initial, half.registry.n_existing) == (2, 4)
    position = {int(key): number for number, key in enumerate(whole.registry.keys)}
    chosen = [position[int(key)] for key in half.registry.keys]
    assert half.outcomes.customers["clv"].tolist() == whole.outcomes.customers["clv"][chosen].tolist()


def test_the_past_policy_may_be_a_file(tmp_path: Path) -> None:
    (tmp_path / "past.yaml").write_text("name: past\nguardrails: {holdout: 0.5}\n", encoding="utf-8")
    data = base(ORDERS).to_dict()
    data["existing"]["policy"] = "past.yaml"
    (tmp_path / "made.yaml").write_text(json.dumps(data), encoding="utf-8")
    assert Scenario.load(tmp_path / "made.yaml").past_policy.guardrails.holdout == 0.5


def test_faults_of_the_past_policy_name_their_path() -> None:
    past = {"name": "past", "broadcasts": {"news": {"schedule": DAILY, "send": "hullo"}}}
    with pytest.raises(InputError, match=r"existing\.policy\.broadcasts\.news\.send: must be .*, got 'hullo'"):
        Scenario.from_dict(base(MAIL).to_dict() | {"existing": {"customers": 1, "years": 1, "policy": past}})


def test_the_value_horizon_is_not_before_the_horizon() -> None:
    with pytest.raises(InputError, match="value_horizon: must be at least the horizon, 30d, got 29d"):
        Scenario.from_dict(small_scenario().to_dict() | {"value_horizon": "29d"})

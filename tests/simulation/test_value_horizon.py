"""CLV counts until the value horizon; everything else stops at the horizon and is, to the byte, as without a value horizon."""

from functools import cache
from typing import Any

import numpy as np
import pytest
from chooser import ScenarioData
from in_memory_simulation import InMemoryResult, first_difference, simulate_in_memory
from random_scenarios import generate_scenarios
from small_scenarios import small_scenario

from cjsim.compiler.fixed_costs import Payment, fixed_costs
from cjsim.compiler.wages import WageTerms
from cjsim.engine.outcomes import Outcomes
from cjsim.errors import InputError
from cjsim.kernels.state import OUTCOME
from cjsim.simulation.documents import Scenario
from cjsim.simulation.simulate import ENGINES, simulate

WITHOUT_CLV = [name for name in OUTCOME.names or () if "clv" not in name]


@cache
def made(count: int) -> list[ScenarioData]:
    """Random scenarios without a value horizon."""
    return [data for data in generate_scenarios(count) if "value_horizon" not in data]


def beyond(data: ScenarioData, days: str = "75d") -> Scenario:
    return Scenario.from_dict(data | {"value_horizon": days})


def assert_same_until_horizon(short: InMemoryResult, long: InMemoryResult) -> None:
    """Assert that two results differ at most in CLV."""
    assert short.log_rows() == long.log_rows()
    assert short.rows.tobytes() == long.rows.tobytes()
    assert short.registry.keys.tobytes() == long.registry.keys.tobytes()
    for field, one, other in zip(Outcomes._fields[1:], short.outcomes[1:], long.outcomes[1:], strict=True):
        assert one.tobytes() == other.tobytes(), field
    for name in WITHOUT_CLV:
        assert short.outcomes.customers[name].tobytes() == long.outcomes.customers[name].tobytes(), name


@pytest.mark.parametrize("count", [12, pytest.param(40, marks=pytest.mark.slow)])
@pytest.mark.parametrize("engine", ENGINES)
def test_all_but_clv_is_as_without_a_value_horizon(engine: str, count: int) -> None:
    changed = 0
    for data in made(count):
        short, long = simulate_in_memory(Scenario.from_dict(data), engine), simulate_in_memory(beyond(data), engine)
        assert_same_until_horizon(short, long)
        changed += short.outcomes.customers["clv"].tobytes() != long.outcomes.customers["clv"].tobytes()
    assert changed > count / 4


@pytest.mark.parametrize("count", [12, pytest.param(40, marks=pytest.mark.slow)])
def test_engines_give_the_same_bytes_beyond_the_horizon(count: int) -> None:
    for data in made(count):
        fast, plain = (simulate_in_memory(beyond(data), engine) for engine in ENGINES)
        assert first_difference(fast, plain) == ""


def test_a_value_horizon_at_the_horizon_changes_nothing() -> None:
    for data in made(12):
        assert first_difference(simulate_in_memory(Scenario.from_dict(data)), simulate_in_memory(beyond(data, data["horizon"]))) == ""


def test_clv_is_that_of_a_longer_simulation() -> None:
    for data in made(12):
        if not data["journey"].get("acquisition"):
            short, long = simulate_in_memory(beyond(data)), simulate_in_memory(Scenario.from_dict(data | {"horizon": "75d"}))
            n = len(short.registry)
            same = short.registry.keys == long.registry.keys[:n] if n <= len(long.registry) else np.zeros(n, bool)
            is_initial = np.arange(n) < short.registry.n_initial
            chosen = is_initial & same & (short.outcomes.customers["entered"] < float(short.plan.world.setting[0].horizon))
            assert chosen.any()
            assert short.outcomes.customers["clv"][chosen].tobytes() == long.outcomes.customers["clv"][:n][chosen].tobytes()


def test_threads_and_chunks_do_not_matter(monkeypatch: pytest.MonkeyPatch) -> None:
    from cjsim.engine import worker_pool

    scenario = beyond(made(12)[3] | {"customers": 40})
    one = simulate(scenario, threads=1).outcomes
    monkeypatch.setattr(worker_pool, "FIRST_CHUNK_SIZE", 3)
    monkeypatch.setattr(worker_pool, "MAX_CHUNK_SIZE", 5)
    other = simulate(scenario, threads=2).outcomes
    assert [a.tobytes() for a in one] == [b.tobytes() for b in other]


def outcome(horizon: str, value_horizon: str, **settings: Any) -> Any:
    """The run of an order of 10 every 100 days without discounting."""
    journey = {
        "name": "orders",
        "starts_in": "active",
        "stages": {"active": {}},
        "events": {"order": {"in": ["active"], "wait": {"fixed": "100d"}, "effects": [{"purchase": {"value": 10}}]}},
    }
    made = {"name": "made", "start": "2026-01-05", "horizon": horizon, "customers": 2, "discount_rate": 0.0, "policy": {"name": "none"}}
    return simulate(Scenario.from_dict(made | {"journey": journey, "value_horizon": value_horizon, **settings}), threads=1)


def test_an_event_at_the_horizon_counts_only_in_clv() -> None:
    customers = outcome("300d", "1000d").outcomes.customers
    assert customers["purchases"].tolist() == [2, 2]
    assert customers["clv"].tolist() == [90.0, 90.0]


def test_clv_of_the_first_365_days_counts_from_entry() -> None:
    run = outcome("300d", "1000d", entry={"over": "250d"})
    assert run.outcomes.customers["clv_365d"].tolist() == [30.0, 30.0]
    assert run.metrics["clv_365d"].value == 30.0


def test_clv_of_the_first_365_days_needs_365_simulated_days() -> None:
    run = outcome("300d", "500d", customers=60, entry={"over": "300d"})
    entered = run.outcomes.customers["entered"]
    assert 0 < run.metrics["clv_365d"].n == np.count_nonzero(entered <= 135.0) < 60


def test_customers_who_enter_after_the_horizon_count_in_no_metric() -> None:
    run = outcome("100d", "500d", customers=50, entry={"over": "200d"})
    late = run.outcomes.customers["entered"] >= 100.0
    assert late.any()
    assert run.outcomes.customers["clv"][late].tolist() == [0.0] * int(late.sum())
    assert run.metrics["clv"].n == np.count_nonzero(~late)


def test_fixed_costs_after_the_horizon_count_only_in_clv() -> None:
    costs = {"costs": {"platform_per_month": 31}}
    short, long = (outcome("31d", days, policy={"name": "none", **costs}) for days in ("31d", "59d"))
    assert short.fixed_costs["platform"].paid == long.fixed_costs["platform"].paid == 31
    assert short.metrics["clv"].value == pytest.approx(-31 / 2)
    assert long.metrics["clv"].value == pytest.approx(-(31 + 31) / 2)
    assert short.metrics["cost"].value == long.metrics["cost"].value == pytest.approx(31 / 2)


def test_customers_who_enter_later_bear_their_share_of_later_payments() -> None:
    terms = WageTerms(horizon=10.0, ends=20.0, force=0.0, late_entries=np.array([12.0]))
    payments = {"platform": (Payment(0.0, 30.0), Payment(15.0, 30.0, later=30.0))}
    found = fixed_costs(payments, terms, entered=np.array([0.0, 5.0, 12.0]))["platform"]
    assert (found.paid, found.worth) == (30, 30 + 30 * 2 / 3)


NEVER_BINDS = {"guardrails": {"budgets": [{"at_most": 1_000_000, "per": "30d"}]}}
STAFF = {"desks": {"nobody": {"agents": 1}}}
IDLE_DESK = {"desks": {"nobody": {"service": {"fixed": "1h"}}}, "events": {"call": {"effects": [{"ask": "nobody"}]}}}


def firm_with_friends(*, rules: Any = None, journey: Any = None, **settings: Any) -> Scenario:
    """A firm that pays 100 a month for a year of which metrics count 60 days, and whose customers refer friends all the time."""
    refer = {"in": ["here"], "wait": {"exponential": "80d"}, "effects": [{"refer": {"joins": 0.5}}]}
    parts: dict[str, Any] = journey or {}
    whole = {
        "channels": {"mail": {}},
        "messages": {"hello": {"channel": "mail", "open_rate": 0.5}},
        "acquisition": {"ads": {"baseline": 0.1}},
        **parts,
        "events": {"refer": refer, **parts.get("events", {})},
    }
    flow = {"on": {"stage": "here"}, "steps": [{"send": "hello"}]}
    policy = {"flows": {"f": flow}, "costs": {"platform_per_month": 100}, **(rules or {})}
    return small_scenario(journey=whole, policy=policy, horizon="60d", value_horizon="365d", customers=8, **settings)


def clv_worth(scenario: Scenario, engine: Any = "compiled") -> float:
    return simulate(scenario, threads=1, engine=engine, replications=1).fixed_costs["platform"].worth


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("shared", [{"rules": NEVER_BINDS}, {"rules": STAFF, "journey": IDLE_DESK}], ids=["budget", "desk"])
def test_friends_who_join_after_the_horizon_bear_fixed_costs_whether_or_not_customers_share_resources(shared: Any, engine: str) -> None:
    assert clv_worth(firm_with_friends(**shared), engine) == clv_worth(firm_with_friends(), engine)


def test_arrivals_after_the_horizon_bear_fixed_costs_if_nobody_refers_friends() -> None:
    alone, shared = (firm_with_friends(journey={"events": {"refer": {}}}, **rules) for rules in ({}, {"rules": NEVER_BINDS}))
    assert clv_worth(alone) == clv_worth(shared) < clv_worth(alone.with_values({"journey.acquisition.ads.baseline": 1e-6}))


@pytest.mark.parametrize("shared", [{}, {"rules": NEVER_BINDS}], ids=["alone", "budget"])
def test_initial_customers_who_enter_after_the_horizon_bear_fixed_costs(shared: Any) -> None:
    friendless = {"events": {"refer": {}}, "acquisition": {}}
    scenario = firm_with_friends(journey=friendless, entry={"over": "120d"}, discount_rate=0.0, **shared)
    entered = simulate(scenario, threads=1, replications=1).outcomes.customers["entered"]
    n_early = np.count_nonzero(entered < 60)
    days = [0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334]  # months begin on the 5th
    share = [1 if day < 60 else n_early / np.count_nonzero(entered <= day) for day in days]
    assert clv_worth(scenario) == pytest.approx(100 * sum(share))


ADS = {"acquisition": {"ads": {"baseline": 1}}}
LATE_ADS = {"horizon": "30d", "value_horizon": "300d", "customers": 2}


def test_arrivals_after_the_horizon_count_toward_the_population_limit_if_they_bear_fixed_costs() -> None:
    scenario = small_scenario(journey=ADS, policy={"costs": {"platform_per_month": 1}}, **LATE_ADS)
    with pytest.raises(InputError, match="must not exceed 100 customers, got 2 initial customers and about 300 arrivals"):
        simulate(scenario, max_customers=100)
    assert len(simulate(scenario, max_customers=500)) < 100


def test_arrivals_after_the_horizon_do_not_count_toward_the_population_limit_if_nothing_depends_on_them() -> None:
    assert len(simulate(small_scenario(journey=ADS, **LATE_ADS), max_customers=100)) < 100


def test_friends_who_join_after_the_horizon_count_toward_the_population_limit() -> None:
    scenario = firm_with_friends(journey={"acquisition": {}})
    whole = simulate(scenario, threads=1)
    with pytest.raises(InputError, match="with the customers who enter after the horizon"):
        simulate(scenario, threads=1, max_customers=len(whole))

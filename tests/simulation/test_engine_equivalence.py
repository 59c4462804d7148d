"""Byte equivalence of the engines: readable, compiled and without JIT; for any number of threads, chunk size, order and buffer sizes."""

import json
import os
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from chooser import ScenarioData
from conftest import ROOT
from hypothesis import given, settings
from in_memory_simulation import ALL_CONSTRUCTS, InMemoryResult, constructs_used, first_difference, outcome_digests, simulate_in_memory
from random_scenarios import DETERMINISTIC_SETTINGS, generate_scenarios, scenario_strategy

from cjsim.compiler.arrivals import draw_arrivals
from cjsim.compiler.cohorts import Cohort
from cjsim.compiler.plan import Plan
from cjsim.compiler.population import initial_cohort
from cjsim.engine import compiled, readable, worker_pool
from cjsim.engine.buffers import BufferSizes, make_outcomes
from cjsim.engine.event_loop import simulate_customers
from cjsim.eventlog import EventLog
from cjsim.kernels.codes import LAST_CHANNEL_TOUCH, HiddenTouch, TouchCode
from cjsim.simulation.documents import Scenario
from cjsim.simulation.simulate import ENGINES, simulate

SHOP = ROOT / "configs" / "scenarios" / "shop.yaml"
EVERY_CONSTRUCT_FILE = ROOT / "tests" / "worlds" / "every_construct.yaml"


def every_construct(customers: int) -> Scenario:
    return Scenario.load(EVERY_CONSTRUCT_FILE, set={"customers": customers})


@pytest.fixture(scope="module")
def reference() -> InMemoryResult:
    """Every construct, on the compiled engine in one chunk."""
    return simulate_in_memory(every_construct(60))


@pytest.mark.parametrize(("path", "customers"), [(SHOP, 60), (EVERY_CONSTRUCT_FILE, 150)])
def test_engines_give_the_same_bytes(path: Path, customers: int) -> None:
    scenario = Scenario.load(path)
    fast, plain = (simulate_in_memory(scenario, engine, customers=customers) for engine in ENGINES)
    assert len(fast.rows) > 50 * customers
    assert first_difference(fast, plain) == ""


@pytest.mark.parametrize("count", [60, pytest.param(200, marks=pytest.mark.slow)])
def test_engines_give_the_same_bytes_on_random_scenarios(count: int) -> None:
    shown: Counter[str] = Counter()
    rows = []

    @settings(DETERMINISTIC_SETTINGS, max_examples=count)
    @given(scenario_strategy())
    def compare(data: ScenarioData) -> None:
        scenario = Scenario.from_dict(data)
        fast, plain = (simulate_in_memory(scenario, engine) for engine in ENGINES)
        shown.update(constructs_used(fast))
        rows.append(len(fast.rows))
        assert first_difference(fast, plain) == ""

    compare()
    assert len(rows) >= count
    assert np.mean(rows) > 100
    assert set(shown) == ALL_CONSTRUCTS or count < 200


def test_every_construct_scenario_uses_every_construct(reference: InMemoryResult) -> None:
    assert ALL_CONSTRUCTS - constructs_used(reference) == set()


def digests_in_new_process(made: list[ScenarioData], engine: str, **environment: str) -> list[str]:
    """Outcome digests of scenarios, computed by a new Python process."""
    search_path = os.pathsep.join(str(ROOT / folder) for folder in (".", "tests", "tests/support", "tests/generators"))
    command = [sys.executable, str(ROOT / "tests" / "support" / "in_memory_simulation.py"), engine]
    env = os.environ | {"PYTHONPATH": search_path} | environment
    found = subprocess.run(command, input=json.dumps(made), env=env, capture_output=True, text=True, check=False)
    assert found.returncode == 0, found.stderr
    answer: list[str] = json.loads(found.stdout)
    return answer


def small_scenario_data() -> list[ScenarioData]:
    """Every construct, the shop, and some random scenarios, with few customers."""
    named = [Scenario.load(EVERY_CONSTRUCT_FILE, set={"customers": 4, "horizon": "45d"}), Scenario.load(SHOP, set={"customers": 6})]
    made = [data | {"customers": min(data["customers"], 3)} for data in generate_scenarios(24)]
    return [*(scenario.to_dict() for scenario in named), *made]


def test_a_new_process_gives_the_same_bytes() -> None:
    made = small_scenario_data()
    assert digests_in_new_process(made, "compiled") == outcome_digests(made, "compiled")


@pytest.mark.parametrize("count", [6, pytest.param(100, marks=pytest.mark.slow)])
def test_readable_engine_without_jit_gives_the_same_bytes(count: int) -> None:
    made = small_scenario_data()[1 if count == 6 else 0 :][:count]
    assert digests_in_new_process(made, "readable", NUMBA_DISABLE_JIT="1") == outcome_digests(made, "compiled")


@pytest.mark.parametrize("count", [4, pytest.param(10, marks=pytest.mark.slow)])
def test_compiled_engine_without_jit_gives_the_same_bytes(count: int) -> None:
    # With budgets, customers are simulated repeatedly, which takes minutes without the JIT.
    made = [data for data in small_scenario_data()[1:] if not data["policy"]["guardrails"].get("budgets")][:count]
    assert digests_in_new_process(made, "compiled", NUMBA_DISABLE_JIT="1") == outcome_digests(made, "compiled")


def assert_same_simulation(reference: InMemoryResult, path: Path, **options: int) -> bytes:
    """Assert that a simulation has the outcomes and rows of one chunk; returns the bytes of its log."""
    outcomes = simulate(every_construct(60), log=path, replications=1, **options).outcomes  # type: ignore[arg-type]
    assert [
        field for field, one, other in zip(outcomes._fields, outcomes, reference.outcomes, strict=True) if one.tobytes() != other.tobytes()
    ] == []
    rows = EventLog(path).to_pandas()
    expected = [(customer, event) for customer, _, _, event, *_ in reference.log_rows()]
    assert list(zip(rows["customer"], rows["event"], strict=True)) == expected
    return path.read_bytes()


def test_number_of_threads_does_not_matter(reference: InMemoryResult, tmp_path: Path) -> None:
    logs = {threads: assert_same_simulation(reference, tmp_path / f"{threads}.parquet", threads=threads) for threads in (1, 2, 3, 5)}
    assert len(set(logs.values())) == 1


@pytest.mark.parametrize(("first", "largest", "rows"), [(1, 1, 1), (7, 5, 2_000), (64, 64, 10**9), (2, 4096, 3_000)])
def test_size_of_chunks_does_not_matter(
    reference: InMemoryResult, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, first: int, largest: int, rows: int
) -> None:
    usual = assert_same_simulation(reference, tmp_path / "usual.parquet", threads=2)
    for name, value in {"FIRST_CHUNK_SIZE": first, "MAX_CHUNK_SIZE": largest, "CHUNK_ROWS": rows}.items():
        monkeypatch.setattr(worker_pool, name, value)
    sizes = []
    of_size = worker_pool._chunk_size
    monkeypatch.setattr(worker_pool, "_chunk_size", lambda *state: sizes.append(of_size(*state)) or sizes[-1])
    assert assert_same_simulation(reference, tmp_path / "cut.parquet", threads=3) == usual
    assert sizes[0] == first


def engine_with_shared_results(engine: str, plan: Plan, scenario: Scenario) -> tuple[Any, Cohort]:
    """An engine with the shared results of all customers, and the cohort of initial customers."""
    built, cohort = ENGINES[engine](plan, scenario.seed, rows=4096), initial_cohort(plan, scenario.seed, 0, scenario.customers)
    built.use_shared_results(
        built.resolve_shared_resources([cohort, draw_arrivals(plan, scenario.seed, first=scenario.customers, at_most=1000)])
    )
    return built, cohort


@pytest.mark.parametrize("engine", ENGINES)
def test_order_of_customers_does_not_matter(reference: InMemoryResult, engine: str) -> None:
    built, cohort = engine_with_shared_results(engine, reference.plan, every_construct(60))
    outcomes = make_outcomes(reference.plan, 60)
    chunks = [(40, 20), (0, 1), (17, 23), (1, 16)]
    rows = {first: built.simulate(cohort.subset(first, size), outcomes.subset(first, size)).rows for first, size in chunks}
    joined = np.concatenate([part for first in sorted(rows) for part in rows[first]])
    assert joined.tobytes() == reference.rows[reference.rows["customer"] < 60].tobytes()
    assert [mine.tobytes() for mine in outcomes] == [other[:60].tobytes() for other in reference.outcomes]


def test_customer_simulated_alone_gives_the_same_rows(reference: InMemoryResult) -> None:
    engine, cohort = engine_with_shared_results("compiled", reference.plan, every_construct(60))
    for customer in (41, 5, 59):
        outcomes = make_outcomes(reference.plan, 1)
        alone = np.concatenate(engine.simulate(cohort.subset(customer, 1), outcomes).rows)
        assert alone.tobytes() == reference.rows[reference.rows["customer"] == customer].tobytes()
        assert outcomes.customers[0].tobytes() == reference.outcomes.customers[customer].tobytes()


@pytest.mark.parametrize("engine", ENGINES)
def test_customer_that_overflows_buffers_is_simulated_again_with_larger_ones(
    reference: InMemoryResult, engine: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    grown: set[BufferSizes] = set()

    class Tight(BufferSizes):
        def with_larger_state(self) -> BufferSizes:
            return self.recorded(super().with_larger_state())

        def with_larger_log(self) -> BufferSizes:
            return self.recorded(super().with_larger_log())

        def recorded(self, sizes: BufferSizes) -> BufferSizes:
            grown.add(sizes)
            return sizes

    for module in (compiled, readable):
        monkeypatch.setattr(module, "BufferSizes", lambda **_: Tight(responses=1, queue=1, rows=1))
    assert first_difference(simulate_in_memory(every_construct(60), engine), reference) == ""
    assert max(sizes.responses for sizes in grown) >= 4
    assert max(sizes.rows for sizes in grown) >= 128


def test_run_without_a_log_has_the_same_outcomes(reference: InMemoryResult) -> None:
    outcomes = simulate(every_construct(60), threads=2, replications=1).outcomes
    assert [mine.tobytes() for mine in outcomes] == [other.tobytes() for other in reference.outcomes]


def test_outcome_counts_match_the_log() -> None:
    rows = rows_without_machines = 0
    for data in [Scenario.load(EVERY_CONSTRUCT_FILE).to_dict(), *generate_scenarios(60)]:
        shown = simulate_in_memory(Scenario.from_dict(data))
        of, seen = shown.outcomes, shown.outcomes.touch_counts[:, :, : LAST_CHANNEL_TOUCH + 1]
        counted, touches = np.zeros_like(seen), shown.rows[shown.rows["event"] <= LAST_CHANNEL_TOUCH]
        np.add.at(counted, (touches["customer"], touches["channel"], touches["event"]), 1)
        assert np.array_equal(counted, seen)
        if "machine_opens" not in (text := json.dumps(data)) and "bot_clicks" not in text:
            hidden = of.touch_counts[:, :, [HiddenTouch.TRUE_OPENED, HiddenTouch.TRUE_CLICKED]]
            assert np.array_equal(hidden, counted[:, :, [TouchCode.OPENED, TouchCode.CLICKED]])
            rows_without_machines += len(shown.rows)
        for field, touch in {"contacts": TouchCode.DELIVERED, "opens": TouchCode.OPENED, "clicks": TouchCode.CLICKED}.items():
            assert np.array_equal(of.customers[field], counted[:, :, touch].sum(axis=1))
        for field, touch in {"flows": TouchCode.FLOW_STARTED, "complaints": TouchCode.COMPLAINED}.items():
            happened = shown.rows["customer"][shown.rows["event"] == touch]
            assert np.array_equal(of.customers[field], np.bincount(happened, minlength=len(of.customers)))
        rows += len(shown.rows)
    assert rows > 50_000 and rows_without_machines > 1_000


def test_kernels_are_compiled_once_for_all_scenarios() -> None:
    for data in generate_scenarios(5):
        simulate_in_memory(Scenario.from_dict(data))
    simulate_in_memory(Scenario.load(SHOP), customers=2)
    simulate_in_memory(every_construct(2))
    assert len(simulate_customers.signatures) == 1

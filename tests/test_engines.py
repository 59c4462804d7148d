"""Two engines, one log: readable = compiled = JIT off, whatever the threads, chunks, order and room. To the byte."""

import json
import os
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import ROOT
from dice import Data
from hypothesis import given, settings
from random_scenarios import SMALL, scenarios, some_scenarios
from scenarios import EVERY_CONSTRUCT, Lived, constructs, difference, digests, live

from cjsim.engine import compiled, crew, readable
from cjsim.engine.lifetimes import live_through
from cjsim.engine.room import Room, make_outcomes
from cjsim.engine.run import ENGINES, simulate
from cjsim.eventlog import EventLog
from cjsim.model.arrivals import draw_arrivals
from cjsim.model.codes import Touch
from cjsim.model.cohort import Cohort
from cjsim.model.plan import Plan
from cjsim.model.population import initial_cohort
from cjsim.model.scenario import Scenario

SHOP = ROOT / "configs" / "scenarios" / "shop.yaml"
EVERYTHING = ROOT / "tests" / "worlds" / "every_construct.yaml"


def everything(customers: int) -> Scenario:
    return Scenario.load(EVERYTHING, set={"customers": customers})


@pytest.fixture(scope="module")
def lived() -> Lived:
    """Every construct, on the compiled engine in one chunk."""
    return live(everything(60))


@pytest.mark.parametrize(("path", "customers"), [(SHOP, 60), (EVERYTHING, 150)])
def test_engines_give_the_same_bytes(path: Path, customers: int) -> None:
    scenario = Scenario.load(path)
    fast, plain = (live(scenario, engine, customers=customers) for engine in ENGINES)
    assert len(fast.rows) > 50 * customers
    assert difference(fast, plain) == ""


def test_engines_give_the_same_bytes_on_200_scenarios_made_at_random() -> None:
    shown: Counter[str] = Counter()
    rows = []

    @settings(SMALL, max_examples=200)
    @given(scenarios())
    def compare(data: Data) -> None:
        scenario = Scenario.from_dict(data)
        fast, plain = (live(scenario, engine) for engine in ENGINES)
        shown.update(constructs(fast))
        rows.append(len(fast.rows))
        assert difference(fast, plain) == ""

    compare()
    assert len(rows) >= 200
    assert np.mean(rows) > 100
    assert set(shown) == EVERY_CONSTRUCT


def test_scenario_of_every_construct_shows_every_construct(lived: Lived) -> None:
    assert EVERY_CONSTRUCT - constructs(lived) == set()


def in_another_process(made: list[Data], engine: str, **environment: str) -> list[str]:
    """Digests of what becomes of scenarios, worked out by a new Python."""
    places = os.pathsep.join([str(ROOT), str(ROOT / "tests")])
    command = [sys.executable, str(ROOT / "tests" / "scenarios.py"), engine]
    env = os.environ | {"PYTHONPATH": places} | environment
    found = subprocess.run(command, input=json.dumps(made), env=env, capture_output=True, text=True, check=False)
    assert found.returncode == 0, found.stderr
    answer: list[str] = json.loads(found.stdout)
    return answer


def few_customers() -> list[Data]:
    """Every construct, the shop, and some scenarios made at random, with few customers."""
    named = [Scenario.load(EVERYTHING, set={"customers": 4, "horizon": "45d"}), Scenario.load(SHOP, set={"customers": 6})]
    made = [data | {"customers": min(data["customers"], 3)} for data in some_scenarios(24)]
    return [*(scenario.to_dict() for scenario in named), *made]


def test_a_new_process_gives_the_same_bytes() -> None:
    made = few_customers()
    assert in_another_process(made, "compiled") == digests(made, "compiled")


@pytest.mark.parametrize("count", [6, pytest.param(100, marks=pytest.mark.slow)])
def test_rules_without_the_compiler_give_the_same_bytes(count: int) -> None:
    made = few_customers()[1 if count == 6 else 0 :][:count]
    assert in_another_process(made, "readable", NUMBA_DISABLE_JIT="1") == digests(made, "compiled")


@pytest.mark.parametrize("count", [4, pytest.param(10, marks=pytest.mark.slow)])
def test_the_loop_without_the_compiler_gives_the_same_bytes(count: int) -> None:
    # Lives that budgets bound are lived again and again: without the compiler, for minutes.
    made = [data for data in few_customers()[1:] if not data["policy"]["guardrails"].get("budgets")][:count]
    assert in_another_process(made, "compiled", NUMBA_DISABLE_JIT="1") == digests(made, "compiled")


def assert_same(lived: Lived, path: Path, **options: int) -> bytes:
    """A simulation has the outcomes and the rows of one chunk; gives the bytes of its log."""
    outcomes = simulate(everything(60), log=path, **options).outcomes  # type: ignore[arg-type]
    assert [
        field for field, one, other in zip(outcomes._fields, outcomes, lived.outcomes, strict=True) if one.tobytes() != other.tobytes()
    ] == []
    rows = EventLog(path).to_pandas()
    told = [(customer, event) for customer, _, _, event, *_ in lived.told()]
    assert list(zip(rows["customer"], rows["event"], strict=True)) == told
    return path.read_bytes()


def test_number_of_threads_does_not_matter(lived: Lived, tmp_path: Path) -> None:
    logs = {threads: assert_same(lived, tmp_path / f"{threads}.parquet", threads=threads) for threads in (1, 2, 3, 5)}
    assert len(set(logs.values())) == 1


@pytest.mark.parametrize(("first", "largest", "rows"), [(1, 1, 1), (7, 5, 2_000), (64, 64, 10**9), (2, 4096, 3_000)])
def test_size_of_chunks_does_not_matter(
    lived: Lived, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, first: int, largest: int, rows: int
) -> None:
    usual = assert_same(lived, tmp_path / "usual.parquet", threads=2)
    for name, value in {"FIRST_CHUNK": first, "LARGEST_CHUNK": largest, "CHUNK_ROWS": rows}.items():
        monkeypatch.setattr(crew, name, value)
    sizes = []
    of_size = crew._chunk_size
    monkeypatch.setattr(crew, "_chunk_size", lambda *state: sizes.append(of_size(*state)) or sizes[-1])
    assert assert_same(lived, tmp_path / "cut.parquet", threads=3) == usual
    assert sizes[0] == first


def met(engine: str, plan: Plan, scenario: Scenario) -> tuple[Any, Cohort]:
    """An engine on which all customers have met at desks and for budgets, and the initial ones, who are to live."""
    one, cohort = ENGINES[engine](plan, scenario.seed, rows=4096), initial_cohort(plan, scenario.seed, 0, scenario.customers)
    one.join(one.meet([cohort, draw_arrivals(plan, scenario.seed, first=scenario.customers, at_most=1000)]))
    return one, cohort


@pytest.mark.parametrize("engine", ENGINES)
def test_order_of_customers_does_not_matter(lived: Lived, engine: str) -> None:
    one, cohort = met(engine, lived.plan, everything(60))
    outcomes = make_outcomes(lived.plan, 60)
    stretches = [(40, 20), (0, 1), (17, 23), (1, 16)]
    rows = {first: one.live(cohort.stretch(first, size), outcomes.stretch(first, size)).rows for first, size in stretches}
    told = np.concatenate([part for first in sorted(rows) for part in rows[first]])
    assert told.tobytes() == lived.rows[lived.rows["customer"] < 60].tobytes()
    assert [mine.tobytes() for mine in outcomes] == [other[:60].tobytes() for other in lived.outcomes]


def test_customer_lives_alone_as_among_others(lived: Lived) -> None:
    engine, cohort = met("compiled", lived.plan, everything(60))
    for customer in (41, 5, 59):
        outcomes = make_outcomes(lived.plan, 1)
        alone = np.concatenate(engine.live(cohort.stretch(customer, 1), outcomes).rows)
        assert alone.tobytes() == lived.rows[lived.rows["customer"] == customer].tobytes()
        assert outcomes.customers[0].tobytes() == lived.outcomes.customers[customer].tobytes()


@pytest.mark.parametrize("engine", ENGINES)
def test_life_that_does_not_fit_is_lived_again_with_more_room(lived: Lived, engine: str, monkeypatch: pytest.MonkeyPatch) -> None:
    grown: set[Room] = set()

    class Tight(Room):
        def wider(self) -> Room:
            return self.noted(super().wider())

        def longer(self) -> Room:
            return self.noted(super().longer())

        def noted(self, room: Room) -> Room:
            grown.add(room)
            return room

    for home in (compiled, readable):
        monkeypatch.setattr(home, "Room", lambda **_: Tight(reads=1, queue=1, rows=1))
    assert difference(live(everything(60), engine), lived) == ""
    assert max(room.reads for room in grown) >= 4
    assert max(room.rows for room in grown) >= 128


def test_run_without_a_log_has_the_same_outcomes(lived: Lived) -> None:
    outcomes = simulate(everything(60), threads=2).outcomes
    assert [mine.tobytes() for mine in outcomes] == [other.tobytes() for other in lived.outcomes]


def test_outcomes_count_what_the_log_tells() -> None:
    rows = 0
    for data in [Scenario.load(EVERYTHING).to_dict(), *some_scenarios(60)]:
        shown = live(Scenario.from_dict(data))
        of, counted = shown.outcomes, np.zeros_like(shown.outcomes.reach)
        touches = shown.rows[shown.rows["event"] < counted.shape[2]]
        np.add.at(counted, (touches["customer"], touches["channel"], touches["event"]), 1)
        assert np.array_equal(counted, of.reach)
        for field, touch in {"contacts": Touch.DELIVERED, "opens": Touch.OPENED, "clicks": Touch.CLICKED}.items():
            assert np.array_equal(of.customers[field], counted[:, :, touch].sum(axis=1))
        for field, touch in {"flows": Touch.FLOW_STARTED, "complaints": Touch.COMPLAINED}.items():
            happened = shown.rows["customer"][shown.rows["event"] == touch]
            assert np.array_equal(of.customers[field], np.bincount(happened, minlength=len(of.customers)))
        rows += len(shown.rows)
    assert rows > 50_000


def test_one_compilation_serves_every_scenario() -> None:
    for data in some_scenarios(5):
        live(Scenario.from_dict(data))
    live(Scenario.load(SHOP), customers=2)
    live(everything(2))
    assert len(live_through.signatures) == 1

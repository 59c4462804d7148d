"""A user's processes on the readable engine: what they see, what they fire, when they resume, and what is refused."""

import itertools
import json
import traceback
from collections.abc import Callable, Generator, Iterator
from datetime import date
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import simpy
from conftest import ROOT
from e04_erlang import erlang_a
from in_memory_simulation import LogRow, first_difference, simulate_in_memory
from random_scenarios import generate_scenarios
from rule_worlds import EVERY_DAY, SURE_MAIL, event_after
from scipy import stats
from small_scenarios import small_scenario
from statistical_checks import assert_plausible

import cjsim as cj
from cjsim.engine import readable
from cjsim.engine.buffers import BufferSizes
from cjsim.errors import InputError
from cjsim.simulation.documents import Scenario

WORLDS = ROOT / "tests" / "worlds"
Process = Callable[[cj.RunningSimulation], Generator[Any, Any, Any]]


def observe_everything(simulation: cj.RunningSimulation) -> Iterator[Any]:
    """Read all that a process can see, at odd times."""
    while True:
        for customer in simulation.customers:
            assert 0 <= customer.satisfaction <= 1
            assert customer.pressure >= 0
            assert customer.clicks <= customer.opens <= customer.contacts
            assert repr((customer, customer.tags, customer.consent, customer.attributes, customer.desk, customer.observed_stage))
        for desk in simulation.desks.values():
            assert min(desk) >= 0
        yield simulation.timeout(0.77)


def run_with(*processes: Process, engine: Any = "readable", customers: int = 3, **parts: Any) -> cj.Run:
    return cj.simulate(small_scenario(**parts), customers=customers, seed=1, engine=engine, processes=processes)


def worlds() -> list[Scenario]:
    """The worlds of the tests that are scenarios, or contain one."""
    named = [Scenario.load(WORLDS / "every_construct.yaml", set={"customers": 40}), Scenario.load(WORLDS / "tiny.yaml")]
    return [*named, cj.Study.load(WORLDS / "study.yaml").scenario]


@pytest.mark.parametrize("world", worlds(), ids=lambda world: world.name)
def test_an_observer_leaves_the_log_as_it_is(world: Scenario) -> None:
    observed = simulate_in_memory(world, "readable", processes=[observe_everything])
    assert len(observed.rows) > 100
    assert first_difference(simulate_in_memory(world), observed) == ""


def test_an_observer_leaves_the_logs_of_random_scenarios_as_they_are() -> None:
    shared = 0
    for data in generate_scenarios(25):
        world = Scenario.from_dict(data)
        shared += world.has_shared_resources
        assert first_difference(simulate_in_memory(world), simulate_in_memory(world, "readable", processes=[observe_everything])) == ""
    assert 5 < shared < 25  # with and without desks or budgets


# An event at day 10 by its own clock, or fired by a process: with effects and flows that use whatever customers share.
CLOSURE_JOURNEY: dict[str, Any] = SURE_MAIL | {
    "stages": {"here": {}, "there": {}},
    "desks": {"help": {"service": {"exponential": "5h"}, "patience": {"exponential": "8h"}}},
}
CLOSURE_EFFECTS = {
    "satisfaction": [{"satisfy": -0.5}],
    "stage": [{"go": "there"}],
    "purchase": [{"purchase": {"value": {"lognormal": {"median": 20, "sigma": 0.5}}}}],
    "desk": [{"ask": "help"}],
    "referral": [{"refer": {"invites": 2, "joins": 1.0}}],
    "another event": [{"fire": "grumble"}],
}
CLOSURE_POLICY = {
    "desks": {"help": {"agents": 1}},
    "flows": {"sorry": {"on": {"event": "closure"}, "steps": [{"send": "hello"}, {"wait": "3h"}, {"send": "hello"}]}},
    "guardrails": {"budgets": [{"at_most": 7, "per": "1d", "channels": ["mail"]}]},
}


def closure_world(wait: str | None, effects: list[Any]) -> Scenario:
    look = {"in": "anywhere", "wait": {"exponential": "2d"}}
    events = {"closure": event_after(wait, *effects), "grumble": event_after(None, {"satisfy": -0.1}), "look": look}
    return small_scenario(journey=CLOSURE_JOURNEY | {"events": events}, policy=CLOSURE_POLICY, horizon="19d", customers=12, seed=5)


def close_on_day_10(simulation: cj.RunningSimulation) -> Iterator[Any]:
    yield simulation.until(10)
    for customer in reversed(simulation.customers):
        simulation.fire(customer, "closure")


@pytest.mark.parametrize("effects", [[], *CLOSURE_EFFECTS.values()], ids=["none", *CLOSURE_EFFECTS])
def test_a_fired_event_has_the_consequences_of_one_that_happens_by_its_clock(effects: list[Any]) -> None:
    by_clock = simulate_in_memory(closure_world("10d", effects))
    fired = simulate_in_memory(closure_world(None, effects), "readable", processes=[close_on_day_10])
    assert sum(row.event == "closure" for row in by_clock.log_rows()) >= 12
    assert first_difference(by_clock, fired) == ""


def test_a_fired_event_is_repeated_when_buffers_are_enlarged(monkeypatch: pytest.MonkeyPatch) -> None:
    world = closure_world(None, CLOSURE_EFFECTS["desk"])
    usual = simulate_in_memory(world, "readable", processes=[close_on_day_10])
    monkeypatch.setattr(readable, "BufferSizes", lambda **_: BufferSizes(responses=1, queue=1, rows=1))
    assert first_difference(simulate_in_memory(world, "readable", processes=[close_on_day_10]), usual) == ""


def test_a_process_that_acts_gives_the_same_bytes_again() -> None:
    world = Scenario.load(WORLDS / "every_construct.yaml", set={"customers": 30})

    def browse(simulation: cj.RunningSimulation) -> Iterator[Any]:
        while True:
            yield simulation.timeout(3)
            for customer in simulation.customers[::2]:
                simulation.fire(customer, "browse")

    once, again = (simulate_in_memory(world, "readable", processes=[browse]) for _ in range(2))
    assert first_difference(once, again) == ""
    assert first_difference(simulate_in_memory(world), once) != ""


def test_events_fired_to_one_customer_happen_in_order() -> None:
    def fire_twice(simulation: cj.RunningSimulation) -> Iterator[Any]:
        yield simulation.until(2)
        for event in ("second", "first", "second"):
            simulation.fire(simulation.customers[0], event)

    journey = {"events": {"first": {}, "second": {}}}
    assert events_of(fire_twice, journey) == [(2, "second"), (2, "first"), (2, "second")]


def test_what_follows_a_fired_event_at_once_comes_before_the_next_fired_event() -> None:
    def fire_twice(simulation: cj.RunningSimulation) -> Iterator[Any]:
        yield simulation.until(2)
        simulation.fire(simulation.customers[0], "move")
        simulation.fire(simulation.customers[0], "last")

    arrive = {"in": ["there"], "wait": {"fixed": "0s"}, "effects": [{"go": "here"}]}
    journey = {"stages": {"here": {}, "there": {}}, "events": {"last": {}, "move": {"effects": [{"go": "there"}]}, "arrive": arrive}}
    assert events_of(fire_twice, journey) == [(2, "move"), (2, "arrive"), (2, "last")]


def test_looking_at_a_customer_changes_nothing_in_its_state() -> None:
    def look(simulation: cj.RunningSimulation) -> Iterator[Any]:
        yield simulation.until(4.5)
        state = simulation.customers[0]._process.state
        before = state.customer.tobytes()
        next(observe_everything(simulation))
        states.append((before, state.customer.tobytes()))

    states: list[tuple[bytes, bytes]] = []
    run_with(look, journey={"satisfaction": {"half_life": "2d"}, "events": {"treat": event_after("1d", {"satisfy": 0.5})}})
    assert states[0][0] == states[0][1]


def events_of(process: Process, journey: dict[str, Any]) -> list[tuple[float, str]]:
    """Times and names of what happens to one customer after the entry."""
    return [(row.time, row.event) for row in log_of(process, journey) if row.event != "entered"]


def log_of(process: Process, journey: dict[str, Any]) -> list[LogRow]:
    return simulate_in_memory(small_scenario(journey=journey), "readable", customers=1, processes=[process]).log_rows()


def test_a_process_resumes_after_all_events_of_its_time() -> None:
    seen = []

    def count(simulation: cj.RunningSimulation) -> Iterator[Any]:
        seen.append(len(simulation.customers))
        yield simulation.until(2)
        seen.extend(customer.count("ring") for customer in simulation.customers)

    run_with(count, customers=2, journey={"events": {"ring": {"in": "anywhere", "wait": {"fixed": "2d"}}}})
    assert seen == [2, 1, 1]


def test_simultaneous_processes_resume_in_the_order_in_which_they_were_passed() -> None:
    seen: list[tuple[float, str]] = []

    def note(simulation: cj.RunningSimulation, name: str, days: list[float]) -> Iterator[Any]:
        for day in days:
            seen.append((simulation.now, name))
            yield simulation.until(day)

    first = partial(note, name="first", days=[1, 2, 3])  # reaches day 2 last
    second = partial(note, name="second", days=[0.5, 2, 3])
    run_with(first, second)
    assert seen == [(0, "first"), (0, "second"), (0.5, "second"), (1, "first"), (2, "first"), (2, "second")]


def test_a_later_process_sees_what_an_earlier_one_fired() -> None:
    def fire(simulation: cj.RunningSimulation) -> Iterator[Any]:
        simulation.fire(simulation.customers[0], "move")
        yield simulation.until(1)

    def look(simulation: cj.RunningSimulation) -> Iterator[Any]:
        stages.append(simulation.customers[0].stage)
        yield simulation.until(1)

    stages: list[str] = []
    run_with(fire, look, journey={"stages": {"here": {}, "there": {}}, "events": {"move": {"effects": [{"go": "there"}]}}})
    assert stages == ["there"]


def test_waits_are_exact() -> None:
    times = []

    def tick(simulation: cj.RunningSimulation) -> Iterator[Any]:
        for n in range(1, 20):
            yield simulation.until(n / 10)
            times.append(simulation.now)

    run_with(tick)
    assert times == [n / 10 for n in range(1, 20)]


def test_a_process_may_wait_for_the_first_of_two_events() -> None:
    times = []

    def wait(simulation: cj.RunningSimulation) -> Iterator[Any]:
        yield simulation.until(5) | simulation.until(3)
        times.append(simulation.now)

    run_with(wait)
    assert times == [3]


def test_a_process_is_closed_at_the_horizon() -> None:
    times = []

    def tick(simulation: cj.RunningSimulation) -> Iterator[Any]:
        try:
            while True:
                yield simulation.timeout(10)
                times.append(simulation.now)
        finally:
            times.append(simulation.horizon)

    run_with(tick, horizon="30d")
    assert times == [10, 20, 30]


def test_day_of_a_date_counts_from_the_start() -> None:
    days = []

    def look(simulation: cj.RunningSimulation) -> Iterator[Any]:
        days.append(simulation.day_of(date(2026, 2, 1)))
        assert simulation.seed == 1
        yield simulation.until(1)

    run_with(look)
    assert days == [27]  # from January 5


def test_a_customer_is_seen_in_words() -> None:
    seen: list[dict[str, Any]] = []

    def look(simulation: cj.RunningSimulation) -> Iterator[Any]:
        yield simulation.until(8)
        names = (
            "entered",
            "persona",
            "stage",
            "observed_stage",
            "tags",
            "consent",
            "attributes",
            "purchases",
            "revenue",
            "contacts",
            "desk",
        )
        seen.append({name: getattr(simulation.customers[0], name) for name in names})

    journey = SURE_MAIL | {
        "attributes": {"country": {"FR": 1}},
        "stages": {"here": {}, "dark": {"observed": False}},
        "desks": {"help": {"service": {"fixed": "3d"}}},
        "events": {
            "buy": {"in": ["here"], "wait": {"fixed": "3d"}, "effects": [{"purchase": {"value": 20}}, {"tag": "buyer"}]},
            "leave": event_after("7d", {"go": "dark"}, {"ask": "help"}),
        },
    }
    policy = {
        "desks": {"help": {"agents": 1}},
        "broadcasts": {"daily": {"schedule": {"weekdays": EVERY_DAY, "at": "12:00"}, "send": "hello"}},
    }
    run_with(look, journey=journey, policy=policy, customers=1)
    assert seen == [
        {
            "entered": 0.0,
            "persona": "customer",
            "stage": "dark",
            "observed_stage": "here",
            "tags": {"buyer"},
            "consent": {"mail"},
            "attributes": {"country": "FR"},
            "purchases": 2,
            "revenue": 40.0,
            "contacts": 8,
            "desk": "help",
        }
    ]


def test_satisfaction_is_that_of_now() -> None:
    seen = []

    def look(simulation: cj.RunningSimulation) -> Iterator[Any]:
        for day in (1, 3, 5):
            yield simulation.until(day)
            seen.append(simulation.customers[0].satisfaction)

    run_with(look, journey={"satisfaction": {"half_life": "2d"}, "events": {"treat": event_after("1d", {"satisfy": 0.5})}}, horizon="6d")
    # From 0.5 to 0.75 each day; the half-life is 2 days.
    level, expected = 0.5, {}
    for day in range(1, 6):
        level = 0.5 + (level - 0.5) * 0.5**0.5 if day > 1 else level
        level = expected[day] = level + 0.5 * (1 - level)
    assert seen == pytest.approx([expected[day] for day in (1, 3, 5)])


def test_only_customers_who_have_entered_are_seen() -> None:
    seen = []

    def look(simulation: cj.RunningSimulation) -> Iterator[Any]:
        yield simulation.until(5)
        seen.extend(customer.entered for customer in simulation.customers)

    run = run_with(look, customers=50, entry={"over": "10d"})
    entered = run.outcomes.customers["entered"]
    assert seen == entered[entered <= 5].tolist()
    assert 10 < len(seen) < 40


def test_a_desk_is_seen_with_its_queue_and_staff() -> None:
    seen = []

    def look(simulation: cj.RunningSimulation) -> Iterator[Any]:
        for day in (0.5, 1.5, 2.5):
            yield simulation.until(day)
            seen.append(tuple(simulation.desks["help"]))

    journey = {"desks": {"help": {"service": {"fixed": "1d"}}}, "events": {"call": event_after("1d", {"ask": "help"})}}
    run_with(look, journey=journey, policy={"desks": {"help": {"agents": 2}}}, customers=5, horizon="3d")
    assert seen == [(0, 0, 2), (3, 2, 2), (1, 2, 2)]


def test_agents_who_finish_a_conversation_after_their_shift_are_busy_but_not_on_duty() -> None:
    seen = []

    def look(simulation: cj.RunningSimulation) -> Iterator[Any]:
        yield simulation.until(0.5 + 1 / 48)
        seen.append(tuple(simulation.desks["help"]))

    journey = {"desks": {"help": {"service": {"fixed": "2h"}}}, "events": {"call": event_after("11h", {"ask": "help"})}}
    shifts = [{"weekdays": EVERY_DAY, "from": "08:00", "to": "12:00", "agents": 1}]
    run_with(look, journey=journey, policy={"desks": {"help": {"shifts": shifts}}}, customers=2, horizon="1d")
    assert seen == [(1, 1, 0)]


def fail_on_day_3(simulation: cj.RunningSimulation) -> Iterator[Any]:
    yield simulation.until(3)
    raise PermissionError(13, "no entry", "shop")


def test_an_exception_is_the_users_own() -> None:
    with pytest.raises(PermissionError, match="no entry") as error:
        run_with(observe_everything, fail_on_day_3)
    assert error.value.__notes__ == ["Raised by process 'fail_on_day_3' on day 3 of the simulation."]
    assert traceback.extract_tb(error.value.__traceback__)[-1].name == "fail_on_day_3"


def test_other_processes_are_closed_after_an_exception() -> None:
    closed = []

    def tick(simulation: cj.RunningSimulation) -> Iterator[Any]:
        try:
            yield simulation.until(5)
        finally:
            closed.append(simulation.now)

    with pytest.raises(PermissionError):
        run_with(tick, fail_on_day_3)
    assert closed == [3]


def test_an_error_of_the_scenario_is_not_reported_as_one_of_a_process() -> None:
    world = closure_world("10d", CLOSURE_EFFECTS["referral"])
    with pytest.raises(InputError, match="must not exceed 15 customers") as error:
        cj.simulate(world, engine="readable", processes=[observe_everything], max_customers=15)
    assert not hasattr(error.value, "__notes__")


def wait_for_nothing(simulation: cj.RunningSimulation) -> Iterator[Any]:
    while True:
        yield simulation.timeout(0)


def fire_for_ever(simulation: cj.RunningSimulation) -> Iterator[Any]:
    while True:
        simulation.fire(simulation.customers[0], "ring")
    yield


def fire_and_wait_for_nothing(simulation: cj.RunningSimulation) -> Iterator[Any]:
    while True:
        simulation.fire(simulation.customers[0], "ring")
        yield simulation.timeout(0)


def wait_for_yesterday(simulation: cj.RunningSimulation) -> Iterator[Any]:
    yield simulation.until(3)
    yield simulation.until(2)


def wait_for_nan(simulation: cj.RunningSimulation) -> Iterator[Any]:
    yield simulation.timeout(np.nan)


def yield_a_number(simulation: cj.RunningSimulation) -> Iterator[Any]:
    yield 5


def return_a_number(simulation: cj.RunningSimulation) -> Any:
    return 5


def fire_unknown(simulation: cj.RunningSimulation) -> Iterator[Any]:
    simulation.fire(simulation.customers[0], "rign")
    yield simulation.until(1)


def fire_to_a_key(simulation: cj.RunningSimulation) -> Iterator[Any]:
    simulation.fire(0, "ring")  # type: ignore[arg-type]
    yield simulation.until(1)


def wait_for_text(simulation: cj.RunningSimulation) -> Iterator[Any]:
    yield simulation.timeout("3d")  # type: ignore[arg-type]


def wait_for_a_foreign_event(simulation: cj.RunningSimulation) -> Iterator[Any]:
    yield simpy.Environment().timeout(1)


def wait_for_a_past_event(simulation: cj.RunningSimulation) -> Iterator[Any]:
    first_day = simulation.until(1)
    while True:
        yield first_day


@pytest.mark.parametrize(
    ("process", "message"),
    [
        (wait_for_text, r"process 'wait_for_text': must wait for a number of days, got '3d'\. Write 0\.5 for 12 hours\."),
        (wait_for_a_foreign_event, "must yield events of its own simulation, got an event of another environment"),
        (wait_for_a_past_event, "must advance time, got 10,001 events in a row that had already occurred"),
        (wait_for_nothing, r"process 'wait_for_nothing': must advance time, got 10,001 waits of 0 days on day 0\. Yield simulation\."),
        (fire_for_ever, r"process 'fire_for_ever': must advance time, got 10,000 events fired for customer 0 on day 0\."),
        (fire_and_wait_for_nothing, "must not loop without advancing time"),
        (wait_for_yesterday, r"process 'wait_for_yesterday': must wait until the current time, day 3, or later, got 2\. Pass a time"),
        (wait_for_nan, r"process 'wait_for_nan': must wait until the current time, day 0, or later, got nan\."),
        (yield_a_number, r"process 'yield_a_number': must yield events, got 5\. Yield simulation\.until\(day\) or simulation\.timeout"),
        (return_a_number, r"process 'return_a_number': must be a generator function, got a function that returns 5\."),
        (fire_unknown, r"event: must be one of 'ring', got 'rign'\. Did you mean 'ring'\?"),
        (fire_to_a_key, r"process 'fire_to_a_key': must fire events for customers of its own simulation, got 0\. Pass a customer from"),
        ("no function", r"processes: must be a list of functions, got \('no function',\)\. Use a list\."),
    ],
)
def test_invalid_processes_are_refused(process: Any, message: str) -> None:
    with pytest.raises(InputError, match=message):
        run_with(process, journey={"events": {"ring": {}}})


def test_one_process_stands_for_a_list_of_one() -> None:
    run = cj.simulate(small_scenario(), customers=1, engine="readable", processes=observe_everything)  # type: ignore[arg-type]
    assert run.provenance.processes == ("observe_everything",)


def test_customers_of_another_simulation_are_refused() -> None:
    kept: list[cj.CustomerView] = []

    def keep(simulation: cj.RunningSimulation) -> Iterator[Any]:
        kept.extend(simulation.customers)
        yield simulation.until(1)

    def fire(simulation: cj.RunningSimulation) -> Iterator[Any]:
        simulation.fire(kept[0], "ring")
        yield simulation.until(1)

    run_with(keep, journey={"events": {"ring": {}}})
    with pytest.raises(InputError, match="must fire events for customers of its own simulation"):
        run_with(fire, journey={"events": {"ring": {}}})


def test_the_compiled_engine_refuses_processes() -> None:
    with pytest.raises(InputError, match=r"processes: must run on the readable engine, got 'compiled'\. Pass engine='readable'\."):
        run_with(observe_everything, engine="compiled")


def test_processes_are_named_wherever_the_run_is(tmp_path: Path) -> None:
    run = run_with(observe_everything, partial(close_on_day_10), journey={"events": {"closure": {}}})
    assert run.provenance.processes == ("observe_everything", "close_on_day_10")
    assert run.to_json()["processes"] == ["observe_everything", "close_on_day_10"]
    assert "readable engine with the processes observe_everything, close_on_day_10," in run.summary()
    assert cj.Run.load(run.save(tmp_path / "run")).provenance.processes == run.provenance.processes


def test_a_run_without_processes_names_none() -> None:
    run = run_with()
    assert run.provenance.processes == ()
    assert "processes" not in run.to_json()
    assert "readable engine, " in run.summary()


def test_a_run_that_was_saved_by_an_earlier_version_has_no_processes(tmp_path: Path) -> None:
    manifest = run_with().save(tmp_path / "run") / "manifest.json"
    content = json.loads(manifest.read_text())
    del content["processes"], content["manifest_sha256"]
    manifest.write_text(json.dumps(content))
    assert cj.Run.load(tmp_path / "run").provenance.processes == ()


def test_compare_runs_processes_under_each_policy() -> None:
    world = closure_world(None, [{"satisfy": -0.5}])
    found = cj.compare({"a": world, "b": world}, engine="readable", processes=[close_on_day_10])
    assert [run.provenance.processes for run in found.runs.values()] == [("close_on_day_10",)] * 2
    assert found.alternatives["b"]["satisfaction"].effect == 0


def test_a_store_closure_happens_to_all_customers_of_a_stage_on_its_date() -> None:
    regulars = []

    def close_store(simulation: cj.RunningSimulation) -> Iterator[Any]:
        yield simulation.until(simulation.day_of(date(2026, 1, 19)))
        for customer in simulation.customers:
            if customer.stage == "regular":
                regulars.append(customer.key)
                simulation.fire(customer, "store_closed")

    journey = {
        "starts_in": "new",
        "stages": {"new": {}, "regular": {}},
        "events": {
            "settle": {"in": ["new"], "wait": {"exponential": "14d"}, "effects": [{"go": "regular"}]},
            "store_closed": {"effects": [{"satisfy": -0.4}]},
        },
    }
    world = small_scenario(journey=journey, customers=200, seed=2)
    closed = simulate_in_memory(world, "readable", processes=[close_store])
    assert [(row.time, row.customer) for row in closed.log_rows() if row.event == "store_closed"] == [(14.0, key) for key in regulars]
    assert 60 < len(regulars) < 190
    runs = {"open": cj.simulate(world, engine="readable"), "closed": cj.simulate(world, engine="readable", processes=[close_store])}
    effect = cj.Comparison.of(runs).alternatives["closed"]["satisfaction"].effect
    assert effect == pytest.approx(-0.2 * len(set(regulars)) / 200, rel=1e-6)


def test_sampled_queue_has_the_mean_of_erlang_c() -> None:
    # 5 agents, 40 requests a day, 0.1 days each: a load of 4. The mean queue is the rate times the mean wait (Little's law).
    journey = {
        "starts_in": "new",
        "stages": {"new": {}, "done": {}},
        "acquisition": {"word": {"baseline": 40}},
        "desks": {"help": {"service": {"exponential": "144min"}}},
        "events": {"call": {"in": ["new"], "wait": {"fixed": "0s"}, "effects": [{"ask": "help"}, {"go": "done"}]}},
    }

    def sample(simulation: cj.RunningSimulation) -> Iterator[Any]:
        for hour in itertools.count(5 * 24):
            yield simulation.until(hour / 24)
            samples.append(simulation.desks["help"][:2])

    world = small_scenario(journey=journey, policy={"desks": {"help": {"agents": 5}}}, horizon="45d")
    queues, busy = [], []
    for seed in range(12):
        samples: list[tuple[int, ...]] = []
        cj.simulate(world, customers=0, seed=seed, engine="readable", processes=[sample])
        assert len(samples) == 40 * 24
        queue_length, n_busy = np.mean(samples, axis=0)
        queues.append(queue_length)
        busy.append(n_busy)
    expected_queue = 4.0 * erlang_a(5, 4.0, 0.0).mean_wait
    assert_plausible(*(float(stats.ttest_1samp(seen, mean).pvalue) for seen, mean in ((queues, expected_queue), (busy, 4.0))))

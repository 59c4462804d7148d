"""The contract of processes: one that breaks a promise fails with an AssertionError that names it."""

import itertools
from collections.abc import Iterator
from typing import Any

import pytest
from small_scenarios import small_scenario

import cjsim as cj
from cjsim.testing import check_process, process_contract


def watch_queues(simulation: cj.RunningSimulation) -> Iterator[Any]:
    queues = []
    for day in itertools.count(1):
        yield simulation.until(day)
        queues += [desk.queue_length for desk in simulation.desks.values()]


def close_store(simulation: cj.RunningSimulation) -> Iterator[Any]:
    yield simulation.until(30)
    for customer in simulation.customers:
        if customer.stage == "member":
            simulation.fire(customer, "store_closed")


RUNS = itertools.count(1)


def wait_longer_each_time(simulation: cj.RunningSimulation) -> Iterator[Any]:
    yield simulation.until(next(RUNS))


def fire_on_another_day_each_time(simulation: cj.RunningSimulation) -> Iterator[Any]:
    day = 20 + next(RUNS) % 2
    yield simulation.until(20)
    yield simulation.until(21)
    for customer in simulation.customers[day - 20 :]:
        simulation.fire(customer, "store_closed")


def fail_late(simulation: cj.RunningSimulation) -> Iterator[Any]:
    yield simulation.until(100)
    raise KeyError("gone")


def never_ends(simulation: cj.RunningSimulation) -> Iterator[Any]:
    while True:
        yield simulation.timeout(1e-6)


def fails_when_closed(simulation: cj.RunningSimulation) -> Iterator[Any]:
    try:
        yield simulation.until(200)
    finally:
        raise KeyError("gone")


def not_a_generator(simulation: cj.RunningSimulation) -> Any:
    return 3


def test_an_observer_keeps_the_contract() -> None:
    check_process(watch_queues)


def test_a_process_that_acts_keeps_the_contract_of_those() -> None:
    check_process(close_store, observes_only=False)


@pytest.mark.parametrize(
    ("process", "promise"),
    [
        (close_store, "must not change the log or the outcomes, but it does in scenario 'independent'"),
        (
            wait_longer_each_time,
            "must be deterministic, .* but the times at which it resumes differ between two runs of scenario 'independent'",
        ),
        (fire_on_another_day_each_time, "must be deterministic, .* but the log or the outcomes differ between two runs"),
        (fail_late, "must run to the horizon, but scenario 'independent' raised KeyError: 'gone'"),
        (fails_when_closed, "must run to the horizon, but scenario 'independent' raised KeyError: 'gone'"),
        (not_a_generator, "must be a generator function, but returns 3"),
    ],
)
def test_a_broken_promise_is_named(process: Any, promise: str) -> None:
    with pytest.raises(AssertionError, match=f"process '{process.__name__}': {promise}"):
        check_process(process)


@pytest.mark.parametrize("process", [None, 3])
def test_what_is_not_a_function_breaks_the_contract(process: Any) -> None:
    with pytest.raises(AssertionError, match="process: must be a generator function, but is"):
        check_process(process)


def test_a_process_that_resumes_too_often_is_stopped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(process_contract, "MAX_RESUMES", 1_000)
    with pytest.raises(
        AssertionError, match="process 'never_ends': must reach the horizon of a small run, but it resumed 1,000 times by day"
    ):
        check_process(never_ends)


def test_a_process_is_checked_on_scenarios_of_its_own() -> None:
    def ring(simulation: cj.RunningSimulation) -> Iterator[Any]:
        yield simulation.until(3)
        for customer in simulation.customers:
            simulation.fire(customer, "ring")

    world = small_scenario(journey={"events": {"ring": {}}}, customers=3)
    check_process(ring, observes_only=False, scenarios={"small": world})
    with pytest.raises(AssertionError, match=r"'independent' raised InputError: event: must be one of .* got 'ring'"):
        check_process(ring, observes_only=False)

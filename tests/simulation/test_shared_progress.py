"""Progress of simulations in which customers share desks: by simulated day, and then by customer."""

from typing import Any

import pytest

from cjsim.progress import Progress
from cjsim.reporting.walk import walk
from cjsim.simulation.simulate import simulate
from cjsim.testing.small_worlds import independent_customers, sharing_customers


class RecordedTasks(Progress):
    """The label and total of each task, and the reports within it."""

    def __init__(self) -> None:
        self.tasks: list[tuple[str, int, list[int]]] = []

    def start(self, total: int, label: str) -> None:
        self.tasks.append((label, total, []))

    def advance(self, n: int) -> None:
        self.tasks[-1][2].append(n)


def tasks(scenario: Any, *, replications: int = 1, **options: Any) -> list[tuple[str, int, list[int]]]:
    recorded = RecordedTasks()
    simulate(scenario, customers=60, progress=recorded, replications=replications, **options)
    return recorded.tasks


@pytest.mark.parametrize("engine", ["compiled", "readable"])
def test_days_of_the_horizon_are_reported_before_customers(engine: str) -> None:
    (label, total, reports), (later, _, _) = tasks(sharing_customers(), engine=engine)
    assert (label, total, later) == ("sharing: days, all customers together", 120, "sharing")
    assert sum(reports) == total
    assert all(days >= 0 for days in reports)


def test_each_further_replication_reports_its_days_and_its_customers() -> None:
    names = ["sharing", "sharing, replication 2 of 3", "sharing, replication 3 of 3"]
    labels = [label for label, _, _ in tasks(sharing_customers(), replications=3)]
    assert labels == [label for name in names for label in (f"{name}: days, all customers together", name)]


@pytest.mark.parametrize("engine", ["compiled", "readable"])
def test_no_report_covers_a_large_part_of_the_horizon(engine: str) -> None:
    assert max(tasks(sharing_customers(), engine=engine)[0][2]) <= 12


def test_horizon_that_is_no_whole_number_of_days_is_rounded_up() -> None:
    _, total, reports = tasks(sharing_customers().with_values({"horizon": "60h"}))[0]
    assert (total, sum(reports)) == (3, 3)


def test_independent_customers_are_reported_by_customer_only() -> None:
    assert [label for label, _, _ in tasks(independent_customers())] == ["independent"]


def test_days_are_reported_with_a_user_process() -> None:
    def wait(simulation: Any) -> Any:
        yield simulation.timeout(1)

    (label, total, reports), _ = tasks(sharing_customers(), engine="readable", processes=[wait])
    assert (label, sum(reports)) == ("sharing: days, all customers together", total)


def test_diary_of_a_customer_who_shares_a_desk_reports_days() -> None:
    recorded = RecordedTasks()
    walk(sharing_customers(), customer=1, progress=recorded)
    assert [(total, sum(reports)) for _, total, reports in recorded.tasks] == [(120, 120)]

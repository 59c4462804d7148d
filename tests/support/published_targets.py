"""Published numbers of the shipped journeys, and their distance from the rates in the log of a run."""

from collections.abc import Sequence
from typing import NamedTuple

from conftest import ROOT

import cjsim as cj

CONFIGS = ROOT / "configs"
POLICY_SUFFIXES = ("", "_better", "_cautious", "_zealous")


class PublishedTarget(NamedTuple):
    """A published number, its tolerance, and SQL for it: the sum of `numerator` over the sum of `denominator`, both per customer."""

    run: str
    published: float
    tolerance: float
    numerator: str
    denominator: str


def load_shipped(name: str, **changes: object) -> cj.Scenario:
    return cj.Scenario.load(CONFIGS / "scenarios" / f"{name}.yaml", set=changes)


def ever_happened_sql(event: str) -> str:
    """SQL for whether an event happened to a customer."""
    return f"max((event = '{event}')::int)"


def event_count_sql(*events: str) -> str:
    """SQL for the number of these events of a customer."""
    return " + ".join(f"sum((event = '{event}')::int)" for event in events)


def message_count_sql(touch: str, *messages: str) -> str:
    """SQL for the number of such touches of a customer by these messages."""
    return f"sum((event = '{touch}' and message in {(*messages, '')})::int)"


def message_targets(run: str, messages: Sequence[str], **rates: tuple[float, float]) -> dict[str, PublishedTarget]:
    """Targets per delivered message: the published rate and the tolerance of each touch."""
    delivered = message_count_sql("delivered", *messages)
    return {
        f"{messages[0]} {touch}": PublishedTarget(run, *rate, message_count_sql(touch, *messages), delivered)
        for touch, rate in rates.items()
    }


def distance_beyond_tolerance(target: PublishedTarget, log: cj.EventLog, rows: str) -> tuple[float, float]:
    """The distance of the log's rate from the published one beyond the tolerance, and the standard error of the rate (delta method).

    `rows` is a query for the table of sums by customer.
    """
    counts = log.query(f"select {target.numerator} as above, {target.denominator} as below from ({rows}) group by customer")
    numerator, denominator = counts["above"].fillna(0).astype(float), counts["below"].fillna(0).astype(float)
    rate = numerator.sum() / denominator.sum()
    error = float(((numerator - rate * denominator) ** 2).sum()) ** 0.5 / denominator.sum()
    return abs(rate - target.published) - target.tolerance, error

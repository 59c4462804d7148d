"""What the tests of the library share: where its files lie, and published numbers beside what a journey's log shows."""

from collections.abc import Sequence
from typing import NamedTuple

from conftest import ROOT

import cjsim as cj

CONFIGS = ROOT / "configs"
POLICY_SUFFIXES = ("", "_better", "_cautious", "_zealous")


class PublishedTarget(NamedTuple):
    """A published number, how near is near, and how the log of a run gives it: the sum of `above` over that of `below`."""

    run: str
    published: float
    tolerance: float
    numerator: str
    denominator: str


def load_shipped(name: str, **changes: object) -> cj.Scenario:
    return cj.Scenario.load(CONFIGS / "scenarios" / f"{name}.yaml", set=changes)


def ever_happened_sql(event: str) -> str:
    """Whether it happened to a customer."""
    return f"max((event = '{event}')::int)"


def event_count_sql(*events: str) -> str:
    """How often these happened to a customer."""
    return " + ".join(f"sum((event = '{event}')::int)" for event in events)


def message_count_sql(touch: str, *messages: str) -> str:
    """How often a customer was touched so by these messages."""
    return f"sum((event = '{touch}' and message in {(*messages, '')})::int)"


def message_targets(run: str, messages: Sequence[str], **rates: tuple[float, float]) -> dict[str, PublishedTarget]:
    """Targets per delivered message: by touch, the published rate and how near is near."""
    below = message_count_sql("delivered", *messages)
    return {
        f"{messages[0]} {touch}": PublishedTarget(run, *rate, message_count_sql(touch, *messages), below) for touch, rate in rates.items()
    }


def distance_beyond_tolerance(target: PublishedTarget, log: cj.EventLog, rows: str) -> tuple[float, float]:
    """How far the log's rate is from the published one, beyond the tolerance, and the rate's standard error by the delta method.

    `rows` is the table, as a query, that the target's sums are taken over, customer by customer.
    """
    counts = log.query(f"select {target.numerator} as above, {target.denominator} as below from ({rows}) group by customer")
    above, below = counts["above"].fillna(0).astype(float), counts["below"].fillna(0).astype(float)
    rate = above.sum() / below.sum()
    error = float(((above - rate * below) ** 2).sum()) ** 0.5 / below.sum()
    return abs(rate - target.published) - target.tolerance, error

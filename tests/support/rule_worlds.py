"""Deterministic scenarios with one customer for tests of single rules, with their log rows and customer table."""

from typing import Any

import pandas as pd
from in_memory_simulation import LogRow, log_rows
from small_scenarios import small_scenario

from cjsim.simulation.simulate import simulate

EVERY_DAY = ["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"]
ALWAYS, NEVER = 20.0, -20.0  # logits so large that these probabilities are 1 and 0
SURE_MAIL = {
    "personas": {"customer": {"share": 1, "affinity": {"mail": ALWAYS}}},
    "channels": {"mail": {}},
    "messages": {"hello": {"channel": "mail", "open_rate": 0.5}},
}


def rows_of(journey: dict[str, Any], policy: dict[str, Any] | None = None, *, customers: int = 1, **settings: Any) -> list[LogRow]:
    """The log of the smallest scenario with this journey and policy, for 30 days from a Monday."""
    return log_rows(small_scenario(journey=journey, policy=policy, **settings), customers)


def times(rows: list[LogRow], event: str, **fields: str) -> list[float]:
    """Days at which an event happened, in order; `fields` are log fields that must match."""
    return [row.time for row in rows if row.event == event and all(getattr(row, name) == value for name, value in fields.items())]


def customer_row(journey: dict[str, Any], policy: dict[str, Any] | None = None, *, customers: int = 1, **settings: Any) -> pd.Series:  # type: ignore[type-arg]
    """The first customer's row of the customer table."""
    scenario = small_scenario(journey=journey, policy=policy, **settings)
    return simulate(scenario, customers=customers, threads=1).customers.iloc[0]


def event_after(days: str | None, *effects: dict[str, Any], **more: Any) -> dict[str, Any]:
    """An event that happens once, `days` after entry (None: only when fired), and stops its clock."""
    return {"in": "anywhere", "wait": {"fixed": days} if days else "never", "effects": [*effects], **more}


def send_at(*moments: str, message: str = "hello", **more: Any) -> dict[str, Any]:
    """Broadcasts of a message at moments such as '2026-01-05 12:00'."""
    return {
        f"cast_{number}": {"schedule": {"dates": [moment.split()[0]], "at": moment.split()[1]}, "send": message, **more}
        for number, moment in enumerate(moments)
    }

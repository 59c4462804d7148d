"""What happened in a run, as arrays: whom it happened to, when, and what it was worth.

Lives here: reading a run's log for the experiments on published findings. Does not live here: what they make of it (e06 and on).
"""

import tempfile
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

import cjsim as cj

DAY = 86_400  # seconds


class EventArrays(NamedTuple):
    """One kind of event of one run, in the order of customers, then of time; all arrays of shape (n_events,)."""

    customer: NDArray[np.int64]
    day: NDArray[np.float64]  # since the start
    value: NDArray[np.float64]  # money; 0 where there is none


def simulate_events(scenario: cj.Scenario, seed: int, events: Sequence[str]) -> dict[str, EventArrays]:
    """Simulate, and give when these events happened.

    Parameters
    ----------
    scenario : Scenario
        What to run.
    seed : int
        Of the run.
    events : sequence of str
        Names as the log has them.

    Returns
    -------
    dict of str to Happenings
        By event.
    """
    wanted = ", ".join(f"'{event}'" for event in events)
    with tempfile.TemporaryDirectory() as folder:
        run = cj.simulate(scenario, seed=seed, log=Path(folder) / "log.parquet")
        assert run.log is not None
        rows = run.log.query(f"""
            select customer, event::varchar as event, epoch(time) as seconds, coalesce(value, 0) as value
            from log where event in ({wanted}) order by customer, time
        """)
    midnight = (datetime.combine(scenario.start, datetime.min.time()) - datetime(1970, 1, 1)).total_seconds()
    found = {}
    for event in events:
        of = rows[rows["event"] == event]
        days = (of["seconds"].to_numpy(np.float64) - midnight) / DAY
        found[event] = EventArrays(of["customer"].to_numpy(np.int64), days, of["value"].to_numpy(np.float64))
    return found


def count_in_windows(events: EventArrays, customers: int, after: NDArray[np.float64], until: NDArray[np.float64]) -> NDArray[np.float64]:
    """How often it happened to each customer in that customer's window.

    Parameters
    ----------
    events : EventArrays
        Events.
    customers : int
        How many there are.
    after, until : ndarray of float64, shape (customers,), days
        The window, its end included; no time lies in one whose ends are nan.

    Returns
    -------
    ndarray of float64, shape (customers,)
    """
    inside = (events.day > after[events.customer]) & (events.day <= until[events.customer])
    return np.bincount(events.customer[inside], minlength=customers).astype(np.float64)


def first_day(events: EventArrays, customers: int) -> NDArray[np.float64]:
    """When it first happened to each customer, shape (customers,), days; nan where it never did."""
    first = np.full(customers, np.nan)
    who, where = np.unique(events.customer, return_index=True)
    first[who] = events.day[where]
    return first

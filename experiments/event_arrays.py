"""The events of a simulation run as arrays of customers, days and money, read from its log for the experiments e06 and later."""

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
    """All events of one kind in a run, ordered by customer, then by time. Arrays have shape (n_events,)."""

    customer: NDArray[np.int64]
    day: NDArray[np.float64]  # since the start
    value: NDArray[np.float64]  # money; 0 if the event has none


def simulate_events(scenario: cj.Scenario, seed: int, events: Sequence[str]) -> dict[str, EventArrays]:
    """Simulate a scenario and return the events of some kinds.

    Parameters
    ----------
    scenario : Scenario
        The scenario.
    seed : int
        Seed of the run.
    events : sequence of str
        Names of events in the log.

    Returns
    -------
    dict of str to EventArrays
        The events of each kind.
    """
    names = ", ".join(f"'{event}'" for event in events)
    with tempfile.TemporaryDirectory() as folder:
        run = cj.simulate(scenario, seed=seed, replications=1, log=Path(folder) / "log.parquet")
        assert run.log is not None
        rows = run.log.query(f"""
            select customer, event::varchar as event, epoch(time) as seconds, coalesce(value, 0) as value
            from log where event in ({names}) order by customer, time
        """)
    midnight = (datetime.combine(scenario.start, datetime.min.time()) - datetime(1970, 1, 1)).total_seconds()
    arrays = {}
    for event in events:
        selected = rows[rows["event"] == event]
        days = (selected["seconds"].to_numpy(np.float64) - midnight) / DAY
        arrays[event] = EventArrays(selected["customer"].to_numpy(np.int64), days, selected["value"].to_numpy(np.float64))
    return arrays


def count_in_windows(events: EventArrays, customers: int, after: NDArray[np.float64], until: NDArray[np.float64]) -> NDArray[np.float64]:
    """The number of events of each customer within a window of that customer.

    Parameters
    ----------
    events : EventArrays
        The events.
    customers : int
        Number of customers.
    after, until : ndarray of float64, shape (customers,), days
        The window, excluding its start and including its end. A window with nan ends contains no time.

    Returns
    -------
    ndarray of float64, shape (customers,)
    """
    inside = (events.day > after[events.customer]) & (events.day <= until[events.customer])
    return np.bincount(events.customer[inside], minlength=customers).astype(np.float64)


def first_day(events: EventArrays, customers: int) -> NDArray[np.float64]:
    """The day of each customer's first event, shape (customers,); nan without one."""
    first = np.full(customers, np.nan)
    customer, index = np.unique(events.customer, return_index=True)
    first[customer] = events.day[index]
    return first

"""The log of a run as arrays: events that messages may cause, and the touches of messages before them."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from cjsim.attribution.log_paths import TOUCH_KINDS, TouchKind
from cjsim.attribution.touch_paths import FloatArray, IntArray
from cjsim.eventlog.event_table import EventLog
from cjsim.frame import Array

PURCHASES = "any purchase"  # the outcome that counts events with a purchase, whatever their name; no event can have this name
_COLUMNS = ("customer", "time", "event", "message", "value")
_MICROSECONDS_PER_DAY = 86_400_000_000


class ResponseLog(NamedTuple):
    """Touches and outcomes of a run, one row each, sorted by customer and time.

    Attributes
    ----------
    messages, outcomes : tuple of str
        Names by code. The first outcome is `PURCHASES`.
    customers, times : ndarray of int64, shape (n_rows,)
        Position of the customer in the run, and time in microseconds.
    touch : ndarray of int64, shape (n_rows,)
        Message that the customer received at the row, or -1.
    kind : ndarray of int64, shape (n_rows,)
        Kind of the touch, as an index in `TOUCH_KINDS`; -1 for rows that are no touch.
    outcome : ndarray of int64, shape (n_rows,)
        Event at the row, as an index in `outcomes`, or -1. An event with a purchase has its own index, if it has one.
    is_purchase : ndarray of bool, shape (n_rows,)
        Whether the customer paid at the row. An event with several purchases has one row.
    """

    messages: tuple[str, ...]
    outcomes: tuple[str, ...]
    customers: IntArray
    times: IntArray
    touch: IntArray
    kind: IntArray
    outcome: IntArray
    is_purchase: Array

    @classmethod
    def read(cls, log: EventLog, *, messages: Sequence[str], outcomes: Sequence[str], purchases: Sequence[str]) -> "ResponseLog":
        """Read the rows with touches and outcomes.

        Parameters
        ----------
        log : EventLog
            Log of a simulation.
        messages : sequence of str
            Messages of the journey.
        outcomes : sequence of str
            Events to count.
        purchases : sequence of str
            Events at which customers purchase.
        """
        import pyarrow as pa
        import pyarrow.compute as pc

        kept = pa.array([*TOUCH_KINDS, *outcomes, *purchases], pa.string())
        batches = (pa.Table.from_batches([batch]) for batch in log.batches(_COLUMNS))
        tables = [table.filter(pc.is_in(table["event"].cast(pa.string()), value_set=kept)) for table in batches]
        table = pa.concat_tables(tables).combine_chunks() if tables else log.to_arrow()

        def codes(column: str, names: Sequence[str]) -> IntArray:
            """Positions of the values of a column in a list of names, or -1."""
            found = pc.index_in(table[column].cast(pa.string()), value_set=pa.array(list(names), pa.string()))
            return np.asarray(found.fill_null(-1).to_numpy(), np.int64)

        customers = np.asarray(table["customer"].to_numpy(), np.int64)
        times = np.asarray(table["time"].to_numpy().astype("datetime64[us]"), np.int64)
        value = np.asarray(table["value"].fill_null(0.0).to_numpy())
        kind, event = codes("event", TOUCH_KINDS), codes("event", outcomes)
        rows = cls(
            messages=tuple(messages),
            outcomes=(PURCHASES, *outcomes),
            customers=customers,
            times=times,
            touch=np.where(kind >= 0, codes("message", messages), -1),
            kind=kind,
            outcome=np.where(event >= 0, event + 1, -1),
            is_purchase=(kind < 0) & (value > 0),
        )
        order = np.lexsort((np.arange(len(times)), times, customers))
        return rows._replace(**{name: getattr(rows, name)[order] for name in cls._fields[2:]})

    def touch_counts(self, message: str, n_customers: int, *, touch: TouchKind = "delivered") -> FloatArray:
        """Count the deliveries, opens or clicks of a message by customer, shape (n_customers,)."""
        return self._count((self.touch == self.messages.index(message)) & (self.kind == TOUCH_KINDS.index(touch)), n_customers)

    def outcome_counts(self, outcome: str, n_customers: int) -> FloatArray:
        """Count the occurrences of an outcome by customer, shape (n_customers,)."""
        return self._count(self._happens(outcome), n_customers)

    def last_touches(self, *, touch: TouchKind, window_days: float) -> IntArray:
        """Return the message that last touched the customer within a window before each row, or -1, shape (n_rows,).

        Of several touches at the same time, the one that the log lists last counts.

        Parameters
        ----------
        touch : {'delivered', 'opened', 'clicked'}
            What counts as a touch.
        window_days : float
            Longest time from the touch to the row, in days.
        """
        rows = np.arange(len(self.times))
        last = np.maximum.accumulate(np.where(self.kind == TOUCH_KINDS.index(touch), rows, -1))
        is_recent = self.times - self.times[last] <= window_days * _MICROSECONDS_PER_DAY
        return np.where((last >= 0) & (self.customers[last] == self.customers) & is_recent, self.touch[last], -1)

    def credited_counts(self, message: str, outcome: str, last_touches: IntArray, n_customers: int) -> FloatArray:
        """Count the occurrences of an outcome that a message touched last, by customer, shape (n_customers,)."""
        return self._count(self._happens(outcome) & (last_touches == self.messages.index(message)), n_customers)

    def _count(self, is_chosen: Array, n_customers: int) -> FloatArray:
        return np.bincount(self.customers[is_chosen], minlength=n_customers).astype(np.float64)

    def _happens(self, outcome: str) -> Array:
        """Whether the outcome happens at each row, as an array of bool."""
        return self.is_purchase if outcome == PURCHASES else self.outcome == self.outcomes.index(outcome)

"""Paths from an event log: the opens (or deliveries, or clicks) before each purchase, by channel, message or source."""

from collections.abc import Collection
from typing import Any, Literal, get_args

import numpy as np

from cjsim.attribution.touch_paths import FloatArray, IntArray, Paths
from cjsim.attribution.touch_rows import TouchRows, paths_from_rows
from cjsim.errors import InputError, format_error, quote_choices
from cjsim.eventlog.event_table import EventLog
from cjsim.scenario.journey import JourneySpec
from cjsim.scenario.traversal import iterate_effects

TouchKind = Literal["delivered", "opened", "clicked"]
TOUCH_KINDS = get_args(TouchKind)
LogColumn = Literal["channel", "message", "source"]
_COLUMNS = ("customer", "time", "event", *get_args(LogColumn), "value")


def purchase_events(journey: JourneySpec) -> tuple[str, ...]:
    """Return the events of a journey at which customers can purchase.

    Parameters
    ----------
    journey : JourneySpec
        The journey.

    Returns
    -------
    tuple of str
        In the order of the file.
    """
    return tuple(
        name for name, event in journey.events.items() if any(effect.key == "purchase" for _, effect in iterate_effects(event.effects, ()))
    )


class LoggedTouches:
    """The touches and purchases of a log, read once.

    Parameters
    ----------
    log : EventLog
        Log with the columns `customer`, `time`, `event`, `channel`, `message`, `source` and `value`.
    events : collection of str
        Events at which customers purchase. A row with such an event and a positive value is a purchase.
    touch : {'delivered', 'opened', 'clicked'}
        Event of a message that counts as a touch.

    Attributes
    ----------
    customers, times : ndarray of int64, shape (n_rows,)
        Customer and time (in microseconds) of each row.
    is_touch : ndarray of bool, shape (n_rows,)
        Whether each row is a touch rather than a purchase.
    value : ndarray of float64, shape (n_rows,), money
        Money paid; 0 for touches.

    Raises
    ------
    InputError
        If `touch` is unknown.
    """

    def __init__(self, log: EventLog, *, events: Collection[str], touch: TouchKind) -> None:
        import pyarrow as pa
        import pyarrow.compute as pc

        if touch not in TOUCH_KINDS:
            raise InputError(format_error("touch", f"must be one of {quote_choices(TOUCH_KINDS)}", repr(touch), "Choose one of these."))
        kept = [_kept_rows(pa.Table.from_batches([batch]), (touch, *events)) for batch in log.batches(_COLUMNS)]
        self._table: Any = pa.concat_tables(kept).unify_dictionaries() if kept else log.to_arrow()
        is_touch = pc.equal(self._table["event"].cast(pa.string()), touch)
        self.is_touch = np.asarray(is_touch.to_numpy(), bool)
        self.customers: IntArray = self._table["customer"].to_numpy().astype(np.int64)
        self.times: IntArray = self._table["time"].to_numpy().astype("datetime64[us]").astype(np.int64)
        self.value: FloatArray = np.where(self.is_touch, 0.0, self._table["value"].fill_null(0.0).to_numpy())

    def paths(self, column: LogColumn, *, window_days: float) -> Paths:
        """Return the paths to purchases. A purchase is a conversion.

        Parameters
        ----------
        column : {'channel', 'message', 'source'}
            Column that names the touchpoints. A source is a flow or a broadcast.
        window_days : float
            Length of the look-back window, in days.

        Returns
        -------
        Paths
            `owners` are the customers of the log.
        """
        labels = self._table[column].combine_chunks()
        codes = labels.indices.fill_null(-1).to_numpy(zero_copy_only=False).astype(np.int64)
        rows = TouchRows(
            touchpoints=tuple(labels.dictionary.to_pylist()),
            customers=self.customers,
            times=self.times,
            codes=np.where(self.is_touch, codes, -1),
            conversions=(self.value > 0).astype(np.float64),
            value=self.value,
        )
        return paths_from_rows(rows, window_days=window_days)


def _kept_rows(table: Any, events: Collection[str]) -> Any:
    """Return the rows with these events."""
    import pyarrow as pa
    import pyarrow.compute as pc

    return table.filter(pc.is_in(table["event"].cast(pa.string()), value_set=pa.array(list(events), pa.string())))

"""Series from event logs: contacts by week, sends by hour and weekday, moves between stages, requests by hour."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from cjsim.kernels.codes import N_TOUCH_CODES
from cjsim.kernels.world import Array
from cjsim.metrics.confidence_intervals import NORMAL_QUANTILE_95
from cjsim.pages.charts.chart_kinds import Series, Verdict
from cjsim.simulation.run import Run

WEEKDAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")


@dataclass(frozen=True)
class MeanSeries:
    """Means per customer by period, with the ends of their 95 % intervals; float64, shape (n_periods,) each."""

    values: Array
    low: Array
    high: Array

    def as_series(self, label: str, color: Verdict, *, per: int) -> Series:
        """Return the line of a chart, per this number of customers."""
        values, low, high = (tuple((per * one).tolist()) for one in (self.values, self.low, self.high))
        return Series(label, values, low, high, color)


@dataclass(frozen=True)
class LogSeries:
    """Series of one run, counted from its event log.

    Attributes
    ----------
    run : Run
        A run with an event log; of several replications, the first one counts.
    """

    run: Run

    def _rows(self, query: str, *values: Any) -> list[tuple[Any, ...]]:
        """Run a query, in which {log} stands for the rows of the event log, with their number as `file_row_number`."""
        import duckdb

        file = str(self.run.log_path).replace("'", "''")
        source = f"read_parquet('{file}', file_row_number = true)"
        with duckdb.connect() as connection:
            found: list[tuple[Any, ...]] = connection.execute(query.replace("{log}", source), list(values)).fetchall()
        return found

    @property
    def n_weeks(self) -> int:
        """Number of whole weeks of the simulation."""
        return int(self.run.provenance.horizon // 7)

    def weekly(self, events: Sequence[str], *, channel: str | None = None) -> MeanSeries:
        """Return how many log rows of some events there are per customer in each whole week, over all customers of the run.

        Parameters
        ----------
        events : sequence of str
            Events to count, such as 'delivered'.
        channel : str, optional
            Only rows of this channel.
        """
        condition = "" if channel is None else " and channel = $3"
        query = (
            "select week, sum(n), sum(n * n) from (select customer, floor(epoch(time - $2::timestamp) / 604800)::int as week, count(*) as n"
            f" from {{log}} where event in (select unnest($1)){condition} group by all) group by week"
        )
        rows = self._rows(query, list(events), self.run.provenance.start, *([] if channel is None else [channel]))
        return self._means(rows, self.n_weeks)

    def monthly(self, events: Sequence[str]) -> tuple[list[str], MeanSeries]:
        """Return how many log rows of some events there are per customer in each whole calendar month, and the months as 'YYYY-MM'.

        Parameters
        ----------
        events : sequence of str
            Events to count.
        """
        start = np.datetime64(self.run.provenance.start)
        last = start + np.timedelta64(int(np.ceil(self.run.provenance.horizon)) - 1, "D")
        first = start.astype("datetime64[M]")
        months = [str(month) for month in np.arange(first, last.astype("datetime64[M]") + 1)]
        query = (
            "select datediff('month', $2::timestamp, time), sum(n), sum(n * n) from (select customer, date_trunc('month', time) as time,"
            " count(*) as n from {log} where event in (select unnest($1)) group by all) group by 1"
        )
        means = self._means(self._rows(query, list(events), self.run.provenance.start), len(months))
        ends_early = (last + np.timedelta64(1, "D")).astype("datetime64[M]") == np.datetime64(months[-1])
        whole = slice(int(first.astype("datetime64[D]") < start), len(months) - int(ends_early))
        return months[whole], MeanSeries(means.values[whole], means.low[whole], means.high[whole])

    def _means(self, rows: Sequence[tuple[Any, ...]], count: int) -> MeanSeries:
        """Return means over all customers from sums and sums of squares by period."""
        n, sums, squares = len(self.run), np.zeros(count), np.zeros(count)
        for period, total, square in rows:
            if 0 <= period < count:
                sums[period], squares[period] = total, square
        means = sums / n
        half = NORMAL_QUANTILE_95 * np.sqrt(np.maximum(squares / n - means**2, 0.0) / max(n - 1, 1))
        return MeanSeries(means, np.maximum(means - half, 0.0), means + half)

    def by_hour(self, event: str) -> Array:
        """Return the number of log rows of an event by weekday (Monday first) and hour; float64, shape (7, 24).

        Parameters
        ----------
        event : str
            An event, such as 'opened'.
        """
        counts = np.zeros((7, 24))
        query = "select isodow(time), hour(time), count(*) from {log} where event = $1 group by all"
        for weekday, hour, count in self._rows(query, event):
            counts[weekday - 1, hour] = count
        return counts

    def purchase_events(self) -> list[str]:
        """Return the customers' events whose rows carry an amount, that is, purchases."""
        own = list(self.run.codebook.events[N_TOUCH_CODES:])
        query = "select distinct event from {log} where value <> 0 and event in (select unnest($1)) order by event"
        return [event for (event,) in self._rows(query, own)]

    def moves(self) -> dict[tuple[str, str], int]:
        """Return how many moves between observed stages there are, by stage before and stage after."""
        query = (
            "select before, stage, count(*) from"
            " (select stage, lag(stage) over (partition by customer order by time, file_row_number) as before"
            " from {log} where stage is not null) where before <> stage group by all"
        )
        return {(before, after): count for before, after, count in self._rows(query)}

    def requests_by_hour(self, desk: str) -> tuple[Array, Array]:
        """Return the number of requests to a desk by the hour at which they were made, and the number answered in time.

        Parameters
        ----------
        desk : str
            Name of a desk.

        Returns
        -------
        tuple of ndarray of float64, shape (24,)
            Replies are assigned to the hour of the request: the time of the reply minus the minutes waited.
        """
        asked, in_time = np.zeros(24), np.zeros(24)
        query = (
            "select hour(time - to_seconds(60 * coalesce(value, 0))) as h, count(*), count(*) filter (event = 'answered_in_time')"
            " from {log} where source = $1 and event in ('answered_in_time', 'answered_late', 'unanswered') group by all"
        )
        for hour, count, kept in self._rows(query, desk):
            asked[hour], in_time[hour] = count, kept
        return asked, in_time


def logged_runs(runs: Sequence[Run]) -> list[LogSeries]:
    """Return the series of runs; empty unless every run has an event log.

    Parameters
    ----------
    runs : sequence of Run
        The runs.
    """
    return [LogSeries(run) for run in runs] if all(run.log_path is not None for run in runs) else []

"""Counts from an event log by the stage that the firm last saw: events, messages and their openings, requests, flows."""

import math
from collections.abc import Mapping
from functools import cached_property
from typing import NamedTuple

from cjsim.kernels.codes import N_TOUCH_CODES
from cjsim.metrics.confidence_intervals import NORMAL_QUANTILE_95, MetricEstimate, wilson_interval
from cjsim.metrics.ratios import SHARE_UNIT
from cjsim.pages.log_series import LogSeries

_SUMS = "sum(x), sum(x * x), sum(y), sum(y * y), sum(x * y), count(*) filter (x > 0)"


class Touchpoint(NamedTuple):
    """A message of a flow or a broadcast."""

    source: str
    message: str


class CountedPair(NamedTuple):
    """How often something happens per customer, and the share of it that leads to something else."""

    rate: MetricEstimate
    share: MetricEstimate


class StageCounts(LogSeries):
    """Counts of one run by stage, in alphabetical order: a database returns groups in any order.

    Rates are per customer who entered; shares have the delta method's variance over customers.
    """

    @property
    def n(self) -> int:
        """Number of customers who entered."""
        return int(self.run.entered.sum())

    def _pair(self, sums: tuple[float, ...], unit: str) -> CountedPair:
        """Return the rate of x per customer and the share of y in x, from sums over customers."""
        x, xx, y, yy, xy, with_x = (float(one or 0) for one in sums)
        mean = x / self.n
        half = NORMAL_QUANTILE_95 * math.sqrt(max(xx / self.n - mean * mean, 0) / max(self.n - 1, 1))
        rate = MetricEstimate(mean, max(mean - half, 0.0), mean + half, self.n, unit)
        if not x:
            return CountedPair(rate, MetricEstimate(math.nan, math.nan, math.nan, 0, SHARE_UNIT))
        share = min(y / x, 1.0)
        variance = max(yy - 2 * share * xy + share * share * xx, 0.0) / (x * x)
        low, high = wilson_interval(share, int(with_x), variance if 0 < share < 1 else math.nan)
        return CountedPair(rate, MetricEstimate(share, low, high, int(with_x), SHARE_UNIT))

    @cached_property
    def events(self) -> Mapping[tuple[str, str], MetricEstimate]:
        """Events of customers by stage and event, per customer."""
        own = list(self.run.codebook.events[N_TOUCH_CODES:])
        query = (
            f"select stage, event, {_SUMS} from (select customer, stage, event, count(*) as x, 0 as y from {{log}}"
            " where stage is not null and event in (select unnest($1)) group by all) group by all"
        )
        return {(stage, event): self._pair(tuple(sums), "events").rate for stage, event, *sums in sorted(self._rows(query, own))}

    @cached_property
    def touchpoints(self) -> Mapping[tuple[str, Touchpoint], CountedPair]:
        """Deliveries by stage and touchpoint, per customer, and the share that is opened. An opening counts where its message arrived."""
        found = self._responses("opened")
        return {key: self._pair(sums, "deliveries") for key, sums in found.items()}

    @cached_property
    def clicks(self) -> Mapping[tuple[str, Touchpoint], CountedPair]:
        """Deliveries by stage and touchpoint, per customer, and the share that is clicked."""
        return {key: self._pair(sums, "deliveries") for key, sums in self._responses("clicked").items()}

    def _responses(self, response: str) -> dict[tuple[str, Touchpoint], tuple[float, ...]]:
        query = (
            "with sent as (select customer, stage, source, message, time from {log} where event = 'delivered'),"
            " answers as (select customer, source, message, time from {log} where event = $1),"
            " matched as (select sent.customer, sent.stage, sent.source, sent.message, count(*) as y from answers asof join sent"
            " on answers.customer = sent.customer and answers.source = sent.source and answers.message = sent.message"
            " and answers.time >= sent.time group by all),"
            " counts as (select customer, stage, source, message, count(*) as x from sent group by all)"
            f" select stage, source, message, {_SUMS} from"
            " (select stage, source, message, x, least(coalesce(y, 0), x) as y"
            " from counts left join matched using (customer, stage, source, message)) where stage is not null group by all"
        )
        return {(stage, Touchpoint(source, message)): tuple(sums) for stage, source, message, *sums in sorted(self._rows(query, response))}

    @cached_property
    def requests(self) -> Mapping[tuple[str, str], CountedPair]:
        """Requests by stage and desk, per customer, and the share that stays unanswered, of requests that were closed in the stage."""
        query = (
            f"select stage, source, {_SUMS} from (select customer, stage, source, count(*) as x,"
            " count(*) filter (event = 'unanswered') as y from {log} where stage is not null"
            " and event in ('answered_in_time', 'answered_late', 'unanswered') group by all) group by all"
        )
        return {(stage, desk): self._pair(tuple(sums), "requests") for stage, desk, *sums in sorted(self._rows(query))}

    @cached_property
    def flows(self) -> Mapping[tuple[str, str], MetricEstimate]:
        """Starts of flows by stage and flow, per customer."""
        query = (
            f"select stage, source, {_SUMS} from (select customer, stage, source, count(*) as x, 0 as y from {{log}}"
            " where stage is not null and event = 'flow_started' group by all) group by all"
        )
        return {(stage, flow): self._pair(tuple(sums), "starts").rate for stage, flow, *sums in sorted(self._rows(query))}

    def stage_of_moment(self, event: str, nth: int) -> str | None:
        """Return the stage in which most customers reach the n-th occurrence of an event; None if nobody does.

        Parameters
        ----------
        event : str
            An event that the firm sees.
        nth : int
            Number of the occurrence, from 1.
        """
        query = (
            "select stage from (select stage, row_number() over (partition by customer order by time, file_row_number) as number"
            " from {log} where event = $1) where number = $2 and stage is not null group by stage order by count(*) desc, stage limit 1"
        )
        rows = self._rows(query, event, nth)
        return str(rows[0][0]) if rows else None

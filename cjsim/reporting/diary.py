"""The diary of one customer: its events with times, reasons, satisfaction and money, as a record and as a text table."""

import io
import textwrap
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import groupby
from typing import Any, NamedTuple

from cjsim.json_records import plain_values
from cjsim.reporting.event_text import format_money, format_short_duration, satisfaction_band

DEFAULT_WIDTH = 120  # columns of text
_SAME_TIME_TOLERANCE = 1e-9  # days
_MIN_ROUTINE_LINES = 3  # fewer consecutive routine lines are not collapsed
_MIN_SHOWN_COST = 0.005  # smaller costs appear only in the total


class DiaryLine(NamedTuple):
    """One event in the diary.

    Attributes
    ----------
    time : float
        Days since the start.
    since : float
        Days since the previous line.
    stage : str
        Stage of the customer.
    event : str
        Name of the event in the log; for a hidden event, its name in the journey.
    text, why : str
        The event and its reason in words; '' without a reason.
    message, source : str
        Message, and the flow, broadcast, desk or offer it belongs to; '' for none.
    revenue, cost : float
        Money.
    satisfaction : float
        Satisfaction after all events at this time; nan if the diary does not show it.
    is_seen : bool
        Whether the firm could observe it.
    is_routine : bool
        Whether it is the regular delivery of a broadcast, or a send refused for the same reason as before.
    """

    time: float
    since: float
    stage: str
    event: str
    text: str
    why: str
    message: str
    source: str
    revenue: float
    cost: float
    satisfaction: float
    is_seen: bool
    is_routine: bool


@dataclass(frozen=True)
class Diary:
    """The diary of one customer.

    Attributes
    ----------
    scenario : str
        Name of the scenario.
    start : datetime
        Day 0.
    customer, seed : int
        Number of the customer, and the seed.
    is_truth : bool
        Whether it includes what only the simulator knows: persona, traits, satisfaction, hidden events and stages.
    who : dict of str to Any
        Attributes of the customer.
    lines : tuple of DiaryLine
        Events in time order.
    end : dict of str to Any
        Outcomes of the customer at the horizon.
    """

    scenario: str
    start: datetime
    customer: int
    seed: int
    is_truth: bool
    who: dict[str, Any]
    lines: tuple[DiaryLine, ...]
    end: dict[str, Any]

    def __str__(self) -> str:
        return self.summary()

    def summary(self, *, width: int = DEFAULT_WIDTH, full: bool = False) -> str:
        """The diary as text.

        Parameters
        ----------
        width : int
            Columns of text; longer lines are wrapped.
        full : bool
            Whether to show every line. Otherwise consecutive routine lines are collapsed into one.
        """
        view = "the full truth" if self.is_truth else "what the firm could know"
        head = f"Customer {self.customer:,} of {self.scenario}, seed {self.seed}: {view}"
        who = "; ".join(f"{name.replace('_', ' ')} {_format_attribute(value)}" for name, value in self.who.items())
        parts = [
            head,
            *([f"It is: {who}."] if who else []),
            "",
            *([self._render_table(width, full)] if self.lines else []),
            self._closing_text(),
        ]
        return "\n".join(text for part in parts for text in _wrap_text(part, width))

    def to_json(self) -> dict[str, Any]:
        """The diary as plain values for JSON."""
        lines = [
            {"date": self.date(line.time).isoformat(sep=" ", timespec="minutes")}
            | line._asdict()
            | ({"feeling": satisfaction_band(line.satisfaction)} if self.is_truth else {})
            for line in self.lines
        ]
        view = "truth" if self.is_truth else "firm"
        names = {"scenario": self.scenario, "customer": self.customer, "seed": self.seed, "view": view}
        return plain_values({**names, "who": self.who, "lines": lines, "end": self.end})

    def date(self, time: float) -> datetime:
        """The local time of a simulation time.

        Parameters
        ----------
        time : float
            Days since the start.
        """
        return self.start + timedelta(days=time)

    def _render_table(self, width: int, full: bool) -> str:
        from rich.console import Console
        from rich.table import Table

        table = Table(box=None, pad_edge=False, padding=(0, 1), width=width)
        for name, options in self._table_columns():
            table.add_column(name, **options)
        previous = None
        for line in self.lines if full else self._collapse_routine():
            if previous is None or self.date(previous.time).year != self.date(line.time).year:
                table.add_row(f"{self.date(line.time).year}")
            table.add_row(*self._table_cells(line, previous))
            previous = line
        stream = io.StringIO()
        Console(file=stream, width=width, color_system=None, highlight=False, markup=False, emoji=False).print(table)
        return "\n".join(text.rstrip() for text in stream.getvalue().splitlines()) + "\n"

    def _collapse_routine(self) -> Iterator[DiaryLine]:
        """The lines, with consecutive routine lines collapsed into one."""
        for is_routine, group in groupby(self.lines, key=lambda line: line.is_routine):
            lines = list(group)
            if not is_routine or len(lines) < _MIN_ROUTINE_LINES:
                yield from lines
                continue
            counts = Counter(line.text for line in lines)
            text = ", ".join(f"{count} x {text}" if count > 1 else text for text, count in counts.items())
            until = f"until {self.date(lines[-1].time):%a %d %b}"
            yield lines[-1]._replace(time=lines[0].time, since=lines[0].since, text=text, why=until, cost=sum(line.cost for line in lines))

    def _table_columns(self) -> list[tuple[str, dict[str, Any]]]:
        fixed: dict[str, Any] = {"no_wrap": True}
        right: dict[str, Any] = {"no_wrap": True, "justify": "right"}
        satisfaction = [("feeling", fixed)] if self.is_truth else []
        text = ("what happens: why", {"overflow": "fold", "ratio": 1})
        return [("when", fixed), ("after", right), ("stage", fixed), text, *satisfaction, ("money", right)]

    def _table_cells(self, line: DiaryLine, previous: DiaryLine | None) -> list[str]:
        """A row of the table, without what equals the previous line."""
        when, last = self.date(line.time), None if previous is None else self.date(previous.time)
        day = "" if last is not None and last.date() == when.date() else f"{when:%a %d %b}"
        clock = "" if last is not None and line.since <= _SAME_TIME_TOLERANCE else f"{when:%H:%M}"
        since = format_short_duration(line.since) if previous is not None and line.since > _SAME_TIME_TOLERANCE else ""
        stage = line.stage if previous is None or previous.stage != line.stage else ""
        text = f"{line.text}{'' if line.is_seen else ' *'}{f': {line.why}' if line.why else ''}"
        money = format_money(line.revenue) if line.revenue else (f"-{format_money(line.cost)}" if line.cost >= _MIN_SHOWN_COST else "")
        satisfaction = [f"{satisfaction_band(line.satisfaction)} {line.satisfaction:.2f}"] if self.is_truth else []
        if previous is not None and satisfaction and round(previous.satisfaction, 2) == round(line.satisfaction, 2):
            satisfaction = [""]
        return [f"{day:<10} {clock}".rstrip() if day or clock else "", since, stage, text, *satisfaction, money]

    def _closing_text(self) -> str:
        """The outcomes of the customer in a sentence or two."""
        end = self.end
        if not self.lines:
            return "It never entered before the horizon."
        purchases = f"{_count_noun(end['purchases'], 'purchase')} for {format_money(end['revenue'])}" if end["purchases"] else "no purchase"
        offers = f" ({format_money(end['discounts'])} taken off by offers)" if end["discounts"] else ""
        contacts = f"{_count_noun(end['contacts'], 'contact')}, {end['opens']} opened, {end['clicks']} clicked"
        refused = f", {_count_noun(end['refused'], 'send')} refused" if end["refused"] else ""
        referrals = f", {_count_noun(end['referrals'], 'friend')} brought" if end["referrals"] else ""
        requests = f", {_count_noun(end['asks'], 'request')} to desks" if end["asks"] else ""
        value = f"margin {format_money(end['margin'])} less costs {format_money(end['cost'])}, CLV {format_money(end['clv'])}"
        stage = f"in {end['stage']}" if self.is_truth else f"last seen in {end['stage']}"
        satisfaction = f", {satisfaction_band(end['satisfaction'])} ({end['satisfaction']:.2f})" if self.is_truth else ""
        opt_outs = f", {_count_noun(end['opt_outs'], 'channel')} opted out of" if end["opt_outs"] else ""
        footnote = "\n* the firm did not see it." if any(not line.is_seen for line in self.lines) else ""
        return (
            f"In {format_short_duration(end['days'])}: {purchases}{offers}; {value}.\n"
            f"{contacts[0].upper()}{contacts[1:]}{refused}{opt_outs}{requests}{referrals}. At the end {stage}{satisfaction}.{footnote}"
        )


def _wrap_text(text: str, width: int) -> list[str]:
    """The lines of a text, wrapped to the width; tables fit already."""
    return [line for part in text.split("\n") for line in (textwrap.wrap(part, width) if len(part) > width else [part])]


def _count_noun(count: int, noun: str) -> str:
    return f"{count:,} {noun}{'' if count == 1 else 's'}"


def _format_attribute(value: Any) -> str:
    return f"{value:.3g}" if isinstance(value, float) else f"{value}"

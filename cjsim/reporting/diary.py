"""One customer's diary: what happened to it, when and why, what it felt and what it was worth.

Lives here: the record and how it is laid out. Does not live here: the words (words.py), finding the customer (walk.py).
"""

import io
import textwrap
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import groupby
from typing import Any, NamedTuple

from cjsim.reporting.event_text import format_money, format_short_duration, satisfaction_band
from cjsim.simulation.run import to_json_value

DEFAULT_WIDTH = 120  # columns of text, where nobody says how many there are
_SAME_TIME_TOLERANCE = 1e-9  # days: at the same time
_MIN_ROUTINE_LINES = 3  # lines of routine that are told in one, at least
_MIN_SHOWN_COST = 0.005  # smaller costs are in the sum at the end


class DiaryLine(NamedTuple):
    """One thing that happened.

    Attributes
    ----------
    time : float
        Days since the start.
    since : float
        Days since the line before.
    stage : str
        Where the customer was.
    event : str
        Its name in the log; of a hidden event, its own.
    text, why : str
        In words; no reason: ''.
    message, source : str
        Of the touch; '' for none.
    revenue, cost : float
        Money.
    satisfaction : float
        After all that happened at this time; nan where it is not told.
    is_seen : bool
        Whether the firm could know of it.
    is_routine : bool
        A broadcast that comes as always, or a send that is refused as it was before.
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
    """One customer's life, line by line.

    Attributes
    ----------
    scenario : str
        Its name.
    start : datetime
        Day 0.
    customer, seed : int
        Which one, of which draw.
    is_truth : bool
        Whether it tells what only the simulator knows: persona, traits, feelings, hidden events and stages.
    who : dict of str to Any
        What the customer is.
    lines : tuple of DiaryLine
        In the order of time.
    end : dict of str to Any
        What became of it.
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
            Columns of text; what is longer goes on in the next line.
        full : bool
            Every line; else routine, where nothing else happens meanwhile, is told in one.
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
            | {name: to_json_value(value) for name, value in line._asdict().items()}
            | ({"feeling": satisfaction_band(line.satisfaction)} if self.is_truth else {})
            for line in self.lines
        ]
        view = "truth" if self.is_truth else "firm"
        names = {"scenario": self.scenario, "customer": self.customer, "seed": self.seed, "view": view}
        return {**names, "who": self.who, "lines": lines, "end": {name: to_json_value(value) for name, value in self.end.items()}}

    def date(self, time: float) -> datetime:
        """The local time of a day since the start.

        Parameters
        ----------
        time : float
            Days.
        """
        return self.start + timedelta(days=time)

    def _render_table(self, width: int, full: bool) -> str:
        from rich.console import Console
        from rich.table import Table

        table = Table(box=None, pad_edge=False, padding=(0, 1), width=width)
        for name, how in self._table_columns():
            table.add_column(name, **how)
        before = None
        for line in self.lines if full else self._collapse_routine():
            if before is None or self.date(before.time).year != self.date(line.time).year:
                table.add_row(f"{self.date(line.time).year}")
            table.add_row(*self._table_cells(line, before))
            before = line
        page = io.StringIO()
        Console(file=page, width=width, color_system=None, highlight=False, markup=False, emoji=False).print(table)
        return "\n".join(text.rstrip() for text in page.getvalue().splitlines()) + "\n"

    def _collapse_routine(self) -> Iterator[DiaryLine]:
        """The lines, with stretches of routine in one."""
        for is_routine, stretch in groupby(self.lines, key=lambda line: line.is_routine):
            lines = list(stretch)
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
        feels = [("feeling", fixed)] if self.is_truth else []
        what = ("what happens: why", {"overflow": "fold", "ratio": 1})
        return [("when", fixed), ("after", right), ("stage", fixed), what, *feels, ("money", right)]

    def _table_cells(self, line: DiaryLine, before: DiaryLine | None) -> list[str]:
        """A row of the table; what is as in the line before is left out."""
        when, last = self.date(line.time), None if before is None else self.date(before.time)
        day = "" if last is not None and last.date() == when.date() else f"{when:%a %d %b}"
        clock = "" if last is not None and line.since <= _SAME_TIME_TOLERANCE else f"{when:%H:%M}"
        since = format_short_duration(line.since) if before is not None and line.since > _SAME_TIME_TOLERANCE else ""
        stage = line.stage if before is None or before.stage != line.stage else ""
        text = f"{line.text}{'' if line.is_seen else ' *'}{f': {line.why}' if line.why else ''}"
        paid = format_money(line.revenue) if line.revenue else (f"-{format_money(line.cost)}" if line.cost >= _MIN_SHOWN_COST else "")
        feels = [f"{satisfaction_band(line.satisfaction)} {line.satisfaction:.2f}"] if self.is_truth else []
        if before is not None and feels and round(before.satisfaction, 2) == round(line.satisfaction, 2):
            feels = [""]
        return [f"{day:<10} {clock}".rstrip() if day or clock else "", since, stage, text, *feels, paid]

    def _closing_text(self) -> str:
        """What became of the customer, in a sentence or two."""
        end = self.end
        if not self.lines:
            return "It never entered before the horizon."
        bought = f"{_count_noun(end['purchases'], 'purchase')} for {format_money(end['revenue'])}" if end["purchases"] else "no purchase"
        offers = f" ({format_money(end['discounts'])} taken off by offers)" if end["discounts"] else ""
        contacts = f"{_count_noun(end['contacts'], 'contact')}, {end['opens']} opened, {end['clicks']} clicked"
        refused = f", {_count_noun(end['refused'], 'send')} refused" if end["refused"] else ""
        friends = f", {_count_noun(end['referrals'], 'friend')} brought" if end["referrals"] else ""
        asked = f", {_count_noun(end['asks'], 'request')} to desks" if end["asks"] else ""
        worth = f"margin {format_money(end['margin'])} less costs {format_money(end['cost'])}, CLV {format_money(end['clv'])}"
        where = f"in {end['stage']}" if self.is_truth else f"last seen in {end['stage']}"
        mood = f", {satisfaction_band(end['satisfaction'])} ({end['satisfaction']:.2f})" if self.is_truth else ""
        opted = f", {_count_noun(end['opt_outs'], 'channel')} opted out of" if end["opt_outs"] else ""
        unseen = "\n* the firm did not see it." if any(not line.is_seen for line in self.lines) else ""
        return (
            f"In {format_short_duration(end['days'])}: {bought}{offers}; {worth}.\n{contacts[0].upper()}{contacts[1:]}{refused}{opted}{asked}{friends}."
            f" At the end {where}{mood}.{unseen}"
        )


def _wrap_text(text: str, width: int) -> list[str]:
    """Lines of at most so many columns, but for tables, which are so already."""
    return [line for part in text.split("\n") for line in (textwrap.wrap(part, width) if len(part) > width else [part])]


def _count_noun(count: int, noun: str) -> str:
    return f"{count:,} {noun}{'' if count == 1 else 's'}"


def _format_attribute(value: Any) -> str:
    return f"{value:.3g}" if isinstance(value, float) else f"{value}"

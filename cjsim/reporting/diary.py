"""The diary of one customer: events with times, reasons, satisfaction and money, as records and as a text table."""

import io
import textwrap
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from itertools import groupby
from typing import TYPE_CHECKING, Any, NamedTuple

from cjsim.json_records import ComparableRecord, plain_values
from cjsim.output_folder import FolderResult
from cjsim.reporting.event_text import format_money, format_short_duration, routine_phrase, satisfaction_band

if TYPE_CHECKING:
    import pandas as pd

DEFAULT_WIDTH = 120  # characters
_SAME_TIME_TOLERANCE = 1e-9  # days
_MIN_ROUTINE_LINES = 3  # shorter sequences of routine lines are not collapsed
_MIN_SHOWN_COST = 0.005  # smaller costs are included only in the total


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
        Name of the event in the log, or in the journey for a hidden event.
    text, why : str
        The event and its reason in words. `why` is '' if there is no reason.
    message, source : str
        Message, and the flow, broadcast, desk or offer that it belongs to; '' if none.
    revenue, cost : float
        Revenue and cost, money.
    satisfaction : float
        Satisfaction in [0, 1] after all events at this time; nan in the firm's view.
    is_seen : bool
        Whether the firm can observe the event.
    is_routine : bool
        Whether the event is a regular broadcast delivery, or a send refused for the same reason as before.
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


@dataclass(frozen=True, repr=False)
class Diary(ComparableRecord, FolderResult):
    """The diary of one customer. `save` writes `diary.csv` and `diary.json`.

    Attributes
    ----------
    scenario : str
        Name of the scenario.
    start : datetime
        Date and time of day 0.
    customer, seed : int
        Number of the customer, and random seed.
    is_truth : bool
        Whether the diary includes what only the simulator knows: persona, traits, satisfaction, hidden events and stages.
    who : dict of str to Any
        Attributes of the customer.
    lines : tuple of DiaryLine
        Events in chronological order.
    end : dict of str to Any
        Outcomes of the customer at the horizon.
    currency : str or None
        Currency of the amounts.
    """

    scenario: str
    start: datetime
    customer: int
    seed: int
    is_truth: bool
    who: dict[str, Any]
    lines: tuple[DiaryLine, ...]
    end: dict[str, Any]
    currency: str | None = None
    _marker = "diary.json"

    def _facts(self) -> str:
        return f"customer {self.customer:,} of {self.scenario}, seed {self.seed}: {len(self.lines)} events"

    def _answer(self) -> str:
        return self._closing_text()

    def __str__(self) -> str:
        return self.summary()

    def summary(self, *, width: int = DEFAULT_WIDTH, full: bool = False) -> str:
        """Return the diary as text.

        Parameters
        ----------
        width : int
            Maximum line length in characters. Longer lines are wrapped.
        full : bool
            Whether to show every line. By default, consecutive routine lines are collapsed into one.
        """
        view = "ground truth" if self.is_truth else "firm's view"
        head = f"Customer {self.customer:,} of scenario {self.scenario}, seed {self.seed} ({view})"
        parts = [
            head,
            *self._customer_lines(),
            "",
            *([self._render_table(width, full)] if self.lines else []),
            self._closing_text(),
        ]
        return "\n".join(text for part in parts for text in _wrap_text(part, width))

    def to_json(self) -> dict[str, Any]:
        """Return plain values for JSON."""
        lines = [
            {"date": self.date(line.time).isoformat(sep=" ", timespec="minutes")}
            | line._asdict()
            | ({"feeling": satisfaction_band(line.satisfaction)} if self.is_truth else {})
            for line in self.lines
        ]
        view = "truth" if self.is_truth else "firm"
        names = {"scenario": self.scenario, "customer": self.customer, "seed": self.seed, "view": view}
        names |= {"currency": self.currency} if self.currency else {}
        return plain_values({**names, "who": self.who, "lines": lines, "end": self.end})

    def to_pandas(self) -> "pd.DataFrame":
        """Return a frame with one row per event: the date, then the fields of `DiaryLine`. Times are in days, amounts in money."""
        import pandas as pd

        rows = [{"date": self.date(line.time), **line._asdict()} for line in self.lines]
        frame = pd.DataFrame(rows, columns=["date", *DiaryLine._fields])
        return frame.rename(columns={"time": "time_days", "since": "since_days"})

    def date(self, time: float) -> datetime:
        """Convert a simulation time to local time.

        Parameters
        ----------
        time : float
            Days since the start.
        """
        return self.start + timedelta(days=time)

    def _customer_lines(self) -> Iterator[str]:
        """Yield the attributes of the customer and, in the truth view, the persona, the interest and the traits."""
        latent = {name: self.who[name] for name in ("persona", "interest") if self.is_truth and name in self.who}
        traits = [f"{_in_words(name)} {value:.3g}" for name, value in self.who.items() if isinstance(value, float)]
        attributes = [
            f"{_in_words(name)} {value}" for name, value in self.who.items() if name not in latent and not isinstance(value, float)
        ]
        yield from [f"Attributes: {'; '.join(attributes)}."] if attributes else []
        yield from (f"{name.capitalize()}: {value}." for name, value in latent.items())
        yield from [f"Traits: {'; '.join(traits)}."] if traits else []

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
        """Yield the lines, with consecutive routine lines collapsed into one."""
        for is_routine, group in groupby(self.lines, key=lambda line: line.is_routine):
            lines = list(group)
            if not is_routine or len(lines) < _MIN_ROUTINE_LINES:
                yield from lines
                continue
            counts = Counter(line.text for line in lines)
            events = "; ".join(routine_phrase(text, count) for text, count in counts.items())
            text = f"Through {self.date(lines[-1].time):%a %d %b}: {events}"
            yield lines[-1]._replace(time=lines[0].time, since=lines[0].since, text=text, why="", cost=sum(line.cost for line in lines))

    def _table_columns(self) -> list[tuple[str, dict[str, Any]]]:
        fixed: dict[str, Any] = {"no_wrap": True}
        right: dict[str, Any] = {"no_wrap": True, "justify": "right"}
        satisfaction = [("satisfaction", fixed)] if self.is_truth else []
        text = ("event: reason", {"overflow": "fold", "ratio": 1})
        return [
            ("when", fixed),
            ("elapsed", right),
            ("stage", fixed),
            text,
            *satisfaction,
            (f"amount ({self.currency})" if self.currency else "amount", right),
        ]

    def _table_cells(self, line: DiaryLine, previous: DiaryLine | None) -> list[str]:
        """Return a row of the table, leaving out cells that equal those of the previous line."""
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
        """Return the outcomes of the customer as text."""
        end, money = self.end, partial(format_money, currency=self.currency)
        if not self.lines:
            return "The customer did not enter before the horizon."
        purchases = f"{_count_noun(end['purchases'], 'purchase')} for {money(end['revenue'])}" if end["purchases"] else "no purchases"
        offers = f" ({money(end['discounts'])} in discounts)" if end["discounts"] else ""
        contacts = f"{_count_noun(end['contacts'], 'contact')}, {end['opens']} opened, {end['clicks']} clicked"
        refused = f", {_count_noun(end['refused'], 'send')} suppressed" if end["refused"] else ""
        referrals = f", {_count_noun(end['referrals'], 'referral')}" if end["referrals"] else ""
        requests = f", {_count_noun(end['asks'], 'request')} to desks" if end["asks"] else ""
        value = f"margin {money(end['margin'])}, cost {money(end['cost'])}, CLV {money(end['clv'])}"
        stage = f"Final stage: {end['stage']}" if self.is_truth else f"Last observed stage: {end['stage']}"
        satisfaction = f". Satisfaction: {satisfaction_band(end['satisfaction'])} ({end['satisfaction']:.2f})" if self.is_truth else ""
        opt_outs = f", {_count_noun(end['opt_outs'], 'opt-out')}" if end["opt_outs"] else ""
        footnote = "\n* not visible to the firm." if any(not line.is_seen for line in self.lines) else ""
        return (
            f"Over {format_short_duration(end['days'])}: {purchases}{offers}; {value}.\n"
            f"{contacts[0].upper()}{contacts[1:]}{refused}{opt_outs}{requests}{referrals}. {stage}{satisfaction}.{footnote}"
        )


def _wrap_text(text: str, width: int) -> list[str]:
    """Wrap text to the width. Tables already fit."""
    return [line for part in text.split("\n") for line in (textwrap.wrap(part, width) if len(part) > width else [part])]


def _count_noun(count: int, noun: str) -> str:
    return f"{count:,} {noun}{'' if count == 1 else 's'}"


def _in_words(name: str) -> str:
    return name.replace("_", " ")

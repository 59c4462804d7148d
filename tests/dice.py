"""Draws of hypothesis as plain calls, and the names of a random scenario.

Lives here: what the random_*.py draw with, and what they name. Does not live here: what is made of them.
"""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, TypeVar

from hypothesis import strategies as st

Data = dict[str, Any]
T = TypeVar("T")

CLOCKED = ("look", "buy", "grow", "drop_in", "leave", "tick")
SILENT = ("echo", "sigh")  # happen only when fired
INVITE = "invite"  # has a clock, and refers
CHANNELS = ("mail", "text", "bell", "board")
MESSAGES = ("hello", "news", "offer", "please")
TAGS = ("vip", "cold", "busy")
SCORES = ("heat", "sum")  # the first fades
COUNTRIES = ("DE", "FR")
INTERESTS = ("tea", "tools")
OFFERS = ("tenth", "fiver")
DESKS = ("help", "sales")  # the first may pass customers on to the second
ARRIVING = ("search", "social")  # acquisition channels


class Names(NamedTuple):
    """What a scenario has; the firm does not see the hidden ones."""

    stages: tuple[str, ...]
    events: tuple[str, ...]  # with clocks, but for `invite`
    channels: tuple[str, ...]
    messages: tuple[str, ...]
    personas: tuple[str, ...]
    interests: tuple[str, ...]
    offers: tuple[str, ...]
    desks: tuple[str, ...]
    arriving: tuple[str, ...]
    inviting: bool
    hidden_stage: bool  # the last stage
    hidden_event: bool  # the last event with a clock

    @property
    def seen_stages(self) -> tuple[str, ...]:
        return self.stages[:-1] if self.hidden_stage else self.stages

    @property
    def all_events(self) -> tuple[str, ...]:
        return (*self.events, *SILENT, *((INVITE,) if self.inviting else ()))

    @property
    def seen_events(self) -> tuple[str, ...]:
        return tuple(event for event in self.all_events if not (self.hidden_event and event == self.events[-1]))


class Dice:
    """Draws of hypothesis as plain calls: a strategy for each of a thousand small choices takes ten times as long to build."""

    def __init__(self, draw: st.DrawFn) -> None:
        self._draw = draw

    def whole(self, low: int, high: int) -> int:
        """A whole number; shrinks to the low end."""
        return self._draw(st.integers(low, high))

    def chance(self, percent: int) -> bool:
        """True about so often; shrinks to false."""
        return self.whole(0, 99) >= 100 - percent

    def one(self, things: Sequence[T]) -> T:
        """One of the things; shrinks to the first."""
        return things[self.whole(0, len(things) - 1)]

    def some(self, things: Sequence[T], *, least: int = 0, most: int = 3) -> list[T]:
        """Some of the things, each once, in their order."""
        wanted = self.whole(min(least, len(things)), min(most, len(things)))
        left = list(things)
        chosen = [left.pop(self.whole(0, len(left) - 1)) for _ in range(wanted)]
        return [thing for thing in things if thing in chosen]

    def many(self, make: Callable[[], T], *, least: int = 0, most: int = 3) -> list[T]:
        """A list of things that are made one by one."""
        return [make() for _ in range(self.whole(least, most))]

    def maybe(self, data: Data, percent: int, **fields: Callable[[], Any]) -> None:
        """Add fields, each with a chance."""
        for name, make in fields.items():
            if self.chance(percent):
                data[name] = make()

    def by_name(self, names: Sequence[str], values: Sequence[Any], *, least: int = 0) -> Data:
        """A mapping of one or two names to values."""
        return {name: self.one(values) for name in self.some(names, least=least, most=2)}

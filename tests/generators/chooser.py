"""`Chooser`, hypothesis draws as plain method calls, and the names used in random scenarios."""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, TypeVar

from hypothesis import strategies as st

ScenarioData = dict[str, Any]
T = TypeVar("T")

TIMED_EVENTS = ("look", "buy", "grow", "drop_in", "leave", "tick")
FIRED_EVENTS = ("echo", "sigh")  # happen only when fired
REFERRAL_EVENT = "invite"  # has a clock and refers
CHANNELS = ("mail", "text", "bell", "board")
MESSAGES = ("hello", "news", "offer", "please")
TAGS = ("vip", "cold", "busy")
SCORES = ("heat", "sum")  # the first decays
COUNTRIES = ("DE", "FR")
INTERESTS = ("tea", "tools")
OFFERS = ("tenth", "fiver")
DESKS = ("help", "sales")  # the first may pass customers on to the second
ACQUISITION_CHANNELS = ("search", "social")  # acquisition channels


class ScenarioNames(NamedTuple):
    """The names in a random scenario. The company does not observe the hidden ones."""

    stages: tuple[str, ...]
    events: tuple[str, ...]  # with clocks, except `invite`
    channels: tuple[str, ...]
    messages: tuple[str, ...]
    personas: tuple[str, ...]
    interests: tuple[str, ...]
    offers: tuple[str, ...]
    desks: tuple[str, ...]
    acquisition_channels: tuple[str, ...]
    has_referrals: bool
    has_hidden_stage: bool  # the last stage
    has_hidden_event: bool  # the last event with a clock

    @property
    def observed_stages(self) -> tuple[str, ...]:
        return self.stages[:-1] if self.has_hidden_stage else self.stages

    @property
    def all_events(self) -> tuple[str, ...]:
        return (*self.events, *FIRED_EVENTS, *((REFERRAL_EVENT,) if self.has_referrals else ()))

    @property
    def observed_events(self) -> tuple[str, ...]:
        return tuple(event for event in self.all_events if not (self.has_hidden_event and event == self.events[-1]))


class Chooser:
    """Hypothesis draws as plain method calls. A strategy for each of a thousand small choices takes ten times as long to build."""

    def __init__(self, draw: st.DrawFn) -> None:
        self._draw = draw

    def integer(self, low: int, high: int) -> int:
        """A whole number; shrinks to the low end."""
        return self._draw(st.integers(low, high))

    def chance(self, percent: int) -> bool:
        """True with this probability; shrinks to false."""
        return self.integer(0, 99) >= 100 - percent

    def choice(self, options: Sequence[T]) -> T:
        """One of the options; shrinks to the first."""
        return options[self.integer(0, len(options) - 1)]

    def subset(self, options: Sequence[T], *, min_size: int = 0, max_size: int = 3) -> list[T]:
        """Distinct options, in their order."""
        size = self.integer(min(min_size, len(options)), min(max_size, len(options)))
        remaining = list(options)
        chosen = [remaining.pop(self.integer(0, len(remaining) - 1)) for _ in range(size)]
        return [option for option in options if option in chosen]

    def list_of(self, make_item: Callable[[], T], *, min_size: int = 0, max_size: int = 3) -> list[T]:
        """A list of items, each made by a call."""
        return [make_item() for _ in range(self.integer(min_size, max_size))]

    def add_optional(self, data: ScenarioData, percent: int, **fields: Callable[[], Any]) -> None:
        """Add each field with a probability of `percent`."""
        for name, make in fields.items():
            if self.chance(percent):
                data[name] = make()

    def mapping(self, names: Sequence[str], values: Sequence[Any], *, min_size: int = 0) -> ScenarioData:
        """A mapping of one or two names to values."""
        return {name: self.choice(values) for name in self.subset(names, min_size=min_size, max_size=2)}

"""Words for numbers, durations, shares and names, of which descriptions consist."""

import math
from collections.abc import Iterable

_UNITS = ((1.0, "day"), (1 / 24, "hour"), (1 / 1440, "minute"), (1 / 86_400, "second"))


def format_number(value: float) -> str:
    """A number with three significant digits and thousands separators."""
    return f"{value:,.0f}" if 999.5 <= abs(value) < 1e15 else f"{value:.3g}"


def duration_phrase(days: float) -> str:
    """A duration in words, rounded to three digits."""
    if math.isinf(days):
        return "for ever"
    size, unit_name = next((unit for unit in _UNITS if days >= unit[0] * 0.995), _UNITS[-1])
    count = format_number(days / size)
    return f"{count} {unit_name if count == '1' else f'{unit_name}s'}"


def delay_phrase(days: float) -> str:
    """When something happens after a fixed wait."""
    return f"after {duration_phrase(days)}" if days else "at once"


def format_percent(share: float) -> str:
    """A share in percent."""
    return f"{100 * share:.4g} %"


def mix_phrase(weights: dict[str, float]) -> str:
    """Names with their shares of the total weight."""
    total = math.fsum(weights.values()) or 1.0
    return join_names(f"{name} {format_percent(weight / total)}" for name, weight in weights.items())


def name_with_title(name: str, title: str) -> str:
    """A name with its title, if it has one."""
    return f"{name} ({title})" if title else name


def join_names(names: Iterable[str]) -> str:
    """Names separated by commas."""
    return ", ".join(names)


def score_phrase(points: dict[str, float]) -> str:
    """The points added to scores."""
    return join_names(f"score {name} {gain:+g}" for name, gain in points.items())


def desk_phrase(desk: str, priority: int) -> str:
    """A desk, with the priority of a request."""
    return f"desk {desk}" + (f" with priority {priority}" if priority else "")


def channels_phrase(channels: Iterable[str]) -> str:
    """The channels to which a rule applies, with a space before; empty for all channels."""
    listed = join_names(channels)
    return f" by {listed}" if listed else ""

"""Phrases used in descriptions: numbers, durations, shares, names and effects."""

import math
from collections.abc import Iterable

from cjsim.scenario.averages import mean_amount, mean_wait
from cjsim.scenario.distributions import WaitLaw
from cjsim.scenario.effects import Effect, Refer

_UNITS = ((1.0, "day"), (1 / 24, "hour"), (1 / 1440, "minute"), (1 / 86_400, "second"))
_VERBS = {
    "go": "goes to",
    "tag": "is tagged",
    "untag": "is no longer tagged",
    "fire": "fires",
    "satisfy": "satisfaction",
    "opt_out": "opts out of",
    "offer": "is offered",
}


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


def wait_phrase(law: WaitLaw) -> str:
    """When something happens after a random wait."""
    if law.fixed is not None:
        return delay_phrase(law.fixed)
    return f"after {duration_phrase(mean_wait(law))} on average ({law.kind})"


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


def effects_phrase(effects: tuple[Effect, ...]) -> str:
    """Effects after a colon; empty if there are none."""
    return f": {join_names(_effect_phrase(effect) for effect in effects)}" if effects else ""


def desk_phrase(desk: str, priority: int) -> str:
    """A desk, with the priority of a request."""
    return f"desk {desk}" + (f" with priority {priority}" if priority else "")


def _effect_phrase(effect: Effect) -> str:
    if effect.purchase is not None:
        times = f" times {' times '.join(effect.purchase.times)}" if effect.purchase.times else ""
        value, margin = format_number(mean_amount(effect.purchase.value)), format_percent(effect.purchase.margin)
        return f"buys for {value} on average{times}, {margin} of it margin"
    if effect.choose is not None:
        branches = [
            f"{branch.weight} to {join_names(_effect_phrase(inner) for inner in branch.effects) or 'nothing'}" for branch in effect.choose
        ]
        return f"one of [{'; '.join(branches)}]"
    if effect.score is not None:
        return score_phrase(effect.score)
    if effect.ask is not None:
        return f"asks {desk_phrase(effect.ask.desk, effect.ask.priority)}"
    if effect.refer is not None:
        return _referral_phrase(effect.refer)
    body = f"{effect.body:+g}" if effect.satisfy is not None else effect.body
    return f"{_VERBS[effect.kind]} {body}"


def _referral_phrase(refer: Refer) -> str:
    friends = "a friend" if refer.invites == 1 else f"{refer.invites} friends"
    by = f", by {refer.by}" if refer.by is not None else ""
    return f"invites {friends} ({format_percent(refer.joins)} join {wait_phrase(refer.delay)}{by})"

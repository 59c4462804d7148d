"""Cells of the tables that rank levers, touchpoints and moves: an effect, its interval and its mark."""

from cjsim.metrics.number_format import estimate_decimals, format_interval, format_value
from cjsim.metrics.paired_differences import PairedDifference


def effect_cells(effect: PairedDifference, unit: str) -> tuple[str, str]:
    """Return an effect and its interval as text.

    Parameters
    ----------
    effect : PairedDifference
        The effect.
    unit : str
        Unit of the metric.
    """
    if effect.is_identical:
        return "0", "identical"
    decimals = estimate_decimals(unit, effect[2:5])
    interval = format_interval(effect.low, effect.high, unit, decimals, is_difference=True, is_beside_value=True)
    return format_value(effect.effect, unit, decimals, is_difference=True), interval


def effect_mark(effect: PairedDifference, *, holds: bool, is_unreliable: bool) -> str:
    """Return stars for a significant effect and '~' for an unreliable interval.

    Parameters
    ----------
    effect : PairedDifference
        The effect.
    holds : bool
        Whether it is significant after Holm's correction.
    is_unreliable : bool
        Whether only a few customers account for it.
    """
    stars = "**" if holds else "*" if effect.is_significant else ""
    return stars + ("~" if is_unreliable else "")

"""What a policy change earns relative to what it costs, in words and as cells of a table."""

from collections.abc import Sequence

from cjsim.fieller import FiellerSet
from cjsim.metrics.incremental_return import IncrementalReturn
from cjsim.metrics.number_format import MONEY_UNIT, estimate_decimals, format_interval, format_value, with_unit
from cjsim.metrics.paired_differences import PairedDifference

ROI_NAME, BREAK_EVEN_NAME = "incremental_roi", "break_even_cost"
_ROI_UNIT = "ratio"
ReturnCells = tuple[str, str]  # a value and its interval, or words in place of the value


def return_sentences(name: str, change: IncrementalReturn, currency: str | None = None) -> str:
    """Describe what an alternative costs and earns, compared with the baseline.

    Parameters
    ----------
    name : str
        Name of the alternative.
    change : IncrementalReturn
        What the alternative earns and costs.
    currency : str, optional
        Currency of the scenario.

    Returns
    -------
    str
        One or two sentences.
    """
    if change.cost.is_identical and change.margin.is_identical:
        return f"{name} has the same cost and margin as the baseline."
    per = " per customer" if change.is_per_customer else " in total"
    cost, margin = change.cost, change.margin
    if cost.is_identical:
        spent = f"{name} costs the same"
    elif not cost.is_significant:
        spent = f"The change in cost is unclear ({_amount(cost, currency, signed=True)}{per}), so no ROI is given: {name}"
    else:
        spent = f"{name} {'costs' if cost.effect > 0 else 'saves'} {_amount(cost, currency)}{' more' if cost.effect > 0 else ''}{per}"
    joint = " " if spent.endswith(name) else " and "
    gained = f"{joint}{_margin_phrase(margin, currency)}"
    gained += f" (incremental ROI {' '.join(roi_cells(change))})" if change.incremental_roi else ""
    return f"{spent}{gained}. {_break_even_sentence(change, currency)}"


def roi_cells(change: IncrementalReturn) -> ReturnCells:
    """Return the incremental ROI and its interval, or the reason why there is none."""
    if (roi := change.incremental_roi) is not None:
        return format_value(roi.value, _ROI_UNIT, _decimals(roi, _ROI_UNIT)), _set_text(roi, _ROI_UNIT)
    if change.cost.is_identical:
        return "-", "same cost"
    return "-", "cost falls" if change.cost.is_significant else "cost unclear"


def break_even_cells(change: IncrementalReturn) -> ReturnCells:
    """Return the break-even cost per contact and its confidence set, or the reason why there is none.

    There is none if the number of contacts stays the same, or if margin and contacts clearly change in opposite directions.
    """
    found = change.break_even_cost
    if found.shape == "undefined":
        return "-", "same contacts"
    if _has_no_break_even(change):
        return "-", "fewer contacts" if change.contacts.effect < 0 else "less margin"
    return format_value(found.value, MONEY_UNIT, _decimals(found, MONEY_UNIT)), _set_text(found, MONEY_UNIT)


def _margin_phrase(margin: PairedDifference, currency: str | None) -> str:
    if margin.is_identical:
        return "earns the same margin"
    if not margin.is_significant:
        return f"shows no clear change in margin: {_amount(margin, currency, signed=True)}"
    return f"{'adds' if margin.effect > 0 else 'loses'} {_amount(margin, currency)} in margin"


def _break_even_sentence(change: IncrementalReturn, currency: str | None) -> str:
    found, contacts = change.break_even_cost, change.contacts
    if found.shape == "undefined":
        return "It sends the same number of contacts, so there is no break-even cost per contact."
    if _has_no_break_even(change):
        if contacts.effect < 0:
            return "Margin rises although contacts fall, so there is no break-even cost per contact."
        return "Margin falls although contacts rise, so there is no break-even cost per contact."
    number = with_unit(format_value(found.value, MONEY_UNIT, _decimals(found, MONEY_UNIT)), MONEY_UNIT, currency)
    if found.shape == "everything":
        return f"The break-even cost per contact cannot be bounded, because the change in contacts is unclear (estimate {number})."
    if found.shape == "outside":
        return f"The break-even cost per contact is {number}, but the change in contacts is unclear: {_set_text(found, MONEY_UNIT)}."
    meaning = "more contacts pay for themselves if each costs less" if contacts.effect > 0 else "fewer contacts pay off if each costs more"
    return f"Break-even cost per contact: {number} {_set_text(found, MONEY_UNIT)} ({meaning})."


def _has_no_break_even(change: IncrementalReturn) -> bool:
    """Return whether margin and contacts clearly change in opposite directions, in which case there is no break-even cost per contact."""
    found = change.break_even_cost
    return found.shape == "interval" and found.high < 0


def _set_text(found: FiellerSet, unit: str) -> str:
    """Format a confidence set, in words if it is not an interval."""
    if found.shape == "everything":
        return "any value is possible"
    decimals = _decimals(found, unit)
    if found.shape == "outside":
        low, high = (format_value(end, unit, decimals) for end in (found.low, found.high))
        return f"at most {low} or at least {high}"
    return format_interval(found.low, found.high, unit, decimals)


def _decimals(found: FiellerSet, unit: str) -> int:
    values: Sequence[float] = (found.value, found.low, found.high) if found.shape == "interval" else (found.value, found.value, found.value)
    return estimate_decimals(unit, values)


def _amount(change: PairedDifference, currency: str | None, *, signed: bool = False) -> str:
    """Format an amount of money with its interval; its absolute value unless `signed`."""
    values = change[2:5] if signed or change.effect > 0 else (-change.effect, -change.high, -change.low)
    decimals = estimate_decimals(MONEY_UNIT, values)
    value, low, high = (format_value(one, MONEY_UNIT, decimals, is_difference=signed) for one in values)
    return with_unit(f"{value} [{low}, {high}]", MONEY_UNIT, currency)

"""Parsing of the treatment column: labels of the arms, and which of them is the control."""

import re
from typing import Any, NamedTuple

import numpy as np

from cjsim.errors import InputError, did_you_mean, format_error, quote_choices, short_repr
from cjsim.uplift.trials.cell_location import CellLocation, IntArray

MAX_ARMS = 20
_CONTROL_NAMES = frozenset(
    (
        "control",
        "ctrl",
        "control group",
        "none",
        "no",
        "0",
        "false",
        "off",
        "placebo",
        "holdout",
        "hold-out",
        "hold_out",
        "untreated",
        "nothing",
    )
)
_INTEGER_AS_FLOAT = re.compile(r"(-?\d+)\.0+")


class ArmAssignment(NamedTuple):
    """The arm of each row.

    Attributes
    ----------
    arms : tuple of str
        Labels, the control first.
    codes : ndarray of int64, shape (n,)
        Position of the row's arm in `arms`.
    """

    arms: tuple[str, ...]
    codes: IntArray


def arm_label(value: Any) -> str:
    """Return the label of an arm.

    Examples
    --------
    >>> arm_label(1.0), arm_label(" mail "), arm_label(True)
    ('1', 'mail', 'True')
    """
    text = str(value).strip()
    whole = _INTEGER_AS_FLOAT.fullmatch(text)
    return whole[1] if whole else text


def is_control_label(label: str) -> bool:
    """Return whether a label is recognizable as that of a control arm, such as 'holdout' or 'no e-mail'."""
    return label.casefold() in _CONTROL_NAMES or label.casefold().startswith("no ")


def parse_arms(column: Any, control: str | float | bool | None, location: CellLocation) -> ArmAssignment:
    """Parse the treatment column.

    Parameters
    ----------
    column : pandas.Series
        Assigned arm of each row.
    control : str, int, float, bool or None
        Value of the control arm; if None, it is inferred.
    location : CellLocation
        For error messages.

    Returns
    -------
    ArmAssignment
        The control is followed by the other arms, sorted.

    Raises
    ------
    InputError
        If a value is missing, there are fewer than 2 or more than 20 arms, or the control is absent or ambiguous.
    """
    codes, labels = label_codes(column, location)
    where = location.column(str(column.name))
    if len(labels) < 2:
        raise InputError(
            format_error(where, "must contain at least two arms", f"only '{labels[0]}'", "Include the rows of the other arms.")
        )
    if len(labels) > MAX_ARMS:
        got = f"{len(labels)} different values such as {quote_choices(labels[:3])}"
        raise InputError(format_error(where, f"must contain at most {MAX_ARMS} arms", got, "Name the column with the assigned arm."))
    first = _inferred_control(labels, where) if control is None else _given_control(labels, control, where)
    arms = (first, *sorted((label for label in labels if label != first), key=_sort_key))
    position = np.array([arms.index(label) for label in labels], dtype=np.int64)
    return ArmAssignment(arms, position[codes])


def label_codes(column: Any, location: CellLocation) -> tuple[IntArray, list[str]]:
    """Return the code of each row's label, and the labels in order of appearance.

    Parameters
    ----------
    column : pandas.Series
        Values.
    location : CellLocation
        For error messages.

    Raises
    ------
    InputError
        If a value is missing.
    """
    import pandas as pd

    is_missing = np.asarray(column.isna(), dtype=np.bool_)
    location.raise_for_bad_rows(column, is_missing, "must have a value in every row", "Complete the column, or remove these rows.")
    raw_codes, raw_values = pd.factorize(column)
    names = [arm_label(value) for value in raw_values]
    labels = list(dict.fromkeys(names))
    code_by_label = {label: code for code, label in enumerate(labels)}
    merged = np.array([code_by_label[name] for name in names], dtype=np.int64)
    return merged[raw_codes], labels


def _sort_key(label: str) -> tuple[int, float, str]:
    return (0, float(label), "") if re.fullmatch(r"-?\d+(\.\d+)?", label) else (1, 0.0, label)


def _inferred_control(labels: list[str], where: str) -> str:
    found = [label for label in labels if is_control_label(label)]
    if len(found) != 1:
        got = f"the arms {quote_choices(sorted(labels, key=_sort_key))}"
        raise InputError(format_error(where, "must have one arm that is recognizable as the control", got, "Name the control arm."))
    return found[0]


def _given_control(labels: list[str], control: str | float | bool, where: str) -> str:
    label = arm_label(control)
    if label not in labels:
        must = f"must contain the control arm; it contains {quote_choices(sorted(labels, key=_sort_key))}"
        remedy = did_you_mean(label, labels) or "Name one of these arms as the control."
        raise InputError(format_error(where, must, f"control {short_repr(label)}", remedy))
    return label

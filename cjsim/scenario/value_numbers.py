"""Values in file notation as numbers with a unit, for tables and axes: durations in days, times of day in hours."""

from collections.abc import Sequence
from typing import Any, NamedTuple

from cjsim.scenario.fields import parse_duration, parse_hour


class ValueNumber(NamedTuple):
    """A value as a number; `unit` is 'days', 'hours', or '' for a plain number."""

    number: float
    unit: str


def number_of(value: Any) -> ValueNumber | None:
    """Return a value of a file as a number: a duration in days, a time of day in hours. None for values of other kinds.

    Parameters
    ----------
    value : Any
        Value in file notation.

    Examples
    --------
    >>> number_of("36h"), number_of("18:30"), number_of(3), number_of("email")
    (ValueNumber(number=1.5, unit='days'), ValueNumber(number=18.5, unit='hours'), ValueNumber(number=3.0, unit=''), None)
    """
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return ValueNumber(float(value), "")
    for parse, unit in ((parse_hour, "hours"), (parse_duration, "days")):
        try:
            return ValueNumber(float(parse(value)), unit)
        except ValueError:
            continue
    return None


def numeric_column(name: str, values: Sequence[Any]) -> tuple[str, list[Any]]:
    """Return a column of numbers with their unit in the name, or the values themselves if they are not numbers of one unit.

    Parameters
    ----------
    name : str
        Name of the column.
    values : sequence of Any
        Values in file notation.

    Examples
    --------
    >>> numeric_column("wait", ["36h", "2d"]), numeric_column("send", ["sms", "2d"])
    (('wait (days)', [1.5, 2.0]), ('send', ['sms', '2d']))
    """
    found = [number_of(value) for value in values]
    units = {one.unit for one in found if one is not None}
    if None in found or len(units) != 1 or units == {""}:
        return name, list(values)
    return f"{name} ({units.pop()})", [one.number for one in found if one is not None]

"""The free values of a study, and the search space that they span.

A coordinate is a real number, a whole number or a choice. A sampler chooses coordinates; `Space.values` maps them to values by key path.
A mix of n parts has n - 1 coordinates u in [0, 1]. Part i takes the share 1 - (1 - u_i)^(1 / (n - 1 - i)) of what the previous parts
left. Uniform coordinates therefore give a uniform mix: this is the stick-breaking form of the Dirichlet distribution with all
parameters 1 (Devroye 1986, Non-Uniform Random Variate Generation, section XI.4).
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Literal, NamedTuple

from pydantic import AfterValidator, ConfigDict, Field, model_validator

from cjsim.scenario.fields import NonNegative, Positive, ValuePath, check_listed_once, hour_text, parse_duration, parse_hour
from cjsim.scenario.spec import ScenarioSpec
from cjsim.yaml.paths import parse_path, types_at
from cjsim.yaml.strict_model import FieldError, StrictModel, short_form

ValueKind = Literal["real", "whole", "duration", "hour", "choice"]
Point = Mapping[str, float]  # by coordinate name; a choice is represented by its index
_DAY, _HOUR, _MINUTE = 86_400, 3_600, 60  # seconds
_UNIT_SECONDS = {"w": 7 * _DAY, "d": _DAY, "h": _HOUR, "min": _MINUTE, "s": 1}
STEP_DESCRIPTIONS = {"real": "a number", "whole": "a number", "duration": "a duration", "hour": "a duration of whole minutes"}
_MINUTES_FROM_SECONDS = 2 * _HOUR  # longer durations are rounded to minutes, shorter ones to seconds


class Free(StrictModel):
    """A value that the search may choose: from `low` to `high`, or one of `choices`. A list is a short form of `choices`."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"low": "6h", "high": "72h"}]})

    low: Any = Field(None, examples=["6h"])
    """Smallest value, in the format of the value at the path: a number, a duration or a time of day."""
    high: Any = Field(None, examples=["72h"])
    """Largest value, in the same format."""
    step: Any = Field(None, examples=["6h"])
    """Distance between allowed values, from `low` upward; without it, all values in between are allowed."""
    log: bool = False
    """Whether to search on a logarithmic scale."""
    choices: Annotated[tuple[Any, ...], Field(min_length=2), AfterValidator(check_listed_once)] | None = Field(
        None, examples=[["email", "sms"]]
    )
    """The possible values, in place of `low` and `high`."""
    also: tuple[ValuePath, ...] = Field((), examples=[["policy.flows.win_back.steps[0].wait"]])
    """Other paths that get the same value."""

    _short = model_validator(mode="before")(short_form("choices", list))

    @model_validator(mode="after")
    def _one_of(self) -> "Free":
        bounds = [self.low is not None, self.high is not None]
        if self.choices is not None and (any(bounds) or self.step is not None or self.log):
            raise FieldError("must have either 'choices' or 'low' and 'high'", "Remove 'choices', or all other bounds.")
        if self.choices is None and not all(bounds):
            raise FieldError(
                "must have 'low' and 'high', or 'choices'", "Give both bounds, such as {low: 6h, high: 72h}, or a list of choices."
            )
        if self.log and self.step is not None:
            raise FieldError("must not have both 'log' and 'step'", "Remove one of the two.")
        return self


class Mix(StrictModel):
    """A total that is split among paths, such as a budget among channels or agents among shifts."""

    total: Positive = Field(examples=[600])
    """Total of the values at all paths."""
    of: Annotated[tuple[ValuePath, ...], Field(min_length=2)] = Field(
        examples=[["policy.acquisition.search_ads.per_day", "policy.acquisition.social_ads.per_day"]]
    )
    """Paths among which the total is split; at least two."""
    at_least: NonNegative = Field(0.0, examples=[50])
    """Smallest value that each path gets."""

    @model_validator(mode="after")
    def _enough(self) -> "Mix":
        if self.at_least * len(self.of) >= self.total:
            raise FieldError("must have a 'total' above 'at_least' times the number of paths", "Raise 'total', or lower 'at_least'.")
        if len(set(self.of)) != len(self.of):
            raise FieldError("must not contain duplicate paths", "Remove one of the two.")
        return self


class Coordinate(NamedTuple):
    """A number that a sampler chooses. `step`: distance between allowed values, or None. A choice is an index from 0 to `high`."""

    name: str
    kind: Literal["real", "whole", "choice"]
    low: float
    high: float
    step: float | None = None
    log: bool = False

    def at(self, u: float) -> float:
        """Map a number in the unit interval to a value. Whole numbers and choices have intervals of equal length.

        Parameters
        ----------
        u : float
            In [0, 1].

        Returns
        -------
        float
            In [low, high].

        Examples
        --------
        >>> round(Coordinate("wait", "real", 1.0, 100.0, log=True).at(0.5), 9)
        10.0
        >>> Coordinate("cap", "whole", 1, 4, 1).at(0.99)
        4
        """
        if self.step is not None:
            steps = math.floor((self.high - self.low) / self.step + 1e-9)
            return self.stepped(min(int(u * (steps + 1)), steps))
        if self.log:
            value = math.exp(math.log(self.low) + u * (math.log(self.high) - math.log(self.low)))
            return min(max(value, self.low), self.high) if self.kind == "real" else min(round(value), round(self.high))
        return self.low + u * (self.high - self.low)

    def stepped(self, number: int) -> float:
        """Return the value after a number of steps, without rounding errors: 3 steps of 0.1 give 0.3.

        Parameters
        ----------
        number : int
            Number of steps above `low`.

        Returns
        -------
        float

        Examples
        --------
        >>> Coordinate("share", "real", 0.0, 0.3, 0.1).stepped(3)
        0.3
        """
        assert self.step is not None
        value = self.low + number * self.step
        return min(float(f"{value:.12g}"), self.high) if self.kind == "real" else round(value)


@dataclass(frozen=True)
class Axis:
    """A free value: its coordinate, its paths, and the format of its value."""

    coordinate: Coordinate
    paths: tuple[str, ...]
    kind: ValueKind
    choices: tuple[Any, ...] = ()

    def value(self, x: float) -> Any:
        """Convert a coordinate to a value in the format of a YAML file.

        Parameters
        ----------
        x : float
            The coordinate: days for a duration, minutes since midnight for a time of day.

        Returns
        -------
        Any
            A number, text, or one of the choices.
        """
        if self.kind == "choice":
            return self.choices[int(x)]
        if self.kind == "duration":
            seconds = round(x * _DAY)
            return _duration_in_parts(seconds if seconds < _MINUTES_FROM_SECONDS else _MINUTE * round(seconds / _MINUTE))
        if self.kind == "hour":
            return hour_text(x / 60)
        return float(x) if self.kind == "real" else int(x)


@dataclass(frozen=True)
class MixCoordinates:
    """A mix: its coordinates, its total, and the paths that share the total."""

    coordinates: tuple[Coordinate, ...]
    paths: tuple[str, ...]
    total: float
    at_least: float
    is_whole: bool

    def values(self, us: Sequence[float]) -> list[float]:
        """Compute the amount for each path.

        Parameters
        ----------
        us : sequence of float
            Coordinates in [0, 1], one fewer than there are paths.

        Returns
        -------
        list of float
            Amounts in the order of the paths. They sum to the total.

        Examples
        --------
        >>> MixCoordinates((), ("a", "b"), 30.0, 0.0, False).values([0.25])
        [7.5, 22.5]
        """
        left, shares = 1.0, []
        for i, u in enumerate(us):
            share = left * (1.0 - (1.0 - u) ** (1.0 / (len(us) - i)))
            shares.append(share)
            left -= share
        divisible = self.total - self.at_least * len(self.paths)
        amounts = [self.at_least + divisible * share for share in (*shares, max(left, 0.0))]
        return _round_to_total(amounts, round(self.total)) if self.is_whole else amounts


@dataclass(frozen=True)
class Space:
    """All free values of a study. It turns coordinates into values by path."""

    axes: tuple[Axis, ...]
    mixes: tuple[MixCoordinates, ...] = ()

    @classmethod
    def from_settings(cls, free: Mapping[str, Free], mixes: Mapping[str, Mix]) -> "Space":
        """Build the space that free values and mixes span.

        Parameters
        ----------
        free : Mapping of str to Free
            Free values by key path.
        mixes : Mapping of str to Mix
            Mixes by name. Both arguments must be valid (see `space_faults`).

        Returns
        -------
        Space
        """
        axes = tuple(axis_of(path, value) for path, value in free.items())
        return cls(axes, tuple(mix_coordinates(name, mix) for name, mix in mixes.items()))

    @property
    def coordinates(self) -> tuple[Coordinate, ...]:
        """All coordinates, in the order of declaration."""
        return (*(axis.coordinate for axis in self.axes), *(coordinate for mix in self.mixes for coordinate in mix.coordinates))

    def values(self, point: Point) -> dict[str, Any]:
        """Convert a point to values by key path, as accepted by `with_values`.

        Parameters
        ----------
        point : Mapping of str to float
            A number for each coordinate.

        Returns
        -------
        dict of str to Any
            In the format of a YAML file.
        """
        values = {path: axis.value(point[axis.coordinate.name]) for axis in self.axes for path in axis.paths}
        for mix in self.mixes:
            values |= zip(mix.paths, mix.values([point[coordinate.name] for coordinate in mix.coordinates]), strict=True)
        return values

    def at(self, unit: Sequence[float]) -> dict[str, float]:
        """Map a position in the unit cube to a point.

        Parameters
        ----------
        unit : sequence of float
            A number in [0, 1] for each coordinate.

        Returns
        -------
        dict of str to float
            A number for each coordinate, by coordinate name.
        """
        return {coordinate.name: coordinate.at(float(u)) for coordinate, u in zip(self.coordinates, unit, strict=True)}


class NumericBounds(NamedTuple):
    """Bounds and step as numbers: durations in days, times of day in minutes since midnight.

    `kind`: None if the bounds are of different kinds. `step`: None if not given, NaN if it does not match the kind of the bounds.
    """

    kind: ValueKind | None
    low: float
    high: float
    step: float | None


def bounds_as_numbers(value: Free) -> NumericBounds:
    """Convert the bounds of a free value without `choices` to numbers."""
    bounds = (value.low, value.high)
    if all(map(_is_number, bounds)):
        is_whole = all(isinstance(number, int) for number in (*bounds, value.step or 1))
        step = value.step if value.step is None or _is_number(value.step) else math.nan
        return NumericBounds("whole" if is_whole else "real", value.low, value.high, step)
    parsers: tuple[tuple[ValueKind, Callable[[Any], Any], float], ...] = (("hour", parse_hour, 60.0), ("duration", parse_duration, 1.0))
    for kind, parse, unit in parsers:
        try:
            low, high = (parse(bound) * unit for bound in bounds)
        except ValueError:
            continue
        return NumericBounds(kind, low, high, _step_as_number(kind, value.step))
    return NumericBounds(None, math.nan, math.nan, None)


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _step_as_number(kind: str, step: Any) -> float | None:
    """Return a step in days for durations, in minutes for times of day; NaN if the step is not a suitable duration."""
    try:
        days = None if step is None else parse_duration(step)
    except ValueError:
        return math.nan
    if days is None or kind == "duration":
        return days
    return float(round(days * 1440)) if math.isclose(days * 1440, round(days * 1440), abs_tol=1e-6) else math.nan


def axis_of(path: str, value: Free) -> Axis:
    """Build the axis of a valid free value."""
    paths = (path, *value.also)
    if value.choices is not None:
        return Axis(Coordinate(path, "choice", 0, len(value.choices) - 1, 1), paths, "choice", value.choices)
    kind, low, high, step = bounds_as_numbers(value)
    assert kind is not None
    if kind == "whole" and not takes_integers_only(path):
        kind = "real"
    if kind in ("whole", "hour"):
        return Axis(Coordinate(path, "whole", round(low), round(high), None if value.log else round(step or 1), value.log), paths, kind)
    return Axis(Coordinate(path, "real", low, high, step, value.log), paths, kind)


def takes_integers_only(path: str) -> bool:
    """Whether the value at a path of a scenario must be an integer."""
    keys = parse_path(path)
    kinds = types_at(ScenarioSpec, keys) if keys else []
    return int in kinds and float not in kinds


def mix_coordinates(name: str, mix: Mix) -> MixCoordinates:
    """Build the coordinates of a valid mix."""
    coordinates = tuple(Coordinate(f"{name}[{i}]", "real", 0.0, 1.0) for i in range(len(mix.of) - 1))
    return MixCoordinates(coordinates, mix.of, mix.total, mix.at_least, all(takes_integers_only(path) for path in mix.of))


def _duration_in_parts(seconds: int) -> str:
    """Format whole seconds, such as 36h or 1d 5h 12min. Unlike `duration_text`, it combines units and needs no exact fraction of days."""
    unit, size = next((unit, size) for unit, size in _UNIT_SECONDS.items() if seconds % size == 0)
    if size >= _HOUR or seconds < 100 * size:
        return f"{seconds // size}{unit}"
    parts, left = [], seconds
    for unit, size in list(_UNIT_SECONDS.items())[1:]:
        count, left = divmod(left, size)
        parts += [f"{count}{unit}"] if count else []
    return " ".join(parts)


def _round_to_total(amounts: list[float], total: int) -> list[float]:
    """Round amounts to whole numbers that sum to the total (largest remainder method)."""
    floors = [math.floor(amount) for amount in amounts]
    order = sorted(range(len(amounts)), key=lambda i: floors[i] - amounts[i])
    for i in order[: total - sum(floors)]:
        floors[i] += 1
    return [int(part) for part in floors]

"""Free values: which values of a scenario may be chosen, between which bounds, and the space that they span.

Lives here: what stands under `free` and `mixes` in a file, and the door from coordinates (numbers that a sampler moves) to values by path.
Does not live here: who chooses (tuning/, lab/), what a value does.

A coordinate is a real number, a whole number or a choice. A mix of n parts has n - 1 coordinates u in [0, 1]: part i takes the share
1 - (1 - u_i)^(1 / (n - 1 - i)) of what the parts before it left, so that uniform coordinates give a uniform mix (the stick-breaking form
of the Dirichlet distribution with all parameters 1; Devroye 1986, Non-Uniform Random Variate Generation, section XI.4).
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Literal, NamedTuple

from pydantic import Field, model_validator

from cjsim.scenario.fields import NonNegative, Positive, hour_text, parse_duration, parse_hour
from cjsim.scenario.spec import ScenarioSpec
from cjsim.yaml.paths import parse_path, types_at
from cjsim.yaml.strict_model import StrictModel

ValueKind = Literal["real", "whole", "duration", "hour", "choice"]
Point = Mapping[str, float]  # by name of the coordinate; a choice by its number
_DAY, _HOUR, _MINUTE = 86_400, 3_600, 60  # seconds
_UNIT_SECONDS = {"w": 7 * _DAY, "d": _DAY, "h": _HOUR, "min": _MINUTE, "s": 1}
_STEPS = {"real": "a number", "whole": "a number", "duration": "a duration", "hour": "a duration of whole minutes"}
_ROUND_FROM = 2 * _HOUR  # longer durations are rounded to minutes, shorter ones to seconds


class Free(StrictModel):
    """A value that may be chosen: from `low` to `high`, or one of `choices`.

    Bounds are written as the value itself is: a number, a duration such as '36h', a time of day such as '18:00'. `step`: only low,
    low + step, ... `log`: by ratio rather than by difference. `also`: further paths that get the same value. A list stands for `choices`.
    """

    low: Any = None
    high: Any = None
    step: Any = None
    log: bool = False
    choices: Annotated[tuple[Any, ...], Field(min_length=2)] | None = None
    also: tuple[str, ...] = ()

    @model_validator(mode="before")
    @classmethod
    def _short(cls, value: Any) -> Any:
        return {"choices": value} if isinstance(value, list) else value

    @model_validator(mode="after")
    def _one_of(self) -> "Free":
        bounds = [self.low is not None, self.high is not None]
        if self.choices is not None and (any(bounds) or self.step is not None or self.log):
            raise ValueError("must have either 'choices' or 'low' and 'high'")
        if self.choices is None and not all(bounds):
            raise ValueError("must have 'low' and 'high', or 'choices'")
        if self.log and self.step is not None:
            raise ValueError("must not have both 'log' and 'step'")
        return self


class Mix(StrictModel):
    """A sum that is split among paths, such as a budget among channels or people among shifts; each gets `at_least`."""

    total: Positive
    of: Annotated[tuple[str, ...], Field(min_length=2)]
    at_least: NonNegative = 0.0

    @model_validator(mode="after")
    def _enough(self) -> "Mix":
        if self.at_least * len(self.of) >= self.total:
            raise ValueError("must have a total above what all parts get at least")
        if len(set(self.of)) != len(self.of):
            raise ValueError("must name each path once")
        return self


class Coordinate(NamedTuple):
    """A number that a sampler moves. `step`: None, or the distance of allowed values from `low` on. A choice goes from 0 to `high`."""

    name: str
    kind: Literal["real", "whole", "choice"]
    low: float
    high: float
    step: float | None = None
    log: bool = False

    def at(self, u: float) -> float:
        """The value at a place of the unit interval; equal stretches for whole numbers and choices.

        Parameters
        ----------
        u : float
            In [0, 1].

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
        """The value after so many steps, as one would write it: 3 steps of 0.1 are 0.3.

        Parameters
        ----------
        number : int
            Of steps from `low` on.

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
    """One free value as numbers: its coordinate, its paths, and what a number of it is in a file."""

    coordinate: Coordinate
    paths: tuple[str, ...]
    kind: ValueKind
    choices: tuple[Any, ...] = ()

    def value(self, x: float) -> Any:
        """The value as it stands in a file.

        Parameters
        ----------
        x : float
            Of the coordinate: days of a duration, minutes since midnight of a time of day.
        """
        if self.kind == "choice":
            return self.choices[int(x)]
        if self.kind == "duration":
            seconds = round(x * _DAY)
            return _duration_in_parts(seconds if seconds < _ROUND_FROM else _MINUTE * round(seconds / _MINUTE))
        if self.kind == "hour":
            return hour_text(x / 60)
        return float(x) if self.kind == "real" else int(x)


@dataclass(frozen=True)
class MixCoordinates:
    """A mix as numbers: its coordinates, its paths."""

    coordinates: tuple[Coordinate, ...]
    paths: tuple[str, ...]
    total: float
    at_least: float
    is_whole: bool

    def values(self, us: Sequence[float]) -> list[float]:
        """What each path gets.

        Parameters
        ----------
        us : sequence of float
            One fewer than paths, each in [0, 1].

        Examples
        --------
        >>> MixCoordinates((), ("a", "b"), 30.0, 0.0, False).values([0.25])
        [7.5, 22.5]
        """
        left, parts = 1.0, []
        for i, u in enumerate(us):
            share = left * (1.0 - (1.0 - u) ** (1.0 / (len(us) - i)))
            parts.append(share)
            left -= share
        free = self.total - self.at_least * len(self.paths)
        amounts = [self.at_least + free * share for share in (*parts, max(left, 0.0))]
        return _round_to_total(amounts, round(self.total)) if self.is_whole else amounts


@dataclass(frozen=True)
class Space:
    """All free values of a study: coordinates in, values by path out."""

    axes: tuple[Axis, ...]
    blends: tuple[MixCoordinates, ...] = ()

    @classmethod
    def of(cls, free: Mapping[str, Free], mixes: Mapping[str, Mix]) -> "Space":
        """The space of free values and mixes.

        Parameters
        ----------
        free : Mapping of str to Free
            By path.
        mixes : Mapping of str to Mix
            By name; nothing may be wrong with them (`space_faults`).
        """
        axes = tuple(_axis(path, value) for path, value in free.items())
        return cls(axes, tuple(_mix_coordinates(name, mix) for name, mix in mixes.items()))

    @property
    def coordinates(self) -> tuple[Coordinate, ...]:
        """All of them, in the order of the file."""
        return (*(axis.coordinate for axis in self.axes), *(one for blend in self.blends for one in blend.coordinates))

    def values(self, point: Point) -> dict[str, Any]:
        """Values by path, as `with_values` takes them and as they stand in a file.

        Parameters
        ----------
        point : Mapping of str to float
            A number for each coordinate.
        """
        found = {path: axis.value(point[axis.coordinate.name]) for axis in self.axes for path in axis.paths}
        for blend in self.blends:
            found |= zip(blend.paths, blend.values([point[one.name] for one in blend.coordinates]), strict=True)
        return found

    def at(self, unit: Sequence[float]) -> dict[str, float]:
        """The point at a place of the unit cube.

        Parameters
        ----------
        unit : sequence of float
            A number in [0, 1] for each coordinate.
        """
        return {one.name: one.at(float(u)) for one, u in zip(self.coordinates, unit, strict=True)}


def _bounds_as_numbers(value: Free) -> tuple[ValueKind | None, tuple[float, float, float | None]]:
    """The kind of the bounds, and bounds and step as numbers: days, minutes, or as they are."""
    both = (value.low, value.high)
    if all(map(_is_number, both)):
        is_whole = all(isinstance(one, int) for one in (*both, value.step or 1))
        return ("whole" if is_whole else "real"), (
            value.low,
            value.high,
            value.step if value.step is None or _is_number(value.step) else math.nan,
        )
    for kind, parse, unit in (("hour", parse_hour, 60.0), ("duration", parse_duration, 1.0)):
        try:
            low, high = (parse(one) * unit for one in both)
        except ValueError:
            continue
        return kind, (low, high, _step_as_number(kind, value.step))  # type: ignore[return-value]
    return None, (math.nan, math.nan, None)


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _step_as_number(kind: str, step: Any) -> float | None:
    """A step of durations in days, or of times of day in minutes; nan if it is none."""
    try:
        days = None if step is None else parse_duration(step)
    except ValueError:
        return math.nan
    if days is None or kind == "duration":
        return days
    return float(round(days * 1440)) if math.isclose(days * 1440, round(days * 1440), abs_tol=1e-6) else math.nan


def _axis(path: str, value: Free) -> Axis:
    paths = (path, *value.also)
    if value.choices is not None:
        return Axis(Coordinate(path, "choice", 0, len(value.choices) - 1, 1), paths, "choice", value.choices)
    kind, (low, high, step) = _bounds_as_numbers(value)
    assert kind is not None
    if kind == "whole" and not _takes_integers_only(path):
        kind = "real"
    if kind in ("whole", "hour"):
        return Axis(Coordinate(path, "whole", round(low), round(high), None if value.log else round(step or 1), value.log), paths, kind)
    return Axis(Coordinate(path, "real", low, high, step, value.log), paths, kind)


def _takes_integers_only(path: str) -> bool:
    """Whether only whole numbers stand at a path."""
    keys = parse_path(path)
    kinds = types_at(ScenarioSpec, keys) if keys else []
    return int in kinds and float not in kinds


def _mix_coordinates(name: str, mix: Mix) -> MixCoordinates:
    ones = tuple(Coordinate(f"{name}[{i}]", "real", 0.0, 1.0) for i in range(len(mix.of) - 1))
    return MixCoordinates(ones, mix.of, mix.total, mix.at_least, all(_takes_integers_only(path) for path in mix.of))


def _duration_in_parts(seconds: int) -> str:
    """Whole seconds as one would write them, such as 36h or 1d 5h 12min; `duration_text` wants one unit, and 5 / 24 days exactly."""
    unit, size = next((unit, size) for unit, size in _UNIT_SECONDS.items() if seconds % size == 0)
    if size >= _HOUR or seconds < 100 * size:
        return f"{seconds // size}{unit}"
    parts, left = [], seconds
    for unit, size in list(_UNIT_SECONDS.items())[1:]:
        count, left = divmod(left, size)
        parts += [f"{count}{unit}"] if count else []
    return " ".join(parts)


def _round_to_total(amounts: list[float], total: int) -> list[float]:
    """Whole numbers that sum to the total, by largest remainders."""
    floors = [math.floor(amount) for amount in amounts]
    order = sorted(range(len(amounts)), key=lambda i: floors[i] - amounts[i])
    for i in order[: total - sum(floors)]:
        floors[i] += 1
    return [int(part) for part in floors]

"""The small types that journeys, policies and scenarios are written in: durations, hours, shares, distributions.

Lives here: how one value is read and what it must satisfy. Does not live here: what a journey or a policy is made of.
"""

import re
from datetime import date, datetime
from decimal import Decimal
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, PlainSerializer, WithJsonSchema, model_validator

_UNITS = {"s": 1 / 86400, "min": 1 / 1440, "m": 1 / 1440, "h": 1 / 24, "d": 1.0, "w": 7.0}
_DURATION = re.compile(r"(\d+(?:\.\d+)?)\s*(s|min|m|h|d|w)")
_NEGATIVE = re.compile(r"-\s*\d")
_HOUR = re.compile(r"([01]?\d|2[0-4]):([0-5]\d)")
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]*")
WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
MAX_DAYS = 36_525.0


class Base(BaseModel):
    """A frozen record that knows its keys and refuses others."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


def parse_duration(value: Any) -> Any:
    """Days in a duration such as `36h`, `7d`, `90min`, `2w` or `1d 12h`; a number that was read before passes.

    Raises
    ------
    ValueError
        If the text is no duration, or a number comes without its unit.
    """
    if isinstance(value, _Days):
        return float(value)
    if isinstance(value, str):
        text = value.strip()
        parts = _DURATION.findall(text)
        if _NEGATIVE.match(text) and not _DURATION.sub("", text[1:]).strip():
            raise ValueError("must not be negative")
        if parts and not _DURATION.sub("", text).strip():
            return sum(float(number) * _UNITS[unit] for number, unit in parts)
    raise ValueError("must be a duration with its unit (s, min, h, d, w) such as '36h' or '7d'")


def _check_no_blink(value: float) -> float:
    if 0 < value < _UNITS["s"]:
        raise ValueError("must be at least 1s, or 0s")
    return value


def _check_some_time(value: float) -> float:
    if value < _UNITS["s"]:
        raise ValueError("must be at least 1s")
    return value


class _Days(float):
    """A duration given in Python as days."""


def days(value: float) -> float:
    """A duration from a number of days, for models made in Python.

    Examples
    --------
    >>> days(1.5)
    1.5
    """
    return _Days(value)


def duration_text(value: float) -> str:
    """The shortest text that `parse_duration` reads as these days, exactly.

    Examples
    --------
    >>> duration_text(1.5), duration_text(14.0), duration_text(1 / 3)
    ('36h', '2w', '8h')
    """
    for unit in ("w", "d", "h", "min", "s"):
        count = round(value / _UNITS[unit])
        if count * _UNITS[unit] == value and (count or unit == "s"):
            return f"{count}{unit}"
    return f"{Decimal(repr(float(value))):f}d"


def hour_text(value: float) -> str:
    """The text that `parse_hour` reads as these hours.

    Examples
    --------
    >>> hour_text(9.5)
    '09:30'
    """
    minutes = round(value * 60)
    return f"{minutes // 60:02d}:{minutes % 60:02d}"


def parse_day(value: Any) -> Any:
    """A date, given as such or as text such as `2025-01-31`."""
    try:
        day = date.fromisoformat(value) if isinstance(value, str) else value
    except ValueError:
        day = None
    if not isinstance(day, date) or isinstance(day, datetime) or not 1900 <= day.year <= 2199:
        raise ValueError("must be a date such as 2025-01-31, from 1900 to 2199")
    return day


def parse_hour(value: Any) -> Any:
    """Hours since midnight in a time of day such as `21:00`."""
    match = _HOUR.fullmatch(value.strip()) if isinstance(value, str) else None
    if match is None or (hour := int(match[1]) + int(match[2]) / 60) > 24:
        raise ValueError("must be a time of day such as '21:00'")
    return hour


def _check_name(value: str) -> str:
    if not _NAME.fullmatch(value):
        raise ValueError("must be a name of letters, digits and _ that begins with a letter")
    return value


_DURATION_SCHEMA = WithJsonSchema({"type": "string", "pattern": r"^\s*(\d+(\.\d+)?\s*(s|min|m|h|d|w)\s*)+$", "examples": ["36h", "7d"]})
_DURATION_WRITER = PlainSerializer(duration_text, when_used="json")
_HOUR_SCHEMA = WithJsonSchema({"type": "string", "pattern": r"^\d{1,2}:\d{2}$", "examples": ["21:00"]})
# Times are rounded: waits far below a second would add up to nothing, and a loop with one would never end.
Duration = Annotated[
    float, BeforeValidator(parse_duration), Field(ge=0, le=MAX_DAYS), AfterValidator(_check_no_blink), _DURATION_WRITER, _DURATION_SCHEMA
]
PositiveDuration = Annotated[
    float, BeforeValidator(parse_duration), Field(le=MAX_DAYS), AfterValidator(_check_some_time), _DURATION_WRITER, _DURATION_SCHEMA
]
Hour = Annotated[float, BeforeValidator(parse_hour), PlainSerializer(hour_text, when_used="json"), _HOUR_SCHEMA]
# Strict: text and true are no numbers; YAML has told them apart.
Real = Annotated[float, Field(strict=True)]
Whole = Annotated[int, Field(strict=True)]
Share = Annotated[Real, Field(ge=0, le=1)]
OpenShare = Annotated[Real, Field(gt=0, lt=1)]
Positive = Annotated[Real, Field(gt=0, le=1e12)]
NotNegative = Annotated[Real, Field(ge=0, le=1e12)]
Number = Annotated[Real, Field(ge=-1e12, le=1e12)]
Name = Annotated[str, AfterValidator(_check_name)]
Weekday = Literal["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"]
# A trait, or one of its two forms: `1/rate`, `1-dropout`.
TraitRef = Annotated[str, Field(pattern=r"^(1\s*[/-]\s*)?[A-Za-z][A-Za-z0-9_]*$")]
Weight = NotNegative | TraitRef
Condition = Annotated[str, Field(min_length=1, max_length=2000)]
Day = Annotated[date, BeforeValidator(parse_day)]


class Choice(Base):
    """A mapping of exactly one of the fields: its key says what it is."""

    @model_validator(mode="after")
    def _one_key(self) -> "Choice":
        if sum(getattr(self, name) is not None for name in self.model_fields_set - self.companions()) != 1:
            names = ", ".join(f"'{name}'" for name in type(self).model_fields if name not in self.companions())
            raise ValueError(f"must have exactly one of {names}")
        return self

    @classmethod
    def companions(cls) -> frozenset[str]:
        """Fields that may stand beside the one."""
        return frozenset()

    @property
    def kind(self) -> str:
        """The key that was given."""
        return next(name for name in type(self).model_fields if name not in self.companions() and getattr(self, name) is not None)

    @property
    def body(self) -> Any:
        """The value of that key."""
        return getattr(self, self.kind)


class ExponentialWait(Base):
    """Memoryless, by its mean."""

    mean: PositiveDuration


class GammaWait(Base):
    """Gamma by mean and shape."""

    mean: PositiveDuration
    shape: Annotated[Real, Field(ge=0.01, le=1000)]


class WeibullWait(Base):
    """Weibull: survival exp(-(t/scale)^shape)."""

    scale: PositiveDuration
    shape: Annotated[Real, Field(ge=0.05, le=100)]


class LognormalWait(Base):
    """Lognormal by median and the sigma of its logarithm."""

    median: PositiveDuration
    sigma: Annotated[Real, Field(ge=0, le=10)]


class EmpiricalWait(Base):
    """One of the values, by weight (equal if none are given)."""

    values: Annotated[tuple[Duration, ...], Field(min_length=1)]
    weights: tuple[NotNegative, ...] | None = None

    @model_validator(mode="after")
    def _weights_fit(self) -> "EmpiricalWait":
        _check_weights(self.weights, len(self.values))
        return self


class WaitLaw(Choice):
    """How long a clock waits, at speed 1."""

    exponential: ExponentialWait | None = None
    gamma: GammaWait | None = None
    weibull: WeibullWait | None = None
    lognormal: LognormalWait | None = None
    fixed: Duration | None = None
    empirical: EmpiricalWait | None = None

    @model_validator(mode="before")
    @classmethod
    def _short_exponential(cls, value: Any) -> Any:
        if isinstance(value, dict) and isinstance(value.get("exponential"), (str, float)):
            return {**value, "exponential": {"mean": value["exponential"]}}
        return value


class GammaAmount(Base):
    """Gamma by mean and shape."""

    mean: Positive
    shape: Annotated[Real, Field(ge=0.01, le=1000)]


class LognormalAmount(Base):
    """Lognormal by median and the sigma of its logarithm."""

    median: Positive
    sigma: Annotated[Real, Field(ge=0, le=10)]


class UniformAmount(Base):
    """Uniform between low and high."""

    low: Number
    high: Number

    @model_validator(mode="after")
    def _ordered(self) -> "UniformAmount":
        if not self.low < self.high:
            raise ValueError("must have low below high")
        return self


class ExponentialAmount(Base):
    """Exponential by its mean."""

    mean: Positive


class EmpiricalAmount(Base):
    """One of the values, by weight (equal if none are given)."""

    values: Annotated[tuple[Number, ...], Field(min_length=1)]
    weights: tuple[NotNegative, ...] | None = None

    @model_validator(mode="after")
    def _weights_fit(self) -> "EmpiricalAmount":
        _check_weights(self.weights, len(self.values))
        return self


class AmountLaw(Choice):
    """A distribution of money."""

    fixed: NotNegative | None = None
    exponential: ExponentialAmount | None = None
    gamma: GammaAmount | None = None
    lognormal: LognormalAmount | None = None
    uniform: UniformAmount | None = None
    empirical: EmpiricalAmount | None = None

    @model_validator(mode="before")
    @classmethod
    def _short_fixed(cls, value: Any) -> Any:
        return {"fixed": value} if isinstance(value, (int, float)) and not isinstance(value, bool) else value


class BetaTrait(Base):
    """Beta by its two parameters."""

    alpha: Annotated[Real, Field(gt=0, le=1e6)]
    beta: Annotated[Real, Field(gt=0, le=1e6)]


class NormalTrait(Base):
    """Normal by mean and standard deviation."""

    mean: Number
    sd: Annotated[Real, Field(ge=0, le=1e6)]


class TraitLaw(Choice):
    """A distribution of a latent constant of the customer."""

    gamma: GammaAmount | None = None
    lognormal: LognormalAmount | None = None
    beta: BetaTrait | None = None
    normal: NormalTrait | None = None
    uniform: UniformAmount | None = None
    fixed: Number | None = None


def _check_weights(weights: tuple[float, ...] | None, count: int) -> None:
    if weights is not None and len(weights) != count:
        raise ValueError(f"must have one weight a value ({count}), got {len(weights)}")
    if weights is not None and not sum(weights) > 0:
        raise ValueError("must have a weight above 0")

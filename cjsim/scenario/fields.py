"""Types of scalar fields, such as durations, times of day, shares and names: how to parse, validate, format and illustrate them."""

import math
import re
from datetime import date, datetime
from decimal import Decimal
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Field, PlainSerializer, WithJsonSchema

from cjsim.errors import did_you_mean
from cjsim.yaml.paths import parse_path
from cjsim.yaml.strict_model import FieldError

# A month is a twelfth of a year of 365 days. For waits until a calendar day, use `calendar`.
_UNITS = {"s": 1 / 86400, "min": 1 / 1440, "m": 1 / 1440, "h": 1 / 24, "d": 1.0, "w": 7.0, "mo": 365 / 12, "y": 365.0}
_DURATION = re.compile(r"(\d+(?:\.\d+)?)\s*(s|min|mo|m|h|d|w|y)")
_NEGATIVE = re.compile(r"-\s*\d")
_HOUR = re.compile(r"([01]?\d|2[0-4]):([0-5]\d)")
CURRENCY = re.compile(r"^([A-Z]{3}|[A-Z]{0,2}[$\u00a3\u00a5\u20a0-\u20c0])$")  # no lower-case letters, unlike units such as days
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]*")
WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
MAX_DAYS = 36_525.0
_SPELLED_DURATION = re.compile(r"\s*(\d+(?:\.\d+)?)\s*(sec|second|minute|hour|hr|day|week|mon|month|yr|year)s?\s*")
_UNIT_BY_WORD = {"sec": "s", "second": "s", "minute": "min", "hour": "h", "hr": "h", "day": "d", "week": "w"}
_UNIT_BY_WORD |= {"mon": "mo", "month": "mo", "yr": "y", "year": "y"}
_CLOCK_WORDS = re.compile(r"\s*(\d{1,2})\s*([ap]m|h)?\s*", re.IGNORECASE)
_DAY_FIRST = re.compile(r"\s*(\d{1,2})\.(\d{1,2})\.(\d{4})\s*")
_DAY_PATTERN = re.compile(r"\d{4}-\d{2}-\d{2}")


def parse_duration(value: Any) -> Any:
    """Convert a duration such as `36h`, `7d`, `90min`, `2w`, `6mo` or `1d 12h` to days. Accepts values made by `days`.

    A month (`mo`) has 365/12 days, a year (`y`) has 365 days.

    Raises
    ------
    ValueError
        If the value is not a duration, or a number has no unit.
    """
    if isinstance(value, _DayCount):
        return float(value)
    if isinstance(value, str):
        text = value.strip()
        parts = _DURATION.findall(text)
        if _NEGATIVE.match(text) and not _DURATION.sub("", text[1:]).strip():
            raise FieldError("must not be negative", "Remove the minus sign.")
        if parts and not _DURATION.sub("", text).strip():
            return sum(float(number) * _UNITS[unit] for number, unit in parts)
    raise FieldError("must be a duration with a unit (s, min, h, d, w, mo, y)", _duration_remedy(value))


def _duration_remedy(value: Any) -> str:
    """Return how to write the duration that was probably meant by an invalid one."""
    text = f"{value}".strip()
    if spelled := _SPELLED_DURATION.fullmatch(text):
        return f"Write {spelled[1]}{_UNIT_BY_WORD[spelled[2]]}."
    if not isinstance(value, bool) and re.fullmatch(r"\d{1,5}(\.\d+)?", text):
        return f"Add the unit, such as {text}d for {text} days."
    return "Write a number and its unit, such as 36h or 7d."


def _check_zero_or_a_second(value: float) -> float:
    if 0 < value < _UNITS["s"]:
        raise FieldError("must be at least 1s, or 0s", "Write 0s, 1s or more.")
    return value


def _check_at_least_a_second(value: float) -> float:
    if value < _UNITS["s"]:
        raise FieldError("must be at least 1s", "Write a longer duration, such as 1h.")
    return value


class _DayCount(float):
    """A duration in days."""


def days(value: float) -> float:
    """Create a duration from a number of days, for records built in Python.

    Examples
    --------
    >>> days(1.5)
    1.5
    """
    return _DayCount(value)


def duration_text(value: float) -> str:
    """Format a duration in days as the shortest text that `parse_duration` reads back exactly.

    Examples
    --------
    >>> duration_text(1.5), duration_text(14.0), duration_text(1 / 3), duration_text(365 / 4)
    ('36h', '2w', '8h', '3mo')
    """
    for unit in ("w", "d", "mo", "h", "min", "s"):
        count = round(value / _UNITS[unit])
        if count * _UNITS[unit] == value and (count or unit == "s"):
            return f"{count}{unit}"
    return f"{Decimal(repr(float(value))):f}d"


def readable_duration(value: float | str) -> str:
    """Format a duration for readers: without weeks and years, and in hours or days rather than in hundreds of minutes.

    Parameters
    ----------
    value : float or str
        Days, or text in file notation. Text that is not a duration is returned unchanged.

    Examples
    --------
    >>> [readable_duration(one) for one in (14.0, "2w", "288min", 1.5, "24h", "90min", "1mo", "2y", "daily")]
    ['14d', '14d', '4.8h', '36h', '1d', '90min', '1mo', '730d', 'daily']
    """
    try:
        count_of_days = float(parse_duration(value if isinstance(value, str) else days(value)))
    except ValueError:
        return str(value)
    for unit, least, places in (("d", 1.0, 0), ("mo", 1.0, 0), ("d", 2.0, 1), ("h", 2 / 24, 1)):
        count = count_of_days / _UNITS[unit]
        if count_of_days >= least and math.isclose(count, round(count, places), rel_tol=1e-12):
            return f"{count:.12g}{unit}"
    return duration_text(count_of_days)


def hour_text(value: float) -> str:
    """Format hours since midnight as a time of day.

    Examples
    --------
    >>> hour_text(9.5)
    '09:30'
    """
    minutes = round(value * 60)
    return f"{minutes // 60:02d}:{minutes % 60:02d}"


def parse_day(value: Any) -> Any:
    """Convert text such as `2025-01-31` to a date. Accepts dates.

    Raises
    ------
    ValueError
        If the value is not a date from 1900 to 2199.
    """
    day = value
    if isinstance(value, str):
        try:
            day = date.fromisoformat(value) if _DAY_PATTERN.fullmatch(value) else None
        except ValueError:
            raise FieldError("must be an existing date", "Correct the month or the day.") from None
    if not isinstance(day, date) or isinstance(day, datetime) or not 1900 <= day.year <= 2199:
        parts = _DAY_FIRST.fullmatch(value) if isinstance(value, str) else None
        meant = f"{parts[3]}-{int(parts[2]):02d}-{int(parts[1]):02d}" if parts else "YYYY-MM-DD, such as 2025-01-31"
        raise FieldError("must be a date from 1900 to 2199", f"Write it as {meant}.")
    return day


def _parse_calendar_day(value: Any) -> Any:
    text = f"{value}"
    try:
        # A leap year, so that 02-29 exists.
        day = parse_day(f"2024-{text}" if re.fullmatch(r"\d\d-\d\d", text) else value)
    except ValueError:
        must = "must be an existing date from 1900 to 2199, such as 2026-12-24, or 12-24 for every year"
        raise FieldError(must, "Write it as YYYY-MM-DD, or as MM-DD for every year.") from None
    return text if len(text) == len("12-24") else day


def is_in_yearly_period(day: date, first: str, last: str) -> bool:
    """Whether a day is in a period that recurs every year, from `first` through `last` (`MM-DD`), possibly past the end of the year.

    Examples
    --------
    >>> is_in_yearly_period(date(2027, 1, 3), "12-24", "01-06")
    True
    """
    here = f"{day:%m-%d}"
    return first <= here <= last if first <= last else here >= first or here <= last


def parse_hour(value: Any) -> Any:
    """Convert a time of day such as `21:00` to hours since midnight.

    Raises
    ------
    ValueError
        If the value is not a time of day.
    """
    match = _HOUR.fullmatch(value.strip()) if isinstance(value, str) else None
    if match is None or (hour := int(match[1]) + int(match[2]) / 60) > 24:
        raise FieldError("must be a time of day from '00:00' to '24:00'", _hour_remedy(value))
    return hour


def _hour_remedy(value: Any) -> str:
    """Return how to write the time of day that was probably meant by an invalid one."""
    words = None if isinstance(value, bool) else _CLOCK_WORDS.fullmatch(f"{value}")
    if words and int(words[1]) <= (12 if words[2] in ("am", "pm") else 24):
        hour = int(words[1]) % 12 + 12 * (words[2].lower() == "pm") if words[2] and words[2].lower() != "h" else int(words[1])
        return f"Write '{hour:02d}:00', in quotes."
    return "Write hours and minutes in quotes, such as '21:00'."


def check_listed_once(items: tuple[Any, ...]) -> tuple[Any, ...]:
    """Return the items of a list unchanged.

    Raises
    ------
    ValueError
        If an item is listed twice.
    """
    repeated = next((item for index, item in enumerate(items) if item in items[:index]), None)
    if repeated is not None:
        raise FieldError("must not contain duplicates", f"Remove one '{repeated}'.")
    return items


def _check_name(value: str) -> str:
    if not _NAME.fullmatch(value):
        meant = re.sub(r"\W+", "_", value, flags=re.ASCII).strip("_")
        remedy = f"Write a name such as {meant if _NAME.fullmatch(meant) else 'first_order'}."
        raise FieldError("must be a name that starts with a letter and contains only letters, digits and _", remedy)
    return value


def _check_currency(value: str) -> str:
    if not CURRENCY.fullmatch(value):
        raise ValueError("must be a currency: a code of three capital letters such as EUR, or a symbol such as $")
    return value


def _check_key_path(value: str) -> str:
    if parse_path(value) is None:
        raise FieldError("must be the path of a value", "Write keys with dots between them, such as messages.newsletter.open_rate.")
    return value


def _parse_source(value: Any) -> Any:
    """Return a source unchanged: 'assumed', or one kind of source with its text."""
    if value == "assumed":
        return value
    kind, text = next(iter(value.items())) if isinstance(value, dict) and len(value) == 1 else ("", "")
    if kind not in SOURCE_KINDS or not isinstance(text, str) or not text.strip():
        word = value if isinstance(value, str) else kind
        general = f"Write a source such as {{primary: Mailchimp 2019}}; the kinds are {', '.join(SOURCE_KINDS)}."
        remedy = f"{did_you_mean(word, SOURCE_KINDS)} {general}".strip()
        raise FieldError("must be 'assumed', or one kind of source with its text", remedy)
    return value


_DURATION_SCHEMA = {
    "type": "string",
    "title": "duration",
    "pattern": r"^\s*(\d+(\.\d+)?\s*(s|min|mo|m|h|d|w|y)\s*)+$",
    "examples": ["36h", "7d"],
}
_DURATION_WRITER = PlainSerializer(duration_text, when_used="json")
_HOUR_SCHEMA = WithJsonSchema({"type": "string", "title": "time of day", "pattern": r"^\d{1,2}:\d{2}$", "examples": ["21:00"]})
# Times are rounded: waits far below a second would round to 0, so a loop with such a wait would never end.
Duration = Annotated[
    float,
    BeforeValidator(parse_duration),
    Field(ge=0, le=MAX_DAYS),
    AfterValidator(_check_zero_or_a_second),
    _DURATION_WRITER,
    WithJsonSchema(_DURATION_SCHEMA),
]
PositiveDuration = Annotated[
    float,
    BeforeValidator(parse_duration),
    Field(le=MAX_DAYS),
    AfterValidator(_check_at_least_a_second),
    _DURATION_WRITER,
    WithJsonSchema({**_DURATION_SCHEMA, "title": "duration of at least 1s"}),
]
Hour = Annotated[float, BeforeValidator(parse_hour), PlainSerializer(hour_text, when_used="json"), _HOUR_SCHEMA]
# Strict, because YAML distinguishes numbers from text and booleans.
RealNumber = Annotated[float, Field(strict=True)]
Integer = Annotated[int, Field(strict=True)]
Share = Annotated[RealNumber, Field(ge=0, le=1, examples=[0.1])]
OpenShare = Annotated[RealNumber, Field(gt=0, lt=1, examples=[0.1])]
Positive = Annotated[RealNumber, Field(gt=0, le=1e12, examples=[25])]
NonNegative = Annotated[RealNumber, Field(ge=0, le=1e12, examples=[1.5])]
Number = Annotated[RealNumber, Field(ge=-1e12, le=1e12, examples=[10])]
Name = Annotated[str, AfterValidator(_check_name), Field(title="name")]
Title = Annotated[str, Field(title="text", examples=["Weekly newsletter"])]
Texts = Annotated[
    tuple[Annotated[str, Field(min_length=1, pattern=r"\S", title="text", examples=["Has no time"])], ...],
    AfterValidator(check_listed_once),
]
Currency = Annotated[
    str,
    AfterValidator(_check_currency),
    Field(title="currency, as a three-letter code or a symbol", json_schema_extra={"pattern": CURRENCY.pattern}, examples=["EUR"]),
]
Weekday = Annotated[
    Literal["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"],
    Field(title="day of the week", examples=["monday"]),
]
TimeZone = Annotated[Literal["firm", "customer"], Field(title="whose time zone", examples=["customer"])]
Condition = Annotated[str, Field(min_length=1, max_length=2000, title="condition", examples=["purchases >= 1"])]
Day = Annotated[date, BeforeValidator(parse_day), Field(title="date", examples=["2026-12-24"])]
_DAY_SCHEMA = WithJsonSchema(
    {"type": "string", "title": "date (MM-DD for every year)", "pattern": r"^(\d{4}-)?\d{2}-\d{2}$", "examples": ["2026-12-24", "12-24"]}
)
CalendarDay = Annotated[date | str, BeforeValidator(_parse_calendar_day), _DAY_SCHEMA]  # one date, or a month and day in every year
# Names of what a journey or a policy declares.
StageName = Annotated[Name, Field(title="name of a stage", examples=["active"])]
EventName = Annotated[Name, Field(title="name of an event", examples=["visit"])]
PersonaName = Annotated[Name, Field(title="name of a persona", examples=["regular"])]
TraitName = Annotated[Name, Field(title="name of a trait", examples=["activity"])]
InterestName = Annotated[Name, Field(title="name of an interest", examples=["sports"])]
ProfileName = Annotated[Name, Field(title="name of an activity profile", examples=["evenings"])]
ChannelName = Annotated[Name, Field(title="name of a channel", examples=["email"])]
MessageName = Annotated[Name, Field(title="name of a message", examples=["welcome"])]
OfferName = Annotated[Name, Field(title="name of an offer", examples=["ten_percent"])]
DeskName = Annotated[Name, Field(title="name of a desk", examples=["support"])]
AcquisitionName = Annotated[Name, Field(title="name of an acquisition channel", examples=["search_ads"])]
BranchName = Annotated[Name, Field(title="name of a branch", examples=["skip"])]
TagName = Annotated[Name, Field(title="tag", examples=["vip"])]
ScoreName = Annotated[Name, Field(title="name of a score", examples=["engagement"])]
ActorName = Annotated[Name, Field(title="name of a flow or broadcast", examples=["order_updates"])]
ValuePath = Annotated[str, Field(title="path of a value", examples=["policy.flows.cart.steps[0].wait"])]
MetricName = Annotated[str, Field(title="name of a metric", examples=["clv"])]
ChannelNames = Annotated[tuple[ChannelName, ...], AfterValidator(check_listed_once)]
EventNames = Annotated[tuple[EventName, ...], AfterValidator(check_listed_once)]
StageNames = Annotated[tuple[StageName, ...], AfterValidator(check_listed_once)]
# A trait, or one of its transforms: `1/rate`, `1-dropout`.
TraitRef = Annotated[str, Field(pattern=r"^(1\s*[/-]\s*)?[A-Za-z][A-Za-z0-9_]*$", title="trait", examples=["activity", "1/activity"])]
WeightOrTrait = NonNegative | TraitRef
_KeyPath = Annotated[str, AfterValidator(_check_key_path), Field(title="path", examples=["messages.newsletter.open_rate"])]
# Paths of warnings, each with the reason why `check` does not report them.
AcceptedPaths = dict[_KeyPath, Annotated[str, Field(min_length=1, pattern=r"\S")]]
SOURCE_KINDS = ("experiment", "primary", "secondary", "claim", "data", "fitted", "terms", "memory", "assumed")
_SOURCE_SCHEMA = {
    "title": "source",
    "anyOf": [
        {"const": "assumed"},
        {
            "type": "object",
            "propertyNames": {"enum": list(SOURCE_KINDS)},
            "additionalProperties": {"type": "string", "minLength": 1},
            "minProperties": 1,
            "maxProperties": 1,
        },
    ],
    "examples": [{"primary": "Mailchimp 2019: 22.7 % of deliveries are opened"}, "assumed"],
}
Source = Annotated[str | dict[str, str], BeforeValidator(_parse_source), WithJsonSchema(_SOURCE_SCHEMA)]
SourcesByPath = dict[_KeyPath, Source]

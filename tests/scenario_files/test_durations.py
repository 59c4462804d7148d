"""Durations in months and years, and how they are shown."""

import pytest

from cjsim.scenario.fields import parse_duration, readable_duration
from cjsim.scenario.phrases import duration_phrase
from cjsim.yaml.strict_model import FieldError


@pytest.mark.parametrize(
    ("text", "days"),
    [("1y", 365), ("3y", 1095), ("6mo", 182.5), ("1mo", 365 / 12), ("1y 6mo 1d", 548.5), ("2 mo", 365 / 6), ("5m", 5 / 1440)],
)
def test_a_year_has_365_days_and_a_month_a_twelfth_of_them(text: str, days: float) -> None:
    assert parse_duration(text) == pytest.approx(days, rel=1e-15)


def test_the_message_on_an_unknown_unit_lists_all_units() -> None:
    with pytest.raises(FieldError, match=r"\(s, min, h, d, w, mo, y\)"):
        parse_duration("3 fortnights")


@pytest.mark.parametrize(("text", "shown"), [("1mo", "1mo"), ("18mo", "18mo"), ("12mo", "365d"), ("2y", "730d"), ("30d", "30d")])
def test_months_that_are_not_whole_days_are_shown_as_months(text: str, shown: str) -> None:
    assert readable_duration(text) == shown


@pytest.mark.parametrize(("text", "phrase"), [("3mo", "3 months"), ("1mo", "1 month"), ("1y", "365 days"), ("36h", "1.5 days")])
def test_months_are_described_as_months(text: str, phrase: str) -> None:
    assert duration_phrase(parse_duration(text)) == phrase

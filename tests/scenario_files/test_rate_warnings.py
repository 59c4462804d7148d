"""Lint warnings about response rates far outside the published range."""

from typing import Any

import pytest

from cjsim.simulation.documents import Journey
from cjsim.validate.warnings.rate_lint import rate_warnings


def warned(kind: str = "push", **rates: float) -> list[str]:
    """Warnings about a journey with one message that has these rates."""
    parts: dict[str, Any] = {"name": "j", "starts_in": "here", "stages": {"here": {}}, "events": {"seen": {}}}
    channel = {"kind": kind} | ({"visits": ["seen"]} if kind == "pull" else {})
    message = {"channel": "mail", "open_rate": 0.5, "click_rate": 0.1, **rates}
    journey = Journey.model_validate(parts | {"channels": {"mail": channel}, "messages": {"news": message}})
    return list(rate_warnings(journey, ""))


@pytest.mark.parametrize(("key", "rate"), [("unsubscribe_rate", 0.5), ("complaint_rate", 0.02), ("click_rate", 0.9), ("open_rate", 0.004)])
def test_a_rate_far_outside_the_published_range_warns(key: str, rate: float) -> None:
    assert [warning.split(": ")[0] for warning in warned(**{key: rate})] == [f"messages.news.{key}"]


@pytest.mark.parametrize(
    ("key", "rate"), [("unsubscribe_rate", 0.035), ("complaint_rate", 0.0005), ("click_rate", 0.25), ("open_rate", 0.04)]
)
def test_a_published_rate_does_not_warn(key: str, rate: float) -> None:
    assert warned(**{key: rate}) == []


def test_the_warning_names_the_usual_range_and_the_likely_value() -> None:
    assert warned(unsubscribe_rate=0.5) == [
        "messages.news.unsubscribe_rate: is 50 %, but usual rates are 0.1 to 1 % per delivery for email and 0.6 to 3.5 % for SMS. "
        "Write 0.005 if you mean 0.5 %, or accept this warning."
    ]


def test_a_high_click_rate_of_a_placed_message_does_not_warn() -> None:
    assert warned("pull", click_rate=0.9) == []


def test_an_unsubscribe_rate_of_a_transactional_message_warns() -> None:
    assert warned(transactional=True, unsubscribe_rate=0.002) == [
        "messages.news.unsubscribe_rate: is 0.2 %, but transactional messages usually have no unsubscribe link, and continue after an "
        "opt-out. Set it to 0, or remove 'transactional' if it is marketing."
    ]
    assert warned(transactional=True) == []


def test_a_low_open_rate_suggests_the_share_that_was_meant() -> None:
    assert "Write 0.4 if you mean 40 %" in warned(open_rate=0.004)[0]

"""Warnings about time zones, and about settings without effect on calendar waits."""

from typing import Any

import pytest
from small_scenarios import small_scenario

from cjsim.description.describe import describe
from cjsim.validate.warnings.clock_lint import clock_warnings
from cjsim.validate.warnings.time_zone_lint import time_zone_warnings

CALENDAR = {"in": "anywhere", "wait": {"calendar": {"days_of_month": [31], "at": "06:00"}}}
MAIL = {"channels": {"mail": {}}, "messages": {"hello": {"channel": "mail", "open_rate": 0.5}}}
DAILY = {"schedule": {"weekdays": ["monday"], "at": "09:00", "time_zone": "customer"}, "send": "hello"}


def in_zones(zones: dict[str, str], **more: Any) -> dict[str, Any]:
    return MAIL | {"attributes": {"country": {"DE": 0.5, "US": 0.5}}, "time_zones": {"attribute": "country", "zones": zones, **more}}


def test_a_level_without_a_time_zone_warns() -> None:
    [found] = time_zone_warnings(small_scenario(journey=in_zones({"DE": "Europe/Berlin"}), time_zone="Europe/Berlin"))
    assert found.startswith("journey.time_zones.zones: lists no zone for US, so these customers are in the firm's time zone.")


def test_a_default_time_zone_does_not_warn() -> None:
    journey = in_zones({"DE": "Europe/Berlin"}, default="UTC")
    assert list(time_zone_warnings(small_scenario(journey=journey, time_zone="Europe/Berlin"))) == []


def test_a_schedule_in_the_customers_time_without_time_zones_warns() -> None:
    [found] = time_zone_warnings(small_scenario(journey=MAIL, policy={"broadcasts": {"daily": DAILY}}))
    assert found.startswith("policy.broadcasts.daily.schedule.time_zone: 'customer' has no effect")


@pytest.mark.parametrize(
    "journey",
    [
        {"personas": {"one": {"share": 1, "speed": {"bill": 2}}}},
        {"personas": {"one": {"share": 1, "responds": {"bill": 2}}}},
        {"personas": {"one": {"share": 1, "contact_lift": {"bill": 0.5}}}},
        {"events": {"bill": CALENDAR | {"half_life": "9d"}}},
        MAIL | {"messages": {"hello": {"channel": "mail", "open_rate": 0.5, "lift": {"opened": {"bill": 1}}}}},
    ],
)
def test_a_setting_of_the_speed_of_a_calendar_wait_warns(journey: dict[str, Any]) -> None:
    scenario = small_scenario(journey={"events": {"bill": CALENDAR}} | journey)
    [found] = clock_warnings(scenario.journey, None, "")
    assert "has no effect, because the calendar alone decides when 'bill' happens" in found


def test_a_persona_speed_of_zero_on_a_calendar_wait_does_not_warn() -> None:
    scenario = small_scenario(journey={"events": {"bill": CALENDAR}, "personas": {"one": {"share": 1, "speed": {"bill": 0}}}})
    assert list(clock_warnings(scenario.journey, None, "")) == []


def test_the_description_names_zones_and_calendar_times() -> None:
    journey = in_zones({"DE": "Europe/Berlin", "US": "America/New_York"}) | {"events": {"bill": CALENDAR}}
    text = describe(small_scenario(journey=journey, policy={"broadcasts": {"daily": DAILY}}, time_zone="Europe/Berlin"))
    assert "Day 0 begins at midnight in Europe/Berlin, the time zone of the firm." in text
    assert "Time zones of customers by country: DE Europe/Berlin, US America/New_York, others as the firm." in text
    assert "bill on the 31st of every month (or its last day) at 06:00" in text
    assert "every week on Monday at 09:00 in the customer's time" in text

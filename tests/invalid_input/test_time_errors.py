"""Invalid time zones and calendar waits: what must hold, the value, and what to do."""

from typing import Any

import pytest

from cjsim.errors import InputError
from cjsim.simulation.documents import Scenario

ZONES = {"attribute": "country", "zones": {"DE": "Europe/Berlin"}}
COUNTRY = {"attributes": {"country": {"DE": 1}}}


def event(wait: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"journey": {"events": {"bill": {"in": "anywhere", "wait": {"calendar": wait}, **more}}}}


def load(parts: dict[str, Any]) -> Scenario:
    journey = {"name": "j", "starts_in": "here", "stages": {"here": {}}, **parts.get("journey", {})}
    settings = {"name": "small", "start": "2026-01-05", "horizon": "30d"} | parts
    return Scenario.from_dict(settings | {"journey": journey, "policy": {"name": "p", **parts.get("policy", {})}})


CASES: list[tuple[dict[str, Any], str, str]] = [
    (
        {"time_zone": "Europe/Berln"},
        "time_zone: must be the name of a time zone in the IANA database, got 'Europe/Berln'",
        "Europe/Berlin'?",
    ),
    ({"time_zone": "berlin"}, "time_zone: must be the name of a time zone", "Write Europe/Berlin."),
    ({"time_zone": "../UTC"}, "time_zone: must be the name of a time zone", ""),
    (
        {"journey": COUNTRY | {"time_zones": ZONES}},
        "time_zone: must be the firm's time zone if the journey has 'time_zones'",
        "time_zone: Eur",
    ),
    (
        {"journey": COUNTRY | {"time_zones": ZONES | {"attribute": "contry"}}, "time_zone": "UTC"},
        "journey.time_zones.attribute: must be one of 'country'",
        "Did you mean 'country'?",
    ),
    (
        {"journey": COUNTRY | {"time_zones": ZONES | {"zones": {"FR": "UTC"}}}, "time_zone": "UTC"},
        "journey.time_zones.zones",
        "'DE'",
    ),
    (event({"weekdays": ["monday"], "days_of_month": [1]}), "must have either 'weekdays' or 'days_of_month'", "Give exactly one"),
    (event({"at": "06:00"}), "must have either 'weekdays' or 'days_of_month'", "days_of_month: [1]"),
    (event({"days_of_month": [32]}), "journey.events.bill.wait.calendar.days_of_month[0]", "31"),
    (event({"days_of_month": [1], "every_weeks": 2}), "must not have 'every_weeks' with 'days_of_month'", "Remove 'every_weeks'."),
    (event({"weekdays": ["monday", "monday"]}), "must not contain duplicates", "Remove one 'monday'."),
    (
        event({"days_of_month": [1]}, satisfaction=2),
        "journey.events.bill.satisfaction: must not be set for an event with a calendar wait, got 2",
        "Remove 'satisfaction'",
    ),
    (event({"days_of_month": [1], "time_zone": "Europe/Berlin"}), "journey.events.bill.wait.calendar.time_zone", "customer"),
]


@pytest.mark.parametrize(("parts", "problem", "remedy"), CASES)
def test_an_error_names_the_path_and_what_to_do(parts: dict[str, Any], problem: str, remedy: str) -> None:
    with pytest.raises(InputError) as caught:
        load(parts)
    assert problem in str(caught.value)
    assert remedy in str(caught.value)


def test_a_best_hour_in_the_firms_time_is_an_error() -> None:
    step = {"wait_until": {"at": "18:00", "best_hour": True, "time_zone": "firm"}}
    policy = {"flows": {"evening": {"on": {"inactivity": "1d"}, "steps": [step]}}}
    with pytest.raises(InputError, match="must not have 'time_zone: firm' with 'best_hour'"):
        load({"policy": policy})

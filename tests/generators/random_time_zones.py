"""Random time zones and calendar waits, added to a finished random scenario."""

import json
from typing import Any

from chooser import Chooser, ScenarioData, ScenarioNames

FIRM_ZONES = ("Europe/Berlin", "America/New_York", "Asia/Kolkata", "Pacific/Auckland")
# Zones with daylight saving of an hour and of half an hour, without it, and with offsets of half and quarter hours.
CUSTOMER_ZONES: tuple[ScenarioData, ...] = (
    {"DE": "Europe/Berlin", "FR": "America/New_York"},
    {"DE": "Asia/Kathmandu", "FR": "Australia/Lord_Howe"},
    {"FR": "America/St_Johns"},
    {"DE": "Pacific/Auckland"},
)
CALENDAR_TIMES: tuple[ScenarioData, ...] = (
    {"weekdays": ["thursday"], "at": "23:59"},
    {"weekdays": ["monday", "sunday"], "every_weeks": 2, "at": "02:30"},
    {"days_of_month": [1, 31]},
    {"days_of_month": [26, 2], "at": "01:30", "every_months": 1},
    {"days_of_month": [15], "every_months": 2, "at": "24:00"},
)


def add_calendar_wait(chooser: Chooser, names: ScenarioNames, made: ScenarioData) -> None:
    """Give one event the times of the calendar."""
    event = made["journey"]["events"][chooser.choice(names.events)]
    for key in ("speed", "satisfaction", "activity", "restart"):
        event.pop(key, None)
    event["wait"] = {"calendar": chooser.choice(CALENDAR_TIMES)}


def add_time_zones(chooser: Chooser, made: ScenarioData) -> ScenarioData:
    """The scenario a month earlier, when daylight saving ends, with time zones and with rules in the firm's or the customers' time."""
    moved: ScenarioData = json.loads(json.dumps(made).replace('"2025-11-', '"2025-10-'))
    moved["time_zone"] = chooser.choice(FIRM_ZONES)
    moved["journey"]["time_zones"] = {"attribute": "country", "zones": chooser.choice(CUSTOMER_ZONES)}
    chooser.add_optional(moved["journey"]["time_zones"], 40, default=lambda: "Asia/Kathmandu")
    for part in _parts_in_local_time(moved):
        if not part.get("best_hour"):
            chooser.add_optional(part, 60, time_zone=lambda: chooser.choice(("firm", "customer")))
    return moved


def _parts_in_local_time(value: Any) -> list[ScenarioData]:
    """Schedules, dates, calendar waits, quiet hours, blackouts and waits until a local time."""
    if isinstance(value, list):
        return [part for item in value for part in _parts_in_local_time(item)]
    if not isinstance(value, dict):
        return []
    found = [value[key] for key in ("schedule", "calendar", "wait_until") if isinstance(value.get(key), dict)]
    found += [rule for key in ("quiet_hours", "blackouts") for rule in value.get(key, [])]
    found += [value] if "date" in value else []
    return [*found, *(part for item in value.values() for part in _parts_in_local_time(item))]

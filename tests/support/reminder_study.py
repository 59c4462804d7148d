"""A small study for tests: reminders lead to orders, but too many of them make customers leave."""

from typing import Any

from cjsim.tuning.study import Study

REMINDER_WAIT, REMINDER_CAP = "policy.flows.remind.steps[0].wait", "policy.guardrails.caps[0].at_most"


def reminder_journey() -> dict[str, Any]:
    """Visits lead to orders; an opened reminder speeds up both visits and churn."""
    buys = {"choose": [{"weight": 0.3, "effects": [{"fire": "order"}]}, {"weight": 0.7}]}
    return {
        "name": "j",
        "starts_in": "here",
        "stages": {"here": {"retained": True}, "gone": {}},
        "events": {
            "visit": {"in": ["here"], "wait": {"exponential": "10d"}, "half_life": "2d", "effects": [buys]},
            "order": {"effects": [{"purchase": {"value": {"gamma": {"mean": 10, "shape": 2}}, "margin": 0.5}}]},
            "leave": {"in": ["here"], "wait": {"exponential": "200d"}, "half_life": "5d", "effects": [{"go": "gone"}]},
        },
        "channels": {"mail": {"cost": 0.05}},
        "messages": {"hello": {"channel": "mail", "open_rate": 0.4, "lift": {"opened": {"visit": 3, "leave": 2}}}},
    }


def reminder_study_data(**changes: Any) -> dict[str, Any]:
    """The study as plain data."""
    policy = {
        "name": "p",
        "flows": {"remind": {"on": {"event": "visit"}, "again_after": "1d", "steps": [{"wait": "3d"}, {"send": "hello"}]}},
        "guardrails": {"caps": [{"at_most": 3, "per": "7d"}]},
    }
    scenario = {"name": "s", "start": "2026-01-05", "horizon": "60d", "customers": 8000, "journey": reminder_journey(), "policy": policy}
    free = {REMINDER_WAIT: {"low": "1h", "high": "20d", "log": True}, REMINDER_CAP: {"low": 1, "high": 5}}
    return {"name": "small", "scenario": scenario, "free": free, "objectives": ["clv"], **changes}


def small_reminder_study(**changes: Any) -> Study:
    """The study with some values replaced."""
    return Study.from_dict(reminder_study_data(**changes))

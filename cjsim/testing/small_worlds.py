"""Small scenarios for contract checks."""

from functools import cache
from typing import Any

from cjsim.simulation.documents import Scenario

_STAGES = {"prospect": {}, "member": {"retained": True}, "lapsed": {"observed": False}}
_EVENTS: dict[str, dict[str, Any]] = {
    "join": {"in": ["prospect"], "wait": {"exponential": "20d"}, "effects": [{"purchase": {"value": 20}}, {"go": "member"}]},
    "order": {
        "in": ["member"],
        "wait": {"exponential": "12d"},
        "effects": [{"purchase": {"value": {"lognormal": {"median": 20, "sigma": 0.5}}, "margin": 0.4}}, {"satisfy": 0.1}],
    },
    "recommend": {"in": ["member"], "wait": {"exponential": "40d"}, "effects": [{"refer": {"invites": 1, "joins": 0.4}}]},
    "lapse": {"in": ["member"], "wait": {"exponential": "60d"}, "effects": [{"go": "lapsed"}, {"satisfy": -0.2}]},
    "store_closed": {"effects": [{"satisfy": -0.3}]},
}
_JOURNEY: dict[str, Any] = {
    "name": "contract_journey",
    "starts_in": "prospect",
    "stages": _STAGES,
    "events": _EVENTS,
    "channels": {"email": {"cost": 0.02}, "sms": {"cost": 0.1, "consent": 0.6}},
    "messages": {
        "news": {"channel": "email", "open_rate": 0.4, "click_rate": 0.3, "unsubscribe_rate": 0.02, "complaint_rate": 0.01},
        "nudge": {"channel": "sms", "open_rate": 0.7, "unsubscribe_rate": 0.03},
    },
    "offers": {"tenth": {"discount": 0.1, "valid": "20d", "redeems": 0.8}},
    "moments": {"conversion": "join", "first_value": "order"},
}
_POLICY: dict[str, Any] = {
    "name": "contract_policy",
    "flows": {"welcome": {"on": {"event": "join"}, "steps": [{"send": "news"}, {"wait": "2d"}, {"send": "nudge"}, {"offer": "tenth"}]}},
    "broadcasts": {"weekly": {"schedule": {"weekdays": ["monday"], "at": "09:00"}, "send": "news"}},
    "guardrails": {"holdout": 0.1, "caps": [{"at_most": 3, "per": "14d"}]},
}
_SETTINGS: dict[str, Any] = {"start": "2026-01-05", "horizon": "120d", "customers": 120, "seed": 11, "entry": {"over": "30d"}}


@cache
def independent_customers() -> Scenario:
    """Return a scenario with messages, purchases and referrals in which customers share no resources."""
    return Scenario.from_dict({"name": "independent", "journey": _JOURNEY, "policy": _POLICY, **_SETTINGS})


@cache
def sharing_customers() -> Scenario:
    """Return a scenario in which customers share a desk with paid staff, and some arrive through paid acquisition."""
    ask = {"in": ["member"], "wait": {"exponential": "15d"}, "effects": [{"ask": "help"}]}
    desk = {"service": {"exponential": "2h"}, "patience": {"exponential": "6h"}, "effects": {"late": [{"satisfy": -0.1}]}}
    journey = _JOURNEY | {
        "events": _EVENTS | {"ask": ask},
        "desks": {"help": desk},
        "acquisition": {"search": {"baseline": 0.5, "hill": {"at_most": 2.0, "half": 50}}},
    }
    shift = {"agents": 1, "from": "09:00", "to": "17:00", "wage_per_hour": 20}
    policy = _POLICY | {
        "desks": {"help": {"shifts": [shift], "sla": "1h", "cost_per_minute": 0.5}},
        "acquisition": {"search": {"per_day": 30}},
    }
    return Scenario.from_dict({"name": "sharing", "journey": journey, "policy": policy, **_SETTINGS})


@cache
def idle_customers() -> Scenario:
    """Return a scenario in which no event occurs."""
    events = {name: {key: value for key, value in event.items() if key != "wait"} for name, event in _EVENTS.items()}
    return Scenario.from_dict({"name": "idle", "journey": _JOURNEY | {"events": events}, "policy": {"name": "none"}, **_SETTINGS})

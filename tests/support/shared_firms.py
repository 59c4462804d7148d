"""Small firms whose customers share a desk or arrive through an acquisition channel."""

from typing import Any

from cjsim.simulation.documents import Scenario


def desk_firm(*, agents: int = 1, customers: int = 300, horizon: str = "60d", call_every: str = "20d", countries: bool = False) -> Scenario:
    """A firm whose customers buy, and call a desk with `agents` agents around the clock. Customers who wait too long buy less."""
    desk = {
        "service": {"exponential": "90min"},
        "patience": {"exponential": "12h"},
        "effects": {"unanswered": [{"satisfy": -0.5}], "late": [{"satisfy": -0.3}]},
    }
    value = {"exponential": {"mean": 10}}
    order = {"in": ["active"], "wait": {"exponential": "15d"}, "satisfaction": 3, "effects": [{"purchase": {"value": value}}]}
    call = {"in": ["active"], "wait": {"exponential": call_every}, "effects": [{"ask": "support"}]}
    journey: dict[str, Any] = {
        "name": "desk_journey",
        "starts_in": "active",
        "stages": {"active": {"retained": True}},
        "desks": {"support": desk},
        "events": {"order": order, "call": call},
    }
    if countries:
        journey["attributes"] = {"country": {"DE": 0.5, "FR": 0.3, "US": 0.2}}
        journey["personas"] = {"calm": {"share": 0.7}, "hasty": {"share": 0.3, "speed": {"order": 3}}}
    policy = {"name": "desk_policy", "desks": {"support": {"agents": agents, "wage_per_hour": 20, "sla": "4h"}}}
    return Scenario.from_dict(
        {"name": "desk", "start": "2026-01-05", "horizon": horizon, "customers": customers, "policy": policy, "journey": journey}
    )


def growing_firm(*, customers: int = 40, arrivals_per_day: float = 1.0, spend: float = 5.0) -> Scenario:
    """A firm whose initial customers never buy, and whose arrivals buy once a week: its CLV depends on their proportion."""
    journey = {
        "name": "growing_journey",
        "starts_in": "active",
        "stages": {"active": {"retained": True}},
        "personas": {"idle": {"share": 1}, "buyer": {"share": 0, "speed": {"order": 100}}},
        "events": {"order": {"in": ["active"], "wait": {"exponential": "700d"}, "effects": [{"purchase": {"value": 10}}]}},
        "acquisition": {"ads": {"baseline": arrivals_per_day, "personas": {"buyer": 1}}},
    }
    policy = {"name": "growing_policy", "acquisition": {"ads": spend}}
    return Scenario.from_dict(
        {"name": "growing", "start": "2026-01-05", "horizon": "60d", "customers": customers, "policy": policy, "journey": journey}
    )

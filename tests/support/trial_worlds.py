"""Scenarios with an experiment, for tests of arms and of exported trials."""

from typing import Any

from small_scenarios import small_scenario

from cjsim.simulation.documents import Scenario


def trial_scenario(*, treated: list[Any], share: float = 0.5, steps: list[Any] | None = None, **settings: Any) -> Scenario:
    """Customers who visit after an exponential time and buy at random, and an experiment at their visits: control against `treated`.

    `steps` are steps of the flow before the split.
    """
    split = {"split": {"control": {"share": 1 - share}, "treated": {"share": share, "steps": treated}}, "experiment": "promo"}
    journey = {
        "stages": {"prospect": {}, "member": {"retained": True}},
        "starts_in": "prospect",
        "attributes": {"country": {"UK": 0.6, "FR": 0.4}},
        "events": {
            "visit": {"in": "anywhere", "wait": {"exponential": "20d"}},
            "buy": {"in": "anywhere", "wait": {"exponential": "15d"}, "effects": [purchase(), {"go": "member"}]},
            "leave": {"in": ["member"], "wait": {"exponential": "40d"}, "effects": [{"go": "prospect"}]},
            "order": {"effects": [purchase()]},
        },
        "channels": {"mail": {"cost": 0.1}},
        "messages": {"promo_mail": {"channel": "mail", "open_rate": 0.5, "click_rate": 0.3, "effects": {"opened": [{"fire": "order"}]}}},
        "moments": {"conversion": "buy"},
    }
    policy = {"flows": {"offer": {"on": {"event": "visit"}, "again_after": "0s", "steps": [*(steps or []), split]}}}
    fields = {"horizon": "60d", "customers": 400, "seed": 5} | settings
    return small_scenario(journey=journey, policy=policy, **fields)


def purchase() -> dict[str, Any]:
    return {"purchase": {"value": {"lognormal": {"median": 20, "sigma": 0.5}}}}

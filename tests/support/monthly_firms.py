"""Small firms whose customers enter, buy, get mail, refer friends and leave over a few months, and their event logs by month."""

from pathlib import Path
from typing import Any

import pandas as pd

import cjsim as cj
from cjsim.simulation.documents import Scenario


def leaving_firm(*, customers: int = 30, no_mail: bool = False, refers: bool = False, **settings: Any) -> Scenario:
    """A firm with arrivals, mail and churn from the journey's events `order`, `leave` and, if `refers`, `tell`."""
    order = {"in": ["active"], "wait": {"exponential": "20d"}, "effects": [{"purchase": {"value": 12, "margin": 0.5}}]}
    events: dict[str, Any] = {"order": order, "leave": {"in": ["active"], "wait": {"exponential": "60d"}, "effects": [{"go": "gone"}]}}
    if refers:
        effects = [{"refer": {"invites": 1, "joins": 0.5, "delay": {"exponential": "15d"}}}]
        events["tell"] = {"in": ["active"], "wait": {"exponential": "40d"}, "effects": effects}
    journey = {
        "name": "leaving_journey",
        "starts_in": "active",
        "stages": {"active": {"retained": True}, "gone": {}},
        "attributes": {"country": {"DE": 0.5, "FR": 0.5}},
        "channels": {"mail": {"cost": 0.1}},
        "messages": {"news": {"channel": "mail", "open_rate": 0.4, "unsubscribe_rate": 0.1, "lift": {"opened": {"order": 3}}}},
        "events": events,
        "acquisition": {"ads": {"baseline": 0.3}},
    }
    mails = {"weekly": {"schedule": {"weekdays": ["monday"], "at": "09:00"}, "send": "news"}}
    policy: dict[str, Any] = {"name": "leaving_policy", "acquisition": {"ads": 2.0}, "broadcasts": {} if no_mail else mails}
    data = {"name": "leaving", "start": "2026-01-04", "horizon": "80d", "customers": customers, "policy": policy, "journey": journey}
    return Scenario.from_dict(data | settings)


def simulate_with_log(scenario: Scenario, folder: Path, **options: Any) -> tuple[cj.Run, pd.DataFrame]:
    """A run with months, and its event log with the calendar month of each row."""
    run = cj.simulate(scenario, log=folder / "log.parquet", monthly=True, **options)
    assert run.log is not None
    log = run.log.to_pandas()
    return run, log.assign(month=log["time"].dt.strftime("%Y-%m"), event=log["event"].astype(str))

"""Rules of docs/model.md, each on the smallest scenario that shows it."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from small_scenarios import small_scenario

from cjsim.errors import InputError
from cjsim.simulation.documents import Scenario
from cjsim.simulation.simulate import simulate

MAIL = {"channels": {"mail": {}}, "messages": {"hello": {"channel": "mail", "open_rate": 0.5}}}
DAILY = {"weekdays": ["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"], "at": "12:00"}


def event_days(scenario: Scenario, event: str, folder: Path) -> list[int]:
    """Days on which an event of the log happened, over all customers, in order."""
    run = simulate(scenario, customers=1, log=folder / "log.parquet", threads=1)
    assert run.log is not None
    rows = run.log.to_pandas()
    times = rows[rows["event"] == event]["time"]
    return [int(days) for days in (times - np.datetime64("2026-01-05")).dt.days]


def moving_scenario(*, hidden: bool, policy_if: str) -> Scenario:
    """A customer moves from `here` to `there` on day 10; customers who meet the condition get a daily email."""
    return small_scenario(
        journey={
            **MAIL,
            "stages": {"here": {}, "there": {"observed": not hidden}},
            "events": {"move": {"in": ["here"], "wait": {"fixed": "10d"}, "observed": not hidden, "effects": [{"go": "there"}]}},
        },
        policy={"broadcasts": {"daily": {"schedule": DAILY, "send": "hello", "if": policy_if}}},
    )


def test_policy_observes_leaving_a_stage(tmp_path: Path) -> None:
    assert event_days(moving_scenario(hidden=False, policy_if="stage == here"), "delivered", tmp_path) == list(range(10))


def test_policy_does_not_observe_a_move_to_a_hidden_stage(tmp_path: Path) -> None:
    assert event_days(moving_scenario(hidden=True, policy_if="stage == here"), "delivered", tmp_path) == list(range(30))
    assert event_days(moving_scenario(hidden=True, policy_if="days_in_stage >= 9"), "delivered", tmp_path) == list(range(9, 30))


def test_return_from_a_hidden_stage_starts_no_flow(tmp_path: Path) -> None:
    def returning(hidden: bool) -> Scenario:
        away = {"in": ["here"], "wait": {"fixed": "4d"}, "observed": not hidden, "effects": [{"go": "there"}]}
        back = {"in": ["there"], "wait": {"fixed": "3d"}, "observed": not hidden, "effects": [{"go": "here"}]}
        stages = {"here": {}, "there": {"observed": not hidden}}
        flow = {"on": {"stage": "here"}, "steps": [{"send": "hello"}]}
        return small_scenario(journey={**MAIL, "stages": stages, "events": {"away": away, "back": back}}, policy={"flows": {"f": flow}})

    assert event_days(returning(hidden=False), "flow_started", tmp_path) == [0, 7, 14, 21, 28]
    assert event_days(returning(hidden=True), "flow_started", tmp_path) == [0]


def contract(renews: float, entered_over: str) -> Scenario:
    """Converted at entry; every 30 days the contract is renewed or ends."""
    renewal = {"choose": [{"weight": renews}, {"weight": 1 - renews, "effects": [{"go": "out"}]}]}
    return small_scenario(
        journey={
            "stages": {"new": {}, "in_contract": {"retained": True}, "out": {}},
            "starts_in": "new",
            "events": {
                "sign": {"in": ["new"], "wait": {"fixed": "0s"}, "effects": [{"go": "in_contract"}]},
                "renewal": {"in": ["in_contract"], "wait": {"fixed": "30d"}, "effects": [renewal]},
            },
            "moments": {"conversion": "sign"},
        },
        horizon="200d",
        entry={"over": entered_over},
    )


def test_retention_on_the_renewal_day_uses_the_new_stage() -> None:
    # If rounding mattered, some contracts that end on day 90 or 180 would count as retained.
    run = simulate(contract(renews=0.5, entered_over="5d"), customers=2000, seed=3)
    retained = run.outcomes.customers["retained"]
    days_in = run.outcomes.dwell[:, 1]
    for column, days in ((0, 30), (1, 90), (2, 180)):
        assert np.array_equal(retained[:, column] == 1, days_in > days + 0.5)


def test_retention_is_observed_up_to_and_including_the_horizon() -> None:
    run = simulate(contract(renews=1, entered_over="0d").with_values({"horizon": "90d"}), customers=3)
    assert (run.outcomes.customers["retained"][:, :3] == [1, 1, 2]).all()


@pytest.mark.parametrize("engine", ["compiled", "readable"])
def test_zero_time_loop_error_names_the_customer_and_event(engine: Any) -> None:
    # The file check does not reject it, because a wait of one second is possible.
    restless = {"in": ["here"], "wait": {"empirical": {"values": ["0s", "1s"], "weights": [1, 0]}}}
    with pytest.raises(InputError, match=r"must not loop without advancing time: .* customer 0 by day 0, the last of them event 'again'"):
        simulate(small_scenario(journey={"events": {"again": restless}}), customers=2, engine=engine)


def test_deferred_broadcast_reevaluates_its_condition(tmp_path: Path) -> None:
    scenario = small_scenario(
        journey={
            **MAIL,
            "stages": {"here": {}, "there": {}},
            "events": {"move": {"in": ["here"], "wait": {"fixed": "2h"}, "effects": [{"go": "there"}]}},
        },
        policy={
            "broadcasts": {"early": {"schedule": {"dates": ["2026-01-05"], "at": "01:00"}, "send": "hello", "if": "stage == here"}},
            "guardrails": {"quiet_hours": [{"from": "21:00", "to": "08:00"}]},
        },
    )
    assert event_days(scenario, "deferred", tmp_path) == [0]
    assert event_days(scenario, "delivered", tmp_path) == []


def test_condition_with_nan_is_false(tmp_path: Path) -> None:
    scenario = small_scenario(
        journey={**MAIL, "events": {"never_seen": {}, "nor_this": {}}},
        policy={"broadcasts": {"b": {"schedule": DAILY, "send": "hello", "if": "days_since(never_seen) - days_since(nor_this)"}}},
    )
    assert event_days(scenario, "delivered", tmp_path) == []


def test_customers_entering_at_the_horizon_do_not_count_as_entered(tmp_path: Path) -> None:
    (tmp_path / "entries.csv").write_text("entered\n0\n15\n30\n", encoding="utf-8")
    run = simulate(small_scenario(entry={"file": str(tmp_path / "entries.csv")}), customers=3)
    assert list(run.entered) == [True, True, False]


def test_simulate_validates_its_arguments() -> None:
    assert len(simulate(small_scenario(), customers=np.int64(2))) == 2
    with pytest.raises(InputError, match="threads: must be a whole number from 1"):
        simulate(small_scenario(), customers=2, threads=0)
    with pytest.raises(InputError, match=r"shop\.yaml: must be a readable file"):
        simulate("shop.yaml", customers=2)

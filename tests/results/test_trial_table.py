"""The exported table of a trial: assignment, features frozen at the assignment, and outcomes after it."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from small_scenarios import small_scenario
from trial_worlds import trial_scenario

import cjsim as cj
from cjsim.errors import InputError
from cjsim.simulation.segments.experiment_arms import draw_arms
from cjsim.simulation.simulate import ENGINES
from cjsim.uplift.trials.column_roles import ColumnRoles
from cjsim.uplift.trials.dataset import Trial
from cjsim.uplift.trials.exported_trials import CUSTOMER_COLUMN, OUTCOME_COLUMNS, TIME_COLUMNS
from cjsim.uplift.trials.file_reader import read_trial

SEND = [{"send": "promo_mail"}]


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> cj.Run:
    return cj.simulate(trial_scenario(treated=SEND), log=tmp_path_factory.mktemp("run") / "log.parquet")


def rows_with_days(run: cj.Run) -> pd.DataFrame:
    assert run.log is not None
    rows = run.log.to_pandas().fillna({"value": 0.0})
    rows["day"] = (rows["time"] - np.datetime64(run.provenance.start)) / np.timedelta64(1, "D")
    return rows


def by_hand(rows: pd.DataFrame, days: float) -> dict[str, Any]:
    """Features and outcomes of one customer, read from the log row by row."""
    position = list(rows["event"]).index("exposed")
    day = rows["day"].iloc[position]
    before, after = rows.iloc[:position], rows.iloc[position + 1 :]
    after = after[after["day"] < day + days]
    sums: dict[str, Any] = {"arm": ["control", "treated"][int(rows["value"].iloc[position])], "stage_before": rows["stage"].iloc[position]}
    for part, suffix in ((before, "_before"), (after, "")):
        bought = part[part["event"].isin(["buy", "order"]) & (part["value"] > 0)]
        sums |= {f"purchases{suffix}": len(bought), f"revenue{suffix}": bought["value"].sum()}
        sums |= {f"{name}{suffix}": (part["event"] == touch).sum() for name, touch in (("contacts", "delivered"), ("opens", "opened"))}
    sums["events[visit]_before"] = (before["event"] == "visit").sum()
    return sums


def test_table_equals_a_reading_of_the_log_by_hand(run: cj.Run) -> None:
    table, rows = run.trial("promo", follow_up_days=14), rows_with_days(run)
    assert 100 < len(table) < 400
    groups = dict(iter(rows.groupby("customer")))
    for row in table.to_dict("records"):
        expected = by_hand(groups[row["customer"]], 14)
        assert {name: row[name] for name in expected} == pytest.approx(expected)


def test_a_feature_that_only_the_treatment_moves_later_is_frozen_at_the_assignment() -> None:
    # Customers in the treated arm buy one hour after the assignment, and nobody else buys anything.
    gift = {"in": ["here"], "wait": "never", "effects": [{"purchase": {"value": 10}}]}
    journey = {
        "stages": {"here": {}},
        "events": {"gift": gift, "visit": {"in": "anywhere", "wait": {"fixed": "5d"}}},
        "channels": {"mail": {}},
        "messages": {"code": {"channel": "mail", "open_rate": 0.5, "effects": {"delivered": [{"fire": "gift"}]}}},
    }
    treated = {"share": 0.5, "steps": [{"wait": "1h"}, {"send": "code"}]}
    split = {"split": {"control": {"share": 0.5}, "treated": treated}, "experiment": "e"}
    flows = {"gifts": {"on": {"event": "visit"}, "again_after": "0s", "steps": [split]}}
    table = cj.export_trial(small_scenario(journey=journey, policy={"flows": flows}, horizon="30d"), customers=100)
    assert (table["purchases_before"] == 0).all()
    assert (table["events[gift]_before"] == 0).all()
    assert table["days_since_purchase"].isna().all()
    assert (table["purchases"] == np.where(table["arm"] == "treated", 5, 0)).all()


def weekly_buyers(**settings: Any) -> cj.Scenario:
    """Customers who buy for 10 on days 7, 14, 21, ... and are assigned on day 15."""
    buy = {"in": ["here"], "wait": {"fixed": "7d"}, "effects": [{"purchase": {"value": 10}}]}
    split = {"split": {"a": {"share": 0.5}, "b": {"share": 0.5}}, "experiment": "e"}
    policy = {"flows": {"test": {"on": {"date": "2026-01-20", "at": "00:00"}, "steps": [split]}}}
    return small_scenario(
        journey={"stages": {"here": {"retained": True}}, "events": {"buy": buy}}, policy=policy, horizon="40d", customers=20, **settings
    )


def test_features_and_outcomes_of_a_known_history() -> None:
    table = cj.export_trial(weekly_buyers(), "e", follow_up_days=14)
    row = table.iloc[0].drop(["customer", "arm"]).to_dict()
    assert row == {
        "assigned_day": 15.0,
        "observed_days": 14.0,
        "days_since_entry": 15.0,
        "stage_before": "here",
        "purchases_before": 2,
        "revenue_before": 20.0,
        "contacts_before": 0,
        "opens_before": 0,
        "clicks_before": 0,
        "opt_outs_before": 0,
        "events[buy]_before": 2,
        "days_since_purchase": 1.0,
        "days_since_contact": pytest.approx(np.nan, nan_ok=True),
        "purchases": 2,
        "revenue": 20.0,
        "contacts": 0,
        "opens": 0,
        "clicks": 0,
        "opt_outs": 0,
        "retained": 1,
    }


def test_without_a_window_outcomes_count_until_the_horizon() -> None:
    table = cj.export_trial(weekly_buyers())
    assert (table["observed_days"] == 25.0).all()
    assert (table["purchases"] == 3).all()


def test_customers_who_are_not_observed_for_the_window_are_left_out(run: cj.Run) -> None:
    every, window = run.trial(), run.trial(follow_up_days=30)
    assert 0 < len(window) < len(every)
    assert window["customer"].tolist() == every["customer"][every["assigned_day"] + 30 <= 60].tolist()
    assert (window["observed_days"] == 30).all()


def test_a_follow_up_from_entry_also_ends_the_window(tmp_path: Path) -> None:
    run = cj.simulate(weekly_buyers(), follow_up_days=20, log=tmp_path / "log.parquet")
    assert (run.trial()["observed_days"] == 5.0).all()
    with pytest.raises(InputError, match=r"must count outcomes for at most 5\.0 days"):
        run.trial(follow_up_days=6)


def test_arms_are_named(run: cj.Run) -> None:
    table = run.trial()
    names = np.array(["control", "treated"])
    assert table["arm"].tolist() == names[draw_arms(run, "promo")][table["customer"]].tolist()


def test_attributes_are_features(run: cj.Run) -> None:
    table = run.trial()
    assert table["country"].tolist() == run.customers["country"][table["customer"]].tolist()


def test_retained_is_the_stage_at_the_end_of_the_window(run: cj.Run) -> None:
    # Every change of stage in this world follows an event in the log: `buy` leads to the retained stage, `leave` out of it.
    rows = rows_with_days(run)
    moves = rows[rows["event"].isin(["buy", "leave"])]
    table = run.trial(follow_up_days=10)
    for customer, day, retained in table[["customer", "assigned_day", "retained"]].itertuples(index=False):
        passed = moves[(moves["customer"] == customer) & (moves["day"] < day + 10)]["event"]
        assert retained == (len(passed) > 0 and passed.iloc[-1] == "buy")
    assert 0.1 < table["retained"].mean() < 0.9


def test_two_experiments_of_one_flow_are_told_apart() -> None:
    # The second experiment follows two weeks after the first, and one purchase lies between them.
    scenario = weekly_buyers()
    second = {"split": {"a": {"share": 0.5}, "b": {"share": 0.5}}, "experiment": "second"}
    steps = scenario.to_dict()["policy"]["flows"]["test"]["steps"]
    both = scenario.with_values({"policy.flows.test.steps": [*steps, {"wait": "9d"}, second]})
    assert (cj.export_trial(both, "second")["assigned_day"] == 24.0).all()
    assert (cj.export_trial(both, "second")["purchases_before"] == 3).all()


def test_engines_give_the_same_table(tmp_path: Path) -> None:
    scenario, tables = trial_scenario(treated=SEND), []
    for engine in ENGINES:
        run = cj.simulate(scenario, engine=engine, customers=60, log=tmp_path / f"{engine}.parquet")  # type: ignore[arg-type]
        tables.append(run.trial(follow_up_days=14))
    pd.testing.assert_frame_equal(*tables)


def test_a_saved_run_gives_the_same_table(run: cj.Run, tmp_path: Path) -> None:
    pd.testing.assert_frame_equal(cj.Run.load(run.save(tmp_path)).trial(), run.trial())


def test_a_run_without_log_is_refused() -> None:
    with pytest.raises(InputError, match=r"trial: must come from a run with an event log, got none\. Pass log=FILE to simulate\."):
        cj.simulate(weekly_buyers()).trial()


def test_an_unknown_experiment_is_refused(run: cj.Run) -> None:
    with pytest.raises(InputError, match="Did you mean 'promo'"):
        run.trial("prom")


def test_an_exported_trial_is_analyzed_without_naming_features(run: cj.Run, tmp_path: Path) -> None:
    table = run.trial()
    table.to_csv(tmp_path / "trial.csv", index=False)
    roles = ColumnRoles(treatment="arm", outcome="revenue")
    features = [column for column in table.columns if column.endswith("_before")] + ["country", "days_since_entry", "days_since_contact"]
    for trial in (Trial.from_frame(table, roles), read_trial(tmp_path / "trial.csv", roles)):
        assert set(trial.features) <= {*features, "days_since_purchase"}
        assert "country" in trial.features
        assert trial.ids is not None and list(trial.ids) == list(table["customer"])
        assert "column 'contacts' is not used as a feature: it is an outcome" in trial.notes


def test_the_columns_of_an_exported_trial_have_known_roles(run: cj.Run) -> None:
    assert {*OUTCOME_COLUMNS, *TIME_COLUMNS, CUSTOMER_COLUMN} <= set(run.trial().columns)


def test_an_outcome_of_an_exported_trial_can_be_named_as_a_feature(run: cj.Run) -> None:
    trial = Trial.from_frame(run.trial(), ColumnRoles(treatment="arm", outcome="revenue", features=("contacts",)))
    assert list(trial.features) == ["contacts"]


def test_a_scenario_without_experiment_is_refused_before_the_simulation(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cjsim.simulation.trials.trial_export.simulate", lambda *_, **__: pytest.fail("simulated"))
    with pytest.raises(InputError, match="experiment: must name an experiment unless the policy has exactly one, got no experiment"):
        cj.export_trial(small_scenario())

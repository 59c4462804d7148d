"""Runs: summary, JSON and tables, separation of observed and latent columns, and saving and loading."""

import hashlib
import json
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest
from small_scenarios import small_scenario
from synthetic_runs import CODEBOOK, random_outcomes, run_from_outcomes

from cjsim.engine.provenance import Provenance
from cjsim.errors import InputError
from cjsim.eventlog import LogWriter
from cjsim.kernels.state import DESK_OUTCOME, LOG_ROW, OUTCOME
from cjsim.simulation.documents import Journey, Scenario
from cjsim.simulation.run import Run
from cjsim.simulation.simulate import simulate


def logged_run(folder: Path) -> Run:
    with LogWriter(folder / "made.parquet", CODEBOOK, date(2026, 1, 15)) as writer:
        writer.write(np.zeros(3, LOG_ROW))
    return run_from_outcomes(random_outcomes(20), log_path=folder / "made.parquet")


def test_json_has_the_declared_shape() -> None:
    content = json.loads(json.dumps(run_from_outcomes(random_outcomes(50)).to_json(), allow_nan=False))
    assert list(content) == ["scenario", "customers", "seed", "engine", "events", "seconds", "metrics"]
    assert (content["scenario"], content["customers"], content["seed"], content["engine"]) == ("shop", 50, 7, "compiled")
    assert all(set(metric) == {"value", "low", "high", "n", "unit"} for metric in content["metrics"].values())


def test_undefined_metrics_are_null_in_json() -> None:
    churn = run_from_outcomes(random_outcomes(50), retained=()).to_json()["metrics"]["churn"]
    assert churn == {"value": None, "low": None, "high": None, "n": 0, "unit": "share"}


def test_customers_table_has_observed_columns() -> None:
    run = run_from_outcomes(random_outcomes(100))
    frame, of = run.customers, run.outcomes.customers
    assert len(frame) == 100
    assert frame["country"].tolist()[:4] == ["FR", "UK", "UK", "FR"]
    assert np.array_equal(frame["revenue"], of["revenue"])
    assert np.array_equal(frame["first_value"], run.outcomes.moments[:, 1], equal_nan=True)
    assert frame["retained_30d"].isna().equals(frame["conversion"].isna())
    assert not {"persona", "trait[rate]", "rate"} & set(frame)


def test_unobserved_stage_is_null() -> None:
    run = run_from_outcomes(random_outcomes(100))
    lapsed = run.truth["stage"] == "lapsed"
    assert lapsed.any()
    assert run.customers["stage"].isna().equals(lapsed)


def test_truth_table_has_persona_and_traits() -> None:
    run = run_from_outcomes(random_outcomes(100))
    assert run.truth["persona"].tolist() == [CODEBOOK.personas[code] for code in run.outcomes.customers["persona"]]
    assert np.array_equal(run.truth["trait[rate]"], np.linspace(0, 1, 100))


def test_colliding_column_name_gets_its_kind_as_prefix() -> None:
    codebook = replace(CODEBOOK, attributes={"stage": ("UK", "FR")}, moments=("conversion", "first_purchase"))
    frame = run_from_outcomes(random_outcomes(10), codebook=codebook).customers
    assert {"attribute_stage", "stage", "first_purchase", "moment_first_purchase"} <= set(frame)


def test_summary_names_the_run_and_its_metrics() -> None:
    text = str(run_from_outcomes(random_outcomes(1000)))
    assert text.startswith("shop: 1,000 customers, 365 days, seed 7, compiled engine")
    assert "retention_90d" in text
    assert "stage_days[active]" not in text
    assert "stage_days[active]" in run_from_outcomes(random_outcomes(1000)).summary(full=True)


def test_frame_of_metrics_has_their_fields() -> None:
    frame = run_from_outcomes(random_outcomes(50)).to_pandas()
    assert list(frame) == ["value", "low", "high", "n", "unit"]
    assert frame.loc["clv", "unit"] == "money"


def test_outcomes_of_a_loaded_run_are_read_only(tmp_path: Path) -> None:
    loaded = Run.load(run_from_outcomes(random_outcomes(5)).save(tmp_path))
    with pytest.raises(ValueError, match="read-only"):
        loaded.outcomes.customers["clv"][0] = 1.0


def test_save_then_load_gives_the_same_run(tmp_path: Path) -> None:
    run = logged_run(tmp_path)
    again = Run.load(run.save(tmp_path / "run"))
    assert again.provenance == run.provenance
    assert (again.codebook, again.retained, again.hidden) == (run.codebook, run.retained, run.hidden)
    for loaded, made in zip(again.outcomes, run.outcomes, strict=True):
        assert loaded.dtype == made.dtype
        assert loaded.tobytes() == made.tobytes()
    pd.testing.assert_frame_equal(again.customers, run.customers)
    pd.testing.assert_frame_equal(again.truth, run.truth)
    assert again.to_json() == run.to_json()
    assert again.log is not None
    assert len(again.log) == 3


def growing_scenario() -> Scenario:
    """Initial customers, arrivals through a paid channel, referred friends of both, and a desk with some requests."""
    effects = [{"refer": {"invites": 2, "joins": 0.2, "by": "word"}}, {"refer": {"joins": 0.1}}, {"purchase": {"value": 5}}]
    journey = {
        "personas": {"keen": {"share": 0.5}, "cool": {"share": 0.5}},
        "traits": {"pace": {"gamma": {"mean": 1, "shape": 2}}},
        "acquisition": {"ads": {"hill": {"at_most": 9, "half": 50}}, "word": {}},
        "events": {"buy": {"in": ["here"], "wait": {"exponential": "9d"}, "speed": ["pace"], "effects": effects}},
    }
    return small_scenario(journey=journey, policy={"acquisition": {"ads": 40}}, customers=30, entry={"over": "5d"})


def test_loaded_run_keeps_the_referral_tree(tmp_path: Path) -> None:
    run = simulate(growing_scenario())
    assert (run.registry.parents >= 0).sum() > (run.acquisition_channels == 0).sum() > 30
    again = Run.load(run.save(tmp_path / "run"))
    assert again.provenance == run.provenance
    for name in ("keys", "acquisition_channels", "roots", "spend"):
        loaded, made = getattr(again, name), getattr(run, name)
        assert (loaded.dtype, loaded.tobytes()) == (made.dtype, made.tobytes()), name
    assert again.registry.parents.tolist() == run.registry.parents.tolist()
    assert [loaded.tobytes() for loaded in again.outcomes] == [made.tobytes() for made in run.outcomes]
    pd.testing.assert_frame_equal(again.customers, run.customers)
    pd.testing.assert_frame_equal(again.truth, run.truth)


@pytest.mark.parametrize("changes", [{}, {"value_days": 400.0, "has_existing": True}])
def test_loaded_run_keeps_every_outcome(tmp_path: Path, changes: dict[str, Any]) -> None:
    made = random_outcomes(20)
    of_base, codes = {"base_flags", "base_retained"}, {"persona", "stage", "interest", "retained", "held_out"}
    for i, name in enumerate(sorted(set(OUTCOME.names or ()) - of_base - codes), start=1):
        made.customers[name] = np.arange(20) + i
    made.customers["held_out"] = np.arange(20) % 2
    if changes:
        made.customers["base_flags"] = np.where(np.isnan(made.moments[:, 0]), np.arange(20) % 4, 0)  # who converted before converts no more
        made.customers["base_retained"] = np.arange(20)[:, None] % 2
    run = run_from_outcomes(made, codebook=replace(CODEBOOK, **changes))
    again = Run.load(run.save(tmp_path / "run"))
    for name in OUTCOME.names or ():
        assert again.outcomes.customers[name].tolist() == made.customers[name].tolist(), name


def test_customers_table_has_the_value_of_the_first_year_only_beside_a_longer_clv() -> None:
    longer = replace(CODEBOOK, value_days=400.0)
    assert "clv_365d" not in run_from_outcomes(random_outcomes(5)).customers
    assert "clv_365d" in run_from_outcomes(random_outcomes(5), codebook=longer).customers


def test_run_saved_without_the_value_of_the_first_year_is_read(tmp_path: Path) -> None:
    file = run_from_outcomes(random_outcomes(5)).save(tmp_path / "run") / "customers.parquet"
    pq.write_table(pq.read_table(file).drop_columns(["clv_365d"]), file)
    manifest = json.loads((file.parent / "manifest.json").read_text())
    (file.parent / "manifest.json").write_text(json.dumps({k: v for k, v in manifest.items() if k not in ("files", "manifest_sha256")}))
    assert np.isnan(Run.load(file.parent).outcomes.customers["clv_365d"]).all()


def test_population_of_a_run_matches_its_outcomes() -> None:
    run = simulate(growing_scenario())
    of = run.outcomes.customers
    assert run.customers["acquired_by"].tolist() == [(*run.codebook.acquisition, "none")[code] for code in run.acquisition_channels]
    assert run.customers["referred_by"].fillna(-1).tolist() == run.registry.parents.tolist()
    # Fast customers buy more, so traits and purchases belong to the same customers.
    pace = run.truth["trait[pace]"].to_numpy()
    assert np.corrcoef(pace, of["purchases"] / (30 - of["entered"]))[0, 1] > 0.3


def test_provenance_reports_arrivals_and_referrals(tmp_path: Path) -> None:
    run = simulate(growing_scenario())
    origin = run.provenance
    assert (origin.customers, origin.arrived, origin.referred) == (30, run.registry.n_arrived, len(run) - 30 - run.registry.n_arrived)
    assert origin.spend == {"ads": 1200.0, "word": 0.0}
    assert origin.entry == {"over_days": 5.0}
    (tmp_path / "entries.csv").write_text("entered\n1\n")
    entry = simulate(small_scenario(customers=1, entry={"file": str(tmp_path / "entries.csv")})).provenance.entry
    assert entry["file_digest"] == hashlib.sha256(b"entered\n1\n").hexdigest()


def test_desk_outcomes_round_trip_to_disk(tmp_path: Path) -> None:
    made = random_outcomes(5)
    served = np.zeros((5, 2), DESK_OUTCOME)
    for name, values in {"asks": [1, 2], "joined": [3, 4], "waited": [0.5, 0.25], "service": [0.1, 0.2]}.items():
        served[name] = values
    served["replies"] = [[5, 6, 7], [8, 9, 10]]
    run = run_from_outcomes(
        made._replace(desks=served), codebook=replace(CODEBOOK, desks=("support", "sales")), desk_rates={"support": 1.0, "sales": 2.0}
    )
    assert Run.load(run.save(tmp_path)).outcomes.desks.tobytes() == served.tobytes()


def test_saving_writes_the_declared_files(tmp_path: Path) -> None:
    folder = logged_run(tmp_path).save(tmp_path / "run")
    names = {path.name for path in folder.iterdir()}
    assert names == {"metrics.json", "customers.parquet", "truth.parquet", "manifest.json", "log.parquet"}
    assert json.loads((folder / "metrics.json").read_text())["scenario"] == "shop"
    manifest = json.loads((folder / "manifest.json").read_text())
    assert {"version", "seed", "engine", "digests", "date", "platform", "seconds", "libraries"} <= set(manifest)


def test_saving_without_a_log_removes_an_earlier_log(tmp_path: Path) -> None:
    logged_run(tmp_path).save(tmp_path / "run")
    again = Run.load(run_from_outcomes(random_outcomes(5)).save(tmp_path / "run"))
    assert again.log is None
    assert not (tmp_path / "run" / "log.parquet").exists()


def test_log_already_in_the_folder_is_kept(tmp_path: Path) -> None:
    run = logged_run(tmp_path)
    assert run.log_path is not None
    moved = replace(run, log_path=run.log_path.rename(tmp_path / "log.parquet"))
    moved.save(tmp_path)
    assert moved.log is not None
    assert len(moved.log) == 3


def test_folder_that_cannot_be_created_is_rejected(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(InputError, match=r"folder: must be a writable folder, got '.*run' \(Not a directory\)\."):
        run_from_outcomes(random_outcomes(5)).save(tmp_path / "file" / "run")


def test_an_incomplete_run_is_rejected(tmp_path: Path) -> None:
    folder = run_from_outcomes(random_outcomes(5)).save(tmp_path / "run")
    (folder / "manifest.json").unlink()
    with pytest.raises(InputError, match=r"run: must be the folder of a saved run, got no readable manifest\.json\."):
        Run.load(folder)


def test_equal_models_have_equal_digests() -> None:
    plain = {"name": "j", "starts_in": "a", "stages": {"a": {}}}
    one, same, other = (Journey.model_validate(plain | more) for more in ({}, {"title": ""}, {"title": "x"}))
    assert one.digest() == same.digest() != other.digest()
    assert len(one.digest()) == 64


def test_provenance_round_trips_through_json() -> None:
    origin = run_from_outcomes(random_outcomes(5)).provenance
    assert Provenance.from_json(json.loads(json.dumps(origin.to_json()))) == origin

"""Folders whose names are not text, such as those in Latin-1: results and logs are written there, and read again."""

import os
import sys
from pathlib import Path

import pandas as pd
import pytest
from conftest import ROOT
from typer.testing import CliRunner

import cjsim as cj
from cjsim.cli import app

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="file names are text on other systems")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    path = tmp_path / os.fsdecode(b"caf\xe9")
    path.mkdir()
    return path


def test_a_calibration_is_written(folder: Path) -> None:
    days = [(customer, 1 + day) for customer in range(30) for day in range(customer % 7, 28, customer % 5 + 6)]
    rows = (f"{customer},2024-01-{day:02d},{9 + (customer + day) % 5}.25\n" for customer, day in days)
    (folder / "log.csv").write_text("customer,date,amount\n" + "".join(rows), encoding="utf-8")
    columns = ["--customer", "customer", "--time", "date", "--value", "amount", "--until", "2024-01-31"]
    result = CliRunner().invoke(app, ["calibrate", "purchases", str(folder / "log.csv"), *columns, "--out", str(folder / "fit")])
    assert result.exit_code == 0, result.output
    assert len((folder / "fit" / "customers.csv").read_text(encoding="utf-8").splitlines()) == 31


def test_an_event_log_is_written_and_read(folder: Path) -> None:
    (folder / "log.csv").write_text("customer,time,event\n1,2024-01-31 10:00:00,bought\n", encoding="utf-8")
    written = cj.EventLog.read(folder / "log.csv").write(folder / "log.parquet")
    assert cj.EventLog.read(written).to_pandas()["event"].tolist() == ["bought"]


def test_a_run_is_saved_and_loaded(folder: Path) -> None:
    run = cj.simulate(ROOT / "tests" / "worlds" / "tiny.yaml", customers=20, log=folder / "log.parquet")
    loaded = cj.Run.load(run.save(folder / "run"))
    pd.testing.assert_frame_equal(loaded.customers, run.customers)

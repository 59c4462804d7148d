"""Saved runs of two policies of the shop, with event logs, and the report about them."""

from pathlib import Path

import pytest

import cjsim as cj

CUSTOMERS = 400


@pytest.fixture(scope="session")
def run_folders(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    folder = tmp_path_factory.mktemp("runs")
    for name in ("shop", "shop_better"):
        run = cj.simulate(name, customers=CUSTOMERS, seed=1, log=folder / f"{name}.parquet")
        run.save(folder / name)
    return [folder / "shop", folder / "shop_better"]


@pytest.fixture(scope="session")
def comparison(run_folders: list[Path]) -> cj.Comparison:
    return cj.Comparison.of({folder.name: cj.Run.load(folder) for folder in run_folders})


@pytest.fixture(scope="session")
def made(comparison: cj.Comparison) -> cj.Report:
    return cj.report(comparison)


@pytest.fixture(scope="session")
def page_file(made: cj.Report, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return made.save(tmp_path_factory.mktemp("page") / "report.html")

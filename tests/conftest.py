"""Shared by all tests: real data, results to report, a browser, a fixed seed for hypothesis and width of tables, no flushes."""

from __future__ import annotations

import os
import shutil
import subprocess
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings

import cjsim as cj

ROOT = Path(__file__).resolve().parents[1]
CHROMIUM = shutil.which("chromium")
ISOLATED = ["--no-sandbox", "--disable-gpu", "--host-resolver-rules=MAP * ~NOTFOUND"]

os.environ.setdefault("OMP_NUM_THREADS", "1")  # one process per core runs the tests; more threads only wait for each other
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
os.environ["COLUMNS"] = "120"  # tables are as wide as the terminal, which differs between machines

os.fsync = lambda descriptor: None  # a busy disk takes up to seconds; no test cuts the power

# The same examples in every run; no deadline, because the first call of a kernel compiles it.
settings.register_profile("fixed", derandomize=True, deadline=None)
settings.load_profile("fixed")


@pytest.fixture(scope="session")
def data_dir() -> Path:
    """The folder of the real data: $CJSIM_DATA, else ../shared/data next to the checkout."""
    named = os.environ.get("CJSIM_DATA")
    folder = Path(named) if named else ROOT.parent / "shared" / "data"
    if not folder.is_dir():
        pytest.skip(f"needs the real data: {folder} is not there (set CJSIM_DATA)")
    return folder


@pytest.fixture(scope="session")
def run_folders(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Saved runs of two policies of a fiftieth of the shop, with event logs."""
    folder = tmp_path_factory.mktemp("runs")
    for name in ("shop", "shop_better"):
        run = cj.simulate(name, sample=0.02, seed=1, log=folder / f"{name}.parquet")
        run.save(folder / name)
    return [folder / "shop", folder / "shop_better"]


@pytest.fixture(scope="session")
def comparison(run_folders: list[Path]) -> cj.Comparison:
    """The comparison of these runs."""
    return cj.Comparison.of({folder.name: cj.Run.load(folder) for folder in run_folders})


@pytest.fixture(scope="session")
def made(comparison: cj.Comparison) -> cj.Report:
    """The report about this comparison."""
    return cj.report(comparison)


@pytest.fixture(scope="session")
def page_file(made: cj.Report, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The page of this report."""
    return made.save(tmp_path_factory.mktemp("page") / "report.html")


@pytest.fixture(scope="session")
def browser() -> Iterator[Any]:
    """Chromium without a network; skipped where it is missing."""
    sync_api = pytest.importorskip("playwright.sync_api", reason="needs playwright")
    if CHROMIUM is None:
        pytest.skip("needs Chromium: apt-get install chromium")
    with sync_api.sync_playwright() as playwright:
        found = playwright.chromium.launch(executable_path=CHROMIUM, args=ISOLATED)
        yield found
        found.close()


@pytest.fixture(scope="session")
def axe(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The source of axe-core, from npm."""
    folder = tmp_path_factory.mktemp("axe")
    npm = shutil.which("npm")
    done = npm and subprocess.run([npm, "pack", "axe-core@4", "--silent"], cwd=folder, capture_output=True, check=False)
    if not done or done.returncode:
        pytest.skip("needs axe-core from npm")
    with tarfile.open(next(folder.glob("*.tgz"))) as archive:
        source = archive.extractfile("package/axe.min.js")
        assert source is not None
        return source.read().decode()

"""Shared by all tests: the folder of the real data, a fixed seed for hypothesis, a fixed width of tables, and no flushes to disk."""

import os
from pathlib import Path

import pytest
from hypothesis import settings

ROOT = Path(__file__).resolve().parents[1]

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

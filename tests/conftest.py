"""What all tests share: where the real data lie, and a fixed seed for hypothesis."""

import os
from pathlib import Path

import pytest
from hypothesis import settings

ROOT = Path(__file__).resolve().parents[1]

# Fixed examples in every run; no deadline, as the first call of a kernel compiles it.
settings.register_profile("fixed", derandomize=True, deadline=None)
settings.load_profile("fixed")


@pytest.fixture(scope="session")
def data_dir() -> Path:
    """The folder of real data: $CJSIM_DATA, else ../shared/data beside the checkout."""
    named = os.environ.get("CJSIM_DATA")
    folder = Path(named) if named else ROOT.parent / "shared" / "data"
    if not folder.is_dir():
        pytest.skip(f"needs the real data: {folder} is not there (set CJSIM_DATA)")
    return folder

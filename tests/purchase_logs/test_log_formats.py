"""Purchase logs in many formats. The cases are those of docs/write_log_formats.py, which writes the page that lists them."""

import runpy
from typing import Any

import pytest
from conftest import ROOT

from cjsim.errors import InputError

SCRIPT = runpy.run_path(str(ROOT / "docs" / "write_log_formats.py"))
CASES = SCRIPT["CASES"]


@pytest.mark.parametrize("case", [case for case in CASES if not isinstance(case.expected, str)], ids=lambda case: case.title)
def test_log_is_read(case: Any) -> None:
    assert SCRIPT["rows_of"](case.read()) == case.expected


@pytest.mark.parametrize("case", [case for case in CASES if isinstance(case.expected, str)], ids=lambda case: case.title)
def test_log_is_refused_with_advice(case: Any) -> None:
    with pytest.raises(InputError) as caught:
        case.read()
    assert case.expected in str(caught.value)
    assert str(caught.value).endswith(".")


def test_at_least_40_formats_are_tried() -> None:
    assert len({case.title for case in CASES}) == len(CASES) >= 40


def test_page_of_log_formats_is_up_to_date() -> None:
    committed = (ROOT / "docs" / "log_formats.md").read_text(encoding="utf-8")
    assert committed == SCRIPT["page"](), "formats have changed: python docs/write_log_formats.py"

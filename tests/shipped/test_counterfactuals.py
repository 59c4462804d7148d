"""docs/counterfactuals.md: what-ifs of the shipped firms react as practitioners expect, or the page says why not yet."""

import re

import pytest

import cjsim as cj
from docs.write_counterfactuals import PAGE, Outcome, WhatIf, changed, is_expected, row_text, simulated_page, what_ifs

ROWS = what_ifs()
TEXT = PAGE.read_text(encoding="utf-8")


def test_there_are_forty_what_ifs_over_all_firms() -> None:
    assert len(ROWS) >= 40
    assert {row.firm for row in ROWS} == {"shop", "retail", "saas", "subscription", "b2b"}
    assert len({(row.firm, row.title, row.metric) for row in ROWS}) == len(ROWS)


@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{row.firm}-{row.title}-{row.metric}".replace(" ", "_"))
def test_a_what_if_is_possible_and_on_the_page(row: WhatIf) -> None:
    base = cj.Scenario.load(row.firm)
    for values in (row.values, row.share_of):
        assert values is None or changed(base, values).identity() != base.identity()
    start, end = row_text(row, Outcome(0, 0, 0)).split("+0.0 %")
    [line] = [line for line in TEXT.split("\n") if line.startswith(start)]
    assert line.endswith(end.rpartition(" | ")[2])
    verdict = line.split(" | ")[4]
    assert verdict == ("yes" if not row.open else f"no: {row.open}")


def test_page_counts_the_rows() -> None:
    met, n = map(int, re.search(r"(\d+) of (\d+) changes have", TEXT).groups())  # type: ignore[union-attr]
    assert (met, n) == (sum(not row.open for row in ROWS), len(ROWS))


def test_a_value_outside_its_range_is_not_expected() -> None:
    row = ROWS[0]._replace(low=-5, high=5)
    sizes = {value: is_expected(row, Outcome(value, value, value)) for value in (-6, -5, 0, 5, 6, float("nan"))}
    assert list(sizes.values()) == [False, True, True, True, False, False]


@pytest.mark.slow
def test_page_is_up_to_date() -> None:
    assert simulated_page() == TEXT

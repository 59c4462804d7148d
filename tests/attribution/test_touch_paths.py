"""Paths from rows with times and from files."""

import math
from pathlib import Path

import numpy as np
import pytest

from cjsim.attribution.path_reader import read_paths
from cjsim.attribution.touch_paths import Paths
from cjsim.attribution.touch_rows import TouchRows, paths_from_rows
from cjsim.errors import InputError

DAY = 86_400_000_000


def as_lists(paths: Paths) -> list[tuple[list[int], float, float, float]]:
    parts = np.split(paths.touches, paths.offsets[1:-1])
    rows = zip(parts, paths.conversions, paths.value, paths.nulls, strict=True)
    return sorted((part.tolist(), float(c), float(v), float(n)) for part, c, v, n in rows)


def slow_paths(rows: TouchRows, window_days: float) -> list[tuple[list[int], float, float, float]]:
    """The definition, one customer and one conversion at a time."""
    found = []
    for customer in set(rows.customers.tolist()):
        mine = [i for i in np.argsort(rows.times, kind="stable") if rows.customers[i] == customer]
        used: set[int] = set()
        spells: dict[int, list[int]] = {}
        for place, i in enumerate(mine):
            if rows.conversions[i] > 0:
                window = [j for j in mine[: place + 1] if rows.codes[j] >= 0 and rows.times[j] >= rows.times[i] - window_days * DAY]
                used |= {*window}
                found.append(([int(rows.codes[j]) for j in window], float(rows.conversions[i]), float(rows.value[i]), 0.0))
        for place, i in enumerate(mine):
            if rows.codes[i] >= 0 and i not in used:
                n_before = sum(rows.conversions[j] > 0 for j in mine[:place])
                spells.setdefault(n_before, []).append(int(rows.codes[i]))
        found += [(spell, 0.0, 0.0, 1.0) for spell in spells.values()]
    return sorted(found)


@pytest.mark.parametrize("window_days", [0.5, 3.0, math.inf])
def test_paths_from_rows_agree_with_the_definition(window_days: float) -> None:
    rng = np.random.default_rng(1)
    n = 400
    converts = rng.random(n) < 0.3
    codes = np.where(converts & (rng.random(n) < 0.7), -1, rng.integers(0, 4, n))
    counts = converts * rng.integers(1, 3, n).astype(float)
    customers, times = rng.integers(0, 30, n), rng.integers(0, 20, n) * DAY // 2
    rows = TouchRows(("a", "b", "c", "d"), customers, times, codes, counts, counts * rng.integers(1, 9, n))
    assert as_lists(paths_from_rows(rows, window_days=window_days)) == slow_paths(rows, window_days)


def test_days_before_are_days_from_touch_to_conversion() -> None:
    rows = TouchRows(("a",), np.zeros(2, int), np.array([DAY, 3 * DAY]), np.array([0, -1]), np.array([0.0, 1.0]), np.zeros(2))
    paths = paths_from_rows(rows, window_days=7)
    assert paths.days_before is not None
    assert paths.days_before.tolist() == [2.0]


def write(folder: Path, text: str) -> Path:
    file = folder / "paths.csv"
    file.write_text(text, encoding="utf-8")
    return file


def test_file_with_one_row_per_touch_gives_paths_with_times(tmp_path: Path) -> None:
    text = "customer,time,channel,conversion,value\n7,2026-01-01,ad,0,\n7,2026-01-03,email,1,9.5\n8,2026-01-02,ad,,\n"
    paths = read_paths(write(tmp_path, text))
    assert as_lists(paths) == [([0], 0.0, 0.0, 1.0), ([0, 1], 1.0, 9.5, 0.0)]
    assert paths.days_before is not None
    assert paths.days_before.tolist() == [2.0, 0.0, 0.0]


def test_each_conversion_has_the_value_1_without_a_value_column(tmp_path: Path) -> None:
    assert read_paths(write(tmp_path, "path,total_conversions\na > b,3\n")).value.tolist() == [3.0]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("path,total_conversion\na,1\n", r"paths.csv: must have a column 'total_conversions', got .* Did you mean 'total_conversion'\?"),
        ("path,total_conversions\na > > b,1\n", "paths.csv:2: path: must be touchpoints separated by '>', got 'a > > b'"),
        ("path,total_conversions\na,1\nb,-2\n", "paths.csv:3: total_conversions: must be a number of at least 0, got '-2'"),
        ("path,total_conversions\na,\n", "paths.csv:2: total_conversions: must be a number of at least 0, got nothing"),
        ("path,total_conversions\na,1,5\n", "paths.csv:2: must have 2 cells, like the header, got 3"),
        ("path,total_conversions\n", "paths.csv: must have at least one row, got no rows"),
        ("customer,time,chanel,conversion\n1,2026-01-01,a,1\n", r"must have a column 'channel', got .* Did you mean 'chanel'\?"),
        ("customer,time,channel,conversion\n1,2026-01-01,a,yes\n", "paths.csv:2: conversion: must be a number of at least 0, got 'yes'"),
        ("customer,time,channel,conversion\n1,2026-01-01,,0\n", "paths.csv:2: channel: must be given in a row without a conversion"),
        ("customer,time,channel,conversion\n1,January,a,1\n", "paths.csv:2: time: must be"),
    ],
)
def test_invalid_file_is_an_error_that_names_the_line(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        read_paths(write(tmp_path, text))


def test_window_for_paths_without_times_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="must have times to apply a look-back window, got paths without times"):
        read_paths(write(tmp_path, "path,total_conversions\na,1\n"), window_days=7)

"""CJSIM_BOUNDSCHECK=1: kernels check every index, and arrays of frames do so too with the JIT off."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import ROOT

PROGRAM = """
import sys

import numpy as np

from cjsim.frame import Frame, array_of
from cjsim.kernel import kernel, rule


class Grid(Frame):
    heights = array_of("f8", 2)


@rule
def height(heights, i, j):
    return heights[i, j]


@kernel
def get_height(grid, i, j):
    return height(grid.heights, i, j)


@kernel
def set_height(grid, i, j):
    grid.heights[i, j] = 9.0


@kernel
def get_element(array, i):
    return array[i]


grid = Grid(heights=np.arange(12.0).reshape(4, 3))
for call in sys.argv[1:]:
    try:
        print(eval(call))
    except IndexError as error:
        print(f"{type(error).__name__}: {error}")
"""
# Every address lies within the array, so these are harmless without checks.
BEYOND, BEYOND_WRITTEN, NEGATIVE = "get_height(grid, 1, 3)", "set_height(grid, 2, -1)", "get_height(grid, 2, -2)"


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("debug") / "program.py"
    path.write_text(PROGRAM, encoding="utf-8")
    return path


def printed(program: Path, *calls: str, checked: bool, jit: bool = True) -> list[str]:
    """The output of the program for each call, in a new process."""
    settings = {"CJSIM_BOUNDSCHECK": str(int(checked)), "NUMBA_DISABLE_JIT": str(int(not jit))}
    environment = os.environ | settings | {"PYTHONPATH": str(ROOT), "CJSIM_CACHE": str(program.parent / "cache")}
    command = [sys.executable, str(program), *calls]
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout.splitlines()


def test_debug_build_names_array_index_size_and_kernel(program: Path) -> None:
    where = "in __main__"
    for _ in ("compiled", "from the cache"):
        assert printed(program, "get_height(grid, 3, 2)", BEYOND, "get_height(grid, 4, 0)", NEGATIVE, BEYOND_WRITTEN, checked=True) == [
            "11.0",
            f"FrameIndexError: Grid.heights: index 3 is out of range for axis 1 of size 3, {where}.height",
            f"FrameIndexError: Grid.heights: index 4 is out of range for axis 0 of size 4, {where}.height",
            f"FrameIndexError: Grid.heights: index -2 is out of range for axis 1 of size 3, {where}.height",
            f"FrameIndexError: Grid.heights: index -1 is out of range for axis 1 of size 3, {where}.set_height",
        ]


def test_debug_build_checks_plain_arrays(program: Path) -> None:
    assert printed(program, "get_element(np.zeros(3), 3)", checked=True) == ["IndexError: index is out of bounds"]


def test_normal_build_does_not_check(program: Path) -> None:
    assert printed(program, BEYOND, NEGATIVE, BEYOND_WRITTEN, checked=False) == ["6.0", "4.0", "None"]


def test_debug_build_without_jit_rejects_negative_indices(program: Path) -> None:
    assert printed(program, "get_height(grid, 3, 2)", BEYOND, NEGATIVE, BEYOND_WRITTEN, checked=True, jit=False) == [
        "11.0",
        "FrameIndexError: Grid.heights: index 3 is out of range for axis 1 of size 3",
        "FrameIndexError: Grid.heights: index -2 is out of range for axis 1 of size 3",
        "FrameIndexError: Grid.heights: index -1 is out of range for axis 1 of size 3",
    ]


def test_normal_build_without_jit_indexes_like_numpy(program: Path) -> None:
    assert printed(program, BEYOND, NEGATIVE, checked=False, jit=False) == [
        "IndexError: index 3 is out of bounds for axis 1 with size 3",
        "7.0",
    ]


WALK = """
import cjsim as cj

journey = {"name": "j", "starts_in": "here", "stages": {"here": {}}, "acquisition": {"search": {"baseline": 1}}}
scenario = {"name": "s", "start": "2026-01-05", "horizon": "20d", "customers": 3, "journey": journey, "policy": {"name": "p"}}
diary = cj.walk(cj.Scenario.from_dict(scenario), customer=4)
print(diary.who, diary.lines[0].text)
"""


@pytest.mark.parametrize("checked", [False, True])
def test_diary_of_an_arrival_needs_no_negative_index(tmp_path: Path, checked: bool) -> None:
    path = tmp_path / "walk.py"
    path.write_text(WALK, encoding="utf-8")
    assert printed(path, checked=checked, jit=False) == ["{'acquired_by': 'search'} Enters the simulation"]

"""Elementary functions of arrays: the C library's results, and no use of NumPy's, which depend on the processor."""

import math
import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from cjsim.compiler.tables import elementary_functions

PACKAGE = Path(__file__).resolve().parents[2] / "cjsim"
POINTS = np.random.default_rng(1).normal(0.0, 3.0, (50, 4))


@pytest.mark.parametrize(
    ("name", "function", "points"),
    [("exp", math.exp, POINTS), ("expm1", math.expm1, POINTS), ("log", math.log, np.exp(POINTS)), ("log1p", math.log1p, np.exp(POINTS))],
)
def test_each_element_is_that_of_the_c_library(name: str, function: Callable[[float], float], points: np.ndarray) -> None:
    found = getattr(elementary_functions, name)(points)
    assert found.shape == points.shape
    assert found.ravel().tolist() == [function(point) for point in points.ravel().tolist()]


def test_limits_are_infinite() -> None:
    assert elementary_functions.exp(np.array([710.0, -800.0])).tolist() == [math.inf, 0.0]
    assert elementary_functions.log(np.array([0.0])).tolist() == [-math.inf]
    assert elementary_functions.log1p(np.array([-1.0])).tolist() == [-math.inf]


@pytest.mark.parametrize("folder", ["compiler", "engine", "kernels", "scenario"])
def test_simulations_use_none_of_the_functions_of_numpy_that_depend_on_the_processor(folder: str) -> None:
    """With AVX-512, NumPy's exp and log differ in the last bit from those without, which changed simulated times."""
    calls = re.compile(r"\bnp\.(exp|exp2|expm1|log|log2|log10|log1p|power|sin|cos|tan|tanh|arctan|cbrt)\(")
    found = [f"{file.name}: {call.group()}" for file in (PACKAGE / folder).rglob("*.py") for call in calls.finditer(file.read_text())]
    assert found == []

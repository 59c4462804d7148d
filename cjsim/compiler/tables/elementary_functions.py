"""Elementary functions of arrays that give the same bytes on every processor, unlike NumPy's.

NumPy chooses an implementation of `exp`, `log` and so on by the processor's vector instructions. The results differ in the last bit.
These functions call the C library for each element, as kernels do. They take about 0.1 microseconds per element.
"""

import math
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]


def exp(values: FloatArray) -> FloatArray:
    """Compute e^x; infinity on overflow. Takes a float64 array, and returns one of the same shape."""
    return _mapped(_exp, values)


def log(values: FloatArray) -> FloatArray:
    """Compute the natural logarithm; minus infinity at 0. Takes a float64 array of values >= 0, and returns one of the same shape."""
    return _mapped(_log, values)


def log1p(values: FloatArray) -> FloatArray:
    """Compute log(1 + x); minus infinity at -1. Takes a float64 array of values >= -1, and returns one of the same shape."""
    return _mapped(_log1p, values)


def expm1(values: FloatArray) -> FloatArray:
    """Compute e^x - 1 for x up to 700. Takes a float64 array, and returns one of the same shape."""
    return _mapped(math.expm1, values)


def _mapped(function: Callable[[float], float], values: FloatArray) -> FloatArray:
    array = np.asarray(values, dtype=np.float64)
    return np.fromiter(map(function, array.ravel().tolist()), np.float64, array.size).reshape(array.shape)


def _exp(x: float) -> float:
    try:
        return math.exp(x)
    except OverflowError:
        return math.inf


def _log(x: float) -> float:
    return math.log(x) if x != 0.0 else -math.inf


def _log1p(x: float) -> float:
    return math.log1p(x) if x != -1.0 else -math.inf

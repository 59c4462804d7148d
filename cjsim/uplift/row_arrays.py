"""Checks of arrays that have one entry per row of a trial."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cjsim.errors import InputError, format_error, short_repr

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


def check_rows(arrays: Mapping[str, NDArray[Any] | None]) -> None:
    """Check that arrays have the same positive number of rows and that every number is finite.

    Parameters
    ----------
    arrays : mapping of str to ndarray or None
        Arrays of shape (n,) or (n, k) by name. None is skipped.

    Raises
    ------
    InputError
        If an array is empty, has a different number of rows from the first one, or contains nan or infinity.
    """
    given = {name: array for name, array in arrays.items() if array is not None}
    first, n = next((name, len(array)) for name, array in given.items())
    for name, array in given.items():
        if len(array) == 0 or len(array) != n:
            must = f"must have one entry per row of {first} ({n}), and at least one"
            raise InputError(format_error(name, must, str(len(array)), "Pass arrays of the same rows."))
        if not np.all(finite := np.isfinite(array)):
            row = int(np.argmin(finite.reshape(n, -1).all(axis=1)))
            raise InputError(format_error(name, "must be finite", f"{array[row]} in row {row}", "Drop or impute these rows."))


def check_two_arms(treatment: Ints) -> None:
    """Check that the codes of the control (0) and of one treated arm (1) both occur, and no others.

    Parameters
    ----------
    treatment : ndarray of int64, shape (n,)

    Raises
    ------
    InputError
        If the codes are not 0 and 1.
    """
    codes = np.unique(treatment).tolist()
    if codes != [0, 1]:
        remedy = "Keep the rows of the control and of one arm, and code them 0 and 1."
        raise InputError(format_error("treatment", "must contain both 0 and 1, and no other values", short_repr(codes), remedy))


def check_fraction(name: str, value: float) -> None:
    """Check that a number lies strictly between 0 and 1.

    Parameters
    ----------
    name : str
        Name of the argument, for the error.
    value : float

    Raises
    ------
    InputError
        If it does not.
    """
    if not 0.0 < value < 1.0:
        raise InputError(format_error(name, "must be between 0 and 1", short_repr(value), "Use a fraction, such as 0.3."))


def treated_probability(propensity: Floats | tuple[float, float], n: int) -> Floats:
    """Return the probability of the treated arm in each row.

    Parameters
    ----------
    propensity : ndarray of float64, shape (n, 2), or a pair of floats
        Probability of the control and of the treated arm. A pair holds for all rows.
    n : int
        Number of rows.

    Returns
    -------
    ndarray of float64, shape (n,)

    Raises
    ------
    InputError
        If a probability is not strictly between 0 and 1, or the shape is wrong.
    """
    table = np.asarray(propensity, dtype=np.float64)
    if table.shape not in ((2,), (n, 2)):
        must = f"must have shape ({n}, 2) or be a pair"
        raise InputError(format_error("propensity", must, str(table.shape), "Give the probability of each arm."))
    treated = np.broadcast_to(table[..., 1], (n,))
    if not np.all((treated > 0.0) & (treated < 1.0)):
        remedy = "Drop rows that could not have been in both arms."
        raise InputError(
            format_error("propensity", "must be between 0 and 1", short_repr(float(treated[(treated <= 0) | (treated >= 1)][0])), remedy)
        )
    return treated

"""P-values in words, and p-values adjusted for several hypotheses: Holm (familywise error rate), Benjamini-Hochberg (false discovery)."""

import math
from collections.abc import Sequence
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy import stats

Correction = Literal["holm", "fdr", "none"]


def adjusted_p_values(p_values: Sequence[float] | NDArray[np.float64], correction: Correction = "holm") -> NDArray[np.float64]:
    """Return adjusted p-values.

    Parameters
    ----------
    p_values : sequence of float
        Unadjusted p-values. Undefined ones (nan) stay undefined and do not count as hypotheses.
    correction : {"holm", "fdr", "none"}
        Holm (1979), or Benjamini and Hochberg (1995).

    Returns
    -------
    ndarray of float64, shape (n_hypotheses,)
        Rejecting the hypotheses with values up to alpha bounds the familywise error rate (holm) or the false discovery rate (fdr) by alpha.

    References
    ----------
    Holm, S. (1979). A simple sequentially rejective multiple test procedure. Scandinavian Journal of Statistics 6, 65-70.
    Benjamini, Y., Hochberg, Y. (1995). Controlling the false discovery rate. Journal of the Royal Statistical Society B 57, 289-300.

    Examples
    --------
    >>> adjusted_p_values([0.01, 0.04, 0.03]).tolist()
    [0.03, 0.06, 0.06]
    """
    adjusted = np.array(p_values, dtype=np.float64)
    known = ~np.isnan(adjusted)
    found = adjusted[known]
    if correction == "none" or not len(found):
        return adjusted
    if correction == "fdr":
        adjusted[known] = stats.false_discovery_control(found)
        return adjusted
    order = np.argsort(found, kind="stable")
    steps = np.maximum.accumulate(found[order] * np.arange(len(found), 0, -1))
    holm = np.empty_like(found)
    holm[order] = np.minimum(steps, 1.0)
    adjusted[known] = holm
    return adjusted


def p_phrase(p: float) -> str:
    """Return a p-value in words.

    Examples
    --------
    >>> p_phrase(0.034), p_phrase(0.00001)
    ('p = .034', 'p < .001')
    """
    if math.isnan(p):
        return "p undefined"
    return "p < .001" if p < 0.001 else f"p = {f'{p:.3f}'.removeprefix('0')}"

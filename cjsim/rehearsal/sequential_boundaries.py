"""Critical values of tests that look at the data several times, and the probabilities that a test statistic crosses them.

At look k, the fraction t_k of the information is available, and Z_k is the standardized effect. The score S_k = sqrt(t_k) Z_k has
independent normal increments with mean d (t_k - t_{k-1}) and variance t_k - t_{k-1}, where the drift d is the true effect divided by its
standard error at full information. Armitage, McPherson and Rowe (1969) integrate, from look to look, the density of the paths that have not
crossed. Here, each integral is computed by Gauss-Legendre quadrature. All boundaries are symmetric: a test stops at the first look with
|Z_k| > b_k.

References
----------
Armitage, P., McPherson, C. K., & Rowe, B. C. (1969). Repeated significance tests on accumulating data. Journal of the Royal Statistical
Society A, 132(2), 235-244.
Jennison, C., & Turnbull, B. W. (2000). Group Sequential Methods with Applications to Clinical Trials. Chapman & Hall/CRC, chapter 19.
Lan, K. K. G., & DeMets, D. L. (1983). Discrete sequential boundaries for clinical trials. Biometrika, 70(3), 659-663.
"""

import math
from functools import cache
from typing import Literal, NamedTuple

import numpy as np

from cjsim.frame import Array

Spending = Literal["obrien_fleming", "pocock"]
SPENDING_FUNCTIONS: tuple[Spending, ...] = ("obrien_fleming", "pocock")

_TAIL = 8.0  # standard deviations beyond which a normal density is neglected
_NODES_PER_DEVIATION = 2.5  # quadrature nodes per standard deviation of an increment
_NODES_STEP = 64  # node counts are multiples of this, so that few quadratures are computed


class CrossingProbabilities(NamedTuple):
    """Probabilities of first crossing a boundary at each look.

    Attributes
    ----------
    upper, lower : ndarray of float64, shape (n_looks,)
        Probabilities of crossing above and below.
    """

    upper: Array
    lower: Array

    @property
    def total(self) -> float:
        """Probability of crossing at any look."""
        return float(self.upper.sum() + self.lower.sum())


def crossing_probabilities(boundaries: Array, fractions: Array, *, drift: float = 0.0) -> CrossingProbabilities:
    """Return the probabilities that the standardized effect first crosses a symmetric boundary at each look.

    Parameters
    ----------
    boundaries : ndarray of float64, shape (n_looks,)
        Critical values b_k of |Z_k|, above 0.
    fractions : ndarray of float64, shape (n_looks,)
        Information fractions t_k in (0, 1], increasing.
    drift : float
        True effect divided by its standard error at full information.

    Returns
    -------
    CrossingProbabilities

    Examples
    --------
    Five looks at the 5 % level give a false positive in 14.2 % of tests (Armitage, McPherson and Rowe 1969, Table 2):

    >>> round(crossing_probabilities(np.full(5, 1.96), np.arange(1, 6) / 5).total, 3)
    0.142
    """
    path, upper, lower = _Path.at_start(), [], []
    for bound, fraction in zip(boundaries, fractions, strict=True):
        above, below = path.tail_probabilities(float(bound), float(fraction), drift)
        upper.append(above)
        lower.append(below)
        path = path.continued(float(bound), float(fraction), drift)
    return CrossingProbabilities(np.array(upper), np.array(lower))


def spent_error(fractions: Array, *, alpha: float, spending: Spending) -> Array:
    """Return the type I error that a two-sided test may have spent by each information fraction.

    Each side spends a = alpha / 2. The O'Brien-Fleming type spends 2 - 2 Phi(z_{1 - a/2} / sqrt(t)) on each side, and the Pocock type
    spends a log(1 + (e - 1) t) (Lan and DeMets 1983).

    Parameters
    ----------
    fractions : ndarray of float64, shape (n_looks,)
        Information fractions in (0, 1].
    alpha : float
        Two-sided type I error, in (0, 1).
    spending : {'obrien_fleming', 'pocock'}
        Spending function.

    Returns
    -------
    ndarray of float64, shape (n_looks,)
    """
    from scipy.special import ndtr, ndtri

    side = alpha / 2
    if spending == "pocock":
        return np.asarray(2 * side * np.log1p((math.e - 1) * fractions))
    return np.asarray(4 * ndtr(ndtri(side / 2) / np.sqrt(fractions)))


def spending_boundaries(fractions: Array, *, alpha: float, spending: Spending) -> Array:
    """Return the critical values of a two-sided group-sequential test with a spending function.

    Parameters
    ----------
    fractions : ndarray of float64, shape (n_looks,)
        Information fractions in (0, 1], increasing.
    alpha : float
        Two-sided type I error, in (0, 1).
    spending : {'obrien_fleming', 'pocock'}
        Spending function.

    Returns
    -------
    ndarray of float64, shape (n_looks,)
        Critical values of |Z_k|.

    Examples
    --------
    >>> spending_boundaries(np.array([0.5, 1.0]), alpha=0.05, spending="obrien_fleming").round(3)
    array([2.963, 1.969])
    """
    from scipy.optimize import brentq

    to_spend = np.diff(spent_error(fractions, alpha=alpha, spending=spending), prepend=0.0)
    path, found = _Path.at_start(), []
    for fraction, error in zip(fractions, to_spend, strict=True):
        current, share = path, float(fraction)

        def _excess(bound: float, current: "_Path" = current, share: float = share, error: float = float(error)) -> float:
            return sum(current.tail_probabilities(bound, share, 0.0)) - error

        bound = brentq(_excess, 0.0, _TAIL, xtol=1e-10) if _excess(_TAIL) < 0 else _TAIL
        found.append(bound)
        path = path.continued(bound, share, 0.0)
    return np.array(found)


def confidence_sequence_boundaries(fractions: Array, *, alpha: float, tuned_for: float = 1.0) -> Array:
    """Return the critical values of an asymptotic confidence sequence.

    The interval at sample size n is the estimate +- b standard errors with b^2 = 2 (1 + 1 / r) log(sqrt(r + 1) / alpha) and r = n rho^2
    (Waudby-Smith and others 2024, Theorem 2.2). It covers the effect at all sample sizes simultaneously with asymptotic probability
    1 - alpha. rho^2 = (-2 log alpha + log(1 - 2 log alpha)) / m makes the interval narrowest, to first order, at sample size m.

    Parameters
    ----------
    fractions : ndarray of float64, shape (n_looks,)
        Information fractions in (0, 1].
    alpha : float
        Type I error, in (0, 1).
    tuned_for : float
        Information fraction at which the interval is narrowest.

    Returns
    -------
    ndarray of float64, shape (n_looks,)

    References
    ----------
    Waudby-Smith, I., Arbour, D., Sinha, R., Kennedy, E. H., & Ramdas, A. (2024). Time-uniform central limit theory and asymptotic
    confidence sequences. Annals of Statistics, 52(6), 2613-2640.
    """
    tuned_ratio = -2 * math.log(alpha) + math.log(1 - 2 * math.log(alpha))
    ratio = np.asarray(fractions) / tuned_for * tuned_ratio
    return np.asarray(np.sqrt(2 * (1 + 1 / ratio) * (0.5 * np.log1p(ratio) - math.log(alpha))))


def drift_for_power(boundaries: Array, fractions: Array, *, power: float) -> float:
    """Return the smallest drift at which a test crosses its boundaries with a given probability.

    Parameters
    ----------
    boundaries, fractions : ndarray of float64, shape (n_looks,)
        Critical values and information fractions.
    power : float
        Probability of crossing on either side, below 1.

    Returns
    -------
    float
        Effect divided by its standard error at full information; 0 if the test crosses as often without an effect.

    Examples
    --------
    >>> round(drift_for_power(np.array([1.96]), np.array([1.0]), power=0.8), 2)
    2.8
    """
    from scipy.optimize import brentq

    def _excess(drift: float) -> float:
        return crossing_probabilities(boundaries, fractions, drift=drift).total - power

    if _excess(0.0) >= 0:
        return 0.0
    return float(brentq(_excess, 0.0, float(np.max(boundaries[-1])) + _TAIL, xtol=1e-5))


class _Path(NamedTuple):
    """The density of the score at a look, on the paths that have not crossed, at quadrature nodes.

    `mass` is the density times the quadrature weight.
    """

    fraction: float
    nodes: Array
    mass: Array

    @classmethod
    def at_start(cls) -> "_Path":
        """Return the density before the first look."""
        return cls(0.0, np.zeros(1), np.ones(1))

    def tail_probabilities(self, bound: float, fraction: float, drift: float) -> tuple[float, float]:
        """Return the probabilities of crossing above and below at the next look."""
        from scipy.special import ndtr

        step = fraction - self.fraction
        edge, mean, deviation = bound * math.sqrt(fraction), self.nodes + drift * step, math.sqrt(step)
        return float(self.mass @ ndtr((mean - edge) / deviation)), float(self.mass @ ndtr((-edge - mean) / deviation))

    def continued(self, bound: float, fraction: float, drift: float) -> "_Path":
        """Return the density at the next look on the paths that do not cross there."""
        step = fraction - self.fraction
        deviation, center, reach = math.sqrt(step), drift * fraction, _TAIL * math.sqrt(fraction)
        edge = bound * math.sqrt(fraction)
        low, high = max(-edge, center - reach), min(edge, center + reach)
        if high <= low:  # all paths have crossed
            return _Path(fraction, np.zeros(1), np.zeros(1))
        nodes, weights = _quadrature(_NODES_STEP * math.ceil(_NODES_PER_DEVIATION * (high - low) / deviation / _NODES_STEP))
        nodes, weights = low + (nodes + 1) * (high - low) / 2, weights * (high - low) / 2
        distance = (nodes[:, None] - (self.nodes + drift * step)[None, :]) / deviation
        density = np.exp(-0.5 * distance * distance) @ self.mass / (deviation * math.sqrt(2 * math.pi))
        return _Path(fraction, nodes, weights * density)


@cache
def _quadrature(n_nodes: int) -> tuple[Array, Array]:
    """Return Gauss-Legendre nodes and weights on [-1, 1]."""
    nodes, weights = np.polynomial.legendre.leggauss(n_nodes)
    return np.asarray(nodes), np.asarray(weights)

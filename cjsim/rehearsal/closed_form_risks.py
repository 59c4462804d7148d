"""Power, exaggeration and sign error of a test whose estimate is normal around the true effect.

References
----------
Gelman, A., & Carlin, J. (2014). Beyond power calculations: assessing type S (sign) and type M (magnitude) errors. Perspectives on
Psychological Science, 9(6), 641-651.
Lu, J., Qiu, Y., & Deng, A. (2019). A note on type S/M errors in hypothesis testing. British Journal of Mathematical and Statistical
Psychology, 72(1), 1-17.
"""

import math
from typing import NamedTuple


class NormalRisks(NamedTuple):
    """Risks of a two-sided test at one look.

    Attributes
    ----------
    power : float
        Probability of a significant estimate.
    exaggeration : float
        Mean absolute significant estimate, divided by the absolute true effect (type M error).
    sign_error : float
        Probability that a significant estimate has the wrong sign (type S error).
    """

    power: float
    exaggeration: float
    sign_error: float


def normal_risks(effect: float, standard_error: float, *, alpha: float = 0.05) -> NormalRisks:
    """Return the risks of a test at one look.

    With l = |effect| / standard error and z the quantile 1 - alpha / 2, the power is Phi(l - z) + Phi(-l - z), the sign error is
    Phi(-l - z) / power, and the exaggeration is (phi(z - l) + phi(z + l) + l (Phi(l - z) - Phi(-l - z))) / (l power) (Lu and others 2019).

    Parameters
    ----------
    effect : float
        True effect, not 0.
    standard_error : float
        Standard error of the estimate, above 0.
    alpha : float
        Two-sided type I error, in (0, 1).

    Returns
    -------
    NormalRisks

    Examples
    --------
    A true effect of 2 with a standard error of 8.1 (example of Gelman and Carlin 2014):

    >>> [round(risk, 2) for risk in normal_risks(2, 8.1)]
    [0.06, 9.54, 0.24]
    """
    from scipy.special import ndtr, ndtri

    ratio, z = abs(effect) / standard_error, -float(ndtri(alpha / 2))
    right, wrong = float(ndtr(ratio - z)), float(ndtr(-ratio - z))
    magnitude = _density(z - ratio) + _density(z + ratio) + ratio * (right - wrong)
    return NormalRisks(right + wrong, magnitude / (ratio * (right + wrong)), wrong / (right + wrong))


def _density(x: float) -> float:
    return math.exp(-0.5 * x * x) / math.sqrt(2 * math.pi)

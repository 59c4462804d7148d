"""Overlap: whether each arm has rows of every kind, which keeps inverse-propensity weights moderate."""

import numpy as np

from cjsim.uplift.soundness.finding import Finding, Severity
from cjsim.uplift.trials.dataset import Trial

CHECK = "overlap"
_LARGE_WEIGHT = 10.0  # in mean weights of the arm (assumed)
_LOW_SHARE, _TOO_LOW_SHARE = 0.5, 0.1  # effective rows as a share of the arm's rows (assumed)


def check_overlap(trial: Trial) -> Finding:
    r"""Check how much the weights of each arm vary.

    An arm with weights w has :math:`(\sum w)^2 / \sum w^2` effective rows (Kish 1965).

    Parameters
    ----------
    trial : Trial
        A trial with propensities.

    Returns
    -------
    Finding
        `figure` is the smallest number of effective rows, as a share of the arm's rows.

    References
    ----------
    Kish, L. (1965). Survey sampling. Wiley.
    Crump, R. K., Hotz, V. J., Imbens, G. W., Mitnik, O. A. (2009). Dealing with limited overlap in estimation of average treatment effects.
    Biometrika 96, 187-199.
    """
    assert trial.propensity is not None
    own = trial.propensity[np.arange(len(trial)), trial.treatment]
    shares, heavy = [], 0
    for arm in range(len(trial.arms)):
        weights = 1 / own[trial.treatment == arm]
        shares.append(weights.sum() ** 2 / (weights**2).sum() / len(weights) if len(weights) else 0.0)
        heavy += int(np.count_nonzero(weights > _LARGE_WEIGHT * weights.mean())) if len(weights) else 0
    worst = int(np.argmin(shares))
    text = (
        f"the weights effectively leave arm '{trial.arms[worst]}' with {100 * shares[worst]:.0f} % of its rows; smallest propensity of an "
        f"assigned arm {own.min():.2g}, {heavy} rows with more than {_LARGE_WEIGHT:.0f} times the mean weight of their arm"
    )
    severity: Severity = "error" if shares[worst] < _TOO_LOW_SHARE else "warning" if shares[worst] < _LOW_SHARE else "ok"
    if severity != "ok":
        text += (
            ". A few rows with a rare assignment decide the effects. Restrict the data to rows that could have been in each arm, such as "
            "those with propensities between 0.1 and 0.9."
        )
    return Finding(check=CHECK, severity=severity, message=text, figure=float(shares[worst]))

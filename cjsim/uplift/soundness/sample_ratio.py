"""Sample-ratio mismatch: whether the sizes of the arms agree with the planned shares."""

import numpy as np
from scipy import stats

from cjsim.uplift.p_values import p_phrase
from cjsim.uplift.soundness.assignment_units import AssignmentUnits
from cjsim.uplift.soundness.finding import Finding, finding_of_test
from cjsim.uplift.trials.dataset import Trial

CHECK = "sample ratio"
_NEARLY_EQUAL = 0.1  # relative deviation from equal sizes up to which equal shares count as planned (assumed)
_MIN_EXPECTED = 5.0  # for the chi-square approximation (Cochran 1954, Biometrics 10, 417-451)


def check_sample_ratio(trial: Trial, units: AssignmentUnits) -> Finding:
    """Test the sizes of the arms against the planned shares with a chi-square test (Fabijan and others 2019).

    Without planned shares, the sizes are tested for equality if each is within 10 % of an equal share. Otherwise nothing is tested.

    Parameters
    ----------
    trial : Trial
        The trial.
    units : AssignmentUnits
        Its assigned units.

    Returns
    -------
    Finding
        `figure` is the share of the arm that deviates most.

    References
    ----------
    Fabijan, A. and others (2019). Diagnosing sample ratio mismatch in online controlled experiments. KDD 2019, 2156-2164.
    """
    n_arms = len(trial.arms)
    counts = np.bincount(units.treatment, minlength=n_arms)
    observed = counts / counts.sum()
    listed = ", ".join(f"{arm} {count}" for arm, count in zip(trial.arms, counts, strict=True))
    planned = np.full(n_arms, 1 / n_arms) if trial.shares is None else np.array(trial.shares)
    source = (
        "equal shares, because the arms are of nearly equal size and no shares were given" if trial.shares is None else "planned shares"
    )
    if trial.shares is None and (trial.propensity is not None or np.abs(observed / planned - 1).max() > _NEARLY_EQUAL):
        return Finding(check=CHECK, severity="ok", message=f"not tested, because no planned shares were given ({units.noun}: {listed})")
    if (counts.sum() * planned).min() < _MIN_EXPECTED:
        return Finding(check=CHECK, severity="ok", message=f"not tested, because an arm is too small ({units.noun}: {listed})")
    p = float(stats.chisquare(counts, counts.sum() * planned).pvalue)
    worst = int(np.argmax(np.abs(observed / planned - 1)))
    return finding_of_test(
        CHECK,
        p,
        ok=f"the sizes of the arms agree with {source} ({units.noun}: {listed}; {p_phrase(p)})",
        alarm=f"the arms do not have the expected sizes: '{trial.arms[worst]}' has {100 * observed[worst]:.2f} % of the {units.noun} "
        f"instead of {100 * planned[worst]:.2f} % ({p_phrase(p)}, tested against {source}). Rows were lost or added in some arms, so that "
        "the arms may differ in more than the treatment. Find out where rows are lost, and do not use the effects until then.",
        severity="error",
        figure=float(observed[worst]),
    )

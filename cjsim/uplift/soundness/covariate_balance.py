"""Balance: whether the features have the same means in all arms."""

import numpy as np
from scipy import stats

from cjsim.uplift.p_values import p_phrase
from cjsim.uplift.soundness.assignment_units import AssignmentUnits
from cjsim.uplift.soundness.finding import Finding, finding_of_test
from cjsim.uplift.trials.cell_location import FloatArray, IntArray

CHECK = "balance"
_PERMUTATIONS = 999
_MAX_PERMUTED_UNITS = 5_000  # with more, the chi-square approximation is used (assumed)
_MIN_EXTREME_UNITS = 20  # expected in the smallest arm beyond each limit of a clipped feature (assumed)


def check_balance(units: AssignmentUnits, n_arms: int, *, seed: int = 0) -> Finding:
    r"""Test all features jointly for equal means in all arms (Hansen and Bowers 2008).

    With standardized, decorrelated features q of n units, the statistic is

    .. math:: (n - 1) \sum_a n_a \lVert \bar q_a \rVert^2,

    the sum of squared mean differences in units of their variance under random assignment. Its mean under random assignment is exactly the
    number of degrees of freedom. The p-value comes from 999 random permutations of the arms, or from the chi-square distribution for more
    than 5,000 units. For the approximation, features are clipped so that at least 20 units of the smallest arm are expected at each
    extreme: a single outlier in a small arm would otherwise be significant.

    Parameters
    ----------
    units : AssignmentUnits
        Assigned units.
    n_arms : int
        Number of arms.
    seed : int
        Seed of the permutations.

    Returns
    -------
    Finding
        `figure` is the largest standardized difference from the control, `column` its feature.

    References
    ----------
    Hansen, B. B., Bowers, J. (2008). Covariate balance in simple, stratified and clustered comparative studies. Statistical Science 23,
    219-236.
    """
    if not units.columns:
        return Finding(check=CHECK, severity="ok", message="not tested, because every feature is constant")
    if np.bincount(units.treatment, minlength=n_arms).min() < 2:
        return Finding(check=CHECK, severity="ok", message="not tested, because an arm is too small")
    p = _joint_p_value(units.matrix, units.treatment, n_arms, seed)
    difference, column = _largest_difference(units, n_arms)
    found = f"the largest standardized difference from the control is {difference:.3f}, in '{column}' (joint test {p_phrase(p)})"
    return finding_of_test(
        CHECK,
        p,
        ok=f"the features are balanced across the arms: {found}",
        alarm=f"the features differ between the arms: {found}. Assignment was not random, rows were lost, or '{column}' was measured after "
        "assignment. Leave out features that the treatment can change; otherwise find the cause before you use the effects.",
        severity="error" if difference >= 0.5 else "warning",
        figure=difference,
        column=column,
    )


def _joint_p_value(matrix: FloatArray, treatment: IntArray, n_arms: int, seed: int) -> float:
    if len(matrix) > _MAX_PERMUTED_UNITS:
        clipped = _orthonormal(_clipped(matrix, np.bincount(treatment, minlength=n_arms).min() / len(matrix)))
        return float(stats.chi2.sf(_statistic(clipped, treatment, n_arms), clipped.shape[1] * (n_arms - 1))) if clipped.size else 1.0
    orthonormal = _orthonormal(matrix)
    observed = _statistic(orthonormal, treatment, n_arms)
    rng = np.random.default_rng(seed)
    drawn = np.array([_statistic(orthonormal, rng.permutation(treatment), n_arms) for _ in range(_PERMUTATIONS)])
    return float((1 + np.count_nonzero(drawn >= observed * (1 - 1e-12))) / (1 + _PERMUTATIONS))


def _clipped(matrix: FloatArray, smallest_share: float) -> FloatArray:
    """Clip the extremes of the features, and drop features that become constant."""
    n_extreme = min(int(np.ceil(_MIN_EXTREME_UNITS / smallest_share)), (len(matrix) - 1) // 2)
    limits = (n_extreme, len(matrix) - 1 - n_extreme)
    columns = []
    for column in matrix.T:
        low, high = np.partition(column, limits)[list(limits)]
        if low < high:
            columns.append(np.clip(column, low, high))
    return np.column_stack(columns) if columns else np.empty((len(matrix), 0))


def _orthonormal(matrix: FloatArray) -> FloatArray:
    """Return an orthonormal basis of the centered columns, shape (n, rank)."""
    centered = matrix - matrix.mean(axis=0)
    centered = centered / centered.std(axis=0)
    values, vectors = np.linalg.eigh(centered.T @ centered)
    kept = values > 1e-9 * values.max()
    return np.asarray(centered @ (vectors[:, kept] / np.sqrt(values[kept])))


def _statistic(orthonormal: FloatArray, treatment: IntArray, n_arms: int) -> float:
    members = treatment[:, None] == np.arange(n_arms)
    sums = orthonormal.T @ members
    return float((len(treatment) - 1) * (sums**2 / members.sum(axis=0)).sum())


def _largest_difference(units: AssignmentUnits, n_arms: int) -> tuple[float, str]:
    """Return the largest difference of means from the control, in standard deviations, and its feature."""
    means = np.array([units.matrix[units.treatment == arm].mean(axis=0) for arm in range(n_arms)])
    differences = np.abs(means[1:] - means[0]).max(axis=0) / units.matrix.std(axis=0)
    worst = int(np.argmax(differences))
    return float(differences[worst]), units.columns[worst]

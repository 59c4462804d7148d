"""Leakage: whether the features predict the arm, which they cannot in a randomized trial."""

from typing import Any, NamedTuple

import numpy as np
from scipy import stats
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]  # a dependency of scikit-learn

from cjsim.uplift.p_values import p_phrase
from cjsim.uplift.soundness.assignment_units import AssignmentUnits
from cjsim.uplift.soundness.finding import Finding, finding_of_test
from cjsim.uplift.trials.cell_location import FloatArray, IntArray

CHECK = "leakage"
_BLOCKS = 5
_MAX_UNITS = 20_000  # drawn at random from larger trials
_MIN_UNITS = 50
_ERROR_AUC = 0.75  # assumed


class _Prediction(NamedTuple):
    """Prediction of one arm against the control."""

    arm: str
    auc: float
    p: float
    column: str


def check_leakage(units: AssignmentUnits, arms: tuple[str, ...], *, seed: int = 0) -> Finding:
    """Predict each arm against the control with gradient boosting, and test whether the AUC exceeds 1/2.

    Units are divided at random into 5 blocks, and each block after the first is predicted by a model fitted to the blocks before it. Under
    random assignment, the rank sums of the blocks are therefore uncorrelated and exactly standardized. Rank sums from ordinary
    cross-fitting are not, because the model for each block learns from all other blocks. The smallest p-value is multiplied by the number
    of arms tested.

    Parameters
    ----------
    units : AssignmentUnits
        Assigned units.
    arms : tuple of str
        Labels, the control first.
    seed : int
        Seed of the blocks and the models.

    Returns
    -------
    Finding
        `figure` is the AUC of the arm that is predicted best, `column` the feature whose permutation reduces it most.
    """
    if not units.columns:
        return Finding(check=CHECK, severity="ok", message="not tested, because every feature is constant")
    counts = np.bincount(units.treatment, minlength=len(arms))
    if counts.min() < _MIN_UNITS / 2:
        return Finding(check=CHECK, severity="ok", message="not tested, because an arm is too small")
    with threadpool_limits(1, user_api="openmp"):  # its threads busy-wait for a core, which is slow on a machine with other work
        found = min((_predict(units, arms, arm, seed) for arm in range(1, len(arms))), key=lambda prediction: prediction.p)
    p = min(1.0, found.p * (len(arms) - 1))
    text = f"arm '{found.arm}' against '{arms[0]}': cross-fitted AUC {found.auc:.3f}, {p_phrase(p)}"
    return finding_of_test(
        CHECK,
        p,
        ok=f"the features do not predict the arm ({text})",
        alarm=f"the features predict the arm ({text}), above all '{found.column}'. Random assignment cannot be predicted: "
        f"'{found.column}' was probably measured after assignment, or is derived from the arm. Leave it out of the features.",
        severity="error" if found.auc >= _ERROR_AUC else "warning",
        figure=found.auc,
        column=found.column,
    )


def _predict(units: AssignmentUnits, arms: tuple[str, ...], arm: int, seed: int) -> _Prediction:
    from sklearn.ensemble import HistGradientBoostingClassifier

    rng = np.random.default_rng(seed)
    rows = rng.permutation(np.flatnonzero((units.treatment == 0) | (units.treatment == arm)))[:_MAX_UNITS]
    blocks = np.array_split(rows, _BLOCKS)
    z, aucs, last = [], [], None
    for i in range(1, _BLOCKS):
        before, block = np.concatenate(blocks[:i]), blocks[i]
        is_arm = units.treatment[before] == arm
        if is_arm.all() or not is_arm.any():
            continue
        model = HistGradientBoostingClassifier(max_iter=30, max_leaf_nodes=8, early_stopping=False, random_state=seed)
        model.fit(units.matrix[before], is_arm)
        score, auc = _rank_test(_log_odds(model, units.matrix[block]), units.treatment[block] == arm)
        z.append(score)
        aucs.append(auc)
        last = (model, block)
    column = _most_important(*last, units=units, arm=arm, rng=rng) if last is not None else units.columns[0]
    p = float(stats.norm.sf(sum(z) / np.sqrt(len(z)))) if z else 1.0
    return _Prediction(arms[arm], float(np.nanmean(aucs)) if aucs else 0.5, p, column)


def _log_odds(model: Any, matrix: FloatArray) -> FloatArray:
    return np.asarray(model.decision_function(matrix))


def _rank_test(scores: FloatArray, is_arm: np.ndarray) -> tuple[float, float]:
    """Return the standardized rank sum of the arm, and the AUC; 0 and 1/2 if the scores are constant."""
    ranks = stats.rankdata(scores)
    n, n_arm = len(ranks), int(is_arm.sum())
    if n_arm in (0, n):
        return 0.0, 0.5
    center = (n + 1) / 2
    variance = n_arm * (n - n_arm) / (n * (n - 1)) * ((ranks - center) ** 2).sum()
    excess = ranks[is_arm].sum() - n_arm * center
    return float(excess / np.sqrt(variance)) if variance > 0 else 0.0, float(0.5 + excess / (n_arm * (n - n_arm)))


def _most_important(model: Any, block: IntArray, *, units: AssignmentUnits, arm: int, rng: np.random.Generator) -> str:
    """Return the feature whose permutation in the last block reduces the AUC most."""
    is_arm, names = units.treatment[block] == arm, np.array(units.columns)
    auc_by_feature = {}
    for name in dict.fromkeys(units.columns):
        matrix = units.matrix[block].copy()
        matrix[:, names == name] = matrix[rng.permutation(len(block))][:, names == name]
        auc_by_feature[name] = _rank_test(_log_odds(model, matrix), is_arm)[1]
    return min(auc_by_feature, key=auc_by_feature.__getitem__)

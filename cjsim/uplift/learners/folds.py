"""Folds for cross-fitting: reproducible, balanced over the arms, with clusters kept together."""

import numpy as np

from cjsim.errors import InputError, format_error
from cjsim.uplift.learners.training_rows import IntArray


def default_folds(n_rows: int) -> int:
    """Return the default number of folds: 5 up to 50,000 rows, 3 up to 500,000, and 2 beyond, to bound the run time for large trials."""
    return 5 if n_rows <= 50_000 else 3 if n_rows <= 500_000 else 2


def assign_folds(treatment: IntArray, *, folds: int, seed: int, clusters: IntArray | None = None) -> IntArray:
    """Assign each row to a fold at random.

    Within each arm the sizes of the folds differ by at most 1. With `clusters`, clusters take the place of rows, and each counts toward the
    arm of its first row. Equal arguments give equal folds.

    Parameters
    ----------
    treatment : ndarray of int64, shape (n,)
        Index of the arm.
    folds : int
        Number of folds, at least 2.
    seed : int
        Seed of `numpy.random.default_rng`.
    clusters : ndarray of int64, shape (n,), optional
        Code of the cluster.

    Returns
    -------
    ndarray of int64, shape (n,)
        Fold of each row, from 0 to `folds` - 1.

    Raises
    ------
    InputError
        If `folds` is below 2, or an arm does not occur both in and outside each fold.

    Examples
    --------
    >>> fold = assign_folds(np.array([0, 0, 0, 0, 1, 1, 1, 1]), folds=2, seed=1)
    >>> np.bincount(fold[:4]), np.bincount(fold[4:])
    (array([2, 2]), array([2, 2]))
    """
    if folds < 2:
        raise InputError(format_error("folds", "must be at least 2", str(folds)))
    if clusters is None:
        fold = _deal(treatment, folds, seed)
    else:
        _, first_row, code = np.unique(clusters, return_index=True, return_inverse=True)
        fold = _deal(treatment[first_row], folds, seed)[code]
    counts = np.zeros((folds, int(treatment.max()) + 1), dtype=np.int64)
    np.add.at(counts, (fold, treatment), 1)
    if (counts == 0).any():
        unit = "rows" if clusters is None else "clusters"
        got = f"an arm with {int(counts.sum(axis=0).min())} rows"
        raise InputError(
            format_error("treatment", f"must have {unit} of each arm in each of {folds} folds", got, "Use fewer folds or more rows.")
        )
    return fold


def _deal(arm: IntArray, folds: int, seed: int) -> IntArray:
    order = np.random.default_rng(seed).permutation(len(arm))
    by_arm = order[np.argsort(arm[order], kind="stable")]
    fold = np.empty(len(arm), dtype=np.int64)
    fold[by_arm] = np.arange(len(arm)) % folds
    return fold

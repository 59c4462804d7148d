"""The units that were assigned to arms: rows, or whole clusters."""

from typing import NamedTuple

import numpy as np

from cjsim.uplift.trials.cell_location import FloatArray, IntArray
from cjsim.uplift.trials.dataset import Trial
from cjsim.uplift.trials.feature_encoding import encoded_features


class AssignmentUnits(NamedTuple):
    """The assigned units of a trial.

    Attributes
    ----------
    treatment : ndarray of int64, shape (n_units,)
        Arm of each unit.
    matrix : ndarray of float64, shape (n_units, n_columns)
        Encoded features without constant columns; cluster means if clusters were assigned.
    columns : tuple of str
        Feature of each column of the matrix.
    are_clusters : bool
        Whether clusters were assigned as a whole.
    n_split : int
        Number of clusters with rows in several arms although clusters were assigned as a whole; these clusters are left out.
    """

    treatment: IntArray
    matrix: FloatArray
    columns: tuple[str, ...]
    are_clusters: bool = False
    n_split: int = 0

    @property
    def noun(self) -> str:
        """What the units are called."""
        return "clusters" if self.are_clusters else "rows"


def assignment_units(trial: Trial) -> AssignmentUnits:
    """Return the assigned units.

    Clusters are taken to be assigned as a whole if, among clusters with several rows, the share in a single arm is closer to 1 than to the
    share expected if rows were assigned independently.

    Parameters
    ----------
    trial : Trial
        The trial.
    """
    matrix, columns = encoded_features(trial.features)
    if trial.clusters is None:
        return AssignmentUnits(trial.treatment, matrix, columns)
    _, codes, sizes = np.unique(trial.clusters, return_inverse=True, return_counts=True)
    counts = np.column_stack([np.bincount(codes[trial.treatment == arm], minlength=len(sizes)) for arm in range(len(trial.arms))])
    is_whole, several = counts.max(axis=1) == sizes, sizes > 1
    shares = np.bincount(trial.treatment, minlength=len(trial.arms)) / len(trial)
    expected = (shares[:, None] ** sizes[several]).sum(axis=0).mean() if several.any() else 1.0
    if not several.any() or is_whole[several].mean() <= (1 + expected) / 2:
        return AssignmentUnits(trial.treatment, matrix, columns)
    means = np.column_stack([np.bincount(codes, weights=column) / sizes for column in matrix.T]) if columns else np.empty((len(sizes), 0))
    means = means[is_whole]
    varies = np.ptp(means, axis=0) > 0 if len(means) else np.zeros(len(columns), dtype=np.bool_)
    kept = tuple(name for name, kept in zip(columns, varies, strict=True) if kept)
    return AssignmentUnits(counts[is_whole].argmax(axis=1), means[:, varies], kept, True, int((~is_whole).sum()))

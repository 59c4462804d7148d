"""Screening of features that the treatment seems to have changed. They are left out unless the user named them."""

import dataclasses

from cjsim.uplift.soundness.assignment_units import assignment_units
from cjsim.uplift.soundness.covariate_balance import check_balance
from cjsim.uplift.trials.dataset import Trial

_MOST = 3  # columns; if more differ between the arms, assignment was probably not random (assumed)


def without_unbalanced_features(trial: Trial, *, seed: int) -> tuple[Trial, tuple[str, ...]]:
    """Leave out the features that differ between the arms, such as outcomes of the treatment.

    Columns are removed, the one with the largest difference first, until the joint balance test passes.

    Parameters
    ----------
    trial : Trial
        A randomized trial whose features fail the balance test.
    seed : int
        Seed of the permutations.

    Returns
    -------
    Trial
        The trial without these features; unchanged if the test still fails after three columns are removed.
    tuple of str
        Names of the removed columns.
    """
    kept = trial
    removed: list[str] = []
    while (found := check_balance(assignment_units(kept), len(kept.arms), seed=seed)).severity != "ok":
        if found.column is None or found.column not in kept.features.columns or len(removed) == _MOST:
            return trial, ()
        removed.append(found.column)
        kept = dataclasses.replace(kept, features=kept.features.drop(columns=found.column))
    return kept, tuple(removed)

"""All checks of a trial together."""

from cjsim.uplift.soundness.arm_prediction import check_leakage
from cjsim.uplift.soundness.assignment_units import assignment_units
from cjsim.uplift.soundness.covariate_balance import check_balance
from cjsim.uplift.soundness.dependent_rows import check_clusters, check_copied_rows, check_repeated_ids
from cjsim.uplift.soundness.finding import Finding, corrected_for_many
from cjsim.uplift.soundness.missing_values import check_missing_values
from cjsim.uplift.soundness.outcome_checks import check_arm_sizes, check_outcome
from cjsim.uplift.soundness.propensity_overlap import check_overlap
from cjsim.uplift.soundness.received_arms import check_received_arms
from cjsim.uplift.soundness.sample_ratio import check_sample_ratio
from cjsim.uplift.trials.dataset import Trial


def check_trial(trial: Trial, *, seed: int = 0) -> tuple[Finding, ...]:
    """Check a trial.

    Balance, leakage and copied rows are tested only if the trial has no propensities; otherwise overlap is checked instead.

    Parameters
    ----------
    trial : Trial
        The trial.
    seed : int
        Seed of the permutations and of the models that predict the arm.

    Returns
    -------
    tuple of Finding
        All findings, including those that are ok. The p-values of the tests are adjusted with Holm's method. A sound trial fails at least
        one of the tests with probability at most 2 %.

    Examples
    --------
    >>> import pandas as pd
    >>> from cjsim.uplift.trials.column_roles import ColumnRoles
    >>> table = pd.DataFrame({"mail": [0, 1] * 5, "bought": [1, 1, 0, 1, 0, 0, 0, 1, 1, 1]})
    >>> trial = Trial.from_frame(table, ColumnRoles(treatment="mail", outcome="bought"))
    >>> [(finding.check, finding.severity) for finding in check_trial(trial) if finding.severity == "error"]
    [('arm sizes', 'error')]
    """
    units = assignment_units(trial)
    if trial.propensity is None:
        comparability = [
            check_balance(units, len(trial.arms), seed=seed),
            check_leakage(units, trial.arms, seed=seed),
            check_copied_rows(trial),
        ]
    else:
        comparability = [check_overlap(trial)]
    optional = (check_received_arms(trial), check_repeated_ids(trial), check_clusters(trial, units))
    return corrected_for_many(
        [
            check_sample_ratio(trial, units),
            *comparability,
            *check_missing_values(trial),
            *(finding for finding in optional if finding is not None),
            check_arm_sizes(units, trial.arms),
            *(finding for name in trial.outcomes for finding in check_outcome(trial, name)),
        ]
    )

"""Missing values: how many, and whether they differ between the arms."""

import numpy as np
from scipy import stats

from cjsim.uplift.arm_means import arm_means
from cjsim.uplift.p_values import p_phrase
from cjsim.uplift.soundness.finding import Finding, finding_of_test
from cjsim.uplift.trial_effects import effect_between
from cjsim.uplift.trials.cell_location import BoolArray
from cjsim.uplift.trials.dataset import Trial

CHECK = "missing values"
_MANY_MISSING = 0.1  # share of missing outcomes (assumed)
_MIN_EXPECTED = 5.0  # for the chi-square approximation (Cochran 1954, Biometrics 10, 417-451)


def check_missing_values(trial: Trial) -> tuple[Finding, ...]:
    """Test for each outcome and feature whether the share of missing values differs between an arm and the control.

    The smallest p-value is multiplied by the number of tests. Tests are chi-square tests, Fisher's exact tests for small counts, or t tests
    if the trial has clusters or propensities.

    Parameters
    ----------
    trial : Trial
        The trial.

    Returns
    -------
    tuple of Finding
        The test, and a warning for each outcome with more than 10 % of its values missing.
    """
    missing = {name: outcome.is_missing for name, outcome in trial.outcomes.items()}
    missing |= {str(name): trial.features[name].isna().to_numpy() for name in trial.features.columns}
    missing = {name: rows for name, rows in missing.items() if rows.any()}
    if not missing:
        return (Finding(check=CHECK, severity="ok", message="no values are missing"),)
    p_by_test = {(name, arm): _p_value(trial, rows, arm) for name, rows in missing.items() for arm in range(1, len(trial.arms))}
    name, arm = min(p_by_test, key=p_by_test.__getitem__)
    p = min(1.0, p_by_test[name, arm] * len(p_by_test))
    shares = [float(missing[name][trial.treatment == i].mean()) for i in (arm, 0)]
    of_arm, of_control = f"{100 * shares[0]:.2f} % of '{trial.arms[arm]}'", f"{100 * shares[1]:.2f} % of '{trial.arms[0]}'"
    text = f"'{name}' is missing in {of_arm} and {of_control} ({p_phrase(p)})"
    listed = ", ".join(f"'{column}' {100 * rows.mean():.1f} %" for column, rows in missing.items())
    consequence = (
        "The rows that remain are no longer comparable. Complete the outcome, or count missing values as failures."
        if name in trial.outcomes
        else "It was probably measured after assignment, or by different means. Leave it out of the features."
    )
    test = finding_of_test(
        CHECK,
        p,
        ok=f"missing values do not differ between the arms ({listed})",
        alarm=f"missing values differ between the arms: {text}. {consequence}",
        figure=shares[0] - shares[1],
        column=name,
    )
    return (test, *_many_missing(trial))


def _many_missing(trial: Trial) -> tuple[Finding, ...]:
    shares = {name: float(outcome.is_missing.mean()) for name, outcome in trial.outcomes.items()}
    return tuple(
        Finding(
            check="missing outcomes",
            severity="warning",
            message=f"outcome '{name}' is missing in {100 * share:.1f} % of the rows, which are left out. The effects hold only for rows "
            "whose outcome is known. Complete the outcome, or write 0 where nothing happened.",
            figure=share,
            column=name,
        )
        for name, share in shares.items()
        if share > _MANY_MISSING
    )


def _p_value(trial: Trial, is_missing: BoolArray, arm: int) -> float:
    """Return the p-value of equal shares of missing values in an arm and the control."""
    if trial.clusters is not None or trial.propensity is not None:
        y, n_arms = is_missing.astype(np.float64), len(trial.arms)
        means = arm_means(y, trial.treatment, n_arms, propensity=trial.propensity, clusters=trial.clusters)
        p = effect_between(means, trial.arms, arm=arm, versus=0).p
        return 1.0 if np.isnan(p) else p
    rows = [is_missing[trial.treatment == i] for i in (arm, 0)]
    counts = np.array([[np.count_nonzero(part), np.count_nonzero(~part)] for part in rows])
    if not counts.sum(axis=0).all() or not counts.sum(axis=1).all():
        return 1.0
    expected = counts.sum(axis=0) * counts.sum(axis=1)[:, None] / counts.sum()
    test = stats.fisher_exact(counts) if expected.min() < _MIN_EXPECTED else stats.chi2_contingency(counts, correction=False)
    return float(test.pvalue)

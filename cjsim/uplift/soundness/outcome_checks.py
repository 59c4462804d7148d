"""Arms that are too small, outcomes that are constant or rare, and rows that drive the effect."""

import numpy as np

from cjsim.uplift.arm_means import arm_means
from cjsim.uplift.soundness.assignment_units import AssignmentUnits
from cjsim.uplift.soundness.finding import Finding
from cjsim.uplift.trial_effects import effect_between
from cjsim.uplift.trials.cell_location import BoolArray, FloatArray
from cjsim.uplift.trials.dataset import Trial

_TOO_SMALL, _SMALL = 20, 100  # units per arm (assumed)
_MIN_CASES = 5  # successes and failures per arm, below which the normal approximation fails (assumed)
_TOP_SHARE = 0.001  # of the rows, by influence
_CARRIED = 0.5  # share of the variance (assumed)


def check_arm_sizes(units: AssignmentUnits, arms: tuple[str, ...]) -> Finding:
    """Check whether an arm has fewer than 20 units (an error) or 100 units (a warning).

    Parameters
    ----------
    units : AssignmentUnits
        Assigned units.
    arms : tuple of str
        Labels.
    """
    counts = np.bincount(units.treatment, minlength=len(arms))
    smallest = int(np.argmin(counts))
    text = f"the smallest arm, '{arms[smallest]}', has {counts[smallest]} {units.noun}"
    if counts[smallest] >= _SMALL:
        return Finding(check="arm sizes", severity="ok", message=text, figure=float(counts[smallest]))
    is_error = counts[smallest] < _TOO_SMALL
    remedy = (
        "Do not use the effects; run a larger trial." if is_error else "Only large effects can be found; plan the size of the next trial."
    )
    message = f"{text}. Intervals and tests are unreliable, and differences between customers cannot be learned. {remedy}"
    return Finding(check="arm sizes", severity="error" if is_error else "warning", message=message, figure=float(counts[smallest]))


def check_outcome(trial: Trial, name: str) -> tuple[Finding, ...]:
    """Check whether an outcome is constant or rare, or whether a few rows drive its effects.

    Parameters
    ----------
    trial : Trial
        The trial.
    name : str
        The outcome.
    """
    outcome, complete = trial.outcomes[name], trial.complete(name)
    y = complete.outcomes[name].values
    empty = [trial.arms[arm] for arm, count in enumerate(complete.arm_sizes) if count < 2]
    if empty:
        message = f"outcome '{name}' is known for fewer than two rows of '{empty[0]}', so no effect can be estimated. Complete it."
        return (Finding(check="outcome", severity="error", message=message, column=name),)
    if np.ptp(y) == 0:
        message = f"outcome '{name}' is {y[0]:g} in every row, so no effect can be estimated. Check the column, or wait longer."
        return (Finding(check="outcome", severity="error", message=message, column=name),)
    if outcome.kind == "binary":
        return (_rare_cases(complete, name, y),)
    return tuple(_influential_rows(complete, name, y, arm) for arm in range(1, len(trial.arms)))


def _rare_cases(trial: Trial, name: str, y: FloatArray) -> Finding:
    successes = np.bincount(trial.treatment, weights=y, minlength=len(trial.arms))
    cases = np.minimum(successes, np.array(trial.arm_sizes) - successes)
    fewest = int(np.argmin(cases))
    text = f"outcome '{name}' has at least {cases[fewest]:.0f} successes and failures in each arm"
    if cases[fewest] >= _MIN_CASES:
        return Finding(check="outcome", severity="ok", message=text, figure=float(cases[fewest]), column=name)
    message = (
        f"outcome '{name}' has only {cases[fewest]:.0f} {'successes' if successes[fewest] == cases[fewest] else 'failures'} in "
        f"'{trial.arms[fewest]}'. Intervals and p-values are unreliable with fewer than {_MIN_CASES}. Wait longer, or use an "
        "outcome that is less rare."
    )
    return Finding(check="outcome", severity="warning", message=message, figure=float(cases[fewest]), column=name)


def _influential_rows(trial: Trial, name: str, y: FloatArray, arm: int) -> Finding:
    """Compare the effect with and without the 0.1 % of rows that are farthest from the mean of their arm, in weighted units."""
    means = arm_means(y, trial.treatment, len(trial.arms), propensity=trial.propensity, clusters=trial.clusters)
    sizes = np.array(trial.arm_sizes)
    weights = 1 / sizes[trial.treatment]
    if trial.propensity is not None:
        inverse = 1 / trial.propensity[np.arange(len(trial)), trial.treatment]
        weights = inverse / np.bincount(trial.treatment, weights=inverse, minlength=len(sizes))[trial.treatment]
    influence = np.abs(weights * (y - means.means[trial.treatment])) * np.isin(trial.treatment, (0, arm))
    n_top = int(np.ceil(_TOP_SHARE * (sizes[0] + sizes[arm])))
    is_top: BoolArray = np.zeros(len(y), dtype=np.bool_)
    is_top[np.argsort(-influence, kind="stable")[:n_top]] = True
    carried = float((influence[is_top] ** 2).sum() / max((influence**2).sum(), 1e-300))
    effect = effect_between(means, trial.arms, arm=arm, versus=0)
    propensity = None if trial.propensity is None else trial.propensity[~is_top]
    without = arm_means(y[~is_top], trial.treatment[~is_top], len(trial.arms), propensity=propensity).means
    trimmed = float(without[arm] - without[0])
    top = "the most influential row, which carries" if n_top == 1 else f"the {n_top} most influential rows, which carry"
    text = (
        f"the effect of '{trial.arms[arm]}' on '{name}' is {effect.effect:.4g}, and {trimmed:.4g} without {top} {100 * carried:.0f} % of "
        "its variance"
    )
    changes_sign = effect.low * effect.high > 0 and trimmed * effect.effect < 0
    if carried <= _CARRIED and not changes_sign:
        return Finding(check="influential rows", severity="ok", message=text, figure=carried, column=name)
    remedy = "Check these rows, cap the outcome at a value named in advance, or use a less skewed outcome."
    message = f"{text}. A few rows decide the result. {remedy}"
    return Finding(check="influential rows", severity="warning", message=message, figure=carried, column=name)

"""Comparison of assigned and received arms."""

import numpy as np

from cjsim.uplift.soundness.finding import Finding
from cjsim.uplift.trials.dataset import Trial

CHECK = "received arms"


def check_received_arms(trial: Trial) -> Finding | None:
    """Check how many rows received an arm other than the assigned one. Returns None if received arms are unknown.

    Parameters
    ----------
    trial : Trial
        The trial.

    Returns
    -------
    Finding or None
        `figure` is the share of rows that received another arm.
    """
    if trial.received is None:
        return None
    differs = trial.received != trial.treatment
    share = float(differs.mean())
    if not differs.any():
        return Finding(check=CHECK, severity="ok", message="all rows received the assigned arm", figure=0.0)
    by_arm = ", ".join(f"{100 * differs[trial.treatment == arm].mean():.1f} % of '{label}'" for arm, label in enumerate(trial.arms))
    same_everywhere = all(len(np.unique(trial.received[trial.treatment == arm])) == 1 for arm in range(len(trial.arms)))
    if same_everywhere:
        message = (
            f"all rows of an arm received the same arm, but not the assigned one: {by_arm}. Labels are swapped, or a treatment was never "
            "given. Check them."
        )
        return Finding(check=CHECK, severity="error", message=message, figure=share)
    return Finding(
        check=CHECK,
        severity="warning",
        message=f"some rows did not receive the assigned arm: {by_arm}. The effects are those of assignment, and smaller than those of the "
        "treatment itself. Do not compare by received arm, because those who received it differ from the others.",
        figure=share,
    )

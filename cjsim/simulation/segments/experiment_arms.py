"""Arms of the experiments in a policy: which arm a customer belongs to, and when the customer was first exposed to the experiment."""

import numpy as np

from cjsim.compiler.plan import Codebook, exposure_moment
from cjsim.engine.run_record import RunRecord
from cjsim.errors import InputError, format_error, unknown_name_parts
from cjsim.kernels.rng import uniforms
from cjsim.kernels.world import Array
from cjsim.scenario.kinds.references import experiment_stream
from cjsim.uplift.trials.arm_labels import is_control_label


def find_experiment(codebook: Codebook, experiment: str | None, where: str = "experiment") -> str:
    """Return the name of an experiment.

    Parameters
    ----------
    codebook : Codebook
        Names of the scenario.
    experiment : str, optional
        Name of the experiment. Can be omitted if the policy has only one.
    where : str
        Name of the argument, for error messages: 'experiment', or 'by' for groups.

    Returns
    -------
    str

    Raises
    ------
    InputError
        If the policy has no such experiment, or no name is given and the policy does not have exactly one.
    """
    names = codebook.experiments
    if experiment is None:
        if len(names) == 1:
            return next(iter(names))
        got = f"{len(names)} experiments: {', '.join(names)}" if names else "no experiment"
        name = ("arm:" if where == "by" else "") + next(iter(names), "")
        remedy = f"Name one, such as '{name}'." if names else "Add 'experiment: NAME' to a split of a flow."
        raise InputError(format_error(where, "must name an experiment unless the policy has exactly one", got, remedy))
    if experiment not in names:
        raise InputError(format_error(where, *unknown_name_parts(experiment, names, "experiment")))
    return experiment


def control_arm(codebook: Codebook, experiment: str) -> str:
    """Return the arm that the other arms of an experiment are compared with.

    It is the arm whose steps do nothing; if there is not exactly one, the arm that its name identifies as the control, as when a trial is
    read from a file; failing that, the first.

    Parameters
    ----------
    codebook : Codebook
        Names of the scenario.
    experiment : str
        Name of the experiment.

    Returns
    -------
    str
    """
    arms, idle = list(codebook.experiments[experiment]), codebook.idle_arms.get(experiment, ())
    named = [arm for arm in arms if is_control_label(arm)]
    return next((found[0] for found in (idle, named) if len(found) == 1), arms[0])


def draw_arms(run: RunRecord, experiment: str) -> Array:
    """Return the arm of each customer: the arm that the customer gets whenever a flow reaches a split of the experiment.

    An arm is a function of the seed, the customer's key and the name of the experiment, so customers who were never exposed have one, too.

    Parameters
    ----------
    run : RunRecord
        The run.
    experiment : str
        Name of the experiment.

    Returns
    -------
    ndarray of int64, shape (n_customers,)
        Index of the arm, in the order of declaration.
    """
    cumulative = np.array(list(run.codebook.experiments[experiment].values()))
    draws = uniforms(run.provenance.seed, run.keys, experiment_stream(experiment))
    return np.searchsorted(cumulative[:-1], draws, side="right")


def first_exposures(run: RunRecord, experiment: str) -> Array:
    """Return when each customer first reached a split of the experiment.

    Parameters
    ----------
    run : RunRecord
        The run.
    experiment : str
        Name of the experiment.

    Returns
    -------
    ndarray of float64, shape (n_customers,), days since the start
        nan if the customer was not exposed.
    """
    return np.asarray(run.outcomes.moments[:, run.codebook.moments.index(exposure_moment(experiment))])

"""`export_trial`: simulate a scenario with an experiment, and return the trial as the table that a firm would analyze."""

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from cjsim.argument_types import checked_arguments
from cjsim.compiler.compile_scenario import compile_scenario
from cjsim.progress import Progress
from cjsim.simulation.argument_checks import checked_days
from cjsim.simulation.documents import Scenario
from cjsim.simulation.scenario_sources import ScenarioSource, as_scenario
from cjsim.simulation.segments.experiment_arms import find_experiment
from cjsim.simulation.simulate import simulate
from cjsim.simulation.trials.trial_table import require_no_existing_customers, require_window_within

if TYPE_CHECKING:
    import pandas as pd


@checked_arguments
def export_trial(
    scenario: ScenarioSource,
    experiment: str | None = None,
    *,
    follow_up_days: float | None = None,
    customers: int | None = None,
    seed: int | None = None,
    threads: int | None = None,
    max_customers: int | None = None,
    progress: Progress | None = None,
) -> "pd.DataFrame":
    """Simulate a scenario, and return the table of a trial. For a run that has an event log, use `Run.trial`.

    Parameters
    ----------
    scenario : Scenario, str or path
        A scenario whose policy has an experiment, the path of its file, or its name in the library.
    experiment : str, optional
        Name of the experiment. Can be omitted if the policy has only one.
    follow_up_days : float, optional
        Number of days after the assignment during which outcomes are counted; see `Run.trial`.
    customers, seed, threads, max_customers, progress
        As in `simulate`.

    Returns
    -------
    pandas.DataFrame
        See `Run.trial`.

    Raises
    ------
    InputError
        As in `simulate` and `Run.trial`.
    """
    checked = as_scenario(scenario).checked()
    check_trial(checked, experiment, window_days=follow_up_days)
    with tempfile.TemporaryDirectory() as folder:
        run = simulate(
            checked,
            customers=customers,
            seed=seed,
            threads=threads,
            max_customers=max_customers,
            log=Path(folder) / "log.parquet",
            replications=1,
            progress=progress,
        )
        return run.trial(experiment, follow_up_days=follow_up_days)


def check_trial(
    scenario: Scenario, experiment: str | None = None, *, window_days: float | None = None, follow_up_days: float | None = None
) -> None:
    """Raise if the table of a trial cannot be made from a scenario. Used before a simulation, which may take a long time.

    Parameters
    ----------
    scenario : Scenario
        The scenario.
    experiment : str, optional
        Name of the experiment. Can be omitted if the policy has only one.
    window_days : float, optional
        Number of days after the assignment during which outcomes are counted.
    follow_up_days : float, optional
        Number of days from entry for which each customer is simulated, if not until the horizon.

    Raises
    ------
    InputError
        If there is no such experiment, customers exist before day 0, or the window is longer than customers are simulated.
    """
    find_experiment(compile_scenario(scenario.checked()).codebook, experiment)
    require_no_existing_customers(None if scenario.existing is None else scenario.existing.customers)
    if window_days is not None:
        simulated = scenario.horizon if follow_up_days is None else min(follow_up_days, scenario.horizon)
        require_window_within(checked_days("follow_up_days", window_days), simulated)

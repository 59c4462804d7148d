"""`export_trial`: simulate a scenario with an experiment, and return the trial as the table that a firm would analyze."""

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from cjsim.argument_types import checked_arguments
from cjsim.compiler.compile_scenario import compile_scenario
from cjsim.progress import Progress
from cjsim.simulation.experiment_arms import find_experiment
from cjsim.simulation.scenario_sources import ScenarioSource, as_scenario
from cjsim.simulation.simulate import simulate

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
    find_experiment(compile_scenario(checked).codebook, experiment)  # before the simulation, which may take a long time
    with tempfile.TemporaryDirectory() as folder:
        run = simulate(
            checked,
            customers=customers,
            seed=seed,
            threads=threads,
            max_customers=max_customers,
            log=Path(folder) / "log.parquet",
            progress=progress,
        )
        return run.trial(experiment, follow_up_days=follow_up_days)

"""Warnings about a scenario that a simulation of 500 of its customers shows."""

from cjsim.errors import InputError
from cjsim.progress import NoProgress, Progress, progress_task
from cjsim.simulation.documents import Scenario
from cjsim.simulation.kernel_compilation import compile_kernels, kernels_of_runs
from cjsim.simulation.sampled.condition_effects import condition_effect_warnings
from cjsim.simulation.sampled.customer_sample import simulate_sample
from cjsim.simulation.sampled.desk_hours import desk_warnings
from cjsim.validate.warnings.condition_lint import constant_conditions, scenario_conditions

SAMPLE_SIZE = 500
_FIRST_SAMPLE_SIZE = 50  # most conditions make a difference here, which saves the larger simulation


def simulated_warnings(scenario: Scenario, *, progress: Progress | None = None) -> list[str]:
    """Return warnings that a simulation of 500 customers shows: about conditions that make no difference, and about desks.

    Parameters
    ----------
    scenario : Scenario
        A valid scenario.
    progress : Progress, optional
        Receives progress updates.

    Returns
    -------
    list of str
        Warnings, each starting with a path, including those that the scenario accepts.
    """
    progress = progress or NoProgress()
    known = constant_conditions(scenario)
    conditions = [one for one in scenario_conditions(scenario) if one not in known]
    compile_kernels(kernels_of_runs(is_shared=scenario.has_shared_resources), progress)
    with progress_task(progress, len(conditions) + 1, f"{scenario.name}: checks by simulation"):
        try:
            samples = [simulate_sample(scenario, size) for size in (_FIRST_SAMPLE_SIZE, SAMPLE_SIZE)]
            progress.advance(1)
            if not samples[-1].n_sampled:
                return ["customers: the checks by simulation cannot run, because no customer enters. Add customers or arrivals."]
            return [*condition_effect_warnings(scenario, conditions, samples, progress), *desk_warnings(scenario, samples[-1])]
        except InputError as error:
            return [f"journey: the checks by simulation cannot run. {error}"]

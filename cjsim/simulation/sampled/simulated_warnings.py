"""Warnings about a scenario, found by simulating samples of its customers."""

from cjsim.errors import InputError
from cjsim.progress import NoProgress, Progress, progress_task
from cjsim.simulation.documents import Scenario
from cjsim.simulation.kernel_compilation import compile_kernels, kernels_of_runs
from cjsim.simulation.sampled.condition_effects import condition_effect_warnings
from cjsim.simulation.sampled.customer_sample import simulate_sample
from cjsim.simulation.sampled.desk_hours import desk_warnings
from cjsim.validate.warnings.condition_lint import constant_conditions, scenario_conditions

_DESK_SAMPLE = 500


def simulated_warnings(scenario: Scenario, *, progress: Progress | None = None) -> list[str]:
    """Return warnings found by simulation: about conditions that make no difference (up to 20,000 customers) and about desks (500).

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
            sample = simulate_sample(scenario, _DESK_SAMPLE)
            progress.advance(1)
            if not sample.n_sampled:
                return ["customers: the checks by simulation cannot run, because no customer enters. Add customers or arrivals."]
            return [*condition_effect_warnings(scenario, conditions, progress), *desk_warnings(scenario, sample)]
        except InputError as error:
            return [f"journey: the checks by simulation cannot run. {error}"]

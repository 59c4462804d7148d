"""Warnings about a scenario, found by simulating samples of its customers."""

from cjsim.compiler.plan import Codebook
from cjsim.errors import InputError, did_you_mean, short_repr
from cjsim.metrics.catalog import all_metric_definitions
from cjsim.progress import NoProgress, Progress, progress_task
from cjsim.simulation.documents import Scenario
from cjsim.simulation.kernel_compilation import compile_kernels, kernels_of_runs
from cjsim.simulation.sampled.condition_effects import condition_effect_warnings
from cjsim.simulation.sampled.customer_sample import simulate_sample
from cjsim.simulation.sampled.desk_hours import desk_warnings
from cjsim.validate.warnings.condition_lint import constant_conditions, scenario_conditions

_DESK_SAMPLE = 500


def simulated_warnings(scenario: Scenario, *, progress: Progress | None = None) -> list[str]:
    """Return warnings found by simulation: conditions that make no difference (up to 20,000 customers), desks (500), unknown metrics.

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
            others = [*desk_warnings(scenario, sample), *_metric_warnings(scenario, sample.plan.codebook)]
            return [*condition_effect_warnings(scenario, conditions, progress), *others]
        except InputError as error:
            return [f"journey: the checks by simulation cannot run. {error}"]


def _metric_warnings(scenario: Scenario, codebook: Codebook) -> list[str]:
    """Return a warning for each moment whose metric the scenario does not have."""
    known = all_metric_definitions(codebook)
    metrics = {name: moment.metric for name, moment in scenario.journey.moments.items() if moment.metric not in (None, *known)}
    return [
        f"journey.moments.{name}.metric: no metric has the name {short_repr(metric)}. "
        f"{did_you_mean(metric, known) or 'Write one that the JSON of a simulation contains.'}"
        for name, metric in metrics.items()
    ]

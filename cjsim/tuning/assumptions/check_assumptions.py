"""`assumptions`: how much of the difference between two scenarios depends on effects of messages that are assumed.

The comparison is repeated without these effects, with half of them and with twice as much, on the same customers.
"""

import time

from cjsim.argument_types import checked_arguments
from cjsim.errors import InputError, format_error
from cjsim.metrics.catalog import find_metric_definition
from cjsim.metrics.run_notes import comparison_notes
from cjsim.progress import NoProgress, Progress, progress_task
from cjsim.simulation.compare_scenarios import compare
from cjsim.simulation.comparison import Comparison
from cjsim.simulation.scenario_sources import ScenarioSource, named_scenarios
from cjsim.tuning.assumptions.assumed_effects import assumed_effects, message_effects, scale_effects
from cjsim.tuning.assumptions.assumption_check import FACTORS, AssumptionCheck


@checked_arguments
def assumptions(
    baseline: ScenarioSource,
    alternative: ScenarioSource,
    *,
    metric: str = "clv",
    customers: int | None = None,
    seed: int | None = None,
    sample: float | None = None,
    replications: int | None = None,
    threads: int | None = None,
    progress: Progress | None = None,
) -> AssumptionCheck:
    """Measure how much of the difference between two scenarios depends on effects of messages that are assumed.

    The effects are the lifts and sways of messages, and the lifts that deliveries have on a persona (`contact_lift`). Those whose source is
    `assumed` or not stated are left out, halved and doubled in both scenarios, as far as their ranges allow. All other assumptions of the
    journey stay as they are.

    Parameters
    ----------
    baseline, alternative : Scenario, str or path
        The scenarios, the paths of their files, or their names in the library.
    metric : str
        Name of the metric.
    customers, seed, sample, replications, threads : optional
        As in `compare`.
    progress : Progress, optional
        Receives progress updates, such as ProgressBar(), counted in comparisons.

    Returns
    -------
    AssumptionCheck

    Raises
    ------
    InputError
        If the metric does not exist, or the scenarios cannot be compared.

    Examples
    --------
    >>> list(assumptions("shop", "shop_better", customers=200).effects)
    [1.0, 0.0, 0.5, 2.0]
    """
    started, progress = time.perf_counter(), progress or NoProgress()
    scenarios = named_scenarios([baseline, alternative], argument="assumptions")
    if len(scenarios) < 2:
        raise InputError(format_error("alternative", "must differ from the baseline", next(iter(scenarios)), "Name another scenario."))
    assumed = {name: assumed_effects(scenario) for name, scenario in scenarios.items()}
    comparisons: dict[float, Comparison] = {}
    with progress_task(progress, len(FACTORS), "comparisons"):
        for factor in FACTORS:
            if factor == 1 or any(assumed.values()):
                scaled = {name: scale_effects(scenario, assumed[name], factor) for name, scenario in scenarios.items()}
                comparisons[factor] = compare(
                    scaled, customers=customers, seed=seed, sample=sample, replications=replications, threads=threads
                )
            progress.advance(1)
    stated, other = comparisons[1], list(scenarios)[1]
    definition, origin = find_metric_definition(stated.runs[stated.baseline], metric), stated.runs[stated.baseline].provenance
    return AssumptionCheck(
        baseline=stated.baseline,
        alternative=other,
        metric=metric,
        unit=definition.unit,
        n_effects=len(message_effects(scenarios[other])),
        n_assumed=len(assumed[other]),
        customers=origin.customers,
        seed=origin.seed,
        replications=origin.replications,
        effects={factor: comparison.alternatives[other][metric] for factor, comparison in comparisons.items()},
        seconds=time.perf_counter() - started,
        currency=origin.currency,
        notes=tuple(comparison_notes(list(stated.runs.values()))),
    )

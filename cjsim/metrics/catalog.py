"""The catalog of all shipped and registered metrics. Estimates and comparisons use the same definition of a metric."""

from collections.abc import Mapping, Sequence
from types import MappingProxyType

from cjsim.compiler.plan import Codebook, Plan
from cjsim.engine.run_record import RunRecord
from cjsim.errors import InputError, format_error, unknown_name_parts
from cjsim.metrics.cluster_sample import ClusterSample
from cjsim.metrics.confidence_intervals import MetricEstimate, estimate_metric
from cjsim.metrics.ratios import MetricDefinition
from cjsim.metrics.registration import registered_metric_definitions
from cjsim.metrics.shipped_metrics import shipped_metric_definitions


def all_metric_definitions(codebook: Codebook) -> dict[str, MetricDefinition]:
    """Return all metric definitions for a codebook, keyed by name.

    Parameters
    ----------
    codebook : Codebook
        Names of moments, stages, channels, desks and acquisition channels.

    Returns
    -------
    dict of str to MetricDefinition
        In table order: shipped metrics, then registered ones.

    Raises
    ------
    InputError
        If two registered metrics have the same name.
    """
    definitions = [*shipped_metric_definitions(codebook), *registered_metric_definitions(codebook)]
    return {definition.name: definition for definition in definitions}


def find_metric_definition(run: RunRecord | Plan, metric: str) -> MetricDefinition:
    """Return the definition of a metric.

    Parameters
    ----------
    run : RunRecord or Plan
        The run or the compiled scenario, whose codebook provides the names of channels, stages and so on.
    metric : str
        Name of a metric, such as 'clv' or 'open_rate[email]'.

    Returns
    -------
    MetricDefinition

    Raises
    ------
    InputError
        If no metric has this name.
    """
    definitions = all_metric_definitions(run.codebook)
    if metric not in definitions:
        raise InputError(format_error("metric", *unknown_name_parts(metric, definitions, "metric")))
    return definitions[metric]


def require_metrics(codebook: Codebook, metrics: Sequence[str], *, alternatives: Sequence[Codebook] = ()) -> None:
    """Raise if a metric does not exist.

    Parameters
    ----------
    codebook : Codebook
        Names of the scenario.
    metrics : sequence of str
        Names of metrics.
    alternatives : sequence of Codebook
        Names of the scenarios that are compared with it. Each metric must also exist in at least one of them.

    Raises
    ------
    InputError
        If a metric does not exist. The message suggests a metric with a similar name.
    """
    if not metrics:
        return
    definitions, others = all_metric_definitions(codebook), [all_metric_definitions(one) for one in alternatives]
    for metric in metrics:
        if metric not in definitions:
            raise InputError(format_error("metrics", *unknown_name_parts(metric, definitions, "metric")))
        if others and not any(metric in one for one in others):
            must, got = "must exist in an alternative, too", f"'{metric}', which only the baseline has"
            raise InputError(format_error("metrics", must, got, "Choose a metric that both have."))


def estimate_all_metrics(run: RunRecord) -> Mapping[str, MetricEstimate]:
    """Estimate every metric of a run, one at a time to limit memory use.

    Parameters
    ----------
    run : RunRecord
        The run.

    Returns
    -------
    Mapping of str to MetricEstimate
        Estimates keyed by metric name.
    """
    sample, definitions = ClusterSample.from_run(run), all_metric_definitions(run.codebook)
    return MappingProxyType({name: estimate_metric(one.terms(run), one.unit, sample) for name, one in definitions.items()})

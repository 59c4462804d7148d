"""The catalog of all metrics. Each is defined once, in `cjsim.metrics.definitions`, and estimated and compared from its definition."""

from collections.abc import Mapping
from types import MappingProxyType

from cjsim.compiler.plan import Codebook
from cjsim.engine.run_record import RunRecord
from cjsim.errors import InputError, format_error, unknown_name_parts
from cjsim.metrics.cluster_sample import ClusterSample
from cjsim.metrics.confidence_intervals import MetricEstimate, estimate_metric
from cjsim.metrics.definitions.conversion_and_retention import conversion_and_retention_metrics
from cjsim.metrics.definitions.customer_acquisition import acquisition_metrics
from cjsim.metrics.definitions.journey_progress import journey_metrics
from cjsim.metrics.definitions.message_engagement import message_metrics
from cjsim.metrics.definitions.purchases_and_value import purchase_and_value_metrics
from cjsim.metrics.definitions.service_levels import desk_metrics
from cjsim.metrics.ratios import MetricDefinition


def all_metric_definitions(codebook: Codebook) -> dict[str, MetricDefinition]:
    """Return the definitions of all metrics of runs with a codebook, by name, in the order of tables.

    Parameters
    ----------
    codebook : Codebook
        Names of moments, stages, channels, desks and acquisition channels.

    Returns
    -------
    dict of str to MetricDefinition
    """
    definitions = [
        *conversion_and_retention_metrics(),
        *purchase_and_value_metrics(),
        *acquisition_metrics(codebook),
        *journey_metrics(codebook),
        *message_metrics(codebook),
        *desk_metrics(codebook),
    ]
    return {definition.name: definition for definition in definitions}


def find_metric_definition(run: RunRecord, metric: str) -> MetricDefinition:
    """Return the definition of a metric.

    Parameters
    ----------
    run : RunRecord
        Gives the names of channels, stages and so on.
    metric : str
        Name of a metric, such as 'clv' or 'open_rate[email]'.

    Returns
    -------
    MetricDefinition

    Raises
    ------
    InputError
        If there is no metric of that name.
    """
    definitions = all_metric_definitions(run.codebook)
    if metric not in definitions:
        raise InputError(format_error("metric", *unknown_name_parts(metric, definitions, "metric")))
    return definitions[metric]


def estimate_all_metrics(run: RunRecord) -> Mapping[str, MetricEstimate]:
    """Estimate every metric of a run, one at a time to keep memory small.

    Parameters
    ----------
    run : RunRecord
        The run.

    Returns
    -------
    Mapping of str to MetricEstimate
        Estimates by name.
    """
    sample = ClusterSample.from_run(run)
    return MappingProxyType(
        {
            name: estimate_metric(definition.terms(run), definition.unit, sample)
            for name, definition in all_metric_definitions(run.codebook).items()
        }
    )

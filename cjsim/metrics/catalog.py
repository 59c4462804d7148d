"""All metrics of a run: each is defined once, and measured and compared from that definition.

Lives here: the list, and measuring it. Does not live here: what a metric is (value.py, retention.py,
acquisition.py, journey.py, contacts.py, desks.py).
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING

from cjsim.compiler.plan import Codebook
from cjsim.engine.run_record import RunRecord
from cjsim.errors import InputError, format_error, unknown_name_parts
from cjsim.metrics.cluster_sample import ClusterSample
from cjsim.metrics.confidence_intervals import MetricEstimate, estimate_metric
from cjsim.metrics.definitions import conversion_and_retention as retention
from cjsim.metrics.definitions import customer_acquisition as acquisition
from cjsim.metrics.definitions import journey_progress as journey
from cjsim.metrics.definitions import message_engagement as contacts
from cjsim.metrics.definitions import purchases_and_value as value
from cjsim.metrics.definitions import service_levels as desks
from cjsim.metrics.ratios import MetricDefinition

if TYPE_CHECKING:
    pass


def all_metric_definitions(codebook: Codebook) -> dict[str, MetricDefinition]:
    """Every metric that runs with these names have, by name, in the order of tables.

    Parameters
    ----------
    codebook : Codebook
        Names of moments, stages, channels, desks and acquisition channels.
    """
    found = [*retention.conversion_and_retention_metrics(), *value.purchase_and_value_metrics(), *acquisition.acquisition_metrics(codebook)]
    found += [*journey.journey_metrics(codebook), *contacts.message_metrics(codebook), *desks.desk_metrics(codebook)]
    return {definition.name: definition for definition in found}


def find_metric_definition(run: RunRecord, metric: str) -> MetricDefinition:
    """One metric by its name.

    Parameters
    ----------
    run : RunRecord
        Whose names count.
    metric : str
        Such as 'clv' or 'open_rate[email]'.

    Raises
    ------
    InputError
        If there is none of that name.
    """
    found = all_metric_definitions(run.codebook)
    if metric not in found:
        raise InputError(format_error("metric", *unknown_name_parts(metric, found, "metric")))
    return found[metric]


def estimate_all_metrics(run: RunRecord) -> Mapping[str, MetricEstimate]:
    """Every metric of a run with its interval; one at a time, so that memory stays small."""
    sample = ClusterSample.from_run(run)
    return MappingProxyType(
        {name: estimate_metric(of.terms(run), of.unit, sample) for name, of in all_metric_definitions(run.codebook).items()}
    )

"""The metrics that ship with cjsim, collected from `cjsim.metrics.definitions`."""

import math
from dataclasses import fields
from functools import cache
from typing import Any

from cjsim.compiler.plan import Codebook
from cjsim.metrics.definitions.conversion_and_retention import conversion_and_retention_metrics
from cjsim.metrics.definitions.cost_breakdown import cost_metrics
from cjsim.metrics.definitions.customer_acquisition import acquisition_metrics
from cjsim.metrics.definitions.journey_progress import FIRST_VALUE_MOMENT, journey_metrics
from cjsim.metrics.definitions.message_engagement import message_metrics
from cjsim.metrics.definitions.purchases_and_value import purchase_and_value_metrics
from cjsim.metrics.definitions.service_levels import desk_metrics
from cjsim.metrics.ratios import MetricDefinition

_PLACEHOLDERS: dict[str, Any] = {
    **{field.name: () for field in fields(Codebook)},
    "stages": ("STAGE",),
    "channels": ("CHANNEL",),
    "desks": ("DESK",),
    "acquisition": ("ACQUISITION",),
    "moments": ("conversion", FIRST_VALUE_MOMENT),
    "attributes": {},
    "experiments": {},
    "has_existing": True,
    "value_days": math.inf,
}
PLACEHOLDER_NAMES = Codebook(**_PLACEHOLDERS)  # of a scenario that has all metrics, with one name of each kind


def shipped_metric_definitions(codebook: Codebook) -> list[MetricDefinition]:
    """Return the definitions of all shipped metrics for a codebook, in table order.

    Parameters
    ----------
    codebook : Codebook
        Names of moments, stages, channels, desks and acquisition channels.

    Returns
    -------
    list of MetricDefinition
    """
    return [
        *conversion_and_retention_metrics(codebook),
        *purchase_and_value_metrics(codebook),
        *cost_metrics(),
        *acquisition_metrics(codebook),
        *journey_metrics(codebook),
        *message_metrics(codebook),
        *desk_metrics(codebook),
    ]


def is_shipped_name(name: str) -> bool:
    """Return whether a shipped metric can have this name in some scenario. The words in brackets depend on the scenario.

    Parameters
    ----------
    name : str
        Name of a metric.

    Examples
    --------
    >>> is_shipped_name("clv"), is_shipped_name("open_rate[email]"), is_shipped_name("clv[email]")
    (True, True, False)
    """
    return _without_brackets(name) in _shipped_name_patterns()


@cache
def _shipped_name_patterns() -> frozenset[str]:
    return frozenset(_without_brackets(definition.name) for definition in shipped_metric_definitions(PLACEHOLDER_NAMES))


def _without_brackets(name: str) -> str:
    """Remove the words in brackets from a name, but keep the brackets."""
    start, bracket, _ = name.partition("[")
    return start + bracket

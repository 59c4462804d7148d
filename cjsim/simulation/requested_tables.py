"""Checks that the groups and metrics that a user asks for exist, before a simulation, which may take a long time."""

import math
from collections.abc import Mapping, Sequence
from datetime import timedelta

from cjsim.compiler.compile_scenario import compile_scenario
from cjsim.compiler.plan import Codebook
from cjsim.errors import InputError, format_error, unknown_name_parts
from cjsim.metrics.catalog import all_metric_definitions
from cjsim.simulation.documents import Scenario
from cjsim.simulation.months.calendar_months import is_by_month
from cjsim.simulation.months.monthly_metrics import monthly_definitions
from cjsim.simulation.segments.customer_groups import require_possible, require_shared_groups


def check_requested_tables(
    scenarios: Mapping[str, Scenario], *, by: str | None = None, where: str | None = None, metrics: Sequence[str] = ()
) -> None:
    """Raise if scenarios lack groups or metrics, or a condition on customers is invalid.

    Parameters
    ----------
    scenarios : Mapping of str to Scenario
        One scenario, or scenarios that are compared, by name; the first is the baseline.
    by : str, optional
        As in `Run.by`.
    where : str, optional
        Condition on customers.
    metrics : sequence of str
        Names of metrics.

    Raises
    ------
    InputError
        As in `require_shared_groups`; or if a scenario is invalid, no customer can meet the condition, or the baseline or all alternatives
        lack a metric.
    """
    if by is None and where is None and not metrics:
        return
    codebooks = {name: compile_scenario(scenario.checked()).codebook for name, scenario in scenarios.items()}
    require_shared_groups(codebooks, by, where=where)
    if where is not None:
        for name, codebook in codebooks.items():
            days = (math.floor(scenarios[name].begins), math.ceil(scenarios[name].horizon) - 1)
            earliest, latest = (scenarios[name].start + timedelta(days=day) for day in days)
            require_possible(codebook, where, months=(earliest, latest))
    is_monthly = is_by_month(by, next(iter(codebooks.values())).attributes)
    first, *others = [_metric_names(scenarios[name], codebook, is_monthly=is_monthly) for name, codebook in codebooks.items()]
    for metric in metrics:
        if metric not in first:
            must, got, remedy = unknown_name_parts(metric, first, "metric")
            raise InputError(format_error("metrics", must, f"{got} with `by` {by}" if is_monthly else got, remedy))
        if others and not any(metric in names for names in others):
            got = f"'{metric}', which only '{next(iter(scenarios))}' has"
            raise InputError(format_error("metrics", "must exist in an alternative, too", got, "Choose a metric that both have."))


def _metric_names(scenario: Scenario, codebook: Codebook, *, is_monthly: bool) -> list[str]:
    if not is_monthly:
        return list(all_metric_definitions(codebook))
    return list(monthly_definitions(codebook, has_retained=any(stage.retained for stage in scenario.journey.stages.values())))

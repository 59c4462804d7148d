"""Checks that the groups and metrics that a user asks for exist, before a simulation, which may take a long time."""

import math
from collections.abc import Mapping, Sequence
from datetime import timedelta

from cjsim.compiler.compile_scenario import compile_scenario
from cjsim.metrics.catalog import require_metrics
from cjsim.simulation.documents import Scenario
from cjsim.simulation.months.calendar_months import is_by_month
from cjsim.simulation.months.monthly_metrics import monthly_definitions, require_monthly_metrics
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
    baseline, *others = codebooks.values()
    if not is_by_month(by, baseline.attributes):
        require_metrics(baseline, metrics, alternatives=others)
        return
    has_retained = any(stage.retained for stage in next(iter(scenarios.values())).journey.stages.values())
    require_monthly_metrics(metrics, list(monthly_definitions(baseline, has_retained=has_retained)))

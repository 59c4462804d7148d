"""Lint warnings about time zones: levels without a zone, and rules in the customers' time although the journey declares no time zones."""

from collections.abc import Iterator

from cjsim.scenario.phrases import join_items
from cjsim.scenario.spec import ScenarioSpec

_MAX_NAMED = 5


def time_zone_warnings(scenario: ScenarioSpec) -> Iterator[str]:
    """Yield warnings about time zones.

    Parameters
    ----------
    scenario : ScenarioSpec
        The scenario.

    Yields
    ------
    str
    """
    declared = scenario.journey.time_zones
    if declared is None:
        for path in _in_customers_time(scenario):
            yield f"{path}: 'customer' has no effect, because the journey has no 'time_zones'. Add them, or remove it."
        return
    levels = [level for level in scenario.journey.attributes[declared.attribute] if level not in declared.zones]
    if levels and declared.default is None:
        shown = join_items(levels[:_MAX_NAMED]) + (", ..." if len(levels) > _MAX_NAMED else "")
        yield (
            f"journey.time_zones.zones: lists no zone for {shown}, so these customers are in the firm's time zone. Add their zones, or "
            "a 'default'."
        )


def _in_customers_time(scenario: ScenarioSpec) -> Iterator[str]:
    """Yield the paths of schedules and dates that are in the customers' time. For other rules, this is the default."""
    for name, broadcast in scenario.policy.broadcasts.items():
        if broadcast.schedule.time_zone == "customer":
            yield f"policy.broadcasts.{name}.schedule.time_zone"
    for name, flow in scenario.policy.flows.items():
        schedule = flow.on.dates()
        if schedule is not None and schedule.time_zone == "customer":
            yield f"policy.flows.{name}.on.{'schedule.' if flow.on.key == 'schedule' else ''}time_zone"

"""Compiles time zones to records."""

from typing import Any

from cjsim.scenario.time_zones import ZoneTable


def zone_tables(table: ZoneTable) -> dict[str, Any]:
    """Compile the time zones of a scenario.

    Parameters
    ----------
    table : ZoneTable
        The time zones.

    Returns
    -------
    dict of str to list
        Rows by field of `World`. There is a single offset if all local times equal the simulation's time.
    """
    zones: list[dict[str, int]] = []
    offsets: list[dict[str, float]] = []
    for zone in table.zones if table.has_offsets else table.zones[:1]:
        zones.append({"first": len(offsets), "count": len(zone.begins)})
        offsets += [{"begin": begin, "days": days} for begin, days in zip(zone.begins, zone.offsets, strict=True)]
    return {"zones": zones, "offsets": offsets, "level_zones": table.by_level if table.has_offsets else [0] * len(table.by_level)}

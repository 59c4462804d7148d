"""Cliffs: moves to stages that do not count as retained, and what they cost."""

from cjsim.pages.maps.map_parts import Entry, Lane, Line
from cjsim.pages.maps.map_runs import MapRuns
from cjsim.pages.page_parts import EstimateRecord
from cjsim.tuning.cliffs.cliff_data import TransitionValue

_MOST = 8


def cliff_data(runs: MapRuns) -> list[TransitionValue]:
    """Return the moves that clearly lose value, the largest loss first; empty unless cliffs were computed.

    Parameters
    ----------
    runs : MapRuns
        The runs.
    """
    if runs.cliffs is None:
        return []
    losses = [one for one in runs.cliffs.transitions if not one.is_to_retained and one.is_loss(runs.cliffs.better)]
    return losses[:_MOST]


def cliff_lane(runs: MapRuns) -> Lane:
    """Return the lane of cliffs, each in the stage that customers leave.

    Parameters
    ----------
    runs : MapRuns
        The runs.
    """
    cells: dict[str, list[Entry]] = {name: [] for name in runs.shown_stages}
    for i, one in enumerate(cliff_data(runs)):
        assert runs.cliffs is not None
        value, metric = one.metric_value, runs.cliffs.metric
        form = runs.runs.form(metric, value)
        lines = [Line("Steepest cliff", "small", "loss")] if i == 0 else []
        lines.append(Line(f"{form.difference(value.effect)} {runs.runs.label_of(metric)}", "strong", "loss"))
        lines.append(Line(form.interval(value.low, value.high)))
        lines.append(Line(f"Move to {runs.stage_title(one.transition.target)}", "body"))
        if one.share is not None:
            lines.append(Line(f"{100 * one.share.value:.1f}% [{100 * one.share.low:.1f}, {100 * one.share.high:.1f}] of customers make it"))
        n = one.share.n if one.share is not None else runs.cliffs.customers
        records = (EstimateRecord(f"cliff[{one.transition}]", runs.cliffs.unit, n, value.effect, value.low, value.high),)
        cells[one.transition.origin].append(Entry(tuple(lines), "cliff", records=records))
    unit = f" per customer, paired; {runs.cliffs.customers:,} customers" if runs.cliffs is not None else ""
    note = f"What the move adds to the metric{unit}, 95% interval"
    return Lane("Cliffs", note, tuple(tuple(cells[name]) for name in runs.shown_stages))

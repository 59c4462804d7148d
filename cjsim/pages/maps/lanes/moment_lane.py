"""Moments that matter: where they happen, how many customers reach them, who owns them, and by which metric."""

from cjsim.metrics.confidence_intervals import MetricEstimate
from cjsim.pages.maps.map_parts import Entry, Lane, Line
from cjsim.pages.maps.map_runs import MapRuns, record_of
from cjsim.pages.quantity_format import title_case
from cjsim.simulation.comparison_answer import OBJECTIVE

NOT_NAMED = "not named yet"
_CONVERSION = "conversion"
_PER_MANY = 10_000  # customers, for shares of 0


def moment_metric(name: str) -> str:
    """Return the metric that states how many customers reach a moment."""
    return _CONVERSION if name == _CONVERSION else f"reached[{name}]"


def moment_data(runs: MapRuns) -> dict[str, tuple[str, MetricEstimate]]:
    """Return the stage in which most customers reach each moment, and the share of customers who do, by moment.

    A moment that nobody reaches stands in the first stage in which its event can happen by itself, or else in the last retained stage.

    Parameters
    ----------
    runs : MapRuns
        The runs.
    """
    found = {}
    for name, moment in runs.journey.moments.items():
        estimate = runs.metric(moment_metric(name))
        declared = runs.journey.events[moment.event].stages
        first = declared[0] if declared and declared != "anywhere" else _last_kept(runs)
        stages = (counts.stage_of_moment(moment.event, moment.nth) for counts in runs.counts)
        if estimate is not None:
            found[name] = (next((stage for stage in stages if stage is not None), first), estimate)
    return found


def _last_kept(runs: MapRuns) -> str:
    """Return the last stage that counts as retained and that the firm sees, or the last stage."""
    names = list(runs.journey.stages)
    kept = [name for name in names if runs.journey.stages[name].retained and runs.journey.stages[name].observed]
    return (kept or names)[-1]


def moment_lane(runs: MapRuns) -> Lane:
    """Return the lane of moments.

    Parameters
    ----------
    runs : MapRuns
        The runs.
    """
    cells: dict[str, list[Entry]] = {name: [] for name in runs.shown_stages}
    for name, (stage, estimate) in moment_data(runs).items():
        moment = runs.journey.moments[name]
        form = runs.runs.level_form(moment_metric(name), [estimate])
        shown = f"{form.level(estimate.value)} {form.interval(estimate.low, estimate.high, is_difference=False)}"
        if not estimate.value:
            shown = f"None [0, {_PER_MANY * estimate.high:.0f}] in {_PER_MANY:,}"
        lines = [Line(title_case(name), "strong"), Line(shown, "body")]
        records = [record_of(moment_metric(name), estimate)]
        metric = moment.metric
        judged = runs.metric(metric) if metric and metric != moment_metric(name) and not _is_same(name, metric) else None
        if metric and judged is not None and metric != OBJECTIVE:
            other = runs.runs.level_form(metric, [judged])
            label = runs.runs.label_of(metric)
            per = f" {other.per}" if other.per.startswith("per ") else ""
            ends = other.interval(judged.low, judged.high, is_difference=False)
            lines.append(Line(f"{label} {other.level(judged.value)} {ends}{per}"))
            records.append(record_of(metric, judged))
        lines.append(Line(f"Owner: {moment.owner or NOT_NAMED}"))
        cells[stage].append(Entry(tuple(lines), "moment", records=tuple(records)))
    note = "Share of customers who reach it, 95% interval; the metric of its owner"
    return Lane("Moments that matter", note, tuple(tuple(cells[name]) for name in runs.shown_stages))


def _is_same(moment: str, metric: str) -> bool:
    """Return whether a metric is another name of the share that reaches a moment."""
    return (moment, metric) == ("first_value", "activation")

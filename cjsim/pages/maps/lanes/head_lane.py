"""The headings of the columns, and the figures of each stage: who gets there, how long customers stay, and who gets further."""

from functools import partial

import numpy as np

from cjsim.engine.run_record import RunRecord
from cjsim.kernels.world import Array
from cjsim.metrics.confidence_intervals import MetricEstimate
from cjsim.metrics.ratios import SHARE_UNIT, RatioTerms, ratio_of_sums
from cjsim.pages.maps.map_parts import Entry, Lane, Line, StageHead, Strip
from cjsim.pages.maps.map_runs import MapRuns, interval_of, record_of, whole_share

_UNITS = (("Days", 1.0), ("Hours", 24.0), ("Minutes", 1440.0))
ONWARD = "moved_on"  # of the customers who were in a stage, the share who were in a later stage


def head_data(runs: MapRuns, run: int = 0) -> dict[str, MetricEstimate | None]:
    """Return the share of customers who were ever in each stage.

    Parameters
    ----------
    runs : MapRuns
        The runs.
    run : int
        Number of the run.
    """
    return {name: runs.metric(f"stage_reached[{name}]", run) for name in runs.shown_stages}


def stage_heads(runs: MapRuns) -> tuple[StageHead, ...]:
    """Return the headings of the columns.

    Parameters
    ----------
    runs : MapRuns
        The runs.
    """
    heads = []
    for name, reached in head_data(runs).items():
        is_hidden = not runs.stages[name].observed
        note = "" if reached is None else f"{whole_share(reached.value)} get here"
        note += "; not seen by the firm" if is_hidden else ""
        records = () if reached is None else (record_of(f"stage_reached[{name}]", reached),)
        heads.append(StageHead(runs.stage_title(name), note.removeprefix("; "), is_hidden, records=records))
    return tuple(heads)


def later_stages(runs: MapRuns) -> dict[str, tuple[str, ...]]:
    """Return the stages that count as further than each stage: the later ones up to the last retained one, if the firm sees them.

    Parameters
    ----------
    runs : MapRuns
        The runs.
    """
    names = list(runs.journey.stages)
    kept = [i for i, name in enumerate(names) if runs.journey.stages[name].retained]
    end = kept[-1] + 1 if kept else len(names)
    seen = [runs.journey.stages[name].observed for name in names]
    return {name: tuple(names[j] for j in range(i + 1, end) if seen[j]) for i, name in enumerate(names)}


def visited(run: RunRecord, stages: tuple[str, ...]) -> Array:
    """Return whether each customer was ever in one of the stages; bool, shape (n_customers,). As in the metric `stage_reached`.

    Parameters
    ----------
    run : RunRecord
        The run.
    stages : tuple of str
        Names of stages.
    """
    codes = [run.codebook.stages.index(name) for name in stages]
    stayed = (run.outcomes.dwell[:, codes] > 0).any(axis=1)
    return np.asarray(run.entered & (stayed | np.isin(run.outcomes.customers["stage"], codes)))


def onward_data(runs: MapRuns) -> dict[str, MetricEstimate]:
    """Return, of the customers who were in each stage, the share who were ever in a later one. Stages without later ones are left out.

    Parameters
    ----------
    runs : MapRuns
        The runs.
    """
    found = {}
    for name, later in later_stages(runs).items():
        if later:
            estimate = runs.runs.estimate(partial(_onward_terms, name=name, later=later), SHARE_UNIT, runs.runs.baseline_name)
            if estimate.value == estimate.value:
                found[name] = estimate
    return found


def _onward_terms(run: RunRecord, *, name: str, later: tuple[str, ...]) -> RatioTerms:
    here = visited(run, (name,))
    return ratio_of_sums(run, (here & visited(run, later)).astype(np.float64), here)


def figure_lane(runs: MapRuns) -> Lane:
    """Return the lane of figures.

    Parameters
    ----------
    runs : MapRuns
        The runs.
    """
    reached, onward = head_data(runs), onward_data(runs)
    longest = max(
        (runs.metric(f"stage_days[{name}]") or reached[name] for name in runs.shown_stages), key=lambda one: one.high if one else 0
    )
    cells = []
    for name in runs.shown_stages:
        entries = []
        share, days = reached[name], runs.metric(f"stage_days[{name}]")
        if share is not None:
            entries.append(_share_entry("Customers who get here", f"stage_reached[{name}]", share))
        if days is not None and longest is not None:
            unit, scale = next(one for one in _UNITS if days.value * one[1] >= 0.1 or one is _UNITS[-1])
            decimals = 1 if days.value < 1000 else 0
            line = Line(f"{days.value * scale:,.{decimals}f}", "strong", right=interval_of(days, decimals, scale))
            top = longest.high or 1.0
            low, value, high = (min(max(one / top, 0.0), 1.0) for one in (days.low, days.value, days.high))
            entries.append(
                Entry(
                    (Line(f"{unit} spent, per customer"), line),
                    strip=Strip(low, value, high),
                    records=(record_of(f"stage_days[{name}]", days),),
                )
            )
        if name in onward:
            entries.append(_share_entry("Of those, get further", f"{ONWARD}[{name}]", onward[name]))
        cells.append(tuple(entries))
    note = "Estimate and 95% interval. “Further” is any later stage on the way to the last one that counts as retained."
    return Lane("Figures", note, tuple(cells))


def _share_entry(label: str, name: str, share: MetricEstimate) -> Entry:
    decimals = _decimals(share)
    line = Line(f"{100 * share.value:.{decimals}f}%", "strong", right=interval_of(share, decimals))
    return Entry((Line(label), line), strip=Strip(share.low, share.value, share.high), records=(record_of(name, share),))


def _decimals(share: MetricEstimate) -> int:
    if share.value == 1:
        return 0
    if share.value < 0.0095:
        return 2
    return 1 if share.high - share.low < 0.02 or share.value < 0.1 else 0

"""What customers do and ask in each stage."""

from cjsim.metrics.confidence_intervals import MetricEstimate
from cjsim.pages.maps.map_parts import Entry, Lane, Line
from cjsim.pages.maps.map_runs import MapRuns, interval_of, rate_text, record_of, share_of
from cjsim.pages.maps.stage_counts import CountedPair

_MOST = {"overview": 2, "stage": 4, "touchpoint": 99}
_FEW_REQUESTS = 0.001  # per customer; the level of touchpoints shows all


def action_data(runs: MapRuns) -> dict[str, dict[str, MetricEstimate]]:
    """Return how often customers do what the firm sees, by stage, then by event, the most frequent first.

    An event whose clock runs in hidden stages only counts there, although the firm last saw the customer elsewhere.

    Parameters
    ----------
    runs : MapRuns
        The runs.
    """
    hidden = {name for name, stage in runs.journey.stages.items() if not stage.observed}
    found: dict[str, dict[str, MetricEstimate]] = {name: {} for name in runs.shown_stages}
    for (stage, event), rate in runs.counts[0].events.items():
        declared = runs.journey.events[event].stages if event in runs.journey.events else ()
        where = declared[0] if declared and declared != "anywhere" and set(declared) <= hidden else stage
        known = found[where].get(event)
        if known is None:
            found[where][event] = rate
        else:  # the parts of an event in a hidden stage, by the stages that the firm last saw
            total = known.value + rate.value
            half = ((known.high - known.value) ** 2 + (rate.high - rate.value) ** 2) ** 0.5
            found[where][event] = MetricEstimate(total, max(total - half, 0.0), total + half, rate.n, rate.unit)
    return {stage: dict(sorted(events.items(), key=lambda one: -one[1].value)) for stage, events in found.items()}


def action_lane(runs: MapRuns) -> Lane:
    """Return the lane of what customers do.

    Parameters
    ----------
    runs : MapRuns
        The runs.
    """
    is_whole = runs.level == "touchpoint"
    cells = []
    for stage, events in action_data(runs).items():
        shown = [(name, rate) for name, rate in events.items() if rate.value >= runs.least(stage)][: _MOST[runs.level]]
        cells.append(tuple(_action_entry(runs, name, rate, with_interval=is_whole) for name, rate in shown))
    return Lane("What customers do", "Times per 100 customers, over the whole simulation", tuple(cells))


def _action_entry(runs: MapRuns, name: str, rate: MetricEstimate, *, with_interval: bool) -> Entry:
    lines = [Line(runs.title("events", name), "body", right=rate_text(rate.value))]
    if with_interval:
        lines.append(Line(_rate_interval(rate)))
    return Entry(tuple(lines), records=(record_of(f"events[{name}]", rate),))


def _rate_interval(rate: MetricEstimate) -> str:
    decimals = 0 if rate.value >= 0.1 else 1 if rate.value >= 0.01 else 2
    return interval_of(rate, decimals)


def question_data(runs: MapRuns) -> dict[str, dict[str, CountedPair]]:
    """Return the requests to desks by stage, then by desk: how many per customer, and the share that nobody answers.

    Parameters
    ----------
    runs : MapRuns
        The runs.
    """
    found: dict[str, dict[str, CountedPair]] = {name: {} for name in runs.shown_stages}
    for (stage, desk), pair in runs.counts[0].requests.items():
        found[stage][desk] = pair
    return found


def question_lane(runs: MapRuns) -> Lane:
    """Return the lane of what customers ask: themselves, and a desk.

    Parameters
    ----------
    runs : MapRuns
        The runs.
    """
    requests, cells = question_data(runs), []
    for name in runs.shown_stages:
        question = runs.stages[name].question
        lines = [Line(f"“{question}”", "quote")] if question else []
        records = []
        for desk, pair in sorted(requests[name].items(), key=lambda one: -one[1].rate.value) if runs.level != "overview" else ():
            if pair.rate.value < _FEW_REQUESTS and runs.level != "touchpoint":
                continue
            lines.append(Line(f"{runs.title('desks', desk)}: {rate_text(pair.rate.value)} per 100 ask"))
            records += [record_of(f"requests[{desk}]", pair.rate)]
            if pair.share.value > 0:
                text = f"{share_of(pair.share)} {interval_of(pair.share, 0)} get no answer"
                lines.append(Line(text, "small", "loss"))
                records.append(record_of(f"unanswered[{desk}]", pair.share))
        cells.append((Entry(tuple(lines), records=tuple(records)),) if lines else ())
    has_requests = any(requests.values()) and runs.level != "overview"
    note = "Of themselves; closed requests to desks, with 95% intervals" if has_requests else "Of themselves"
    return Lane("What they ask", note, tuple(cells))

"""Lanes of the future state: touchpoints, moments, desks and figures beside those of today, with what changes."""

from collections.abc import Iterable, Mapping
from dataclasses import replace

from cjsim.metrics.paired_differences import PairedDifference
from cjsim.pages.maps.lanes.desk_lane import LABELS, MEASURES, desk_range, minutes_text, staffing_text
from cjsim.pages.maps.lanes.moment_lane import moment_data, moment_metric
from cjsim.pages.maps.lanes.touchpoint_lane import (
    MOST_CARDS,
    StageTouchpoints,
    channel_color,
    channels_of,
    is_broadcast,
    pair_records,
    touchpoint_data,
)
from cjsim.pages.maps.map_parts import Bar, Entry, Fact, Lane, Line, Mark, StageHead, Strip
from cjsim.pages.maps.map_runs import MapRuns, rate_text, summed_rates, whole_share
from cjsim.pages.maps.stage_counts import CountedPair, Touchpoint
from cjsim.pages.maps.touchpoint_differences import BROADCASTS, FLOWS, ScenarioDifferences, touchpoints_of
from cjsim.pages.page_parts import EstimateRecord
from cjsim.pages.quantity_format import title_case

_RANK: dict[Mark | None, int] = {"new": 0, "dropped": 1, "changed": 2, None: 3}
Pairs = tuple[CountedPair | None, CountedPair | None]  # under the first and the second policy


def future_heads(runs: MapRuns) -> tuple[StageHead, ...]:
    """Return the headings of the columns, with the shares of customers who get there under both policies.

    Parameters
    ----------
    runs : MapRuns
        The compared runs.
    """
    before, after = (scenario.journey.stages for scenario in runs.scenarios)
    heads = []
    for name in runs.shown_stages:
        mark: Mark | None = "new" if name not in before else "dropped" if name not in after else None
        values = [runs.metric(f"stage_reached[{name}]", i) for i in range(2)]
        shares = " → ".join("–" if one is None else whole_share(one.value) for one in values)
        note = f"{shares} get here{'' if mark is None else ' (new stage)' if mark == 'new' else ' (dropped)'}"
        heads.append(StageHead(runs.stage_title(name), note, not runs.stages[name].observed, mark))
    return tuple(heads)


def paired_touchpoints(runs: MapRuns, channel: str) -> dict[str, dict[Touchpoint, Pairs]]:
    """Return the deliveries on a channel under both policies, by stage, then by touchpoint.

    Parameters
    ----------
    runs : MapRuns
        The compared runs.
    channel : str
        Name of the channel.
    """
    before, after = (_by_message(runs, touchpoint_data(runs, channel, run)) for run in range(2))
    return {
        name: {one: (before[name].get(one), after[name].get(one)) for one in dict.fromkeys([*before[name], *after[name]])}
        for name in runs.shown_stages
    }


def _by_message(runs: MapRuns, data: StageTouchpoints) -> StageTouchpoints:
    """Add up the deliveries of a message over the flows, or over the broadcasts, that send it. Sums of intervals are conservative."""
    found: StageTouchpoints = {}
    for stage, cell in data.items():
        parts: dict[Touchpoint, list[CountedPair]] = {}
        for one, pair in cell.items():
            parts.setdefault(Touchpoint(BROADCASTS if is_broadcast(runs, one) else FLOWS, one.message), []).append(pair)
        found[stage] = {one: pairs[0]._replace(rate=summed_rates([pair.rate for pair in pairs])) for one, pairs in parts.items()}
    return found


def changed_touchpoint_lanes(runs: MapRuns, differences: ScenarioDifferences) -> list[Lane]:
    """Return one lane for each channel, with marks on touchpoints that differ.

    Parameters
    ----------
    runs : MapRuns
        The compared runs.
    differences : ScenarioDifferences
        What differs between the policies.
    """
    lanes = []
    for channel, kind in channels_of(runs).items():
        data = paired_touchpoints(runs, channel)
        if not any(data.values()):
            continue
        color = channel_color(channel, kind)
        if runs.level == "overview":
            cells: tuple[tuple[Entry, ...], ...] = tuple(_totals(runs, name, data[name].values()) for name in runs.shown_stages)
            bars: tuple[Bar, ...] = ()
        else:
            cells = tuple(_changed_cards(runs, name, data[name], differences, color) for name in runs.shown_stages)
            bars = tuple(_changed_bars(runs, data, differences, color))
        note = "Messages that arrive, per 100 customers: today → future"
        lanes.append(Lane(runs.title("channels", channel), note, cells, bars, color=color))
    return lanes


def _senders(runs: MapRuns, touchpoint: Touchpoint) -> list[str]:
    """Return the flows or broadcasts that send a message, those of the first policy first."""
    found = [sorted(touchpoints_of(scenario.policy).get(touchpoint, ())) for scenario in runs.scenarios]
    return list(dict.fromkeys([*found[0], *found[1]]))


def _largest(pairs: Pairs) -> float:
    return max(one.rate.value for one in pairs if one is not None)


def _rates(pairs: Pairs) -> list[str]:
    return ["0" if one is None else rate_text(one.rate.value) for one in pairs]


def _change_text(pairs: Pairs, mark: Mark | None) -> str:
    before, after = _rates(pairs)
    if mark == "new":
        return f"{after} per 100"
    return f"{before} per 100 today" if mark == "dropped" else f"{before} → {after} per 100"


def _records(touchpoint: Touchpoint, pairs: Pairs) -> tuple[EstimateRecord, ...]:
    return tuple(record for one in pairs if one is not None for record in pair_records(touchpoint, one)[:1])


def _changed_cards(
    runs: MapRuns, stage: str, cell: Mapping[Touchpoint, Pairs], differences: ScenarioDifferences, color: str
) -> tuple[Entry, ...]:
    flows = {one: pairs for one, pairs in cell.items() if one.source == FLOWS}
    is_whole = runs.level == "touchpoint"
    shown = [(one, pairs, differences.touchpoints.get(one)) for one, pairs in flows.items() if _largest(pairs) >= runs.least(stage)]
    shown.sort(key=lambda one: (_RANK[one[2]], -_largest(one[1])))
    if not shown and flows:
        most = max(flows, key=lambda one: _largest(flows[one]))
        shown = [(most, flows[most], differences.touchpoints.get(most))]
    if not is_whole:
        shown = shown[: MOST_CARDS + 2]
    entries = []
    for touchpoint, pairs, mark in shown:
        lines = [Line(runs.title("messages", touchpoint.message), "body"), Line(_change_text(pairs, mark))]
        if is_whole:
            lines.append(Line(", ".join(runs.source_title(name) for name in _senders(runs, touchpoint))))
        entries.append(Entry(tuple(lines), "card", color, mark, records=_records(touchpoint, pairs)))
    count = len(flows) - len(shown)
    if count > 0 and not is_whole:
        entries.append(Entry((Line(f"{count} more {'message' if count == 1 else 'messages'}"),)))
    return tuple(entries)


def _changed_bars(
    runs: MapRuns, data: Mapping[str, Mapping[Touchpoint, Pairs]], differences: ScenarioDifferences, color: str
) -> Iterable[Bar]:
    for touchpoint in dict.fromkeys(one for cell in data.values() for one in cell if one.source == BROADCASTS):
        mark = differences.touchpoints.get(touchpoint)
        pairs = {i: data[name][touchpoint] for i, name in enumerate(runs.shown_stages) if touchpoint in data[name]}
        kept = {i: one for i, one in pairs.items() if _largest(one) >= runs.least(runs.shown_stages[i])}
        if kept:
            lines = (Line(runs.source_title(_senders(runs, touchpoint)[-1]), "strong"),)
            texts = {i: Line(_change_text(one, mark).removesuffix(" per 100")) for i, one in kept.items()}
            records = tuple(record for one in kept.values() for record in _records(touchpoint, one))
            yield Bar(min(kept), max(kept), lines, "tint", texts, color=color, mark=mark, records=records)


def _totals(runs: MapRuns, stage: str, pairs: Iterable[Pairs]) -> tuple[Entry, ...]:
    """Return the sums of all messages of a channel in a stage."""
    known = list(pairs)
    before, after = (sum(one.rate.value for one in side if one is not None) for side in zip(*known, strict=True)) if known else (0.0, 0.0)
    return (Entry((Line(f"{rate_text(before)} → {rate_text(after)}", "body"),)),) if max(before, after) > runs.least(stage) else ()


def difference_entry(runs: MapRuns, label: str, metric: str, effect: PairedDifference, *, reach: float) -> Entry:
    """Return a figure with its difference, its interval, and the levels under both policies.

    Parameters
    ----------
    runs : MapRuns
        The compared runs.
    label : str
        What it is.
    metric : str
        Name of the metric.
    effect : PairedDifference
        The difference.
    reach : float
        Largest distance of an interval from 0, which determines the scale of the strip.
    """
    form, tone = runs.runs.form(metric, effect), runs.runs.tone(metric, effect)
    if form.suffix == " days":  # the label says it
        form = replace(form, suffix="", difference_suffix="")
    levels = f"{form.level(effect.baseline)} → {form.level(effect.value)}"
    record = _difference_record(runs, metric, effect)
    if effect.is_identical:
        return Entry((Line(label), Line(f"{form.level(effect.value)}, the same", "strong")), records=(record,))
    lines = (
        Line(label),
        Line(form.difference(effect.effect), "strong", tone, right=levels),
        Line(form.interval(effect.low, effect.high)),
    )
    strip = None
    if effect.low == effect.low and reach > 0:
        low, value, high = (0.5 + 0.5 * max(min(one / reach, 1.0), -1.0) for one in (effect.low, effect.effect, effect.high))
        strip = Strip(low, value, high, 0.5, tone)
    return Entry(tuple(line for line in lines if line.text), strip=strip, records=(record,))


def _difference_record(runs: MapRuns, metric: str, effect: PairedDifference) -> EstimateRecord:
    unit, n = runs.runs.definitions[metric].unit, runs.runs.baseline.metrics[metric].n
    return EstimateRecord(metric, unit, n, effect.effect, effect.low, effect.high, effect.baseline, effect.value)


def _known(runs: MapRuns, metric: str) -> PairedDifference | None:
    found = runs.runs.effects.get(metric)
    return None if found is None or found.effect != found.effect else found


def _reach(effects: Iterable[PairedDifference | None]) -> float:
    ends = [abs(end) for one in effects if one is not None for end in (one.low, one.high) if end == end]
    return max(ends, default=0.0)


def changed_moment_lane(runs: MapRuns) -> Lane:
    """Return the lane of moments with their differences.

    Parameters
    ----------
    runs : MapRuns
        The compared runs.
    """
    places = {name: stage for name, (stage, _) in moment_data(runs).items()}
    effects = {name: _known(runs, moment_metric(name)) for name in places}
    reach = _reach(effects.values())
    cells: dict[str, list[Entry]] = {name: [] for name in runs.shown_stages}
    for name, effect in effects.items():
        if effect is not None:
            cells[places[name]].append(difference_entry(runs, title_case(name), moment_metric(name), effect, reach=reach))
    note = "Share of customers who reach it: paired change, 95% interval"
    return Lane("Moments that matter", note, tuple(tuple(cells[name]) for name in runs.shown_stages))


def changed_desk_lane(runs: MapRuns, differences: ScenarioDifferences) -> Lane:
    """Return the lane of desks with their differences.

    Parameters
    ----------
    runs : MapRuns
        The compared runs.
    differences : ScenarioDifferences
        What differs between the policies.
    """
    bars = []
    desks = dict.fromkeys(name for scenario in runs.scenarios for name in scenario.journey.desks)
    for desk in desks:
        effects = {name: _known(runs, f"{name}[{desk}]") for name in MEASURES}
        known = {name: one for name, one in effects.items() if one is not None}
        tickets = known.get("tickets")
        if tickets is None or not (tickets.baseline or tickets.value):
            continue
        mark = differences.desks.get(desk)
        facts = [_difference_fact(runs, name, f"{name}[{desk}]", effect) for name, effect in known.items()]
        texts = [staffing_text(scenario.policy.desks.get(desk)) for scenario in runs.scenarios]
        lines = [Line(runs.title("desks", desk), "strong"), Line(texts[1] if texts[0] == texts[1] else f"{texts[1]} Today: {texts[0]}")]
        records = tuple(_difference_record(runs, f"{name}[{desk}]", effect) for name, effect in known.items())
        bars.append(Bar(*desk_range(runs, desk), tuple(lines), "outline", facts=tuple(facts), mark=mark, records=records))
    return Lane("Desks and their promises", "Today → future; 95% intervals of the change", bars=tuple(bars))


def _difference_fact(runs: MapRuns, name: str, metric: str, effect: PairedDifference) -> Fact:
    form, tone = runs.runs.form(metric, effect), runs.runs.tone(metric, effect)
    if name == "wait":
        levels = f"{minutes_text(effect.baseline)} → {minutes_text(effect.value)}"
    else:
        levels = " → ".join(form.level(one).removesuffix(form.suffix) for one in (effect.baseline, effect.value)) + form.suffix
    label = f"Requests {form.per.removesuffix(' customers')}" if name == "tickets" and form.per.startswith("per 1") else LABELS[name]
    interval = form.interval(effect.low, effect.high)
    return Fact(label, levels, f"{interval}{form.difference_suffix}" if interval else "", tone)


def changed_figure_lane(runs: MapRuns) -> Lane:
    """Return the lane of figures with their differences.

    Parameters
    ----------
    runs : MapRuns
        The compared runs.
    """
    names = runs.shown_stages
    shares = {name: _known(runs, f"stage_reached[{name}]") for name in names}
    days = {name: _known(runs, f"stage_days[{name}]") for name in names}
    reaches: tuple[float, float] = (_reach(shares.values()), _reach(days.values()))
    cells = []
    for name in names:
        entries = []
        share, stay = shares[name], days[name]
        if share is not None:
            entries.append(difference_entry(runs, "Customers who get here", f"stage_reached[{name}]", share, reach=reaches[0]))
        if stay is not None:
            entries.append(difference_entry(runs, "Days spent, per customer", f"stage_days[{name}]", stay, reach=reaches[1]))
        cells.append(tuple(entries))
    return Lane("Figures", "Paired change and 95% interval; upright line: no difference", tuple(cells))


def mark_counts(marks: Iterable[Mark | None]) -> dict[str, int]:
    """Return how often each mark occurs."""
    found: dict[str, int] = {}
    for mark in marks:
        if mark is not None:
            found[mark] = found.get(mark, 0) + 1
    return found

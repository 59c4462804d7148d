"""Lanes of the service blueprint: messages and pages, the flows and broadcasts behind them, the staff of desks, and systems."""

from collections.abc import Callable, Iterator
from functools import partial

from cjsim.metrics.confidence_intervals import MetricEstimate
from cjsim.pages.maps.lanes.behavior_lane import action_lane
from cjsim.pages.maps.lanes.desk_lane import desk_range, staffing_text
from cjsim.pages.maps.lanes.touchpoint_lane import channel_color, channels_of, pair_records
from cjsim.pages.maps.map_parts import Bar, Entry, Lane, Line
from cjsim.pages.maps.map_runs import MapRuns, rate_text, record_of, sentence_case
from cjsim.pages.maps.stage_counts import CountedPair, Touchpoint
from cjsim.pages.quantity_format import title_case
from cjsim.scenario.fields import WEEKDAYS, hour_text
from cjsim.scenario.kinds.channels import CHANNEL_BEHAVIOR
from cjsim.scenario.phrases import duration_phrase, join_items, join_names
from cjsim.scenario.policy import Flow, Shift

_MOST = {"overview": 3, "stage": 6, "touchpoint": 99}


def customer_lane(runs: MapRuns) -> Lane:
    """Return the lane of the customer's actions.

    Parameters
    ----------
    runs : MapRuns
        The run.
    """
    lane = action_lane(runs)
    return Lane("Customer's actions", lane.note, lane.cells)


def message_data(runs: MapRuns) -> dict[str, list[tuple[Touchpoint, CountedPair]]]:
    """Return the messages that arrive in each stage, the most frequent first.

    Parameters
    ----------
    runs : MapRuns
        The run.
    """
    found: dict[str, list[tuple[Touchpoint, CountedPair]]] = {name: [] for name in runs.shown_stages}
    for (stage, touchpoint), pair in runs.counts[0].touchpoints.items():
        found[stage].append((touchpoint, pair))
    return {stage: sorted(cell, key=lambda one: -one[1].rate.value) for stage, cell in found.items()}


def message_lane(runs: MapRuns) -> Lane:
    """Return the lane of messages and pages, on all channels.

    Parameters
    ----------
    runs : MapRuns
        The run.
    """
    kinds = channels_of(runs)
    cells = []
    for stage, cell in message_data(runs).items():
        entries = []
        for touchpoint, pair in [one for one in cell if one[1].rate.value >= runs.least(stage)][: _MOST[runs.level]]:
            channel = runs.channel_of(touchpoint.message)
            text = f"{runs.title('channels', channel)}; {rate_text(pair.rate.value)} sent"
            lines = (Line(runs.title("messages", touchpoint.message), "body"), Line(text))
            records = pair_records(touchpoint, pair)[:1]
            entries.append(Entry(lines, "card", channel_color(channel, kinds[channel]), records=records))
        cells.append(tuple(entries))
    note = "What customers see; messages that arrive, per 100 customers"
    return Lane("Messages and pages", note, tuple(cells), boundary="Line of interaction")


def flow_data(runs: MapRuns) -> dict[str, list[tuple[str, MetricEstimate]]]:
    """Return the flows that start in each stage, and how often per customer, the most frequent first.

    Parameters
    ----------
    runs : MapRuns
        The run.
    """
    found: dict[str, list[tuple[str, MetricEstimate]]] = {name: [] for name in runs.shown_stages}
    for (stage, flow), rate in runs.counts[0].flows.items():
        if flow in runs.policy.flows:
            found[stage].append((flow, rate))
    return {stage: sorted(cell, key=lambda one: -one[1].value) for stage, cell in found.items()}


def flow_lane(runs: MapRuns) -> Lane:
    """Return the lane of flows and broadcasts, behind the line of visibility.

    Parameters
    ----------
    runs : MapRuns
        The run.
    """
    cells = []
    for stage, cell in flow_data(runs).items():
        shown = [one for one in cell if one[1].value >= runs.least(stage)][: _MOST[runs.level]]
        entries = []
        for name, rate in shown:
            flow = runs.policy.flows[name]
            lines = [Line(flow.title or title_case(name), "body"), Line(trigger_text(runs, flow)), Line(f"{rate_text(rate.value)} starts")]
            entries.append(Entry(tuple(lines), "card", "p0", records=(record_of(f"flow_started[{name}]", rate),)))
        cells.append(tuple(entries))
    return Lane(
        "Flows and broadcasts",
        "What starts them; starts per 100 customers",
        tuple(cells),
        tuple(_broadcast_bars(runs)),
        boundary="Line of visibility",
    )


def trigger_text(runs: MapRuns, flow: Flow) -> str:
    """Return what starts a flow, with the titles of the model.

    Parameters
    ----------
    runs : MapRuns
        The run.
    flow : Flow
        The flow.
    """
    start = flow.on.starts_at()
    if start is not None and start[0] == "stage":
        return f"Starts on entry to “{runs.stage_title(start[1])}”"
    if start is not None:
        return f"Starts when a customer does: “{runs.title('events', start[1])}”"
    of = getattr(flow.on, "of", None)
    days = getattr(flow.on, "inactivity", None)
    if days is not None:
        events = f" of: {join_names(runs.title('events', name) for name in of)}" if of else ""
        return (
            f"Starts after {duration_phrase(days)} without any{events}" if events else f"Starts after {duration_phrase(days)} of inactivity"
        )
    score = getattr(flow.on, "score", None)
    if score is not None:
        above, below = getattr(flow.on, "above", None), getattr(flow.on, "below", None)
        return f"Starts when {title_case(score).lower()} {f'exceeds {above:g}' if above is not None else f'falls below {below:g}'}"
    phrase = flow.on.phrase()
    return f"Starts {phrase}"


def _broadcast_bars(runs: MapRuns) -> Iterator[Bar]:
    for name, broadcast in runs.policy.broadcasts.items():
        places = _places(runs, partial(_is_of_source, name))
        if places:
            audience = f"to customers where {broadcast.condition}" if broadcast.condition and runs.level == "touchpoint" else ""
            who = audience or ("to customers who meet its condition" if broadcast.condition else "to all customers")
            lines = (Line(broadcast.title or title_case(name), "strong"), Line(f"{sentence_case(broadcast.schedule.phrase())}, {who}"))
            yield Bar(places[0], places[-1], lines, "tint", color="p0")


def _places(runs: MapRuns, is_meant: Callable[[Touchpoint], bool]) -> list[int]:
    """Return the positions of the stages in which such touchpoints arrive."""
    counted = runs.counts[0].touchpoints.items()
    reached = {stage for (stage, touchpoint), pair in counted if is_meant(touchpoint) and pair.rate.value >= runs.least(stage)}
    return [i for i, name in enumerate(runs.shown_stages) if name in reached]


def _is_of_source(source: str, touchpoint: Touchpoint) -> bool:
    return touchpoint.source == source


def _is_on_channel(runs: MapRuns, channel: str, touchpoint: Touchpoint) -> bool:
    return runs.channel_of(touchpoint.message) == channel


def staff_lane(runs: MapRuns) -> Lane:
    """Return the lane of desks with their staff, owners and promises.

    Parameters
    ----------
    runs : MapRuns
        The run.
    """
    bars = []
    for desk in runs.journey.desks:
        ticket = runs.metric(f"tickets[{desk}]")
        if ticket is None or not ticket.value:
            continue
        staffing = runs.policy.desks.get(desk)
        lines = [Line(runs.title("desks", desk), "strong"), Line(staffing_text(staffing))]
        lines += [Line(shift_text(shift)) for shift in (staffing.shifts if staffing is not None else ())]
        bars.append(Bar(*desk_range(runs, desk), tuple(lines), "outline", records=(record_of(f"tickets[{desk}]", ticket),)))
    return Lane("Desks", "People who answer, across the stages in which customers ask", bars=tuple(bars))


def shift_text(shift: Shift) -> str:
    """Return when how many agents work, such as '1 agent, 08:30 to 18:00, every day'.

    Parameters
    ----------
    shift : Shift
        The shift.
    """
    agents = f"{shift.agents:,} {'agent' if shift.agents == 1 else 'agents'}"
    hours = "around the clock" if (shift.start, shift.end) == (0, 24) else f"{hour_text(shift.start)} to {hour_text(shift.end)}"
    if shift.weekdays == WEEKDAYS[:5] and not shift.dates:
        return f"{agents}, {hours}, Monday to Friday"
    days = [*(day.capitalize() for day in shift.weekdays), *(str(day) for day in shift.dates)]
    when = "every day" if not days else join_items(days) if len(days) <= 7 else f"{len(days)} dates"
    return f"{agents}, {hours}, {when}"


def system_lane(runs: MapRuns) -> Lane:
    """Return the lane of systems that the policy needs: the platform, the customer data, each channel, and acquisition.

    Parameters
    ----------
    runs : MapRuns
        The run.
    """
    bars = []
    everywhere = _places(runs, lambda one: True)
    policy, journey = runs.policy, runs.journey
    if everywhere:
        cost = policy.costs.platform_per_month
        flows = f"Runs {len(policy.flows)} flows and {len(policy.broadcasts)} broadcasts"
        lines = [Line("Marketing platform", "strong"), Line(f"{flows}{f'; costs {cost:g} a month' if cost else ''}")]
        bars.append(Bar(everywhere[0], everywhere[-1], tuple(lines), "outline", color="p0"))
        kept = [*journey.attributes, *journey.scores]
        if kept:
            text = f"Keeps consent, tags, and: {join_names(title_case(name).lower() for name in kept)}"
            bars.append(Bar(everywhere[0], everywhere[-1], (Line("Customer data", "strong"), Line(text)), "outline", color="p0"))
    for channel, kind in channels_of(runs).items():
        places = _places(runs, partial(_is_on_channel, runs, channel))
        if places:
            cost = policy.costs.per_contact.get(channel, journey.channels[channel].cost)
            phrase = CHANNEL_BEHAVIOR[kind].cost_phrase
            lines = [
                Line(f"Channel: {runs.title('channels', channel)}", "strong"),
                Line(f"{cost:g} {phrase}" if cost else f"No cost {phrase}"),
            ]
            bars.append(Bar(places[0], places[-1], tuple(lines), "outline", color=channel_color(channel, kind)))
    spend = {name: one.per_day for name, one in policy.acquisition.items() if one.has_money()}
    if spend:
        first = list(runs.shown_stages).index(journey.starts_in)
        text = "; ".join(f"{runs.title('acquisition', name)} {amount:g} a day" for name, amount in spend.items())
        bars.append(Bar(first, first, (Line("Ad accounts", "strong"), Line(text)), "outline", color="ads"))
    return Lane("Systems", "What the policy needs, and where", bars=tuple(bars), boundary="Line of internal interaction")

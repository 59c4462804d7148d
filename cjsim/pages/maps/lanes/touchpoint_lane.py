"""Touchpoints by channel: flow messages as cards in the stages where they arrive, broadcasts as bars across the stages that they reach."""

from collections.abc import Mapping

from cjsim.metrics.confidence_intervals import MetricEstimate
from cjsim.pages.maps.map_parts import Bar, Entry, Lane, Line
from cjsim.pages.maps.map_runs import MapRuns, interval_of, rate_text, record_of, sentence_case, share_of
from cjsim.pages.maps.stage_counts import CountedPair, Touchpoint
from cjsim.pages.page_parts import EstimateRecord
from cjsim.scenario.kinds.channels import CHANNEL_BEHAVIOR

MOST_CARDS = 4  # in a cell; the level of touchpoints shows all
_COLORS = {"email": "email", "sms": "sms", "push": "push"}
_COLORS_BY_KIND = {"pull": "site", "paid": "ads", "human": "desk", "push": "p0"}
StageTouchpoints = dict[str, dict[Touchpoint, CountedPair]]


def channels_of(runs: MapRuns) -> dict[str, str]:
    """Return the channels of all scenarios in their order, with their kinds.

    Parameters
    ----------
    runs : MapRuns
        The runs.
    """
    return {name: channel.kind for scenario in runs.scenarios for name, channel in scenario.journey.channels.items()}


def channel_color(name: str, kind: str) -> str:
    """Return the color of a channel.

    Parameters
    ----------
    name, kind : str
        Its name and its kind.
    """
    return _COLORS.get(name, _COLORS_BY_KIND[kind])


def touchpoint_data(runs: MapRuns, channel: str, run: int = 0) -> StageTouchpoints:
    """Return the deliveries on a channel by stage, then by touchpoint, the most frequent first.

    Parameters
    ----------
    runs : MapRuns
        The runs.
    channel : str
        Name of the channel.
    run : int
        Number of the run.
    """
    found: StageTouchpoints = {name: {} for name in runs.shown_stages}
    for (stage, touchpoint), pair in runs.counts[run].touchpoints.items():
        if runs.channel_of(touchpoint.message) == channel:
            found[stage][touchpoint] = pair
    return {stage: dict(sorted(cell.items(), key=lambda one: -one[1].rate.value)) for stage, cell in found.items()}


def touchpoint_lanes(runs: MapRuns) -> list[Lane]:
    """Return one lane for each channel on which anything arrives.

    Parameters
    ----------
    runs : MapRuns
        The runs.
    """
    lanes = []
    for channel, kind in channels_of(runs).items():
        data = touchpoint_data(runs, channel)
        if not any(data.values()):
            continue
        verb = CHANNEL_BEHAVIOR[kind].open_verb
        if runs.level == "overview":
            cells: tuple[tuple[Entry, ...], ...] = tuple(_total(runs, name, data[name], channel) for name in runs.shown_stages)
            bars: tuple[Bar, ...] = ()
        else:
            bars = tuple(_broadcast_bars(runs, data, verb, channel_color(channel, kind)))
            cells = tuple(_cards(runs, name, data[name], (verb, channel_color(channel, kind))) for name in runs.shown_stages)
        note = "Messages that arrive, per 100 customers"
        note += "" if runs.level == "overview" else f"; share that customers {verb}"
        lanes.append(Lane(runs.title("channels", channel), note, cells, bars, color=channel_color(channel, kind)))
    return lanes


def is_broadcast(runs: MapRuns, touchpoint: Touchpoint) -> bool:
    """Return whether a touchpoint is a broadcast in any of the policies.

    Parameters
    ----------
    runs : MapRuns
        The runs.
    touchpoint : Touchpoint
        The touchpoint.
    """
    return any(touchpoint.source in scenario.policy.broadcasts for scenario in runs.scenarios)


def pair_text(pair: CountedPair, verb: str) -> str:
    """Return how many messages arrive and how many of them are opened, such as '663 sent; 23% open'."""
    opened = f"; {share_of(pair.share)} {verb}" if pair.share.value > 0 else ""
    return f"{rate_text(pair.rate.value)} sent{opened}"


def pair_records(touchpoint: Touchpoint, pair: CountedPair) -> tuple[EstimateRecord, ...]:
    """Return the numbers of a touchpoint as records."""
    name = f"[{touchpoint.source}, {touchpoint.message}]"
    return (record_of(f"delivered{name}", pair.rate), record_of(f"opened{name}", pair.share))


def _broadcast_bars(runs: MapRuns, data: StageTouchpoints, verb: str, color: str) -> list[Bar]:
    bars = []
    found = dict.fromkeys(one for cell in data.values() for one in cell if is_broadcast(runs, one))
    for touchpoint in found:
        pairs: Mapping[int, CountedPair] = {
            i: data[name][touchpoint]
            for i, name in enumerate(runs.shown_stages)
            if touchpoint in data[name] and data[name][touchpoint].rate.value >= runs.least(name)
        }
        if not pairs:
            continue
        title = runs.source_title(touchpoint.source)
        lines = [Line(title, "strong")]
        broadcast = runs.policy.broadcasts.get(touchpoint.source)
        if broadcast is not None:
            lines.append(Line(f"{sentence_case(broadcast.schedule.phrase())}: {runs.title('messages', touchpoint.message)}"))
        texts = {i: Line(_detailed(pair, verb) if runs.level == "touchpoint" else pair_text(pair, verb)) for i, pair in pairs.items()}
        records = tuple(record for pair in pairs.values() for record in pair_records(touchpoint, pair))
        bars.append(Bar(min(pairs), max(pairs), tuple(lines), "tint", texts, color=color, records=records))
    return bars


def _cards(runs: MapRuns, stage: str, cell: Mapping[Touchpoint, CountedPair], words: tuple[str, str]) -> tuple[Entry, ...]:
    verb, color = words
    flows = {one: pair for one, pair in cell.items() if not is_broadcast(runs, one)}
    is_whole = runs.level == "touchpoint"
    shown = {one: pair for one, pair in flows.items() if pair.rate.value >= runs.least(stage)}
    if not shown:
        shown = dict(list(flows.items())[:1])
    if not is_whole:
        shown = dict(list(shown.items())[:MOST_CARDS])
    entries = []
    for touchpoint, pair in shown.items():
        lines = [Line(runs.title("messages", touchpoint.message), "body")]
        lines.append(Line(_detailed(pair, verb) if is_whole else pair_text(pair, verb)))
        if is_whole:
            lines.append(Line(runs.source_title(touchpoint.source)))
        entries.append(Entry(tuple(lines), "card", color, records=pair_records(touchpoint, pair)))
    rest = [pair.rate.value for one, pair in flows.items() if one not in shown]
    if rest and not is_whole:
        plural = "message" if len(rest) == 1 else "messages"
        entries.append(Entry((Line(f"{len(rest)} more {plural}, {rate_text(sum(rest))} sent"),)))
    return tuple(entries)


def _detailed(pair: CountedPair, verb: str) -> str:
    """Return both numbers with their intervals."""
    decimals = 0 if pair.rate.value >= 0.1 else 1 if pair.rate.value >= 0.01 else 2
    sent = f"{rate_text(pair.rate.value)} sent {interval_of(pair.rate, decimals)}"
    return f"{sent}; {share_of(pair.share)} {verb} {interval_of(pair.share, 0)}" if pair.share.value > 0 else sent


def _total(runs: MapRuns, stage: str, cell: Mapping[Touchpoint, CountedPair], channel: str) -> tuple[Entry, ...]:
    """Return the sum of all messages of a channel in a stage."""
    rate = sum(pair.rate.value for pair in cell.values())
    if not rate or rate < runs.least(stage):
        return ()
    n = next(iter(cell.values())).rate.n
    count = len(cell)
    nan = float("nan")
    record = record_of(f"delivered[{channel}]", MetricEstimate(rate, nan, nan, n, "deliveries"))
    lines = (Line(f"{rate_text(rate)} sent", "body"), Line(f"{count} {'message' if count == 1 else 'messages'}"))
    return (Entry(lines, records=(record,)),)

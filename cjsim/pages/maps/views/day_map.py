"""The customer's days: the diary of one customer as a map, with one column for each stay in a stage."""

from collections import Counter
from collections.abc import Sequence
from itertools import groupby

from cjsim.kernels.codes import TouchCode
from cjsim.pages.maps.lanes.touchpoint_lane import channel_color
from cjsim.pages.maps.map_parts import CurvePoint, CurveSeries, Entry, Lane, Line, MapView, StageHead
from cjsim.pages.page_parts import EstimateRecord, Phrase
from cjsim.pages.quantity_format import count_text, title_case
from cjsim.reporting.diary import Diary, DiaryLine
from cjsim.reporting.event_text import format_money, satisfaction_band
from cjsim.simulation.documents import Scenario

_TOUCHES = frozenset(code.name.lower() for code in TouchCode)
_DESK = ("asked", "asked_again", "answered_in_time", "answered_late", "unanswered")
_MESSAGES = ("delivered", "opened", "clicked", "unsubscribed", "complained")
_BACKSTAGE = ("flow_started", "flow_exited", "offered", "redeemed")
_MOST_LINES = 6  # in a cell; the level of touchpoints shows all


def stay_data(diary: Diary) -> list[tuple[DiaryLine, ...]]:
    """Return the lines of a diary by stay: consecutive lines in the same stage.

    Parameters
    ----------
    diary : Diary
        The diary.
    """
    return [tuple(lines) for _, lines in groupby(diary.lines, key=lambda line: line.stage)]


def day_view(diary: Diary, scenario: Scenario, *, is_whole: bool = False) -> MapView:
    """Return the map of one customer.

    Parameters
    ----------
    diary : Diary
        The diary, with what only the simulator knows.
    scenario : Scenario
        The scenario, for titles.
    is_whole : bool
        Whether to show all lines of a stay.
    """
    stays = stay_data(diary)
    lanes = (
        Lane("What the customer does", "* Not seen by the firm", tuple(_cell(_actions(stay), is_whole=is_whole) for stay in stays)),
        Lane("Asks a desk", "", tuple(_cell(_texts(stay, _DESK), is_whole=is_whole) for stay in stays)),
        Lane(
            "What arrives",
            "Messages, and what the customer does with them",
            tuple(_messages(stay, scenario, is_whole=is_whole) for stay in stays),
        ),
        _feeling(diary, stays),
        Lane("Money", "Paid by the customer; cost to the firm", tuple(_money(diary, stay) for stay in stays)),
        Lane(
            "What the firm does",
            "Flows that start and end, offers",
            tuple(_cell(_backstage(stay, scenario), is_whole=is_whole) for stay in stays),
            boundary="Line of visibility",
        ),
    )
    heads = tuple(_head(diary, scenario, stay) for stay in stays)
    headline, say = _sentences(diary, scenario)
    name = f"Customer {diary.customer:,}"
    notes = (f"One customer of {scenario.customers:,}, seed {diary.seed}; an example, not an average.",)
    return MapView("day", name, headline, say, heads, lanes, notes=notes, head_title="Stay in a stage")


def _head(diary: Diary, scenario: Scenario, stay: Sequence[DiaryLine]) -> StageHead:
    first, last = (diary.date(stay[i].time) for i in (0, -1))
    stage = scenario.journey.stages[stay[0].stage]
    dates = f"{first:%d %b %Y}" if first.date() == last.date() else f"{first:%d %b %Y} to {last:%d %b %Y}"
    return StageHead(stage.title or title_case(stay[0].stage), dates, not stage.observed)


def _actions(stay: Sequence[DiaryLine]) -> list[str]:
    """Return what the customer does, in order."""
    return [f"{line.text}{'' if line.is_seen else ' *'}" for line in stay if line.event not in _TOUCHES or line.event == "entered"]


def _texts(stay: Sequence[DiaryLine], events: Sequence[str]) -> list[str]:
    return [line.text for line in stay if line.event in events]


def _backstage(stay: Sequence[DiaryLine], scenario: Scenario) -> list[str]:
    """Return what the firm does, with the titles of flows in place of their names."""
    titles = {name: flow.title for name, flow in scenario.policy.flows.items() if flow.title}
    lines = [line for line in stay if line.event in _BACKSTAGE]
    return [line.text.replace(f"'{line.source}'", f"“{titles.get(line.source, line.source)}”") for line in lines]


def _times(count: int) -> str:
    return {1: "once", 2: "twice"}.get(count, f"{count:,} times")


def _counted(texts: Sequence[str]) -> dict[str, int]:
    return dict(Counter(texts))


def _cell(texts: Sequence[str], *, is_whole: bool) -> tuple[Entry, ...]:
    """Return each text once, with the number of times if there are several."""
    counts = _counted(texts)
    shown = list(counts.items()) if is_whole else list(counts.items())[:_MOST_LINES]
    entries = [Entry((Line(text, "body", right=f"{count} times" if count > 1 else ""),)) for text, count in shown]
    rest = len(counts) - len(shown)
    return (*entries, Entry((Line(f"and {rest} more"),))) if rest else tuple(entries)


def _messages(stay: Sequence[DiaryLine], scenario: Scenario, *, is_whole: bool) -> tuple[Entry, ...]:
    """Return one card for each message, with how often it arrives, is opened and is clicked."""
    found: dict[str, Counter[str]] = {}
    titles: dict[str, str] = {}
    for line in stay:
        if line.event in _MESSAGES and line.message:
            found.setdefault(line.message, Counter())[line.event] += 1
            if line.event == "delivered":
                titles[line.message] = line.text.removesuffix(" arrives")
    shown = list(found.items()) if is_whole else list(found.items())[:_MOST_LINES]
    entries = []
    for message, counts in shown:
        words = (("delivered", "arrives"), ("opened", "opened"), ("clicked", "clicked"), ("unsubscribed", "unsubscribes"))
        parts = [f"{word} {counts[event]} times" if counts[event] > 1 else word for event, word in words if counts[event]]
        text = "; ".join(parts) or "complains"
        lines = (Line(titles.get(message, title_case(message)), "body"), Line(text[:1].upper() + text[1:]))
        channel = scenario.journey.messages[message].channel
        entries.append(Entry(lines, "card", channel_color(channel, scenario.journey.channels[channel].kind)))
    rest = len(found) - len(shown)
    return (*entries, Entry((Line(f"and {count_text(rest, 'more message')}"),))) if rest else tuple(entries)


def _feeling(diary: Diary, stays: Sequence[Sequence[DiaryLine]]) -> Lane:
    points, records = [], []
    for stay in stays:
        value = stay[-1].satisfaction
        points.append(None if value != value else CurvePoint(value, value, value, f"{value:.2f}, {satisfaction_band(value)}"))
        records.append(EstimateRecord("satisfaction", "0 to 1", 1, value, value, value))
    series = CurveSeries(str(title_case(str(diary.who.get("persona", "customer")))), tuple(points), "p1", records=tuple(records))
    return Lane("How the customer feels", "Satisfaction at the end of the stay, 0 to 1", curves=(series,) if any(points) else ())


def _money(diary: Diary, stay: Sequence[DiaryLine]) -> tuple[Entry, ...]:
    revenue, cost = sum(line.revenue for line in stay), sum(line.cost for line in stay)
    lines = [Line("Paid", "body", right=format_money(revenue, currency=diary.currency))] if revenue else []
    lines += [Line("Cost", "body", right=format_money(cost, currency=diary.currency))] if cost >= 0.005 else []
    return (Entry(tuple(lines)),) if lines else ()


def _sentences(diary: Diary, scenario: Scenario) -> tuple[tuple[Phrase, ...], str]:
    end = diary.end
    if not diary.lines:
        return (Phrase("This customer did not enter before the end of the simulation"),), ""
    money = format_money(end["revenue"], currency=diary.currency)
    bought = f"buys {_times(end['purchases'])} for {money}" if end["purchases"] else "buys nothing"
    persona = scenario.journey.personas[str(diary.who["persona"])]
    name = persona.title or title_case(str(diary.who["persona"]))
    headline = (Phrase(f"Customer {diary.customer:,}, {name[:1].lower()}{name[1:]}, {bought} in {end['days']:.0f} days"),)
    contacts = f"{count_text(end['contacts'], 'message')} arrive, {end['opens']} opened, {end['clicks']} clicked"
    value = f"CLV {format_money(end['clv'], currency=diary.currency)}"
    goal = f"Goal: {persona.goal}. " if persona.goal else ""
    stage = scenario.journey.stages[end["stage"]].title or title_case(end["stage"])
    feeling = f"satisfaction {end['satisfaction']:.2f} ({satisfaction_band(end['satisfaction'])})"
    return headline, f"{goal}{contacts}. {value}. At the end: “{stage}”, {feeling}."

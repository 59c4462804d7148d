"""A journey map as text: a `journey` diagram of Mermaid, with a section for each stage and a task for each thing in it."""

from collections.abc import Iterator

from cjsim.pages.maps.map_parts import MARK_TEXTS, Lane, MapPage, MapView

_FORBIDDEN = str.maketrans({":": " -", ";": ",", "#": "", "\n": " ", "%": " percent"})
_NEUTRAL, _LOWEST, _STEPS = 3, 1, 4  # Mermaid's scores are from 1 to 5
_LEFT_OUT = ("Figures",)


def mermaid_text(page: MapPage) -> str:
    """Return a map as Mermaid diagrams, one for each view. The score of a task is the satisfaction in its stage, from 1 to 5.

    Parameters
    ----------
    page : MapPage
        The map.
    """
    return "\n".join("\n".join(_view_lines(page, view)) + "\n" for view in page.views)


def _view_lines(page: MapPage, view: MapView) -> Iterator[str]:
    yield "journey"
    yield f"    title {_clean(page.title)} - {_clean(view.name)}"
    for text in (*page.versions, view.headline_text):
        yield f"    %% {_clean(text)}"
    for i, head in enumerate(view.heads):
        note = f" ({_clean(head.note)})" if head.note else ""
        yield f"    section {_clean(head.title)}{note}"
        score = _score(view, i)
        names = [task for lane in view.lanes if lane.title not in _LEFT_OUT for task in _tasks(lane, i)]
        for name, actor in names or [("Nothing to report", "Customer")]:
            yield f"      {name}: {score}: {actor}"


def _tasks(lane: Lane, stage: int) -> Iterator[tuple[str, str]]:
    """Yield the things in the cell of a stage with the lane that they belong to."""
    actor = _clean(lane.title).replace(",", "")
    for bar in lane.bars:
        if bar.first <= stage <= bar.last and (stage in bar.texts or not bar.texts):
            mark = f"{MARK_TEXTS[bar.mark]} " if bar.mark else ""
            shown = f" ({_clean(bar.texts[stage].text)})" if stage in bar.texts else ""
            yield f"{_clean(mark + bar.lines[0].text)}{shown}", actor
    for entry in lane.entries(stage):
        mark = f"{MARK_TEXTS[entry.mark]} " if entry.mark else ""
        rest = " ".join(part for line in entry.lines[:1] for part in [line.right] if part)
        second = entry.lines[1].text if len(entry.lines) > 1 and not rest else rest
        yield f"{_clean(mark + entry.lines[0].text)}{f' ({_clean(second)})' if second else ''}", actor


def _score(view: MapView, stage: int) -> int:
    """Return the mean of the curves in a stage, from 1 to 5; 3 without curves."""
    points = [series.points[stage] for lane in view.lanes for series in lane.curves]
    values = [point.value for point in points if point is not None]
    return round(_LOWEST + _STEPS * min(max(sum(values) / len(values), 0), 1)) if values else _NEUTRAL


def _clean(text: str) -> str:
    """Return a text without the characters that separate the parts of a task."""
    return " ".join(text.translate(_FORBIDDEN).split())

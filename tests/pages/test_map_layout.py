"""The grid of a map: no text overlaps another one or leaves its cell, for all kinds and levels, and for narrow columns."""

from itertools import combinations
from pathlib import Path

import pytest

import cjsim as cj
from cjsim.pages.maps.block_layout import entry_block
from cjsim.pages.maps.character_widths import width_of, wrap_words
from cjsim.pages.maps.grid_drawing import MOST_STAGES, draw_rows, stage_rows
from cjsim.pages.maps.grid_sheet import LABEL_WIDTH, WIDTH, TextBox
from cjsim.pages.maps.map_parts import Bar, CurvePoint, CurveSeries, Entry, Fact, Lane, Line, MapView, StageHead, Strip
from cjsim.pages.page_parts import Phrase

TOLERANCE = 0.5  # pixels
LONG = "A touchpoint with a long title that needs several lines, and an Unbreakablewordwithoutanyspacesinsidewhatsoever"


def overlap(one: TextBox, other: TextBox) -> bool:
    (x, y, w, h), (x2, y2, w2, h2) = one.box, other.box
    return x < x2 + w2 - TOLERANCE and x2 < x + w - TOLERANCE and y < y2 + h2 - TOLERANCE and y2 < y + h - TOLERANCE


def leaves(one: TextBox) -> bool:
    (x, y, w, h), (cx, cy, cw, ch) = one.box, one.cell
    return x < cx - TOLERANCE or y < cy - TOLERANCE or x + w > cx + cw + TOLERANCE or y + h > cy + ch + TOLERANCE


def faults_of(view: MapView) -> list[str]:
    found = []
    for row in draw_rows(view):
        for part in row.parts:
            boxes = part.sheet.boxes
            found += [f"'{one.text}' overlaps '{other.text}'" for one, other in combinations(boxes, 2) if overlap(one, other)]
            found += [f"'{one.text}' leaves its cell" for one in boxes if leaves(one)]
            found += [
                f"'{one.text}' leaves the sheet"
                for one in boxes
                if one.box[0] + one.box[2] > WIDTH or one.box[1] + one.box[3] > part.height
            ]
    return found


@pytest.mark.parametrize("level", ["overview", "stage", "touchpoint"])
def test_texts_of_a_run_do_not_overlap(run_folders: list[Path], level: str) -> None:
    drawn = cj.journey_map(run_folders[0], kind=["current", "blueprint"], level=level)  # type: ignore[arg-type]
    future = cj.journey_map(run_folders[0], kind="future", against=run_folders[1], level=level)  # type: ignore[arg-type]
    assert [fault for view in (*drawn.page.views, *future.page.views) for fault in faults_of(view)] == []


def view_with(n_stages: int) -> MapView:
    """A view with all kinds of content, and long texts."""
    point = CurvePoint(0.5, 0.4, 0.6, "0.50 [0.40, 0.60]")
    lines = (Line(LONG, "body", right="1,234"), Line(LONG, "small"), Line("big", "big", right="[1,000.0, 2,000.0]"), Line(LONG, "quote"))
    kinds: tuple[Entry, ...] = tuple(Entry(lines, kind, "email", mark="changed") for kind in ("plain", "card", "cliff", "moment"))
    figure = Entry((Line("Label"), Line("12.3%", "strong", right="[10.1, 14.5]")), strip=Strip(0.1, 0.2, 0.3))
    facts = tuple(Fact(f"Measure {i}", "12 → 13%", "[1.2, 1.4] pp") for i in range(5))
    bars = (
        Bar(0, n_stages - 1, (Line(LONG, "strong"),), texts={i: Line("1,234 sent; 23.4% open") for i in range(n_stages)}),
        Bar(0, 0, (Line(LONG, "strong"), Line(LONG)), "outline", facts=facts),
        Bar(1, 2, (Line(LONG, "strong"),), "outline", facts=facts),
    )
    curves = tuple(CurveSeries(f"{LONG[:40]} {i}", (point,) * n_stages, "p1") for i in range(5))
    lanes = (
        Lane("Cells", LONG, tuple((*kinds, figure) for _ in range(n_stages)), color="email"),
        Lane("Bars", LONG, bars=bars, boundary="Line of visibility"),
        Lane("Curves", LONG, curves=curves),
    )
    heads = tuple(StageHead(LONG[:60], "12% → 13% get here (new stage); not seen by the firm") for _ in range(n_stages))
    return MapView("current", "Current", (Phrase("Headline"),), "", heads, lanes)


@pytest.mark.parametrize("n_stages", [3, 8, 13, 15])
def test_long_texts_do_not_overlap(n_stages: int) -> None:
    assert faults_of(view_with(n_stages)) == []


@pytest.mark.parametrize("n_stages", range(1, 30))
def test_rows_have_at_most_eight_stages_and_miss_none(n_stages: int) -> None:
    rows = stage_rows(n_stages)
    assert [stage for first, last in rows for stage in range(first, last + 1)] == list(range(n_stages))
    assert max(last - first + 1 for first, last in rows) <= MOST_STAGES


def test_a_lane_without_content_is_left_out() -> None:
    view = view_with(4)
    empty = Lane("Nothing here", cells=((), (), (), ()))
    with_empty = MapView(view.kind, view.name, view.headline, "", view.heads, (empty, *view.lanes))
    assert len(draw_rows(with_empty)[0].parts) == len(draw_rows(view)[0].parts)


def test_lines_are_as_wide_as_their_column() -> None:
    for width in (40, 90, 160):
        assert max(width_of(line, 12) for line in wrap_words(LONG, width, 12)) <= width


def test_wrapping_keeps_every_letter() -> None:
    assert "".join(wrap_words(LONG, 50, 12)).replace(" ", "") == LONG.replace(" ", "")


def test_an_entry_states_the_height_of_its_lines() -> None:
    one, two = (entry_block(Entry((Line("word", "body"),) * count), 100).height for count in (1, 2))
    assert two == 2 * one


def test_columns_fill_the_width() -> None:
    assert (WIDTH - LABEL_WIDTH) / MOST_STAGES > 150

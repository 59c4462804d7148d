"""Rendering of a journey map as an HTML page and as one SVG file."""

from collections.abc import Sequence
from html import escape
from pathlib import Path

from cjsim.pages.maps.block_layout import STYLES, Block, TextStyle, entry_block, text_lines
from cjsim.pages.maps.grid_drawing import draw_rows
from cjsim.pages.maps.grid_sheet import WIDTH, Sheet
from cjsim.pages.maps.map_parts import MARK_TEXTS, MARK_TONES, Entry, Line, MapPage, MapView, PersonaCard
from cjsim.version import __version__

_TEMPLATES = Path(__file__).parents[1] / "templates"
_MARGIN, _GAP = 24.0, 14.0
_GROUND = "page"  # color of the style sheet
_TITLE = TextStyle("m-title", 28, 34, is_bold=True)
_HEADING = TextStyle("m-heading", 20, 26, is_bold=True)
_SAY = TextStyle("m-say", 14, 20)


def render_map(page: MapPage, *, json_name: str = "map.json") -> str:
    """Render a map as an HTML document that refers to no other file or address.

    Parameters
    ----------
    page : MapPage
        The map.
    json_name : str
        Name of the file beside it that holds its numbers.
    """
    from jinja2 import Environment, FileSystemLoader, StrictUndefined
    from markupsafe import Markup

    environment = Environment(
        loader=FileSystemLoader(_TEMPLATES), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    return environment.get_template("map.html.j2").render(
        page=page,
        rows=[[[Markup(one) for one in row.pictures] for row in draw_rows(view)] for view in page.views],
        json_name=json_name,
        made_by=f"Made by cjsim {__version__}.",
        mark_texts=MARK_TEXTS,
        mark_tones=MARK_TONES,
        css=Markup(_style_sheet()),
        theme_js=Markup((_TEMPLATES / "theme.js").read_text(encoding="utf-8")),
    )


def _style_sheet() -> str:
    return "".join((_TEMPLATES / name).read_text(encoding="utf-8") for name in ("tokens.css", "map.css"))


def svg_file(page: MapPage) -> str:
    """Return a map as one SVG picture with its style sheet: title, versions, and each view with its personas, grid and notes.

    Parameters
    ----------
    page : MapPage
        The map.
    """
    sheet = Sheet(WIDTH)
    y = _write(sheet, [*text_lines(page.title, _TITLE, WIDTH)], 0.0)
    y = _write(sheet, [line for text in page.versions for line in text_lines(text, STYLES["body"], WIDTH)], y + 2) + _GAP
    for view in page.views:
        y = _draw_view(sheet, view, y) + 2 * _GAP
    height, width = y + 2 * _MARGIN, WIDTH + 2 * _MARGIN
    body = "".join(sheet.elements)
    head = f'<svg xmlns="http://www.w3.org/2000/svg" class="file" viewBox="{-_MARGIN:g} {-_MARGIN:g} {width:g} {height:.0f}"'
    size = f'width="{width:g}" height="{height:.0f}" role="img" aria-label="Journey map: {escape(page.title)}"'
    ground = f'<rect x="{-_MARGIN:g}" y="{-_MARGIN:g}" width="{width:g}" height="{height:.0f}" style="fill:var(--{_GROUND})"/>'
    return f"{head} {size}><style>{escape(_style_sheet(), quote=False)}</style>{ground}{body}</svg>\n"


def _write(sheet: Sheet, texts: Sequence[object], y: float) -> float:
    """Write lines below each other, and return where they end."""
    block = Block.stacked(texts)  # type: ignore[arg-type]
    sheet.block(block, (0, y), (0, y, WIDTH, block.height))
    return y + block.height


def _draw_view(sheet: Sheet, view: MapView, y: float) -> float:
    y = _write(sheet, text_lines(view.headline_text, _HEADING, WIDTH), y) + 2
    y = _write(sheet, text_lines(view.say, _SAY, WIDTH), y) + _GAP
    y = _draw_personas(sheet, view.personas, y)
    for row in draw_rows(view):
        sheet.rect((0, y, WIDTH, row.height), "surface", radius=4)
        for part in row.parts:
            sheet.elements.append(f'<g transform="translate(0 {y:.1f})">{"".join(part.sheet.elements)}</g>')
            y += part.height
        y += _GAP
    return _write(sheet, [line for note in view.notes for line in text_lines(note, STYLES["small"], WIDTH)], y)


def _draw_personas(sheet: Sheet, personas: Sequence[PersonaCard], y: float) -> float:
    """Draw the personas in rows of up to four, and return where they end."""
    across = min(max(len(personas), 1), 4)
    width = (WIDTH - (across - 1) * _GAP) / across
    for start in range(0, len(personas), across):
        blocks = []
        for persona in personas[start : start + across]:
            lines = [Line(f"{persona.title}, {persona.share}", "strong")]
            lines += [Line(f"{label}: {text}") for label, text in persona.motives]
            lines += [Line(persona.note)] if persona.note else []
            blocks.append((persona, entry_block(Entry(tuple(lines), "card"), width)))
        height = max(block.height for _, block in blocks)
        for i, (persona, block) in enumerate(blocks):
            x = i * (width + _GAP)
            sheet.rect((x, y, width, height), "surface", css="edge", radius=4)
            sheet.rect((x, y, 4, height), persona.color, radius=1)
            sheet.block(block, (x, y), (x, y, width, height))
        y += height + _GAP
    return y

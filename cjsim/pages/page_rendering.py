"""Rendering of a page as one HTML file: templates, style sheet, script, pictures, and the plotly library."""

import json
from collections.abc import Sequence
from functools import cache
from pathlib import Path

from cjsim.json_records import plain_values
from cjsim.pages.charts.chart_kinds import Chart
from cjsim.pages.charts.chart_plotly import Figure, plotly_figure
from cjsim.pages.charts.chart_svg import chart_svg, strip_svg
from cjsim.pages.page_parts import Page, Panel
from cjsim.version import __version__

_TEMPLATES = Path(__file__).parent / "templates"


class _Figures:
    """Collects the interactive figures of a page while it is rendered."""

    def __init__(self) -> None:
        self.by_id: dict[str, Figure] = {}

    def add(self, chart: Chart) -> str:
        """Add the figure of a chart, and return its identifier."""
        name = str(len(self.by_id))
        self.by_id[name] = plotly_figure(chart)
        return name


def render_page(page: Page, *, json_name: str = "report.json") -> str:
    """Render a page.

    Parameters
    ----------
    page : Page
        The page.
    json_name : str
        Name of the file beside it that holds its numbers.

    Returns
    -------
    str
        An HTML document that contains everything it needs, and refers to no other file or address.
    """
    from jinja2 import Environment, FileSystemLoader, StrictUndefined
    from markupsafe import Markup

    figures = _Figures()

    environment = Environment(
        loader=FileSystemLoader(_TEMPLATES), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.globals.update(
        figure_id=figures.add,
        with_widths=_with_widths,
        picture=lambda chart, width, css: Markup(chart_svg(chart, width, css)),
        strip=lambda chart, width, is_large: Markup(strip_svg(chart, width, is_large=is_large)),
    )
    body = environment.get_template("page.html.j2").render(
        page=page,
        json_name=json_name,
        made_by=f"Made by cjsim {__version__}.",
        css=Markup(_template("tokens.css") + _template("page.css")),
        theme_js=Markup(_template("theme.js")),
        page_js=Markup(_template("page.js")),
        figures_json="FIGURES",
        plotly_js="PLOTLY",
    )
    data = json.dumps(plain_values(figures.by_id), allow_nan=False).replace("<", "\\u003c")
    body = body.replace(">FIGURES<", f">{data}<", 1)
    return body.replace(">PLOTLY<", f">{_plotly_source()}<", 1)


def _with_widths(panels: Sequence[Panel]) -> list[tuple[Panel, bool]]:
    """Pair panels with whether they take the whole width: wide ones, and those that would stand alone in a row of two."""
    found: list[tuple[Panel, bool]] = []
    for i, panel in enumerate(panels):
        is_left = not panel.is_wide and (not found or found[-1][1] or _is_right(found))
        has_neighbor = i + 1 < len(panels) and not panels[i + 1].is_wide
        found.append((panel, panel.is_wide or (is_left and not has_neighbor)))
    return found


def _is_right(found: Sequence[tuple[Panel, bool]]) -> bool:
    """Return whether the last panel is the second of a row."""
    narrow = 0
    for _, is_whole in reversed(found):
        if is_whole:
            break
        narrow += 1
    return narrow % 2 == 0


@cache
def _template(name: str) -> str:
    return (_TEMPLATES / name).read_text(encoding="utf-8")


@cache
def _plotly_source() -> str:
    """Return the plotly library, which the page runs when a reader first explores a figure."""
    from plotly.offline import get_plotlyjs

    source: str = get_plotlyjs()
    return source.replace("</script", "<\\/script").replace("<!--", "<\\!--")

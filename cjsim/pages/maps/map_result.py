"""`JourneyMap`: a map, its numbers, and the files that hold both."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from cjsim.argument_types import checked_arguments
from cjsim.errors import InputError, format_error, quote_choices
from cjsim.json_records import plain_values, write_json
from cjsim.output_folder import FolderResult
from cjsim.output_folder.atomic_file import write_atomically
from cjsim.pages.maps.map_parts import MapPage
from cjsim.pages.maps.map_rendering import render_map, svg_file
from cjsim.pages.maps.mermaid_text import mermaid_text

if TYPE_CHECKING:
    import pandas as pd

JSON_FILE = "map.json"
MapFormat = Literal["html", "svg", "mermaid"]
SUFFIXES: dict[MapFormat, str] = {"html": ".html", "svg": ".svg", "mermaid": ".mmd"}
_COLUMNS = ("view", "lane", "stage", "metric", "unit", "n", "value", "low", "high", "baseline", "alternative")


@dataclass(frozen=True, eq=False, repr=False)
class JourneyMap(FolderResult):
    """A journey map: an HTML page, an SVG picture, a Mermaid diagram, and all their numbers.

    `save` writes `map.html`, `map.svg`, `map.mmd` and `map.json`; with the name of an HTML, SVG or MMD file, that file and a JSON file of
    the same name.

    Attributes
    ----------
    page : MapPage
        Everything that the map shows, as records.
    """

    page: MapPage
    _marker = JSON_FILE

    def __str__(self) -> str:
        return self.summary()

    @property
    def title(self) -> str:
        """Title of the journey."""
        return self.page.title

    @property
    def answer(self) -> str:
        """What the first view says, in a sentence."""
        return self.page.views[0].headline_text

    @cached_property
    def html(self) -> str:
        """The map as an HTML document that refers to no other file or address."""
        return render_map(self.page, json_name=JSON_FILE)

    @cached_property
    def svg(self) -> str:
        """The map as an SVG picture."""
        return svg_file(self.page)

    @cached_property
    def mermaid(self) -> str:
        """The map as text: `journey` diagrams of Mermaid."""
        return mermaid_text(self.page)

    def summary(self) -> str:
        """Return the versions, and what each view says.

        Returns
        -------
        str
        """
        says = [f"{view.name}: {view.headline_text}. {view.say}".replace("..", ".").strip() for view in self.page.views]
        return "\n".join([self.title, *self.page.versions, "", *says])

    def _facts(self) -> str:
        views = ", ".join(view.name.lower() for view in self.page.views)
        return f"{self.title}: {views}; {len(self.page.views[0].heads)} stages"

    def _answer(self) -> str:
        return self.answer

    def to_json(self) -> dict[str, Any]:
        """Return every text and every number of the map. Undefined numbers become null."""
        return plain_values(self.page.to_json())

    def to_pandas(self) -> "pd.DataFrame":
        """Return every number behind the map: one row for each, with its view, lane, stage, metric, unit, n and interval.

        In a future state, value is the difference, and baseline and alternative are the levels. `stage` is empty for what concerns several
        stages.
        """
        import pandas as pd

        return pd.DataFrame(list(self._rows()), columns=list(_COLUMNS))

    def _rows(self) -> Iterator[tuple[Any, ...]]:
        for view in self.page.views:
            found = [("Stage", head.title, head.records) for head in view.heads]
            found += [("Personas", "", card.records) for card in view.personas]
            for lane in view.lanes:
                found += [(lane.title, "", bar.records) for bar in lane.bars]
                found += [(lane.title, "", series.records) for series in lane.curves]
                for head, cell in zip(view.heads, lane.cells, strict=False):
                    found += [(lane.title, head.title, entry.records) for entry in cell]
            for lane_title, stage, records in found:
                for one in records:
                    numbers = (one.n, one.value, one.low, one.high, one.baseline, one.alternative)
                    yield view.kind, lane_title, stage, one.metric, one.unit, *numbers

    def text(self, format: MapFormat) -> str:  # noqa: A002, the word of the command
        """Return the map in a format.

        Parameters
        ----------
        format : {'html', 'svg', 'mermaid'}
            The format.
        """
        return {"html": lambda: self.html, "svg": lambda: self.svg, "mermaid": lambda: self.mermaid}[format]()

    @checked_arguments
    def save(self, folder: str | Path) -> Path:
        """Save the map and its numbers, and replace earlier ones.

        Parameters
        ----------
        folder : str or Path
            Destination folder, which is created if it does not exist, or the name of one file ending in .html, .svg or .mmd, in a folder
            that exists.

        Returns
        -------
        Path
            `folder`.

        Raises
        ------
        InputError
            If a file cannot be written.
        """
        file = Path(folder)
        if not file.suffix:
            return super().save(folder)
        numbers = file.with_suffix(".json")
        content = json.dumps(self.to_json(), indent=1, allow_nan=False, ensure_ascii=False)
        kind = format_of(file)
        text = render_map(self.page, json_name=numbers.name) if kind == "html" else self.text(kind)
        try:
            write_atomically(numbers, content + "\n")
            write_atomically(file, text)
        except OSError as error:
            must = "must name a file in a folder that can be written to"
            raise InputError(format_error("out", must, f"'{file}' ({error.strerror or error})", "Choose another file.")) from error
        return file

    def _write_files(self, folder: Path) -> None:
        for kind, suffix in SUFFIXES.items():
            (folder / f"map{suffix}").write_text(self.text(kind), encoding="utf-8")
        write_json(folder / JSON_FILE, self.to_json())


def format_of(file: Path) -> MapFormat:
    """Return the format of a file by its suffix.

    Parameters
    ----------
    file : Path
        Name of a file.

    Raises
    ------
    InputError
        If the suffix belongs to no format.
    """
    for kind, suffix in SUFFIXES.items():
        if file.suffix == suffix:
            return kind
    must = f"must be a folder, or a file that ends in {quote_choices(list(SUFFIXES.values()))}"
    raise InputError(format_error("out", must, f"'{file}'", "Name a file such as map.html."))

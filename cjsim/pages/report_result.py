"""`Report`: a page, its numbers, and the files that hold both."""

import json
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cjsim.argument_types import checked_arguments
from cjsim.errors import InputError, format_error
from cjsim.json_records import plain_values, write_json
from cjsim.output_folder import FolderResult
from cjsim.output_folder.atomic_file import write_atomically
from cjsim.pages.page_parts import EstimateRecord, Page
from cjsim.pages.page_rendering import render_page

if TYPE_CHECKING:
    import pandas as pd

HTML_FILE, JSON_FILE = "report.html", "report.json"
PAGE_SUFFIX = ".html"


@dataclass(frozen=True, eq=False, repr=False)
class Report(FolderResult):
    """A self-contained HTML page about one or several results.

    `save` writes `report.html` and `report.json`, which holds every number of the page; with the name of an HTML file, that file and a JSON
    file of the same name.

    Attributes
    ----------
    page : Page
        Everything that the page shows, as records.
    """

    page: Page
    _marker = JSON_FILE

    def __str__(self) -> str:
        return self.summary()

    @property
    def title(self) -> str:
        """Title of the page."""
        return self.page.title

    @property
    def answer(self) -> str:
        """The answer in a sentence."""
        return self.page.answer.text

    @cached_property
    def html(self) -> str:
        """The page: an HTML document that refers to no other file or address."""
        return render_page(self.page, json_name=JSON_FILE)

    def summary(self) -> str:
        """Return the answer, and the questions that the page answers.

        Returns
        -------
        str
        """
        answers = [f"{section.question} {section.say}".strip() for section in self.page.sections]
        return "\n\n".join([f"{self.answer} {self.page.answer.lead}".strip(), *answers])

    def _facts(self) -> str:
        return f"{self.title}: {len(self.page.sections)} sections"

    def _answer(self) -> str:
        return self.answer

    def to_json(self) -> dict[str, Any]:
        """Return every text and every number of the page. Undefined numbers become null."""
        return plain_values(self.page.to_json())

    def to_pandas(self) -> "pd.DataFrame":
        """Return the figures of the first screen, one row per metric.

        The columns are unit, n, value, low, high, baseline and alternative. In a comparison, value is the difference. Numbers are in the
        unit of the metric.
        """
        import pandas as pd

        records = [figure.record for figure in self.page.answer.figures]
        columns = [name for name in EstimateRecord.__dataclass_fields__ if name != "metric"]
        rows = [[getattr(record, name) for name in columns] for record in records]
        return pd.DataFrame(rows, columns=columns, index=pd.Index([record.metric for record in records], name="metric"))

    @checked_arguments
    def save(self, folder: str | Path) -> Path:
        """Save the page and its numbers, and replace earlier ones.

        Parameters
        ----------
        folder : str or Path
            Destination folder, which is created if it does not exist, or the name of the page, such as 'board.html', in a folder that
            exists.

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
        if file.suffix != PAGE_SUFFIX:
            return super().save(folder)
        numbers = file.with_suffix(".json")
        content = json.dumps(self.to_json(), indent=1, allow_nan=False, ensure_ascii=False)
        try:
            write_atomically(numbers, content + "\n")
            write_atomically(file, render_page(self.page, json_name=numbers.name))
        except OSError as error:
            must = "must name a file in a folder that can be written to"
            raise InputError(format_error("out", must, f"'{file}' ({error.strerror or error})", "Choose another file.")) from error
        return file

    def _write_files(self, folder: Path) -> None:
        (folder / HTML_FILE).write_text(self.html, encoding="utf-8")
        write_json(folder / JSON_FILE, self.to_json())

"""`Rehearsal`: the result of rehearsing tests of alternatives against a baseline, with its tables, figure and files."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from cjsim.escaping.markdown_text import markdown_block, markdown_text
from cjsim.json_records import write_json
from cjsim.output_folder import FolderResult
from cjsim.rehearsal.results.rehearsal_data import RehearsalData
from cjsim.rehearsal.results.rehearsal_figure import REHEARSAL_FIGURE
from cjsim.rehearsal.results.rehearsal_table import recommendations, rehearsal_table
from cjsim.table_files import write_csv

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, eq=False, repr=False)
class Rehearsal(RehearsalData, FolderResult):
    """Rehearsed tests of alternatives against a baseline.

    `save` writes `designs.csv`, `power.png`, `report.md` and `rehearsal.json`.
    """

    _marker = "rehearsal.json"

    def __str__(self) -> str:
        return self.summary()

    def _facts(self) -> str:
        n_designs = sum(len(report.designs) for report in self.alternatives.values())
        return f"{self.metric}, {self.base} against {', '.join(self.alternatives)}: {n_designs} designs"

    def _answer(self) -> str:
        return recommendations(self)

    def to_pandas(self) -> "pd.DataFrame":
        """Return the designs as a frame with one row per alternative and design.

        Effects are in `unit`. Columns that end in `_error` are Monte Carlo errors.
        """
        import pandas as pd

        rows = []
        for name, report in self.alternatives.items():
            for design in report.designs:
                values = {key: value for key, value in design.to_json().items() if key not in ("errors", "runs")}
                errors = {f"{key}_error": rate.error for key, rate in design.rates.items()}
                rows.append({"alternative": name, **values, **errors, "runs": design.power.runs, "metric": self.metric, "unit": self.unit})
        return pd.DataFrame(rows)

    def summary(self) -> str:
        """Return the recommended design, the true effect and the table of designs of each alternative as text."""
        return rehearsal_table(self)

    def _write_files(self, folder: Path) -> None:
        write_csv(self.to_pandas(), folder / "designs.csv")
        REHEARSAL_FIGURE.save(self, folder)
        figure = f"![Power by size]({REHEARSAL_FIGURE.name}.png)"
        heading = markdown_text(f"Rehearsed tests of {', '.join(self.alternatives)} against {self.base}")
        page = f"# {heading}\n\n{markdown_block(str(self))}\n\n{figure}\n"
        (folder / "report.md").write_text(page, encoding="utf-8")
        write_json(folder / self._marker, self.to_json())

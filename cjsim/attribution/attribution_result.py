"""The result of `attribution`: tables, figure and files."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from cjsim.attribution.attribution_data import MEASURES, AttributionData, CreditRow
from cjsim.attribution.attribution_figure import ATTRIBUTION_FIGURE
from cjsim.attribution.attribution_table import attribution_table
from cjsim.json_records import write_json
from cjsim.output_folder import FolderResult
from cjsim.table_files import write_csv

if TYPE_CHECKING:
    import pandas as pd

ATTRIBUTION_FILE = "attribution.json"


@dataclass(frozen=True, repr=False)
class Attribution(AttributionData, FolderResult):
    """Credits of touchpoints alongside their incremental effects.

    `save` writes `attribution.csv`, `attribution.png` and `attribution.json`.
    """

    _marker = ATTRIBUTION_FILE

    def _facts(self) -> str:
        return f"{self.scenario}: {len(self)} touchpoints, {len(self.rules)} rules, {self.customers:,} customers, seed {self.seed}"

    def __str__(self) -> str:
        return self.summary()

    def summary(self) -> str:
        """Return the credits, incremental effects and claims as text tables."""
        return attribution_table(self)

    def to_pandas(self) -> "pd.DataFrame":
        """Return a DataFrame with one row per touchpoint, rule and measure (purchases or revenue), with the columns of `CreditRow`.

        The column `unit` holds the unit of credits and effects.
        """
        import pandas as pd

        rows = list(self.rows())
        return pd.DataFrame(rows, columns=list(CreditRow._fields)).assign(unit=[MEASURES[row.measure] for row in rows])

    def _write_files(self, folder: Path) -> None:
        write_csv(self.to_pandas(), folder / "attribution.csv")
        ATTRIBUTION_FIGURE.save(self, folder)
        write_json(folder / ATTRIBUTION_FILE, self.to_json())

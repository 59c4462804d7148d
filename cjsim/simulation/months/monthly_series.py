"""`MonthlySeries`: the totals of a firm by calendar month."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING

from cjsim.metrics.cluster_sample import ClusterSample
from cjsim.metrics.confidence_intervals import MetricEstimate, estimate_metric
from cjsim.metrics.ratios import MetricDefinition
from cjsim.metrics.replicated_estimates import combine_estimates
from cjsim.metrics.run_notes import narrow_interval_notes, run_notes
from cjsim.metrics.text_table import wrap_lines
from cjsim.simulation.months.calendar_months import MONTH
from cjsim.simulation.months.month_figures import SERIES_FIGURE, SeriesData, figure_caption
from cjsim.simulation.months.monthly_metrics import MonthlyPart, customers_by_month, month_notes, month_terms, monthly_definitions
from cjsim.simulation.segments.grouped_metrics import GroupedMetrics
from cjsim.simulation.summary_tables import group_table

if TYPE_CHECKING:
    from matplotlib.figure import Figure


@dataclass(frozen=True, eq=False, repr=False)
class MonthlySeries(GroupedMetrics):
    """Totals of a firm by calendar month. Months take the place of groups; `entered` counts customers by the end of each month.

    `save` writes `groups.csv`, `groups.json` and `series.png`.

    Attributes
    ----------
    title, caption : str
        Title and caption of the figure.
    """

    title: str = ""
    caption: str = ""

    @classmethod
    def of_months(cls, parts: Sequence[MonthlyPart], *, where: str | None = None) -> "MonthlySeries":
        """Estimate the metrics of each month.

        Parameters
        ----------
        parts : sequence of MonthlyPart
            The replications of a run.
        where : str, optional
            Condition that their customers meet.

        Returns
        -------
        MonthlySeries
            With several replications, a value is the mean over replications with Student's interval.
        """
        first = parts[0]
        definitions, of_run = monthly_definitions(first.run.codebook, has_retained=bool(first.run.retained)), run_notes(first.run)
        if len(parts) > 1:
            of_run = [note for note in of_run if note not in narrow_interval_notes(first.run)]
        groups = {
            name: MappingProxyType({metric: _estimate(parts, definition, month) for metric, definition in definitions.items()})
            for month, name in enumerate(first.monthly.months.names)
        }
        return cls(
            by=MONTH,
            is_exposed_only=False,
            groups=MappingProxyType(groups),
            entered=MappingProxyType(customers_by_month(first)),
            exposed=MappingProxyType({}),
            differences=MappingProxyType({}),
            definitions=MappingProxyType(definitions),
            currency=first.run.provenance.currency,
            where=where,
            notes=(*month_notes(parts, where), *of_run),
            title=f"{first.run.provenance.scenario}: by calendar month",
            caption=figure_caption(first.run, len(parts), where),
        )

    def summary(self, *, full: bool = False) -> str:
        """Return a text table with one row per metric and month.

        Parameters
        ----------
        full : bool
            Whether to include metrics that are 0 in all months.

        Returns
        -------
        str
        """
        moved = {name for metrics in self.groups.values() for name, one in metrics.items() if one.value}
        shown = {name: one for name, one in self.definitions.items() if full or name in moved}
        table = group_table(self.by, self.groups, shown, self.entered, currency=self.currency, full=True)
        condition = [] if self.where is None else [f"Only customers with {self.where}."]
        notes = wrap_lines("\n".join([*condition, *self.notes]))
        return f"{table}\n\n{notes}"

    def figure(self) -> "Figure":
        """Draw one line per metric over the months, with its interval as a band."""
        return SERIES_FIGURE.figure(self._series())

    def _series(self) -> SeriesData:
        table = self.to_pandas().reset_index().rename(columns={"group": "month"}).assign(line="")
        return SeriesData(table, self.definitions, self.currency, is_effect=False, title=self.title, caption=self.caption)

    def _write_files(self, folder: Path) -> None:
        SERIES_FIGURE.save(self._series(), folder)
        super()._write_files(folder)


def _estimate(parts: Sequence[MonthlyPart], definition: MetricDefinition, month: int) -> MetricEstimate:
    estimates = []
    for part in parts:
        sample = ClusterSample.from_run(part.run).subset(part.chosen)
        estimates.append(estimate_metric(month_terms(part, definition.name, month).subset(part.chosen), definition.unit, sample))
    return estimates[0] if len(estimates) == 1 else combine_estimates(estimates).estimate

"""`MonthlyEffects`: the effect of policies on the totals of a firm by calendar month."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING

from cjsim.metrics.cluster_sample import ClusterSample
from cjsim.metrics.customer_pairing import CustomerPairing
from cjsim.metrics.paired_differences import PairedDifference, paired_difference
from cjsim.metrics.ratios import RatioTerms, ratio
from cjsim.metrics.replicated_estimates import combine_differences
from cjsim.metrics.run_notes import comparison_notes
from cjsim.simulation.months.calendar_months import MONTH
from cjsim.simulation.months.month_figures import SERIES_FIGURE, SeriesData, figure_caption
from cjsim.simulation.months.monthly_metrics import (
    MonthlyPart,
    customers_by_month,
    month_notes,
    month_terms,
    monthly_definitions,
    monthly_parts,
    require_any_chosen,
    require_monthly_metrics,
)
from cjsim.simulation.run import Run
from cjsim.simulation.segments.grouped_comparison import GroupedComparison

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

Pair = tuple[MonthlyPart, MonthlyPart]  # the same replication under the baseline and under the alternative


@dataclass(frozen=True, eq=False, repr=False)
class MonthlyEffects(GroupedComparison):
    """Paired differences between policies in the totals of each calendar month. Months take the place of groups.

    `entered` counts the customers under the baseline by the end of each month. `save` writes `group_effects.csv`, `group_effects.json`
    and `series.png`.

    Attributes
    ----------
    caption : str
        Caption of the figure.
    """

    caption: str = ""

    @classmethod
    def of_months(cls, runs: Mapping[str, Run], *, where: str | None = None, metrics: Sequence[str] = ()) -> "MonthlyEffects":
        """Estimate the effects in each month.

        Parameters
        ----------
        runs : Mapping of str to Run
            Runs by name, simulated with months; the first is the baseline.
        where : str, optional
            Condition on what is fixed at entry, as in `chosen_customers`.
        metrics : sequence of str
            Metrics that the table and the figure show; all by default.

        Returns
        -------
        MonthlyEffects

        Raises
        ------
        InputError
            If a run has no monthly outcomes, there is no such metric, or no customer meets the condition.
        """
        (name, baseline), *others = runs.items()
        definitions = monthly_definitions(baseline.codebook, has_retained=bool(baseline.retained))
        require_monthly_metrics(metrics, list(definitions))
        before = monthly_parts([(one, one.profiles(), one.monthly) for one in baseline.replications], where)
        by_alternative = {
            other: monthly_parts([(one, one.profiles(), one.monthly) for one in run.replications], where) for other, run in others
        }
        require_any_chosen([part for parts in (before, *by_alternative.values()) for part in parts], where)
        effects = {}
        for other, run in others:
            after = by_alternative[other]
            of_run = monthly_definitions(run.codebook, has_retained=bool(run.retained))
            shared = [metric for metric in definitions if metric in of_run]
            pairs = list(zip(before, after, strict=True))
            effects[other] = MappingProxyType(_effects_by_month(pairs, shared, is_restricted=where is not None))
        return cls(
            baseline=name,
            by=MONTH,
            where=where,
            alternatives=MappingProxyType(effects),
            entered=MappingProxyType(customers_by_month(before[0])),
            gains=MappingProxyType({}),
            definitions=MappingProxyType(definitions),
            metrics=tuple(metrics) or tuple(definitions),
            notes=(*month_notes(before, where), *comparison_notes(list(runs.values()))),
            currency=baseline.provenance.currency,
            caption=figure_caption(baseline, len(before), where, intervals="95 % intervals, paired on the same customers."),
        )

    def to_pandas(self, *, metrics: Sequence[str] = ()) -> "pd.DataFrame":
        """Return a DataFrame with one row per alternative, month (`group`) and metric, the fields of `PairedDifference`, and the unit.

        Parameters
        ----------
        metrics : sequence of str
            Names of the metrics to include; all by default.

        Returns
        -------
        pandas.DataFrame
        """
        table = super().to_pandas(metrics=metrics)
        return table.assign(unit=[self.definitions[metric].unit for metric in table.index.get_level_values("metric")])

    def figure(self) -> "Figure":
        """Draw the effect on each metric over the months, one line per alternative, with its interval as a band."""
        return SERIES_FIGURE.figure(self._series())

    def _series(self) -> SeriesData:
        columns = {"alternative": "line", "group": "month"}
        table = self.to_pandas().drop(columns="value").reset_index().rename(columns=columns | {"effect": "value"})
        shown = table[table["metric"].isin(self.metrics)]
        title = f"Effect against {self.baseline}, by calendar month"
        return SeriesData(shown, self.definitions, self.currency, is_effect=True, title=title, caption=self.caption)

    def _write_files(self, folder: Path) -> None:
        SERIES_FIGURE.save(self._series(), folder)
        super()._write_files(folder)


def _effects_by_month(pairs: Sequence[Pair], metrics: Sequence[str], *, is_restricted: bool) -> dict[str, dict[str, PairedDifference]]:
    pairings = [CustomerPairing.match_by_key(*(ClusterSample.from_run(part.run) for part in pair)) for pair in pairs]
    return {
        name: {metric: _difference(pairs, pairings, metric, month, is_restricted=is_restricted) for metric in metrics}
        for month, name in enumerate(pairs[0][0].monthly.months.names)
    }


def _difference(
    pairs: Sequence[Pair], pairings: Sequence[CustomerPairing], metric: str, month: int, *, is_restricted: bool
) -> PairedDifference:
    if len(pairs) == 1:
        before, after = (_terms(part, metric, month, is_restricted=is_restricted) for part in pairs[0])
        return paired_difference(before, after, pairings[0])
    values = [[ratio(_terms(part, metric, month, is_restricted=is_restricted)) for part in pair] for pair in pairs]
    return combine_differences([before for before, _ in values], [after for _, after in values]).difference


def _terms(part: MonthlyPart, metric: str, month: int, *, is_restricted: bool) -> RatioTerms:
    terms = month_terms(part, metric, month)
    return terms.restricted_to(part.chosen) if is_restricted else terms

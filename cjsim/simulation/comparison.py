"""`Comparison`: runs of the same customers under different policies, and paired differences of all metrics.

Customers are paired by key. The number of customers can differ between policies because of acquisition and referrals. A customer who exists
under only one policy is treated as never having entered under the other.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property, partial
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
from pydantic import TypeAdapter

from cjsim.argument_types import checked_arguments
from cjsim.errors import InputError, format_error, unknown_name_parts
from cjsim.json_records import plain_values, read_json, write_json
from cjsim.kernels.world import Array
from cjsim.manifest import readable_result
from cjsim.metrics.catalog import all_metric_definitions, find_metric_definition, require_metrics
from cjsim.metrics.cluster_sample import ClusterSample
from cjsim.metrics.customer_pairing import CustomerPairing
from cjsim.metrics.incremental_return import IncrementalReturn, incremental_return, replicated_return
from cjsim.metrics.paired_differences import PairedDifference, customer_contributions
from cjsim.metrics.replicated_estimates import PredictionInterval
from cjsim.metrics.return_phrases import return_sentences
from cjsim.metrics.run_notes import comparison_notes, prediction_record
from cjsim.metrics.text_table import wrap_lines
from cjsim.output_folder import COMPARISON_FILE, FolderResult, require_intact_files, restore_interrupted_replacement
from cjsim.simulation.comparison_answer import OBJECTIVE, answer_text, best_alternative
from cjsim.simulation.comparison_figure import COMPARISON_FIGURE, PairedRuns
from cjsim.simulation.comparison_summary import SortOrder, compared_metrics, comparison_summary
from cjsim.simulation.detectable_change import DetectableChange, detectable_change
from cjsim.simulation.months.calendar_months import is_by_month
from cjsim.simulation.months.monthly_effects import MonthlyEffects
from cjsim.simulation.run import Run
from cjsim.simulation.scenario_sources import require_same_value, split_off_baseline
from cjsim.simulation.segments.grouped_comparison import GroupedComparison
from cjsim.simulation.segments.policy_differences import policy_differences, split_differences
from cjsim.simulation.summary_tables import value_days_text

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

DifferenceByMetric = Mapping[str, PairedDifference]
PredictionByMetric = Mapping[str, PredictionInterval]
T = TypeVar("T")
_SHARED_FACTS: tuple[str, ...] = ("customers", "seed", "start", "horizon", "value_horizon", "existing", "past_policy")
_SHARED_FACTS += ("follow_up_days", "until_days", "currency", "sample", "replications")


@dataclass(frozen=True, eq=False, repr=False)
class Comparison(FolderResult):
    """Runs of the same customers under different policies, and their paired differences.

    `save` writes each run to a separate folder (`run_0` for the baseline), `comparison.png` and `comparison.json`.

    Attributes
    ----------
    runs : Mapping of str to Run
        Runs by name. The first is the baseline.
    alternatives : Mapping of str to Mapping of str to PairedDifference
        Paired differences, keyed by alternative name, then by metric name.
    assumptions : tuple of str
        Notes on prices and discounts that differ although customers do not respond to their size; empty if the comparison was made from
        runs alone.
    predictions : Mapping of str to Mapping of str to PredictionInterval
        With several replications, 95 % prediction intervals of the difference in one run of the firm, keyed like `alternatives`.
    """

    runs: Mapping[str, Run]
    alternatives: Mapping[str, DifferenceByMetric]
    assumptions: tuple[str, ...] = ()
    predictions: Mapping[str, PredictionByMetric] = field(default_factory=dict)
    _marker = COMPARISON_FILE

    @classmethod
    def of(cls, runs: Mapping[str, Run], *, assumptions: tuple[str, ...] = ()) -> "Comparison":
        """Compare existing runs.

        Parameters
        ----------
        runs : Mapping of str to Run
            Runs by name; the first is the baseline.
        assumptions : tuple of str
            Notes that are shown below the answer.

        Returns
        -------
        Comparison

        Raises
        ------
        InputError
            If there are fewer than two runs, or they differ in the number of customers, seed, start, horizon, value horizon, follow-up or
            currency.
        """
        (name, baseline), others = split_off_baseline(runs, Run)
        for other, run in others.items():
            for shared in _SHARED_FACTS:
                require_same_value(shared, name, getattr(baseline.provenance, shared), other, getattr(run.provenance, shared))
        found = {other: split_differences(policy_differences(baseline, run)) for other, run in others.items()}
        effects = {other: MappingProxyType(differences) for other, (differences, _) in found.items()}
        predictions = {other: MappingProxyType(intervals) for other, (_, intervals) in found.items() if intervals}
        return cls(MappingProxyType(dict(runs)), MappingProxyType(effects), assumptions, MappingProxyType(predictions))

    def __reduce__(self) -> tuple[Any, ...]:  # pickle cannot copy read-only mappings
        return partial(Comparison.of, assumptions=self.assumptions), (dict(self.runs),)

    @property
    def baseline(self) -> str:
        """Name of the baseline."""
        return next(iter(self.runs))

    def __str__(self) -> str:
        return self.summary()

    def _facts(self) -> str:
        baseline = self.runs[self.baseline]
        return f"{self.baseline} against {', '.join(self.alternatives)}: {len(baseline):,} customers{value_days_text(baseline)}"

    def _answer(self) -> str:
        currency, best = self.runs[self.baseline].provenance.currency, best_alternative(self._paired_runs().compared, OBJECTIVE)
        others = (return_sentences(name, change, currency) for name, change in self.returns.items() if name != best)
        return "\n".join([self.answer, *others])

    def _displayed_table(self) -> "pd.DataFrame":
        """The effects, without detail metrics."""
        table, definitions = self.to_pandas(), all_metric_definitions(self.runs[self.baseline].codebook)
        return table[[not definitions[name].is_detail for name in table.index.get_level_values("metric")]]

    @cached_property
    def returns(self) -> Mapping[str, IncrementalReturn]:
        """What each alternative earns and costs, by name: changes in margin, cost and contacts, incremental ROI, break-even cost."""
        baseline, found = self.runs[self.baseline], {}
        for name in self.alternatives:
            pairs = list(zip(baseline.replications, self.runs[name].replications, strict=True))
            found[name] = incremental_return(*pairs[0]) if len(pairs) == 1 else replicated_return(pairs)
        return MappingProxyType(found)

    @property
    def answer(self) -> str:
        """The answer in a few sentences: which alternative is best on CLV, by how much, and with which side effect."""
        return answer_text(self._paired_runs().compared)

    @checked_arguments
    def by(self, by: str | None = None, *, where: str | None = None, metrics: Sequence[str] = ()) -> GroupedComparison:
        """Return the effects by group of customers, and who gains and who loses.

        Parameters
        ----------
        by : str, optional
            As in `Run.by`. 'month' gives effects on the totals of each calendar month (`MonthlyEffects`) and requires runs that were
            simulated with `monthly=True`.
        where : str, optional
            As in `Run.by`.
        metrics : sequence of str
            Metrics to show. The first one decides who gains; by default, CLV. By month, they are those of `MonthlySeries`.

        Returns
        -------
        GroupedComparison

        Raises
        ------
        InputError
            If there is no such grouping or metric, or no customer meets the condition.
        """
        if by is None and where is None:
            raise InputError(format_error("by", "must be given, or else a condition", "neither", "Pass by='arm' or where=CONDITION."))
        if is_by_month(by, self.runs[self.baseline].codebook.attributes):
            return MonthlyEffects.of_months(self.runs, where=where, metrics=metrics)
        return GroupedComparison.of(self.runs, by, where=where, metrics=metrics)

    @checked_arguments
    def summary(
        self, *, full: bool = False, metrics: Sequence[str] = (), sort: SortOrder = "importance", detect: float | None = None
    ) -> str:
        """Return the answer and a table, as wide as the terminal.

        Parameters
        ----------
        full : bool
            Whether to show all metrics.
        metrics : sequence of str
            Names of the metrics to show; the first one decides the answer. By default, the most important ones and those that changed most.
        sort : {'importance', 'change', 'name'}
            Order of the metrics.
        detect : float, optional
            Relative change in the first metric, such as 0.01. If given, the text states how many customers are needed to detect it:
            simulated customers, which are paired, and customers in a real A/B test. With several replications, it states the number of
            replications instead of simulated customers.

        Returns
        -------
        str

        Raises
        ------
        InputError
            If a metric does not exist.
        """
        self._require_metrics(metrics)
        baseline = self.runs[self.baseline]
        detection = None if detect is None else self._detection(metrics[0] if metrics else OBJECTIVE, detect)
        text = comparison_summary(
            baseline,
            self._paired_runs().compared,
            predictions=self.predictions,
            full=full,
            metrics=metrics,
            sort=sort,
            detection=detection,
        )
        notes = comparison_notes(list(self.runs.values()))
        return "\n\n".join([text, *map(wrap_lines, (*notes, *self.assumptions))])

    def _detection(self, metric: str, change: float) -> DetectableChange | None:
        baseline = self.runs[self.baseline]
        definition, best = find_metric_definition(baseline, metric), best_alternative(self._paired_runs().compared, metric)
        if best is None:
            return None
        other = self.runs[best]
        terms = definition.terms(baseline), find_metric_definition(other, metric).terms(other)
        found = detectable_change((baseline, other), terms, metric=metric, change=change)
        if not baseline.repeats:
            return found
        by_seed = policy_differences(baseline, other, metrics=[metric])[metric]
        return found.for_replications(by_seed.by_replication, by_seed.difference.baseline)

    def effects(self, alternative: str, metric: str) -> "pd.DataFrame":
        """Return the contribution of each customer to an effect, one row per customer.

        Parameters
        ----------
        alternative : str
            Name of an alternative.
        metric : str
            Name of a metric.

        Returns
        -------
        pandas.DataFrame
            `customer` and `customer_in_alternative` are the numbers of the customer in the log and the customer table of the baseline
            and of the alternative. They are equal for initial customers, and missing where the customer does not exist. Rows are in
            the order of the baseline, followed by customers who exist only under the alternative, ordered by key.

            `effect` is in the unit of the metric. For a total such as 'profit', it is the difference for the customer, and the sum is the
            effect. For a mean per customer such as 'clv', it is the difference for the customer if both policies have the same customers,
            and the mean is the effect. For other ratios, it is a linearized contribution, and the mean is the effect.

            With several replications, the customers are those of the first one. The sum or mean of their contributions is the effect in
            that replication, while `alternatives` has the mean over all replications.

        Raises
        ------
        InputError
            If the alternative or the metric does not exist.
        """
        import pandas as pd

        if alternative not in self.alternatives:
            raise InputError(format_error("alternative", *unknown_name_parts(alternative, self.alternatives, "alternative")))
        baseline, run = self.runs[self.baseline], self.runs[alternative]
        pairing = CustomerPairing.match_by_key(ClusterSample.from_run(baseline), ClusterSample.from_run(run))
        contributions = customer_contributions(
            find_metric_definition(baseline, metric).terms(baseline), find_metric_definition(run, metric).terms(run), pairing
        )
        numbers = (_customer_numbers(one, pairing.customer_keys) for one in (baseline, run))
        return pd.DataFrame(dict(zip(("customer", "customer_in_alternative"), numbers, strict=True)) | {"effect": contributions})

    def figure(self) -> "Figure":
        """Draw the relative effects on the metrics that matter or moved most, with their intervals."""
        return COMPARISON_FIGURE.figure(self._paired_runs())

    def _require_metrics(self, metrics: Sequence[str]) -> None:
        baseline, *others = (run.codebook for run in self.runs.values())
        require_metrics(baseline, metrics, alternatives=others)

    def _paired_runs(self) -> PairedRuns:
        baseline = self.runs[self.baseline]
        return PairedRuns(baseline, compared_metrics(baseline, self.baseline, self.alternatives, self.returns))

    def to_json(self, *, metrics: Sequence[str] = (), detect: float | None = None) -> dict[str, Any]:
        """Return plain values for JSON; undefined numbers become null.

        Parameters
        ----------
        metrics : sequence of str
            Names of the metrics to include; the first one decides the answer. By default, all of them, and the answer is about CLV.
        detect : float, optional
            Relative change in the first metric. If given, the result includes how many customers are needed to detect it, as in `summary`.

        Raises
        ------
        InputError
            If a metric does not exist.
        """
        objective = metrics[0] if metrics else OBJECTIVE
        self._require_metrics(metrics)
        alternatives = {
            name: {
                "metrics": {
                    metric: effect._asdict() | {"relative": effect.relative} | prediction_record(self.predictions.get(name, {}).get(metric))
                    for metric, effect in effects.items()
                    if not metrics or metric in metrics
                },
                "return": self.returns[name].to_json(),
            }
            for name, effects in self.alternatives.items()
        }
        baseline = self.runs[self.baseline]
        origin, notes = baseline.provenance, comparison_notes(list(self.runs.values()))
        facts: dict[str, Any] = {
            "assumptions": list(self.assumptions),
            "notes": notes,
            "currency": origin.currency,
            "sample": origin.sample,
            "value_days": baseline.codebook.value_days,
        }
        facts |= {"replications": origin.replications} if origin.replications > 1 else {}
        needed = {} if detect is None or (found := self._detection(objective, detect)) is None else {"detect": found.to_json()}
        answer = answer_text(self._paired_runs().compared, objective=objective)
        named = {name: fact for name, fact in facts.items() if fact}
        return plain_values({"baseline": self.baseline, "answer": answer, **needed, **named, "alternatives": alternatives})

    def to_pandas(self, *, metrics: Sequence[str] = ()) -> "pd.DataFrame":
        """Return a DataFrame with one row per alternative and metric.

        The columns are baseline, value, effect, low, high, variance_ratio, relative (the effect as a fraction of the baseline) and unit.

        Parameters
        ----------
        metrics : sequence of str
            Names of the metrics to include; all by default.

        Raises
        ------
        InputError
            If a metric does not exist.
        """
        import pandas as pd

        rows = {(name, metric): effect for name, effects in self.alternatives.items() for metric, effect in effects.items()}
        index = pd.MultiIndex.from_tuples(rows, names=["alternative", "metric"])
        definitions = all_metric_definitions(self.runs[self.baseline].codebook)
        frame = pd.DataFrame(rows.values(), columns=list(PairedDifference._fields), index=index)
        frame["relative"] = [effect.relative for effect in rows.values()]
        frame["unit"] = [definitions[metric].unit for _, metric in rows]
        if self.predictions:
            frame[["prediction_low", "prediction_high"]] = np.array([self.predictions[name][metric] for name, metric in rows])
        self._require_metrics(metrics)
        return frame[frame.index.get_level_values("metric").isin(metrics)] if metrics else frame

    def _write_files(self, folder: Path) -> None:
        for i, run in enumerate(self.runs.values()):
            run.save(folder / f"run_{i}")
        COMPARISON_FIGURE.save(self._paired_runs(), folder)
        write_json(folder / self._marker, self.to_json())

    @classmethod
    def load(cls, folder: str | Path) -> "Comparison":
        """Load a saved comparison.

        Parameters
        ----------
        folder : str or Path
            Folder written by `save`.

        Returns
        -------
        Comparison

        Raises
        ------
        InputError
            If the folder does not contain a complete comparison, a file differs from the one originally saved, or another version of cjsim
            wrote it in a format that this version cannot read.
        """
        source = Path(folder)
        restore_interrupted_replacement(source)
        saved = read_json(source / COMPARISON_FILE, "comparison")
        with readable_result(saved, source / COMPARISON_FILE, "comparison"):
            require_intact_files(source, saved, marker=COMPARISON_FILE)
            names = TypeAdapter(tuple[str, ...]).validate_python([saved["baseline"], *saved["alternatives"]])
            notes = TypeAdapter(tuple[str, ...]).validate_python(saved.get("assumptions", ()))
        return cls.of({name: Run.load(source / f"run_{i}") for i, name in enumerate(names)}, assumptions=notes)


def _customer_numbers(run: Run, keys: Array) -> "pd.arrays.IntegerArray":
    """Return the number of each customer in a run, by key; missing where the run has no such customer."""
    import pandas as pd

    order = np.argsort(run.keys)
    numbers = order[np.minimum(np.searchsorted(run.keys, keys, sorter=order), len(order) - 1)]
    return pd.arrays.IntegerArray(numbers.astype(np.int64), run.keys[numbers] != keys)

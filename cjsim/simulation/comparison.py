"""`compare`: simulate policies on the same customers, and estimate paired differences of all metrics.

Customers are paired by key. The number of customers can differ between policies because of acquisition and referrals. A customer who exists
under only one policy is treated as never having entered under the other.
"""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Literal, TypeVar, cast

import numpy as np
from pydantic import TypeAdapter

from cjsim.argument_types import checked_arguments
from cjsim.engine.user_processes import SimulationProcess
from cjsim.errors import InputError, format_error, unknown_name_parts
from cjsim.json_records import plain_values, read_json, write_json
from cjsim.kernels.world import Array
from cjsim.manifest import readable_result
from cjsim.metrics.catalog import all_metric_definitions, find_metric_definition
from cjsim.metrics.cluster_sample import ClusterSample
from cjsim.metrics.customer_pairing import CustomerPairing
from cjsim.metrics.paired_differences import PairedDifference, customer_contributions, paired_difference
from cjsim.metrics.text_table import wrap_lines
from cjsim.output_folder import COMPARISON_FILE, FolderResult, require_intact_files, restore_interrupted_replacement
from cjsim.progress import Progress
from cjsim.simulation.comparison_answer import OBJECTIVE, answer_text, best_alternative
from cjsim.simulation.comparison_figure import COMPARISON_FIGURE, PairedRuns
from cjsim.simulation.comparison_summary import SortOrder, compared_metrics, comparison_summary
from cjsim.simulation.detectable_change import DetectableChange, detectable_change
from cjsim.simulation.documents import Scenario
from cjsim.simulation.run import Run
from cjsim.simulation.scenario_sources import (
    ScenarioSource,
    ScenarioSources,
    named_scenarios,
    require_same_customers,
    require_same_value,
    split_off_baseline,
)
from cjsim.simulation.simulate import simulate
from cjsim.validate.free_value_lint import notes_on_differing_sizes

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

DifferenceByMetric = Mapping[str, PairedDifference]
T = TypeVar("T")


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
        Notes on prices and discounts that differ although customers do not respond to their size; empty if made from runs alone.
    """

    runs: Mapping[str, Run]
    alternatives: Mapping[str, DifferenceByMetric]
    assumptions: tuple[str, ...] = ()
    _marker = COMPARISON_FILE

    @classmethod
    def of(cls, runs: Mapping[str, Run], *, assumptions: tuple[str, ...] = ()) -> "Comparison":
        """Compare existing runs.

        Parameters
        ----------
        runs : Mapping of str to Run
            Runs by name; the first is the baseline.
        assumptions : tuple of str
            Notes that stand below the answer.

        Returns
        -------
        Comparison

        Raises
        ------
        InputError
            If there are fewer than two runs, or they differ in the number of customers, seed, start, horizon, follow-up or currency.
        """
        (name, baseline), others = split_off_baseline(runs, Run)
        for other, run in others.items():
            for field in ("customers", "seed", "start", "horizon", "follow_up_days", "until_days", "currency"):
                require_same_value(field, name, getattr(baseline.provenance, field), other, getattr(run.provenance, field))
        effects = {other: _paired_differences(baseline, run) for other, run in others.items()}
        return cls(MappingProxyType(dict(runs)), MappingProxyType(effects), assumptions)

    def __reduce__(self) -> tuple[Any, ...]:  # pickle cannot copy read-only mappings
        return partial(Comparison.of, assumptions=self.assumptions), (dict(self.runs),)

    @property
    def baseline(self) -> str:
        """Name of the baseline."""
        return next(iter(self.runs))

    def __str__(self) -> str:
        return self.summary()

    def _facts(self) -> str:
        return f"{self.baseline} against {', '.join(self.alternatives)}: {len(self.runs[self.baseline]):,} customers"

    def _answer(self) -> str:
        return self.answer

    def _displayed_table(self) -> "pd.DataFrame":
        """The effects without details."""
        table, definitions = self.to_pandas(), all_metric_definitions(self.runs[self.baseline].codebook)
        return table[[not definitions[name].is_detail for name in table.index.get_level_values("metric")]]

    @property
    def answer(self) -> str:
        """The answer in a few sentences: which alternative is best on CLV, by how much, and what that costs elsewhere."""
        return answer_text(self._paired_runs().compared)

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
            Relative change of the first metric, such as 0.01, for which to state how many customers are needed to detect it: simulated
            ones, which are paired, and those of a real A/B test.

        Returns
        -------
        str

        Raises
        ------
        InputError
            If a metric does not exist.
        """
        baseline = self.runs[self.baseline]
        detection = None if detect is None else self._detection(metrics[0] if metrics else OBJECTIVE, detect)
        text = comparison_summary(baseline, self.baseline, self.alternatives, full=full, metrics=metrics, sort=sort, detection=detection)
        return "\n\n".join([text, *map(wrap_lines, self.assumptions)])

    def _detection(self, metric: str, change: float) -> DetectableChange | None:
        baseline = self.runs[self.baseline]
        definition, best = find_metric_definition(baseline, metric), best_alternative(self._paired_runs().compared, metric)
        if best is None:
            return None
        other = self.runs[best]
        terms = definition.terms(baseline), find_metric_definition(other, metric).terms(other)
        return detectable_change((baseline, other), terms, metric=metric, change=change)

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

    def _paired_runs(self) -> PairedRuns:
        baseline = self.runs[self.baseline]
        return PairedRuns(baseline, compared_metrics(baseline, self.baseline, self.alternatives))

    def to_json(self, *, detect: float | None = None, metric: str = OBJECTIVE) -> dict[str, Any]:
        """Return plain values for JSON; undefined numbers become null. `detect` adds the sample sizes for this change of `metric`.

        Raises
        ------
        InputError
            If `detect` is given and the metric does not exist.
        """
        alternatives = {
            name: {"metrics": {metric: effect._asdict() | {"relative": effect.relative} for metric, effect in effects.items()}}
            for name, effects in self.alternatives.items()
        }
        facts = {"assumptions": list(self.assumptions), "currency": self.runs[self.baseline].provenance.currency}
        needed = {} if detect is None or (found := self._detection(metric, detect)) is None else {"detect": found.to_json()}
        named = {name: fact for name, fact in facts.items() if fact}
        return plain_values({"baseline": self.baseline, "answer": self.answer, **needed, **named, "alternatives": alternatives})

    def to_pandas(self) -> "pd.DataFrame":
        """Return a DataFrame with one row per alternative and metric.

        The columns are baseline, value, effect, low, high, variance_ratio, relative (the effect as a fraction of the baseline) and unit.
        """
        import pandas as pd

        rows = {(name, metric): effect for name, effects in self.alternatives.items() for metric, effect in effects.items()}
        index = pd.MultiIndex.from_tuples(rows, names=["alternative", "metric"])
        definitions = all_metric_definitions(self.runs[self.baseline].codebook)
        frame = pd.DataFrame(rows.values(), columns=list(PairedDifference._fields), index=index)
        frame["relative"] = [effect.relative for effect in rows.values()]
        frame["unit"] = [definitions[metric].unit for _, metric in rows]
        return frame

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
            If the folder does not contain a complete comparison, a file is not the one that the comparison was saved with, or another
            version of cjsim wrote it in a format that this version cannot read.
        """
        source = Path(folder)
        restore_interrupted_replacement(source)
        saved = read_json(source / COMPARISON_FILE, "comparison")
        with readable_result(saved, source / COMPARISON_FILE, "comparison"):
            require_intact_files(source, saved, marker=COMPARISON_FILE)
            names = TypeAdapter(tuple[str, ...]).validate_python([saved["baseline"], *saved["alternatives"]])
            notes = TypeAdapter(tuple[str, ...]).validate_python(saved.get("assumptions", ()))
        return cls.of({name: Run.load(source / f"run_{i}") for i, name in enumerate(names)}, assumptions=notes)


@checked_arguments
def compare(
    *scenarios: ScenarioSources,
    customers: int | None = None,
    seed: int | None = None,
    engine: Literal["compiled", "readable"] = "compiled",
    threads: int | None = None,
    max_customers: int | None = None,
    follow_up_days: float | None = None,
    processes: Sequence[SimulationProcess] = (),
    progress: Progress | None = None,
) -> Comparison:
    """Simulate scenarios on the same customers, and compare each with the first.

    Parameters
    ----------
    *scenarios : Scenario, str or path
        Scenarios, paths of their files, or names in the library; the first is the baseline. To name them in the result, pass one mapping
        of names to scenarios instead.
    customers : int, optional
        Number of initial customers. By default, the number in the scenarios, which must be the same in all of them.
    seed : int, optional
        Random seed for all simulations; the baseline's seed by default.
    engine : {'compiled', 'readable'}
        Simulation engine. Both give identical results.
    threads : int, optional
        Number of threads; all cores by default. Results do not depend on it.
    max_customers : int, optional
        Abort if the population of a scenario exceeds this number, as in `simulate`.
    follow_up_days : float, optional
        Simulate each customer for at most this many days from entry, as in `simulate`.
    processes : sequence of callable
        User-defined SimPy processes to run in each simulation, as in `simulate`. Requires the readable engine. To measure the effect of
        a process, pass runs with and without it to `Comparison.of`.
    progress : Progress, optional
        Receives progress updates, such as ProgressBar(), from each simulation.

    Returns
    -------
    Comparison

    Raises
    ------
    InputError
        If there are fewer than two scenarios, they differ in start, horizon, currency, entry or (unless given) number of customers, or one
        of them cannot be loaded or simulated.
    Exception
        Any exception raised by a process.

    Examples
    --------
    >>> compare("shop", "shop_better", customers=200).baseline
    'shop'
    """
    by_name = named_scenarios(_only_argument(scenarios), argument="compare")
    require_same_customers(by_name, customers=customers)
    baseline = next(iter(by_name.values()))
    customers, seed = baseline.customers if customers is None else customers, baseline.seed if seed is None else seed
    simulate_one = partial(simulate, customers=customers, seed=seed, engine=engine, threads=threads, max_customers=max_customers)
    simulate_one = partial(simulate_one, follow_up_days=follow_up_days, processes=processes, progress=progress)
    runs = {name: simulate_one(scenario) for name, scenario in by_name.items()}
    return Comparison.of(runs, assumptions=notes_on_differing_sizes([one.to_dict() for one in by_name.values()]))


def _only_argument(scenarios: tuple[ScenarioSources, ...]) -> ScenarioSources:
    """Return the mapping or sequence that was passed as the only argument, or else the arguments."""
    if len(scenarios) == 1 and not isinstance(scenarios[0], Scenario | str | os.PathLike):
        return scenarios[0]
    return cast(tuple[ScenarioSource, ...], scenarios)


def _customer_numbers(run: Run, keys: Array) -> "pd.arrays.IntegerArray":
    """Return the number of each customer in a run, by key; missing where the run has no such customer."""
    import pandas as pd

    order = np.argsort(run.keys)
    numbers = order[np.minimum(np.searchsorted(run.keys, keys, sorter=order), len(order) - 1)]
    return pd.arrays.IntegerArray(numbers.astype(np.int64), run.keys[numbers] != keys)


def _paired_differences(baseline: Run, other: Run) -> DifferenceByMetric:
    """Return the paired difference of every metric that both runs have."""
    pairing = CustomerPairing.match_by_key(ClusterSample.from_run(baseline), ClusterSample.from_run(other))
    before, after = all_metric_definitions(baseline.codebook), all_metric_definitions(other.codebook)
    shared = [name for name in before if name in after]
    return MappingProxyType({name: paired_difference(before[name].terms(baseline), after[name].terms(other), pairing) for name in shared})

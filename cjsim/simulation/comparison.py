"""`compare`: simulate policies on the same customers, and estimate paired differences of all metrics.

Customers are paired by key. The number of customers can differ between policies because of acquisition and referrals. A customer who exists
under one policy only is treated as never having entered under the other.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Literal, TypeVar

from cjsim.argument_types import checked_arguments
from cjsim.engine.user_processes import SimulationProcess
from cjsim.errors import InputError, format_error, short_repr, unknown_name_parts
from cjsim.json_records import plain_values, read_json, write_json
from cjsim.kernels.world import Array
from cjsim.metrics.catalog import all_metric_definitions, find_metric_definition
from cjsim.metrics.cluster_sample import ClusterSample
from cjsim.metrics.customer_pairing import CustomerPairing
from cjsim.metrics.paired_differences import PairedDifference, customer_contributions, paired_difference
from cjsim.output_folder import COMPARISON_FILE, FolderResult
from cjsim.progress import Progress
from cjsim.simulation.comparison_answer import answer_text
from cjsim.simulation.comparison_figure import COMPARISON_FIGURE, PairedRuns
from cjsim.simulation.comparison_summary import SortOrder, compared_metrics, comparison_summary
from cjsim.simulation.documents import Scenario
from cjsim.simulation.run import Run
from cjsim.simulation.simulate import simulate

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

DifferenceByMetric = Mapping[str, PairedDifference]
T = TypeVar("T")


@dataclass(frozen=True, eq=False)
class Comparison(FolderResult):
    """Runs of the same customers under different policies, and their paired differences.

    `save` writes each run to a separate folder (`run_0` for the baseline), `comparison.png` and `comparison.json`.

    Attributes
    ----------
    runs : Mapping of str to Run
        Runs by name. The first is the baseline.
    alternatives : Mapping of str to Mapping of str to PairedDifference
        Paired differences, keyed by alternative name, then by metric name.
    """

    runs: Mapping[str, Run]
    alternatives: Mapping[str, DifferenceByMetric]
    _marker = COMPARISON_FILE

    @classmethod
    def of(cls, runs: Mapping[str, Run]) -> "Comparison":
        """Compare existing runs.

        Parameters
        ----------
        runs : Mapping of str to Run
            Runs by name; the first is the baseline.

        Returns
        -------
        Comparison

        Raises
        ------
        InputError
            If there are fewer than two runs, or they differ in the number of customers, seed, start, horizon or follow-up.
        """
        (name, baseline), others = _split_off_baseline(runs, Run)
        for other, run in others.items():
            for field in ("customers", "seed", "start", "horizon", "follow_up_days", "until_days"):
                _require_same_value(field, name, getattr(baseline.provenance, field), other, getattr(run.provenance, field))
        effects = {other: _paired_differences(baseline, run) for other, run in others.items()}
        return cls(MappingProxyType(dict(runs)), MappingProxyType(effects))

    @property
    def baseline(self) -> str:
        """Name of the baseline."""
        return next(iter(self.runs))

    def __str__(self) -> str:
        return self.summary()

    def __repr__(self) -> str:
        return f"Comparison({self.baseline} against {', '.join(self.alternatives)}: {len(self.runs[self.baseline]):,} customers)"

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
            Names of the metrics to show; the first one decides the answer. By default, those that matter or moved most.
        sort : {'importance', 'change', 'name'}
            Order of the metrics.
        detect : float, optional
            Relative change, such as 0.01, for which to state the number of customers that would show it.

        Returns
        -------
        str

        Raises
        ------
        InputError
            If a metric does not exist.
        """
        baseline = self.runs[self.baseline]
        return comparison_summary(baseline, self.baseline, self.alternatives, full=full, metrics=metrics, sort=sort, detect=detect)

    def effects(self, alternative: str, metric: str) -> Array:
        """Return the contribution of each customer to an effect.

        Parameters
        ----------
        alternative : str
            Name of an alternative.
        metric : str
            Name of a metric.

        Returns
        -------
        ndarray of float64, shape (n_customers,)
            Customers in the order of the baseline, followed by customers who exist only under the alternative, ordered by key. For a
            total such as 'profit', the values are differences per customer, and their sum is the effect. For a mean per customer such
            as 'clv', they are differences per customer if both policies have the same customers, and their mean is the effect. For
            other ratios, they are linearized contributions, and their mean is the effect.

        Raises
        ------
        InputError
            If the alternative or the metric does not exist.
        """
        if alternative not in self.alternatives:
            raise InputError(format_error("alternative", *unknown_name_parts(alternative, self.alternatives, "alternative")))
        baseline, run = self.runs[self.baseline], self.runs[alternative]
        pairing = CustomerPairing.match_by_key(ClusterSample.from_run(baseline), ClusterSample.from_run(run))
        return customer_contributions(
            find_metric_definition(baseline, metric).terms(baseline), find_metric_definition(run, metric).terms(run), pairing
        )

    def figure(self) -> "Figure":
        """Draw the relative effects on the metrics that matter or moved most, with their intervals."""
        return COMPARISON_FIGURE.figure(self._paired_runs())

    def _paired_runs(self) -> PairedRuns:
        baseline = self.runs[self.baseline]
        return PairedRuns(baseline, compared_metrics(baseline, self.baseline, self.alternatives))

    def to_json(self) -> dict[str, Any]:
        """Return plain values for JSON. Undefined numbers, such as `variance_ratio` if no customer differs, become null."""
        alternatives = {
            name: {"metrics": {metric: effect._asdict() | {"relative": effect.relative} for metric, effect in effects.items()}}
            for name, effects in self.alternatives.items()
        }
        return plain_values({"baseline": self.baseline, "answer": self.answer, "alternatives": alternatives})

    def to_pandas(self) -> "pd.DataFrame":
        """Return the comparison as a DataFrame with one row per alternative and metric."""
        import pandas as pd

        rows = {(name, metric): effect for name, effects in self.alternatives.items() for metric, effect in effects.items()}
        return pd.DataFrame(
            rows.values(), columns=list(PairedDifference._fields), index=pd.MultiIndex.from_tuples(rows, names=["alternative", "metric"])
        )

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
            If the folder does not contain a complete comparison.
        """
        source = Path(folder)
        saved = read_json(source / COMPARISON_FILE, "comparison")
        names = [saved["baseline"], *saved["alternatives"]]
        return cls.of({name: Run.load(source / f"run_{i}") for i, name in enumerate(names)})


@checked_arguments
def compare(
    scenarios: Mapping[str, Scenario],
    *,
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
    scenarios : Mapping of str to Scenario
        Scenarios by name; the first is the baseline.
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
        If there are fewer than two scenarios, they differ in start, horizon, entry or (unless given) number of customers, or one of them
        cannot be simulated.
    Exception
        Any exception raised by a process.
    """
    require_same_customers(scenarios, customers=customers)
    baseline = next(iter(scenarios.values()))
    customers, seed = baseline.customers if customers is None else customers, baseline.seed if seed is None else seed
    simulate_one = partial(simulate, customers=customers, seed=seed, engine=engine, threads=threads, max_customers=max_customers)
    simulate_one = partial(simulate_one, follow_up_days=follow_up_days, processes=processes, progress=progress)
    runs = {name: simulate_one(scenario) for name, scenario in scenarios.items()}
    return Comparison.of(runs)


def require_same_customers(scenarios: Mapping[str, Scenario], *, customers: int | None = None) -> None:
    """Raise if scenarios cannot be compared because their customers or dates differ.

    Parameters
    ----------
    scenarios : Mapping of str to Scenario
        Scenarios by name; the first is the baseline.
    customers : int, optional
        Number of initial customers. Overrides the scenarios.

    Raises
    ------
    InputError
        If there are fewer than two scenarios, or they differ in start, horizon, entry or (unless given) number of customers.
    """
    (name, baseline), others = _split_off_baseline(scenarios, Scenario)
    for other, scenario in others.items():
        for field in ("start", "horizon") if customers else ("start", "horizon", "customers"):
            _require_same_value(field, name, getattr(baseline, field), other, getattr(scenario, field))
        _require_same_value("entry", name, _entry_description(baseline), other, _entry_description(scenario))


def _split_off_baseline(items: Mapping[str, T], kind: type[T]) -> tuple[tuple[str, T], dict[str, T]]:
    """Split the baseline (the first item and its name) from the other items."""
    if not isinstance(items, Mapping):
        got, remedy = type(items).__name__, "Pass a mapping such as {'baseline': a, 'alternative': b}."
        raise InputError(format_error("compare", f"must be given a mapping of names to {kind.__name__}s", got, remedy))
    for name, item in items.items():
        if not isinstance(item, kind):
            remedy = "Load one with Scenario.load(FILE)." if kind is Scenario else "Pass the return value of simulate."
            raise InputError(format_error(f"'{name}'", f"must be a {kind.__name__}", type(item).__name__, remedy))
    if len(items) < 2:
        raise InputError(format_error("compare", "must have a baseline and at least one alternative", str(len(items)), "Pass two or more."))
    first, *others = items.items()
    return first, dict(others)


def _entry_description(scenario: Scenario) -> str:
    """Describe how customers enter. Entry files are given by absolute path."""
    entry = scenario.entry
    return f"{entry.over:g} days" if entry.file is None else f"{entry.over:g} days and the file {Path(entry.file).resolve()}"


def _paired_differences(baseline: Run, other: Run) -> DifferenceByMetric:
    """Return the paired difference of every metric that both runs have."""
    pairing = CustomerPairing.match_by_key(ClusterSample.from_run(baseline), ClusterSample.from_run(other))
    before, after = all_metric_definitions(baseline.codebook), all_metric_definitions(other.codebook)
    found = {name: paired_difference(before[name].terms(baseline), after[name].terms(other), pairing) for name in before if name in after}
    return MappingProxyType(found)


def _require_same_value(field: str, name: str, expected: object, other: str, value: object) -> None:
    if expected != value:
        remedy = f"Use the same {field} for both."
        raise InputError(format_error(f"'{other}'", f"must have the same {field} as '{name}' ({expected})", short_repr(value), remedy))

"""Policies compared on the same customers: what would have been different for each of them.

Customers are the same who have the same key. Where policies differ in how many come (acquisition, referrals), those who came under one only
never entered under the other.

Lives here: the verb `compare` and its result. Does not live here: the arithmetic (estimate.py), the metrics (catalog.py).
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Literal, TypeVar

from cjsim.errors import InputError, format_error, short_repr, unknown_name_parts
from cjsim.kernels.world import Array
from cjsim.metrics.catalog import all_metric_definitions, find_metric_definition
from cjsim.metrics.cluster_sample import ClusterSample
from cjsim.metrics.customer_pairing import CustomerPairing
from cjsim.metrics.paired_differences import PairedDifference, customer_contributions, paired_difference
from cjsim.simulation.documents import Scenario
from cjsim.simulation.run import Run, to_json_value
from cjsim.simulation.summary_tables import comparison_table

if TYPE_CHECKING:
    import pandas as pd

    from cjsim.progress import Progress

DifferenceByMetric = Mapping[str, PairedDifference]
T = TypeVar("T")


@dataclass(frozen=True, eq=False)
class Comparison:
    """Runs of the same customers under different policies, and their paired differences.

    Attributes
    ----------
    runs : Mapping of str to Run
        By name; the first is the baseline.
    alternatives : Mapping of str to Mapping of str to PairedDifference
        By name of the alternative, then of the metric.
    """

    runs: Mapping[str, Run]
    alternatives: Mapping[str, DifferenceByMetric]

    @classmethod
    def of(cls, runs: Mapping[str, Run]) -> "Comparison":
        """Compare runs that are there already.

        Parameters
        ----------
        runs : Mapping of str to Run
            By name; the first is the baseline.

        Raises
        ------
        InputError
            If there are fewer than two, or they are not of the same customers over the same days.
        """
        (name, base), others = _split_off_baseline(runs, Run)
        for other, run in others.items():
            for what in ("customers", "seed", "start", "horizon"):
                _require_same_value(what, name, getattr(base.provenance, what), other, getattr(run.provenance, what))
        effects = {other: _paired_differences(base, run) for other, run in others.items()}
        return cls(MappingProxyType(dict(runs)), MappingProxyType(effects))

    @property
    def baseline(self) -> str:
        """Name of the run that the others are compared with."""
        return next(iter(self.runs))

    def __str__(self) -> str:
        return self.summary()

    def __repr__(self) -> str:
        return f"Comparison({self.baseline} against {', '.join(self.alternatives)}: {len(self.runs[self.baseline]):,} customers)"

    def summary(self, *, full: bool = False) -> str:
        """The comparison as tables in text.

        Parameters
        ----------
        full : bool
            Also metrics by stage, channel and reason.
        """
        return comparison_table(self.runs[self.baseline], self.baseline, self.alternatives, full=full)

    def effects(self, alternative: str, metric: str) -> Array:
        """What each customer adds to an effect: their mean is the effect.

        Parameters
        ----------
        alternative : str
            An alternative.
        metric : str
            Of a mean per customer, such as 'clv', it is the customer's own difference, where the same customers came under both;
            of a total, such as 'profit', as well, and their sum is the effect; of a ratio, its linear contribution.

        Returns
        -------
        ndarray of float64, shape (n_customers,)
            In the order of the baseline; then, by key, those who came under the alternative only.

        Raises
        ------
        InputError
            If there is no such alternative or metric.
        """
        if alternative not in self.alternatives:
            raise InputError(format_error("alternative", *unknown_name_parts(alternative, self.alternatives, "alternative")))
        base, run = self.runs[self.baseline], self.runs[alternative]
        pairing = CustomerPairing.match_by_key(ClusterSample.from_run(base), ClusterSample.from_run(run))
        return customer_contributions(
            find_metric_definition(base, metric).terms(base), find_metric_definition(run, metric).terms(run), pairing
        )

    def to_json(self) -> dict[str, Any]:
        """The comparison as plain values for JSON; null where undefined, and where no customer differs for `variance_ratio`."""
        alternatives = {
            name: {
                "metrics": {
                    metric: {key: to_json_value(value) for key, value in found._asdict().items()} for metric, found in effects.items()
                }
            }
            for name, effects in self.alternatives.items()
        }
        return {"baseline": self.baseline, "alternatives": alternatives}

    def to_pandas(self) -> "pd.DataFrame":
        """One row an alternative and metric."""
        import pandas as pd

        rows = {(name, metric): found for name, effects in self.alternatives.items() for metric, found in effects.items()}
        return pd.DataFrame(
            rows.values(), columns=list(PairedDifference._fields), index=pd.MultiIndex.from_tuples(rows, names=["alternative", "metric"])
        )

    def save(self, folder: str | Path) -> Path:
        """Write `comparison.json`, and each run in a folder of its own, `run_0` the baseline.

        Parameters
        ----------
        folder : str or Path
            Made if it is not there.

        Raises
        ------
        InputError
            If the folder cannot be written.
        """
        to = Path(folder)
        (to / "comparison.json").unlink(missing_ok=True)
        for i, run in enumerate(self.runs.values()):
            run.save(to / f"run_{i}")
        (to / "comparison.json").write_text(json.dumps(self.to_json(), indent=1, allow_nan=False) + "\n", encoding="utf-8")
        return to

    @classmethod
    def load(cls, folder: str | Path) -> "Comparison":
        """A comparison that was saved.

        Parameters
        ----------
        folder : str or Path
            What `save` was given.

        Raises
        ------
        InputError
            If there is no complete comparison in it.
        """
        at = Path(folder)
        try:
            saved = json.loads((at / "comparison.json").read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            got = "no comparison.json that can be read"
            raise InputError(format_error(str(at), "must be the folder of a saved comparison", got, "Save it again.")) from error
        names = [saved["baseline"], *saved["alternatives"]]
        return cls.of({name: Run.load(at / f"run_{i}") for i, name in enumerate(names)})


def compare(
    scenarios: Mapping[str, Scenario],
    *,
    customers: int | None = None,
    seed: int | None = None,
    engine: Literal["compiled", "readable"] = "compiled",
    threads: int | None = None,
    max_customers: int | None = None,
    progress: "Progress | None" = None,
) -> Comparison:
    """Run scenarios on the same customers and compare each with the first.

    Parameters
    ----------
    scenarios : Mapping of str to Scenario
        By name; the first is the baseline.
    customers : int, optional
        How many; the scenarios' own number, which must then be one.
    seed : int, optional
        Of the baseline if not given; all run with one.
    engine : str
        'compiled' or 'readable'.
    threads : int, optional
        As many as there are cores, if not given.
    max_customers : int, optional
        How many there may be in all in any of them; as in `simulate`.
    progress : Progress, optional
        Passed on to each simulation.

    Returns
    -------
    Comparison

    Raises
    ------
    InputError
        If there are fewer than two, or they differ in start, horizon, entry or (where none is given) number of customers.
    """
    from cjsim.simulation.simulate import simulate

    require_same_customers(scenarios, customers=customers)
    base = next(iter(scenarios.values()))
    number, key = base.customers if customers is None else customers, base.seed if seed is None else seed
    runs = {
        name: simulate(scenario, customers=number, seed=key, engine=engine, threads=threads, max_customers=max_customers, progress=progress)
        for name, scenario in scenarios.items()
    }
    return Comparison.of(runs)


def require_same_customers(scenarios: Mapping[str, Scenario], *, customers: int | None = None) -> None:
    """Refuse scenarios that cannot be compared on the same customers over the same days.

    Parameters
    ----------
    scenarios : Mapping of str to Scenario
        By name; the first is the baseline.
    customers : int, optional
        How many, instead of the scenarios' own number.

    Raises
    ------
    InputError
        If there are fewer than two, or they differ in start, horizon, entry or (where none is given) number of customers.
    """
    (name, base), others = _split_off_baseline(scenarios, Scenario)
    for other, scenario in others.items():
        for what in ("start", "horizon") if customers else ("start", "horizon", "customers"):
            _require_same_value(what, name, getattr(base, what), other, getattr(scenario, what))
        _require_same_value("entry", name, _entry_description(base), other, _entry_description(scenario))


def _split_off_baseline(named: Mapping[str, T], kind: type[T]) -> tuple[tuple[str, T], dict[str, T]]:
    """The first with its name, and the others."""
    thing = kind.__name__
    if not isinstance(named, Mapping):
        got, remedy = type(named).__name__, "Write for example {'today': a, 'other': b}, the baseline first."
        raise InputError(format_error("compare", f"must have a mapping of names to {thing}s", got, remedy))
    for name, item in named.items():
        if not isinstance(item, kind):
            remedy = "Load one with Scenario.load(FILE)." if kind is Scenario else "Give what simulate gives."
            raise InputError(format_error(f"'{name}'", f"must be a {thing}", type(item).__name__, remedy))
    if len(named) < 2:
        raise InputError(format_error("compare", "must have a baseline and at least one alternative", str(len(named)), "Name two or more."))
    first, *others = named.items()
    return first, dict(others)


def _entry_description(scenario: Scenario) -> str:
    """How customers enter, in words; a file by where it is, however that is written."""
    entry = scenario.entry
    return f"{entry.over:g} days" if entry.file is None else f"{entry.over:g} days and the file {Path(entry.file).resolve()}"


def _paired_differences(base: Run, other: Run) -> DifferenceByMetric:
    """The paired difference of every metric that both runs have."""
    theirs, pairing = (
        all_metric_definitions(other.codebook),
        CustomerPairing.match_by_key(ClusterSample.from_run(base), ClusterSample.from_run(other)),
    )
    both = {name: (of, theirs[name]) for name, of in all_metric_definitions(base.codebook).items() if name in theirs}
    return MappingProxyType(
        {name: paired_difference(before.terms(base), after.terms(other), pairing) for name, (before, after) in both.items()}
    )


def _require_same_value(what: str, name: str, base: object, other: str, value: object) -> None:
    if base != value:
        remedy = f"Give both the same {what}, so that the same customers live the same days."
        raise InputError(format_error(f"'{other}'", f"must have the {what} of '{name}', {base}", short_repr(value), remedy))

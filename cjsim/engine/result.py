"""What a simulation gives back: one record of arrays, with its provenance, that prints, saves and loads.

Lives here: `Run`, the tables of customers and of truth made from it, its files. Does not live here: what it is worth
(metrics/), how it came about (run.py).
"""

import json
import math
import shutil
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from functools import cached_property
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from cjsim.engine.census import Census
from cjsim.engine.frames import Columns, Outcomes, as_frame, customer_table, read_census, read_outcomes, truth_table
from cjsim.engine.provenance import Provenance
from cjsim.errors import InputError, complaint
from cjsim.eventlog import EventLog
from cjsim.model.cohort import Cohort
from cjsim.model.plan import Codebook, Plan
from cjsim.model.population import draw_population
from cjsim.model.wages import Wages, wages_of
from cjsim.model.world import Records

if TYPE_CHECKING:
    import pandas as pd


class Metric(NamedTuple):
    """A number with its 95 % interval, the number of customers it rests on, and its unit; nan where undefined."""

    value: float
    low: float
    high: float
    n: int
    unit: str


class People(NamedTuple):
    """Who the customers are: attributes (the firm sees them) and traits (it does not), by name."""

    attributes: Mapping[str, Records]  # str, (n,)
    traits: Mapping[str, Records]  # f8, (n,)


@dataclass(frozen=True, eq=False)
class Run:
    """One simulation: what happened to every customer of a scenario.

    Attributes
    ----------
    provenance : Provenance
        What was run, by whom, when.
    codebook : Codebook
        Names by code.
    retained : tuple of str
        Stages marked `retained`.
    hidden : tuple of str
        Stages that the firm does not see.
    outcomes : Outcomes
        Arrays by customer.
    census : Census
        Keys, acquisition channels and descent by customer.
    wages : Mapping of str to Wages
        What the staff of each desk was paid.
    people : callable
        Gives `People` when asked: they are drawn again rather than kept.
    log_path : Path or None
        The Parquet file of the log, if one was written.
    """

    provenance: Provenance
    codebook: Codebook
    retained: tuple[str, ...]
    hidden: tuple[str, ...]
    outcomes: Outcomes
    census: Census
    wages: Mapping[str, Wages]
    people: Callable[[], People]
    log_path: Path | None = None

    @classmethod
    def of(cls, plan: Plan, provenance: Provenance, outcomes: Outcomes, census: Census, log_path: Path | None = None) -> "Run":
        """The result of a plan that was run.

        Parameters
        ----------
        plan : Plan
            What was run.
        provenance : Provenance
            With the seed that the population was drawn with.
        outcomes : Outcomes
            Arrays by customer; made read-only.
        census : Census
            Who was there.
        log_path : Path, optional
            The log's file.
        """
        names, stages = plan.codebook.stages, plan.world.stages
        entered, force = outcomes.customers["entered"], float(plan.world.setting[0].discount)
        return cls(
            provenance=provenance,
            codebook=plan.codebook,
            retained=tuple(name for name, stage in zip(names, stages, strict=True) if stage["retained"]),
            hidden=tuple(name for name, stage in zip(names, stages, strict=True) if stage["seen"] < 0),
            outcomes=_read_only(outcomes),
            census=census,
            wages={
                desk: wages_of(post.paid, horizon_days=provenance.horizon, entered=entered, force=force)
                for desk, post in zip(plan.codebook.desks, plan.posts, strict=True)
            },
            people=lambda: _people(plan, provenance.seed, census),
            log_path=log_path,
        )

    def __len__(self) -> int:
        return len(self.outcomes.customers)

    def __str__(self) -> str:
        return self.summary()

    def __repr__(self) -> str:
        return f"Run({self.provenance.scenario}: {len(self):,} customers, seed {self.provenance.seed}, {self.provenance.engine})"

    @property
    def log(self) -> EventLog | None:
        """The log, if it was written."""
        return EventLog(self.log_path) if self.log_path else None

    @property
    def entered(self) -> Records:
        """bool, shape (n_customers,): who entered before the horizon. The others count nowhere."""
        return np.asarray(self.outcomes.customers["entered"] < self.provenance.horizon)

    @property
    def keys(self) -> Records:
        """u64, shape (n_customers,): the same person has the same key in every run with the same seed."""
        return self.census.keys

    @property
    def by(self) -> Records:
        """i4, shape (n_customers,): acquisition channel of each; -1 none."""
        return self.census.by

    @property
    def roots(self) -> Records:
        """i8, shape (n_customers,): number of the initial customer or arrival that each descends from, itself included."""
        return self.census.roots

    @property
    def spend(self) -> Records:
        """f8, shape (n_acquisition_channels,): money on each over the horizon, whoever came of it."""
        return np.array([self.provenance.spend[name] for name in self.codebook.acquisition])

    @property
    def desk_rates(self) -> Records:
        """f8, shape (n_desks,): money a minute of service."""
        return np.array([self.provenance.desk_rates[name] for name in self.codebook.desks], np.float64)

    # A run offers its own worth, although metrics stand a layer above it: they are looked up when asked for, so that no
    # module of the engine depends on them and a user has one noun.
    @cached_property
    def metrics(self) -> Mapping[str, Metric]:
        """Every metric of the catalogue by name, with its interval."""
        found: Mapping[str, Metric] = import_module("cjsim.metrics.catalog").measure(self)
        return found

    def summary(self, *, full: bool = False) -> str:
        """The metrics as a table in text.

        Parameters
        ----------
        full : bool
            Also those by stage, channel and reason.
        """
        return str(import_module("cjsim.metrics.tables").summary(self, full=full))

    def to_json(self) -> dict[str, Any]:
        """The run as plain values for JSON: what was run and its metrics; null where undefined."""
        origin = self.provenance
        return {
            "scenario": origin.scenario,
            "customers": len(self),
            "seed": origin.seed,
            "engine": origin.engine,
            "events": origin.events,
            "seconds": origin.seconds,
            "metrics": {
                name: {field: jsonable(value) for field, value in metric._asdict().items()} for name, metric in self.metrics.items()
            },
        }

    def to_pandas(self) -> "pd.DataFrame":
        """The metrics as a frame: value, low, high, n, unit by name."""
        import pandas as pd

        names = pd.Index(self.metrics, name="metric")
        return pd.DataFrame(self.metrics.values(), columns=list(Metric._fields), index=names)

    @property
    def customers(self) -> "pd.DataFrame":
        """One row a customer, as the firm could know it: attributes, money, dates (days since the start), touches, last seen state.

        `retained_30d` and its like are null for who did not convert or was not observed that long; `stage` is null where the
        firm does not see it.
        """
        return as_frame(customer_table(self, touches=False))

    @property
    def truth(self) -> "pd.DataFrame":
        """One row a customer: persona, traits, stage at the horizon. Never an input of an estimator."""
        return as_frame(truth_table(self, full=False))

    def save(self, folder: str | Path) -> Path:
        """Write `metrics.json`, `customers.parquet`, `truth.parquet`, `manifest.json`, and `log.parquet` if there is a log.

        Parameters
        ----------
        folder : str or Path
            Made if it is not there. The manifest is written last: where it is, all is.

        Raises
        ------
        InputError
            If the folder cannot be written.
        """
        import pyarrow.parquet as pq

        to = Path(folder)
        manifest = {
            **self.provenance.to_json(),
            "retained": self.retained,
            "hidden": self.hidden,
            "wages": {desk: wages._asdict() for desk, wages in self.wages.items()},
            "codebook": asdict(self.codebook),
        }
        try:
            to.mkdir(parents=True, exist_ok=True)
            (to / "manifest.json").unlink(missing_ok=True)
            pq.write_table(customer_table(self, touches=True), to / "customers.parquet", compression="zstd")
            pq.write_table(truth_table(self, full=True), to / "truth.parquet", compression="zstd")
            _keep_log(self.log_path, to / "log.parquet")
            for name, content in (("metrics.json", self.to_json()), ("manifest.json", manifest)):
                (to / name).write_text(json.dumps(content, indent=1, allow_nan=False) + "\n", encoding="utf-8")
        except OSError as error:
            message = complaint(str(to), "must be a folder that can be written", error.strerror or str(error), "Name another folder.")
            raise InputError(message) from error
        return to

    @classmethod
    def load(cls, folder: str | Path) -> "Run":
        """A run that was saved.

        Parameters
        ----------
        folder : str or Path
            What `save` was given.

        Raises
        ------
        InputError
            If there is no complete run in it.
        """
        at = Path(folder)
        try:
            manifest = json.loads((at / "manifest.json").read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            got = "no manifest.json that can be read"
            raise InputError(complaint(str(at), "must be the folder of a saved run", got, "Save the run again.")) from error
        codebook = Codebook(**{name: _names(value) for name, value in manifest["codebook"].items()})
        log = at / "log.parquet"
        return cls(
            provenance=Provenance.from_json(manifest),
            codebook=codebook,
            retained=tuple(manifest["retained"]),
            hidden=tuple(manifest["hidden"]),
            outcomes=_read_only(read_outcomes(at, codebook)),
            census=read_census(at, codebook, manifest["customers"]),
            wages={desk: Wages(**wages) for desk, wages in manifest["wages"].items()},
            people=lambda: _saved_people(at, codebook),
            log_path=log if log.exists() else None,
        )


def jsonable(value: Any) -> Any:
    """A value for JSON: null in place of nan and the infinities.

    Examples
    --------
    >>> jsonable(float("nan")), jsonable(0.5), jsonable("share")
    (None, 0.5, 'share')
    """
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _people(plan: Plan, seed: int, census: Census) -> People:
    """The customers' attributes and traits, drawn again."""
    nothing = np.zeros(len(census))  # when they came and what that cost changes neither
    drawn = draw_population(plan, seed, Cohort(census.keys, nothing, census.by, nothing, 0))
    levels = plan.codebook.attributes
    return People(
        attributes={name: np.asarray(of, str)[drawn.attributes[:, i].astype(np.intp)] for i, (name, of) in enumerate(levels.items())},
        traits={name: drawn.traits[:, i] for i, name in enumerate(plan.codebook.traits)},
    )


def _saved_people(folder: Path, codebook: Codebook) -> People:
    """The customers' attributes and traits from a saved run."""
    import pyarrow.parquet as pq

    columns = Columns.of(codebook).attributes
    seen = pq.read_table(folder / "customers.parquet", columns=list(columns))
    true = pq.read_table(folder / "truth.parquet", columns=[f"trait[{name}]" for name in codebook.traits])
    return People(
        attributes={name: np.asarray(seen[column].to_pylist(), str) for name, column in zip(codebook.attributes, columns, strict=True)},
        traits={name: true[f"trait[{name}]"].to_numpy() for name in codebook.traits},
    )


def _read_only(outcomes: Outcomes) -> Outcomes:
    for array in outcomes:
        array.flags.writeable = False
    return outcomes


def _names(value: Any) -> Any:
    """A codebook's entry from JSON: tuples again."""
    return {key: tuple(names) for key, names in value.items()} if isinstance(value, dict) else tuple(value)


def _keep_log(log: Path | None, to: Path) -> None:
    """The log beside the other files; that of an earlier run in the folder goes."""
    if log is None:
        to.unlink(missing_ok=True)
    elif log.resolve() != to.resolve():
        shutil.copyfile(log, to)

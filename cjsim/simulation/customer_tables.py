"""Builds the tables of a run that have one row per customer, and loads them from disk.

`customer_table` contains what the firm can observe; `truth_table` contains what only the simulator knows.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from cjsim.compiler.plan import Codebook
from cjsim.engine.outcomes import CHANNEL_TOUCHES, HIDDEN_TOUCHES, REPLY_NAMES, Outcomes
from cjsim.engine.population_registry import PopulationRegistry
from cjsim.engine.run_record import RunRecord
from cjsim.errors import InputError, format_error
from cjsim.input_files.parquet_columns import ParquetColumns
from cjsim.kernels.codes import RETENTION_DAYS, UNOBSERVED, HiddenTouch, ReplyCode, TouchCode
from cjsim.kernels.state import OUTCOME
from cjsim.kernels.world import Array
from cjsim.simulation.customer_profiles import CustomerProfiles

if TYPE_CHECKING:
    import pandas as pd

CUSTOMERS_FILE, TRUTH_FILE = "customers.parquet", "truth.parquet"
RETENTION_COLUMNS = tuple(f"retained_{days:.0f}d" for days in RETENTION_DAYS)
_MONEY_COLUMNS = ("entered", "revenue", "margin", "cost", "discounts", "clv", "purchases", "first_purchase", "last_purchase")
_CONTACT_COLUMNS = ("contacts", "opens", "clicks", "unsubscribes", "complaints", "opt_outs", "flows", "redemptions")
_TOUCH_COLUMNS = (*_CONTACT_COLUMNS, "collisions", "referrals", "events")
_STATE_COLUMNS = ("satisfaction", "pressure")
_REFERRED_BY = "referred_by"  # the customer who referred this one
_CLV_365D = "clv_365d"  # the firm's table has it only if CLV counts beyond the horizon; otherwise it is cut at the horizon
_DETAIL_COLUMNS = ("message_cost", _CLV_365D)  # in all saved tables
_BASE = "base_flags"  # BaseFlag bits; this column and those of base retention exist only if customers exist before day 0
BASE_RETENTION_COLUMNS = tuple(f"base_retained_{days:.0f}d" for days in RETENTION_DAYS)
_OTHER_FIELDS = ("retained", "base_retained", "persona", "stage", "interest", "held_out")
assert {_BASE, *_MONEY_COLUMNS, *_DETAIL_COLUMNS, *_TOUCH_COLUMNS, *_STATE_COLUMNS, *_OTHER_FIELDS} == set(OUTCOME.names or ())


class CustomerColumns(NamedTuple):
    """Names of the columns of a customer table that depend on the scenario, in the order of their codes."""

    attributes: tuple[str, ...]
    moments: tuple[str, ...]

    @classmethod
    def of(cls, codebook: Codebook) -> "CustomerColumns":
        """Name columns as in the scenario. If a name is taken, prefix it with its kind.

        Parameters
        ----------
        codebook : Codebook
            Names of attributes and moments.
        """
        taken = {"customer", "stage", "held_out", _REFERRED_BY, *_MONEY_COLUMNS, *_DETAIL_COLUMNS, *_TOUCH_COLUMNS}
        taken |= {_BASE, *_STATE_COLUMNS, *RETENTION_COLUMNS, *BASE_RETENTION_COLUMNS}
        names = []
        for kind, name in [*(("attribute", name) for name in codebook.attributes), *(("moment", name) for name in codebook.moments)]:
            column = name
            while column in taken:
                column = f"{kind}_{column}"
            taken.add(column)
            names.append(column)
        return cls(tuple(names[: len(codebook.attributes)]), tuple(names[len(codebook.attributes) :]))


def _money_columns(codebook: Codebook) -> tuple[str, ...]:
    return _MONEY_COLUMNS if codebook.value_days is None else (*_MONEY_COLUMNS, _CLV_365D)


def customer_table(run: RunRecord, profiles: CustomerProfiles, *, touches: bool) -> Any:
    """Return a table of what the firm can observe, one row per customer.

    Parameters
    ----------
    run : RunRecord
        The run.
    profiles : CustomerProfiles
        Profiles of the customers.
    touches : bool
        Whether to include counts by channel and touch, such as `delivered[email]`, and requests by desk, such as `asks[support]`.

    Returns
    -------
    pyarrow.Table
    """
    import pyarrow as pa

    outcomes, names = run.outcomes.customers, CustomerColumns.of(run.codebook)
    columns: dict[str, Any] = {"customer": np.arange(len(run))}
    columns |= {column: pa.array(values) for column, values in zip(names.attributes, profiles.attributes.values(), strict=True)}
    columns |= {name: np.ascontiguousarray(outcomes[name]) for name in _money_columns(run.codebook)}
    columns |= {column: np.ascontiguousarray(run.outcomes.moments[:, i]) for i, column in enumerate(names.moments)}
    for i, name in enumerate(RETENTION_COLUMNS):
        retained = outcomes["retained"][:, i]
        columns[name] = pa.array(retained == 1, mask=retained == UNOBSERVED)
    if run.codebook.has_existing:
        columns[_BASE] = np.ascontiguousarray(outcomes[_BASE])
        for i, name in enumerate(BASE_RETENTION_COLUMNS):
            retained = outcomes["base_retained"][:, i]
            columns[name] = pa.array(retained == 1, mask=retained == UNOBSERVED)
    columns |= {name: np.ascontiguousarray(outcomes[name]) for name in (*_TOUCH_COLUMNS, *_STATE_COLUMNS)}
    columns["held_out"] = pa.array(outcomes["held_out"] == 1)
    columns[_REFERRED_BY] = pa.array(run.registry.parents, mask=run.registry.parents < 0)
    hidden = np.isin(outcomes["stage"], [run.codebook.stages.index(name) for name in run.hidden])
    columns["stage"] = _label_column(outcomes["stage"], run.codebook.stages, mask=hidden)
    if touches:
        columns |= {name: np.ascontiguousarray(outcomes[name]) for name in _DETAIL_COLUMNS}
        columns |= {column: np.ascontiguousarray(run.outcomes.touch_counts[:, i, j]) for column, i, j in _touch_columns(run.codebook)}
        columns |= {column: np.ascontiguousarray(array) for column, array in _desk_columns(run.codebook, run.outcomes.desks)}
    return pa.table(columns)


def truth_table(run: RunRecord, profiles: CustomerProfiles, *, full: bool) -> Any:
    """Return a table of personas, interests, traits and stages at the horizon, one row per customer.

    Parameters
    ----------
    run : RunRecord
        The run.
    profiles : CustomerProfiles
        Profiles of the customers.
    full : bool
        Whether to include the days in each stage, such as `days[active]`, opens and clicks by channel that only the simulator
        knows, such as `true_opened[email]`, and the key of each customer's random numbers.

    Returns
    -------
    pyarrow.Table
    """
    import pyarrow as pa

    outcomes = run.outcomes.customers
    columns: dict[str, Any] = {"customer": np.arange(len(run))}
    columns["persona"] = _label_column(outcomes["persona"], run.codebook.personas)
    columns["stage"] = _label_column(outcomes["stage"], run.codebook.stages)
    columns["interest"] = _label_column(outcomes["interest"], run.codebook.interests, mask=outcomes["interest"] < 0)
    columns |= {f"trait[{name}]": np.ascontiguousarray(values) for name, values in profiles.traits.items()}
    if full:
        columns |= {f"days[{name}]": np.ascontiguousarray(run.outcomes.dwell[:, i]) for i, name in enumerate(run.codebook.stages)}
        counts = run.outcomes.touch_counts
        columns |= {column: np.ascontiguousarray(counts[:, i, j]) for column, i, j in _hidden_touch_columns(run.codebook)}
        columns["key"] = run.registry.keys
    return pa.table(columns)


@dataclass(frozen=True)
class SavedCustomers:
    """Customers of a saved run, loaded from `customers.parquet` and `truth.parquet`.

    Attributes
    ----------
    folder : Path
        Folder of the saved run.
    codebook : Codebook
        Names of the run.
    """

    folder: Path
    codebook: Codebook

    def outcomes(self) -> Outcomes:
        """Load the outcomes.

        Raises
        ------
        InputError
            If a file cannot be read, or its columns are not those of this run.
        """
        observed, truth = ParquetColumns(self.folder / CUSTOMERS_FILE), ParquetColumns(self.folder / TRUTH_FILE)
        truth.require_rows(len(observed), of=CUSTOMERS_FILE)
        outcomes = Outcomes.zeros(
            len(observed),
            moments=len(self.codebook.moments),
            stages=len(self.codebook.stages),
            channels=len(self.codebook.channels),
            desks=len(self.codebook.desks),
        )
        customers = outcomes.customers
        for name in (*_MONEY_COLUMNS, *_DETAIL_COLUMNS, *_TOUCH_COLUMNS, *_STATE_COLUMNS):
            # Earlier versions saved the value of the first year only if CLV counts beyond the horizon.
            is_unknown = name == _CLV_365D and self.codebook.value_days is None and name not in observed
            customers[name] = np.nan if is_unknown else observed.numbers(name, OUTCOME[name])
        for i, name in enumerate(RETENTION_COLUMNS):
            customers["retained"][:, i] = observed.flags(name, null=UNOBSERVED)
        customers["base_retained"] = UNOBSERVED
        if self.codebook.has_existing:
            customers[_BASE] = observed.numbers(_BASE, OUTCOME[_BASE])
            for i, name in enumerate(BASE_RETENTION_COLUMNS):
                customers["base_retained"][:, i] = observed.flags(name, null=UNOBSERVED)
        customers["held_out"] = observed.flags("held_out")
        customers["interest"] = truth.codes("interest", self.codebook.interests, is_nullable=True)
        customers["persona"] = truth.codes("persona", self.codebook.personas)
        customers["stage"] = truth.codes("stage", self.codebook.stages)
        for i, name in enumerate(CustomerColumns.of(self.codebook).moments):
            outcomes.moments[:, i] = observed.numbers(name, np.float64)
        for i, name in enumerate(self.codebook.stages):
            outcomes.dwell[:, i] = truth.numbers(f"days[{name}]", np.float32)
        for column, i, j in _touch_columns(self.codebook):
            if CHANNEL_TOUCHES[j] in self.codebook.events:  # false for touches unknown to the version that saved the run
                outcomes.touch_counts[:, i, j] = observed.numbers(column, np.uint16)
        if _knows_hidden_touches(self.codebook):
            for column, i, j in _hidden_touch_columns(self.codebook):
                outcomes.touch_counts[:, i, j] = truth.numbers(column, np.uint16)
        else:  # every open and click was made by a customer
            for touch, hidden in ((TouchCode.OPENED, HiddenTouch.TRUE_OPENED), (TouchCode.CLICKED, HiddenTouch.TRUE_CLICKED)):
                outcomes.touch_counts[:, :, hidden] = outcomes.touch_counts[:, :, touch]
        for column, array in _desk_columns(self.codebook, outcomes.desks):
            array[:] = observed.numbers(column, array.dtype)
        return outcomes

    def profiles(self) -> CustomerProfiles:
        """Load the profiles."""
        levels = dict(zip(CustomerColumns.of(self.codebook).attributes, self.codebook.attributes.values(), strict=True))
        observed = ParquetColumns(self.folder / CUSTOMERS_FILE, list(levels))
        truth = ParquetColumns(self.folder / TRUTH_FILE, [f"trait[{name}]" for name in self.codebook.traits])
        return CustomerProfiles(
            attributes={
                name: np.asarray(levels[column], str)[observed.codes(column, levels[column])]
                for name, column in zip(self.codebook.attributes, levels, strict=True)
            },
            traits={name: truth.numbers(f"trait[{name}]", np.float64) for name in self.codebook.traits},
        )

    def registry(self, n_initial: int, n_existing: int = 0) -> PopulationRegistry:
        """Load the population registry.

        Parameters
        ----------
        n_initial : int
            Number of initial customers.
        n_existing : int
            Number of existing customers.

        Raises
        ------
        InputError
            If there are fewer customers, or a customer was referred by a later one.
        """
        n_fixed = n_initial + n_existing
        columns = CustomerColumns.of(self.codebook).attributes[-1:] if self.codebook.acquisition else ()
        observed = ParquetColumns(self.folder / CUSTOMERS_FILE, [*columns, _REFERRED_BY])
        all_keys = ParquetColumns(self.folder / TRUTH_FILE, ["key"]).numbers("key", np.uint64)
        initial_keys, keys = all_keys[:n_initial], all_keys[n_fixed:]
        is_consecutive = np.array_equal(initial_keys, np.arange(len(initial_keys), dtype=np.uint64))
        parents = observed.indices(_REFERRED_BY, null=-1)
        channels = np.full(len(keys), -1, np.int32)
        for column in columns:
            names = [*self.codebook.acquisition, *list(self.codebook.attributes.values())[-1]]
            codes = observed.codes(column, list(dict.fromkeys(names)))[n_fixed:]
            channels = np.where(codes < len(self.codebook.acquisition), codes, -1).astype(np.int32)
        is_earlier = (parents >= -1) & (parents < np.arange(len(parents)))
        if not 0 <= n_fixed <= len(parents) or (parents[:n_fixed] >= 0).any() or not is_earlier.all():
            where = f"{self.folder / CUSTOMERS_FILE}: {_REFERRED_BY}"
            must, got = f"must name an earlier customer for each but the first {n_fixed:,}", "other customers"
            raise InputError(format_error(where, must, got, "Run the command again."))
        known_keys = None if is_consecutive else initial_keys
        return PopulationRegistry(n_initial, keys, channels, parents[n_fixed:], initial_keys=known_keys, n_existing=n_existing)


def table_to_pandas(table: Any) -> "pd.DataFrame":
    """Convert a table of this module to pandas, with nullable types for booleans and customer numbers.

    Parameters
    ----------
    table : pyarrow.Table
        Return value of `customer_table` or `truth_table`.

    Returns
    -------
    pandas.DataFrame
    """
    import pandas as pd
    import pyarrow as pa

    frame = table.to_pandas(types_mapper={pa.bool_(): pd.BooleanDtype()}.get)
    return frame.astype({_REFERRED_BY: "Int64"}) if _REFERRED_BY in frame else frame


def _touch_columns(codebook: Codebook) -> Iterator[tuple[str, int, int]]:
    """Yield the name, channel index and touch index of each count column that the firm sees."""
    for i, channel in enumerate(codebook.channels):
        for j, touch in enumerate(CHANNEL_TOUCHES):
            yield f"{touch}[{channel}]", i, j


def _knows_hidden_touches(codebook: Codebook) -> bool:
    """Return whether the version that saved a run recorded touches that only the simulator knows."""
    return TouchCode.BOUNCED_HARD.name.lower() in codebook.events


def _hidden_touch_columns(codebook: Codebook) -> Iterator[tuple[str, int, int]]:
    """Yield the name, channel index and touch index of each count column that only the simulator knows."""
    for i, channel in enumerate(codebook.channels):
        for j, touch in enumerate(HIDDEN_TOUCHES, start=len(CHANNEL_TOUCHES)):
            yield f"{touch}[{channel}]", i, j


def _desk_columns(codebook: Codebook, outcomes: Array) -> Iterator[tuple[str, Array]]:
    """Yield the name and values of each desk column."""
    for i, desk in enumerate(codebook.desks):
        outcome = outcomes[:, i]
        yield f"asks[{desk}]", outcome["asks"]
        yield f"asked_again[{desk}]", outcome["joined"]
        for reply in ReplyCode:
            yield f"{REPLY_NAMES[reply]}[{desk}]", outcome["replies"][:, reply]
        for field in ("out_of_hours", "outside_closed", "outside_abandoned"):
            yield f"{field}[{desk}]", outcome[field]
        yield f"waited_days[{desk}]", outcome["waited"]
        yield f"service_days[{desk}]", outcome["service"]


def _label_column(codes: Array, names: tuple[str, ...], *, mask: Array | None = None) -> Any:
    """Convert codes to a dictionary array of names, null where masked."""
    import pyarrow as pa

    indices = pa.array(np.ascontiguousarray(codes), mask=mask)
    return pa.DictionaryArray.from_arrays(indices, pa.array(list(names), pa.string()))

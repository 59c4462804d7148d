"""A run's arrays as tables and back: what the firm could know of each customer, and what is true.

Lives here: columns and their names. Does not live here: the record (result.py), metrics.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from cjsim.compiler.plan import Codebook
from cjsim.engine.population_registry import PopulationRegistry
from cjsim.kernels.codes import RETENTION_DAYS, UNOBSERVED, ReplyCode
from cjsim.kernels.state import DESK_OUTCOME, OUTCOME
from cjsim.kernels.world import Array

if TYPE_CHECKING:
    import pandas as pd

    from cjsim.simulation.run import Run
from cjsim.engine.outcomes import CHANNEL_TOUCHES, REPLY_NAMES, Outcomes

RETENTION_COLUMNS = tuple(f"retained_{days:.0f}d" for days in RETENTION_DAYS)
_MONEY_COLUMNS = ("entered", "revenue", "margin", "cost", "discounts", "clv", "purchases", "first_purchase", "last_purchase")
_CONTACT_COLUMNS = ("contacts", "opens", "clicks", "unsubscribes", "complaints", "opt_outs", "flows", "redemptions")
_TOUCH_COLUMNS = (*_CONTACT_COLUMNS, "collisions", "referrals", "events")
_STATE_COLUMNS = ("satisfaction", "pressure")
_REFERRED_BY = "referred_by"  # the customer who referred this one
assert {*_MONEY_COLUMNS, *_TOUCH_COLUMNS, *_STATE_COLUMNS, "retained", "persona", "stage", "interest", "held_out"} == set(
    OUTCOME.names or ()
)


class CustomerColumns(NamedTuple):
    """Names of the columns of a customers table that depend on the scenario, in the order of their codes."""

    attributes: tuple[str, ...]
    moments: tuple[str, ...]

    @classmethod
    def of(cls, codebook: Codebook) -> "CustomerColumns":
        """As the scenario names them; where that is the name of another column, with the kind in front."""
        taken = {"customer", "stage", "held_out", _REFERRED_BY, *_MONEY_COLUMNS, *_TOUCH_COLUMNS, *_STATE_COLUMNS, *RETENTION_COLUMNS}
        names = []
        for kind, name in [*(("attribute", name) for name in codebook.attributes), *(("moment", name) for name in codebook.moments)]:
            column = name
            while column in taken:
                column = f"{kind}_{column}"
            taken.add(column)
            names.append(column)
        return cls(tuple(names[: len(codebook.attributes)]), tuple(names[len(codebook.attributes) :]))


def customer_table(run: "Run", *, touches: bool) -> Any:
    """One row a customer, as the firm could know it.

    Parameters
    ----------
    run : Run
        A result.
    touches : bool
        Also the counts by channel and touch, such as `delivered[email]`, and what was asked of desks, such as `asks[support]`.

    Returns
    -------
    pyarrow.Table
    """
    import pyarrow as pa

    of, names = run.outcomes.customers, CustomerColumns.of(run.codebook)
    columns: dict[str, Any] = {"customer": np.arange(len(run))}
    columns |= {column: pa.array(values) for column, values in zip(names.attributes, run.people().attributes.values(), strict=True)}
    columns |= {name: np.ascontiguousarray(of[name]) for name in _MONEY_COLUMNS}
    columns |= {column: np.ascontiguousarray(run.outcomes.moments[:, i]) for i, column in enumerate(names.moments)}
    for i, name in enumerate(RETENTION_COLUMNS):
        kept = of["retained"][:, i]
        columns[name] = pa.array(kept == 1, mask=kept == UNOBSERVED)
    columns |= {name: np.ascontiguousarray(of[name]) for name in (*_TOUCH_COLUMNS, *_STATE_COLUMNS)}
    columns["held_out"] = pa.array(of["held_out"] == 1)
    columns[_REFERRED_BY] = pa.array(run.registry.parents, mask=run.registry.parents < 0)
    hidden = np.isin(of["stage"], [run.codebook.stages.index(name) for name in run.hidden])
    columns["stage"] = _label_column(of["stage"], run.codebook.stages, mask=hidden)
    if touches:
        columns |= {column: np.ascontiguousarray(run.outcomes.reach[:, i, j]) for column, i, j in _touch_columns(run.codebook)}
        columns |= {column: np.ascontiguousarray(array) for column, array in _desk_columns(run.codebook, run.outcomes.desks)}
    return pa.table(columns)


def truth_table(run: "Run", *, full: bool) -> Any:
    """One row a customer: persona, interest, traits, stage at the horizon.

    Parameters
    ----------
    run : Run
        A result.
    full : bool
        Also the days in each stage, such as `days[active]`, and the key that the customer's random numbers go by.

    Returns
    -------
    pyarrow.Table
    """
    import pyarrow as pa

    of = run.outcomes.customers
    columns: dict[str, Any] = {"customer": np.arange(len(run))}
    columns["persona"] = _label_column(of["persona"], run.codebook.personas)
    columns["stage"] = _label_column(of["stage"], run.codebook.stages)
    columns["interest"] = _label_column(of["interest"], run.codebook.interests, mask=of["interest"] < 0)
    columns |= {f"trait[{name}]": np.ascontiguousarray(values) for name, values in run.people().traits.items()}
    if full:
        columns |= {f"days[{name}]": np.ascontiguousarray(run.outcomes.dwell[:, i]) for i, name in enumerate(run.codebook.stages)}
        columns["key"] = run.registry.keys
    return pa.table(columns)


def read_outcomes(folder: Path, codebook: Codebook) -> Outcomes:
    """The arrays of a run from its `customers.parquet` and `truth.parquet`.

    Parameters
    ----------
    folder : Path
        Of a saved run.
    codebook : Codebook
        Its names.
    """
    import pyarrow.parquet as pq

    seen, true = pq.read_table(folder / "customers.parquet"), pq.read_table(folder / "truth.parquet")
    n = seen.num_rows
    customers = np.zeros(n, OUTCOME)
    for name in (*_MONEY_COLUMNS, *_TOUCH_COLUMNS, *_STATE_COLUMNS):
        customers[name] = seen[name].to_numpy()
    for i, name in enumerate(RETENTION_COLUMNS):
        customers["retained"][:, i] = seen[name].cast("int8").fill_null(UNOBSERVED).to_numpy()
    customers["held_out"] = seen["held_out"].cast("int8").to_numpy()
    customers["interest"] = true["interest"].combine_chunks().indices.fill_null(-1).to_numpy()
    for name in ("persona", "stage"):
        customers[name] = true[name].combine_chunks().indices.to_numpy()
    outcomes = Outcomes(
        customers=customers,
        moments=np.zeros((n, len(codebook.moments))),
        dwell=np.zeros((n, len(codebook.stages)), np.float32),
        reach=np.zeros((n, len(codebook.channels), len(CHANNEL_TOUCHES)), np.uint16),
        desks=np.zeros((n, len(codebook.desks)), DESK_OUTCOME),
    )
    for i, name in enumerate(CustomerColumns.of(codebook).moments):
        outcomes.moments[:, i] = seen[name].to_numpy()
    for i, name in enumerate(codebook.stages):
        outcomes.dwell[:, i] = true[f"days[{name}]"].to_numpy()
    for column, i, j in _touch_columns(codebook):
        outcomes.reach[:, i, j] = seen[column].to_numpy()
    for column, array in _desk_columns(codebook, outcomes.desks):
        array[:] = seen[column].to_numpy()
    return outcomes


def read_population_registry(folder: Path, codebook: Codebook, initial: int) -> PopulationRegistry:
    """Who was there, from a run's `customers.parquet` and `truth.parquet`.

    Parameters
    ----------
    folder : Path
        Of a saved run.
    codebook : Codebook
        Its names.
    initial : int
        Customers at first.
    """
    import pyarrow as pa
    import pyarrow.compute as pc
    import pyarrow.parquet as pq

    columns = CustomerColumns.of(codebook).attributes[-1:] if codebook.acquisition else ()
    seen = pq.read_table(folder / "customers.parquet", columns=[*columns, _REFERRED_BY]).slice(initial)
    key = pq.read_table(folder / "truth.parquet", columns=["key"])["key"].slice(initial)
    by = np.full(len(seen), -1, np.int32)
    for column in columns:
        codes = pc.index_in(seen[column], value_set=pa.array(codebook.acquisition, pa.string()))
        by = codes.fill_null(-1).to_numpy().astype(np.int32)
    return PopulationRegistry(initial, key.to_numpy(), by, seen[_REFERRED_BY].fill_null(-1).to_numpy())


def table_to_pandas(table: Any) -> "pd.DataFrame":
    """The table in pandas, with truth values and numbers of customers that may be null.

    Parameters
    ----------
    table : pyarrow.Table
        As made here.
    """
    import pandas as pd
    import pyarrow as pa

    frame = table.to_pandas(types_mapper={pa.bool_(): pd.BooleanDtype()}.get)
    return frame.astype({_REFERRED_BY: "Int64"}) if _REFERRED_BY in frame else frame


def _touch_columns(codebook: Codebook) -> Iterator[tuple[str, int, int]]:
    """Name, channel and touch of each column of counts."""
    for i, channel in enumerate(codebook.channels):
        for j, touch in enumerate(CHANNEL_TOUCHES):
            yield f"{touch}[{channel}]", i, j


def _desk_columns(codebook: Codebook, served: Array) -> Iterator[tuple[str, Array]]:
    """Name and values of each column of what was asked of a desk."""
    for i, desk in enumerate(codebook.desks):
        of = served[:, i]
        yield f"asks[{desk}]", of["asks"]
        yield f"asked_again[{desk}]", of["joined"]
        for reply in ReplyCode:
            yield f"{REPLY_NAMES[reply]}[{desk}]", of["replies"][:, reply]
        yield f"waited_days[{desk}]", of["waited"]
        yield f"service_days[{desk}]", of["service"]


def _label_column(codes: Array, names: tuple[str, ...], *, mask: Array | None = None) -> Any:
    """Codes as a dictionary of names, null where masked."""
    import pyarrow as pa

    indices = pa.array(np.ascontiguousarray(codes), mask=mask)
    return pa.DictionaryArray.from_arrays(indices, pa.array(list(names), pa.string()))

"""A run's arrays as tables and back: what the firm could know of each customer, and what is true.

Lives here: columns and their names. Does not live here: the record (result.py), metrics.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from cjsim.engine.census import Census
from cjsim.model.codes import LAST_REACH, RETENTION_DAYS, UNOBSERVED, Reply, Touch
from cjsim.model.plan import Codebook
from cjsim.model.state import OUTCOME, SERVED
from cjsim.model.world import Records

if TYPE_CHECKING:
    import pandas as pd

    from cjsim.engine.result import Run

REACHES = tuple(touch.name.lower() for touch in Touch if touch <= LAST_REACH)  # last axis of `Outcomes.reach`
REPLIES = tuple(reply.name.lower() for reply in Reply)
RETAINED = tuple(f"retained_{days:.0f}d" for days in RETENTION_DAYS)
_MONEY = ("entered", "revenue", "margin", "cost", "discounts", "clv", "purchases", "first_purchase", "last_purchase")
_CONTACTS = ("contacts", "opens", "clicks", "unsubscribes", "complaints", "opt_outs", "flows", "redemptions")
_TOUCHES = (*_CONTACTS, "collisions", "referrals", "events")
_STATE = ("satisfaction", "pressure")
_BROUGHT = "referred_by"  # the customer who referred this one
assert {*_MONEY, *_TOUCHES, *_STATE, "retained", "persona", "stage", "interest", "held_out"} == set(OUTCOME.names or ())


class Outcomes(NamedTuple):
    """What became of each customer, in the order of their numbers."""

    customers: Records  # OUTCOME, (n,)
    moments: Records  # f8, (n, n_moments): days since the start; nan not reached
    dwell: Records  # f4, (n, n_stages): days in each stage
    reach: Records  # u2, (n, n_channels, len(REACHES)): counts by channel and touch
    desks: Records  # SERVED, (n, n_desks)

    def stretch(self, first: int, count: int) -> "Outcomes":
        """Those of some customers: views.

        Parameters
        ----------
        first, count : int
            Rows.
        """
        return Outcomes(*(array[first : first + count] for array in self))

    @classmethod
    def joined(cls, parts: list["Outcomes"]) -> "Outcomes":
        """Those of several cohorts, one after another; of one, its own arrays.

        Parameters
        ----------
        parts : list of Outcomes
            At least one. Emptied: arrays are let go as soon as they are copied, so that there is never twice of all.
        """
        if len(parts) == 1:
            return parts.pop()
        fields = [list(arrays) for arrays in zip(*parts, strict=True)]
        parts.clear()
        return cls(*(np.concatenate(fields.pop(0)) for _ in cls._fields))


class Columns(NamedTuple):
    """Names of the columns of a customers table that depend on the scenario, in the order of their codes."""

    attributes: tuple[str, ...]
    moments: tuple[str, ...]

    @classmethod
    def of(cls, codebook: Codebook) -> "Columns":
        """As the scenario names them; where that is the name of another column, with the kind in front."""
        taken = {"customer", "stage", "held_out", _BROUGHT, *_MONEY, *_TOUCHES, *_STATE, *RETAINED}
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

    of, names = run.outcomes.customers, Columns.of(run.codebook)
    columns: dict[str, Any] = {"customer": np.arange(len(run))}
    columns |= {column: pa.array(values) for column, values in zip(names.attributes, run.people().attributes.values(), strict=True)}
    columns |= {name: np.ascontiguousarray(of[name]) for name in _MONEY}
    columns |= {column: np.ascontiguousarray(run.outcomes.moments[:, i]) for i, column in enumerate(names.moments)}
    for i, name in enumerate(RETAINED):
        kept = of["retained"][:, i]
        columns[name] = pa.array(kept == 1, mask=kept == UNOBSERVED)
    columns |= {name: np.ascontiguousarray(of[name]) for name in (*_TOUCHES, *_STATE)}
    columns["held_out"] = pa.array(of["held_out"] == 1)
    columns[_BROUGHT] = pa.array(run.census.parents, mask=run.census.parents < 0)
    hidden = np.isin(of["stage"], [run.codebook.stages.index(name) for name in run.hidden])
    columns["stage"] = _labels(of["stage"], run.codebook.stages, mask=hidden)
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
    columns["persona"] = _labels(of["persona"], run.codebook.personas)
    columns["stage"] = _labels(of["stage"], run.codebook.stages)
    columns["interest"] = _labels(of["interest"], run.codebook.interests, mask=of["interest"] < 0)
    columns |= {f"trait[{name}]": np.ascontiguousarray(values) for name, values in run.people().traits.items()}
    if full:
        columns |= {f"days[{name}]": np.ascontiguousarray(run.outcomes.dwell[:, i]) for i, name in enumerate(run.codebook.stages)}
        columns["key"] = run.census.keys
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
    for name in (*_MONEY, *_TOUCHES, *_STATE):
        customers[name] = seen[name].to_numpy()
    for i, name in enumerate(RETAINED):
        customers["retained"][:, i] = seen[name].cast("int8").fill_null(UNOBSERVED).to_numpy()
    customers["held_out"] = seen["held_out"].cast("int8").to_numpy()
    customers["interest"] = true["interest"].combine_chunks().indices.fill_null(-1).to_numpy()
    for name in ("persona", "stage"):
        customers[name] = true[name].combine_chunks().indices.to_numpy()
    outcomes = Outcomes(
        customers=customers,
        moments=np.zeros((n, len(codebook.moments))),
        dwell=np.zeros((n, len(codebook.stages)), np.float32),
        reach=np.zeros((n, len(codebook.channels), len(REACHES)), np.uint16),
        desks=np.zeros((n, len(codebook.desks)), SERVED),
    )
    for i, name in enumerate(Columns.of(codebook).moments):
        outcomes.moments[:, i] = seen[name].to_numpy()
    for i, name in enumerate(codebook.stages):
        outcomes.dwell[:, i] = true[f"days[{name}]"].to_numpy()
    for column, i, j in _touch_columns(codebook):
        outcomes.reach[:, i, j] = seen[column].to_numpy()
    for column, array in _desk_columns(codebook, outcomes.desks):
        array[:] = seen[column].to_numpy()
    return outcomes


def read_census(folder: Path, codebook: Codebook, initial: int) -> Census:
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

    columns = Columns.of(codebook).attributes[-1:] if codebook.acquisition else ()
    seen = pq.read_table(folder / "customers.parquet", columns=[*columns, _BROUGHT]).slice(initial)
    key = pq.read_table(folder / "truth.parquet", columns=["key"])["key"].slice(initial)
    by = np.full(len(seen), -1, np.int32)
    for column in columns:
        codes = pc.index_in(seen[column], value_set=pa.array(codebook.acquisition, pa.string()))
        by = codes.fill_null(-1).to_numpy().astype(np.int32)
    return Census(initial, key.to_numpy(), by, seen[_BROUGHT].fill_null(-1).to_numpy())


def as_frame(table: Any) -> "pd.DataFrame":
    """The table in pandas, with truth values and numbers of customers that may be null.

    Parameters
    ----------
    table : pyarrow.Table
        As made here.
    """
    import pandas as pd
    import pyarrow as pa

    frame = table.to_pandas(types_mapper={pa.bool_(): pd.BooleanDtype()}.get)
    return frame.astype({_BROUGHT: "Int64"}) if _BROUGHT in frame else frame


def _touch_columns(codebook: Codebook) -> Iterator[tuple[str, int, int]]:
    """Name, channel and touch of each column of counts."""
    for i, channel in enumerate(codebook.channels):
        for j, touch in enumerate(REACHES):
            yield f"{touch}[{channel}]", i, j


def _desk_columns(codebook: Codebook, served: Records) -> Iterator[tuple[str, Records]]:
    """Name and values of each column of what was asked of a desk."""
    for i, desk in enumerate(codebook.desks):
        of = served[:, i]
        yield f"asks[{desk}]", of["asks"]
        yield f"asked_again[{desk}]", of["joined"]
        for reply in Reply:
            yield f"{REPLIES[reply]}[{desk}]", of["replies"][:, reply]
        yield f"waited_days[{desk}]", of["waited"]
        yield f"service_days[{desk}]", of["service"]


def _labels(codes: Records, names: tuple[str, ...], *, mask: Records | None = None) -> Any:
    """Codes as a dictionary of names, null where masked."""
    import pyarrow as pa

    indices = pa.array(np.ascontiguousarray(codes), mask=mask)
    return pa.DictionaryArray.from_arrays(indices, pa.array(list(names), pa.string()))

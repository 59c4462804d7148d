"""The table of a simulated trial: one row per customer assigned to an arm, with features known at assignment and outcomes after it.

Everything except the attributes comes from the event log, so the features contain only what the firm knew: log rows before the customer's
first `exposed` row of the experiment. Rows with the same time keep their order in the log.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from cjsim.engine.run_record import RunRecord
from cjsim.errors import InputError, format_error
from cjsim.eventlog import EventLog
from cjsim.kernels.codes import N_TOUCH_CODES, TouchCode
from cjsim.kernels.world import Array
from cjsim.simulation.customer_profiles import CustomerProfiles
from cjsim.simulation.customer_tables import CustomerColumns
from cjsim.simulation.segments.experiment_arms import draw_arms, first_exposures
from cjsim.uplift.trials.exported_trials import OUTCOME_SUMS

if TYPE_CHECKING:
    import pandas as pd

_MICROSECONDS_PER_DAY = 86_400e6
_ROUNDING = 1.0 / _MICROSECONDS_PER_DAY  # the log rounds times to microseconds
_COLUMNS = ("customer", "event", "stage", "time", "value")
_SHORTER_WINDOW = "Use a shorter window, or simulate a longer horizon."
_NONE = np.iinfo(np.int64).max  # no such row


def trial_table(
    run: RunRecord, log: EventLog, profiles: CustomerProfiles, experiment: str, *, follow_up_days: float | None = None
) -> "pd.DataFrame":
    """Return the table of a trial.

    Parameters
    ----------
    run : RunRecord
        The run.
    log : EventLog
        Its event log.
    profiles : CustomerProfiles
        Attributes of its customers.
    experiment : str
        Name of an experiment of the run.
    follow_up_days : float, optional
        Number of days after the assignment during which outcomes are counted. Customers who are not observed for that long are left out. By
        default, outcomes are counted until the end of the simulation.

    Returns
    -------
    pandas.DataFrame
        One row per exposed customer, by customer number.

    Raises
    ------
    InputError
        If no exposed customer is observed for `follow_up_days`.
    """
    import pandas as pd

    arms, assigned = draw_arms(run, experiment), first_exposures(run, experiment)
    limit, entered = run.provenance.follow_up_days, run.outcomes.customers["entered"]
    ends = np.full(len(run), run.provenance.horizon) if limit is None else np.minimum(run.provenance.horizon, entered + limit)
    until = ends if follow_up_days is None else np.minimum(ends, assigned + follow_up_days)
    is_kept = ~np.isnan(assigned) if follow_up_days is None else assigned + follow_up_days <= ends
    if follow_up_days is not None:
        _require_rows(is_kept, ends - assigned, follow_up_days)
    totals = _read_totals(run, log, arms, assigned, until)
    columns: dict[str, Any] = {
        "customer": np.arange(len(run)),
        "arm": pd.Categorical.from_codes(arms, list(run.codebook.experiments[experiment])),
        "assigned_day": assigned,
        "observed_days": np.minimum(ends - assigned, np.inf if follow_up_days is None else follow_up_days),
        "days_since_entry": assigned - entered,
        "stage_before": pd.Categorical.from_codes(totals.stage_before, list(run.codebook.stages)),
        **{f"{name}_before": values for name, values in totals.before.items()},
        "days_since_purchase": _days_since(assigned, totals.last_purchase),
        "days_since_contact": _days_since(assigned, totals.last_contact),
        **totals.after,
        "retained": _retained(run, totals.stage_after),
    }
    columns |= {_free_name(name, columns): values for name, values in _attribute_columns(run, profiles).items()}
    return pd.DataFrame(columns)[is_kept].reset_index(drop=True)


@dataclass
class _Totals:
    """Sums over the log rows of each customer before and after the assignment."""

    n: int
    events: tuple[str, ...]  # of the journey
    before: dict[str, Array] = field(init=False)
    after: dict[str, Array] = field(init=False)

    def __post_init__(self) -> None:
        def counts() -> dict[str, Array]:
            return {name: np.zeros(self.n, np.float64 if name == "revenue" else np.int64) for name in OUTCOME_SUMS}

        self.before = counts() | {f"events[{name}]": np.zeros(self.n, np.int64) for name in self.events}
        self.after = counts()
        self.stage_before, self.stage_after = np.full(self.n, -1), np.full(self.n, -1)
        self.last_purchase, self.last_contact = np.full(self.n, -np.inf), np.full(self.n, -np.inf)

    def add(self, rows: "_LogRows", is_chosen: Array, *, is_before: bool) -> None:
        """Add log rows to the sums before or after the assignment."""
        found = self.before if is_before else self.after
        is_purchase = is_chosen & (rows.event >= N_TOUCH_CODES) & (rows.value != 0)
        kinds = {"contacts": TouchCode.DELIVERED, "opens": TouchCode.OPENED, "clicks": TouchCode.CLICKED}
        masks = {name: is_chosen & (rows.event == code) for name, code in kinds.items()}
        masks["opt_outs"] = is_chosen & np.isin(rows.event, [TouchCode.UNSUBSCRIBED, TouchCode.COMPLAINED, TouchCode.OPTED_OUT])
        masks["purchases"] = is_purchase
        for name, mask in masks.items():
            np.add.at(found[name], rows.customer[mask], 1)
        np.add.at(found["revenue"], rows.customer[is_purchase], rows.value[is_purchase])
        if is_before:
            for code, name in enumerate(self.events, N_TOUCH_CODES):
                np.add.at(found[f"events[{name}]"], rows.customer[is_chosen & (rows.event == code)], 1)
            np.maximum.at(self.last_purchase, rows.customer[is_purchase], rows.time[is_purchase])
            np.maximum.at(self.last_contact, rows.customer[masks["contacts"]], rows.time[masks["contacts"]])


@dataclass(frozen=True)
class _LogRows:
    """Consecutive rows of the log, with codes in place of names (-1: none)."""

    index: Array  # of the row in the log
    customer: Array
    event: Array
    stage: Array
    time: Array  # days since the start
    value: Array  # 0 without a value


def require_no_existing_customers(count: int | None) -> None:
    """Raise if customers exist before day 0, because the log of a trial begins on day 0.

    Parameters
    ----------
    count : int or None
        Number of existing customers.

    Raises
    ------
    InputError
        If there are any.
    """
    if count:
        must, remedy = "must come from a run without existing customers", "Remove `existing`: the log begins on day 0, so it lacks what the"
        raise InputError(format_error("trial", must, f"{count:,}", f"{remedy} firm knew of them before."))


def _require_rows(is_kept: Array, observed: Array, days: float) -> None:
    """Raise if exposed customers exist, but none of them is observed for this number of days."""
    if is_kept.any() or np.isnan(observed).all():
        return
    longest = math.floor(float(np.nanmax(observed)) * 1000) / 1000
    must = f"must count outcomes for at most {longest} days, the longest time for which a customer is observed after the assignment"
    raise InputError(format_error("trial", must, f"{days:g} days", _SHORTER_WINDOW))


def require_window_within(days: float, simulated_days: float) -> None:
    """Raise if the outcomes of a trial are counted for longer than any customer is simulated.

    Parameters
    ----------
    days : float
        Days after the assignment during which outcomes are counted.
    simulated_days : float
        Maximum number of days from entry for which a customer is simulated.

    Raises
    ------
    InputError
        If the first number is larger.
    """
    if days > simulated_days:
        must = f"must count outcomes for at most {simulated_days:g} days, the longest time for which a customer is simulated"
        raise InputError(format_error("trial", must, f"{days:g} days", _SHORTER_WINDOW))


def _read_totals(run: RunRecord, log: EventLog, arms: Array, assigned: Array, until: Array) -> _Totals:
    """Sum the log rows of each customer before the assignment, and from there to `until` (days)."""
    assignment = np.full(len(run), _NONE)
    for rows in _log_rows(run, log):
        is_exposure = (rows.event == TouchCode.EXPOSED) & (rows.value == arms[rows.customer])
        is_first = is_exposure & (rows.time >= assigned[rows.customer] - _ROUNDING)
        np.minimum.at(assignment, rows.customer[is_first], rows.index[is_first])
    totals = _Totals(len(run), tuple(name for name in run.codebook.events[N_TOUCH_CODES:]))
    next_stage, last_stage = np.full(len(run), -2), np.full(len(run), -1)
    for rows in _log_rows(run, log):
        at = assignment[rows.customer]
        is_after = (rows.index > at) & (rows.time < until[rows.customer] - _ROUNDING / 2)
        totals.add(rows, (rows.index < at) & (at < _NONE), is_before=True)
        totals.add(rows, is_after, is_before=False)
        is_assignment = rows.index == at
        totals.stage_before[rows.customer[is_assignment]] = rows.stage[is_assignment]
        seen = is_after | is_assignment
        last_stage[rows.customer[seen]] = rows.stage[seen]
        later = np.flatnonzero((rows.index > at) & ~is_after & (next_stage[rows.customer] == -2))[::-1]  # the first row wins
        next_stage[rows.customer[later]] = rows.stage[later]
    final = run.outcomes.customers["stage"].astype(np.int64)
    is_hidden = np.isin(final, [run.codebook.stages.index(name) for name in run.hidden])
    totals.stage_after[:] = np.where(next_stage == -2, np.where(is_hidden, last_stage, final), next_stage)
    return totals


def _log_rows(run: RunRecord, log: EventLog) -> Iterator[_LogRows]:
    """Iterate over the log in batches."""
    start, first = np.datetime64(run.provenance.start, "us").astype(np.int64), 0
    for batch in log.batches(list(_COLUMNS)):
        customer, event, stage, time, value = batch.columns
        yield _LogRows(
            index=np.arange(first, first + len(customer)),
            customer=customer.to_numpy(),
            event=_codes(event, run.codebook.events),
            stage=_codes(stage, run.codebook.stages),
            time=(time.cast("int64").to_numpy() - start) / _MICROSECONDS_PER_DAY,
            value=value.fill_null(0.0).to_numpy(),
        )
        first += len(customer)


def _codes(column: Any, names: tuple[str, ...]) -> Array:
    """Convert a dictionary column to codes in `names`, -1 for null."""
    codes = np.array([*(names.index(name) for name in column.dictionary.to_pylist()), -1])
    return np.asarray(codes[column.indices.fill_null(-1).to_numpy()])


def _days_since(assigned: Array, last: Array) -> Array:
    """Return the days from a time to the assignment; nan if there is no such time."""
    return np.where(np.isinf(last), np.nan, np.maximum(assigned - last, 0.0))


def _retained(run: RunRecord, stage: Array) -> Array:
    """Return 1 for customers who were last observed in a retained stage, else 0."""
    return np.isin(stage, [run.codebook.stages.index(name) for name in run.retained]).astype(np.int64)


def _attribute_columns(run: RunRecord, profiles: CustomerProfiles) -> dict[str, Array]:
    names = CustomerColumns.of(run.codebook).attributes
    return dict(zip(names, profiles.attributes.values(), strict=True))


def _free_name(name: str, taken: dict[str, Any]) -> str:
    """Return a column name for an attribute that differs from all other names."""
    return name if name not in taken else f"attribute_{name}"

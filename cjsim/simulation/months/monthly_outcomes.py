"""What each customer did in each calendar month, from runs of the same customers that stop at the end of each month.

A run that stops at the end of a month is identical, up to that time, to one that continues. What happened in a month is the difference
between the totals at its end and at the end of the month before.
"""

from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import NamedTuple

import numpy as np

from cjsim.engine.run_record import RunRecord
from cjsim.kernels.world import Array
from cjsim.metrics.catalog import find_metric_definition
from cjsim.metrics.definitions.cost_breakdown import paid_shared_costs
from cjsim.metrics.ratios import mean_of_outcome
from cjsim.simulation.months.calendar_months import CalendarMonths

AMOUNTS = ("purchases", "revenue", "margin", "contacts", "opt_outs")  # fields of OUTCOME
OWN_COST = "own_cost"  # costs of the customer alone: all but acquisition spend, wages and fixed costs


class MonthlyOutcomes(NamedTuple):
    """Outcomes by calendar month and customer, in the order of the customers of a run.

    Attributes
    ----------
    months : CalendarMonths
        The months.
    entered, retained : ndarray of bool, shape (n_months, n_customers)
        Who had entered by the end of each month, and who was in a retained stage then.
    amounts : Mapping of str to ndarray of float64, shape (n_months, n_customers)
        What happened in each month: AMOUNTS, in money or as counts, and OWN_COST, in money.
    shared_costs : ndarray of float64, shape (n_months,)
        Acquisition spend, wages and fixed costs of all simulated customers in each month, in money.
    """

    months: CalendarMonths
    entered: Array
    retained: Array
    amounts: Mapping[str, Array]
    shared_costs: Array

    @classmethod
    def of(cls, run: RunRecord, months: CalendarMonths, runs_by_month: Iterable[RunRecord]) -> "MonthlyOutcomes":
        """Compute the outcomes of each month.

        Parameters
        ----------
        run : RunRecord
            The run, until the horizon.
        months : CalendarMonths
            Its months.
        runs_by_month : iterable of RunRecord
            The same run until the end of each month, in order; the last one is `run`. Only one at a time is kept in memory.

        Returns
        -------
        MonthlyOutcomes
        """
        shape = (len(months.names), len(run))
        entered, retained, shared = np.zeros(shape, bool), np.zeros(shape, bool), np.zeros(shape[0])
        amounts = {name: np.zeros(shape) for name in (*AMOUNTS, OWN_COST)}
        before, shared_before = {name: np.zeros(shape[1]) for name in amounts}, 0.0
        for month, record in enumerate(runs_by_month):
            positions = _positions(run, record)
            stages = [record.codebook.stages.index(name) for name in record.retained]
            entered[month, positions] = record.entered
            retained[month, positions] = record.entered & np.isin(record.outcomes.customers["stage"], stages)
            totals, shared_total = _totals(record)
            for name, values in totals.items():
                so_far = np.zeros(shape[1])
                so_far[positions] = values
                amounts[name][month] = so_far - before[name]
                before[name] = so_far
            shared[month], shared_before = shared_total - shared_before, shared_total
        for array in (entered, retained, shared, *amounts.values()):
            array.flags.writeable = False
        return cls(months, entered, retained, MappingProxyType(amounts), shared)

    def __reduce__(self) -> tuple[type, tuple[object, ...]]:  # pickle cannot copy the read-only mapping
        return MonthlyOutcomes, (self.months, self.entered, self.retained, dict(self.amounts), self.shared_costs)


def _totals(record: RunRecord) -> tuple[dict[str, Array], float]:
    """Return the amounts of each customer up to the horizon of a run, and the costs that its customers share."""
    totals = {name: mean_of_outcome(name)(record).numerator for name in AMOUNTS}
    own_cost = find_metric_definition(record, "cost").terms(record).numerator
    return totals | {OWN_COST: own_cost}, paid_shared_costs(record)


def _positions(run: RunRecord, record: RunRecord) -> Array:
    """Return the row in `run` of each customer of a run that stops earlier. Referred customers may be in different rows there."""
    if np.array_equal(run.keys[: len(record)], record.keys):
        return np.arange(len(record))
    order = np.argsort(run.keys)
    positions = order[np.minimum(np.searchsorted(run.keys, record.keys, sorter=order), len(order) - 1)]
    assert np.array_equal(run.keys[positions], record.keys), "a customer who is not in the longer run"
    return np.asarray(positions)

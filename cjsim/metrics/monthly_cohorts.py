"""Metrics by month of entry."""

from collections.abc import Sequence
from datetime import date
from typing import TYPE_CHECKING

import numpy as np

from cjsim.engine.run_record import RunRecord
from cjsim.metrics.catalog import find_metric_definition
from cjsim.metrics.cluster_sample import ClusterSample
from cjsim.metrics.confidence_intervals import estimate_metric

if TYPE_CHECKING:
    import pandas as pd


def monthly_cohorts(
    run: RunRecord, *, metrics: Sequence[str] = ("conversion", "retention_30d", "retention_90d", "revenue")
) -> "pd.DataFrame":
    """Estimate metrics by month of entry.

    Parameters
    ----------
    run : RunRecord
        The run.
    metrics : sequence of str
        Names of metrics.

    Returns
    -------
    pandas.DataFrame
        One row per month in which customers entered. Columns: `month` (period), number `n` of customers, and for each metric `<metric>`,
        `<metric>_low` and `<metric>_high`.

    Raises
    ------
    InputError
        If a metric does not exist.
    """
    import pandas as pd

    entered = run.entered
    days = np.floor(np.where(entered, run.outcomes.customers["entered"], 0.0)).astype("timedelta64[D]")
    month_of_customer = (np.datetime64(date.fromisoformat(run.provenance.start), "D") + days).astype("datetime64[M]")
    definitions = [find_metric_definition(run, name) for name in metrics]
    months = np.unique(month_of_customer[entered])
    cohorts = [entered & (month_of_customer == month) for month in months]
    table = {"month": pd.PeriodIndex(months, freq="M"), "n": [int(cohort.sum()) for cohort in cohorts]}
    sample = ClusterSample.from_run(run)
    for definition in definitions:
        terms = definition.terms(run)
        estimates = [estimate_metric(terms.restricted_to(cohort), definition.unit, sample) for cohort in cohorts]
        table[definition.name] = [estimate.value for estimate in estimates]
        table[f"{definition.name}_low"] = [estimate.low for estimate in estimates]
        table[f"{definition.name}_high"] = [estimate.high for estimate in estimates]
    return pd.DataFrame(table)

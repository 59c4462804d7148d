"""All metrics of a run: each is defined once, and measured and compared from that definition. (part)."""

from collections.abc import Sequence
from datetime import date
from typing import TYPE_CHECKING

import numpy as np

from cjsim.engine.run_record import RunRecord
from cjsim.metrics.cluster_sample import ClusterSample
from cjsim.metrics.confidence_intervals import estimate_metric

if TYPE_CHECKING:
    import pandas as pd
from cjsim.metrics.catalog import find_metric_definition


def monthly_cohorts(
    run: RunRecord, *, metrics: Sequence[str] = ("conversion", "retention_30d", "retention_90d", "revenue")
) -> "pd.DataFrame":
    """Metrics by month of entry.

    Parameters
    ----------
    run : RunRecord
        A run whose customers enter over time, or one month of customers.
    metrics : sequence of str
        Names of metrics.

    Returns
    -------
    pandas.DataFrame
        One row a month in which customers entered: `month` (period), `n` customers, and for each metric its value, `_low` and `_high`.

    Raises
    ------
    InputError
        If a metric does not exist.
    """
    import pandas as pd

    entered = run.entered
    day = np.floor(np.where(entered, run.outcomes.customers["entered"], 0.0)).astype("timedelta64[D]")
    months = (np.datetime64(date.fromisoformat(run.provenance.start), "D") + day).astype("datetime64[M]")
    chosen = [find_metric_definition(run, name) for name in metrics]
    present = [entered & (months == month) for month in np.unique(months[entered])]
    table = {"month": pd.PeriodIndex(np.unique(months[entered]), freq="M"), "n": [int(rows.sum()) for rows in present]}
    sample = ClusterSample.from_run(run)
    for definition in chosen:
        terms = definition.terms(run)
        found = [estimate_metric(terms.restricted_to(rows), definition.unit, sample) for rows in present]
        table[definition.name] = [metric.value for metric in found]
        table[f"{definition.name}_low"] = [metric.low for metric in found]
        table[f"{definition.name}_high"] = [metric.high for metric in found]
    return pd.DataFrame(table)

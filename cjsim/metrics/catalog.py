"""All metrics of a run: each is defined once, and measured and compared from that definition.

Lives here: the list, and measuring it. Does not live here: what a metric is (value.py, retention.py,
acquisition.py, journey.py, contacts.py, desks.py).
"""

from collections.abc import Mapping, Sequence
from datetime import date
from types import MappingProxyType
from typing import TYPE_CHECKING

import numpy as np

from cjsim.engine.result import Metric, Run
from cjsim.errors import InputError, complaint, unknown_name
from cjsim.metrics import acquisition, contacts, desks, journey, retention, value
from cjsim.metrics.estimate import Definition, estimate
from cjsim.metrics.sample import Sample
from cjsim.model.plan import Codebook

if TYPE_CHECKING:
    import pandas as pd


def definitions(codebook: Codebook) -> dict[str, Definition]:
    """Every metric that runs with these names have, by name, in the order of tables.

    Parameters
    ----------
    codebook : Codebook
        Names of moments, stages, channels, desks and acquisition channels.
    """
    found = [*retention.definitions(), *value.definitions(), *acquisition.definitions(codebook)]
    found += [*journey.definitions(codebook), *contacts.definitions(codebook), *desks.definitions(codebook)]
    return {definition.name: definition for definition in found}


def definition_of(run: Run, metric: str) -> Definition:
    """One metric by its name.

    Parameters
    ----------
    run : Run
        Whose names count.
    metric : str
        Such as 'clv' or 'open_rate[email]'.

    Raises
    ------
    InputError
        If there is none of that name.
    """
    found = definitions(run.codebook)
    if metric not in found:
        raise InputError(complaint("metric", *unknown_name(metric, found, "metric")))
    return found[metric]


def measure(run: Run) -> Mapping[str, Metric]:
    """Every metric of a run with its interval; one at a time, so that memory stays small."""
    sample = Sample.of(run)
    return MappingProxyType({name: estimate(of.terms(run), of.unit, sample) for name, of in definitions(run.codebook).items()})


def cohorts(run: Run, *, metrics: Sequence[str] = ("conversion", "retention_30d", "retention_90d", "revenue")) -> "pd.DataFrame":
    """Metrics by month of entry.

    Parameters
    ----------
    run : Run
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
    chosen = [definition_of(run, name) for name in metrics]
    present = [entered & (months == month) for month in np.unique(months[entered])]
    table = {"month": pd.PeriodIndex(np.unique(months[entered]), freq="M"), "n": [int(rows.sum()) for rows in present]}
    sample = Sample.of(run)
    for definition in chosen:
        terms = definition.terms(run)
        found = [estimate(terms.within(rows), definition.unit, sample) for rows in present]
        table[definition.name] = [metric.value for metric in found]
        table[f"{definition.name}_low"] = [metric.low for metric in found]
        table[f"{definition.name}_high"] = [metric.high for metric in found]
    return pd.DataFrame(table)

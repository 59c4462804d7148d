"""How far customers come: entry, moments that matter, stages, satisfaction.

Lives here: what these metrics are. Does not live here: their arithmetic (estimate.py).
"""

from collections.abc import Callable

import numpy as np

from cjsim.engine.result import Run
from cjsim.metrics.estimate import SHARE, Definition, Terms, among, mean_of, per_customer
from cjsim.model.plan import Codebook

FIRST_VALUE = "first_value"


def definitions(codebook: Codebook) -> list[Definition]:
    """Metrics of a journey's moments and stages.

    Parameters
    ----------
    codebook : Codebook
        Names of moments (the conversion first, which is a metric of retention.py) and stages.
    """
    found = [
        Definition("entered", SHARE, "customers who entered by the horizon", _entered, detail=True),
        Definition("satisfaction", "0 to 1", "satisfaction at the horizon", mean_of("satisfaction")),
    ]
    moments = list(enumerate(codebook.moments))[1:]
    for i, name in moments:
        if name == FIRST_VALUE:
            found.append(Definition("activation", SHARE, "customers who reached their first value", _reached(i)))
            title = "entry to first value, of those who reached it"
            found.append(Definition("time_to_first_value", "days", title, _time_to(i), selected=True))
    found += [Definition(f"reached[{name}]", SHARE, f"customers who reached {name}", _reached(i), detail=True) for i, name in moments]
    for i, name in enumerate(codebook.stages):
        found.append(Definition(f"stage_reached[{name}]", SHARE, f"customers who were in {name}", _visited(i), detail=True))
        found.append(Definition(f"stage_days[{name}]", "days", f"days in {name} per customer", _days_in(i), detail=True))
    return found


def _entered(run: Run) -> Terms:
    return Terms(run.entered.astype(np.float64), np.ones(len(run), bool))


def _reached(moment: int) -> Callable[[Run], Terms]:
    return lambda run: per_customer(run, ~np.isnan(run.outcomes.moments[:, moment]))


def _time_to(moment: int) -> Callable[[Run], Terms]:
    def terms(run: Run) -> Terms:
        days = run.outcomes.moments[:, moment] - run.outcomes.customers["entered"]
        reached = ~np.isnan(days)
        return among(run, np.where(reached, days, 0.0), reached)

    return terms


def _visited(stage: int) -> Callable[[Run], Terms]:
    # The stage at the horizon may have begun that instant; one left in the instant of its beginning is not seen here.
    return lambda run: per_customer(run, (run.outcomes.dwell[:, stage] > 0) | (run.outcomes.customers["stage"] == stage))


def _days_in(stage: int) -> Callable[[Run], Terms]:
    return lambda run: per_customer(run, run.outcomes.dwell[:, stage])

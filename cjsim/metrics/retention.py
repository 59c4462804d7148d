"""Who converts, stays and leaves; and the same by month of entry.

Lives here: what these metrics are. Does not live here: their arithmetic (estimate.py).
"""

from collections.abc import Callable

import numpy as np

from cjsim.engine.result import Run
from cjsim.metrics.estimate import SHARE, Definition, Terms, among, per_customer
from cjsim.model.codes import RETENTION_DAYS, UNOBSERVED
from cjsim.model.world import Records


def definitions() -> list[Definition]:
    """Conversion, retention t days after it, churn."""
    kept = [
        Definition(f"retention_{days:.0f}d", SHARE, f"converted, in a retained stage {days:.0f} days later", _kept(i), selected=True)
        for i, days in enumerate(RETENTION_DAYS)
    ]
    churn = Definition("churn", SHARE, "converted, not in a retained stage at the horizon", _churned, selected=True)
    return [Definition("conversion", SHARE, "customers who converted", _converted), *kept, churn]


def _conversion(run: Run) -> Records:
    return np.asarray(~np.isnan(run.outcomes.moments[:, 0]))


def _converted(run: Run) -> Terms:
    return per_customer(run, _conversion(run))


def _kept(mark: int) -> Callable[[Run], Terms]:
    def terms(run: Run) -> Terms:
        retained = run.outcomes.customers["retained"][:, mark]
        # A journey without a retained stage says nothing of retention: undefined rather than 0.
        return among(run, retained == 1, (retained != UNOBSERVED) & bool(run.retained))

    return terms


def _churned(run: Run) -> Terms:
    converted = _conversion(run) & bool(run.retained)
    held = np.isin(run.outcomes.customers["stage"], [run.codebook.stages.index(name) for name in run.retained])
    return among(run, converted & ~held, converted)

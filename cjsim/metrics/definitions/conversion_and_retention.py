"""Metrics of conversion, retention at fixed times after conversion, and churn."""

from collections.abc import Callable
from functools import partial

import numpy as np

from cjsim.engine.run_record import RunRecord
from cjsim.kernels.codes import RETENTION_DAYS, UNOBSERVED
from cjsim.kernels.world import Array
from cjsim.metrics.ratios import SHARE_UNIT, MetricDefinition, RatioTerms, mean_per_customer, ratio_of_sums


def conversion_and_retention_metrics() -> list[MetricDefinition]:
    """Return the metrics of conversion, retention and churn.

    Returns
    -------
    list of MetricDefinition
    """
    selected = partial(MetricDefinition, has_selected_denominator=True)
    retained = "converters who count as retained"
    return [
        MetricDefinition("conversion", SHARE_UNIT, "customers who converted", _conversion_rate, better="higher"),
        *(
            selected(
                f"retention_{days:.0f}d",
                SHARE_UNIT,
                f"{retained} {days:.0f} days after conversion",
                _retention_rate(i),
                better="higher",
                denominator=f"converters who were observed for {days:.0f} days after conversion",
            )
            for i, days in enumerate(RETENTION_DAYS)
        ),
        selected(
            "churn",
            SHARE_UNIT,
            "converters who do not count as retained at the horizon",
            _churn_rate,
            better="lower",
            denominator="converters",
        ),
    ]


def _has_converted(run: RunRecord) -> Array:
    return np.asarray(~np.isnan(run.outcomes.moments[:, 0]))


def _conversion_rate(run: RunRecord) -> RatioTerms:
    return mean_per_customer(run, _has_converted(run))


def _retention_rate(day_index: int) -> Callable[[RunRecord], RatioTerms]:
    def terms(run: RunRecord) -> RatioTerms:
        retained = run.outcomes.customers["retained"][:, day_index]
        # If the journey has no retained stage, retention is undefined rather than 0.
        return ratio_of_sums(run, retained == 1, (retained != UNOBSERVED) & bool(run.retained))

    return terms


def _churn_rate(run: RunRecord) -> RatioTerms:
    converted = _has_converted(run) & bool(run.retained)
    is_retained = np.isin(run.outcomes.customers["stage"], [run.codebook.stages.index(name) for name in run.retained])
    return ratio_of_sums(run, converted & ~is_retained, converted)

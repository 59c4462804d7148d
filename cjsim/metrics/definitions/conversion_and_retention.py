"""Metrics of conversion, retention at fixed times after conversion, and churn."""

from collections.abc import Callable
from functools import partial

import numpy as np

from cjsim.compiler.plan import Codebook
from cjsim.engine.run_record import RunRecord
from cjsim.kernels.codes import RETENTION_DAYS, UNOBSERVED, BaseFlag
from cjsim.kernels.world import Array
from cjsim.metrics.ratios import CUSTOMERS_WHO_ENTERED, SHARE_UNIT, MetricDefinition, RatioTerms, mean_per_customer, ratio_of_sums


def conversion_and_retention_metrics(codebook: Codebook) -> list[MetricDefinition]:
    """Return the metrics of conversion, retention and churn.

    Parameters
    ----------
    codebook : Codebook
        Indicates whether customers exist before day 0.

    Returns
    -------
    list of MetricDefinition
    """
    selected = partial(MetricDefinition, has_selected_denominator=True)
    retained = "converters who count as retained"
    convertible = "customers who had not converted before day 0" if codebook.has_existing else CUSTOMERS_WHO_ENTERED
    leavers = "converters, and existing customers who were retained on day 0" if codebook.has_existing else "converters"
    return [
        MetricDefinition("conversion", SHARE_UNIT, "customers who converted", _conversion_rate, better="higher", denominator=convertible),
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
        *(_base_retention_metrics() if codebook.has_existing else ()),
        selected(
            "churn",
            SHARE_UNIT,
            f"{leavers} who do not count as retained at the horizon",
            _churn_rate,
            better="lower",
            denominator=leavers,
        ),
    ]


def _base_retention_metrics() -> list[MetricDefinition]:
    """Return the retention of existing customers, whose denominator no policy can change."""
    return [
        MetricDefinition(
            f"base_retention_{days:.0f}d",
            SHARE_UNIT,
            f"existing customers who count as retained {days:.0f} days after day 0",
            _base_retention_rate(i),
            better="higher",
            denominator=f"existing customers who were retained on day 0, and observed for {days:.0f} days",
        )
        for i, days in enumerate(RETENTION_DAYS)
    ]


def _base_retention_rate(day_index: int) -> Callable[[RunRecord], RatioTerms]:
    def terms(run: RunRecord) -> RatioTerms:
        retained = run.outcomes.customers["base_retained"][:, day_index]
        return ratio_of_sums(run, retained == 1, retained != UNOBSERVED)

    return terms


def _has_flag(run: RunRecord, flag: BaseFlag) -> Array:
    return np.asarray(run.outcomes.customers["base_flags"] & flag != 0)


def _has_converted(run: RunRecord) -> Array:
    return np.asarray(~np.isnan(run.outcomes.moments[:, 0]))


def _conversion_rate(run: RunRecord) -> RatioTerms:
    if not run.codebook.has_existing:
        return mean_per_customer(run, _has_converted(run))
    return ratio_of_sums(run, _has_converted(run), ~_has_flag(run, BaseFlag.CONVERTED))


def _retention_rate(day_index: int) -> Callable[[RunRecord], RatioTerms]:
    def terms(run: RunRecord) -> RatioTerms:
        retained = run.outcomes.customers["retained"][:, day_index]
        # If the journey has no retained stage, retention is undefined rather than 0.
        return ratio_of_sums(run, retained == 1, (retained != UNOBSERVED) & bool(run.retained))

    return terms


def _churn_rate(run: RunRecord) -> RatioTerms:
    converted = (_has_converted(run) | _has_flag(run, BaseFlag.RETAINED)) & bool(run.retained)
    is_retained = np.isin(run.outcomes.customers["stage"], [run.codebook.stages.index(name) for name in run.retained])
    return ratio_of_sums(run, converted & ~is_retained, converted)

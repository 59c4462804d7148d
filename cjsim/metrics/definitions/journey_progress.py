"""Metrics of progress along the journey: entry, moments, stages and satisfaction."""

from collections.abc import Callable
from functools import partial

import numpy as np

from cjsim.compiler.plan import Codebook
from cjsim.engine.run_record import RunRecord
from cjsim.metrics.ratios import SHARE_UNIT, MetricDefinition, RatioTerms, mean_of_outcome, mean_per_customer, ratio_of_sums

FIRST_VALUE_MOMENT = "first_value"


def journey_metrics(codebook: Codebook) -> list[MetricDefinition]:
    """Return the metrics of entry, satisfaction, moments and stages.

    Parameters
    ----------
    codebook : Codebook
        Names of moments and stages. The first moment is the conversion, which `conversion_and_retention` covers.

    Returns
    -------
    list of MetricDefinition
    """
    detail = partial(MetricDefinition, is_detail=True)
    since = " and entered from day 0 on" if codebook.has_existing else ""
    definitions = [
        MetricDefinition(
            "entered", SHARE_UNIT, "customers who entered by the horizon", _entry_rate, is_detail=True, denominator="all customers"
        ),
        MetricDefinition("satisfaction", "0 to 1", "satisfaction at the horizon", mean_of_outcome("satisfaction"), better="higher"),
    ]
    moments = list(enumerate(codebook.moments))[1:]
    for i, name in moments:
        if name == FIRST_VALUE_MOMENT:
            definitions.append(
                MetricDefinition("activation", SHARE_UNIT, "customers who reached first value", _reached_moment_rate(i), better="higher")
            )
            definitions.append(
                MetricDefinition(
                    "time_to_first_value",
                    "days",
                    f"time from entry to first value, for customers who reached it{since}",
                    _days_to_moment(i),
                    has_selected_denominator=True,
                    better="lower",
                    denominator=f"customers who reached first value{since}",
                )
            )
    definitions += [
        MetricDefinition(f"reached[{name}]", SHARE_UNIT, f"customers who reached {name}", _reached_moment_rate(i), is_detail=True)
        for i, name in moments
    ]
    for i, name in enumerate(codebook.stages):
        definitions += [
            detail(f"stage_reached[{name}]", SHARE_UNIT, f"customers who were ever in stage {name}", _visited_stage_rate(i)),
            detail(f"stage_days[{name}]", "days", f"days in stage {name} per customer", _days_in_stage(i)),
        ]
    return definitions


def _entry_rate(run: RunRecord) -> RatioTerms:
    return RatioTerms(run.entered.astype(np.float64), np.ones(len(run), bool))


def _reached_moment_rate(moment: int) -> Callable[[RunRecord], RatioTerms]:
    return lambda run: mean_per_customer(run, ~np.isnan(run.outcomes.moments[:, moment]))


def _days_to_moment(moment: int) -> Callable[[RunRecord], RatioTerms]:
    def terms(run: RunRecord) -> RatioTerms:
        days = run.outcomes.moments[:, moment] - run.outcomes.customers["entered"]
        # Customers who exist before day 0 are excluded, because only the slow ones reach the moment after day 0.
        reached = ~np.isnan(days) & run.entered_since_start
        return ratio_of_sums(run, np.where(reached, days, 0.0), reached)

    return terms


def _visited_stage_rate(stage: int) -> Callable[[RunRecord], RatioTerms]:
    # A customer may enter the last stage exactly at the horizon, with a dwell time of 0. Other visits of zero length are not counted.
    return lambda run: mean_per_customer(run, (run.outcomes.dwell[:, stage] > 0) | (run.outcomes.customers["stage"] == stage))


def _days_in_stage(stage: int) -> Callable[[RunRecord], RatioTerms]:
    return lambda run: mean_per_customer(run, run.outcomes.dwell[:, stage])

"""Tests of the models' assumptions on a purchase log: random timing, dropout, independent spend, and complete histories."""

from datetime import date
from typing import NamedTuple

import numpy as np

from cjsim.calibration.maximum_likelihood import CHI_SQUARE_95
from cjsim.calibration.model_selection import STRONG_CORRELATION, FittedSpend, FittedTiming
from cjsim.calibration.purchase_regularity import MIN_PAIRS, PurchaseRegularity, estimate_regularity, interval_pairs
from cjsim.purchase_logs.purchase_log import PurchaseHistories, PurchaseLog

_MIN_CUSTOMERS_FOR_START_CHECK, _MIN_DAYS_FOR_START_CHECK = 50, 30  # with fewer, the distribution of first purchases is unclear
# Measured with benchmarks/regular_timing.py; the table is in docs/decisions.md.
_EFFECT_OF_REGULARITY = (
    "in simulations of customers who drop out, forecasts of all purchases were 5 to 8 % too high at k = 2 and 8 to 16 % too high at k = 4, "
    "and without dropout 2 to 4 % and 2 to 7 % too low; intervals for single customers were wider than necessary"
)


class AssumptionChecks(NamedTuple):
    """Results of the tests.

    Attributes
    ----------
    regularity : PurchaseRegularity or None
        Regularity of purchase times; None if the log has too few intervals between purchases.
    warnings : tuple of str
        Violated assumptions, and their effects on the forecast.
    tested : tuple of str
        Each test with its result.
    """

    regularity: PurchaseRegularity | None
    warnings: tuple[str, ...]
    tested: tuple[str, ...]


def check_assumptions(
    log: PurchaseLog, histories: PurchaseHistories, timing: FittedTiming, spend: FittedSpend, until: date
) -> AssumptionChecks:
    """Test the assumptions of the fitted models on the calibration period.

    Violations that the models themselves report (`timing.warnings`, `spend.warnings`) are listed in `tested` only.

    Parameters
    ----------
    log : PurchaseLog
        Purchases.
    histories : PurchaseHistories
        Histories of the customers until `until`.
    timing, spend : FittedTiming, FittedSpend
        Fitted models.
    until : date
        Last day of calibration.

    Returns
    -------
    AssumptionChecks
    """
    regularity = estimate_regularity(interval_pairs(log, until))
    regularity_result, regularity_warnings = _regularity_texts(regularity)
    start_result, start_warnings = _log_start_texts(histories, log.first_day, until)
    ratio, is_found = timing.dropout_likelihood_ratio, timing.dropout_likelihood_ratio >= CHI_SQUARE_95
    dropout = f"dropout: {'found, and part of the model' if is_found else 'not found'} (likelihood ratio {ratio:.1f})"
    if spend.correlation is None:
        correlation = "dependence of spend on purchase frequency: not tested, because one of them does not vary"
    else:
        found = "found" if abs(spend.correlation) > STRONG_CORRELATION else "not found"
        correlation = f"dependence of spend on purchase frequency: {found} (correlation {spend.correlation:.2f})"
    return AssumptionChecks(regularity, (*start_warnings, *regularity_warnings), (regularity_result, dropout, correlation, start_result))


def _regularity_texts(regularity: PurchaseRegularity | None) -> tuple[str, tuple[str, ...]]:
    """Return the result of the test, and a warning if purchases are regular."""
    if regularity is None:
        return f"regular purchase times: not tested, with fewer than {MIN_PAIRS} pairs of intervals between purchases", ()
    ends = " to ".join("open" if end is None else f"{end:.2f}" for end in (regularity.low, regularity.high))
    k = f"k = {regularity.k:.2f}, 95 % interval {ends}"
    if not regularity.is_regular:
        return f"regular purchase times: not found ({k})", ()
    return f"regular purchase times: found ({k})", (
        f"purchase times are more regular than the models assume: Wheat and Morrison's {k}, from {regularity.pairs:,} pairs of intervals "
        f"between purchases, where random timing has k = 1; {_EFFECT_OF_REGULARITY}",
    )


def _log_start_texts(histories: PurchaseHistories, first: date, until: date) -> tuple[str, tuple[str, ...]]:
    """Return the result of the test, and a warning if customers seem to have bought before the log begins.

    Such customers appear as a burst of first purchases: more than half of them are in the first tenth of the calibration period, and the
    rest follow at a decreasing rate until its end (at least 5 % in the second half, at a lower rate than before). A cohort that was
    acquired within a few weeks by design, such as the CDNOW cohort, has no such tail and causes no warning.
    """
    subject = "customers who bought before the log begins"
    length = (until - first).days + 1
    if len(histories.x) < _MIN_CUSTOMERS_FOR_START_CHECK or length < _MIN_DAYS_FOR_START_CHECK:
        return f"{subject}: not tested, because there are too few customers or days", ()
    position = (histories.first_day - np.datetime64(first, "D")).astype(np.int64) / length
    burst, between, late = (float(np.mean((low <= position) & (position < high))) for low, high in ((0, 0.1), (0.1, 0.5), (0.5, 1)))
    if burst > 0.5 and late >= 0.05 and late / 0.5 <= between / 0.4:
        return f"{subject}: found", (
            f"some customers seem to have bought before the log begins: {100 * burst:.0f} % of the first purchases are in the first tenth "
            "of the calibration period, and the rest are spread over the remainder; the first purchase in the log may not be the "
            "customer's first purchase, which biases the fit; remove customers who bought before the log begins",
        )
    return f"{subject}: not found", ()

"""The choice of a design from the reports of rehearsed designs."""

from collections.abc import Sequence

from cjsim.rehearsal.analyses import NAIVE_PEEKING
from cjsim.rehearsal.results.design_report import DesignReport

_ERRORS_ALLOWED = 3.0  # Monte Carlo standard errors by which the false positive rate may exceed its nominal level


def smallest_adequate_design(designs: Sequence[DesignReport], *, power: float = 0.8) -> DesignReport | None:
    """Return the smallest design that detects the true effect often enough and keeps its nominal type I error.

    Naive peeking is never recommended: its false positive rate may be low in the rehearsed scenario, but nothing bounds it.

    Parameters
    ----------
    designs : sequence of DesignReport
        Rehearsed designs.
    power : float
        Required share of tests that are significant and have the right sign. The resampled share is used, not the closed form.

    Returns
    -------
    DesignReport or None
        The design with the fewest customers; among those, the one with the fewest days, then the one that stops earliest. None if no design
        is adequate.
    """
    adequate = [design for design in designs if _power_without_sign_errors(design) >= power and _has_nominal_error(design)]
    return min(adequate, key=lambda design: (design.size, design.days, design.enrolled_share.value), default=None)


def _power_without_sign_errors(design: DesignReport) -> float:
    """Return the share of tests that are significant and have the right sign; nan without an effect."""
    return design.power.value * (1 - design.sign_error.value) if design.power.value else 0.0


def _has_nominal_error(design: DesignReport) -> bool:
    """Return whether the looks are corrected, and the false positive rate is at most its nominal level, up to Monte Carlo error."""
    is_corrected = not design.analysis.startswith(NAIVE_PEEKING)
    return is_corrected and design.false_positive.value <= design.alpha + _ERRORS_ALLOWED * design.false_positive.error

"""Numbers that summarize a ranking by predicted uplift: Qini and AUUC in two conventions, and uplift in the top share.

Values of different conventions cannot be compared, and only the areas have a unit. None of them alone shows whether a ranking is better
than a random one, whose expected score is 0 (for `auuc_causalml`, 1/2 with the sign of the average effect): use intervals.
"""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from cjsim.json_records import JsonRecord, Number
from cjsim.uplift.curves import RankedSums, difference_of_means, qini_values, ranked_sums, uplift_values
from cjsim.uplift.row_arrays import Floats, Ints, check_fraction

Booleans = NDArray[np.bool_]
TOP_SHARE = 0.3


@dataclass(frozen=True)
class CurveScores(JsonRecord):
    """Scores of a ranking. Let q be the share of rows, Q the Qini curve, U the uplift curve, and T = Q(1) = U(1) the average effect.

    The perfect ranking in the comments below knows the outcomes: it puts treated rows with the outcome first and controls with it last.
    Even a perfect ranking by uplift scores far lower, so values of .05 to .2 are typical. The perfect ranking is defined for binary
    outcomes only. With other outcomes, this order is not the best one, so the ratio could exceed 1 (scikit-uplift issue 53); the normalized
    scores are then nan. Use the areas, which are defined for every outcome.
    """

    qini: Number  # scikit-uplift's qini_auc_score: (area of Q - T / 2) / (the same for the perfect ranking); nan unless binary
    qini_causalml: Number  # causalml's qini_score: mean of Q / |T| over rows, minus half the sign of T; can exceed 1 if T is small
    qini_area: Number  # area of Q - T / 2; outcome per treated customer
    auuc: Number  # scikit-uplift's uplift_auc_score: (area of U - T / 2) / (the same for the perfect ranking); nan unless binary
    auuc_causalml: Number  # causalml's auuc_score: mean of U / |T| over rows; nan if T is 0
    auuc_area: Number  # area of U - T / 2; outcome per customer
    uplift_at_top: Number  # difference of means in the top share, in the unit of the outcome; scikit-uplift's uplift_at_k ("overall")
    top_share: float


def curve_scores(
    y: Floats, treatment: Ints, predicted: Floats, *, weights: Floats | None = None, top_share: float = TOP_SHARE
) -> CurveScores:
    """Score a ranking by predicted uplift.

    Parameters
    ----------
    y : ndarray of float64, shape (n,)
        Outcome.
    treatment : ndarray of int64, shape (n,)
        0 for the control, 1 for the treated arm.
    predicted : ndarray of float64, shape (n,)
        Predicted uplift, from a model that has not seen these rows. Ties are averaged over random orders; see `curves`.
    weights : ndarray of float64, shape (n,), or None
        Inverse of the probability of the row's own arm; None if it is constant within each arm.
    top_share : float
        Share of rows for `uplift_at_top`, in (0, 1).

    Returns
    -------
    CurveScores

    Raises
    ------
    InputError
        If the arrays do not match, contain nan, or do not have exactly the arms 0 and 1, or `top_share` is outside (0, 1).

    References
    ----------
    Radcliffe (2007), Direct Marketing Analytics Journal 1(3), 14-21. Function names: scikit-uplift 0.5.1, causalml 0.17.

    Examples
    --------
    >>> y, arm = np.array([1.0, 0.0, 0.0, 1.0]), np.array([1, 0, 1, 0])
    >>> curve_scores(y, arm, np.array([4.0, 3.0, 2.0, 1.0])).qini
    1.0
    """
    check_fraction("top_share", top_share)
    sums = ranked_sums(y, treatment, predicted, weights=weights)
    n = len(y)
    areas = curve_areas(sums)
    perfect = perfect_areas(y, treatment, weights) if is_binary(y) else PERFECT_UNDEFINED
    by_row = sums if len(sums.rows) == n + 1 else sums.at(np.arange(n + 1.0))
    has_control = by_row.control > 0.0
    lift = _interpolated(difference_of_means(by_row), has_control & (by_row.treated > 0.0))
    effect = abs(float(difference_of_means(sums)[-1])) or np.nan
    return CurveScores(
        qini=areas.qini / perfect.qini if perfect.qini else np.nan,
        qini_causalml=(float(np.mean(_interpolated(qini_values(by_row), has_control))) - float(qini_values(sums)[-1]) / 2.0) / effect,
        qini_area=areas.qini,
        auuc=areas.uplift / perfect.uplift if perfect.uplift else np.nan,
        auuc_causalml=float(np.mean(by_row.rows / n * lift)) / effect,
        auuc_area=areas.uplift,
        uplift_at_top=uplift_at(sums, top_share),
        top_share=top_share,
    )


class CurveAreas(NamedTuple):
    """Areas of the Qini and uplift curves above the random line, in the unit of the outcome."""

    qini: float
    uplift: float


PERFECT_UNDEFINED = CurveAreas(np.nan, np.nan)


def curve_areas(sums: RankedSums) -> CurveAreas:
    """Return the area between each curve and the straight line to its endpoint, by the trapezoidal rule over the share of rows.

    Parameters
    ----------
    sums : RankedSums

    Returns
    -------
    CurveAreas
    """
    share = sums.rows / sums.rows[-1]
    qini, uplift = qini_values(sums), uplift_values(sums)
    return CurveAreas(float(np.trapezoid(qini, share) - qini[-1] / 2.0), float(np.trapezoid(uplift, share) - uplift[-1] / 2.0))


def perfect_areas(y: Floats, treatment: Ints, weights: Floats | None = None) -> CurveAreas:
    """Areas of the perfect rankings of a binary outcome, in scikit-uplift's convention that allows negative effects.

    Qini: treated rows with the outcome, then rows without it, then controls with it. Uplift: treated rows with it, controls without it,
    treated rows without it, controls with it; the last two groups are swapped if the last one is larger.

    Parameters
    ----------
    y : ndarray of float64, shape (n,)
        0 or 1.
    treatment : ndarray of int64, shape (n,)
        0 or 1.
    weights : ndarray of float64, shape (n,), or None
        As in `ranked_sums`.

    Returns
    -------
    CurveAreas
        0 for a constant outcome.
    """
    cell = 2 * treatment + y.astype(np.int64)
    rows = np.bincount(cell, minlength=4).astype(np.float64)
    if weights is None:
        return perfect_areas_of_cells(rows, rows)
    return perfect_areas_of_cells(rows, np.asarray(np.bincount(cell, weights=weights, minlength=4), dtype=np.float64))


def perfect_areas_of_cells(rows: Floats, weights: Floats) -> CurveAreas:
    """Areas of the perfect rankings, as in `perfect_areas`, from the cells 2 treatment + y.

    Parameters
    ----------
    rows, weights : ndarray of float64, shape (4,)
        Number of rows, and sum of their weights, by cell.

    Returns
    -------
    CurveAreas
    """
    no_control, control_hit, no_treated, treated_hit = 0, 1, 2, 3
    last = (control_hit, no_treated) if rows[control_hit] > rows[no_treated] else (no_treated, control_hit)
    qini = _sums_of_cells(rows, weights, ((treated_hit,), (no_control, no_treated), (control_hit,)))
    uplift = _sums_of_cells(rows, weights, ((treated_hit,), (no_control,), *((cell,) for cell in last)))
    return CurveAreas(curve_areas(qini).qini, curve_areas(uplift).uplift)


def _sums_of_cells(rows: Floats, weights: Floats, order: tuple[tuple[int, ...], ...]) -> RankedSums:
    def _cumulated(values: Floats, counted: tuple[int, ...]) -> Floats:
        return np.cumsum([0.0] + [sum(float(values[cell]) for cell in step if cell in counted) for step in order])

    kept = [0, *(i + 1 for i, step in enumerate(order) if rows[list(step)].sum() > 0.0)]  # a step without rows adds no point
    columns = (_cumulated(rows, (0, 1, 2, 3)), *(_cumulated(weights, cells) for cells in ((2, 3), (3,), (0, 1), (1,))))
    return RankedSums(*(column[kept] for column in columns))


def uplift_at(sums: RankedSums, share: float) -> float:
    """Return the difference between the arm means in the share of rows with the largest predictions, in the unit of the outcome.

    Parameters
    ----------
    sums : RankedSums
    share : float
        In (0, 1].

    Returns
    -------
    float
    """
    return float(difference_of_means(sums.at(np.array([share * sums.rows[-1]])))[0])


def is_binary(y: Floats) -> bool:
    """Whether an outcome has no values other than 0 and 1."""
    return bool(np.all((y == 0.0) | (y == 1.0)))


def _interpolated(values: Floats, defined: Booleans) -> Floats:
    """Return values at 0, 1, ..., n rows, starting at 0; interpolated, as in causalml, where the denominator is 0."""
    defined[0] = True
    rows = np.arange(len(values), dtype=np.float64)
    return np.interp(rows, rows[defined], values[defined])

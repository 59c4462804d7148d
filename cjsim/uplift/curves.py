"""Uplift and Qini curves of a ranking by predicted uplift, for one treated arm against the control.

Both curves start at 0 and end at the average effect. A random ranking is expected to follow the straight line between these points.

Rows with equal predictions are treated as if in random order: their cumulative sums of weights and outcomes are replaced with the average
over all orders, which grows linearly. A curve therefore depends only on the data, never on the order of the rows in a file. scikit-uplift
does the same, because it joins the points at distinct predictions with straight lines; causalml breaks ties by row order.
"""

from typing import NamedTuple

import numpy as np

from cjsim.uplift.row_arrays import Floats, Ints, check_rows, check_two_arms


class RankedSums(NamedTuple):
    """Cumulative sums over the rows with the largest predictions, at each distinct prediction; the first entry is 0.

    Each array has shape (n_points,).
    """

    rows: Floats  # number of rows
    treated: Floats  # sum of weights of treated rows
    treated_outcome: Floats  # weighted sum of their outcomes
    control: Floats
    control_outcome: Floats

    def at(self, rows: Floats) -> "RankedSums":
        """Interpolate the sums at the given numbers of rows.

        Parameters
        ----------
        rows : ndarray of float64, shape (k,)
            In [0, n].

        Returns
        -------
        RankedSums
            With arrays of shape (k,).
        """
        return RankedSums(*(np.interp(rows, self.rows, sums) for sums in self))


class RankCurve(NamedTuple):
    """A curve over the share of rows, taken in the order of predictions. Each array has shape (n_points,)."""

    share: Floats
    value: Floats  # in the unit of the outcome

    def at(self, shares: Floats) -> Floats:
        """Interpolate the curve at shares in [0, 1], shape (k,)."""
        return np.interp(shares, self.share, self.value)


def rank_order(predicted: Floats) -> tuple[Ints, Ints]:
    """Return the rows in descending order of predictions, and the last position of each distinct prediction in this order.

    Parameters
    ----------
    predicted : ndarray of float64, shape (n,)

    Returns
    -------
    order : ndarray of int64, shape (n,)
    last : ndarray of int64, shape (n_distinct,)
    """
    order = np.argsort(-predicted, kind="stable")
    last = np.append(np.flatnonzero(np.diff(predicted[order])), len(order) - 1)
    return order, last


def ranked_sums(y: Floats, treatment: Ints, predicted: Floats, *, weights: Floats | None = None) -> RankedSums:
    """Sum weights and outcomes of each arm over the rows with the largest predictions.

    Parameters
    ----------
    y : ndarray of float64, shape (n,)
        Outcome.
    treatment : ndarray of int64, shape (n,)
        0 for the control, 1 for the treated arm.
    predicted : ndarray of float64, shape (n,)
        Predicted uplift, or any other score to rank by.
    weights : ndarray of float64, shape (n,), or None
        Inverse of the probability of the row's own arm. Weights that are constant within each arm, as in a trial with fixed shares, do not
        change a curve; None stands for such weights.

    Returns
    -------
    RankedSums

    Raises
    ------
    InputError
        If the arrays do not match, contain nan, or do not have exactly the arms 0 and 1.
    """
    check_rows({"y": y, "treatment": treatment, "predicted": predicted, "weights": weights})
    check_two_arms(treatment)
    order, last = rank_order(predicted)
    treated = treatment[order].astype(np.float64)
    control = 1.0 - treated
    if weights is not None:
        treated, control = treated * weights[order], control * weights[order]
    sums = [np.cumsum(column)[last] for column in (treated, treated * y[order], control, control * y[order])]
    return RankedSums(*(np.concatenate(([0.0], column)) for column in (last + 1.0, *sums)))


def uplift_curve(y: Floats, treatment: Ints, predicted: Floats, *, weights: Floats | None = None) -> RankCurve:
    """Return the uplift curve, q (mean of y among the treated - mean among controls), for the share q with the largest predictions.

    The unit is the outcome per customer in the whole population: the value is what treating this share adds, averaged over all customers.

    Parameters
    ----------
    y, treatment, predicted, weights
        As in `ranked_sums`.

    Returns
    -------
    RankCurve
        scikit-uplift's `uplift_curve` and causalml's `get_cumgain`, divided by n.

    Raises
    ------
    InputError
        As in `ranked_sums`.

    References
    ----------
    Gutierrez, Gerardy (2017), PMLR 67, section 4.1; Devriendt, Guns, Verbeke (2020), arXiv 2002.05897.

    Examples
    --------
    >>> y, arm = np.array([1.0, 0.0, 0.0, 0.0]), np.array([1, 0, 1, 0])
    >>> uplift_curve(y, arm, np.array([2.0, 2.0, 1.0, 1.0])).value
    array([0. , 0.5, 0.5])
    """
    sums = ranked_sums(y, treatment, predicted, weights=weights)
    return RankCurve(sums.rows / sums.rows[-1], uplift_values(sums))


def qini_curve(y: Floats, treatment: Ints, predicted: Floats, *, weights: Floats | None = None) -> RankCurve:
    """Return the Qini curve, (Y_t - Y_c N_t / N_c) / N_t(all), for the share with the largest predictions.

    Y and N are the weighted outcome sums and counts of treated (t) and control (c) rows in this share. The unit is the outcome per treated
    customer. The Qini curve equals the uplift curve if the share of treated rows is the same at every prediction.

    Parameters
    ----------
    y, treatment, predicted, weights
        As in `ranked_sums`.

    Returns
    -------
    RankCurve
        scikit-uplift's `qini_curve` and causalml's `get_qini`, divided by the number of treated rows.

    Raises
    ------
    InputError
        As in `ranked_sums`.

    References
    ----------
    Radcliffe (2007), Direct Marketing Analytics Journal 1(3), 14-21.
    """
    sums = ranked_sums(y, treatment, predicted, weights=weights)
    return RankCurve(sums.rows / sums.rows[-1], qini_values(sums))


def uplift_values(sums: RankedSums) -> Floats:
    """Uplift curve at the points of `sums`, shape (n_points,), as in `uplift_curve`. The mean of an arm without rows counts as 0."""
    return np.asarray(sums.rows / sums.rows[-1] * difference_of_means(sums))


def qini_values(sums: RankedSums) -> Floats:
    """Qini curve at the points of `sums`, shape (n_points,), as in `qini_curve`."""
    gain = sums.treated_outcome - sums.control_outcome * ratio(sums.treated, sums.control)
    return np.asarray(gain / sums.treated[-1])


def difference_of_means(sums: RankedSums) -> Floats:
    """Difference between the weighted arm means at the points of `sums`, shape (n_points,), in the unit of the outcome."""
    return ratio(sums.treated_outcome, sums.treated) - ratio(sums.control_outcome, sums.control)


def ratio(numerator: Floats, denominator: Floats) -> Floats:
    """Divide arrays of the same shape; 0 where the denominator is 0."""
    return np.divide(numerator, denominator, out=np.zeros_like(numerator), where=denominator != 0.0)

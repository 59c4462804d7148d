"""Rules that assign an arm to each customer: one arm for all, predicted gain above cost, the best share, or the best of several arms."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from cjsim.uplift.curves import rank_order
from cjsim.uplift.row_arrays import Floats, Ints

GAIN_ABOVE_COST, BEST_SHARE = "gain above cost", "best share"  # names of rules, followed by the arm
_CANDIDATE_CUTS = 100


@dataclass(frozen=True, eq=False)
class TreatmentRule:
    """A rule, and the probability with which it assigns each arm to each row."""

    name: str
    assignment: Floats  # (n, n_arms), rows sum to 1
    is_constant: bool  # the same for all rows
    keeps_budget: bool  # treats at most the maximum share, by construction or on these rows

    @property
    def treated_share(self) -> float:
        """Share of rows that get an arm other than the control."""
        return float(1.0 - self.assignment[:, 0].mean())


def constant_rules(n: int, arms: Sequence[str], max_share: float) -> list[TreatmentRule]:
    """Create rules that treat nobody, or everybody with each arm; under a budget, a random share of that size instead of everybody.

    Parameters
    ----------
    n : int
        Number of rows.
    arms : sequence of str
        Names, the control first.
    max_share : float
        Largest share of customers to treat, in (0, 1].

    Returns
    -------
    list of TreatmentRule
    """
    rules = []
    for arm, name in enumerate(arms):
        row = np.zeros(len(arms))
        row[arm] = max_share
        row[0] += 1.0 - max_share if arm else 1.0 - row[0]
        who = "everybody" if max_share == 1.0 else f"a random {100 * max_share:.0f} %"
        rules.append(TreatmentRule(f"{who}: {name}" if arm else "nobody", np.broadcast_to(row, (n, len(arms))), True, True))
    return rules


def gain_above_cost(gains: Floats, arms: Sequence[str], max_share: float) -> list[TreatmentRule]:
    """Treat customers whose predicted gain exceeds 0: with each arm alone, and with the arm of the largest gain if there are several.

    Parameters
    ----------
    gains : ndarray of float64, shape (n, n_arms)
        Predicted gain over the control after costs; 0 for the control.
    arms : sequence of str
        Names, the control first.
    max_share : float
        Largest share of customers to treat, in (0, 1].

    Returns
    -------
    list of TreatmentRule
    """

    def _rule(name: str, chosen: Ints) -> TreatmentRule:
        assignment = (chosen[:, None] == np.arange(len(arms))).astype(np.float64)
        return TreatmentRule(name, assignment, False, bool(np.mean(chosen > 0) <= max_share))

    rules = [_rule(f"{GAIN_ABOVE_COST}: {name}", arm * (gains[:, arm] > 0.0)) for arm, name in enumerate(arms) if arm]
    if len(arms) > 2:
        rules.append(_rule("arm with the largest gain", np.argmax(gains, axis=1)))  # equal gains: the earlier arm
    return rules


def best_share(predicted: Floats, gain_scores: Floats, half: Ints, arm: int, arms: Sequence[str], max_share: float) -> TreatmentRule:
    """Treat the share with the largest predictions that gains most; the cutoff for each half of the rows is chosen on the other half.

    Parameters
    ----------
    predicted : ndarray of float64, shape (n,)
        Predicted gain of the arm.
    gain_scores : ndarray of float64, shape (n,)
        Doubly robust scores of the gain after costs.
    half : ndarray of int64, shape (n,)
        0 or 1.
    arm : int
        Index of the arm, at least 1.
    arms : sequence of str
        Names, the control first.
    max_share : float
        Largest share of customers to treat, in (0, 1].

    Returns
    -------
    TreatmentRule
    """
    treated = np.zeros(len(predicted), dtype=bool)
    for own in (0, 1):
        cut = best_cut(predicted[half != own], gain_scores[half != own], max_share)
        treated[half == own] = predicted[half == own] > cut
    assignment = np.zeros((len(predicted), len(arms)))
    assignment[treated, arm] = 1.0
    assignment[~treated, 0] = 1.0
    limit = "" if max_share == 1.0 else f" up to {100 * max_share:.0f} %"
    return TreatmentRule(f"{BEST_SHARE}{limit}: {arms[arm]}", assignment, False, True)


def best_cut(predicted: Floats, gain_scores: Floats, max_share: float) -> float:
    """Return the cutoff above which treating gains most in total.

    About 100 cutoffs at evenly spaced shares are compared, rather than one per row, so that the choice is less sensitive to noise. A cutoff
    lies halfway between two predictions, so that it divides the predictions of a similar model in the same way.

    Parameters
    ----------
    predicted, gain_scores : ndarray of float64, shape (n,)
    max_share : float
        Largest share of rows above the cutoff, in (0, 1].

    Returns
    -------
    float
        Infinity if treating nobody is best, and minus infinity if treating everybody is.

    Examples
    --------
    >>> best_cut(np.array([3.0, 2.0, 1.0]), np.array([1.0, 1.0, -1.0]), 1.0)
    1.5
    """
    order, last = rank_order(predicted)
    allowed = last[last + 1 <= max_share * len(predicted)]
    if not len(allowed):
        return np.inf
    ends = allowed[np.unique(np.linspace(0, len(allowed) - 1, min(len(allowed), _CANDIDATE_CUTS)).astype(np.int64))]
    totals = np.cumsum(gain_scores[order])[ends]
    best = int(np.argmax(totals))
    if totals[best] <= 0.0:
        return np.inf
    if ends[best] + 1 == len(predicted):
        return -np.inf
    lowest_above, highest_below = (float(predicted[order[ends[best] + i]]) for i in (0, 1))
    middle = (lowest_above + highest_below) / 2.0
    return middle if middle < lowest_above else highest_below

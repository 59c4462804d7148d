"""Which trials are better than others: the front of several objectives, and a few of it that stand for all.

Lives here: dominance and crowding over trials. Does not live here: what trials are worth (evaluate.py), confirmation (confirm.py).
"""

import math
from collections.abc import Sequence

from cjsim.optimize.study import Study
from cjsim.optimize.trial import Trial


def heights(study: Study, trial: Trial) -> tuple[float, ...]:
    """What a trial reaches in each objective, turned so that more is better; undefined is least.

    Parameters
    ----------
    study : Study
        Whose objectives they are.
    trial : Trial
        One of its trials.
    """
    return tuple(one.sign * value for one, value in zip(study.objectives, trial.values(study.objectives), strict=True))


def front(study: Study, trials: Sequence[Trial]) -> list[Trial]:
    """Trials that no other one dominates, in the order of their indices; of equal ones the first. With one objective, the best one.

    One dominates another if it is at least as good in every objective and better in one.

    Parameters
    ----------
    study : Study
        Whose objectives they are.
    trials : Sequence of Trial
        Those that count, such as the feasible ones.
    """
    found: list[tuple[tuple[float, ...], Trial]] = []
    # From the best first objective down: whoever comes later cannot dominate who is on the front already.
    for height, _, trial in sorted(((heights(study, one), -one.index, one) for one in trials), key=lambda item: item[:2], reverse=True):
        if not any(all(mine <= theirs for mine, theirs in zip(height, other, strict=True)) for other, _ in found):
            found.append((height, trial))
    return sorted((trial for _, trial in found), key=lambda trial: trial.index)


def spread_out(study: Study, trials: Sequence[Trial], *, at_most: int) -> list[Trial]:
    """Those of a front that stand for it: the most crowded are left out, one after another (the crowding distance of NSGA-II).

    Parameters
    ----------
    study : Study
        Whose objectives they are.
    trials : Sequence of Trial
        A front.
    at_most : int
        How many.

    References
    ----------
    Deb, Pratap, Agarwal, Meyarivan (2002), A fast and elitist multiobjective genetic algorithm: NSGA-II, IEEE Transactions on
    Evolutionary Computation 6(2), section III-B.
    """
    left = list(trials)
    while len(left) > at_most:
        distances = _crowding([heights(study, trial) for trial in left])
        left.pop(min(range(len(left)), key=lambda i: (distances[i], -left[i].index)))
    return left


def _crowding(points: Sequence[tuple[float, ...]]) -> list[float]:
    """Of each point the sum over objectives of the gap between its neighbors, as a share of the range; infinite at the ends."""
    distances = [0.0] * len(points)
    for values in zip(*points, strict=True):
        order = sorted(range(len(points)), key=lambda i: values[i])
        span = values[order[-1]] - values[order[0]]
        distances[order[0]] = distances[order[-1]] = math.inf
        for before, i, after in zip(order, order[1:], order[2:], strict=False):
            distances[i] += (values[after] - values[before]) / span if 0 < span < math.inf else 0.0
    return distances

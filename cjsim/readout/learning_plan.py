"""Which learners are fitted, with how many folds and splits, given the number of rows."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from cjsim.readout.readout_settings import ReadoutSettings
from cjsim.uplift.heterogeneity import SplitPlan
from cjsim.uplift.learners.dr_learner import DRLearner
from cjsim.uplift.learners.folds import default_folds
from cjsim.uplift.learners.meta_learner import MetaLearner
from cjsim.uplift.learners.r_learner import RLearner
from cjsim.uplift.learners.s_learner import SLearner
from cjsim.uplift.learners.t_learner import TLearner
from cjsim.uplift.learners.x_learner import XLearner
from cjsim.uplift.trials.dataset import Trial

GROUPS = 5
_ROWS_PER_GROUP = 10  # rows of the smallest arm (or clusters) needed for each group and fold of the heterogeneity test
_LARGE, _VERY_LARGE = 100_000, 500_000  # numbers of rows from which fewer learners and folds are used
_BY_NAME: dict[str, type[MetaLearner]] = {"DR": DRLearner, "T": TLearner, "S": SLearner, "X": XLearner, "R": RLearner}


@dataclass(frozen=True)
class LearningPlan:
    """How learners are fitted and tested.

    Attributes
    ----------
    learners : tuple of str
        Names; the first one decides whether heterogeneity is proven.
    folds : int
        Folds of cross-fitted predictions.
    split : SplitPlan
        How rows are divided for the heterogeneity test.
    draws : int
        Bootstrap draws.
    seed : int
        Seed.
    note : str
        What was reduced because of the number of rows; empty if nothing was.
    """

    learners: tuple[str, ...]
    folds: int
    split: SplitPlan
    draws: int
    seed: int
    note: str = ""

    def new_learner(self, name: str) -> MetaLearner:
        """Create an unfitted learner.

        Parameters
        ----------
        name : str
            One of the names that `ReadoutSettings` accepts.
        """
        kind, _, models = name.partition(" ")
        learner = _BY_NAME[kind](seed=self.seed)
        if models == "trees":
            named: dict[str, Any] = {key: "trees" for key in ("outcome_model", "effect_model") if key in learner.get_params(deep=False)}
            learner.set_params(**named)
        return learner


def learning_plan(trial: Trial, settings: ReadoutSettings) -> LearningPlan | str:
    """Plan the learners of an outcome.

    Parameters
    ----------
    trial : Trial
        Rows with a known outcome.
    settings : ReadoutSettings
        Requested learners, splits and draws.

    Returns
    -------
    LearningPlan or str
        The plan, or the reason why nothing can be learned.
    """
    if not len(trial.features.columns):
        return "The trial has no features, so who gains cannot be learned."
    n, units = len(trial), _smallest_number_of_units(trial)
    possible = units // (_ROWS_PER_GROUP * GROUPS)
    if possible < 2:
        noun = "clusters" if trial.clusters is not None else "rows in its smallest arm"
        return f"The trial has {units:,} {noun}; at least {2 * _ROWS_PER_GROUP * GROUPS} are needed to learn who gains."
    default_splits = 5 if n < _LARGE else 3 if n < _VERY_LARGE else 2
    splits = min(settings.splits or default_splits, possible)
    default = ("DR", "T", "S", "X", "R", "T trees") if n < _LARGE else ("DR", "T")
    learners = tuple(dict.fromkeys(settings.learners or default))
    notes = []
    if settings.learners is None and n >= _LARGE:
        notes.append(f"With {n:,} rows, only the learners {', '.join(learners)} are fitted; choose others with `learners`.")
    if splits < 5 and settings.splits != splits:
        notes.append(f"The heterogeneity test uses {splits} folds because the trial has {n:,} rows.")
    split = SplitPlan("sequential", splits, GROUPS, settings.seed)
    return LearningPlan(learners, min(default_folds(n), possible), split, settings.draws, settings.seed, " ".join(notes))


def _smallest_number_of_units(trial: Trial) -> int:
    """Return the number of rows in the smallest arm or, with clusters, the smallest number of clusters in the control and one other arm."""
    if trial.clusters is None:
        return min(trial.arm_sizes)
    pairs = (np.isin(trial.treatment, (0, arm)) for arm in range(1, len(trial.arms)))
    return min(len(np.unique(trial.clusters[rows])) for rows in pairs)

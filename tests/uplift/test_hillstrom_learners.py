"""Learners on Hillstrom's email trial, women's email against none, visits: fitted on even rows of the file, tested on odd ones."""

from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from cjsim.uplift.curve_bootstrap import CurveBootstrap, LearnerDifference, bootstrap_curves
from cjsim.uplift.learners.dr_learner import DRLearner
from cjsim.uplift.learners.r_learner import RLearner
from cjsim.uplift.learners.s_learner import SLearner
from cjsim.uplift.learners.t_learner import TLearner
from cjsim.uplift.learners.x_learner import XLearner

FEATURES = ["recency", "history", "log_history", "mens", "womens", "newbie", "zip_code", "channel"]
LEARNERS = {
    "S with interactions": SLearner(),
    "S trees with interactions": SLearner("trees"),
    "T": TLearner(),
    "T trees": TLearner("trees"),
    "X": XLearner(),
    "R": RLearner(),
    "DR": DRLearner(),
}
PLAIN_TREES = "S trees"
ADDITIVE = "S additive"


@cache
def ranked(folder: Path) -> CurveBootstrap:
    """Scores of all learners on the odd rows, with 200 bootstrap draws."""
    frame = pd.read_csv(folder / "hillstrom.csv.gz")
    frame = frame[frame["segment"] != "Mens E-Mail"].assign(log_history=lambda kept: np.log(kept["history"]))
    is_odd = frame.index.to_numpy() % 2 == 1
    X, treatment, y = frame[FEATURES], (frame["segment"] == "Womens E-Mail").to_numpy(np.int64), frame["visit"].to_numpy(np.float64)
    shares = np.full((int((~is_odd).sum()), 2), 0.5)
    every = {**LEARNERS, PLAIN_TREES: SLearner("trees", interactions=False), ADDITIVE: SLearner(interactions=False)}
    predictions = {
        name: learner.fit(X[~is_odd], y[~is_odd], treatment[~is_odd], propensity=shares).predict(X[is_odd])
        for name, learner in every.items()
    }
    return bootstrap_curves(y[is_odd], treatment[is_odd], predictions, draws=200, seed=1)


def qini_of(folder: Path, name: str) -> float:
    return next(one.qini.estimate for one in ranked(folder).learners if one.learner == name)


def differences(folder: Path, *, with_additive: bool) -> list[LearnerDifference]:
    return [pair for pair in ranked(folder).differences if (ADDITIVE in (pair.first, pair.second)) == with_additive]


@pytest.mark.parametrize("name", LEARNERS)
def test_learners_that_see_interactions_have_the_known_qini(data_dir: Path, name: str) -> None:
    assert 0.060 <= qini_of(data_dir, name) <= 0.070


def test_trees_that_find_the_interactions_themselves_have_a_slightly_higher_qini(data_dir: Path) -> None:
    assert qini_of(data_dir, PLAIN_TREES) == pytest.approx(0.0714, abs=1e-3)


def test_additive_s_learner_has_the_qini_of_a_response_model(data_dir: Path) -> None:
    assert qini_of(data_dir, ADDITIVE) == pytest.approx(0.014, abs=1e-3)


def test_no_pair_of_learners_that_see_interactions_differs_clearly(data_dir: Path) -> None:
    pairs = differences(data_dir, with_additive=False)
    assert [(pair.first, pair.second) for pair in pairs if pair.difference.low > 0 or pair.difference.high < 0] == []


def test_additive_s_learner_is_reported_as_worse_than_every_other(data_dir: Path) -> None:
    assert all(f"{name} is better than {ADDITIVE}" in ranked(data_dir).statement for name in (*LEARNERS, PLAIN_TREES))

"""Learners on Hillstrom's email trial: fitted on even rows of the file, ranked on odd ones."""

from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from cjsim.uplift.curve_bootstrap import CurveBootstrap, bootstrap_curves
from cjsim.uplift.learners.dr_learner import DRLearner
from cjsim.uplift.learners.r_learner import RLearner
from cjsim.uplift.learners.s_learner import SLearner
from cjsim.uplift.learners.t_learner import TLearner

ADDITIVE = "S additive"
WITH_INTERACTIONS: dict[str, Any] = {
    "S": SLearner(),
    "S trees": SLearner("trees"),
    "T": TLearner(),
    "T trees": TLearner("trees"),
    "R": RLearner(folds=5),
    "DR": DRLearner(folds=5),
}


@cache
def ranked_visits(folder: Path) -> CurveBootstrap:
    """Learners of the effect of the women's email on visits, compared on odd rows of the file."""
    frame = pd.read_csv(folder / "hillstrom.csv.gz")
    frame = frame[frame["segment"].isin(["No E-Mail", "Womens E-Mail"])]
    treatment = (frame["segment"] == "Womens E-Mail").to_numpy(dtype=np.int64)
    features = frame[["recency", "history", "mens", "womens", "newbie", "zip_code", "channel"]]
    features = features.assign(log_history=np.log(frame["history"]))
    visit, is_test = frame["visit"].to_numpy(dtype=np.float64), frame.index.to_numpy() % 2 == 1
    predictions = {}
    for name, learner in {ADDITIVE: SLearner(interactions=False), **WITH_INTERACTIONS}.items():
        fitted = learner.fit(features[~is_test], visit[~is_test], treatment[~is_test], propensity=np.full((int((~is_test).sum()), 2), 0.5))
        predictions[name] = fitted.predict(features[is_test])
    return bootstrap_curves(visit[is_test], treatment[is_test], predictions, draws=200, seed=1)


def test_learners_with_interactions_are_not_told_apart(data_dir: Path) -> None:
    pairs = [one for one in ranked_visits(data_dir).differences if ADDITIVE not in (one.first, one.second)]
    assert [one for one in pairs if one.p_holm < 0.05] == []


@pytest.mark.parametrize("name", WITH_INTERACTIONS)
def test_additive_learner_is_reported_as_worse(name: str, data_dir: Path) -> None:
    assert f"{name} is better than {ADDITIVE}" in ranked_visits(data_dir).statement

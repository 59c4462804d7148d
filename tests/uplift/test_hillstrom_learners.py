"""Hillstrom's e-mail trial: learners rank customers by the effect of the women's mail on visits."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from cjsim.uplift.learners.dr_learner import DRLearner
from cjsim.uplift.learners.r_learner import RLearner
from cjsim.uplift.learners.s_learner import SLearner
from cjsim.uplift.learners.t_learner import TLearner
from cjsim.uplift.learners.x_learner import XLearner


def qini_area(y: np.ndarray, score: np.ndarray, treatment: np.ndarray) -> float:
    """Area between the Qini curve and the straight line, with points at the distinct scores (scikit-uplift's convention)."""
    order = np.argsort(-score, kind="stable")
    y, score, treatment = y[order], score[order], treatment[order]
    ends = np.append(np.flatnonzero(np.diff(score)), len(score) - 1)
    treated = np.cumsum(treatment)[ends]
    controls = ends + 1 - treated
    ratio = np.divide(treated, controls, out=np.zeros(len(ends)), where=controls > 0)
    curve = np.append(0.0, np.cumsum(y * treatment)[ends] - np.cumsum(y * (1 - treatment))[ends] * ratio)
    return float(np.trapezoid(curve, np.append(0, ends + 1)) - curve[-1] * len(y) / 2)


@pytest.fixture(scope="module")
def hillstrom_qini(data_dir: Path) -> Any:
    """Fits a learner to the even rows of the file, women's mail against none, and returns its Qini for visits on the odd rows."""
    frame = pd.read_csv(data_dir / "hillstrom.csv.gz")
    frame["log_history"] = np.log(frame["history"])
    frame["is_odd"] = np.arange(len(frame)) % 2 == 1
    frame = frame[frame["segment"].isin(["Womens E-Mail", "No E-Mail"])]
    X = frame[["recency", "history", "log_history", "mens", "womens", "newbie", "zip_code", "channel"]]
    treatment, y = (frame["segment"] == "Womens E-Mail").to_numpy(np.int64), frame["visit"].to_numpy(np.float64)
    odd = frame["is_odd"].to_numpy()
    perfect = qini_area(y[odd], y[odd] * (2 * treatment[odd] - 1), treatment[odd])

    def qini(learner: Any) -> float:
        learner.fit(X[~odd], y[~odd], treatment[~odd], propensity=np.full((int((~odd).sum()), 2), 0.5))
        return qini_area(y[odd], learner.predict(X[odd]), treatment[odd]) / perfect

    return qini


@pytest.mark.parametrize(
    ("learner", "qini"),
    [(SLearner(), 0.0677), (TLearner(), 0.0677), (XLearner(), 0.0649), (RLearner(), 0.0651), (DRLearner(), 0.0651)],
    ids=lambda value: type(value).__name__,
)
def test_learners_rank_hillstroms_customers_by_effect(hillstrom_qini: Any, learner: Any, qini: float) -> None:
    assert hillstrom_qini(learner) == pytest.approx(qini, abs=0.001)


@pytest.mark.parametrize("learner_class", [SLearner, TLearner, XLearner, RLearner, DRLearner])
def test_outcome_models_of_trees_rank_hillstroms_customers_by_effect(hillstrom_qini: Any, learner_class: Any) -> None:
    assert 0.060 < hillstrom_qini(learner_class("trees")) < 0.070


def test_an_additive_s_learner_ranks_hillstroms_customers_by_response(hillstrom_qini: Any) -> None:
    assert hillstrom_qini(SLearner(interactions=False)) == pytest.approx(0.014, abs=0.001)

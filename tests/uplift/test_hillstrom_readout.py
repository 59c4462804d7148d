"""`cj.uplift` on Hillstrom's email trial: known means and effects, and no invented gain."""

from functools import cache
from pathlib import Path

import pytest

import cjsim as cj
from cjsim.readout.outcome_readout import OutcomeReadout
from cjsim.readout.readout_result import Readout
from cjsim.readout.readout_settings import ReadoutSettings
from cjsim.readout.readout_verdict import recommendation

FEATURES = ("recency", "history", "mens", "womens", "newbie", "zip_code", "channel")
MENS, WOMENS, NONE = "Mens E-Mail", "Womens E-Mail", "No E-Mail"


@cache
def readout(folder: Path, outcomes: tuple[str, ...], learners: tuple[str, ...], draws: int = 50) -> Readout:
    settings = ReadoutSettings(learners=learners, draws=draws)
    return cj.uplift(folder / "hillstrom.csv.gz", treatment="segment", outcome=outcomes, features=FEATURES, settings=settings)


def outcome(folder: Path, name: str) -> OutcomeReadout:
    return readout(folder, ("visit", "conversion", "spend"), ("T",)).outcome(name)


KNOWN_MEANS = [
    ("visit", (0.106167, 0.182757, 0.151400), 6),
    ("conversion", (0.005726, 0.012531, 0.008837), 6),
    ("spend", (0.652789, 1.422617, 1.077202), 6),
]
KNOWN_EFFECTS = [
    ("visit", MENS, NONE, (0.07659, 0.06995, 0.08323), 5),
    ("visit", WOMENS, NONE, (0.04523, 0.03889, 0.05157), 5),
    ("conversion", MENS, NONE, (0.006805, 0.005000, 0.008610), 6),
    ("conversion", WOMENS, NONE, (0.003111, 0.001499, 0.004724), 6),
    ("spend", MENS, NONE, (0.7698, 0.4851, 1.0545), 4),
    ("spend", WOMENS, NONE, (0.4244, 0.1690, 0.6799), 4),
]


@pytest.mark.slow
@pytest.mark.parametrize(("name", "means", "digits"), KNOWN_MEANS)
def test_means_of_the_arms_are_known(data_dir: Path, name: str, means: tuple[float, ...], digits: int) -> None:
    mean = {arm.arm: round(arm.mean, digits) for arm in outcome(data_dir, name).effects.arms}
    assert mean == dict(zip((NONE, MENS, WOMENS), means, strict=True))


@pytest.mark.slow
@pytest.mark.parametrize(("name", "arm", "versus", "known", "digits"), KNOWN_EFFECTS)
def test_effects_are_known(data_dir: Path, name: str, arm: str, versus: str, known: tuple[float, ...], digits: int) -> None:
    effect = outcome(data_dir, name).effects.effect(arm, versus)
    assert [round(number, digits) for number in (effect.effect, effect.low, effect.high)] == list(known)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["visit", "conversion", "spend"])
def test_mens_email_to_everybody_is_best(data_dir: Path, name: str) -> None:
    found = outcome(data_dir, name)
    assert found.best == f"everybody: {MENS}"
    assert recommendation(found).endswith("No personalized policy is clearly better.")


@pytest.mark.slow
@pytest.mark.parametrize("name", ["visit", "conversion", "spend"])
def test_nobody_is_harmed(data_dir: Path, name: str) -> None:
    assert outcome(data_dir, name).harmed() == ()


@pytest.mark.slow
def test_heterogeneity_of_spending_is_not_proven(data_dir: Path) -> None:
    learned = outcome(data_dir, "spend").learned
    assert learned is not None
    assert [one.is_proven for one in learned.heterogeneity] == [False, False]


@pytest.mark.slow
def test_heterogeneity_of_the_mens_email_is_small_and_every_fifth_gains(data_dir: Path) -> None:
    learned = outcome(data_dir, "visit").learned
    assert learned is not None
    assert (learned.heterogeneity[0].is_small, learned.heterogeneity[0].every_group_gains) == (True, True)


@pytest.mark.slow
def test_heterogeneity_of_the_womens_email_is_proven_by_every_learner(data_dir: Path) -> None:
    found = readout(data_dir, ("visit",), ("DR", "T", "S", "X", "R", "T trees"), draws=10).to_json()
    assert {row["learner"]: row["proven"] for row in found["heterogeneity"] if row["arm"] == WOMENS} == dict.fromkeys(
        ("DR", "T", "S", "X", "R", "T trees"), True
    )


def test_outcomes_of_the_email_are_not_used_as_features(data_dir: Path) -> None:
    settings = ReadoutSettings(learners=("T",), draws=2, splits=2)
    found = cj.uplift(data_dir / "hillstrom.csv.gz", treatment="segment", outcome="visit", settings=settings)
    used = next(note for note in found.notes if note.startswith("features: "))
    assert not {"conversion", "spend"} & set(used.removeprefix("features: ").partition(" (")[0].split(", "))

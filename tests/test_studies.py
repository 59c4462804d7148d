"""The shipped studies: all load, are about what they say, and look like no mistake."""

from functools import cache
from pathlib import Path

import pytest
from conftest import ROOT

from cjsim.model.mistakes import warnings
from cjsim.tuning.study import Study

FILES = sorted((ROOT / "configs" / "studies").glob("*.yaml"))
load = cache(Study.load)  # parsing takes a second each
ASKED = {"timing", "frequency", "channel_mix", "budget_split", "staffing", "send_hour"}


def test_each_question_has_a_study() -> None:
    assert {path.stem for path in FILES} >= ASKED


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_shipped_study_is_right(path: Path) -> None:
    study = load(path)
    assert study.name == path.stem
    assert warnings(study.scenario) == []


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_each_bound_of_a_shipped_study_is_another_policy(path: Path) -> None:
    study = load(path)
    for name, free in study.free.items():
        ends = free.choices or (free.low, free.high)
        assert len({study.variant({name: end}).policy.digest() for end in ends}) == len(ends), name


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_mix_of_a_shipped_study_is_what_is_spent_today(path: Path) -> None:
    study = load(path)
    for mix in study.mixes.values():
        assert sum(spend.per_day for spend in study.scenario.policy.acquisition.values()) == mix.total

"""The shipped studies: all load and are named after their files. Their warnings: test_library_warnings.py."""

from functools import cache
from pathlib import Path

import pytest
from conftest import ROOT

from cjsim.tuning.study import Study

FILES = sorted((ROOT / "configs" / "studies").glob("*.yaml"))
load = cache(Study.load)  # parsing takes a second each
PLANNED_STUDIES = {"timing", "frequency", "channel_mix", "budget_split", "staffing", "send_hour"}


def test_every_planned_study_is_shipped() -> None:
    assert {path.stem for path in FILES} >= PLANNED_STUDIES


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_shipped_study_is_named_after_its_file(path: Path) -> None:
    assert load(path).name == path.stem


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_bounds_of_a_shipped_study_give_distinct_policies(path: Path) -> None:
    study = load(path)
    for name, free in study.free.items():
        ends = free.choices or (free.low, free.high)
        assert len({study.scenario_with({name: end}).policy.digest() for end in ends}) == len(ends), name


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_mix_total_of_a_shipped_study_equals_current_spend(path: Path) -> None:
    study = load(path)
    for mix in study.mixes.values():
        assert sum(spend.per_day for spend in study.scenario.policy.acquisition.values()) == mix.total

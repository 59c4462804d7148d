"""Records are equal by value; undefined numbers are equal to each other."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import Any

import pytest

from cjsim.attribution.attribution_result import Attribution
from cjsim.json_records import JsonRecord
from cjsim.lab.version_comparison import ChangeEffect, VersionComparison
from cjsim.readout.heterogeneity_by_arm import ArmHeterogeneity
from cjsim.rehearsal.multiple_metrics import GuardrailReport, MultipleMetricReport
from cjsim.rehearsal.ramp.designs_by_phase import RampedTest
from cjsim.rehearsal.results.design_report import DesignReport
from cjsim.rehearsal.results.rehearsal_data import AlternativeReport
from cjsim.reporting.diary import Diary
from cjsim.tuning.confirm import ConfirmationResult, Finalist, RoundedChoice
from cjsim.tuning.levers.ranking import LeverRanking
from cjsim.tuning.levers.sobol_indices import SobolIndices
from cjsim.tuning.results.search_result import BestPolicy


@dataclass(frozen=True)
class Part(JsonRecord):
    low: float


@dataclass(frozen=True)
class Whole(JsonRecord):
    name: str
    parts: tuple[Part, ...]
    rates: Mapping[str, float]


@dataclass(frozen=True)
class Other(JsonRecord):
    low: float


def whole(low: float = math.nan, rate: float = float("nan")) -> Whole:
    return Whole("a", (Part(low),), {"r": rate})


def test_records_with_undefined_numbers_are_equal() -> None:
    assert whole() == whole(low=float("nan"))


def test_a_record_equals_its_saved_copy() -> None:
    assert whole(0.5, 0.25) == Whole.from_json(whole(0.5, 0.25).to_json())


@pytest.mark.parametrize("different", [whole(low=1.0), whole(rate=1.0), Whole("b", (), {})])
def test_records_that_differ_are_not_equal(different: Whole) -> None:
    assert whole() != different


def test_records_of_different_types_are_not_equal() -> None:
    assert Part(1.0) != Other(1.0)


def test_equal_records_without_nan_have_equal_hashes() -> None:
    assert hash(Part(1.0)) == hash(Part(1.0))


PUBLIC_RESULTS = [
    AlternativeReport,
    DesignReport,
    GuardrailReport,
    MultipleMetricReport,
    RampedTest,
    LeverRanking,
    SobolIndices,
    ConfirmationResult,
    Finalist,
    RoundedChoice,
    BestPolicy,
    Attribution,
    ArmHeterogeneity,
    Diary,
    ChangeEffect,
    VersionComparison,
]


@pytest.mark.parametrize("result", PUBLIC_RESULTS)
def test_a_result_with_undefined_numbers_equals_its_copy(result: Any) -> None:
    names = [field.name for field in fields(result)]
    one, copy = (result(**{name: (float("nan"),) for name in names}) for _ in range(2))
    assert one == copy
    assert one != replace(copy, **{names[-1]: 1.0})

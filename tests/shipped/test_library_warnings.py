"""`cjsim check` reports no warning about any file of the library, and what the library accepts exists."""

from functools import cache
from pathlib import Path

import pytest
from conftest import ROOT

from cjsim.commands.arguments import load_document
from cjsim.simulation.documents import Journey, Scenario
from cjsim.simulation.sampled.check_document import find_warnings
from cjsim.simulation.sampled.simulated_warnings import simulated_warnings
from cjsim.validate.warnings.accepted_warnings import SortedWarnings
from cjsim.validate.warnings.lint import all_lint_warnings
from cjsim.yaml.document import Document

CONFIGS = ROOT / "configs"
KINDS = ("journeys", "policies", "scenarios", "studies")
FILES = sorted(
    str(path.relative_to(CONFIGS)) for folder in (CONFIGS, CONFIGS / "starter") for kind in KINDS for path in (folder / kind).glob("*.yaml")
)
SIMULATED = [name for name in FILES if "scenarios/" in name or "studies/" in name]
SCENARIOS = [name for name in FILES if "scenarios/" in name]
JOURNEYS = ["shop", "retail", "subscription", "saas", "b2b"]


@cache
def load(name: str) -> Document:
    return load_document(Path(CONFIGS / name), None)


@cache
def static_warnings(name: str) -> SortedWarnings:
    return find_warnings(load(name))


@pytest.mark.parametrize("name", FILES)
def test_static_checks_of_a_library_file_report_nothing(name: str) -> None:
    assert static_warnings(name).reported == []


@pytest.mark.slow
@pytest.mark.parametrize("name", SIMULATED)
def test_checks_by_simulation_of_a_library_file_report_nothing(name: str) -> None:
    assert find_warnings(load(name), simulated_warnings).reported == []


@pytest.mark.parametrize("name", SCENARIOS)
def test_the_library_accepts_no_setting_without_a_clock(name: str) -> None:
    assert [one for one in static_warnings(name).accepted if "has no clock" in one.warning] == []


def scenarios_of(journey: str) -> list[Scenario]:
    found = [document for name in SCENARIOS if isinstance(document := load(name), Scenario)]
    return [scenario for scenario in found if scenario.journey.name == load_journey(journey).name]


def load_journey(name: str) -> Journey:
    document = load(f"journeys/{name}.yaml")
    assert isinstance(document, Journey)
    return document


@pytest.mark.parametrize("journey", JOURNEYS)
def test_every_message_of_a_journey_is_sent_by_some_policy(journey: str) -> None:
    never = [{warning for warning in all_lint_warnings(one) if "no flow or broadcast" in warning} for one in scenarios_of(journey)]
    assert len(never) >= 4
    assert set.intersection(*never) == set()


@pytest.mark.parametrize("journey", JOURNEYS)
def test_every_offer_of_a_journey_is_given_by_some_policy(journey: str) -> None:
    never = [{warning for warning in all_lint_warnings(one) if "is never given" in warning} for one in scenarios_of(journey)]
    assert set.intersection(*never) == set()

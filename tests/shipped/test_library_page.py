"""The library: numbers have sources, the page is correct, scenarios agree on both engines, and policies differ as described."""

import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from conftest import ROOT
from published_targets import CONFIGS, POLICY_SUFFIXES, load_shipped

import cjsim as cj
from cjsim.simulation.comparison import Comparison
from cjsim.validate.number_sources import UNSTATED, number_sources
from cjsim.validate.warnings.source_lint import source_warnings
from cjsim.yaml.tree import Node

# For each journey, values that make its scenarios small: few arrivals, so that the readable engine needs only seconds for 60 days.
FEW: dict[str, dict[str, Any]] = {
    "shop": {},
    "retail": {
        "journey.acquisition.organic.baseline": 0.1,
        "journey.acquisition.word_of_mouth.baseline": 0.1,
        "policy.acquisition": {"search": 2},
    },
    "subscription": {
        "journey.acquisition.search.baseline": 0.1,
        "journey.acquisition.word_of_mouth.baseline": 0.1,
        "policy.acquisition": {"social": 5},
    },
    "saas": {"journey.acquisition.organic_search.baseline": 0.2, "policy.acquisition": {"paid_search": 2}},
    "b2b": {"journey.acquisition.organic_search.baseline": 0.2, "policy.acquisition": {"paid_search": 2}},
}
SCENARIOS = [*((journey, f"{journey}{policy}") for journey in FEW for policy in POLICY_SUFFIXES), ("saas", "saas_three_steps")]
STARTERS = [str(CONFIGS / "starter" / "scenarios" / f"{name}.yaml") for name in ("today", "sooner")]


@pytest.mark.parametrize(("journey", "name"), SCENARIOS)
def test_engines_give_the_same_bytes(journey: str, name: str, tmp_path: Path) -> None:
    files = []
    for engine in ("compiled", "readable"):
        few = load_shipped(name, horizon="60d", **FEW[journey])
        run = cj.simulate(few, customers=50, replications=1, engine=engine, log=tmp_path / f"{engine}.parquet")  # type: ignore[arg-type]
        files.append((tmp_path / f"{engine}.parquet").read_bytes() + run.outcomes.customers.tobytes())
    assert len(run) >= 50
    assert files[0] == files[1]


@pytest.mark.parametrize("name", [*sorted(path.stem for path in (CONFIGS / "scenarios").glob("*.yaml")), *STARTERS])
def test_every_number_has_a_source(name: str) -> None:
    scenario = cj.Scenario.load(name)
    sources = number_sources(scenario)
    assert len(sources) > 30
    assert [one.path for one in sources if one.kind == UNSTATED] == []
    assert list(source_warnings(scenario)) == []


def test_keys_named_in_the_library_page_exist() -> None:
    page = (ROOT / "docs" / "library.md").read_text(encoding="utf-8")
    named = list(_named(page))
    assert len(named) > 150
    assert [place for place in named if not _exists(*place)] == []


def _named(page: str) -> Iterator[tuple[str, str]]:
    """Pairs of file and key from the code spans of the tables; a file's keys follow it."""
    for row in re.findall(r"^\|.*\|(.*)\|$", page, re.MULTILINE):
        file = ""
        for span in re.findall(r"`([^`]+)`", row):
            if span.endswith(".yaml"):
                file = span
            else:
                yield file, span


@cache
def _read(file: str) -> Node:
    kinds = {"journeys": cj.Journey, "policies": cj.Policy, "scenarios": cj.Scenario}
    return kinds[file.partition("/")[0]].load(CONFIGS / file).source()


def _exists(file: str, key: str) -> bool:
    value = _read(file)
    for part in key.split("."):
        child = value.child(part)
        if child is None:
            return False
        value = child
    return True


@pytest.fixture(scope="module", params=FEW)
def compared(request: pytest.FixtureRequest) -> Comparison:
    """The four policies of a journey on the same customers."""
    scenarios = {f"{request.param}{policy}": load_shipped(f"{request.param}{policy}") for policy in POLICY_SUFFIXES}
    return cj.compare(scenarios, customers=12_000 if request.param == "retail" else None, seed=3)


@pytest.mark.slow
def test_better_policy_wins_and_zealous_policy_raises_opt_outs(compared: Comparison) -> None:
    # As measured, the closest of these is more than 5 standard errors from 0, and the gaps between intervals are wider: this fails by
    # chance for fewer than 1e-4 of seeds.
    today = compared.baseline
    clv = {name.removeprefix(today): effects["clv"] for name, effects in compared.alternatives.items()}
    opt_outs = {name.removeprefix(today): effects["opt_outs"] for name, effects in compared.alternatives.items()}
    assert clv["_better"].low > 0
    assert clv["_cautious"].high < clv["_better"].low
    assert clv["_zealous"].high < clv["_better"].low
    assert opt_outs["_zealous"].low > 0
    assert opt_outs["_cautious"].high < 0

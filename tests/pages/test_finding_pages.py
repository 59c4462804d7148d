"""Findings on pages: each kind has a section that states its own numbers."""

import json
from pathlib import Path
from typing import Any

import pytest
from conftest import ROOT

import cjsim as cj
from cjsim.errors import InputError

SMALL: dict[str, Any] = {"customers": 60, "seed": 3}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    found = tmp_path_factory.mktemp("findings")
    cj.levers("shop", metric="clv", only=["policy.guardrails.caps"], **SMALL).save(found / "levers")
    cj.assumptions("shop", "shop_better", **SMALL).save(found / "assumptions")
    cj.responses("shop", only=["newsletter"], **SMALL).save(found / "responses")
    cj.attribution("shop", only=["channel"], before_after=False, **SMALL).save(found / "attribution")
    cj.optimize(ROOT / "tests" / "worlds" / "study.yaml", trials=3, storage="memory").save(found / "study")
    return found


KINDS = ("levers", "assumptions", "responses", "attribution", "study")


@pytest.mark.parametrize("kind", KINDS)
def test_finding_has_a_page_of_its_own(kind: str, folder: Path) -> None:
    made = cj.report(folder / kind)
    assert made.page.kind == "findings"
    assert made.answer in made.html.replace("&#34;", '"').replace("&#39;", "'")
    assert all(panel.caption for panel in made.page.sections[0].panels)


def test_findings_precede_the_last_section_of_a_comparison(comparison: cj.Comparison, folder: Path) -> None:
    anchors = [section.anchor for section in cj.report(comparison, folder / "levers", folder / "assumptions").page.sections]
    assert anchors[-3:] == ["levers", "assumptions", "believe"]


def test_tornado_shows_the_effects_of_the_file(folder: Path) -> None:
    saved = json.loads((folder / "levers" / "levers.json").read_text(encoding="utf-8"))["levers"]
    chart: Any = cj.report(folder / "levers").page.sections[0].panels[0].chart
    expected = sorted((one["effect"] for one in saved), key=lambda effect: -abs(effect))[:15]
    assert [row.value for row in chart.rows] == expected


def test_assumptions_are_shown_from_none_to_double(folder: Path) -> None:
    saved = json.loads((folder / "assumptions" / "assumptions.json").read_text(encoding="utf-8"))["effects"]
    chart: Any = cj.report(folder / "assumptions").page.sections[0].panels[0].chart
    assert [row.label for row in chart.rows] == ["Without assumed effects", "Half as strong", "As the model states", "Twice as strong"]
    assert chart.rows[2].value == next(one["effect"] for one in saved if one["factor"] == 1)


def test_published_experiment_has_its_verdict() -> None:
    result = next((ROOT / "reports" / "newsletter_frequency").glob("*/result.json"))
    verdict = json.loads(result.read_text(encoding="utf-8"))["verdict"]
    assert cj.report(result.parent).answer.startswith(verdict.capitalize())


def test_incomplete_finding_is_refused(tmp_path: Path) -> None:
    (tmp_path / "assumptions.json").write_text('{"metric": "clv"}')
    with pytest.raises(InputError, match="assumptions: must be a complete result"):
        cj.report(tmp_path)
